"""An import into a practice that has contacts already: `python -m bench.imports --contacts 20000`.

Xero (the simulator) has as many contacts as the practice. Half of the practice's contacts are in Xero too, a sixth are
spelt differently without an equal field, the others are unrelated. The API starts the import. A `tandem worker` runs it,
is killed once during the pass SIMILAR, and is followed by another. Meanwhile the API is asked for pages of contacts. The
bench prints the time, CPU and memory of each pass, the API's response times, and a digest of the links and the candidates
of issues.
"""

import argparse
import asyncio
import hashlib
import json
import logging
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import create_async_engine

from api.relay import ids
from bench.place import answers, cpu, environment, memory, percentile, postgres_cpu, process, services
from domain.matching import reasons
from domain.names import search_keys
from domain.tables import Contact as PracticeContact
from domain.tables import ImportRun, MatchPass
from runtime.embedded.services import Services
from tests.api.edge import ask, bearer, make_token
from tests.database import Place
from tests.domain.world import World
from tests.workers.connected import KEY, Connected, connected, settings_for
from xero.simulator.contacts import Contact
from xero.simulator.lifelike import lifelike_contacts

PORT = 8017
AT_ONCE = 5000
START = (
    "mutation($input: StartContactSyncInput!) { startContactSync(input: $input) { userErrors { message } } }"
)
PAGE = "{ contacts(first: 50) { edges { node { id name billingEmail } } } }"
ASKED_EVERY = 0.25  # seconds


def practice_contacts(count: int) -> Iterator[tuple[str, str | None]]:
    """Name and email."""
    chance = random.Random(11)
    strangers = iter(lifelike_contacts(8, count))
    for contact in lifelike_contacts(7, count):
        match chance.choice("same same same spelt other other".split()):
            case "same":
                yield contact.name, contact.email or None
            case "spelt":
                yield _spelt_otherwise(chance, contact), None
            case _:
                other = next(strangers)
                yield other.name, other.email or None


def _spelt_otherwise(chance: random.Random, contact: Contact) -> str:
    name = contact.name
    at = chance.randrange(1, max(2, len(name) - 2))
    return chance.choice(
        [
            name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :],
            name[:at] + name[at + 1 :],
            name.removesuffix(" Ltd").removesuffix(" Limited") + " Group",
            " ".join(reversed(name.split())),
        ]
    )


async def fill(world: World, count: int) -> None:
    async with world.tx() as tx:
        rows = [
            {
                "workspace_id": world.workspace, "id": uuid4(), "name": name, "billing_email": email, "kind": "PERSON",
                "needs_review": False, "created_at": tx.now, "updated_at": tx.now, "version": 1, "field_times": {},
                **search_keys.columns(name, email, None, None),
            }
            for name, email in practice_contacts(count)
        ]  # fmt: skip
        for at in range(0, len(rows), AT_ONCE):
            await tx.session.execute(sa.insert(PracticeContact), rows[at : at + AT_ONCE])


@asynccontextmanager
async def serving(here: Connected, found: Services, env: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """`tandem serve`, and a client with the scope ADMIN."""
    async with here.world.tx() as tx:
        await tx.run("update organisation set started_at = null where workspace_id = :ws")
    engine = create_async_engine(found.admin_url)
    async with engine.begin() as owner:
        token = await make_token(owner, workspace=here.world.workspace)
    await engine.dispose()
    address = f"http://127.0.0.1:{PORT}"
    async with process("runtime", "serve", env={**env, "PORT": str(PORT)}):
        await answers(address)
        async with httpx.AsyncClient(base_url=address, headers=bearer(token), timeout=60) as http:
            yield http


async def start(here: Connected, http: httpx.AsyncClient) -> None:
    """Start the import by an owner's call, as a frontend makes it."""
    variables = {
        "organisationId": ids.encode("XeroOrganisation", here.world.organisation),
        "contactFilter": "ALL",
        "defaultContactTypeId": ids.encode("ContactType", here.world.contact_type),
    }
    answer = (await ask(http, START, input=variables)).json()
    assert answer["data"]["startContactSync"]["userErrors"] == [], answer


async def keep_asking(http: httpx.AsyncClient, took: list[float], stop: asyncio.Event) -> None:
    """Ask for a page of contacts again and again. Return the milliseconds of each answer."""
    while not stop.is_set():
        began = time.perf_counter()
        answer = (await ask(http, PAGE)).json()
        assert len(answer["data"]["contacts"]["edges"]) == 50, answer
        took.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(ASKED_EVERY)


class Passes:
    """For each pass, the seconds, the CPU of the worker and of PostgreSQL, and the worker's highest memory."""

    def __init__(self, found: Services, pid: int) -> None:
        self._found, self.pid = found, pid
        self._spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        self._memory: dict[str, int] = defaultdict(int)
        self._last = self._now()

    def _now(self) -> list[float]:
        return [time.perf_counter(), cpu(self.pid), postgres_cpu(self._found)]

    def begin(self, pid: int) -> None:
        """Measure another worker from now on."""
        self.pid, self._last[1] = pid, 0.0

    def see(self, run: ImportRun) -> None:
        name, now = str(run.match_pass or run.phase), self._now()
        self._spent[name] = [
            s + n - last for s, n, last in zip(self._spent[name], now, self._last, strict=True)
        ]
        self._last = now
        self.memory = memory(self.pid)
        self._memory[name] = max(self._memory[name], self.memory)

    def tell(self) -> None:
        whole = [sum(spent) for spent in zip(*self._spent.values(), strict=True)]
        for name, (seconds, ours, postgres) in [*self._spent.items(), ("in all", whole)]:
            print(f"{name}: {seconds:.0f} s; CPU {ours:.0f} s worker, {postgres:.0f} s PostgreSQL")
        print(f"the worker's memory: at most {dict(self._memory)} MB")


def xero_settings(place: Place, found: Services, address: str) -> dict[str, str]:
    settings = settings_for(place, found, address)
    plain = "client_id redirect_uri scopes authorize_url identity_url api_url".split()
    assert settings.xero_client_secret is not None
    return {
        "TANDEM_KEYS": KEY,
        "XERO_CLIENT_SECRET": settings.xero_client_secret.get_secret_value(),
        **{f"XERO_{name.upper()}": str(getattr(settings, f"xero_{name}")) for name in plain},
    }


async def measure(found: Services, count: int) -> None:
    place = Place("tandem", found.admin_url, found.app_url)
    async with connected(place, found, count) as here:
        began = time.perf_counter()
        await fill(here.world, count)
        print(f"{count} contacts in the practice, made in {time.perf_counter() - began:.0f} s")
        env = environment(found, **xero_settings(place, found, here.xero))
        async with serving(here, found, env) as http:
            await start(here, http)
            took: list[float] = []
            stop = asyncio.Event()
            asking = asyncio.create_task(keep_asking(http, took, stop))
            async with process("runtime", "worker", env=env) as worker:
                passes = Passes(found, worker.pid)
                await watch(here, passes, until=MatchPass.SIMILAR)
                worker.kill()
                await worker.wait()
                print(f"killed in the pass SIMILAR with {passes.memory} MB")
            async with process("runtime", "worker", env=env) as worker:
                passes.begin(worker.pid)
                run = await watch(here, passes)
            stop.set()
            await asking
        print(
            f"the API, asked {len(took)} times: p50 {percentile(took, 0.5):.0f} ms, p95 {percentile(took, 0.95):.0f} ms,"
            f" most {max(took):.0f} ms"
        )
        passes.tell()
        print(
            f"{run.full_matches} full matches, {run.conflicts} conflicts, {run.created} created, {run.skipped} skipped"
        )
        for row in await here.world.rows(
            f"select {reasons.sql('i')} as reason, count(*) as n from match_issue i group by 1 order by 1"
        ):
            print(f"  {row['reason']}: {row['n']}")
        print(f"digest {await digest(here.world)}")


async def watch(here: Connected, passes: Passes, until: MatchPass | None = None) -> ImportRun:
    """Watch the run to its end, or to the middle of the pass."""
    while True:
        [row] = await here.world.rows("select id from import_run order by started_at limit 1")
        run = await here.run(row["id"])
        passes.see(run)
        if run.finished_at is not None:
            return run
        # Ids are drawn at random, so their order says how far it is.
        if until and run.match_pass is until and run.position and run.position.int >> 127:
            return run
        await asyncio.sleep(0.2)


async def digest(world: World) -> str:
    """A digest of the decisions, independent of the ids."""
    decided = [
        await world.rows(
            "select x.xero_contact_id, c.name, c.billing_email, l.origin from sync_link l join contact c on c.id = l.contact_id"
            " join xero_contact x on x.id = l.xero_contact_id order by 1"
        ),
        await world.rows(
            f"select x.xero_contact_id, {reasons.sql('i')} as reason, array_agg(c.name || ' ' || round(m.score::numeric, 3)"
            "  order by c.name, m.score) from match_issue i join xero_contact x on x.id = i.xero_contact_id"
            " join match_candidate m on m.issue_id = i.id join contact c on c.id = m.contact_id group by i.id, 1, 2 order by 1"
        ),
    ]
    return hashlib.sha256(json.dumps(decided, default=str).encode()).hexdigest()[:12]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=20_000)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with services() as found:
        asyncio.run(measure(found, asked.contacts))


if __name__ == "__main__":
    main()
