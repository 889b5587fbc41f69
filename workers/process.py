"""The connections of a worker process, and its clients of Xero's organisations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import httpx

from domain.actions import resume
from domain.connection import rights
from domain.connection.call_budget import Limits
from domain.connection.oauth_grants import Grant, Grants
from domain.connection.organisation_copy import OrganisationCopy
from domain.connection.traffic import Meter
from domain.tx import TANDEM
from runtime import tracing
from runtime.certificates import trusted
from runtime.clock import Clock
from runtime.database import Database, connect, guard, on_time
from runtime.notifications import Notifications
from runtime.seal import KeyRing
from runtime.settings import Settings
from runtime.turns import Turns
from workers.name_indexes import NameIndexes
from xero.allowance import Priority
from xero.client import Client
from xero.oauth import App
from xero.rights import Right
from xero.tokens import GrantTokens

POOL_SIZE = 12  # connections with PostgreSQL
# Seconds that an idle connection with Xero is kept: an edit need not wait for TCP and TLS. httpx keeps it for 5; many servers
# close it after 60.
KEPT_OPEN = 45.0
PATIENT_AT_ONCE = 2  # transactions of bulk sends, and as many of imports: they share one event loop


def _turns() -> Turns:
    """For each lane of work that no person waits for, the limit of its transactions at once."""
    imports = asyncio.Semaphore(PATIENT_AT_ONCE)
    return Turns({"bulk": asyncio.Semaphore(PATIENT_AT_ONCE), "delta": imports, "long": imports})


@dataclass(frozen=True)
class OrganisationRights:
    """The rights that one organisation's calls lack. `closed` is as last read, and follows this client's own calls."""

    database: Database
    workspace: UUID
    organisation_id: UUID
    closed: dict[str, datetime]

    @classmethod
    def of(cls, database: Database, organisation: OrganisationCopy) -> "OrganisationRights":
        closed = rights.closed(organisation.missing_rights)
        return cls(database, organisation.workspace_id, organisation.id, closed)

    def closed_until(self, right: Right) -> datetime | None:
        return self.closed.get(right)

    async def deny(self, right: Right, why: str) -> datetime:
        async with self.database.transaction(self.workspace, TANDEM) as tx:
            until = await rights.deny(tx, self.organisation_id, right, why)
        self.closed[right] = until
        return until

    async def grant(self, right: Right) -> None:
        if right in self.closed:
            async with self.database.transaction(self.workspace, TANDEM) as tx:
                await resume.grant(tx, self.organisation_id, right)
            del self.closed[right]


@dataclass(frozen=True)
class Process:
    settings: Settings
    database: Database
    keys: KeyRing
    http: httpx.AsyncClient
    notifications: Notifications
    app: App
    limits: Limits = field(init=False)
    grants: Grants = field(init=False)
    meter: Meter = field(init=False)
    name_indexes: NameIndexes = field(default_factory=NameIndexes, init=False)
    turns: Turns = field(default_factory=_turns, init=False)
    comparing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1), init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", Limits(self.database.call_door, self.database.clock))
        object.__setattr__(self, "grants", Grants(self.database.call_door, self.database.clock))
        object.__setattr__(self, "meter", Meter(self.database.door, self.database.clock))

    def client(self, organisation: OrganisationCopy, priority: Priority) -> Client:
        """A client of this organisation, within its limits and never inside a transaction."""
        return Client(
            http=self.http,
            tenant_id=organisation.tenant_id,
            tokens=self.tokens(organisation.grant_id),
            limiter=self.limits,
            rights=OrganisationRights.of(self.database, organisation),
            clock=self.database.clock,
            guard=guard,
            api_url=self.settings.xero_api_url,
            priority=priority,
            meter=self.meter,
        )

    def tokens(self, grant_id: UUID | None) -> GrantTokens[Grant]:
        return GrantTokens(
            http=self.http,
            app=self.app,
            grants=self.grants,
            seal=self.keys,
            clock=self.database.clock,
            grant_id=grant_id,
        )


@asynccontextmanager
async def opened(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Process]:
    """Open the connections of a worker process; they are closed at the end."""
    assert settings.database_url is not None
    database = connect(settings.database_url, program="worker", clock=clock, pool_size=POOL_SIZE)
    try:
        async with opened_with(database, settings) as process:
            yield process
    finally:
        await database.close()


@asynccontextmanager
async def opened_with(database: Database, settings: Settings) -> AsyncIterator[Process]:
    """The process of `opened`, with a database that is open already and stays open."""
    keys = KeyRing.parse(key.get_secret_value() for key in settings.tandem_keys)
    limits = httpx.Limits(max_connections=40, keepalive_expiry=KEPT_OPEN)
    client = tracing.client_class()
    async with on_time(database), client(limits=limits, verify=trusted()) as http:
        notifications = Notifications(settings.listen_url or "", "worker")
        yield Process(settings, database, keys, http, notifications, App.of(settings))
