"""The practice's contacts, and the fields that are kept in step."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field
from typing_extensions import TypedDict

from domain.described import DescribedEnum
from domain.tables.base import (
    AT_ONCE,
    Row,
    Table,
    choice_column,
    foreign_key,
    json_column,
    key_column,
    time_column,
)


class ContactKind(DescribedEnum):
    """Whether a contact is a human being or an organisation."""

    PERSON = "PERSON", "One human being, by their own name."
    ORGANISATION = (
        "ORGANISATION",
        "Anything else: a company, trust, partnership, school or club. Couples and several people under one"
        " name count here too.",
    )


class SyncedField(DescribedEnum):
    """A field of a contact that is kept equal on both sides."""

    NAME = (
        "NAME",
        "`Contact.name`, and Name in Xero. Xero accepts no second active contact with the same name.",
    )
    BILLING_EMAIL = "BILLING_EMAIL", "`Contact.billingEmail`, and EmailAddress in Xero."
    PRIMARY_PHONE = (
        "PRIMARY_PHONE",
        "`Contact.primaryPhone`, and the default phone in Xero. Two spellings of one number count as equal.",
    )
    BILLING_ADDRESS = (
        "BILLING_ADDRESS",
        "`Contact.billingAddress`, and the postal address (POBOX) in Xero, as a whole.",
    )


class IdentifierKind(DescribedEnum):
    """Kinds of official numbers. Personal tax numbers are never kept."""

    ABN = "ABN", "An Australian Business Number: 11 digits, with two check digits."
    ACN = "ACN", "An Australian Company Number: 9 digits, with a check digit."
    NZBN = "NZBN", "A New Zealand Business Number: 13 digits that begin with 94, with a check digit."
    NZ_COMPANY = "NZ_COMPANY", "A number of New Zealand's register of companies. It has no check digit."
    UK_COMPANY = "UK_COMPANY", "A number of the British Companies House. It has no check digit."
    VAT = (
        "VAT",
        "A VAT number of the United Kingdom or of the European Union, with its country's letters. Without letters it"
        " counts as British.",
    )
    GST = (
        "GST",
        "A GST number of an organisation. In New Zealand it is the organisation's IRD number, with a check digit. A"
        " person's IRD number is a personal tax number, which Tandem does not keep.",
    )
    EIN = "EIN", "An Employer Identification Number of the United States. It has no check digit."
    ACCOUNT_NUMBER = "ACCOUNT_NUMBER", "The contact's number in the books: Xero's AccountNumber."
    OTHER = "OTHER", "An official number of another kind or country."


class StoredIdentifier(TypedDict):
    """An official number as `identifiers` of `contact` and `xero_contact` hold it."""

    kind: str
    value: str


class Side(DescribedEnum):
    """One of the two sides that are kept in step."""

    PRACTICE = "PRACTICE", "The practice, whose data Tandem holds."
    XERO = "XERO", "The organisation in Xero, whose data belongs to the client's books there."


IN_USE = "archived_at is null"


class Contact(Row, table=True):
    """A contact of the practice.

    `billing_address` has lines, city, region, postalCode, country, attentionTo. `field_times`: when the practice last set each
    synced field. `search_key`: see `domain.names.text_keys.search_key`. `match_name` and `match_keys` find near-duplicates
    (`domain.names.search_keys`). `created_by_run`: the import that created the contact; that import does not match against
    it. `identifiers`: official numbers; `identifier_keys`: those that prove who a contact is (`domain.fields.identifiers`).
    `name_made_up`: Xero shows no name, and Tandem made `name` up; see `domain.names.made_up`.
    """

    __tablename__ = "contact"
    __table_args__ = (
        foreign_key("contact_type", "contact_type_id"),
        sa.Index("ix_contact_name", "workspace_id", "name_key", "id"),
        sa.Index("ix_contact_email", "workspace_id", "email_key"),
        sa.Index("ix_contact_updated", "workspace_id", "updated_at", "id"),
        sa.Index("ix_contact_created", "workspace_id", "created_at", "id"),
        sa.Index("ix_contact_review", "workspace_id", postgresql_where="needs_review"),
        # The filters of the list: a page in the order of names is a range of one of these.
        sa.Index("ix_contact_kind", "workspace_id", "kind", "name_key", "id", postgresql_where=IN_USE),
        sa.Index(
            "ix_contact_type", "workspace_id", "contact_type_id", "name_key", "id", postgresql_where=IN_USE
        ),
        sa.Index(
            "ix_contact_needs_review",
            "workspace_id",
            "needs_review",
            "name_key",
            "id",
            postgresql_where=IN_USE,
        ),
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
            postgresql_with=AT_ONCE,
        ),
        sa.Index(
            "ix_contact_match_keys",
            "workspace_id",
            "match_keys",
            postgresql_using="gin",
            postgresql_with=AT_ONCE,
        ),
    )
    name: str
    name_made_up: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    first_name: str | None = None
    last_name: str | None = None
    kind: ContactKind = choice_column(ContactKind)
    confidence: float | None = None
    reasons: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text), nullable=True)
    needs_review: bool = False
    contact_type_id: UUID | None = None
    billing_email: str | None = None
    primary_phone: str | None = None
    billing_address: dict[str, Any] | None = json_column()
    identifiers: list[StoredIdentifier] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": "[]"}, default=[]
    )
    identifier_keys: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}, default=[]
    )
    archived_at: datetime | None = time_column(nullable=True)
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    version: int = 1
    name_key: str = key_column()
    email_key: str | None = key_column()
    search_key: str = key_column()
    match_name: str | None = key_column()
    match_keys: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}, default=[]
    )
    key_version: int = 1
    field_times: dict[str, str] = json_column(nullable=False)
    created_by_run: UUID | None = None


class UnlinkedContact(Table, table=True):
    """A contact in use without an active link in any organisation. Triggers write it (`migrations/sql/door_list_*.sql`), so that a page of
    unlinked contacts, and their number, cost the same whether few or many are unlinked."""

    __tablename__ = "unlinked_contact"
    __table_args__ = (sa.Index("ix_unlinked_contact_name", "workspace_id", "name_key", "contact_id"),)
    workspace_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
    name_key: str = key_column()
