"""Starts what the benches of the sync need: embedded PostgreSQL with fsync, and processes that end with the bench."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx

from runtime.embedded import services as embedded_services
from runtime.embedded.services import Services
from runtime.migrations import migrate


@contextmanager
def services() -> Iterator[Services]:
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL runs as somebody else and must pass
        with embedded_services.services(Path(folder) / "data") as found:
            asyncio.run(migrate(found.admin_url, embedded_services.APP))
            yield found


def environment(found: Services, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return {
        **kept,
        "DATABASE_URL": found.app_url,
        "REDIS_URL": found.redis_url,
        "TANDEM_KEYS": found.key,
        "LOG_LEVEL": "WARNING",
        **more,
    }


def process(*arguments: str, env: dict[str, str]) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """`python -m …`, as `program` runs it."""
    return program(sys.executable, "-m", *arguments, env=env)


@asynccontextmanager
async def program(*command: str, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """It is ended with SIGTERM, unless it was killed."""
    started = await asyncio.create_subprocess_exec(*command, env=env)
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):  # killed
            started.terminate()
        await started.wait()


async def answers(address: str, seconds: float = 60) -> None:
    """Wait until something answers at this address."""
    async with asyncio.timeout(seconds), httpx.AsyncClient() as http:
        while True:
            try:
                await http.get(address)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


def cpu(pid: int) -> float:
    """Seconds that the process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """The memory of the process in MB (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def postgres_cpu(found: Services) -> float:
    """Seconds that PostgreSQL has used, ended backends included (Linux)."""
    postmaster = int((found.sockets / ".s.PGSQL.5432.lock").read_text().split()[0])
    pids = [postmaster, *map(int, Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split())]
    ticks = 0
    for pid in pids:
        with suppress(FileNotFoundError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15] if pid == postmaster else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
