"""Lists of invoices, with their search, filters and orders."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import strawberry

from api.context import Context
from api.mutations.payloads import given
from api.relay import ids
from api.relay.described import described
from api.relay.loaders import BatchName, batch, batch_in_transaction, by_argument
from api.relay.paging import (
    MOST_FOUND,
    Asked,
    Counted,
    CountUnder,
    Direction,
    Edge,
    Key,
    Listing,
    Order,
    Page,
    read,
)
from api.schema.invoices import COLUMNS, SOURCE, Invoice, InvoiceRow
from api.schema.refs import INVOICE_CONNECTION_OF_CONTACT
from api.schema.sync_problems import SyncFailureCode
from domain.described import DescribedEnum
from domain.names.text_keys import search_patterns
from domain.tables import InvoiceStatus, InvoiceSyncState
from domain.tx import Reader, Tx


@strawberry.type(description="A row of a page: an invoice, with its cursor.")
class InvoiceEdge(Edge):
    node: Invoice = strawberry.field(description="The invoice in this row.")


@strawberry.type(description="A page of invoices, with the total count of the list.")
class InvoiceConnection(Counted):
    edges: list[InvoiceEdge] = strawberry.field(
        description="The invoices of this page, in the order that was asked for."
    )


@described
class InvoiceOrderField(DescribedEnum):
    """The field whose values decide the order of a list of invoices."""

    ISSUE_DATE = "ISSUE_DATE", "By the date that the invoice shows."
    DUE_DATE = "DUE_DATE", "By the date by which the client should pay."
    NUMBER = "NUMBER", "By the invoice number as text, so that 10 comes before 9."
    TOTAL = "TOTAL", "By the amount that the client owes in all, tax included."
    UPDATED_AT = "UPDATED_AT", "By the time of the last change, no matter who made it."


@strawberry.input(
    description="How to sort a list of invoices. Invoices with equal values are sorted by id, so that pages"
    " never overlap."
)
class InvoiceOrder:
    field: InvoiceOrderField = strawberry.field(
        description="The field by whose values invoices are compared."
    )
    direction: Direction = strawberry.field(description="From low to high, or from high to low.")


@strawberry.input(
    description="Which invoices to list. An invoice must meet every condition that is given. Dates are"
    " inclusive."
)
class InvoiceFilter:
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices that go to this Xero organisation."
    )
    status: list[InvoiceStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices in one of these statuses."
    )
    sync_state: list[InvoiceSyncState] | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices in one of these sync states."
    )
    failure_code: list[SyncFailureCode] | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices whose failure has one of these codes."
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices that bill this practice contact."
    )
    issued_from: date | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices with this issue date or a later one."
    )
    issued_to: date | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices with this issue date or an earlier one."
    )
    due_from: date | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices with this due date or a later one."
    )
    due_to: date | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices with this due date or an earlier one."
    )
    updated_since: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Only invoices that changed at or after this time."
    )
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words, each of which must begin a word of the number or reference, or each a word of"
        " the contact's name, email or phone.",
    )


_ORDERS = {
    InvoiceOrderField.ISSUE_DATE: Key("i.issue_date", date),
    InvoiceOrderField.DUE_DATE: Key("i.due_date", date),
    InvoiceOrderField.NUMBER: Key("i.number_key", str),
    InvoiceOrderField.TOTAL: Key("i.total_cents", int),
    InvoiceOrderField.UPDATED_AT: Key("i.updated_at", datetime),
}


def _order(order: InvoiceOrder | None) -> Order:
    """The latest issue date comes first, unless the client asks for another order."""
    field = order.field if order else InvoiceOrderField.ISSUE_DATE
    descending = order is None or order.direction is Direction.DESC
    return Order(f"invoices {field}", (_ORDERS[field],), descending)


def _texts(values: Sequence[StrEnum] | None) -> list[str] | None:
    return None if values is None else [str(value) for value in values]


def listing(filter: InvoiceFilter | None, order: InvoiceOrder | None) -> Listing[InvoiceRow]:
    wanted = filter or InvoiceFilter()
    where, values = ["i.workspace_id = :ws"], dict[str, Any]()
    for name, condition, value in (
        (
            "organisation",
            "i.organisation_id = :organisation",
            ids.wanted("XeroOrganisation", given(wanted.organisation_id)),
        ),
        ("contact", "i.contact_id = :contact", ids.wanted("Contact", given(wanted.contact_id))),
        ("statuses", "i.status = any(:statuses)", _texts(given(wanted.status))),
        ("states", "i.sync_state = any(:states)", _texts(given(wanted.sync_state))),
        ("codes", "i.failure_code = any(:codes)", _texts(given(wanted.failure_code))),
        ("issued_from", "i.issue_date >= :issued_from", given(wanted.issued_from)),
        ("issued_to", "i.issue_date <= :issued_to", given(wanted.issued_to)),
        ("due_from", "i.due_date >= :due_from", given(wanted.due_from)),
        ("due_to", "i.due_date <= :due_to", given(wanted.due_to)),
        ("since", "i.updated_at >= :since", given(wanted.updated_since)),
    ):
        if value is not None:
            where.append(condition)
            values[name] = value
    patterns = search_patterns(given(wanted.search) or "")
    if patterns:
        where.append(
            "(i.id = any(array(select door.search_invoices(cast(:patterns as text[]), :most)))"
            " or i.contact_id = any(array(select door.search_contacts(cast(:patterns as text[]), :most))))"
        )
        values |= {"patterns": patterns, "most": MOST_FOUND}
    return Listing(
        InvoiceRow, COLUMNS, SOURCE, _order(order), "i.id", tuple(where), values, parent="i.contact_id"
    )


def _edges(page: Page[InvoiceRow]) -> list[InvoiceEdge]:
    return [InvoiceEdge(cursor=cursor, node=Invoice.of(row)) for cursor, row in page.rows]


async def invoice_list(
    context: Context, page: Asked, filter: InvoiceFilter | None, order: InvoiceOrder | None
) -> InvoiceConnection:
    found = await read(context, listing(given(filter), given(order)), page)
    return InvoiceConnection(edges=_edges(found.page), page_info=found.page.info, count=found.count)


@batch(INVOICE_CONNECTION_OF_CONTACT)
async def _of_contacts(
    tx: Reader, keys: Sequence[tuple[UUID, tuple[Asked, tuple[str, str] | None]]]
) -> dict[Any, InvoiceConnection]:
    found: dict[Any, InvoiceConnection] = {}
    for arguments, contacts in by_argument(keys).items():
        page, by = arguments
        order = InvoiceOrder(field=InvoiceOrderField(by[0]), direction=Direction(by[1])) if by else None
        pages = await listing(None, order).read_under(tx, contacts, page)
        for contact, one in pages.items():
            found[contact, arguments] = InvoiceConnection(
                edges=_edges(one), page_info=one.info, count=CountUnder(_INVOICE_COUNT_OF_CONTACT, contact)
            )
    return found


_INVOICE_COUNT_OF_CONTACT = BatchName[UUID, int]("InvoiceCount.of_contact")


@batch_in_transaction(_INVOICE_COUNT_OF_CONTACT)
async def _counts(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, int]:
    return await listing(None, None).count_under(tx, list(keys))
