import { gql } from "@apollo/client";

const CONTACT = gql`
  fragment ContactRow on Contact {
    id
    name
    billingEmail
    version
  }
`;

export const CONTACTS = gql`
  query Contacts($after: String) {
    syncCursor
    contacts(first: 50, after: $after) {
      edges { cursor node { ...ContactRow } }
      pageInfo { hasNextPage endCursor }
    }
  }
  ${CONTACT}
`;

export const UPDATE = gql`
  mutation UpdateEmail($input: UpdateContactInput!) {
    updateContact(input: $input) {
      contact { ...ContactRow }
      userErrors { code message path }
    }
  }
  ${CONTACT}
`;

export const LIVE = gql`
  subscription Live($after: String) {
    syncStatus(after: $after) {
      cursor
      update {
        ... on ContactUpdate { contact { ...ContactRow } }
        ... on LinkUpdate { link { id state } }
        ... on Deletion { deletedId }
        ... on Resync { reason }
      }
    }
  }
  ${CONTACT}
`;

/** Shows the new email at once. The answer replaces it: by the accepted value, or by the old one if the API refuses. */
export async function updateEmail(client, contact, billingEmail) {
  const { data } = await client.mutate({
    mutation: UPDATE,
    variables: { input: { contactId: contact.id, version: contact.version, billingEmail } },
    optimisticResponse: {
      updateContact: {
        __typename: "ContactPayload",
        contact: { ...contact, billingEmail },
        userErrors: [],
      },
    },
  });
  return data.updateContact.userErrors;
}

/** Follows the changes since `after`, the `syncCursor` that came with the list. Changed objects reach the cache by their ids. */
export function followChanges(client, after) {
  return client.subscribe({ query: LIVE, variables: { after } }).subscribe({
    next({ data }) {
      const { update } = data.syncStatus;
      if (update.__typename === "Resync") client.refetchQueries({ include: "active" });
      if (update.__typename === "Deletion") evict(client.cache, update.deletedId);
    },
  });
}

function evict(cache, id) {
  const key = Object.keys(cache.extract()).find((each) => each.endsWith(`:${id}`));
  if (key) cache.evict({ id: key });
  cache.gc();
}
