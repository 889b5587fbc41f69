"""Create and change contacts by Xero's rules, one element at a time, in the order sent."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from xero.simulator.contact_input import ContactInput, stored_errors
from xero.simulator.contact_json import Form, render_contact
from xero.simulator.contacts import ACTIVE, ARCHIVED, GDPRREQUEST, Contact, ContactBook
from xero.simulator.elements import with_part_errors
from xero.simulator.wire import NO_ID, truncate_to_millisecond


class Outcome(msgspec.Struct):
    """The outcome of one element: the stored contact, or the errors for which it was refused. `before` is the stored
    contact that a refused element would have changed."""

    asked: ContactInput
    contact: Contact | None
    errors: list[str]
    created: bool = False
    before: Contact | None = None

    @property
    def messages(self) -> list[str]:
        """The errors of all levels."""
        return [*self.errors, *(error.message for error in self.asked.part_errors)]


def create_contact(book: ContactBook, asked: ContactInput, now: datetime) -> Outcome:
    """PUT creates only. A ContactID in it has no effect. A taken name or number is refused."""
    errors = list(asked.errors)
    if not asked.fields.get("name"):
        errors.append("The contact name must be specified.")
    if asked.status == GDPRREQUEST:
        errors.append("The contact status cannot be set to GDPRREQUEST.")
    contact = Contact(id=str(uuid4()), name="", updated=truncate_to_millisecond(now))
    contact = _with_fields(contact, asked)
    errors += _uniqueness_errors(book, contact)
    if errors or asked.part_errors:
        return Outcome(asked, None, errors)
    book.put(contact)
    return Outcome(asked, contact, [], created=True)


def upsert_contact(book: ContactBook, asked: ContactInput, now: datetime) -> Outcome:
    """POST changes the contact with that ContactID, else that ContactNumber, else that Name. Otherwise it creates.

    The last fallback overwrites a namesake without a warning, as Xero does.
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


def update_contact(
    book: ContactBook, contact: Contact, asked: ContactInput, now: datetime, *, by_person: bool = False
) -> Outcome:
    """Fields that the element leaves out stay. IsCustomer and IsSupplier are ignored. The API is also refused
    for invalid stored data (`stored_errors`); a person is not."""
    errors = list(asked.errors) + _status_errors(contact, asked)
    if asked.fields.get("name") == "":
        errors.append("The contact name must be specified.")
    changed = replace(_with_fields(contact, asked), updated=truncate_to_millisecond(now))
    errors += _uniqueness_errors(book, changed)
    if not by_person:
        errors += [error for error in stored_errors(changed) if error not in errors]
    if errors or asked.part_errors:
        return Outcome(asked, None, errors, before=contact)
    book.put(changed)
    return Outcome(asked, changed, [])


def render_outcome(outcome: Outcome, *, with_status: bool) -> dict[str, Any]:
    if outcome.contact is None:
        return render_refused(outcome, with_status=with_status)
    shown = render_contact(outcome.contact, Form.WRITTEN)
    return shown | {"StatusAttributeString": "OK", "ValidationErrors": []} if with_status else shown


def render_refused(outcome: Outcome, *, with_status: bool = False) -> dict[str, Any]:
    """A refused change is answered with the stored contact. A refused new contact is answered as it was sent,
    with a ContactID of zeros."""
    if outcome.before is not None:
        shown = render_contact(outcome.before, Form.WRITTEN)
    else:
        sent = {name: value for name, value in outcome.asked.echo.items() if value is not None}
        shown = {"ContactID": NO_ID, **sent}
    for name in ("Addresses", "Phones"):
        if name in shown:
            shown[name] = [entry | {"ValidationErrors": []} for entry in shown[name]]
    shown = with_part_errors(shown, outcome.asked.part_errors) | {"HasValidationErrors": True}
    if with_status:
        shown["StatusAttributeString"] = "ERROR"
    return shown | {"ValidationErrors": [{"Message": message} for message in outcome.errors]}


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
    """The errors of uniqueness: names among active contacts, numbers among all."""
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
    """Merge contacts as a person does in Xero: the loser is archived and points to the survivor."""
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
