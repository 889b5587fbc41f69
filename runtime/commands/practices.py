"""The operator's commands about practices: `tandem workspace`, `connect`, `token`, `user` and `erase`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID, uuid4

import httpx
import typer
from sqlmodel import col, select

from domain.actions import erase as erase_action
from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.practice import people, workspaces
from domain.problems import Code, refuse
from domain.tables import ApiToken, Organisation, Scope, User, Workspace
from domain.tx import TANDEM, Tx
from runtime import database
from runtime.commands import keys
from runtime.commands.required_settings import configured
from runtime.settings import SettingsError

app = typer.Typer()
workspace_app = typer.Typer(no_args_is_help=True, help="Create and list workspaces. Each practice has one.")
token_app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API tokens of a workspace.")
app.add_typer(workspace_app, name="workspace")
app.add_typer(token_app, name="token")
user_app = typer.Typer(no_args_is_help=True, help="List the people who have signed in, and sign them out.")
app.add_typer(user_app, name="user")

Result = TypeVar("Result")
Of = Annotated[
    str,
    typer.Argument(metavar="WORKSPACE", help="the workspace's id, from `tandem workspace list` or the API"),
]


@workspace_app.command("create")
def create_workspace(
    name: Annotated[str, typer.Argument(metavar="NAME", help="the practice's name")],
    currency: Annotated[
        str, typer.Option(help="the practice's currency, three letters of ISO 4217, for example NZD")
    ],
) -> None:
    """Create a workspace, and print its first API token, with scope ADMIN. The token is printed only once."""
    made = uuid4()

    async def create(tx: Tx) -> str:
        await workspaces.create(tx, name, currency)
        return (await workspaces.create_token(tx, "First token", [Scope.ADMIN], within=list(Scope)))[1]

    token = _within(made, create)
    typer.echo(f"Workspace {made}\nToken     {token}\nKeep the token: it is not shown again.")


@workspace_app.command("list")
def list_workspaces() -> None:
    """List the workspaces: id, name, currency, and the Xero organisations of each."""
    found = asyncio.run(_list_workspaces())
    for workspace, organisations in found:
        typer.echo(f"{workspace.id}  {workspace.name}, {workspace.currency}")
        for organisation in organisations:
            typer.echo(f"{' ' * 38}{_describe(organisation)}")
    if not found:
        typer.echo("There are no workspaces. Create one: tandem workspace create NAME --currency NZD")


async def _list_workspaces() -> list[tuple[Workspace, Sequence[Organisation]]]:
    listed: list[tuple[Workspace, Sequence[Organisation]]] = []
    async with _opened() as db:
        for key in await db.workspaces():
            async with db.transaction(key, TANDEM) as tx:
                workspace = await tx.session.get(Workspace, key)
                organisations = await tx.session.scalars(
                    select(Organisation)
                    .where(col(Organisation.workspace_id) == key)
                    .order_by(col(Organisation.connected_at), col(Organisation.id))
                )
            if workspace is not None:
                listed.append((workspace, organisations.all()))
    return listed


def _describe(organisation: Organisation) -> str:
    began = organisation.started_at
    sync = f"in sync since {began:%Y-%m-%d}" if began else "sync not started"
    currency = organisation.base_currency or "currency not read yet"
    return f"{organisation.name}, {currency}: {organisation.health}, {sync}"


@app.command("connect")
def connect_custom_connection(
    workspace: Of,
    client_id: Annotated[
        str, typer.Argument(metavar="CLIENT_ID", help="of the custom connection at developer.xero.com")
    ],
) -> None:
    """Connect an organisation through a custom connection of Xero. The command asks for its secret.

    Repeat it after the secret was changed at Xero. Other organisations are connected with the mutation connectXero."""
    key = _workspace(workspace)
    secret = typer.prompt("Client secret", hide_input=True, prompt_suffix=": ")
    name = asyncio.run(_connect(key, client_id, secret))
    typer.echo(f"{name} is connected. A worker reads it now; start its sync with startContactSync.")


async def _connect(workspace: UUID, client_id: str, secret: str) -> str:
    from api.consent import custom  # noqa: PLC0415 - see tests/test_house.py

    settings = configured()
    given = custom.Credentials.read(client_id, secret)
    async with _opened() as db, httpx.AsyncClient() as http:
        async with db.transaction(workspace, TANDEM) as tx:
            await _check(tx)
        organisation = await custom.connect(settings, db, keys.ring(settings), http, workspace, TANDEM, given)
        async with db.transaction(workspace, TANDEM) as tx:
            return (await tx.session.get_one(Organisation, (workspace, organisation))).name


@token_app.command("create")
def create_token(
    workspace: Of,
    name: Annotated[str, typer.Argument(metavar="NAME", help="a name that says who uses the token")],
    scope: Annotated[Scope, typer.Option(help="WRITE includes READ, and ADMIN includes both")] = Scope.READ,
) -> None:
    """Create an API token of a workspace, and print it. It is printed only once."""

    async def create(tx: Tx) -> str:
        await _check(tx)
        return (await workspaces.create_token(tx, name, [scope], within=list(Scope)))[1]

    typer.echo(f"Token     {_within(_workspace(workspace), create)}\nKeep the token: it is not shown again.")


@token_app.command("list")
def list_tokens(workspace: Of) -> None:
    """List the API tokens in force: id, first letters, widest scope, name, and when each was used."""

    async def find(tx: Tx) -> list[ApiToken]:
        await _check(tx)
        return await workspaces.find_tokens(tx)

    for token in _within(_workspace(workspace), find):
        used = f"last used {_day(token.last_used_at)}" if token.last_used_at else "never used"
        ends = f", until {_day(token.expires_at)}" if token.expires_at else ""
        typer.echo(
            f"{token.id}  {token.hint}…  {token.scopes[-1]:<5}  {token.name}: created {_day(token.created_at)}, {used}{ends}"
        )


@token_app.command("revoke")
def revoke_token(
    workspace: Of,
    token: Annotated[
        str, typer.Argument(metavar="TOKEN", help="the token's id, from `tandem token list` or the API")
    ],
    last: Annotated[
        bool, typer.Option("--last", help="revoke it even if it is the workspace's last token with ADMIN")
    ] = False,
) -> None:
    """Revoke an API token. Requests end at once, open sockets within 5 s."""
    key = _key_of("ApiToken", token)
    if key is None:
        raise refuse(Code.NOT_FOUND, "There is no such token. `tandem token list` shows the ids.")

    async def revoke(tx: Tx) -> None:
        await _check(tx)
        await workspaces.revoke_token(tx, key, even_the_last=last)

    _within(_workspace(workspace), revoke)
    typer.echo("The token is revoked.")


@user_app.command("list")
def list_users(workspace: Of) -> None:
    """List the people who have signed in: id, widest scope, name, email, and when each was last seen."""

    async def find(tx: Tx) -> list[User]:
        await _check(tx)
        return await people.find_people(tx)

    for user in _within(_workspace(workspace), find):
        seen = f"last seen {_day(user.last_seen_at)}" if user.last_seen_at else "never seen"
        out = f", signed out {_day(user.signed_out_at)}" if user.signed_out_at else ""
        email = f" <{user.email}>" if user.email else ""
        typer.echo(f"{user.id}  {user.scopes[-1]:<5}  {user.name}{email}: {seen}{out}")


@user_app.command("sign-out")
def sign_out(
    workspace: Of,
    user: Annotated[
        str, typer.Argument(metavar="USER", help="the user's id, from `tandem user list` or the API")
    ],
) -> None:
    """Sign a person out: the tokens that they have now are refused. Requests end at once, open sockets within 5 s.

    The person may sign in again. To keep a person out, end their account at the identity provider first."""
    key = _key_of("User", user)
    if key is None:
        raise refuse(Code.NOT_FOUND, "There is no such user. `tandem user list` shows the ids.")

    async def end(tx: Tx) -> str:
        await _check(tx)
        return (await people.sign_out(tx, key)).name

    typer.echo(f"{_within(_workspace(workspace), end)} is signed out.")


@app.command()
def erase(
    workspace: Of,
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="the contact's id, from the API")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
) -> None:
    """Erase a contact and all its personal data, also in the activity.

    It cannot be undone, and no sync brings the contact back. A contact with invoices cannot be erased."""
    where, key = _key_of("Workspace", workspace), _key_of("Contact", contact)
    if where is None or key is None:
        raise refuse(
            Code.NOT_FOUND, "There is no such contact. Give the workspace's id, then the contact's id."
        )

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
        typer.confirm(f"Erase {name!r}? This cannot be undone.", abort=True)
    left = _within(where, erased).left_in_xero
    typer.echo("The contact is erased.")
    for organisation, xero_contact in left:
        typer.echo(
            f"Xero still has the contact in {organisation}: {xero_contact}. Only a person can erase it, in Xero's own pages."
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
    """The key of an id: the API's id, or the UUID itself. None for anything else."""
    with suppress(ValueError):
        return UUID(text)
    from api.relay import ids  # noqa: PLC0415 - see tests/test_house.py

    return ids.find(kind, text)


def _within(workspace: UUID, act: Callable[[Tx], Awaitable[Result]]) -> Result:
    """Run `act` in one transaction of the workspace."""

    async def run() -> Result:
        async with _opened() as db, db.transaction(workspace, TANDEM) as tx:
            return await act(tx)

    return asyncio.run(run())


@asynccontextmanager
async def _opened() -> AsyncIterator[database.Database]:
    settings = configured()
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL: set it to the address of the database")
    db = database.connect(settings.database_url)
    try:
        yield db
    finally:
        await db.close()
