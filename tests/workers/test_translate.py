"""Translation of Xero's contacts to domain values and back."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from domain.fields.phones import PhoneParts, join_phone
from domain.fields.synced import Values
from domain.fields.values import PostalAddress, SeenContact, clean
from domain.fields.xero_limits import ViolationReason, XeroViolation
from domain.tables import SyncedField, XeroContactStatus
from workers.translate import (
    XeroMembers,
    contact_update,
    seen_contact,
    xero_members,
)
from xero.payloads import Contact, Updates, decode_hook

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NAME, EMAIL = SyncedField.NAME, SyncedField.BILLING_EMAIL
PHONE, BILLING = SyncedField.PRIMARY_PHONE, SyncedField.BILLING_ADDRESS
FULL: dict[str, Any] = {
    "ContactID": "11111111-1111-4111-8111-111111111111",
    "ContactStatus": "ACTIVE",
    "Name": " Ada Lovelace ",
    "FirstName": "",
    "EmailAddress": "ada@example.com",
    "Phones": [
        {"PhoneType": "FAX", "PhoneNumber": "999"},
        {"PhoneType": "DEFAULT", "PhoneNumber": "123 4567", "PhoneAreaCode": "09", "PhoneCountryCode": ""},
    ],
    "Addresses": [
        {"AddressType": "STREET", "City": "Elsewhere"},
        {
            "AddressType": "POBOX",
            "AddressLine1": "PO Box 1",
            "AddressLine2": " ",
            "AddressLine3": "Ponsonby",
            "City": "Auckland",
            "Region": None,
            "PostalCode": "1011",
            "Country": "New Zealand",
            "AttentionTo": "Ada",
        },
    ],
    "IsCustomer": True,
    "UpdatedDateUTC": "/Date(1439434356790+0000)/",
}
ADDRESS = PostalAddress(("PO Box 1", "Ponsonby"), "Auckland", None, "1011", "New Zealand", "Ada")


def seen(**members: Any) -> SeenContact:
    payload = {**FULL, **members}
    given_members = {name: value for name, value in payload.items() if value is not UNSET}
    return seen_contact(msgspec.convert(given_members, Contact, dec_hook=decode_hook), NOW)


def members(values: Values, last_phone: PhoneParts | None = None) -> XeroMembers:
    made = xero_members(values, region="NZ", held={PHONE: last_phone})
    assert isinstance(made, XeroMembers)
    return made


def refused(values: Values) -> list[XeroViolation]:
    made = xero_members(values, region="NZ", held={})
    assert isinstance(made, list)
    return made


def test_each_field_of_a_contact_is_translated() -> None:
    contact = seen()
    assert (contact.values[NAME], contact.first_name, contact.last_name) == ("Ada Lovelace", None, UNSET)
    assert contact.values[PHONE] == PhoneParts("", "09", "123 4567")
    assert contact.values[BILLING] == ADDRESS
    assert (contact.is_customer, contact.is_supplier) == (True, UNSET)
    assert contact.status is XeroContactStatus.ACTIVE
    assert contact.updated_at == datetime(2015, 8, 13, 2, 52, 36, 790000, UTC)


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ("ContactStatus", "status"),
        ("IsCustomer", "is_customer"),
        ("UpdatedDateUTC", "updated_at"),
        ("MergedToContactID", "merged_to"),
    ],
)
def test_an_absent_contact_field_is_not_an_empty_one(member: str, field: str) -> None:
    assert asdict(seen(**{member: UNSET}))[field] is UNSET


@pytest.mark.parametrize(
    ("member", "field"), [("Name", NAME), ("EmailAddress", EMAIL), ("Phones", PHONE), ("Addresses", BILLING)]
)
def test_an_absent_member_leaves_its_field_unset(member: str, field: SyncedField) -> None:
    assert set(seen(**{member: UNSET}).values) == set(SyncedField) - {field}


@pytest.mark.parametrize("blank", ["", "   ", None, "\x00"])
def test_blank_is_none(blank: str | None) -> None:
    assert seen(EmailAddress=blank).values[EMAIL] is None


@pytest.mark.parametrize(
    ("phones", "expected"),
    [
        ([], UNSET),
        ([{"PhoneType": "MOBILE", "PhoneNumber": "1"}], UNSET),
        ([{"PhoneType": "DEFAULT", "PhoneNumber": "", "PhoneCountryCode": "64"}], None),
        ([{"PhoneType": "DEFAULT"}], None),
    ],
)
def test_a_missing_phone_type_leaves_the_phone_unset_and_an_empty_one_is_blank(
    phones: Any, expected: object
) -> None:
    assert seen(Phones=phones).values.get(PHONE, UNSET) is expected


def test_an_empty_billing_address_is_none() -> None:
    assert seen(Addresses=[{"AddressType": "POBOX", "City": ""}]).values[BILLING] is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ARCHIVED", XeroContactStatus.ARCHIVED),
        ("GDPRREQUEST", XeroContactStatus.GDPR_REQUEST),
        ("HIBERNATING", XeroContactStatus.ARCHIVED),
        ("", UNSET),
    ],
)
def test_each_status_of_a_xero_contact_is_translated(status: str, expected: object) -> None:
    assert seen(ContactStatus=status).status is expected


def test_a_merge_without_a_target_is_no_merge() -> None:
    survivor = uuid4()
    assert seen(MergedToContactID=str(survivor)).merged_to == survivor
    assert seen(MergedToContactID=str(UUID(int=0))).merged_to is None


def test_an_address_keeps_its_shape_as_json() -> None:
    assert PostalAddress.from_json(ADDRESS.as_json()) == ADDRESS
    assert PostalAddress.from_json(PostalAddress().as_json()) is None
    assert PostalAddress.from_json(None) is None


# -- writing


def test_only_fields_that_are_set_are_written() -> None:
    update = contact_update(UUID(int=7), members({EMAIL: "ada@example.com"}))
    assert Updates.of([update]).content == (
        b'{"Contacts":[{"ContactID":"00000000-0000-0000-0000-000000000007","EmailAddress":"ada@example.com"}]}'
    )


def test_a_cleared_phone_is_its_type_with_empty_parts() -> None:
    made = msgspec.to_builtins(members({PHONE: None}).phones)
    assert made == [{"PhoneType": "DEFAULT", "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}]


def test_a_phone_that_means_the_same_keeps_xeros_spelling() -> None:
    last = PhoneParts("", "09", "123-4567")
    made = members({PHONE: "+64 9 1234567"}, last).phones
    assert isinstance(made, list)
    assert (made[0].phone_area_code, made[0].phone_number) == ("09", "123-4567")


def test_an_address_is_written_whole() -> None:
    made = msgspec.to_builtins(members({BILLING: ADDRESS}).addresses)
    assert made == [
        {
            "AddressType": "POBOX",
            "AddressLine1": "PO Box 1",
            "AddressLine2": "Ponsonby",
            "AddressLine3": "",
            "AddressLine4": "",
            "City": "Auckland",
            "Region": "",
            "PostalCode": "1011",
            "Country": "New Zealand",
            "AttentionTo": "Ada",
        }
    ]


def test_a_name_is_written_without_doubled_spaces() -> None:
    assert members({NAME: " Ada   Lovelace "}).texts["name"] == "Ada Lovelace"


TOO_LONG, INVALID, REQUIRED = ViolationReason.TOO_LONG, ViolationReason.INVALID, ViolationReason.REQUIRED


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({NAME: "x" * 256}, XeroViolation(NAME, TOO_LONG, "Name", 255)),
        ({NAME: "😀" * 128}, XeroViolation(NAME, TOO_LONG, "Name", 255)),
        ({NAME: " "}, XeroViolation(NAME, REQUIRED, "Name")),
        ({NAME: "Ada <b>"}, XeroViolation(NAME, INVALID, "Name")),
        ({NAME: "Ada\x07"}, XeroViolation(NAME, INVALID, "Name")),
        ({EMAIL: "ada"}, XeroViolation(EMAIL, INVALID, "EmailAddress")),
        ({EMAIL: "ä@b.de"}, XeroViolation(EMAIL, INVALID, "EmailAddress")),
        ({EMAIL: "a@bü.de"}, XeroViolation(EMAIL, INVALID, "EmailAddress")),
        (
            {EMAIL: "a" * 250 + "@b.nz"},
            XeroViolation(EMAIL, INVALID, "EmailAddress"),
        ),
        (
            {PHONE: "x" * 51},
            XeroViolation(PHONE, TOO_LONG, "PhoneNumber", 50),
        ),
        (
            {BILLING: PostalAddress(postal_code="1" * 51)},
            XeroViolation(BILLING, TOO_LONG, "PostalCode", 50),
        ),
        (
            {BILLING: PostalAddress(("x",) * 5)},
            XeroViolation(BILLING, TOO_LONG, "AddressLines", 4),
        ),
    ],
)
def test_a_value_that_xero_would_refuse_is_a_violation(values: Values, problem: XeroViolation) -> None:
    assert refused(values) == [problem]


def test_all_violations_of_a_contact_are_found_at_once() -> None:
    found = refused({NAME: "", EMAIL: "x", PHONE: "y" * 99})
    assert [problem.field for problem in found] == [
        NAME,
        EMAIL,
        PHONE,
    ]


def test_names_of_any_script_are_written_as_they_are() -> None:
    for name in ("李小龍", "Łukasz Żółć", "محمد", "O'Brien & Söhne GmbH"):
        assert members({NAME: name}).texts["name"] == name


WORDS = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
    .map(str.strip)
    .filter(clean)  # a text of invisible characters is a blank
)


@given(st.lists(WORDS, max_size=4), WORDS, WORDS)
@example([], "0", "\U00018cd6")
def test_an_address_survives_sending_and_reading(lines: list[str], city: str, attention: str) -> None:
    address = PostalAddress(tuple(lines), city, attention_to=attention)
    sent = msgspec.to_builtins(members({BILLING: address}).addresses)
    assert seen(Addresses=sent).values[BILLING] == address


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=25).filter(
        lambda text: not text or clean(text)
    )
)
@example("\U00012544")
def test_a_phone_survives_sending_and_reading(text: str) -> None:
    made = members({PHONE: text})
    back = seen(Phones=msgspec.to_builtins(made.phones)).values[PHONE]
    assert back is None or isinstance(back, PhoneParts)
    again = members({PHONE: join_phone(back) if back else None}, back)
    assert msgspec.to_builtins(again.phones) == msgspec.to_builtins(made.phones)


def test_a_part_of_an_address_that_came_from_xero_is_sent_unchanged() -> None:
    held = PostalAddress(("1 Rue",), city="Abijan", country="Côte d'Ivoire")
    mended = {BILLING: PostalAddress(("1 Rue",), city="Abidjan", country="Côte d'Ivoire")}
    made = xero_members(mended, region="NZ", held={BILLING: held})
    assert isinstance(made, XeroMembers)
    assert not isinstance(made.addresses, UnsetType)
    assert (made.addresses[0].city, made.addresses[0].country) == ("Abidjan", "Côte d'Ivoire")
    assert [one.part for one in refused(mended)] == ["Country"]
