import relay from "relay-runtime";
import { liveClient } from "../live.mjs";
import { patientFetch } from "../patient-fetch.mjs";

const { Environment, Network, Observable, RecordSource, Store } = relay;

export function createTandem({ url, getToken, fetch = patientFetch, ...socket }) {
  const live = liveClient({ url: `${url.replace(/^http/, "ws")}/graphql`, getToken, ...socket });

  async function ask(operation, variables) {
    const answer = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${await getToken()}` },
      body: JSON.stringify({ query: operation.text, variables, operationName: operation.name }),
    });
    return answer.json();
  }

  const follow = (operation, variables) =>
    Observable.create((sink) =>
      live.subscribe({ query: operation.text, variables, operationName: operation.name }, sink),
    );

  return new Environment({ network: Network.create(ask, follow), store: new Store(new RecordSource()) });
}
