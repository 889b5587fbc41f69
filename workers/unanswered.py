"""Writes to which no answer came, of contacts and of invoices alike. `rules` is the module that settles the delivery:
`domain.deliveries` or `domain.invoice_deliveries`."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any
from uuid import UUID

import structlog

from domain.deliveries import LANDED_AFTER, Claimed
from domain.tables import DeliveryKind
from domain.tx import XERO
from workers.parts import Parts
from xero.errors import Uncertain, XeroError

log = structlog.get_logger()
RESEND_AFTER = timedelta(seconds=5)


async def wait(
    parts: Parts,
    workspace: UUID,
    rules: ModuleType,
    claimed: Claimed,
    error: Uncertain,
    look_up: Callable[[], Awaitable[None]],
) -> None:
    """Look again later. A 500 to a create is looked up at once: what is absent is free under the same number."""
    log.info("delivery_uncertain", delivery=str(claimed.delivery.id), status=error.status)
    if error.status == 500 and claimed.delivery.kind is DeliveryKind.CREATE:
        try:
            await look_up()
        except XeroError as again:
            log.info("look_up_put_off", delivery=str(claimed.delivery.id), error=type(again).__name__)
        else:
            return
    async with parts.database.transaction(workspace, XERO) as tx:
        await rules.wait(tx, claimed, tx.now + RESEND_AFTER * min(claimed.delivery.sends, 12))


async def settle(
    parts: Parts,
    workspace: UUID,
    rules: ModuleType,
    claimed: Claimed,
    found: Mapping[UUID, Any],
    *,
    free_absent: bool,
) -> None:
    """`found`: the answer of each member that was looked up by its number and is there. It is settled; what is absent
    is free once the request cannot land any more."""
    absent = [member for member in claimed.members if member not in found]
    async with parts.database.transaction(workspace, XERO) as tx:
        await rules.settle(tx, claimed, list(found.values()))
        if absent and free_absent:
            await rules.free(tx, claimed, members=absent)
        elif absent:
            landed = claimed.delivery.last_sent_at + LANDED_AFTER
            await rules.wait(tx, claimed, min(tx.now + timedelta(minutes=1), landed))
