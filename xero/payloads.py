"""Xero's payloads as types: the members that Tandem reads, and those that it writes.

Unknown members are ignored, and what Xero calls an enum stays text, because both grow several times a year.
A member that was absent is UNSET, which is neither null nor "": absent says nothing, the others say blank.
Amounts are Decimal, never float. Times come as `/Date(milliseconds+hhmm)/`, where the offset does not move the
instant, or as ISO 8601 without a zone, which is UTC. Sources: Xero's OpenAPI 16.1.0, and recorded
answers where they differ.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from xero import messages
from xero.messages import Said

Text = str | UnsetType | None
Flag = bool | UnsetType | None
Amount = Decimal | UnsetType | None

NOT_SAVED = UUID(int=0)  # the ContactID of a new contact that Xero has refused, as of no contact at all
MAX_BODY = 3_500_000  # bytes; Xero's ceiling for one request


class XeroTime(datetime):
    """A datetime in UTC. The class exists so that msgspec gives Xero's forms to `decode_hook`."""


_EPOCH = XeroTime(1970, 1, 1, tzinfo=UTC)
_MS_DATE = re.compile(r"/Date\((-?\d{1,18})(?:[+-]\d{4})?\)/", re.ASCII)


def parse_time(text: str) -> XeroTime:
    """Parse one of Xero's two forms of time. Raises ValueError, without quoting the text, for any other."""
    found = _MS_DATE.fullmatch(text)
    try:
        if found:
            return _EPOCH + timedelta(milliseconds=int(found[1]))
        time = XeroTime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a time as Xero writes it") from None


def decode_hook(kind: type, value: Any) -> Any:
    if kind is XeroTime and isinstance(value, str):
        return parse_time(value)
    raise ValueError("not a time as Xero writes it")


_CAPITALS = {"id": "ID", "utc": "UTC"}


def _xero_name(name: str) -> str:
    """Xero's name of a member: contact_id → ContactID, updated_date_utc → UpdatedDateUTC."""
    return "".join(_CAPITALS.get(part, part.capitalize()) for part in name.split("_"))


class Payload(msgspec.Struct, gc=False, rename=_xero_name, kw_only=True):
    """A JSON object of the Accounting API."""


class Phone(Payload, kw_only=True):
    """`phone_type`: DEFAULT is the main one; DDI, MOBILE, FAX. Xero answers four entries, empty where unset."""

    phone_type: str
    phone_number: Text = UNSET
    phone_area_code: Text = UNSET
    phone_country_code: Text = UNSET


class Address(Payload, kw_only=True):
    """`address_type`: POBOX is the mailing address for invoices, STREET the physical one."""

    address_type: str
    address_line1: Text = UNSET
    address_line2: Text = UNSET
    address_line3: Text = UNSET
    address_line4: Text = UNSET
    city: Text = UNSET
    region: Text = UNSET
    postal_code: Text = UNSET
    country: Text = UNSET
    attention_to: Text = UNSET


class ContactFields(Payload, kw_only=True):
    name: Text = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    email_address: Text = UNSET
    contact_number: Text = UNSET
    account_number: Text = UNSET
    company_number: Text = UNSET
    tax_number: Text = UNSET
    tax_number_type: Text = UNSET
    contact_status: Text = UNSET
    phones: list[Phone] | UnsetType | None = UNSET
    addresses: list[Address] | UnsetType | None = UNSET
    is_customer: Flag = UNSET
    is_supplier: Flag = UNSET
    merged_to_contact_id: UUID | UnsetType | None = UNSET
    updated_date_utc: XeroTime | UnsetType | None = UNSET


class Contact(ContactFields, kw_only=True):
    contact_id: UUID


def is_saved(element_id: UUID | UnsetType | None, flag: Flag, errors: tuple[Said, ...], status: Text) -> bool:
    """Whether an element was saved. Any sign of an error on any level means no, and so does a missing id."""
    refused = flag is True or bool(errors) or status == "ERROR"
    return not refused and element_id not in (None, UNSET, NOT_SAVED)


class WrittenContact(ContactFields, kw_only=True):
    """Xero's answer to one element of a write, read with `summarizeErrors=false`. `errors` and `warnings` are those of
    all levels: `listing.WrittenResource` fills them in, as they are no members of Xero's."""

    contact_id: UUID | UnsetType | None = UNSET
    has_validation_errors: Flag = UNSET
    status_attribute_string: Text = UNSET
    errors: tuple[Said, ...] = msgspec.field(default=(), name="(errors)")
    warnings: tuple[Said, ...] = msgspec.field(default=(), name="(warnings)")

    @property
    def saved(self) -> bool:
        return is_saved(
            self.contact_id, self.has_validation_errors, self.errors, self.status_attribute_string
        )

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(one.shown for one in self.errors)


class Organisation(Payload, kw_only=True):
    """`timezone` is a squeezed Windows name, see `xero.timezones`. A lock date that is not set is absent."""

    name: str
    base_currency: str
    organisation_id: UUID | UnsetType = UNSET
    country_code: Text = UNSET
    timezone: Text = UNSET
    short_code: Text = UNSET
    period_lock_date: XeroTime | UnsetType | None = UNSET
    end_of_year_lock_date: XeroTime | UnsetType | None = UNSET


class Account(Payload, kw_only=True):
    """An account. A bank account may have no code. `system_account` names an account that Xero itself posts to."""

    account_id: UUID
    name: Text = UNSET
    code: Text = UNSET
    type: Text = UNSET
    class_: Text = msgspec.field(default=UNSET, name="Class")
    status: Text = UNSET
    tax_type: Text = UNSET
    system_account: Text = UNSET
    updated_date_utc: XeroTime | UnsetType | None = UNSET


class TaxRate(Payload, kw_only=True):
    """`tax_type` is the key (the same one means other rates in other countries); rates are percentages."""

    tax_type: str
    name: Text = UNSET
    status: Text = UNSET
    can_apply_to_revenue: Flag = UNSET
    can_apply_to_expenses: Flag = UNSET
    effective_rate: Amount = UNSET
    display_tax_rate: Amount = UNSET


class Pagination(msgspec.Struct, gc=False, rename="camel"):
    page: int
    page_size: int
    page_count: int
    item_count: int


class Fault(Payload, kw_only=True):
    """The body of an error, in either of Xero's two shapes (Accounting API, or the gateway before it)."""

    error_number: int | UnsetType | None = UNSET
    message: Text = UNSET
    detail: Text = UNSET
    title: Text = UNSET
    status: int | str | UnsetType | None = UNSET
    elements: list[msgspec.Raw] | UnsetType | None = UNSET

    @property
    def said(self) -> tuple[Said, ...]:
        """Xero's errors about each element, on all its levels; if there are none, about the request as a whole."""
        found = [one for raw in self.elements or () for one in messages.errors_of(messages.read(raw))]
        text = self.detail or self.message or self.title
        return tuple(found) or ((Said(text),) if text else ())


class Connection(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """A tenant that a Xero user has connected to this app. `id` is the connection's. `tenant_name` may be null."""

    id: UUID
    tenant_id: UUID
    tenant_type: str
    auth_event_id: UUID | None = None
    tenant_name: str | None = None
    updated_date_utc: XeroTime | None = None


class TokenAnswer(msgspec.Struct, gc=False, kw_only=True):
    """`expires_in` is in seconds. Its repr hides the tokens from logs and tracebacks."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str = ""

    def __repr__(self) -> str:
        return f"TokenAnswer(expires_in={self.expires_in}, scope={self.scope!r})"


class ClientTokenAnswer(msgspec.Struct, gc=False, kw_only=True):
    """The token of a custom connection. No refresh token comes with it: the app's own credentials give the next one."""

    access_token: str
    expires_in: int

    def __repr__(self) -> str:
        return f"ClientTokenAnswer(expires_in={self.expires_in})"


class Claims(msgspec.Struct, gc=False, kw_only=True):
    """The claims of an access token: its user, and the consent that it came from."""

    xero_userid: UUID
    authentication_event_id: UUID | None = None


class NewContact(Payload, kw_only=True):
    """A contact to create. `contact_number` marks the contact as ours, so that a lost answer can be looked up."""

    name: str
    contact_number: str
    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    email_address: str | UnsetType = UNSET
    phones: list[Phone] | UnsetType = UNSET
    addresses: list[Address] | UnsetType = UNSET


class ContactUpdate(Payload, kw_only=True):
    """Changes of one contact. A member that is left out stays as it is in Xero.

    "" clears a text. A phone or address of a type is replaced as a whole. ContactNumber is missing on purpose: it is never
    overwritten.
    """

    contact_id: UUID
    name: str | UnsetType = UNSET
    email_address: str | UnsetType = UNSET
    contact_status: str | UnsetType = UNSET
    phones: list[Phone] | UnsetType = UNSET
    addresses: list[Address] | UnsetType = UNSET


class _NewContacts(Payload, kw_only=True, forbid_unknown_fields=True):
    contacts: list[NewContact]


class _ContactUpdates(Payload, kw_only=True, forbid_unknown_fields=True):
    contacts: list[ContactUpdate]


def checked_size(content: bytes, count: int) -> None:
    if not count:
        raise ValueError("a write of nothing")
    if len(content) > MAX_BODY:
        raise ValueError(f"a write of {len(content)} bytes; Xero takes {MAX_BODY}")


@dataclass(frozen=True, repr=False)
class Creations:
    """The exact bytes of a PUT. Refuses a contact without a name or a number."""

    content: bytes

    def __post_init__(self) -> None:
        contacts = msgspec.json.decode(self.content, type=_NewContacts).contacts
        checked_size(self.content, len(contacts))
        if not all(contact.name.strip() and contact.contact_number.strip() for contact in contacts):
            raise ValueError("a new contact needs a name and a number")

    @classmethod
    def of(cls, contacts: Iterable[NewContact]) -> Self:
        return cls(msgspec.json.encode(_NewContacts(contacts=list(contacts))))


@dataclass(frozen=True, repr=False)
class Updates:
    """The exact bytes of a POST, in which every element has a ContactID.

    Without ContactID, Xero would fall back to the number and then to the name, and overwrite a namesake. The class refuses
    such bytes, so they cannot be sent.
    """

    content: bytes

    def __post_init__(self) -> None:
        contacts = msgspec.json.decode(self.content, type=_ContactUpdates).contacts
        checked_size(self.content, len(contacts))
        if any(contact.contact_id == NOT_SAVED for contact in contacts):
            raise ValueError("an update needs the ContactID of a contact that exists")

    @classmethod
    def of(cls, contacts: Iterable[ContactUpdate]) -> Self:
        return cls(msgspec.json.encode(_ContactUpdates(contacts=list(contacts))))
