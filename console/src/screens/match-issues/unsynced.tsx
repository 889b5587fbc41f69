import { useState } from "react";
import { useClient } from "urql";
import {
  CreateFromUnsyncedDocument,
  DismissLinkDocument,
  RematchDocument,
  UnsyncedLinksDocument,
  type Side,
  type UnsyncedLinksQuery,
} from "../../gql/graphql";
import { useReload, useScope } from "../../graphql/context";
import { usePages } from "../../graphql/pages";
import { Button } from "../../ui/button";
import { useActing } from "../../ui/acting";
import { Empty, Failed, Loading } from "../../ui/states";
import { FIELDS, STATES, time } from "../../words";

type Link = UnsyncedLinksQuery["syncLinks"]["edges"][number]["node"];

/** The links that have ended: a person resumes one, makes a new contact from one side, or dismisses the link. */
export function Unsynced() {
  const pages = usePages(UnsyncedLinksDocument, {}, (data) => data.syncLinks);
  const links = pages.nodes.filter((link) => link.state === "UNSYNCED" || link.state === "BROKEN");
  useReload(({ __typename }) => ["Resync", "LinkUpdate"].includes(__typename), pages.reload);
  if (pages.error && links.length === 0) return <Failed error={pages.error} retry={pages.reload} />;
  if (links.length === 0) {
    if (pages.loading) return <Loading what="ended links" />;
    return (
      <Empty title="No ended links">
        A link ends when a person unsyncs it, or when its contact is archived in Xero. It then waits here.
      </Empty>
    );
  }
  return (
    <div className="cards" tabIndex={0}>
      {links.map((link) => (
        <EndedLink key={link.id} link={link} />
      ))}
      {pages.hasMore && <Button onClick={pages.loadMore}>Show more</Button>}
    </div>
  );
}

function EndedLink({ link }: { link: Link }) {
  const client = useClient();
  const mayDecide = useScope("WRITE");
  const { waiting, act } = useActing();
  const [winner, setWinner] = useState<Side>("XERO");
  const { id: linkId, version } = link;
  const may = (action: Link["allowedActions"][number]) => mayDecide && link.allowedActions.includes(action);

  const rematch = () =>
    act(
      "Linked again.",
      client.mutation(RematchDocument, { input: { linkId, version, winner } }),
      (data) => data.rematch,
    );
  const create = (basis: Side) =>
    act(
      basis === "XERO" ? "A new contact was created from Xero’s." : "A new Xero contact will be created.",
      client.mutation(CreateFromUnsyncedDocument, { input: { linkId, version, basis } }),
      (data) => data.createFromUnsynced,
    );
  const dismiss = () =>
    act(
      "Dismissed.",
      client.mutation(DismissLinkDocument, { input: { links: [{ linkId, version }] } }),
      (data) => data.dismissLinks,
    );

  return (
    <article className="card">
      <header>
        <h2>{link.contact.name}</h2>
        <span className={`badge ${link.state.toLowerCase()}`}>{STATES[link.state]}</span>
        <span className="muted small">since {time(link.stateSince)}</span>
      </header>
      {link.failure && <p>{link.failure.message}</p>}
      <p className="muted">
        In {link.organisation.name}:{" "}
        {link.xeroContact ? (
          <a href={link.xeroContact.url} target="_blank" rel="noreferrer">
            {link.xeroContact.name}
          </a>
        ) : (
          "the Xero contact is gone"
        )}
      </p>
      {link.differences.length > 0 && (
        <dl className="differences">
          {link.differences.map((one) => (
            <div key={one.field}>
              <dt>{FIELDS[one.field]}</dt>
              <dd>
                <span>Practice: {one.practice ?? <span className="blank">blank</span>}</span>
                <span>Xero: {one.xero ?? <span className="blank">blank</span>}</span>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {mayDecide && (
        <div className="actions">
          {may("REMATCH") && (
            <>
              <Button kind="primary" disabled={waiting} onClick={rematch}>
                Link again
              </Button>
              {link.differences.length > 0 && (
                <label className="inline">
                  where they differ,{" "}
                  <select value={winner} onChange={(event) => setWinner(event.target.value as Side)}>
                    <option value="XERO">Xero’s value wins</option>
                    <option value="PRACTICE">the practice’s value wins</option>
                  </select>
                </label>
              )}
            </>
          )}
          {may("CREATE_FROM_UNSYNCED") && (
            <>
              <Button disabled={waiting} onClick={() => create("XERO")}>
                New contact from Xero’s
              </Button>
              <Button disabled={waiting} onClick={() => create("PRACTICE")}>
                New Xero contact
              </Button>
            </>
          )}
          {may("DISMISS") && (
            <Button disabled={waiting} onClick={dismiss}>
              Dismiss
            </Button>
          )}
        </div>
      )}
    </article>
  );
}
