"""The practice's contacts: the type, and the list with its search, filters and orders."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.payloads import given
from api.relay import ids
from api.relay.loaders import batch, by_id, load
from api.relay.node import Node
from api.relay.paging import Asked, Counted, Edge, First, Key, Last, Listing, Order, asked, read
from api.schema.refs import (
    ActivityConnectionRef,
    ContactTypeRef,
    InvoiceConnectionRef,
    InvoiceOrderRef,
    SyncLinkRef,
)
from domain.connection import health as connection_health
from domain.names.text_keys import search_patterns
from domain.tables import ActivityKind, ContactKind, SyncState
from domain.tx import Tx

# The ids are taken as an array: a subquery may become a loop over all of them for each contact (9 s instead of
# 75 ms among 100,000). A search gives up beyond this many; by then it has told nobody anything.
MOST_FOUND = 100_000
_COLUMNS = (
    "c.id, c.name, c.first_name, c.last_name, c.kind, c.confidence, c.reasons, c.needs_review, c.contact_type_id,"
    " c.billing_email, c.primary_phone, c.billing_address, c.archived_at, c.created_at, c.updated_at, c.version"
)


@strawberry.type(
    description="How a contact was taken for a person or an organisation; gone once a person has chosen."
)
class Classification:
    kind: ContactKind = strawberry.field(description="What it was taken for.")
    confidence: float = strawberry.field(description="0 to 1.")
    reasons: list[str] = strawberry.field(description="The evidence, in words.")
    needs_review: bool = strawberry.field(description="Too unsure: a person should look.")


@strawberry.type(description="A postal address.")
class Address:
    lines: list[str] = strawberry.field(description="Street and number, post box and the like; at most 4.")
    city: str | None = strawberry.field(description="Town or city.")
    region: str | None = strawberry.field(description="State, county or province.")
    postal_code: str | None = strawberry.field(description="Postal code.")
    country: str | None = strawberry.field(description="As it was typed.")
    attention_to: str | None = strawberry.field(description="Whom it is for.")

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> Self | None:
        if not value:
            return None
        return cls(
            lines=value.get("lines") or [],
            city=value.get("city"),
            region=value.get("region"),
            postal_code=value.get("postalCode"),
            country=value.get("country"),
            attention_to=value.get("attentionTo"),
        )


@strawberry.type(description="A contact of the practice.")
class Contact(Node):
    key: strawberry.Private[UUID]
    type_key: strawberry.Private[UUID | None]
    row: strawberry.Private[Mapping[str, Any]]
    name: str = strawberry.field(description="The name that invoices show.")
    first_name: str | None = strawberry.field(description="Of the person, or of the main person there.")
    last_name: str | None = strawberry.field(description="Of the person, or of the main person there.")
    kind: ContactKind = strawberry.field(description="A person or an organisation.")
    classification: Classification | None = strawberry.field(
        description="How `kind` was decided where nobody chose it."
    )
    billing_email: str | None = strawberry.field(description="Where invoices go.")
    primary_phone: str | None = strawberry.field(description="As it was typed, or as Xero has it.")
    billing_address: Address | None = strawberry.field(description="Where letters go.")
    archived_at: datetime | None = strawberry.field(description="Since when it is out of use.")
    created_at: datetime = strawberry.field(description="When it came to be here.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    version: int = strawberry.field(
        description="Rises with every change. Give it to updateContact, and what you have not seen is not overwritten."
    )

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        kind = ContactKind(row["kind"])
        unsure = row["confidence"] is not None
        return cls(
            id=ids.encode("Contact", row["id"]),
            key=row["id"],
            type_key=row["contact_type_id"],
            row=row,
            name=row["name"],
            first_name=row["first_name"],
            last_name=row["last_name"],
            kind=kind,
            classification=Classification(
                kind=kind,
                confidence=row["confidence"],
                reasons=row["reasons"] or [],
                needs_review=row["needs_review"],
            )
            if unsure
            else None,
            billing_email=row["billing_email"],
            primary_phone=row["primary_phone"],
            billing_address=Address.of(row["billing_address"]),
            archived_at=row["archived_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            version=row["version"],
        )

    @strawberry.field(description="What kind of contact the practice keeps it as.")
    async def contact_type(self, info: Info[Context, None]) -> ContactTypeRef | None:
        if self.type_key is None:
            return None
        found: ContactTypeRef | None = await load(info.context, "ContactType", self.type_key)
        return found

    @strawberry.field(
        description="At most one an organisation is active (SYNCED, PENDING, FAILING, CONFLICT); UNSYNCED and BROKEN"
        " ones may stand beside it."
    )
    async def sync_links(self, info: Info[Context, None]) -> list[SyncLinkRef]:
        found: list[SyncLinkRef] = await load(info.context, "SyncLinks.of_contact", self.key)
        return found

    @strawberry.field(description="Those that bill it. Without `orderBy`: the latest issue date first.")
    async def invoices(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        order_by: InvoiceOrderRef | None = strawberry.UNSET,
    ) -> InvoiceConnectionRef:
        by = given(order_by)
        arguments = (asked(first, after, last, before), (by.field, by.direction) if by else None)
        found: InvoiceConnectionRef = await load(
            info.context, "InvoiceConnection.of_contact", (self.key, arguments)
        )
        return found

    @strawberry.field(description="What happened to it, the newest first.")
    async def activity(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        kind: list[ActivityKind] | None = strawberry.UNSET,
    ) -> ActivityConnectionRef:
        arguments = (asked(first, after, last, before), tuple(given(kind) or ()))
        found: ActivityConnectionRef = await load(
            info.context, "ActivityConnection.of_contact", (self.key, arguments)
        )
        return found


@batch("Contact", node="Contact")
async def _contacts(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, Contact]:
    rows = await tx.rows(
        f"select {_COLUMNS} from contact c where c.workspace_id = :ws and c.id = any(:ids)", ids=list(keys)
    )
    return by_id(rows, Contact.of)


@strawberry.type(description="A contact in a page.")
class ContactEdge(Edge):
    node: Contact = strawberry.field(description="The contact.")


@strawberry.type(description="A page of contacts.")
class ContactConnection(Counted):
    edges: list[ContactEdge] = strawberry.field(description="The contacts of this page.")


@strawberry.enum(description="Up or down.")
class Direction(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.enum(description="What to sort contacts by.")
class ContactOrderField(StrEnum):
    NAME = "NAME"
    UPDATED_AT = "UPDATED_AT"
    CREATED_AT = "CREATED_AT"


@strawberry.input(description="How to sort contacts.")
class ContactOrder:
    field: ContactOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(description="Which way.")


@strawberry.input(description="Which contacts: those for which all holds that is given.")
class ContactFilter:
    search: str | None = strawberry.field(
        default=strawberry.UNSET, description="Words that name, email or phone has, by their beginnings."
    )
    linked: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether some Xero contact is linked now, in `organisationId` if that is given; false lists what"
        " could be pushed.",
    )
    kind: ContactKind | None = strawberry.field(
        default=strawberry.UNSET, description="Persons or organisations."
    )
    contact_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Those of this type."
    )
    sync_state: list[SyncState] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Those with a link in one of these states, in `organisationId` if that is given.",
    )
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Where `linked` and `syncState` look; alone: those with a link there, in any state.",
    )
    needs_review: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether person or organisation is too unsure."
    )
    updated_since: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Those changed at or after this time."
    )
    include_archived: bool = strawberry.field(default=False, description="Also those out of use.")


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
    # Names that begin with what was typed, then the rest by name.
    fit = Key("case when c.search_key like :fits then 0 else 1 end", int)
    return Order("contacts FIT", (fit, _ORDERS[ContactOrderField.NAME]))


def listing(filter: ContactFilter | None, order: ContactOrder | None) -> Listing:
    wanted = filter or ContactFilter()
    patterns = search_patterns(given(wanted.search) or "")
    by = _order(given(order), patterns)
    where = ["c.workspace_id = :ws"]
    values: dict[str, Any] = {}
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
    _by_link(wanted, where, values)
    return Listing(_COLUMNS, "contact c", by, "c.id", tuple(where), values)


def in_states(states: Sequence[SyncState]) -> tuple[str, dict[str, Any]]:
    """The condition that a link `l` beside health.HELD_LINK is in one of these states, with what it binds. The stored
    state, which an index has, says more or less the same."""
    wanted = [str(state) for state in states]
    stored = [*wanted, "PENDING"] if SyncState.FAILING in states else wanted
    condition = f"l.state = any(:stored_states) and {connection_health.LINK_STATE} = any(:states)"
    return condition, {"states": wanted, "stored_states": stored}


def _by_link(wanted: ContactFilter, where: list[str], values: dict[str, Any]) -> None:
    """Conditions on links. An index of active links answers `linked`."""
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
        active = "l.state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')"
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
