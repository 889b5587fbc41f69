"""POST /webhooks/xero: the one address of the app for Xero's webhooks. A body says only that something changed.

Xero waits 5 seconds, wants an empty answer without cookies, and sends some bodies with a wrong signature to see them refused.
The events of a request are stored before the answer. One statement stores the events of several requests.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog
from prometheus_client import CollectorRegistry, Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.context import Process
from domain.inbound import webhook_inbox
from domain.inbound.webhook_inbox import Announced, Category
from runtime.database import Database
from runtime.shared_tasks import create_shared_task
from xero.webhooks import is_signed, read_events

log = structlog.get_logger()
PATH = "/webhooks/xero"
PATIENCE = 4.0  # seconds; Xero waits five
GATHER = 0.01  # seconds; a statement for ten requests costs as much as a statement for one
MOST = 200  # requests whose events one statement stores
_CATEGORIES = frozenset(Category)


class Inbox:
    """Stores the events of several requests by one statement, and answers each request after the commit."""

    def __init__(self, database: Database, events: Counter) -> None:
        self._database, self._events = database, events
        self._waiting: list[tuple[Sequence[Announced], asyncio.Future[None]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def put(self, announced: Sequence[Announced]) -> None:
        """Store the events; return after the commit. Raise the error of the database."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((announced, stored))
        if self._storing is None or self._storing.done():
            self._storing = create_shared_task(self._store())
        await stored

    async def _store(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER)
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            error = await self._store_some([one for announced, _ in taken for one in announced])
            for _, stored in taken:
                if stored.done():  # Xero has hung up
                    continue
                if error is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(error)

    async def _store_some(self, announced: Sequence[Announced]) -> Exception | None:
        try:
            async with self._database.door() as session:
                received = await webhook_inbox.receive(session, announced, self._database.clock.now())
        except Exception as error:
            return error
        self._events.labels("kept").inc(received.kept)
        self._events.labels("unknown organisation").inc(received.unknown)
        return None


def routes(process: Process, registry: CollectorRegistry) -> list[Route]:
    """The route of webhooks. Without a key there is no route, because an unsigned webhook is never accepted."""
    keys = [key.get_secret_value() for key in process.settings.xero_webhook_keys]
    if not keys:
        return []
    events = Counter(
        "tandem_webhook_events", "Events of Xero's webhooks, by outcome", ["outcome"], registry=registry
    )
    inbox = Inbox(process.database, events)
    return [Route(PATH, partial(receive, keys, inbox, events), methods=["POST"])]


async def receive(keys: Sequence[str], inbox: Inbox, events: Counter, request: Request) -> Response:
    """200 if the events are in the inbox. 503 makes Xero send the request again."""
    body = await request.body()
    if not is_signed(keys, body, request.headers.get("x-xero-signature")):
        return Response(status_code=401)
    try:
        told, unreadable = read_events(body)
    except (ValueError, RecursionError):
        log.warning("webhook_unreadable", size=len(body))
        return Response(status_code=400)
    wanted = [
        Announced(one.tenant_id, Category(one.event_category), one.resource_id, one.event_date_utc)
        for one in told
        if one.event_category in _CATEGORIES
    ]
    events.labels("unreadable").inc(unreadable)
    events.labels("not followed").inc(len(told) - len(wanted))
    try:
        if wanted:
            async with asyncio.timeout(PATIENCE):
                await inbox.put(wanted)
    except OSError as error:  # DatabaseUnavailable and TimeoutError
        log.warning("webhook_not_stored", error=type(error).__name__)
        return Response(status_code=503)
    return Response(status_code=200)
