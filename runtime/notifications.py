"""PostgreSQL's notifications (LISTEN and NOTIFY), received by one connection for each process.

A notification names a workspace and only wakes readers: the changes are in the tables. So a lost notification delays work
and loses nothing. A reader also asks the tables every `POLL_SECONDS`, and at once after the connection was opened again.
The connection sends itself a notification every `PROBE_SECONDS`, because behind a transaction pooler it may be open and
receive none.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import asyncpg
import structlog
from sqlalchemy.engine import make_url

from runtime.database import named_as

EVENT = "tandem_event"
DUE = "tandem_due"
PROBE = "tandem_probe"
POLL_SECONDS = 2.0
PROBE_SECONDS = 30.0
PATIENCE = 10.0
log = structlog.get_logger()


class Notifications:
    """Wakes readers. Run `listen` as a task. `interrupted`: no notification can arrive at this moment."""

    def __init__(self, url: str, program: str = "command", *, probe_seconds: float = PROBE_SECONDS) -> None:
        self._named = named_as(program)
        self._probe_seconds = probe_seconds
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._waiting: defaultdict[tuple[str, UUID | None], set[asyncio.Event]] = defaultdict(set)
        self.interrupted = True

    @asynccontextmanager
    async def wake_on(self, channel: str, workspace: UUID | None = None) -> AsyncIterator[asyncio.Event]:
        """An asyncio.Event that each notification of the channel sets, for one workspace or for all. Clear the event before
        you read, so that a notification which arrives during the read is not lost."""
        event = asyncio.Event()
        key = (channel, workspace)
        self._waiting[key].add(event)
        try:
            yield event
        finally:
            self._waiting[key].discard(event)
            if not self._waiting[key]:
                del self._waiting[key]

    async def listen(self) -> None:
        """Run until it is cancelled. A connection that breaks is opened again."""
        while True:
            try:
                await self._listen_once()
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                log.warning("notifications_interrupted", error=type(error).__name__)
            finally:
                self.interrupted = True
            await asyncio.sleep(POLL_SECONDS)

    async def _listen_once(self) -> None:
        connection = await asyncpg.connect(self._url, statement_cache_size=0, server_settings=self._named)
        broken = asyncio.Event()
        connection.add_termination_listener(lambda _: broken.set())
        try:
            for channel in (EVENT, DUE):
                await connection.add_listener(channel, self._wake)
            while not broken.is_set():
                await _probe(connection)
                if self.interrupted:
                    self.interrupted = False
                    self._wake_all()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._probe_seconds):
                        await broken.wait()
        finally:
            with suppress(
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
                TimeoutError,
            ):
                await connection.close(timeout=2)

    def _wake(self, _: object, __: int, channel: str, payload: object) -> None:
        for key in ((channel, UUID(str(payload))), (channel, None)):
            for event in self._waiting.get(key, ()):
                event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()


async def _probe(connection: asyncpg.Connection) -> None:
    """Send a notification and wait for it. Raise TimeoutError if it does not arrive."""
    received, mark = asyncio.Event(), uuid4().hex

    def receive(_: object, __: int, ___: str, payload: object) -> None:
        if payload == mark:
            received.set()

    await connection.add_listener(PROBE, receive)
    await connection.execute("select pg_notify($1, $2)", PROBE, mark, timeout=PATIENCE)
    async with asyncio.timeout(PATIENCE):
        await received.wait()
    await connection.remove_listener(PROBE, receive)


async def wait(event: asyncio.Event, seconds: float = POLL_SECONDS) -> None:
    """Wait for the next notification, at most `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
