"""Webhook events of contacts, and the read that follows them."""

from datetime import UTC, datetime
from uuid import UUID

from domain.inbound import webhook_inbox
from domain.inbound.webhook_inbox import GATHER, Announced, Category
from tests.workers.linked import Linked
from workers.webhooks import read_contacts


async def announce(linked: Linked, *resources: UUID | str, at: datetime | None = None) -> None:
    """In the inbox, and gathered."""
    [row] = await linked.here.world.rows("select tenant_id from organisation")
    database = linked.here.process.database
    events = [
        Announced(row["tenant_id"], Category.CONTACT, UUID(str(one)), at or datetime.now(UTC))
        for one in resources
    ]
    async with database.door() as session:
        await webhook_inbox.receive(session, events, database.clock.now())
    linked.later(GATHER)


async def read(linked: Linked) -> bool:
    return await read_contacts(
        linked.here.process, linked.here.world.workspace, linked.here.world.organisation
    )
