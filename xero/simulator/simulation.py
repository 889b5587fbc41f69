"""The running state of a world: limits, remembered answers, faults, and counts of calls."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import httpx
import msgspec

from xero.simulator import document_writes
from xero.simulator.contact_writes import Outcome
from xero.simulator.elements import Element
from xero.simulator.faults import Faults
from xero.simulator.idempotency import IdempotencyStore
from xero.simulator.ledger import Document
from xero.simulator.limits import RateLimiter
from xero.simulator.tokens import TokenIssuer
from xero.simulator.webhooks import Courier
from xero.simulator.world import Organisation, World


class Counts(msgspec.Struct):
    """Since the start. `writes` are requests other than GET; `creates` counts by ContactNumber or InvoiceNumber ("" for none)."""

    calls: int = 0
    writes: int = 0
    answers: dict[str, int] = {}
    creates: dict[str, int] = {}


class Written(msgspec.Struct):
    """How often the API wrote one contact or document, and how often each field was sent."""

    elements: int = 0
    fields: dict[str, int] = {}


class Arrived(msgspec.Struct):
    """A call whose head has arrived. `at`: seconds by the machine's monotonic clock, which all its processes share."""

    at: float
    method: str
    path: str
    organisation: str


LOGGED = 10_000


class Simulation:
    def __init__(self, world: World, webhook_transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.world = world
        self.limiter = RateLimiter(world.seed)
        self.idempotency = IdempotencyStore(world.clock)
        self.faults = Faults(world.seed)
        self.tokens = TokenIssuer(world)
        self.courier = Courier(world, webhook_transport)
        self.counts = Counts()
        self.log: deque[Arrived] = deque(maxlen=LOGGED)
        self.written: dict[str, Written] = {}
        """By the id of a contact, invoice or credit note."""
        self._late: list[tuple[datetime, Callable[[], Awaitable[object]]]] = []

    def log_call(self, method: str, path: str, organisation: str) -> None:
        self.log.append(Arrived(asyncio.get_running_loop().time(), method, path, organisation))

    def count(self, method: str, status: int | str) -> None:
        """`status` is an HTTP status, or "cut" where the connection was cut instead."""
        self.counts.calls += 1
        self.counts.writes += method not in ("GET", "HEAD")
        self.counts.answers[str(status)] = self.counts.answers.get(str(status), 0) + 1

    def note_write(self, organisation: Organisation, outcome: Outcome, by: str) -> None:
        """Count a contact that an app wrote, and announce it. Does nothing for a refused element."""
        contact = outcome.contact
        if contact is None:
            return
        self._note(contact.id, contact.number, outcome.asked.echo, created=outcome.created)
        self.courier.announce(organisation.id, "CONTACT", contact.id, created=outcome.created, by=by)

    def note_document(self, organisation: Organisation, outcome: document_writes.Outcome, by: str) -> None:
        """Count the write of an invoice or credit note, as `note_write` counts contacts."""
        document = outcome.document
        if document is None:
            return
        self._note(document.id, document.number, outcome.asked.echo, created=outcome.created)
        self.announce_document(organisation, document, created=outcome.created, by=by)

    def announce_document(
        self, organisation: Organisation, document: Document, *, created: bool = False, by: str | None = None
    ) -> None:
        """A payment or allocation is announced as a change of its invoice (likely in Xero, not known)."""
        category, data = "INVOICE", None
        if document.is_credit:
            category, data = "CREDITNOTE", {"Type": document.type, "Status": document.status}
        self.courier.announce(organisation.id, category, document.id, created=created, by=by, data=data)

    def _note(self, written_id: str, number: str, echo: Element, *, created: bool) -> None:
        if created:
            self.counts.creates[number] = self.counts.creates.get(number, 0) + 1
        written = self.written.setdefault(written_id, Written())
        written.elements += 1
        for field, value in echo.items():
            if field not in ("ContactID", "InvoiceID", "CreditNoteID") and value is not None:
                written.fields[field] = written.fields.get(field, 0) + 1

    def postpone(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Let a request take effect after so many seconds of the world's clock."""
        self._late.append((self.world.clock() + timedelta(seconds=seconds), work))

    async def catch_up(self) -> None:
        """Let the postponed requests take effect whose time has come, in the order of their times."""
        now = self.world.clock()
        due = sorted((late for late in self._late if late[0] <= now), key=lambda late: late[0])
        self._late = [late for late in self._late if late[0] > now]
        for _, work in due:
            await work()
