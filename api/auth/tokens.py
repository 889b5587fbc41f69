"""Who asks: an API token, known by its SHA-256.

A token has 256 random bits, so its hash needs to be neither slow nor salted. It stands in the Authorization header,
or in the `connection_init` of a socket, and nowhere else.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from inspect import isawaitable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from strawberry.extensions import FieldExtension
from strawberry.types import Info

from api.context import Context, Viewer
from api.errors import Code, refusal
from domain.practice.workspaces import included, token_hash
from domain.tables import ActorKind, Scope
from domain.tx import Actor
from runtime.database import Database

BEARER = re.compile(r"[Bb]earer +([!-~]{1,200}) *")
TOUCH = timedelta(minutes=1)


def find_bearer(header: object) -> str | None:
    """The token in `Bearer …`; None where it is anything else."""
    found = BEARER.fullmatch(header) if isinstance(header, str) else None
    return found[1] if found else None


class Tokens:
    """Looked up anew each time, so that a revoked one ends at once. `last_used_at` is at most a minute old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._touched: dict[UUID, datetime] = {}

    async def find_viewer(self, token: str) -> Viewer | None:
        """None where it is unknown, revoked or expired."""
        now = self._database.clock.now()
        async with self._database.door() as session:
            found = await session.execute(
                sa.text("select * from door.find_token(:hash, :now)"),
                {"hash": token_hash(token), "now": now},
            )
            row = found.mappings().one_or_none()
        if row is None:
            return None
        scopes = included([Scope(name) for name in row["scopes"]])
        actor = Actor(ActorKind.API_TOKEN, row["name"], row["token_id"])
        viewer = Viewer(row["workspace_id"], actor, scopes, row["expires_at"])
        await self._touch(viewer, row["token_id"], now)
        return viewer

    async def _touch(self, viewer: Viewer, token: UUID, now: datetime) -> None:
        last = self._touched.get(token)
        if last is not None and now - last < TOUCH:
            return
        self._touched[token] = now
        async with self._database.transaction(viewer.workspace, viewer.actor) as tx:
            await tx.run(
                "update api_token set last_used_at = :now where workspace_id = :ws and id = :id"
                " and (last_used_at is null or last_used_at < :before)",
                id=token,
                before=now - TOUCH,
            )


def check_scope(context: Context, scope: Scope) -> None:
    """Raises what the client is told."""
    if context.viewer is None:
        raise refusal(Code.UNAUTHENTICATED, "This needs a token")
    if scope not in context.viewer.scopes:
        raise refusal(Code.FORBIDDEN, f"This needs a token with scope {scope}", scope=scope.value)


class Require(FieldExtension):
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        check_scope(info.context, self._scope)
        return next_(source, info, **kwargs)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        check_scope(info.context, self._scope)
        result = next_(source, info, **kwargs)
        return await result if isawaitable(result) else result  # a subscription's is an async generator


def require(scope: Scope) -> Require:
    """`@strawberry.field(extensions=[require(Scope.ADMIN)])`: FORBIDDEN without that scope."""
    return Require(scope)
