"""Creates and changes contacts by Xero's rules, one element at a time and in the order sent."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from xero.simulator.contact_input import ContactInput
from xero.simulator.contact_json import Form, render_contact
from xero.simulator.contacts import ACTIVE, ARCHIVED, GDPRREQUEST, Contact, ContactBook
from xero.simulator.wire import NO_ID, truncate_to_millisecond


class Outcome(msgspec.Struct):
    """What became of one element: the contact as stored, or the errors that kept it out."""

    asked: ContactInput
    contact: Contact | None
    errors: list[str]
    created: bool = False


def create_contact(book: ContactBook, asked: ContactInput, now: datetime) -> Outcome:
    """PUT: only creates. A ContactID in it is of no effect; a taken name or number is refused."""
    errors = list(asked.errors)
    if not asked.fields.get("name"):
        errors.append("The contact name must be specified.")
    if asked.status == GDPRREQUEST:
        errors.append("The contact status cannot be set to GDPRREQUEST.")
    contact = Contact(id=str(uuid4()), name="", updated=truncate_to_millisecond(now))
    contact = _with_fields(contact, asked)
    errors += _uniqueness_errors(book, contact)
    if errors:
        return Outcome(asked, None, errors)
    book.put(contact)
    return Outcome(asked, contact, [], created=True)


def upsert_contact(book: ContactBook, asked: ContactInput, now: datetime) -> Outcome:
    """POST: changes the contact with that ContactID, else that ContactNumber, else that Name; else creates.

    The last fallback overwrites a namesake without a word, as Xero does.
    """
    if asked.contact_id:
        contact = book.find(asked.contact_id)
        if contact is None:
            return Outcome(
                asked, None, ["The contact with the specified contact details could not be found."]
            )
        return update_contact(book, contact, asked, now)
    number, name = asked.fields.get("number"), asked.fields.get("name")
    contact = book.find_by_number(number) if number else None
    if contact is None and name:
        contact = book.find_active_by_name(name)
    return update_contact(book, contact, asked, now) if contact else create_contact(book, asked, now)


def update_contact(book: ContactBook, contact: Contact, asked: ContactInput, now: datetime) -> Outcome:
    """What the element leaves out stays; IsCustomer and IsSupplier in it are of no effect."""
    errors = list(asked.errors) + _status_errors(contact, asked)
    if asked.fields.get("name") == "":
        errors.append("The contact name must be specified.")
    changed = replace(_with_fields(contact, asked), updated=truncate_to_millisecond(now))
    errors += _uniqueness_errors(book, changed)
    if errors:
        return Outcome(asked, None, errors)
    book.put(changed)
    return Outcome(asked, changed, [])


def render_outcome(outcome: Outcome, *, with_status: bool) -> dict[str, Any]:
    """A saved contact in full; a refused one as it was sent, with ContactID all zeros if it is new."""
    if outcome.contact is not None:
        shown = render_contact(outcome.contact, Form.WRITTEN)
        if with_status:
            shown |= {"StatusAttributeString": "OK", "ValidationErrors": []}
        return shown
    return render_refused(outcome, with_status=with_status)


def render_refused(outcome: Outcome, *, with_status: bool = False) -> dict[str, Any]:
    echo = outcome.asked.echo
    sent = {name: value for name, value in echo.items() if value is not None}
    nested: dict[str, Any] = {
        name: [entry | {"ValidationErrors": []} for entry in sent[name]]
        for name in ("Addresses", "Phones")
        if name in sent
    }
    shown = {"ContactID": NO_ID, **sent, **nested, "HasValidationErrors": True}
    if with_status:
        shown["StatusAttributeString"] = "ERROR"
    shown["ValidationErrors"] = [{"Message": message} for message in outcome.errors]
    return shown


def _with_fields(contact: Contact, asked: ContactInput) -> Contact:
    return replace(
        contact,
        **asked.fields,
        status=asked.status or contact.status,
        phones=contact.phones | asked.phones,
        addresses=contact.addresses | asked.addresses,
        other=contact.other | asked.other,
    )


def _status_errors(contact: Contact, asked: ContactInput) -> list[str]:
    if contact.status == GDPRREQUEST or asked.status == GDPRREQUEST:
        return ["A contact under a GDPR request cannot be modified."]
    if contact.merged_to:
        return ["The contact has been merged into another contact and cannot be modified."]
    if contact.status == ARCHIVED and asked.status != ACTIVE:
        return ["The contact has been archived. It must be restored before it can be modified."]
    return []


def _uniqueness_errors(book: ContactBook, contact: Contact) -> list[str]:
    """Names are unique among active contacts, numbers among all."""
    errors = []
    namesake = book.find_active_by_name(contact.name) if contact.status == ACTIVE else None
    if namesake and namesake.id != contact.id:
        errors.append(
            f"The contact name {contact.name} is already assigned to another contact."
            " The contact name must be unique across all active contacts."
        )
    holder = book.find_by_number(contact.number) if contact.number else None
    if holder and holder.id != contact.id:
        errors.append(
            f"The contact number {contact.number} is already assigned to another contact."
            " The contact number must be unique across all contacts."
        )
    return errors


def merge_contact(book: ContactBook, loser: Contact, survivor: Contact, now: datetime) -> None:
    """As a person does it in Xero: the loser stays, archived, and points to the survivor."""
    if loser.id == survivor.id or survivor.status != ACTIVE or loser.merged_to or loser.status == GDPRREQUEST:
        raise ValueError("merge an unmerged contact into another, active one")
    book.put(
        replace(loser, status=ARCHIVED, merged_to=survivor.id, updated=truncate_to_millisecond(now)),
    )
    book.put_flags(
        survivor,
        is_customer=survivor.is_customer or loser.is_customer,
        is_supplier=survivor.is_supplier or loser.is_supplier,
    )
