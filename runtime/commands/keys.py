"""`tandem reseal`: seals everything with the newest key of TANDEM_KEYS."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from domain.connection.oauth_grants import Grants
from runtime.commands.required_settings import configured
from runtime.database import Database, connect, on_time
from runtime.seal import KeyRing, SealError
from runtime.seals import Seals, examine
from runtime.settings import Settings, SettingsError
from xero.tokens import identity

app = typer.Typer()
GIVEN_UP = "the key that sealed its tokens is lost"


async def reseal(database: Database, keys: KeyRing, *, give_up: bool = False) -> Seals:
    """Seals again, with the newest key, all values that older keys sealed. Returns the seals afterwards.

    A grant that is being refreshed at this moment is left alone: the refresh seals with the newest key too. With
    `give_up`, a consent that no key opens ends: its organisations ask for a new one.
    """
    async with database.door() as session:
        before = await examine(session, database.clock.now(), keys)
    grants = Grants(database.call_door, database.clock)
    for grant_id in [*before.older, *(before.unopened if give_up else ())]:
        grant = await grants.find(grant_id)
        lease = await grants.lease(grant) if grant else None
        if grant is None or lease is None:
            continue
        name = identity(grant.client_id, grant.xero_user_id)
        try:
            plain = keys.unseal(grant.sealed, name)
        except SealError:
            await (grants.fail(grant, lease, GIVEN_UP) if give_up else grants.release(grant, lease))
            continue
        await grants.settle(grant, lease, keys.seal(plain, name), grant.access_expires_at)
    async with database.door() as session:
        return await examine(session, database.clock.now(), keys)


def describe(seals: Seals, keys: KeyRing) -> Sequence[str]:
    """The output of `tandem reseal`: a line for each key."""
    lines = [f"{seals.current} consents of Xero are sealed with the newest key, {keys.newest}."]
    if seals.older:
        lines.append(f"{len(seals.older)} are being renewed at this moment: run this again in a minute.")
    if seals.trouble:
        lines.append(f"{seals.trouble}.")
    for key in keys.ids[1:]:
        n = seals.used[key]
        lines.append(
            f"The key {key} is still needed by {n} consents or open consent pages: run this again in 10 minutes."
            if n
            else f"The key {key} may go: nothing is sealed with it."
        )
    return lines


@app.command("reseal")
def reseal_command(
    give_up: Annotated[
        bool,
        typer.Option(
            "--give-up", help="end the consents whose key is lost; you must connect these organisations again"
        ),
    ] = False,
) -> None:
    """Seal all tokens of Xero again with the newest key of TANDEM_KEYS, and list the keys that you may remove.

    Put a new key first in TANDEM_KEYS, restart API and workers, then run this."""
    settings = configured()

    async def run() -> Sequence[str]:
        if settings.database_url is None:
            raise SettingsError("DATABASE_URL: set it to the address of the database")
        keys, database = ring(settings), connect(settings.database_url)
        try:
            async with on_time(database):
                return describe(await reseal(database, keys, give_up=give_up), keys)
        finally:
            await database.close()

    for line in asyncio.run(run()):
        typer.echo(line)


def ring(settings: Settings) -> KeyRing:
    return KeyRing.parse(key.get_secret_value() for key in settings.tandem_keys)
