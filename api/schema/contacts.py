"""The practice's contacts: the type, and the list with its search, filters and orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, NamedTuple, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.payloads import given
from api.relay import ids
from api.relay.described import described
from api.relay.loaders import batch, load_later
from api.relay.node import Node
from api.relay.paging import (
    COUNTED,
    MOST_FOUND,
    After,
    Asked,
    Before,
    Counted,
    Direction,
    Edge,
    First,
    Key,
    Last,
    Listing,
    Order,
    asked,
    read,
)
from api.relay.ranges import Range, Ranges
from api.relay.rows import columns
from api.schema import identifiers
from api.schema.identifiers import Identifier
from api.schema.links import in_states
from api.schema.refs import (
    ACTIVITY_CONNECTION_OF_CONTACT,
    CONTACT,
    CONTACT_TYPE,
    INVOICE_CONNECTION_OF_CONTACT,
    SYNC_LINKS_OF_CONTACT,
    ActivityConnectionRef,
    ContactTypeRef,
    InvoiceConnectionRef,
    InvoiceOrderRef,
    SyncLinkRef,
)
from api.schema.synced_fields import contact_fields, contact_values
from domain.connection import health as connection_health
from domain.described import DescribedEnum
from domain.fields.synced import SYNCED, Values, with_practice_values
from domain.names.text_keys import search_patterns
from domain.tables import ACTIVE, ACTIVE_STATES, ActivityKind, ContactKind, StoredIdentifier, SyncState
from domain.tx import Reader


class ContactRow(NamedTuple):
    id: UUID
    first_name: str | None
    last_name: str | None
    identifiers: list[StoredIdentifier]
    kind: str
    confidence: float | None
    reasons: list[str] | None
    needs_review: bool
    name_made_up: bool
    contact_type_id: UUID | None
    values: Values
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


_COLUMNS = columns(ContactRow, "c", values=[one.column for one in SYNCED.values()])
_row = with_practice_values(ContactRow)


@strawberry.type(
    description="How Tandem guessed whether a contact is a person or an organisation. It disappears once a"
    " person has chosen the kind."
)
class Classification:
    kind: ContactKind = strawberry.field(description="The kind that was guessed. It equals `Contact.kind`.")
    confidence: float = strawberry.field(
        description="How often such a guess is right: from 0.5 (no better than chance) to 1."
    )
    reasons: list[str] = strawberry.field(
        description="The words and signs in the name or the email that led to the guess, the most important first."
    )
    needs_review: bool = strawberry.field(
        description="True if the guess is too unsure to be used without a look by a person. A person should set `kind` with"
        " updateContact."
    )


@strawberry.type(
    description="A contact of the practice: a client, or anybody else whom the practice bills or writes to."
    " It may be linked to one contact in each Xero organisation."
)
@contact_fields(before="first_name")
class Contact(Node):
    row: strawberry.Private[ContactRow]
    first_name: str | None = strawberry.field(
        description="The first name of the person, or of the main person in the organisation. Copied from"
        " Xero when the contact is created from there; never synced afterwards."
    )
    last_name: str | None = strawberry.field(
        description="The last name of the person, or of the main person in the organisation. Copied from"
        " Xero when the contact is created from there; never synced afterwards."
    )
    identifiers: list[Identifier] = strawberry.field(
        description="Official numbers of the contact, as the practice gave them, or as Xero showed them when the contact was"
        " created from there. Evidence for matching; never synced and never sent to Xero."
    )
    kind: ContactKind = strawberry.field(
        description="Whether the contact is a person or an organisation: chosen by somebody, or else"
        " guessed from the name."
    )
    classification: Classification | None = strawberry.field(
        description="How `kind` was guessed. Null once a person has chosen it."
    )
    archived_at: datetime | None = strawberry.field(
        description="Since when the contact is out of use. An archived contact is never matched or pushed;"
        " its active links keep syncing. Null: in use."
    )
    created_at: datetime = strawberry.field(
        description="When the contact was created, by a person or from Xero."
    )
    updated_at: datetime = strawberry.field(
        description="When the contact last changed, no matter who changed it."
    )
    version: int = strawberry.field(
        description="A number that rises with every change. Send it with updateContact, so that a change"
        " which you have not seen is not overwritten."
    )

    @classmethod
    def of(cls, row: ContactRow) -> Self:
        kind = ContactKind(row.kind)
        return cls(
            id=ids.encode("Contact", row.id),
            row=row,
            first_name=row.first_name,
            last_name=row.last_name,
            identifiers=identifiers.shown(row.identifiers),
            kind=kind,
            classification=Classification(
                kind=kind,
                confidence=row.confidence,
                reasons=row.reasons or [],
                needs_review=row.needs_review,
            )
            if row.confidence is not None
            else None,
            **contact_values(row.values),
            archived_at=row.archived_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
            version=row.version,
        )

    @strawberry.field(description="The category that the practice gave this contact. Null if it has none.")
    def contact_type(self, info: Info[Context, None]) -> ContactTypeRef | None:
        if self.row.contact_type_id is None:
            return None
        return load_later(info.context, CONTACT_TYPE, self.row.contact_type_id)

    @strawberry.field(
        description="The links of this contact, in the order in which they began. For each organisation at"
        " most one is active (SYNCED, PENDING, FAILING, CONFLICT); UNSYNCED and BROKEN links may exist besides."
    )
    def sync_links(self, info: Info[Context, None]) -> list[SyncLinkRef]:
        return load_later(info.context, SYNC_LINKS_OF_CONTACT, self.row.id)

    @strawberry.field(
        description="The invoices that bill this contact. Without `orderBy`: the latest issue date first."
    )
    def invoices(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        order_by: Annotated[
            InvoiceOrderRef | None,
            strawberry.argument(
                description="By which field and in which direction to sort. Left out: the latest issue date"
                " first."
            ),
        ] = strawberry.UNSET,
    ) -> InvoiceConnectionRef:
        by = given(order_by)
        arguments = (asked(first, after, last, before), (by.field, by.direction) if by else None)
        return load_later(info.context, INVOICE_CONNECTION_OF_CONTACT, (self.row.id, arguments))

    @strawberry.field(description="The history of this contact, the newest event first.")
    def activity(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        kind: Annotated[
            list[ActivityKind] | None,
            strawberry.argument(
                description="Only events of one of these kinds. Left out, null or empty: all kinds."
            ),
        ] = strawberry.UNSET,
    ) -> ActivityConnectionRef:
        arguments = (asked(first, after, last, before), tuple(given(kind) or ()))
        return load_later(info.context, ACTIVITY_CONNECTION_OF_CONTACT, (self.row.id, arguments))


@batch(CONTACT, node="Contact")
async def _contacts(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, Contact]:
    rows = await tx.read(
        _row,
        f"select {_COLUMNS} from contact c where c.workspace_id = :ws and c.id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: Contact.of(row) for row in rows}


@strawberry.type(description="A row of a page: a contact, with its cursor.")
class ContactEdge(Edge):
    node: Contact = strawberry.field(description="The contact in this row.")


@strawberry.type(description="A page of the practice's contacts, with the total count of the list.")
class ContactConnection(Counted):
    edges: list[ContactEdge] = strawberry.field(
        description="The contacts of this page, in the order that was asked for."
    )


@described
class ContactOrderField(DescribedEnum):
    """The field whose values decide the order of a list of contacts."""

    NAME = "NAME", "By name, without regard to case and to spaces around the name."
    UPDATED_AT = "UPDATED_AT", "By the time of the last change, no matter who made it."
    CREATED_AT = "CREATED_AT", "By the time at which the contact was created here."


@strawberry.input(
    description="How to sort a list of contacts. Contacts with equal values are sorted by id, so that pages"
    " never overlap."
)
class ContactOrder:
    field: ContactOrderField = strawberry.field(
        description="The field by whose values contacts are compared."
    )
    direction: Direction = strawberry.field(description="From low to high, or from high to low.")


@strawberry.input(description="Which contacts to list. A contact must meet every condition that is given.")
class ContactFilter:
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words, each of which must begin a word of the name, email or phone. Case and accents"
        " do not matter. Digits alone search phone numbers.",
    )
    linked: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True: contacts with an active link. False: contacts without one, which can be pushed."
        " With `organisationId`, only links in that organisation count.",
    )
    kind: ContactKind | None = strawberry.field(
        default=strawberry.UNSET, description="Only persons, or only organisations. Left out or null: both."
    )
    contact_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only contacts to which the practice gave this contact type."
    )
    sync_state: list[SyncState] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only contacts with a link in one of these states. With `organisationId`, only links in"
        " that organisation count.",
    )
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The organisation to which `linked` and `syncState` apply. Given alone, it lists"
        " contacts with a link there in any state.",
    )
    needs_review: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True: contacts whose guessed kind a person should check. False: all others.",
    )
    updated_since: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Only contacts that changed at or after this time."
    )
    include_archived: bool = strawberry.field(
        default=False,
        description="True lists archived contacts too. By default archived contacts are left out.",
    )


_ORDERS = {
    ContactOrderField.NAME: Key("c.name_key", str),
    ContactOrderField.UPDATED_AT: Key("c.updated_at", datetime),
    ContactOrderField.CREATED_AT: Key("c.created_at", datetime),
}


def _order(order: ContactOrder | None, patterns: Sequence[str]) -> Order:
    if order is not None:
        key = _ORDERS[order.field]
        return Order(f"contacts {order.field}", (key,), order.direction is Direction.DESC)
    if not patterns:
        return Order("contacts NAME", (_ORDERS[ContactOrderField.NAME],))
    # Contacts whose name begins with the searched words come first. Both groups are sorted by name.
    fit = Key("case when c.search_key like :fits then 0 else 1 end", int)
    return Order("contacts FIT", (fit, _ORDERS[ContactOrderField.NAME]))


def listing(filter: ContactFilter | None, order: ContactOrder | None) -> Listing[ContactRow]:
    wanted = filter or ContactFilter()
    patterns = search_patterns(given(wanted.search) or "")
    by = _order(given(order), patterns)
    where = ["c.workspace_id = :ws"]
    values: dict[str, object] = {}
    if not wanted.include_archived:
        where.append("c.archived_at is null")
    if patterns:
        where.append("c.id = any(array(select door.search_contacts(cast(:patterns as text[]), :most)))")
        values |= {"patterns": patterns, "most": MOST_FOUND}
        if len(by.keys) > 1:
            values["fits"] = patterns[0].removeprefix("%")
    for name, condition, value in (
        ("kind", "c.kind = :kind", given(wanted.kind)),
        ("type", "c.contact_type_id = :type", ids.wanted("ContactType", given(wanted.contact_type_id))),
        ("review", "c.needs_review = :review", given(wanted.needs_review)),
        ("since", "c.updated_at >= :since", given(wanted.updated_since)),
    ):
        if value is not None:
            where.append(condition)
            values[name] = value
    ranges = None
    if (
        not wanted.include_archived
        and len(where) == (3 if patterns else 2)
        and by.keys[-1] == _ORDERS[ContactOrderField.NAME]
    ):
        by_link = _ranges(wanted)
        ranges = by_link if not patterns else _found(by, values) if by_link is None else None
    _by_link(wanted, where, values)
    return Listing(_row, _COLUMNS, "contact c", by, "c.id", tuple(where), values, ranges=ranges)


_ONE_ORGANISATION = "(select count(*) from organisation where workspace_id = :ws) < 2"


def _found(by: Order, values: dict[str, object]) -> Ranges:
    """The result of a search among the contacts in use."""
    values.setdefault("fits", "")
    sorts = (*(["f.fit"] if len(by.keys) > 1 else []), "f.name_key", "f.id")
    door = "door.find_contacts(cast(:patterns as text[]), :fits, {most}) f"
    found = Range(door.format(most=":most"), "true", sorts, once=True, counted=door.format(most=COUNTED + 1))
    return Ranges((found,))


def _ranges(wanted: ContactFilter) -> Ranges | None:
    """The ranges of the contacts in use with links as wanted. None if the filter has a condition that is not about
    links."""
    states, linked = given(wanted.sync_state), given(wanted.linked)
    of_one = given(wanted.organisation_id) is not None
    if states is not None:
        return _in_states(states, of_one) if linked is None else None
    if linked is None:
        return _in_states(list(SyncState), of_one) if of_one else None
    if linked:
        return _in_states(ACTIVE_STATES, of_one)
    unlinked = Range("unlinked_contact u", "u.workspace_id = :ws", ("u.name_key", "u.contact_id"), once=True)
    if not of_one:
        return Ranges((unlinked,))
    linked_here = (
        "exists (select from sync_link h where h.workspace_id = :ws and h.organisation_id = :organisation"
        f" and h.contact_id = l.contact_id and h.state in {ACTIVE})"
    )
    elsewhere = _of_links("o.id <> :organisation", f"not {linked_here}", ACTIVE_STATES)
    return Ranges((unlinked, elsewhere), _ONE_ORGANISATION)


def _in_states(states: Sequence[SyncState], of_one: bool) -> Ranges:
    """The contacts with a link that is shown in one of these states. A PENDING link that its organisation holds up is shown as FAILING."""
    of = "o.id = :organisation" if of_one else "true"
    waits = "k.due_at is not null and k.failure is null"
    pending, failing = SyncState.PENDING in states, SyncState.FAILING in states
    plain = [state for state in states if state is not SyncState.PENDING or failing]
    parts = [[state for state in plain if (state in ACTIVE_STATES) is active] for active in (True, False)]
    found = [_of_links(of, "true", part) for part in parts if part]
    if failing and not pending:
        found.append(_of_links(f"{of} and o.held", waits, [SyncState.PENDING]))
    if pending and not failing:
        found.append(_of_links(f"{of} and not o.held", "true", [SyncState.PENDING]))
        found.append(_of_links(f"{of} and o.held", f"not ({waits})", [SyncState.PENDING]))
    # A contact has at most one active link in an organisation.
    return Ranges(tuple(found), "true" if of_one else _ONE_ORGANISATION)


def _of_links(organisations: str, links: str, states: Sequence[SyncState]) -> Range:
    """The contacts in use with a link in one of these stored states, for each organisation `o` and state. `links`: SQL about the link `k`."""
    wanted = ", ".join(f"('{state}')" for state in dict.fromkeys(states))
    joined = " join sync_link k on k.workspace_id = :ws and k.id = l.link_id" if "k." in links else ""
    return Range(
        f"listed_link l{joined}",
        f"l.workspace_id = :ws and l.organisation_id = o.id and l.state = s.state and {links}",
        ("l.name_key", "l.contact_id"),
        f"(select id, ({connection_health.HOLDS}) is not null as held from organisation where workspace_id = :ws) o"
        f" join (values {wanted}) s(state) on {organisations}",
        once=set(states) <= set(ACTIVE_STATES),
    )


def _by_link(wanted: ContactFilter, where: list[str], values: dict[str, object]) -> None:
    """Add the conditions on links to `where` and `values`. `linked` uses the index of active links."""
    organisation = ids.wanted("XeroOrganisation", given(wanted.organisation_id))
    of_contact = "where l.workspace_id = :ws and l.contact_id = c.id"
    if organisation is not None:
        of_contact += " and l.organisation_id = :organisation"
        values["organisation"] = organisation
    link = f"exists (select 1 from sync_link l {of_contact}"
    states, linked = given(wanted.sync_state), given(wanted.linked)
    if states is not None:
        condition, bound = in_states(states)
        where.append(
            f"exists (select 1 from sync_link l{connection_health.HELD_LINK} {of_contact} and {condition})"
        )
        values |= bound
    if linked is not None:
        active = f"l.state in {ACTIVE}"
        where.append(f"{'' if linked else 'not '}{link} and {active})")
    if organisation is not None and states is None and linked is None:
        where.append(f"{link})")


async def contacts(
    context: Context, page: Asked, filter: ContactFilter | None, order: ContactOrder | None
) -> ContactConnection:
    found = await read(context, listing(given(filter), given(order)), page)
    return ContactConnection(
        edges=found.edges(lambda cursor, row: ContactEdge(cursor=cursor, node=Contact.of(row))),
        page_info=found.page.info,
        count=found.count,
    )
