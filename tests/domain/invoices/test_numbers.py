"""Numbers of invoices after the restore of a backup: none is drawn that Xero has already."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from msgspec import UNSET

from domain.connection import restored
from domain.fields.values import SeenInvoice
from domain.invoices import reads as invoice_reads
from domain.problems import Code, Refused
from domain.tables import AmountsAre
from runtime.database import Database
from tests.domain.billed import Billed, end_poll, make_billed
from tests.domain.world import BEGAN


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


def shown(number: str) -> SeenInvoice:
    """An invoice that Xero has under this number."""
    return SeenInvoice(
        xero_invoice_id=uuid4(), status="AUTHORISED", number=number, reference=UNSET, url=UNSET, contact_id=UNSET,
        issue_date=UNSET, due_date=UNSET, currency=UNSET, amounts_are=AmountsAre.TAX_EXCLUSIVE, lines=UNSET,
        subtotal=UNSET, tax_total=UNSET, total=UNSET, amount_paid=UNSET, payments=UNSET, updated_at=BEGAN,
        seen_at=BEGAN,
    )  # fmt: skip


async def mark(here: Billed) -> None:
    async with here.world.tx() as tx:
        await restored.mark(tx)


async def poll(here: Billed, *pages: Sequence[SeenInvoice]) -> None:
    for page in pages:
        async with here.world.tx() as tx:
            await invoice_reads.apply(tx, here.world.organisation, page)
    async with here.world.tx() as tx:
        await end_poll(here, tx)


async def lost(here: Billed) -> list[str]:
    [row] = await here.world.rows("select lost_invoices from organisation")
    return list(row["lost_invoices"])


async def test_the_sequence_moves_past_the_highest_number_in_xero(here: Billed) -> None:
    first = await here.draft()
    await mark(here)
    pages = (
        [shown(first.number), shown("TI-00007"), shown("INV-9000")],
        [shown("ti-00004"), shown("TI-00007")],
    )
    await poll(here, *pages)
    assert (await here.draft()).number == "TI-00008"
    assert await lost(here) == ["TI-00007", "ti-00004"]


async def test_no_number_is_drawn_before_xeros_numbers_are_read(here: Billed) -> None:
    await poll(here, [])
    await mark(here)
    with pytest.raises(Refused) as refused:
        await here.draft()
    assert [(one.code, one.path) for one in refused.value.problems] == [(Code.WRONG_STATE, ("number",))]
    assert (await here.draft(number="A-1")).number == "A-1"
    await poll(here, [])
    assert (await here.draft()).number == "TI-00001"


async def test_a_number_of_ten_digits_does_not_use_up_the_sequence(here: Billed) -> None:
    await mark(here)
    await poll(here, [shown("TI-1234567890")])
    assert (await here.draft()).number == "TI-00001"


async def test_without_a_restore_numbers_in_xero_move_nothing(here: Billed) -> None:
    await poll(here, [shown("TI-00007")])
    assert (await here.draft()).number == "TI-00001"
    assert await lost(here) == []


async def test_an_older_number_in_xero_does_not_move_the_sequence_back(here: Billed) -> None:
    for _ in range(3):
        last = await here.draft()
    await mark(here)
    await poll(here, [shown("TI-00001")])
    assert (last.number, (await here.draft()).number) == ("TI-00003", "TI-00004")
