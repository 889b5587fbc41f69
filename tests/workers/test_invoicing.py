"""Invoices are in Xero as the practice made them, once, even without an answer; what happens to them there is read."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from domain.connection import organisations, poll_schedule
from domain.inbound import webhook_inbox
from domain.inbound.webhook_inbox import Announced, Category
from domain.invoices import actions as invoice_actions
from domain.invoices import mappings
from domain.invoices.changes import Decision
from domain.invoices.differences import Difference, contact_names, differences
from domain.practice import services_and_rates
from domain.problems import Refused
from domain.tables import AmountsAre, InvoiceLineKind, InvoiceStatus, InvoiceSyncState
from runtime.embedded import services as embedded_services
from tests.database import Place, rows_of
from tests.domain.billed import DAY
from tests.workers.billing import Billing, making
from workers import catalogues, webhooks
from xero.client import Answer, Client
from xero.payloads import TaxRate


@pytest.fixture
async def here(clean: Place, services: embedded_services.Services) -> AsyncIterator[Billing]:
    async with making(clean, services) as made:
        yield made


async def test_xero_gets_the_invoice_as_the_practice_made_it(here: Billing) -> None:
    async with here.here.world.tx() as tx:
        await mappings.set_account_mapping(tx, here.here.world.organisation, here.service, "205")
    expense = here.line("12.50", kind=InvoiceLineKind.EXPENSE, service_type_id=None)
    made = await here.there(
        here.line("25.06"), here.line("100.125", "8"), expense, here.line("-5"), reference="PO 7"
    )
    found = await here.at_xero(made)
    assert found is not None
    assert (found.type, found.status, found.sent_to_contact) == ("ACCREC", "AUTHORISED", True)
    assert (found.reference, found.day, found.line_amount_types) == ("PO 7", DAY, "Exclusive")
    assert found.url == f"http://localhost:8000/i/{made.id}"
    assert [(line.account_code, line.tax_type, line.unit_amount) for line in found.line_items or ()] == [
        ("205", "OUTPUT2", Decimal("25.06")), ("205", "OUTPUT2", Decimal("100.125")),
        ("220", "OUTPUT2", Decimal("12.50")), ("205", "OUTPUT2", Decimal(-5)),
    ]  # fmt: skip
    assert (made.sync_state, made.xero_total, made.xero_invoice_id) == (
        "SYNCED",
        made.total,
        found.invoice_id,
    )
    assert found.total == made.total


@pytest.mark.parametrize("amounts_are", AmountsAre)
async def test_totals_equal_xeros_for_each_treatment_of_tax(here: Billing, amounts_are: AmountsAre) -> None:
    lines = [here.line(price) for price in ("25.06", "25.61", "25.63", "0.05", "-3.33")]
    made = await here.there(*lines, amounts_are=amounts_are)
    found = await here.at_xero(made)
    assert found is not None
    assert (found.sub_total, found.total_tax, found.total) == (made.subtotal, made.tax_total, made.total)
    assert made.sync_state is InvoiceSyncState.SYNCED


async def test_a_create_without_an_answer_makes_no_second_invoice(here: Billing) -> None:
    await here.fault(kind="drop", when="after", method="PUT")
    made = await here.there()
    assert (made.sync_state, made.failure_code) == ("FAILING", "UNCERTAIN")
    before: Any = await here.here.simulator()
    await here.recover()
    after: Any = await here.here.simulator()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED
    assert len(await here.all_at_xero()) == 1
    assert (
        after["calls"] - before["calls"] == 1
    )  # the same key gives the same answer: there is nothing to look up


async def test_after_four_minutes_a_lost_create_is_looked_up(here: Billing) -> None:
    await here.fault(kind="drop", when="after", method="PUT")
    made = await here.there()
    here.later(timedelta(minutes=5))
    await here.recover()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED
    assert len(await here.all_at_xero()) == 1


async def test_a_create_that_never_arrived_is_sent_again_once_the_first_can_no_longer_take_effect(
    here: Billing,
) -> None:
    await here.fault(kind="drop", when="before", method="PUT")
    made = await here.there()
    here.later(timedelta(minutes=5))
    await here.recover()
    await here.send()
    assert await here.all_at_xero() == []
    here.later(timedelta(minutes=6))
    await here.recover()
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED
    assert [one.invoice_number for one in await here.all_at_xero()] == [made.number]


async def test_a_create_that_arrived_late_is_found_by_its_number(here: Billing) -> None:
    made = await here.sent()
    await here.act("POST", "invoices", {
        "Type": "ACCREC", "Status": "AUTHORISED", "InvoiceNumber": made.number, "Url": f"http://localhost:8000/i/{made.id}",
        "Contact": {"ContactID": str(await here.contact_in_xero())}, "Date": "2026-11-20", "DueDate": "2026-12-20",
        "LineItems": [{"Description": "Annual accounts", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200", "TaxType": "OUTPUT2"}],
    })  # fmt: skip
    await here.send()
    found = await here.look(made)
    assert (found.sync_state, found.xero_total) == ("SYNCED", found.total)
    assert len(await here.all_at_xero()) == 1


async def test_a_429_to_a_resent_invoice_says_nothing_about_the_first_send(here: Billing) -> None:
    await here.fault(kind="drop", when="after", method="PUT")
    made = await here.there()
    await here.fault(kind="status", status=429, retry_after=7, method="PUT")
    await here.recover()
    assert (await here.look(made)).failure_code == "UNCERTAIN"
    here.later(timedelta(seconds=70))
    await here.recover()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_an_invoice_voided_before_it_arrived_is_not_sent_again(here: Billing) -> None:
    made = await here.sent()
    await here.fault(kind="drop", when="before", method="PUT")
    await here.send()
    await here.void(made)
    here.later(timedelta(minutes=11))
    await here.recover()
    await here.send()
    found = await here.look(made)
    assert (found.status, found.sync_state, found.due_at) == ("VOIDED", "NOT_SENT", None)
    assert await here.all_at_xero() == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_invoice_create_is_looked_up_at_once_after_a_500(here: Billing, when: str) -> None:
    await here.fault(kind="status", status=500, when=when, method="PUT")
    made = await here.there()
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED
    assert len(await here.all_at_xero()) == 1


async def test_an_invoice_of_another_app_with_our_number_is_never_taken_for_ours(here: Billing) -> None:
    found = await here.client()
    contact = (await found.contacts_page(1)).items[0].contact_id
    await here.act("POST", "invoices", {
        "Type": "ACCREC", "InvoiceNumber": "A-1", "Contact": {"ContactID": str(contact)},
        "LineItems": [{"Description": "Theirs", "Quantity": 1, "UnitAmount": 1, "AccountCode": "200"}],
    })  # fmt: skip
    made = await here.there(number="A-1")
    assert (made.failure_code, made.xero_invoice_id) == ("INVOICE_NUMBER_TAKEN", None)
    [theirs] = await here.all_at_xero()
    await here.act("POST", f"invoices/{theirs.invoice_id}", {"InvoiceNumber": "A-1-old"})
    here.later(timedelta(hours=2))
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_a_429_is_no_failure_of_an_invoice(here: Billing) -> None:
    await here.fault(kind="status", status=429, retry_after=7, method="PUT")
    made = await here.there()
    assert (made.sync_state, made.failure) == (InvoiceSyncState.PENDING, None)
    here.later(timedelta(seconds=70))
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_an_invoice_shows_xero_unavailable_and_is_sent_when_xero_is_back(here: Billing) -> None:
    await here.fault(kind="status", status=503, when="before", method="PUT")
    made = await here.there()
    assert made.failure_code == "XERO_UNAVAILABLE"
    here.later(timedelta(minutes=10))
    await here.send()
    assert ((await here.look(made)).sync_state, (await here.look(made)).failure) == (
        InvoiceSyncState.SYNCED,
        None,
    )


async def test_an_invoice_that_xero_refuses_does_not_stop_the_others(here: Billing) -> None:
    await here.act("POST", "accounts/205", {"archived": True})
    async with here.here.world.tx() as tx:
        other = await services_and_rates.create_service_type(tx, "Tax")
        await tx.run(
            "insert into account_mapping (workspace_id, organisation_id, service_type_id, xero_account_id)"
            " select :ws, :organisation, :service, id from xero_account where workspace_id = :ws and code = '205'",
            organisation=here.here.world.organisation, service=other.id,
        )  # fmt: skip
    good = [await here.sent() for _ in range(2)]
    bad = await here.sent(here.line(service_type_id=other.id))
    await here.send()
    assert {(await here.look(one)).sync_state for one in good} == {InvoiceSyncState.SYNCED}
    assert (await here.look(bad)).failure_code == "ACCOUNT_UNAVAILABLE"
    async with here.here.world.tx() as tx:
        await mappings.set_account_mapping(tx, here.here.world.organisation, other.id, "210")
    await here.send()
    found = await here.at_xero(bad)
    assert found is not None
    assert [line.account_code for line in found.line_items or ()] == ["210"]


async def test_an_account_whose_code_was_edited_in_xero_is_the_same_account(here: Billing) -> None:
    await here.act("POST", "accounts/200", {"code": "201"})
    made = await here.there()
    assert made.failure_code == "ACCOUNT_UNAVAILABLE"
    here.later(timedelta(hours=2))
    assert await catalogues.read_due(*here.key)
    await here.send()
    found = await here.at_xero(made)
    assert found is not None
    assert [line.account_code for line in found.line_items or ()] == ["201"]


async def test_an_invoice_waits_until_its_tax_rate_is_restored_in_xero(here: Billing) -> None:
    await here.act("POST", "taxrates/OUTPUT2", {"archived": True})
    made = await here.there()
    assert made.failure_code == "TAX_RATE_UNAVAILABLE"
    await here.act("POST", "taxrates/OUTPUT2", {"archived": False})
    assert await catalogues.read_due(*here.key)
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_sync_now_reads_a_tax_rate_restored_in_xero_at_once(here: Billing) -> None:
    """Found by the model: a restored tax rate could not be mapped for a day while no invoice waited."""
    world = here.here.world
    await here.act("POST", "taxrates/OUTPUT2", {"archived": True})
    assert (await here.there()).failure_code == "TAX_RATE_UNAVAILABLE"
    async with world.tx() as tx:
        await mappings.set_sync(tx, world.organisation, enabled=False)
    here.later(timedelta(hours=2))
    assert await catalogues.read_due(*here.key)
    await here.act("POST", "taxrates/OUTPUT2", {"archived": False})
    assert (
        await world.rows("select * from door.due_jobs(:now, :now, '{}', 9) where kind = 'read_catalogue'")
        == []
    )
    async with world.tx() as tx:
        await organisations.sync_now(tx, world.organisation)
    assert (
        len(
            await world.rows("select * from door.due_jobs(:now, :now, '{}', 9) where kind = 'read_catalogue'")
        )
        == 1
    )
    assert await catalogues.read_due(*here.key)
    assert await world.rows("select active from xero_tax_rate where tax_type = 'OUTPUT2'") == [
        {"active": True}
    ]


async def test_sync_now_during_a_read_of_accounts_causes_one_more_read(
    here: Billing, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, read = here.here.world, Client.tax_rates

    async def meanwhile(client: Client) -> Answer[list[TaxRate]]:
        found = await read(client)
        async with world.tx() as tx:
            await organisations.sync_now(tx, world.organisation)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Client, "tax_rates", meanwhile)
        assert await catalogues.read_due(*here.key)
    due = "select * from door.due_jobs(:now, :now, '{}', 9) where kind = 'read_catalogue'"
    assert await world.rows(due) == []
    here.later(poll_schedule.BY_HAND)
    assert len(await world.rows(due)) == 1
    assert await catalogues.read_due(*here.key)
    assert await world.rows(due) == []


async def test_an_invoice_in_a_locked_period_waits_until_the_lock_moves(here: Billing) -> None:
    await here.act("PUT", "lockdates", {"period": "2026-11-30"})
    made = await here.there()  # the mirror does not know of it: Xero refuses
    assert (made.failure_code, made.failure and made.failure["remedy"]) == ("PERIOD_LOCKED", "IN_XERO")
    assert await catalogues.read_due(*here.key)
    await here.send()
    assert (await here.look(made)).failure_code == "PERIOD_LOCKED"
    await here.act("PUT", "lockdates", {"period": None})
    assert await catalogues.read_due(*here.key)
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_the_invoice_of_an_unlinked_contact_is_sent_when_the_contact_is_linked(here: Billing) -> None:
    world = here.here.world
    other = await world.contact("Totara Trust", "office@totara.example")
    made = await here.there(contact_id=other.id)
    assert (made.failure_code, made.failure and made.failure["remedy"]) == (
        "CONTACT_NOT_SYNCED",
        "PUSH_TO_XERO",
    )
    await here.act("POST", "contacts", {"Name": "Totara Trust", "EmailAddress": "office@totara.example"})
    await here.read_contacts()
    due = await world.rows("select * from door.due_jobs(:now, :now, '{}', 10) where kind = 'send_invoices'")
    assert [row["key"] for row in due] == [world.organisation]
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_an_invoice_shows_that_its_contact_is_archived_in_xero(here: Billing) -> None:
    own = await here.contact_in_xero()
    await here.act("POST", f"contacts/{own}", {"fields": {"ContactStatus": "ARCHIVED"}})
    made = await here.there()
    assert made.failure_code == "ARCHIVED_IN_XERO"
    await here.act("POST", f"contacts/{own}", {"fields": {"ContactStatus": "ACTIVE"}})
    await here.send()
    assert (await here.look(made)).failure_code == "ARCHIVED_IN_XERO"
    here.later(timedelta(minutes=2))
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_an_invoice_waits_during_a_disconnection_and_is_sent_after_a_reconnect(here: Billing) -> None:
    made = await here.sent()
    await here.act("DELETE", "connections")
    await here.send()
    found = await here.look(made)
    assert (found.failure_code, found.due_at is not None) == ("NEEDS_RECONNECT", True)
    assert not await here.send_once()


async def test_partial_payments_are_read_and_removed_payments_are_taken_off(here: Billing) -> None:
    made = await here.there()
    await here.act("POST", f"invoices/{made.xero_invoice_id}/payments", {"amount": 40, "date": "2026-11-22"})
    await here.poll()
    partly = await here.look(made)
    assert (partly.amount_paid, partly.amount_due, partly.status) == (
        Decimal(40),
        Decimal(75),
        "AWAITING_PAYMENT",
    )
    await here.act("POST", f"invoices/{made.xero_invoice_id}/credits", {"amount": 25, "date": "2026-11-22"})
    await here.act("POST", f"invoices/{made.xero_invoice_id}/payments", {"date": "2026-11-23"})
    await here.poll()
    paid = await here.look(made)
    assert (paid.status, paid.amount_due, paid.sync_state) == (InvoiceStatus.PAID, Decimal(0), "SYNCED")
    rows = await here.here.world.rows(
        "select kind, xero_id, amount from payment where workspace_id = :ws order by amount"
    )
    assert [(row["kind"], row["amount"]) for row in rows] == [
        ("CREDIT_NOTE", Decimal(25)), ("PAYMENT", Decimal(40)), ("PAYMENT", Decimal(50)),
    ]  # fmt: skip
    await here.act("DELETE", f"payments/{rows[1]['xero_id']}")
    await here.poll()
    back = await here.look(made)
    assert (back.status, back.amount_due) == (InvoiceStatus.AWAITING_PAYMENT, Decimal(40))


async def test_voiding_an_invoice_voids_it_in_xero(here: Billing) -> None:
    made = await here.there()
    await here.void(made)
    await here.send()
    found = await here.at_xero(made)
    assert found is not None
    assert found.status == "VOIDED"
    assert ((await here.look(made)).status, (await here.look(made)).sync_state) == ("VOIDED", "SYNCED")


async def test_a_void_that_xero_refuses_waits_until_the_payment_is_removed(here: Billing) -> None:
    made = await here.there()
    payment = await here.act(
        "POST", f"invoices/{made.xero_invoice_id}/payments", {"amount": 1, "date": "2026-11-22"}
    )
    await here.void(made)
    await here.send()
    failing = await here.look(made)
    assert (failing.failure_code, failing.status, failing.amount_paid) == (
        "HAS_PAYMENTS",
        "VOIDED",
        Decimal(1),
    )
    [taken] = payment["Payments"]
    await here.act("DELETE", f"payments/{taken['PaymentID']}")
    await here.poll()
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED
    found = await here.at_xero(made)
    assert found is not None
    assert found.status == "VOIDED"


async def test_a_void_without_an_answer_is_settled_by_a_read(here: Billing) -> None:
    made = await here.there()
    await here.void(made)
    await here.fault(kind="drop", when="after", method="POST")
    await here.send()
    assert (await here.look(made)).failure_code == "UNCERTAIN"
    here.later(timedelta(minutes=11))
    await here.recover()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_an_invoice_voided_in_xero_is_reissued_under_a_new_number(here: Billing) -> None:
    made = await here.there()
    await here.act("POST", f"invoices/{made.xero_invoice_id}", {"Status": "VOIDED"})
    await here.poll()
    assert differences(await here.look(made), {}) == [Difference("status", "AWAITING_PAYMENT", "VOIDED")]
    await here.send()
    assert len(await here.all_at_xero()) == 1
    _, again = await here.settle(made, Decision.REISSUE)
    assert again is not None
    await here.send()
    assert {(one.invoice_number, one.status) for one in await here.all_at_xero()} == {
        (made.number, "VOIDED"), (again.number, "AUTHORISED"),
    }  # fmt: skip


async def test_an_invoice_edited_in_xero_shows_the_edit_which_can_be_accepted(here: Billing) -> None:
    made = await here.there()
    await here.act("POST", f"invoices/{made.xero_invoice_id}", {
        "LineItems": [{"Description": "Less", "Quantity": 1, "UnitAmount": 80, "AccountCode": "200", "TaxType": "OUTPUT2"}],
    })  # fmt: skip
    await here.poll()
    changed = await here.look(made)
    assert [one.field for one in differences(changed, {})] == ["lines", "subtotal", "taxTotal", "total"]
    accepted, _ = await here.settle(made, Decision.ACCEPT)
    assert (accepted.total, accepted.sync_state) == (Decimal(92), "SYNCED")
    await here.poll()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_many_invoices_are_sent_fifty_a_call(here: Billing) -> None:
    made = await here.many_approved(60)
    async with here.here.world.tx() as tx:
        await invoice_actions.many(tx, InvoiceStatus.AWAITING_PAYMENT, [(one.id, None) for one in made])
    before: Any = await here.here.simulator()
    await here.send()
    after: Any = await here.here.simulator()
    assert len(await here.all_at_xero()) == 60
    assert after["calls"] - before["calls"] == 2


async def test_an_invoice_before_the_start_date_is_not_sent(here: Billing) -> None:
    made = await here.there(issue_date=DAY.replace(month=10))
    assert made.sync_state is InvoiceSyncState.BEFORE_START_DATE
    assert await here.all_at_xero() == []


async def test_a_webhook_reads_a_payment_and_unknown_invoices_cost_no_call(here: Billing) -> None:
    made = await here.there()
    await here.act("POST", f"invoices/{made.xero_invoice_id}/payments", {"date": "2026-11-22"})
    found = await here.at_xero(made)
    assert found is not None
    assert found.updated_date_utc
    assert made.xero_invoice_id is not None
    async with here.here.process.database.door() as session:
        # Later than two seconds after our own create, which accounts for one event.
        at = found.updated_date_utc + timedelta(seconds=3)
        events = [
            Announced(here.tenant, Category.INVOICE, one, at) for one in (made.xero_invoice_id, uuid4())
        ]
        await webhook_inbox.receive(session, events, here.clock.now())
    here.later(timedelta(seconds=5))
    before: Any = await here.here.simulator()
    assert await webhooks.read_invoices(*here.key)
    assert not await webhooks.read_invoices(*here.key)
    after: Any = await here.here.simulator()
    assert ((await here.look(made)).status, after["calls"] - before["calls"]) == (InvoiceStatus.PAID, 1)


async def test_an_invoice_that_is_too_large_for_a_call_is_refused_alone(here: Billing) -> None:
    long = [here.line(description="ŵ" * 4000) for _ in range(480)]
    made, good = await here.sent(*long), await here.sent()
    await here.send()
    assert ((await here.look(made)).failure_code, (await here.look(good)).sync_state) == (
        "VALUE_TOO_LONG",
        "SYNCED",
    )


async def test_an_invoice_shows_that_the_organisation_has_another_currency(here: Billing) -> None:
    made = await here.sent()
    async with here.here.world.tx() as tx:
        await tx.run("update organisation set base_currency = 'AUD' where workspace_id = :ws")
    await here.send()
    assert (await here.look(made)).failure_code == "CURRENCY_MISMATCH"
    assert await here.all_at_xero() == []


async def test_a_retry_reads_the_accounts_again(here: Billing) -> None:
    await here.act("POST", "accounts/200", {"code": "201"})
    made = await here.there()
    assert made.failure_code == "ACCOUNT_UNAVAILABLE"
    async with here.here.world.tx() as tx:
        assert await invoice_actions.retry(tx, [made.id]) == 1
        assert await rows_of(
            tx, "select 1 from organisation where workspace_id = :ws and catalogue_due_at <= :now"
        )
    assert await catalogues.read_due(*here.key)
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_an_invoice_voided_before_xero_refuses_it_shows_no_failure(here: Billing) -> None:
    made = await here.sent()
    await here.fault(kind="drop", when="before", method="PUT")
    await here.send()
    await here.void(made)
    await here.act("POST", "accounts/200", {"archived": True})
    here.later(timedelta(seconds=40))
    await here.recover()
    found = await here.look(made)
    assert (found.status, found.sync_state, found.failure, found.due_at) == ("VOIDED", "NOT_SENT", None, None)


async def test_accepting_a_new_contact_from_xero_moves_the_invoice_to_that_contact(here: Billing) -> None:
    made = await here.there()
    [other, *_] = await here.here.world.rows(
        "select x.xero_contact_id, x.name, l.contact_id from sync_link l join xero_contact x"
        " on x.workspace_id = l.workspace_id and x.id = l.xero_contact_id"
        " where l.workspace_id = :ws and l.state = 'SYNCED' and l.contact_id <> :own",
        own=made.contact_id,
    )
    await here.act(
        "POST", f"invoices/{made.xero_invoice_id}", {"Contact": {"ContactID": str(other["xero_contact_id"])}}
    )
    await here.poll()
    changed = await here.look(made)
    async with here.here.world.tx() as tx:
        names = await contact_names(tx, changed.organisation_id, changed.xero_base, changed.xero_shown)
    [told] = differences(changed, names)
    assert (told.field, told.xero) == ("contact", other["name"])
    accepted, _ = await here.settle(made, Decision.ACCEPT)
    assert (accepted.contact_id, accepted.sync_state) == (other["contact_id"], "SYNCED")
    await here.poll()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_a_new_contact_from_xero_that_is_not_linked_cannot_be_accepted(here: Billing) -> None:
    made = await here.there()
    [stranger] = (await here.act("POST", "contacts", {"Contacts": [{"Name": "Nobody Here"}]}))["Contacts"]
    await here.act(
        "POST", f"invoices/{made.xero_invoice_id}", {"Contact": {"ContactID": stranger["ContactID"]}}
    )
    await here.poll()
    with pytest.raises(Refused) as refused:
        await here.settle(made, Decision.ACCEPT)
    assert [problem.code for problem in refused.value.problems] == ["WRONG_STATE"]
    kept, _ = await here.settle(made, Decision.KEEP_APART)
    assert (kept.contact_id, kept.sync_state) == (made.contact_id, "SYNCED")


async def test_a_refused_invoice_names_the_reason_of_xero(here: Billing) -> None:
    account, rate = await here.here.world.rows(
        "select 'XeroAccount:' || id as named from xero_account where workspace_id = :ws and code = '200'"
        " union all select 'XeroTaxRate:' || id from xero_tax_rate where workspace_id = :ws and tax_type = 'OUTPUT2'"
    )
    organisation = f"XeroOrganisation:{here.here.world.organisation}"
    for path, there, back, code, named in (
        ("accounts/200", {"archived": True}, {"archived": False}, "ACCOUNT_UNAVAILABLE", account["named"]),
        ("taxrates/OUTPUT2", {"archived": True}, {"archived": False}, "TAX_RATE_UNAVAILABLE", rate["named"]),
        ("lockdates", {"period": "2026-11-30"}, {"period": None}, "PERIOD_LOCKED", organisation),
    ):  # fmt: skip
        method = "PUT" if path == "lockdates" else "POST"
        await here.act(method, path, there)
        failure = (await here.there()).failure
        assert failure is not None
        assert (failure["code"], failure["subjects"]) == (code, [named])
        await here.act(method, path, back)


async def test_a_create_in_flight_when_the_sync_is_switched_off_is_not_sent_again_until_it_is_on(
    here: Billing,
) -> None:
    made = await here.sent()
    await here.fault(kind="drop", when="before", method="PUT")
    await here.send()
    await here.switch(on=False)
    for minutes in (5, 6):
        here.later(timedelta(minutes=minutes))
        await here.recover()
    await here.send()
    found = await here.look(made)
    assert (found.sync_state, found.failure, found.due_at) == ("SYNC_OFF", None, None)
    await here.switch(on=True)
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED
    assert len(await here.all_at_xero()) == 1


async def test_a_void_in_flight_when_the_sync_is_switched_off_waits_until_it_is_on(here: Billing) -> None:
    made = await here.there()
    await here.void(made)
    await here.fault(kind="drop", when="before", method="POST")
    await here.send()
    await here.switch(on=False)
    here.later(timedelta(minutes=11))
    await here.recover()
    await here.send()
    found = await here.look(made)
    assert (found.status, found.sync_state, found.due_at) == ("VOIDED", "SYNC_OFF", None)
    await here.switch(on=True)
    await here.send()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED
    assert [one.status for one in await here.all_at_xero()] == ["VOIDED"]


async def test_a_void_shows_that_the_organisation_is_not_connected(here: Billing) -> None:
    made, other = await here.there(), await here.sent()
    await here.act("DELETE", "connections")
    await here.send()
    assert (await here.look(other)).failure_code == "NEEDS_RECONNECT"
    await here.void(made)
    found = await here.look(made)
    assert (found.status, found.failure_code, found.due_at is None) == ("VOIDED", "NEEDS_RECONNECT", False)


async def test_a_new_number_from_xero_is_accepted_if_it_is_free_in_the_practice(here: Billing) -> None:
    made = await here.there()
    await here.sent(number="B-7")
    await here.act("POST", f"invoices/{made.xero_invoice_id}", {"InvoiceNumber": "b-7"})
    await here.poll()
    assert [one.field for one in differences(await here.look(made), {})] == ["number"]
    with pytest.raises(Refused) as refused:
        await here.settle(made, Decision.ACCEPT)
    assert [problem.code for problem in refused.value.problems] == ["TAKEN"]
    await here.act("POST", f"invoices/{made.xero_invoice_id}", {"InvoiceNumber": "Ü-8"})
    await here.poll()
    accepted, _ = await here.settle(made, Decision.ACCEPT)
    assert (accepted.number, accepted.number_key, accepted.sync_state) == ("Ü-8", "ü-8", "SYNCED")
    assert "ü-8" in accepted.search_key or "u-8" in accepted.search_key
    await here.poll()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED
    with pytest.raises(Refused):
        await here.sent(number="ü-8")


async def test_a_new_currency_from_xero_cannot_be_accepted(here: Billing) -> None:
    made = await here.there()
    await here.act("PUT", "currencies", ["AUD"])
    await here.act("POST", f"invoices/{made.xero_invoice_id}", {"CurrencyCode": "AUD"})
    await here.poll()
    assert [one.field for one in differences(await here.look(made), {})] == ["currency"]
    with pytest.raises(Refused) as refused:
        await here.settle(made, Decision.ACCEPT)
    assert [problem.code for problem in refused.value.problems] == ["CURRENCY_MISMATCH"]
    found = await here.look(made)
    assert (found.currency, found.sync_state) == ("NZD", "CHANGED_IN_XERO")
    await here.act("POST", f"invoices/{made.xero_invoice_id}", {"CurrencyCode": "NZD"})
    await here.poll()
    assert (await here.look(made)).sync_state is InvoiceSyncState.SYNCED


async def test_an_invoice_of_a_merged_contact_moves_to_the_survivor_in_any_order_of_reads(
    here: Billing,
) -> None:
    made = await here.there()
    own = await here.contact_in_xero()
    [survivor] = (await here.act("POST", "contacts", {"Contacts": [{"Name": "Survivor Ltd"}]}))["Contacts"]
    await here.act("POST", f"contacts/{own}", {"mergeInto": survivor["ContactID"]})
    await here.act(
        "POST", f"invoices/{made.xero_invoice_id}", {"Contact": {"ContactID": survivor["ContactID"]}}
    )
    await here.poll()
    assert (await here.look(made)).sync_state is InvoiceSyncState.CHANGED_IN_XERO
    await here.read_contacts()
    async with here.here.world.tx() as tx:  # so that the poll does not read it once more
        later = tx.now + timedelta(hours=1)
        await tx.run("update organisation set invoice_cursor = :later where workspace_id = :ws", later=later)
    await here.poll()
    found = await here.look(made)
    assert (found.sync_state, found.xero_shown, found.contact_id) == ("SYNCED", None, made.contact_id)
    assert (await here.there()).sync_state is InvoiceSyncState.SYNCED


async def test_an_invoice_sent_before_a_merge_was_read_belongs_to_the_survivor(here: Billing) -> None:
    own = await here.contact_in_xero()
    [survivor] = (await here.act("POST", "contacts", {"Contacts": [{"Name": "Survivor Ltd"}]}))["Contacts"]
    await here.act("POST", f"contacts/{own}", {"mergeInto": survivor["ContactID"]})
    made = await here.there()
    assert made.failure_code == "ARCHIVED_IN_XERO"
    assert await here.here.world.rows(
        "select 1 from organisation where workspace_id = :ws and poll_due_at <= :now"
    )
    await here.read_contacts()
    here.later(timedelta(minutes=2))
    await here.send()
    found = await here.at_xero(made)
    assert found is not None
    assert found.contact
    assert str(found.contact.contact_id) == survivor["ContactID"]
