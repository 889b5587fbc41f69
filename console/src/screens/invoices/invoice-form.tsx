import { useState, type ReactNode } from "react";
import { useClient, useQuery } from "urql";
import {
  ApproveInvoiceDocument,
  CreateInvoiceDocument,
  InvoiceChoicesDocument,
  InvoicePageDocument,
  SendInvoiceDocument,
  UpdateInvoiceDocument,
  type InvoiceChoicesQuery,
  type InvoicePartsFragment,
} from "../../gql/graphql";
import { useScope } from "../../graphql/context";
import { go, placeOf, usePlace } from "../../routing";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { Stale, useBegun } from "../../ui/begun";
import { Choice } from "../../ui/choice";
import { Input } from "../../ui/input";
import { Link } from "../../ui/link";
import { Empty, Failed, Loading } from "../../ui/states";
import { ContactChoice } from "./contact-choice";
import { AMOUNTS, draftOf, inputOf, newDraft, type Draft } from "./draft";
import { InvoiceLines } from "./invoice-lines";
import { usePreview } from "./preview";

const LONGEST = 255;

export type Choices = InvoiceChoicesQuery["workspace"];

export function NewInvoice() {
  const { filters } = usePlace();
  return (
    <WithChoices title="New invoice">
      {(choices) => (
        <InvoiceForm
          choices={choices}
          first={() => newDraft(filters.get("contact") ?? "", onlyOne(choices.taxRates))}
        />
      )}
    </WithChoices>
  );
}

/** The id of the tax rate, if the practice uses one only. */
function onlyOne(rates: Choices["taxRates"]): string {
  const [rate, ...more] = rates.filter(({ archivedAt }) => archivedAt === null);
  return rate && more.length === 0 ? rate.id : "";
}

export function EditInvoice() {
  const id = usePlace().filters.get("id") ?? "";
  return (
    <WithChoices title="Edit the invoice">
      {(choices) => <PresentInvoice id={id} choices={choices} />}
    </WithChoices>
  );
}

function PresentInvoice({ id, choices }: { id: string; choices: Choices }) {
  const [{ data, error }, read] = useQuery({ query: InvoicePageDocument, variables: { id } });
  if (error) return <Failed error={error} retry={() => read({ requestPolicy: "network-only" })} />;
  if (!data) return <Loading what="the invoice" />;
  const { invoice } = data;
  if (!invoice) return <Empty title="There is no such invoice" />;
  return <InvoiceForm choices={choices} invoice={invoice} first={() => draftOf(invoice)} />;
}

interface ChoicesProps {
  title: string;
  children: (choices: Choices) => ReactNode;
}

/** A screen that writes an invoice, once it knows what a person may choose from. */
function WithChoices({ title, children }: ChoicesProps) {
  const [{ data, error }, read] = useQuery({
    query: InvoiceChoicesDocument,
    requestPolicy: "cache-and-network",
  });
  const mayWrite = useScope("WRITE");
  const show = () => {
    if (!mayWrite)
      return <Empty title="Your token only reads">A token with the scope WRITE writes invoices.</Empty>;
    if (error && !data) return <Failed error={error} retry={() => read({ requestPolicy: "network-only" })} />;
    return data ? children(data.workspace) : <Loading what="the service types and tax rates" />;
  };
  return (
    <section className="inbox">
      <h1>{title}</h1>
      {show()}
    </section>
  );
}

interface FormProps {
  choices: Choices;
  /** What the form shows first. */
  first: () => Draft;
  /** The invoice that is changed, as it is at present; none for a new one. */
  invoice?: InvoicePartsFragment;
}

/** Writes an invoice. Its sums, and what would keep it from Xero, follow each change. */
function InvoiceForm({ choices, first, invoice }: FormProps) {
  const [draft, setDraft] = useState(first);
  const change = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }));
  const preview = usePreview(draft);
  const { begun, isStale } = useBegun(invoice);
  const { waiting, save } = useSaving(draft, begun);
  const organisations = choices.xeroOrganisations.filter((one) => one.invoiceSync.enabled);
  return (
    <div className="cards" tabIndex={0}>
      <div className="card form">
        {invoice && <h2>{invoice.number}</h2>}
        <ContactChoice id={draft.contactId} onChoose={(contactId) => change({ contactId })} />
        <div className="actions">
          {!invoice && (
            <Input
              label="Number"
              placeholder="the next one"
              maxLength={LONGEST}
              value={draft.number}
              onChange={(number) => change({ number })}
            />
          )}
          <Input
            label="Reference"
            maxLength={LONGEST}
            value={draft.reference}
            onChange={(reference) => change({ reference })}
          />
          <Input
            label="Issued"
            type="date"
            value={draft.issueDate}
            onChange={(issueDate) => change({ issueDate })}
          />
          <Input label="Due" type="date" value={draft.dueDate} onChange={(dueDate) => change({ dueDate })} />
          <Choice
            label="Prices are"
            value={draft.amountsAre}
            options={Object.entries(AMOUNTS)}
            onChange={(amountsAre) => change({ amountsAre: amountsAre as Draft["amountsAre"] })}
          />
          {!invoice && organisations.length > 1 && (
            <Choice
              label="Organisation"
              value={draft.organisationId}
              blank="Choose one"
              options={organisations.map(({ id, name }) => [id, name])}
              onChange={(organisationId) => change({ organisationId })}
            />
          )}
        </div>
        <InvoiceLines
          draft={draft}
          choices={choices}
          preview={preview}
          onChange={(lines) => change({ lines })}
        />
      </div>
      {isStale && <Stale what="invoice" />}
      <div className="actions">
        <Button kind="primary" disabled={waiting || isStale} onClick={() => save(true)}>
          Save and send
        </Button>
        <Button disabled={waiting || isStale} onClick={() => save(false)}>
          {invoice ? "Save" : "Save as draft"}
        </Button>
        <Link to={placeOf("invoices", { id: invoice?.id ?? null })} className="button">
          Cancel
        </Link>
      </div>
    </div>
  );
}

/**
 * Saves the invoice and shows it. `send` also approves and sends it. What was saved stays saved if the approval or the
 * sending is refused: the page of the invoice shows it with the reason.
 */
function useSaving(draft: Draft, invoice: InvoicePartsFragment | undefined) {
  const client = useClient();
  const { waiting, act } = useActing();
  const [idempotencyKey] = useState(() => crypto.randomUUID());

  const create = () => {
    const more = { number: draft.number.trim() || null, organisationId: draft.organisationId || null };
    return act(
      "Saved as draft.",
      client.mutation(CreateInvoiceDocument, { input: { ...inputOf(draft), ...more, idempotencyKey } }),
      (data) => data.createInvoice,
    );
  };
  const update = ({ id, version }: InvoicePartsFragment) =>
    act(
      "Saved.",
      client.mutation(UpdateInvoiceDocument, { input: { ...inputOf(draft), invoiceId: id, version } }),
      (data) => data.updateInvoice,
    );
  const send = async (saved: InvoicePartsFragment) => {
    let present = saved;
    if (present.allowedActions.includes("APPROVE")) {
      const input = { invoiceId: present.id, version: present.version };
      const { accepted, payload } = await act(
        `Approved: ${present.number}`,
        client.mutation(ApproveInvoiceDocument, { input }),
        (data) => data.approveInvoice,
      );
      if (!accepted || !payload?.invoice) return;
      present = payload.invoice;
    }
    if (!present.allowedActions.includes("SEND")) return;
    const input = { invoiceId: present.id, version: present.version };
    await act(
      `Sent: ${present.number}`,
      client.mutation(SendInvoiceDocument, { input }),
      (data) => data.sendInvoice,
    );
  };

  async function save(sends: boolean): Promise<void> {
    const { accepted, payload } = await (invoice ? update(invoice) : create());
    if (!accepted || !payload?.invoice) return;
    if (sends) await send(payload.invoice);
    go(placeOf("invoices", { id: payload.invoice.id }));
  }
  return { waiting, save };
}
