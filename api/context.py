"""The context of a request: who calls, and what the process holds for resolvers."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from starlette.responses import Response

from api.auth.addresses import UNKNOWN
from api.auth.credentials import Credential
from api.event_feed import EventFeeds
from domain.tables import Scope
from domain.tx import Actor, Tx
from runtime.database import Database, DirectReader
from runtime.notifications import Notifications
from runtime.read_pool import ReadPool
from runtime.seal import KeyRing
from runtime.settings import Settings

if TYPE_CHECKING:
    from api.guards.measured import Measured
    from api.guards.operation_counts import OperationCounts
    from api.guards.rate_limit import Rates, Spent


@dataclass(frozen=True)
class Viewer:
    """The caller: an API token or a person, in one workspace."""

    workspace: UUID
    actor: Actor
    scopes: frozenset[Scope]
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Process:
    """The resources that an API process holds for as long as it runs. `reads`: connections for known reads; None behind a
    pooler in transaction mode."""

    settings: Settings
    database: Database
    keys: KeyRing
    http: httpx.AsyncClient
    notifications: Notifications
    reads: ReadPool | None = None
    feeds: EventFeeds = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "feeds", EventFeeds(self.database, self.notifications))


@dataclass
class Context:
    """The context of one request, or of one socket.

    `loaders` keep the objects that were read: during one root field of a mutation, during one other request, or for the
    events that a subscription delivers together. Then they are replaced, because an object must not be older than the
    request. Subscriptions share them. `sync_cursor`: the position of the live events before the request read anything; None
    unless the request asks for it. `response` takes headers and cookies; None on a socket. `one_answer`: the client accepts one answer, and no stream.
    `takes_json`: the answer's data may hold parts that are JSON already (msgspec.Raw).
    `stream_begun`: set once a subscription's arguments are accepted; None on a socket, which has a message of its own for
    a refusal.
    """

    process: Process
    viewer: Viewer | None = None
    loaders: dict[Callable[..., Any], Any] = field(default_factory=dict)
    sync_cursor: str | None = None
    response: Response | None = None
    one_answer: bool = False
    takes_json: bool = False
    stream_begun: asyncio.Event | None = None

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """A transaction in the viewer's workspace, with the viewer as its actor."""
        viewer = self._known_viewer()
        return self.process.database.transaction(viewer.workspace, viewer.actor)

    def reading(self) -> AbstractAsyncContextManager[DirectReader]:
        """A transaction in the viewer's workspace that can only read."""
        return self.process.database.reading(self._known_viewer().workspace)

    def _known_viewer(self) -> Viewer:
        if self.viewer is None:
            raise RuntimeError("no viewer: api.http lets no request in without one")
        return self.viewer


@dataclass
class EdgeContext(Context):
    """The context with the parts that only api.http reads: the credential of the request, the client's address, and the
    payload of `connection_init`.

    The guards set, for each operation, `measured` (its limits), `requested` (the estimate of its cost) and `spent` (what is left of
    the minute)."""

    credential: Credential | None = None
    rates: "Rates | None" = None
    counts: "OperationCounts | None" = None
    measured: "Measured | None" = None
    requested: int = 0
    spent: "Spent | None" = None
    address: str = UNKNOWN
    connection_params: dict[str, object] | None = field(default=None, repr=False)
