import { gql } from "@urql/core";

export const CONTACTS = gql`
  query Contacts($after: String) {
    syncCursor
    contacts(first: 50, after: $after) {
      edges { cursor node { id name billingEmail version } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

const UPDATE = gql`
  mutation UpdateEmail($input: UpdateContactInput!) {
    updateContact(input: $input) {
      contact { id name billingEmail version }
      userErrors { code message path }
    }
  }
`;

const LIVE = gql`
  subscription Live($after: String) {
    syncStatus(after: $after) {
      cursor
      update {
        ... on ContactUpdate { contact { id name billingEmail version } }
        ... on LinkUpdate { link { id state } }
        ... on Deletion { deletedId }
        ... on Resync { reason }
      }
    }
  }
`;

/** Graphcache shows the new email at once, and takes it back if the API refuses. */
export async function updateEmail(client, contact, billingEmail) {
  const input = { contactId: contact.id, version: contact.version, billingEmail };
  const { data, error } = await client.mutation(UPDATE, { input }).toPromise();
  if (error) throw error;
  return data.updateContact.userErrors;
}

/** Follows the changes since `after`, the `syncCursor` that came with the list. */
export function followChanges(client, after) {
  return client.subscription(LIVE, { after }).subscribe(({ error }) => error && console.error(error));
}
