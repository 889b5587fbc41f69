"""Xero's contacts as domain values, and domain values as Xero's. Pure.

name ↔ Name · billing email ↔ EmailAddress · primary phone ↔ the DEFAULT of Phones · billing address ↔ the POBOX of
Addresses. Every other member of a contact is left alone: it is never sent, so Xero keeps it. What an answer left out
is UNSET here, and says nothing about the value; null, "" and spaces all mean blank, which is None.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from msgspec import UNSET, UnsetType

from domain.fields.phones import PhoneParts, join_phone, phone_key, split_phone
from domain.fields.values import Blankable, PostalAddress, SeenContact, clean
from domain.fields.xero_limits import (
    ADDRESS_LINES,
    Unfit,
    unfit_address,
    unfit_email,
    unfit_name,
    unfit_phone,
)
from domain.mirror.unreadable import Indigestible
from domain.mirror.xero_contacts import Details
from domain.tables import XeroContactStatus
from xero.client import Page
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


def indigestible(page: Page[Contact]) -> list[Indigestible]:
    return [Indigestible(bad.id, bad.reason) for bad in page.unreadable]


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
    values: PracticeValues,
    *,
    region: str | None,
    last_phone: PhoneParts | None = None,
    last_address: PostalAddress | None = None,
) -> XeroMembers | list[Unfit]:
    """What to write for these values, or everything in them that Xero would refuse.

    A phone or address is sent whole, all its parts set, because Xero does not promise what becomes of a part left
    out. A phone that is the same number as the last read keeps that read's spelling. `region`: the organisation's
    country. `last_address`: that of the last read, whose parts Xero is not thought to refuse.
    """
    phone = UNSET if values.primary_phone is UNSET else _phone(values.primary_phone, region, last_phone)
    address = UNSET if values.billing_address is UNSET else _address(values.billing_address)
    unfit = [
        *([] if isinstance(values.name, UnsetType) else unfit_name(values.name)),
        *([] if isinstance(values.billing_email, UnsetType) else unfit_email(values.billing_email)),
        *([] if isinstance(phone, UnsetType) else unfit_phone(phone)),
        *(
            []
            if isinstance(values.billing_address, UnsetType)
            else unfit_address(values.billing_address, last_address)
        ),
    ]
    if unfit:
        return unfit
    return XeroMembers(
        name=_sent(values.name),
        email_address=_sent(values.billing_email),
        phones=UNSET if isinstance(phone, UnsetType) else [_xero_phone(phone)],
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


def _phone(text: str | None, region: str | None, last: PhoneParts | None) -> PhoneParts:
    keep = last is not None and text is not None and same_phone(join_phone(last), text, region)
    return last if keep and last else split_phone(text, region)


def _xero_phone(parts: PhoneParts) -> Phone:
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
