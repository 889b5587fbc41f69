"""The subscription `syncStatus`: live events in the order of commits, and the cursor between list and stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.types import Info

from api.context import Context
from api.errors import Code as ErrorCode
from api.errors import log_fault, refusal
from api.event_feed import EventRow, Follower, pauses, present_position
from api.relay import ids
from api.relay.loaders import BatchName, load, load_later
from api.relay.paging import pack, unpack
from api.schema.activity import ActivityEvent, ValueChange
from api.schema.contacts import Contact
from api.schema.invoices import Invoice
from api.schema.issues import MatchIssue
from api.schema.links import SyncLink
from api.schema.organisations import ImportProgress, XeroOrganisation
from api.schema.refs import (
    ACTIVITY_EVENT,
    CONTACT,
    IMPORT_PROGRESS,
    INVOICE,
    MATCH_ISSUE,
    SYNC_LINK,
    WORKSPACE,
    XERO_ORGANISATION,
)
from api.schema.workspace import Workspace
from domain.tables import EventKind
from runtime.database import DatabaseUnavailable

TOGETHER = 50  # events whose objects are loaded at once
_NAME = "event"


@strawberry.type(description="A link began, changed its state or values, or ended.")
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
    description="Single events cannot report these changes, so read the lists again. The stream goes on after"
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


@strawberry.type(description="One live event: the changed object, the time, and the position of the stream.")
class SyncStatusEvent:
    organisation_key: strawberry.Private[UUID | None]
    cursor: str = strawberry.field(
        description="The event's position. Give the last one as `after` when you subscribe again, and the"
        " stream continues behind it."
    )
    at: datetime = strawberry.field(description="When the change was committed, by Tandem's clock.")
    update: SyncUpdate = strawberry.field(description="The change, with the object as it is now.")

    @strawberry.field(
        description="The Xero organisation that the event concerns, with its present summary. Null if it"
        " concerns none."
    )
    def organisation(self, info: Info[Context, None]) -> XeroOrganisation | None:
        if self.organisation_key is None:
            return None
        return load_later(info.context, XERO_ORGANISATION, self.organisation_key)


def cursor(position: int) -> str:
    return pack(_NAME, position)


def position_of(text: str) -> int:
    with suppress(GraphQLError):
        match unpack(text):
            case ["event", int(position)] if 0 <= position < 2**63 and not isinstance(position, bool):
                return position
    raise refusal(ErrorCode.BAD_REQUEST, "after: this is not a cursor of syncStatus", argument="after")


class SyncCursorFirst(SchemaExtension):
    """Reads the cursor of a request that may ask for it before everything else of the request.

    So the cursor is never later than the lists. An event in between comes twice, and is not lost.
    """

    async def on_execute(self) -> AsyncIterator[None]:
        execution = self.execution_context
        context = execution.context
        if "syncCursor" in (execution.query or "") and context.viewer is not None:
            async with context.transaction() as tx:
                context.sync_cursor = cursor(await present_position(tx))
        yield


def _last_of_each(rows: Sequence[EventRow]) -> list[EventRow]:
    """Several events of one object are delivered once, at the place of the last one."""
    last: dict[tuple[EventKind, str], EventRow] = {}
    for row in rows:
        key = (row.kind, row.subject)
        before = last.pop(key, None)
        activity = row.activity_id or (before.activity_id if before else None)
        last[key] = replace(row, activity_id=activity)
    return list(last.values())


async def _update_or_resync(context: Context, row: EventRow) -> Update | None:
    """Resync if a fault of ours keeps the event from being shown. Otherwise the stream would end again at each new try."""
    try:
        return await _update(context, row)
    except DatabaseUnavailable:
        raise
    except Exception as error:
        return Resync(
            reason=f"An event could not be shown. The server's log has the reason as {log_fault(error)}."
        )


async def _update(context: Context, row: EventRow) -> Update | None:
    """None if the object was deleted; a Deletion reports that."""
    kind, subject = row.kind, row.subject
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
                await load(context, ACTIVITY_EVENT, row.activity_id) if row.activity_id else None
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


_SUBJECTS: dict[EventKind, BatchName[UUID, object]] = {
    EventKind.IMPORT_PROGRESS: IMPORT_PROGRESS,
    EventKind.LINK: SYNC_LINK,
    EventKind.MATCH_ISSUE: MATCH_ISSUE,
    EventKind.CONTACT: CONTACT,
    EventKind.INVOICE: INVOICE,
    EventKind.CONNECTION: XERO_ORGANISATION,
    EventKind.WORKSPACE: WORKSPACE,
}


async def sync_status(
    context: Context, organisation_id: str | None, after: str | None
) -> AsyncIterator[SyncStatusEvent]:
    """Events after the cursor `after`, or from now on, for as long as the client listens.

    Refuses a wrong cursor, and an id of no organisation of the workspace, before the stream begins.
    """
    position = None if after is None else position_of(after)
    organisation = await _find_organisation(context, organisation_id)
    if context.stream_begun is not None:
        context.stream_begun.set()
    return _follow(context, organisation, position)


async def _find_organisation(context: Context, text: str | None) -> UUID | None:
    if text is None:
        return None
    key = ids.find("XeroOrganisation", text)
    if key is None or await load(context, XERO_ORGANISATION, key) is None:
        message = "organisationId: this workspace has no Xero organisation with this id"
        raise refusal(ErrorCode.BAD_REQUEST, message, argument="organisationId")
    return key


async def _follow(
    context: Context, organisation: UUID | None, after: int | None
) -> AsyncIterator[SyncStatusEvent]:
    assert context.viewer is not None, "the field's scope was checked"
    async with context.process.feeds.follow(context.viewer.workspace, after) as follower:
        while True:
            news = await follower.next()
            if news.resync is not None:
                context.loaders = {}
                yield SyncStatusEvent(
                    organisation_key=organisation,
                    cursor=cursor(news.position),
                    at=news.at,
                    update=Resync(reason=news.resync),
                )
            rows = [row for row in news.rows if organisation in (None, row.organisation_id)]
            async for event in _deliver(context, follower, _last_of_each(rows)):
                yield event
            context.loaders = {}  # an idle subscription holds no objects


async def _deliver(
    context: Context, follower: Follower, rows: Sequence[EventRow]
) -> AsyncIterator[SyncStatusEvent]:
    for start in range(0, len(rows), TOGETHER):
        together = rows[start : start + TOGETHER]
        updates = await _load(context, follower, together)
        for row, update in zip(together, updates, strict=True):
            if update is not None:
                yield SyncStatusEvent(
                    organisation_key=row.organisation_id,
                    cursor=cursor(row.position),
                    at=row.at,
                    update=update,
                )


async def _load(context: Context, follower: Follower, rows: Sequence[EventRow]) -> list[Update | None]:
    """The objects of these events. While the database does not answer, the stream waits and tries again."""
    for pause in pauses():
        together = follower.round()
        context.loaders = together.loaders
        try:
            return await asyncio.gather(*(_update_or_resync(context, row) for row in rows))
        except DatabaseUnavailable:
            follower.forget_round(together)
            await asyncio.sleep(pause)
    raise AssertionError("pauses never end")
