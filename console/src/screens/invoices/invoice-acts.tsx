import { useState } from "react";
import { useClient } from "urql";
import {
  ApproveInvoiceDocument,
  RetryInvoiceDocument,
  SendInvoiceDocument,
  SettleInvoiceChangeDocument,
  VoidInvoiceDocument,
  type InvoiceChangeDecision,
} from "../../gql/graphql";
import { useScope } from "../../graphql/context";
import { placeOf } from "../../routing";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Link } from "../../ui/link";
import type { Invoice } from "./invoice-page";
import { DECISIONS } from "./words";

/** What a person can do with the invoice in its present state, as `allowedActions` says. */
export function InvoiceActs({ invoice }: { invoice: Invoice }) {
  const client = useClient();
  const mayAct = useScope("WRITE");
  const { waiting, act } = useActing();
  const [voiding, setVoiding] = useState<Invoice | null>(null);
  const may = (action: Invoice["allowedActions"][number]) =>
    mayAct && invoice.allowedActions.includes(action);
  const input = { invoiceId: invoice.id, version: invoice.version };

  const approve = () =>
    act(
      `Approved: ${invoice.number}`,
      client.mutation(ApproveInvoiceDocument, { input }),
      (data) => data.approveInvoice,
    );
  const send = () =>
    act(
      `Sent: ${invoice.number}`,
      client.mutation(SendInvoiceDocument, { input }),
      (data) => data.sendInvoice,
    );
  const cancel = ({ id, version, number }: Invoice) => {
    setVoiding(null);
    void act(
      `Voided: ${number}`,
      client.mutation(VoidInvoiceDocument, { input: { invoiceId: id, version } }),
      (data) => data.voidInvoice,
    );
  };
  const retry = () =>
    act(
      `Tried again: ${invoice.number}`,
      client.mutation(RetryInvoiceDocument, { invoiceId: invoice.id }),
      (data) => data.retrySync,
    );
  const settle = (decision: InvoiceChangeDecision) =>
    act(
      `${DECISIONS[decision].label}: ${invoice.number}`,
      client.mutation(SettleInvoiceChangeDocument, { input: { ...input, decision } }),
      (data) => data.settleInvoiceChange,
    );

  return (
    <div className="actions">
      {may("APPROVE") && (
        <Button kind="primary" disabled={waiting} onClick={approve}>
          Approve
        </Button>
      )}
      {may("SEND") && (
        <Button kind="primary" disabled={waiting} onClick={send}>
          Send
        </Button>
      )}
      {may("RETRY") && (
        <Button kind="primary" disabled={waiting} onClick={retry}>
          Try again
        </Button>
      )}
      {may("SETTLE_CHANGE") &&
        Object.entries(DECISIONS).map(([decision, { label, does }]) => (
          <Button
            key={decision}
            disabled={waiting}
            title={`${label} ${does}`}
            onClick={() => settle(decision as InvoiceChangeDecision)}
          >
            {label}
          </Button>
        ))}
      {may("UPDATE") && (
        <Link to={placeOf("invoices/edit", { id: invoice.id })} className="button">
          Edit
        </Link>
      )}
      {may("VOID") && (
        <Button disabled={waiting} onClick={() => setVoiding(invoice)}>
          Void …
        </Button>
      )}
      <Dialog
        open={voiding !== null}
        onClose={() => setVoiding(null)}
        title={`Void ${invoice.number}?`}
        actions={
          <Button kind="primary" onClick={() => voiding && cancel(voiding)}>
            Void
          </Button>
        }
      >
        <p>The invoice no longer counts, here and in Xero. This cannot be undone.</p>
      </Dialog>
    </div>
  );
}
