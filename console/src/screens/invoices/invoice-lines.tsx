import { Button } from "../../ui/button";
import { Problems } from "../../ui/problems";
import { amount, money } from "../../words";
import { newLine, type Draft, type DraftLine } from "./draft";
import type { Choices } from "./invoice-form";
import type { Preview } from "./preview";

interface Props {
  draft: Draft;
  choices: Choices;
  preview: Preview | null;
  onChange: (lines: DraftLine[]) => void;
}

/** The lines of an invoice that is being written, with their amounts. */
export function InvoiceLines({ draft, choices, preview, onChange }: Props) {
  const { lines } = draft;
  const change = (key: number, changes: Partial<DraftLine>) =>
    onChange(lines.map((line) => (line.key === key ? { ...line, ...changes } : line)));
  return (
    <>
      <table className="lines editing">
        <thead>
          <tr>
            <th scope="col">Description</th>
            <th scope="col">Bills</th>
            <th scope="col">Quantity</th>
            <th scope="col">Price</th>
            <th scope="col">Tax rate</th>
            <th scope="col">Account</th>
            <th scope="col">Amount</th>
            <th scope="col">
              <span className="hidden">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line, place) => (
            <Line
              key={line.key}
              line={line}
              name={`line ${place + 1}`}
              choices={choices}
              hasTax={draft.amountsAre !== "NO_TAX"}
              shown={preview?.lines[place]}
              onChange={(changes) => change(line.key, changes)}
              onRemove={
                lines.length > 1 ? () => onChange(lines.filter(({ key }) => key !== line.key)) : undefined
              }
            />
          ))}
        </tbody>
      </table>
      <div className="actions">
        <Button onClick={() => onChange([...lines, newLine(lines.at(-1)?.taxRateId)])}>Add a line</Button>
        {preview && (
          <span role="status" className="sums">
            {money(preview.subtotal, choices.currency)} and {money(preview.taxTotal, choices.currency)} tax:{" "}
            <strong>{money(preview.total, choices.currency)}</strong>
          </span>
        )}
      </div>
      {preview?.userErrors.map((error) => (
        <p key={error.message} className="muted">
          {error.message}
        </p>
      ))}
      {preview && <Problems problems={preview.problems} />}
    </>
  );
}

interface LineProps {
  line: DraftLine;
  name: string;
  choices: Choices;
  hasTax: boolean;
  shown: Preview["lines"][number] | undefined;
  onChange: (changes: Partial<DraftLine>) => void;
  onRemove: (() => void) | undefined;
}

const EXPENSE = "EXPENSE";

function Line({ line, name, choices, hasTax, shown, onChange, onRemove }: LineProps) {
  const field = (member: "description" | "quantity" | "unitPrice", label: string) => (
    <input
      value={line[member]}
      aria-label={`${label} of ${name}`}
      inputMode={member === "description" ? "text" : "decimal"}
      onChange={(event) => onChange({ [member]: event.target.value })}
    />
  );
  const bill = (value: string) =>
    onChange(
      value === EXPENSE ? { kind: EXPENSE, serviceTypeId: "" } : { kind: "SERVICE", serviceTypeId: value },
    );
  return (
    <tr>
      <td data-name="Description">{field("description", "Description")}</td>
      <td data-name="Bills">
        <select
          aria-label={`What ${name} bills`}
          value={line.kind === EXPENSE ? EXPENSE : line.serviceTypeId}
          onChange={(event) => bill(event.target.value)}
        >
          <option value="">Service</option>
          {inUse(choices.serviceTypes, line.serviceTypeId).map(({ id, name: text }) => (
            <option key={id} value={id}>
              {text}
            </option>
          ))}
          <option value={EXPENSE}>Expense</option>
        </select>
      </td>
      <td data-name="Quantity">{field("quantity", "Quantity")}</td>
      <td data-name="Price">{field("unitPrice", "Price")}</td>
      <td data-name="Tax rate">
        <select
          aria-label={`Tax rate of ${name}`}
          value={hasTax ? line.taxRateId : ""}
          disabled={!hasTax}
          onChange={(event) => onChange({ taxRateId: event.target.value })}
        >
          <option value="">None</option>
          {inUse(choices.taxRates, line.taxRateId).map((rate) => (
            <option key={rate.id} value={rate.id}>
              {rate.name}
            </option>
          ))}
        </select>
      </td>
      <td data-name="Account">{shown?.accountCode ?? <span className="blank">none</span>}</td>
      <td data-name="Amount">{shown && amount(shown.amount)}</td>
      <td>
        {onRemove && (
          <Button aria-label={`Remove ${name}`} onClick={onRemove}>
            ×
          </Button>
        )}
      </td>
    </tr>
  );
}

/** What may be chosen: what is not archived, and what the line has already. */
function inUse<One extends { id: string; archivedAt: string | null }>(all: One[], present: string): One[] {
  return all.filter(({ id, archivedAt }) => archivedAt === null || id === present);
}
