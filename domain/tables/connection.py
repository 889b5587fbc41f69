"""Connected Xero organisations: their settings, consent, grants, calls and limits."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlmodel import Field

from domain.described import DescribedEnum
from domain.tables.base import Row, Table, choice_column, foreign_key, json_column, time_column


class XeroContactFilter(DescribedEnum):
    """Which Xero contacts take part in matching and import. Linked contacts keep syncing under every filter."""

    CUSTOMERS_ONLY = (
        "CUSTOMERS_ONLY",
        "Only contacts that Xero counts as customers, because they have a sales invoice.",
    )
    SUPPLIERS_AND_CUSTOMERS = (
        "SUPPLIERS_AND_CUSTOMERS",
        "Contacts that Xero counts as customers, as suppliers or as both.",
    )
    ALL = "ALL", "Every active contact, also those that have no invoice and no bill."


class ConflictPolicy(DescribedEnum):
    """Which value holds if both sides changed one field to different values before they were synced. The value
    that loses is kept in the activity and can be restored."""

    LATEST_WINS = (
        "LATEST_WINS",
        "The later change holds. At equal times, and when a full match begins, Xero's value holds.",
    )
    XERO_WINS = "XERO_WINS", "Xero's value holds, whichever change came later."
    PRACTICE_WINS = (
        "PRACTICE_WINS",
        "The practice's value holds, whichever change came later, and is sent to Xero.",
    )
    ASK = "ASK", "Both values stay, and the link is in CONFLICT until a person calls settleConflict."


class ConnectionHealth(DescribedEnum):
    """How the connection to a Xero organisation is at this moment."""

    HEALTHY = "HEALTHY", "Calls to Xero succeed, and nothing is held back."
    CATCHING_UP = "CATCHING_UP", "After a reconnect, Tandem reads all of Xero again before it sends anything."
    RATE_LIMITED = (
        "RATE_LIMITED",
        "Xero's limit of calls for this minute or day is used up. `CallBudget.limitedUntil` says when calls"
        " go on.",
    )
    PAUSED = (
        "PAUSED",
        "A mass change waits for a person: see `massChange`. Nothing is applied or sent until"
        " decideMassChange.",
    )
    DEGRADED = (
        "DEGRADED",
        "Calls to Xero have failed for at least a minute, or Xero refuses them for a reason that"
        " `healthMessage` gives. Tandem keeps trying.",
    )
    NEEDS_RECONNECT = (
        "NEEDS_RECONNECT",
        "Xero no longer accepts the consent. A person must call connectXero or connectCustomConnection again;"
        " nothing that waits is lost.",
    )
    DISCONNECTED = (
        "DISCONNECTED",
        "Somebody called disconnectXero. Links, settings and what waits are kept for the next connection.",
    )


class Organisation(Row, table=True):
    """A Xero organisation. `health`: by the last call. `read_cursor`: Xero's own time up to which the mirror has been read,
    null until it was read completely. `read_asked_at`: when that read was asked for, by our clock.
    `looked_by_hand_at`: when the last read that a person asked for was due, or is due.
    `clock_ahead`: how many seconds Xero's clock is ahead of ours.
    `health_since`: since when `health` has its value; null: since the connection. `limited_until` is set while
    RATE_LIMITED. `failing_since` is set while no call succeeds, `writes_failing_since` while no write does. `catching_up`:
    nothing is sent before everything was read again. `missing_rights`: what Xero refuses, by the right that is missing
    (`domain.connection.rights`). `mass_change` is set while PAUSED and holds the counts.
    `let_through_at`: when a person last let a mass change through; the brake counts from then.

    Invoices: `invoice_sync` is the switch, `invoice_start_date` the first issue date that goes to Xero. The default
    accounts are ids of `xero_account`. Xero accepts no invoice dated on or before a lock date. The catalogue is
    accounts, tax rates and lock dates. `invoice_cursor`: as read_cursor, for invoices. `invoice_page`: the page that the
    poll of the invoices asks for next. `invoices_asked_at`, by our clock, and `invoices_read_from`, by Xero's: when that poll
    asked for its first page; null before.

    `restored_at`: when the database was restored from a backup (`domain.connection.restored`); null otherwise.
    `lost_invoices`: numbers of Tandem's form that Xero showed since then, and that no invoice here has."""

    __tablename__ = "organisation"
    __table_args__ = (
        foreign_key("contact_type", "default_contact_type_id"),
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
    health: ConnectionHealth = choice_column(ConnectionHealth)
    health_message: str | None = None
    health_since: datetime | None = time_column(nullable=True)
    limited_until: datetime | None = time_column(nullable=True)
    failing_since: datetime | None = time_column(nullable=True)
    writes_failing_since: datetime | None = time_column(nullable=True)
    missing_rights: dict[str, dict[str, str]] | None = json_column()
    catching_up: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    connected_at: datetime = time_column()
    disconnected_at: datetime | None = time_column(nullable=True)
    started_at: datetime | None = time_column(nullable=True)
    contact_filter: XeroContactFilter | None = choice_column(XeroContactFilter, nullable=True)
    default_contact_type_id: UUID | None = None
    conflict_policy: ConflictPolicy = choice_column(ConflictPolicy, default=ConflictPolicy.LATEST_WINS)
    hold_similar: bool = True
    read_cursor: datetime | None = time_column(nullable=True)
    last_polled_at: datetime | None = time_column(nullable=True)
    last_full_scan_at: datetime | None = time_column(nullable=True)
    last_webhook_at: datetime | None = time_column(nullable=True)
    read_asked_at: datetime | None = time_column(nullable=True)
    looked_by_hand_at: datetime | None = time_column(nullable=True)
    poll_due_at: datetime | None = time_column(nullable=True)
    scan_due_at: datetime | None = time_column(nullable=True)
    mass_change: dict[str, Any] | None = json_column()
    let_through_at: datetime | None = time_column(nullable=True)
    clock_ahead: float = Field(default=0, sa_column_kwargs={"server_default": "0"})
    invoice_sync: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    invoice_start_date: date | None = None
    revenue_account_id: UUID | None = None
    expense_account_id: UUID | None = None
    period_lock_date: date | None = None
    year_lock_date: date | None = None
    catalogue_read_at: datetime | None = time_column(nullable=True)
    catalogue_due_at: datetime | None = time_column(nullable=True)
    invoice_cursor: datetime | None = time_column(nullable=True)
    invoices_polled_at: datetime | None = time_column(nullable=True)
    invoice_poll_due_at: datetime | None = time_column(nullable=True)
    invoice_page: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    invoices_asked_at: datetime | None = time_column(nullable=True)
    invoices_read_from: datetime | None = time_column(nullable=True)
    restored_at: datetime | None = time_column(nullable=True)
    lost_invoices: list[str] = Field(
        default_factory=list, sa_column=sa.Column(ARRAY(sa.Text), nullable=False, server_default="{}")
    )


class OauthFlow(Table, table=True):
    """A consent that has begun. The flow is found by the state's hash before the workspace is known, so only through
    `door`. `sealed` holds the PKCE verifier, or the tokens once the consent is given and the page waits for its button."""

    __tablename__ = "oauth_flow"
    state_hash: bytes = Field(primary_key=True, sa_type=BYTEA)
    workspace_id: UUID
    begun_by: dict[str, Any] = json_column(nullable=False)
    cookie_hash: bytes = Field(sa_type=BYTEA)
    sealed: bytes = Field(sa_type=BYTEA)
    return_to: str | None = None
    organisation_id: UUID | None = None
    begun_at: datetime = time_column()
    expires_at: datetime = time_column()


class XeroGrant(Table, table=True):
    """The consent of one Xero user to this app, for all workspaces. Its tokens are sealed. Only `door` reads it."""

    __tablename__ = "xero_grant"
    __table_args__ = (sa.UniqueConstraint("client_id", "xero_user_id"),)
    id: UUID = Field(primary_key=True)
    client_id: str
    xero_user_id: UUID
    sealed: bytes = Field(sa_type=BYTEA)
    version: int = 1
    access_expires_at: datetime = time_column()
    refreshed_at: datetime = time_column()
    lease_until: datetime | None = time_column(nullable=True)
    lease_token: UUID | None = None
    failed: str | None = None


class XeroCall(Table, table=True):
    """A slot for one call to Xero: the limiter counts these rows. `ended_at`: when the answer came."""

    __tablename__ = "xero_call"
    __table_args__ = (
        sa.Index("ix_xero_call_tenant", "tenant_id", "taken_at"),
        sa.Index("ix_xero_call_taken", "taken_at"),
    )
    id: UUID = Field(primary_key=True)
    tenant_id: UUID
    bulk: bool
    taken_at: datetime = time_column()
    expires_at: datetime = time_column()
    ended_at: datetime | None = time_column(nullable=True)
    status: int | None = None


class Worker(Table, table=True):
    """A worker process. `beat_at`: when it last said that it lives; `lost_at`: when another worker found that stamp too
    old. Belongs to no workspace, so only functions of `door` see it."""

    __tablename__ = "worker"
    id: UUID = Field(primary_key=True)
    name: str
    started_at: datetime = time_column()
    beat_at: datetime = time_column()
    lost_at: datetime | None = time_column(nullable=True)


class XeroLimit(Table, table=True):
    """The limits that an organisation's last answers reported. `until`: no call before this time."""

    __tablename__ = "xero_limit"
    tenant_id: UUID = Field(primary_key=True)
    minute_remaining: int | None = None
    day_remaining: int | None = None
    day_limit: int = 5000
    told_at: datetime | None = time_column(nullable=True)
    until: datetime | None = time_column(nullable=True)


class XeroTraffic(Table, table=True):
    """The calls of an organisation to one endpoint on one day (UTC) that had one status, and the bytes of their answers: as they
    travelled, and unpacked. `status` is 0 if no answer came. `domain.connection.traffic` adds to the rows."""

    __tablename__ = "xero_traffic"
    __table_args__ = (sa.Index("ix_xero_traffic_day", "day"),)
    tenant_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    endpoint: str = Field(primary_key=True)
    status: int = Field(primary_key=True)
    calls: int
    received: int = Field(sa_type=sa.BigInteger)
    unpacked: int = Field(sa_type=sa.BigInteger)


# Reached through `door` only, as they are asked for before a workspace is known or belong to none.
DOOR_ONLY = frozenset(
    {"oauth_flow", "xero_grant", "xero_call", "xero_limit", "webhook_event", "worker", "xero_traffic"}
)
