// graphql-transport-ws: a real graphql-ws client, then raw frames that no well-behaved client sends.

import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { address, check, finish, headers, token } from "./checks.mjs";

const url = `ws://${address}/graphql`;
const params = { authorization: `Bearer ${token}` };
const FOLLOW = "subscription { syncStatus { __typename cursor } }";
const CREATE =
  'mutation { createContact(input: {name: "Kauri Joinery"}) { contact { id } userErrors { code } } }';

async function mutate() {
  const answer = await fetch(`http://${address}/graphql`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ query: CREATE }),
  });
  assert.equal(answer.status, 200);
}

/** The first value, or the error, of one operation of a graphql-ws client. */
function first(client, payload) {
  return new Promise((resolve, reject) => {
    const end = client.subscribe(payload, {
      next: (value) => (resolve(value), end()),
      error: reject,
      complete: () => resolve(undefined),
    });
  });
}

const connect = (more = {}) =>
  createClient({ url, webSocketImpl: WebSocket, connectionParams: params, retryAttempts: 0, ...more });

await check("client: a query over the socket", async () => {
  const client = connect();
  assert.ok((await first(client, { query: "{ viewer { __typename } }" })).data.viewer);
  await client.dispose();
});
await check("client: a mutation over the socket", async () => {
  const client = connect();
  assert.deepEqual((await first(client, { query: CREATE })).data.createContact.userErrors, []);
  await client.dispose();
});
await check("client: variables and operationName", async () => {
  const client = connect();
  const query = "query A { syncCursor } query B($id: ID!) { node(id: $id) { id } }";
  const answer = await first(client, { query, operationName: "B", variables: { id: "x" } });
  assert.deepEqual(answer.data, { node: null });
  await client.dispose();
});
await check("client: a subscription delivers a change, and ends when the client completes it", async () => {
  const client = connect();
  const events = client.iterate({ query: FOLLOW });
  const next = events.next();
  await first(client, { query: "{ syncCursor }" }); // the subscription was sent before this query
  await mutate();
  assert.ok((await next).value.data.syncStatus.cursor);
  await events.return();
  await client.dispose();
});
await check("client: a hundred operations on one socket", async () => {
  const client = connect();
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => first(client, { query: "{ syncCursor }" })),
  );
  assert.equal(answers.filter((each) => each.data.syncCursor).length, 100);
  await client.dispose();
});
await check("client: a syntax error ends only its operation", async () => {
  const client = connect();
  const events = client.iterate({ query: FOLLOW });
  const next = events.next();
  await assert.rejects(first(client, { query: "{" }), (errors) => errors[0].message.includes("Syntax"));
  await mutate();
  assert.ok((await next).value.data.syncStatus);
  await client.dispose();
});
for (const [name, payload] of [
  ["an unknown field", { query: "{ nothing }" }],
  ["an unknown operationName", { query: "query A { syncCursor }", operationName: "B" }],
  ["a cursor that is none", { query: 'subscription { syncStatus(after: "x") { __typename } }' }],
]) {
  await check(`client: ${name} is an error message`, async () => {
    const client = connect();
    await assert.rejects(first(client, payload), (errors) => errors[0].extensions.code === "BAD_REQUEST");
    await client.dispose();
  });
}
await check("client: a missing variable is an error, by either message", async () => {
  const client = connect();
  const answer = first(client, { query: "query($id: ID!) { node(id: $id) { id } }" });
  const errors = await answer.then((value) => value.errors, (found) => found);
  assert.equal(errors[0].extensions.code, "BAD_REQUEST");
  await client.dispose();
});
await check("client: a wrong token closes the socket with 4403 or 4401", async () => {
  const client = connect({ connectionParams: { authorization: "Bearer tdm_no" } });
  await assert.rejects(first(client, { query: FOLLOW }), (event) => [4401, 4403].includes(event.code));
});

/** A socket without a client. `heard` are its messages, `closed` its close code. */
async function raw({ protocol = "graphql-transport-ws", init = true } = {}) {
  const socket = new WebSocket(url, protocol);
  const heard = [];
  const waiting = [];
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString());
    waiting.length ? waiting.shift()(message) : heard.push(message);
  });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  const hear = () => (heard.length ? heard.shift() : new Promise((resolve) => waiting.push(resolve)));
  const say = (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message));
  if (init) {
    say({ type: "connection_init", payload: params });
    assert.deepEqual(await hear(), { type: "connection_ack" });
  }
  return { socket, say, hear, closed };
}

await check("raw: ping is answered by pong, with its payload or none", async () => {
  const { socket, say, hear } = await raw();
  say({ type: "ping" });
  assert.equal((await hear()).type, "pong");
  socket.close();
});
await check("raw: a pong that nobody asked for is ignored", async () => {
  const { socket, say, hear } = await raw();
  say({ type: "pong" });
  say({ type: "ping" });
  assert.equal((await hear()).type, "pong");
  socket.close();
});
await check("raw: no connection_init closes with 4408", async () => {
  assert.equal(await (await raw({ init: false })).closed, 4408);
});
await check("raw: subscribe before connection_init closes with 4401", async () => {
  const { say, closed } = await raw({ init: false });
  say({ type: "subscribe", id: "1", payload: { query: FOLLOW } });
  assert.equal(await closed, 4401);
});
await check("raw: a second connection_init closes with 4429", async () => {
  const { say, closed } = await raw();
  say({ type: "connection_init", payload: params });
  assert.equal(await closed, 4429);
});
await check("raw: an id in use closes with 4409", async () => {
  const { say, closed } = await raw();
  for (let n = 0; n < 2; n += 1) say({ type: "subscribe", id: "1", payload: { query: FOLLOW } });
  assert.equal(await closed, 4409);
});
await check("raw: an id is free again after complete", async () => {
  const { socket, say, hear } = await raw();
  say({ type: "subscribe", id: "1", payload: { query: FOLLOW } });
  say({ type: "complete", id: "1" });
  say({ type: "subscribe", id: "1", payload: { query: "{ syncCursor }" } });
  assert.equal((await hear()).type, "next");
  assert.deepEqual(await hear(), { type: "complete", id: "1" });
  socket.close();
});
await check("raw: complete of an unknown id is ignored", async () => {
  const { socket, say, hear } = await raw();
  say({ type: "complete", id: "none" });
  say({ type: "ping" });
  assert.equal((await hear()).type, "pong");
  socket.close();
});
await check("raw: a query has one next and then complete, of its id", async () => {
  const { socket, say, hear } = await raw();
  say({ type: "subscribe", id: "q", payload: { query: "{ syncCursor }" } });
  const next = await hear();
  assert.deepEqual([next.type, next.id], ["next", "q"]);
  assert.deepEqual(await hear(), { type: "complete", id: "q" });
  socket.close();
});
await check("raw: an error message ends the operation, and no complete follows", async () => {
  const { socket, say, hear } = await raw();
  say({ type: "subscribe", id: "e", payload: { query: "{ nothing }" } });
  const error = await hear();
  assert.deepEqual([error.type, error.id], ["error", "e"]);
  assert.ok(Array.isArray(error.payload));
  say({ type: "ping" });
  assert.equal((await hear()).type, "pong");
  socket.close();
});
for (const [name, text] of [
  ["no JSON", "{"],
  ["an array", "[]"],
  ["null", "null"],
  ["a number", "7"],
  ["a text", '"ping"'],
  ["an unknown type", '{"type": "start"}'],
  ["no type", "{}"],
  ["subscribe without an id", '{"type": "subscribe", "payload": {"query": "{ syncCursor }"}}'],
  ["subscribe with an id of another type", '{"type": "subscribe", "id": {}, "payload": {"query": "{ syncCursor }"}}'],
  ["subscribe without a payload", '{"type": "subscribe", "id": "1"}'],
  ["a payload that is a number", '{"type": "subscribe", "id": "1", "payload": 7}'],
  ["a query that is a number", '{"type": "subscribe", "id": "1", "payload": {"query": 7}}'],
  ["variables that are a list", '{"type": "subscribe", "id": "1", "payload": {"query": "{ syncCursor }", "variables": [1]}}'],
  ["JSON 100,000 deep", "[".repeat(100_000)],
  ["a number of 10,000 digits", `{"type": "ping", "payload": {"n": ${"9".repeat(10_000)}}}`],
]) {
  await check(`raw: ${name} closes with 4400`, async () => {
    const { say, closed } = await raw();
    say(text);
    assert.equal(await closed, 4400);
  });
}
await check("raw: a binary frame closes the socket with a reason, not with 1006", async () => {
  const { socket, closed } = await raw();
  socket.send(Buffer.from([1, 2, 3]));
  assert.notEqual(await closed, 1006);
});
await check("raw: the legacy protocol is refused", async () => {
  const socket = new WebSocket(url, "graphql-ws");
  const outcome = await new Promise((resolve) => {
    socket.on("error", () => resolve("refused"));
    socket.on("close", (code) => resolve(code));
    socket.on("open", () => resolve(new Promise((closed) => socket.on("close", closed))));
  });
  assert.ok(outcome === "refused" || outcome === 4406, `${outcome}`);
});
await check("raw: a message over 1 MB closes with 1009", async () => {
  const { say, closed } = await raw();
  say({ type: "ping", payload: { text: "x".repeat(2_000_000) } });
  assert.equal(await closed, 1009);
});
finish();
