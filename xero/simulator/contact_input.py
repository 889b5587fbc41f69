"""Read the elements of a contact write.

A value of a wrong type refuses the whole body. A value that breaks a rule refuses its element.
"""

import re
from typing import Any

import msgspec
from msgspec.structs import astuple

from xero.simulator.contacts import (
    ACTIVE,
    ADDRESS_TYPES,
    ARCHIVED,
    GDPRREQUEST,
    PHONE_TYPES,
    Address,
    Contact,
    Person,
    Phone,
)
from xero.simulator.elements import (
    Element,
    PartError,
    check_length,
    entries_of,
    id_of,
    text_of,
    wrong_type,
)
from xero.simulator.wire import unreadable

TEXT_FIELDS = {
    "Name": ("name", 255),
    "FirstName": ("first_name", 255),
    "LastName": ("last_name", 255),
    "EmailAddress": ("email", 255),
    "ContactNumber": ("number", 50),
    "AccountNumber": ("account_number", 50),
    "CompanyNumber": ("company_number", 50),
    "TaxNumber": ("tax_number", 50),
    "BankAccountDetails": ("bank_account", 255),
}
OTHER_FIELDS: dict[str, type] = {
    "DefaultCurrency": str,
    "TaxNumberType": str,
    "AccountsReceivableTaxType": str,
    "AccountsPayableTaxType": str,
    "SalesDefaultAccountCode": str,
    "PurchasesDefaultAccountCode": str,
    "SalesDefaultLineAmountType": str,
    "PurchasesDefaultLineAmountType": str,
    "PaymentTerms": dict,
}
UI_FIELDS: dict[str, type] = {"Website": str}
BAD_EMAIL = "Email address must be valid."
_ADDRESS_LIMITS = {"City": 255, "Region": 255, "PostalCode": 50, "Country": 50, "AttentionTo": 255}
_ADDRESS_LINES = tuple(f"AddressLine{index}" for index in range(1, 5))
_PHONE_LIMITS = {"PhoneNumber": 50, "PhoneAreaCode": 10, "PhoneCountryCode": 20}
_MOST_PERSONS = 5
# One @, a dotted domain, ASCII only: Xero says umlauts are not supported.
_EMAIL = re.compile(r"[!-?A-~]+@[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+")
# Which websites Xero's API minds is not known; a whole address with a dotted host is assumed to be fine.
_WEBSITE = re.compile(r"https?://[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+([/?#][!-~]*)?")
_COUNTRY = re.compile(r"[A-Za-z ]*")
# Emoji, and all other characters outside Unicode's basic plane. Which of them Xero drops is not known; all are assumed.
_DROPPED = re.compile("[\U00010000-\U0010ffff]")


class ContactInput(msgspec.Struct):
    """The content of one element. `fields` are the fields sent, by attribute of Contact. `errors` are the rules that the
    element breaks, `part_errors` those that one of its parts breaks."""

    echo: Element
    contact_id: str | None
    status: str | None
    fields: dict[str, Any]
    phones: dict[str, Phone]
    addresses: dict[str, Address]
    other: dict[str, Any]
    errors: list[str]
    part_errors: list[PartError] = []


def parse_contact(element: Element, *, by_person: bool = False) -> ContactInput:
    """`by_person`: typed into Xero's own pages. Xero's pages accept values that the API refuses: long names, invalid
    emails, and a Website, which the API cannot write. Of a text that the API writes, the emoji are dropped without a
    word."""
    errors: list[str] = []
    part_errors: list[PartError] = []
    fields: dict[str, Any] = {}
    for name, (attribute, limit) in TEXT_FIELDS.items():
        text = text_of(element, name)
        if text is not None:
            fields[attribute] = text if by_person else _without_dropped(text)
            if not by_person:
                check_length(name, text, limit, errors)
    _check_values(fields, errors, by_person=by_person)
    persons = _parse_persons(element, errors)
    if persons:
        # An empty list does not clear the persons; any other replaces them as a whole.
        fields["persons"] = persons
    phones, addresses = _parse_phones(element, part_errors), _parse_addresses(element, part_errors)
    return ContactInput(
        echo=element,
        contact_id=id_of(element, "ContactID"),
        status=_parse_status(element),
        fields=fields,
        phones=phones if by_person else {kind: _stored_phone(phone) for kind, phone in phones.items()},
        addresses=addresses
        if by_person
        else {kind: _stored_address(address) for kind, address in addresses.items()},
        other=_parse_other(element, OTHER_FIELDS | UI_FIELDS if by_person else OTHER_FIELDS),
        errors=errors,
        part_errors=part_errors,
    )


def _stored_phone(phone: Phone) -> Phone:
    """The phone as Xero stores what the API wrote; as `_stored_address`."""
    return Phone(*map(_without_dropped, astuple(phone)))


def _stored_address(address: Address) -> Address:
    lines, *parts = astuple(address)
    return Address(tuple(map(_without_dropped, lines)), *map(_without_dropped, parts))


def _without_dropped(text: str) -> str:
    rest = _DROPPED.sub("", text)
    return text if rest == text else " ".join(rest.split())


def stored_errors(contact: Contact) -> list[str]:
    """The reasons why the API refuses every write of this contact, with any content: stored data that only Xero's own pages
    accept."""
    errors = []
    if contact.email and not _EMAIL.fullmatch(contact.email):
        errors.append(BAD_EMAIL)
    website = contact.other.get("Website", "")
    if website and not _WEBSITE.fullmatch(website):
        errors.append("Website must be valid.")
    return errors


def _check_values(fields: dict[str, Any], errors: list[str], *, by_person: bool) -> None:
    name = fields.get("name")
    if name:
        if "<" in name or ">" in name:
            errors.append("The contact name cannot contain the characters < or >.")
        if name != name.strip() or "  " in name:
            errors.append("The contact name cannot have leading, trailing or consecutive spaces.")
    email = fields.get("email")
    if email and not by_person and not _EMAIL.fullmatch(email):
        errors.append(BAD_EMAIL)


def _parse_status(element: Element) -> str | None:
    text = text_of(element, "ContactStatus")
    if not text:
        return None
    if text not in (ACTIVE, ARCHIVED, GDPRREQUEST):
        raise unreadable(f"Error converting value {text!r} to type 'ContactStatus'.")
    return text


def _parse_phones(element: Element, errors: list[PartError]) -> dict[str, Phone]:
    """An entry that is sent replaces the whole entry of its type. (Whether parts of the old entry survive is
    not known.)"""
    phones = {}
    for entry in entries_of(element, "Phones"):
        kind = _kind(entry, "PhoneType", PHONE_TYPES)
        parts = {name: text_of(entry, name) or "" for name in _PHONE_LIMITS}
        errors += _too_long("Phones", kind, parts, _PHONE_LIMITS)
        phones[kind] = Phone(parts["PhoneNumber"], parts["PhoneAreaCode"], parts["PhoneCountryCode"])
    return phones


def _parse_addresses(element: Element, errors: list[PartError]) -> dict[str, Address]:
    addresses = {}
    for entry in entries_of(element, "Addresses"):
        kind = _kind(entry, "AddressType", ADDRESS_TYPES)
        lines = [text_of(entry, name) or "" for name in _ADDRESS_LINES]
        errors += _too_long(
            "Addresses",
            kind,
            dict(zip(_ADDRESS_LINES, lines, strict=True)),
            dict.fromkeys(_ADDRESS_LINES, 500),
        )
        while lines and not lines[-1]:
            lines.pop()
        parts = {name: text_of(entry, name) or "" for name in _ADDRESS_LIMITS}
        errors += _too_long("Addresses", kind, parts, _ADDRESS_LIMITS)
        if not _COUNTRY.fullmatch(parts["Country"]):
            says = "The address country may contain the letters A-Z and a-z only."
            errors.append(PartError("Addresses", kind, says))
        addresses[kind] = Address(
            tuple(lines),
            parts["City"],
            parts["Region"],
            parts["PostalCode"],
            parts["Country"],
            parts["AttentionTo"],
        )
    return addresses


def _too_long(part: str, kind: str, values: dict[str, str], limits: dict[str, int]) -> list[PartError]:
    says: list[str] = []
    for name, limit in limits.items():
        check_length(name, values[name], limit, says)
    return [PartError(part, kind, message) for message in says]


def _parse_persons(element: Element, errors: list[str]) -> tuple[Person, ...]:
    entries = entries_of(element, "ContactPersons")
    if len(entries) > _MOST_PERSONS:
        errors.append(f"A contact can have at most {_MOST_PERSONS} contact persons.")
    persons = tuple(
        Person(
            text_of(entry, "FirstName") or "",
            text_of(entry, "LastName") or "",
            text_of(entry, "EmailAddress") or "",
            entry.get("IncludeInEmails") is True,
        )
        for entry in entries
    )
    if any(person.email and not _EMAIL.fullmatch(person.email) for person in persons):
        errors.append(BAD_EMAIL)
    return persons


def _parse_other(element: Element, kinds: dict[str, type]) -> dict[str, Any]:
    other: dict[str, Any] = {}
    for name, kind in kinds.items():
        value = element.get(name)
        if value is None:
            continue
        if not isinstance(value, kind):
            raise wrong_type(name)
        other[name] = value
    return other


def _kind(entry: Element, name: str, kinds: tuple[str, ...]) -> str:
    kind = text_of(entry, name)
    if kind not in kinds:
        raise unreadable(f"Error converting value {kind!r} to type '{name}'.")
    return kind
