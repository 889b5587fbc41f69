import { useClient } from "urql";
import { DecideMassChangeDocument } from "../../gql/graphql";
import { useScope } from "../../graphql/context";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { count, time } from "../../words";
import type { Organisation } from ".";

interface Props {
  organisation: Organisation;
  change: NonNullable<Organisation["massChange"]>;
}

/** A person says whether a change of very many contacts was meant. Until then nothing is applied or sent. */
export function MassChange({ organisation, change }: Props) {
  const client = useClient();
  const maySetUp = useScope("ADMIN");
  const { waiting, act } = useActing();
  const inXero = change.side === "XERO";
  const decide = (apply: boolean) =>
    act(
      apply ? "The change is applied." : "Tandem reads all of Xero again.",
      client.mutation(DecideMassChangeDocument, { input: { organisationId: organisation.id, apply } }),
      (data) => data.decideMassChange,
    );
  return (
    <section className="mass-change" aria-label="Mass change">
      <p>
        <strong>
          {count(change.changed, "contact")} of {change.of.toLocaleString("en")} changed at once{" "}
          {inXero ? "in Xero" : "in the practice"}
        </strong>
        , {time(change.since)}. They were archived, merged or forgotten, lost a value, or all got the same
        value. Nothing is applied or sent until somebody decides.
      </p>
      {maySetUp ? (
        <div className="actions">
          <Button disabled={waiting} onClick={() => decide(false)}>
            It was a mistake: read Xero again
          </Button>
          <Button disabled={waiting} onClick={() => decide(true)}>
            It was meant: apply to {count(change.changed, "contact")}
          </Button>
        </div>
      ) : (
        <p className="muted">An ADMIN of the practice decides.</p>
      )}
      <p className="muted small">
        If it was a mistake, put it right {inXero ? "in Xero" : "in the practice"} first. Tandem then counts
        again, and goes on by itself if the change is gone.
      </p>
    </section>
  );
}
