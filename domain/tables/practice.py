"""The practice's own set-up: workspaces, users, tokens, contact types, service types, tax rates, idempotency keys."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA
from sqlmodel import Field

from domain.described import DescribedEnum
from domain.tables.base import Row, Table, amount_column, json_column, key_column, texts_column, time_column


class Scope(DescribedEnum):
    """The rights of a caller in the workspace. Each scope includes the scopes before it."""

    READ = "READ", "May run every query and follow `syncStatus`, but no mutation."
    WRITE = (
        "WRITE",
        "May also do the daily work: edit contacts and invoices, decide match issues, push, unsync and"
        " retry.",
    )
    ADMIN = (
        "ADMIN",
        "May also change the set-up: connect Xero, settings, mappings, types, tax rates and API tokens.",
    )


class ActorKind(DescribedEnum):
    """The kind of an actor: a person, a token, Xero or Tandem."""

    USER = "USER", "A person who has signed in to the practice."
    API_TOKEN = (
        "API_TOKEN",
        "A tool or script that used an API token of the practice.",
    )
    XERO = "XERO", "Somebody or something inside Xero: Tandem only copied the change."
    TANDEM = "TANDEM", "Tandem itself, without a person: for example an import, a match by rule or a retry."


class Workspace(Table, table=True):
    """A practice and its data. `memory_key` is the secret of the keyed hashes in set_apart."""

    __tablename__ = "workspace"
    id: UUID = Field(primary_key=True)
    name: str
    currency: str
    created_at: datetime = time_column()
    memory_key: UUID = Field(
        default_factory=uuid4, sa_column_kwargs={"server_default": sa.text("gen_random_uuid()")}
    )


class User(Row, table=True):
    """A person who has signed in. `subject` holds the identity provider's address and its id of the person. Tokens that the
    provider issued up to `signed_out_at` are refused."""

    __tablename__ = "app_user"
    __table_args__ = (sa.UniqueConstraint("workspace_id", "subject"),)
    subject: str
    name: str
    email: str | None = None
    scopes: list[str] = texts_column()
    last_seen_at: datetime | None = time_column(nullable=True)
    signed_out_at: datetime | None = time_column(nullable=True)


class ApiToken(Row, table=True):
    """An API token. `hash` is SHA-256 of the token; its 256 random bits need no slow hash."""

    __tablename__ = "api_token"
    __table_args__ = (sa.UniqueConstraint("hash"),)
    name: str
    scopes: list[str] = texts_column()
    hash: bytes = Field(sa_type=BYTEA)
    hint: str
    created_at: datetime = time_column()
    created_by: dict[str, Any] = json_column(nullable=False)
    last_used_at: datetime | None = time_column(nullable=True)
    expires_at: datetime | None = time_column(nullable=True)
    revoked_at: datetime | None = time_column(nullable=True)


class ContactType(Row, table=True):
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
    name_key: str = key_column()
    created_at: datetime = time_column()
    archived_at: datetime | None = time_column(nullable=True)


class ServiceType(Row, table=True):
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
    name_key: str = key_column()
    created_at: datetime = time_column()
    archived_at: datetime | None = time_column(nullable=True)


class TaxRate(Row, table=True):
    """A tax rate of the practice. `percentage`: 15 means 15 %. The rate never changes, because invoices use it."""

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
    name_key: str = key_column()
    percentage: Decimal = amount_column()
    created_at: datetime = time_column()
    archived_at: datetime | None = time_column(nullable=True)


class IdempotencyKey(Table, table=True):
    """The key of a create, kept for 24 hours. `made` is the id of the created object."""

    __tablename__ = "idempotency_key"
    workspace_id: UUID = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    input_hash: bytes = Field(sa_type=BYTEA)
    made: UUID
    at: datetime = time_column()
