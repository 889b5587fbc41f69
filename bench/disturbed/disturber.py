"""Kills workers and APIs, breaks PostgreSQL and Redis, and arms faults of Xero's."""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bench.disturbed.place import Ignored, Place, command, environment, postmaster

AWAY = 60.0  # seconds without Redis
YOUNG = 5.0  # seconds that a process lives at least, so that it does something before it is killed
REFUSED = "Email address must be valid."
FAULTS: list[dict[str, object]] = [
    {"kind": "status", "status": 403, "form": "html"},
    {"kind": "status", "status": 403, "form": "text", "method": "POST"},
    {"kind": "status", "status": 429, "limit": "minute", "retry_after": 4},
    {"kind": "status", "status": 500, "method": "POST"},
    {"kind": "status", "status": 500, "method": "POST", "when": "after"},
    {"kind": "status", "status": 500, "method": "PUT", "when": "after"},
    {"kind": "status", "status": 502, "method": "PUT", "when": "after"},
    {"kind": "status", "status": 503, "count": 2},
    {"kind": "status", "status": 504, "method": "POST", "when": "after"},
    {"kind": "drop", "when": "before"},
    {"kind": "drop", "when": "after", "method": "POST"},
    {"kind": "drop", "when": "after", "method": "PUT", "count": 2},
    {"kind": "drop", "when": "later", "seconds": 3, "method": "POST"},
    {"kind": "delay", "seconds": 8, "method": "GET", "path": "/Contacts"},
    {"kind": "delay", "seconds": 4, "method": "POST", "path": "/Contacts"},
    {"kind": "malform", "method": "GET", "path": "/Contacts"},
    {"kind": "refuse", "message": REFUSED, "method": "POST", "path": "/Contacts"},
    {"kind": "refuse", "message": REFUSED, "part": "Contact", "method": "PUT", "path": "/Invoices"},
    {"kind": "refuse", "message": "The area code must be shorter.", "part": "Phones", "method": "POST",
     "path": "/Contacts"},
    {"kind": "warn", "message": "The CurrencyRate is unusual.", "path": "/Invoices"},
]  # fmt: skip


class Disturber:
    """The demo starts its own API and worker again by itself; the second API and the second worker are started here."""

    def __init__(self, place: Place, chance: random.Random) -> None:
        self._place, self._chance = place, chance
        self._born = {word: time.monotonic() for word in ("worker", "serve")}
        self._second = {word: self._start(word) for word in self._born}
        self.done: Counter[str] = Counter()
        self.faults = 0

    @property
    def kills(self) -> int:
        return sum(count for what, count in self.done.items() if what.endswith("killed"))

    def _start(self, word: str) -> subprocess.Popen[bytes]:
        self._born[word] = time.monotonic()
        with (self._place.folder / f"second-{word}.log").open("ab") as log:
            env = environment(self._place.folder, self._place.ports[1])
            return subprocess.Popen(command(word), env=env, stdout=log, stderr=log)

    async def kill(self, word: str) -> None:
        """SIGKILL to the demo's process of this name or to the second one. A process is killed once it has worked for a moment."""
        mine = self._second[word]
        others = [pid for pid in self._named(word) if pid != mine.pid and _age(pid) > YOUNG]
        if others and self._chance.random() < 0.4:
            with suppress(ProcessLookupError):
                os.kill(others[0], signal.SIGKILL)
                self.done[f"demo's {word} killed"] += 1
            return
        if time.monotonic() - self._born[word] < YOUNG:
            return
        if word == "serve" and not await self._place.answers(self._place.ports[1]):
            return
        mine.kill()
        mine.wait()
        self.done[f"second {word} killed"] += 1
        self._second[word] = self._start(word)

    def _named(self, word: str) -> list[int]:
        key = f"REDIS_URL={self._place.settings.redis_url}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                if words[-3:] != [b"-m", b"runtime", word.encode()]:
                    continue
                if key in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    # -- Redis

    async def flush(self) -> None:
        async with self._redis() as redis:
            await redis.flushall()
        self.done["Redis flushed"] += 1

    async def take_redis_away(self) -> None:
        """End all connections to Redis and refuse new ones for a minute. Then Redis is empty."""
        path = Path(self._place.settings.redis_url.removeprefix("unix://"))
        async with self._redis() as redis:
            await redis.ping()  # while the path is there: the commands below use this connection
            path.rename(path.with_suffix(".away"))  # noqa: ASYNC240 - a moment
            for kind in ("pubsub", "normal"):
                await redis.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        try:
            await asyncio.sleep(AWAY)
        finally:
            path.with_suffix(".away").rename(path)
        await self.flush()
        self.done[f"Redis away for {AWAY:.0f} s and empty then"] += 1

    async def hang_redis(self) -> None:
        """Redis accepts connections and does not answer, for a minute."""
        async with self._redis() as redis:
            found: dict[str, int] = await redis.info("server")
        pid = int(found["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(AWAY)
        finally:
            os.kill(pid, signal.SIGCONT)
        await self.flush()
        self.done[f"Redis without an answer for {AWAY:.0f} s"] += 1

    @asynccontextmanager
    async def _redis(self) -> AsyncIterator[Redis]:
        redis = Redis.from_url(self._place.settings.redis_url)
        try:
            yield redis
        finally:
            await redis.aclose()

    # -- PostgreSQL

    def crash_postgres(self) -> None:
        """SIGKILL to a server process: PostgreSQL ends all others, recovers from its log, and starts again."""
        if backends := self._backends():
            os.kill(self._chance.choice(backends), signal.SIGKILL)
            self.done["PostgreSQL crashed and recovered"] += 1

    def break_connections(self) -> None:
        """SIGTERM to some server processes: their clients' connections end, in a statement or between two."""
        backends = self._backends()
        for pid in self._chance.sample(backends, min(3, len(backends))):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                self.done["connections to PostgreSQL broken"] += 1

    def _backends(self) -> list[int]:
        found = []
        with suppress(OSError):
            server = postmaster(self._place.settings.database_url)
            for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split():
                with suppress(OSError):
                    if b"tandem_app" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        found.append(int(pid))
        return found

    # -- Xero

    async def fault(self) -> None:
        await self._place.control(Ignored, "POST", "faults", self._chance.choice(FAULTS))
        self.faults += 1

    async def end_faults(self) -> None:
        await self._place.control(Ignored, "DELETE", "faults")

    # -- all of it

    async def run(self, until: float) -> None:
        hang = asyncio.create_task(self._hang_once(until))
        while time.monotonic() < until:
            await asyncio.sleep(self._chance.uniform(0.6, 2))
            act = self._chance.choice(
                ("worker",) * 4 + ("serve",) * 3 + ("flush", "fault", "fault", "fault", "break", "crash")
            )
            match act:
                case "flush" if hang.done():
                    with suppress(RedisError, OSError):
                        await self.flush()
                case "fault":
                    await self.fault()
                case "break":
                    self.break_connections()
                case "crash":
                    if self.done["PostgreSQL crashed and recovered"] < 6:
                        self.crash_postgres()
                case "worker" | "serve":
                    await self.kill(act)
        await hang

    async def _hang_once(self, until: float) -> None:
        await asyncio.sleep(max(0.0, (until - time.monotonic()) / 2 - AWAY / 2))
        await self.hang_redis()

    def end(self) -> None:
        for one in self._second.values():
            one.terminate()
        for one in self._second.values():
            try:
                one.wait(timeout=30)
            except subprocess.TimeoutExpired:
                one.kill()


def _age(pid: int) -> float:
    """Seconds since the process was started."""
    with suppress(OSError):
        started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
    return 0.0
