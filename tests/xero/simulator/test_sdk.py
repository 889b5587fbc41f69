"""Xero's official SDK drives the simulator, unchanged but for its host."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from xero_python.accounting import AccountingApi, Contact, Contacts, Phone
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

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
        async with httpx.AsyncClient(base_url=url) as http:
            token = await connect(http, scope=SCOPES)
        sdk = await in_thread(lambda: Sdk(url, token))
        yield sdk
        await in_thread(sdk.client.rest_client.pool_manager.clear)


async def test_pages_through_all_contacts(sdk: Sdk) -> None:
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


async def test_creates_updates_and_reads_back(sdk: Sdk) -> None:
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


async def test_errors_reach_the_caller_both_ways(sdk: Sdk) -> None:
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


async def test_filters_reach_the_simulator(sdk: Sdk) -> None:
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


async def test_reads_organisation_accounts_and_tax_rates(sdk: Sdk) -> None:
    organisation = await in_thread(lambda: sdk.accounting.get_organisations(sdk.tenant).organisations[0])
    accounts = await in_thread(
        lambda: sdk.accounting.get_accounts(sdk.tenant, where='Type=="REVENUE"').accounts
    )
    rates = await in_thread(lambda: sdk.accounting.get_tax_rates(sdk.tenant).tax_rates)
    assert organisation.base_currency.value == "NZD"
    assert {account.type.value for account in accounts} == {"REVENUE"}
    assert {rate.tax_type: float(rate.effective_rate) for rate in rates}["OUTPUT2"] == 15.0


async def test_refreshes_through_the_sdk(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TokenApi, "refresh_token_url", sdk.identity.base_url + "/connect/token")
    before = dict(sdk.token)
    await in_thread(lambda: sdk.client.configuration.oauth2_token.refresh_access_token(sdk.client))
    assert sdk.token["refresh_token"] != before["refresh_token"]
    assert await in_thread(sdk.identity.get_connections)
