"""The activity: what happened, who did it, and which values changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.payloads import given
from api.relay import ids
from api.relay.loaders import BatchName, Made, batch, by_argument, load
from api.relay.node import Node
from api.relay.paging import Asked, Connection, Edge, Key, Listing, Order, Page
from api.relay.rows import columns
from api.schema.refs import (
    ACTIVITY_CONNECTION_OF_CONTACT,
    ACTIVITY_CONNECTION_OF_INVOICE,
    ACTIVITY_EVENT,
    CONTACT,
    INVOICE,
    MATCH_ISSUE,
    SYNC_LINK,
    XERO_ORGANISATION,
    ActivityUnder,
    ContactRef,
    InvoiceRef,
    MatchIssueRef,
    SyncLinkRef,
    XeroOrganisationRef,
)
from api.schema.viewer import Actor
from domain.tables import ActivityKind, Side, StoredChange
from domain.tx import Reader


class ActivityRow(NamedTuple):
    id: UUID
    at: datetime
    kind: str
    actor_kind: str
    actor_name: str
    actor_id: UUID | None
    message: str
    organisation_id: UUID | None
    contact_id: UUID | None
    link_id: UUID | None
    issue_id: UUID | None
    invoice_id: UUID | None
    changes: list[StoredChange]


_COLUMNS = columns(ActivityRow, "a")
_ORDER = Order("activity", (Key("a.at", datetime),), descending=True)


@strawberry.type(
    description="A value that changed as part of an activity event. `eventId` and `field` together identify"
    " it."
)
class ValueChange:
    event_id: strawberry.ID = strawberry.field(
        description="The id of the activity event that holds this change. Give it to restoreValue."
    )
    field: str = strawberry.field(description="The name of the field that changed. Give it to restoreValue.")
    before: str | None = strawberry.field(
        description="The value before the change, in one line. Null: blank."
    )
    after: str | None = strawberry.field(description="The value after the change, in one line. Null: blank.")
    written_to: Side = strawberry.field(description="The side on which the value was overwritten.")
    restorable: bool = strawberry.field(
        description="Whether restoreValue can bring `before` back. It becomes false once that was done."
    )

    @classmethod
    def of(cls, event: UUID, stored: StoredChange) -> Self:
        return cls(
            event_id=ids.encode("ActivityEvent", event),
            field=stored["field"],
            before=stored.get("before"),
            after=stored.get("after"),
            written_to=Side(stored.get("writtenTo") or Side.PRACTICE),
            restorable=bool(stored.get("restorable")),
        )


@strawberry.type(description="An entry of the activity: what happened, when, and who did it.")
class ActivityEvent(Node):
    row: strawberry.Private[ActivityRow]
    at: datetime = strawberry.field(description="When it happened, by Tandem's clock.")
    kind: ActivityKind = strawberry.field(description="The kind of event, for filters and icons.")
    actor: Actor = strawberry.field(description="The person, tool or system that caused the event.")
    message: str = strawberry.field(description="A sentence for people that says what happened.")
    changes: list[ValueChange] = strawberry.field(
        description="The values that changed. Empty for events that changed none."
    )

    @classmethod
    def of(cls, row: ActivityRow) -> Self:
        actor_id = str(row.actor_id) if row.actor_id else None
        return cls(
            id=ids.encode("ActivityEvent", row.id),
            row=row,
            at=row.at,
            kind=ActivityKind(row.kind),
            actor=Actor.of({"kind": row.actor_kind, "name": row.actor_name, "id": actor_id}),
            message=row.message,
            changes=[ValueChange.of(row.id, change) for change in row.changes],
        )

    async def _about(
        self, info: Info[Context, None], name: BatchName[UUID, Made], key: UUID | None
    ) -> Made | None:
        return None if key is None else await load(info.context, name, key)

    @strawberry.field(description="The Xero organisation that the event is about. Null if it is about none.")
    async def organisation(self, info: Info[Context, None]) -> XeroOrganisationRef | None:
        return await self._about(info, XERO_ORGANISATION, self.row.organisation_id)

    @strawberry.field(
        description="The practice contact that the event is about. Null if it is about none, or if the"
        " contact was deleted."
    )
    async def contact(self, info: Info[Context, None]) -> ContactRef | None:
        return await self._about(info, CONTACT, self.row.contact_id)

    @strawberry.field(description="The invoice that the event is about. Null if it is about none.")
    async def invoice(self, info: Info[Context, None]) -> InvoiceRef | None:
        return await self._about(info, INVOICE, self.row.invoice_id)

    @strawberry.field(
        description="The link that the event is about. Null if it is about none, or if the link was deleted."
    )
    async def link(self, info: Info[Context, None]) -> SyncLinkRef | None:
        return await self._about(info, SYNC_LINK, self.row.link_id)

    @strawberry.field(description="The match issue that the event is about. Null if it is about none.")
    async def issue(self, info: Info[Context, None]) -> MatchIssueRef | None:
        return await self._about(info, MATCH_ISSUE, self.row.issue_id)


@batch(ACTIVITY_EVENT, node="ActivityEvent")
async def _events(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, ActivityEvent]:
    rows = await tx.read(
        ActivityRow,
        f"select {_COLUMNS} from activity a where a.workspace_id = :ws and a.id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: ActivityEvent.of(row) for row in rows}


@strawberry.type(description="A row of a page: an event of the activity, with its cursor.")
class ActivityEdge(Edge):
    node: ActivityEvent = strawberry.field(description="The event in this row.")


@strawberry.type(description="A page of activity, the newest first. It has no total count.")
class ActivityConnection(Connection):
    edges: list[ActivityEdge] = strawberry.field(description="The events of this page, the newest first.")

    @classmethod
    def of(cls, page: Page[ActivityRow]) -> Self:
        return cls(
            edges=[ActivityEdge(cursor=cursor, node=ActivityEvent.of(row)) for cursor, row in page.rows],
            page_info=page.info,
        )


@strawberry.input(description="Which events to list. An event must meet every condition that is given.")
class ActivityFilter:
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only events about this Xero organisation."
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only events about this practice contact."
    )
    invoice_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only events about this invoice."
    )
    kind: list[ActivityKind] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only events of one of these kinds. Left out or null: all kinds.",
    )
    since: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only events at or after this time. Left out or null: from the beginning.",
    )


def listing(filter: ActivityFilter | None) -> Listing[ActivityRow]:
    wanted = filter or ActivityFilter()
    where, values = ["a.workspace_id = :ws"], dict[str, Any]()
    kinds = given(wanted.kind)
    for name, condition, value in (
        (
            "organisation",
            "a.organisation_id = :organisation",
            ids.wanted("XeroOrganisation", given(wanted.organisation_id)),
        ),
        ("contact", "a.contact_id = :contact", ids.wanted("Contact", given(wanted.contact_id))),
        ("invoice", "a.invoice_id = :invoice", ids.wanted("Invoice", given(wanted.invoice_id))),
        ("kinds", "a.kind = any(:kinds)", None if kinds is None else [str(kind) for kind in kinds]),
        ("since", "a.at >= :since", given(wanted.since)),
    ):
        if value is not None:
            where.append(condition)
            values[name] = value
    return Listing(ActivityRow, _COLUMNS, "activity a", _ORDER, "a.id", tuple(where), values)


async def activity(context: Context, page: Asked, filter: ActivityFilter | None) -> ActivityConnection:
    async with context.transaction() as tx:
        return ActivityConnection.of(await listing(given(filter)).read(tx, page))


@batch(ACTIVITY_CONNECTION_OF_CONTACT)
async def _of_contacts(tx: Reader, keys: Sequence[ActivityUnder]) -> dict[ActivityUnder, ActivityConnection]:
    return await _under("a.contact_id", tx, keys)


@batch(ACTIVITY_CONNECTION_OF_INVOICE)
async def _of_invoices(tx: Reader, keys: Sequence[ActivityUnder]) -> dict[ActivityUnder, ActivityConnection]:
    return await _under("a.invoice_id", tx, keys)


async def _under(
    parent: str, tx: Reader, keys: Sequence[ActivityUnder]
) -> dict[ActivityUnder, ActivityConnection]:
    found: dict[ActivityUnder, ActivityConnection] = {}
    for arguments, parents in by_argument(keys).items():
        page, kinds = arguments
        where = ("a.workspace_id = :ws", *(("a.kind = any(:kinds)",) if kinds else ()))
        values = {"kinds": [str(kind) for kind in kinds]} if kinds else {}
        under = Listing(ActivityRow, _COLUMNS, "activity a", _ORDER, "a.id", where, values, parent=parent)
        pages = await under.read_under(tx, parents, page)
        found |= {(one, arguments): ActivityConnection.of(page) for one, page in pages.items()}
    return found
