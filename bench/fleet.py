"""Many practices on one database, one Redis and one app at Xero: `python -m bench.fleet [--practices 200] [--contacts 200000]`.

Each practice has a person with a consent and an organisation at the simulator, which keeps Xero's limits: 5 calls at once and 60 a minute for an
organisation, 10,000 a minute for the app. The sizes follow Zipf's law. For one worker process, and then for two:

1. Every organisation of its half of the practices is imported, all beginning at once.
2. People edit contacts in all imported practices, `--rate` a second, more in larger practices. The lag is the time from the edit's commit to the
   time at which its link is SYNCED.
3. Nobody edits. The calls are the polls of all organisations.

Prints contacts and calls a second; for each call, the CPU of the workers and of PostgreSQL, and PostgreSQL's transactions.
Prints the lag over all organisations and of the one that waits longest, and the number of calls that the simulator refused
because of a limit.
"""

import argparse
import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from bench.imports import xero_settings
from bench.place import cpu, environment, memory, percentile, postgres_cpu, process, services
from domain.contacts import edits as contact_edits
from domain.tables import SyncedField
from runtime.embedded.services import POSTGRES_SETTINGS, Services
from tests.database import Place, lent
from tests.domain.world import World
from tests.workers.connected import Connected, connect, settings_for
from tests.xero.simulator.serving import serving
from workers.process import POOL_SIZE, Process, opened_with
from xero.simulator.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_REDIRECT_URI, lifelike_organisation
from xero.simulator.world import App, User
from xero.simulator.world import World as Xero

QUIET_SECONDS = 300.0  # the longest wait for the end of a phase


@dataclass
class Practice:
    world: World
    size: int


def sizes(practices: int, contacts: int) -> list[int]:
    """Zipf's law: the second practice is half as large as the first, the third a third."""
    whole = sum(1 / rank for rank in range(1, practices + 1))
    return [max(1, round(contacts / rank / whole)) for rank in range(1, practices + 1)]


def make_xero(wanted: Sequence[int]) -> Xero:
    xero = Xero(7)
    for number, size in enumerate(wanted):
        organisation = xero.add_organisation(lifelike_organisation(number, size, f"Practice {number}"))
        xero.add_user(
            User(
                str(UUID(int=number + 1)),
                f"Person {number}",
                f"p{number}@practice.example",
                [organisation.id],
            )
        )
    xero.add_app(App(DEMO_CLIENT_ID, "Tandem", DEMO_CLIENT_SECRET, [DEMO_REDIRECT_URI]))
    return xero


class Fleet:
    def __init__(self, found: Services, made: Process, address: str) -> None:
        self._found, self._made, self._address = found, made, address

    async def spent(self, pids: Sequence[int]) -> tuple[float, float, float, int, int]:
        """Now: the time, the CPU of the workers and of PostgreSQL, PostgreSQL's transactions, and the calls at Xero."""
        transactions = await self.ask(
            "select xact_commit from pg_stat_database where datname = current_database()"
        )
        calls, _ = await self.calls()
        return time.perf_counter(), sum(map(cpu, pids)), postgres_cpu(self._found), transactions, calls

    async def ask(self, sql: str) -> int:
        async with self._made.database.door() as session:
            return int((await session.execute(sa.text(sql))).scalar_one())

    async def calls(self) -> tuple[int, int]:
        """The number of all calls, and of the calls that Xero refused."""
        state: Any = (await self._made.http.get(f"{self._address}/simulator/state")).json()
        refused = sum(sum(each["refused"].values()) for each in state["tallies"])
        return sum(each["calls"] for each in state["tallies"]), refused

    async def run(
        self, env: dict[str, str], workers: int, practices: Sequence[Practice], rate: float, seconds: float
    ) -> None:
        print(
            f"-- {workers} worker{'s' if workers > 1 else ''}, {len(practices)} practices, {sum(each.size for each in practices)} contacts"
        )
        async with AsyncExitStack() as stack:
            started = [
                await stack.enter_async_context(process("runtime", "worker", env=env)) for _ in range(workers)
            ]
            pids = [each.pid for each in started]
            await asyncio.sleep(3)
            before = await self.spent(pids)
            for practice in practices:
                await Connected(self._made, practice.world, self._address).start_import()
            took = await asyncio.gather(*(imported(practice.world, before[0]) for practice in practices))
            self.tell(
                "import", before, await self.spent(pids), sum(each.size for each in practices), "contacts"
            )
            small = [t for t, each in zip(took, practices, strict=True) if each.size <= 1000]
            print(
                f"  practices of at most 1,000 contacts were ready after s p50 {percentile(small, 0.5):.1f}, p99 {percentile(small, 0.99):.1f};"
                f" the last of all after {max(took):.1f}; workers' memory {[memory(pid) for pid in pids]} MB"
            )
            before = await self.spent(pids)
            edits = await edit(practices, rate, seconds)
            for practice in practices:
                await until_sent(practice.world)
            self.tell("edits", before, await self.spent(pids), len(edits), "edits")
            await lags(edits)
            before = await self.spent(pids)
            await asyncio.sleep(seconds)
            self.tell("polls", before, await self.spent(pids), len(practices), "practices without edits")
            _, refused = await self.calls()
            print(f"  calls that Xero refused because of a limit: {refused}")

    def tell(self, name: str, before: Sequence[float], after: Sequence[float], done: int, what: str) -> None:
        seconds, ours, postgres, transactions, calls = (b - a for a, b in zip(before, after, strict=True))
        each = max(calls, 1)
        print(
            f"{name}: {done} {what} in {seconds:.1f} s ({done / seconds:.0f}/s), {calls:.0f} calls ({calls / seconds:.1f}/s);"
            f" for each call CPU ms {ours * 1e3 / each:.1f} in workers and {postgres * 1e3 / each:.1f} in PostgreSQL,"
            f" {transactions / each:.1f} transactions; workers used {100 * ours / seconds:.0f} % of a core, PostgreSQL {100 * postgres / seconds:.0f} %"
        )


async def imported(world: World, began: float) -> float:
    """Seconds from `began` to the end of the import."""
    async with asyncio.timeout(QUIET_SECONDS):
        while await world.rows("select 1 from import_run where finished_at is null"):  # noqa: ASYNC110 - workers end it
            await asyncio.sleep(0.5)
    return time.perf_counter() - began


async def until_sent(world: World) -> None:
    async with asyncio.timeout(QUIET_SECONDS):
        while await world.rows("select 1 from sync_link where due_at is not null limit 1"):  # noqa: ASYNC110 - workers send it
            await asyncio.sleep(0.2)


@dataclass
class Edit:
    world: World
    contact: UUID
    committed: datetime


async def edit(practices: Sequence[Practice], rate: float, seconds: float) -> list[Edit]:
    """Edits of different contacts, each at its planned time, in practices drawn by their sizes."""
    chance = random.Random(3)
    contacts: dict[UUID, list[UUID]] = {}
    done: list[Edit] = []
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        practice = chance.choices(practices, [each.size for each in practices])[0]
        world = practice.world
        if world.workspace not in contacts:
            rows = await world.rows("select contact_id from sync_link where state = 'SYNCED' limit 500")
            contacts[world.workspace] = [row["contact_id"] for row in rows]
        if not contacts[world.workspace]:
            continue
        contact = contacts[world.workspace].pop()
        async with world.tx() as tx:
            email = contact_edits.Given({SyncedField.BILLING_EMAIL: f"edit{number}@client.example"})
            await contact_edits.change(tx, contact, email)
        done.append(Edit(world, contact, datetime.now(UTC)))
    return done


async def lags(edits: Sequence[Edit]) -> None:
    by_organisation: dict[UUID, list[float]] = defaultdict(list)
    for one in edits:
        [row] = await one.world.rows(
            "select last_synced_at from sync_link where contact_id = :contact and state = 'SYNCED'",
            contact=one.contact,
        )
        by_organisation[one.world.organisation].append(
            (row["last_synced_at"] - one.committed).total_seconds() * 1e3
        )
    every = [lag for found in by_organisation.values() for lag in found]
    worst = max(percentile(found, 0.5) for found in by_organisation.values())
    print(
        f"  lag ms p50 {percentile(every, 0.5):.0f}, p99 {percentile(every, 0.99):.0f}, most {max(every):.0f};"
        f" the organisation that waits longest has p50 {worst:.0f} ({len(by_organisation)} organisations had edits)"
    )


async def measure(found: Services, practices: int, contacts: int, rate: float, seconds: float) -> None:
    place = Place("tandem", found.admin_url, found.app_url)
    wanted = sizes(practices, contacts)
    async with (
        serving(make_xero(wanted)) as address,
        lent(place, "worker", None, POOL_SIZE) as db,
        opened_with(db, settings_for(place, found, address)) as made,
    ):
        fleet = Fleet(found, made, address)
        every = [
            Practice(await connect(made, address, userId=str(UUID(int=number + 1))), size)
            for number, size in enumerate(wanted)
        ]
        env = environment(found, **xero_settings(place, found, address))
        for workers in (1, 2):
            await fleet.run(env, workers, every[workers - 1 :: 2], rate, seconds)
        size = await fleet.ask("select pg_database_size(current_database())")
        print(f"the database has {size / 1e6:.0f} MB, {size / sum(wanted) / 1e3:.1f} KB for each contact")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--practices", type=int, default=200)
    parser.add_argument("--contacts", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=5, help="edits a second")
    parser.add_argument("--seconds", type=float, default=30, help="how long people edit")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    POSTGRES_SETTINGS["max_connections"] = "200"  # a worker opens up to 23, and this process as many
    with services() as found:
        asyncio.run(measure(found, asked.practices, asked.contacts, asked.rate, asked.seconds))


if __name__ == "__main__":
    main()
