"""TANDEM_KEYS: whether they open what is sealed, and `tandem reseal`, which seals all of it with the newest key."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

import sqlalchemy as sa
import typer
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.connection.oauth_grants import Grants
from runtime.commands.required_settings import configured
from runtime.database import Database, connect, on_time
from runtime.seal import KeyRing, SealError, find_key
from runtime.settings import Settings, SettingsError
from xero.tokens import identity

app = typer.Typer()
LOST = (
    "Put the right keys back into TANDEM_KEYS and restart. If a key is lost, run `tandem reseal --give-up` and connect the"
    " organisations again"
)
GIVEN_UP = "the key that sealed its tokens is lost"
_LIST = sa.text("select grant_id, client_id, xero_user_id, sealed from door.list_seals(:now)")


class Seal(NamedTuple):
    """`grant_id` is None for a consent that has begun and is not finished."""

    grant_id: UUID | None
    client_id: str | None
    xero_user_id: UUID | None
    sealed: bytes


@dataclass
class Seals:
    """What the keys open. `unopened`: why each of the other consents does not open."""

    current: int = 0
    older: list[UUID] = field(default_factory=list)
    unopened: dict[UUID, str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    @property
    def trouble(self) -> str | None:
        if not self.unopened:
            return None
        total = self.current + len(self.older) + len(self.unopened)
        why = "; ".join(sorted(set(self.unopened.values())))
        return f"TANDEM_KEYS opens {total - len(self.unopened)} of {total} consents of Xero: {why}. {LOST}"


async def examine(session: AsyncSession | AsyncConnection, now: datetime, keys: KeyRing) -> Seals:
    """Opens every consent that is in use. A practice has a few."""
    found = Seals()
    for row in await session.execute(_LIST, {"now": now}):
        seal = Seal(*row)
        with suppress(SealError):
            found.used[find_key(seal.sealed)] += 1
        if seal.grant_id is None or seal.client_id is None or seal.xero_user_id is None:
            continue
        try:
            keys.unseal(seal.sealed, identity(seal.client_id, seal.xero_user_id))
        except SealError as error:
            found.unopened[seal.grant_id] = str(error)
        else:
            if keys.is_current(seal.sealed):
                found.current += 1
            else:
                found.older.append(seal.grant_id)
    return found


async def reseal(database: Database, keys: KeyRing, *, give_up: bool = False) -> Seals:
    """Seals again, with the newest key, all values that older keys sealed. Returns the seals afterwards.

    A grant that is being refreshed at this moment is left alone: the refresh seals with the newest key too. With
    `give_up`, a consent that no key opens ends: its organisations ask for a new one.
    """
    async with database.door() as session:
        before = await examine(session, database.clock.now(), keys)
    grants = Grants(database.door, database.clock)
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
    """What a person reads after `tandem reseal`: a line for each key."""
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
