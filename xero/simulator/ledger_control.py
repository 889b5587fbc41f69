"""/simulator, continued: acts of a person inside Xero on invoices, accounts, tax rates and locks."""

from collections.abc import Awaitable, Callable
from datetime import date as Day
from decimal import Decimal
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xero.simulator.arithmetic import EXCLUSIVE
from xero.simulator.contact_json import Form
from xero.simulator.control import bad_request, find_organisation, simulation_of
from xero.simulator.document_input import CREDIT_NOTES, INVOICES, Names, parse_document
from xero.simulator.document_json import midnight, render_document
from xero.simulator.document_writes import Outcome, Pen, create_document, today, update_document
from xero.simulator.ledger import AUTHORISED, Document, account_by
from xero.simulator.settling import SettlingError, allocate, pay, remove_allocation, remove_payment
from xero.simulator.wire import Refusal, json_response, ms_date, not_found
from xero.simulator.world import Organisation

Act = Callable[[Request, Pen], Awaitable[Response]]


class Settlement(msgspec.Struct, forbid_unknown_fields=True):
    """A payment, or a credit given: of the whole that is due unless `amount` says less; today unless `date` does."""

    amount: Decimal | None = None
    date: Day | None = None
    reference: str = ""


class AllocationOf(msgspec.Struct, forbid_unknown_fields=True):
    invoiceId: str
    amount: Decimal


class LockDates(msgspec.Struct, forbid_unknown_fields=True):
    """Lock dates. null removes one."""

    period: Day | None = None
    endOfYear: Day | None = None


class Approvals(msgspec.Struct, forbid_unknown_fields=True):
    """How many sales invoices the plan still allows to be approved. null: no limit."""

    left: int | None = None


class AccountEdit(msgspec.Struct, forbid_unknown_fields=True):
    code: str | None = None
    name: str | None = None
    archived: bool | None = None


class TaxRateEdit(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    effectiveRate: float | None = None
    archived: bool | None = None


def _acting(act: Act) -> Callable[[Request], Awaitable[Response]]:
    """Act as a person in the organisation: by the rules of the API, but not counted as a call."""

    async def respond(request: Request) -> Response:
        organisation = find_organisation(request)
        if organisation is None:
            return not_found()
        simulation = simulation_of(request)
        try:
            answer = await act(request, Pen(organisation, simulation.world.clock(), places=4))
        except Refusal as refusal:
            return refusal.response
        except (msgspec.DecodeError, SettlingError, ValueError) as error:
            return bad_request(str(error))
        simulation.world.changed()
        return answer

    return respond


def _document(request: Request, pen: Pen) -> Document:
    document = pen.organisation.ledger.find(request.path_params["id"])
    if document is None:
        raise ValueError("no such document")
    return document


def _shown(request: Request, organisation: Organisation, *document_ids: str) -> Response:
    """The documents as they are now, the first one answered; subscribers hear of all."""
    documents = [organisation.ledger.find(document_id) for document_id in document_ids]
    known = [document for document in documents if document is not None]
    for document in known:
        simulation_of(request).announce_document(organisation, document)
    return json_response(render_document(organisation, known[0], Form.WRITTEN, 4))


def _saved(request: Request, organisation: Organisation, outcome: Outcome) -> Response:
    if outcome.document is None:
        raise ValueError("; ".join(outcome.messages))
    simulation_of(request).announce_document(organisation, outcome.document, created=outcome.created)
    return json_response(render_document(organisation, outcome.document, Form.WRITTEN, 4))


def _creating(names: Names) -> Act:
    async def create(request: Request, pen: Pen) -> Response:
        outcome = create_document(pen, parse_document(await _fields(request), names))
        return _saved(request, pen.organisation, outcome)

    return create


async def edit_document(request: Request, pen: Pen) -> Response:
    """Xero's own fields; Status voids."""
    document = _document(request, pen)
    names = CREDIT_NOTES if document.is_credit else INVOICES
    outcome = update_document(pen, document, parse_document(await _fields(request), names))
    return _saved(request, pen.organisation, outcome)


async def pay_document(request: Request, pen: Pen) -> Response:
    document = _document(request, pen)
    asked = msgspec.json.decode(await request.body() or b"{}", type=Settlement)
    amount = pen.organisation.ledger.due(document) if asked.amount is None else asked.amount
    on = asked.date or today(pen.organisation, pen.now)
    pay(pen, document, amount, on, None, asked.reference)
    return _shown(request, pen.organisation, document.id)


async def unpay(request: Request, pen: Pen) -> Response:
    payment = pen.organisation.ledger.payments.get(request.path_params["payment"].lower())
    if payment is None:
        return not_found()
    return _shown(request, pen.organisation, remove_payment(pen, payment).document_id)


async def credit_invoice(request: Request, pen: Pen) -> Response:
    """A credit note for the same contact, without tax, put against the invoice at once."""
    invoice = _document(request, pen)
    asked = msgspec.json.decode(await request.body() or b"{}", type=Settlement)
    amount = pen.organisation.ledger.due(invoice) if asked.amount is None else asked.amount
    on = asked.date or today(pen.organisation, pen.now)
    line = {
        "Description": "Credit",
        "Quantity": 1,
        "UnitAmount": amount,
        "AccountID": invoice.lines[0].account_id,
        "TaxType": "NONE",
    }
    element: dict[str, Any] = {
        "Type": f"{invoice.type}CREDIT",
        "Status": AUTHORISED,
        "Contact": {"ContactID": invoice.contact_id},
        "Date": on.isoformat(),
        "LineAmountTypes": EXCLUSIVE,
        "CurrencyCode": invoice.currency,
        "Reference": asked.reference,
        "LineItems": [line],
    }
    outcome = create_document(pen, parse_document(element, CREDIT_NOTES))
    if outcome.document is None:
        raise ValueError("; ".join(outcome.messages))
    allocate(pen, outcome.document, invoice, amount, on)
    return _shown(request, pen.organisation, invoice.id, outcome.document.id)


async def allocate_to(request: Request, pen: Pen) -> Response:
    note = _document(request, pen)
    asked = msgspec.json.decode(await request.body(), type=AllocationOf)
    invoice = pen.organisation.ledger.find(asked.invoiceId)
    if invoice is None:
        return not_found()
    allocate(pen, note, invoice, asked.amount, today(pen.organisation, pen.now))
    return _shown(request, pen.organisation, invoice.id, note.id)


async def unallocate(request: Request, pen: Pen) -> Response:
    """Remove all allocations of credit notes from the invoice."""
    invoice = _document(request, pen)
    parts = pen.organisation.ledger.allocations_of(invoice)
    for part in parts:
        remove_allocation(pen, part)
    return _shown(request, pen.organisation, invoice.id, *(part.credit_note_id for part in parts))


async def set_lock_dates(request: Request, pen: Pen) -> Response:
    asked = msgspec.json.decode(await request.body(), type=LockDates)
    details = pen.organisation.details
    for field, day in (("PeriodLockDate", asked.period), ("EndOfYearLockDate", asked.endOfYear)):
        details.pop(field, None)
        if day is not None:
            details[field] = ms_date(midnight(day))
    return json_response(details)


async def edit_account(request: Request, pen: Pen) -> Response:
    """Edit an account, by AccountID or code. Lines keep the account when its code changes."""
    accounts, key = pen.organisation.accounts, request.path_params["key"]
    account = account_by(accounts, "AccountID", key.lower()) or account_by(accounts, "Code", key)
    if account is None:
        return not_found()
    asked = msgspec.json.decode(await request.body(), type=AccountEdit)
    holder = account_by(accounts, "Code", asked.code)
    if holder is not None and holder is not account:
        raise ValueError("Please enter a unique Code.")
    account["Code"] = account["Code"] if asked.code is None else asked.code
    account["Name"] = account["Name"] if asked.name is None else asked.name
    if asked.archived is not None:
        account["Status"] = "ARCHIVED" if asked.archived else "ACTIVE"
    account["UpdatedDateUTC"] = ms_date(pen.now)
    return json_response(account)


async def edit_tax_rate(request: Request, pen: Pen) -> Response:
    key = request.path_params["key"]
    rate = next((rate for rate in pen.organisation.tax_rates if rate["TaxType"] == key), None)
    if rate is None:
        return not_found()
    asked = msgspec.json.decode(await request.body(), type=TaxRateEdit)
    rate["Name"] = rate["Name"] if asked.name is None else asked.name
    if asked.effectiveRate is not None:
        rate["EffectiveRate"] = rate["DisplayTaxRate"] = asked.effectiveRate
        rate["TaxComponents"] = [{**rate["TaxComponents"][0], "Rate": asked.effectiveRate}]
    if asked.archived is not None:
        rate["Status"] = "ARCHIVED" if asked.archived else "ACTIVE"
    return json_response(rate)


async def set_approvals(request: Request, pen: Pen) -> Response:
    """Set how many sales may still be approved this month, as a small plan of Xero's has it."""
    asked = msgspec.json.decode(await request.body(), type=Approvals)
    pen.organisation.approvals_left = asked.left
    return json_response({"left": asked.left})


async def set_currencies(request: Request, pen: Pen) -> Response:
    """Set the currencies in addition to the base currency."""
    codes = msgspec.json.decode(await request.body(), type=list[str])
    base = pen.organisation.details["BaseCurrency"]
    chosen = [{"Code": code, "Description": code} for code in dict.fromkeys([base, *codes])]
    pen.organisation.currencies[:] = chosen
    return json_response(chosen)


async def _fields(request: Request) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode(
        await request.body()
    )
    return fields


def ledger_control_routes() -> list[Route]:
    root = "/simulator/organisations/{tenant}"
    acts: list[tuple[str, str, Act]] = [
        ("POST", "invoices", _creating(INVOICES)),
        ("POST", "invoices/{id}", edit_document),
        ("POST", "invoices/{id}/payments", pay_document),
        ("POST", "invoices/{id}/credits", credit_invoice),
        ("DELETE", "invoices/{id}/credits", unallocate),
        ("DELETE", "payments/{payment}", unpay),
        ("POST", "creditnotes", _creating(CREDIT_NOTES)),
        ("POST", "creditnotes/{id}", edit_document),
        ("POST", "creditnotes/{id}/allocations", allocate_to),
        ("PUT", "lockdates", set_lock_dates),
        ("PUT", "currencies", set_currencies),
        ("PUT", "approvals", set_approvals),
        ("POST", "accounts/{key}", edit_account),
        ("POST", "taxrates/{key}", edit_tax_rate),
    ]
    return [Route(f"{root}/{path}", _acting(act), methods=[method]) for method, path, act in acts]
