"""Reads pages of 50 from Tandem and from peers: `python -m bench.reads [--contacts 100000] [--rounds 4] [--page contacts]`.

The page of contacts has address, sync links, cursors and pageInfo, and no totalCount. `--page issues`: match issues with candidates and
differences. `--page invoices`: invoices with lines and payments. Each page is read at nine deep cursors. Each server is one process on the
same PostgreSQL, with a pool of 8. They take turns in rounds of two seconds, at one connection and at 16.

- tandem: `tandem serve` as it is, with authentication, row-level security and all limits.
- json_agg: Starlette and asyncpg with one hand-written statement that makes the whole JSON, under the same role, with the token's look-up,
  BEGIN, set_config, the statement, COMMIT.
- owner: the same statement as owner of the tables, without token and transaction.
- mercurius: mercurius with graphql-jit and two hand-written statements, under the same role, with token and transaction as json_agg. Only
  for contacts. It needs node, and is left out with a word without it.
- mercurius_owner: the same as owner of the tables, without token and transaction.
- core (`--core`, in place of mercurius): Tandem, but graphql-core executes everything.

All must give the same objects. Prints requests a second, p50 and p99, CPU-ms a request of the server and of PostgreSQL, and Tandem's
ratio to each.
"""

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.relay.paging import pack
from api.root import plans
from bench.pages import CONTACTS, FILLS, PAGES, Page
from bench.place import answers, cpu, environment, percentile, postgres_cpu, program, services
from domain.practice.workspaces import new_token, token_hash
from runtime import database
from runtime.commands.cli import main as tandem
from runtime.embedded.services import POSTGRES_SETTINGS, Services
from tests.domain.world import make_world

CURSORS = 9
PEERS = Path(__file__).parent / "peers"
# The peers, each a process of its own


async def as_app(request: Request) -> Response:
    asked = msgspec.json.decode(await request.body())
    token = request.headers["authorization"].removeprefix("Bearer ")
    async with request.app.state.pool.acquire() as connection:
        workspace = await connection.fetchval(
            "select workspace_id from door.find_token($1, $2)", token_hash(token), datetime.now(UTC)
        )
        async with connection.transaction():
            await connection.execute("select set_config('tandem.workspace', $1, true)", str(workspace))
            return await _page(connection, workspace, asked)


async def as_owner(request: Request) -> Response:
    asked = msgspec.json.decode(await request.body())
    async with request.app.state.pool.acquire() as connection:
        return await _page(connection, request.app.state.workspace, asked)


async def _page(connection: asyncpg.Connection, workspace: UUID, asked: dict[str, str]) -> Response:
    statement = PAGES[asked["page"]].statement
    found = await connection.fetchval(statement, workspace, asked["key"], UUID(asked["id"]))
    return Response(found, media_type="application/json")


@asynccontextmanager
async def pooled(app: Starlette) -> AsyncIterator[None]:
    app.state.workspace = UUID(os.environ["BENCH_WORKSPACE"])
    async with asyncpg.create_pool(os.environ["BENCH_DATABASE"], min_size=8, max_size=8) as app.state.pool:
        yield


peer = Starlette(
    routes=[Route("/app", as_app, methods=["POST"]), Route("/owner", as_owner, methods=["POST"])],
    lifespan=pooled,
)


def install_node_peers() -> Path | None:
    """The folder with the installed peers; None where node is missing or npm cannot install them."""
    lock = (PEERS / "package-lock.json").read_bytes()
    folder = Path(tempfile.gettempdir()) / f"tandem-bench-peers-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (folder / "installed").exists():
        if not (shutil.which("node") and shutil.which("npm")):
            return None
        shutil.copytree(PEERS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        if subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=False).returncode:
            return None
        (folder / "installed").touch()
    return folder


@dataclass(frozen=True)
class Server:
    """`command` starts it. `requests` are for it."""

    name: str
    port: int
    command: tuple[str, ...]
    requests: list[bytes]
    as_owner: bool = False


# The load


@dataclass
class Result:
    """`seconds` of each answer; `cpu` and `postgres`: CPU seconds of all of them."""

    seconds: list[float] = field(default_factory=list)
    took: float = 0.0
    cpu: float = 0.0
    postgres: float = 0.0
    size: int = 0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.took


class Client(asyncio.Protocol):
    """One open connection that asks again as soon as it has the answer. Fails on any status but 200."""

    def __init__(self, requests: list[bytes], result: Result, until: float) -> None:
        self._requests, self._result, self._until = requests, result, until
        self._number, self._answer, self._need = 0, bytearray(), 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._answer.clear()
        self._need, self._began = 0, time.perf_counter()
        self._transport.write(self._requests[self._number % len(self._requests)])
        self._number += 1

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._need:
            end = self._answer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._answer[:end]).lower()
            if not head.startswith(b"http/1.1 200"):
                self.done.set_exception(RuntimeError(bytes(self._answer).decode()))
                return
            self._need = end + 4 + int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(self._answer) < self._need:
            return
        now = time.perf_counter()
        self._result.seconds.append(now - self._began)
        self._result.size = self._need
        if now < self._until:
            self._ask()
        elif not self.done.done():
            self._transport.close()
            self.done.set_result(None)


async def run(port: int, requests: list[bytes], result: Result, connections: int, seconds: float) -> None:
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    clients = []
    for n in range(connections):
        turned = requests[n % len(requests) :] + requests[: n % len(requests)]
        until = began + seconds
        _, client = await loop.create_connection(partial(Client, turned, result, until), "127.0.0.1", port)
        clients.append(client.done)
    await asyncio.gather(*clients)
    result.took += time.perf_counter() - began


def post(path: str, body: object, token: str) -> bytes:
    content = msgspec.json.encode(body)
    return (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    ).encode() + content


async def ask(port: int, request: bytes) -> dict[str, object]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    found: dict[str, object] = json.loads(await reader.readexactly(size))
    writer.close()
    return found


def shown(answer: dict[str, object], page: Page) -> list[object]:
    """What tells the objects of a page apart, in their order."""
    data = answer.get("data", {page.root: answer})
    found = msgspec.convert(data, dict[str, dict[str, object]])
    edges = msgspec.convert(found[page.root]["edges"], list[dict[str, object]])
    nodes = [msgspec.convert(edge["node"], dict[str, object]) for edge in edges][:50]
    return [str(node[page.shown])[:19] for node in nodes]  # the forms of times differ in their zones


async def fill(found: Services, contacts: int) -> tuple[UUID, str]:
    """The workspace, and a token that may read."""
    db = database.connect(found.app_url)
    world = await make_world(db)
    await db.close()
    token = new_token()
    owner = await asyncpg.connect(plain(found.admin_url))
    await owner.execute(
        "insert into api_token (workspace_id, id, name, scopes, hash, hint, created_at, created_by)"
        " values ($1, gen_random_uuid(), 'Bench', '{READ}', $2, 'tdm_', now(), '{}')",
        world.workspace,
        token_hash(token),
    )
    await owner.execute(CONTACTS, world.workspace, contacts)
    for statement in FILLS:
        await owner.execute(statement, world.workspace, world.organisation)
    await owner.execute("vacuum analyze")
    await owner.close()
    return world.workspace, token


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


async def servers_of(
    found: Services, workspace: UUID, token: str, name: str, *, with_core: bool
) -> list[Server]:
    page = PAGES[name]
    owner = await asyncpg.connect(plain(found.admin_url))
    places = await owner.fetch(page.places, workspace)
    await owner.close()
    cursors = [places[len(places) // 3 + n * len(places) // (2 * CURSORS)] for n in range(CURSORS)]
    keys = [
        (place["key"] if isinstance(place["key"], str) else place["key"].isoformat(), str(place["id"]))
        for place in cursors
    ]
    asked = [{"query": page.query, "variables": {"after": pack(page.order, *key)}} for key in keys]
    graphql = [post("/graphql", each, token) for each in asked]
    app, as_owner = (
        [post(path, {"page": name, "key": key, "id": number}, token) for key, number in keys]
        for path in ("/app", "/owner")
    )
    usual = (
        sys.executable,
        "-m",
        "uvicorn",
        "bench.reads:peer",
        "--log-level",
        "warning",
        "--no-access-log",
        "--port",
    )
    servers = [
        Server("tandem", 8021, (sys.executable, "-m", "runtime", "serve"), graphql),
        Server("json_agg", 8023, (*usual, "8023"), app),
        Server("owner", 8024, (*usual, "8024"), as_owner, as_owner=True),
    ]
    folder = install_node_peers() if name == "contacts" and not with_core else None
    if with_core:
        servers.append(Server("core", 8022, (sys.executable, "-m", "bench.reads", "core"), graphql))
    elif folder is not None:
        node = ("node", str(folder / "mercurius.mjs"))
        servers.append(Server("mercurius", 8025, node, graphql))
        servers.append(Server("mercurius_owner", 8026, node, graphql, as_owner=True))
    elif name == "contacts":
        print("mercurius: skipped, because node is not installed or npm cannot install it")
    return servers


async def measure(found: Services, contacts: int, rounds: int, name: str, *, with_core: bool) -> None:
    workspace, token = await fill(found, contacts)
    servers = await servers_of(found, workspace, token, name, with_core=with_core)
    env = environment(
        found,
        RATE_LIMIT_CALLER="2000000000",
        RATE_LIMIT_WORKSPACE="2000000000",
        BENCH_WORKSPACE=str(workspace),
    )
    results: dict[tuple[str, int], list[Result]] = {}
    async with AsyncExitStack() as stack:
        pids = {}
        for server in servers:
            more = {
                "PORT": str(server.port),
                "BENCH_DATABASE": plain(found.admin_url if server.as_owner else found.app_url),
                "BENCH_AS": "owner" if server.as_owner else "app",
                "DATABASE_POOL_SIZE": "8",
            }
            started = await stack.enter_async_context(program(*server.command, env=env | more))
            pids[server.name] = started.pid
            await answers(f"http://127.0.0.1:{server.port}/")
        given = {each.name: shown(await ask(each.port, each.requests[1]), PAGES[name]) for each in servers}
        assert len(given["owner"]) == 50, given
        assert all(each == given["owner"] for each in given.values()), given
        for turn in range(rounds + 1):
            for connections in (1, 16):
                for server in servers:
                    result = Result()
                    before = cpu(pids[server.name]), postgres_cpu(found)
                    await run(server.port, server.requests, result, connections, 2.0 if turn else 0.7)
                    result.cpu = cpu(pids[server.name]) - before[0]
                    result.postgres = postgres_cpu(found) - before[1]
                    if turn:  # the first one warms up
                        results.setdefault((server.name, connections), []).append(result)
    tell([each.name for each in servers], name, results)


def tell(names: list[str], page: str, results: dict[tuple[str, int], list[Result]]) -> None:
    print(f"{page}; load {os.getloadavg()[0]:.1f}; medians of rounds")
    for connections in (1, 16):
        rates = {name: median(one.rate for one in results[name, connections]) for name in names}
        for name in names:
            found = results[name, connections]
            ms = [second * 1000 for one in found for second in one.seconds]
            each = [len(one.seconds) / 1000 for one in found]
            server = median(one.cpu / n for one, n in zip(found, each, strict=True))
            postgres = median(one.postgres / n for one, n in zip(found, each, strict=True))
            print(
                f"c={connections:<3} {name:15} {rates[name]:7.0f}/s, tandem is {rates['tandem'] / rates[name]:.2f} of it;"
                f" ms p50 {percentile(ms, 0.5):.2f} p99 {percentile(ms, 0.99):.2f}; CPU ms a request: server {server:.2f},"
                f" PostgreSQL {postgres:.2f}; {found[0].size} bytes"
            )


def main() -> None:
    if sys.argv[1:] == ["core"]:
        plans.are_used = False
        sys.argv[1:] = ["serve"]
        tandem()
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--page", choices=PAGES, default="contacts")
    parser.add_argument("--core", action="store_true", help="beside graphql-core, and not beside mercurius")
    asked = parser.parse_args()
    POSTGRES_SETTINGS["max_connections"] = "100"  # six pools of 8
    with services() as found:
        asyncio.run(measure(found, asked.contacts, asked.rounds, asked.page, with_core=asked.core))


if __name__ == "__main__":
    main()
