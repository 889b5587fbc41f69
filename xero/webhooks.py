"""Xero's webhooks: whether Xero signed a body, and what the body announces.

Bodies hold ids only, come at least once and in any order, and may concern several organisations. Xero also sends bodies
with a wrong signature, to see that they are refused with 401.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from xero.payloads import XeroTime, decode_hook


class WebhookEvent(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """An event. `event_category` and `event_type` are in capitals (CONTACT, INVOICE…; CREATE, UPDATE: an archive is an UPDATE).

    The same event may come again, with equal (tenant, resource, time, type).
    """

    tenant_id: UUID
    resource_id: UUID
    event_category: str
    event_type: str
    event_date_utc: XeroTime

    def __post_init__(self) -> None:
        self.event_category = self.event_category.upper()
        self.event_type = self.event_type.upper()


class _Body(msgspec.Struct, rename="camel", gc=False):
    events: list[Any]


def is_signed(keys: Sequence[str], body: bytes, signature: str | None) -> bool:
    """Whether one of the keys has signed exactly these bytes. The key is used as text, not decoded from base64.

    A wrong signature takes as long as a right one.
    """
    given = (signature or "").encode()
    matches = [hmac.compare_digest(_signature(key, body), given) for key in keys]
    return any(matches)


def read_events(body: bytes) -> tuple[list[WebhookEvent], int]:
    """The events, and the number of unreadable ones. Raises ValueError for a body that is no webhook."""
    events: list[WebhookEvent] = []
    raw = msgspec.json.decode(body, type=_Body).events
    for item in raw:
        try:
            events.append(msgspec.convert(item, WebhookEvent, dec_hook=decode_hook))
        except msgspec.ValidationError:
            continue
    return events, len(raw) - len(events)


def _signature(key: str, body: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256))
