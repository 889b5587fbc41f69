"""The order and the size of the claims of due invoices."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.invoices import actions as invoice_actions
from domain.invoices import deliveries as invoice_deliveries
from domain.invoices import mappings
from domain.invoices.deliveries import Outgoing
from domain.invoices.eligibility import Problem
from domain.invoices.waiting import MOST_INTERACTIVE
from domain.outbound.deliveries import LEASE, Claimed
from domain.problems import Code, Refused
from domain.tables import DeliveryKind, Invoice, InvoiceStatus
from runtime.database import Database
from tests.domain.billed import DAY, Billed, chart, make_billed


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


async def claim(here: Billed) -> Claimed | None:
    def build(kind: DeliveryKind, chosen: Sequence[Outgoing]) -> tuple[bytes, dict[UUID, Problem]]:
        return b"bytes", {}

    async with here.world.tx() as tx:
        return await invoice_deliveries.claim(tx, here.world.organisation, build)


async def send_many(here: Billed, count: int) -> list[UUID]:
    made = [await here.approved() for _ in range(count)]
    async with here.world.tx() as tx:
        rows = [(invoice.id, None) for invoice in made]
        await invoice_actions.many(tx, InvoiceStatus.AWAITING_PAYMENT, rows)
    return [invoice.id for invoice in made]


async def in_xero(here: Billed) -> Invoice:
    """An invoice that Xero has."""
    sent = await here.sent()
    async with here.world.tx() as tx:
        await tx.run(
            "update invoice set xero_invoice_id = :xero, xero_status = 'AUTHORISED', sync_state = 'SYNCED', due_at = null"
            " where workspace_id = :ws and id = :id",
            xero=uuid4(), id=sent.id,
        )  # fmt: skip
    return sent


async def test_interactive_invoices_are_claimed_before_bulk_and_separately(here: Billed) -> None:
    await send_many(here, MOST_INTERACTIVE + 1)
    one = await here.sent()
    claimed = await claim(here)
    assert claimed is not None
    assert claimed.members == (one.id,)
    rest = await claim(here)
    assert rest is not None
    assert rest.delivery.bulk
    assert one.id not in rest.members


async def test_voids_are_claimed_before_older_creates(here: Billed) -> None:
    """A wrong invoice is with a client, and a new one can wait."""
    wrong = await in_xero(here)
    await here.sent()
    async with here.world.tx() as tx:
        await invoice_actions.void(tx, wrong.id)
    claimed = await claim(here)
    assert claimed is not None
    assert (claimed.delivery.kind, claimed.members) == (DeliveryKind.UPDATE, (wrong.id,))


async def test_a_retry_of_an_uncertain_invoice_sends_nothing(here: Billed) -> None:
    sent = await here.sent()
    claimed = await claim(here)
    assert claimed is not None
    async with here.world.tx() as tx:
        await invoice_deliveries.wait(tx, claimed, tx.now + LEASE)
    assert (await here.look(sent.id)).failure_code == "UNCERTAIN"
    async with here.world.tx() as tx:
        assert await invoice_actions.retry(tx, [sent.id]) == 1
    assert await claim(here) is None


@pytest.mark.parametrize(("count", "is_bulk"), [(1, False), (MOST_INTERACTIVE + 1, True)])
async def test_a_correction_makes_many_invoices_due_as_bulk_work(
    here: Billed, count: int, is_bulk: bool
) -> None:
    async with here.world.tx() as tx:
        await mappings.set_tax_mapping(tx, here.world.organisation, here.gst, None)
    waiting = [(await here.sent()).id for _ in range(count)]
    async with here.world.tx() as tx:
        await mappings.set_tax_mapping(tx, here.world.organisation, here.gst, "OUTPUT2")
    assert {(await here.look(one)).bulk for one in waiting} == {is_bulk}


async def test_one_delivery_holds_at_most_as_many_invoices_as_xero_accepts(here: Billed) -> None:
    """Xero refuses a body of more than 3.5 MB."""
    long: dict[str, Any] = {"description": "é" * 4000}
    lines = [here.line(**long) for _ in range(100)]
    for _ in range(3):
        await here.sent(*lines)
    sizes = []
    while claimed := await claim(here):
        sizes.append(len(claimed.members))
    assert sizes == [1, 1, 1]


async def test_an_invoice_in_a_locked_period_is_not_voided(here: Billed) -> None:
    made = await in_xero(here)
    await here.show(chart(period_lock=DAY))
    with pytest.raises(Refused) as refused:
        async with here.world.tx() as tx:
            await invoice_actions.void(tx, made.id)
    assert refused.value.problems[0].code is Code.PERIOD_LOCKED
    await here.show(chart(period_lock=date(2026, 11, 19)))
    async with here.world.tx() as tx:
        await invoice_actions.void(tx, made.id)
    assert (await here.look(made.id)).status is InvoiceStatus.VOIDED
