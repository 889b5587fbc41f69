"""A reissue keeps what was accepted from Xero, to the cent, or is refused before anything is voided."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from domain.fields.values import SeenLine
from domain.invoices import actions as invoice_actions
from domain.invoices import deliveries as invoice_deliveries
from domain.invoices import mappings
from domain.invoices.changes import Decision
from domain.invoices.deliveries import Answered, Outgoing
from domain.invoices.eligibility import Problem as EligibilityProblem
from domain.problems import Code, Problem, Refused
from domain.tables import AmountsAre, DeliveryKind, Invoice, InvoiceLine
from runtime.database import Database
from tests.domain.billed import Billed, chart, make_billed
from tests.domain.invoices.there import There, as_xero_shows, there
from xero.simulator import arithmetic
from xero.simulator.ledger import Line as XeroLine

IN_XERO = {
    AmountsAre.TAX_EXCLUSIVE: arithmetic.EXCLUSIVE,
    AmountsAre.TAX_INCLUSIVE: arithmetic.INCLUSIVE,
}
# Quantity, unit price, rate and amount of a discount that a person gives a line inside Xero.
DISCOUNTS = (
    ("3", "33.33", "50", None),
    ("1", "1400", None, "250"),
    ("7", "0.3333", "12.5", None),
    ("2.3333", "99.9999", "7.25", None),
    ("2.3333", "99.9999", None, "7.25"),
    ("3", "33.33", "33.3333", None),
    ("-2", "50", "10", None),
    ("1", "80", "100", None),
    ("4", "25", None, "100"),
    ("1", "0.01", "50", None),
)


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


async def lines_of(here: Billed, invoice: Invoice) -> list[InvoiceLine]:
    async with here.world.tx() as tx:
        return (await invoice_actions.lines_of(tx, [invoice.id]))[invoice.id]


def shown(known: There) -> tuple[SeenLine, ...]:
    assert isinstance(known.seen.lines, tuple)
    return known.seen.lines


async def changed(known: There, *lines: SeenLine) -> None:
    """Somebody edits the lines in Xero, which adds them up."""
    amounts_are = known.seen.amounts_are
    assert isinstance(amounts_are, AmountsAre)
    sums = arithmetic.add_up(
        [
            XeroLine(id="", line_amount=line.amount or Decimal(0), tax_amount=line.tax_amount or Decimal(0))
            for line in lines
        ],
        IN_XERO[amounts_are],
    )
    await known.show(lines=lines, subtotal=sums.sub_total, tax_total=sums.total_tax, total=sums.total)


async def reissued(known: There) -> Invoice:
    await known.show(status="VOIDED")
    _, again = await known.settle(Decision.REISSUE)
    assert again is not None
    return again


async def refused(here: Billed, known: There) -> Sequence[Problem]:
    """The problems of a REISSUE that is refused and changes nothing."""
    await known.show(status="VOIDED")
    before = await here.look(known.id)
    with pytest.raises(Refused) as found:
        await known.settle(Decision.REISSUE)
    after = await here.look(known.id)
    assert (after.status, after.sync_state, after.version) == (
        before.status,
        before.sync_state,
        before.version,
    )
    assert await here.world.rows("select id from invoice") == [{"id": known.id}]
    return found.value.problems


def discounted(
    line: SeenLine,
    given: tuple[str, str, str | None, str | None],
    amounts_are: AmountsAre,
    *,
    in_list: bool = True,
) -> SeenLine:
    """The line as Xero shows it with another quantity, price and discount."""
    quantity, price, rate, off = [Decimal(one) if one else None for one in given]
    own = XeroLine(
        id="", quantity=quantity, unit_amount=price, discount_rate=rate, discount_amount=off
    )  # fmt: skip
    amount = arithmetic.line_amount(own)
    return replace(
        line, quantity=quantity, unit_price=price, amount=amount,
        tax_amount=arithmetic.line_tax(amount, Decimal(15), IN_XERO[amounts_are]),
        discount_rate=arithmetic.discount_rate(own), discount_amount=None if in_list else off,
    )  # fmt: skip


@pytest.mark.parametrize("amounts_are", IN_XERO)
@pytest.mark.parametrize("in_list", [True, False])
async def test_discounts_given_in_xero_come_to_the_same_when_they_are_sent_again(
    here: Billed, amounts_are: AmountsAre, in_list: bool
) -> None:
    """A list of Xero's shows a discount as a rate alone, a single invoice shows the amount too."""
    known = await there(here, *(here.line("100") for _ in DISCOUNTS), amounts_are=amounts_are)
    edited = [
        discounted(line, given, amounts_are, in_list=in_list)
        for line, given in zip(shown(known), DISCOUNTS, strict=True)
    ]
    await changed(known, *edited)
    accepted, _ = await known.settle(Decision.ACCEPT)
    again = await reissued(known)
    assert again.total == accepted.total == known.seen.total
    assert (again.subtotal, again.tax_total) == (accepted.subtotal, accepted.tax_total)
    lines = await lines_of(here, again)
    assert [(line.amount, line.tax_amount) for line in lines] == [
        (line.amount, line.tax_amount) for line in edited
    ]
    assert all(line.discount_rate is None or line.discount_amount is None for line in lines)


async def test_a_reissue_keeps_tracking_and_item_code_that_needed_no_decision(here: Billed) -> None:
    """They change nothing that the practice holds, so Xero's change of them asks nobody."""
    known = await there(here)
    tracking = {"Name": "Region", "Option": "North"}
    [line] = shown(known)
    found = await known.show(lines=(replace(line, item_code="ADVICE", tracking=(tracking,)),))
    assert found.sync_state == "SYNCED"
    again = await reissued(known)
    assert [(one.item_code, one.tracking) for one in await lines_of(here, again)] == [("ADVICE", [tracking])]


ITEM = EligibilityProblem("INVALID_IN_XERO", "Item code 'ADVICE' is not valid", "UPDATE_INVOICE")


async def written(here: Billed, refused_with: EligibilityProblem | None = None) -> list[UUID]:
    """The invoices of one write, which Xero carries out or refuses."""
    sent: list[Outgoing] = []

    def keep(_: DeliveryKind, chosen: Sequence[Outgoing]) -> tuple[bytes, dict[UUID, EligibilityProblem]]:
        sent.extend(chosen)
        return b"bytes", {}

    async with here.world.tx() as tx:
        claimed = await invoice_deliveries.claim(tx, here.world.organisation, keep)
    if claimed is None:
        return []
    async with here.world.tx() as tx:
        answers = [
            Answered(one.invoice.id, problem=refused_with)
            if refused_with
            else Answered(
                one.invoice.id, replace(as_xero_shows(one), status="AUTHORISED" if one.contact else "VOIDED")
            )
            for one in sent
        ]
        await invoice_deliveries.settle(tx, claimed, answers)
    return [one.invoice.id for one in sent]


async def test_a_tax_rate_that_is_mapped_no_more_refuses_it(here: Billed) -> None:
    known = await there(here)
    async with here.world.tx() as tx:
        await mappings.set_tax_mapping(tx, here.world.organisation, here.gst, None)
    [problem] = await refused(here, known)
    assert (problem.code, problem.message.startswith("Line 1: The tax rate GST")) == (Code.UNMAPPED, True)


async def test_a_closed_account_refuses_it(here: Billed) -> None:
    known = await there(here)
    await here.show(chart(archived=("200",)))
    [problem] = await refused(here, known)
    assert problem.message.startswith("Line 1: The account Fees was archived in Xero.")
    async with here.world.tx() as tx:
        await mappings.set_default_accounts(tx, here.world.organisation, "205", "220")
    assert [line.account_code for line in await lines_of(here, await reissued(known))] == ["205"]


async def test_a_reissue_keeps_an_account_chosen_in_xero_and_is_refused_if_it_is_closed(here: Billed) -> None:
    known = await there(here, here.line(), here.line())
    first, second = shown(known)
    await changed(known, first, replace(second, account_code="205", account_id=UUID(int=205)))
    await known.settle(Decision.ACCEPT)
    await here.show(chart(archived=("205",)))
    [problem] = await refused(here, known)
    assert problem.message.startswith("Line 2 is on Xero's account 205, which was archived there")
    async with here.world.tx() as tx:
        await mappings.set_sync(tx, here.world.organisation, enabled=False)
    assert [one.message for one in await refused(here, known)] == [problem.message]
    async with here.world.tx() as tx:
        await mappings.set_sync(tx, here.world.organisation, enabled=True)
    await here.show(chart())
    assert [line.account_code for line in await lines_of(here, await reissued(known))] == ["200", "205"]


async def test_a_line_that_xero_shows_without_a_description_refuses_it(here: Billed) -> None:
    known = await there(here)
    [line] = shown(known)
    await changed(known, replace(line, description=None))
    await known.settle(Decision.ACCEPT)
    [problem] = await refused(here, known)
    assert problem.message.startswith("Line 1 has no description")


async def test_each_line_whose_amount_would_differ_is_named(here: Billed) -> None:
    known = await there(here, *(here.line() for _ in range(3)))
    first, second, third = shown(known)
    cent = Decimal("0.01")
    await changed(
        known,
        first,
        replace(second, amount=Decimal(100) - cent),
        replace(third, tax_amount=Decimal(15) + cent),
    )
    await known.settle(Decision.ACCEPT)
    assert [problem.message.split(".")[0] for problem in await refused(here, known)] == [
        "Line 2 comes to 99",
        "Line 3 has 15",
    ]


async def test_the_old_invoice_is_voided_in_xero_only_once_the_new_one_is_there(here: Billed) -> None:
    """Xero may refuse the new one for a reason that nobody can know before, such as an item that was deleted there."""
    known = await there(here)
    await known.show(reference="Edited there")
    old, again = await known.settle(Decision.REISSUE)
    assert again is not None
    assert (old.status, old.sync_state) == ("VOIDED", "PENDING")
    assert await written(here, refused_with=ITEM) == [again.id]
    assert await written(here) == []
    async with here.world.tx() as tx:
        await invoice_actions.retry(tx, [again.id])
    assert await written(here) == [again.id]
    assert (await here.look(again.id)).sync_state == "SYNCED"
    assert await written(here) == [known.id]


async def test_a_new_invoice_that_is_given_up_lets_the_old_one_be_voided_in_xero(here: Billed) -> None:
    known = await there(here)
    await known.show(reference="Edited there")
    _, again = await known.settle(Decision.REISSUE)
    assert again is not None
    assert await written(here, refused_with=ITEM) == [again.id]
    async with here.world.tx() as tx:
        await invoice_actions.void(tx, again.id)
    assert await written(here) == [known.id]
