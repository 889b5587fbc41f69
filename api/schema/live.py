"""Live events: `event` rows in commit order, woken by PostgreSQL's bell, and the cursor between list and stream."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.types import Info

from api.context import Context
from api.errors import Code as ErrorCode
from api.errors import refusal
from api.relay import ids
from api.relay.loaders import load, renew
from api.relay.paging import pack, unpack
from api.schema.activity import ActivityEvent, ValueChange
from api.schema.contacts import Contact
from api.schema.invoices import Invoice
from api.schema.issues import MatchIssue
from api.schema.links import SyncLink
from api.schema.organisations import ImportProgress, XeroOrganisation
from api.schema.workspace import Workspace
from domain.tables import EventKind
from domain.tx import Tx
from runtime.bells import EVENT, wait

BEHIND = 1000
TOGETHER = 50  # told from one reading: the organisation's summary costs more than an event
_NAME = "event"


@strawberry.type(description="A link began, changed or ended.")
class LinkUpdate:
    link: SyncLink = strawberry.field(description="The link as it is now, which may be later than the event.")
    changes: list[ValueChange] = strawberry.field(
        description="The values that changed with the link. Empty if the event changed none."
    )


@strawberry.type(description="A match issue was opened, changed or closed.")
class MatchIssueUpdate:
    issue: MatchIssue = strawberry.field(
        description="The match issue as it is now, which may be later than the event."
    )


@strawberry.type(description="A practice contact was created or changed, linked or not.")
class ContactUpdate:
    contact: Contact = strawberry.field(
        description="The contact as it is now, which may be later than the event."
    )


@strawberry.type(description="An invoice was created or changed, or a payment was recorded.")
class InvoiceUpdate:
    invoice: Invoice = strawberry.field(
        description="The invoice as it is now, which may be later than the event."
    )


@strawberry.type(description="The health, call budget, settings or mappings of an organisation changed.")
class ConnectionUpdate:
    organisation: XeroOrganisation = strawberry.field(
        description="The organisation as it is now, which may be later than the event."
    )


@strawberry.type(
    description="Contact types, service types, tax rates, API tokens or the workspace's own settings changed."
)
class WorkspaceUpdate:
    workspace: Workspace = strawberry.field(
        description="The workspace as it is now, which may be later than the event."
    )


@strawberry.type(description="An object was deleted. Caches should remove it.")
class Deletion:
    deleted_id: strawberry.ID = strawberry.field(
        description="The global id of the deleted object. It is never used again."
    )


@strawberry.type(
    description="Single events cannot tell what changed, so read the lists again. The stream goes on after"
    " this event."
)
class Resync:
    reason: str = strawberry.field(
        description="Why the lists must be read again, for people: the cursor is too old or unknown, more"
        " than 1,000 events were missed, or very much changed at once, as at the end of an import."
    )


Update = (
    ImportProgress
    | LinkUpdate
    | MatchIssueUpdate
    | ContactUpdate
    | InvoiceUpdate
    | ConnectionUpdate
    | WorkspaceUpdate
    | Deletion
    | Resync
)
SyncUpdate = Annotated[
    Update,
    strawberry.union(
        "SyncUpdate",
        description="What a live event reports: a changed object, a deletion, or that lists must be read again.",
    ),
]


@strawberry.type(description="One live event: what changed, when, and where the stream stands.")
class SyncStatusEvent:
    organisation_key: strawberry.Private[UUID | None]
    cursor: str = strawberry.field(
        description="The event's position. Give the last one as `after` when you subscribe again, and the"
        " stream continues behind it."
    )
    at: datetime = strawberry.field(description="When the change was committed.")
    update: SyncUpdate = strawberry.field(description="The change, with the object as it is now.")

    @strawberry.field(
        description="The Xero organisation that the event concerns, with its present summary. Null if it"
        " concerns none."
    )
    async def organisation(self, info: Info[Context, None]) -> XeroOrganisation | None:
        if self.organisation_key is None:
            return None
        found: XeroOrganisation | None = await load(info.context, "XeroOrganisation", self.organisation_key)
        return found


def cursor(position: int) -> str:
    return pack(_NAME, position)


def position_of(text: str) -> int:
    match unpack(text):
        case ["event", int(position)] if 0 <= position < 2**63 and not isinstance(position, bool):
            return position
    raise refusal(ErrorCode.BAD_REQUEST, "This is not a cursor of syncStatus")


async def _present(tx: Tx) -> int:
    row = await tx.row("select position from event_counter where workspace_id = :ws")
    return row["position"] if row else 0


class SyncCursorFirst(SchemaExtension):
    """Reads the cursor before anything else of a request that may ask for it, so that it is never later than what
    the lists show: what happens in between comes twice rather than not at all."""

    async def on_execute(self) -> AsyncIterator[None]:
        execution = self.execution_context
        context = execution.context
        if "syncCursor" in (execution.query or "") and context.viewer is not None:
            async with context.transaction() as tx:
                context.loaders[SyncCursorFirst] = cursor(await _present(tx))
        yield


def sync_cursor(context: Context) -> str:
    found: str = context.loaders[SyncCursorFirst]
    return found


@dataclass(frozen=True)
class _Missed:
    """What a read found behind a position: rows, or that they cannot be told one by one (`resync`)."""

    position: int
    now: datetime
    rows: Sequence[Mapping[str, Any]] = ()
    resync: str | None = None


async def _read(context: Context, position: int, organisation: UUID | None) -> _Missed:
    async with context.transaction() as tx:
        present = await _present(tx)
        if present == position:
            return _Missed(position, tx.now)
        if present < position:
            return _Missed(present, tx.now, resync="This cursor is unknown here.")
        if present - position > BEHIND:
            return _Missed(present, tx.now, resync=f"More than {BEHIND} events were missed.")
        rows = await tx.rows(
            "select position, at, kind, subject, organisation_id, activity_id from event"
            " where workspace_id = :ws and position > :after and position <= :present order by position",
            after=position,
            present=present,
        )
    # Positions have no gaps, so fewer rows than steps means that the oldest were forgotten.
    if len(rows) < present - position:
        return _Missed(present, tx.now, resync="This cursor is too old.")
    kept = [row for row in rows if organisation is None or row["organisation_id"] == organisation]
    return _Missed(present, tx.now, rows=_last_of_each(kept))


def _last_of_each(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Several events of one subject are told once, where the last of them stood."""
    last: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        key = (row["kind"], row["subject"])
        before = last.pop(key, None)
        last[key] = {**row, "activity_id": row["activity_id"] or (before["activity_id"] if before else None)}
    return list(last.values())


async def _update(context: Context, row: Mapping[str, Any]) -> Update | None:
    """None where the subject is gone; a Deletion tells so."""
    kind, subject = EventKind(row["kind"]), row["subject"]
    if kind is EventKind.RESYNC:
        return Resync(reason=subject)
    if kind is EventKind.DELETION:
        name, _, key = subject.partition(":")
        return Deletion(deleted_id=ids.encode(name, UUID(key)))
    if kind not in _SUBJECTS:
        return None
    found = await load(context, _SUBJECTS[kind], UUID(subject))
    match found:
        case SyncLink():
            event: ActivityEvent | None = (
                await load(context, "ActivityEvent", row["activity_id"]) if row["activity_id"] else None
            )
            return LinkUpdate(link=found, changes=event.changes if event else [])
        case MatchIssue():
            return MatchIssueUpdate(issue=found)
        case Contact():
            return ContactUpdate(contact=found)
        case Invoice():
            return InvoiceUpdate(invoice=found)
        case XeroOrganisation():
            return ConnectionUpdate(organisation=found)
        case Workspace():
            return WorkspaceUpdate(workspace=found)
        case ImportProgress():
            return found
    return None


_SUBJECTS = {
    EventKind.IMPORT_PROGRESS: "ImportProgress",
    EventKind.LINK: "SyncLink",
    EventKind.MATCH_ISSUE: "MatchIssue",
    EventKind.CONTACT: "Contact",
    EventKind.INVOICE: "Invoice",
    EventKind.CONNECTION: "XeroOrganisation",
    EventKind.WORKSPACE: "Workspace",
}


async def sync_status(
    context: Context, organisation: UUID | None, after: str | None
) -> AsyncIterator[SyncStatusEvent]:
    """Events behind `after`, or from now on, for as long as somebody listens."""
    assert context.viewer is not None, "the field's scope was checked"
    async with context.parts.bells.heard(EVENT, context.viewer.workspace) as bell:
        if after:
            position = position_of(after)
        else:
            async with context.transaction() as tx:
                position = await _present(tx)
        while True:
            bell.clear()
            missed = await _read(context, position, organisation)
            position = missed.position
            async for event in _told(context, missed, organisation):
                yield event
            if not missed.rows:
                await wait(bell)


async def _told(
    context: Context, missed: _Missed, organisation: UUID | None
) -> AsyncIterator[SyncStatusEvent]:
    if missed.resync is not None:
        renew(context)
        yield SyncStatusEvent(
            organisation_key=organisation,
            cursor=cursor(missed.position),
            at=missed.now,
            update=Resync(reason=missed.resync),
        )
    for start in range(0, len(missed.rows), TOGETHER):
        rows = missed.rows[start : start + TOGETHER]
        renew(context)
        updates = await asyncio.gather(*(_update(context, row) for row in rows))
        for row, update in zip(rows, updates, strict=True):
            if update is not None:
                yield SyncStatusEvent(
                    organisation_key=row["organisation_id"],
                    cursor=cursor(row["position"]),
                    at=row["at"],
                    update=update,
                )
