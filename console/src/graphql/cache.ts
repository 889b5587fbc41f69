import { cacheExchange, type DataField } from "@urql/exchange-graphcache";
import type {
  ConfirmMatchMutationVariables,
  CreateSeparateMutationVariables,
  IgnoreIssueMutationVariables,
  MatchResolution,
} from "../gql/graphql";

/** Types without an id of their own: a part of the object that holds them. */
const PARTS = [
  "AccountMapping",
  "Actor",
  "Address",
  "Classification",
  "ContactSyncPreview",
  "FailureCount",
  "FieldDifference",
  "InvoiceDifference",
  "InvoiceLine",
  "InvoicePreview",
  "InvoicePreviewLine",
  "InvoiceSyncPreview",
  "MassChange",
  "MatchCandidate",
  "Payment",
  "PlannedChange",
  "SureMatchesPreview",
  "SyncFailure",
  "SyncProblem",
  "SyncStatusEvent",
  "TaxMapping",
  "ValueChange",
];

const REST = { userErrors: [], alsoClosedIssueIds: [], changes: [] };

/** What the cache shows until the server answers. If the server refuses, the cache shows the issue as open again. */
function decided(issueId: string, resolution: MatchResolution): DataField {
  return {
    __typename: "MatchPayload",
    ...REST,
    organisation: null,
    issue: { __typename: "MatchIssue", id: issueId, state: "RESOLVED", resolution },
  };
}

/** The normalised cache: one copy of each object, whichever query, mutation or event brought it. */
export const cache = () =>
  cacheExchange({
    keys: Object.fromEntries(PARTS.map((name) => [name, () => null])),
    optimistic: {
      confirmMatch: (args) => decided((args as ConfirmMatchMutationVariables).input.issueId, "CONFIRMED"),
      createSeparateContact: (args) =>
        decided((args as CreateSeparateMutationVariables).input.issueId, "CREATED_SEPARATE"),
      resolveMatchIssues: (args) => {
        const { ignore = [] } = args["input"] as { ignore?: IgnoreIssueMutationVariables["issueId"][] };
        const results = ignore.map((issueId) => decided(issueId, "IGNORED"));
        return { __typename: "ResolveMatchIssuesPayload", ...REST, results };
      },
    },
    updates: {
      Subscription: {
        syncStatus(event, _args, cache) {
          const { update } = event["syncStatus"] as { update: { __typename: string; deletedId?: string } };
          if (update.deletedId) {
            for (const __typename of ["SyncLink", "Contact", "Invoice", "MatchIssue"])
              cache.invalidate({ __typename, id: update.deletedId });
          }
        },
      },
    },
  });
