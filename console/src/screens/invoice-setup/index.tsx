import { useQuery } from "urql";
import { AccountsDocument, InvoiceSetupDocument, type InvoiceSetupQuery } from "../../gql/graphql";
import { useConsole, useReload, useScope } from "../../graphql/context";
import { useAll } from "../../graphql/pages";
import { setFilters, usePlace } from "../../routing";
import { Choice } from "../../ui/choice";
import { Empty, Failed, Loading } from "../../ui/states";
import { Problems } from "../../ui/problems";
import { DefaultAccounts, ServiceTypes } from "./accounts";
import { StartDate } from "./start-date";
import { TaxRates } from "./tax-rates";

export type Organisation = NonNullable<InvoiceSetupQuery["xeroOrganisation"]>;

/** How invoices go to Xero: from which date, to which accounts, with which tax rates, and what is missing. */
export function InvoiceSetup() {
  const { start } = useConsole();
  const { filters } = usePlace();
  const organisations = start.workspace.xeroOrganisations;
  const chosen = organisations.find((one) => one.id === filters.get("organisation")) ?? organisations[0];
  return (
    <section className="inbox">
      <div className="heading">
        <h1>Invoice set-up</h1>
        {organisations.length > 1 && chosen && (
          <Choice
            label="Organisation"
            value={chosen.id}
            options={organisations.map(({ id, name }) => [id, name])}
            onChange={(organisation) => setFilters({ organisation })}
          />
        )}
      </div>
      {chosen ? (
        <Setup key={chosen.id} organisationId={chosen.id} />
      ) : (
        <Empty title="No Xero organisation is connected">Connect one on the screen Xero first.</Empty>
      )}
    </section>
  );
}

function Setup({ organisationId }: { organisationId: string }) {
  const [{ data, error }, read] = useQuery({
    query: InvoiceSetupDocument,
    variables: { organisationId },
    requestPolicy: "cache-and-network",
  });
  const accounts = useAll(
    AccountsDocument,
    { organisationId },
    (answer) => answer.xeroOrganisation?.accounts,
  );
  const again = () => read({ requestPolicy: "network-only" });
  useReload(
    ({ __typename }) => ["ConnectionUpdate", "WorkspaceUpdate", "Resync"].includes(__typename),
    () => {
      again();
      accounts.reload(); // Xero's accounts come a moment after the connection
    },
  );
  const mayChange = useScope("ADMIN");

  const organisation = data?.xeroOrganisation;
  if (!organisation) {
    if (error) return <Failed error={error} retry={again} />;
    return data ? <Empty title="There is no such organisation" /> : <Loading what="the set-up" />;
  }
  const { gaps } = organisation.invoiceSync;
  const shared = { organisation, accounts: accounts.nodes, mayChange };
  return (
    <div className="cards" tabIndex={0}>
      <section className="card" aria-labelledby="gaps">
        <h2 id="gaps">{gaps.length === 0 ? "The set-up is complete" : "What is missing"}</h2>
        {gaps.length > 0 && <Problems problems={gaps} here />}
        {!mayChange && <p className="muted">An ADMIN of the practice changes the set-up.</p>}
      </section>
      <StartDate {...shared} currency={data.workspace.currency} />
      <DefaultAccounts {...shared} />
      <ServiceTypes {...shared} />
      <TaxRates {...shared} />
    </div>
  );
}
