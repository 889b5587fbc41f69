import type {
  AmountsAre,
  CreateInvoiceInput,
  InvoiceLineInput,
  InvoiceLineKind,
  InvoicePartsFragment,
} from "../../gql/graphql";

/** A line as it is typed: each value is text until it is sent, and blank means none. */
export interface DraftLine {
  /** Tells the lines of the form apart. */
  key: number;
  /** The id of a line that exists already. */
  id: string | null;
  kind: InvoiceLineKind;
  description: string;
  quantity: string;
  unitPrice: string;
  discountRate: string;
  discountAmount: string;
  serviceTypeId: string;
  taxRateId: string;
}

/** An invoice as it is typed. */
export interface Draft {
  contactId: string;
  number: string;
  reference: string;
  issueDate: string;
  dueDate: string;
  amountsAre: AmountsAre;
  organisationId: string;
  lines: DraftLine[];
}

export const AMOUNTS: Record<AmountsAre, string> = {
  TAX_EXCLUSIVE: "without tax",
  TAX_INCLUSIVE: "with tax",
  NO_TAX: "no tax",
};

const DAYS_TO_PAY = 14;
let lines = 0;

export function newLine(taxRateId: string = ""): DraftLine {
  return {
    key: lines++,
    id: null,
    kind: "SERVICE",
    description: "",
    quantity: "1",
    unitPrice: "",
    discountRate: "",
    discountAmount: "",
    serviceTypeId: "",
    taxRateId,
  };
}

export function newDraft(contactId: string, taxRateId: string = ""): Draft {
  return {
    contactId,
    number: "",
    reference: "",
    issueDate: dateIn(0),
    dueDate: dateIn(DAYS_TO_PAY),
    amountsAre: "TAX_EXCLUSIVE",
    organisationId: "",
    lines: [newLine(taxRateId)],
  };
}

export function draftOf(invoice: InvoicePartsFragment): Draft {
  return {
    contactId: invoice.contact.id,
    number: invoice.number,
    reference: invoice.reference ?? "",
    issueDate: invoice.issueDate,
    dueDate: invoice.dueDate,
    amountsAre: invoice.amountsAre,
    organisationId: invoice.organisation?.id ?? "",
    lines: invoice.lines.map((line) => ({
      ...newLine(line.taxRate?.id),
      id: line.id,
      kind: line.kind,
      description: line.description,
      quantity: line.quantity,
      unitPrice: line.unitPrice,
      discountRate: line.discountRate ?? "",
      discountAmount: line.discountAmount ?? "",
      serviceTypeId: line.serviceType?.id ?? "",
    })),
  };
}

/** The lines as mutations take them. A price that is not typed yet counts as 0 in the preview. */
export function linesOf(draft: Draft, asPreview = false): InvoiceLineInput[] {
  return draft.lines.map((line) => ({
    id: asPreview ? null : line.id,
    kind: line.kind,
    description: asPreview ? line.description || "…" : line.description,
    quantity: line.quantity.trim() || (asPreview ? "0" : line.quantity),
    unitPrice: line.unitPrice.trim() || (asPreview ? "0" : line.unitPrice),
    discountRate: line.discountRate.trim() || null,
    discountAmount: line.discountAmount.trim() || null,
    serviceTypeId: (line.kind === "SERVICE" && line.serviceTypeId) || null,
    taxRateId: (draft.amountsAre !== "NO_TAX" && line.taxRateId) || null,
  }));
}

/** What both createInvoice and updateInvoice take. */
export function inputOf(draft: Draft): Omit<CreateInvoiceInput, "number" | "organisationId"> {
  const { contactId, reference, issueDate, dueDate, amountsAre } = draft;
  return {
    contactId,
    reference: reference.trim() || null,
    issueDate,
    dueDate,
    amountsAre,
    lines: linesOf(draft),
  };
}

function dateIn(days: number): string {
  const day = new Date();
  day.setDate(day.getDate() + days);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
}
