import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import { InvoicesDocument, type InvoiceFilter, type InvoiceStatus } from "../../gql/graphql";
import { useReload, useScope } from "../../graphql/context";
import { usePages } from "../../graphql/pages";
import { placeOf, setFilters, usePlace } from "../../routing";
import { Link } from "../../ui/link";
import { ListScreen } from "../../ui/list-screen";
import { Search } from "../../ui/search";
import { Empty } from "../../ui/states";
import { date, money } from "../../words";
import { InvoicePage } from "./invoice-page";
import { STATUSES, SYNC } from "./words";

export function Invoices() {
  const filter = useFilter();
  const mayWrite = useScope("WRITE");
  const pages = usePages(InvoicesDocument, { filter }, (data) => data.invoices);
  useReload(({ __typename }) => ["Resync", "InvoiceUpdate"].includes(__typename), pages.reload);
  return (
    <ListScreen
      title="Invoices"
      noun="invoice"
      filter={filter}
      filters={<Filters />}
      pages={pages}
      empty={
        <Empty title="No invoice fits these filters">
          Write one here, or let the practice’s apps create invoices.
        </Empty>
      }
      acts={
        mayWrite && (
          <Link to={placeOf("invoices/new")} className="button primary">
            New invoice
          </Link>
        )
      }
      row={(invoice) => (
        <>
          <span className="row-name">
            {invoice.number} {invoice.contact.name}
          </span>
          <span className="row-email muted">
            {money(invoice.total, invoice.currency)}, due {date(invoice.dueDate)}
          </span>
          <span className="row-tags">
            {(invoice.sync.state === "FAILING" || invoice.sync.state === "CHANGED_IN_XERO") && (
              <span className="badge failing">{SYNC[invoice.sync.state]}</span>
            )}
            <span className="muted">{STATUSES[invoice.status]}</span>
          </span>
        </>
      )}
      detail={(id) => <InvoicePage key={id} id={id} />}
    />
  );
}

function useFilter(): InvoiceFilter {
  const { filters } = usePlace();
  const status = filters.get("status") ?? "";
  return {
    search: filters.get("search"),
    status: status in STATUSES ? [status as InvoiceStatus] : null,
    syncState: filters.get("trouble") === "yes" ? ["FAILING", "CHANGED_IN_XERO"] : null,
  };
}

function Filters() {
  const { filters } = usePlace();
  const status = filters.get("status");
  return (
    <div className="filters" role="group" aria-label="Filters">
      <Search placeholder="Search number or contact" />
      <ToggleGroup
        className="toggles"
        aria-label="Status"
        value={status ? [status] : []}
        onValueChange={([chosen]) => setFilters({ status: chosen ?? null })}
      >
        {Object.entries(STATUSES).map(([value, label]) => (
          <Toggle key={value} value={value} className="toggle">
            {label}
          </Toggle>
        ))}
      </ToggleGroup>
      <Toggle
        className="toggle"
        pressed={filters.get("trouble") === "yes"}
        onPressedChange={(pressed) => setFilters({ trouble: pressed ? "yes" : null })}
      >
        Failing or changed
      </Toggle>
    </div>
  );
}
