"""Xero's lists are read page by page while they change. No row is missed, and a killed worker's poll goes on where it was."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.inbound.webhook_inbox import OVERLAP
from domain.invoices import actions as invoice_actions
from domain.invoices import reads
from domain.tables import Invoice, InvoiceSyncState
from runtime.embedded import services as embedded_services
from tests.database import Place
from tests.workers.billing import Billing, making
from tests.workers.linked import Linked, edit, poll
from workers import invoice_reads
from xero.client import Client, Page


@pytest.fixture
async def billing(clean: Place, services: embedded_services.Services) -> AsyncIterator[Billing]:
    async with making(clean, services) as made:
        yield made


def in_pages_of_two(
    monkeypatch: pytest.MonkeyPatch, method: str, after_first: Callable[[Page[Any]], Awaitable[None]]
) -> list[int]:
    """Let lists have two rows a page, and do `after_first` when the first page was read. Gives the numbers of the pages as they
    are read."""
    read, numbers = getattr(Client, method), list[int]()

    async def page(client: Client, number: int, **asked: Any) -> Page[Any]:
        found: Page[Any] = await read(client, number, page_size=2, **asked)
        numbers.append(number)
        if numbers == [1]:
            await after_first(found)
        return found

    monkeypatch.setattr(Client, method, page)
    return numbers


async def nothing(_: Page[Any]) -> None:
    pass


async def changed_in_xero(billing: Billing) -> list[Invoice]:
    """Five invoices that somebody changed in Xero."""
    made = await billing.many_approved(5)
    async with billing.here.world.tx() as tx:
        for one in made:
            await invoice_actions.send(tx, one.id)
    await billing.send()
    there = [await billing.look(one) for one in made]
    for one in there:
        await billing.act("POST", f"invoices/{one.xero_invoice_id}", {"Reference": "Changed in Xero"})
    return there


async def states(billing: Billing, invoices: list[Invoice]) -> list[InvoiceSyncState]:
    return [(await billing.look(one)).sync_state for one in invoices]


ALL_CHANGED = [InvoiceSyncState.CHANGED_IN_XERO] * 5


async def test_no_invoice_is_missed_when_one_changes_between_two_pages(
    billing: Billing, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoices = await changed_in_xero(billing)

    async def change_again(page: Page[Any]) -> None:
        for one in page.items:
            await billing.act("POST", f"invoices/{one.invoice_id}", {"Reference": "Changed again"})

    numbers = in_pages_of_two(monkeypatch, "invoices_page", change_again)
    await billing.poll()
    assert numbers == [1, 2, 3]
    assert await states(billing, invoices) == ALL_CHANGED
    await billing.poll()
    shown = [(await billing.look(one)).xero_shown for one in invoices]
    assert (
        sorted(str(one.reference) for one in shown if one) == ["Changed again"] * 2 + ["Changed in Xero"] * 3
    )


async def test_a_poll_of_invoices_whose_worker_was_killed_goes_on_with_its_page(
    billing: Billing, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoices = await changed_in_xero(billing)
    numbers = in_pages_of_two(monkeypatch, "invoices_page", nothing)
    await billing.make_poll_due()
    async with billing.here.world.tx() as tx:
        begun = await reads.polled(tx, billing.here.world.organisation)
    assert await invoice_reads.poll(*billing.key)
    assert begun is not None
    [first] = await billing.here.world.rows("select invoices_read_from from organisation")
    late = billing.clock.now() + timedelta(hours=1)
    async with billing.here.world.tx() as tx:  # a second worker read the same page, and settles later
        await reads.settle_page(tx, begun, [], last=True, asked_at=late, server_time=late)
    while await invoice_reads.poll(*billing.key):
        pass
    assert numbers == [1, 2, 3]
    assert await states(billing, invoices) == ALL_CHANGED
    [row] = await billing.here.world.rows("select invoice_page, invoice_cursor from organisation")
    assert row["invoice_page"] == 1
    assert row["invoice_cursor"] == first["invoices_read_from"] - OVERLAP


async def test_no_contact_is_missed_when_one_changes_between_two_pages_of_a_delta(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = await linked.here.world.rows(
        "select x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
        " where l.state = 'SYNCED' order by x.name limit 5"
    )
    for number, row in enumerate(rows):
        await edit(linked, str(row["xero_contact_id"]), fields={"EmailAddress": f"{number}@x.example"})

    async def change_again(page: Page[Any]) -> None:
        for one in page.items:
            await edit(linked, str(one.contact_id), fields={"FirstName": "Again"})

    numbers = in_pages_of_two(monkeypatch, "contacts_page", change_again)
    await poll(linked)
    assert numbers == [1, 2, 3]
    emails = await linked.here.world.rows(
        "select billing_email from contact where billing_email like '%@x.example' order by billing_email"
    )
    assert [row["billing_email"] for row in emails] == [f"{number}@x.example" for number in range(5)]
