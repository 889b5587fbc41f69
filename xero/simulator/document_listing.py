"""The query of a list of invoices, credit notes or payments: filters, order and page."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from starlette.requests import Request

from xero.simulator.contact_json import Form
from xero.simulator.document_input import Names
from xero.simulator.document_json import midnight, render_document, render_payment
from xero.simulator.ledger import Document, Payment
from xero.simulator.listing import (
    MOST_UNPAGED,
    Row,
    page_of,
    parse_ids,
    parse_if_modified_since,
    parse_page,
)
from xero.simulator.where import Getter, Predicate, parse_order, parse_where
from xero.simulator.wire import bad_query
from xero.simulator.world import Organisation


class _Seen(NamedTuple):
    """A document with what filters may ask of its surroundings."""

    document: Document
    contact_name: str
    due: Decimal
    paid: Decimal


_FIELDS: Mapping[str, Getter] = {
    "Type": lambda seen: seen.document.type,
    "Status": lambda seen: seen.document.status,
    "Date": lambda seen: midnight(seen.document.date),
    "DueDate": lambda seen: midnight(seen.document.due_date) if seen.document.due_date else None,
    "Reference": lambda seen: seen.document.reference,
    "CurrencyCode": lambda seen: seen.document.currency,
    "Total": lambda seen: seen.document.total,
    "AmountDue": lambda seen: seen.due,
    "AmountPaid": lambda seen: seen.paid,
    "UpdatedDateUTC": lambda seen: seen.document.updated,
    "Contact.ContactID": lambda seen: seen.document.contact_id,
    "Contact.Name": lambda seen: seen.contact_name,
}
_PAYMENT_FIELDS: Mapping[str, Getter] = {
    "PaymentID": lambda payment: payment.id,
    "Status": lambda payment: payment.status,
    "Date": lambda payment: midnight(payment.date),
    "Amount": lambda payment: payment.amount,
    "Reference": lambda payment: payment.reference,
    "UpdatedDateUTC": lambda payment: payment.updated,
    "Invoice.InvoiceID": lambda payment: payment.document_id,
}


def list_documents(
    request: Request, organisation: Organisation, names: Names, client_id: str, places: int
) -> dict[str, Any]:
    """List the documents. Without `page`, the answer is the whole list, and its elements have no lines; `summaryOnly`
    always has pages."""
    summary = request.query_params.get("summaryOnly", "").lower() == "true"
    page = parse_page(request, forced=summary)
    chosen = _choose(request, organisation, names, client_id)
    if page is None:
        whole = _whole(chosen)
        return {
            names.resource: [
                render_document(organisation, document, Form.UNPAGED, places) for document in whole
            ]
        }
    form = Form.SUMMARY if summary else Form.DETAIL
    shown, pagination = page_of(chosen, page)
    rendered = [render_document(organisation, document, form, places) for document in shown]
    return {"pagination": pagination, names.resource: rendered}


def list_payments(request: Request, organisation: Organisation) -> dict[str, Any]:
    page = parse_page(request, forced=False)
    since = parse_if_modified_since(request)
    payments: Iterable[Payment] = organisation.ledger.payments.values()
    rows = [payment for payment in payments if since is None or payment.updated > since]
    rows = _filtered(request, rows, _PAYMENT_FIELDS)
    if page is None:
        return {"Payments": [render_payment(organisation, payment) for payment in _whole(rows)]}
    shown, pagination = page_of(rows, page)
    return {
        "pagination": pagination,
        "Payments": [render_payment(organisation, payment) for payment in shown],
    }


def _whole(chosen: list[Row]) -> list[Row]:
    if len(chosen) > MOST_UNPAGED:
        raise bad_query("The query returns too many records. Use paging.")
    return chosen


def _choose(request: Request, organisation: Organisation, names: Names, client_id: str) -> list[Document]:
    tests = _tests(request, names, client_id)
    ledger = organisation.ledger
    chosen = [d for d in ledger if d.type in names.types and all(test(d) for test in tests)]
    if not (request.query_params.get("where") or request.query_params.get("order")):
        return chosen
    fields = {
        **_FIELDS,
        names.id: lambda seen: seen.document.id,
        names.number: lambda seen: seen.document.number,
    }
    return [seen.document for seen in _filtered(request, [_see(organisation, d) for d in chosen], fields)]


def _tests(request: Request, names: Names, client_id: str) -> list[Predicate]:
    query = request.query_params
    tests: list[Predicate] = []
    since = parse_if_modified_since(request)
    if since is not None:
        tests.append(lambda document: document.updated > since)
    if query.get("IDs"):
        tests.append(_one_of(parse_ids(query["IDs"]), lambda document: document.id))
    if query.get("ContactIDs"):
        tests.append(_one_of(parse_ids(query["ContactIDs"]), lambda document: document.contact_id))
    if query.get(f"{names.number}s"):
        tests.append(_one_of(_words(query[f"{names.number}s"]), lambda document: document.number.casefold()))
    if query.get("Statuses"):
        tests.append(_one_of(_words(query["Statuses"]), lambda document: document.status.casefold()))
    if query.get("createdByMyApp", "").lower() == "true":
        tests.append(lambda document: document.made_by == client_id)
    if query.get("searchTerm"):
        wanted = query["searchTerm"].casefold()
        tests.append(
            lambda document: wanted in document.number.casefold() or wanted in document.reference.casefold()
        )
    return tests


def _one_of(wanted: frozenset[str], read: Callable[[Document], str]) -> Predicate:
    return lambda document: read(document) in wanted


def _words(text: str) -> frozenset[str]:
    return frozenset(part.strip().strip('"').casefold() for part in text.split(",") if part.strip())


def _see(organisation: Organisation, document: Document) -> _Seen:
    contact = organisation.contacts.find(document.contact_id)
    ledger = organisation.ledger
    return _Seen(document, contact.name if contact else "", ledger.due(document), ledger.paid(document))


def _filtered(request: Request, rows: list[Row], fields: Mapping[str, Getter]) -> list[Row]:
    query = request.query_params
    if query.get("where"):
        test = parse_where(query["where"], fields)
        rows = [row for row in rows if test(row)]
    keys = parse_order(query["order"], list(fields)) if query.get("order") else []
    for field, descending in reversed(keys):
        read = fields[field]
        rows = sorted(rows, key=lambda row: _sort_key(read(row)), reverse=descending)
    return rows


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (value is not None, value.casefold() if isinstance(value, str) else value)
