"""Holds many subscriptions open while queries and changes go on: `python -m bench.load [--minutes 10]`.

The defaults are 200 subscriptions on sockets of their own, 1,000 queries a minute and a change each second. After the minutes a second
server starts on another port, and the first gets SIGTERM under load. Clients go to the second server when the first refuses a connection
or closes a socket, as they do behind a load balancer. Subscribers come back from their newest cursor. The bench runs for 30 s more.

Printed: how long queries took from their planned times, each outcome, the memory of the first server, the streams that ended before
SIGTERM, and the changes that a subscriber missed. With `--kill` the first server gets SIGKILL instead: then answers are lost, a
query is asked again, and nobody knows of a change whether it was made. The exit code is 1 if a stream ended early, a client saw an error, a change was missed, or
the memory grew by more than 10 % after the first third.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

import httpx
import websockets
from websockets.typing import Subprotocol

from bench.place import answers, environment, memory, percentile, process, services
from domain.practice import workspaces
from domain.tables import Scope
from runtime import database
from runtime.embedded.services import Services
from tests import make
from tests.domain.world import make_world

PORTS = (8014, 8015)
AFTER = 30  # seconds under load after SIGTERM
GROWTH = 1.1
GOING_AWAY, LOST = 1012, 1006
QUERIES = (
    "{ contacts(first: 50) { edges { node { id name billingEmail syncLinks { state } } } pageInfo { endCursor } } }",
    "{ syncCursor viewer { name scopes } }",
    '{ contacts(first: 20, filter: {search: "contact 7"}) { totalCount edges { node { name contactType { name } } } } }',
)
FOLLOW = """subscription($after: String) { syncStatus(after: $after) {
  cursor update { __typename ... on ContactUpdate { contact { name } } } } }"""
CREATE = (
    "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { code } } }"
)


@dataclass
class Load:
    """`port`: of the server that takes new connections. `is_ending`: the signal was sent. `kills`: the signal is SIGKILL."""

    token: str
    kills: bool = False
    port: int = PORTS[0]
    is_ending: bool = False
    seconds: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    memory: list[int] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, http: httpx.AsyncClient, body: dict[str, object]) -> httpx.Response:
        """Goes on to the second server where the first refuses the connection, as a load balancer does."""
        try:
            return await self._post(http, body)
        except httpx.ConnectError:
            if not self.is_ending:
                raise
        except httpx.TransportError:
            if not self.is_ending or not self.kills or body["query"] == CREATE:
                raise
        self.port = PORTS[1]
        return await self._post(http, body)

    async def _post(self, http: httpx.AsyncClient, body: dict[str, object]) -> httpx.Response:
        return await http.post(f"http://127.0.0.1:{self.port}/graphql", json=body, headers=self.headers)


@dataclass
class Subscriber:
    load: Load
    cursor: str
    seen: set[str] = field(default_factory=set)
    missed: int = 0

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except websockets.ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else LOST
                expected = self.load.is_ending and code == (LOST if self.load.kills else GOING_AWAY)
                (self.load.ended if expected else self.load.errors)[f"socket closed with {code}"] += 1
            except OSError as error:
                if not self.load.is_ending:
                    self.load.errors[f"socket: {type(error).__name__}"] += 1
                self.load.port = PORTS[1]

    async def _follow(self) -> None:
        address = f"ws://127.0.0.1:{self.load.port}/graphql"
        async with websockets.connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as ws:
            await ws.send(json.dumps({"type": "connection_init", "payload": self.load.headers}))
            await ws.recv()
            payload = {"query": FOLLOW, "variables": {"after": self.cursor}}
            await ws.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            async for text in ws:
                message = json.loads(text)
                if message["type"] != "next":
                    self.load.errors[f"stream: {message['type']}"] += 1
                    return
                status = message["payload"]["data"]["syncStatus"]
                self.cursor = status["cursor"]
                if status["update"]["__typename"] == "ContactUpdate":
                    self.seen.add(status["update"]["contact"]["name"])


async def ask_on_time(http: httpx.AsyncClient, load: Load, rate: float) -> None:
    """Each query has its planned time, and its duration counts from there."""
    began, number = time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        while True:
            number += 1
            planned = began + number / rate
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            group.create_task(_ask(http, load, QUERIES[number % len(QUERIES)], planned))


async def _ask(http: httpx.AsyncClient, load: Load, query: str, planned: float) -> None:
    try:
        answer = await load.post(http, {"query": query})
    except httpx.TransportError as error:
        load.errors[f"query: {type(error).__name__}"] += 1
        return
    good = answer.status_code == 200 and "errors" not in answer.json()
    (load.outcomes if good else load.errors)[f"query: {answer.status_code}"] += 1
    load.seconds.append(time.monotonic() - planned)


async def change(http: httpx.AsyncClient, load: Load) -> None:
    while True:
        await asyncio.sleep(1)
        name = f"Change {len(load.made)} {time.monotonic()}"
        try:
            answer = await load.post(http, {"query": CREATE, "variables": {"i": {"name": name}}})
        except httpx.TransportError as error:
            is_lost = load.is_ending and load.kills
            (load.outcomes if is_lost else load.errors)[f"change: {type(error).__name__}"] += 1
            continue
        if answer.status_code == 200 and "errors" not in answer.json():
            load.made.append(name)
            load.outcomes["change"] += 1
        else:
            load.errors[f"change: {answer.status_code}"] += 1


async def watch_memory(pid: int, load: Load) -> None:
    while True:
        load.memory.append(await asyncio.to_thread(memory, pid))
        await asyncio.sleep(10)


@asynccontextmanager
async def under(load: Load, subscriptions: int, rate: float) -> AsyncIterator[list[Subscriber]]:
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=50)) as http:
        cursor = (await load.post(http, {"query": "{ syncCursor }"})).json()["data"]["syncCursor"]
        subscribers = [Subscriber(load, cursor) for _ in range(subscriptions)]
        tasks = [asyncio.create_task(each.run()) for each in subscribers]
        tasks += [
            asyncio.create_task(ask_on_time(http, load, rate)),
            asyncio.create_task(change(http, load)),
        ]
        try:
            yield subscribers
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def count_missed(subscribers: list[Subscriber], made: list[str]) -> int:
    """How many changes subscribers have not seen 30 s after the last one."""
    missed = 0
    for _ in range(60):
        missed = sum(len(set(made) - each.seen) for each in subscribers)
        if not missed:
            break
        await asyncio.sleep(0.5)
    return missed


async def measure(load: Load, env: dict[str, str], subscriptions: int, rate: float, minutes: float) -> bool:
    first_env, second_env = [env | {"PORT": str(port)} for port in PORTS]
    async with process("runtime", "serve", env=first_env) as first:
        await answers(f"http://127.0.0.1:{PORTS[0]}/healthz")
        async with AsyncExitStack() as second, under(load, subscriptions, rate) as subscribers:
            watching = asyncio.create_task(watch_memory(first.pid, load))
            await asyncio.sleep(minutes * 60)
            watching.cancel()
            print("after", minutes, "minutes:", dict(load.outcomes), "errors:", dict(load.errors), flush=True)
            await second.enter_async_context(process("runtime", "serve", env=second_env))
            await answers(f"http://127.0.0.1:{PORTS[1]}/healthz")
            load.is_ending, began = True, time.monotonic()
            sent = signal.SIGKILL if load.kills else signal.SIGTERM
            first.send_signal(sent)
            code = await first.wait()
            print(f"{sent.name}: exit code {code} after {time.monotonic() - began:.1f} s", flush=True)
            await asyncio.sleep(AFTER)
            missed = await count_missed(subscribers, list(load.made))
    third = len(load.memory) // 3
    early, late = median(load.memory[third : 2 * third] or [0]), median(load.memory[-third:] or [0])
    print("memory of the server in MB, every 10 s:", load.memory)
    print("outcomes:", dict(load.outcomes), "sockets closed for the restart:", dict(load.ended))
    print("errors:", dict(load.errors), "missed changes:", missed, "of", len(load.made), "x", subscriptions)
    shares = {share: round(percentile(load.seconds, share), 3) for share in (0.5, 0.95, 0.99)}
    print("seconds to an answer:", shares, "slowest:", round(max(load.seconds), 3))
    return not load.errors and not missed and code == (-sent if load.kills else 0) and late <= GROWTH * early


async def make_practice(url: str) -> str:
    """A practice with 5,000 contacts. Return an ADMIN token of it."""
    db = database.connect(url)
    world = await make_world(db)
    await make.many_contacts(world, 5000)
    async with world.tx() as tx:
        _, token = await workspaces.create_token(tx, "Load", [Scope.ADMIN], within=list(Scope))
    await db.close()
    return token


async def main(found: Services, subscriptions: int, rate: float, minutes: float, *, kills: bool) -> bool:
    token = await make_practice(found.app_url)
    return await measure(Load(token, kills), environment(found), subscriptions, rate / 60, minutes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=200)
    parser.add_argument("--rate", type=float, default=1000, help="queries in a minute")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kill", action="store_true", help="send SIGKILL in place of SIGTERM")
    given = parser.parse_args()
    with services() as found:
        is_good = asyncio.run(main(found, given.subscriptions, given.rate, given.minutes, kills=given.kill))
    sys.exit(0 if is_good else 1)
