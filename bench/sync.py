"""How soon a change is on the other side, and what a burst costs: `python -m bench.sync [--burst 5000]`.

Everything real but Xero, which is the simulator on a socket, with its webhooks. From a commit in the practice to the
contact at Xero: by the listener, and beside it by an arq worker as arq is by default, which is how it is usually
done; both send by the same code. From an edit in Xero to the practice: by webhook. The burst changes every contact
of an organisation and counts Xero's calls until all is quiet.
"""

import argparse
import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import structlog
from arq.connections import RedisSettings, create_pool
from arq.worker import Worker, func
from pydantic import SecretStr

from bench.place import percentile, services
from domain.contacts import edits as contact_edits
from runtime.embedded.services import Services
from tests.api.edge import make_parts, serving
from tests.database import Place
from tests.hooks import KEY
from tests.workers.connected import Connected, connected, finished, until
from workers import sending
from workers.run import work

EVERY = 1.3  # seconds between two changes, within Xero's 60 calls a minute
POLL = 0.004


class Bench:
    def __init__(self, here: Connected, links: Sequence[dict[str, Any]], tenant: UUID) -> None:
        self.here, self.links, self.tenant, self.changes = here, links, tenant, 0

    def next(self) -> tuple[dict[str, Any], str]:
        self.changes += 1
        return self.links[self.changes % len(self.links)], f"{self.changes}@example.nz"

    async def in_xero(self, link: dict[str, Any], **fields: str) -> dict[str, Any]:
        """Edits the contact as a person in Xero does, and gives it; counts as no call."""
        address = f"{self.here.xero}/simulator/organisations/{self.tenant}/contacts/{link['xero_contact_id']}"
        answer = await self.here.parts.http.post(address, json={"fields": fields})
        found: dict[str, Any] = answer.json()
        return found

    async def out(self, ring: Callable[[], Awaitable[object]] | None = None) -> float:
        """Seconds from a commit here to the contact at Xero. `ring`: what tells the worker, if no bell does."""
        link, email = self.next()
        await self.change([link], email)
        began = time.perf_counter()
        if ring is not None:
            await ring()
        while (await self.in_xero(link)).get("EmailAddress") != email:  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        return time.perf_counter() - began

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
                await contact_edits.change(tx, link["contact_id"], {"billingEmail": email})

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
async def listening(here: Connected) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = asyncio.create_task(work(here.parts, stop))
    yield
    stop.set()
    await worker


@asynccontextmanager
async def usual_arq(here: Connected) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """A worker with arq's own settings; gives what hands it the work."""

    async def send(_: dict[str, Any]) -> None:
        while await sending.send_due(here.parts, here.world.workspace, here.world.organisation):
            pass

    redis = RedisSettings.from_dsn(here.parts.settings.redis_url or "")
    worker = Worker([func(send, name="send")], redis_settings=redis, handle_signals=False, queue_name="bench")
    running = asyncio.create_task(worker.async_run())
    pool = await create_pool(redis, default_queue_name="bench")
    yield lambda: pool.enqueue_job("send")
    await pool.aclose()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await worker.close()


async def several(one: Callable[[], Awaitable[float]], times: int) -> list[float]:
    found = []
    for _ in range(times):
        found.append(await one())
        await asyncio.sleep(EVERY)
    return found


async def latencies(bench: Bench, rounds: int, times: int) -> None:
    """The ways take turns, so that what else the machine does falls on each."""
    by_listener: list[float] = []
    by_arq: list[float] = []
    back: list[float] = []
    for _ in range(rounds):
        async with listening(bench.here):
            by_listener += await several(bench.out, times)
            back += await several(bench.back, times)
        async with usual_arq(bench.here) as ring:
            by_arq += await several(lambda ring=ring: bench.out(ring), times)  # type: ignore[misc]  # bound at once
    for name, values in {
        "commit to Xero, listener": by_listener,
        "commit to Xero, arq as it is": by_arq,
        "Xero to practice, webhook": back,
    }.items():
        ms = [value * 1000 for value in values]
        print(f"{name}: {len(ms)} times, ms p50 {percentile(ms, 0.5):.0f}, p99 {percentile(ms, 0.99):.0f}")
    print(f"arq : listener = {percentile(by_arq, 0.5) / percentile(by_listener, 0.5):.1f} at p50")


async def burst(bench: Bench) -> None:
    before, began = await bench.calls(), time.perf_counter()
    async with listening(bench.here):
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
        make_parts(place, found, xero_webhook_keys=[SecretStr(KEY)]) as parts,
        serving(parts) as address,
    ):
        async with listening(here):
            await finished(here, await here.start_import(), 900)
        links = await here.world.rows(
            "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
            " where l.state = 'SYNCED' order by x.name"
        )
        [row] = await here.world.rows("select tenant_id from organisation")
        hook = {"url": f"http://{address}/webhooks/xero", "key": KEY}
        await here.parts.http.put(f"{here.xero}/simulator/webhooks", json=hook)
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
