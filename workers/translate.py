"""Xero's contacts as domain values, and domain values as Xero's. Pure.

name ↔ Name · billing email ↔ EmailAddress · primary phone ↔ the DEFAULT of Phones · billing address ↔ the POBOX of
Addresses. Every other member of a contact is left alone: it is never sent, so Xero keeps it. What an answer left out
is UNSET here, and says nothing about the value; null, "" and spaces all mean blank, which is None.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from msgspec import UNSET, UnsetType

from domain.mirror import Details
from domain.phones import PhoneParts, join_phone, phone_key, split_phone
from domain.tables import SyncedField, XeroContactStatus
from domain.values import Blankable, PostalAddress, SeenContact, clean
from xero.payloads import (
    NOT_SAVED,
    Address,
    Contact,
    ContactUpdate,
    Organisation,
    Phone,
    Text,
    WrittenContact,
)
from xero.timezones import iana

DEFAULT_PHONE = "DEFAULT"
BILLING_ADDRESS = "POBOX"
ADDRESS_LINES = 4


class UnfitReason(StrEnum):
    REQUIRED = "REQUIRED"
    TOO_LONG = "TOO_LONG"
    INVALID = "INVALID"


@dataclass(frozen=True)
class Unfit:
    """A value that Xero would refuse. `part` is Xero's name for what is at fault, `limit` its length there (or,
    for the lines of an address, how many)."""

    field: SyncedField
    reason: UnfitReason
    part: str
    limit: int | None = None


@dataclass(frozen=True)
class PracticeValues:
    """What the practice wants Xero to have; UNSET is not sent, None clears."""

    name: Blankable = UNSET
    billing_email: Blankable = UNSET
    primary_phone: Blankable = UNSET
    billing_address: PostalAddress | UnsetType | None = UNSET


@dataclass(frozen=True)
class XeroMembers:
    """The members of a write, as ContactUpdate and NewContact name them, for `**`."""

    name: str | UnsetType = UNSET
    email_address: str | UnsetType = UNSET
    phones: list[Phone] | UnsetType = UNSET
    addresses: list[Address] | UnsetType = UNSET


def seen_contact(contact: Contact | WrittenContact, seen_at: datetime) -> SeenContact:
    """Of an element of a write: only one that was saved. A status unknown to us counts as ARCHIVED: nothing is matched with, or sent to, what is not surely active."""
    return SeenContact(
        xero_contact_id=contact.contact_id or NOT_SAVED,
        name=_said(contact.name),
        first_name=_said(contact.first_name),
        last_name=_said(contact.last_name),
        email=_said(contact.email_address),
        phone=_default_phone(contact),
        billing_address=_billing_address(contact),
        contact_number=_said(contact.contact_number),
        is_customer=UNSET if contact.is_customer is UNSET else bool(contact.is_customer),
        is_supplier=UNSET if contact.is_supplier is UNSET else bool(contact.is_supplier),
        status=_status(contact.contact_status),
        merged_to=None if contact.merged_to_contact_id == NOT_SAVED else contact.merged_to_contact_id,
        updated_at=contact.updated_date_utc or UNSET,
        seen_at=seen_at,
    )


def organisation_details(organisation: Organisation) -> Details:
    """Where Xero names a time zone that we do not know, UTC stands in."""
    zone, _ = iana(_said(organisation.timezone) or "")
    return Details(
        name=organisation.name,
        base_currency=organisation.base_currency,
        country_code=_said(organisation.country_code) or None,
        timezone=zone,
        short_code=_said(organisation.short_code) or None,
    )


def practice_phone(parts: PhoneParts | None) -> str | None:
    """A mirrored phone as the practice's one text."""
    return join_phone(parts) if parts else None


def xero_members(
    values: PracticeValues, *, region: str | None, last_phone: PhoneParts | None = None
) -> XeroMembers | list[Unfit]:
    """What to write for these values, or everything in them that Xero would refuse.

    A phone or address is sent whole, all its parts set, because Xero does not promise what becomes of a part left
    out. A phone that is the same number as the last read keeps that read's spelling. `region`: the organisation's
    country.
    """
    phone = UNSET if values.primary_phone is UNSET else _phone(values.primary_phone, region, last_phone)
    address = UNSET if values.billing_address is UNSET else _address(values.billing_address)
    unfit = [*_unfit_name(values.name), *_unfit_email(values.billing_email)]
    unfit += _too_long(SyncedField.PRIMARY_PHONE, phone, _PHONE_LIMITS)
    unfit += _too_long(SyncedField.BILLING_ADDRESS, address, _ADDRESS_LIMITS)
    if values.billing_address and len(values.billing_address.lines) > ADDRESS_LINES:
        unfit.append(Unfit(SyncedField.BILLING_ADDRESS, UnfitReason.TOO_LONG, "AddressLines", ADDRESS_LINES))
    if unfit:
        return unfit
    return XeroMembers(
        name=_sent(values.name),
        email_address=_sent(values.billing_email),
        phones=UNSET if isinstance(phone, UnsetType) else [phone],
        addresses=UNSET if isinstance(address, UnsetType) else [address],
    )


def contact_update(contact_id: UUID, members: XeroMembers) -> ContactUpdate:
    return ContactUpdate(
        contact_id=contact_id,
        name=members.name,
        email_address=members.email_address,
        phones=members.phones,
        addresses=members.addresses,
    )


def same_phone(one: str | None, other: str | None, region: str | None) -> bool:
    return phone_key(one, region) == phone_key(other, region)


def _said(value: Text) -> Blankable:
    return UNSET if isinstance(value, UnsetType) else clean(value)


_STATUSES: dict[str, XeroContactStatus | UnsetType] = {
    "": UNSET,
    "ACTIVE": XeroContactStatus.ACTIVE,
    "ARCHIVED": XeroContactStatus.ARCHIVED,
    "GDPRREQUEST": XeroContactStatus.GDPR_REQUEST,
}


def _status(value: Text) -> XeroContactStatus | UnsetType:
    text = value.strip().upper() if isinstance(value, str) else ""
    return _STATUSES.get(text, XeroContactStatus.ARCHIVED)


def _default_phone(contact: Contact | WrittenContact) -> PhoneParts | UnsetType | None:
    if isinstance(contact.phones, UnsetType):
        return UNSET
    for phone in contact.phones or ():
        if phone.phone_type.upper() == DEFAULT_PHONE:
            given = (phone.phone_country_code, phone.phone_area_code, phone.phone_number)
            parts = PhoneParts(*(clean(part) or "" for part in given))
            return parts if join_phone(parts) else None
    return UNSET


def _billing_address(contact: Contact | WrittenContact) -> PostalAddress | UnsetType | None:
    if isinstance(contact.addresses, UnsetType):
        return UNSET
    for address in contact.addresses or ():
        if address.address_type.upper() == BILLING_ADDRESS:
            return _postal_address(address)
    return UNSET


def _postal_address(given: Address) -> PostalAddress | None:
    lines = map(clean, (given.address_line1, given.address_line2, given.address_line3, given.address_line4))
    address = PostalAddress(
        tuple(line for line in lines if line),
        clean(given.city),
        clean(given.region),
        clean(given.postal_code),
        clean(given.country),
        clean(given.attention_to),
    )
    return None if address == PostalAddress() else address


def _phone(text: str | None, region: str | None, last: PhoneParts | None) -> Phone:
    keep = last is not None and text is not None and same_phone(join_phone(last), text, region)
    parts = last if keep and last else split_phone(text, region)
    return Phone(
        phone_type=DEFAULT_PHONE,
        phone_number=parts.number,
        phone_area_code=parts.area,
        phone_country_code=parts.country,
    )


def _address(value: PostalAddress | None) -> Address:
    given = value or PostalAddress()
    line1, line2, line3, line4 = (*given.lines, "", "", "", "")[:ADDRESS_LINES]
    return Address(
        address_type=BILLING_ADDRESS,
        address_line1=line1,
        address_line2=line2,
        address_line3=line3,
        address_line4=line4,
        city=given.city or "",
        region=given.region or "",
        postal_code=given.postal_code or "",
        country=given.country or "",
        attention_to=given.attention_to or "",
    )


def _sent(value: Blankable) -> str | UnsetType:
    """Xero refuses a name with doubled spaces; an e-mail has none."""
    return UNSET if isinstance(value, UnsetType) else " ".join((value or "").split())


_NAME_LIMIT = 255
_EMAIL_LIMIT = 255
_PHONE_LIMITS = {"phone_number": 50, "phone_area_code": 10, "phone_country_code": 20}
_ADDRESS_LIMITS = {
    **{f"address_line{n}": 500 for n in range(1, ADDRESS_LINES + 1)},
    "city": 255,
    "region": 255,
    "postal_code": 50,
    "country": 50,
    "attention_to": 255,
}
_NOT_IN_A_NAME = re.compile(r"[<>\x00-\x08\x0e-\x1f\x7f]")


def _unfit_name(value: Blankable) -> list[Unfit]:
    if isinstance(value, UnsetType):
        return []
    name = " ".join((value or "").split())
    if not name:
        return [Unfit(SyncedField.NAME, UnfitReason.REQUIRED, "Name")]
    if _length(name) > _NAME_LIMIT:
        return [Unfit(SyncedField.NAME, UnfitReason.TOO_LONG, "Name", _NAME_LIMIT)]
    return [Unfit(SyncedField.NAME, UnfitReason.INVALID, "Name")] if _NOT_IN_A_NAME.search(name) else []


def _unfit_email(value: Blankable) -> list[Unfit]:
    if isinstance(value, UnsetType) or not (value or "").strip():
        return []
    email = (value or "").strip()
    if _length(email) > _EMAIL_LIMIT:
        return [Unfit(SyncedField.BILLING_EMAIL, UnfitReason.TOO_LONG, "EmailAddress", _EMAIL_LIMIT)]
    invalid = Unfit(SyncedField.BILLING_EMAIL, UnfitReason.INVALID, "EmailAddress")
    try:
        checked = validate_email(
            email, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False
        )
    except EmailNotValidError:
        return [invalid]
    # Xero takes no umlauts, in the domain neither.
    return [] if email.isascii() and "." in checked.domain else [invalid]


def _too_long(
    field: SyncedField, entry: Phone | Address | UnsetType, limits: Mapping[str, int]
) -> list[Unfit]:
    if isinstance(entry, UnsetType):
        return []
    names = dict(zip(entry.__struct_fields__, entry.__struct_encode_fields__, strict=True))
    return [
        Unfit(field, UnfitReason.TOO_LONG, names[part], limit)
        for part, limit in limits.items()
        if _length(getattr(entry, part) or "") > limit
    ]


def _length(text: str) -> int:
    """In UTF-16 units, as Xero's own platform counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
