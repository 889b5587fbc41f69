"""Who works: whatever is away, slow or killed, what is due gets done."""

import asyncio
from uuid import UUID, uuid4

from redis.asyncio import Redis

from domain.contacts import edits as contact_edits
from domain.matching import issues
from tests.database import Place, cut
from tests.workers.connected import until, working
from tests.workers.linked import Linked
from workers.crew import AT_ONCE, Crew
from workers.process import opened


def arrived(linked: Linked, name: str) -> object:
    async def check() -> bool:
        return bool((await linked.shown())["Name"] == name)

    return until(check)


async def synced(linked: Linked) -> bool:
    rows = await linked.here.world.rows(
        "select 1 from sync_link where due_at is not null or state <> 'SYNCED' limit 1"
    )
    return not rows


async def rename(linked: Linked, contact: UUID, name: str) -> None:
    async with linked.here.world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, contact, {"name": name})
        touched.add(contact)


async def test_without_redis_what_a_person_changes_still_goes_out(linked: Linked) -> None:
    away = linked.here.parts.settings.model_copy(update={"redis_url": "unix:///nowhere/valkey.sock"})
    object.__setattr__(linked.here.parts, "settings", away)
    async with working(linked.here.parts):
        await linked.change(name="Without Redis Ltd")
        await arrived(linked, "Without Redis Ltd")  # type: ignore[misc]  # a coroutine


async def test_after_postgresql_has_cut_every_connection_all_goes_on(
    linked: Linked, valkey: Redis, place: Place
) -> None:
    async with working(linked.here.parts):
        for name in ("First Ltd", "Second Ltd", "Third Ltd"):
            await cut(place)
            await until(lambda name=name: _changed(linked, name))  # type: ignore[misc]  # bound at once
            await until(lambda: synced(linked))
    assert (await linked.shown())["Name"] == "Third Ltd"


async def _changed(linked: Linked, name: str) -> bool:
    """The API's own pool was cut too: it is asked again, as a client would."""
    try:
        await linked.change(name=name)
    except Exception:
        return False
    return True


async def test_two_workers_send_each_change_once(linked: Linked, valkey: Redis) -> None:
    rows = await linked.here.world.rows(
        "select contact_id from sync_link where state = 'SYNCED' order by 1 limit 20"
    )
    async with opened(linked.here.parts.settings) as parts, working(parts), working(linked.here.parts):
        for number, row in enumerate(rows):
            await rename(linked, row["contact_id"], f"Renamed {number} Ltd")
        await until(lambda: synced(linked))
    written = (await linked.here.parts.http.get(f"{linked.here.xero}/simulator/written")).json()
    assert len(written) == 20
    assert {one["elements"] for one in written.values()} == {1}
    state = await linked.here.simulator()
    assert state["tallies"][0]["refused"] == {}  # type: ignore[index]  # JSON


async def test_one_slow_job_holds_up_no_other() -> None:
    crew, slow = Crew(asyncio.Event()), asyncio.Event()
    done: list[UUID] = []

    async def wait() -> bool:
        return await slow.wait()

    async def finish(key: UUID) -> bool:
        done.append(key)
        return True

    crew.start("send", uuid4(), wait)
    for _ in range(AT_ONCE - 1):
        key = uuid4()
        crew.start("send", key, lambda key=key: finish(key))  # type: ignore[misc]  # bound at once
    crew.start("poll", other := uuid4(), lambda: finish(other))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(done) == AT_ONCE
    slow.set()
    await crew.finish()


async def test_what_had_nothing_to_do_rests_and_what_did_rings() -> None:
    bell = asyncio.Event()
    crew, idle, busy, broken = Crew(bell), uuid4(), uuid4(), uuid4()

    async def nothing() -> bool:
        return False

    async def fail() -> bool:
        raise RuntimeError("a fault of ours")

    async def something() -> bool:
        return True

    crew.start("send", idle, nothing)
    crew.start("send", broken, fail)
    await crew.finish()
    assert not bell.is_set()
    assert set(crew.busy("send")) == {idle, broken}
    crew.start("send", busy, something)
    await crew.finish()
    assert bell.is_set()
    assert busy not in crew.busy("send")


async def test_no_more_than_so_many_of_a_kind_run_at_once() -> None:
    crew, end = Crew(asyncio.Event()), asyncio.Event()

    async def wait() -> bool:
        return await end.wait()

    for _ in range(AT_ONCE + 3):
        crew.start("send", uuid4(), wait)
    assert len(crew.busy("send")) == AT_ONCE
    assert crew.room("send") == 0
    assert crew.room("webhooks") == AT_ONCE
    end.set()
    await crew.finish()
