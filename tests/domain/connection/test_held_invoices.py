"""A due invoice says that the connection has ended, however the connection ends and whatever happens at that moment."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.connection import health as connection_health
from domain.connection import organisations, restored
from domain.connection.organisations import Tenant
from domain.invoices import actions as invoice_actions
from domain.invoices import deliveries as invoice_deliveries
from domain.invoices.deliveries import Answered
from domain.tx import Tx
from runtime.database import Database
from tests.domain.billed import Billed, make_billed
from tests.domain.invoices.there import claim_write
from tests.workers.connected import until

End = Callable[[Tx, UUID], Awaitable[object]]


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


async def restore(tx: Tx, _: UUID) -> None:
    await restored.mark(tx)


ENDS = [connection_health.locked_out, organisations.disconnect, restore]


async def end(here: Billed, how: End = connection_health.locked_out) -> None:
    async with here.world.tx() as tx:
        await how(tx, here.world.organisation)


async def says(here: Billed, invoice_id: UUID) -> tuple[str, str | None, str | None, bool]:
    """The state, the failure's code and remedy, and whether the invoice is due."""
    invoice = await here.look(invoice_id)
    remedy = invoice.failure["remedy"] if invoice.failure else None
    return invoice.sync_state, invoice.failure_code, remedy, invoice.due_at is not None


WAITS = ("FAILING", "NEEDS_RECONNECT", "CONNECT_XERO", True)
DUE = ("PENDING", None, None, True)


@pytest.mark.parametrize("how", ENDS)
async def test_a_due_invoice_shows_the_end_until_xero_is_connected_again(here: Billed, how: End) -> None:
    sent = await here.sent()
    await end(here, how)
    assert await says(here, sent.id) == WAITS
    [told] = await here.world.rows("select message from activity where kind = 'FAILED'")
    assert (
        told["message"] == f"Invoice {sent.number}: Demo Company is not connected to Xero. Connect it again."
    )
    async with here.world.tx() as tx:
        tenant = Tenant(
            (await organisations.get(tx, here.world.organisation)).tenant_id, uuid4(), "Demo Company"
        )
        await organisations.connect(tx, tenant, uuid4())
    assert await says(here, sent.id) == DUE


async def test_an_invoice_that_is_sent_while_the_connection_ends_shows_it(
    here: Billed, owner: AsyncConnection
) -> None:
    """The check of the invoice has read the connection as it was, and commits after the end has begun."""
    approved, sending = await here.approved(), asyncio.Event()

    async def lock_out() -> None:
        await sending.wait()
        await end(here)

    async def waits() -> bool:
        waiting = "select exists (select 1 from pg_locks where not granted and locktype = 'advisory')"
        return ending.done() or bool(await owner.scalar(sa.text(waiting)))

    ending = asyncio.create_task(lock_out())
    async with here.world.tx() as tx:
        await invoice_actions.send(tx, approved.id)
        sending.set()
        await until(waits)
    await ending
    assert await says(here, approved.id) == WAITS


async def test_an_invoice_that_is_freed_after_the_end_shows_it(here: Billed) -> None:
    """The answer 'nothing was done' comes after another call has found the end."""
    sent = await here.sent()
    claimed, _ = await claim_write(here)
    await end(here)
    assert await says(here, sent.id) == DUE  # in flight: its answer decides
    async with here.world.tx() as tx:
        await invoice_deliveries.free(tx, claimed, tx.now + timedelta(minutes=1))
    assert await says(here, sent.id) == WAITS


async def test_a_void_that_follows_an_answer_after_the_end_shows_it(here: Billed) -> None:
    sent = await here.sent()
    claimed, shown = await claim_write(here)
    async with here.world.tx() as tx:
        await invoice_actions.void(tx, sent.id)
    await end(here)
    async with here.world.tx() as tx:
        await invoice_deliveries.settle(tx, claimed, [Answered(sent.id, shown)])
    assert await says(here, sent.id) == WAITS


async def test_other_invoices_stay_as_they_are(here: Billed) -> None:
    draft, approved = await here.draft(), await here.approved()
    before = [await says(here, one.id) for one in (draft, approved)]
    await end(here)
    assert [await says(here, one.id) for one in (draft, approved)] == before
