"""The `tandem` command."""

import asyncio
import base64
import pkgutil
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import typer
from rich.console import Console
from sqlalchemy.engine import make_url
from uvicorn.loops.auto import auto_loop_factory

from domain import contacts, erasure, issues, workspaces
from domain.problems import Code, Refused, refuse
from domain.tables import Scope
from domain.tx import TANDEM
from runtime import database, embedded, logs, offline
from runtime import demo as demonstration
from runtime import doctor as examination
from runtime import migrate as migration
from runtime.children import StartError
from runtime.settings import Settings, SettingsError, load
from workers.run import work_until_told
from xero.simulator.serve import run as serve_simulator

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
workspace_app = typer.Typer(no_args_is_help=True, help="Workspaces: one a practice.")
token_app = typer.Typer(no_args_is_help=True, help="API tokens.")
app.add_typer(workspace_app, name="workspace")
app.add_typer(token_app, name="token")
app.add_typer(offline.app)
SCHEMA = Path(__file__).resolve().parent.parent / "schema.graphql"
MARKS = {True: ("ok", "green"), False: ("mend", "red"), None: ("-", "dim")}


def main() -> None:
    """Errors that a person can mend are a line each, without a trace, and exit code 1."""
    try:
        app()
    except (SettingsError, StartError, migration.MigrateError, Refused) as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
        raise SystemExit(1) from None


def configured() -> Settings:
    """The settings. Where no server is set, those of the demo that runs in the data folder, or of embedded parts there."""
    settings = load()
    logs.configure(settings.log_level, settings.log_format)
    if not settings.embedded:
        return settings
    parts = embedded.get_running(settings.tandem_data)
    demos = demonstration.find_settings(settings.tandem_data)
    return load(**demos) if demos else settings.joined(parts)


@app.callback()
def tandem() -> None:
    """Keeps an accounting practice's contacts in step with Xero, behind one GraphQL API."""


@app.command()
def migrate() -> None:
    """Bring the database up to date (DATABASE_ADMIN_URL), and let the role of DATABASE_URL use it."""
    settings = configured()
    if settings.database_admin_url is None or settings.database_url is None:
        raise SettingsError("DATABASE_ADMIN_URL: needed to migrate; the owner of the database")
    role = make_url(settings.database_url).username
    if role is None:
        raise SettingsError("DATABASE_URL: names no role")
    revision = asyncio.run(migration.migrate(settings.database_admin_url, role))
    typer.echo(f"The database is at {revision}, and {role} may use it.")


@app.command()
def serve() -> None:
    """Run the API on HOST and PORT, until SIGTERM or SIGINT; requests that run then have 10 s to finish."""
    # Found by name: the other commands start without building the schema.
    edge, schema, routes = (
        pkgutil.resolve_name(name) for name in ("api.serve:serve", "api.schema:schema", "api.connect:routes")
    )
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(edge(configured(), schema, routes))


@app.command()
def doctor(
    everything: Annotated[bool, typer.Option("--all", help="also list each setting")] = False,
) -> None:
    """Say what is configured, what answers and what is missing. Exit code 1 if something needed is."""
    settings = load()
    where = examination.origin(settings, demo=demonstration.find_settings(settings.tandem_data) is not None)
    looked_at = configured()
    logs.configure("WARNING", "text")  # what is asked of others is told below
    findings = [where, *asyncio.run(examination.examine(looked_at))]
    console = Console(soft_wrap=True, markup=False, highlight=False)
    for finding in findings:
        if everything or finding.subject.upper() != finding.subject:
            mark, style = MARKS[finding.ok]
            console.print(f"{mark:<5}", style=style, end="")
            console.print(f"{finding.subject:<{22 if everything else 14}}{finding.says}")
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="end by itself, with one line of JSON")] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="begin anew: what an earlier demo left is deleted")
    ] = False,
) -> None:
    """Run the main job on embedded parts and the Xero simulator, and stay up until Ctrl-C."""
    demonstration.demo(load(), once=once, reset=reset)


@app.command()
def simulator(
    port: int = 8100,
    contacts: int = 1200,
    seed: int = 1,
    data: Annotated[Path | None, typer.Option(help="file that keeps the organisation between runs")] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="another redirect URI of the demo app")
    ] = None,
    webhook_url: Annotated[str | None, typer.Option(help="where the demo app is told of changes")] = None,
    webhook_key: Annotated[str, typer.Option(help="what those bodies are signed with")] = "",
) -> None:
    """Run the stand-in Xero on 127.0.0.1."""
    webhooks = (webhook_url, webhook_key) if webhook_url else None
    serve_simulator("127.0.0.1", port, contacts, seed, data, tuple(redirect_uri or ()), webhooks)


@app.command()
def worker() -> None:
    """Do what is due: imports, and what keeps the house. Ends on SIGTERM, with the page in hand finished."""
    asyncio.run(work_until_told(configured()))


@workspace_app.command("create")
def create_workspace(
    name: str,
    currency: Annotated[str, typer.Option(help="ISO 4217, such as NZD")],
) -> None:
    """Make a workspace, and print its first ADMIN token, this once."""
    made = uuid4()
    token = asyncio.run(_create_workspace(configured(), made, name, currency))
    typer.echo(f"Workspace {made}\nToken     {token}\nThe token is not shown again.")


async def _create_workspace(settings: Settings, made: UUID, name: str, currency: str) -> str:
    async with _opened(settings) as db, db.transaction(made, TANDEM) as tx:
        await workspaces.create(tx, name, currency)
        return (await workspaces.create_token(tx, "First token", [Scope.ADMIN], within=list(Scope)))[1]


@token_app.command("create")
def create_token(
    workspace: Annotated[UUID, typer.Argument(help="the id that `tandem workspace create` printed")],
    name: Annotated[str, typer.Argument(help="what the token is for")],
    scope: Annotated[Scope, typer.Option(help="each includes those before it")] = Scope.READ,
) -> None:
    """Make another API token for a workspace, and print it, this once."""
    token = asyncio.run(_create_token(configured(), workspace, name, scope))
    typer.echo(f"Token     {token}\nThe token is not shown again.")


async def _create_token(settings: Settings, workspace: UUID, name: str, scope: Scope) -> str:
    async with _opened(settings) as db, db.transaction(workspace, TANDEM) as tx:
        if not await workspaces.exists(tx):
            raise refuse(Code.NOT_FOUND, f"There is no workspace {workspace}.")
        return (await workspaces.create_token(tx, name, [scope], within=list(Scope)))[1]


@app.command()
def erase(
    workspace: Annotated[str, typer.Argument(help="the workspace's id, as the API or its making gave it")],
    contact: Annotated[str, typer.Argument(help="the contact's id, as the API gives it")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Erase a contact for good: no personal value of it stays, history included, and no sync brings one back."""
    where, key = _key_of("Workspace", workspace), _key_of("Contact", contact)
    if where is None or key is None:
        raise refuse(Code.NOT_FOUND, "There is no such contact: give the workspace's id, then the contact's.")
    settings = configured()
    name = asyncio.run(_name_of(settings, where, key))
    if not yes:
        typer.confirm(f"This cannot be taken back. Erase {name!r}?", abort=True)
    left = asyncio.run(_erase(settings, where, key)).left_in_xero
    typer.echo("Erased.")
    for organisation, xero_contact in left:
        typer.echo(
            f"Xero still holds its contact in {organisation}: {xero_contact}. Only Xero's own pages can erase it."
        )


def _key_of(kind: str, text: str) -> UUID | None:
    """By the API's id, or the plain one."""
    with suppress(ValueError):
        return UUID(text)
    key: UUID | None = pkgutil.resolve_name("api.ids:maybe")(kind, text)
    return key


async def _name_of(settings: Settings, workspace: UUID, contact: UUID) -> str:
    async with _opened(settings) as db, db.transaction(workspace, TANDEM) as tx:
        found = await contacts.find(tx, contact)
    if found is None:
        raise refuse(Code.NOT_FOUND, "There is no such contact.")
    return found.name


async def _erase(settings: Settings, workspace: UUID, contact: UUID) -> erasure.Erased:
    async with _opened(settings) as db, db.transaction(workspace, TANDEM) as tx, issues.judging(tx):
        return await erasure.erase(tx, contact)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[database.Database]:
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL: needed")
    db = database.connect(settings.database_url, hide_parameters=True)
    try:
        yield db
    finally:
        await db.close()


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="compare with schema.graphql instead")] = False,
) -> None:
    """Print the GraphQL schema, with its descriptions. --check: exit code 1 if schema.graphql is another."""
    printed = pkgutil.resolve_name("api.schema:schema").as_str() + "\n"
    if not check:
        typer.echo(printed, nl=False)
    elif not SCHEMA.is_file() or SCHEMA.read_text() != printed:
        typer.echo("schema.graphql is not what the code says: tandem schema > schema.graphql", err=True)
        raise typer.Exit(1)


@app.command()
def key() -> None:
    """Make a key for TANDEM_KEYS. Put a new one first; keep the old ones until nothing is sealed with them."""
    name = secrets.token_hex(4)
    typer.echo(f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}")
