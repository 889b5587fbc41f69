"""Promise: people edit both sides while workers are killed, Redis is flushed and answers are lost. At the end each side
holds the values that were typed last, once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from domain.connection import organisation_copy, organisations
from domain.contacts import edits as contact_edits
from domain.fields.phones import PhoneParts
from domain.fields.synced import SYNCED, seen_values
from domain.fields.values import PostalAddress, SeenContact
from domain.matching import issues
from domain.tables import SyncedField
from runtime.embedded import services as embedded_services
from tests.database import Place, Server, fresh_database
from tests.promises.processes import worker
from tests.workers.connected import Connected, connected, worked
from workers.process import opened
from workers.run import work
from workers.translate import seen_contact
from xero.allowance import Priority
from xero.simulator.clock import ShiftedClock

# Longer than a lease, a back-off and the time for which a delta counts as fresh.
LATER = timedelta(seconds=70)


@dataclass
class Typed:
    """For each Xero contact the values typed last: name and email in the practice, phone and city in Xero."""

    practice: dict[str, dict[str, str]] = field(default_factory=dict)
    xero: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """The simulator's time, as the product's."""

    source: ShiftedClock

    def now(self) -> datetime:
        return self.source()


@dataclass
class Scene:
    here: Connected
    rng: random.Random
    clock: ShiftedClock
    links: list[dict[str, Any]] = field(default_factory=list)
    typed: Typed = field(default_factory=Typed)
    edits: int = 0

    async def edit_practice(self) -> None:
        link = self.rng.choice(self.links)
        self.edits += 1
        change = self.rng.choice(
            [
                {SyncedField.NAME: f"{link['name']} {self.edits}"},
                {SyncedField.BILLING_EMAIL: f"typed{self.edits}@example.nz"},
            ]
        )
        async with self.here.world.tx() as tx, issues.evaluating(tx) as touched:
            await contact_edits.change(tx, link["contact_id"], contact_edits.Given(change))
            touched.add(link["contact_id"])
        self.typed.practice.setdefault(str(link["xero_contact_id"]), {}).update(
            {SYNCED[name].api_name: value for name, value in change.items()}
        )

    async def edit_xero(self) -> None:
        link = self.rng.choice(self.links)
        self.edits += 1
        number = f"9{self.edits:06}"
        fields: dict[str, Any] = {
            "Phones": [{"PhoneType": "DEFAULT", "PhoneCountryCode": "64", "PhoneAreaCode": "9", "PhoneNumber": number}]
        }  # fmt: skip
        if self.rng.random() < 0.5:
            fields = {"Addresses": [{"AddressType": "POBOX", "City": f"City {self.edits}"}]}
        address = f"{self.here.xero}/simulator/organisations/{(await self.organisation())['tenant_id']}/contacts/{link['xero_contact_id']}"
        answer = await self.here.process.http.post(address, json={"fields": fields})
        assert answer.status_code == 200, answer.text
        now = {"phone": number} if "Phones" in fields else {"city": f"City {self.edits}"}
        self.typed.xero.setdefault(str(link["xero_contact_id"]), {}).update(now)

    async def organisation(self) -> dict[str, Any]:
        [row] = await self.here.world.rows("select * from organisation where workspace_id = :ws")
        return row

    async def arm(self, *faults: dict[str, Any]) -> None:
        answer = await self.here.process.http.post(f"{self.here.xero}/simulator/faults", json=list(faults))
        assert answer.status_code == 201, answer.text

    async def owed(self) -> list[dict[str, Any]]:
        return await self.here.world.rows(
            "select (select count(*) from sync_link where due_at is not null and state in ('PENDING', 'FAILING', 'CONFLICT')) as due,"
            " (select count(*) from delivery where ended_at is null) as open,"
            " (select count(*) from import_run where finished_at is null) as runs,"
            " (select count(*) from xero_contact where dirty) as dirty"
        )


@asynccontextmanager
async def prepared(
    server: Server, template: Place, services: embedded_services.Services, seed: int
) -> AsyncIterator[Scene]:
    clock = ShiftedClock(lambda: datetime.now(UTC))
    async with (
        fresh_database(server, template) as place,
        connected(place, services, 40, simulated=clock) as here,
    ):
        await worked(here)
        scene = Scene(here, random.Random(seed), clock)
        scene.links = await here.world.rows(
            "select l.contact_id, c.name, x.xero_contact_id from sync_link l join contact c on c.id = l.contact_id"
            " join xero_contact x on x.id = l.xero_contact_id order by c.name"
        )
        assert len(scene.links) == 40
        yield scene


async def disturbed(scene: Scene, valkey: Redis, kills: int) -> None:
    """Two workers at once; one after the other is killed while people type."""
    await scene.arm(
        {"kind": "drop", "when": "after", "method": "POST", "probability": 0.2, "count": None},
        {"kind": "status", "status": 500, "when": "after", "method": "POST", "probability": 0.1, "count": None},
        {"kind": "status", "status": 503, "when": "before", "probability": 0.05, "count": None},
    )  # fmt: skip
    workers = [await worker(scene.here), await worker(scene.here)]
    try:
        for kill in range(kills):
            for _ in range(25):
                await scene.rng.choice([scene.edit_practice, scene.edit_xero])()
                await asyncio.sleep(scene.rng.random() * 0.08)
            workers[kill % 2].kill()
            await workers[kill % 2].wait()
            await valkey.flushall()
            workers[kill % 2] = await worker(scene.here)
    finally:
        for one in workers:
            one.kill()
            await one.wait()
    await scene.here.process.http.delete(f"{scene.here.xero}/simulator/faults")


async def settled(scene: Scene) -> None:
    """An undisturbed worker runs, and time passes, until nothing is due."""
    async with opened(scene.here.process.settings, Beside(scene.clock)) as process:
        stop = asyncio.Event()
        calm = asyncio.create_task(work(process, stop))
        try:
            for _ in range(20):
                scene.clock.advance(LATER)
                async with scene.here.world.tx() as tx:
                    await organisations.sync_now(tx, scene.here.world.organisation)
                await quiet(scene)
                [owed] = await scene.owed()
                if not any(owed.values()):
                    return
            pytest.fail(f"still owed: {owed}")
        finally:
            stop.set()
            await calm


async def quiet(scene: Scene, seconds: float = 20) -> None:
    """Wait until nothing is due now."""
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    before: dict[str, Any] = {}
    while datetime.now(UTC) < deadline:
        await asyncio.sleep(0.5)
        [owed] = await scene.owed()
        if not any(owed.values()) or (owed == before and not owed["runs"]):
            return
        before = owed


async def shown(scene: Scene) -> dict[str, SeenContact]:
    """Every contact at Xero, by its id; a minute later, as limits count that call too."""
    scene.clock.advance(LATER)
    async with scene.here.world.tx() as tx:
        organisation = await organisation_copy.get(tx, scene.here.world.organisation)
    async with opened(scene.here.process.settings, Beside(scene.clock)) as process:
        page = await process.client(organisation, Priority.INTERACTIVE).contacts_page(1)
    assert page.last
    return {str(contact.contact_id): seen_contact(contact, scene.clock()) for contact in page.items}


def differing(link: dict[str, Any], xero: SeenContact, typed: Typed) -> list[str]:
    """The fields of a link that differ between the sides, or from the value typed last."""
    ours = {"name": link["name"], "billingEmail": link["billing_email"]}
    shown = seen_values(xero)
    theirs: dict[str, Any] = {
        "name": shown[SyncedField.NAME],
        "billingEmail": shown[SyncedField.BILLING_EMAIL],
    }
    key = str(link["xero_contact_id"])
    wanted = typed.practice.get(key, {}) | typed.xero.get(key, {})
    if "phone" in wanted:
        ours["phone"] = "".join(filter(str.isdigit, link["primary_phone"]))[-7:]
        phone = xero.values[SyncedField.PRIMARY_PHONE]
        theirs["phone"] = phone.number if isinstance(phone, PhoneParts) else None
    if "city" in wanted:
        ours["city"] = link["billing_address"]["city"]
        address = shown[SyncedField.BILLING_ADDRESS]
        theirs["city"] = address.city if isinstance(address, PostalAddress) else None
    return [
        f"{name} of {link['name']}: practice {ours[name]}, Xero {theirs[name]}, typed {wanted.get(name)}"
        for name in ours
        if not ours[name] == theirs[name] == wanted.get(name, ours[name])
    ]


async def compare(scene: Scene) -> None:
    links = await scene.here.world.rows(
        "select l.state, l.failure, c.*, x.xero_contact_id from sync_link l join contact c on c.id = l.contact_id"
        " join xero_contact x on x.id = l.xero_contact_id"
    )
    xeros = await shown(scene)
    assert len(xeros) == len(links) == 40, "no second contact on either side"
    assert {link["state"] for link in links} == {"SYNCED"}, [link["failure"] for link in links]
    assert [
        one for link in links for one in differing(link, xeros[str(link["xero_contact_id"])], scene.typed)
    ] == []
    state: Any = await scene.here.simulator()
    assert state["tallies"][0]["refused"] == {}, "no call over Xero's limits"


@pytest.mark.parametrize("seed", [1])
async def test_killed_workers_leave_both_sides_with_the_typed_values(
    server: Server, template: Place, services: embedded_services.Services, valkey: Redis, seed: int
) -> None:
    async with prepared(server, template, services, seed) as scene:
        await disturbed(scene, valkey, kills=3)
        await settled(scene)
        await compare(scene)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 30))
async def test_workers_killed_ten_times_leave_both_sides_with_the_typed_values(
    server: Server, template: Place, services: embedded_services.Services, valkey: Redis, seed: int
) -> None:
    async with prepared(server, template, services, seed) as scene:
        await disturbed(scene, valkey, kills=10)
        await settled(scene)
        await compare(scene)
