import type { InvoiceChangeDecision, InvoiceStatus, InvoiceSyncState } from "../../gql/graphql";

export const STATUSES: Record<InvoiceStatus, string> = {
  DRAFT: "Draft",
  APPROVED: "Approved",
  AWAITING_PAYMENT: "Awaiting payment",
  PAID: "Paid",
  VOIDED: "Voided",
};

export const SYNC: Record<InvoiceSyncState, string> = {
  NOT_SENT: "Not sent",
  SYNC_OFF: "Invoice sync is off",
  BEFORE_START_DATE: "Before the start date",
  PENDING: "Pending",
  SYNCED: "Synced",
  FAILING: "Failing",
  CHANGED_IN_XERO: "Changed in Xero",
};

export const DECISIONS: Record<InvoiceChangeDecision, { label: string; does: string }> = {
  ACCEPT: { label: "Accept", does: "takes over what Xero has" },
  REISSUE: {
    label: "Reissue",
    does: "voids the invoice and sends the practice’s version under a new number",
  },
  VOID_HERE: { label: "Void", does: "voids the invoice, here and in Xero" },
  KEEP_APART: { label: "Keep apart", does: "leaves both sides as they are" },
};
