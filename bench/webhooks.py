"""A burst of webhooks against a real `tandem serve`: `python -m bench.webhooks --rate 1000 --seconds 60`.

Each request is one event of its own, signed, and due at its time whether or not the one before was answered; its latency
counts from then. Afterwards the inbox must hold each that was answered 200. `--peer` runs, at the same rate, the way this
is usually written: the same framework and driver, each request's event in a transaction of its own.
"""

import argparse
import asyncio
import json
import os
import resource
import time
from collections import Counter
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

from bench.place import answers, environment, percentile, process, services
from runtime import database
from runtime.embedded import Services
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


async def send(port: int, asked: asyncio.Queue[tuple[float, bytes] | None], result: Result) -> None:
    """One kept connection: takes what is due, and notes how long after its time it was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (one := await asked.get()) is not None:
        due, request = one
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        result.statuses[int(head[9:12])] += 1
        result.seconds.append(time.perf_counter() - due)
    writer.close()


async def load(port: int, tenant: UUID, rate: int, seconds: int) -> Result:
    result, asked = Result(), asyncio.Queue[tuple[float, bytes] | None]()
    senders = [asyncio.create_task(send(port, asked, result)) for _ in range(CONNECTIONS)]
    made = list(requests(tenant, rate * seconds))
    start = time.perf_counter()
    for number, request in enumerate(made):
        due = start + number / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        asked.put_nowait((due, request))
    for _ in senders:
        asked.put_nowait(None)
    await asyncio.gather(*senders)
    return result


def cpu() -> float:
    """Seconds that ended processes of ours have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tell(name: str, result: Result, stored: int, seconds: float) -> None:
    asked, ms = sum(result.statuses.values()), [second * 1000 for second in result.seconds]
    print(
        f"{name}: {asked} asked, answered {dict(result.statuses)}, {stored} in the database;"
        f" ms p50 {percentile(ms, 0.5):.1f}, p99 {percentile(ms, 0.99):.1f}, most {max(ms):.0f};"
        f" over 5 s: {sum(one > 5000 for one in ms)}; lost: {result.statuses[200] - stored};"
        f" the server's CPU: {seconds / asked * 1000:.2f} ms a request"
    )


async def measure(found: Services, rate: int, seconds: int, *, with_peer: bool) -> None:
    db = database.connect(found.app_url)
    world = await make_world(db)
    [row] = await world.rows("select tenant_id from organisation where workspace_id = :ws")
    owner = await asyncpg.connect(found.admin_url.replace("+asyncpg", ""))
    env = environment(found, XERO_WEBHOOK_KEYS=KEY, PORT=str(PORT))
    before = cpu()
    async with process("runtime", "serve", env=env):
        await answers(f"http://127.0.0.1:{PORT}/healthz")
        result = await load(PORT, row["tenant_id"], rate, seconds)
    tell("tandem serve", result, await owner.fetchval("select count(*) from webhook_event"), cpu() - before)
    if with_peer:
        await owner.execute("create table peer (tenant uuid, resource uuid, at timestamptz)")
        await owner.execute("grant all on peer to public")
        uvicorn = ("uvicorn", "bench.webhooks:peer", "--port", str(PORT + 100), "--log-level", "warning")
        before = cpu()
        async with process(*uvicorn, "--no-access-log", env=env):
            await answers(f"http://127.0.0.1:{PORT + 100}/")
            result = await load(PORT + 100, row["tenant_id"], rate, seconds)
        tell("one by one", result, await owner.fetchval("select count(*) from peer"), cpu() - before)
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
