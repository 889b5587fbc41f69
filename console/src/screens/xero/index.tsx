import { useClient, useQuery } from "urql";
import {
  ConnectXeroDocument,
  OrganisationsDocument,
  type OrganisationStateFragment,
} from "../../gql/graphql";
import { useConsole, useScope } from "../../graphql/context";
import { usePlace } from "../../routing";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { Empty } from "../../ui/states";
import { OrganisationCard } from "./organisation-card";

export type Organisation = OrganisationStateFragment;

/** Why the way back from Xero brought no connection: the values of `error` in docs/CONNECTING.md. */
const FAILURES: Record<string, string> = {
  ACCESS_DENIED: "The consent was not given in Xero.",
  CODE_REFUSED: "Xero refused the answer of its own page. Begin again.",
  XERO_UNAVAILABLE: "Xero does not answer at the moment. Try again in a few minutes.",
  MISCONFIGURED: "Xero does not accept the app of this server. Tell who runs the server.",
  NO_ORGANISATION: "No organisation was chosen in Xero. Begin again, and choose one.",
  STALE_CONNECTION: "Xero still has an older connection. Begin again.",
  OTHER_ORGANISATION: "Another organisation was chosen in Xero. Begin again, and choose the same one.",
  CONNECTED_ELSEWHERE: "This organisation is connected in another practice. Disconnect it there first.",
};

/** The Xero organisations: connecting, the first import, health, and what a person has to do. */
export function Xero() {
  const { start } = useConsole();
  const { filters } = usePlace();
  const maySetUp = useScope("ADMIN");
  useQuery({ query: OrganisationsDocument, requestPolicy: "cache-and-network" }); // the cache brings its answer into `start`
  const organisations = start.workspace.xeroOrganisations;
  const failure = filters.get("error");
  return (
    <section className="inbox">
      <div className="heading">
        <h1>Xero</h1>
        {maySetUp && <Connect label="Connect an organisation …" />}
      </div>
      {failure && (
        <p className="problem" role="alert">
          Xero was not connected. {FAILURES[failure] ?? "Begin again."}
        </p>
      )}
      {organisations.length === 0 ? (
        <Empty title="No Xero organisation is connected">
          {maySetUp
            ? "Connect one: Xero asks for your consent, and then this page shows what an import would do."
            : "An ADMIN of the practice connects one."}
        </Empty>
      ) : (
        <div className="cards" tabIndex={0}>
          {organisations.map((one) => (
            <OrganisationCard key={one.id} organisation={one} />
          ))}
        </div>
      )}
    </section>
  );
}

/** Leads to Xero's page of consent, and from there back to this screen. */
export function Connect({ label, organisationId }: { label: string; organisationId?: string }) {
  const client = useClient();
  const { waiting, act } = useActing();
  const connect = async () => {
    const input = { returnTo: "/console/xero", organisationId: organisationId ?? null };
    const { payload } = await act(
      "Xero asks for your consent.",
      client.mutation(ConnectXeroDocument, { input }),
      (data) => data.connectXero,
    );
    if (payload?.authorizationUrl) window.location.assign(payload.authorizationUrl);
  };
  return (
    <Button disabled={waiting} onClick={connect}>
      {label}
    </Button>
  );
}
