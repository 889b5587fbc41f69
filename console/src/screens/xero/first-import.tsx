import { useEffect, useState } from "react";
import { useClient, useQuery } from "urql";
import {
  CreateContactTypeDocument,
  ImportPreviewDocument,
  StartContactSyncDocument,
  type XeroContactFilter,
} from "../../gql/graphql";
import { useScope } from "../../graphql/context";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Input } from "../../ui/input";
import { Failed, Loading } from "../../ui/states";
import { count } from "../../words";
import type { Organisation } from ".";

const FILTERS: Record<XeroContactFilter, string> = {
  CUSTOMERS_ONLY: "Customers only",
  SUPPLIERS_AND_CUSTOMERS: "Suppliers and customers",
  ALL: "All active contacts",
};
const AGAIN = 2_000;

/** The filter and the default contact type, with the preview of what the import would do. Nothing changes before the start. */
export function FirstImport({ organisation }: { organisation: Organisation }) {
  const client = useClient();
  const maySetUp = useScope("ADMIN");
  const { waiting, act } = useActing();
  const [contactFilter, setFilter] = useState<XeroContactFilter>("SUPPLIERS_AND_CUSTOMERS");
  const [chosenType, setType] = useState<string | null>(null);
  const [{ data, error }, read] = useQuery({
    query: ImportPreviewDocument,
    variables: { organisationId: organisation.id, contactFilter },
    requestPolicy: "cache-and-network",
  });
  const preview = data?.xeroOrganisation?.contactSyncPreview;
  const types = data?.workspace.contactTypes.filter((one) => one.archivedAt === null) ?? [];
  const type = chosenType ?? types[0]?.id;

  useEffect(() => {
    if (preview?.complete !== false) return;
    const timer = setTimeout(() => read({ requestPolicy: "network-only" }), AGAIN);
    return () => clearTimeout(timer);
  }, [preview, read]);

  if (error && !data) return <Failed error={error} retry={() => read({ requestPolicy: "network-only" })} />;
  if (!data) return <Loading what="the preview" />;

  const start = (defaultContactTypeId: string) =>
    act(
      "The import has begun.",
      client.mutation(StartContactSyncDocument, {
        input: { organisationId: organisation.id, contactFilter, defaultContactTypeId },
      }),
      (data) => data.startContactSync,
    );

  return (
    <section className="part" aria-label="First import">
      <h3>First import</h3>
      <div className="actions">
        <Choice
          label="Contacts of Xero"
          value={contactFilter}
          options={Object.entries(FILTERS)}
          onChange={(filter) => setFilter(filter as XeroContactFilter)}
        />
        {types.length > 0 && (
          <Choice
            label="Type of new contacts"
            value={type ?? ""}
            options={types.map(({ id, name }) => [id, name])}
            disabled={!maySetUp}
            onChange={setType}
          />
        )}
        {types.length === 0 && maySetUp && <NewContactType />}
      </div>
      {preview && !preview.complete && (
        <p role="status" className="muted">
          Tandem is reading Xero: {preview.contactsRead.toLocaleString("en")}
          {preview.contactsExpected !== null && ` of ${preview.contactsExpected.toLocaleString("en")}`}{" "}
          contacts so far.
        </p>
      )}
      {preview && (
        <ul>
          <li>{count(preview.fullMatches, "contact")} would be linked: name and billing email are equal.</li>
          <li>
            {count(preview.conflicts, "contact")} would become match issues, about which a person decides.
          </li>
          <li>{count(preview.noMatches, "contact")} would become new contacts of the practice.</li>
          <li>{count(preview.skipped, "contact")} would be skipped by the filter.</li>
        </ul>
      )}
      {maySetUp ? (
        <div className="actions">
          <Button kind="primary" disabled={waiting || !type} onClick={() => type && start(type)}>
            Start the import
          </Button>
          {!type && <span className="muted">New contacts need a contact type first.</span>}
        </div>
      ) : (
        <p className="muted">An ADMIN of the practice starts the import.</p>
      )}
    </section>
  );
}

/** New contacts have a contact type: a practice that has none yet makes the first one here. */
function NewContactType() {
  const client = useClient();
  const { waiting, act } = useActing();
  const [name, setName] = useState("Client");
  const create = () =>
    act(
      `Contact type created: ${name}`,
      client.mutation(CreateContactTypeDocument, { input: { name } }),
      (data) => data.createContactType,
    );
  return (
    <>
      <Input label="Contact type" maxLength={255} value={name} onChange={setName} />
      <Button disabled={waiting || name.trim() === ""} onClick={create}>
        Create the type
      </Button>
    </>
  );
}
