import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import { useEffect, useState } from "react";
import { InvoicesDocument, type InvoiceFilter, type InvoiceStatus } from "../../gql/graphql";
import { useReload } from "../../graphql/context";
import { usePages } from "../../graphql/pages";
import { setFilters, usePlace } from "../../routing";
import { Search } from "../../ui/search";
import { Empty, Failed, Loading } from "../../ui/states";
import { VirtualList } from "../../ui/virtual-list";
import { count } from "../../words";
import { InvoicePage } from "./invoice-page";
import { money, STATUSES, SYNC } from "./words";

export function Invoices() {
  const filter = useFilter();
  const filtered = JSON.stringify(filter);
  const pages = usePages(InvoicesDocument, { filter }, (data) => data.invoices);
  const invoices = pages.nodes;
  const first = invoices[0]?.id;
  // An invoice that a person works with stays on the page, although the list no longer has it, as after an approval.
  const [selectedId, setSelectedId] = useState<string | null>(null);
  const shownId = selectedId ?? first;
  useEffect(() => setSelectedId(null), [filtered]);
  useEffect(() => {
    if (selectedId === null && first && !pages.loading) setSelectedId(first);
  }, [selectedId, first, pages.loading]);
  useReload(({ __typename }) => ["Resync", "InvoiceUpdate"].includes(__typename), pages.reload);
  return (
    <section className="inbox">
      <h1>Invoices</h1>
      <div className="toolbar">
        <Filters />
        <span className="muted" role="status">
          {!pages.loading && `${count(pages.totalCount, "invoice")}${pages.isExact ? "" : " or more"}`}
        </span>
      </div>
      {pages.error && invoices.length === 0 ? (
        <Failed error={pages.error} retry={pages.reload} />
      ) : !shownId ? (
        pages.loading ? (
          <Loading what="invoices" />
        ) : (
          <Empty title="No invoice fits these filters">
            The practice’s apps create invoices with createInvoice.
          </Empty>
        )
      ) : (
        <div className="split">
          <VirtualList
            items={invoices}
            selected={invoices.find((invoice) => invoice.id === shownId)}
            label="Invoices"
            onSelect={setSelectedId}
            onEnd={pages.loadMore}
          >
            {(invoice) => (
              <>
                <span className="row-name">
                  {invoice.number} {invoice.contact.name}
                </span>
                <span className="row-email muted">
                  {money(invoice.total, invoice.currency)}, due {invoice.dueDate}
                </span>
                <span className="row-tags">
                  {(invoice.sync.state === "FAILING" || invoice.sync.state === "CHANGED_IN_XERO") && (
                    <span className="badge failing">{SYNC[invoice.sync.state]}</span>
                  )}
                  <span className="muted">{STATUSES[invoice.status]}</span>
                </span>
              </>
            )}
          </VirtualList>
          <InvoicePage key={shownId} id={shownId} />
        </div>
      )}
    </section>
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
