import { useCallback, useRef, useState } from "react";
import { useClient } from "urql";
import {
  ConfirmMatchDocument,
  CreateSeparateDocument,
  IgnoreIssueDocument,
  ReopenIssueDocument,
  type IssuePartsFragment,
  type MatchResolution,
  type RefusalsFragment,
  type SyncedField,
} from "../../gql/graphql";
import { explain } from "../../ui/states";
import { useTell } from "../../ui/notices";
import type { CombinedError } from "@urql/core";

export type Issue = IssuePartsFragment;
export type Candidate = Issue["candidates"][number];

interface Answer {
  error?: CombinedError | undefined;
  refusals: RefusalsFragment[];
}

export interface Decisions {
  /** Why the last decision about an issue was refused, by the issue's id. */
  refused: ReadonlyMap<string, string>;
  confirm: (issue: Issue, candidate: Candidate, keepPractice: SyncedField[]) => void;
  createSeparate: (issue: Issue) => void;
  ignore: (issue: Issue) => void;
  reopen: (issue: Pick<Issue, "id" | "resolution">) => void;
  /** Reopens the issue that was decided last. */
  undo: () => void;
}

interface Listeners {
  /** A decision was sent: the next issue may be shown. */
  onDecided: () => void;
  /** An issue is open again, because its decision was refused or taken back. */
  onReturned: (issueId: string) => void;
}

/**
 * Decides match issues. The cache shows each decision at once; if the server refuses, the issue is open again, and
 * `refused` says why.
 */
export function useDecisions({ onDecided, onReturned }: Listeners): Decisions {
  const client = useClient();
  const tell = useTell();
  const [refused, setRefused] = useState<ReadonlyMap<string, string>>(new Map());
  const last = useRef<Pick<Issue, "id" | "resolution">[]>([]);

  const settle = useCallback(
    async (issue: Pick<Issue, "id"> & Partial<Issue>, done: string, asked: PromiseLike<Answer>) => {
      setRefused((before) => new Map([...before].filter(([id]) => id !== issue.id)));
      const { error, refusals } = await asked;
      if (!error && refusals.length === 0) {
        tell(done);
        return true;
      }
      const why = error ? explain(error) : refusals.map((one) => one.message).join(" ");
      last.current = last.current.filter((one) => one.id !== issue.id);
      setRefused((before) => new Map(before).set(issue.id, why));
      tell(`${issue.xeroContact?.name ?? "The issue"}: ${why}`, "refused");
      onReturned(issue.id);
      return false;
    },
    [tell, onReturned],
  );

  const decide = (issue: Issue, resolution: MatchResolution, done: string, asked: PromiseLike<Answer>) => {
    last.current.push({ id: issue.id, resolution });
    void settle(issue, `${done}: ${issue.xeroContact.name}`, asked);
    onDecided();
  };

  const reopen: Decisions["reopen"] = (issue) => {
    if (issue.resolution === "CONFIRMED") {
      tell("A confirmed match is taken back with Unsync, on the page of the contact.", "refused");
      return;
    }
    const asked = client
      .mutation(ReopenIssueDocument, { input: { issueId: issue.id } })
      .toPromise()
      .then(({ data, error }) => ({ error, refusals: data?.reopenMatchIssue?.userErrors ?? [] }));
    void settle(issue, "Reopened.", asked).then((done) => done && onReturned(issue.id));
  };

  return {
    refused,
    confirm(issue, candidate, keepPractice) {
      const input = {
        issueId: issue.id,
        version: issue.version,
        contactId: candidate.contact.id,
        contactVersion: candidate.contact.version,
        keepPractice,
      };
      const asked = client
        .mutation(ConfirmMatchDocument, { input })
        .toPromise()
        .then(({ data, error }) => ({ error, refusals: data?.confirmMatch?.userErrors ?? [] }));
      decide(issue, "CONFIRMED", "Linked", asked);
    },
    createSeparate(issue) {
      const asked = client
        .mutation(CreateSeparateDocument, { input: { issueId: issue.id, version: issue.version } })
        .toPromise()
        .then(({ data, error }) => ({ error, refusals: data?.createSeparateContact?.userErrors ?? [] }));
      decide(issue, "CREATED_SEPARATE", "Created separate", asked);
    },
    ignore(issue) {
      const asked = client
        .mutation(IgnoreIssueDocument, { issueId: issue.id })
        .toPromise()
        .then(({ data, error }) => {
          const payload = data?.resolveMatchIssues;
          return {
            error,
            refusals: [...(payload?.userErrors ?? []), ...(payload?.results[0]?.userErrors ?? [])],
          };
        });
      decide(issue, "IGNORED", "Ignored", asked);
    },
    reopen,
    undo() {
      const decided = last.current.pop();
      if (decided) reopen(decided);
      else tell("Nothing to take back.", "refused");
    },
  };
}
