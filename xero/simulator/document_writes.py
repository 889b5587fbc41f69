"""Creates and changes invoices and credit notes by Xero's rules, one element at a time and in the order sent."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from xero import timezones
from xero.simulator import arithmetic
from xero.simulator.contact_input import BAD_EMAIL, parse_contact, stored_errors
from xero.simulator.contact_writes import upsert_contact
from xero.simulator.contacts import ACTIVE, Contact
from xero.simulator.document_input import DocumentInput
from xero.simulator.document_lines import line_errors, make_lines, with_tax
from xero.simulator.elements import PartError
from xero.simulator.ledger import (
    AUTHORISED,
    DELETED,
    DRAFT,
    PAID,
    SALE,
    SALE_CREDIT,
    SUBMITTED,
    VOIDED,
    Document,
)
from xero.simulator.wire import truncate_to_millisecond
from xero.simulator.world import Organisation

TAKEN = "Invoice # must be unique."
WRONG_STATUS = "Invoice not of valid status for modification"
LIMIT = "You have reached the limit of invoices you can approve"
SETTLED = "This document cannot be edited as it has a payment or credit note allocated to it."

_MOVES = {
    DRAFT: (DRAFT, SUBMITTED, AUTHORISED, DELETED),
    SUBMITTED: (DRAFT, SUBMITTED, AUTHORISED, DELETED),
    AUTHORISED: (AUTHORISED, VOIDED),
}
_LOCKS = (("EndOfYearLockDate", "end of year lock date"), ("PeriodLockDate", "period lock date"))


class Pen(msgspec.Struct):
    """The writer of a document, its organisation and the time. `places`: how far unit amounts are kept, 2 or (`unitdp=4`)
    4."""

    organisation: Organisation
    now: datetime
    client_id: str | None = None
    places: int = 2

    @property
    def is_person(self) -> bool:
        """Whether a person writes on Xero's own pages, which store what the API refuses."""
        return self.client_id is None

    @property
    def updated(self) -> datetime:
        return truncate_to_millisecond(self.now)


class Outcome(msgspec.Struct):
    """The outcome of one element: the stored document, or the errors for which it was refused. `before` is the stored
    document that a refused element would have changed."""

    asked: DocumentInput
    document: Document | None
    errors: list[str]
    created: bool = False
    before: Document | None = None

    @property
    def messages(self) -> list[str]:
        """The errors of all levels."""
        return [*self.errors, *(error.message for error in self.asked.part_errors)]


def create_document(pen: Pen, asked: DocumentInput) -> Outcome:
    """PUT creates only. An id in it has no effect. A taken number is refused."""
    ledger = pen.organisation.ledger
    errors = list(asked.errors)
    if asked.type is None:
        return Outcome(asked, None, [*errors, "A Type must be specified."])
    if asked.status not in (None, DRAFT, SUBMITTED, AUTHORISED):
        errors.append("A new document can be DRAFT, SUBMITTED or AUTHORISED only.")
    if asked.contact is None:
        errors.append("A Contact must be specified for this type of transaction.")
    if not asked.lines:
        errors.append("One or more line items must be specified.")
    blank = Document(
        id=str(uuid4()),
        type=asked.type,
        number=asked.number or ledger.draw_number(asked.type),
        contact_id="",
        date=today(pen.organisation, pen.now),
        updated=pen.updated,
        currency=pen.organisation.details["BaseCurrency"],
        made_by=pen.client_id,
    )
    return _write(pen, asked, blank, errors, created=True)


def upsert_document(pen: Pen, asked: DocumentInput) -> Outcome:
    """POST: changes the document with that id, else the sales invoice or credit note with that number; else creates.

    The fallback silently overwrites the document that has the number, as Xero does.
    """
    ledger = pen.organisation.ledger
    if asked.id:
        document = ledger.find(asked.id)
        if document is None:
            return Outcome(
                asked, None, ["The document with the supplied id was not found for this endpoint."]
            )
        return update_document(pen, document, asked)
    if asked.number and asked.type in (SALE, SALE_CREDIT):
        document = ledger.find_by_number(asked.type, asked.number)
        if document is not None:
            return update_document(pen, document, asked)
    return create_document(pen, asked)


def update_document(pen: Pen, document: Document, asked: DocumentInput) -> Outcome:
    """Update. A member that is left out stays. Lines that are sent replace all lines."""
    errors = list(asked.errors) + _move_errors(pen, document, asked)
    if errors or asked.part_errors:
        return Outcome(asked, None, errors, before=document)
    if asked.status in (VOIDED, DELETED):
        errors = lock_errors(pen.organisation, document.date) if document.is_posted else []
        if errors:
            return Outcome(asked, None, errors, before=document)
        ended = replace(document, status=asked.status, updated=pen.updated)
        pen.organisation.ledger.put(ended)
        return Outcome(asked, ended, [])
    return _write(pen, asked, document, errors, created=False)


def _move_errors(pen: Pen, document: Document, asked: DocumentInput) -> list[str]:
    if pen.organisation.ledger.is_settled_in_part(document):
        return [SETTLED]
    moves = _MOVES.get(document.status, ())
    if not moves or (asked.status or document.status) not in moves:
        return [WRONG_STATUS]
    return []


def _write(pen: Pen, asked: DocumentInput, before: Document, errors: list[str], *, created: bool) -> Outcome:
    status = asked.status or before.status
    posting = status == AUTHORISED
    after = replace(before, **asked.fields, status=status, updated=pen.updated)
    after = replace(
        after,
        number=asked.number or before.number,
        sent_to_contact=after.sent_to_contact and posting,
        lines=_lines(pen, after, asked, errors),
    )
    errors += _document_errors(pen, before, after, check_lines=posting or asked.lines is not None)
    contact = None
    if asked.contact is not None and not errors:
        contact = _resolve_contact(pen, asked, errors)
    if errors or asked.part_errors:
        stored = None if created else before
        return Outcome(asked, None, list(dict.fromkeys(errors)), before=stored)
    after = settled(pen.organisation, replace(after, contact_id=contact.id if contact else before.contact_id))
    pen.organisation.ledger.put(after)
    if pen.organisation.approvals_left and _approves_sale(before, after):
        pen.organisation.approvals_left -= 1
    _mark_contact(pen.organisation, after)
    return Outcome(asked, after, [], created=created)


def _lines(pen: Pen, document: Document, asked: DocumentInput, errors: list[str]) -> Any:
    if asked.lines is not None:
        return make_lines(pen.organisation, document, asked.lines, pen.places, errors)
    return tuple(with_tax(pen.organisation, document.amounts_are, line) for line in document.lines)


def _approves_sale(before: Document, after: Document) -> bool:
    return after.type == SALE and after.is_posted and not before.is_posted


def _document_errors(pen: Pen, before: Document, after: Document, *, check_lines: bool) -> list[str]:
    organisation, errors = pen.organisation, list[str]()
    holder = organisation.ledger.find_by_number(after.type, after.number) if after.number else None
    if holder and holder.id != after.id and after.type in (SALE, SALE_CREDIT):
        errors.append(TAKEN)
    if organisation.approvals_left == 0 and _approves_sale(before, after):
        errors.append(LIMIT)
    if not any(currency["Code"] == after.currency for currency in organisation.currencies):
        errors.append(f"Organisation is not subscribed to currency {after.currency}")
    if after.status in (SUBMITTED, AUTHORISED) and after.due_date is None and not after.is_credit:
        errors.append("The DueDate must be specified.")
    if after.branding_theme_id and not organisation.catalogue.has_theme(after.branding_theme_id):
        errors.append("The branding theme could not be found.")  # Xero's own words for this are not known
    if not after.lines:
        errors.append("One or more line items must be specified.")
    if check_lines:
        for line in after.lines:
            errors += line_errors(
                organisation, line, posting=after.status == AUTHORISED, by_person=pen.is_person
            )
    if after.status == AUTHORISED:
        errors += lock_errors(organisation, after.date)
        if before.is_posted and before.date != after.date:
            errors += lock_errors(organisation, before.date)
        if arithmetic.add_up(after.lines, after.amounts_are).total < 0:
            errors.append("The total of the document must not be negative.")
    return errors


def lock_errors(organisation: Organisation, day: date) -> list[str]:
    for field, name in _LOCKS:
        lock = lock_date(organisation, field)
        if lock is not None and day <= lock:
            shown = f"{lock.day} {lock:%B %Y}"
            return [f"The document date cannot be before the {name}, currently set at {shown}."]
    return []


def lock_date(organisation: Organisation, field: str) -> date | None:
    shown = organisation.details.get(field)
    if shown is None:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(shown[6:-7]))).date()


def today(organisation: Organisation, now: datetime) -> date:
    name, _ = timezones.iana(organisation.details["Timezone"])
    return now.astimezone(ZoneInfo(name)).date()


def settled(organisation: Organisation, document: Document) -> Document:
    """The document with its sums. The document is PAID exactly while it is posted and nothing is due."""
    sums = arithmetic.add_up(document.lines, document.amounts_are)
    document = replace(
        document,
        sub_total=sums.sub_total,
        total_tax=sums.total_tax,
        total=sums.total,
        total_discount=sums.total_discount,
    )
    if not document.is_posted:
        return document
    if organisation.ledger.due(document) == 0:
        on = organisation.ledger.last_settled_on(document)
        return replace(document, status=PAID, fully_paid_on=on)
    return replace(document, status=AUTHORISED, fully_paid_on=None)


def _resolve_contact(pen: Pen, asked: DocumentInput, errors: list[str]) -> Contact | None:
    """Find the contact of a document. A caller should send the ContactID alone. As in Xero, further members change the
    contact, and a name alone matches or creates a contact. Errors in the contact's data are errors of that part of the
    document."""
    book = pen.organisation.contacts
    element = asked.contact or {}
    sent = parse_contact(element)
    contact = book.find(sent.contact_id) if sent.contact_id else None
    own: list[str] = []
    if contact is not None and contact.status != ACTIVE:
        errors.append(f"The contact {contact.name} has possibly been merged (or archived).")
    elif sent.contact_id and contact is None:
        errors += upsert_contact(book, sent, pen.now).errors
    elif contact is None or set(element) - {"ContactID"}:
        outcome = upsert_contact(book, sent, pen.now)
        contact, own = outcome.contact, outcome.messages
    elif pen.client_id is not None:  # a person may bill a contact with any email
        own = [error for error in stored_errors(contact) if error == BAD_EMAIL]
    asked.part_errors += [PartError("Contact", "Contact", message) for message in own]
    return contact


def _mark_contact(organisation: Organisation, document: Document) -> None:
    """The first sales invoice makes a customer, the first bill a supplier; UpdatedDateUTC stays."""
    contact = organisation.contacts.find(document.contact_id)
    if contact is None or document.is_credit:
        return
    sale = document.type == SALE
    organisation.contacts.put_flags(
        contact, is_customer=contact.is_customer or sale, is_supplier=contact.is_supplier or not sale
    )
