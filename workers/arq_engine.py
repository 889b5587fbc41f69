"""arq as the engine: it carries the jobs of `workers.jobs` over Redis to whichever worker is free.

Only this module and `workers.main` know arq; docs/ENGINE.md says how to put another library in their place. Redis holds no
lasting data: jobs that a flush or a kill loses are handed over again from PostgreSQL's due marks.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

import structlog
from arq import cron
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.constants import default_queue_name, in_progress_key_prefix, job_key_prefix
from arq.cron import CronJob
from arq.jobs import serialize_job
from arq.typing import WorkerCoroutine
from arq.utils import timestamp_ms
from arq.worker import Function, Worker, func
from redis.exceptions import RedisError

from workers import housekeeping
from workers.dispatcher import Dispatcher, QueueAwayError
from workers.heartbeat import Heartbeat
from workers.jobs import KINDS, Job, lane_of, run
from workers.process import Process

log = structlog.get_logger()
POLL_SECONDS = 0.5  # arq's loop looks for jobs so often, even if it is not woken
PATIENCE = 1.0  # seconds that Redis has to answer; after that the jobs run in this process
STUCK_SECONDS = 10.0  # a loop that has not looked for jobs for so long waits for an answer that does not come
AGAIN_SECONDS = 1.0
JOB_SECONDS = (
    90  # a safety net: a job begins no step after RUN_SECONDS, and the calls of a step have time-outs
)
HOUSE_SECONDS = 300
HEALTH_SECONDS, HEALTH_KEPT = 5, 14  # `arq --check` fails so many seconds after the last worker was killed
WAKE = "tandem:wake"
OTHER_LIMIT = 1  # of housekeeping, at once
_AWAY = (RedisError, OSError, TimeoutError)
Answer = TypeVar("Answer")


def encode(value: object) -> bytes:
    """JSON, and not pickle: a writer to Redis must not be able to run code here."""
    return json.dumps(value, default=repr).encode()


def _function(kind: str) -> Function:
    async def job(ctx: dict[str, Any], workspace: str, key: str, lane: str) -> None:
        work = Job(kind, UUID(workspace), UUID(key), lane)
        ctx["job"], ctx["did"] = work, False
        ctx["did"] = await run(ctx["process"], work, ctx["stop"])

    return func(job, name=kind, timeout=JOB_SECONDS)


async def _ended(ctx: dict[str, Any]) -> None:
    """arq calls this when the job's key is gone, so that the same job can be handed over at once."""
    if "job" in ctx:
        ctx["dispatcher"].ended(ctx["job"].name, ctx["did"])


def _scheduled(work: Any) -> WorkerCoroutine:
    async def job(ctx: dict[str, Any]) -> None:
        await work(ctx["process"])

    job.__qualname__ = work.__name__
    return job


FUNCTIONS: list[Function] = [_function(kind) for kind in KINDS]
SCHEDULES: list[CronJob] = [
    cron(_scheduled(housekeeping.keep_house), name="keep_house", minute={7}, timeout=HOUSE_SECONDS),
    cron(
        _scheduled(housekeeping.refresh_stale_grants),
        name="refresh_stale_grants",
        hour={3},
        minute={21},
        timeout=HOUSE_SECONDS,
    ),
]
WORKER_OPTIONS: dict[str, Any] = {
    "functions": FUNCTIONS,
    "cron_jobs": SCHEDULES,
    "job_serializer": encode,
    "job_deserializer": json.loads,
    "keep_result": 0,  # a kept result would refuse the next job of the same id
    "max_jobs": 2 * sum(kind.limit for kind in KINDS.values()),
    "queue_read_limit": 1000,
    "health_check_interval": HEALTH_SECONDS,
    "after_job_end": _ended,
}


class WokenWorker(Worker):
    """arq's worker, woken when there is a job, instead of looking for one every `poll_delay`.

    The worker starts interactive jobs first, at most as many of each lane as the lane's limit, and no job that runs
    already. It claims all jobs in one round trip to Redis; arq needs four for each job.
    """

    def __init__(self, pool: ArqRedis, ctx: dict[str, Any], poll_seconds: float = POLL_SECONDS) -> None:
        options = {**WORKER_OPTIONS, "after_job_end": self._job_ended}
        super().__init__(redis_pool=pool, ctx=ctx, handle_signals=False, poll_delay=0, **options)
        self._woken, self._poll_seconds = asyncio.Event(), poll_seconds
        self._looked = self.loop.time()

    def idle_seconds(self) -> float:
        """How long ago it last looked for jobs."""
        return self.loop.time() - self._looked

    async def main(self) -> None:
        waker = asyncio.create_task(self._listen())
        try:
            await super().main()
        finally:
            waker.cancel()
            with suppress(asyncio.CancelledError):
                await waker

    async def _listen(self) -> None:
        while True:
            with suppress(*_AWAY):
                async with self.pool.pubsub(ignore_subscribe_messages=False) as channel:
                    await channel.subscribe(WAKE)
                    async for _ in channel.listen():
                        self._woken.set()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _poll_iteration(self) -> None:
        """arq's own search for jobs, and then the wait for the next. A wake-up during the search causes another search."""
        self._woken.clear()
        await super()._poll_iteration()
        self._looked = self.loop.time()
        with suppress(TimeoutError):  # not wait_for, which may swallow the cancellation of arq's loop
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        running = {job_id for job_id, task in self.tasks.items() if not task.done()}
        waiting = [job_id for job_id in map(bytes.decode, job_ids) if job_id not in running]
        chosen = self._choose(waiting, running)
        if len(chosen) < len(waiting):  # a job that another worker runs must not take the place of a free one
            elsewhere = await self.pool.mget([in_progress_key_prefix + job_id for job_id in waiting])
            free = [job_id for job_id, taken in zip(waiting, elsewhere, strict=True) if taken is None]
            chosen = self._choose(free, running)
        if chosen:
            await self._claim(chosen)

    def _choose(self, waiting: Collection[str], running: Collection[str]) -> list[str]:
        """Urgent jobs first, up to the limits."""
        lanes = Counter(lane_of(_name(job_id)) for job_id in running)
        chosen = []
        for job_id in sorted(waiting, key=_is_patient)[: self.max_jobs - self.job_counter]:
            kind, lane = job_id.partition(":")[0], lane_of(_name(job_id))
            if lanes[lane] < (KINDS[kind].limit if kind in KINDS else OTHER_LIMIT):
                lanes[lane] += 1
                chosen.append(job_id)
        return chosen

    async def _claim(self, job_ids: Collection[str]) -> None:
        """Start the jobs that no other worker has taken meanwhile, as arq's `start_jobs` does."""
        async with self.pool.pipeline(transaction=True) as pipe:
            for job_id in job_ids:
                pipe.zscore(self.queue_name, job_id)
                pipe.set(
                    in_progress_key_prefix + job_id, b"1", px=int(self.in_progress_timeout_s * 1000), nx=True
                )
            answers = await pipe.execute()
        for job_id, score, is_ours in zip(job_ids, answers[::2], answers[1::2], strict=True):
            if is_ours and score is None:  # another worker has done it
                await self.pool.delete(in_progress_key_prefix + job_id)
            elif is_ours:
                await self.sem.acquire()
                self.job_counter += 1
                self.tasks[job_id] = task = self.loop.create_task(self.run_job(job_id, int(score)))
                task.add_done_callback(lambda _: self._release_sem_dec_counter_on_complete())

    async def record_health(self) -> None:
        before = self._last_health_check
        await super().record_health()
        if self._last_health_check != before:
            await self.pool.expire(self.health_check_key, HEALTH_KEPT)

    async def _job_ended(self, ctx: dict[str, Any]) -> None:
        await _ended(ctx)
        self._woken.set()  # a job of the same lane may have waited for the room


def _name(job_id: str) -> str:
    return job_id.rpartition(":")[0]


def _is_patient(job_id: str) -> bool:
    kind = KINDS.get(job_id.partition(":")[0])
    return kind is None or not kind.urgent


class ArqQueue:
    """Hands jobs to arq. `is_worked`: whether an arq worker of this process looks for them; `tandem worker` knows.

    After a failure Redis is left alone for a moment, so that work which runs here meanwhile does not wait for it.
    """

    def __init__(self, heartbeat: Heartbeat, is_worked: Callable[[], bool] = lambda: True) -> None:
        self._heartbeat, self._is_worked = heartbeat, is_worked
        self.pool: ArqRedis | None = None
        self._again_at = 0.0

    async def outstanding(self) -> Collection[str]:
        ids = await self._ask(lambda pool: pool.zrange(default_queue_name, 0, -1))
        epoch = str(self._heartbeat.epoch)
        parts = [job_id.decode().rpartition(":") for job_id in ids]
        return {name for name, _, of in parts if of == epoch}

    async def carry(self, jobs: Collection[Job]) -> None:
        epoch = self._heartbeat.epoch

        async def enqueue(pool: ArqRedis) -> None:
            """Enqueue all jobs and the wake-up in one round trip; arq's `enqueue_job` needs three for each job. A job whose
            id arq has already stays unchanged."""
            now = timestamp_ms()
            async with pool.pipeline(transaction=True) as pipe:
                for job in jobs:
                    job_id, ids = f"{job.name}:{epoch}", (str(job.workspace), str(job.key), job.lane)
                    packed = serialize_job(job.kind, ids, {}, None, now, serializer=encode)
                    pipe.set(job_key_prefix + job_id, packed, px=pool.expires_extra_ms, nx=True)
                    pipe.zadd(default_queue_name, {job_id: now}, nx=True)
                pipe.publish(WAKE, b"")
                await pipe.execute()

        await self._ask(enqueue)

    async def _ask(self, question: Callable[[ArqRedis], Awaitable[Answer]]) -> Answer:
        now = asyncio.get_running_loop().time()
        if self.pool is None or now < self._again_at:
            raise QueueAwayError("Redis does not answer")
        if not self._is_worked():
            raise QueueAwayError("arq's loop does not look for jobs")
        try:
            async with asyncio.timeout(PATIENCE):
                return await question(self.pool)
        except _AWAY as error:
            self._again_at = asyncio.get_running_loop().time() + AGAIN_SECONDS
            raise QueueAwayError(f"Redis does not answer ({type(error).__name__})") from error


class ArqEngine:
    """arq in this process: `queue` for the dispatcher, and a worker, which is created again when Redis is back."""

    def __init__(
        self, settings: RedisSettings, process: Process, dispatcher: Dispatcher, stop: asyncio.Event
    ) -> None:
        self._settings, self._stop = settings, stop
        self._context = {"process": process, "dispatcher": dispatcher, "stop": stop}
        self._worker: WokenWorker | None = None
        self._connected = asyncio.Event()
        self.queue = ArqQueue(dispatcher.heartbeat, self._is_looking)

    def _is_looking(self) -> bool:
        return self._worker is not None and self._worker.idle_seconds() < POLL_SECONDS + PATIENCE

    async def connected(self) -> None:
        """Wait until arq runs, for a moment at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._connected.wait()

    async def run(self) -> None:
        """Run until `stop`. arq's worker ends with the connection to Redis, and is then started again."""
        logging.getLogger("arq.worker").setLevel(logging.WARNING)  # else two lines for each job
        while not self._stop.is_set():
            try:
                await self._run_once()
            except _AWAY as error:
                log.warning("arq_stopped", error=type(error).__name__, retry_in_seconds=AGAIN_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS):
                    await self._stop.wait()

    async def _run_once(self) -> None:
        """Running jobs may finish when it ends, because a call that is cut is a call without an answer."""
        async with asyncio.timeout(2 * PATIENCE):
            pools = [await connect(self._settings) for _ in range(2)]
        self.queue.pool, worker = pools[0], WokenWorker(pools[1], self._context)
        running = asyncio.create_task(worker.async_run())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            self._worker = worker
            self._connected.set()
            while worker.idle_seconds() < STUCK_SECONDS:
                done, _ = await asyncio.wait(
                    {running, stopped}, timeout=1, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    break
            worker.allow_pick_jobs = False
            if self._stop.is_set():
                await _settle(worker.tasks)
            else:
                self._worker = self.queue.pool = None
                await _settle(worker.job_tasks)
            if running.done():
                running.result()
        finally:
            self._worker = self.queue.pool = None
            stopped.cancel()
            running.cancel()
            await asyncio.wait({running}, timeout=PATIENCE)
            for close in (worker.close, pools[0].aclose):
                with suppress(*_AWAY, asyncio.CancelledError):
                    async with asyncio.timeout(PATIENCE):
                        await close()


async def _settle(tasks: dict[str, asyncio.Task[Any]]) -> None:
    if tasks:
        await asyncio.wait(list(tasks.values()), timeout=JOB_SECONDS)


async def connect(settings: RedisSettings) -> ArqRedis:
    return await create_pool(settings, job_serializer=encode, job_deserializer=json.loads)


def redis_settings(address: str) -> RedisSettings:
    """Tried once: work that waits for Redis is done without it."""
    settings = RedisSettings.from_dsn(address)
    settings.conn_retries = 0
    return settings
