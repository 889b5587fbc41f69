"""Links between practice contacts and Xero contacts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.link_actions import ENDS, SyncLinkAction, on_active, on_ended
from api.mutations.payloads import given
from api.relay import ids
from api.relay.described import described
from api.relay.loaders import batch, load_known, load_later
from api.relay.node import Node
from api.relay.paging import ABSENT, MOST_FOUND, Asked, Counted, Direction, Edge, Key, Listing, Order, read
from api.schema import refs
from api.schema.refs import ContactRef, XeroContactRef, XeroOrganisationRef
from api.schema.sync_problems import SyncFailure, SyncFailureCode
from domain.connection import health as connection_health
from domain.described import DescribedEnum
from domain.fields.dropped import stored_otherwise
from domain.fields.synced import SYNCED, Values, loaded, same, shown, without_made_up
from domain.fields.values import Value
from domain.links import failures
from domain.names.text_keys import search_patterns
from domain.tables import ACTIVE, ACTIVE_STATES, LinkOrigin, Scope, SyncedField, SyncState
from domain.tx import Reader


@dataclass(frozen=True)
class LinkRow(failures.Trouble):
    """A link, the reasons why it does not sync, and its state as people see it. `now`: the time of the read."""

    id: UUID
    contact_id: UUID
    xero_contact_id: UUID | None
    state: str
    state_since: datetime
    origin: str
    linked_at: datetime
    last_synced_at: datetime | None
    version: int
    base_practice: dict[str, object]
    base_xero: dict[str, object]
    warnings: list[str]
    now: datetime


_COLUMNS = (
    f"l.id, l.contact_id, l.xero_contact_id, {connection_health.LINK_STATE} as state, l.state_since, l.origin, l.linked_at,"
    f" l.last_synced_at, l.version, l.base_practice, l.base_xero, l.warnings, {failures.FAILURE_COLUMNS}, cast(:now as timestamptz) as now"
)
_SOURCE = f"sync_link l{connection_health.HELD_LINK}"


@strawberry.type(
    description="A synced field whose values differ, each in one line for people. An address is joined by"
    " commas."
)
class FieldDifference:
    field: SyncedField = strawberry.field(description="The synced field in which the two sides differ.")
    agreed: str | None = strawberry.field(
        description="The value that both sides last agreed on. Null if it was blank, or if they never agreed."
    )
    practice: str | None = strawberry.field(description="The value that the practice holds now. Null: blank.")
    xero: str | None = strawberry.field(description="The value that Xero showed last. Null: blank.")


def differences(
    practice: Values,
    xero: Values,
    region: str | None,
    agreed: Mapping[str, object] | None = None,
    stored_so: Collection[SyncedField] = (),
) -> list[FieldDifference]:
    """The synced fields in which the values of a contact and of its mirror row differ, compared as the merge compares them.

    `region`: the organisation's country. `agreed`: the values that both sides last agreed on, by field. `stored_so`: fields
    that are left out, because Xero stores the agreed value in another form."""
    found = []
    for field in SyncedField:
        ours, theirs = practice[field], xero[field]
        if field not in stored_so and not same(field, ours, theirs, region):
            base: Value = loaded(field, (agreed or {}).get(field))
            found.append(
                FieldDifference(field=field, agreed=shown(base), practice=shown(ours), xero=shown(theirs))
            )
    return found


@dataclass(frozen=True)
class Sides:
    """The values on both sides of a link, and the values on which each side last agreed. `region`: the organisation's country."""

    state: SyncState
    practice: Values
    xero: Values
    region: str | None
    base_practice: Mapping[str, object]
    base_xero: Mapping[str, object]

    def differences(self) -> list[FieldDifference]:
        """The synced fields whose values differ, without those that Xero stores in another form."""
        stored_so = self.stored_otherwise()
        return differences(self.practice, self.xero, self.region, self.base_practice, stored_so)

    def stored_otherwise(self) -> dict[SyncedField, str]:
        """For each field, how Xero stores a value on which both sides agree. Empty for an ended link."""
        if self.state not in ACTIVE_STATES:
            return {}
        return {
            field: stored_otherwise(SYNCED[field].words, self.practice[field], self.xero[field])
            for field in SyncedField
            if not same(field, self.practice[field], self.xero[field], self.region)
            and same(field, self.practice[field], loaded(field, self.base_practice.get(field)), self.region)
            and same(field, self.xero[field], loaded(field, self.base_xero.get(field)), self.region)
        }


@strawberry.type(
    description="A practice contact and a Xero contact that are one and the same client. While the link is"
    " active, their synced fields are kept equal."
)
class SyncLink(Node):
    row: strawberry.Private[LinkRow]
    state: SyncState = strawberry.field(description="Whether values flow, wait, fail or have stopped.")
    state_since: datetime = strawberry.field(description="When the link entered its present state.")
    origin: LinkOrigin = strawberry.field(
        description="How the link began; for a resumed link, how it began last."
    )
    linked_at: datetime = strawberry.field(
        description="When the link began; for a resumed link, when it began last."
    )
    last_synced_at: datetime | None = strawberry.field(
        description="When both sides were last found equal. Null if they never were."
    )
    version: int = strawberry.field(
        description="A number that rises when the state or a synced field of either side changes. It does"
        " not rise when Xero as a whole becomes unreachable or returns."
    )
    failure: SyncFailure | None = strawberry.field(
        description="The reason why the link does not sync. Null: there is none."
    )

    @classmethod
    def of(cls, row: LinkRow) -> Self:
        return cls(
            id=ids.encode("SyncLink", row.id),
            row=row,
            state=SyncState(row.state),
            state_since=row.state_since,
            origin=LinkOrigin(row.origin),
            linked_at=row.linked_at,
            last_synced_at=row.last_synced_at,
            version=row.version,
            failure=SyncFailure.of(failures.shown_failure(row, row.now)),
        )

    @strawberry.field(description="The Xero organisation of the Xero contact.")
    def organisation(self, info: Info[Context, None]) -> XeroOrganisationRef:
        return load_later(info.context, refs.XERO_ORGANISATION, self.row.organisation_id)

    @strawberry.field(description="The practice's side of the link. It always exists.")
    def contact(self, info: Info[Context, None]) -> ContactRef:
        return load_later(info.context, refs.CONTACT, self.row.contact_id)

    @strawberry.field(description="Xero's side of the link. Null until Xero has created a pushed contact.")
    def xero_contact(self, info: Info[Context, None]) -> XeroContactRef | None:
        if self.row.xero_contact_id is None:
            return None
        return load_later(info.context, refs.XERO_CONTACT, self.row.xero_contact_id)

    @strawberry.field(
        description="The actions that this viewer may take on the link in its present state. Empty without the scope"
        " WRITE."
    )
    async def allowed_actions(self, info: Info[Context, None]) -> list[SyncLinkAction]:
        viewer = info.context.viewer
        if viewer is None or Scope.WRITE not in viewer.scopes:
            return []
        if self.state in ACTIVE_STATES:
            return on_active(self.state, self.failure)
        return on_ended(self.state, await load_known(info.context, ENDS, self.row.id))

    @strawberry.field(
        description="The synced fields whose values differ now. Empty until a pushed contact is in Xero."
    )
    async def differences(self, info: Info[Context, None]) -> list[FieldDifference]:
        sides = await self._sides(info.context)
        return sides.differences() if sides is not None else []

    @strawberry.field(
        description="Xero's remarks about the last write that it accepted, and each value that Xero stores in another"
        " form than the practice, such as a name without its emoji. The practice's value stays, and nothing is sent again."
    )
    async def warnings(self, info: Info[Context, None]) -> list[str]:
        sides = await self._sides(info.context)
        return [*self.row.warnings, *sides.stored_otherwise().values()] if sides is not None else []

    async def _sides(self, context: Context) -> Sides | None:
        """None until a pushed contact is in Xero."""
        if self.row.xero_contact_id is None:
            return None
        loading = (
            load_known(context, refs.CONTACT, self.row.contact_id),
            load_known(context, refs.XERO_CONTACT, self.row.xero_contact_id),
        )
        ours, theirs = (await loading[0]).row, (await loading[1]).row
        practice = without_made_up(ours.values, ours.name_made_up)
        bases = self.row.base_practice, self.row.base_xero
        return Sides(self.state, practice, theirs.values, theirs.country_code, *bases)


@batch(refs.SYNC_LINK, node="SyncLink")
async def _links(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, SyncLink]:
    rows = await tx.read(
        LinkRow,
        f"select {_COLUMNS} from {_SOURCE} where l.workspace_id = :ws and l.id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: SyncLink.of(row) for row in rows}


@batch(refs.SYNC_LINKS_OF_CONTACT)
async def _of_contacts(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, list[SyncLink]]:
    rows = await tx.read(
        LinkRow,
        f"select {_COLUMNS} from {_SOURCE} where l.workspace_id = :ws and l.contact_id = any(:ids)"
        " order by l.linked_at, l.id",
        ids=list(keys),
    )
    found: dict[UUID, list[SyncLink]] = {key: [] for key in keys}
    for row in rows:
        found[row.contact_id].append(SyncLink.of(row))
    return found


@batch(refs.SYNC_LINK_ACTIVE)
async def _active(tx: Reader, keys: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], SyncLink]:
    """The active link of each (organisation, contact)."""
    rows = await tx.read(
        LinkRow,
        f"select {_COLUMNS} from {_SOURCE}"
        " join unnest(cast(:organisations as uuid[]), cast(:contacts as uuid[])) as k(organisation, contact)"
        " on l.organisation_id = k.organisation and l.contact_id = k.contact"
        f" where l.workspace_id = :ws and l.state in {ACTIVE}",
        organisations=[organisation for organisation, _ in keys],
        contacts=[contact for _, contact in keys],
    )
    return {(row.organisation_id, row.contact_id): SyncLink.of(row) for row in rows}


@batch(refs.SYNC_LINK_OF_XERO_CONTACT)
async def _of_xero_contacts(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, SyncLink]:
    """The active link of each Xero contact."""
    rows = await tx.read(
        LinkRow,
        f"select {_COLUMNS} from {_SOURCE} where l.workspace_id = :ws and l.xero_contact_id = any(:ids)"
        f" and l.state in {ACTIVE}",
        ids=list(keys),
    )
    return {row.xero_contact_id: SyncLink.of(row) for row in rows if row.xero_contact_id}


@strawberry.type(description="A row of a page: a link, with its cursor.")
class SyncLinkEdge(Edge):
    node: SyncLink = strawberry.field(description="The link in this row.")


@strawberry.type(description="A page of links, with the total count of the list.")
class SyncLinkConnection(Counted):
    edges: list[SyncLinkEdge] = strawberry.field(
        description="The links of this page, in the order that was asked for."
    )


@strawberry.input(description="Which links to list. A link must meet every condition that is given.")
class SyncLinkFilter:
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only links with contacts of this Xero organisation."
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only links of this practice contact, in every organisation."
    )
    state: list[SyncState] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only links in one of these states. UNSYNCED and BROKEN together are the Unsynced list.",
    )
    failure_code: list[SyncFailureCode] | None = strawberry.field(
        default=strawberry.UNSET, description="Only links whose failure has one of these codes."
    )
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words, each of which must begin a word of one side's name, email or phone.",
    )


@described
class SyncLinkOrderField(DescribedEnum):
    """The field whose values decide the order of a list of links."""

    NAME = "NAME", "By the name of the link's practice contact."
    STATE_SINCE = "STATE_SINCE", "By the time at which the link entered its present state."
    LAST_SYNCED_AT = (
        "LAST_SYNCED_AT",
        "By the time at which both sides were last found equal. Links that never were count as the oldest.",
    )


@strawberry.input(
    description="How to sort a list of links. Links with equal values are sorted by id, so that pages never"
    " overlap."
)
class SyncLinkOrder:
    field: SyncLinkOrderField = strawberry.field(description="The field by whose values links are compared.")
    direction: Direction = strawberry.field(description="From low to high, or from high to low.")


_ORDERS = {
    SyncLinkOrderField.NAME: Key("c.name_key", str),
    SyncLinkOrderField.STATE_SINCE: Key("l.state_since", datetime),
    SyncLinkOrderField.LAST_SYNCED_AT: Key(
        f"coalesce(l.last_synced_at, timestamptz '{ABSENT.isoformat()}')", datetime
    ),
}


def in_states(states: Sequence[SyncState]) -> tuple[str, dict[str, object]]:
    """SQL and its values: the link `l`, joined with connection_health.HELD_LINK, is shown in one of these states.

    The condition on the stored state lets PostgreSQL use its index. A link that is shown as FAILING may be stored as
    PENDING, if nothing reaches Xero."""
    wanted = [str(state) for state in states]
    stored = [*wanted, "PENDING"] if SyncState.FAILING in states else wanted
    condition = f"l.state = any(:stored_states) and {connection_health.LINK_STATE} = any(:states)"
    return condition, {"states": wanted, "stored_states": stored}


def listing(filter: SyncLinkFilter | None, order: SyncLinkOrder | None) -> Listing[LinkRow]:
    wanted = filter or SyncLinkFilter()
    field = order.field if order else SyncLinkOrderField.NAME
    by = Order(f"links {field}", (_ORDERS[field],), order is not None and order.direction is Direction.DESC)
    where, values = ["l.workspace_id = :ws"], dict[str, Any]()
    states, codes = given(wanted.state), given(wanted.failure_code)
    for name, condition, value in (
        (
            "organisation",
            "l.organisation_id = :organisation",
            ids.wanted("XeroOrganisation", given(wanted.organisation_id)),
        ),
        ("contact", "l.contact_id = :contact", ids.wanted("Contact", given(wanted.contact_id))),
        (
            "codes",
            f"{connection_health.LINK_CODE} = any(:codes)",
            None if codes is None else [str(code) for code in codes],
        ),
    ):
        if value is not None:
            where.append(condition)
            values[name] = value
    if states is not None:
        condition, bound = in_states(states)
        where.append(condition)
        values |= bound
    patterns = search_patterns(given(wanted.search) or "")
    if patterns:
        where.append(
            "(l.contact_id = any(array(select door.search_contacts(cast(:patterns as text[]), :most)))"
            " or l.xero_contact_id = any(array(select door.search_xero_contacts(cast(:patterns as text[]), :most))))"
        )
        values |= {"patterns": patterns, "most": MOST_FOUND}
    source = f"{_SOURCE} join contact c on c.workspace_id = l.workspace_id and c.id = l.contact_id"
    return Listing(LinkRow, _COLUMNS, source, by, "l.id", tuple(where), values)


async def sync_links(
    context: Context, page: Asked, filter: SyncLinkFilter | None, order: SyncLinkOrder | None
) -> SyncLinkConnection:
    found = await read(context, listing(given(filter), given(order)), page)
    return SyncLinkConnection(
        edges=found.edges(lambda cursor, row: SyncLinkEdge(cursor=cursor, node=SyncLink.of(row))),
        page_info=found.page.info,
        count=found.count,
    )
