import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import { useEffect, useState } from "react";
import {
  ContactsDocument,
  type ContactFilter,
  type ContactRowFragment,
  type SyncState,
} from "../../gql/graphql";
import { useReload } from "../../graphql/context";
import { usePages } from "../../graphql/pages";
import { setFilters, usePlace } from "../../routing";
import { Search } from "../../ui/search";
import { Empty, Failed, Loading } from "../../ui/states";
import { VirtualList } from "../../ui/virtual-list";
import { count, STATES } from "../../words";
import { ContactPage } from "./contact-page";

export function Contacts() {
  const filter = useFilter();
  const filtered = JSON.stringify(filter);
  const pages = usePages(ContactsDocument, { filter }, (data) => data.contacts);
  const contacts = pages.nodes;
  const first = contacts[0]?.id;
  // A contact that a person works with stays on the page, although the list no longer has it, as after a push.
  const [selectedId, setSelectedId] = useState<string | null>(null);
  const shownId = selectedId ?? first;
  useEffect(() => setSelectedId(null), [filtered]);
  useEffect(() => {
    if (selectedId === null && first && !pages.loading) setSelectedId(first);
  }, [selectedId, first, pages.loading]);
  useReload(
    ({ __typename }) => ["Resync", "LinkUpdate", "ContactUpdate", "Deletion"].includes(__typename),
    pages.reload,
  );
  return (
    <section className="inbox">
      <h1>Contacts</h1>
      <div className="toolbar">
        <Filters />
        <span className="muted" role="status">
          {!pages.loading && `${count(pages.totalCount, "contact")}${pages.isExact ? "" : " or more"}`}
        </span>
      </div>
      {pages.error && contacts.length === 0 ? (
        <Failed error={pages.error} retry={pages.reload} />
      ) : !shownId ? (
        pages.loading ? (
          <Loading what="contacts" />
        ) : (
          <Empty title="No contact fits these filters" />
        )
      ) : (
        <div className="split">
          <VirtualList
            items={contacts}
            selected={contacts.find((contact) => contact.id === shownId)}
            label="Contacts"
            onSelect={setSelectedId}
            onEnd={pages.loadMore}
          >
            {(contact) => <Row contact={contact} />}
          </VirtualList>
          <ContactPage key={shownId} id={shownId} />
        </div>
      )}
    </section>
  );
}

function Row({ contact }: { contact: ContactRowFragment }) {
  return (
    <>
      <span className="row-name">{contact.name}</span>
      <span className="row-email muted">{contact.billingEmail ?? "no email"}</span>
      <span className="row-tags">
        {contact.classification?.needsReview && <span className="badge">Review</span>}
        {contact.syncLinks.map(({ id, state }) => (
          <span key={id} className={`badge ${state.toLowerCase()}`}>
            {STATES[state]}
          </span>
        ))}
      </span>
    </>
  );
}

function useFilter(): ContactFilter {
  const { filters } = usePlace();
  const state = filters.get("state") ?? "";
  return {
    search: filters.get("search"),
    linked: state === "NONE" ? false : null,
    syncState: state in STATES ? [state as SyncState] : null,
    needsReview: filters.get("review") === "yes" ? true : null,
  };
}

function Filters() {
  const { filters } = usePlace();
  const state = filters.get("state");
  return (
    <div className="filters" role="group" aria-label="Filters">
      <Search placeholder="Search name, email or phone" />
      <ToggleGroup
        className="toggles"
        aria-label="State of the link"
        value={state ? [state] : []}
        onValueChange={([chosen]) => setFilters({ state: chosen ?? null })}
      >
        {Object.entries({ NONE: "Not linked", ...STATES }).map(([value, label]) => (
          <Toggle key={value} value={value} className="toggle">
            {label}
          </Toggle>
        ))}
      </ToggleGroup>
      <Toggle
        className="toggle"
        title="The guess whether the contact is a person or an organisation is unsure"
        pressed={filters.get("review") === "yes"}
        onPressedChange={(pressed) => setFilters({ review: pressed ? "yes" : null })}
      >
        Needs review
      </Toggle>
    </div>
  );
}
