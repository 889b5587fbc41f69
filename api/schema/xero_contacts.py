"""Contacts as Xero last showed them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.loaders import batch, load_later
from api.relay.node import Node
from api.relay.rows import columns
from api.schema import identifiers
from api.schema.deep_links import deep_link
from api.schema.identifiers import Identifier
from api.schema.refs import SYNC_LINK_OF_XERO_CONTACT, XERO_CONTACT, XERO_CONTACT_SHOWN, SyncLinkRef
from api.schema.synced_fields import xero_contact_fields, xero_contact_values
from domain.fields.synced import SYNCED, Values, with_readable_xero_values
from domain.matching.plan import included
from domain.tables import StoredIdentifier, XeroContactFilter, XeroContactStatus
from domain.tx import Reader


class XeroContactRow(NamedTuple):
    """A mirror row. `values` are as the practice would hold them. `country_code` is the organisation's."""

    id: UUID
    xero_contact_id: UUID
    values: Values
    first_name: str | None
    last_name: str | None
    identifiers: list[StoredIdentifier] | None
    is_customer: bool
    is_supplier: bool
    status: str
    updated_at: datetime
    short_code: str | None
    country_code: str | None


_OF_ORGANISATION = {"short_code": "o.short_code", "country_code": "o.country_code"}
_COLUMNS = columns(
    XeroContactRow, "x", values=[one.xero_column for one in SYNCED.values()], **_OF_ORGANISATION
)
_row = with_readable_xero_values(XeroContactRow)
_SELECT = (
    f"select {_COLUMNS} from xero_contact x join organisation o on o.workspace_id = :ws and o.id = x.organisation_id"
    " where x.workspace_id = :ws and x.id = any(:ids)"
)


@strawberry.type(
    description="A contact of a Xero organisation, as Xero last showed it. Tandem reads it from its own"
    " copy (the mirror), not from Xero."
)
@xero_contact_fields(before="first_name")
class XeroContact(Node):
    row: strawberry.Private[XeroContactRow]
    xero_contact_id: strawberry.ID = strawberry.field(description="Xero's own id of the contact (ContactID).")
    first_name: str | None = strawberry.field(
        description="The first name of Xero's primary person. Shown as evidence; never synced."
    )
    last_name: str | None = strawberry.field(
        description="The last name of Xero's primary person. Shown as evidence; never synced."
    )
    identifiers: list[Identifier] = strawberry.field(
        description="The official numbers in Xero's CompanyNumber, TaxNumber and AccountNumber, without personal tax"
        " numbers. Evidence for matching; never synced."
    )
    is_customer: bool = strawberry.field(
        description="Whether Xero counts the contact as a customer, which it does once the contact has a"
        " sales invoice."
    )
    is_supplier: bool = strawberry.field(
        description="Whether Xero counts the contact as a supplier, which it does once the contact has a"
        " bill."
    )
    status: XeroContactStatus = strawberry.field(
        description="Whether Xero holds the contact as active, as archived or as to be forgotten."
    )
    updated_at: datetime = strawberry.field(
        description="When the contact last changed in Xero, by Xero's clock."
    )
    url: str = strawberry.field(
        description="The address of the contact's page in Xero, for a person to open."
    )

    @strawberry.field(
        description="The active link of this contact: to whom in the practice it is linked. Null: it is free."
    )
    def sync_link(self, info: Info[Context, None]) -> SyncLinkRef | None:
        return load_later(info.context, SYNC_LINK_OF_XERO_CONTACT, self.row.id)

    @classmethod
    def of(cls, row: XeroContactRow) -> Self:
        return cls(
            id=ids.encode("XeroContact", row.id),
            row=row,
            xero_contact_id=strawberry.ID(str(row.xero_contact_id)),
            first_name=row.first_name,
            last_name=row.last_name,
            identifiers=identifiers.shown(row.identifiers),
            **xero_contact_values(row.values),
            is_customer=row.is_customer,
            is_supplier=row.is_supplier,
            status=XeroContactStatus(row.status),
            updated_at=row.updated_at,
            url=contact_url(row.short_code, row.xero_contact_id),
        )


def contact_url(short_code: str | None, xero_contact_id: UUID | str) -> str:
    return deep_link(short_code, f"/Contacts/View/{xero_contact_id}")


@batch(XERO_CONTACT)
async def _xero_contacts(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, XeroContact]:
    return _by_id(await tx.read(_row, _SELECT, ids=list(keys)))


@batch(XERO_CONTACT_SHOWN, node="XeroContact")
async def _shown(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, XeroContact]:
    """The condition of `node`: only contacts that the organisation's filter lets in, or that have a link or a match issue.
    Previews show excluded contacts too."""
    let_in = " or ".join(f"(o.contact_filter = '{one}' and {included(one)})" for one in XeroContactFilter)
    led_to = " or ".join(
        f"exists (select 1 from {table} t where t.workspace_id = :ws and t.xero_contact_id = x.id)"
        for table in ("sync_link", "match_issue")
    )
    return _by_id(await tx.read(_row, f"{_SELECT} and ({let_in} or {led_to})", ids=list(keys)))


def _by_id(rows: Sequence[XeroContactRow]) -> dict[UUID, XeroContact]:
    return {row.id: XeroContact.of(row) for row in rows}
