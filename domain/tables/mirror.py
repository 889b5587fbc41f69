"""Xero's contacts as last seen, webhook events, and runs that read them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from domain.described import DescribedEnum
from domain.tables.base import Row, Table, choice_column, foreign_key, json_column, key_column, time_column
from domain.tables.connection import XeroContactFilter
from domain.tables.contacts import StoredIdentifier
from domain.tables.links import Brake


class XeroContactStatus(DescribedEnum):
    """The state of a contact inside Xero."""

    ACTIVE = "ACTIVE", "The contact can be billed and edited in Xero."
    ARCHIVED = (
        "ARCHIVED",
        "Somebody archived the contact in Xero, or merged it into another one. Xero bills no archived"
        " contact, and its link is BROKEN.",
    )
    GDPR_REQUEST = (
        "GDPR_REQUEST",
        "Somebody asked Xero to forget this contact. Tandem deletes its personal data from the mirror.",
    )


class ImportPhase(DescribedEnum):
    """The phase of an import: first it reads, then it matches."""

    READING = (
        "READING",
        "Tandem copies the organisation's contacts from Xero into its mirror. This begins as soon as the"
        " organisation is connected.",
    )
    MATCHING = (
        "MATCHING",
        "Tandem links, raises match issues and creates contacts from the mirror. This needs"
        " startContactSync.",
    )
    FINISHED = "FINISHED", "The import is over; its counts no longer change."


class MatchPass(StrEnum):
    """The passes of the match phase, in their order. SIMILAR finds near-duplicates and decides nothing. Imports have all passes; deltas
    and scans have SIMILAR and CHANGES."""

    FULL_MATCHES = "FULL_MATCHES"
    SIMILAR = "SIMILAR"
    ISSUES = "ISSUES"
    CREATIONS = "CREATIONS"
    CHANGES = "CHANGES"


class RunPurpose(StrEnum):
    """IMPORT: a person started it, and the API shows its progress. DELTA: reads changed contacts. SCAN: reads all, to find
    changes that no delta shows."""

    IMPORT = "IMPORT"
    DELTA = "DELTA"
    SCAN = "SCAN"


class XeroContact(Row, table=True):
    """The mirror: a contact as Xero last showed it. `phone` holds country, area, number of the DEFAULT phone;
    `billing_address` the POBOX address, as Contact.billing_address. `seen_at`: when the snapshot was asked for.

    `identifiers`: Xero's CompanyNumber, TaxNumber and AccountNumber, without personal tax numbers; null until a read of this
    version of Tandem has shown the contact. `identifier_keys`: as Contact's.

    `own_write_at`: Xero's stamp in the last answer to a write of ours. `own_write_after`: Xero's stamp of the values that
    were known before this write. `own_event_at`: the webhook event that this write accounts for. `read_event_at`: the
    newest webhook event that a read has answered, or that the activity records as overwritten. All four are by Xero's
    clock.

    `value_times`: per field, Xero's time of the first snapshot that showed its value. `dirty`: not applied yet to links and
    issues; `former_keys`: the name and email keys that it had since it was. `doubted_at`: when a snapshot of the same
    stamp, with other values, was asked for. `read_due_at`: when it is to be read by itself. `missing_since`: since when
    Xero leaves the contact out of reads that should show it; null while Xero shows it. `looked_at`: when its
    near-duplicates were last looked up; null if it has changed since. `match_name` and `match_keys`: the keys of that
    look-up, in the form of Contact's, if it found any. `shown_digest`: see domain.mirror.digests; null after a change that no
    snapshot made.
    """

    __tablename__ = "xero_contact"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        sa.UniqueConstraint("workspace_id", "organisation_id", "xero_contact_id"),
        sa.Index("ix_xero_contact_name", "workspace_id", "organisation_id", "name_key"),
        sa.Index("ix_xero_contact_email", "workspace_id", "organisation_id", "email_key"),
        sa.Index("ix_xero_contact_dirty", "workspace_id", "organisation_id", "id", postgresql_where="dirty"),
        sa.Index("ix_xero_contact_key_version", "key_version"),
        sa.Index("ix_xero_contact_read", "read_due_at", postgresql_where="read_due_at is not null"),
        sa.Index(
            "ix_xero_contact_merged",
            "workspace_id",
            "organisation_id",
            "merged_to",
            postgresql_where="merged_to is not null",
        ),
        sa.Index(
            "ix_xero_contact_search",
            "workspace_id",
            "search_key",
            postgresql_using="gin",
            postgresql_ops={"search_key": "gin_trgm_ops"},
        ),
        sa.Index(
            "ix_xero_contact_numbers",
            "workspace_id",
            "identifier_keys",
            postgresql_using="gin",
            postgresql_where="identifier_keys <> '{}'",
        ),
        sa.Index(
            "ix_xero_contact_accounts",
            "workspace_id",
            "identifiers",
            postgresql_using="gin",
            postgresql_ops={"identifiers": "jsonb_path_ops"},
            postgresql_where="identifiers <> '[]'",
        ),
    )
    organisation_id: UUID
    xero_contact_id: UUID
    name: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: dict[str, str] | None = json_column()
    billing_address: dict[str, Any] | None = json_column()
    contact_number: str | None = None
    identifiers: list[StoredIdentifier] | None = json_column()
    identifier_keys: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}, default=[]
    )
    is_customer: bool
    is_supplier: bool
    status: XeroContactStatus = choice_column(XeroContactStatus)
    merged_to: UUID | None = None
    updated_at: datetime = time_column()
    seen_at: datetime = time_column()
    name_key: str | None = key_column()
    email_key: str | None = key_column()
    search_key: str = key_column()
    key_version: int = 1
    value_times: dict[str, str] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}, default={})
    dirty: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    former_keys: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}, default=[]
    )
    doubted_at: datetime | None = time_column(nullable=True)
    missing_since: datetime | None = time_column(nullable=True)
    read_due_at: datetime | None = time_column(nullable=True)
    brake: Brake | None = choice_column(Brake, nullable=True)
    looked_at: datetime | None = time_column(nullable=True)
    match_name: str | None = key_column()
    match_keys: list[str] | None = Field(sa_type=ARRAY(sa.Text), nullable=True, default=None)
    own_write_at: datetime | None = time_column(nullable=True)
    own_event_at: datetime | None = time_column(nullable=True)
    read_event_at: datetime | None = time_column(nullable=True)
    own_write_after: datetime | None = time_column(nullable=True)
    shown_digest: str | None = None


class ImportRun(Row, table=True):
    """A run that reads Xero and matches, and its position. Another worker continues it if its worker dies.

    `purpose` IMPORT is shown to people as progress. READING: `next_page` of the contacts changed since `modified_since` (null: everything). MATCHING (`match` is set):
    `match_pass`, and `position`, the last mirror row that the pass has done. `due_at` null: nothing to do.
    """

    __tablename__ = "import_run"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        sa.Index(
            "uq_import_run_unfinished",
            "workspace_id",
            "organisation_id",
            unique=True,
            postgresql_where="finished_at is null",
        ),
        sa.Index("ix_import_run_due", "due_at", postgresql_where="finished_at is null"),
        sa.Index("ix_import_run_started", "workspace_id", "organisation_id", "started_at"),
    )
    organisation_id: UUID
    purpose: RunPurpose = choice_column(RunPurpose, default=RunPurpose.IMPORT)
    phase: ImportPhase = choice_column(ImportPhase)
    match: bool = False
    contact_filter: XeroContactFilter | None = choice_column(XeroContactFilter, nullable=True)
    modified_since: datetime | None = time_column(nullable=True)
    next_page: int = 1
    read_from: datetime | None = time_column(nullable=True)
    match_pass: MatchPass | None = choice_column(MatchPass, nullable=True)
    position: UUID | None = None
    done: int = 0
    total: int | None = None
    full_matches: int = 0
    conflicts: int = 0
    created: int = 0
    skipped: int = 0
    started_at: datetime = time_column()
    finished_at: datetime | None = time_column(nullable=True)
    due_at: datetime | None = time_column(nullable=True)
    lease_until: datetime | None = time_column(nullable=True)
    attempts: int = 0


class OwedStatus(Table, table=True):
    """A request to archive or restore a Xero contact. The row is deleted once Xero shows the status. The request has no
    link, because the link and the contact that asked for it may be deleted. `due_at` null: Xero has refused it, or several
    reads did not show the contact. `delivery_id`: the write that is in flight. `attempts`: how many reads did not show the
    contact."""

    __tablename__ = "owed_status"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        foreign_key("xero_contact", "xero_contact_id", "CASCADE"),
        foreign_key("delivery", "delivery_id", "SET NULL"),
        sa.Index("ix_owed_status_due", "due_at", postgresql_where="delivery_id is null"),
        sa.Index("ix_owed_status_delivery", "workspace_id", "delivery_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    xero_contact_id: UUID = Field(primary_key=True)
    status: XeroContactStatus = choice_column(XeroContactStatus)
    due_at: datetime | None = time_column(nullable=True)
    delivery_id: UUID | None = None
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class ReimportMark(Table, table=True):
    """A Xero contact that is never created in the practice automatically, by Xero's own id. `erased`: the mirror keeps no
    personal value of it either."""

    __tablename__ = "reimport_mark"
    __table_args__ = (foreign_key("organisation", "organisation_id", "CASCADE"),)
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    xero_contact_id: UUID = Field(primary_key=True)
    at: datetime = time_column()
    erased: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class WebhookEvent(Table, table=True):
    """The inbox of webhook events: one row for each object that is to be read. An event is stored before the workspace is
    known, so only through `door`.

    `event_at`: the newest event of the object, by Xero's clock. `former_at`: the newest other event before it, null if there
    was none. `received_at`: when the newest event came, by our clock. `due_at`: when the object is to be read. `lease_until`:
    a reader has it until then, unless it renews the lease. `reads`: how many reads have shown something older than the event.
    """

    __tablename__ = "webhook_event"
    __table_args__ = (sa.Index("ix_webhook_event_due", "category", "due_at"),)
    tenant_id: UUID = Field(primary_key=True)
    category: str = Field(primary_key=True)
    resource_id: UUID = Field(primary_key=True)
    event_at: datetime = time_column()
    received_at: datetime = time_column()
    due_at: datetime = time_column()
    reads: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    former_at: datetime | None = time_column(nullable=True)
    lease_until: datetime | None = time_column(nullable=True)
