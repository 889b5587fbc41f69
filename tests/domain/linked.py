"""A contact that is linked and equal on both sides, and steps that change it."""

from datetime import datetime, timedelta
from uuid import UUID

from domain.contacts import edits as contact_edits
from domain.fields.phones import PhoneParts
from domain.fields.values import SeenContact
from domain.links.failures import Failure
from domain.matching import issues
from domain.outbound import contact_deliveries
from domain.outbound.contact_deliveries import Answered
from domain.outbound.deliveries import Claimed
from domain.tables import RunPurpose
from tests.domain.world import BEGAN, World, as_given, seen

LATER = BEGAN + timedelta(hours=1)


async def linked(world: World, **more: object) -> tuple[UUID, UUID]:
    """Acme, linked and equal on both sides: the contact's id, and Xero's."""
    contact = await world.contact("Acme", "a@x.nz", primaryPhone="09 111 2222")
    xero = seen("Acme", "a@x.nz", phone=PhoneParts("64", "9", "1112222"))
    await world.shown(xero)
    await world.import_mirror()
    return contact.id, xero.xero_contact_id


async def read_delta(world: World, *found: SeenContact) -> None:
    """A delta that shows these."""
    run = await world.begin_run(RunPurpose.DELTA)
    await world.finish(run.id, found)


async def claim(world: World, *, since: datetime | None = None) -> Claimed | None:
    """What is due, claimed for a write without bytes."""
    async with world.tx() as tx:
        organisation = await world.read_organisation(tx)
        return await contact_deliveries.claim(tx, organisation, lambda *_: (b"...", {}), since=since)


async def answer(world: World, claimed: Claimed, found: SeenContact) -> None:
    """Xero answers the claimed write of one contact with this snapshot."""
    async with world.tx() as tx:
        await contact_deliveries.settle(tx, claimed, [Answered(claimed.members[0], found)])


async def refuse(world: World, failure: Failure) -> None:
    """Xero refuses the write of one contact that is due."""
    claimed = await claim(world)
    assert claimed is not None
    async with world.tx() as tx:
        await contact_deliveries.settle(tx, claimed, [Answered(claimed.members[0], failure=failure)])


async def change(world: World, contact: UUID, *, archived: bool | None = None, **given: object) -> None:
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, contact, as_given(given), archived=archived)
        touched.add(contact)


async def state(world: World) -> dict[str, object]:
    [row] = await world.rows(
        "select c.name, c.billing_email, c.primary_phone, l.state, l.due_at is not null as due, l.conflicts"
        " from contact c join sync_link l on l.contact_id = c.id"
    )
    return row
