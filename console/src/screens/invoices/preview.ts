import { useMemo } from "react";
import { useQuery } from "urql";
import { InvoicePreviewDocument, type InvoicePreviewQuery } from "../../gql/graphql";
import { useSettled } from "../../ui/settled";
import { linesOf, type Draft } from "./draft";

export type Preview = NonNullable<InvoicePreviewQuery["invoicePreview"]>;

const NUMBER = /^-?\d+(\.\d+)?$/;

/** What the invoice comes to, shortly after the last change. Null while a number is only half typed. */
export function usePreview(draft: Draft): Preview | null {
  const settled = useSettled(draft);
  const input = useMemo(
    () => ({
      contactId: settled.contactId || null,
      issueDate: settled.issueDate || null,
      amountsAre: settled.amountsAre,
      organisationId: settled.organisationId || null,
      lines: linesOf(settled, true),
    }),
    [settled],
  );
  const numbers = input.lines.flatMap((line) => [
    line.quantity,
    line.unitPrice,
    line.discountRate ?? "0",
    line.discountAmount ?? "0",
  ]);
  const [{ data }] = useQuery({
    query: InvoicePreviewDocument,
    variables: { input },
    pause: !numbers.every((text) => NUMBER.test(text)),
    requestPolicy: "network-only",
  });
  return data?.invoicePreview ?? null;
}
