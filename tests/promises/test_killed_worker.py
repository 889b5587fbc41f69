"""Promise: an import whose workers are killed and whose Redis is flushed has the result of an undisturbed one."""

import asyncio
import hashlib
import json
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from redis.asyncio import Redis

from runtime.embedded import services as embedded_services
from tests.database import Place, Server, fresh_database
from tests.promises.processes import worker
from tests.workers.connected import Connected, connected, finished
from xero.simulator.demo import lifelike_organisation
from xero.simulator.practice import practice_overlap


async def outcome(here: Connected) -> tuple[int, str]:
    """Everything that an import decides, without ids and times: how many links, and a digest."""
    linked = await here.world.rows(
        "select c.name, c.billing_email, c.primary_phone, c.kind, c.version, l.origin, l.state, x.xero_contact_id"
        " from sync_link l join contact c on c.id = l.contact_id join xero_contact x on x.id = l.xero_contact_id"
        " order by x.xero_contact_id"
    )
    issues = await here.world.rows(
        "select x.xero_contact_id, i.reason, i.state, array_agg(c.name order by c.name, c.billing_email) as candidates"
        " from match_issue i join xero_contact x on x.id = i.xero_contact_id join match_candidate m on m.issue_id = i.id"
        " join contact c on c.id = m.contact_id group by 1, 2, 3, i.id order by 1"
    )
    counts = await here.world.rows(
        "select (select count(*) from contact), (select count(*) from sync_link),"
        " (select count(*) from activity where kind = 'LINKED') as told"
    )
    text = json.dumps([linked, issues, counts], default=str)
    return len(linked), hashlib.sha256(text.encode()).hexdigest()


@asynccontextmanager
async def prepared(
    server: Server, template: Place, services: embedded_services.Services, contacts: int
) -> AsyncIterator[Connected]:
    async with fresh_database(server, template) as place, connected(place, services, contacts) as here:
        theirs = list(lifelike_organisation(7, contacts, "Demo").contacts)
        for one in practice_overlap(theirs, 7, 120):
            await here.world.contact(" ".join(str(one["name"]).split()), one["billing_email"])
        yield here


async def undisturbed(here: Connected) -> tuple[int, str]:
    process = await worker(here)
    await finished(here, await here.start_import(), 300)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    return await outcome(here)


async def disturbed(here: Connected, valkey: Redis, kills: int, rng: random.Random) -> tuple[int, str]:
    run_id: UUID = await here.start_import()
    for _ in range(kills):
        process = await worker(here)
        before = (await here.run(run_id)).done
        # Killed somewhere in the first pages that it does, which takes a start-up to reach.
        while process.returncode is None and (await here.run(run_id)).done == before:  # noqa: ASYNC110 - another process moves it
            await asyncio.sleep(0.01)
        await asyncio.sleep(rng.random() * 0.2)
        if (await here.run(run_id)).finished_at is not None:
            pytest.fail("the import ended before the last kill: give it more contacts")
        process.kill()
        await process.wait()
        await valkey.flushall()
    process = await worker(here)
    await finished(here, run_id, 600)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    return await outcome(here)


async def compare(
    server: Server,
    template: Place,
    services: embedded_services.Services,
    valkey: Redis,
    contacts: int,
    kills: int,
) -> None:
    async with prepared(server, template, services, contacts) as calm:
        expected = await undisturbed(calm)
    async with prepared(server, template, services, contacts) as rough:
        got = await disturbed(rough, valkey, kills, random.Random(kills))
        tally = (await rough.simulator())["tallies"][0]  # type: ignore[index]  # JSON
    assert got == expected
    assert got[0] > contacts * 0.8
    assert tally["refused"] == {}


@pytest.mark.timeout(900)  # two imports of 2,000, which take minutes on a busy machine
async def test_an_import_whose_worker_is_killed_twice_has_the_same_result(
    server: Server, template: Place, services: embedded_services.Services, valkey: Redis
) -> None:
    await compare(server, template, services, valkey, contacts=2000, kills=2)


@pytest.mark.long
async def test_an_import_of_20_000_whose_worker_is_killed_ten_times_has_the_same_result(
    server: Server, template: Place, services: embedded_services.Services, valkey: Redis
) -> None:
    await compare(server, template, services, valkey, contacts=20_000, kills=10)
