"""The signature of a webhook, and the events in its body."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from xero.webhooks import is_signed, read_events

KEY = "s3cr3t-webhook-key=="
BODY = b'{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "S0m3r4Nd0mt3xt"}'
SIGNATURE = "ZXgiifqnL/YqpIQuKdrejE/DM2cAUK8VZAyzdpL0NPE="


def event(**members: Any) -> dict[str, Any]:
    return {
        "resourceUrl": "https://api.xero.com/api.xro/2.0/Contacts/x",
        "resourceId": str(uuid4()),
        "tenantId": str(uuid4()),
        "eventDateUtc": "2024-06-21T01:15:39.902",
        "eventType": "Update",
        "eventCategory": "CONTACT",
        **members,
    }


def body(*events: Any) -> bytes:
    return json.dumps({"events": events, "entropy": "x", "firstEventSequence": 1}).encode()


def test_the_signature_equals_a_known_example() -> None:
    assert is_signed([KEY], BODY, SIGNATURE)


def test_a_signature_by_one_of_several_keys_is_valid() -> None:
    assert is_signed(["the new key", KEY], BODY, SIGNATURE)


@pytest.mark.parametrize(
    "signature", [None, "", "A" + SIGNATURE[1:], SIGNATURE[:-1], SIGNATURE + "=", "ключ"]
)
def test_another_signature_is_invalid(signature: str | None) -> None:
    assert not is_signed([KEY], BODY, signature)


def test_one_more_byte_makes_the_signature_invalid() -> None:
    assert not is_signed([KEY], BODY + b"\n", SIGNATURE)


def test_without_keys_no_signature_is_valid() -> None:
    assert not is_signed([], BODY, SIGNATURE)


def test_an_event_is_read_in_upper_case_and_utc() -> None:
    events, unread = read_events(body(event(data={"Type": "x"})))
    assert unread == 0
    assert (events[0].event_category, events[0].event_type) == ("CONTACT", "UPDATE")
    assert events[0].event_date_utc == datetime(2024, 6, 21, 1, 15, 39, 902000, UTC)


def test_unreadable_events_are_counted_and_do_not_stop_the_others() -> None:
    good = event()
    events, unread = read_events(body(7, event(tenantId="nobody"), good, event(eventDateUtc="later")))
    assert [str(found.resource_id) for found in events] == [good["resourceId"]]
    assert unread == 3


def test_an_intent_to_receive_has_no_events() -> None:
    assert read_events(BODY) == ([], 0)


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"events":{}}', b"{}"])
def test_a_body_that_is_no_webhook_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        read_events(raw)
