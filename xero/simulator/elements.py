"""Read the elements of a write's body. A body that cannot be read is refused as a whole (ErrorNumber 14).

JSON null counts as left out. Numbers with a point are read as Decimal, never as float.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from xero.simulator.wire import Refusal, no_data, unreadable

Element = dict[str, Any]


class PartError(NamedTuple):
    """An error of one part of an element, such as a phone, an address or an invoice's contact. Xero shows the
    error on that part. `key` is the part's type (DEFAULT, POBOX), or its index if parts have no type."""

    part: str
    key: str | int
    message: str


_MS_DATE = re.compile(r"/Date\((-?\d{1,15})\)/", re.ASCII)
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def parse_elements(body: bytes, name: str) -> list[Element]:
    """The elements in a body: `{"Contacts": […]}` (by `name`), a bare list or a bare element."""
    if not body.strip():
        raise no_data()
    try:
        content = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable("JSON for post data was invalid") from error
    if isinstance(content, dict):
        content = content.get(name, [content] if content else [])
    if not isinstance(content, list):
        raise unreadable(f"{name} must be an array")
    if not content:
        raise no_data()
    if not all(isinstance(element, dict) for element in content):
        raise unreadable(f"Each of {name} must be an object")
    return content


def entries_of(element: Element, name: str) -> list[Element]:
    entries = element.get(name)
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise wrong_type(name)
    return entries


def object_of(element: Element, name: str) -> Element | None:
    value = element.get(name)
    if value is not None and not isinstance(value, dict):
        raise wrong_type(name)
    return value


def text_of(element: Element, name: str) -> str | None:
    """Read a text member. As in Xero, a number is read as text."""
    value: object = element.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise wrong_type(name)


def id_of(element: Element, name: str) -> str | None:
    text = text_of(element, name)
    if not text:
        return None
    try:
        return str(UUID(text))
    except ValueError as error:
        raise unreadable(f"Error converting value {text!r} to type 'System.Guid'.") from error


def choice_of(element: Element, name: str, choices: tuple[str, ...]) -> str | None:
    """Upper and lower case do not count."""
    text = text_of(element, name)
    if not text:
        return None
    for choice in choices:
        if choice.upper() == text.upper():
            return choice
    raise unreadable(f"Error converting value {text!r} to type '{name}'.")


def amount_of(element: Element, name: str) -> Decimal | None:
    """A number, or a text that holds a number."""
    text = text_of(element, name)
    if text is None or text == "":
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise wrong_type(name) from error
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 18:
        raise wrong_type(name)
    return amount


def flag_of(element: Element, name: str) -> bool | None:
    value = element.get(name)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise wrong_type(name)


def date_of(element: Element, name: str) -> date | None:
    """2026-11-02, 2026-11-02T00:00:00, or /Date(milliseconds)/ as Xero's SDKs send it. As in Xero, a blank in
    place of the T is refused, and so is the form with an offset that Xero itself answers."""
    text = text_of(element, name)
    if not text:
        return None
    try:
        if found := _MS_DATE.fullmatch(text):
            return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1]))).date()
        if len(text) > 10 and text[10] == "T":
            return datetime.fromisoformat(text).date()
        return date.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise unreadable(f"Error converting value {text!r} to type '{name}'.") from error


def wrong_type(name: str) -> Refusal:
    return unreadable(f"The value of {name} could not be read.")


def check_length(name: str, text: str, limit: int, errors: list[str]) -> None:
    if len(text) > limit:
        errors.append(f"The {name} field must not exceed {limit} characters.")


_KEYS = {"Phones": "PhoneType", "Addresses": "AddressType"}
_USUAL: dict[str, str] = {"Phones": "DEFAULT", "Addresses": "POBOX"}


def with_part_errors(shown: Element, errors: list[PartError]) -> Element:
    """The element with each error on its part. If the element does not show the part, the part is added."""
    shown = dict(shown)
    for part in dict.fromkeys(error.part for error in errors):
        own = [error for error in errors if error.part == part]
        if part == "Contact":
            said = [{"Message": error.message} for error in own]
            shown[part] = {**(shown.get(part) or {}), "HasValidationErrors": True, "ValidationErrors": said}
        else:
            shown[part] = _blamed(part, [dict(entry) for entry in shown.get(part) or []], own)
    return shown


def _blamed(part: str, entries: list[Element], errors: list[PartError]) -> list[Element]:
    name = _KEYS.get(part)
    for error in errors:
        found = [entry for at, entry in enumerate(entries) if error.key in (at, entry.get(name or ""))]
        if not found:
            found = [{name: error.key if isinstance(error.key, str) else _USUAL[part]} if name else {}]
            entries += found
        found[0]["ValidationErrors"] = [*found[0].get("ValidationErrors", []), {"Message": error.message}]
    return entries
