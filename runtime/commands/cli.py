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
from runtime import logs, migrations
from runtime.commands import doctor as doctor_command
from runtime.commands import keys, match_command, practices, restore
from runtime.commands.required_settings import configured
from runtime.embedded.children import StartError
from runtime.embedded.ports import refuse_busy
from runtime.seal import new_key
from runtime.settings import SettingsError, load, read
from workers.run import work_until_stopped
from xero.simulator.serve import run as serve_simulator

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(practices.app)
app.add_typer(keys.app)
app.add_typer(match_command.app)
app.add_typer(restore.app)
SCHEMA = Path(__file__).resolve().parents[2] / "schema.graphql"
MARKS = {True: ("ok", "green"), False: ("wrong", "red"), None: ("-", "dim")}


def main() -> None:
    """Run a command. An error that a person can correct is printed as a line without a traceback; exit code 1."""
    try:
        app()
    except (SettingsError, StartError, migrations.MigrateError, Refused) as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
        raise SystemExit(1) from None


@app.callback()
def tandem() -> None:
    """Tandem keeps the contacts of an accounting practice in step with Xero and sends its invoices there.

    Programs use the GraphQL API that `tandem serve` runs. These commands are for the person who operates Tandem.
    Settings come from the environment and from .env; docs/OPERATIONS.md lists them."""


@app.command()
def migrate() -> None:
    """Upgrade the database to this version of Tandem.

    Connects with DATABASE_ADMIN_URL, and gives the role of DATABASE_URL the rights that it needs. Safe to repeat."""
    settings = configured()
    if settings.database_admin_url is None or settings.database_url is None:
        raise SettingsError("DATABASE_ADMIN_URL: set it to the address of the database's owner")
    role = make_url(settings.database_url).username
    if role is None:
        raise SettingsError("DATABASE_URL: has no user name: put the role of the app before the @")
    revision = asyncio.run(migrations.migrate(settings.database_admin_url, role))
    typer.echo(f"The database is at revision {revision}. The role {role} has its rights.")


@app.command()
def serve() -> None:
    """Run the GraphQL API on HOST and PORT.

    SIGTERM or Ctrl-C ends it; running requests get 10 s to finish. Exit code 3: the port is in use."""
    from api.consent.connect import routes  # noqa: PLC0415 - see tests/test_house.py
    from api.http import serve as api_server  # noqa: PLC0415
    from api.root import schema as api_schema  # noqa: PLC0415

    settings = configured("host", "port")
    try:
        refuse_busy(settings.host, settings.port)
        if settings.ops_port is not None:
            refuse_busy(settings.host, settings.ops_port)
    except StartError as error:
        demos = demonstration.find_settings(settings.tandem_data) or {}
        its = f"port {settings.port} is in use by the API of the running demo; set PORT to another port for a second API"
        typer.echo(its if demos.get("port") == str(settings.port) else str(error), err=True)
        raise typer.Exit(3) from None  # uvicorn's own, for a server that could not start
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(api_server.serve(settings, api_schema, routes))


@app.command()
def doctor(
    everything: Annotated[
        bool, typer.Option("--all", help="list each setting too, and whether it is set")
    ] = False,
) -> None:
    """Check the settings and the servers, and say how to correct each fault.

    Marks: ok, wrong, or - for a fact or for something optional that is not set. Exit code 1 if anything is wrong."""
    settings, wrong = read()
    beside_demo = demonstration.find_settings(settings.tandem_data) is not None
    where = doctor_command.origin(settings, demo=beside_demo, wrong=bool(wrong))
    looked_at = settings if wrong else configured()
    logs.configure("WARNING", "text")  # the findings below name what does not answer
    findings = [where, *(doctor_command.Finding("Setting", False, each) for each in wrong)]
    findings += asyncio.run(doctor_command.examine(looked_at))
    console = Console(soft_wrap=True, markup=False, highlight=False)
    shown = [each for each in findings if everything or each.subject.upper() != each.subject]
    width = max(len(each.subject) for each in shown) + 2
    for finding in shown:
        mark, style = MARKS[finding.ok]
        console.print(f"{mark:<7}", style=style, end="")
        console.print(f"{finding.subject:<{width}}{finding.says}")
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="print the results as one line of JSON and end")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="delete the data of earlier demos first")] = False,
    console: Annotated[
        bool,
        typer.Option("--console", help="build the console in the background, which needs the internet once"),
    ] = False,
    contacts: Annotated[int, typer.Option(min=200, help="contacts of a new simulated Xero")] = 1200,
) -> None:
    """Try Tandem: an import, a change on each side and an invoice, with a simulated Xero.

    Starts PostgreSQL, Valkey, the Xero simulator, the API and a worker in TANDEM_DATA, and keeps them running until
    Ctrl-C. A later start continues with the same data."""
    demonstration.demo(load(), once=once, reset=reset, build_console=console, contacts=contacts)


@app.command()
def simulator(
    host: Annotated[
        str, typer.Option(help="the address to bind; only this machine reaches the default")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="the TCP port")] = 8100,
    contacts: Annotated[int, typer.Option(help="number of contacts of each organisation")] = 1200,
    organisations: Annotated[
        int,
        typer.Option(
            min=1, help="number of organisations; their countries are NZ, AU, UK, US and SG in turn"
        ),
    ] = 1,
    seed: Annotated[int, typer.Option(help="the same seed makes the same contacts")] = 1,
    data: Annotated[Path | None, typer.Option(help="file that keeps the organisations between runs")] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="a redirect URI that the simulated app accepts; may be repeated")
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="address that receives webhooks about changes")
    ] = None,
    webhook_key: Annotated[str, typer.Option(help="key that signs the webhooks")] = "",
) -> None:
    """Run the Xero simulator alone. It asks nobody for a password: keep it from the public.

    docs/SIMULATOR.md lists its routes."""
    webhooks = (webhook_url, webhook_key) if webhook_url else None
    serve_simulator(host, port, contacts, seed, data, tuple(redirect_uri or ()), webhooks, organisations)


@app.command()
def worker() -> None:
    """Run a worker: it polls Xero, imports contacts, and sends changes and invoices.

    Run one or more, on any machines. SIGTERM or Ctrl-C ends it after the step that it is doing."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(work_until_stopped(configured()))


@app.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="print nothing; exit code 1 if schema.graphql differs")
    ] = False,
) -> None:
    """Print the GraphQL schema with its descriptions."""
    from api.root import schema as api_schema  # noqa: PLC0415 - see tests/test_house.py

    printed = api_schema.as_str() + "\n"
    if not check:
        typer.echo(printed, nl=False)
    elif not SCHEMA.is_file() or SCHEMA.read_text() != printed:
        typer.echo(
            "schema.graphql differs from the code. Write it again: tandem schema > schema.graphql", err=True
        )
        raise typer.Exit(1)


@app.command()
def key() -> None:
    """Print a new key for TANDEM_KEYS.

    Put it first and keep the old keys after it. `tandem reseal` says when you may remove an old key."""
    typer.echo(new_key(secrets.token_hex(4)))
