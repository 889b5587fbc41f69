import {
  Client,
  fetchExchange,
  makeOperation,
  mapExchange,
  stringifyDocument,
  subscriptionExchange,
  type AnyVariables,
  type Operation,
} from "@urql/core";
import { createClient as createSocket, type Client as Socket } from "graphql-ws";
import type { Session } from "../session/session";
import { cache } from "./cache";

/** The last query or mutation that was sent, which "Open in GraphiQL" shows. */
export interface Sent {
  query: string;
  variables: AnyVariables;
}

export interface Connection {
  client: Client;
  socket: Socket;
  lastSent: () => Sent | null;
}

const PING = 10_000;

/** One connection with the API, with the newest token of the session. `onRefused`: the API does not accept the token any more. */
export function connect(session: Session, onRefused: (message: string) => void): Connection {
  let sent: Sent | null = null;
  const authorized = () => ({ Authorization: `Bearer ${session.token}` });
  const socket = openSocket(authorized);
  const client = new Client({
    url: "/graphql",
    preferGetMethod: false,
    fetchOptions: () => ({ headers: authorized() }),
    exchanges: [
      mapExchange({
        onOperation(operation) {
          const written = describe(operation); // as a person reads it: the cache adds `__typename` everywhere
          return makeOperation(operation.kind, operation, { ...operation.context, written });
        },
        onError(error) {
          if (error.graphQLErrors.some((one) => one.extensions["code"] === "UNAUTHENTICATED"))
            onRefused(error.graphQLErrors[0]?.message ?? "Sign in again.");
        },
      }),
      cache(),
      mapExchange({
        onOperation({ kind, context }) {
          if (kind === "query" || kind === "mutation") sent = context["written"];
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe(
              { query: request.query ?? "", variables: request.variables ?? {} },
              sink as never,
            ),
          }),
        }),
      }),
    ],
  });
  return { client, socket, lastSent: () => sent };
}

function describe(operation: Operation): Sent {
  return { query: stringifyDocument(operation.query), variables: operation.variables };
}

/** A socket that notices within 20 s that nobody answers. `live.ts` opens it again, with the newest cursor. */
function openSocket(authorized: () => { Authorization: string }): Socket {
  let open: WebSocket | null = null;
  let silent: ReturnType<typeof setTimeout>;
  return createSocket({
    url: new URL("/graphql", window.location.href.replace(/^http/, "ws")).href,
    connectionParams: authorized,
    retryAttempts: 0,
    keepAlive: PING,
    on: {
      opened: (socket) => (open = socket as WebSocket),
      ping: (received) => {
        if (!received) silent = setTimeout(() => open?.close(4408, "No answer"), PING);
      },
      pong: (received) => {
        if (received) clearTimeout(silent);
      },
    },
  });
}
