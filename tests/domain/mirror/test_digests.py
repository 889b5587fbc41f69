"""A contact that Xero shows again unchanged is known by its digest, and the mirror ends as without digests."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from domain.fields.values import SeenContact
from domain.mirror import digests, xero_contacts
from domain.tables import XeroContactStatus
from runtime.database import Database
from tests.domain.world import BEGAN, World, make_world, seen

ACME = UUID(int=1)


def acme(*, customer: bool = True, asked: int = 0, email: str = "a@x.nz", minutes: int = 0) -> SeenContact:
    """Acme as asked for so many minutes after BEGAN, with a stamp so many minutes after BEGAN."""
    shown = seen(
        "Acme", email, customer=customer, xero_id=ACME, updated_at=BEGAN + timedelta(minutes=minutes)
    )
    return replaced(shown, asked)


def replaced(shown: SeenContact, asked: int) -> SeenContact:
    return replace(shown, seen_at=BEGAN + timedelta(minutes=asked))


@pytest.fixture
def for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests are compared however few the contacts are."""
    monkeypatch.setattr(digests, "MANY", 1)


async def row(world: World) -> dict[str, object]:
    [found] = await world.rows("select is_customer, dirty, seen_at, shown_digest from xero_contact")
    return found


async def applied(world: World) -> None:
    async with world.tx() as tx:
        await tx.run("update xero_contact set dirty = false")


@pytest.mark.usefixtures("for_few")
async def test_only_the_time_of_an_unchanged_contact_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.shown(acme())
    await applied(world)
    with monkeypatch.context() as changed:
        changed.delattr(xero_contacts, "_row")  # what computes the columns of a snapshot
        assert len(await world.shown(acme(asked=5))) == 1
    found = await row(world)
    assert (found["dirty"], found["seen_at"]) == (False, BEGAN + timedelta(minutes=5))


@pytest.mark.usefixtures("for_few")
async def test_flags_that_changed_under_one_stamp_are_noticed(world: World) -> None:
    await world.shown(acme())
    await applied(world)
    await world.shown(acme(customer=False, asked=5))
    assert (await row(world))["is_customer"] is False
    assert (await row(world))["dirty"] is True


@pytest.mark.usefixtures("for_few")
async def test_flags_that_the_version_before_changed_are_noticed(world: World) -> None:
    """That version leaves the digest, which then tells of other flags than the row has."""
    await world.shown(acme())
    async with world.tx() as tx:
        await tx.run("update xero_contact set is_customer = false, dirty = false")
    await world.shown(acme(asked=5))
    assert (await row(world))["is_customer"] is True
    assert (await row(world))["dirty"] is True


def test_a_digest_follows_all_that_is_shown_and_the_country() -> None:
    class XerosTime(datetime):
        """As xero.payloads reads a stamp: a datetime of its own class."""

    shown = acme()
    stamp = XerosTime.fromtimestamp(BEGAN.timestamp(), UTC)
    assert digests.digest(replace(shown, updated_at=stamp, seen_at=stamp), "NZ") == digests.digest(
        shown, "NZ"
    )
    others = [
        acme(customer=False),
        acme(email="b@x.nz"),
        acme(minutes=1),
        replace(shown, contact_number="T-1"),
        replace(shown, first_name="Ann"),
    ]
    found = [digests.digest(one, "NZ") for one in (shown, *others)] + [digests.digest(shown, "AU")]
    assert len(set(found)) == len(found)


@pytest.mark.usefixtures("for_few")
async def test_an_erased_contact_has_no_digest(world: World) -> None:
    [key] = await world.shown(acme())
    async with world.tx() as tx:
        await xero_contacts.erase(tx, world.organisation, [key])
    assert (await row(world))["shown_digest"] is None


@pytest.mark.parametrize("seed", range(6))
async def test_the_mirror_ends_as_without_digests(
    matching_database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Random snapshots of two contacts, late ones and equal stamps among them."""
    chance = random.Random(seed)
    pages = [
        [
            replaced(
                seen(
                    chance.choice(["Acme", "Beta"]), chance.choice(["a@x.nz", None]), xero_id=UUID(int=n),
                    customer=chance.random() < 0.7, tax_number=chance.choice([None, "49-091-850"]),
                    status=chance.choice([XeroContactStatus.ACTIVE] * 3 + [XeroContactStatus.ARCHIVED]),
                    updated_at=BEGAN + timedelta(minutes=chance.randrange(3)),
                ),
                asked=at + chance.choice([0, 0, -3]),
            )
            for n in (1, 2)
        ]
        for at in range(12)
    ]  # fmt: skip
    # A page comes again, as in a scan after a delta.
    pages = [page for one, other in pairwise(pages) for page in (one, chance.choice([one, other]))]
    ends = []
    for many in (1, 10**9):
        monkeypatch.setattr(digests, "MANY", many)
        world = await make_world(matching_database)
        steps = []
        for page in pages:
            await world.shown(*page)
            steps.append(
                await world.rows(
                    "select xero_contact_id, name, email, is_customer, status, identifiers, updated_at, seen_at, dirty,"
                    " former_keys, value_times, doubted_at, read_due_at from xero_contact order by xero_contact_id"
                )
            )
        ends.append(steps)
    assert ends[0] == ends[1]
