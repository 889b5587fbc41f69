"""The caller of a request (viewer), users and API tokens, and the actors of changes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Self, TypedDict
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.described import described
from api.relay.loaders import batch, load, load_later
from api.relay.node import Node
from api.relay.paging import Asked, Connection, Edge, Key, Listing, Order
from api.relay.rows import columns
from api.schema.refs import API_TOKEN, USER
from domain.described import DescribedEnum
from domain.tables import ActorKind, Scope
from domain.tx import Reader


@described
class ViewerKind(DescribedEnum):
    """How the caller of this request identified itself."""

    USER = "USER", "By the sign-in of a person."
    API_TOKEN = (
        "API_TOKEN",
        "By an API token in the Authorization header.",
    )


class UserRow(NamedTuple):
    id: UUID
    name: str
    email: str | None
    scopes: list[str]
    last_seen_at: datetime | None


class StoredActor(TypedDict):
    """An actor in the form in which Actor.as_json stores it."""

    kind: str
    name: str
    id: str | None


class ApiTokenRow(NamedTuple):
    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    created_by: StoredActor
    last_used_at: datetime | None
    expires_at: datetime | None
    hint: str


def in_order(scopes: Collection[str]) -> list[Scope]:
    return [scope for scope in Scope if scope in scopes]


@strawberry.type(
    description="A person who has signed in. The identity provider decides who may sign in, and with which"
    " scope."
)
class User(Node):
    name: str = strawberry.field(
        description="The person's name as the identity provider gave it at the last sign-in."
    )
    email: str | None = strawberry.field(
        description="The person's email address as the identity provider gave it. Null if the provider"
        " gives none."
    )
    scopes: list[Scope] = strawberry.field(
        description="The scopes of this person, from the narrowest to the widest."
    )
    last_seen_at: datetime | None = strawberry.field(
        description="When this person last sent a request. Null if they never did."
    )

    @classmethod
    def of(cls, row: UserRow) -> Self:
        return cls(
            id=ids.encode("User", row.id),
            name=row.name,
            email=row.email,
            scopes=in_order(row.scopes),
            last_seen_at=row.last_seen_at,
        )


@strawberry.type(description="A row of a page: a user, with its cursor.")
class UserEdge(Edge):
    node: User = strawberry.field(description="The user in this row.")


@strawberry.type(description="A page of the people who have signed in. It has no total count.")
class UserConnection(Connection):
    edges: list[UserEdge] = strawberry.field(description="The users of this page, sorted by name.")


USERS = Listing(
    row=UserRow,
    columns=columns(UserRow, "u"),
    source="app_user u",
    order=Order("users", (Key('u.name collate "C"', str),)),
    id="u.id",
    where=("u.workspace_id = :ws",),
)


async def users(context: Context, page: Asked) -> UserConnection:
    async with context.transaction() as tx:
        found = await USERS.read(tx, page)
    return UserConnection(
        edges=[UserEdge(cursor=cursor, node=User.of(row)) for cursor, row in found.rows], page_info=found.info
    )


@batch(USER, node="User")
async def _users(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, User]:
    rows = await tx.read(
        UserRow,
        f"select {columns(UserRow, 'u')} from app_user u where u.workspace_id = :ws and u.id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: User.of(row) for row in rows}


@strawberry.type(
    description="The person, token or program that made a change. The name stays readable after the user or the"
    " token is gone."
)
class Actor:
    key: strawberry.Private[UUID | None]
    kind: ActorKind = strawberry.field(
        description="Whether a person, a tool, Xero or Tandem made the change."
    )
    name: str = strawberry.field(description="The actor's name at the time of the change.")

    @classmethod
    def of(cls, given: StoredActor) -> Self:
        key = given["id"]
        return cls(key=UUID(str(key)) if key else None, kind=ActorKind(given["kind"]), name=given["name"])

    @strawberry.field(
        description="The user, if `kind` is USER. Null for every other kind, and if the user no longer"
        " exists."
    )
    def user(self, info: Info[Context, None]) -> User | None:
        if self.kind is not ActorKind.USER or self.key is None:
            return None
        return load_later(info.context, USER, self.key)

    @strawberry.field(
        description="The API token, if `kind` is API_TOKEN. Null for every other kind, and if the token was"
        " revoked."
    )
    def api_token(self, info: Info[Context, None]) -> "ApiToken | None":
        if self.kind is not ActorKind.API_TOKEN or self.key is None:
            return None
        return load_later(info.context, API_TOKEN, self.key)


@strawberry.type(
    description="A credential for a tool or a script. The secret itself is shown only once, by"
    " createApiToken."
)
class ApiToken(Node):
    name: str = strawberry.field(description="The purpose of the token, as its maker described it.")
    scopes: list[Scope] = strawberry.field(
        description="The scopes of the token, from the narrowest to the widest."
    )
    created_at: datetime = strawberry.field(description="When createApiToken made the token.")
    created_by: Actor = strawberry.field(description="The person or token that made this token.")
    last_used_at: datetime | None = strawberry.field(
        description="When a request last used the token, to the minute. Null if it was never used."
    )
    expires_at: datetime | None = strawberry.field(
        description="From this time on the token is refused. Null: it does not expire."
    )
    hint: str = strawberry.field(
        description="The first characters of the secret, by which a person can recognise the token in a list."
    )

    @classmethod
    def of(cls, row: ApiTokenRow) -> Self:
        return cls(
            id=ids.encode("ApiToken", row.id),
            name=row.name,
            scopes=in_order(row.scopes),
            created_at=row.created_at,
            created_by=Actor.of(row.created_by),
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            hint=row.hint,
        )


_TOKENS = (
    f"select {columns(ApiTokenRow, 't')} from api_token t where t.workspace_id = :ws and t.revoked_at is null"
)


@batch(API_TOKEN, node="ApiToken")
async def _tokens(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, ApiToken]:
    rows = await tx.read(ApiTokenRow, f"{_TOKENS} and t.id = any(:ids)", ids=list(keys))
    return {row.id: ApiToken.of(row) for row in rows}


async def api_tokens(context: Context) -> list[ApiToken]:
    async with context.transaction() as tx:
        rows = await tx.read(ApiTokenRow, f"{_TOKENS} order by t.created_at, t.id")
    return [ApiToken.of(row) for row in rows]


@strawberry.type(description="The caller of this request: a person or an API token.")
class Viewer:
    id: strawberry.ID = strawberry.field(
        description="An id of the viewer itself. It differs from the id of `user` or `apiToken`."
    )
    name: str = strawberry.field(description="The name of the person or of the API token.")
    kind: ViewerKind = strawberry.field(description="Whether the caller is a person or an API token.")
    scopes: list[Scope] = strawberry.field(
        description="The scopes of the caller, from the narrowest to the widest. A mutation without its scope is"
        " answered with FORBIDDEN."
    )
    user: User | None = strawberry.field(
        description="The person who sent the request. Null for an API token."
    )
    api_token: ApiToken | None = strawberry.field(
        description="The token that sent the request. Null for a person."
    )


async def viewer(context: Context) -> Viewer:
    who = context.viewer
    assert who is not None, "the field's scope was checked"
    actor = who.actor
    person = actor.kind is ActorKind.USER
    return Viewer(
        id=ids.encode("Viewer", actor.id or ids.NOWHERE),
        name=actor.name,
        kind=ViewerKind.USER if person else ViewerKind.API_TOKEN,
        scopes=in_order(who.scopes),
        user=await load(context, USER, actor.id) if person and actor.id else None,
        api_token=await load(context, API_TOKEN, actor.id) if not person and actor.id else None,
    )
