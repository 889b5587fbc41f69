"""Lists of elements from an answer of Xero's. An element that cannot be read does not spoil the others.

The whole answer is decoded at once, which is fast. Only if that fails is each element read alone: unreadable elements
come back as Unreadable, the others as usual.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from xero import messages
from xero.invoices import Invoice, WrittenInvoice
from xero.payloads import (
    Account,
    Contact,
    Organisation,
    Pagination,
    Payload,
    TaxRate,
    WrittenContact,
    XeroTime,
    decode_hook,
)

T = TypeVar("T", bound=Payload)


@dataclass(frozen=True)
class Unreadable:
    """An unreadable element. `id` is set if the element shows one. `reason` names the member and the types, never a value."""

    id: UUID | None
    reason: str


@dataclass(frozen=True)
class Listing(Generic[T]):
    """`server_time` is Xero's own clock (DateTimeUTC). Cursors come from it, not from our clock."""

    items: list[T]
    unreadable: list[Unreadable]
    pagination: Pagination | None
    server_time: datetime | None


class Resource(Generic[T]):
    """A list by its name in Xero's envelope, with elements of one type."""

    def __init__(self, name: str, kind: type[T], id_name: str = "") -> None:
        self._name, self._kind, self._id_name = name, kind, id_name
        envelope = msgspec.defstruct(
            f"{kind.__name__}Envelope",
            [
                ("items", list[kind], msgspec.field(name=name)),  # type: ignore[valid-type]  # known at run time
                ("pagination", Pagination | None, None),
                ("date_time", XeroTime | UnsetType | None, msgspec.field(default=UNSET, name="DateTimeUTC")),
            ],
            gc=False,
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(envelope, dec_hook=decode_hook)

    def read(self, content: bytes) -> Listing[T]:
        """Read the list of an answer. Raise ValueError for an answer that is no envelope or that lacks the list. A missing
        list is not an empty list."""
        try:
            found = self._decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._read_one_by_one(content)
        return Listing(found.items, [], found.pagination, found.date_time or None)

    def _read_one_by_one(self, content: bytes) -> Listing[T]:
        envelope = _tolerant_json(content)
        elements = envelope.get(self._name) if isinstance(envelope, dict) else None
        if not isinstance(elements, list):
            raise ValueError("no such list in the answer")  # noqa: TRY004 - the caller sees one kind of fault
        items: list[T] = []
        unreadable: list[Unreadable] = []
        for element in elements:
            try:
                items.append(self._convert(element))
            except ValueError as error:
                unreadable.append(Unreadable(self._find_id(element), _reason(error)))
        return Listing(
            items, unreadable, _lenient(envelope.get("pagination"), Pagination), _server_time(envelope)
        )

    def _convert(self, element: object) -> T:
        json.dumps(element, ensure_ascii=False, default=str).encode()  # UnicodeEncodeError, a ValueError
        return msgspec.convert(element, self._kind, dec_hook=decode_hook)

    def _find_id(self, element: object) -> UUID | None:
        return _lenient(element.get(self._id_name), UUID) if isinstance(element, dict) else None


W = TypeVar("W", bound=WrittenContact | WrittenInvoice)


class WrittenResource(Resource[W]):
    """The answer to a write: each element with the errors and warnings of all its levels."""

    def read(self, content: bytes) -> Listing[W]:
        return self._read_one_by_one(content)

    def _convert(self, element: object) -> W:
        found = super()._convert(element)
        found.errors, found.warnings = messages.errors_of(element), messages.warnings_of(element)
        return found


def _tolerant_json(content: bytes) -> Any:
    """JSON in which bytes that are no UTF-8 become lone surrogates. `_convert` finds these in their own element."""
    text = content.decode("utf-8-sig", "surrogateescape")
    return json.loads(text, parse_float=Decimal, parse_constant=lambda _: None)


K = TypeVar("K")


def _lenient(value: object, kind: type[K]) -> K | None:
    try:
        return msgspec.convert(value, kind, dec_hook=decode_hook)
    except ValueError:
        return None


def _server_time(envelope: dict[str, object]) -> datetime | None:
    return _lenient(envelope.get("DateTimeUTC"), XeroTime)


def _reason(error: ValueError) -> str:
    return str(error) if isinstance(error, msgspec.ValidationError) else "text that is not Unicode"


CONTACTS = Resource("Contacts", Contact, "ContactID")
WRITTEN_CONTACTS = WrittenResource("Contacts", WrittenContact, "ContactID")
ORGANISATIONS = Resource("Organisations", Organisation, "OrganisationID")
ACCOUNTS = Resource("Accounts", Account, "AccountID")
TAX_RATES = Resource("TaxRates", TaxRate)
INVOICES = Resource("Invoices", Invoice, "InvoiceID")
WRITTEN_INVOICES = WrittenResource("Invoices", WrittenInvoice, "InvoiceID")
