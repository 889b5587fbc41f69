import { useState, type FormEvent } from "react";
import { useClient } from "urql";
import { UpdateContactDocument, type UpdateContactInput } from "../../gql/graphql";
import { useActing } from "../../ui/acting";
import { Stale, useBegun } from "../../ui/begun";
import { Button } from "../../ui/button";
import type { Contact } from "./contact-page";

const LONGEST = { name: 255, billingEmail: 255, primaryPhone: 50, part: 255 };

/** The fields as they are typed. The lines of the address stand in one text area. */
interface Typed {
  name: string;
  billingEmail: string;
  primaryPhone: string;
  attentionTo: string;
  lines: string;
  city: string;
  region: string;
  postalCode: string;
  country: string;
}

type Member = keyof Typed;
const ADDRESS: [Member, string][] = [
  ["attentionTo", "Attention to"],
  ["lines", "Street, one line each"],
  ["city", "City"],
  ["region", "Region"],
  ["postalCode", "Postal code"],
  ["country", "Country"],
];

/** Edits the synced fields. A contact that somebody else has changed meanwhile is refused, and what was typed stays. */
export function EditContact({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const client = useClient();
  const { waiting, act } = useActing();
  const { begun, isStale } = useBegun(contact);
  const [typed, setTyped] = useState(() => typedOf(begun));
  const [refusals, setRefusals] = useState<{ message: string; path: string[] | null }[]>([]);

  async function save(event: FormEvent) {
    event.preventDefault();
    const input = { contactId: begun.id, version: begun.version, ...changesOf(typedOf(begun), typed) };
    const { accepted, payload } = await act(
      `Saved: ${typed.name}`,
      client.mutation(UpdateContactDocument, { input }),
      (data) => data.updateContact,
    );
    if (accepted) onClose();
    else setRefusals(payload?.userErrors ?? []);
  }

  const field = (member: Member, label: string, longest: number = LONGEST.part) => {
    const refusal = refusals.find(({ path }) => path?.includes(member));
    const shared = {
      id: `edit-${member}`,
      value: typed[member],
      "aria-invalid": refusal !== undefined,
      onChange: (event: { target: { value: string } }) =>
        setTyped((before) => ({ ...before, [member]: event.target.value })),
    };
    return (
      <div key={member}>
        <label htmlFor={shared.id}>{label}</label>
        {member === "lines" ? <textarea rows={2} {...shared} /> : <input maxLength={longest} {...shared} />}
      </div>
    );
  };

  return (
    <form className="editor" onSubmit={save} aria-label={`Edit ${contact.name}`}>
      {field("name", "Name", LONGEST.name)}
      {field("billingEmail", "Billing email", LONGEST.billingEmail)}
      {field("primaryPhone", "Primary phone", LONGEST.primaryPhone)}
      <fieldset>
        <legend>Billing address</legend>
        {ADDRESS.map(([member, label]) => field(member, label))}
      </fieldset>
      {isStale && <Stale what="contact" />}
      {refusals.map(({ message }) => (
        <p key={message} className="problem" role="alert">
          {message}
        </p>
      ))}
      <div className="actions">
        <Button kind="primary" type="submit" disabled={waiting || isStale}>
          Save
        </Button>
        <Button onClick={onClose}>Cancel</Button>
        {contact.syncLinks.length > 0 && <span className="muted">What you change goes to Xero too.</span>}
      </div>
    </form>
  );
}

function typedOf({ name, billingEmail, primaryPhone, billingAddress }: Contact): Typed {
  return {
    name,
    billingEmail: billingEmail ?? "",
    primaryPhone: primaryPhone ?? "",
    attentionTo: billingAddress?.attentionTo ?? "",
    lines: billingAddress?.lines.join("\n") ?? "",
    city: billingAddress?.city ?? "",
    region: billingAddress?.region ?? "",
    postalCode: billingAddress?.postalCode ?? "",
    country: billingAddress?.country ?? "",
  };
}

/** The fields that differ. A field that nobody touched is not sent, and an address is sent as a whole. */
function changesOf(before: Typed, now: Typed): Partial<UpdateContactInput> {
  const changes: Partial<UpdateContactInput> = {};
  if (now.name !== before.name) changes.name = now.name;
  if (now.billingEmail !== before.billingEmail) changes.billingEmail = now.billingEmail || null;
  if (now.primaryPhone !== before.primaryPhone) changes.primaryPhone = now.primaryPhone || null;
  if (ADDRESS.some(([member]) => now[member] !== before[member])) changes.billingAddress = addressOf(now);
  return changes;
}

function addressOf(typed: Typed): UpdateContactInput["billingAddress"] {
  if (ADDRESS.every(([member]) => typed[member].trim() === "")) return null;
  return {
    attentionTo: typed.attentionTo || null,
    lines: typed.lines.split("\n").filter((line) => line.trim() !== ""),
    city: typed.city || null,
    region: typed.region || null,
    postalCode: typed.postalCode || null,
    country: typed.country || null,
  };
}
