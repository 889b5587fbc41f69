"""Invoices that Xero refuses: the failure that is shown, its subjects, and when the invoice is retried."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.connection import organisation_copy
from domain.fields.values import SeenContact
from domain.inbound import snapshots
from domain.invoices import deliveries as invoice_deliveries
from domain.invoices import view as invoice_view
from domain.invoices.deliveries import Answered
from domain.invoices.eligibility import CONTACT, Problem
from domain.tables import DeliveryKind, Invoice
from runtime.database import Database
from tests.domain.billed import Billed, make_billed
from tests.domain.world import BEGAN, seen

ACCOUNT = Problem("ACCOUNT_UNAVAILABLE", "Account must be valid.", "SET_ACCOUNT_MAPPING")
TAX = Problem("TAX_RATE_UNAVAILABLE", "Tax rate must be valid.", "SET_TAX_MAPPING")
EMAIL = Problem("INVALID_IN_XERO", "Email address must be valid.", "UPDATE_CONTACT", (CONTACT,))
LONG = Problem(
    "VALUE_TOO_LONG", "Contact: Name must be at most 255 characters.", "UPDATE_CONTACT", (CONTACT,)
)
WEBSITE = Problem("INVALID_IN_XERO", "Website must be valid. Clear it in Xero.", "IN_XERO", (CONTACT,))


def build(kind: DeliveryKind, chosen: Any) -> tuple[bytes, dict[UUID, Problem]]:
    return b"bytes", {}


@pytest.fixture
async def here(matching_database: Database) -> Billed:
    return await make_billed(matching_database)


async def refused(here: Billed, problem: Problem, *lines: Any) -> Invoice:
    sent = await here.sent(*lines)
    await try_again(here, sent.id, problem)
    return await here.look(sent.id)


async def try_again(here: Billed, invoice_id: UUID, problem: Problem) -> None:
    async with here.world.tx() as tx:
        claimed = await invoice_deliveries.claim(tx, here.world.organisation, build)
    assert claimed is not None
    assert claimed.members == (invoice_id,)
    async with here.world.tx() as tx:
        await invoice_deliveries.settle(tx, claimed, [Answered(invoice_id, problem=problem)])


async def problems(here: Billed, invoice: Invoice) -> Sequence[Problem]:
    async with here.world.tx() as tx:
        return (await invoice_view.problems(tx, [invoice.id]))[invoice.id]


async def show(here: Billed, contact: SeenContact) -> None:
    async with here.world.tx() as tx:
        organisation = await organisation_copy.get(tx, here.world.organisation)
        await snapshots.store(tx, organisation, [contact])


async def in_xero(here: Billed, **given: Any) -> SeenContact:
    [row] = await here.world.rows("select xero_contact_id from xero_contact")
    return seen("Kauri Joinery Ltd", "office@kauri.example", xero_id=row["xero_contact_id"], **given)


async def test_a_refused_account_without_a_code_is_about_all_lines(here: Billed) -> None:
    found = await refused(here, ACCOUNT)
    assert found.failure is not None
    assert (found.failure_code, found.failure["remedy"]) == ("ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING")
    [account] = await here.world.rows("select id from xero_account where code = '200'")
    assert found.failure["subjects"] == [f"XeroAccount:{account['id']}"]


async def test_a_refused_account_in_a_named_line_has_the_remedy_of_that_line(here: Billed) -> None:
    problem = Problem("ACCOUNT_UNAVAILABLE", "Line 1: Account must be valid.", "SET_ACCOUNT_MAPPING", line=0)
    found = await refused(here, problem)
    assert found.failure is not None
    assert found.failure["remedy"] == "SET_DEFAULT_ACCOUNTS"  # the line goes on the default account


async def test_two_messages_of_xero_are_stored_as_two_problems(here: Billed) -> None:
    both = Problem(ACCOUNT.code, f"{ACCOUNT.message} {TAX.message}", ACCOUNT.remedy, each=(ACCOUNT, TAX))
    found = await refused(here, both)
    assert found.failure is not None
    assert found.failure["message"] == "Account must be valid. Tax rate must be valid."
    assert [(one.code, one.remedy) for one in await problems(here, found)] == [
        ("ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING"),
        ("TAX_RATE_UNAVAILABLE", "SET_TAX_MAPPING"),
    ]


@pytest.mark.parametrize("problem", [EMAIL, LONG, WEBSITE])
async def test_a_refusal_for_the_contact_names_the_contact_and_is_retried_daily(
    here: Billed, problem: Problem
) -> None:
    found = await refused(here, problem)
    assert found.failure is not None
    assert found.failure["subjects"] == [f"Contact:{here.contact}"]
    assert found.next_attempt_at is not None
    assert found.failure["nextAttemptAt"] == found.next_attempt_at.isoformat()
    pauses = []
    for _ in range(8):
        async with here.world.tx() as tx:
            await tx.run("update invoice set next_attempt_at = null, due_at = :now where workspace_id = :ws")
        await try_again(here, found.id, problem)
        again = await here.look(found.id)
        assert again.next_attempt_at is not None
        assert again.due_at is not None
        pauses.append(again.next_attempt_at - again.due_at)
    assert pauses[-1] == timedelta(days=1)
    assert max(pauses) == timedelta(days=1)


@pytest.mark.parametrize("problem", [EMAIL, LONG, WEBSITE])
async def test_a_refusal_for_the_contact_is_retried_when_the_xero_contact_changes(
    here: Billed, problem: Problem
) -> None:
    found = await refused(here, problem)
    await show(here, await in_xero(here))  # the same stamp
    assert (await here.look(found.id)).next_attempt_at == found.next_attempt_at
    await show(here, await in_xero(here, updated_at=BEGAN + timedelta(minutes=1)))
    again = await here.look(found.id)
    assert (again.next_attempt_at, again.due_at is not None) == (None, True)


async def test_a_refusal_for_the_invoice_waits_for_a_person(here: Billed) -> None:
    found = await refused(
        here, Problem("INVALID_IN_XERO", "Description must be at least 1 character long.", "UPDATE_INVOICE")
    )
    await show(here, await in_xero(here, updated_at=BEGAN + timedelta(minutes=1)))
    after = await here.look(found.id)
    assert (after.due_at, after.next_attempt_at) == (None, None)
