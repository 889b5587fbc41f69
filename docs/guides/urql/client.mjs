import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { liveClient } from "../live.mjs";
import { patientFetch } from "../patient-fetch.mjs";

const EMBEDDED = [
  "Address", "ContactPayload", "UserError",
  "SyncStatusEvent", "ContactUpdate", "LinkUpdate", "Deletion", "Resync",
];

export function createTandem({ url, getToken, fetch = patientFetch, ...socket }) {
  const live = liveClient({ url: `${url.replace(/^http/, "ws")}/graphql`, getToken, ...socket });
  const signedIn = async (address, init) =>
    fetch(address, { ...init, headers: { ...init.headers, authorization: `Bearer ${await getToken()}` } });
  return new Client({
    url: `${url}/graphql`,
    preferGetMethod: false,
    fetch: signedIn,
    exchanges: [
      cacheExchange({
        // Values without an id belong to the object that holds them.
        keys: Object.fromEntries(EMBEDDED.map((name) => [name, () => null])),
        resolvers: { Query: { contacts: relayPagination() } },
        optimistic: {
          updateContact: ({ input }, cache) => ({
            __typename: "ContactPayload",
            userErrors: [],
            contact: {
              __typename: "Contact",
              id: input.contactId,
              billingEmail: input.billingEmail,
              name: cache.resolve({ __typename: "Contact", id: input.contactId }, "name"),
              version: input.version,
            },
          }),
        },
        updates: {
          Subscription: {
            syncStatus({ syncStatus: { update } }, _, cache) {
              if (update.__typename === "Deletion") forget(cache, update.deletedId);
              if (update.__typename === "Resync") cache.invalidate("Query");
            },
          },
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: live.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });
}

function forget(cache, id) {
  for (const __typename of ["Contact", "SyncLink", "MatchIssue", "Invoice"]) cache.invalidate({ __typename, id });
}
