// What the runs of the three guides share: a second client of the API, a socket that can be cut, and a budget that is used up.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { patientFetch } from "../../docs/guides/patient-fetch.mjs";

const require = createRequire(new URL("../../docs/guides/package.json", import.meta.url));
const { WebSocket } = require("ws");

export const [address, token, spentToken] = process.argv.slice(2);
export const url = `http://${address}`;

export async function ask(query, variables = {}) {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

export async function rename(id, name) {
  const query = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { message } } }";
  const { updateContact } = await ask(query, { i: { contactId: id, name } });
  assert.deepEqual(updateContact.userErrors, []);
}

export async function remove(id) {
  const query = "mutation($i: DeleteContactInput!) { deleteContact(input: $i) { userErrors { message } } }";
  const { deleteContact } = await ask(query, { i: { contactId: id } });
  assert.deepEqual(deleteContact.userErrors, []);
}

/** Sockets that keep what they sent, and can be cut as a lost network cuts them. */
export const sockets = [];
export class CutSocket extends WebSocket {
  constructor(...given) {
    super(...given);
    this.sent = [];
    sockets.push(this);
  }
  send(text, ...more) {
    this.sent.push(JSON.parse(text));
    super.send(text, ...more);
  }
}

/** The `after` of each subscription that was sent, in order. */
export const cursors = () =>
  sockets.flatMap(({ sent }) => sent.filter(({ type }) => type === "subscribe").map(({ payload }) => payload.variables.after));

export async function until(check, what) {
  for (let n = 0; n < 1200; n += 1) {
    const found = await check();
    if (found) return found;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`never: ${what}`);
}

/** A fetch for a caller whose budget is used up: it waits as the answer says, then the caller has a new budget. */
export function spent() {
  const waits = [];
  let current = spentToken;
  const wait = async (seconds) => {
    waits.push(seconds);
    current = token;
  };
  const fetch = async (address, init) => {
    const headers = {};
    new Headers(init.headers).forEach((value, name) => (headers[name] = value));
    const given = { ...init, headers: { ...headers, get authorization() { return `Bearer ${current}`; } } };
    return patientFetch(address, given, { wait });
  };
  return { fetch, waits };
}

/** Socket options for the clients: a quick first retry, as the test cuts the socket itself. */
export const socketOptions = { webSocketImpl: CutSocket, retryWait: () => Promise.resolve() };

/**
 * Follows changes through a cut of the socket. `list` gives the contacts in the client's cache by id, `follow` begins the stream.
 */
export async function checkLive({ contacts, cursor, follow, find }) {
  const [first, second, third] = contacts;
  const stop = follow(cursor);
  await rename(first.id, "First renamed");
  await until(async () => (await find(first.id))?.name === "First renamed", "the event arrives");
  sockets.at(-1).terminate();
  await rename(second.id, "Second renamed");
  await until(async () => (await find(second.id))?.name === "Second renamed", "the missed event arrives");
  const [began, resumed] = cursors();
  assert.equal(began, cursor);
  assert.notEqual(resumed, cursor, "the second subscription begins behind the newest event");
  await remove(third.id);
  await until(async () => !(await find(third.id)), "the deleted contact is forgotten");
  stop();
}
