import type { SyncedField } from "../../gql/graphql";
import { Button } from "../../ui/button";
import { percent, REASONS, RESOLUTIONS, time } from "../../words";
import { Comparison } from "./comparison";
import type { Candidate, Decisions, Issue } from "./decisions";

interface Props {
  issue: Issue;
  chosen: number;
  onChoose: (place: number) => void;
  kept: ReadonlySet<SyncedField>;
  onTurn: (field: SyncedField) => void;
  onSelect: (issueId: string) => void;
  decisions: Decisions;
  mayDecide: boolean;
  /** The issue has just come by itself, and no key decides it for a moment. */
  keysRest: boolean;
}

export function IssueDetail({
  issue,
  chosen,
  onChoose,
  kept,
  onTurn,
  onSelect,
  decisions,
  mayDecide,
  keysRest,
}: Props) {
  const candidate = issue.candidates[chosen] ?? issue.candidates[0];
  const refusal = decisions.refused.get(issue.id);
  const related = issue.related.filter((one) => one.state === "OPEN" && one.id !== issue.id);
  const isOpen = issue.state === "OPEN";
  return (
    <article
      className="detail"
      tabIndex={0}
      data-issue={issue.id}
      aria-busy={keysRest}
      aria-label={`Match issue about ${issue.xeroContact.name}`}
    >
      <header>
        <h2>{issue.xeroContact.name}</h2>
        <p className="muted">
          {REASONS[issue.reason].sentence} {rolesOf(issue)} in {issue.organisation.name}.
        </p>
      </header>
      {refusal && (
        <p className="problem" role="alert">
          {refusal}
        </p>
      )}
      <Candidates issue={issue} chosen={candidate} onChoose={onChoose} />
      {candidate && (
        <>
          <Comparison
            issue={issue}
            candidate={candidate}
            kept={kept}
            onTurn={onTurn}
            disabled={!isOpen || !mayDecide}
          />
          <ul className="evidence" aria-label="Evidence">
            {candidate.evidence.map((words) => (
              <li key={words}>{words}</li>
            ))}
          </ul>
          {candidate.blockedBy && (
            <p className="problem">
              This contact is linked with {candidate.blockedBy.xeroContact?.name ?? "another Xero contact"}{" "}
              already. Unsync that link first, or choose another candidate.
            </p>
          )}
        </>
      )}
      {isOpen ? (
        mayDecide && candidate && <Actions {...{ issue, candidate, kept, decisions }} />
      ) : (
        <Decided issue={issue} decisions={decisions} mayDecide={mayDecide} />
      )}
      {related.length > 0 && (
        <section className="related" aria-labelledby="related">
          <h3 id="related">Related issues</h3>
          <p className="muted small">They share a candidate with this issue: decide them together.</p>
          <ul>
            {related.map((one) => (
              <li key={one.id}>
                <button type="button" className="link" onClick={() => onSelect(one.id)}>
                  {one.xeroContact.name}
                </button>{" "}
                <span className="muted">{one.xeroContact.email}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </article>
  );
}

function rolesOf({ xeroContact }: Issue): string {
  if (xeroContact.isCustomer && xeroContact.isSupplier) return "Customer and supplier";
  if (xeroContact.isSupplier) return "Supplier";
  return xeroContact.isCustomer ? "Customer" : "Neither customer nor supplier";
}

/** The candidates as a group of radio buttons; one candidate alone is shown as a line. */
function Candidates({
  issue,
  chosen,
  onChoose,
}: Pick<Props, "issue" | "onChoose"> & { chosen: Candidate | undefined }) {
  return (
    <div className="candidates" role="radiogroup" aria-label="Candidates">
      {issue.candidates.map((one, place) => (
        <button
          key={one.contact.id}
          type="button"
          role="radio"
          aria-checked={one === chosen}
          data-keys
          className="candidate"
          onClick={() => onChoose(place)}
        >
          <kbd aria-hidden="true">{place + 1}</kbd>
          <span className="candidate-name">{one.contact.name}</span>
          <span className="muted">{one.contact.kind === "PERSON" ? "Person" : "Organisation"}</span>
          {one.sure && <span className="badge sure">Sure</span>}
          <span className="confidence" title="The probability that the two are one client">
            {percent(one.confidence)}
          </span>
        </button>
      ))}
    </div>
  );
}

function Actions({
  issue,
  candidate,
  kept,
  decisions,
}: Pick<Props, "issue" | "kept" | "decisions"> & { candidate: Candidate }) {
  return (
    <div className="actions">
      <Button
        kind="primary"
        hint="Enter"
        disabled={candidate.blockedBy !== null}
        onClick={() => decisions.confirm(issue, candidate, keptOf(candidate, kept))}
      >
        Confirm
      </Button>
      <Button hint="S" onClick={() => decisions.createSeparate(issue)}>
        Create separate
      </Button>
      <Button hint="I" onClick={() => decisions.ignore(issue)}>
        Ignore
      </Button>
    </div>
  );
}

/** Of the fields that a person wants to keep, those in which this candidate has another value than Xero. */
export function keptOf(candidate: Candidate, kept: ReadonlySet<SyncedField>): SyncedField[] {
  return candidate.differences.map((one) => one.field).filter((field) => kept.has(field));
}

function Decided({ issue, decisions, mayDecide }: Pick<Props, "issue" | "decisions" | "mayDecide">) {
  const reopens = issue.resolution === "IGNORED" || issue.resolution === "CREATED_SEPARATE";
  return (
    <div className="actions">
      <p>
        {issue.resolution === "OBSOLETE"
          ? "No decision is needed any more"
          : issue.resolution && RESOLUTIONS[issue.resolution]}
        {issue.resolvedBy && ` by ${issue.resolvedBy.name}`}
        {issue.resolvedAt && `, ${time(issue.resolvedAt)}`}
      </p>
      {reopens && mayDecide && <Button onClick={() => decisions.reopen(issue)}>Reopen</Button>}
    </div>
  );
}
