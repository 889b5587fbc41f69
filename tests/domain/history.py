"""The history of a linked contact in single steps, so that a test can choose their order."""

from datetime import timedelta
from uuid import UUID

from domain.connection import organisation_copy
from domain.fields.phones import PhoneParts
from domain.fields.values import SeenContact
from domain.inbound import apply as inbound_apply
from domain.inbound import single_reads, snapshots
from domain.mirror import xero_contacts
from domain.outbound.deliveries import Claimed
from tests.database import rows_of
from tests.domain.linked import LATER, read_delta
from tests.domain.linked import claim as claim_due
from tests.domain.world import World, seen

PHONE = PhoneParts("64", "9", "1112222")


def snapshot(
    xero: UUID, name: str, email: str, *, updated: float = 0, asked: float = 0, customer: bool = True
) -> SeenContact:
    """Of an hour after the link began; `updated` and `asked` in seconds from there."""
    found = seen(
        name,
        email,
        phone=PHONE,
        customer=customer,
        xero_id=xero,
        updated_at=LATER + timedelta(seconds=updated),
    )
    return SeenContact(**{**vars(found), "seen_at": LATER + timedelta(seconds=asked)})


OURS, OLD = "ours@x.nz", "a@x.nz"


TOLD = ("before", "webhook", "answer", "renamed")


def shown(xero: UUID, email: str = OURS) -> dict[str, SeenContact]:
    """The snapshot of each read or answer."""
    return {
        "before": snapshot(xero, "Acme", OLD, updated=0, asked=9),
        "webhook": snapshot(xero, "Acme", email, updated=10, asked=11),
        "answer": snapshot(xero, "Acme", email, updated=10, asked=10.5),
        "renamed": snapshot(xero, "Acme Two", email, updated=12, asked=13),
    }


async def claim(world: World) -> Claimed:
    claimed = await claim_due(world)
    assert claimed is not None
    return claimed


async def read(world: World, *found: SeenContact) -> None:
    """Store the snapshot in the mirror and apply it, as a webhook or poll does."""
    async with world.tx() as tx:
        await xero_contacts.lock(tx, world.organisation)
        organisation = await organisation_copy.get(tx, world.organisation)
        await snapshots.store(tx, organisation, found)
        ids = [row["id"] for row in await rows_of(tx, "select id from xero_contact where dirty")]
        await inbound_apply.apply_shown(tx, world.organisation, ids)


async def settle(world: World, now: SeenContact) -> None:
    """Do the due single reads, then a poll."""
    async with world.tx() as tx:
        claimed = await single_reads.claim(tx, world.organisation, 40)
    if claimed is not None:
        async with world.tx() as tx:
            await single_reads.settle(tx, claimed, tx.now, [now])
    await read_delta(world, now)
