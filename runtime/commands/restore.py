"""`tandem restored`: what has to be done after the database was restored from a backup."""

import asyncio
from typing import Annotated

import sqlalchemy as sa
import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.connection import restored
from domain.connection.oauth_grants import Grants
from domain.connection.restored import Marked
from domain.tx import TANDEM
from runtime.commands.protection import each_workspace, named
from runtime.commands.required_settings import configured
from runtime.database import Database, connect, on_time
from runtime.settings import SettingsError

app = typer.Typer()


async def begin(database: Database) -> list[Marked]:
    """Mark the organisations of all workspaces as restored, and end their consents. Safe to repeat."""
    marked: list[Marked] = []
    for workspace in await database.workspaces():
        async with database.transaction(workspace, TANDEM) as tx:
            marked += await restored.mark(tx)
    grants = Grants(database.call_door, database.clock)
    for grant_id in sorted({one.grant_id for one in marked if one.grant_id is not None}):
        grant = await grants.find(grant_id)
        lease = await grants.lease(grant) if grant else None
        if grant is not None and lease is not None:
            await grants.fail(grant, lease, restored.REASON)
    return marked


async def finish(database: Database) -> int:
    """End the marks. Returns the number of organisations that had one."""
    ended = 0
    for workspace in await database.workspaces():
        async with database.transaction(workspace, TANDEM) as tx:
            ended += await restored.end(tx)
    return ended


async def describe(connection: AsyncConnection) -> list[tuple[bool | None, str]]:
    """The lines of `tandem doctor` about restored organisations: each with the pushes and invoices that Xero has and this
    database lacks. False: the organisation waits for a person or for a read. Empty on a database of an older revision."""
    known = await connection.scalar(
        sa.text(
            "select 1 from pg_attribute where attrelid = to_regclass('organisation') and attname = 'restored_at'"
        )
    )
    if not known:
        return []
    says: list[tuple[bool | None, str]] = []
    async for key in each_workspace(connection):
        for row in await connection.execute(sa.text(restored.STATES), {"ws": key}):
            says.append(_in_words(restored.State(**row._mapping)))
    return says


def _in_words(state: restored.State) -> tuple[bool | None, str]:
    if state.waits:
        return False, f"{state.name}: connect it again, and wait until all contacts are read"
    if state.numbers_unread:
        return False, f"{state.name}: Tandem has not read the numbers of Xero's invoices yet"
    differs = []
    if state.lost_invoices:
        differs.append(f"Xero has invoices that this database lacks: {named(state.lost_invoices)}")
    if state.pushes:
        differs.append(f"pushed contacts in Xero that have no link here: {state.pushes}")
    if not differs:
        return None, f"{state.name}: nothing is missing. `tandem restored --done` ends this"
    return None, f"{state.name}: {'; '.join(differs)}. docs/BACKUP.md says what to do"


@app.command("restored")
def restored_command(
    done: Annotated[
        bool, typer.Option("--done", help="end the marks, because everything that doctor names is settled")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
) -> None:
    """Prepare a database that was restored from a backup. Run it before you start the API and the workers.

    It ends all consents of Xero, so that nothing is sent before a person connects each organisation again and Tandem has
    read all of Xero. docs/BACKUP.md has the steps."""
    settings = configured()
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL: set it to the address of the database")
    if not done and not yes:
        typer.confirm("End all consents of Xero? Each organisation must then be connected again.", abort=True)
    for line in asyncio.run(_run(settings.database_url, done=done)):
        typer.echo(line)


async def _run(url: str, *, done: bool) -> list[str]:
    database = connect(url)
    try:
        async with on_time(database):
            if done:
                return [f"Organisations that are no longer marked as restored: {await finish(database)}."]
            marked = await begin(database)
    finally:
        await database.close()
    lines = [f"{one.name} must be connected again." for one in marked]
    return lines or ["No organisation is connected: nothing is to be done."]
