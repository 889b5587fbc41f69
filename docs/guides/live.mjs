// A client of graphql-ws that resumes. When the socket is lost, graphql-ws connects again and sends each subscription again. It reads
// `variables` at that moment, so the new subscription begins behind the newest event that was received, and nothing is missed.

import { createClient } from "graphql-ws";

/** `getToken` is asked at each connect, so that a token which has expired is replaced. */
export function liveClient({ url, getToken, ...more }) {
  const client = createClient({
    url,
    connectionParams: async () => ({ Authorization: `Bearer ${await getToken()}` }),
    keepAlive: 10_000, // finds a connection that is dead without a sign
    retryAttempts: Infinity,
    shouldRetry: () => true,
    ...more,
  });
  return { ...client, subscribe: (payload, sink) => subscribe(client, payload, sink) };
}

function subscribe(client, payload, sink) {
  const variables = { ...payload.variables };
  return client.subscribe(
    { ...payload, variables },
    {
      ...sink,
      next(result) {
        variables.after = result.data?.syncStatus?.cursor ?? variables.after;
        sink.next(result);
      },
      error: (error) => sink.error(error),
      complete: () => sink.complete(),
    },
  );
}
