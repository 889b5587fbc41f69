"""The client against the simulator over real sockets: consent, reads, writes, faults."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from domain.fields.synced import seen_values
from tests.xero.connected import Connected, connected, consent
from workers.translate import XeroMembers, seen_contact, xero_members
from xero import oauth, timezones
from xero.errors import Disconnected, NeedsReconnect, Reason, Retry, Uncertain
from xero.payloads import ContactUpdate, Creations, NewContact, Updates


@pytest.fixture
async def xero() -> AsyncIterator[Connected]:
    async with connected() as made:
        yield made


def creation(name: str, number: str) -> Creations:
    return Creations.of([NewContact(name=name, contact_number=number)])


async def test_pages_hold_every_contact_once_and_each_can_be_translated() -> None:
    async with connected(2300) as xero:
        pages = [await xero.client.contacts_page(page) for page in (1, 2, 3)]
        assert [page.last for page in pages] == [False, False, True]
        contacts = [contact for page in pages for contact in page.items]
        book = next(iter(xero.world.organisations.values())).contacts
        assert {str(c.contact_id) for c in contacts} == {c.id for c in book}
        assert len(contacts) == len(book)
        assert not any(page.unreadable for page in pages)
        for contact in contacts:
            seen = seen_contact(contact, xero.clock())
            members = xero_members(seen_values(seen), region="NZ", held=seen.values)
            assert isinstance(members, XeroMembers), (contact.name, members)
            back = msgspec.structs.replace(contact, addresses=members.addresses, phones=members.phones)
            again = seen_contact(back, xero.clock())
            assert again.values == seen.values


async def test_organisation_accounts_and_tax_rates_are_read_from_the_simulator(xero: Connected) -> None:
    organisation = (await xero.client.organisation()).value
    assert timezones.iana(organisation.timezone or None) == ("Pacific/Auckland", True)
    accounts = (await xero.client.accounts()).value
    assert {account.status for account in accounts} == {"ACTIVE", "ARCHIVED"}
    rates = {rate.tax_type: rate.effective_rate for rate in (await xero.client.tax_rates()).value}
    assert rates["OUTPUT2"] == 15


async def test_a_read_by_ids_includes_archived_contacts(xero: Connected) -> None:
    page = await xero.client.contacts_page(1)
    asked = [contact.contact_id for contact in page.items[:40]]
    found = await xero.client.contacts_by_ids(asked)
    assert {contact.contact_id for contact in found.items} == set(asked)


async def test_a_delta_shows_the_changes_since_xeros_own_time(xero: Connected) -> None:
    cursor = (await xero.client.contacts_page(1)).server_time
    xero.clock.advance(timedelta(minutes=1))
    await xero.client.create_contacts(creation("Zoë Ōtaki", "T-1"), "key-1")
    delta = await xero.client.contacts_page(1, modified_since=cursor)
    assert "Zoë Ōtaki" in [contact.name for contact in delta.items]
    assert len(delta.items) < 25


async def test_an_expired_token_is_renewed_during_the_call(xero: Connected) -> None:
    xero.clock.advance(timedelta(minutes=31))
    assert (await xero.client.contacts_page(1)).items
    assert xero.tokens.refreshed == 1


async def test_a_used_refresh_token_needs_a_consent(xero: Connected) -> None:
    old = xero.tokens.answer.refresh_token
    await xero.tokens.refresh("")
    xero.clock.advance(timedelta(minutes=31))
    with pytest.raises(NeedsReconnect):
        await oauth.refresh(xero.http, xero.app, old)


async def test_an_unanswered_refresh_can_be_repeated_within_the_grace_period(xero: Connected) -> None:
    old = xero.tokens.answer.refresh_token
    await xero.arm(kind="drop", when="after", path="/connect/token")
    with pytest.raises(Retry):
        await oauth.refresh(xero.http, xero.app, old)
    xero.clock.advance(timedelta(minutes=29))
    assert (await oauth.refresh(xero.http, xero.app, old)).access_token


async def test_a_deleted_connection_makes_the_organisation_disconnected(xero: Connected) -> None:
    token = await xero.tokens.access_token()
    await oauth.delete_connection(xero.http, xero.app, token, xero.connection.id)
    await oauth.delete_connection(xero.http, xero.app, token, xero.connection.id)
    with pytest.raises(Disconnected):
        await xero.client.contacts_page(1)


async def test_a_reconnect_grants_the_organisation_only_if_it_is_known(xero: Connected) -> None:
    tenant = xero.connection.tenant_id
    _, stranger = await consent(xero.http, xero.app)
    assert stranger == []
    _, owner = await consent(xero.http, xero.app, frozenset({tenant}))
    assert [connection.tenant_id for connection in owner] == [tenant]


async def test_an_unanswered_create_of_a_contact_is_found_by_its_number(xero: Connected) -> None:
    await xero.arm(kind="drop", when="after", method="PUT")
    with pytest.raises(Uncertain):
        await xero.client.create_contacts(creation("Ada Lovelace", "T-lost"), "key")
    found = (await xero.client.find_contact_by_number("T-lost")).value
    assert found is not None
    again = await xero.client.create_contacts(creation("Ada Lovelace", "T-lost"), "key")
    assert [contact.contact_id for contact in again.items] == [found.contact_id]
    assert again.items[0].saved


async def test_a_create_that_never_arrived_is_not_found(xero: Connected) -> None:
    await xero.arm(kind="drop", when="before", method="PUT")
    with pytest.raises(Uncertain):
        await xero.client.create_contacts(creation("Ada Lovelace", "T-gone"), "key")
    assert (await xero.client.find_contact_by_number("T-gone")).value is None


async def test_a_taken_name_is_an_error_of_its_own_element(xero: Connected) -> None:
    taken = (await xero.client.contacts_page(1)).items
    active = next(contact for contact in taken if contact.contact_status == "ACTIVE")
    assert active.name
    body = Creations.of(
        [
            NewContact(name=active.name, contact_number="T-2"),
            NewContact(name="Somebody New", contact_number="T-3"),
        ]
    )
    written = await xero.client.create_contacts(body, "key")
    assert [contact.saved for contact in written.items] == [False, True]
    assert "already assigned" in written.items[0].messages[0]


async def test_an_update_changes_only_the_given_members(xero: Connected) -> None:
    before = (await xero.client.contacts_page(1)).items
    contact = next(c for c in before if c.contact_status == "ACTIVE" and c.email_address)
    body = Updates.of([ContactUpdate(contact_id=contact.contact_id, name="Renamed Ltd")])
    written = await xero.client.update_contacts(body, "key")
    assert [element.saved for element in written.items] == [True]
    after = (await xero.client.contacts_by_ids([contact.contact_id])).items[0]
    assert (after.name, after.email_address) == ("Renamed Ltd", contact.email_address)
    assert msgspec.to_builtins(after.phones) == msgspec.to_builtins(contact.phones)


async def test_a_dropped_and_a_failed_read_are_repeated(xero: Connected) -> None:
    await xero.arm(kind="drop", method="GET")
    await xero.arm(kind="status", status=502, method="GET")
    assert (await xero.client.contacts_page(1)).items


async def test_a_slow_answer_ends_at_the_time_limit(xero: Connected) -> None:
    await xero.arm(kind="delay", seconds=0.5, method="GET")
    with pytest.raises(Retry) as caught:
        await replace(xero.client, timeout=0.05).contacts_page(1)
    assert caught.value.reason is Reason.UNREACHABLE


async def test_a_malformed_contact_is_reported_and_does_not_stop_the_others(xero: Connected) -> None:
    whole = await xero.client.contacts_page(1)
    await xero.arm(kind="malform")
    page = await xero.client.contacts_page(1)
    assert [bad.id for bad in page.unreadable] == [whole.items[0].contact_id]
    assert page.items == whole.items[1:]
    assert page.server_time is not None


async def test_a_429_from_the_simulator_gives_the_time_of_the_next_call(xero: Connected) -> None:
    await xero.arm(kind="status", status=429, limit="minute", retry_after=17)
    with pytest.raises(Retry) as caught:
        await xero.client.contacts_page(1)
    assert (caught.value.reason, caught.value.at) == (Reason.LIMIT, xero.clock() + timedelta(seconds=17))
