"""`python -m bench.disturbed [--seconds 240] [--patience 780] [--seed 1]`, or `make disturb`.

Starts `tandem demo` in a folder of its own, with a second API and a second worker. The phases:

calm: a person's edits and their latency, and changes in Xero within two seconds of our own write.
flushed: Redis is flushed right after each edit.
away: Redis cannot be reached for a minute, and is empty then. People go on.
disturbed: people edit the same fields on both sides, push and bill, while workers and APIs are killed, Redis hangs for a
minute and is flushed, PostgreSQL crashes, connections break, Xero answers with faults, and a filter is narrowed during a run.
rest: nothing is done any more until both sides are at rest, but what a person would do: sync now, and retry refusals.

At the end nothing of the practice may be lost, doubled in Xero, unequal, stuck or over a limit, no total off. Exit code 1
if something is. It needs Linux.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.disturbed import verdict
from bench.disturbed.disturber import AWAY, Disturber
from bench.disturbed.people import FILTER, Kinds, Mutated, People, Subject
from bench.disturbed.place import Answer, Ignored, Place, demo, free_port, place

SUBJECTS = 60
PROBES = 12
LATE = 5.0  # seconds that a person's edit may take while nothing but Redis is disturbed; one sweep, and the sending
START = """query { workspace { serviceTypes { id name } taxRates { id name } }
  contacts(first: 100, filter: {syncState: [SYNCED]}) { edges { node { id name
    syncLinks { xeroContact { xeroContactId } organisation { id tenantId } } } } } }"""
SYNC_NOW = """mutation($input: OrganisationInput!, $retry: RetrySyncInput!) {
  done: syncNow(input: $input) { userErrors { code message } } retrySync(input: $retry) { userErrors { code message } } }"""


class _Named(Answer):
    id: str
    name: str


class _Workspace(Answer):
    service_types: list[_Named]
    tax_rates: list[_Named]


class _XeroContact(Answer):
    xero_contact_id: str


class _Organisation(Answer):
    id: str
    tenant_id: str


class _Link(Answer):
    xero_contact: _XeroContact | None
    organisation: _Organisation


class _Contact(Answer):
    id: str
    name: str
    sync_links: list[_Link]


class _Edge(Answer):
    node: _Contact


class _Contacts(Answer):
    edges: list[_Edge]


class _Start(Answer):
    workspace: _Workspace
    contacts: _Contacts


@dataclass
class Run:
    place: Place
    people: People
    disturber: Disturber
    probes: list[Subject]
    asked: argparse.Namespace
    ends: float
    latencies: dict[str, list[float]] = field(default_factory=dict)

    async def probe(self, phase: str, number: int, *, flush: bool = False) -> None:
        """A person's edit, and the seconds until Xero shows it."""
        one = self.probes[number % len(self.probes)]
        await self.people.type_here(one, "email", self.people.next_number())
        began, wanted = time.monotonic(), one.typed[-1].value
        if flush:
            await self.disturber.flush()
        while (await self.people.look(one)).email_address != wanted:
            if time.monotonic() - began > 60:
                self.people.findings.append(f"{phase}: an edit did not reach Xero within 60 s")
                return
            await asyncio.sleep(0.02)
        self.latencies.setdefault(phase, []).append(time.monotonic() - began)

    async def probes_of(self, phase: str, seconds: float) -> None:
        until, number = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            await self.probe(phase, number)
            number += 1
            await asyncio.sleep(3)

    async def at_once_in_xero(self, number: int) -> None:
        """A change in Xero in the moment in which our own write is there (issue 18.4), and the seconds until it is here."""
        one = self.probes[number % len(self.probes)]
        await self.probe("calm", number)
        await self.people.type_in_xero(one, "city", self.people.next_number())
        began, wanted = time.monotonic(), one.typed[-1].value
        while await verdict.here(self.place, one.id, "city") != wanted:
            if time.monotonic() - began > 60:
                self.people.findings.append("a change in Xero after our own write was not here within 60 s")
                return
            await asyncio.sleep(0.05)
        self.latencies.setdefault("back, within 2 s of our own write", []).append(time.monotonic() - began)

    async def phases(self) -> None:
        chosen: dict[str, Callable[[], Awaitable[None]]] = {
            "calm": self.calm, "flushed": self.flushed, "away": self.away, "disturbed": self.disturbed,
        }  # fmt: skip
        for name in self.asked.phases.split(","):
            await chosen[name]()
            self.tell(name)

    async def calm(self) -> None:
        for number in range(8):
            await self.probe("calm", number)
            await asyncio.sleep(2)
        for number in range(5):
            await self.at_once_in_xero(number)
            await asyncio.sleep(1)

    async def flushed(self) -> None:
        for number in range(8):
            await self.probe("flushed", number, flush=True)
            await asyncio.sleep(2)

    async def away(self) -> None:
        until = time.monotonic() + AWAY
        await asyncio.gather(
            self.disturber.take_redis_away(), self.probes_of("Redis away", AWAY - 5), self.people.act(until)
        )

    async def disturbed(self) -> None:
        until = time.monotonic() + self.asked.seconds
        await asyncio.gather(self.people.act(until), self.disturber.run(until), self._narrow(until))
        await self.disturber.end_faults()

    async def _narrow(self, until: float) -> None:
        """Narrow a filter during a run, now and then."""
        while until - time.monotonic() > 70:
            await asyncio.sleep(self.people.chance.uniform(5, 15))
            await self.people.narrow()
            await asyncio.sleep(40)

    async def rest(self, held: verdict.Before) -> None:
        """Wait until both sides are at rest. Meanwhile a person reads Xero again, and retries the work that injected faults
        refused."""
        until, what = min(time.monotonic() + self.asked.patience, self.ends), "it was not looked at"
        while what and time.monotonic() < until:
            given = {"organisationId": self.people.organisation}
            retry = {"allOfOrganisation": self.people.organisation}
            await self.place.ask(Mutated, SYNC_NOW, input=given, retry=retry)
            await asyncio.sleep(10)
            what = await verdict.rests(self.people, held)
            self.tell(f"not at rest: {what}" if what else "at rest")

    def tell(self, what: str) -> None:
        print(
            f"[{time.strftime('%H:%M:%S')}] {what}; kills {self.disturber.kills}, acts {self.people.acts}",
            flush=True,
        )

    def report(self, found: verdict.Verdict) -> None:
        for phase, values in self.latencies.items():
            shown = sorted(values)
            print(
                f"latency, {phase}: {len(shown)} edits, p50 {_middle(shown):.2f} s, longest {shown[-1]:.2f} s"
            )
        for phase in ("flushed", "Redis away"):
            longest = max(self.latencies.get(phase, [0.0]))
            if longest > LATE:
                found.findings.append(f"{phase}: an edit took {longest:.1f} s")
        people = self.people
        print(f"disturbances: {dict(self.disturber.done)}, {self.disturber.faults} faults armed")
        print(
            f"acts: {people.acts}; {found.accepted} accepted values of the practice; {len(people.pushed)} pushes;"
            f" {len(people.added)} added in Xero; {found.invoices} invoices; {people.narrowed} filters narrowed;"
            f" {self.place.repeated} questions asked again; {found.compared} SYNCED links compared"
        )
        print(f"values of Xero's overwritten unread: {found.overwritten}")


def _middle(values: Sequence[float]) -> float:
    return values[len(values) // 2]


async def run(folder: Path, ports: tuple[int, int], asked: argparse.Namespace, began: float) -> list[str]:
    chance = random.Random(asked.seed)
    async with place(folder, ports) as here:
        start = await here.ask(_Start, START)
        subjects = [
            Subject(one.node.id, " ".join(one.node.name.split()), link.xero_contact.xero_contact_id.lower())
            for one in start.contacts.edges
            for link in one.node.sync_links[:1]
            if link.xero_contact is not None
        ]
        first = start.contacts.edges[0].node.sync_links[0].organisation
        kinds = Kinds(start.workspace.service_types[0].id, start.workspace.tax_rates[0].id)
        people = People(here, chance, first.id, first.tenant_id, kinds, subjects[PROBES : PROBES + SUBJECTS])
        await here.control(Ignored, "PUT", "webhooks", {
            "url": f"http://127.0.0.1:{ports[0]}/webhooks/xero", "key": here.settings.xero_webhook_keys,
            "retrySeconds": 20, "chance": {"delay": 0.5, "duplicate": 0.1, "shuffle": True},
        })  # fmt: skip
        await people.set_filter(FILTER)
        held = await verdict.before(people)
        disturber = Disturber(here, chance)
        try:
            done = Run(here, people, disturber, subjects[:PROBES], asked, began + asked.within)
            await done.phases()
            people.subjects += done.probes
            await done.rest(held)
            found = await verdict.judge(people, held)
            done.report(found)
        finally:
            disturber.end()
        if disturber.kills < asked.kills:
            found.findings.append(f"only {disturber.kills} kills")
        return found.findings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=240, help="how long the phase `disturbed` is")
    parser.add_argument(
        "--patience",
        type=float,
        default=780,
        help="seconds until both sides must be at rest: an unanswered write needs ten minutes",
    )
    parser.add_argument("--kills", type=int, default=30, help="fewer kills than these fail the run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default="calm,flushed,away,disturbed", help="of those above, which to do")
    parser.add_argument("--within", type=float, default=3600, help="seconds from the start to the verdict")
    asked, began = parser.parse_args(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tandem-disturbed-") as name:
        folder, ports = Path(name) / "data", (free_port(), free_port())
        Path(name).chmod(0o711)  # as root, PostgreSQL runs as somebody else and must pass
        with demo(folder, ports[0]):
            found = asyncio.run(run(folder, ports, asked, began))
    print("\n".join(found) or "nothing lost, doubled, unequal, stuck or over a limit")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
