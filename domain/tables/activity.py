"""History for people, and events for subscriptions."""

from datetime import datetime
from enum import StrEnum
from typing import Required
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field
from typing_extensions import TypedDict

from domain.described import DescribedEnum
from domain.tables.base import Row, Table, choice_column, foreign_key, json_column, time_column
from domain.tables.practice import ActorKind


class ActivityKind(DescribedEnum):
    """The kind of an activity event, for filters and icons."""

    CONNECTED = "CONNECTED", "A Xero organisation was connected, or connected again."
    DISCONNECTED = "DISCONNECTED", "A Xero organisation was disconnected with disconnectXero."
    IMPORT_STARTED = (
        "IMPORT_STARTED",
        "The contact sync of an organisation was started, and with it the first import.",
    )
    IMPORT_FINISHED = "IMPORT_FINISHED", "An import ended; the message has its counts."
    LINKED = (
        "LINKED",
        "A link began, was resumed, or moved to the contact into which its Xero contact was merged.",
    )
    UNLINKED = (
        "UNLINKED",
        "A link ended: a person unsynced or dismissed it, or its contact was archived, merged or forgotten"
        " in Xero.",
    )
    CONTACT_CREATED = "CONTACT_CREATED", "A practice contact was created, by a person or from Xero."
    CONTACT_CHANGED = (
        "CONTACT_CHANGED",
        "Values of a practice contact changed, or it was archived or brought back.",
    )
    CONTACT_DELETED = "CONTACT_DELETED", "A practice contact was deleted with its links."
    CONFLICT_SETTLED = (
        "CONFLICT_SETTLED",
        "Both sides had changed a value, and one of the two now holds. `changes` has the value that lost.",
    )
    MASS_CHANGE_STOPPED = (
        "MASS_CHANGE_STOPPED",
        "Many contacts changed at once, and the organisation was paused until a person decides.",
    )
    ISSUE_OPENED = "ISSUE_OPENED", "A match issue was opened for a person to decide, or reopened."
    ISSUE_RESOLVED = "ISSUE_RESOLVED", "A match issue ended: a person decided it, or it became obsolete."
    PUSHED = "PUSHED", "Xero created the contact that the practice pushed."
    INVOICE_SYNCED = "INVOICE_SYNCED", "Xero took an invoice of the practice; it can be found there now."
    INVOICE_CHANGED = (
        "INVOICE_CHANGED",
        "An invoice was created, changed, approved, sent or voided here, or changed inside Xero.",
    )
    PAYMENT_RECORDED = (
        "PAYMENT_RECORDED",
        "Xero recorded, changed or removed a payment or credit of an invoice.",
    )
    SETTING_CHANGED = "SETTING_CHANGED", "A setting of the workspace or of an organisation changed."
    FAILED = "FAILED", "Something could not be synced; the message says why."


class EventKind(StrEnum):
    """The kind of a live event. Each kind is a member of the schema's union SyncUpdate."""

    IMPORT_PROGRESS = "IMPORT_PROGRESS"
    LINK = "LINK"
    MATCH_ISSUE = "MATCH_ISSUE"
    CONTACT = "CONTACT"
    INVOICE = "INVOICE"
    CONNECTION = "CONNECTION"
    WORKSPACE = "WORKSPACE"
    DELETION = "DELETION"
    RESYNC = "RESYNC"


class StoredChange(TypedDict, total=False):
    """A changed value, as `activity.changes` holds it. `before` and `after` are texts for people; `storedBefore` is the value
    that restoreValue brings back. `writtenTo`: the side that now holds `after`."""

    field: Required[str]
    before: Required[str | None]
    after: Required[str | None]
    writtenTo: str | None
    storedBefore: object
    restorable: bool


class Activity(Row, table=True):
    """A line of the history that people read."""

    __tablename__ = "activity"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        sa.Index("ix_activity_at", "workspace_id", "at", "id"),
        sa.Index(
            "ix_activity_invoice",
            "workspace_id",
            "invoice_id",
            "at",
            postgresql_where="invoice_id is not null",
        ),
        sa.Index("ix_activity_contact", "workspace_id", "contact_id", "at"),
        sa.Index("ix_activity_organisation", "workspace_id", "organisation_id", "at"),
    )
    at: datetime = time_column()
    kind: ActivityKind = choice_column(ActivityKind)
    actor_kind: ActorKind = choice_column(ActorKind)
    actor_name: str
    actor_id: UUID | None = None
    message: str
    organisation_id: UUID | None = None
    contact_id: UUID | None = None
    link_id: UUID | None = None
    issue_id: UUID | None = None
    invoice_id: UUID | None = None
    changes: list[StoredChange] = json_column(nullable=False)


class Event(Table, table=True):
    """A live event; positions are in commit order within the workspace (see runtime.database)."""

    __tablename__ = "event"
    __table_args__ = (sa.Index("ix_event_at", "at"),)
    workspace_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=sa.BigInteger)
    at: datetime = time_column()
    kind: EventKind = choice_column(EventKind)
    subject: str
    organisation_id: UUID | None = None
    activity_id: UUID | None = None


class EventCounter(Table, table=True):
    __tablename__ = "event_counter"
    workspace_id: UUID = Field(primary_key=True)
    position: int = Field(sa_type=sa.BigInteger)
