import { useState } from "react";
import { useClient } from "urql";
import {
  PushToXeroDocument,
  RetryLinkDocument,
  UnsyncDocument,
  type PushToXeroInput,
  type PushToXeroMutation,
} from "../../gql/graphql";
import { useConsole, useScope } from "../../graphql/context";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Problems } from "../../ui/problems";
import { FIELDS, STATES, time } from "../../words";
import type { Contact } from "./contact-page";

type Link = Contact["syncLinks"][number];
type Existing = NonNullable<PushToXeroMutation["pushToXero"]>["existing"];

/** Which Xero contact the contact is, in each organisation, and what a person can do about it. */
export function XeroClient({ contact }: { contact: Contact }) {
  const { start } = useConsole();
  const ready = start.workspace.xeroOrganisations.filter((one) => one.contactSync.startedAt !== null);
  const unlinked = ready.filter((one) => !contact.syncLinks.some((link) => link.organisation.id === one.id));
  return (
    <section aria-labelledby="xero-client" className="part">
      <h3 id="xero-client">Xero client</h3>
      {contact.syncLinks.map((link) => (
        <Linked key={link.id} link={link} />
      ))}
      {unlinked.map((one) => (
        <Push key={one.id} contact={contact} organisation={one} />
      ))}
      {ready.length === 0 && <p className="muted">No Xero organisation syncs contacts yet.</p>}
    </section>
  );
}

function Linked({ link }: { link: Link }) {
  const client = useClient();
  const mayDecide = useScope("WRITE");
  const { waiting, act } = useActing();
  const [asked, setAsked] = useState<Link | null>(null);
  const may = (action: Link["allowedActions"][number]) => mayDecide && link.allowedActions.includes(action);

  const unsync = ({ id, version }: Link) => {
    setAsked(null);
    void act(
      "Unsynced. The link waits under Match Issues, Unsynced.",
      client.mutation(UnsyncDocument, { input: { linkId: id, version } }),
      (data) => data.unsync,
    );
  };
  const retry = () =>
    act(
      "Tried again.",
      client.mutation(RetryLinkDocument, { input: { linkIds: [link.id] } }),
      (data) => data.retrySync,
    );

  return (
    <div className="link-card">
      <p>
        <span className={`badge ${link.state.toLowerCase()}`}>{STATES[link.state]}</span>{" "}
        {link.xeroContact ? (
          <a href={link.xeroContact.url} target="_blank" rel="noreferrer">
            {link.xeroContact.name}
          </a>
        ) : (
          "Xero has not created the contact yet"
        )}{" "}
        <span className="muted">
          in {link.organisation.name}
          {link.lastSyncedAt && `, last synced ${time(link.lastSyncedAt)}`}
        </span>
      </p>
      {link.failure && <Problems problems={[link.failure]} here />}
      {link.warnings.map((warning) => (
        <p key={warning} className="muted">
          {warning}
        </p>
      ))}
      {link.differences.length > 0 && (
        <ul className="muted small">
          {link.differences.map((one) => (
            <li key={one.field}>
              {FIELDS[one.field]}: {one.practice ?? "blank"} here, {one.xero ?? "blank"} in Xero
            </li>
          ))}
        </ul>
      )}
      <div className="actions">
        {may("RETRY") && (
          <Button disabled={waiting} onClick={retry}>
            Try again
          </Button>
        )}
        {may("UNSYNC") && (
          <Button disabled={waiting} onClick={() => setAsked(link)}>
            Unsync …
          </Button>
        )}
      </div>
      <Dialog
        open={asked !== null}
        onClose={() => setAsked(null)}
        title="Unsync this contact?"
        actions={
          <Button kind="primary" onClick={() => asked && unsync(asked)}>
            Unsync
          </Button>
        }
      >
        <p>
          Both contacts stay as they are. Changes no longer flow between them, and no import matches the two
          again. You can link them again under Match Issues, Unsynced.
        </p>
      </Dialog>
    </div>
  );
}

interface PushProps {
  contact: Contact;
  organisation: { id: string; name: string };
}

/** Creates the contact in Xero. If Xero has one like it, a person chooses between that one and a second one. */
function Push({ contact, organisation }: PushProps) {
  const client = useClient();
  const mayDecide = useScope("WRITE");
  const { waiting, act } = useActing();
  const [existing, setExisting] = useState<Existing>([]);
  const [isTaken, setTaken] = useState(false);
  const [asked, setAsked] = useState(contact); // as it was when a person asked for the push

  async function push(choice: Pick<PushToXeroInput, "linkTo" | "createAnyway">, { id, version } = asked) {
    const input = { contactId: id, version, organisationId: organisation.id, ...choice };
    const done = choice.linkTo ? "Linked." : "Xero creates the contact now.";
    const { payload } = await act(
      done,
      client.mutation(PushToXeroDocument, { input }),
      (data) => data.pushToXero,
    );
    setExisting(payload?.existing ?? []);
    setTaken(payload?.userErrors.some((one) => one.code === "TAKEN") ?? false);
  }

  const begin = () => {
    setAsked(contact);
    void push({}, contact);
  };

  if (!mayDecide) return <p className="muted">Not in {organisation.name}.</p>;
  return (
    <div className="link-card">
      <div className="actions">
        <Button disabled={waiting || contact.archivedAt !== null} onClick={begin}>
          Create Xero contact
        </Button>
        <span className="muted">in {organisation.name}</span>
      </div>
      <Dialog
        open={existing.length > 0}
        onClose={() => setExisting([])}
        title="Xero has a contact like this"
        actions={
          !isTaken && (
            <Button disabled={waiting} onClick={() => push({ createAnyway: true })}>
              Create a second one
            </Button>
          )
        }
      >
        <ul className="choices">
          {existing.map((one) => (
            <li key={one.id}>
              <span>
                {one.name} <span className="muted">{one.email}</span>{" "}
                {one.status !== "ACTIVE" && <span className="badge">Archived</span>}
              </span>
              {one.syncLink ? (
                <span className="muted">is linked already</span>
              ) : (
                <Button disabled={waiting} onClick={() => push({ linkTo: one.id })}>
                  Link with this one
                </Button>
              )}
            </li>
          ))}
        </ul>
      </Dialog>
    </div>
  );
}
