import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { liveClient } from "../live.mjs";
import { patientFetch } from "../patient-fetch.mjs";

export function createTandem({ url, getToken, fetch = patientFetch, ...socket }) {
  const signIn = new SetContextLink(async ({ headers }) => ({
    headers: { ...headers, authorization: `Bearer ${await getToken()}` },
  }));
  const requests = signIn.concat(new HttpLink({ uri: `${url}/graphql`, fetch }));
  const live = liveClient({ url: `${url.replace(/^http/, "ws")}/graphql`, getToken, ...socket });
  return new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(live),
      requests,
    ),
    cache: new InMemoryCache({
      typePolicies: {
        Query: { fields: { contacts: relayStylePagination(["filter", "orderBy"]) } },
        Address: { keyFields: false, merge: false },
      },
    }),
  });
}
