"""Every table, in one file that imports nothing of the house.

Each row belongs to a workspace, and its key is (workspace_id, id): foreign keys ignore row-level security, so
they carry the workspace. Enums are text with a CHECK, because equality on native enums is not leakproof and
would keep PostgreSQL from using an index under row-level security. Columns named `*_key` are normalised by
`domain.names.text_keys` and hold null, never '', for a blank value.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = SQLModel.metadata


class Scope(StrEnum):
    READ = "READ"
    WRITE = "WRITE"
    ADMIN = "ADMIN"


class ActorKind(StrEnum):
    USER = "USER"
    API_TOKEN = "API_TOKEN"  # noqa: S105 - a kind of actor, not a secret
    XERO = "XERO"
    TANDEM = "TANDEM"


class ContactKind(StrEnum):
    PERSON = "PERSON"
    ORGANISATION = "ORGANISATION"


class XeroContactFilter(StrEnum):
    CUSTOMERS_ONLY = "CUSTOMERS_ONLY"
    SUPPLIERS_AND_CUSTOMERS = "SUPPLIERS_AND_CUSTOMERS"
    ALL = "ALL"


class ConflictPolicy(StrEnum):
    LATEST_WINS = "LATEST_WINS"
    XERO_WINS = "XERO_WINS"
    PRACTICE_WINS = "PRACTICE_WINS"
    ASK = "ASK"


class ConnectionHealth(StrEnum):
    HEALTHY = "HEALTHY"
    CATCHING_UP = "CATCHING_UP"
    RATE_LIMITED = "RATE_LIMITED"
    PAUSED = "PAUSED"
    DEGRADED = "DEGRADED"
    NEEDS_RECONNECT = "NEEDS_RECONNECT"
    DISCONNECTED = "DISCONNECTED"


class XeroContactStatus(StrEnum):
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    GDPR_REQUEST = "GDPR_REQUEST"


class SyncState(StrEnum):
    SYNCED = "SYNCED"
    PENDING = "PENDING"
    FAILING = "FAILING"
    CONFLICT = "CONFLICT"
    UNSYNCED = "UNSYNCED"
    BROKEN = "BROKEN"


ACTIVE_STATES = (SyncState.SYNCED, SyncState.PENDING, SyncState.FAILING, SyncState.CONFLICT)
_ACTIVE = "state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')"


class LinkOrigin(StrEnum):
    FULL_MATCH = "FULL_MATCH"
    CONFIRMED = "CONFIRMED"
    CREATED_FROM_XERO = "CREATED_FROM_XERO"
    PUSHED_TO_XERO = "PUSHED_TO_XERO"
    REMATCHED = "REMATCHED"


class SyncedField(StrEnum):
    NAME = "NAME"
    BILLING_EMAIL = "BILLING_EMAIL"
    PRIMARY_PHONE = "PRIMARY_PHONE"
    BILLING_ADDRESS = "BILLING_ADDRESS"


class MatchIssueReason(StrEnum):
    NAME_ONLY = "NAME_ONLY"
    EMAIL_ONLY = "EMAIL_ONLY"
    AMBIGUOUS = "AMBIGUOUS"
    SIMILAR = "SIMILAR"


class MatchIssueState(StrEnum):
    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class MatchResolution(StrEnum):
    CONFIRMED = "CONFIRMED"
    CREATED_SEPARATE = "CREATED_SEPARATE"
    IGNORED = "IGNORED"
    OBSOLETE = "OBSOLETE"


class ImportPhase(StrEnum):
    READING = "READING"
    MATCHING = "MATCHING"
    FINISHED = "FINISHED"


class MatchPass(StrEnum):
    """The passes of the match phase, in their order. SIMILAR looks for near-duplicates and decides nothing; CHANGES is
    of deltas and scans, the others but SIMILAR of imports."""

    FULL_MATCHES = "FULL_MATCHES"
    SIMILAR = "SIMILAR"
    ISSUES = "ISSUES"
    CREATIONS = "CREATIONS"
    CHANGES = "CHANGES"


class RunPurpose(StrEnum):
    """IMPORT: what a person started, shown as progress. DELTA: what changed since. SCAN: everything, for what no
    delta shows."""

    IMPORT = "IMPORT"
    DELTA = "DELTA"
    SCAN = "SCAN"


class DeliveryKind(StrEnum):
    """CREATE and UPDATE carry links, STATUS the archiving and restoring of Xero contacts (OwedStatus)."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    STATUS = "STATUS"


class Cargo(StrEnum):
    """What a delivery carries."""

    CONTACTS = "CONTACTS"
    INVOICES = "INVOICES"


class InvoiceStatus(StrEnum):
    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    PAID = "PAID"
    VOIDED = "VOIDED"


class AmountsAre(StrEnum):
    TAX_EXCLUSIVE = "TAX_EXCLUSIVE"
    TAX_INCLUSIVE = "TAX_INCLUSIVE"
    NO_TAX = "NO_TAX"


class InvoiceLineKind(StrEnum):
    SERVICE = "SERVICE"
    EXPENSE = "EXPENSE"


class InvoiceSyncState(StrEnum):
    NOT_SENT = "NOT_SENT"
    SYNC_OFF = "SYNC_OFF"
    BEFORE_START_DATE = "BEFORE_START_DATE"
    PENDING = "PENDING"
    SYNCED = "SYNCED"
    FAILING = "FAILING"
    CHANGED_IN_XERO = "CHANGED_IN_XERO"


class PaymentKind(StrEnum):
    """What took something off an invoice in Xero. All of them count as paid."""

    PAYMENT = "PAYMENT"
    CREDIT_NOTE = "CREDIT_NOTE"
    PREPAYMENT = "PREPAYMENT"
    OVERPAYMENT = "OVERPAYMENT"


class Side(StrEnum):
    PRACTICE = "PRACTICE"
    XERO = "XERO"


class Brake(StrEnum):
    """Of a destructive change that waits: COUNTED for the brake, or PASSED by a person, who let it through."""

    COUNTED = "COUNTED"
    PASSED = "PASSED"


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


def _choice(kind: type[StrEnum], *, nullable: bool = False, default: str | None = None) -> Any:
    column_type = sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )
    return Field(default=default, sa_type=column_type, nullable=nullable)


def _time(*, nullable: bool = False, index: bool = False) -> Any:
    return Field(default=None, sa_type=sa.DateTime(timezone=True), nullable=nullable, index=index)


def _json(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=nullable)


def _amount(*, nullable: bool = False) -> Any:
    """Exact, as many digits as it has; never a float."""
    return Field(default=None, sa_type=sa.Numeric, nullable=nullable)


def _key() -> Any:
    """A normalised text compared byte by byte, so that sorting is the same on every server."""
    return Field(default=None, sa_type=sa.Text(collation="C"), nullable=True)


def _texts() -> Any:
    return Field(default=None, sa_type=ARRAY(sa.Text), nullable=False)


def _belongs(table: str, column: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    """A foreign key that carries the workspace. SET NULL clears the column alone, not the workspace."""
    action = f"SET NULL ({column})" if ondelete == "SET NULL" else ondelete
    return sa.ForeignKeyConstraint(
        ["workspace_id", column], [f"{table}.workspace_id", f"{table}.id"], ondelete=action
    )


# Without a list of pending entries, which each look-up would read through until a vacuum.
_AT_ONCE = {"fastupdate": "off"}


class _Row(SQLModel):
    workspace_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)


class Workspace(SQLModel, table=True):
    """`memory_key`: of the keyed hashes in set_apart."""

    __tablename__ = "workspace"
    id: UUID = Field(primary_key=True)
    name: str
    currency: str
    created_at: datetime = _time()
    memory_key: UUID = Field(
        default_factory=uuid4, sa_column_kwargs={"server_default": sa.text("gen_random_uuid()")}
    )


class User(_Row, table=True):
    """A person whom the identity provider let in; `subject` is the provider's name for them."""

    __tablename__ = "app_user"
    __table_args__ = (sa.UniqueConstraint("workspace_id", "subject"),)
    subject: str
    name: str
    email: str | None = None
    scopes: list[str] = _texts()
    last_seen_at: datetime | None = _time(nullable=True)


class ApiToken(_Row, table=True):
    """`hash` is SHA-256 of the token, which has 256 random bits and so needs no slow hash."""

    __tablename__ = "api_token"
    __table_args__ = (sa.UniqueConstraint("hash"),)
    name: str
    scopes: list[str] = _texts()
    hash: bytes = Field(sa_type=BYTEA)
    hint: str
    created_at: datetime = _time()
    created_by: dict[str, Any] = _json(nullable=False)
    last_used_at: datetime | None = _time(nullable=True)
    expires_at: datetime | None = _time(nullable=True)
    revoked_at: datetime | None = _time(nullable=True)


class ContactType(_Row, table=True):
    __tablename__ = "contact_type"
    __table_args__ = (
        sa.Index(
            "uq_contact_type_name",
            "workspace_id",
            "name_key",
            unique=True,
            postgresql_where="archived_at is null",
        ),
    )
    name: str
    name_key: str = _key()
    created_at: datetime = _time()
    archived_at: datetime | None = _time(nullable=True)


class ServiceType(_Row, table=True):
    """A kind of work that the practice bills."""

    __tablename__ = "service_type"
    __table_args__ = (
        sa.Index(
            "uq_service_type_name",
            "workspace_id",
            "name_key",
            unique=True,
            postgresql_where="archived_at is null",
        ),
    )
    name: str
    name_key: str = _key()
    created_at: datetime = _time()
    archived_at: datetime | None = _time(nullable=True)


class TaxRate(_Row, table=True):
    """A tax rate of the practice. `percentage`: 15 is 15 %; it never changes, as invoices hold it."""

    __tablename__ = "tax_rate"
    __table_args__ = (
        sa.Index(
            "uq_tax_rate_name",
            "workspace_id",
            "name_key",
            unique=True,
            postgresql_where="archived_at is null",
        ),
    )
    name: str
    name_key: str = _key()
    percentage: Decimal = _amount()
    created_at: datetime = _time()
    archived_at: datetime | None = _time(nullable=True)


class Contact(_Row, table=True):
    """A contact of the practice.

    `billing_address` holds lines, city, region, postalCode, country, attentionTo. `field_times`: when the
    practice last set each synced field. `search_key`: see `domain.names.text_keys.search_key`. `match_name`, `match_keys`: by
    which near-duplicates are found (`domain.contacts.search_keys`). `created_by_run`: the import that made it, against which
    that import does not match.
    """

    __tablename__ = "contact"
    __table_args__ = (
        _belongs("contact_type", "contact_type_id"),
        sa.Index("ix_contact_name", "workspace_id", "name_key", "id"),
        sa.Index("ix_contact_email", "workspace_id", "email_key"),
        sa.Index("ix_contact_updated", "workspace_id", "updated_at", "id"),
        sa.Index("ix_contact_created", "workspace_id", "created_at", "id"),
        sa.Index("ix_contact_review", "workspace_id", postgresql_where="needs_review"),
        sa.Index(
            "ix_contact_search",
            "workspace_id",
            "search_key",
            postgresql_using="gin",
            postgresql_ops={"search_key": "gin_trgm_ops"},
        ),
        sa.Index("ix_contact_key_version", "key_version"),
        sa.Index(
            "ix_contact_match_name",
            "workspace_id",
            "match_name",
            postgresql_using="gin",
            postgresql_ops={"match_name": "gin_trgm_ops"},
            postgresql_with=_AT_ONCE,
        ),
        sa.Index(
            "ix_contact_match_keys",
            "workspace_id",
            "match_keys",
            postgresql_using="gin",
            postgresql_with=_AT_ONCE,
        ),
    )
    name: str
    first_name: str | None = None
    last_name: str | None = None
    kind: ContactKind = _choice(ContactKind)
    confidence: float | None = None
    reasons: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text), nullable=True)
    needs_review: bool = False
    contact_type_id: UUID | None = None
    billing_email: str | None = None
    primary_phone: str | None = None
    billing_address: dict[str, Any] | None = _json()
    archived_at: datetime | None = _time(nullable=True)
    created_at: datetime = _time()
    updated_at: datetime = _time()
    version: int = 1
    name_key: str = _key()
    email_key: str | None = _key()
    search_key: str = _key()
    match_name: str | None = _key()
    match_keys: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}, default=[]
    )
    key_version: int = 1
    field_times: dict[str, str] = _json(nullable=False)
    created_by_run: UUID | None = None


class Organisation(_Row, table=True):
    """A Xero organisation. `health` is what the last call told; `read_cursor` is Xero's own time up to which the
    mirror has been read, null until it was read whole; `read_asked_at` when that was asked, by our clock.
    `looked_by_hand_at`: when the last look that a person asked for was due, or is.
    `clock_ahead`: how many seconds Xero's clock is ahead of ours.
    `health_since`: since when `health` is what it is, null: since it was connected. `limited_until` is set while RATE_LIMITED; `failing_since` while no call has got through, `writes_failing_since` while no write has. `catching_up`: nothing is
    sent before everything was read again.
    `mass_change` is set while PAUSED: what would happen. `let_through_at`: when a person last let one through, since
    when the brake counts anew.

    Invoices: `invoice_sync` is the switch, `invoice_start_date` the first issue date that goes to Xero. The default
    accounts are ids of `xero_account`. Xero takes no invoice dated on or before a lock date. The catalogue is
    accounts, tax rates and lock dates. `invoice_cursor`: as read_cursor, for invoices."""

    __tablename__ = "organisation"
    __table_args__ = (
        _belongs("contact_type", "default_contact_type_id"),
        sa.UniqueConstraint("workspace_id", "tenant_id"),
        sa.Index(
            "uq_organisation_live_tenant",
            "tenant_id",
            unique=True,
            postgresql_where="disconnected_at is null",
        ),
    )
    tenant_id: UUID
    connection_id: UUID | None = None
    grant_id: UUID | None = None
    name: str
    base_currency: str
    country_code: str | None = None
    timezone: str
    short_code: str | None = None
    health: ConnectionHealth = _choice(ConnectionHealth)
    health_message: str | None = None
    health_since: datetime | None = _time(nullable=True)
    limited_until: datetime | None = _time(nullable=True)
    failing_since: datetime | None = _time(nullable=True)
    writes_failing_since: datetime | None = _time(nullable=True)
    catching_up: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    connected_at: datetime = _time()
    disconnected_at: datetime | None = _time(nullable=True)
    started_at: datetime | None = _time(nullable=True)
    contact_filter: XeroContactFilter | None = _choice(XeroContactFilter, nullable=True)
    default_contact_type_id: UUID | None = None
    conflict_policy: ConflictPolicy = _choice(ConflictPolicy, default=ConflictPolicy.LATEST_WINS)
    hold_similar: bool = True
    read_cursor: datetime | None = _time(nullable=True)
    last_polled_at: datetime | None = _time(nullable=True)
    last_full_scan_at: datetime | None = _time(nullable=True)
    last_webhook_at: datetime | None = _time(nullable=True)
    read_asked_at: datetime | None = _time(nullable=True)
    looked_by_hand_at: datetime | None = _time(nullable=True)
    poll_due_at: datetime | None = _time(nullable=True)
    scan_due_at: datetime | None = _time(nullable=True)
    mass_change: dict[str, Any] | None = _json()
    let_through_at: datetime | None = _time(nullable=True)
    clock_ahead: float = Field(default=0, sa_column_kwargs={"server_default": "0"})
    invoice_sync: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    invoice_start_date: date | None = None
    revenue_account_id: UUID | None = None
    expense_account_id: UUID | None = None
    period_lock_date: date | None = None
    year_lock_date: date | None = None
    catalogue_read_at: datetime | None = _time(nullable=True)
    catalogue_due_at: datetime | None = _time(nullable=True)
    invoice_cursor: datetime | None = _time(nullable=True)
    invoices_polled_at: datetime | None = _time(nullable=True)
    invoice_poll_due_at: datetime | None = _time(nullable=True)


class XeroContact(_Row, table=True):
    """The mirror: a contact as Xero last showed it. `phone` holds country, area, number of the DEFAULT phone;
    `billing_address` the POBOX address, as Contact.billing_address. `seen_at`: when it was asked for.

    `value_times`: per field, Xero's time of the first snapshot that showed its value. `dirty`: not applied yet to
    links and issues; `former_keys`: the name and email keys that it had since it was. `doubted_at`: when a snapshot
    of the same stamp, with other values, was asked for. `read_due_at`: when it is to be read by itself.
    `looked_at`: when near-duplicates of it were last looked up; null where it has changed since. `match_name`,
    `match_keys`: what it was looked up by, as Contact's, where some were found.
    """

    __tablename__ = "xero_contact"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
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
    )
    organisation_id: UUID
    xero_contact_id: UUID
    name: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: dict[str, str] | None = _json()
    billing_address: dict[str, Any] | None = _json()
    contact_number: str | None = None
    is_customer: bool
    is_supplier: bool
    status: XeroContactStatus = _choice(XeroContactStatus)
    merged_to: UUID | None = None
    updated_at: datetime = _time()
    seen_at: datetime = _time()
    name_key: str | None = _key()
    email_key: str | None = _key()
    search_key: str = _key()
    key_version: int = 1
    value_times: dict[str, str] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}, default={})
    dirty: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    former_keys: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}, default=[]
    )
    doubted_at: datetime | None = _time(nullable=True)
    read_due_at: datetime | None = _time(nullable=True)
    brake: Brake | None = _choice(Brake, nullable=True)
    looked_at: datetime | None = _time(nullable=True)
    match_name: str | None = _key()
    match_keys: list[str] | None = Field(sa_type=ARRAY(sa.Text), nullable=True, default=None)


class SyncLink(_Row, table=True):
    """A practice contact and a Xero contact. `base_practice` and `base_xero` hold, per synced field, what each
    side held when they last agreed. `due_at`: since when the practice's side has something that Xero lacks.

    `contact_number` is drawn for each push. `bulk`: no person waits for what is due. `read_owed_at`: it is not sent
    before a read that began after this. `notes`: per field, values that reads showed while a write of it was under
    way. `refused`: per field, the practice's value that Xero refused, which is not sent again until it changes.
    `conflicts`: fields on which both sides changed and a person decides. `destroyed_at`: when Xero last destroyed
    something of it; `blanked_at`: when it last sent a blank; both for the brake, as is `brake`, of the blanks that wait.
    """

    __tablename__ = "sync_link"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        _belongs("contact", "contact_id", "CASCADE"),
        _belongs("xero_contact", "xero_contact_id"),
        sa.Index(
            "uq_sync_link_contact",
            "workspace_id",
            "organisation_id",
            "contact_id",
            unique=True,
            postgresql_where=_ACTIVE,
        ),
        sa.Index(
            "uq_sync_link_xero_contact",
            "workspace_id",
            "organisation_id",
            "xero_contact_id",
            unique=True,
            postgresql_where=_ACTIVE,
        ),
        sa.Index("ix_sync_link_contact", "workspace_id", "contact_id"),
        sa.Index("ix_sync_link_xero_contact", "workspace_id", "xero_contact_id"),
        sa.Index("ix_sync_link_state", "workspace_id", "organisation_id", "state"),
        sa.Index(
            "ix_sync_link_due", "workspace_id", "organisation_id", postgresql_where="due_at is not null"
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
    state: SyncState = _choice(SyncState)
    state_since: datetime = _time()
    origin: LinkOrigin = _choice(LinkOrigin)
    linked_at: datetime = _time()
    last_synced_at: datetime | None = _time(nullable=True)
    version: int = 1
    base_practice: dict[str, Any] = _json(nullable=False)
    base_xero: dict[str, Any] = _json(nullable=False)
    failure: dict[str, Any] | None = _json()
    due_at: datetime | None = _time(nullable=True)
    contact_number: str | None = None
    bulk: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    next_attempt_at: datetime | None = _time(nullable=True)
    read_owed_at: datetime | None = _time(nullable=True)
    notes: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}, default={})
    refused: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}, default={})
    conflicts: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}, default=[]
    )
    destroyed_at: datetime | None = _time(nullable=True)
    blanked_at: datetime | None = _time(nullable=True)
    brake: Brake | None = _choice(Brake, nullable=True)


class MatchIssue(_Row, table=True):
    """`score` is the best candidate's, copied here so that lists sort by it. `merged`: it came from a merge in Xero,
    offers the contacts that were linked with both, and is not judged like others."""

    __tablename__ = "match_issue"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        _belongs("xero_contact", "xero_contact_id"),
        _belongs("sync_link", "link_id", "SET NULL"),
        sa.Index(
            "uq_match_issue_open",
            "workspace_id",
            "organisation_id",
            "xero_contact_id",
            unique=True,
            postgresql_where="state = 'OPEN'",
        ),
        sa.Index("ix_match_issue_xero_contact", "workspace_id", "xero_contact_id"),
        sa.Index("ix_match_issue_created", "workspace_id", "state", "created_at", "id"),
        sa.Index("ix_match_issue_link", "workspace_id", "link_id"),
    )
    organisation_id: UUID
    xero_contact_id: UUID
    reason: MatchIssueReason = _choice(MatchIssueReason)
    state: MatchIssueState = _choice(MatchIssueState)
    score: float
    reopened: bool = False
    merged: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    created_at: datetime = _time()
    resolved_at: datetime | None = _time(nullable=True)
    resolved_by: dict[str, Any] | None = _json()
    resolution: MatchResolution | None = _choice(MatchResolution, nullable=True)
    link_id: UUID | None = None
    created_contact_id: UUID | None = None
    version: int = 1


class MatchCandidate(SQLModel, table=True):
    __tablename__ = "match_candidate"
    __table_args__ = (
        _belongs("match_issue", "issue_id", "CASCADE"),
        _belongs("contact", "contact_id", "CASCADE"),
        sa.Index("ix_match_candidate_contact", "workspace_id", "contact_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    issue_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
    score: float
    name_matches: bool
    email_matches: bool
    evidence: list[str] = _texts()


class Likeness(SQLModel, table=True):
    """That a mirror row which no rule matches is much like a practice contact, as last looked up; `score` from
    domain.names.similarity. Whether it counts (both free, not set apart) is asked anew by each plan."""

    __tablename__ = "likeness"
    __table_args__ = (
        _belongs("xero_contact", "xero_contact_id", "CASCADE"),
        _belongs("contact", "contact_id", "CASCADE"),
        sa.Index("ix_likeness_contact", "workspace_id", "contact_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    xero_contact_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
    score: float


class SetApart(SQLModel, table=True):
    """A pair that a person set apart: no machine matches it again. By Xero's own id, which outlives the mirror.
    `contact_hash`: in place of the practice contact, when it is gone (domain.decisions.kept_apart)."""

    __tablename__ = "set_apart"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        sa.Index("ix_set_apart_contact", "workspace_id", "contact_id"),
        sa.Index(
            "ix_set_apart_hash",
            "workspace_id",
            "contact_hash",
            postgresql_where="contact_hash is not null",
        ),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    xero_contact_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
    at: datetime = _time()
    contact_hash: bytes | None = Field(default=None, sa_type=BYTEA, nullable=True)


class ImportRun(_Row, table=True):
    """An import, and where it stands: everything that a worker needs to go on after another one died.

    `purpose` IMPORT is what people see as progress. READING: `next_page` of what changed since `modified_since` (null: everything). MATCHING (`match` is set):
    `match_pass`, and `position`, the last mirror row that the pass has done. `due_at` null: nothing to do.
    """

    __tablename__ = "import_run"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
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
    purpose: RunPurpose = _choice(RunPurpose, default=RunPurpose.IMPORT)
    phase: ImportPhase = _choice(ImportPhase)
    match: bool = False
    contact_filter: XeroContactFilter | None = _choice(XeroContactFilter, nullable=True)
    modified_since: datetime | None = _time(nullable=True)
    next_page: int = 1
    read_from: datetime | None = _time(nullable=True)
    match_pass: MatchPass | None = _choice(MatchPass, nullable=True)
    position: UUID | None = None
    done: int = 0
    total: int | None = None
    full_matches: int = 0
    conflicts: int = 0
    created: int = 0
    skipped: int = 0
    started_at: datetime = _time()
    finished_at: datetime | None = _time(nullable=True)
    due_at: datetime | None = _time(nullable=True)
    lease_until: datetime | None = _time(nullable=True)
    attempts: int = 0


class Activity(_Row, table=True):
    """What happened, as people read it. `changes`: list of {field, before, after, writtenTo, restorable}."""

    __tablename__ = "activity"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
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
    at: datetime = _time()
    kind: ActivityKind = _choice(ActivityKind)
    actor_kind: ActorKind = _choice(ActorKind)
    actor_name: str
    actor_id: UUID | None = None
    message: str
    organisation_id: UUID | None = None
    contact_id: UUID | None = None
    link_id: UUID | None = None
    issue_id: UUID | None = None
    invoice_id: UUID | None = None
    changes: list[dict[str, Any]] = _json(nullable=False)


class Event(SQLModel, table=True):
    """A live event; positions are in commit order within the workspace (see runtime.database)."""

    __tablename__ = "event"
    __table_args__ = (sa.Index("ix_event_at", "at"),)
    workspace_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=sa.BigInteger)
    at: datetime = _time()
    kind: EventKind = _choice(EventKind)
    subject: str
    organisation_id: UUID | None = None
    activity_id: UUID | None = None


class EventCounter(SQLModel, table=True):
    __tablename__ = "event_counter"
    workspace_id: UUID = Field(primary_key=True)
    position: int = Field(sa_type=sa.BigInteger)


class IdempotencyKey(SQLModel, table=True):
    """The answer that a create gave, kept for 24 hours. `made` are the ids of what it made."""

    __tablename__ = "idempotency_key"
    workspace_id: UUID = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    input_hash: bytes = Field(sa_type=BYTEA)
    made: UUID
    at: datetime = _time()


class OauthFlow(SQLModel, table=True):
    """A consent that was begun, found by the state's hash before any workspace is known, so only by `door`. `sealed`
    is the PKCE verifier, or the tokens where the consent is given and waits for the page's button."""

    __tablename__ = "oauth_flow"
    state_hash: bytes = Field(primary_key=True, sa_type=BYTEA)
    workspace_id: UUID
    begun_by: dict[str, Any] = _json(nullable=False)
    cookie_hash: bytes = Field(sa_type=BYTEA)
    sealed: bytes = Field(sa_type=BYTEA)
    return_to: str | None = None
    organisation_id: UUID | None = None
    begun_at: datetime = _time()
    expires_at: datetime = _time()


class XeroGrant(SQLModel, table=True):
    """One consent of one Xero user to this app, over all workspaces; its tokens are sealed. Only by `door`."""

    __tablename__ = "xero_grant"
    __table_args__ = (sa.UniqueConstraint("client_id", "xero_user_id"),)
    id: UUID = Field(primary_key=True)
    client_id: str
    xero_user_id: UUID
    sealed: bytes = Field(sa_type=BYTEA)
    version: int = 1
    access_expires_at: datetime = _time()
    refreshed_at: datetime = _time()
    lease_until: datetime | None = _time(nullable=True)
    lease_token: UUID | None = None
    failed: str | None = None


class XeroCall(SQLModel, table=True):
    """A slot that was taken for one call: the limiter and the log of calls in one. `ended_at`: the answer."""

    __tablename__ = "xero_call"
    __table_args__ = (
        sa.Index("ix_xero_call_tenant", "tenant_id", "taken_at"),
        sa.Index("ix_xero_call_taken", "taken_at"),
    )
    id: UUID = Field(primary_key=True)
    tenant_id: UUID
    bulk: bool
    taken_at: datetime = _time()
    expires_at: datetime = _time()
    ended_at: datetime | None = _time(nullable=True)
    status: int | None = None


class XeroLimit(SQLModel, table=True):
    """What a tenant's answers last said of its limits; `until`: no call before this time."""

    __tablename__ = "xero_limit"
    tenant_id: UUID = Field(primary_key=True)
    minute_remaining: int | None = None
    day_remaining: int | None = None
    day_limit: int = 5000
    told_at: datetime | None = _time(nullable=True)
    until: datetime | None = _time(nullable=True)


class Delivery(_Row, table=True):
    """One write to Xero, stored before it is sent: its key, its exact bytes, and what it carries (DeliveryMember).

    A claim counts as the first send. `lease_token` makes every acknowledgement conditional. `body` is personal data
    and goes when the delivery ends. `due_at`: when an open one is to be sent again, looked up or read. `recalled`: a
    member has left it, so its bytes are never sent again.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        sa.Index("ix_delivery_due", "due_at", postgresql_where="ended_at is null"),
        sa.Index("ix_delivery_ended", "workspace_id", "ended_at", postgresql_where="body is not null"),
    )
    organisation_id: UUID
    cargo: Cargo = _choice(Cargo, default=Cargo.CONTACTS)
    kind: DeliveryKind = _choice(DeliveryKind)
    bulk: bool
    idempotency_key: str
    body: bytes | None = Field(default=None, sa_type=BYTEA)
    uncertain: bool = False
    recalled: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    sends: int = 1
    claimed_at: datetime = _time()
    last_sent_at: datetime = _time()
    lease_token: UUID
    lease_until: datetime = _time()
    due_at: datetime = _time()
    ended_at: datetime | None = _time(nullable=True)


class DeliveryMember(SQLModel, table=True):
    """A link or an invoice in a delivery, at its place in the bytes. `sent`: of a link, per field the practice's
    value that was sent, as `base_practice` holds it."""

    __tablename__ = "delivery_member"
    __table_args__ = (
        _belongs("delivery", "delivery_id", "CASCADE"),
        _belongs("sync_link", "link_id", "CASCADE"),
        _belongs("invoice", "invoice_id", "CASCADE"),
        sa.CheckConstraint("(link_id is null) <> (invoice_id is null)", name="one_cargo"),
        sa.Index("uq_delivery_member_open", "workspace_id", "link_id", unique=True, postgresql_where="open"),
        sa.Index(
            "uq_delivery_member_open_invoice",
            "workspace_id",
            "invoice_id",
            unique=True,
            postgresql_where="open",
        ),
    )
    workspace_id: UUID = Field(primary_key=True)
    delivery_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    link_id: UUID | None = None
    invoice_id: UUID | None = None
    open: bool = True
    sent: dict[str, Any] = _json(nullable=False)


class OwedStatus(SQLModel, table=True):
    """A Xero contact that is to be archived or restored; gone once Xero shows it so. It stands by itself, as the link
    and the contact that asked for it may be gone. `due_at` null: Xero has refused it. `delivery_id`: being sent."""

    __tablename__ = "owed_status"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        _belongs("xero_contact", "xero_contact_id", "CASCADE"),
        _belongs("delivery", "delivery_id", "SET NULL"),
        sa.Index("ix_owed_status_due", "due_at", postgresql_where="delivery_id is null"),
        sa.Index("ix_owed_status_delivery", "workspace_id", "delivery_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    xero_contact_id: UUID = Field(primary_key=True)
    status: XeroContactStatus = _choice(XeroContactStatus)
    due_at: datetime | None = _time(nullable=True)
    delivery_id: UUID | None = None


class Push(SQLModel, table=True):
    """A number that was drawn for a push. It outlives its link, so that a contact that was created all the same is
    known when it shows (`domain.links.push_numbers`). `archive`: that contact is then to be archived in Xero. `erased`: and no
    personal value of it is kept."""

    __tablename__ = "push"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        sa.Index("ix_push_open", "workspace_id", "organisation_id", postgresql_where="seen_at is null"),
        sa.Index("ix_push_link", "workspace_id", "link_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    contact_number: str = Field(primary_key=True)
    link_id: UUID
    at: datetime = _time()
    seen_at: datetime | None = _time(nullable=True)
    archive: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    erased: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class ReimportMark(SQLModel, table=True):
    """A Xero contact that no machine makes a practice contact of. By Xero's own id. `erased`: of which the mirror keeps
    no personal value either."""

    __tablename__ = "reimport_mark"
    __table_args__ = (_belongs("organisation", "organisation_id", "CASCADE"),)
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    xero_contact_id: UUID = Field(primary_key=True)
    at: datetime = _time()
    erased: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class WebhookEvent(SQLModel, table=True):
    """The inbox: that something changed at Xero. Stored before any workspace is known, so only by `door`. `due_at`:
    when it is to be read; `reads`: how often a read has shown something older than the event."""

    __tablename__ = "webhook_event"
    __table_args__ = (sa.Index("ix_webhook_event_due", "category", "due_at"),)
    tenant_id: UUID = Field(primary_key=True)
    category: str = Field(primary_key=True)
    resource_id: UUID = Field(primary_key=True)
    event_at: datetime = _time()
    received_at: datetime = _time()
    due_at: datetime = _time()
    reads: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class XeroAccount(_Row, table=True):
    """The mirror: an account of the organisation's chart. `account_id` is Xero's own, which stays when the code is
    edited. `active` is false too where Xero does not list it any more."""

    __tablename__ = "xero_account"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        sa.UniqueConstraint("workspace_id", "organisation_id", "account_id"),
        sa.Index("ix_xero_account_code", "workspace_id", "organisation_id", "code"),
    )
    organisation_id: UUID
    account_id: UUID
    code: str | None = _key()
    name: str
    account_class: str
    account_type: str
    tax_type: str | None = None
    system_account: str | None = None
    active: bool
    search_key: str = _key()


class XeroTaxRate(_Row, table=True):
    """The mirror: a tax rate of the organisation. `tax_type` is Xero's code; `effective_rate` as percentage."""

    __tablename__ = "xero_tax_rate"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        sa.UniqueConstraint("workspace_id", "organisation_id", "tax_type"),
    )
    organisation_id: UUID
    tax_type: str
    name: str
    effective_rate: Decimal = _amount()
    active: bool
    can_apply_to_revenue: bool
    can_apply_to_expenses: bool


class AccountMapping(SQLModel, table=True):
    """The account on which lines of a service type go. No row: the default revenue account."""

    __tablename__ = "account_mapping"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        _belongs("service_type", "service_type_id", "CASCADE"),
        _belongs("xero_account", "xero_account_id", "CASCADE"),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    service_type_id: UUID = Field(primary_key=True)
    xero_account_id: UUID


class TaxMapping(SQLModel, table=True):
    """The Xero tax rate that stands for one of the practice's. No row: invoices with that rate wait."""

    __tablename__ = "tax_mapping"
    __table_args__ = (
        _belongs("organisation", "organisation_id", "CASCADE"),
        _belongs("tax_rate", "tax_rate_id", "CASCADE"),
        _belongs("xero_tax_rate", "xero_tax_rate_id", "CASCADE"),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    tax_rate_id: UUID = Field(primary_key=True)
    xero_tax_rate_id: UUID


class InvoiceSequence(SQLModel, table=True):
    """The next number that is drawn. Its row is held until the commit, so that a create that fails leaves no gap."""

    __tablename__ = "invoice_sequence"
    workspace_id: UUID = Field(primary_key=True)
    next: int = Field(sa_type=sa.BigInteger)


class Invoice(_Row, table=True):
    """An invoice of the practice, and how it stands with Xero.

    Amounts have two decimals, in `currency`; `total_cents` is for sorting. `amount_paid`: payments and credits that
    Xero shows. `due_at`: since when something of it is to be sent (created, or voided where it is VOIDED here);
    null while it waits for a person's fix. `failure_code` is failure's. `xero_base`: what Xero showed when both last
    agreed; `xero_shown`: what it shows now, where that is something else.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        _belongs("contact", "contact_id"),
        _belongs("organisation", "organisation_id"),
        sa.UniqueConstraint("workspace_id", "number_key"),
        sa.Index("ix_invoice_issue_date", "workspace_id", "issue_date", "id"),
        sa.Index("ix_invoice_due_date", "workspace_id", "due_date", "id"),
        sa.Index("ix_invoice_total", "workspace_id", "total_cents", "id"),
        sa.Index("ix_invoice_updated", "workspace_id", "updated_at", "id"),
        sa.Index("ix_invoice_contact", "workspace_id", "contact_id", "issue_date"),
        sa.Index("ix_invoice_status", "workspace_id", "status", "issue_date"),
        sa.Index("ix_invoice_sync", "workspace_id", "organisation_id", "sync_state", "failure_code"),
        sa.Index("ix_invoice_xero", "workspace_id", "organisation_id", "xero_invoice_id"),
        sa.Index("ix_invoice_due", "workspace_id", "organisation_id", postgresql_where="due_at is not null"),
        sa.Index(
            "ix_invoice_unlinked",
            "workspace_id",
            "organisation_id",
            "contact_id",
            postgresql_where="failure_code = 'CONTACT_NOT_SYNCED'",
        ),
        sa.Index(
            "ix_invoice_search",
            "workspace_id",
            "search_key",
            postgresql_using="gin",
            postgresql_ops={"search_key": "gin_trgm_ops"},
        ),
    )
    number: str
    number_key: str = _key()
    reference: str | None = None
    contact_id: UUID
    organisation_id: UUID | None = None
    status: InvoiceStatus = _choice(InvoiceStatus)
    issue_date: date
    due_date: date
    currency: str
    amounts_are: AmountsAre = _choice(AmountsAre)
    subtotal: Decimal = _amount()
    tax_total: Decimal = _amount()
    total: Decimal = _amount()
    total_cents: int = Field(sa_type=sa.BigInteger)
    amount_paid: Decimal = _amount()
    amount_due: Decimal = _amount()
    created_at: datetime = _time()
    updated_at: datetime = _time()
    sent_at: datetime | None = _time(nullable=True)
    version: int = 1
    search_key: str = _key()
    sync_state: InvoiceSyncState = _choice(InvoiceSyncState)
    failure: dict[str, Any] | None = _json()
    failure_code: str | None = None
    due_at: datetime | None = _time(nullable=True)
    bulk: bool = False
    attempts: int = 0
    next_attempt_at: datetime | None = _time(nullable=True)
    xero_invoice_id: UUID | None = None
    xero_total: Decimal | None = _amount(nullable=True)
    xero_status: str | None = None
    xero_updated_at: datetime | None = _time(nullable=True)
    xero_seen_at: datetime | None = _time(nullable=True)
    xero_base: dict[str, Any] | None = _json()
    xero_shown: dict[str, Any] | None = _json()
    last_synced_at: datetime | None = _time(nullable=True)


class InvoiceLine(_Row, table=True):
    """`unit_price` and `amount` include tax where the invoice is TAX_INCLUSIVE. Account and tax type are resolved when
    it is sent and then stay: `xero_account_id` is ours of the mirror, `xero_line_id` Xero's of the line."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        _belongs("invoice", "invoice_id", "CASCADE"),
        _belongs("service_type", "service_type_id"),
        _belongs("tax_rate", "tax_rate_id"),
        sa.Index("ix_invoice_line_invoice", "workspace_id", "invoice_id", "place"),
        sa.Index("ix_invoice_line_service_type", "workspace_id", "service_type_id"),
        sa.Index("ix_invoice_line_tax_rate", "workspace_id", "tax_rate_id"),
    )
    invoice_id: UUID
    place: int
    kind: InvoiceLineKind = _choice(InvoiceLineKind)
    description: str
    quantity: Decimal = _amount()
    unit_price: Decimal = _amount()
    service_type_id: UUID | None = None
    tax_rate_id: UUID | None = None
    amount: Decimal = _amount()
    tax_amount: Decimal = _amount()
    xero_account_id: UUID | None = None
    account_code: str | None = None
    tax_type: str | None = None
    xero_line_id: UUID | None = None


class Payment(_Row, table=True):
    """What took something off an invoice, as Xero showed it. `xero_id`: of the payment, credit note, prepayment or
    overpayment. `reversed`: Xero showed it once and does not any more."""

    __tablename__ = "payment"
    __table_args__ = (
        _belongs("invoice", "invoice_id", "CASCADE"),
        sa.UniqueConstraint("workspace_id", "invoice_id", "xero_id"),
    )
    invoice_id: UUID
    kind: PaymentKind = _choice(PaymentKind)
    xero_id: UUID
    paid_on: date
    amount: Decimal = _amount()
    reference: str | None = None
    reversed: bool = False


# Reached through `door` only, as they are asked for before a workspace is known or belong to none.
DOOR_ONLY = frozenset({"oauth_flow", "xero_grant", "xero_call", "xero_limit", "webhook_event"})
