"""What an operator does about practices: `tandem workspace`, `tandem token` and `tandem erase`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
import typer

from domain.actions import erase as erase_action
from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.practice import workspaces
from domain.problems import Code, refuse
from domain.tables import ApiToken, Scope
from domain.tx import TANDEM, Tx
from runtime import database
from runtime.commands.required_settings import configured
from runtime.settings import SettingsError

app = typer.Typer()
workspace_app = typer.Typer(no_args_is_help=True, help="Make and list workspaces, one a practice.")
token_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke a workspace's API tokens.")
app.add_typer(workspace_app, name="workspace")
app.add_typer(token_app, name="token")

Gives = TypeVar("Gives")
Of = Annotated[
    str, typer.Argument(metavar="WORKSPACE", help="its id, as `tandem workspace list` or the API gives it")
]


@workspace_app.command("create")
def create_workspace(
    name: str,
    currency: Annotated[str, typer.Option(help="ISO 4217, such as NZD")],
) -> None:
    """Make a workspace, and print its first ADMIN token, this once."""
    made = uuid4()

    async def create(tx: Tx) -> str:
        await workspaces.create(tx, name, currency)
        return (await workspaces.create_token(tx, "First token", [Scope.ADMIN], within=list(Scope)))[1]

    token = _within(made, create)
    typer.echo(f"Workspace {made}\nToken     {token}\nThe token is not shown again.")


@workspace_app.command("list")
def list_workspaces() -> None:
    """List all workspaces: id, name, currency, and the Xero organisations of each."""
    found = asyncio.run(_list_workspaces())
    for one in found:
        typer.echo(f"{one.id}  {one.name}, {one.currency}")
        for organisation in one.organisations:
            typer.echo(f"{' ' * 38}{organisation}")
    if not found:
        typer.echo("There is none yet: tandem workspace create NAME --currency NZD")


@dataclass(frozen=True)
class Listed:
    id: UUID
    name: str
    currency: str
    organisations: list[str]


async def _list_workspaces() -> list[Listed]:
    listed = []
    async with _opened() as db:
        async with db.door() as session:
            keys = (await session.scalars(sa.text("select * from door.every_workspace()"))).all()
        for key in keys:
            async with db.transaction(key, TANDEM) as tx:
                row = await tx.row("select name, currency from workspace where id = :ws")
                organisations = await tx.rows(
                    "select name, base_currency, health, started_at from organisation where workspace_id = :ws"
                    " order by connected_at, id"
                )
            if row is not None:
                listed.append(
                    Listed(key, row["name"], row["currency"], [_organisation(o) for o in organisations])
                )
    return listed


def _organisation(row: dict[str, Any]) -> str:
    begun = f"in sync since {row['started_at']:%Y-%m-%d}" if row["started_at"] else "sync not started"
    currency = row["base_currency"] or "not read yet"
    return f"{row['name']}, {currency}: {row['health']}, {begun}"


@token_app.command("create")
def create_token(
    workspace: Of,
    name: Annotated[str, typer.Argument(help="what the token is for")],
    scope: Annotated[Scope, typer.Option(help="each includes those before it")] = Scope.READ,
) -> None:
    """Make another API token for a workspace, and print it, this once."""

    async def create(tx: Tx) -> str:
        await _check(tx)
        return (await workspaces.create_token(tx, name, [scope], within=list(Scope)))[1]

    typer.echo(f"Token     {_within(_workspace(workspace), create)}\nThe token is not shown again.")


@token_app.command("list")
def list_tokens(workspace: Of) -> None:
    """List the API tokens that were not revoked: id, first letters, scope, name, and when each was used."""

    async def find(tx: Tx) -> list[ApiToken]:
        await _check(tx)
        return await workspaces.find_tokens(tx)

    for token in _within(_workspace(workspace), find):
        used = f"last used {_day(token.last_used_at)}" if token.last_used_at else "never used"
        ends = f", until {_day(token.expires_at)}" if token.expires_at else ""
        typer.echo(
            f"{token.id}  {token.hint}…  {token.scopes[-1]:<5}  {token.name}: made {_day(token.created_at)}, {used}{ends}"
        )


@token_app.command("revoke")
def revoke_token(
    workspace: Of,
    token: Annotated[str, typer.Argument(help="its id, as `tandem token list` or the API gives it")],
) -> None:
    """Revoke an API token: at once for requests, within 5 s on open sockets."""
    key = _key_of("ApiToken", token)
    if key is None:
        raise refuse(Code.NOT_FOUND, "There is no such token: give its id, as `tandem token list` shows it.")

    async def revoke(tx: Tx) -> None:
        await _check(tx)
        await workspaces.revoke_token(tx, key)

    _within(_workspace(workspace), revoke)
    typer.echo("Revoked.")


@app.command()
def erase(
    workspace: Of,
    contact: Annotated[str, typer.Argument(help="the contact's id, as the API gives it")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Erase a contact for good: no personal value of it stays.

    Its history is emptied too, and no sync brings it back. A contact with invoices is refused."""
    where, key = _key_of("Workspace", workspace), _key_of("Contact", contact)
    if where is None or key is None:
        raise refuse(Code.NOT_FOUND, "There is no such contact: give the workspace's id, then the contact's.")

    async def find(tx: Tx) -> str | None:
        found = await contact_edits.find(tx, key)
        return found.name if found else None

    async def erased(tx: Tx) -> erase_action.Erased:
        async with issues.evaluating(tx):
            return await erase_action.erase(tx, key)

    name = _within(where, find)
    if name is None:
        raise refuse(Code.NOT_FOUND, "There is no such contact.")
    if not yes:
        typer.confirm(f"This cannot be taken back. Erase {name!r}?", abort=True)
    left = _within(where, erased).left_in_xero
    typer.echo("Erased.")
    for organisation, xero_contact in left:
        typer.echo(
            f"Xero still holds its contact in {organisation}: {xero_contact}. Only Xero's own pages can erase it."
        )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _workspace(text: str) -> UUID:
    key = _key_of("Workspace", text)
    if key is None:
        raise refuse(Code.NOT_FOUND, f"There is no workspace {text}; `tandem workspace list` shows them.")
    return key


async def _check(tx: Tx) -> None:
    if not await workspaces.exists(tx):
        raise refuse(
            Code.NOT_FOUND, f"There is no workspace {tx.workspace}; `tandem workspace list` shows them."
        )


def _key_of(kind: str, text: str) -> UUID | None:
    """By the API's id, or the plain one."""
    with suppress(ValueError):
        return UUID(text)
    from api.relay import ids  # noqa: PLC0415 - see tests/test_house.py

    return ids.find(kind, text)


def _within(workspace: UUID, act: Callable[[Tx], Awaitable[Gives]]) -> Gives:
    """Do it in one transaction of the workspace."""

    async def run() -> Gives:
        async with _opened() as db, db.transaction(workspace, TANDEM) as tx:
            return await act(tx)

    return asyncio.run(run())


@asynccontextmanager
async def _opened() -> AsyncIterator[database.Database]:
    settings = configured()
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL: needed")
    db = database.connect(settings.database_url)
    try:
        yield db
    finally:
        await db.close()
