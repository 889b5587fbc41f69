"""Writes to Xero, stored before they are sent."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA
from sqlmodel import Field

from domain.tables.base import Row, Table, choice_column, foreign_key, json_column, time_column


class DeliveryKind(StrEnum):
    """CREATE and UPDATE carry links, STATUS the archiving and restoring of Xero contacts (OwedStatus)."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    STATUS = "STATUS"


class Cargo(StrEnum):
    """The kind of objects that a delivery writes to Xero."""

    CONTACTS = "CONTACTS"
    INVOICES = "INVOICES"


class Delivery(Row, table=True):
    """A write to Xero, stored before it is sent: idempotency key, exact bytes and members (DeliveryMember).

    A claim counts as the first send. Only the holder of `lease_token` may settle it. `body` is personal data and is deleted
    when the delivery ends. `due_at`: when an open delivery is to be sent again, looked up or read. `recalled`: a member has
    left the delivery, so its bytes are never sent again.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        sa.Index("ix_delivery_due", "due_at", postgresql_where="ended_at is null"),
        sa.Index("ix_delivery_ended", "workspace_id", "ended_at", postgresql_where="body is not null"),
    )
    organisation_id: UUID
    cargo: Cargo = choice_column(Cargo, default=Cargo.CONTACTS)
    kind: DeliveryKind = choice_column(DeliveryKind)
    bulk: bool
    idempotency_key: str
    body: bytes | None = Field(default=None, sa_type=BYTEA)
    uncertain: bool = False
    recalled: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    sends: int = 1
    claimed_at: datetime = time_column()
    last_sent_at: datetime = time_column()
    lease_token: UUID
    lease_until: datetime = time_column()
    due_at: datetime = time_column()
    ended_at: datetime | None = time_column(nullable=True)


class TraceMark(Row, table=True):
    """A traced request has made a link or an invoice due. `traceparent`: the request's span, as W3C writes it. The worker that
    claims the change deletes the mark."""

    __tablename__ = "trace_mark"
    __table_args__ = (
        sa.Index("ix_trace_mark_subject", "workspace_id", "subject_id"),
        sa.Index("ix_trace_mark_at", "at"),
    )
    subject_id: UUID
    traceparent: str
    at: datetime = time_column()


class DeliveryMember(Table, table=True):
    """A link or an invoice in a delivery, at its place in the bytes. `sent`: of a link, per field the practice's
    value that was sent, as `base_practice` holds it."""

    __tablename__ = "delivery_member"
    __table_args__ = (
        foreign_key("delivery", "delivery_id", "CASCADE"),
        foreign_key("sync_link", "link_id", "CASCADE"),
        foreign_key("invoice", "invoice_id", "CASCADE"),
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
    sent: dict[str, Any] = json_column(nullable=False)
