"""Reading Xero's payloads, including their irregular forms."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tests.xero.make import contact, envelope
from xero.listing import CONTACTS, ORGANISATIONS, Listing
from xero.payloads import Contact, TokenAnswer, parse_time


def read(*elements: object) -> Listing[Contact]:
    body = envelope("Contacts", list(elements))
    return CONTACTS.read(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("/Date(1439434356790)/", datetime(2015, 8, 13, 2, 52, 36, 790000, UTC)),
        ("/Date(1419937200000+0000)/", datetime(2014, 12, 30, 11, 0, tzinfo=UTC)),
        ("/Date(1419937200000+1300)/", datetime(2014, 12, 30, 11, 0, tzinfo=UTC)),
        ("/Date(0)/", datetime(1970, 1, 1, tzinfo=UTC)),
        ("/Date(-83203200000)/", datetime(1967, 5, 14, tzinfo=UTC)),
        ("/Date(-62135596800000+0000)/", datetime(1, 1, 1, tzinfo=UTC)),
        ("2024-06-21T01:15:39.902", datetime(2024, 6, 21, 1, 15, 39, 902000, UTC)),
        ("2019-07-09T23:40:30.1833130", datetime(2019, 7, 9, 23, 40, 30, 183313, UTC)),
        ("2024-06-21T01:15:39Z", datetime(2024, 6, 21, 1, 15, 39, tzinfo=UTC)),
    ],
)
def test_xeros_forms_of_time_are_read(text: str, time: datetime) -> None:
    assert parse_time(text) == time
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "/Date()/", "/Date(999999999999999999)/", "/Date(1.5)/"])
def test_an_invalid_time_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a time as Xero writes it$"):
        parse_time(text)


@given(st.integers(-62135596800000, 253402300799999), st.sampled_from(["", "+0000", "-1100", "+1345"]))
def test_each_written_millisecond_is_read_back(milliseconds: int, offset: str) -> None:
    time: datetime = parse_time(f"/Date({milliseconds}{offset})/")
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    assert since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000 == milliseconds


def test_absent_null_and_blank_are_distinguished() -> None:
    found = read(contact(EmailAddress=""), contact(EmailAddress=None), contact())
    assert [c.email_address for c in found.items] == ["", None, UNSET]


def test_unknown_members_and_enum_values_are_accepted() -> None:
    new = contact(
        ContactStatus="HIBERNATING", Phones=[{"PhoneType": "CARRIER_PIGEON", "Wings": 2}], Since=2027
    )
    found = read(new)
    assert found.unreadable == []
    assert found.items[0].contact_status == "HIBERNATING"


@pytest.mark.parametrize(
    "bad",
    [
        b'{"Name":"no id"}',
        b'{"ContactID":"not a uuid"}',
        b'{"ContactID":"%s","Name":{"Ada":1}}',
        b'{"ContactID":"%s","UpdatedDateUTC":"Ada"}',
        b'{"ContactID":"%s","Name":"Ada \\ud800"}',
        b'{"ContactID":"%s","Name":"Ada \xff"}',
        b"null",
        b"[]",
    ],
)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_unreadable_element_at_any_position_is_reported_alone(bad: bytes, position: int) -> None:
    bad_id = uuid4()
    parts = [json.dumps(contact(name)).encode() for name in ("A", "B")]
    parts.insert(position, bad.replace(b"%s", str(bad_id).encode()))
    found = CONTACTS.read(b'{"Contacts":[' + b",".join(parts) + b"]}")
    assert [c.name for c in found.items] == ["A", "B"]
    assert [u.id for u in found.unreadable] == [bad_id if b"%s" in bad else None]
    assert "Ada" not in found.unreadable[0].reason


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"Contacts":null}', b"[" * 100_000, b"<Response/>"])
def test_a_body_without_the_list_is_not_read_as_empty(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        CONTACTS.read(body)


def test_an_organisation_is_read_as_xero_shows_it() -> None:
    body = envelope(
        "Organisations",
        [
            {
                "OrganisationID": str(uuid4()),
                "Name": "Demo",
                "BaseCurrency": "NZD",
                "Timezone": "NEWZEALANDSTANDARDTIME",
            }
        ],
    )
    organisation = ORGANISATIONS.read(json.dumps(body).encode()).items[0]
    assert (organisation.base_currency, organisation.period_lock_date) == ("NZD", UNSET)


def test_a_token_answer_does_not_show_its_tokens() -> None:
    shown = repr(TokenAnswer(access_token="aaa", refresh_token="bbb", expires_in=1800))
    assert "aaa" not in shown
    assert "bbb" not in shown
