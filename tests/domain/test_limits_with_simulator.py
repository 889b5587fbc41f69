"""The limiter's point: in normal running Xero never answers 429."""

import asyncio
from dataclasses import replace

import httpx

from domain.limits import Limits
from runtime.database import connect
from tests.database import Place
from tests.xero.test_with_simulator import WorldClock, connected
from xero.allowance import Priority
from xero.client import Client
from xero.errors import Reason, Retry
from xero.simulator.clock import ShiftedClock


async def calls(client: Client, clock: ShiftedClock, count: int, waited: list[float]) -> None:
    """So many reads, each when the limiter lets it: while all wait, time passes at once."""
    done = 0
    while done < count:
        try:
            await client.organisation()
            done += 1
        except Retry as error:
            if error.reason is not Reason.LIMIT or error.at is None:
                raise
            await asyncio.sleep(0.002)
            missing = error.at - clock()
            if missing.total_seconds() > 0:
                waited.append(missing.total_seconds())
                clock.advance(missing)


async def test_many_workers_of_two_processes_never_meet_a_limit(clean: Place) -> None:
    databases = [connect(clean.app_url, pool_size=6) for _ in range(2)]
    async with connected(5) as xero, httpx.AsyncClient() as http:
        world_clock = WorldClock(xero.clock)
        workers = [
            replace(
                xero.client,
                http=http,
                limiter=Limits(databases[n % 2].door, world_clock),
                priority=Priority.INTERACTIVE if n < 2 else Priority.BULK,
            )
            for n in range(12)
        ]
        # So that calls are in flight together: without it the two processes would hardly meet.
        slow = {"kind": "delay", "seconds": 0.05, "count": None}
        armed = await http.post(f"{xero.app.api_url}/simulator/faults", json=slow)
        assert armed.is_success, armed.text
        waited: list[float] = []
        await asyncio.gather(*(calls(worker, xero.clock, 15, waited) for worker in workers))
        state = (await http.get(f"{xero.app.api_url}/simulator/state")).json()
    for database in databases:
        await database.close()
    tally = state["tallies"][0]
    assert tally["calls"] == 12 * 15
    assert tally["refused"] == {}
    assert tally["most_concurrent"] <= 5
    assert max(tally["minutes"].values()) <= 60
    assert sum(waited) > 60
