"""Settles deliveries without an answer, of contacts and of invoices."""

from uuid import UUID

from domain.tables import Cargo, Delivery
from domain.tx import TANDEM
from workers import invoicing, sending
from workers.process import Process


async def recover(process: Process, workspace: UUID, delivery_id: UUID) -> bool:
    """Send the delivery's bytes again, look it up or read it, as its age says. Always False: a delivery that stays open
    has a new time."""
    async with process.database.transaction(workspace, TANDEM) as tx:
        delivery = await tx.session.get(Delivery, (workspace, delivery_id))
    if delivery is not None:
        settle = invoicing.recover if delivery.cargo is Cargo.INVOICES else sending.recover
        await settle(process, workspace, delivery_id)
    return False
