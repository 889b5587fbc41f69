import { useState } from "react";
import { useClient, useQuery } from "urql";
import {
  SetInvoiceSyncDocument,
  StartDatePreviewDocument,
  type SetInvoiceSyncInput,
} from "../../gql/graphql";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { Input } from "../../ui/input";
import { Problems } from "../../ui/problems";
import { explain } from "../../ui/states";
import { count, money } from "../../words";
import type { Organisation } from ".";

interface Props {
  organisation: Organisation;
  currency: string;
  mayChange: boolean;
}

/** Whether invoices go to Xero, and from which issue date on. Another date shows first what it would send. */
export function StartDate({ organisation, currency, mayChange }: Props) {
  const client = useClient();
  const { waiting, act } = useActing();
  const { enabled, startDate } = organisation.invoiceSync;
  const [chosen, setChosen] = useState<string | null>(null);
  const date = chosen ?? startDate ?? "";
  const differs = date !== (startDate ?? "");
  const [{ data, error, fetching }] = useQuery({
    query: StartDatePreviewDocument,
    variables: { organisationId: organisation.id, startDate: date },
    pause: !mayChange || date === "" || (enabled && !differs),
    requestPolicy: "network-only",
  });
  const preview = date === "" || fetching ? null : data?.xeroOrganisation?.invoiceSyncPreview;

  const set = async (done: string, changes: Omit<SetInvoiceSyncInput, "organisationId">) => {
    const input = { organisationId: organisation.id, ...changes };
    const { accepted } = await act(
      done,
      client.mutation(SetInvoiceSyncDocument, { input }),
      (answer) => answer.setInvoiceSync,
    );
    if (accepted) setChosen(null);
  };
  const save = () =>
    set(enabled ? "Start date saved." : "Invoices go to Xero now.", {
      enabled: true,
      startDate: date,
      acceptInvoices: preview?.invoices ?? null,
    });

  return (
    <section className="card" aria-labelledby="start-date">
      <h2 id="start-date">
        Invoice sync <span className={`badge ${enabled ? "sure" : ""}`}>{enabled ? "On" : "Off"}</span>
      </h2>
      <div className="actions">
        <Input label="First issue date" type="date" value={date} disabled={!mayChange} onChange={setChosen} />
        {mayChange && (!enabled || differs) && (
          <Button kind="primary" disabled={waiting || !preview} onClick={save}>
            {enabled ? "Save the start date" : "Switch on"}
          </Button>
        )}
        {mayChange && enabled && (
          <Button disabled={waiting} onClick={() => set("Invoices stay here now.", { enabled: false })}>
            Switch off
          </Button>
        )}
      </div>
      {error && <p className="problem">{explain(error)}</p>}
      {preview && (!enabled || differs) && (
        <p role="status">
          {preview.invoices === 0
            ? "This date newly sends no invoice."
            : `This date newly sends ${count(preview.invoices, "invoice")} of ${money(preview.total, currency)}, issued from ${preview.earliest} on, with ${count(preview.expectedXeroCalls, "call")} to Xero.`}
        </p>
      )}
      {preview && <Problems problems={preview.problems} here />}
    </section>
  );
}
