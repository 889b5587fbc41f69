"""Payments, PAID, voids and edits that are read from Xero, and a person's decisions about them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from msgspec import UNSET

from domain.fields.values import SeenPayment
from domain.invoices import actions as invoice_actions
from domain.invoices import deliveries as invoice_deliveries
from domain.invoices import mappings
from domain.invoices.changes import Decision
from domain.invoices.deliveries import Answered
from domain.invoices.differences import Difference, differences
from domain.invoices.eligibility import Problem
from domain.problems import Code, Refused
from domain.tables import DeliveryKind, InvoiceStatus, InvoiceSyncState, PaymentKind
from runtime.database import Database
from tests.domain.billed import Billed, make_billed
from tests.domain.invoices.there import build, claim_write, there


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


def payment(amount: str, kind: PaymentKind = PaymentKind.PAYMENT) -> SeenPayment:
    return SeenPayment(uuid4(), kind, date(2026, 11, 22), Decimal(amount), "INV")


async def test_an_invoice_that_xero_has_is_synced_without_differences(here: Billed) -> None:
    known = await there(here)
    found = await here.look(known.id)
    assert (found.sync_state, found.xero_total, found.due_at) == (InvoiceSyncState.SYNCED, found.total, None)
    again = await known.show()
    assert (again.version, differences(again, {})) == (found.version, [])


async def test_payments_and_credits_are_read_and_removed_again(here: Billed) -> None:
    known = await there(here)
    first, credit = payment("40"), payment("75", PaymentKind.CREDIT_NOTE)
    partly = await known.show(payments=(first,), amount_paid=Decimal(40))
    assert (partly.status, partly.amount_due) == (InvoiceStatus.AWAITING_PAYMENT, Decimal(75))
    paid = await known.show(payments=(first, credit), amount_paid=Decimal(115), status="PAID")
    assert (paid.status, paid.amount_due, paid.sync_state) == (InvoiceStatus.PAID, Decimal(0), "SYNCED")
    back = await known.show(payments=(credit,), amount_paid=Decimal(75), status="AUTHORISED")
    assert (back.status, back.amount_due) == (InvoiceStatus.AWAITING_PAYMENT, Decimal(40))
    rows = await here.world.rows("select xero_id, reversed from payment")
    assert {row["xero_id"]: row["reversed"] for row in rows} == {first.xero_id: True, credit.xero_id: False}
    told = await here.world.rows("select message from activity where kind = 'PAYMENT_RECORDED' order by at")
    assert [row["message"].split(":")[1] for row in told] == [
        " a payment of 40 NZD was recorded in Xero.",
        " a credit note of 75 NZD was recorded in Xero.",
        " a payment of 40 NZD was taken off in Xero.",
    ]


async def test_an_older_snapshot_and_absent_fields_change_nothing(here: Billed) -> None:
    known = await there(here)
    old = replace(known.seen, amount_paid=Decimal(0), payments=())
    paid = await known.show(payments=(payment("115"),), amount_paid=Decimal(115), status="PAID")
    await known.apply(old)
    absent = dict.fromkeys(("status", "lines", "payments", "amount_paid", "total", "reference"), UNSET)
    after = await known.show(**absent)
    assert (after.status, after.amount_due, after.version) == (InvoiceStatus.PAID, Decimal(0), paid.version)


async def test_an_invoice_voided_in_xero_waits_for_a_decision_and_is_never_sent_again(here: Billed) -> None:
    known = await there(here)
    found = await known.show(status="VOIDED")
    assert (found.status, found.sync_state) == (
        InvoiceStatus.AWAITING_PAYMENT,
        InvoiceSyncState.CHANGED_IN_XERO,
    )
    assert differences(found, {}) == [Difference("status", "AWAITING_PAYMENT", "VOIDED")]
    async with here.world.tx() as tx:
        assert await invoice_deliveries.claim(tx, here.world.organisation, build) is None
    settled, replacement = await known.settle(Decision.VOID_HERE)
    assert (settled.status, settled.sync_state, replacement) == (InvoiceStatus.VOIDED, "SYNCED", None)
    async with here.world.tx() as tx:
        assert await invoice_deliveries.claim(tx, here.world.organisation, build) is None


async def test_a_reissue_sends_the_invoice_under_a_new_number(here: Billed) -> None:
    known = await there(here)
    await known.show(status="VOIDED")
    settled, replacement = await known.settle(Decision.REISSUE)
    assert replacement is not None
    assert (settled.status, replacement.number, replacement.total) == (
        InvoiceStatus.VOIDED,
        "TI-00002",
        settled.total,
    )
    assert (replacement.status, replacement.sync_state) == (
        InvoiceStatus.AWAITING_PAYMENT,
        InvoiceSyncState.PENDING,
    )


async def test_an_edit_of_an_invoice_in_xero_is_shown_and_can_be_accepted(here: Billed) -> None:
    known = await there(here)
    [line] = known.seen.lines if isinstance(known.seen.lines, tuple) else ()
    added = replace(line, line_id=uuid4(), description="Extra", amount=Decimal(10), tax_amount=Decimal("1.50"),
                    unit_price=Decimal(10), tax_type="ZERORATED")  # fmt: skip
    found = await known.show(
        lines=(replace(line, description="Accounts 2026"), added), reference="PO 9", subtotal=Decimal(110),
        tax_total=Decimal("16.50"), total=Decimal("126.50"),
    )  # fmt: skip
    assert [row.field for row in differences(found, {})] == [
        "reference", "lines", "subtotal", "taxTotal", "total",
    ]  # fmt: skip
    async with here.world.tx() as tx:
        before = (await invoice_actions.lines_of(tx, [known.id]))[known.id]
    settled, _ = await known.settle(Decision.ACCEPT)
    async with here.world.tx() as tx:
        after = (await invoice_actions.lines_of(tx, [known.id]))[known.id]
    assert (settled.total, settled.amount_due, settled.reference) == (
        Decimal("126.50"),
        Decimal("126.50"),
        "PO 9",
    )
    assert (after[0].id, after[0].service_type_id) == (before[0].id, here.service)
    assert [line.description for line in after] == ["Accounts 2026", "Extra"]
    assert (await known.show()).sync_state is InvoiceSyncState.SYNCED


async def test_a_difference_that_was_kept_apart_is_not_shown_until_xero_changes_again(here: Billed) -> None:
    known = await there(here)
    await known.show(due_date=date(2027, 1, 1))
    settled, _ = await known.settle(Decision.KEEP_APART)
    assert (settled.due_date, settled.sync_state) == (date(2026, 12, 20), InvoiceSyncState.SYNCED)
    assert (await known.show()).sync_state is InvoiceSyncState.SYNCED
    assert (await known.show(due_date=date(2027, 2, 1))).sync_state is InvoiceSyncState.CHANGED_IN_XERO


async def test_an_edit_that_is_undone_in_xero_needs_no_decision(here: Billed) -> None:
    known = await there(here)
    await known.show(due_date=date(2027, 1, 1))
    assert (await known.show(due_date=date(2026, 12, 20))).sync_state is InvoiceSyncState.SYNCED


async def test_a_different_total_in_xero_is_a_failure_that_only_a_void_ends(here: Billed) -> None:
    known = await there(here, total=Decimal("115.01"))
    found = await known.show()
    assert (found.sync_state, found.failure_code, found.due_at) == ("FAILING", "TOTAL_MISMATCH", None)
    async with here.world.tx() as tx:
        assert await invoice_actions.retry(tx, [known.id]) == 0
        await invoice_actions.void(tx, known.id)
    async with here.world.tx() as tx:
        claimed = await invoice_deliveries.claim(tx, here.world.organisation, build)
        assert claimed is not None
        assert claimed.delivery.kind is DeliveryKind.UPDATE


async def test_an_invoice_with_payments_cannot_be_voided(here: Billed) -> None:
    known = await there(here)
    await known.show(payments=(payment("1"),), amount_paid=Decimal(1))
    async with here.world.tx() as tx:
        with pytest.raises(Refused) as refused:
            await invoice_actions.void(tx, known.id)
    assert refused.value.problems[0].code is Code.HAS_PAYMENTS


async def test_a_void_refused_for_a_payment_is_sent_when_the_payment_is_removed(here: Billed) -> None:
    known = await there(here)
    async with here.world.tx() as tx:
        await invoice_actions.void(tx, known.id)
    async with here.world.tx() as tx:
        claimed = await invoice_deliveries.claim(tx, here.world.organisation, build)
    assert claimed is not None
    problem = Problem("HAS_PAYMENTS", "It has a payment.", "IN_XERO")
    async with here.world.tx() as tx:
        await invoice_deliveries.settle(tx, claimed, [Answered(known.id, problem=problem)])
    shown = await known.show(payments=(payment("5"),), amount_paid=Decimal(5))
    assert (shown.status, shown.failure_code, shown.due_at) == (InvoiceStatus.VOIDED, "HAS_PAYMENTS", None)
    assert (await known.show(payments=(), amount_paid=Decimal(0))).due_at is not None


async def test_a_void_that_xero_refuses_can_be_taken_back(here: Billed) -> None:
    known = await there(here)
    async with here.world.tx() as tx:
        await invoice_actions.void(tx, known.id)
        claimed = await invoice_deliveries.claim(tx, here.world.organisation, build)
        assert claimed is not None
        problem = Problem("HAS_PAYMENTS", "It has a payment.", "IN_XERO")
        await invoice_deliveries.settle(tx, claimed, [Answered(known.id, problem=problem)])
    await known.show(payments=(payment("115"),), amount_paid=Decimal(115), status="PAID")
    settled, _ = await known.settle(Decision.ACCEPT)
    assert (settled.status, settled.sync_state, settled.amount_due) == (
        InvoiceStatus.PAID,
        "SYNCED",
        Decimal(0),
    )


async def test_an_invoice_voided_during_its_create_is_voided_in_xero_too(here: Billed) -> None:
    sent = await here.sent()
    claimed, shown = await claim_write(here)
    async with here.world.tx() as tx:
        await invoice_actions.void(tx, sent.id)
    async with here.world.tx() as tx:
        await invoice_deliveries.settle(tx, claimed, [Answered(sent.id, shown)])
    async with here.world.tx() as tx:
        again = await invoice_deliveries.claim(tx, here.world.organisation, build)
    assert again is not None
    assert (again.delivery.kind, again.members) == (DeliveryKind.UPDATE, (sent.id,))


async def test_a_mapping_changed_during_a_create_does_not_change_the_sent_lines(here: Billed) -> None:
    sent = await here.sent()
    async with here.world.tx() as tx:
        claimed = await invoice_deliveries.claim(tx, here.world.organisation, build)
    async with here.world.tx() as tx:
        await mappings.set_default_accounts(tx, here.world.organisation, "205", "220")
    assert claimed is not None
    async with here.world.tx() as tx:
        await invoice_deliveries.free(tx, claimed)
        [line] = (await invoice_actions.lines_of(tx, [sent.id]))[sent.id]
    async with here.world.tx() as tx:
        again = await invoice_deliveries.claim(tx, here.world.organisation, build)
        [line] = (await invoice_actions.lines_of(tx, [sent.id]))[sent.id]
    assert again is not None
    assert line.account_code == "200"
