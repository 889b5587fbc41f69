import type { SyncedField } from "../../gql/graphql";
import { FIELDS } from "../../words";
import type { Candidate, Issue } from "./decisions";

interface Props {
  issue: Issue;
  candidate: Candidate;
  /** The fields whose practice value stays and goes to Xero. */
  kept: ReadonlySet<SyncedField>;
  onTurn: (field: SyncedField) => void;
  disabled: boolean;
}

type Winner = "same" | "xero" | "practice";

interface Row {
  field: SyncedField;
  practice: string | null;
  xero: string | null;
  winner: Winner;
  /** Whether a person may turn the arrow: a blank value never wins. */
  turns: boolean;
}

/** Both contacts side by side. The arrow of a field points from the value that wins to the value that it overwrites. */
export function Comparison({ issue, candidate, kept, onTurn, disabled }: Props) {
  return (
    <table className="comparison">
      <thead>
        <tr>
          <th scope="col">
            <span className="hidden">Field</span>
          </th>
          <th scope="col">Practice</th>
          <th scope="col">
            <span className="hidden">Which value wins</span>
          </th>
          <th scope="col">
            Xero{" "}
            <a href={issue.xeroContact.url} target="_blank" rel="noreferrer">
              open<span className="hidden"> this contact in Xero</span> ↗
            </a>
          </th>
        </tr>
      </thead>
      <tbody>
        {rowsOf(issue, candidate, kept).map((row) => (
          <tr key={row.field} className={row.winner}>
            <th scope="row">{FIELDS[row.field]}</th>
            <td className={row.winner === "xero" ? "loses" : ""}>
              <Value text={row.practice} other={row.xero} />
            </td>
            <td className="arrow">
              <Arrow row={row} onTurn={onTurn} disabled={disabled} />
            </td>
            <td className={row.winner === "practice" ? "loses" : ""}>
              <Value text={row.xero} other={row.practice} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function rowsOf(
  { xeroContact }: Issue,
  { contact, differences }: Candidate,
  kept: ReadonlySet<SyncedField>,
): Row[] {
  const equal: Record<SyncedField, string | null> = {
    NAME: xeroContact.name,
    BILLING_EMAIL: xeroContact.email,
    PRIMARY_PHONE: xeroContact.phone,
    BILLING_ADDRESS: inOneLine(xeroContact.billingAddress ?? contact.billingAddress),
  };
  return (Object.keys(FIELDS) as SyncedField[]).map((field) => {
    const found = differences.find((one) => one.field === field);
    if (!found) return { field, practice: equal[field], xero: equal[field], winner: "same", turns: false };
    const { practice, xero } = found;
    const turns = practice !== null && xero !== null;
    const winner = xero === null || (turns && kept.has(field)) ? "practice" : "xero";
    return { field, practice, xero, winner, turns };
  });
}

function inOneLine(address: Candidate["contact"]["billingAddress"]): string | null {
  if (!address) return null;
  const { attentionTo, lines, city, region, postalCode, country } = address;
  return [attentionTo, ...lines, city, region, postalCode, country].filter(Boolean).join(", ");
}

function Arrow({ row, onTurn, disabled }: { row: Row } & Pick<Props, "onTurn" | "disabled">) {
  const { field, winner, turns } = row;
  if (winner === "same") return <span title="Equal">{row.xero === null ? "" : "="}</span>;
  const sign = winner === "xero" ? "←" : "→";
  const says = winner === "xero" ? "Xero’s value goes to the practice" : "The practice’s value goes to Xero";
  if (!turns)
    return (
      <span className="sign" title={`${says}: the other side is blank`}>
        <span aria-hidden="true">{sign}</span>
        <span className="hidden">{says}</span>
      </span>
    );
  return (
    <button
      type="button"
      className="turn"
      disabled={disabled}
      data-field={field}
      title={`${says}. Press to turn.`}
      aria-label={`${FIELDS[field]}: ${says}. Turn`}
      onClick={() => onTurn(field)}
    >
      {sign}
    </button>
  );
}

/** The text with the words marked that the other side does not have. */
function Value({ text, other }: { text: string | null; other: string | null }) {
  if (text === null) return <span className="blank">blank</span>;
  if (other === null || text === other) return <>{text}</>;
  const others = new Set(split(other).map(comparable));
  return (
    <>
      {split(text).map((part, place) =>
        others.has(comparable(part)) ? part : <mark key={place}>{part}</mark>,
      )}
    </>
  );
}

const split = (text: string): string[] => text.split(/(?<=[\s,@.])/);
const comparable = (part: string): string => part.toLowerCase().replace(/[\s,]+$/, "");
