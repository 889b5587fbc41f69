"""The API process: request bodies, slow clients, health, metrics and memory."""

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from api.context import Process
from api.http.bodies import BodyLimits
from api.http.health import find_reasons
from api.http.serve import DeadlineProtocol, OneWrite, server_config
from domain.connection.oauth_grants import Grants
from runtime import database
from runtime.embedded.services import Services
from runtime.seal import KeyRing, new_key
from tests.api.edge import ask, bearer, codes, data, make_token, serving, with_settings
from tests.clients import web_client
from tests.database import Place
from tests.patience import patience
from xero.tokens import identity

ROOT = Path(__file__).resolve().parents[3]


class Hasty(DeadlineProtocol):
    """A server with short time limits, for requests that must be cut; on a busy machine they would cut others too."""

    head_seconds = 0.3
    body_seconds = 0.6


@pytest.fixture(scope="module")
async def hasty(process: Process) -> AsyncIterator[str]:
    async with serving(process, Hasty) as address:
        yield address


async def raw(edge: str, data: bytes) -> bytes:
    """Sends, and reads until the server closes; a reset is as good an end."""
    host, port = edge.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        async with patience(60):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def head(token: str, *lines: str) -> bytes:
    begin = ["POST /graphql HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
    return ("\r\n".join([*begin, "Content-Type: application/json", *lines]) + "\r\n\r\n").encode()


async def test_a_large_body_is_refused_with_the_limit(http: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(24):
            yield b" " * 65_536

    kinds: list[bytes | AsyncIterator[bytes]] = [b" " * 1_500_000, pieces()]
    for content in kinds:
        answer = await http.post("/graphql", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, codes(answer)) == (413, ["TOO_COSTLY"])
        assert "send fewer rows" in answer.text


async def test_an_unread_body_ends_its_connection(hasty: str, token: str) -> None:
    answer = await raw(hasty, head(token, "Content-Length: 10000000") + b" ")
    assert answer.startswith(b"HTTP/1.1 413") or answer == b""


async def test_a_body_without_a_token_is_not_read(edge: str) -> None:
    answer = await raw(edge, head("tdm_no", "Content-Length: 10000000", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 401")


async def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError(message)

    with pytest.raises(HTTPException) as refused:
        await BodyLimits(app, slowest=0.05)({"type": "http", "headers": []}, never, send)
    assert refused.value.status_code == 408


@pytest.mark.parametrize("part", [b"", b"POST /graphql HT", b"POST /graphql HTTP/1.1\r\nHost: x\r\nA: "])
async def test_an_incomplete_request_head_ends_the_connection(hasty: str, part: bytes) -> None:
    assert await raw(hasty, part) == b""


async def test_each_request_on_a_connection_has_its_own_time_limit(process: Process, token: str) -> None:
    class Brisk(DeadlineProtocol):
        head_seconds = 2.0

    async with (
        serving(process, Brisk) as place,
        web_client(base_url=f"http://{place}", headers=bearer(token)) as http,
    ):
        assert (await ask(http, "{hello}")).status_code == 200
        await asyncio.sleep(2.5)  # longer than a head may take; idle between requests is no head
        assert (await ask(http, "{hello}")).status_code == 200


@pytest.fixture
def collecting() -> Iterator[None]:
    """Python's own thresholds of the garbage collector, as `tandem serve` has them. Those of the tests are higher."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collecting")
async def test_hostile_requests_take_no_memory(http: httpx.AsyncClient) -> None:
    bodies = [b"[" * 900_000, b" " * 900_000, b'{"query": "%s"}' % (b"#" * 900_000), b'{"query": "{hello(name: \\"%s\\")}"}' % (b"x" * 900_000)]  # fmt: skip

    async def all_of_them() -> None:
        for body in bodies:
            await http.post("/graphql", content=body, headers={"content-type": "application/json"})

    await all_of_them()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(25):
        await all_of_them()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # kB; 100 requests of 0.9 MB


async def test_each_answer_has_a_request_id(stranger: httpx.AsyncClient) -> None:
    first, second = [(await stranger.get(path)).headers["x-request-id"] for path in ("/healthz", "/nowhere")]
    assert len(first) == len(second) == 32
    assert first != second


async def test_no_log_holds_a_token(
    http: httpx.AsyncClient,
    token: str,
    edge: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await http.get("/graphql", params={"query": "{hello}", "token": token})
    await raw(edge, f"GET /graphql?token={token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    written = capsys.readouterr()
    assert "/graphql" in written.out
    assert token not in written.out + written.err + caplog.text


@pytest.fixture
async def no_consents(owner: AsyncConnection) -> AsyncIterator[None]:
    """Keys of other tests sealed the consents that those tests left."""
    await owner.execute(sa.text("delete from xero_grant"))
    yield
    await owner.execute(sa.text("delete from xero_grant"))


@pytest.mark.usefixtures("no_consents")
async def test_readyz_answers_200(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/healthz")).json() == {"alive": True}
    answer = await stranger.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


async def test_readyz_names_postgresql_when_it_does_not_answer(process: Process) -> None:
    gone = database.connect("postgresql+asyncpg://u:hush@127.0.0.1:1/x")
    broken = Process(
        with_settings(process, redis_url="redis://:hush@127.0.0.1:1").settings,
        gone,
        process.keys,
        process.http,
        process.notifications,
    )
    assert (await find_reasons(broken)).reasons == ["PostgreSQL does not answer"]
    async with serving(broken) as edge, web_client(base_url=f"http://{edge}") as http:
        assert (await http.get("/readyz")).status_code == 503
        answer = await http.post("/graphql", json={"query": "{hello}"}, headers=bearer("tdm_x"))
        assert (answer.status_code, "hush" in answer.text) == (503, False)
    await gone.close()


@pytest.mark.usefixtures("no_consents")
async def test_readyz_answers_200_without_redis(process: Process) -> None:
    without = with_settings(process, redis_url="redis://:hush@127.0.0.1:1")
    assert (await find_reasons(without)).reasons == []


@pytest.mark.usefixtures("no_consents")
async def test_readyz_names_keys_that_do_not_open_the_tokens(process: Process) -> None:
    user, now = uuid4(), process.database.clock.now()
    sealed = KeyRing.parse([new_key("lost")]).seal(b"tokens", identity("app", user))
    await Grants(process.database.call_door, process.database.clock).keep("app", user, sealed, now)
    [reason] = (await find_reasons(process)).reasons
    assert "TANDEM_KEYS opens 0 of 1 consents of Xero: the key lost is missing" in reason


@pytest.mark.usefixtures("no_consents")
async def test_readyz_names_one_consent_of_many_that_does_not_open_and_answers_200(
    process: Process, stranger: httpx.AsyncClient
) -> None:
    grants, now = Grants(process.database.call_door, process.database.clock), process.database.clock.now()
    for ring in (KeyRing.parse([new_key("lost")]), process.keys):
        user = uuid4()
        await grants.keep("app", user, ring.seal(b"tokens", identity("app", user)), now)
    answer = await stranger.get("/readyz")
    assert (answer.status_code, answer.json()["ready"], answer.json()["reasons"]) == (200, True, [])
    [warning] = answer.json()["warnings"]
    assert "TANDEM_KEYS opens 1 of 2 consents of Xero: the key lost is missing" in warning


@pytest.mark.usefixtures("no_consents")
async def test_readyz_warns_of_a_server_that_accepts_no_writes(process: Process, place: Place) -> None:
    """A standby after a failover still answers queries."""
    standby = database.connect(place.app_url)
    sa.event.listen(
        standby.engine.sync_engine, "begin", lambda c: c.exec_driver_sql("set transaction read only")
    )
    found = await find_reasons(
        Process(process.settings, standby, process.keys, process.http, process.notifications)
    )
    assert (found.reasons, found.warnings) == ([], [database.READ_ONLY_SERVER])
    await standby.close()


@pytest.mark.usefixtures("no_consents")
async def test_readyz_refuses_the_role_of_the_owner(process: Process, place: Place) -> None:
    as_owner = database.connect(place.admin_url)
    found = await find_reasons(
        Process(process.settings, as_owner, process.keys, process.http, process.notifications)
    )
    reasons = found.reasons
    assert len(reasons) == 1
    assert "owns tables" in reasons[0]
    await as_owner.close()


async def test_metrics_count_requests(http: httpx.AsyncClient, owner: AsyncConnection) -> None:
    await ask(http, "{hello}")
    await http.get("/secret-looking-path")
    text = (await http.get("/metrics")).text
    assert 'tandem_requests_total{method="POST",path="/graphql",status="200"}' in text
    assert "secret-looking" not in text
    assert await make_token(owner) not in text


SERVER = """
import asyncio, gc, sys
from pathlib import Path
from api.http.serve import serve
from runtime.settings import load
from tests.api.edge import small_schema
asyncio.run(serve(load(), small_schema()))
Path(sys.argv[1]).write_text(str(gc.get_freeze_count()))
"""


async def test_sigterm_lets_a_running_request_finish(
    place: Place, services: Services, token: str, tmp_path: Path
) -> None:
    """Meanwhile objects that live as long as the process are outside of its garbage collection."""
    frozen = tmp_path / "frozen"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": place.app_url,
        "REDIS_URL": services.redis_url,
        "TANDEM_KEYS": services.key,
        "PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(frozen), cwd=ROOT, env=environment
    )
    try:
        async with web_client(
            base_url=f"http://127.0.0.1:{port}", headers=bearer(token), timeout=None
        ) as http:
            await until_alive(http)
            running = asyncio.create_task(ask(http, "{slow}"))
            while 'path="/readyz"' not in (await http.get("/metrics")).text:
                await http.get("/readyz")  # answered after the slow one began
            process.send_signal(signal.SIGTERM)
            assert data(await running) == {"slow": "done"}
        async with patience(60):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_server_that_ends_ends_its_event_streams(process: Process, token: str) -> None:
    """At once, so that its clients subscribe again elsewhere; and without `complete`, which would tell them not to."""
    async with AsyncExitStack() as server:
        edge = await server.enter_async_context(serving(process))
        accept = {"accept": "text/event-stream"}
        async with (
            web_client(base_url=f"http://{edge}", headers=bearer(token)) as http,
            http.stream(
                "POST", "/graphql", json={"query": "subscription {forever}"}, headers=accept
            ) as answer,
        ):
            lines = answer.aiter_lines()
            while "forever" not in await anext(lines):
                pass
            ending = asyncio.create_task(server.aclose())
            rest = [line async for line in lines]  # raises where the connection is cut
        assert "event: complete" not in rest
        await ending


async def until_alive(http: httpx.AsyncClient) -> None:
    async with patience(120):
        while True:
            with suppress(httpx.ConnectError):
                await http.get("/healthz")
                return
            await asyncio.sleep(0.05)


class Counted:
    """A transport that counts system calls which write."""

    def __init__(self, transport: asyncio.Transport, calls: list[str]) -> None:
        self._transport, self._calls = transport, calls

    def __getattr__(self, name: str) -> object:
        if name in ("write", "writelines"):
            self._calls.append(name)
        return getattr(self._transport, name)


async def test_head_and_body_of_an_answer_are_written_by_one_system_call(process: Process) -> None:
    calls: list[str] = []

    class Counting(DeadlineProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in DeadlineProtocol
            super().connection_made(Counted(transport, calls))  # type: ignore[arg-type]  # it is one in all that uvicorn uses

    async with serving(process, Counting) as edge, web_client(base_url=f"http://{edge}") as http:
        assert (await http.get("/healthz")).status_code == 200
        assert calls == ["writelines"]
        assert (await http.head("/healthz")).status_code == 200
    assert calls == ["writelines", "write"]


class Recorded(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.calls.append("close")


async def test_a_part_that_nothing_follows_is_written_in_the_same_turn() -> None:
    transport = Recorded()
    answer = OneWrite(transport, asyncio.get_running_loop())
    answer.write(b"an event")
    await asyncio.sleep(0)
    assert transport.calls == [b"an event"]
    answer.write(b"the last one")
    answer.close()
    await asyncio.sleep(0)
    assert transport.calls == [b"an event", b"the last one", "close"]


def test_the_server_keeps_an_idle_connection_longer_than_proxies_do() -> None:
    """60 s is the usual time of proxies. A server that closes first loses the request that is on its way."""
    assert server_config(Starlette(), "127.0.0.1", 0).timeout_keep_alive > 60
