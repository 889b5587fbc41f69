import { useClient } from "urql";
import { RestoreValueDocument } from "../../gql/graphql";
import { useScope } from "../../graphql/context";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { fieldName, time } from "../../words";
import type { Contact } from "./contact-page";

type Event = Contact["activity"]["edges"][number]["node"];
type Change = Event["changes"][number];

/** What happened to the contact, the newest first. A value that was overwritten can be restored. */
export function History({ contact }: { contact: Contact }) {
  return (
    <section aria-labelledby="history" className="part">
      <h3 id="history">History</h3>
      <ol className="history">
        {contact.activity.edges.map(({ node }) => (
          <li key={node.id}>
            <p>
              {node.message}{" "}
              <span className="muted small">
                {node.actor.name}, {time(node.at)}
              </span>
            </p>
            {node.changes.map((change) => (
              <Changed key={change.field} change={change} version={contact.version} />
            ))}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Changed({ change, version }: { change: Change; version: number }) {
  const client = useClient();
  const mayEdit = useScope("WRITE");
  const { waiting, act } = useActing();
  const restore = () =>
    act(
      `Restored: ${change.before}`,
      client.mutation(RestoreValueDocument, {
        input: { eventId: change.eventId, field: change.field, version },
      }),
      (data) => data.restoreValue,
    );
  return (
    <div className="change">
      <span className="muted">
        {fieldName(change.field)} {change.writtenTo === "XERO" ? "in Xero" : "here"}
      </span>
      <span>
        <del>{change.before ?? "blank"}</del> → {change.after ?? "blank"}
      </span>
      {change.restorable && mayEdit && (
        <Button disabled={waiting} onClick={restore}>
          Restore
        </Button>
      )}
    </div>
  );
}
