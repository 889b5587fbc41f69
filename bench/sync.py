"""Measures how soon a change reaches the other side, and the cost of a burst: `python -m bench.sync [--burst 5000]`.

Everything is real except Xero, which is the simulator on a socket, with its webhooks. Each worker is its own process.
Out: the time from the commit of an edit to the first byte of the first call, by the simulator's log. It is measured in
turns under `tandem worker` and under plain arq with its default polling (`arq workers.main.WorkerSettings`), which runs
the same jobs without being woken. Back: the time from an edit in Xero to the practice, by webhook. Idle: the worker's
share of a core while nothing is due. The burst changes every contact of an organisation and counts the calls to Xero
until nothing is due.
"""

import argparse
import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog
from pydantic import SecretStr

from bench.place import cpu, percentile, process, services
from domain.contacts import edits as contact_edits
from domain.tables import SyncedField
from runtime.embedded.services import Services
from tests.api.edge import make_process, serving
from tests.database import Place
from tests.hooks import KEY
from tests.promises.processes import environment
from tests.workers.connected import Connected, connected, finished, until, working

EVERY = 2.5  # seconds between two changes, within Xero's 60 calls a minute
POLL = 0.02
WOKEN, PLAIN = ("runtime", "worker"), ("arq", "workers.main.WorkerSettings")


class Bench:
    def __init__(self, here: Connected, links: Sequence[dict[str, Any]], tenant: UUID) -> None:
        self.here, self.links, self.tenant, self.changes = here, links, tenant, 0

    def next(self) -> tuple[dict[str, Any], str]:
        self.changes += 1
        return self.links[self.changes % len(self.links)], f"{self.changes}@example.nz"

    async def in_xero(self, link: dict[str, Any], **fields: str) -> dict[str, Any]:
        """Edits the contact as a person in Xero does, and gives it; counts as no call."""
        address = f"{self.here.xero}/simulator/organisations/{self.tenant}/contacts/{link['xero_contact_id']}"
        answer = await self.here.process.http.post(address, json={"fields": fields})
        found: dict[str, Any] = answer.json()
        return found

    async def out(self) -> float:
        """Seconds from a commit here to the first byte of the first call."""
        link, email = self.next()
        await self.change([link], email)
        began = time.monotonic()
        while not (calls := await self.calls_since(began)):  # noqa: ASYNC110 - another process makes them
            await asyncio.sleep(POLL)
        await until(self.is_quiet, 60)
        first: float = calls[0]["at"]
        return first - began

    async def calls_since(self, at: float) -> list[dict[str, Any]]:
        answer = await self.here.process.http.get(f"{self.here.xero}/simulator/calls", params={"since": at})
        found: list[dict[str, Any]] = answer.json()["calls"]
        return found

    async def back(self) -> float:
        """Seconds from an edit in Xero to the contact here."""
        link, email = self.next()
        began = time.perf_counter()
        await self.in_xero(link, EmailAddress=email)
        while not await self.here.world.rows(  # noqa: ASYNC110
            "select 1 from contact where billing_email = :email", email=email
        ):
            await asyncio.sleep(POLL)
        return time.perf_counter() - began

    async def change(self, links: Sequence[dict[str, Any]], email: str) -> None:
        async with self.here.world.tx() as tx:
            for link in links:
                await contact_edits.change(
                    tx, link["contact_id"], contact_edits.Given({SyncedField.BILLING_EMAIL: email})
                )

    async def calls(self) -> int:
        state: Any = await self.here.simulator()
        assert state["tallies"][0]["refused"] == {}, "a call over Xero's limits"
        found: int = state["tallies"][0]["calls"]
        return found

    async def is_quiet(self) -> bool:
        rows = await self.here.world.rows(
            "select 1 from sync_link where due_at is not null union all select 1 from import_run where finished_at is null"
            " union all select 1 from delivery where ended_at is null limit 1"
        )
        return not rows


@asynccontextmanager
async def worker(here: Connected, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process that has done all due work."""
    env = environment(here.process.settings) | {"LOG_LEVEL": "WARNING"}
    async with process(*command, env=env) as started:
        await until(lambda: _has_started(here, started.pid), 60)
        await asyncio.sleep(EVERY)
        yield started


async def _has_started(here: Connected, pid: int) -> bool:
    """Whether the process is connected as a worker."""
    named = f"tandem worker {pid}@%"
    return bool(
        await here.world.rows(
            "select 1 from pg_stat_activity where application_name like :named", named=named
        )
    )


async def idle(started: asyncio.subprocess.Process, seconds: float) -> float:
    """The share of a core that it uses while nothing is due."""
    before = cpu(started.pid)
    await asyncio.sleep(seconds)
    return (cpu(started.pid) - before) / seconds


async def several(one: Callable[[], Awaitable[float]], times: int) -> list[float]:
    found = []
    for _ in range(times):
        found.append(await one())
        await asyncio.sleep(EVERY)
    return found


async def latencies(bench: Bench, rounds: int, times: int) -> None:
    """The two ways alternate, so that other load of the machine affects both."""
    woken: list[float] = []
    plain: list[float] = []
    back: list[float] = []
    shares: list[float] = []
    for _ in range(rounds):
        async with worker(bench.here, *WOKEN) as started:
            woken += await several(bench.out, times)
            back += await several(bench.back, times)
            await until(bench.is_quiet, 60)
            shares.append(await idle(started, 10))
        async with worker(bench.here, *PLAIN):
            plain += await several(bench.out, times)
    for name, values in {
        "commit to the first byte at Xero, tandem worker": woken,
        "commit to the first byte at Xero, plain arq": plain,
        "Xero to practice, webhook": back,
    }.items():
        tell(name, values)
    print(f"plain arq : tandem worker = {percentile(plain, 0.5) / percentile(woken, 0.5):.1f} at p50")
    print(f"idle tandem worker: {100 * percentile(shares, 0.5):.2f} % of a core")


def tell(name: str, values: list[float]) -> None:
    ms = [value * 1000 for value in values]
    print(f"{name}: {len(ms)} times, ms p50 {percentile(ms, 0.5):.1f}, p99 {percentile(ms, 0.99):.0f}")


async def burst(bench: Bench) -> None:
    before, began = await bench.calls(), time.perf_counter()
    async with working(bench.here.process):
        for start in range(0, len(bench.links), 200):
            await bench.change(bench.links[start : start + 200], f"burst{start}@example.nz")
        await until(bench.is_quiet, 1800)
    calls, seconds = await bench.calls() - before, time.perf_counter() - began
    count = len(bench.links)
    print(
        f"burst: {count} contacts changed, {calls} calls, {calls / count:.4f} a contact, in {seconds:.0f} s"
    )


async def measure(found: Services, size: int, rounds: int, times: int) -> None:
    place = Place("tandem", found.admin_url, found.app_url)
    async with (
        connected(place, found, size) as here,
        make_process(place, found, xero_webhook_keys=[SecretStr(KEY)]) as process,
        serving(process) as address,
    ):
        async with working(here.process):
            await finished(here, await here.start_import(), 900)
        links = await here.world.rows(
            "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
            " where l.state = 'SYNCED' order by x.name"
        )
        [row] = await here.world.rows("select tenant_id from organisation")
        hook = {"url": f"http://{address}/webhooks/xero", "key": KEY}
        await here.process.http.put(f"{here.xero}/simulator/webhooks", json=hook)
        bench = Bench(here, links, row["tenant_id"])
        if times:
            await latencies(bench, rounds, times)
        await burst(bench)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--burst", type=int, default=5000, help="contacts of the organisation, all changed at once"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--times", type=int, default=12, help="changes of each kind a round; 0: the burst only"
    )
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with services() as found:
        asyncio.run(measure(found, asked.burst, asked.rounds, asked.times))


if __name__ == "__main__":
    main()
