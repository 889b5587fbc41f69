import assert from "node:assert/strict";
import { createRequire } from "node:module";
import ContactsPageQuery from "../../docs/guides/relay/__generated__/ContactsPageQuery.graphql.js";
import ContactsQuery from "../../docs/guides/relay/__generated__/ContactsQuery.graphql.js";
import { followChanges, updateEmail } from "../../docs/guides/relay/contacts.mjs";
import { createTandem } from "../../docs/guides/relay/environment.mjs";
import { checkLive, socketOptions, spent, token, url } from "./harness.mjs";

const require = createRequire(new URL("../../docs/guides/package.json", import.meta.url));
const { createOperationDescriptor, fetchQuery, getRequest } = require("relay-runtime");

const environment = createTandem({ url, getToken: async () => token, ...socketOptions });
const kept = environment.retain(createOperationDescriptor(getRequest(ContactsQuery), {}));
const { syncCursor } = await fetchQuery(environment, ContactsQuery, {}).toPromise();

// The connection as the store holds it, under the key of @connection.
const records = () => environment.getStore().getSource();
const connection = () => records().get("client:root:__Contacts_contacts_connection");
const nodes = () =>
  connection()
    .edges.__refs.map((edge) => records().get(records().get(edge)?.node?.__ref))
    .filter(Boolean);
assert.equal(nodes().length, 50);

// The second page joins the first in the store.
const page = records().get(connection().pageInfo.__ref);
await fetchQuery(environment, ContactsPageQuery, { count: 50, cursor: page.endCursor }).toPromise();
assert.equal(new Set(nodes().map(({ id }) => id)).size, 60);
const contacts = nodes();
const find = (id) => nodes().find((each) => each.id === id);

// An optimistic update that the API accepts, and one that it refuses.
const accepted = updateEmail(environment, contacts[5], "new@example.com");
assert.equal(find(contacts[5].id).billingEmail, "new@example.com");
assert.deepEqual(await accepted, []);
assert.equal(find(contacts[5].id).version, contacts[5].version + 1);
const refused = updateEmail(environment, contacts[6], "no address");
assert.equal(find(contacts[6].id).billingEmail, "no address");
assert.equal((await refused)[0].code, "INVALID");
assert.equal(find(contacts[6].id).billingEmail, contacts[6].billingEmail);

await checkLive({
  contacts,
  cursor: syncCursor,
  follow(cursor) {
    const followed = followChanges(environment, cursor, () => {});
    return () => followed.dispose();
  },
  find,
});

// A caller whose budget is used up waits, and then gets the answer.
const { fetch, waits } = spent();
const patient = createTandem({ url, getToken: async () => token, fetch, ...socketOptions });
assert.ok((await fetchQuery(patient, ContactsQuery, {}).toPromise()).syncCursor);
assert.ok(waits.length === 1 && waits[0] >= 1 && waits[0] <= 60, `${waits}`);
kept.dispose();
console.log("relay: done");
process.exit(0);
