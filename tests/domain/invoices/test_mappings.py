"""The mappings of accounts and tax rates, what is missing for an invoice, and that a correction makes it due."""

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.connection import held_invoices, organisations
from domain.connection.organisations import Tenant
from domain.invoices import actions as invoice_actions
from domain.invoices import mapping_view, mappings
from domain.practice import services_and_rates
from domain.problems import Code, Refused
from domain.tables import InvoiceSyncState
from runtime.database import Database
from tests.domain.billed import Billed, chart, make_billed
from tests.workers.connected import until


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


async def refused(here: Billed, attempt: Any) -> list[tuple[Code, tuple[str, ...]]]:
    with pytest.raises(Refused) as found:
        async with here.world.tx() as tx:
            await attempt(tx, here.world.organisation)
    return [(problem.code, problem.path) for problem in found.value.problems]


async def test_a_service_type_uses_its_mapped_account_or_else_the_default(here: Billed) -> None:
    for code, expected in (("205", "205"), (None, "200")):
        async with here.world.tx() as tx:
            await mappings.set_account_mapping(tx, here.world.organisation, here.service, code)
        sent = await here.sent()
        async with here.world.tx() as tx:
            [line] = (await invoice_actions.lines_of(tx, [sent.id]))[sent.id]
        assert line.account_code == expected


async def test_only_revenue_accounts_can_be_mapped(here: Billed) -> None:
    assert await refused(here, lambda tx, o: mappings.set_default_accounts(tx, o, "400", "090")) == [
        (Code.INVALID, ("revenueAccountCode",)),
        (Code.INVALID, ("expenseAccountCode",)),
    ]
    rows = [(here.gst, tax) for tax in ("INPUT2", "OUTPUT", "NOWHERE", "OUTPUT2")]
    assert await refused(
        here, lambda tx, o: mappings.set_mappings(tx, o, [(here.service, "205"), (here.gst, "999")], rows)
    ) == [
        (Code.NOT_FOUND, ("accounts", "1", "serviceTypeId")),
        (Code.NOT_FOUND, ("accounts", "1", "accountCode")),
        (Code.INVALID, ("taxRates", "0", "xeroTaxType")),
        (Code.INVALID, ("taxRates", "1", "xeroTaxType")),
        (Code.NOT_FOUND, ("taxRates", "2", "xeroTaxType")),
    ]
    async with here.world.tx() as tx:
        [row] = await mapping_view.account_mappings(tx, here.world.organisation)
    assert row.xero_account_id is None  # all or none


async def test_invoices_with_an_unmapped_tax_rate_wait_until_it_is_mapped(here: Billed) -> None:
    async with here.world.tx() as tx:
        zero = await services_and_rates.create_tax_rate(tx, "Zero", Decimal(0))
    waiting = await here.sent(here.line(tax_rate_id=zero.id))
    assert (waiting.failure_code, waiting.due_at) == ("TAX_RATE_UNMAPPED", None)
    assert waiting.failure is not None
    assert (waiting.failure["subjects"], waiting.failure["remedy"]) == (
        [f"TaxRate:{zero.id}"],
        "SET_TAX_MAPPING",
    )
    async with here.world.tx() as tx:
        await mappings.set_tax_mapping(tx, here.world.organisation, zero.id, "ZERORATED")
    assert (await here.look(waiting.id)).due_at is not None


async def test_a_mapping_to_an_archived_account_is_flagged_and_kept(here: Billed) -> None:
    async with here.world.tx() as tx:
        await mappings.set_account_mapping(tx, here.world.organisation, here.service, "205")
    await here.show(chart(archived=("205", "220", "OUTPUT2")))
    async with here.world.tx() as tx:
        found = await mapping_view.gaps(tx, here.world.organisation)
        [account] = await mapping_view.account_mappings(tx, here.world.organisation)
    assert sorted((gap.code, gap.remedy) for gap in found) == [
        ("ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING"),
        ("ACCOUNT_UNAVAILABLE", "SET_DEFAULT_ACCOUNTS"),
        ("TAX_RATE_UNAVAILABLE", "SET_TAX_MAPPING"),
    ]
    assert account.xero_account_id is not None
    waiting = await here.sent()
    assert waiting.failure_code == "ACCOUNT_UNAVAILABLE"
    await here.show(chart())
    assert (await here.look(waiting.id)).due_at is not None


async def test_a_mapping_to_a_tax_rate_that_xero_changed_is_flagged(here: Billed) -> None:
    await here.show(chart(rates={"OUTPUT2": "16"}))
    assert (await here.sent()).failure_code == "TAX_RATE_UNAVAILABLE"


async def test_invoices_in_a_locked_period_wait_until_the_lock_moves(here: Billed) -> None:
    await here.show(chart(period_lock=date(2026, 11, 20)))
    waiting = await here.sent()
    assert waiting.failure_code == "PERIOD_LOCKED"
    await here.show(chart(period_lock=date(2026, 11, 19)))
    assert (await here.look(waiting.id)).due_at is not None


@pytest.mark.parametrize(("period", "year"), [(20, 10), (10, 20), (None, 20)])
async def test_the_later_of_two_lock_dates_counts(here: Billed, period: int | None, year: int) -> None:
    await here.show(
        replace(
            chart(),
            period_lock_date=date(2026, 11, period) if period else None,
            year_lock_date=date(2026, 11, year),
        )
    )
    assert (await here.sent(issue_date=date(2026, 11, 20))).failure_code == "PERIOD_LOCKED"
    assert (await here.sent(issue_date=date(2026, 11, 21))).failure_code is None


async def test_a_change_of_the_set_up_waits_while_an_invoice_is_checked(
    here: Billed, owner: AsyncConnection
) -> None:
    """Else an invoice goes out on an account that was changed before it was sent."""
    world = here.world

    held = asyncio.Event()

    async def change() -> None:
        await held.wait()
        async with world.tx() as tx:
            await mappings.set_default_accounts(tx, world.organisation, "205", "220")

    async def waits() -> bool:
        waiting = "select exists (select 1 from pg_locks where not granted and locktype = 'advisory')"
        return changing.done() or bool(await owner.scalar(sa.text(waiting)))

    changing = asyncio.create_task(change())
    async with world.tx() as judging:
        await held_invoices.lock_setup(judging, world.organisation)
        held.set()
        await until(waits)
        assert not changing.done()
    await changing


async def test_connecting_again_keeps_the_mappings(here: Billed) -> None:
    async with here.world.tx() as tx:
        organisation = await organisations.get(tx, here.world.organisation)
        before = (organisation.revenue_account_id, organisation.invoice_start_date, organisation.invoice_sync)
        tenant, grant = Tenant(organisation.tenant_id, here.contact, "Demo"), here.contact
        await organisations.disconnect(tx, organisation.id)
    waiting = await here.sent()
    assert (waiting.failure_code, waiting.due_at is not None) == ("NEEDS_RECONNECT", True)
    async with here.world.tx() as tx:
        await organisations.connect(tx, tenant, grant)
    async with here.world.tx() as tx:
        organisation = await organisations.get(tx, here.world.organisation)
        [rate] = await mapping_view.tax_mappings(tx, organisation.id)
    assert (
        organisation.revenue_account_id,
        organisation.invoice_start_date,
        organisation.invoice_sync,
    ) == before
    assert rate.xero_tax_rate_id is not None


async def test_an_earlier_start_date_needs_the_count_of_the_preview(here: Billed) -> None:
    old = [await here.sent(issue_date=date(2026, 10, day)) for day in (31, 30)]
    first = await here.sent(issue_date=date(2026, 11, 1))
    assert {invoice.sync_state for invoice in old} == {InvoiceSyncState.BEFORE_START_DATE}
    assert first.sync_state is InvoiceSyncState.PENDING
    start = date(2026, 10, 31)
    async with here.world.tx() as tx:
        told = await mapping_view.preview(tx, here.world.organisation, start)
    assert (told.invoices, told.total, told.earliest, told.calls) == (1, Decimal(115), start, 1)
    assert await refused(here, lambda tx, o: mappings.set_sync(tx, o, start_date=start)) == [
        (Code.CONFIRMATION_NEEDED, ("acceptInvoices",))
    ]
    async with here.world.tx() as tx:
        await mappings.set_sync(tx, here.world.organisation, start_date=start, accept_invoices=1)
    assert [(await here.look(invoice.id)).sync_state for invoice in old] == ["PENDING", "BEFORE_START_DATE"]


async def test_a_later_start_date_stops_unsent_invoices(here: Billed) -> None:
    sent = await here.sent()
    async with here.world.tx() as tx:
        await mappings.set_sync(tx, here.world.organisation, start_date=date(2026, 11, 21))
    assert (await here.look(sent.id)).sync_state is InvoiceSyncState.BEFORE_START_DATE


async def test_switching_the_sync_off_is_no_failure_and_switching_it_on_sends(here: Billed) -> None:
    pending = await here.sent()
    async with here.world.tx() as tx:
        await mappings.set_sync(tx, here.world.organisation, enabled=False)
    sent = await here.sent()
    assert [(await here.look(one.id)).sync_state for one in (pending, sent)] == ["SYNC_OFF"] * 2
    assert sent.failure is None
    async with here.world.tx() as tx:
        await mappings.set_sync(tx, here.world.organisation, enabled=True)
    assert [(await here.look(one.id)).sync_state for one in (pending, sent)] == ["PENDING"] * 2


async def test_the_invoice_sync_needs_an_equal_currency_and_a_start_date(here: Billed) -> None:
    async with here.world.tx() as tx:
        await tx.run(
            "update organisation set base_currency = 'AUD', invoice_sync = false, invoice_start_date = null"
            " where workspace_id = :ws"
        )
    assert await refused(here, lambda tx, o: mappings.set_sync(tx, o, enabled=True)) == [
        (Code.REQUIRED, ("startDate",)),
        (Code.CURRENCY_MISMATCH, ("organisationId",)),
    ]
    async with here.world.tx() as tx:
        found = await mapping_view.gaps(tx, here.world.organisation)
    assert [(gap.code, gap.remedy) for gap in found] == [("CURRENCY_MISMATCH", "UPDATE_WORKSPACE")]
