import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import {
  ContactsDocument,
  type ContactFilter,
  type ContactRowFragment,
  type SyncState,
} from "../../gql/graphql";
import { useReload } from "../../graphql/context";
import { usePages } from "../../graphql/pages";
import { setFilters, usePlace } from "../../routing";
import { ListScreen } from "../../ui/list-screen";
import { Search } from "../../ui/search";
import { Empty } from "../../ui/states";
import { STATES } from "../../words";
import { ContactPage } from "./contact-page";

export function Contacts() {
  const filter = useFilter();
  const pages = usePages(ContactsDocument, { filter }, (data) => data.contacts);
  useReload(
    ({ __typename }) => ["Resync", "LinkUpdate", "ContactUpdate", "Deletion"].includes(__typename),
    pages.reload,
  );
  return (
    <ListScreen
      title="Contacts"
      noun="contact"
      filter={filter}
      filters={<Filters />}
      pages={pages}
      empty={<Empty title="No contact fits these filters" />}
      row={(contact) => <Row contact={contact} />}
      detail={(id) => <ContactPage key={id} id={id} />}
    />
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
