"""In normal running Xero never answers 429."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from domain.connection.call_budget import Limits
from runtime.database import connect
from tests.clients import web_client
from tests.database import Place
from tests.xero.connected import WorldClock, connected
from xero.allowance import Priority
from xero.client import Client
from xero.errors import Reason, Retry
from xero.simulator.clock import ShiftedClock


class Queue:
    """Refused workers wait here for an answer to another; once all wait, no call is in flight and time passes at once.
    It must not pass earlier: a slot would lapse whose call still runs."""

    def __init__(self, workers: int, clock: ShiftedClock) -> None:
        self.working = workers
        self.clock = clock
        self.waiting: list[datetime] = []
        self.passed = timedelta()
        self.turn = asyncio.Event()

    async def wait(self, until: datetime) -> None:
        self.waiting.append(until)
        if len(self.waiting) < self.working:
            await self.turn.wait()
            return
        missing = min(self.waiting) - self.clock()
        if missing > timedelta():
            self.clock.advance(missing)
            self.passed += missing
        self.wake()

    def wake(self) -> None:
        self.waiting.clear()
        self.turn.set()
        self.turn = asyncio.Event()

    def leave(self) -> None:
        self.working -= 1
        self.wake()


async def calls(client: Client, count: int, queue: Queue) -> None:
    """So many reads, each when the limiter lets it."""
    done = 0
    while done < count:
        try:
            await client.organisation()
            done += 1
            queue.wake()
        except Retry as error:
            if error.reason is not Reason.LIMIT or error.at is None:
                raise
            await queue.wait(error.at)
    queue.leave()


async def test_many_workers_in_two_processes_never_exceed_a_limit(clean: Place) -> None:
    databases = [connect(clean.app_url, pool_size=6) for _ in range(2)]
    async with connected(5) as xero, web_client() as http:
        world_clock = WorldClock(xero.clock)
        workers = [
            replace(
                xero.client,
                http=http,
                limiter=Limits(databases[n % 2].call_door, world_clock),
                priority=Priority.INTERACTIVE if n < 2 else Priority.BULK,
            )
            for n in range(12)
        ]
        # So that calls are in flight together: without it the two processes would hardly meet.
        slow = {"kind": "delay", "seconds": 0.05, "count": None}
        armed = await http.post(f"{xero.app.api_url}/simulator/faults", json=slow)
        assert armed.is_success, armed.text
        queue = Queue(len(workers), xero.clock)
        await asyncio.gather(*(calls(worker, 15, queue) for worker in workers))
        state = (await http.get(f"{xero.app.api_url}/simulator/state")).json()
    for database in databases:
        await database.close()
    tally = state["tallies"][0]
    assert tally["calls"] == 12 * 15
    assert tally["refused"] == {}
    assert tally["most_concurrent"] <= 5
    assert max(tally["minutes"].values()) <= 60
    assert queue.passed > timedelta(minutes=1)
