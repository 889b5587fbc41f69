"""Xero's messages about an element of a write: each message with its place in the answer.

Xero puts ValidationErrors and Warnings on the element and on every part of it: the contact of an invoice, its lines, and
the addresses, phones and persons of a contact. `errors_of` and `warnings_of` read all levels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

Place = tuple[str | int, ...]
_PARTS = {
    "LineItems": "line", "Addresses": "address", "Phones": "phone", "ContactPersons": "contact person",
    "Payments": "payment", "CreditNotes": "credit note", "BatchPayments": "batch payments",
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """One message. `place` is the path in the element by Xero's names, as ('LineItems', 0); empty for the element itself. `kind`: of a
    phone or an address, Xero's word for its type."""

    text: str
    place: Place = ()
    kind: str = field(default="", compare=False)

    @property
    def shown(self) -> str:
        """The message with its place in front, as 'Line 1: Account must be valid.'"""
        where = _shown_place(self.place)
        return f"{where}: {self.text}" if where else self.text


def errors_of(element: object) -> tuple[Said, ...]:
    """The element's own errors first. A message that Xero repeats above its part is given once, with the part's place."""
    return _gathered(element, "ValidationErrors")


def warnings_of(element: object) -> tuple[Said, ...]:
    """Read Xero's warnings about a write that it accepted, as `errors_of` reads errors."""
    return _gathered(element, "Warnings")


def read(raw: msgspec.Raw | bytes) -> object:
    """A JSON value without types; None if the text cannot be read."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _gathered(element: object, kind: str) -> tuple[Said, ...]:
    found = list(dict.fromkeys(_walk(element, kind, ())))
    alone = [
        one
        for one in found
        if not any(one.text == other.text and _is_inside(other.place, one.place) for other in found)
    ]
    return tuple(sorted(alone, key=lambda one: len(one.place) > 0))


def _walk(value: object, kind: str, place: Place) -> Iterator[Said]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name == kind:
                yield from (Said(text, place, _kind_of(value)) for text in _texts(part))
            elif name not in ("ValidationErrors", "Warnings"):
                yield from _walk(part, kind, (*place, str(name)))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _walk(part, kind, (*place, index))


def _kind_of(element: Mapping[object, object]) -> str:
    kind = element.get("PhoneType", element.get("AddressType"))
    return kind if isinstance(kind, str) else ""


def _texts(messages: object) -> Iterator[str]:
    if isinstance(messages, Mapping):
        messages = [messages]
    for one in messages if isinstance(messages, list) else []:
        text = one.get("Message") if isinstance(one, Mapping) else one
        if isinstance(text, str) and text.strip():
            yield text.strip()


def _is_inside(place: Place, above: Place) -> bool:
    return len(place) > len(above) and place[: len(above)] == above


def _shown_place(place: Place) -> str:
    parts: list[str] = []
    for step in place:
        if isinstance(step, str):
            parts.append(_PARTS.get(step, step))
        elif parts:
            parts[-1] = f"{parts[-1]} {step + 1}"
    shown = ", ".join(parts)
    return shown[:1].upper() + shown[1:]


def shown(messages: Sequence[Said]) -> str:
    """One text of all messages, for people."""
    return " ".join(one.shown for one in messages)
