"""How soon an edit reaches the people who watch, while an import runs: `python -m bench.live [--contacts 20000] [--viewers 64] [--idle 10000]`.

One `tandem serve` has all viewers; each has a socket of its own with the subscription `syncStatus`. Xero (the simulator)
has the contacts, the practice has one, and a `tandem worker` imports. Meanwhile somebody renames the practice's contact by
`updateContact`, twice a second. For each edit and viewer the bench takes the time from the mutation's request, and from its
answer, to the event. The bench stops with the import, or after `--seconds`. With `--idle` it opens so many streams
afterwards, on which nothing happens, and prints the server's memory.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from dataclasses import dataclass, field

import httpx
import structlog
import websockets
from websockets.typing import Subprotocol

from api.relay import ids
from bench.imports import serving, start, xero_settings
from bench.place import cpu, environment, memory, percentile, process, services
from runtime.embedded.services import Services
from tests.database import Place
from tests.workers.connected import Connected, connected

EVERY = 0.5  # seconds from one edit to the next
OPENED_AT_ONCE = 50
FOLLOW = (
    "subscription { syncStatus { cursor update { __typename ... on ContactUpdate { contact { name } } } } }"
)
EDIT = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { version } userErrors { message } } }"


@dataclass
class Edits:
    """The times at which each name was sent and confirmed, and how long each viewer waited for it, in ms. `events`: all
    events that viewers got."""

    asked: dict[str, float] = field(default_factory=dict)
    confirmed: dict[str, float] = field(default_factory=dict)
    came: dict[str, list[float]] = field(default_factory=dict)
    events: int = 0


async def follow(address: str, token: str, edits: Edits, ready: asyncio.Event) -> None:
    """A viewer. Without compression, as most clients of a socket on the same host, and so that the bench itself needs little CPU."""
    async with websockets.connect(
        f"{address.replace('http', 'ws')}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], compression=None,
        ping_interval=None,
    ) as ws:  # fmt: skip
        await ws.send(json.dumps({"type": "connection_init", "payload": {"Authorization": token}}))
        await ws.recv()
        await ws.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}))
        ready.set()
        async for text in ws:
            now = time.perf_counter()
            edits.events += 1
            message = json.loads(text)
            if message["type"] != "next":
                continue
            status = message["payload"]["data"]["syncStatus"]
            if status["update"]["__typename"] == "ContactUpdate":
                edits.came.setdefault(status["update"]["contact"]["name"], []).append(now)


async def edit(http: httpx.AsyncClient, contact: str, edits: Edits) -> None:
    began, number = time.perf_counter(), 0
    while True:
        await asyncio.sleep(max(0.0, began + number * EVERY - time.perf_counter()))
        number += 1
        name = f"Edited {number}"
        edits.asked[name] = time.perf_counter()
        answer = (
            await http.post(
                "/graphql", json={"query": EDIT, "variables": {"i": {"contactId": contact, "name": name}}}
            )
        ).json()
        assert answer["data"]["updateContact"]["userErrors"] == [], answer
        edits.confirmed[name] = time.perf_counter()


async def measure(found: Services, contacts: int, viewers: int, seconds: float, idle: int) -> None:
    place = Place("tandem", found.admin_url, found.app_url)
    async with connected(place, found, contacts) as here:
        contact = await here.world.contact("Edited 0", "edited@practice.example")
        env = environment(found, **xero_settings(place, found, here.xero))
        async with serving(here, found, env) as http:
            given = {
                "BENCH_TOKEN": http.headers["Authorization"], "BENCH_ADDRESS": str(http.base_url).rstrip("/"),
                "BENCH_CONTACT": ids.encode("Contact", contact.id), "BENCH_SERVER": str(await server_pid()),
            }  # fmt: skip
            watching = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.live", "--watch", "--viewers", str(viewers), "--idle", str(idle),
                stdin=asyncio.subprocess.PIPE, env={**os.environ, **given},
            )  # fmt: skip
            await asyncio.sleep(5)
            await start(here, http)
            async with process("runtime", "worker", env=env):
                print(await until_imported(here, seconds, watching))
                await watching.communicate(b"enough")


async def watch(viewers: int, idle: int) -> None:
    """The process with the viewers and the editor: the simulator's work in the other process must not delay them. Ends its edits when
    standard input ends."""
    token, address, contact, server = (
        os.environ[f"BENCH_{name}"] for name in ("TOKEN", "ADDRESS", "CONTACT", "SERVER")
    )
    edits = Edits()
    tasks = await open_streams(address, token, edits, viewers)
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": token}, timeout=60) as http:
        editing = asyncio.create_task(edit(http, contact, edits))
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait((editing, ended), return_when=asyncio.FIRST_COMPLETED)
        if editing.done():
            editing.result()
        editing.cancel()
        await asyncio.sleep(2)
    tell(edits, viewers)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if idle:
        await stay_idle(address, token, idle, int(server))


async def open_streams(address: str, token: str, edits: Edits, count: int) -> list[asyncio.Task[None]]:
    tasks: list[asyncio.Task[None]] = []
    for at in range(0, count, OPENED_AT_ONCE):
        opened = [asyncio.Event() for _ in range(min(OPENED_AT_ONCE, count - at))]
        tasks += [asyncio.create_task(follow(address, token, edits, one)) for one in opened]
        await asyncio.gather(*(one.wait() for one in opened))
    return tasks


async def until_imported(here: Connected, seconds: float, watching: asyncio.subprocess.Process) -> str:
    began = time.perf_counter()
    while (took := time.perf_counter() - began) < seconds and watching.returncode is None:
        [row] = await here.world.rows(
            "select phase, finished_at, done from import_run order by started_at limit 1"
        )
        if row["finished_at"] is not None:
            return f"the import took {took:.0f} s"
        await asyncio.sleep(1)
    return f"the import was in {row['phase']} after {seconds:.0f} s"


def tell(edits: Edits, viewers: int) -> None:
    reached = {name: came for name, came in edits.came.items() if name in edits.confirmed}
    waits = {
        since: [max(0.0, (at - times[name]) * 1e3) for name, came in reached.items() for at in came]
        for since, times in (("request", edits.asked), ("answer", edits.confirmed))
    }
    missed = sum(viewers - len(edits.came.get(name, ())) for name in edits.confirmed)
    took = [(edits.confirmed[name] - edits.asked[name]) * 1e3 for name in edits.confirmed]
    print(
        f"{len(edits.confirmed)} edits, {viewers} viewers, {edits.events} events; {missed} not seen (a later one replaced them)"
    )
    print(f"the mutation: ms p50 {percentile(took, 0.5):.0f}, p99 {percentile(took, 0.99):.0f}")
    for since, found in waits.items():
        print(
            f"{since} to viewer: ms p50 {percentile(found, 0.5):.0f}, p99 {percentile(found, 0.99):.0f}, most {max(found):.0f}"
        )


async def stay_idle(address: str, token: str, count: int, pid: int) -> None:
    before, began = memory(pid), time.perf_counter()
    tasks = await open_streams(address, token, Edits(), count)
    await asyncio.sleep(5)
    opened, used = time.perf_counter() - began - 5, cpu(pid)
    await asyncio.sleep(10)
    alive = sum(not task.done() for task in tasks)
    print(
        f"{alive} idle streams, opened in {opened:.0f} s: the server has {memory(pid)} MB, {before} MB before;"
        f" {(cpu(pid) - used) * 10:.1f} % of a core while idle"
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def server_pid() -> int:
    """The only child of this process that runs `runtime serve`."""
    found = await asyncio.create_subprocess_exec(
        "pgrep", "-P", str(os.getpid()), "-f", "runtime serve", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await found.communicate()
    return int(output.split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--viewers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument(
        "--watch", action="store_true", help="for the bench itself: the process with the viewers"
    )
    asked = parser.parse_args()
    if asked.watch:
        asyncio.run(watch(asked.viewers, asked.idle))
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with services() as found:
        asyncio.run(measure(found, asked.contacts, asked.viewers, asked.seconds, asked.idle))


if __name__ == "__main__":
    main()
