"""The generated organisation and practice, and the world that is saved in a file."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.clients import web_client
from tests.patience import patience
from tests.xero.simulator.serving import connect, create, names, post_token, read, small_world
from xero.simulator.app import create_app
from xero.simulator.contact_input import parse_contact
from xero.simulator.contact_json import Form, render_contact
from xero.simulator.contacts import ACTIVE, ARCHIVED
from xero.simulator.demo import DEMO_CLIENT_ID
from xero.simulator.lifelike import lifelike_contacts
from xero.simulator.practice import near_duplicate, practice_overlap
from xero.simulator.serve import open_world
from xero.simulator.world import World


@pytest.mark.parametrize("count", [1, 2, 1200, 20_000])
def test_active_names_are_unique(count: int) -> None:
    contacts = lifelike_contacts(3, count)
    active = [c.name.casefold() for c in contacts if c.status == ACTIVE]
    assert len(contacts) == len({c.id for c in contacts}) == count
    assert len(active) == len(set(active))


def test_same_seed_gives_the_same_and_another_does_not() -> None:
    assert lifelike_contacts(1, 50) == lifelike_contacts(1, 50)
    assert lifelike_contacts(1, 50) != lifelike_contacts(2, 50)


def test_the_shares_of_kinds_of_contacts_are_realistic() -> None:
    contacts = lifelike_contacts(1, 5000)
    archived = [c for c in contacts if c.status == ARCHIVED]
    assert 0.03 < len(archived) / 5000 < 0.05
    assert 0.005 < sum(c.merged_to is not None for c in archived) / 5000 < 0.015
    assert 0.1 < sum(not c.email for c in contacts) / 5000 < 0.3
    assert len(Counter((c.is_customer, c.is_supplier) for c in contacts)) == 4


def test_each_merged_contact_names_an_active_survivor() -> None:
    contacts = {c.id: c for c in lifelike_contacts(1, 5000)}
    assert all(contacts[c.merged_to].status == ACTIVE for c in contacts.values() if c.merged_to)


def test_every_generated_contact_obeys_the_rules_of_the_api() -> None:
    for contact in lifelike_contacts(4, 3000):
        assert parse_contact(render_contact(contact, Form.DETAIL)).errors == []


def test_the_generated_practice_overlaps_in_the_requested_shares() -> None:
    contacts = [c for c in lifelike_contacts(1, 1200) if c.status == ACTIVE]
    practice = practice_overlap(contacts, 1, 800)
    by_name = {c.name.casefold(): c for c in contacts}
    emails = {c.email.casefold() for c in contacts if c.email}
    outcomes: Counter[str] = Counter()
    for row in practice:
        found = by_name.get(" ".join(row["name"].split()).casefold())
        email = row["billing_email"].strip().casefold()
        if found and email and found.email.casefold() == email:
            outcomes["full"] += 1
        else:
            outcomes["conflict" if found or email in emails else "none"] += 1
    assert len(practice) == 800
    assert 0.40 < outcomes["full"] / 800 < 0.58
    assert 0.10 < outcomes["conflict"] / 800 < 0.25
    assert practice == practice_overlap(contacts, 1, 800)


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_practice_of_any_size_can_be_generated(count: int) -> None:
    for size in (0, 1, 5):
        assert len(practice_overlap(lifelike_contacts(1, size), 1, count)) == count


def test_a_generated_near_duplicate_differs_from_its_original() -> None:
    for contact in lifelike_contacts(1, 300):
        if len(contact.name) > 3:
            assert near_duplicate(Random(contact.name), contact.name) != contact.name


async def test_the_saved_world_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    world = small_world(30)
    async with web_client(transport=httpx.ASGITransport(create_app(world)), base_url="http://s") as http:
        token = await connect(http)
        contact = await create(http, Name="Kept ŌK", ContactNumber="K1")
    world.save(path)
    again = World.load(path, world.clock)
    async with web_client(
        transport=httpx.ASGITransport(create_app(again)), base_url="http://s", headers=http.headers
    ) as http:
        assert await read(http, "K1") == contact
        assert "Kept ŌK" in await names(http)
        refreshed = await post_token(http, grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refreshed.status_code == 200
    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_simulator_saves_its_world_soon_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    app = create_app(small_world(2), path)
    async with (
        app.router.lifespan_context(app),
        web_client(transport=httpx.ASGITransport(app), base_url="http://s") as http,
    ):
        await connect(http)
        await create(http, Name="Soon")
        async with patience(60):
            await saved_with(path, "Soon")
        await create(http, Name="Late")
    await saved_with(path, "Late")


def holds(path: Path, name: str) -> bool:
    return path.exists() and name in path.read_text()


async def saved_with(path: Path, name: str) -> None:
    while not holds(path, name):  # noqa: ASYNC110 - the app writes the file and tells nobody
        await asyncio.sleep(0.05)


def test_a_second_start_has_the_same_organisation(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    first = open_world(10, 1, path)
    first.save(path)
    second = open_world(99, 2, path, ("https://tandem.example/oauth/callback",))
    assert list(second.organisations) == list(first.organisations)
    assert "https://tandem.example/oauth/callback" in second.apps[DEMO_CLIENT_ID].redirect_uris
