import { useClient } from "urql";
import { RetryAllDocument, SyncNowDocument } from "../../gql/graphql";
import { useScope } from "../../graphql/context";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { count, HEALTH, time } from "../../words";
import { Connect, type Organisation } from ".";
import { CallBudget } from "./call-budget";
import { Disconnect } from "./disconnect";
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
      {consentIsGone && maySetUp && (
        <div className="actions">
          <Connect label="Connect again …" organisationId={organisation.id} />
        </div>
      )}
      {massChange && <MassChange organisation={organisation} change={massChange} />}
      {contactSync.startedAt ? (
        <Numbers organisation={organisation} />
      ) : (
        <FirstImport organisation={organisation} />
      )}
      {importProgress && <ImportProgress progress={importProgress} />}
      {hasFailures && <Failing organisationId={organisation.id} />}
      {!consentIsGone && (
        <div className="actions">
          {contactSync.startedAt && <Acts organisation={organisation} hasFailures={hasFailures} />}
          {maySetUp && <Disconnect organisation={organisation} />}
        </div>
      )}
    </article>
  );
}

function Numbers({ organisation: { summary, callBudget } }: { organisation: Organisation }) {
  const numbers: [string, number][] = [
    ["Linked", summary.linked],
    ["Match issues", summary.openIssues],
    ["Waiting to be sent", summary.pendingChanges],
    ["Failing", summary.failing],
    ["Failing invoices", summary.failingInvoices],
  ];
  return (
    <>
      <dl className="numbers">
        {numbers.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value.toLocaleString("en")}</dd>
          </div>
        ))}
      </dl>
      <CallBudget budget={callBudget} />
    </>
  );
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
    <>
      <Button disabled={waiting} onClick={read}>
        Read Xero now
      </Button>
      {hasFailures && (
        <Button disabled={waiting} onClick={retry}>
          Try all failures again
        </Button>
      )}
    </>
  );
}
