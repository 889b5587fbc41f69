import { useState } from "react";
import { useClient, useQuery } from "urql";
import { ConfirmSureDocument, SureMatchesDocument } from "../../gql/graphql";
import { useConsole } from "../../graphql/context";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { useTell } from "../../ui/notices";
import { explain, Failed, Loading } from "../../ui/states";
import { count } from "../../words";

/** Confirms all sure issues of an organisation, after a preview of what this overwrites. */
export function ConfirmSure({ onDone }: { onDone: () => void }) {
  const { start } = useConsole();
  const organisations = start.workspace.xeroOrganisations.filter((one) => one.summary.openIssues > 0);
  const [asking, setAsking] = useState<string | null>(null);
  return (
    <>
      {organisations.map((one) => (
        <Button key={one.id} onClick={() => setAsking(one.id)}>
          Confirm all sure{organisations.length > 1 && `: ${one.name}`} …
        </Button>
      ))}
      {asking && <Preview organisationId={asking} onClose={() => setAsking(null)} onDone={onDone} />}
    </>
  );
}

interface Props {
  organisationId: string;
  onClose: () => void;
  onDone: () => void;
}

function Preview({ organisationId, onClose, onDone }: Props) {
  const client = useClient();
  const tell = useTell();
  const [waiting, setWaiting] = useState(false);
  const [{ data, error, fetching }, read] = useQuery({
    query: SureMatchesDocument,
    variables: { organisationId },
    requestPolicy: "network-only",
  });
  const preview = data?.xeroOrganisation?.sureMatchesPreview;

  async function confirm(shown: number) {
    setWaiting(true);
    const result = await client.mutation(ConfirmSureDocument, { input: { organisationId, count: shown } });
    const payload = result.data?.resolveMatchIssues;
    const refusals = payload?.userErrors.map((one) => one.message) ?? [];
    if (result.error || refusals.length > 0) {
      setWaiting(false);
      tell(result.error ? explain(result.error) : refusals.join(" "), "refused");
      read({ requestPolicy: "network-only" });
      return;
    }
    const results = payload?.results ?? [];
    const refused = results.filter((one) => one.userErrors.length > 0).length;
    tell(
      `${count(results.length - refused, "issue")} confirmed${refused > 0 ? `, ${refused} refused` : ""}.`,
    );
    onDone();
    onClose();
  }

  const title = preview ? `Confirm ${count(preview.count, "sure issue")}?` : "Confirm all sure";
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      actions={
        preview &&
        preview.count > 0 && (
          <Button kind="primary" disabled={waiting} onClick={() => confirm(preview.count)}>
            {waiting ? "Confirming …" : `Confirm ${preview.count}`}
          </Button>
        )
      }
    >
      {error && <Failed error={error} retry={() => read({ requestPolicy: "network-only" })} />}
      {!error && (fetching || !preview) && <Loading what="the preview" />}
      {preview && !fetching && (
        <>
          <p>
            {preview.count === 0
              ? "No open issue is sure: look at each."
              : `Xero’s values replace ${count(preview.fieldsOverwritten, "value")} of the practice’s contacts. Each can be restored in the contact’s history.`}
          </p>
          <ul className="sample">
            {preview.sample.map((issue) => (
              <li key={issue.id}>
                {issue.candidates[0]?.contact.name} <span className="muted">with</span>{" "}
                {issue.xeroContact.name}
                <span className="muted small"> {issue.candidates[0]?.evidence.join(", ")}</span>
              </li>
            ))}
          </ul>
          {preview.count > preview.sample.length && (
            <p className="muted small">The first {preview.sample.length} are shown.</p>
          )}
        </>
      )}
    </Dialog>
  );
}
