import { graphql } from "relay-runtime";

graphql`
  fragment Contacts_list on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" })
  @refetchable(queryName: "ContactsPageQuery") {
    contacts(first: $count, after: $cursor) @connection(key: "Contacts_contacts") {
      edges { node { id name billingEmail version } }
    }
  }
`;

graphql`
  query ContactsQuery {
    syncCursor
    ...Contacts_list
  }
`;

graphql`
  mutation ContactsUpdateMutation($input: UpdateContactInput!) {
    updateContact(input: $input) {
      contact { id billingEmail version }
      userErrors { code message path }
    }
  }
`;

graphql`
  subscription ContactsLiveSubscription($after: String) {
    syncStatus(after: $after) {
      cursor
      update {
        __typename
        ... on ContactUpdate { contact { id name billingEmail version } }
        ... on LinkUpdate { link { id state } }
        ... on Deletion { deletedId @deleteRecord }
        ... on Resync { reason }
      }
    }
  }
`;
