"""Xero's contacts as domain values, and domain values as Xero's. Pure.

`domain.fields.synced` says which member of Xero's contact each synced field is. Every other member is left alone: it is
never sent, so Xero keeps it. A member that an answer left out says nothing about the value; null, "" and spaces all mean
blank, which is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.fields.phones import PhoneParts, join_phone
from domain.fields.synced import SYNCED, Kind, Synced, Values, as_xero
from domain.fields.values import Blankable, PostalAddress, SeenContact, XeroNumbers, XeroValue, clean
from domain.fields.xero_limits import ADDRESS_LINES, XeroViolation, violations
from domain.mirror.unreadable import UnreadableContact
from domain.mirror.xero_contacts import Details
from domain.tables import SyncedField, XeroContactStatus
from xero.client import Page
from xero.payloads import (
    NOT_SAVED,
    Address,
    Contact,
    ContactFields,
    ContactUpdate,
    Organisation,
    Phone,
    Text,
    WrittenContact,
)
from xero.timezones import iana

_ATTRIBUTE = {field.encode_name: field.name for field in msgspec.structs.fields(ContactFields)}


@dataclass(frozen=True)
class XeroMembers:
    """The synced members of a write. `texts`: by their names in ContactUpdate and NewContact."""

    texts: Mapping[str, str]
    phones: list[Phone] | UnsetType = UNSET
    addresses: list[Address] | UnsetType = UNSET


def seen_contact(contact: Contact | WrittenContact, seen_at: datetime) -> SeenContact:
    """The snapshot of a contact that Xero showed. Of the elements of a write, pass only saved ones. A status that Tandem does
    not know counts as ARCHIVED, so that nothing is matched with that contact or sent to it."""
    return SeenContact(
        xero_contact_id=contact.contact_id or NOT_SAVED,
        values={
            field: value
            for field, one in SYNCED.items()
            if not isinstance(value := _seen_value(contact, one), UnsetType)
        },
        first_name=_said(contact.first_name),
        last_name=_said(contact.last_name),
        contact_number=_said(contact.contact_number),
        is_customer=UNSET if contact.is_customer is UNSET else bool(contact.is_customer),
        is_supplier=UNSET if contact.is_supplier is UNSET else bool(contact.is_supplier),
        status=_status(contact.contact_status),
        merged_to=None if contact.merged_to_contact_id == NOT_SAVED else contact.merged_to_contact_id,
        updated_at=contact.updated_date_utc or UNSET,
        seen_at=seen_at,
        numbers=_numbers(contact),
        warnings=tuple(one.shown for one in contact.warnings) if isinstance(contact, WrittenContact) else (),
    )


def unreadable_contacts(page: Page[Contact]) -> list[UnreadableContact]:
    return [UnreadableContact(bad.id, bad.reason) for bad in page.unreadable]


def organisation_details(organisation: Organisation) -> Details:
    """The organisation's details. UTC replaces a time zone that Tandem does not know."""
    zone, _ = iana(_said(organisation.timezone) or "")
    return Details(
        name=organisation.name,
        base_currency=organisation.base_currency,
        country_code=_said(organisation.country_code) or None,
        timezone=zone,
        short_code=_said(organisation.short_code) or None,
    )


def xero_members(
    values: Values, *, region: str | None, held: Mapping[SyncedField, XeroValue]
) -> XeroMembers | list[XeroViolation]:
    """The members to write for these values, or all values that Xero would refuse.

    A phone or address is sent whole, all its parts set, because Xero does not document what happens to an absent
    part. `region`: the organisation's country. `held`: what the last read of Xero showed."""
    found = [
        one for field, value in values.items() for one in violations(field, value, region, held.get(field))
    ]
    if found:
        return found
    sent = {field: as_xero(field, value, region, held.get(field)) for field, value in values.items()}
    texts, phones, addresses = dict[str, str](), list[Phone](), list[Address]()
    for field, value in sent.items():
        one = SYNCED[field]
        if one.kind is Kind.PHONE:
            phones.append(_phone(one.member, value if isinstance(value, PhoneParts) else PhoneParts()))
        elif one.kind is Kind.ADDRESS:
            given = value if isinstance(value, PostalAddress) else PostalAddress()
            addresses.append(_address(one.member, given))
        else:
            texts[_ATTRIBUTE[one.member]] = value if isinstance(value, str) else ""
    return XeroMembers(texts, phones or UNSET, addresses or UNSET)


def contact_update(contact_id: UUID, members: XeroMembers) -> ContactUpdate:
    return ContactUpdate(
        contact_id=contact_id, phones=members.phones, addresses=members.addresses, **members.texts
    )


def _said(value: Text) -> Blankable:
    return UNSET if isinstance(value, UnsetType) else clean(value)


def _numbers(contact: Contact | WrittenContact) -> XeroNumbers:
    """An absent number is a blank one, unlike elsewhere: Xero leaves out the numbers that are not set, and no write of ours
    depends on them."""
    return XeroNumbers(
        clean(contact.company_number),
        clean(contact.tax_number),
        clean(contact.account_number),
        clean(contact.tax_number_type),
    )


_STATUSES: dict[str, XeroContactStatus | UnsetType] = {
    "": UNSET,
    "ACTIVE": XeroContactStatus.ACTIVE,
    "ARCHIVED": XeroContactStatus.ARCHIVED,
    "GDPRREQUEST": XeroContactStatus.GDPR_REQUEST,
}


def _status(value: Text) -> XeroContactStatus | UnsetType:
    text = value.strip().upper() if isinstance(value, str) else ""
    return _STATUSES.get(text, XeroContactStatus.ARCHIVED)


def _seen_value(contact: Contact | WrittenContact, one: Synced) -> XeroValue | UnsetType:
    """UNSET if the answer does not contain the field."""
    if one.kind is Kind.PHONE:
        return _seen_phone(contact.phones, one.member)
    if one.kind is Kind.ADDRESS:
        return _seen_address(contact.addresses, one.member)
    return _said(getattr(contact, _ATTRIBUTE[one.member]))


def _seen_phone(phones: list[Phone] | UnsetType | None, phone_type: str) -> PhoneParts | UnsetType | None:
    for phone in phones or ():
        if phone.phone_type.upper() == phone_type:
            given = (phone.phone_country_code, phone.phone_area_code, phone.phone_number)
            parts = PhoneParts(*(clean(part) or "" for part in given))
            return parts if join_phone(parts) else None
    return UNSET


def _seen_address(
    addresses: list[Address] | UnsetType | None, address_type: str
) -> PostalAddress | UnsetType | None:
    for address in addresses or ():
        if address.address_type.upper() == address_type:
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


def _phone(phone_type: str, parts: PhoneParts) -> Phone:
    return Phone(
        phone_type=phone_type,
        phone_number=parts.number,
        phone_area_code=parts.area,
        phone_country_code=parts.country,
    )


def _address(address_type: str, given: PostalAddress) -> Address:
    line1, line2, line3, line4 = (*given.lines, "", "", "", "")[:ADDRESS_LINES]
    return Address(
        address_type=address_type,
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
