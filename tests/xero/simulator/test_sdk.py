"""Xero's official SDK works with the simulator; only its host is changed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import pytest_asyncio
from xero_python.accounting import (
    Account,
    AccountingApi,
    Allocation,
    Allocations,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    CurrencyCode,
    Invoice,
    Invoices,
    LineItem,
    Payment,
    PaymentDelete,
    Phone,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

from tests.clients import web_client
from tests.xero.simulator.serving import SCOPES, connect, serving, small_world
from xero.simulator.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET


class Sdk:
    """The SDK's clients for one consented organisation, and the token it keeps."""

    def __init__(self, url: str, token: dict[str, Any]) -> None:
        self.token = token | {"scope": token["scope"].split()}
        configuration = Configuration(
            oauth2_token=OAuth2Token(client_id=DEMO_CLIENT_ID, client_secret=DEMO_CLIENT_SECRET)
        )
        self.client = ApiClient(
            configuration,
            oauth2_token_getter=lambda: self.token,
            oauth2_token_saver=lambda saved: setattr(self, "token", saved),
        )
        self.accounting = AccountingApi(self.client, base_url=f"{url}/api.xro/2.0")
        self.identity = IdentityApi(self.client, base_url=url)
        self.tenant = self.identity.get_connections()[0].tenant_id


async def in_thread(call: Callable[[], Any]) -> Any:
    """The SDK blocks, and the simulator runs in this loop."""
    return await asyncio.to_thread(call)


@pytest_asyncio.fixture(scope="module")
async def sdk() -> AsyncIterator[Sdk]:
    async with serving(small_world(250)) as url:
        async with web_client(base_url=url) as http:
            token = await connect(http, scope=SCOPES)
        sdk = await in_thread(lambda: Sdk(url, token))
        yield sdk
        await in_thread(sdk.client.rest_client.pool_manager.clear)


async def test_the_sdk_pages_through_all_contacts(sdk: Sdk) -> None:
    def read() -> list[str]:
        ids: list[str] = []
        page = pages = 1
        while page <= pages:
            answer = sdk.accounting.get_contacts(sdk.tenant, page=page, page_size=60, include_archived=True)
            ids += [contact.contact_id for contact in answer.contacts]
            page, pages = page + 1, answer.pagination.page_count
        return ids

    ids = await in_thread(read)
    assert len(ids) == len(set(ids)) >= 250


async def test_the_sdk_creates_updates_and_reads_contacts(sdk: Sdk) -> None:
    def work() -> Contact:
        phone = Phone(phone_number="555-1212", phone_type="MOBILE")
        asked = Contacts(
            contacts=[Contact(name="Bruce Banner", email_address="b@example.com", phones=[phone])]
        )
        created = sdk.accounting.create_contacts(
            sdk.tenant, contacts=asked, idempotency_key="sdk-1"
        ).contacts[0]
        change = Contacts(contacts=[Contact(contact_id=created.contact_id, first_name="Bruce")])
        sdk.accounting.update_contact(sdk.tenant, created.contact_id, contacts=change)
        return sdk.accounting.get_contact(sdk.tenant, created.contact_id).contacts[0]

    contact = await in_thread(work)
    assert (contact.name, contact.first_name, contact.email_address) == (
        "Bruce Banner",
        "Bruce",
        "b@example.com",
    )
    assert {p.phone_type: p.phone_number for p in contact.phones}["MOBILE"] == "555-1212"
    assert contact.updated_date_utc == datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


async def test_the_sdk_shows_errors_with_and_without_summary(sdk: Sdk) -> None:
    asked = Contacts(contacts=[Contact(name="Natasha"), Contact(name="Natasha")])

    def each() -> Contacts:
        return sdk.accounting.update_or_create_contacts(
            sdk.tenant,
            contacts=Contacts(contacts=[Contact(name="Clint"), Contact(name="<")]),
            summarize_errors=False,
        )

    with pytest.raises(AccountingBadRequestException) as caught:
        await in_thread(lambda: sdk.accounting.create_contacts(sdk.tenant, contacts=asked))
    assert "must be unique" in caught.value.reason
    answer = await in_thread(each)
    assert [contact.has_validation_errors for contact in answer.contacts] == [False, True]


async def test_the_sdks_filters_reach_the_simulator(sdk: Sdk) -> None:
    def read() -> Contacts:
        return sdk.accounting.get_contacts(
            sdk.tenant,
            where='Name=="Filtered One"',
            order="Name ASC",
            if_modified_since=datetime(2026, 1, 1, tzinfo=UTC),
            page=1,
        )

    asked = Contacts(contacts=[Contact(name="Filtered One"), Contact(name="Filtered Two")])
    await in_thread(lambda: sdk.accounting.create_contacts(sdk.tenant, contacts=asked))
    assert [contact.name for contact in (await in_thread(read)).contacts] == ["Filtered One"]


async def test_the_sdk_reads_organisation_accounts_and_tax_rates(sdk: Sdk) -> None:
    organisation = await in_thread(lambda: sdk.accounting.get_organisations(sdk.tenant).organisations[0])
    accounts = await in_thread(
        lambda: sdk.accounting.get_accounts(sdk.tenant, where='Type=="REVENUE"').accounts
    )
    rates = await in_thread(lambda: sdk.accounting.get_tax_rates(sdk.tenant).tax_rates)
    assert organisation.base_currency.value == "NZD"
    assert {account.type.value for account in accounts} == {"REVENUE"}
    assert {rate.tax_type: float(rate.effective_rate) for rate in rates}["OUTPUT2"] == 15.0


async def test_the_sdk_creates_changes_pays_and_voids_an_invoice(sdk: Sdk) -> None:
    def work() -> list[Invoice]:
        api, tenant = sdk.accounting, sdk.tenant
        contact = api.create_contacts(tenant, contacts=Contacts(contacts=[Contact(name="Payer")])).contacts[0]
        lines = [LineItem(description="Advice", quantity=1.5, unit_amount=33.33, account_code="200")]
        asked = Invoice(
            type="ACCREC",
            contact=Contact(contact_id=contact.contact_id),
            date=date(2026, 11, 2),
            due_date=date(2026, 11, 20),
            line_items=lines,
            invoice_number="SDK-1",
            status="AUTHORISED",
            currency_code=CurrencyCode.NZD,
        )
        created = api.create_invoices(tenant, invoices=Invoices(invoices=[asked])).invoices[0]
        account = Account(code="090")
        payment = api.create_payment(
            tenant, payment=Payment(invoice=created, account=account, amount=10, date=date(2026, 11, 3))
        ).payments[0]
        paid = api.get_invoice(tenant, created.invoice_id).invoices[0]
        api.delete_payment(tenant, payment.payment_id, payment_delete=PaymentDelete(status="DELETED"))
        change = Invoices(invoices=[Invoice(status="VOIDED")])
        voided = api.update_invoice(tenant, created.invoice_id, invoices=change).invoices[0]
        listed = api.get_invoices(tenant, invoice_numbers=["SDK-1"], page=1).invoices
        return [created, paid, voided, *listed]

    created, paid, voided, listed = await in_thread(work)
    assert (float(created.sub_total), float(created.total_tax), float(created.total)) == (50.00, 7.50, 57.50)
    assert created.due_date == date(2026, 11, 20)
    assert [float(payment.amount) for payment in paid.payments] == [10]
    assert float(paid.amount_due) == 47.50
    assert (voided.status, listed.status) == ("VOIDED", "VOIDED")
    assert listed.line_items[0].line_item_id == created.line_items[0].line_item_id


async def test_the_sdk_shows_a_taken_invoice_number(sdk: Sdk) -> None:
    invoice = Invoice(
        type="ACCREC",
        contact=Contact(name="Twice"),
        line_items=[LineItem(description="x")],
        invoice_number="SDK-2",
    )

    def create() -> Invoices:
        return sdk.accounting.create_invoices(sdk.tenant, invoices=Invoices(invoices=[invoice]))

    await in_thread(create)
    with pytest.raises(AccountingBadRequestException) as caught:
        await in_thread(create)
    assert caught.value.reason == "Invoice # must be unique."


async def test_the_sdk_allocates_a_credit_note(sdk: Sdk) -> None:
    def work() -> Invoice:
        api, tenant = sdk.accounting, sdk.tenant
        contact = Contact(name="Credited")
        lines = [LineItem(description="x", quantity=1, unit_amount=100, account_code="200")]
        asked = Invoice(
            type="ACCREC", contact=contact, line_items=lines, status="AUTHORISED", due_date=date(2026, 12, 1)
        )
        invoice = api.create_invoices(tenant, invoices=Invoices(invoices=[asked])).invoices[0]
        note = api.create_credit_notes(
            tenant,
            credit_notes=CreditNotes(
                credit_notes=[
                    CreditNote(type="ACCRECCREDIT", contact=contact, line_items=lines, status="AUTHORISED")
                ]
            ),
        ).credit_notes[0]
        part = Allocation(amount=15, date=date(2026, 11, 3), invoice=Invoice(invoice_id=invoice.invoice_id))
        api.create_credit_note_allocation(
            tenant, note.credit_note_id, allocations=Allocations(allocations=[part])
        )
        return api.get_invoice(tenant, invoice.invoice_id).invoices[0]

    invoice = await in_thread(work)
    assert (float(invoice.amount_credited), float(invoice.amount_due)) == (15, 100)
    assert float(invoice.credit_notes[0].applied_amount) == 15


async def test_the_sdk_reads_a_deleted_allocation_and_the_settings(sdk: Sdk) -> None:
    def work() -> tuple[Allocation, Invoice]:
        api, tenant = sdk.accounting, sdk.tenant
        contact = Contact(name="Credited twice")
        lines = [LineItem(description="x", quantity=1, unit_amount=100, account_code="200")]
        due = date(2026, 12, 1)
        asked = Invoice(type="ACCREC", contact=contact, line_items=lines, status="AUTHORISED", due_date=due)
        invoice = api.create_invoices(tenant, invoices=Invoices(invoices=[asked])).invoices[0]
        credit = CreditNote(type="ACCRECCREDIT", contact=contact, line_items=lines, status="AUTHORISED")
        note = api.create_credit_notes(tenant, CreditNotes(credit_notes=[credit])).credit_notes[0]
        part = Allocation(amount=15, date=date(2026, 11, 3), invoice=Invoice(invoice_id=invoice.invoice_id))
        put = api.create_credit_note_allocation(tenant, note.credit_note_id, Allocations(allocations=[part]))
        allocation_id = put.allocations[0].allocation_id
        deleted = api.delete_credit_note_allocations(tenant, note.credit_note_id, allocation_id)
        assert deleted.allocation_id == allocation_id
        return deleted, api.get_invoice(tenant, invoice.invoice_id).invoices[0]

    deleted, invoice = await in_thread(work)
    assert (deleted.is_deleted, float(deleted.amount)) == (True, 15)
    assert deleted.invoice.invoice_id == invoice.invoice_id
    assert float(invoice.amount_due) == 115
    api, tenant = sdk.accounting, sdk.tenant
    assert (await in_thread(lambda: api.get_tracking_categories(tenant))).tracking_categories[0].options
    assert (await in_thread(lambda: api.get_branding_themes(tenant))).branding_themes
    assert (await in_thread(lambda: api.get_items(tenant))).items
    assert (await in_thread(lambda: api.get_organisation_actions(tenant))).actions
    assert (await in_thread(lambda: api.get_overpayments(tenant, page=1))).overpayments == []
    assert (await in_thread(lambda: api.get_prepayments(tenant))).prepayments == []
    page = await in_thread(lambda: api.get_online_invoice(tenant, invoice.invoice_id))
    assert page.online_invoices[0].online_invoice_url


async def test_the_sdk_refreshes_its_tokens(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TokenApi, "refresh_token_url", sdk.identity.base_url + "/connect/token")
    before = dict(sdk.token)
    await in_thread(lambda: sdk.client.configuration.oauth2_token.refresh_access_token(sdk.client))
    assert sdk.token["refresh_token"] != before["refresh_token"]
    assert await in_thread(sdk.identity.get_connections)
