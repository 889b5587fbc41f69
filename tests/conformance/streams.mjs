// graphql-sse: a real client in distinct connections mode, and what the protocol says of status and events.

import assert from "node:assert/strict";
import { createClient } from "graphql-sse";
import { address, check, finish, headers } from "./checks.mjs";

const url = `http://${address}/graphql`;
const FOLLOW = "subscription { syncStatus { __typename cursor } }";
const CREATE = 'mutation { createContact(input: {name: "Kauri Joinery"}) { contact { id } } }';
const connect = (more = {}) => createClient({ url, headers, retryAttempts: 0, ...more });
const post = (query, accept = "application/json", more = {}) =>
  fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", accept, ...more },
    body: JSON.stringify({ query }),
  });

async function first(client, payload) {
  const events = client.iterate(payload);
  const { value } = await events.next();
  await events.return();
  return value;
}

await check("a query as a stream: one next, then complete", async () => {
  const found = [];
  for await (const value of connect().iterate({ query: "{ syncCursor }" })) found.push(value);
  assert.equal(found.length, 1);
  assert.ok(found[0].data.syncCursor);
});
await check("a mutation as a stream", async () => {
  assert.ok((await first(connect(), { query: CREATE })).data.createContact.contact.id);
});
await check("a subscription delivers a change", async () => {
  const client = connect();
  const cursor = (await (await post("{ syncCursor }")).json()).data.syncCursor;
  const events = client.iterate({
    query: "subscription($after: String) { syncStatus(after: $after) { __typename cursor } }",
    variables: { after: cursor },
  });
  await post(CREATE);
  assert.ok((await events.next()).value.data.syncStatus.cursor);
  await events.return();
  client.dispose();
});
await check("two subscriptions at once", async () => {
  const clients = [connect(), connect()];
  const cursor = (await (await post("{ syncCursor }")).json()).data.syncCursor;
  const query = "subscription($after: String) { syncStatus(after: $after) { cursor } }";
  const streams = clients.map((client) => client.iterate({ query, variables: { after: cursor } }));
  await post(CREATE);
  const found = await Promise.all(streams.map((each) => each.next()));
  assert.equal(found[0].value.data.syncStatus.cursor, found[1].value.data.syncStatus.cursor);
  await Promise.all(streams.map((each) => each.return()));
});
await check("a document that is invalid is refused with 400 before the stream begins", async () => {
  const answer = await post("{ nothing }", "text/event-stream");
  assert.ok(answer.status === 400 || (await answer.text()).includes("event: next"), `${answer.status}`);
});
await check("a cursor that is none is refused", async () => {
  const answer = await post('subscription { syncStatus(after: "x") { __typename } }', "text/event-stream");
  assert.equal(answer.status, 400);
});
await check("a wrong token gets 401 and no stream", async () => {
  const answer = await post(FOLLOW, "text/event-stream", { authorization: "Bearer tdm_no" });
  assert.equal(answer.status, 401);
  await assert.rejects(first(connect({ headers: { authorization: "Bearer tdm_no" } }), { query: FOLLOW }));
});
await check("the stream's type is text/event-stream, and nothing caches it", async () => {
  const abort = new AbortController();
  const answer = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: FOLLOW }),
    signal: abort.signal,
  });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /^text\/event-stream/);
  assert.match(answer.headers.get("cache-control"), /no-cache|no-store/);
  abort.abort();
});
finish();
