import assert from "node:assert/strict";
import { createTandem } from "../../docs/guides/urql/client.mjs";
import { CONTACTS, followChanges, updateEmail } from "../../docs/guides/urql/contacts.mjs";
import { checkLive, socketOptions, spent, token, url } from "./harness.mjs";

const client = createTandem({ url, getToken: async () => token, ...socketOptions });
const read = async (variables = {}) => {
  const { data, error } = await client.query(CONTACTS, variables).toPromise();
  assert.equal(error, undefined);
  return data;
};
const first = await read();
assert.equal(first.contacts.edges.length, 50);

// The second page joins the first in the cache.
const both = (await read({ after: first.contacts.pageInfo.endCursor })).contacts;
assert.equal(new Set(both.edges.map(({ node }) => node.id)).size, 60);
const contacts = both.edges.map(({ node }) => node);

// What the cache shows at each moment, without a request unless something was taken out of the cache.
let shown = new Map();
const emails = new Set();
client.query(CONTACTS, {}).subscribe(({ data }) => {
  if (!data) return;
  shown = new Map(data.contacts.edges.map(({ node }) => [node.id, node]));
  for (const { billingEmail } of shown.values()) emails.add(billingEmail);
});
const find = (id) => shown.get(id);

// An optimistic update that the API accepts, and one that it refuses.
assert.deepEqual(await updateEmail(client, contacts[5], "new@example.com"), []);
assert.equal(find(contacts[5].id).billingEmail, "new@example.com");
assert.equal(find(contacts[5].id).version, contacts[5].version + 1);
assert.equal((await updateEmail(client, contacts[6], "no address"))[0].code, "INVALID");
assert.ok(emails.has("no address"), "the refused value was shown until the answer came");
assert.equal(find(contacts[6].id).billingEmail, contacts[6].billingEmail);

await checkLive({
  contacts,
  cursor: first.syncCursor,
  follow(cursor) {
    const followed = followChanges(client, cursor);
    return () => followed.unsubscribe();
  },
  find,
});

// A caller whose budget is used up waits, and then gets the answer.
const { fetch, waits } = spent();
const patient = createTandem({ url, getToken: async () => token, fetch, ...socketOptions });
assert.equal((await patient.query(CONTACTS, {}).toPromise()).data.contacts.edges.length, 50);
assert.ok(waits.length === 1 && waits[0] >= 1 && waits[0] <= 60, `${waits}`);
console.log("urql: done");
process.exit(0);
