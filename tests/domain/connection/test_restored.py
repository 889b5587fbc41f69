"""After the restore of a backup: what Tandem did in Xero since then is found again, and nothing is made twice.

A test leaves the database as the backup had it, and lets Xero show what Tandem did there after the backup.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from domain.actions import push as push_action
from domain.connection import organisations, restored
from domain.connection.organisations import Tenant
from domain.fields.values import SeenContact
from domain.links import push_numbers
from domain.matching import issues
from domain.outbound.deliveries import Claimed
from domain.tables import ConnectionHealth, Organisation, SyncState, XeroContactFilter
from runtime.database import Database
from tests.domain.linked import claim
from tests.domain.world import World, make_world, seen

LOST = "T-" + "Q7" * 13  # a number that the backup does not know


@pytest.fixture
async def customers(matching_database: Database) -> World:
    return await make_world(matching_database, contact_filter=XeroContactFilter.CUSTOMERS_ONLY)


async def pushed(world: World, name: str, email: str) -> str:
    """A contact that a person has pushed, and that Xero does not show yet: the number of the push."""
    contact = await world.contact(name, email)
    async with world.tx() as tx, issues.evaluating(tx):
        await push_action.push(tx, push_action.Wish(contact.id, world.organisation))
    [row] = await world.rows("select contact_number from sync_link")
    return str(row["contact_number"])


async def mark(world: World) -> None:
    async with world.tx() as tx:
        [marked] = await restored.mark(tx)
    assert (marked.id, marked.name) == (world.organisation, "Demo Company")


async def organisation(world: World) -> Organisation:
    async with world.tx() as tx:
        return await organisations.get(tx, world.organisation)


async def connect(world: World) -> UUID:
    """A person connects the organisation again: the run that reads all of Xero."""
    tenant = Tenant((await organisation(world)).tenant_id, uuid4(), "Demo Company")
    async with world.tx() as tx:
        await organisations.connect(tx, tenant, uuid4())
    [run] = await world.rows("select id from import_run where finished_at is null")
    return UUID(str(run["id"]))


async def read_all(world: World, run: UUID, found: Sequence[SeenContact]) -> None:
    await world.read(run, found)
    while await world.match(run):
        pass
    await world.settle()


async def links(world: World) -> list[tuple[str, str, UUID | None]]:
    """Of each link: the contact's name, the state, Xero's id of its Xero contact."""
    rows = await world.rows(
        "select c.name, l.state, x.xero_contact_id from sync_link l join contact c on c.id = l.contact_id"
        " left join xero_contact x on x.id = l.xero_contact_id order by c.name"
    )
    return [(row["name"], row["state"], row["xero_contact_id"]) for row in rows]


async def names(world: World) -> list[str]:
    return [row["name"] for row in await world.rows("select name from contact order by name")]


async def creations(world: World) -> Claimed | None:
    found = await claim(world)
    return found if found is not None and found.delivery.kind == "CREATE" else None


async def test_nothing_is_sent_before_a_new_consent_and_a_read_of_all_of_xero(world: World) -> None:
    await pushed(world, "Acme", "a@x.nz")
    await mark(world)
    assert (await organisation(world)).health is ConnectionHealth.NEEDS_RECONNECT
    assert await claim(world) is None
    run = await connect(world)
    assert (await organisation(world)).health is ConnectionHealth.CATCHING_UP
    assert await claim(world) is None
    await read_all(world, run, [])
    assert await creations(world) is not None  # Xero does not have it: the push goes on


async def test_a_push_that_the_backup_knows_is_found_by_its_number_under_every_filter(
    customers: World,
) -> None:
    number = await pushed(customers, "Acme", "a@x.nz")
    await mark(customers)
    made = replace(seen("Acme (renamed)", "b@x.nz", customer=False), contact_number=number)
    await read_all(customers, await connect(customers), [made])
    [(_, _, xero)] = await links(customers)
    assert xero == made.xero_contact_id
    assert await creations(customers) is None
    assert len(await names(customers)) == 1


async def test_a_push_after_the_backup_takes_part_in_matching_under_every_filter(
    customers: World,
) -> None:
    await customers.contact("Acme", "a@x.nz")
    await mark(customers)
    shown = [
        replace(seen("Acme", "a@x.nz", customer=False), contact_number=LOST),
        replace(seen("Made that day", "m@x.nz", customer=False), contact_number="T-" + "A" * 26),
        seen("Not a customer", "n@x.nz", customer=False),
        replace(seen("Numbered", "o@x.nz", customer=False), contact_number="T-1"),
    ]
    await read_all(customers, await connect(customers), shown)
    assert await links(customers) == [
        ("Acme", SyncState.SYNCED, shown[0].xero_contact_id),
        ("Made that day", SyncState.SYNCED, shown[1].xero_contact_id),
    ]
    assert await names(customers) == ["Acme", "Made that day"]
    assert await claim(customers) is None


async def test_without_a_restore_the_filter_holds_for_unknown_numbers_too(customers: World) -> None:
    await customers.contact("Acme", "a@x.nz")
    await customers.shown(replace(seen("Acme", "a@x.nz", customer=False), contact_number=LOST))
    await customers.import_mirror()
    assert await links(customers) == []


async def test_a_contact_of_an_unsynced_push_stays_out_after_a_restore(customers: World) -> None:
    async with customers.tx() as tx:
        number = await push_numbers.draw(tx, customers.organisation, uuid4())  # its link is gone
    await customers.contact("Acme", "a@x.nz")
    await mark(customers)
    made = replace(seen("Acme", "a@x.nz", customer=False), contact_number=number)
    await read_all(customers, await connect(customers), [made])
    assert await links(customers) == []
