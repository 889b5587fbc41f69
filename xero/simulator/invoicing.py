"""The Accounting API's Invoices, CreditNotes and Payments."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xero.simulator.accounting import ROOT, Call, Operation, endpoint, is_summarised
from xero.simulator.contact_json import Form
from xero.simulator.document_input import CREDIT_NOTES, INVOICES, DocumentInput, Names, parse_document
from xero.simulator.document_json import (
    render_allocation,
    render_document,
    render_outcome,
    render_payment,
    render_refused,
)
from xero.simulator.document_listing import list_documents, list_payments
from xero.simulator.document_writes import (
    Outcome,
    Pen,
    create_document,
    today,
    update_document,
    upsert_document,
)
from xero.simulator.elements import Element, amount_of, date_of, id_of, object_of, parse_elements, text_of
from xero.simulator.faults import blame
from xero.simulator.ledger import DELETED, SALE, Document, Payment
from xero.simulator.settling import SettlingError, allocate, pay, remove_allocation, remove_payment
from xero.simulator.wire import NO_ID, bad_query, no_data, not_found, validation_exception

Write = Callable[[Pen, DocumentInput], Outcome]


def places_of(request: Request) -> int:
    """The places of unit amounts: 2, or 4 if `unitdp` asks for 4."""
    asked = request.query_params.get("unitdp", "2")
    if asked not in ("2", "4"):
        raise bad_query("unitdp must be 2 or 4")
    return int(asked)


def pen_of(call: Call) -> Pen:
    return Pen(call.organisation, call.now, call.access.client_id, places_of(call.request))


def _reading_all(names: Names) -> Operation:
    async def read_documents(call: Call) -> Response:
        places = places_of(call.request)
        return call.answer(
            **list_documents(call.request, call.organisation, names, call.access.client_id, places)
        )

    return read_documents


def _reading_one(names: Names) -> Operation:
    async def read_document(call: Call) -> Response:
        document = _find(call, names, call.request.path_params["key"])
        if document is None:
            return not_found()
        shown = render_document(call.organisation, document, Form.WRITTEN, places_of(call.request))
        return call.answer(**{names.resource: [shown]})

    return read_document


async def read_online_invoice(call: Call) -> Response:
    """Return the address of the invoice for the client. Only approved sales invoices have such an address."""
    document = _find(call, INVOICES, call.request.path_params["key"])
    if document is None or document.type != SALE or not document.is_posted:
        return not_found()
    return call.answer(OnlineInvoices=[{"OnlineInvoiceUrl": f"https://in.xero.com/{document.id}"}])


def _writing_all(names: Names, write: Write) -> Operation:
    async def write_documents(call: Call) -> Response:
        elements = parse_elements(await call.request.body(), names.resource)
        asked = [parse_document(element, names) for element in elements]
        blame(call.faults, asked[0].errors, asked[0].part_errors)
        pen = pen_of(call)
        return _answer(call, names, pen.places, [write(pen, each) for each in asked])

    return write_documents


def _writing_one(names: Names) -> Operation:
    async def write_document(call: Call) -> Response:
        document = _find(call, names, call.request.path_params["key"])
        if document is None:
            return not_found()
        elements = parse_elements(await call.request.body(), names.resource)
        if len(elements) != 1:
            raise no_data()
        asked = parse_document(elements[0], names)
        blame(call.faults, asked.errors, asked.part_errors)
        pen = pen_of(call)
        outcome = update_document(pen, document, asked)
        return _answer(call, names, pen.places, [outcome])

    return write_document


def _answer(call: Call, names: Names, places: int, outcomes: list[Outcome]) -> Response:
    """Answer a write, as for contacts: with summarizeErrors one bad element makes a 400, though the good elements are
    saved."""
    for outcome in outcomes:
        call.simulation.note_document(call.organisation, outcome, call.access.client_id)
    call.simulation.world.changed()
    summarised = is_summarised(call.request)
    bad = [
        render_refused(call.organisation, names, outcome, places)
        for outcome in outcomes
        if outcome.document is None
    ]
    if bad and summarised:
        return validation_exception(bad)
    shown = [
        render_outcome(call.organisation, names, outcome, places, summarised=summarised)
        for outcome in outcomes
    ]
    return call.answer(**{names.resource: shown})


def _find(call: Call, names: Names, key: str) -> Document | None:
    """Find the document by id, or by number, as the addresses of sales documents allow."""
    ledger = call.organisation.ledger
    document = ledger.find(key) or ledger.find_by_number(names.types[0], key)
    return document if document is not None and document.type in names.types else None


async def read_payments(call: Call) -> Response:
    return call.answer(**list_payments(call.request, call.organisation))


async def read_payment(call: Call) -> Response:
    payment = call.organisation.ledger.payments.get(call.request.path_params["key"].lower())
    if payment is None:
        return not_found()
    return call.answer(Payments=[render_payment(call.organisation, payment)])


async def create_payments(call: Call) -> Response:
    """PUT, and POST without an id, which is the same."""
    elements = parse_elements(await call.request.body(), "Payments")
    return await _settle_each(call, "Payments", "PaymentID", elements, _pay)


async def delete_payment(call: Call) -> Response:
    """POST /Payments/{id} accepts only {"Status": "DELETED"}."""
    payment = call.organisation.ledger.payments.get(call.request.path_params["key"].lower())
    if payment is None:
        return not_found()
    elements = parse_elements(await call.request.body(), "Payments")
    if len(elements) != 1:
        raise no_data()

    def remove(call: Call, element: Element) -> dict[str, Any]:
        if text_of(element, "Status") != DELETED:
            raise SettlingError("Payments can only be deleted.")
        removed = remove_payment(pen_of(call), payment)
        _announce(call, removed.document_id)
        return render_payment(call.organisation, removed)

    return await _settle_each(call, "Payments", "PaymentID", elements, remove)


async def allocate_credit(call: Call) -> Response:
    note = _find(call, CREDIT_NOTES, call.request.path_params["key"])
    if note is None:
        return not_found()
    elements = parse_elements(await call.request.body(), "Allocations")

    def put(call: Call, element: Element) -> dict[str, Any]:
        invoice = _named(call, element, INVOICES)
        current = call.organisation.ledger.find(note.id) or note
        part = allocate(pen_of(call), current, invoice, *_amount_and_day(call, element))
        _announce(call, part.credit_note_id, part.invoice_id)
        return render_allocation(call.organisation, part)

    return await _settle_each(call, "Allocations", "AllocationID", elements, put)


async def delete_allocation(call: Call) -> Response:
    part = call.organisation.ledger.allocations.get(call.request.path_params["part"].lower())
    if part is None or part.credit_note_id != call.request.path_params["key"].lower():
        return not_found()
    try:
        remove_allocation(pen_of(call), part)
    except SettlingError as error:
        return validation_exception([_refused("AllocationID", {}, error.messages)])
    _announce(call, part.credit_note_id, part.invoice_id)
    call.simulation.world.changed()
    return call.answer(**render_allocation(call.organisation, part, deleted=True))


def _pay(call: Call, element: Element) -> dict[str, Any]:
    names = CREDIT_NOTES if element.get("CreditNote") else INVOICES
    document = _named(call, element, names)
    account = object_of(element, "Account") or {}
    code = text_of(account, "Code")
    account_id = id_of(account, "AccountID")
    for known in call.organisation.accounts:
        code = known["Code"] if account_id == known["AccountID"] else code
    if not code:
        raise SettlingError("An Account must be specified.")
    amount, on = _amount_and_day(call, element)
    payment: Payment = pay(pen_of(call), document, amount, on, code, text_of(element, "Reference") or "")
    _announce(call, document.id)
    return render_payment(call.organisation, payment)


def _announce(call: Call, *document_ids: str) -> None:
    for document_id in document_ids:
        document = call.organisation.ledger.find(document_id)
        if document is not None:
            call.simulation.announce_document(call.organisation, document, by=call.access.client_id)


def _named(call: Call, element: Element, names: Names) -> Document:
    named = object_of(element, names.resource.removesuffix("s")) or {}
    key = id_of(named, names.id) or text_of(named, names.number) or text_of(element, names.number)
    document = _find(call, names, key) if key else None
    if document is None:
        raise SettlingError(f"The {names.resource.removesuffix('s')} could not be found.")
    return document


def _amount_and_day(call: Call, element: Element) -> tuple[Decimal, date]:
    amount = amount_of(element, "Amount")
    if amount is None:
        raise SettlingError("An Amount must be specified.")
    return amount, date_of(element, "Date") or today(call.organisation, call.now)


async def _settle_each(
    call: Call,
    name: str,
    id_name: str,
    elements: list[Element],
    act: Callable[[Call, Element], dict[str, Any]],
) -> Response:
    """Settle one element after the other. A refused element leaves the others done."""
    summarised = is_summarised(call.request)
    shown: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for element in elements:
        try:
            shown.append(act(call, element))
        except SettlingError as error:
            refused = _refused(id_name, element, error.messages)
            bad.append(refused)
            shown.append(refused | {"StatusAttributeString": "ERROR"})
    call.simulation.world.changed()
    return validation_exception(bad) if bad and summarised else call.answer(**{name: shown})


def _refused(id_name: str, element: Element, messages: list[str]) -> dict[str, Any]:
    sent = {name: value for name, value in element.items() if value is not None}
    return {
        id_name: NO_ID,
        **sent,
        "HasValidationErrors": True,
        "ValidationErrors": [{"Message": message} for message in messages],
    }


_INVOICES = ("accounting.invoices", "accounting.transactions")
_INVOICES_READ = (*_INVOICES, "accounting.invoices.read", "accounting.transactions.read")
_PAYMENTS = ("accounting.payments", "accounting.transactions")
_PAYMENTS_READ = (*_PAYMENTS, "accounting.payments.read", "accounting.transactions.read")


def invoicing_routes() -> list[Route]:
    def route(
        method: str, path: str, operation: Callable[[Call], Awaitable[Response]], scopes: tuple[str, ...]
    ) -> Route:
        return Route(f"{ROOT}/{path}", endpoint(operation, *scopes), methods=[method])

    routes = []
    for names in (INVOICES, CREDIT_NOTES):
        one = f"{names.resource}/{{key}}"
        routes += [
            route("GET", names.resource, _reading_all(names), _INVOICES_READ),
            route("PUT", names.resource, _writing_all(names, create_document), _INVOICES),
            route("POST", names.resource, _writing_all(names, upsert_document), _INVOICES),
            route("GET", one, _reading_one(names), _INVOICES_READ),
            route("POST", one, _writing_one(names), _INVOICES),
        ]
    allocations = "CreditNotes/{key}/Allocations"
    return [
        *routes,
        route("GET", "Invoices/{key}/OnlineInvoice", read_online_invoice, _INVOICES_READ),
        route("PUT", allocations, allocate_credit, _INVOICES),
        route("DELETE", f"{allocations}/{{part}}", delete_allocation, _INVOICES),
        route("GET", "Payments", read_payments, _PAYMENTS_READ),
        route("PUT", "Payments", create_payments, _PAYMENTS),
        route("POST", "Payments", create_payments, _PAYMENTS),
        route("GET", "Payments/{key}", read_payment, _PAYMENTS_READ),
        route("POST", "Payments/{key}", delete_payment, _PAYMENTS),
    ]
