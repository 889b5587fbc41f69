import assert from "node:assert/strict";
import { createTandem } from "../../docs/guides/apollo/client.mjs";
import { CONTACTS, followChanges, updateEmail } from "../../docs/guides/apollo/contacts.mjs";
import { checkLive, socketOptions, spent, token, url } from "./harness.mjs";

const client = createTandem({ url, getToken: async () => token, ...socketOptions });
const list = client.watchQuery({ query: CONTACTS });
const subscription = list.subscribe(() => {});
const first = await client.query({ query: CONTACTS });
assert.equal(first.data.contacts.edges.length, 50);

// The second page joins the first in the cache.
await list.fetchMore({ variables: { after: first.data.contacts.pageInfo.endCursor } });
const both = client.readQuery({ query: CONTACTS }).contacts;
assert.equal(new Set(both.edges.map(({ node }) => node.id)).size, 60);
assert.equal(both.pageInfo.hasNextPage, false);

const contacts = both.edges.map(({ node }) => node);
const shown = () => client.readQuery({ query: CONTACTS, optimistic: true }, true)?.contacts.edges ?? [];
const find = (id) => shown().find(({ node }) => node?.id === id)?.node;

// An optimistic update that the API accepts, and one that it refuses.
const accepted = updateEmail(client, contacts[5], "new@example.com");
assert.equal(find(contacts[5].id).billingEmail, "new@example.com");
assert.deepEqual(await accepted, []);
assert.equal(find(contacts[5].id).version, contacts[5].version + 1);
const refused = updateEmail(client, contacts[6], "no address");
assert.equal(find(contacts[6].id).billingEmail, "no address");
assert.equal((await refused)[0].code, "INVALID");
assert.equal(find(contacts[6].id).billingEmail, contacts[6].billingEmail);

await checkLive({
  contacts,
  cursor: first.data.syncCursor,
  follow(cursor) {
    const followed = followChanges(client, cursor);
    return () => followed.unsubscribe();
  },
  find,
});

// A caller whose budget is used up waits, and then gets the answer.
const { fetch, waits } = spent();
const patient = createTandem({ url, getToken: async () => token, fetch, ...socketOptions });
assert.equal((await patient.query({ query: CONTACTS })).data.contacts.edges.length, 50);
assert.ok(waits.length === 1 && waits[0] >= 1 && waits[0] <= 60, `${waits}`);
subscription.unsubscribe();
console.log("apollo: done");
process.exit(0);
