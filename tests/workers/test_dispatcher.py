"""Due work is done even if Redis, PostgreSQL or a worker is away, slow or killed."""

import asyncio
import os
import signal
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.tx import TANDEM
from runtime.notifications import POLL_SECONDS
from tests.database import Place, cut
from tests.domain.world import as_given
from tests.workers.connected import until, working
from tests.workers.linked import Linked
from workers.dispatcher import AGAIN_SECONDS, PAUSE_SECONDS, Dispatcher, QueueAwayError, pause_after
from workers.heartbeat import LOST_AFTER, Heartbeat
from workers.jobs import KINDS, Job, run
from workers.process import PATIENT_AT_ONCE, Process, opened


def arrived(linked: Linked, name: str) -> object:
    return until(lambda: linked.has_arrived(name))


async def synced(linked: Linked) -> bool:
    rows = await linked.here.world.rows(
        "select 1 from sync_link where due_at is not null or state <> 'SYNCED' limit 1"
    )
    return not rows


async def rename(linked: Linked, contact: UUID, name: str) -> None:
    async with linked.here.world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, contact, as_given({"name": name}))
        touched.add(contact)


async def test_without_redis_an_edit_is_still_sent(linked: Linked) -> None:
    away = linked.here.process.settings.model_copy(update={"redis_url": "unix:///nowhere/valkey.sock"})
    object.__setattr__(linked.here.process, "settings", away)
    async with working(linked.here.process):
        await linked.change(name="Without Redis Ltd")
        await arrived(linked, "Without Redis Ltd")  # type: ignore[misc]  # a coroutine


async def test_work_continues_after_postgresql_closed_every_connection(
    linked: Linked, valkey: Redis, place: Place
) -> None:
    async with working(linked.here.process):
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


async def test_patient_work_takes_turns_and_an_edit_does_not_wait_for_it(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, workspace = linked.here.process, linked.here.world.workspace
    inside, go, stop = list[UUID](), asyncio.Event(), asyncio.Event()

    async def step(process: Process, job: Job) -> bool:
        async with process.database.transaction(job.workspace, TANDEM):
            inside.append(job.key)
            await go.wait()
        return False

    async def full() -> bool:
        return len(inside) == PATIENT_AT_ONCE

    monkeypatch.setitem(KINDS, "advance_import", replace(KINDS["advance_import"], step=step))
    async with asyncio.TaskGroup() as imports:
        for _ in range(PATIENT_AT_ONCE + 1):
            imports.create_task(run(process, Job("advance_import", workspace, uuid4(), "long"), stop))
        await until(full)
        await linked.change(name="Renamed Ltd")
        edit = Job("send_contacts", workspace, linked.here.world.organisation, "interactive")
        assert await run(process, edit, stop)
        assert await full()
        go.set()
    assert len(inside) == PATIENT_AT_ONCE + 1
    assert (await linked.shown())["Name"] == "Renamed Ltd"


async def test_two_workers_send_each_change_once(linked: Linked, valkey: Redis) -> None:
    rows = await linked.here.world.rows(
        "select contact_id from sync_link where state = 'SYNCED' order by 1 limit 20"
    )
    async with (
        opened(linked.here.process.settings) as process,
        working(process),
        working(linked.here.process),
    ):
        for number, row in enumerate(rows):
            await rename(linked, row["contact_id"], f"Renamed {number} Ltd")
        await until(lambda: synced(linked))
    written = (await linked.here.process.http.get(f"{linked.here.xero}/simulator/written")).json()
    assert len(written) == 20
    assert {one["elements"] for one in written.values()} == {1}
    state = await linked.here.simulator()
    assert state["tallies"][0]["refused"] == {}  # type: ignore[index]  # JSON


async def another(linked: Linked) -> UUID:
    """Another linked contact than the chosen one."""
    [row] = await linked.here.world.rows(
        "select contact_id from sync_link where state = 'SYNCED' and contact_id <> :id limit 1",
        id=linked.contact,
    )
    found: UUID = row["contact_id"]
    return found


class Noted:
    """A queue without workers: it stores the jobs that it gets."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.waiting: set[str] = set()
        self.away = False

    async def outstanding(self) -> set[str]:
        if self.away:
            raise QueueAwayError("for a test")
        return self.waiting

    async def carry(self, jobs: Collection[Job]) -> None:
        self.jobs |= {job.name: job for job in jobs if job.kind.startswith("send")}

    def take(self) -> list[str]:
        kinds = sorted(job.kind for job in self.jobs.values())
        self.jobs.clear()
        return kinds


async def test_a_job_that_found_nothing_rests_until_newer_work_is_due(linked: Linked) -> None:
    dispatcher, queue = Dispatcher(linked.here.process, asyncio.Event()), Noted()
    await linked.change(name="First Ltd")
    await dispatcher.dispatch(queue)
    [name] = queue.jobs
    assert queue.take() == ["send_contacts"]
    dispatcher.ended(name, False)
    await dispatcher.dispatch(queue)
    assert queue.take() == []
    await rename(linked, await another(linked), "Second Ltd")
    await dispatcher.dispatch(queue)
    assert queue.take() == ["send_contacts"]
    dispatcher.ended(name, False)
    linked.later(timedelta(seconds=1.5))
    await dispatcher.dispatch(queue)
    assert queue.take() == ["send_contacts"]


async def test_a_due_mark_set_while_its_job_ends_is_handed_over_by_the_next_search(
    linked: Linked,
) -> None:
    dispatcher, queue = Dispatcher(linked.here.process, asyncio.Event()), Noted()
    await linked.change(name="First Ltd")
    await dispatcher.dispatch(queue)
    [name] = queue.jobs
    queue.take()
    queue.waiting = {name}  # it has looked for the last time, and its key is still there
    await rename(linked, await another(linked), "Second Ltd")
    await dispatcher.dispatch(queue)
    assert queue.take() == []
    queue.waiting = set()
    dispatcher.ended(name, False)
    await dispatcher.dispatch(queue)
    assert queue.take() == ["send_contacts"]


def test_a_search_that_a_notification_caused_is_repeated_soon() -> None:
    """The clock of the process that set the due mark may be some milliseconds ahead: its mark must not wait for the sweep."""
    assert pause_after(POLL_SECONDS, was_woken=True) == AGAIN_SECONDS
    assert pause_after(POLL_SECONDS, was_woken=False) == POLL_SECONDS
    assert pause_after(0.0, was_woken=False) == PAUSE_SECONDS


async def test_interactive_and_bulk_sends_are_two_jobs(linked: Linked) -> None:
    dispatcher, queue = Dispatcher(linked.here.process, asyncio.Event()), Noted()
    await linked.change(name="By A Person Ltd")
    other = await another(linked)
    await rename(linked, other, "In Bulk Ltd")
    async with linked.here.world.tx() as tx:
        await tx.run(
            "update sync_link set bulk = true where workspace_id = :ws and contact_id = :id",
            id=other,
        )
    await dispatcher.dispatch(queue)
    assert {job.lane for job in queue.jobs.values()} == {"interactive", "bulk"}
    bulk, urgent = sorted(queue.jobs.values(), key=lambda job: job.lane != "bulk")
    await run(linked.here.process, urgent, asyncio.Event())
    assert (await linked.link())["state"] == "SYNCED"
    assert not await synced(linked)  # the bulk one
    await run(linked.here.process, bulk, asyncio.Event())
    assert await synced(linked)


async def test_jobs_that_the_queue_cannot_carry_run_in_this_process(linked: Linked) -> None:
    dispatcher, queue = Dispatcher(linked.here.process, asyncio.Event()), Noted()
    queue.away = True
    await linked.change(name="Without A Queue Ltd")
    await dispatcher.dispatch(queue)
    await arrived(linked, "Without A Queue Ltd")  # type: ignore[misc]  # a coroutine
    assert queue.take() == []
    await dispatcher.finish()


async def test_a_flush_of_redis_during_edits_loses_nothing(linked: Linked, valkey: Redis) -> None:
    rows = await linked.here.world.rows(
        "select contact_id from sync_link where state = 'SYNCED' order by 1 limit 12"
    )
    async with working(linked.here.process):
        for number, row in enumerate(rows):
            await rename(linked, row["contact_id"], f"Flushed {number} Ltd")
            await valkey.flushall()
        await until(lambda: synced(linked))
    written = (await linked.here.process.http.get(f"{linked.here.xero}/simulator/written")).json()
    assert sorted(one["elements"] for one in written.values()) == [1] * 12


async def test_edits_are_sent_while_redis_hangs_and_arq_carries_jobs_afterwards(
    linked: Linked, valkey: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Stopped as a process, which answers nothing and closes nothing."""
    server = int((await valkey.info("server"))["process_id"])
    async with working(linked.here.process):
        await linked.change(name="Before Ltd")
        await arrived(linked, "Before Ltd")  # type: ignore[misc]  # a coroutine
        os.kill(server, signal.SIGSTOP)
        try:
            await linked.change(name="Meanwhile Ltd")
            await arrived(linked, "Meanwhile Ltd")  # type: ignore[misc]  # a coroutine
        finally:
            os.kill(server, signal.SIGCONT)
        await linked.change(name="Afterwards Ltd")
        await arrived(linked, "Afterwards Ltd")  # type: ignore[misc]  # a coroutine
        await until(lambda: synced(linked))
    assert await linked.writes() == 3


async def test_a_worker_without_heartbeats_is_marked_as_lost_once_and_the_epoch_changes(
    linked: Linked,
) -> None:
    told: list[int] = []
    silent = Heartbeat(linked.here.process.database, lambda: None)
    living = Heartbeat(linked.here.process.database, lambda: told.append(living.epoch))
    await silent.beat()
    await living.beat()
    assert (living.epoch, living.workers, told) == (0, 2, [])
    linked.later(LOST_AFTER + timedelta(seconds=1))
    await living.beat()
    assert living.workers == 1
    assert told == [living.epoch]
    assert living.epoch > 0
    epoch = living.epoch
    linked.later(timedelta(seconds=1))
    await living.beat()
    assert (living.epoch, told) == (epoch, [epoch])


async def test_a_slow_worker_is_counted_again_and_may_be_lost_again(linked: Linked) -> None:
    slow, living = (Heartbeat(linked.here.process.database, lambda: None) for _ in range(2))
    await slow.beat()
    linked.later(LOST_AFTER + timedelta(seconds=1))
    await living.beat()
    first = living.epoch
    await slow.beat()
    await living.beat()
    assert (living.workers, living.epoch, slow.epoch) == (2, first, first)
    linked.later(LOST_AFTER + timedelta(seconds=1))
    await living.beat()
    assert living.workers == 1
    assert living.epoch > first


async def test_a_worker_that_ends_is_not_lost(linked: Linked) -> None:
    ended, living = (Heartbeat(linked.here.process.database, lambda: None) for _ in range(2))
    beating = asyncio.create_task(ended.run())
    while living.workers < 2:
        await asyncio.sleep(0.01)
        await living.beat()
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    linked.later(LOST_AFTER + timedelta(seconds=1))
    await living.beat()
    assert (living.epoch, living.workers) == (0, 1)


async def test_lost_workers_are_deleted_after_a_day(linked: Linked) -> None:
    lost, living = (Heartbeat(linked.here.process.database, lambda: None) for _ in range(2))
    await lost.beat()
    linked.later(timedelta(minutes=1))
    await living.beat()
    linked.later(timedelta(days=2))
    await living.beat()
    await living.beat()
    assert living.workers == 1
    # Asked of the door, as the app may not read the table.
    assert living.epoch == 0
