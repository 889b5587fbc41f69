"""Sends a burst of webhooks to a real `tandem serve`: `python -m bench.webhooks --rate 1000 --seconds 60`.

Each request holds one event, is signed, and has its planned time, whether or not the request before was answered. Its
latency counts from the planned time. Afterwards the inbox must hold each event that was answered with 200. `--peer` runs
the usual solution at the same rate: the same framework and driver, and one transaction for each event.
"""

import argparse
import asyncio
import json
import os
import resource
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.place import answers, environment, percentile, postgres_cpu, process, services
from runtime import database
from runtime.embedded.services import Services
from tests.domain.world import make_world
from tests.hooks import KEY, body, event, signed
from xero.webhooks import is_signed

PORT = 8013
CONNECTIONS = 100
PATH = "/webhooks/xero"


@dataclass
class Result:
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


async def one_by_one(request: Request) -> Response:
    """The peer: verified, stored and committed by itself."""
    content = await request.body()
    if not is_signed([KEY], content, request.headers.get("x-xero-signature")):
        return Response(status_code=401)
    pool: asyncpg.Pool = request.app.state.pool
    rows = [
        (UUID(one["tenantId"]), UUID(one["resourceId"]), datetime.fromisoformat(one["eventDateUtc"]))
        for one in json.loads(content)["events"]
    ]
    async with pool.acquire() as connection, connection.transaction():
        await connection.executemany("insert into peer (tenant, resource, at) values ($1, $2, $3)", rows)
    return Response()


@asynccontextmanager
async def pooled(app: Starlette) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"].replace("+asyncpg", "")
    async with asyncpg.create_pool(url, min_size=8, max_size=8) as app.state.pool:
        yield


peer = Starlette(routes=[Route(PATH, one_by_one, methods=["POST"])], lifespan=pooled)


def requests(tenant: UUID, count: int) -> Iterator[bytes]:
    for _ in range(count):
        content = body(event(tenant, uuid4(), datetime.now(UTC)), entropy=uuid4().hex)
        headers = signed(content)
        yield (
            f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"x-xero-signature: {headers['x-xero-signature']}\r\ncontent-length: {len(content)}\r\n\r\n"
        ).encode() + content


class Sender(asyncio.Protocol):
    """One open connection, one request at a time: a client whose own cost is small."""

    def __init__(self, asked: deque[tuple[float, bytes]], result: Result) -> None:
        self._asked, self._result = asked, result
        self._due: float | None = None
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def go_on(self) -> None:
        if self._due is None and self._asked:
            self._due, request = self._asked.popleft()
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._answer.endswith(b"\r\n\r\n") or self._due is None:  # the answers have no body
            return
        self._result.statuses[int(self._answer[9:12])] += 1
        self._result.seconds.append(time.perf_counter() - self._due)
        self._answer, self._due = b"", None
        self.go_on()


async def load(port: int, tenant: UUID, rate: int, seconds: int) -> Result:
    result, asked = Result(), deque[tuple[float, bytes]]()
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Sender(asked, result), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    made = list(requests(tenant, rate * seconds))
    start = time.perf_counter()
    for number, request in enumerate(made):
        due = start + number / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        elif number % 20 == 0:
            await asyncio.sleep(0)  # late: let answers be read all the same
        asked.append((due, request))
        opened[number % CONNECTIONS][1].go_on()
    while len(result.seconds) < len(made):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    for transport, _ in opened:
        transport.close()
    return result


def cpu(found: Services) -> tuple[float, float]:
    """Seconds that ended processes of ours have used, and PostgreSQL."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, postgres_cpu(found)


def tell(
    name: str, result: Result, stored: int, before: tuple[float, float], after: tuple[float, float]
) -> None:
    asked, ms = sum(result.statuses.values()), [second * 1000 for second in result.seconds]
    ours, postgres = ((now - then) / asked * 1000 for now, then in zip(after, before, strict=True))
    print(
        f"{name}: {asked} asked, answered {dict(result.statuses)}, lost {result.statuses[200] - stored};"
        f" ms p50 {percentile(ms, 0.5):.1f}, p99 {percentile(ms, 0.99):.1f}, most {max(ms):.0f},"
        f" over 5 s {sum(one > 5000 for one in ms)}; CPU ms a request: server {ours:.2f}, PostgreSQL {postgres:.2f}"
    )


async def measure(found: Services, rate: int, seconds: int, *, with_peer: bool) -> None:
    db = database.connect(found.app_url)
    world = await make_world(db)
    [row] = await world.rows("select tenant_id from organisation where workspace_id = :ws")
    owner = await asyncpg.connect(found.admin_url.replace("+asyncpg", ""))
    await owner.execute("create table peer (tenant uuid, resource uuid, at timestamptz)")
    await owner.execute("grant all on peer to public")
    env = environment(found, XERO_WEBHOOK_KEYS=KEY, PORT=str(PORT))
    serve = ("runtime", "serve")
    usual = (
        "uvicorn",
        "bench.webhooks:peer",
        "--port",
        str(PORT),
        "--log-level",
        "warning",
        "--no-access-log",
    )
    runs = {"tandem serve": (serve, "webhook_event"), "one by one": (usual, "peer")}
    for name, (command, table) in runs.items():
        if name == "one by one" and not with_peer:
            continue
        before = cpu(found)
        async with process(*command, env=env):
            await answers(f"http://127.0.0.1:{PORT}/")
            result = await load(PORT, row["tenant_id"], rate, seconds)
        await asyncio.sleep(1)  # its connections to PostgreSQL end
        tell(name, result, await owner.fetchval(f"select count(*) from {table}"), before, cpu(found))
    await owner.close()
    await db.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--peer", action="store_true")
    asked = parser.parse_args()
    with services() as found:
        asyncio.run(measure(found, asked.rate, asked.seconds, with_peer=asked.peer))


if __name__ == "__main__":
    main()
