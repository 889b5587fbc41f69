"""arq as the engine: what Tandem changes in arq, checked against arq's source and on a real Valkey."""

import asyncio
import inspect
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from arq import worker as arq_worker
from arq.connections import ArqRedis
from redis.asyncio import Redis

from runtime.embedded import services as embedded_services
from runtime.turns import Turns
from tests.patience import Patience
from tests.promises.processes import environment
from tests.workers.connected import until
from tests.workers.linked import Linked
from workers import arq_engine
from workers.arq_engine import POLL_SECONDS, WAKE, ArqQueue, WokenWorker, connect, redis_settings
from workers.dispatcher import QueueAwayError
from workers.jobs import KINDS, Job, JobKind


class Heartbeat:
    epoch, workers = 0, 1


class Process:
    """No lane's jobs wait for each other."""

    turns = Turns({})


class Dispatcher:
    """Stores what a worker reports about its jobs."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []

    def ended(self, name: str, did: bool) -> None:
        self.told.append((name, did))


class Stage:
    """A queue and a worker, and kinds of jobs that a test makes."""

    def __init__(self, pool: ArqRedis, worker_pool: ArqRedis, poll_seconds: float) -> None:
        self.queue, self.dispatcher, self.heartbeat = ArqQueue(Heartbeat()), Dispatcher(), Heartbeat()  # type: ignore[arg-type]
        self.queue._heartbeat = self.heartbeat  # type: ignore[assignment]
        self.queue.pool = pool
        context: dict[str, Any] = {
            "process": Process(),
            "dispatcher": self.dispatcher,
            "stop": asyncio.Event(),
        }
        self.worker = WokenWorker(worker_pool, context, poll_seconds)


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a kind of job into the registry; arq's functions ask the registry when they run."""

    def add(name: str, step: Any, **options: Any) -> None:
        monkeypatch.setitem(KINDS, name, JobKind(step, **{"limit": 2, "repeats": False, **options}))

    return add


@asynccontextmanager
async def running(
    services: embedded_services.Services, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[Stage]:
    settings = redis_settings(services.redis_url)
    pools = [await connect(settings) for _ in range(2)]
    stage = Stage(pools[0], pools[1], poll_seconds)
    stage.worker.functions |= {kind: arq_engine._function(kind) for kind in KINDS}
    task = asyncio.create_task(stage.worker.async_run())
    try:
        yield stage
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await stage.worker.close()
        await pools[0].aclose()


def job(kind: str = "send_contacts", lane: str = "interactive") -> Job:
    return Job(kind, uuid4(), uuid4(), lane)


def test_one_module_imports_arq() -> None:
    """docs/ENGINE.md promises that this module and workers/main.py are all that another library replaces."""
    know = {
        path.name
        for package in ("api", "domain", "runtime", "workers", "xero")
        for path in Path(package).rglob("*.py")
        if re.search(r"^\s*(from|import) arq\b", path.read_text(), re.MULTILINE)
    }
    assert know == {"arq_engine.py"}


def test_the_overridden_methods_of_arq_have_not_changed() -> None:
    """WokenWorker builds on parts of arq that are not public. With another arq, read them again."""
    assert version("arq") == "0.28.0"
    main, poll = (inspect.getsource(getattr(arq_worker.Worker, name)) for name in ("main", "_poll_iteration"))
    assert "async for _ in poll(self.poll_delay_s):\n            await self._poll_iteration()" in main
    assert "await self.start_jobs(job_ids)" in poll
    assert "await self.heart_beat()" in poll
    started = inspect.getsource(arq_worker.Worker.start_jobs)
    claimed = (
        "await self.sem.acquire()",
        "self.job_counter = self.job_counter + 1",
        "pipe.psetex(in_progress_key, int(self.in_progress_timeout_s * 1000), b'1')",
        "t = self.loop.create_task(self.run_job(job_id, int(score)))",
        "t.add_done_callback(lambda _: self._release_sem_dec_counter_on_complete())",
        "self.tasks[job_id] = t",
    )
    assert [line in started for line in claimed] == [True] * len(claimed)
    enqueued = inspect.getsource(ArqRedis.enqueue_job)
    assert "pipe.psetex(job_key, expires_ms, job)" in enqueued
    assert "pipe.zadd(_queue_name, {job_id: score})" in enqueued
    ran = inspect.getsource(arq_worker.Worker.run_job)
    assert ran.index("self.finish_job(") < ran.index(
        "await self.after_job_end(ctx)"
    )  # the id is free by then
    assert "ctx = {**self.ctx, **job_ctx}" in ran


async def test_a_job_starts_at_once_and_not_at_the_next_poll(
    services: embedded_services.Services, valkey: Redis, kinds: Callable[..., None]
) -> None:
    began: list[Job] = []

    async def step(_: object, job: Job) -> bool:
        began.append(job)
        return False

    kinds("send_contacts", step)
    async with running(services, poll_seconds=3600) as stage:
        await until(lambda: _subscribed(valkey))
        for count in range(1, 4):
            await stage.queue.carry([job()])
            await until(lambda count=count: _count(began, count))  # type: ignore[misc]  # bound at once


async def _subscribed(valkey: Redis) -> bool:
    return bool(dict(await valkey.pubsub_numsub(WAKE)).get(WAKE.encode()))


async def _count(found: list[Any], least: int) -> bool:
    return len(found) >= least


async def test_a_lane_runs_at_most_its_limit_of_jobs_and_blocks_no_other_lane(
    services: embedded_services.Services, valkey: Redis, kinds: Callable[..., None]
) -> None:
    running_now: set[str] = set()
    end = asyncio.Event()

    async def step(_: object, work: Job) -> bool:
        running_now.add(work.name)
        await end.wait()
        return True

    kinds("send_contacts", step, limit=2)
    bulk, urgent = [job(lane="bulk") for _ in range(5)], job()
    async with running(services) as stage:
        await stage.queue.carry(bulk)
        await until(lambda: _count(list(running_now), 2))
        await stage.queue.carry([urgent])
        await until(lambda: _count(list(running_now), 3))
        assert urgent.name in running_now
        await asyncio.sleep(2 * POLL_SECONDS)  # the other three have had their chances
        assert len(running_now) == 3
        assert set(await stage.queue.outstanding()) == {one.name for one in (*bulk, urgent)}
        end.set()
        await until(lambda: _count(stage.dispatcher.told, 6))
    assert all(did for _, did in stage.dispatcher.told)


async def test_many_jobs_cost_as_many_round_trips_to_redis_as_one(
    services: embedded_services.Services, valkey: Redis, kinds: Callable[..., None]
) -> None:
    """One to hand all of them over, one to claim all of them: each is a transaction of Redis. arq then takes one for each job."""
    begun: list[Job] = []
    end = asyncio.Event()

    async def step(_: object, work: Job) -> bool:
        begun.append(work)
        await end.wait()
        return True

    kinds("send_contacts", step, limit=5)
    settings = redis_settings(services.redis_url)
    pools = [await connect(settings) for _ in range(2)]
    stage = Stage(pools[0], pools[1], POLL_SECONDS)
    stage.worker.functions |= {kind: arq_engine._function(kind) for kind in KINDS}
    before = await _transactions(valkey)
    await stage.queue.carry([job() for _ in range(5)])
    assert await _transactions(valkey) == before + 1
    ids = await valkey.zrange("arq:queue", 0, -1)
    for _ in range(2):  # the second time they run already
        await stage.worker.start_jobs(ids)
        await until(lambda: _count(begun, 5))
        assert await _transactions(valkey) == before + 1 + 1 + 5
    end.set()
    await asyncio.gather(*stage.worker.tasks.values())
    assert stage.worker.jobs_complete == 5
    assert await valkey.keys("arq:*") == []
    await stage.worker.close()
    await pools[0].aclose()


async def _transactions(valkey: Redis) -> int:
    found = await valkey.info("commandstats")
    return int(found.get("cmdstat_exec", {"calls": 0})["calls"])


async def test_a_job_that_another_worker_has_done_is_not_claimed(
    services: embedded_services.Services, valkey: Redis, kinds: Callable[..., None]
) -> None:
    """The worker read the queue just before the other one took the job from it."""
    settings = redis_settings(services.redis_url)
    pools = [await connect(settings) for _ in range(2)]
    stage = Stage(pools[0], pools[1], POLL_SECONDS)
    done, running_elsewhere = f"{job().name}:0", job()
    await stage.queue.carry([running_elsewhere])
    taken = f"{running_elsewhere.name}:0"
    await valkey.set(f"arq:in-progress:{taken}", b"1")
    await stage.worker.start_jobs([done.encode(), taken.encode()])
    assert stage.worker.tasks == {}
    assert await valkey.keys("arq:in-progress:*") == [f"arq:in-progress:{taken}".encode()]
    await stage.worker.close()
    await pools[0].aclose()


async def test_a_job_of_a_killed_worker_runs_under_the_next_epoch(
    services: embedded_services.Services, valkey: Redis, kinds: Callable[..., None]
) -> None:
    ran: list[str] = []

    async def step(_: object, work: Job) -> bool:
        ran.append(work.name)
        return True

    kinds("send_contacts", step)
    left = job()
    await valkey.set(f"arq:in-progress:{left.name}:0", b"1", px=60_000)
    async with running(services) as stage:
        await stage.queue.carry([left])
        await asyncio.sleep(2 * POLL_SECONDS)
        assert ran == []
        assert set(await stage.queue.outstanding()) == {left.name}
        stage.heartbeat.epoch = 1
        assert set(await stage.queue.outstanding()) == set()
        await stage.queue.carry([left])
        await until(lambda: _count(ran, 1))


async def test_an_exception_ends_the_job_and_frees_its_id(
    services: embedded_services.Services, valkey: Redis, kinds: Callable[..., None]
) -> None:
    tries: list[str] = []

    async def step(_: object, work: Job) -> bool:
        tries.append(work.name)
        raise KeyError("a misspelt column")

    kinds("send_contacts", step)
    bad = job()
    async with running(services) as stage:
        for count in (1, 2):
            await stage.queue.carry([bad])
            await until(lambda count=count: _count(stage.dispatcher.told, count))  # type: ignore[misc]
        assert stage.worker.jobs_failed == 2
    assert stage.dispatcher.told == [(bad.name, False)] * 2


async def test_a_redis_that_does_not_answer_is_reported_within_a_second_and_not_asked_again_at_once(
    services: embedded_services.Services,
) -> None:
    queue = ArqQueue(Heartbeat())  # type: ignore[arg-type]
    with pytest.raises(QueueAwayError):
        await queue.outstanding()
    open_ends: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: open_ends.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    queue.pool = ArqRedis(host="127.0.0.1", port=port)
    limit = Patience(2 * arq_engine.PATIENCE)
    for _ in range(3):
        with pytest.raises(QueueAwayError):
            await queue.outstanding()
    assert not limit.is_over()
    await queue.pool.aclose()
    for end in open_ends:
        end.close()
    silent.close()
    await silent.wait_closed()


async def test_redis_holds_only_ids_as_json(
    services: embedded_services.Services, valkey: Redis, kinds: Callable[..., None]
) -> None:
    queue = ArqQueue(Heartbeat())  # type: ignore[arg-type]
    queue.pool = await connect(redis_settings(services.redis_url))
    one = job()
    await queue.carry([one])
    stored = await valkey.get(f"arq:job:{one.name}:0")
    decoded = json.loads(stored)
    assert (decoded["f"], decoded["a"], decoded["k"]) == (
        "send_contacts",
        [str(one.workspace), str(one.key), "interactive"],
        {},
    )
    await queue.pool.aclose()


async def tandem(linked: Linked, *command: str) -> asyncio.subprocess.Process:
    env = environment(linked.here.process.settings)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *command,
        env=env,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@asynccontextmanager
async def working(linked: Linked, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker that always ends with the block, because it would work on the next test's data."""
    process = await tandem(linked, *command)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def check(linked: Linked) -> int:
    process = await tandem(linked, "arq", "--check", "workers.main.WorkerSettings")
    return await process.wait()


async def test_plain_arq_runs_the_same_jobs_and_its_check_fails_soon_after_a_kill(
    linked: Linked, valkey: Redis
) -> None:
    async with working(linked, "arq", "workers.main.WorkerSettings"):
        await linked.change(name="By Plain Arq Ltd")
        await until(lambda: linked.has_arrived("By Plain Arq Ltd"), 60)
        assert await check(linked) == 0
    limit = Patience(20)
    while await check(linked) == 0:
        assert not limit.is_over(), "the check still passes"
    left = await valkey.pttl("arq:queue:health-check")
    assert left <= 0


async def test_the_check_passes_while_tandem_worker_runs_and_its_key_ends_within_15_s(
    linked: Linked, valkey: Redis
) -> None:
    async with working(linked, "runtime", "worker"):
        await until(lambda: valkey.exists("arq:queue:health-check"), 60)
        assert await check(linked) == 0
    assert 0 < await valkey.pttl("arq:queue:health-check") <= 15_000
