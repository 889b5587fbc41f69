"""API tokens: finds the caller of a request by the SHA-256 of the token, and checks scopes.

A token has 256 random bits, so its hash needs neither salt nor a slow function.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import isawaitable
from typing import Any, NamedTuple
from uuid import UUID

from strawberry.extensions import FieldExtension
from strawberry.types import Info

from api.context import Context, Viewer
from api.errors import NO_CALLER, Code, refusal
from domain.practice.workspaces import included, token_hash
from domain.tables import ActorKind, Scope
from domain.tx import TANDEM, Actor
from runtime.database import Database, DatabaseUnavailable

TOUCH = timedelta(minutes=1)
STREAM_TOUCH = timedelta(minutes=15)
_FIND = (
    "select h.hash, t.token_id, t.workspace_id, t.name, t.scopes, t.expires_at"
    " from unnest(cast(:hashes as bytea[])) as h(hash) cross join lateral door.find_token(h.hash, :now) t"
)
# SQL: whether a token is still as it was found, with the values of `Tokens.recall`.
STILL_VALID = (
    "exists (select from door.find_token(:hash, :now) t where t.token_id = :token and t.workspace_id = :ws and t.name = :called"
    " and t.scopes = cast(:scopes as text[]) and t.expires_at is not distinct from cast(:expires as timestamptz))"
)
MOST_RECALLED = 1_000
_TOUCH = (
    "update api_token set last_used_at = :now where workspace_id = :ws and id = any(:ids)"
    " and (last_used_at is null or last_used_at <= :before)"
)


class _Found(NamedTuple):
    """A row of door.find_token, with the hash by which it was asked for."""

    hash: bytes
    token_id: UUID
    workspace_id: UUID
    name: str
    scopes: list[str]
    expires_at: datetime | None

    def viewer(self) -> Viewer:
        actor = Actor(ActorKind.API_TOKEN, self.name, self.token_id)
        scopes = included([Scope(name) for name in self.scopes])
        return Viewer(self.workspace_id, actor, scopes, self.expires_at)

    @property
    def values(self) -> dict[str, object]:
        """The parameters of STILL_VALID."""
        return {
            "hash": self.hash,
            "token": self.token_id,
            "called": self.name,
            "scopes": self.scopes,
            "expires": self.expires_at,
        }


@dataclass(frozen=True)
class Recalled:
    """A token as it was found last. The statement that answers a request with this token must check STILL_VALID, with
    `values`."""

    viewer: Viewer
    values: Mapping[str, object]


class Tokens:
    """Reads tokens from PostgreSQL each time, so that a revoked one ends at once.

    `last_used_at` is at most a minute old, and for open sockets and streams at most 15 minutes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._touched: dict[UUID, datetime] = {}
        self._recalled: OrderedDict[bytes, Recalled] = OrderedDict()

    async def find_viewer(self, token: str) -> Viewer | None:
        """None for a token that is unknown, revoked or expired."""
        now = self._database.clock.now()
        found = await self._find([token], now)
        await self._touch(found, now, TOUCH)
        if not found:
            self.forget(token)
            return None
        [one] = found
        recalled = self._recalled[one.hash] = Recalled(one.viewer(), one.values)
        while len(self._recalled) > MOST_RECALLED:
            self._recalled.popitem(last=False)
        return recalled.viewer

    def recall(self, token: str) -> Recalled | None:
        """The token as `find_viewer` found it. None if it is not known, and if its `last_used_at` is due."""
        hashed = token_hash(token)
        recalled = self._recalled.get(hashed)
        if recalled is None:
            return None
        touched = self._touched.get(recalled.viewer.actor.id) if recalled.viewer.actor.id else None
        if touched is None or self._database.clock.now() - touched >= TOUCH:
            return None
        return recalled

    def forget(self, token: str) -> None:
        self._recalled.pop(token_hash(token), None)

    async def find_valid(self, tokens: Collection[str]) -> set[str]:
        """Return the tokens of open streams that are neither revoked nor expired. One statement checks all of them."""
        now = self._database.clock.now()
        by_hash = {token_hash(token): token for token in tokens}
        found = await self._find(tokens, now)
        with suppress(DatabaseUnavailable):  # which tokens are valid is known already
            await self._touch(found, now, STREAM_TOUCH)
        return {by_hash[one.hash] for one in found}

    async def _find(self, tokens: Collection[str], now: datetime) -> list[_Found]:
        hashes = [token_hash(one) for one in tokens]
        return await self._database.call_door(_Found, _FIND, hashes=hashes, now=now)

    async def _touch(self, found: Sequence[_Found], now: datetime, every: timedelta) -> None:
        """Write `last_used_at` of the tokens whose last write is at least `every` ago, in one transaction for each
        workspace."""
        due: dict[UUID, list[UUID]] = defaultdict(list)
        for one in found:
            last = self._touched.get(one.token_id)
            if last is None or now - last >= every:
                due[one.workspace_id].append(one.token_id)
        for workspace, ids in due.items():
            async with self._database.transaction(workspace, TANDEM) as tx:
                await tx.run(_TOUCH, ids=ids, before=now - TOUCH)
            self._touched |= dict.fromkeys(ids, now)


def check_scope(context: Context, scope: Scope) -> None:
    """Refuse a request without a caller, and a caller without the scope."""
    if context.viewer is None:
        raise refusal(Code.UNAUTHENTICATED, NO_CALLER)
    if scope not in context.viewer.scopes:
        if context.viewer.actor.kind is ActorKind.USER:
            message = f"This needs the scope {scope}, which the identity provider has not given you"
        else:
            message = f"This needs a token with the scope {scope}; an ADMIN of the workspace can create one"
        raise refusal(Code.FORBIDDEN, message, scope=scope.value)


class Require(FieldExtension):
    """Checks the scope before the field's resolver runs."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def check(self, context: Context) -> None:
        check_scope(context, self._scope)

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        self.check(info.context)
        return next_(source, info, **kwargs)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        self.check(info.context)
        result = next_(source, info, **kwargs)
        return await result if isawaitable(result) else result


def require(scope: Scope) -> Require:
    """Make the extensions of a field that needs the scope: without it the field answers FORBIDDEN. As in
    `@strawberry.field(extensions=[require(Scope.ADMIN)])`."""
    return Require(scope)
