"""Reads the elements of a contact write: the types that Xero can read at all, and the rules on their values.

What cannot be read refuses the whole body (ErrorNumber 14); a value that breaks a rule refuses its element.
JSON null counts as left out.
"""

import re
from typing import Any
from uuid import UUID

import msgspec

from xero.simulator.contacts import (
    ACTIVE,
    ADDRESS_TYPES,
    ARCHIVED,
    GDPRREQUEST,
    PHONE_TYPES,
    Address,
    Person,
    Phone,
)
from xero.simulator.wire import Refusal, no_data, unreadable

Element = dict[str, Any]

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
    "AccountsReceivableTaxType": str,
    "AccountsPayableTaxType": str,
    "SalesDefaultAccountCode": str,
    "PurchasesDefaultAccountCode": str,
    "SalesDefaultLineAmountType": str,
    "PurchasesDefaultLineAmountType": str,
    "PaymentTerms": dict,
}
_ADDRESS_LIMITS = {"City": 255, "Region": 255, "PostalCode": 50, "Country": 50, "AttentionTo": 255}
_ADDRESS_LINES = tuple(f"AddressLine{index}" for index in range(1, 5))
_PHONE_LIMITS = {"PhoneNumber": 50, "PhoneAreaCode": 10, "PhoneCountryCode": 20}
_MOST_PERSONS = 5
# One @, a dotted domain, ASCII only: Xero says umlauts are not supported.
_EMAIL = re.compile(r"[!-?A-~]+@[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+")
_COUNTRY = re.compile(r"[A-Za-z ]*")


class ContactInput(msgspec.Struct):
    """What one element asks for. `fields` are those sent, by attribute of Contact; `errors` its broken rules."""

    echo: Element
    contact_id: str | None
    status: str | None
    fields: dict[str, Any]
    phones: dict[str, Phone]
    addresses: dict[str, Address]
    other: dict[str, Any]
    errors: list[str]


def parse_elements(body: bytes) -> list[Element]:
    """The contacts in a body: `{"Contacts": […]}`, a bare list or a bare contact."""
    if not body.strip():
        raise no_data()
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable("JSON for post data was invalid") from error
    if isinstance(content, dict):
        content = content.get("Contacts", [content] if content else [])
    if not isinstance(content, list):
        raise unreadable("Contacts must be an array")
    if not content:
        raise no_data()
    if not all(isinstance(element, dict) for element in content):
        raise unreadable("Each contact must be an object")
    return content


def parse_contact(element: Element) -> ContactInput:
    errors: list[str] = []
    fields: dict[str, Any] = {}
    for name, (attribute, limit) in TEXT_FIELDS.items():
        text = _text(element, name)
        if text is not None:
            fields[attribute] = text
            _check_length(name, text, limit, errors)
    _check_values(fields, errors)
    persons = _parse_persons(element, errors)
    if persons:
        # An empty list does not clear the persons; any other replaces them as a whole.
        fields["persons"] = persons
    return ContactInput(
        echo=element,
        contact_id=_parse_id(element),
        status=_parse_status(element),
        fields=fields,
        phones=_parse_phones(element, errors),
        addresses=_parse_addresses(element, errors),
        other=_parse_other(element),
        errors=errors,
    )


def _check_values(fields: dict[str, Any], errors: list[str]) -> None:
    name = fields.get("name")
    if name:
        if "<" in name or ">" in name:
            errors.append("The contact name cannot contain the characters < or >.")
        if name != name.strip() or "  " in name:
            errors.append("The contact name cannot have leading, trailing or consecutive spaces.")
    email = fields.get("email")
    if email and not _EMAIL.fullmatch(email):
        errors.append("Email address must be valid.")


def _parse_id(element: Element) -> str | None:
    text = _text(element, "ContactID")
    if not text:
        return None
    try:
        return str(UUID(text))
    except ValueError as error:
        raise unreadable(f"Error converting value {text!r} to type 'System.Guid'.") from error


def _parse_status(element: Element) -> str | None:
    text = _text(element, "ContactStatus")
    if not text:
        return None
    if text not in (ACTIVE, ARCHIVED, GDPRREQUEST):
        raise unreadable(f"Error converting value {text!r} to type 'ContactStatus'.")
    return text


def _parse_phones(element: Element, errors: list[str]) -> dict[str, Phone]:
    """A sent entry replaces the whole entry of its type (whether parts survive is not known: assume not)."""
    phones = {}
    for entry in _entries(element, "Phones"):
        kind = _kind(entry, "PhoneType", PHONE_TYPES)
        parts = {name: _text(entry, name) or "" for name in _PHONE_LIMITS}
        for name, limit in _PHONE_LIMITS.items():
            _check_length(name, parts[name], limit, errors)
        phones[kind] = Phone(parts["PhoneNumber"], parts["PhoneAreaCode"], parts["PhoneCountryCode"])
    return phones


def _parse_addresses(element: Element, errors: list[str]) -> dict[str, Address]:
    addresses = {}
    for entry in _entries(element, "Addresses"):
        kind = _kind(entry, "AddressType", ADDRESS_TYPES)
        lines = [_text(entry, name) or "" for name in _ADDRESS_LINES]
        for name, line in zip(_ADDRESS_LINES, lines, strict=True):
            _check_length(name, line, 500, errors)
        while lines and not lines[-1]:
            lines.pop()
        parts = {name: _text(entry, name) or "" for name in _ADDRESS_LIMITS}
        for name, limit in _ADDRESS_LIMITS.items():
            _check_length(name, parts[name], limit, errors)
        if not _COUNTRY.fullmatch(parts["Country"]):
            errors.append("The address country may contain the letters A-Z and a-z only.")
        addresses[kind] = Address(
            tuple(lines),
            parts["City"],
            parts["Region"],
            parts["PostalCode"],
            parts["Country"],
            parts["AttentionTo"],
        )
    return addresses


def _parse_persons(element: Element, errors: list[str]) -> tuple[Person, ...]:
    entries = _entries(element, "ContactPersons")
    if len(entries) > _MOST_PERSONS:
        errors.append(f"A contact can have at most {_MOST_PERSONS} contact persons.")
    persons = tuple(
        Person(
            _text(entry, "FirstName") or "",
            _text(entry, "LastName") or "",
            _text(entry, "EmailAddress") or "",
            entry.get("IncludeInEmails") is True,
        )
        for entry in entries
    )
    if any(person.email and not _EMAIL.fullmatch(person.email) for person in persons):
        errors.append("Email address must be valid.")
    return persons


def _parse_other(element: Element) -> dict[str, Any]:
    other: dict[str, Any] = {}
    for name, kind in OTHER_FIELDS.items():
        value = element.get(name)
        if value is None:
            continue
        if not isinstance(value, kind):
            raise _wrong_type(name)
        other[name] = value
    return other


def _entries(element: Element, name: str) -> list[Element]:
    entries = element.get(name)
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _wrong_type(name)
    return entries


def _kind(entry: Element, name: str, kinds: tuple[str, ...]) -> str:
    kind = _text(entry, name)
    if kind not in kinds:
        raise unreadable(f"Error converting value {kind!r} to type '{name}'.")
    return kind


def _text(element: Element, name: str) -> str | None:
    """Numbers are read as text, as Xero's reader does it."""
    value: object = element.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _wrong_type(name)


def _wrong_type(name: str) -> Refusal:
    return unreadable(f"The value of {name} could not be read.")


def _check_length(name: str, text: str, limit: int, errors: list[str]) -> None:
    if len(text) > limit:
        errors.append(f"The {name} field must not exceed {limit} characters.")
