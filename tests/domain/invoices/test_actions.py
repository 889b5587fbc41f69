"""Invoices in the practice: the actions, when each is allowed, and the totals."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from domain.invoices import actions as invoice_actions
from domain.invoices import view as invoice_view
from domain.invoices.input import GivenInvoice
from domain.invoices.view import Action
from domain.practice import services_and_rates
from domain.problems import Code, Refused
from domain.tables import AmountsAre, Invoice, InvoiceLineKind, InvoiceStatus, InvoiceSyncState
from domain.tx import Tx
from runtime.database import Database
from tests.domain.billed import Billed, make_billed


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


async def test_a_draft_is_approved_and_sent_with_the_accounts_of_its_lines(here: Billed) -> None:
    expense = here.line("12.50", kind=InvoiceLineKind.EXPENSE, service_type_id=None)
    made = await here.draft(here.line("25.06"), here.line("25.61"), here.line("25.63"), expense)
    assert (made.number, made.status) == ("TI-00001", InvoiceStatus.DRAFT)
    assert (made.subtotal, made.tax_total, made.total) == tuple(map(Decimal, ("88.80", "13.32", "102.12")))
    async with here.world.tx() as tx:
        assert (await invoice_actions.approve(tx, made.id)).status is InvoiceStatus.APPROVED
        sent = await invoice_actions.send(tx, made.id)
        lines = (await invoice_actions.lines_of(tx, [made.id]))[made.id]
    assert (sent.status, sent.sync_state) == (InvoiceStatus.AWAITING_PAYMENT, InvoiceSyncState.PENDING)
    assert [(line.account_code, line.tax_type) for line in lines] == [("200", "OUTPUT2")] * 3 + [
        ("220", "OUTPUT2")
    ]


async def test_invoice_numbers_have_no_gaps_and_skip_numbers_that_people_chose(here: Billed) -> None:
    assert (await here.draft(number="TI-00002")).number == "TI-00002"
    with pytest.raises(Refused):
        await here.draft(here.line(description=" "))
    assert [(await here.draft()).number for _ in range(2)] == ["TI-00001", "TI-00003"]
    with pytest.raises(Refused) as refused:
        await here.draft(number="ti-00001")
    assert [problem.code for problem in refused.value.problems] == [Code.TAKEN]


async def test_twenty_creates_at_once_get_twenty_numbers(here: Billed) -> None:
    made = await asyncio.gather(*(here.draft() for _ in range(20)))
    assert sorted(invoice.number for invoice in made) == [f"TI-{n:05d}" for n in range(1, 21)]


async def test_a_repeated_create_with_one_idempotency_key_makes_one_invoice(here: Billed) -> None:
    async def create(given: GivenInvoice) -> Any:
        async with here.world.tx() as tx:
            return await invoice_actions.create(tx, given, "key-1")

    made = await asyncio.gather(*(create(here.input()) for _ in range(4)))
    assert len({invoice.id for invoice in made}) == 1
    with pytest.raises(Refused) as refused:
        await create(here.input(reference="another"))
    assert refused.value.problems[0].code is Code.KEY_REUSED


async def test_a_repeated_request_has_the_same_answer_after_something_was_archived(here: Billed) -> None:
    async with here.world.tx() as tx:
        made = await invoice_actions.create(tx, here.input(), "key")
        await services_and_rates.update_service_type(tx, here.service, archived=True)
        again = await invoice_actions.create(tx, here.input(), "key")
    assert again.id == made.id


async def test_all_errors_of_an_invoice_are_returned_at_once_with_their_paths(here: Billed) -> None:
    given = here.input(
        here.line(quantity="1.23456", description=""),
        here.line(service_type_id=uuid4(), tax_rate_id=uuid4()),
        here.line(kind=InvoiceLineKind.EXPENSE),
        here.line("900000000000000", "900000000000000"),
        contact_id=uuid4(),
        due_date=date(2026, 1, 1),
        reference="x" * 300,
        currency="euro",
    )
    async with here.world.tx() as tx:
        with pytest.raises(Refused) as refused:
            await invoice_actions.create(tx, given)
    assert {(problem.code, problem.path) for problem in refused.value.problems} == {
        (Code.TOO_LONG, ("reference",)),
        (Code.INVALID, ("dueDate",)),
        (Code.INVALID, ("currency",)),
        (Code.NOT_FOUND, ("contactId",)),
        (Code.REQUIRED, ("lines", "0", "description")),
        (Code.INVALID, ("lines", "0", "quantity")),
        (Code.NOT_FOUND, ("lines", "1", "serviceTypeId")),
        (Code.NOT_FOUND, ("lines", "1", "taxRateId")),
        (Code.INVALID, ("lines", "2", "serviceTypeId")),
        (Code.INVALID, ("lines", "3", "unitPrice")),
    }


async def test_an_update_keeps_named_lines_and_removes_the_others(here: Billed) -> None:
    made = await here.draft(here.line("1"), here.line("2"), here.line("3"))
    async with here.world.tx() as tx:
        before = [line.id for line in (await invoice_actions.lines_of(tx, [made.id]))[made.id]]
    async with here.world.tx() as tx:
        given = GivenInvoice(
            lines=[here.line("30", id=before[2]), here.line("4"), here.line("1", id=before[0])]
        )
        changed = await invoice_actions.update(tx, made.id, given, version=made.version)
        after = (await invoice_actions.lines_of(tx, [made.id]))[made.id]
    assert [line.id for line in after][::2] == [before[2], before[0]]
    assert (changed.subtotal, changed.version) == (Decimal(35), made.version + 1)
    with pytest.raises(Refused) as refused:
        async with here.world.tx() as tx:
            await invoice_actions.update(tx, made.id, GivenInvoice(lines=[here.line(id=before[1])]))
    assert refused.value.problems[0].path == ("lines", "0", "id")


async def test_a_stale_version_is_refused_and_changes_nothing(here: Billed) -> None:
    made = await here.draft()
    async with here.world.tx() as tx:
        await invoice_actions.update(tx, made.id, GivenInvoice(reference="PO 7"), version=made.version)
    attempts: list[Callable[[Tx], Awaitable[Invoice]]] = [
        lambda tx: invoice_actions.update(tx, made.id, GivenInvoice(reference="PO 8"), version=made.version),
        lambda tx: invoice_actions.approve(tx, made.id, version=made.version),
        lambda tx: invoice_actions.void(tx, made.id, version=made.version),
    ]
    for attempt in attempts:
        async with here.world.tx() as tx:
            with pytest.raises(Refused) as refused:
                await attempt(tx)
        assert refused.value.problems[0].code is Code.STALE_VERSION
    assert (await here.look(made.id)).reference == "PO 7"


@pytest.mark.parametrize(
    ("line", "header", "code"),
    [
        ({"tax_rate_id": None}, {}, Code.REQUIRED),
        ({"price": "-5"}, {}, Code.INVALID),
    ],
)
async def test_an_invoice_that_xero_would_refuse_or_compute_differently_is_not_approved(
    here: Billed, line: dict[str, Any], header: dict[str, Any], code: Code
) -> None:
    made = await here.draft(here.line(**line), **header)
    async with here.world.tx() as tx:
        with pytest.raises(Refused) as refused:
            await invoice_actions.approve(tx, made.id)
    assert {(problem.code, problem.path) for problem in refused.value.problems} == {(code, ("invoiceId",))}


async def test_an_invoice_needs_the_practices_currency_and_approval_needs_xeros(
    here: Billed,
) -> None:
    async with here.world.tx() as tx:
        with pytest.raises(Refused) as refused:
            await invoice_actions.create(tx, here.input(currency="EUR"))
        shown = await invoice_view.preview(tx, here.input(currency="EUR"))
    for problems in (refused.value.problems, shown.refusals):
        assert [(problem.code, problem.path) for problem in problems] == [
            (Code.CURRENCY_MISMATCH, ("currency",))
        ]
    made = await here.draft(currency="NZD")
    async with here.world.tx() as tx:
        await tx.run("update organisation set base_currency = 'AUD' where workspace_id = :ws")
        with pytest.raises(Refused) as refused:
            await invoice_actions.approve(tx, made.id)
    assert [problem.code for problem in refused.value.problems] == [Code.CURRENCY_MISMATCH]


async def test_a_quarter_of_an_hour_is_rounded_as_in_xero(here: Billed) -> None:
    made = await here.approved(here.line("142.50", "0.25"))
    assert (made.subtotal, made.tax_total, made.total) == (
        Decimal("35.63"),
        Decimal("5.34"),
        Decimal("40.97"),
    )


async def test_a_currency_with_three_decimal_places_keeps_the_third(here: Billed) -> None:
    await here.world.rows("update workspace set currency = 'KWD' where id = :ws returning 1")
    await here.world.rows(
        "update organisation set base_currency = 'KWD' where workspace_id = :ws returning 1"
    )
    with pytest.raises(Refused) as refused:
        await here.approved(here.line("1.234"))
    assert [problem.code for problem in refused.value.problems] == [Code.INVALID]
    assert (await here.approved(here.line("1.240"))).total == Decimal("1.43")


async def test_an_invoice_without_tax_needs_no_tax_rate(here: Billed) -> None:
    made = await here.sent(here.line(tax_rate_id=None), amounts_are=AmountsAre.NO_TAX)
    assert (made.tax_total, made.sync_state) == (Decimal(0), InvoiceSyncState.PENDING)


async def test_only_an_approved_invoice_is_sent_and_a_second_send_returns_the_same(here: Billed) -> None:
    draft, approved = await here.draft(), await here.approved()
    async with here.world.tx() as tx:
        with pytest.raises(Refused) as refused:
            await invoice_actions.send(tx, draft.id)
    assert refused.value.problems[0].code is Code.WRONG_STATE

    async def send() -> Any:
        async with here.world.tx() as tx:
            return await invoice_actions.send(tx, approved.id, version=approved.version)

    one, other = await asyncio.gather(send(), send())
    assert (one.version, one.sent_at) == (other.version, other.sent_at)


async def test_a_sent_invoice_can_be_edited_only_until_xero_has_it(here: Billed) -> None:
    pending = await here.sent()
    assert invoice_view.allowed(pending) == [Action.VOID]
    async with here.world.tx() as tx:
        with pytest.raises(Refused) as refused:
            await invoice_actions.update(tx, pending.id, GivenInvoice(reference="late"))
    assert refused.value.problems[0].code is Code.WRONG_STATE
    other = await here.world.contact("Nobody in Xero")
    failing = await here.sent(contact_id=other.id)
    assert (failing.failure_code, invoice_view.allowed(failing)) == (
        "CONTACT_NOT_SYNCED",
        [Action.UPDATE, Action.VOID, Action.RETRY],
    )
    async with here.world.tx() as tx:
        changed = await invoice_actions.update(tx, failing.id, GivenInvoice(contact_id=here.contact))
    assert (changed.sync_state, changed.failure) == (InvoiceSyncState.PENDING, None)


async def test_many_invoices_are_sent_each_on_its_own(here: Billed) -> None:
    rows = [await here.approved() for _ in range(11)] + [await here.draft()]
    async with here.world.tx() as tx:
        results = await invoice_actions.many(
            tx,
            InvoiceStatus.AWAITING_PAYMENT,
            [(invoice.id, invoice.version) for invoice in rows] + [(uuid4(), None)],
        )
    codes = [result.problems[0].code if isinstance(result, Refused) else None for result in results]
    assert codes == [None] * 11 + [Code.WRONG_STATE, Code.NOT_FOUND]
    assert {(await here.look(invoice.id)).bulk for invoice in rows[:11]} == {True}


async def test_an_archived_service_type_or_tax_rate_stays_only_on_lines_that_have_it(here: Billed) -> None:
    made = await here.draft()
    async with here.world.tx() as tx:
        await services_and_rates.update_tax_rate(tx, here.gst, archived=True)
        await services_and_rates.update_service_type(tx, here.service, archived=True)
    async with here.world.tx() as tx:
        [line] = (await invoice_actions.lines_of(tx, [made.id]))[made.id]
        await invoice_actions.update(tx, made.id, GivenInvoice(lines=[here.line("7", id=line.id)]))
    with pytest.raises(Refused) as refused:
        await here.draft()
    assert [problem.code for problem in refused.value.problems] == [Code.WRONG_STATE] * 2


async def test_a_preview_shows_the_totals_and_the_gaps(here: Billed) -> None:
    async with here.world.tx() as tx:
        other = await services_and_rates.create_tax_rate(tx, "Zero", Decimal(0))
    given = GivenInvoice(
        amounts_are=AmountsAre.TAX_INCLUSIVE,
        lines=[
            here.line("115"),
            here.line("0.333", "0.5"),
            here.line("10", tax_rate_id=other.id),
            here.line("1", tax_rate_id=None),
        ],
    )
    async with here.world.tx() as tx:
        found = await invoice_view.preview(tx, given)
    assert (found.subtotal, found.tax_total, found.total) == tuple(
        map(Decimal, ("111.15", "15.02", "126.17"))
    )
    assert [(line.account_code, line.tax_type) for line in found.lines] == [("200", "OUTPUT2")] * 2 + [
        ("200", None)
    ] * 2
    assert [problem.code for problem in found.problems] == ["TAX_RATE_UNMAPPED"] * 2
    assert [problem.path for problem in found.refusals] == [("lines", "3", "taxRateId")]
    assert await here.world.rows("select id from invoice") == []


async def test_voiding_a_draft_calls_no_xero_and_may_be_repeated(here: Billed) -> None:
    made = await here.draft()
    for _ in range(2):
        async with here.world.tx() as tx:
            voided = await invoice_actions.void(tx, made.id)
    assert (voided.status, voided.sync_state, voided.amount_due, voided.version) == (
        InvoiceStatus.VOIDED, InvoiceSyncState.NOT_SENT, Decimal(0), made.version + 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"discount_rate": Decimal(5), "discount_amount": Decimal(5)}, "discountAmount"),
        ({"discount_rate": Decimal("100.01")}, "discountRate"),
        ({"discount_rate": Decimal(-1)}, "discountRate"),
        ({"discount_rate": Decimal("1.00001")}, "discountRate"),
        ({"discount_amount": Decimal("0.001")}, "discountAmount"),
        ({"discount_amount": Decimal(-1)}, "discountAmount"),
        ({"discount_amount": Decimal("100.01")}, "discountAmount"),
        ({"unit_price": Decimal(-100), "discount_amount": Decimal(1)}, "discountAmount"),
        ({"unit_price": Decimal("10000000000")}, "unitPrice"),
        ({"unit_price": Decimal("9999999999.995")}, "unitPrice"),
        ({"unit_price": Decimal("-10000000000")}, "unitPrice"),
    ],
)
async def test_a_discount_or_an_amount_that_xero_would_refuse_is_refused(
    here: Billed, given: dict[str, Any], path: str
) -> None:
    with pytest.raises(Refused) as refused:
        await here.draft(here.line(**given))
    assert [(one.code, one.path) for one in refused.value.problems] == [(Code.INVALID, ("lines", "0", path))]


async def test_discounts_reduce_the_total_and_can_be_changed(here: Billed) -> None:
    made = await here.draft(
        here.line("33.33", "3", discount_rate=Decimal(50)), here.line("1400", discount_amount=Decimal(250)),
        here.line("20000000000", discount_rate=Decimal(100)),
    )  # fmt: skip
    assert (made.subtotal, made.total) == (Decimal("1200.00"), Decimal("1380.00"))
    async with here.world.tx() as tx:
        lines = (await invoice_actions.lines_of(tx, [made.id]))[made.id]
        kept = here.line("33.33", "3", id=lines[0].id, discount_rate=Decimal(0))
        changed = await invoice_actions.update(tx, made.id, GivenInvoice(lines=[kept]))
        [line] = (await invoice_actions.lines_of(tx, [made.id]))[made.id]
    assert (changed.subtotal, line.discount_rate, line.discount_amount) == (Decimal("99.99"), None, None)


async def test_the_preview_includes_discounts(here: Billed) -> None:
    async with here.world.tx() as tx:
        found = await invoice_view.preview(tx, here.input(here.line("1400", discount_amount=Decimal(250))))
    assert ([one.amount for one in found.lines], found.total) == ([Decimal("1150.00")], Decimal("1322.50"))
