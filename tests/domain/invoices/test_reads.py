"""Which webhook events of invoices need a read, and what a read of them settles."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.fields.values import SeenInvoice
from domain.inbound.event_judgement import SLACK
from domain.inbound.webhook_inbox import DELTA_AGAIN, DELTA_OVER, IN_FLIGHT_AGAIN, Category, Claimed
from domain.invoices import actions as invoice_actions
from domain.invoices import deliveries as invoice_deliveries
from domain.invoices import reads
from domain.invoices.deliveries import Answered
from domain.outbound import deliveries
from domain.tables import InvoiceStatus
from runtime.database import Database
from tests.domain.announced import announce, blocked, later, unread
from tests.domain.billed import Billed, end_poll, make_billed
from tests.domain.invoices.there import claim_write
from tests.domain.world import BEGAN

MS, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
OWN, THEIRS = BEGAN + 5 * MS, BEGAN + SECOND  # events of our own create, and of a change right after it


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


async def claim(here: Billed) -> Claimed | None:
    async with here.world.tx() as tx:
        return await reads.claim(tx, here.world.organisation)


async def read(here: Billed, seen: SeenInvoice) -> bool:
    claimed = await claim(here)
    if claimed is None:
        return False
    async with here.world.tx() as tx:
        await reads.settle(tx, here.world.organisation, claimed.events, [seen])
    return True


async def claim_create(here: Billed) -> tuple[deliveries.Claimed, SeenInvoice]:
    """A create that is under way, and what Xero will answer."""
    await here.sent()
    return await claim_write(here)


async def answer(here: Billed, claimed: deliveries.Claimed, seen: SeenInvoice) -> None:
    async with here.world.tx() as tx:
        await invoice_deliveries.settle(tx, claimed, [Answered(claimed.members[0], seen)])


async def created(here: Billed) -> SeenInvoice:
    claimed, seen = await claim_create(here)
    await answer(here, claimed, seen)
    return seen


async def tell(here: Billed, seen: SeenInvoice, *times: object) -> None:
    events = [(seen.xero_invoice_id, at) for at in times]
    await announce(here.world, *events, category=Category.INVOICE)  # type: ignore[arg-type]


def paid(seen: SeenInvoice, *, after: timedelta) -> SeenInvoice:
    assert isinstance(seen.total, Decimal)
    at = BEGAN + after
    return replace(seen, status="PAID", amount_paid=seen.total, updated_at=at, seen_at=at)


async def status(here: Billed) -> InvoiceStatus:
    [row] = await here.world.rows("select status from invoice")
    return InvoiceStatus(row["status"])


async def test_the_event_of_our_own_create_needs_no_read_however_often_it_comes(here: Billed) -> None:
    seen = await created(here)
    for _ in range(3):
        await tell(here, seen, OWN)
        assert await claim(here) is None
        assert await unread(here.world, Category.INVOICE) == set()


async def test_a_payment_right_after_our_own_create_is_read(here: Billed) -> None:
    seen = await created(here)
    await tell(here, seen, OWN)
    assert await claim(here) is None
    await tell(here, seen, THEIRS)
    assert await claim(here) is None, "the two seconds after the write are not over"
    later(here.world, SLACK)
    assert await read(here, paid(seen, after=SECOND))
    assert await status(here) is InvoiceStatus.PAID
    await tell(here, seen, THEIRS, OWN)
    assert await claim(here) is None


async def test_a_payment_taken_off_right_after_it_was_read_is_read_too(here: Billed) -> None:
    seen = await created(here)
    await tell(here, seen, BEGAN + 60 * SECOND)
    assert await read(here, paid(seen, after=60 * SECOND))
    await tell(here, seen, BEGAN + 61 * SECOND)
    taken_off = replace(seen, updated_at=BEGAN + 61 * SECOND, seen_at=BEGAN + 61 * SECOND)
    assert await read(here, taken_off)
    assert await status(here) is InvoiceStatus.AWAITING_PAYMENT


async def test_an_event_of_an_invoice_whose_create_is_under_way_waits_for_the_answer(here: Billed) -> None:
    claimed, seen = await claim_create(here)
    await tell(here, seen, OWN, THEIRS)
    assert await claim(here) is None
    await answer(here, claimed, seen)
    later(here.world, IN_FLIGHT_AGAIN)
    assert await read(here, paid(seen, after=SECOND))
    assert await status(here) is InvoiceStatus.PAID


async def test_an_event_of_an_invoice_that_is_not_ours_is_dropped(here: Billed) -> None:
    await created(here)
    await announce(here.world, (uuid4(), THEIRS), category=Category.INVOICE)
    assert await claim(here) is None
    assert await unread(here.world, Category.INVOICE) == set()


async def many_created(here: Billed, count: int) -> set[UUID]:
    """Copies of the one invoice that is there. Gives Xero's ids."""
    async with here.world.tx() as tx:
        made = await tx.ids(
            "insert into invoice select (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),"
            " 'number', i.number || n, 'number_key', i.number_key || n, 'xero_invoice_id', gen_random_uuid()))).*"
            " from invoice i, generate_series(1, :count) n where i.workspace_id = :ws returning xero_invoice_id",
            count=count,
        )
        await tx.run("update organisation set invoice_poll_due_at = null")
    return set(made)


async def test_a_backlog_makes_one_poll_due_and_waits_for_its_end(here: Billed) -> None:
    await created(here)
    many = await many_created(here, DELTA_OVER + 1)
    events = [(one, BEGAN + 60 * SECOND) for one in many]
    await announce(here.world, *events, category=Category.INVOICE)
    assert await claim(here) is None
    [row] = await here.world.rows("select invoice_poll_due_at from organisation")
    assert row["invoice_poll_due_at"] is not None
    assert await unread(here.world, Category.INVOICE) == many
    async with here.world.tx() as tx:
        await end_poll(here, tx)
    assert await unread(here.world, Category.INVOICE) == set()
    later(here.world, DELTA_AGAIN)
    assert await claim(here) is None


async def test_a_void_waits_until_the_announced_change_of_the_invoice_is_read(here: Billed) -> None:
    seen = await created(here)
    [row] = await here.world.rows("select id from invoice")
    async with here.world.tx() as tx:
        await invoice_actions.void(tx, row["id"])
    await tell(here, seen, OWN, THEIRS)

    async def claim_void() -> deliveries.Claimed | None:
        async with here.world.tx() as tx:
            return await invoice_deliveries.claim(tx, here.world.organisation, lambda *_: (b"bytes", {}))

    assert await claim_void() is None
    async with here.world.tx() as tx:
        unread_ids = await invoice_deliveries.unread(tx, here.world.organisation, [], 40, bulk=None)
    assert unread_ids == [seen.xero_invoice_id]
    async with here.world.tx() as tx:
        events = await reads.claim(tx, here.world.organisation, unread_ids)
    assert events is not None, "a write waits, so it is read at once"
    async with here.world.tx() as tx:
        edited = replace(seen, reference="Theirs", updated_at=BEGAN + SECOND, seen_at=BEGAN + SECOND)
        await reads.settle(tx, here.world.organisation, events.events, [edited])
    assert await claim_void() is not None


async def test_a_poll_and_a_claim_of_events_do_not_wait_for_each_other(here: Billed) -> None:
    seen = await created(here)
    await tell(here, seen, OWN)
    applied, waits = asyncio.Event(), asyncio.Event()

    async def poll() -> None:
        async with here.world.tx() as tx:
            await reads.apply(tx, here.world.organisation, [seen])
            applied.set()
            await waits.wait()
            await end_poll(here, tx)

    async def claim_events() -> Claimed | None:
        await applied.wait()
        return await claim(here)

    async with asyncio.TaskGroup() as both:
        both.create_task(poll())
        claimed = both.create_task(claim_events())
        await blocked(here.world)
        waits.set()
    assert claimed.result() is None
    assert await unread(here.world, Category.INVOICE) == set()
