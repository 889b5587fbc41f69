"""Links between practice contacts and Xero contacts, and pushes."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NotRequired
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field
from typing_extensions import TypedDict

from domain.described import DescribedEnum
from domain.tables.base import Row, Table, choice_column, foreign_key, json_column, key_column, time_column


class StoredProblem(TypedDict):
    """One of several things that Xero named when it refused an invoice."""

    code: str
    message: str
    subjects: list[str]
    remedy: str


class StoredFailure(TypedDict):
    """The reason why a link or an invoice does not sync, as the columns `failure` hold it. Times are ISO 8601.

    `subjects`: 'Type:uuid' of each object that the failure is about. `awaits`: of a link that a merge broke, the survivor
    by Xero's id, until a read shows the survivor. `refused`: Xero refused the invoice; `each`: all that it named then,
    where it named several things.
    """

    code: str
    message: str
    field: str | None
    subjects: list[str]
    since: str
    attempts: int
    nextAttemptAt: str | None
    remedy: str | None
    awaits: NotRequired[str]
    refused: NotRequired[bool]
    each: NotRequired[list[StoredProblem]]


class SyncState(DescribedEnum):
    """The state of a link. SYNCED, PENDING, FAILING and CONFLICT are active states: values flow, or will.
    UNSYNCED and BROKEN links have ended and wait for a person."""

    SYNCED = (
        "SYNCED",
        "Nothing waits: every value that can be sent has been sent, and what Xero showed has been applied.",
    )
    PENDING = (
        "PENDING",
        "The practice has values that Xero does not have yet. They are sent by themselves, usually within"
        " seconds.",
    )
    FAILING = (
        "FAILING",
        "Values could not be sent; `failure` says why and what to do. Changes in Xero still come in.",
    )
    CONFLICT = (
        "CONFLICT",
        "A field was changed on both sides under the policy ASK. Both values stay until settleConflict; the"
        " other fields keep syncing.",
    )
    UNSYNCED = (
        "UNSYNCED",
        "A person ended the link with unsync. Nothing flows, and no import matches the pair again.",
    )
    BROKEN = (
        "BROKEN",
        "The Xero contact was archived, merged or forgotten in Xero. Nothing flows until rematch,"
        " createFromUnsynced or dismissLinks, or until Xero restores the contact.",
    )


# A link in one of these states holds both its contacts: no other link of the organisation may be active with either.
ACTIVE_STATES = (SyncState.SYNCED, SyncState.PENDING, SyncState.FAILING, SyncState.CONFLICT)
ACTIVE = "(" + ", ".join(f"'{state}'" for state in ACTIVE_STATES) + ")"  # for SQL: `state in {ACTIVE}`


class LinkOrigin(DescribedEnum):
    """The origin of a link: a rule, a person's decision, or the creation of one of its contacts."""

    FULL_MATCH = (
        "FULL_MATCH",
        "By rule: name and email were equal, and no other contact on either side had them.",
    )
    CONFIRMED = (
        "CONFIRMED",
        "A person confirmed a match issue, or chose a Xero contact with `linkTo` in pushToXero.",
    )
    CREATED_FROM_XERO = "CREATED_FROM_XERO", "The practice contact was created from the Xero contact."
    PUSHED_TO_XERO = (
        "PUSHED_TO_XERO",
        "The Xero contact was created from the practice contact, by pushToXero or createFromUnsynced.",
    )
    REMATCHED = "REMATCHED", "A person resumed an ended link with rematch."


class Brake(StrEnum):
    """The state of a destructive change that waits: COUNTED by the brake, or PASSED by a person."""

    COUNTED = "COUNTED"
    PASSED = "PASSED"


class SyncLink(Row, table=True):
    """A practice contact and a Xero contact. `base_practice` and `base_xero` hold, per synced field, what each
    side held when they last agreed. `due_at`: since when the practice's side has something that Xero lacks.

    `contact_number` is drawn for each push. `bulk`: no person waits for the send. `read_owed_at`: nothing is sent before a
    read that began later. `notes`: per field, the values that reads showed during a write of the field. `refused`: per
    field, the practice's value that Xero refused and that is not sent again until it changes. `conflicts`: fields that
    both sides changed, about which a person decides. For the brake: `destroyed_at`, when Xero last destroyed a value of
    the link; `blanked_at`, when the link last sent a blank; `brake`, the state of blanks that wait.
    `warnings`: Xero's remarks about the last write that it accepted.
    """

    __tablename__ = "sync_link"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        foreign_key("contact", "contact_id", "CASCADE"),
        foreign_key("xero_contact", "xero_contact_id"),
        sa.Index(
            "uq_sync_link_contact",
            "workspace_id",
            "organisation_id",
            "contact_id",
            unique=True,
            postgresql_where=f"state in {ACTIVE}",
        ),
        sa.Index(
            "uq_sync_link_xero_contact",
            "workspace_id",
            "organisation_id",
            "xero_contact_id",
            unique=True,
            postgresql_where=f"state in {ACTIVE}",
        ),
        sa.Index("ix_sync_link_contact", "workspace_id", "contact_id"),
        sa.Index("ix_sync_link_xero_contact", "workspace_id", "xero_contact_id"),
        sa.Index("ix_sync_link_state", "workspace_id", "organisation_id", "state"),
        sa.Index(
            "ix_sync_link_due",
            "workspace_id",
            "organisation_id",
            "bulk",
            "due_at",
            postgresql_where="due_at is not null",
        ),
        sa.Index(
            "ix_sync_link_destroyed",
            "workspace_id",
            "organisation_id",
            postgresql_where="destroyed_at is not null or blanked_at is not null",
        ),
    )
    organisation_id: UUID
    contact_id: UUID
    xero_contact_id: UUID | None = None
    state: SyncState = choice_column(SyncState)
    state_since: datetime = time_column()
    origin: LinkOrigin = choice_column(LinkOrigin)
    linked_at: datetime = time_column()
    last_synced_at: datetime | None = time_column(nullable=True)
    version: int = 1
    base_practice: dict[str, Any] = json_column(nullable=False)
    base_xero: dict[str, Any] = json_column(nullable=False)
    failure: StoredFailure | None = json_column()
    due_at: datetime | None = time_column(nullable=True)
    contact_number: str | None = None
    bulk: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    next_attempt_at: datetime | None = time_column(nullable=True)
    read_owed_at: datetime | None = time_column(nullable=True)
    notes: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}, default={})
    refused: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}, default={})
    conflicts: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}, default=[]
    )
    warnings: list[str] = Field(
        default_factory=list, sa_column=sa.Column(ARRAY(sa.Text), nullable=False, server_default="{}")
    )
    destroyed_at: datetime | None = time_column(nullable=True)
    blanked_at: datetime | None = time_column(nullable=True)
    brake: Brake | None = choice_column(Brake, nullable=True)


class ListedLink(Table, table=True):
    """A link of a contact in use, with the contact's name, so that a list of contacts by the state of their links reads a range of one
    index. Triggers write it (`migrations/sql/door_list_*.sql`)."""

    __tablename__ = "listed_link"
    __table_args__ = (
        sa.Index("ix_listed_link_name", "workspace_id", "organisation_id", "state", "name_key", "contact_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    link_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    state: str = Field(sa_type=sa.Text, nullable=False)
    name_key: str = key_column()
    contact_id: UUID


class Push(Table, table=True):
    """The push number of a push. The row outlives its link, so that Tandem recognises a contact that Xero created although
    the answer was lost (`domain.links.push_numbers`). `archive`: such a contact is then archived in Xero. `erased`: no
    personal value of it is kept."""

    __tablename__ = "push"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        sa.Index("ix_push_open", "workspace_id", "organisation_id", postgresql_where="seen_at is null"),
        sa.Index("ix_push_link", "workspace_id", "link_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    contact_number: str = Field(primary_key=True)
    link_id: UUID
    at: datetime = time_column()
    seen_at: datetime | None = time_column(nullable=True)
    archive: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    erased: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
