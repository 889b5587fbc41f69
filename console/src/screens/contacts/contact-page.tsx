import { useState } from "react";
import { useClient, useQuery } from "urql";
import {
  ContactPageDocument,
  UpdateContactDocument,
  type ContactKind,
  type ContactPageQuery,
} from "../../gql/graphql";
import { useReload, useScope } from "../../graphql/context";
import { useActing } from "../../ui/acting";
import { placeOf } from "../../routing";
import { Button } from "../../ui/button";
import { Link } from "../../ui/link";
import { Empty, Failed, Loading } from "../../ui/states";
import { percent } from "../../words";
import { EditContact } from "./edit-contact";
import { History } from "./history";
import { XeroClient } from "./xero-client";

export type Contact = NonNullable<ContactPageQuery["contact"]>;

export function ContactPage({ id }: { id: string }) {
  const [{ data, error, fetching }, read] = useQuery({
    query: ContactPageDocument,
    variables: { id },
    requestPolicy: "cache-and-network",
  });
  useReload(
    (update) =>
      ["LinkUpdate", "Resync"].includes(update.__typename) ||
      (update.__typename === "ContactUpdate" && update.contact.id === id),
    () => read({ requestPolicy: "network-only" }),
  );

  const contact = data?.contact;
  if (!contact) {
    if (error) return <Failed error={error} retry={() => read({ requestPolicy: "network-only" })} />;
    return fetching ? <Loading what="the contact" /> : <Empty title="This contact was deleted" />;
  }
  return (
    <article className="detail" tabIndex={0} aria-label={contact.name}>
      <header>
        <h2>{contact.name}</h2>
        {contact.archivedAt && <span className="badge">Archived</span>}
      </header>
      <Kind contact={contact} />
      <Fields contact={contact} />
      <XeroClient contact={contact} />
      <History contact={contact} />
    </article>
  );
}

/** The fields, and in their place a form while a person edits them. */
function Fields({ contact }: { contact: Contact }) {
  const mayEdit = useScope("WRITE");
  const [editing, setEditing] = useState(false);
  if (editing) return <EditContact contact={contact} onClose={() => setEditing(false)} />;
  return (
    <>
      <dl className="fields">
        <Field name="Billing email" value={contact.billingEmail} />
        <Field name="Primary phone" value={contact.primaryPhone} />
        <Field name="Billing address" value={inOneLine(contact.billingAddress)} />
        <Field name="Contact type" value={contact.contactType?.name ?? null} />
      </dl>
      {mayEdit && (
        <div className="actions">
          <Button onClick={() => setEditing(true)}>Edit</Button>
          <Link to={placeOf("invoices/new", { contact: contact.id })} className="button">
            New invoice
          </Link>
        </div>
      )}
    </>
  );
}

function Field({ name, value }: { name: string; value: string | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value ?? <span className="blank">blank</span>}</dd>
    </div>
  );
}

function inOneLine(address: Contact["billingAddress"]): string | null {
  if (!address) return null;
  const { attentionTo, lines, city, region, postalCode, country } = address;
  return [attentionTo, ...lines, city, region, postalCode, country].filter(Boolean).join(", ");
}

/** A person says whether the contact is a person or an organisation, where the guess is unsure. */
function Kind({ contact }: { contact: Contact }) {
  const client = useClient();
  const mayEdit = useScope("WRITE");
  const { waiting, act } = useActing();
  const guess = contact.classification;
  const words = { PERSON: "Person", ORGANISATION: "Organisation" } satisfies Record<ContactKind, string>;
  const set = (kind: ContactKind) =>
    act(
      `${words[kind]}: ${contact.name}`,
      client.mutation(UpdateContactDocument, {
        input: { contactId: contact.id, version: contact.version, kind },
      }),
      (data) => data.updateContact,
    );
  if (!guess?.needsReview || !mayEdit)
    return (
      <p className="muted">
        {words[contact.kind]}
        {guess && ` (guessed: ${percent(guess.confidence)} sure)`}
      </p>
    );
  return (
    <div className="review">
      <p>
        Is this a person or an organisation? Tandem guesses {words[guess.kind].toLowerCase()} (
        {percent(guess.confidence)}): {guess.reasons.join(", ")}.
      </p>
      <div className="actions">
        <Button disabled={waiting} onClick={() => set("PERSON")}>
          Person
        </Button>
        <Button disabled={waiting} onClick={() => set("ORGANISATION")}>
          Organisation
        </Button>
      </div>
    </div>
  );
}
