"""Whether bulk work delays a person's edit: `python -m bench.fairness [--imports 50] [--bulk 5000] [--edits 10]`.

Everything is real except Xero, which is the simulator, and each `tandem worker` is a process of its own. First the latency
of single edits is measured while nothing else is due: from the commit until Xero shows the value, looked up every 20 ms.
Then it is measured again in the same organisation: while imports of other practices are under way, and while bulk sends are
due. Half of the bulk sends are in the organisation of the edits, half in another practice's. The goal: at most twice the
latency. Edits count as busy while imports, or bulk sends of either organisation, are still due; each line says how many
were. Xero's limits let 39 bulk sends a second of one organisation through: 47 calls a minute, 50 contacts each.
"""

import argparse
import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import structlog

from bench.place import percentile, services
from bench.sync import tell, worker
from domain.contacts import edits as contact_edits
from domain.tables import SyncedField
from runtime.embedded.services import Services
from tests.database import Place
from tests.workers.connected import Connected, connect, finished, settings_for, working
from tests.xero.simulator.serving import serving
from workers.process import Process, opened
from xero.simulator.demo import demo_world, lifelike_organisation
from xero.simulator.world import World as XeroWorld

CALM_EVERY = 3.0  # seconds between two edits
BUSY_EVERY = 7.0  # bulk work leaves a person 10 calls a minute of one organisation
POLL = 0.02
IMPORTED = 400  # contacts of each import


class Link(NamedTuple):
    contact_id: UUID
    xero_contact_id: UUID


@dataclass
class Practice:
    """A practice with one connected organisation. `links`: the edits take the first ones, the bulk sends all others."""

    here: Connected
    tenant: UUID
    links: list[Link]

    async def read_links(self) -> None:
        async with self.here.world.tx() as tx:
            self.links = await tx.read(
                Link,
                "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.workspace_id = :ws"
                " and x.id = l.xero_contact_id where l.workspace_id = :ws and l.state = 'SYNCED' order by x.name",
            )

    async def change(self, links: list[Link], email: str, *, bulk: bool) -> None:
        given = contact_edits.Given({SyncedField.BILLING_EMAIL: email})
        async with self.here.world.tx() as tx:
            for link in links:
                await contact_edits.change(tx, link.contact_id, given, bulk=bulk)

    async def waiting(self) -> int:
        """The bulk sends that are due or in flight."""
        return len(
            await self.here.world.rows(
                "select 1 from sync_link where workspace_id = :ws and due_at is not null and bulk"
            )
        )


@asynccontextmanager
async def practices(place: Place, found: Services, world: XeroWorld) -> AsyncIterator[list[Practice]]:
    """A practice for each of the organisations."""
    async with serving(world) as xero, AsyncExitStack() as stack:
        process = await stack.enter_async_context(opened(settings_for(place, found, xero)))
        state = (await process.http.get(f"{xero}/simulator/state")).json()
        tenants = [UUID(one["tenantId"]) for one in state["organisations"]]
        yield [await practice(process, xero, tenant) for tenant in tenants]


async def practice(process: Process, xero: str, tenant: UUID) -> Practice:
    world = await connect(process, xero, tenantId=str(tenant))
    return Practice(Connected(process, world, xero), tenant, [])


async def latency(practice: Practice, number: int) -> float:
    """Seconds from the commit of a person's edit until Xero shows it."""
    link, email = practice.links[number % 50], f"person{number}-{time.monotonic_ns()}@example.nz"
    contact = (
        f"{practice.here.xero}/simulator/organisations/{practice.tenant}/contacts/{link.xero_contact_id}"
    )
    await practice.change([link], email, bulk=False)
    began = time.monotonic()
    while True:
        answer = await practice.here.process.http.post(
            contact, json={"fields": {}}
        )  # a look: nothing changes
        if answer.json()["EmailAddress"] == email:
            return time.monotonic() - began
        await asyncio.sleep(POLL)


async def measure(found: Services, imports: int, bulk: int, edits: int, workers: int) -> None:
    place = Place("tandem", found.admin_url, found.app_url)
    world = demo_world(bulk // 2 + 100, seed=7, organisations=2)
    [user] = world.users.values()
    for number in range(imports):
        made = lifelike_organisation(100 + number, IMPORTED, f"Import {number}")
        user.tenants.append(world.add_organisation(made).id)
    async with practices(place, found, world) as all_of_them:
        mine, other, *others = all_of_them
        async with working(mine.here.process):
            for one in (mine, other):
                await finished(one.here, await one.here.start_import(), 900)
                await one.read_links()
        async with AsyncExitStack() as stack:
            for _ in range(workers):
                await stack.enter_async_context(worker(mine.here, "runtime", "worker"))
            calm = [await spaced(mine, number, CALM_EVERY) for number in range(edits)]
            tell("a person's edit while nothing else is due", calm)
            runs = [await one.here.start_import() for one in others]
            for one in (mine, other):
                for start in range(50, len(one.links), 500):
                    await one.change(one.links[start : start + 500], f"bulk{start}@example.nz", bulk=True)
            began, due = time.monotonic(), (await mine.waiting(), await other.waiting())
            print(f"due: {imports} imports of {IMPORTED} contacts, bulk sends {due}")
            rates = [0.0, 0.0]
            busy: list[float] = []
            while len(busy) < 2 * edits:
                seconds = await spaced(mine, edits + len(busy), BUSY_EVERY)
                left = sum(
                    [
                        (await one.here.run(run)).finished_at is None
                        for one, run in zip(others, runs, strict=True)
                    ]
                )
                waiting = await mine.waiting(), await other.waiting()
                passed = time.monotonic() - began
                for number, (before, now) in enumerate(zip(due, waiting, strict=True)):
                    if now or not rates[number]:
                        rates[number] = (before - now) / passed
                print(f"  {seconds * 1000:.0f} ms; left: {left} imports, {waiting} bulk sends", flush=True)
                busy.append(seconds)
                if not left and not any(waiting):
                    break
            tell("the same beside imports and bulk sends", busy)
            usual = percentile(calm, 0.5)
            slow = sum(seconds > 2 * usual for seconds in busy)
            print(
                f"busy : calm = {percentile(busy, 0.5) / usual:.1f} at p50; {slow} of {len(busy)} above 2.0"
            )
            print(f"bulk sends a second while some were due: {rates[0]:.0f} and {rates[1]:.0f}")


async def spaced(practice: Practice, number: int, every: float) -> float:
    seconds = await latency(practice, number)
    await asyncio.sleep(every)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--imports", type=int, default=50)
    parser.add_argument(
        "--bulk", type=int, default=5000, help="bulk sends, half of them in the edits' organisation"
    )
    parser.add_argument(
        "--edits",
        type=int,
        default=10,
        help="edits while nothing is due, and at most twice as many while much is",
    )
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with services() as found:
        asyncio.run(measure(found, asked.imports, asked.bulk, asked.edits, asked.workers))


if __name__ == "__main__":
    main()
