"""Filters, order and page of a list request."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from starlette.requests import Request

from xero.simulator.contact_json import Form, render_contact
from xero.simulator.contacts import ARCHIVED, Contact, ContactBook
from xero.simulator.where import Predicate, parse_order, parse_where
from xero.simulator.wire import Refusal, bad_query, parse_condition_date, text_response

DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE = 1000
MOST_UNPAGED = 100_000

Row = TypeVar("Row")

_ATTRIBUTES = {
    "ContactID": "id",
    "ContactNumber": "number",
    "AccountNumber": "account_number",
    "ContactStatus": "status",
    "Name": "name",
    "FirstName": "first_name",
    "LastName": "last_name",
    "EmailAddress": "email",
    "CompanyNumber": "company_number",
    "TaxNumber": "tax_number",
    "IsCustomer": "is_customer",
    "IsSupplier": "is_supplier",
    "UpdatedDateUTC": "updated",
}
_SEARCHED = ("name", "first_name", "last_name", "number", "company_number", "email")


def _attribute_getter(attribute: str) -> Callable[[Any], Any]:
    return lambda contact: getattr(contact, attribute)


CONTACT_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    name: _attribute_getter(attribute) for name, attribute in _ATTRIBUTES.items()
}


class Page(msgspec.Struct):
    number: int
    size: int


def list_contacts(request: Request, book: ContactBook) -> dict[str, Any]:
    """The list and, when paged, its `pagination`. Refuses parameters that Xero does not understand."""
    query = request.query_params
    summary = query.get("summaryOnly", "").lower() == "true"
    page = parse_page(request, forced=summary)
    chosen = _choose(request, book)
    if page is None:
        if len(chosen) > MOST_UNPAGED:
            raise bad_query("The query returns too many records. Use paging.")
        return {"Contacts": [render_contact(contact, Form.UNPAGED) for contact in chosen]}
    form = Form.SUMMARY if summary else Form.DETAIL
    shown, pagination = page_of(chosen, page)
    return {"pagination": pagination, "Contacts": [render_contact(contact, form) for contact in shown]}


def page_of(chosen: Sequence[Row], page: Page) -> tuple[Sequence[Row], dict[str, int]]:
    """The rows of that page, and `pagination` as answers have it."""
    first = (page.number - 1) * page.size
    pagination = {
        "page": page.number,
        "pageSize": page.size,
        "pageCount": -(-len(chosen) // page.size),
        "itemCount": len(chosen),
    }
    return chosen[first : first + page.size], pagination


def parse_page(request: Request, *, forced: bool) -> Page | None:
    """None without `page`: then the whole list is asked for. A pageSize over 1000 counts as 1000."""
    query = request.query_params
    if "page" not in query and not forced:
        return None
    try:
        number = int(query.get("page", "1"))
        size = int(query.get("pageSize", DEFAULT_PAGE_SIZE))
    except ValueError as error:
        raise bad_query("page and pageSize must be whole numbers") from error
    return Page(max(number, 1), min(max(size, 1), LARGEST_PAGE))


def parse_if_modified_since(request: Request) -> datetime | None:
    text = request.headers.get("If-Modified-Since")
    if not text:
        return None
    try:
        return parse_condition_date(text)
    except ValueError as error:
        raise Refusal(text_response("The If-Modified-Since header is not a date", 412)) from error


def _choose(request: Request, book: ContactBook) -> list[Contact]:
    query = request.query_params
    tests: list[Predicate] = []
    if query.get("includeArchived", "").lower() != "true":
        tests.append(lambda contact: contact.status != ARCHIVED)
    since = parse_if_modified_since(request)
    if since is not None:
        tests.append(lambda contact: contact.updated > since)
    if query.get("where"):
        tests.append(parse_where(query["where"], CONTACT_FIELDS))
    if query.get("searchTerm"):
        tests.append(_search_predicate(query["searchTerm"]))
    rows = _ordered(query.get("order"), book)
    if query.get("IDs"):
        ids = parse_ids(query["IDs"])
        rows = (contact for contact in rows if contact.id in ids)
    return [contact for contact in rows if all(test(contact) for test in tests)]


def _ordered(order: str | None, book: ContactBook) -> Iterable[Contact]:
    if not order:
        return book
    keys = parse_order(order, list(_ATTRIBUTES))
    field, descending = keys[0]
    rows = book.sorted_by(_ATTRIBUTES[field], descending=descending)
    if len(keys) == 1:
        return rows
    rows = list(rows)
    for field, descending in reversed(keys):
        attribute = _ATTRIBUTES[field]
        rows.sort(key=lambda c: _folded(getattr(c, attribute)), reverse=descending)
    return rows


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def parse_ids(text: str) -> frozenset[str]:
    try:
        return frozenset(str(UUID(part.strip())) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise bad_query("IDs must be a list of ids with commas between") from error


def _search_predicate(term: str) -> Predicate:
    wanted = term.casefold()
    return lambda contact: any(wanted in getattr(contact, field).casefold() for field in _SEARCHED)


def choose_rows(request: Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply `where` and `order` to rows as the API shows them."""
    fields = {name: _item_getter(name) for row in rows for name in row}
    query = request.query_params
    if query.get("where"):
        test = parse_where(query["where"], fields)
        rows = [row for row in rows if test(row)]
    for field, descending in reversed(
        parse_order(query["order"], list(fields)) if query.get("order") else []
    ):
        rows = sorted(rows, key=lambda row: str(row.get(field, "")).casefold(), reverse=descending)
    return rows


def _item_getter(name: str) -> Callable[[Any], Any]:
    return lambda row: row.get(name)
