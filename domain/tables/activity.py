"""History for people, and events for subscriptions."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.tables.base import Row, choice_column, foreign_key, json_column, time_column
from domain.tables.practice import ActorKind


class ActivityKind(StrEnum):
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    IMPORT_STARTED = "IMPORT_STARTED"
    IMPORT_FINISHED = "IMPORT_FINISHED"
    LINKED = "LINKED"
    UNLINKED = "UNLINKED"
    CONTACT_CREATED = "CONTACT_CREATED"
    CONTACT_CHANGED = "CONTACT_CHANGED"
    CONTACT_DELETED = "CONTACT_DELETED"
    CONFLICT_SETTLED = "CONFLICT_SETTLED"
    MASS_CHANGE_STOPPED = "MASS_CHANGE_STOPPED"
    ISSUE_OPENED = "ISSUE_OPENED"
    ISSUE_RESOLVED = "ISSUE_RESOLVED"
    PUSHED = "PUSHED"
    INVOICE_SYNCED = "INVOICE_SYNCED"
    INVOICE_CHANGED = "INVOICE_CHANGED"
    PAYMENT_RECORDED = "PAYMENT_RECORDED"
    SETTING_CHANGED = "SETTING_CHANGED"
    FAILED = "FAILED"


class EventKind(StrEnum):
    """What a live event tells; each is a member of the schema's union SyncUpdate."""

    IMPORT_PROGRESS = "IMPORT_PROGRESS"
    LINK = "LINK"
    MATCH_ISSUE = "MATCH_ISSUE"
    CONTACT = "CONTACT"
    INVOICE = "INVOICE"
    CONNECTION = "CONNECTION"
    WORKSPACE = "WORKSPACE"
    DELETION = "DELETION"
    RESYNC = "RESYNC"


class Activity(Row, table=True):
    """What happened, as people read it. `changes`: list of {field, before, after, writtenTo, restorable}."""

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
    changes: list[dict[str, Any]] = json_column(nullable=False)


class Event(SQLModel, table=True):
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


class EventCounter(SQLModel, table=True):
    __tablename__ = "event_counter"
    workspace_id: UUID = Field(primary_key=True)
    position: int = Field(sa_type=sa.BigInteger)
