"""The preview of an import, of the contacts that Tandem has read so far."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.payloads import given
from api.relay.described import described
from api.relay.loaders import load, load_known
from api.relay.paging import (
    After,
    Asked,
    Before,
    Connection,
    Edge,
    First,
    Last,
    PageInfo,
    asked,
    foreign_cursor,
    pack,
    unpack,
)
from api.schema.refs import CONTACT, XERO_CONTACT, ContactRef, XeroContactRef
from domain.described import DescribedEnum
from domain.inbound.imports import PAGE
from domain.matching import plan as matching_plan
from domain.matching.plan import PlannedRow
from domain.tables import XeroContactFilter
from domain.tx import Tx

SAMPLE = 10


@described
class MatchOutcome(DescribedEnum):
    """The outcome of an import for a Xero contact that is not linked yet."""

    FULL_MATCH = (
        "FULL_MATCH",
        "Link it: exactly one practice contact has the same name and email, and no other Xero contact has"
        " them.",
    )
    CONFLICT = "CONFLICT", "Open a match issue, because something fits but not fully."
    NO_MATCH = "NO_MATCH", "Create a new practice contact, because nothing fits."
    SKIPPED = (
        "SKIPPED",
        "Leave it alone: the filter excludes it, it is archived, or a person decided about it before. Only"
        " a preview lists such contacts.",
    )


async def _xero_contact(context: Context, row: PlannedRow) -> XeroContactRef:
    found: XeroContactRef = await load_known(context, XERO_CONTACT, row.xero_contact_id)
    return found


async def _contact(context: Context, row: PlannedRow) -> ContactRef | None:
    if row.contact_id is None:
        return None
    found: ContactRef | None = await load(context, CONTACT, row.contact_id)
    return found


@strawberry.type(description="The expected result of an import for one Xero contact.")
class PlannedChange:
    row: strawberry.Private[PlannedRow]
    outcome: MatchOutcome = strawberry.field(
        description="Whether the contact would be linked, asked about, created or skipped."
    )

    @strawberry.field(description="The Xero contact to which this would happen.")
    async def xero_contact(self, info: Info[Context, None]) -> XeroContactRef:
        return await _xero_contact(info.context, self.row)

    @strawberry.field(
        description="The practice contact that a FULL_MATCH would link. Null for the other outcomes."
    )
    async def contact(self, info: Info[Context, None]) -> ContactRef | None:
        return await _contact(info.context, self.row)


@strawberry.type(description="A row of the plan: a Xero contact, and what an import would do with it.")
class PlannedChangeEdge(Edge):
    row: strawberry.Private[PlannedRow]
    outcome: MatchOutcome = strawberry.field(
        description="Whether the contact would be linked, asked about, created or skipped."
    )

    @strawberry.field(description="The Xero contact in question.")
    async def node(self, info: Info[Context, None]) -> XeroContactRef:
        return await _xero_contact(info.context, self.row)

    @strawberry.field(
        description="The practice contact that a FULL_MATCH would link. Null for the other outcomes."
    )
    async def contact(self, info: Info[Context, None]) -> ContactRef | None:
        return await _contact(info.context, self.row)


@strawberry.type(description="A page of the plan of an import. It has no total count.")
class PlannedChangeConnection(Connection):
    edges: list[PlannedChangeEdge] = strawberry.field(
        description="The rows of this page, sorted by the Xero contact's name."
    )


@strawberry.type(
    description="The expected result of an import under a filter, for the contacts read so far. The counts are final"
    " once `complete` is true."
)
class ContactSyncPreview:
    organisation: strawberry.Private[UUID]
    contact_filter: strawberry.Private[XeroContactFilter]
    complete: bool = strawberry.field(description="Whether all contacts of the organisation have been read.")
    contacts_read: int = strawberry.field(
        description="The number of Xero contacts read so far, linked and excluded ones too."
    )
    contacts_expected: int | None = strawberry.field(
        description="The number of contacts that Xero says it has. Null until Xero has said so."
    )
    full_matches: int = strawberry.field(description="Xero contacts that would be linked without a question.")
    conflicts: int = strawberry.field(
        description="Xero contacts that would become match issues for a person."
    )
    no_matches: int = strawberry.field(description="Xero contacts that would become new practice contacts.")
    skipped: int = strawberry.field(
        description="Xero contacts that would be left out: excluded by the filter, archived, or decided by"
        " a person before."
    )
    expected_xero_calls: int = strawberry.field(
        description="How many calls to Xero are still needed, at 1,000 contacts a call."
    )

    @strawberry.field(description="The first 10 rows of the plan, sorted by the Xero contact's name.")
    async def sample(self, info: Info[Context, None]) -> list[PlannedChange]:
        async with info.context.transaction() as tx:
            rows = await matching_plan.preview_rows(
                tx, self.organisation, self.contact_filter, (), after=None, limit=SAMPLE
            )
        return [PlannedChange(row=row, outcome=MatchOutcome(row.outcome)) for row in rows]

    @strawberry.field(description="The whole plan, page by page, sorted by the Xero contact's name.")
    async def changes(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        outcome: Annotated[
            list[MatchOutcome] | None,
            strawberry.argument(
                description="Only rows with one of these outcomes. Left out or null: all outcomes. An empty"
                " list gives no rows."
            ),
        ] = strawberry.UNSET,
    ) -> PlannedChangeConnection:
        page, outcomes = asked(first, after, last, before), given(outcome)
        if outcomes is not None and not outcomes:
            return _planned([], page)
        async with info.context.transaction() as tx:
            rows = await matching_plan.preview_rows(
                tx,
                self.organisation,
                self.contact_filter,
                [str(one) for one in outcomes or ()],
                after=_place(page.after),
                before=_place(page.before),
                limit=page.limit + 1,
                backward=page.backward,
            )
        return _planned(rows, page)


def _place(cursor: str | None) -> tuple[str, UUID] | None:
    if cursor is None:
        return None
    match unpack(cursor):
        case ["plan", str(name), str(key)] if "\x00" not in name:
            try:
                name.encode()
                return name, UUID(key)
            except ValueError:
                pass
    raise foreign_cursor()


def _planned(rows: Sequence[PlannedRow], page: Asked) -> PlannedChangeConnection:
    more = len(rows) > page.limit
    kept = list(rows[: page.limit])
    if page.backward:
        kept.reverse()
    edges = [
        PlannedChangeEdge(
            cursor=pack("plan", row.name_key, str(row.xero_contact_id)),
            row=row,
            outcome=MatchOutcome(row.outcome),
        )
        for row in kept
    ]
    info = PageInfo(
        has_next_page=page.before is not None if page.backward else more,
        has_previous_page=more if page.backward else page.after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return PlannedChangeConnection(edges=edges, page_info=info)


async def contact_sync_preview(
    context: Context, organisation: UUID, contact_filter: XeroContactFilter
) -> ContactSyncPreview:
    async with context.transaction() as tx:
        # Each statement sees what was committed before it. Count last, so that the counts are final if all was read.
        read, expected, complete = await _reading(tx, organisation)
        counts = await matching_plan.preview(tx, organisation, contact_filter)
    left = 0 if complete else max(0, -(-((expected or PAGE) - read) // PAGE))
    return ContactSyncPreview(
        organisation=organisation,
        contact_filter=contact_filter,
        complete=complete,
        contacts_read=read,
        contacts_expected=expected,
        full_matches=counts.get(MatchOutcome.FULL_MATCH, 0),
        conflicts=counts.get(MatchOutcome.CONFLICT, 0),
        no_matches=counts.get(MatchOutcome.NO_MATCH, 0),
        skipped=counts.get(MatchOutcome.SKIPPED, 0),
        expected_xero_calls=left + 1,  # the delta with which matching begins
    )


class _Reading(NamedTuple):
    read: int
    expected: int | None
    complete: bool


async def _reading(tx: Tx, organisation: UUID) -> tuple[int, int | None, bool]:
    """How many contacts were read, how many Xero says it has (None: unknown), and whether all have been read once."""
    row = await tx.read_one(
        _Reading,
        "select (select count(*) from xero_contact x where x.workspace_id = :ws and x.organisation_id = o.id) as read,"
        " (select r.total from import_run r where r.workspace_id = :ws and r.organisation_id = o.id"
        "   and r.phase = 'READING' and r.modified_since is null order by r.started_at desc limit 1) as expected,"
        " o.read_cursor is not null and not exists (select 1 from import_run r where r.workspace_id = :ws"
        "   and r.organisation_id = o.id and r.finished_at is null and not r.match) as complete from organisation o where o.workspace_id = :ws and o.id = :id",
        id=organisation,
    )
    assert row is not None, "the organisation was read before"
    return row.read, row.read if row.complete else row.expected, row.complete
