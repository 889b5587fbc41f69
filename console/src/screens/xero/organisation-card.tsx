import { useClient } from "urql";
import { RetryAllDocument, SyncNowDocument } from "../../gql/graphql";
import { useScope } from "../../graphql/context";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { count, HEALTH, time } from "../../words";
import { Connect, type Organisation } from ".";
import { Failing } from "./failing";
import { FirstImport } from "./first-import";
import { ImportProgress } from "./import-progress";
import { MassChange } from "./mass-change";

export function OrganisationCard({ organisation }: { organisation: Organisation }) {
  const { health, healthMessage, contactSync, importProgress, massChange, summary } = organisation;
  const maySetUp = useScope("ADMIN");
  const consentIsGone = health === "NEEDS_RECONNECT" || health === "DISCONNECTED";
  const hasFailures = summary.failing > 0 || summary.failures.length > 0;
  return (
    <article className="card" aria-labelledby={organisation.id}>
      <header>
        <h2 id={organisation.id}>{organisation.name}</h2>
        <span className={`badge ${health === "HEALTHY" ? "sure" : "refused"}`}>{HEALTH[health]}</span>
        {contactSync.lastPolledAt && (
          <span className="muted small">Xero was last read {time(contactSync.lastPolledAt)}</span>
        )}
      </header>
      {healthMessage && <p>{healthMessage}</p>}
      {consentIsGone && maySetUp && <Connect label="Connect again …" organisationId={organisation.id} />}
      {massChange && <MassChange organisation={organisation} change={massChange} />}
      {contactSync.startedAt ? (
        <Numbers organisation={organisation} />
      ) : (
        <FirstImport organisation={organisation} />
      )}
      {importProgress && <ImportProgress progress={importProgress} />}
      {hasFailures && <Failing organisationId={organisation.id} />}
      {contactSync.startedAt && !consentIsGone && (
        <Acts organisation={organisation} hasFailures={hasFailures} />
      )}
    </article>
  );
}

function Numbers({ organisation: { summary, callBudget } }: { organisation: Organisation }) {
  const numbers: [string, string][] = [
    ["Linked", summary.linked.toLocaleString("en")],
    ["Match issues", summary.openIssues.toLocaleString("en")],
    ["Waiting to be sent", summary.pendingChanges.toLocaleString("en")],
    ["Failing", summary.failing.toLocaleString("en")],
    ["Failing invoices", summary.failingInvoices.toLocaleString("en")],
    ["Calls left this minute", callBudget?.minuteRemaining?.toLocaleString("en") ?? "unknown"],
    ["Calls left in 24 hours", leftInDay(callBudget)],
  ];
  return (
    <>
      <dl className="numbers">
        {numbers.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {callBudget?.limitedUntil && (
        <p className="muted">Xero’s limit is used up. Calls go on {time(callBudget.limitedUntil)}.</p>
      )}
    </>
  );
}

function leftInDay(budget: Organisation["callBudget"]): string {
  if (budget?.dayRemaining === null || budget?.dayRemaining === undefined) return "unknown";
  const left = budget.dayRemaining.toLocaleString("en");
  return budget.dayLimit ? `${left} of ${budget.dayLimit.toLocaleString("en")}` : left;
}

function Acts({ organisation, hasFailures }: { organisation: Organisation; hasFailures: boolean }) {
  const client = useClient();
  const mayAct = useScope("WRITE");
  const { waiting, act } = useActing();
  if (!mayAct) return null;
  const read = () =>
    act(
      "Tandem reads Xero now.",
      client.mutation(SyncNowDocument, { input: { organisationId: organisation.id } }),
      (data) => data.syncNow,
    );
  const retry = () =>
    act(
      `Tried again: ${count(organisation.summary.failing + organisation.summary.failingInvoices, "failure")}.`,
      client.mutation(RetryAllDocument, { organisationId: organisation.id }),
      (data) => data.retrySync,
    );
  return (
    <div className="actions">
      <Button disabled={waiting} onClick={read}>
        Read Xero now
      </Button>
      {hasFailures && (
        <Button disabled={waiting} onClick={retry}>
          Try all failures again
        </Button>
      )}
    </div>
  );
}
