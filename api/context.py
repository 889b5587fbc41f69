"""What every resolver is given, and who asks."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from starlette.responses import Response

from api.event_feed import EventFeeds
from domain.tables import Scope
from domain.tx import Actor, Tx
from runtime.bells import Bells
from runtime.database import Database
from runtime.seal import KeyRing
from runtime.settings import Settings


@dataclass(frozen=True)
class Viewer:
    """The caller: a token (or later a user) of one workspace."""

    workspace: UUID
    actor: Actor
    scopes: frozenset[Scope]
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Parts:
    """What the API process holds for as long as it runs."""

    settings: Settings
    database: Database
    keys: KeyRing
    http: httpx.AsyncClient
    bells: Bells
    feeds: EventFeeds = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "feeds", EventFeeds(self.database, self.bells))


@dataclass
class Context:
    """One request, or one socket.

    `loaders` live for one root field of a mutation, for a request otherwise, and for the events that a subscription
    tells together: older rows must not answer newer questions. With `shared` other subscriptions use them too.
    `response` takes headers and cookies of the answer; None on a socket. `one_answer`: the request can be given no
    stream.
    """

    parts: Parts
    viewer: Viewer | None = None
    loaders: dict[Callable[..., Any], Any] = field(default_factory=dict)
    response: Response | None = None
    one_answer: bool = False
    shared: bool = False

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """In the viewer's workspace, as the viewer."""
        if self.viewer is None:
            raise RuntimeError("no viewer: the edge lets nobody in without one")
        return self.parts.database.transaction(self.viewer.workspace, self.viewer.actor)


@dataclass
class EdgeContext(Context):
    """What the HTTP edge keeps beside: the credential of the request, and the payload of `connection_init`."""

    token: str | None = field(default=None, repr=False)
    connection_params: dict[str, object] | None = field(default=None, repr=False)
