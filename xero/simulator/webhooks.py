"""Webhooks as Xero sends them: ids only, signed, after the change, at least once, in no promised order.

Each app has one address for all its tenants. After a failure Xero tries again at once, then every 15 minutes, and disables
the subscription after a day. Undelivered events are kept, and are sent when the subscription is enabled again.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import ssl
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from random import Random
from uuid import uuid4

import httpx
import msgspec
from msgspec import UNSET, UnsetType

from xero.simulator.wire import encode
from xero.simulator.world import Subscription, World

logger = logging.getLogger(__name__)

ANSWER_WITHIN = 5.0
MOST_EVENTS = 100
KEPT_FOR = timedelta(days=31)
_RESOURCES = {"CONTACT": "Contacts", "INVOICE": "Invoices", "CREDITNOTE": "CreditNotes"}
CHECK_SECONDS = 0.2
"""Seconds between two checks of what a moved clock has made due."""


class Chance(msgspec.Struct, forbid_unknown_fields=True):
    """The possible disturbances of an event, drawn from the world's seed: late by up to `delay` seconds, sent again
    (`duplicate` is a probability), out of order (`shuffle`)."""

    delay: float = 0.0
    duplicate: float = 0.0
    shuffle: bool = False


class Event(msgspec.Struct, rename="camel"):
    resource_url: str
    resource_id: str
    event_date_utc: str
    event_type: str
    event_category: str
    tenant_id: str
    tenant_type: str = "ORGANISATION"
    data: dict[str, str] | UnsetType = UNSET


class _Waiting(msgspec.Struct):
    event: Event
    due: datetime
    since: datetime


class Courier:
    """Sends events to each app's address. `held`: only `deliver` sends."""

    def __init__(self, world: World, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.chance = Chance()
        self.held = False
        self.delivered = 0
        self.failed = 0
        self._world = world
        self._transport = transport
        self._random = Random(world.seed)  # noqa: S311 - chance that can be repeated, nothing secret
        self._waiting: dict[str, list[_Waiting]] = {}
        self._sequence: dict[str, int] = {}
        self._woken = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def waiting(self, client_id: str) -> int:
        return len(self._waiting.get(client_id, []))

    def announce(
        self,
        tenant_id: str,
        category: str,
        resource_id: str,
        *,
        created: bool,
        by: str | None = None,
        data: dict[str, str] | None = None,
    ) -> None:
        """Queue an event for every app that is connected with the tenant. `by` is the app that made the
        change."""
        now = self._world.clock()
        event = Event(
            resource_url=f"https://api.xero.com/api.xro/2.0/{_RESOURCES[category]}/{resource_id}",
            resource_id=resource_id,
            event_date_utc=now.replace(tzinfo=None).isoformat(timespec="milliseconds"),
            event_type="CREATE" if created else "UPDATE",
            event_category=category,
            tenant_id=tenant_id,
            data=data or UNSET,
        )
        for subscription in self._world.subscriptions.values():
            if subscription.client_id == by and not subscription.own_writes:
                continue
            if self._world.is_connected(subscription.client_id, tenant_id):
                late = timedelta(seconds=self._random.uniform(0, self.chance.delay))
                queue = self._waiting.setdefault(subscription.client_id, [])
                queue.append(_Waiting(event, now + late, now))
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver due events until `stop`."""
        stopped = asyncio.ensure_future(stop.wait())
        stopped.add_done_callback(lambda _: self._woken.set())
        while not stop.is_set():
            self._woken.clear()
            if not self.held:
                await self.deliver()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), CHECK_SECONDS)
        stopped.cancel()

    async def deliver(self, most: int = MOST_EVENTS, *, early: bool = False) -> int:
        """Send due events, in requests of `most` events. Returns how many were accepted. `early` sends all
        waiting events."""
        async with (
            self._one_at_a_time,
            httpx.AsyncClient(transport=self._transport, verify=_certificates()) as http,
        ):
            accepted = 0
            for subscription in list(self._world.subscriptions.values()):
                accepted += await self._deliver_to(http, subscription, most, early=early)
            return accepted

    async def _deliver_to(
        self, http: httpx.AsyncClient, subscription: Subscription, most: int, *, early: bool
    ) -> int:
        accepted = 0
        while batch := self._take(subscription, most, early=early):
            if not await self._send(http, subscription, [one.event for one in batch]):
                self._note_failure(subscription)
                break
            self.delivered += len(batch)
            accepted += len(batch)
            subscription.failing_since = subscription.next_attempt = None
            subscription.attempts = 0
            self._drop(subscription.client_id, batch)
        return accepted

    def _take(self, subscription: Subscription, most: int, *, early: bool) -> list[_Waiting]:
        now = self._world.clock()
        if not subscription.enabled:
            return []
        if subscription.next_attempt and subscription.next_attempt > now and not early:
            return []
        queue = self._waiting.get(subscription.client_id, [])
        queue[:] = [one for one in queue if now - one.since <= KEPT_FOR]
        ready = [one for one in queue if early or one.due <= now]
        if self.chance.shuffle:
            self._random.shuffle(ready)
        return ready[:most]

    def _drop(self, client_id: str, sent: list[_Waiting]) -> None:
        """Remove accepted events, except those that `chance` repeats."""
        queue = self._waiting[client_id]
        now = self._world.clock()
        gone = {id(one) for one in sent}
        queue[:] = [one for one in queue if id(one) not in gone]
        for one in sent:
            if self._random.random() < self.chance.duplicate:
                late = timedelta(seconds=self._random.uniform(0, max(self.chance.delay, 1.0)))
                queue.append(_Waiting(one.event, now + late, now))

    def _note_failure(self, subscription: Subscription) -> None:
        """Try again at once the first time, then after a pause. Disable the subscription in the end."""
        now = self._world.clock()
        self.failed += 1
        subscription.attempts += 1
        subscription.failing_since = subscription.failing_since or now
        pause = 0.0 if subscription.attempts == 1 else subscription.retry_seconds
        subscription.next_attempt = now + timedelta(seconds=pause)
        if now - subscription.failing_since >= timedelta(seconds=subscription.give_up_seconds):
            subscription.enabled = False
            logger.warning("webhooks to %s are disabled: they failed too long", subscription.url)
        if pause == 0.0:
            self._woken.set()

    async def _send(self, http: httpx.AsyncClient, subscription: Subscription, events: list[Event]) -> bool:
        first = self._sequence.get(subscription.client_id, 0) + 1
        self._sequence[subscription.client_id] = last = first + len(events) - 1
        body = _body(events, first, last)
        status, _ = await _post(http, subscription.url, body, signature(subscription.key, body))
        return 200 <= status < 300

    async def ask_intent(self, client_id: str) -> dict[str, object]:
        """Xero's check of a receiver: requests without events, some with wrong signatures. The check is
        passed if right ones get 200 and wrong ones 401, each with an empty body and no cookie. Then the
        subscription is enabled."""
        subscription = self._world.subscriptions[client_id]
        trials = []
        async with httpx.AsyncClient(transport=self._transport, verify=_certificates()) as http:
            for kind in ("right", "wrong", "first character", "other key", "right"):
                body = _body([], 0, 0)
                status, clean = await _post(
                    http, subscription.url, body, _trial(kind, subscription.key, body)
                )
                wanted = 200 if kind == "right" else 401
                trials.append({"signed": kind, "status": status, "passed": status == wanted and clean})
        passed = all(trial["passed"] for trial in trials)
        if passed:
            subscription.enabled = True
            subscription.failing_since = subscription.next_attempt = None
            subscription.attempts = 0
            self._woken.set()
        return {"passed": passed, "trials": trials}


def signature(key: str, body: bytes) -> str:
    """The text of the key is the key: it is not decoded from base64."""
    return base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()


def _trial(kind: str, key: str, body: bytes) -> str:
    right = signature(key, body)
    match kind:
        case "right":
            return right
        case "first character":
            return ("A" if right[0] != "A" else "B") + right[1:]
        case "other key":
            return signature(f"{key}?", body)
        case _:
            return "wrong"


def _body(events: list[Event], first: int, last: int) -> bytes:
    return encode(
        {
            "events": events,
            "firstEventSequence": first,
            "lastEventSequence": last,
            "entropy": uuid4().hex.upper(),
        }
    )


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates that a client trusts. Reading them takes 30 ms of CPU, so they are read once."""
    return httpx.create_ssl_context()


async def _post(http: httpx.AsyncClient, url: str, body: bytes, signed: str) -> tuple[int, bool]:
    """The status (0 without an answer in time), and whether the answer was empty and set no cookie."""
    headers = {"Content-Type": "application/json; charset=utf-8", "x-xero-signature": signed}
    try:
        answer = await http.post(url, content=body, headers=headers, timeout=ANSWER_WITHIN)
    except (httpx.HTTPError, OSError):
        return 0, False
    return answer.status_code, not answer.content and "set-cookie" not in answer.headers
