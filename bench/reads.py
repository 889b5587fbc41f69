"""Reads a page of 50 contacts from Tandem and from peers: `python -m bench.reads [--contacts 100000] [--rounds 4]`.

The page has address, sync links, cursors and pageInfo, and no totalCount. The page is read at nine deep cursors. Each
server is one process on the same PostgreSQL, with a pool of 8. They take turns in rounds of two seconds, at one connection
and at 16.

- tandem: `tandem serve` as it is, with authentication, row-level security and all limits.
- core: the same, but graphql-core executes everything.
- json_agg: Starlette and asyncpg with one hand-written statement that makes the whole JSON, under the same role, with the token's look-up,
  BEGIN, set_config, the statement, COMMIT.
- owner: the same statement as owner of the tables, without token and transaction.

All four must give the same names. Prints requests a second, p50 and p99, CPU-ms a request of the server and of PostgreSQL, and
Tandem's ratio to each.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from bench.place import answers, environment, percentile, postgres_cpu, process, services
from domain.practice.workspaces import new_token, token_hash
from runtime import database
from runtime.commands.cli import main as tandem
from runtime.embedded.services import Services
from tests.domain.world import make_world

PORTS = {"tandem": 8021, "core": 8022, "json_agg": 8023, "owner": 8024}
CURSORS = 9
QUERY = """query Page($after: String) { contacts(first: 50, after: $after) {
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  edges { cursor node { id name firstName lastName kind billingEmail primaryPhone updatedAt version
    billingAddress { lines city region postalCode country attentionTo }
    syncLinks { id state stateSince lastSyncedAt } } } } }"""
FILL_CONTACTS = """
insert into contact (workspace_id, id, name, first_name, kind, confidence, needs_review, billing_email, primary_phone,
                     billing_address, created_at, updated_at, version, name_key, email_key, search_key, field_times, key_version)
select $1, gen_random_uuid(), 'Contact ' || n, 'First', case when n % 10 = 0 then 'PERSON' else 'ORGANISATION' end, null, false,
       'c' || n || '@client.example', '+64 3 555 ' || n,
       jsonb_build_object('lines', jsonb_build_array(n || ' Main Street'), 'city', 'Wellington', 'postalCode', '6011'),
       now(), now(), 1, 'contact ' || lpad(n::text, 7, '0'), 'c' || n || '@client.example', ' contact ' || n, '{}', 1
  from generate_series(1, $2::int) n
"""
FILL_LINKS = """
insert into sync_link (workspace_id, id, organisation_id, contact_id, state, state_since, origin, linked_at, last_synced_at, version,
                       base_practice, base_xero)
select workspace_id, gen_random_uuid(), $2, id, case when version % 100 = 0 then 'FAILING' else 'SYNCED' end, now(), 'FULL_MATCH', now(),
       now(), 1, '{}', '{}' from contact where workspace_id = $1
"""
STATEMENT = """
with p as (select * from contact c where c.workspace_id = $1 and c.archived_at is null and (c.name_key, c.id) > ($2, $3)
           order by c.name_key, c.id limit 51)
select json_build_object('pageInfo', json_build_object('hasNextPage', count(*) > 50), 'edges', json_agg(json_build_object(
  'cursor', json_build_array('contacts NAME', p.name_key, p.id), 'node', json_build_object(
  'id', p.id, 'name', p.name, 'firstName', p.first_name, 'lastName', p.last_name, 'kind', p.kind, 'billingEmail', p.billing_email,
  'primaryPhone', p.primary_phone, 'updatedAt', p.updated_at, 'version', p.version, 'billingAddress', p.billing_address,
  'syncLinks', (select coalesce(json_agg(json_build_object('id', l.id, 'state', l.state, 'stateSince', l.state_since,
     'lastSyncedAt', l.last_synced_at) order by l.linked_at, l.id), '[]') from sync_link l
     where l.workspace_id = $1 and l.contact_id = p.id))) order by p.name_key, p.id) filter (where true))::text from p
"""


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
    found = await connection.fetchval(STATEMENT, workspace, asked["key"], UUID(asked["id"]))
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
        _, client = await loop.create_connection(
            lambda turned=turned, until=until: Client(turned, result, until), "127.0.0.1", port
        )
        clients.append(client.done)
    await asyncio.gather(*clients)
    result.took += time.perf_counter() - began


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


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


def names(answer: dict[str, object]) -> list[str]:
    found = msgspec.convert(answer.get("data", {"contacts": answer}), dict[str, dict[str, object]])
    edges = msgspec.convert(found["contacts"]["edges"], list[dict[str, object]])
    return [msgspec.convert(edge["node"], dict[str, object])["name"] for edge in edges][:50]  # type: ignore[misc]


async def measure(found: Services, contacts: int, rounds: int) -> None:
    db = database.connect(found.app_url)
    world = await make_world(db)
    token = new_token()
    owner = await asyncpg.connect(found.admin_url.replace("+asyncpg", ""))
    await owner.execute(
        "insert into api_token (workspace_id, id, name, scopes, hash, hint, created_at, created_by)"
        " values ($1, gen_random_uuid(), 'Bench', '{READ}', $2, 'tdm_', now(), '{}')",
        world.workspace,
        token_hash(token),
    )
    await owner.execute(FILL_CONTACTS, world.workspace, contacts)
    await owner.execute(FILL_LINKS, world.workspace, world.organisation)
    await owner.execute("vacuum analyze")
    places = await owner.fetch(
        "select name_key, id from contact where workspace_id = $1 order by name_key offset $2",
        world.workspace,
        contacts // 3,
    )
    await db.close()
    cursors = [places[n * len(places) // (CURSORS + 1)] for n in range(CURSORS)]
    ours = [
        post(
            "/graphql",
            {"query": QUERY, "variables": {"after": pack("contacts NAME", key, str(one))}},
            token,
        )
        for key, one in cursors
    ]
    theirs = {
        name: [post(path, {"key": key, "id": str(one)}, token) for key, one in cursors]
        for name, path in (("json_agg", "/app"), ("owner", "/owner"))
    }
    requests = {"tandem": ours, "core": ours, **theirs}
    usual = ("uvicorn", "bench.reads:peer", "--log-level", "warning", "--no-access-log", "--port")
    env = environment(
        found,
        RATE_LIMIT_CALLER="2000000000",
        RATE_LIMIT_WORKSPACE="2000000000",
        BENCH_WORKSPACE=str(world.workspace),
    )
    app_url, owner_url = (url.replace("+asyncpg", "") for url in (found.app_url, found.admin_url))
    commands = {
        "tandem": ("runtime", "serve"),
        "core": ("bench.reads", "core"),
        "json_agg": (*usual, str(PORTS["json_agg"])),
        "owner": (*usual, str(PORTS["owner"])),
    }
    results: dict[tuple[str, int], list[Result]] = {}
    async with AsyncExitStack() as stack:
        pids = {}
        for name, command in commands.items():
            url = owner_url if name == "owner" else app_url
            more = {"PORT": str(PORTS[name]), "BENCH_DATABASE": url, "DATABASE_POOL_SIZE": "8"}
            started = await stack.enter_async_context(process(*command, env=env | more))
            pids[name] = started.pid
            await answers(f"http://127.0.0.1:{PORTS[name]}/")
        shown = {name: names(await ask(PORTS[name], requests[name][1])) for name in PORTS}
        assert len(shown["owner"]) == 50, shown
        assert all(each == shown["owner"] for each in shown.values()), shown
        for turn in range(rounds + 1):
            for connections in (1, 16):
                for name, port in PORTS.items():
                    result = Result()
                    before = cpu_of(pids[name]), postgres_cpu(found)
                    await run(port, requests[name], result, connections, 2.0 if turn else 0.7)
                    result.cpu = cpu_of(pids[name]) - before[0]
                    result.postgres = postgres_cpu(found) - before[1]
                    if turn:  # the first one warms up
                        results.setdefault((name, connections), []).append(result)
    await owner.close()
    tell(results)


def tell(results: dict[tuple[str, int], list[Result]]) -> None:
    print(f"load {os.getloadavg()[0]:.1f}; medians of rounds")
    for connections in (1, 16):
        rates = {name: median(one.rate for one in results[name, connections]) for name in PORTS}
        for name in PORTS:
            found = results[name, connections]
            ms = [second * 1000 for one in found for second in one.seconds]
            each = [len(one.seconds) / 1000 for one in found]
            server = median(one.cpu / n for one, n in zip(found, each, strict=True))
            postgres = median(one.postgres / n for one, n in zip(found, each, strict=True))
            print(
                f"c={connections:<3} {name:9} {rates[name]:7.0f}/s, tandem is {rates['tandem'] / rates[name]:.2f} of it;"
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
    asked = parser.parse_args()
    with services() as found:
        asyncio.run(measure(found, asked.contacts, asked.rounds))


if __name__ == "__main__":
    main()
