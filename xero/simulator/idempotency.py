"""Idempotency keys as Xero keeps them: the first answer, errors included, for six minutes from the first
call."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from xero.simulator.clock import Clock
from xero.simulator.wire import Refusal, api_error

KEPT_FOR = timedelta(minutes=6)
LONGEST_KEY = 128


class _Entry(msgspec.Struct):
    fingerprint: bytes
    first_call: datetime
    done: asyncio.Event
    answer: Response | None = None


class IdempotencyStore:
    """A key belongs to its app. A repeat during the first call waits for the first call's answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, str], _Entry] = {}

    async def answer(
        self, client_id: str, request: Request, perform: Callable[[], Awaitable[Response]]
    ) -> Response:
        key = request.headers.get("Idempotency-Key")
        if not key or request.method not in ("POST", "PUT", "PATCH"):
            return await perform()
        if len(key) > LONGEST_KEY:
            return _refused(f"Idempotency-Key must not exceed {LONGEST_KEY} characters.")
        self._forget_old()
        fingerprint = await _fingerprint(request)
        while (entry := self._entries.get((client_id, key))) is not None:
            if entry.fingerprint != fingerprint:
                return _refused(f"Idempotency-Key {key} is used with a different request.")
            await entry.done.wait()
            if entry.answer is not None:
                return entry.answer
            # The first call ended without an answer and left the key free.
        return await self._perform_first((client_id, key), fingerprint, perform)

    async def _perform_first(
        self, key: tuple[str, str], fingerprint: bytes, perform: Callable[[], Awaitable[Response]]
    ) -> Response:
        entry = self._entries[key] = _Entry(fingerprint, self._clock(), asyncio.Event())
        try:
            entry.answer = await perform()
        except Refusal as refusal:
            entry.answer = refusal.response
        finally:
            if entry.answer is None:
                del self._entries[key]
            entry.done.set()
        return entry.answer

    def _forget_old(self) -> None:
        before = self._clock() - KEPT_FOR
        old = [k for k, e in self._entries.items() if e.done.is_set() and e.first_call <= before]
        for key in old:
            del self._entries[key]


async def _fingerprint(request: Request) -> bytes:
    target = (
        f"{request.method} {request.url.path}?{request.url.query} {request.headers.get('Xero-Tenant-Id')}"
    )
    return sha256(target.encode() + b"\n" + await request.body()).digest()


def _refused(message: str) -> Response:
    return api_error(10, "ValidationException", message, Elements=[])
