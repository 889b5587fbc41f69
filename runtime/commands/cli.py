"""The `tandem` command."""

import asyncio
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.engine import make_url
from uvicorn.loops.auto import auto_loop_factory

from domain.problems import Refused
from runtime import demo as demonstration
from runtime import logs
from runtime.commands import doctor as doctor_command
from runtime.commands import keys, match_command, practices
from runtime.commands import migrate as migrate_command
from runtime.commands.required_settings import configured
from runtime.embedded.children import StartError
from runtime.embedded.ports import refuse_busy
from runtime.seal import new_key
from runtime.settings import SettingsError, load, read
from workers.run import work_until_told
from xero.simulator.serve import run as serve_simulator

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(practices.app)
app.add_typer(keys.app)
app.add_typer(match_command.app)
SCHEMA = Path(__file__).resolve().parents[2] / "schema.graphql"
MARKS = {True: ("ok", "green"), False: ("mend", "red"), None: ("-", "dim")}


def main() -> None:
    """Errors that a person can mend are a line each, without a trace, and exit code 1."""
    try:
        app()
    except (SettingsError, StartError, migrate_command.MigrateError, Refused) as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
        raise SystemExit(1) from None


@app.callback()
def tandem() -> None:
    """Keeps an accounting practice's contacts in step with Xero, behind one GraphQL API."""


@app.command()
def migrate() -> None:
    """Bring the database up to date, as DATABASE_ADMIN_URL.

    The role of DATABASE_URL is let use it."""
    settings = configured()
    if settings.database_admin_url is None or settings.database_url is None:
        raise SettingsError("DATABASE_ADMIN_URL: needed to migrate; the owner of the database")
    role = make_url(settings.database_url).username
    if role is None:
        raise SettingsError("DATABASE_URL: names no role")
    revision = asyncio.run(migrate_command.migrate(settings.database_admin_url, role))
    typer.echo(f"The database is at {revision}, and {role} may use it.")


@app.command()
def serve() -> None:
    """Run the API on HOST and PORT until SIGTERM or SIGINT.

    Requests that run then have 10 s to finish."""
    from api.consent.connect import routes  # noqa: PLC0415 - see tests/test_house.py
    from api.http import serve as api_server  # noqa: PLC0415
    from api.root import schema as api_schema  # noqa: PLC0415

    settings = configured("host", "port")
    try:
        refuse_busy(settings.host, settings.port)
    except StartError as error:
        demos = demonstration.find_settings(settings.tandem_data) or {}
        its = f"port {settings.port} is the demo's, whose API answers there; set PORT to another for a second API"
        typer.echo(its if demos.get("port") == str(settings.port) else str(error), err=True)
        raise typer.Exit(3) from None  # uvicorn's own, for a server that could not start
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(api_server.serve(settings, api_schema, routes))


@app.command()
def doctor(
    everything: Annotated[bool, typer.Option("--all", help="also list each setting")] = False,
) -> None:
    """Say what is configured, what answers and what is missing.

    Exit code 1 if something that is needed is missing."""
    settings, wrong = read()
    beside_demo = demonstration.find_settings(settings.tandem_data) is not None
    where = doctor_command.origin(settings, demo=beside_demo, wrong=bool(wrong))
    looked_at = settings if wrong else configured()
    logs.configure("WARNING", "text")  # what is asked of others is told below
    findings = [where, *(doctor_command.Finding("Setting", False, each) for each in wrong)]
    findings += asyncio.run(doctor_command.examine(looked_at))
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
    """Run the main job on embedded parts and a stand-in Xero.

    It stays up until Ctrl-C, and a later start finds what the first one made."""
    demonstration.demo(load(), once=once, reset=reset)


@app.command()
def simulator(
    port: int = 8100,
    contacts: Annotated[int, typer.Option(help="how many each organisation has")] = 1200,
    organisations: Annotated[
        int, typer.Option(min=1, help="how many: of NZ, AU, UK, US and SG, in this order")
    ] = 1,
    seed: int = 1,
    data: Annotated[Path | None, typer.Option(help="file that keeps the organisation between runs")] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="another redirect URI of the demo app")
    ] = None,
    webhook_url: Annotated[str | None, typer.Option(help="where the demo app is told of changes")] = None,
    webhook_key: Annotated[str, typer.Option(help="what those bodies are signed with")] = "",
) -> None:
    """Run the stand-in Xero by itself, on 127.0.0.1."""
    webhooks = (webhook_url, webhook_key) if webhook_url else None
    serve_simulator(
        "127.0.0.1", port, contacts, seed, data, tuple(redirect_uri or ()), webhooks, organisations
    )


@app.command()
def worker() -> None:
    """Do what is due: imports, sends to Xero, reads of Xero.

    Ends on SIGTERM, with the page in hand finished. As many may run as you like."""
    asyncio.run(work_until_told(configured()))


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="compare with schema.graphql instead")] = False,
) -> None:
    """Print the GraphQL schema, with its descriptions.

    --check: exit code 1 if schema.graphql is another."""
    from api.root import schema as api_schema  # noqa: PLC0415 - see tests/test_house.py

    printed = api_schema.as_str() + "\n"
    if not check:
        typer.echo(printed, nl=False)
    elif not SCHEMA.is_file() or SCHEMA.read_text() != printed:
        typer.echo("schema.graphql is not what the code says: tandem schema > schema.graphql", err=True)
        raise typer.Exit(1)


@app.command()
def key() -> None:
    """Make a key for TANDEM_KEYS.

    Put a new one first, and keep the old ones until nothing is sealed with them."""
    typer.echo(new_key(secrets.token_hex(4)))
