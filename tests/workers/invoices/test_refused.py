"""Refusals and warnings of Xero about its own data, from the simulator to the invoice or link and back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.tables import Invoice, StoredFailure
from runtime.embedded import services as embedded
from tests.database import Place
from tests.domain.world import as_given
from tests.workers.billing import Billing, making
from tests.workers.connected import send_due


@pytest.fixture
async def here(clean: Place, services: embedded.Services) -> AsyncIterator[Billing]:
    async with making(clean, services) as made:
        yield made


async def typed_in_xero(here: Billing, **fields: str) -> None:
    own = await here.contact_in_xero()
    await here.act("POST", f"contacts/{own}", {"fields": fields})
    here.later(timedelta(minutes=2))  # a second look is taken a little later
    await here.read_contacts()


async def refused(here: Billing) -> tuple[Invoice, StoredFailure]:
    made = await here.there()
    assert made.failure is not None
    return made, made.failure


async def test_an_invoice_refused_for_its_contacts_email_is_sent_once_the_email_is_corrected(
    here: Billing,
) -> None:
    await typed_in_xero(here, EmailAddress="bad@")
    made, failure = await refused(here)
    assert (failure["code"], failure["remedy"], failure["message"]) == (
        "INVALID_IN_XERO",
        "UPDATE_CONTACT",
        "Contact: Email address must be valid.",
    )
    assert failure["subjects"] == [f"Contact:{here.contact}"]
    await here.send()  # it waits
    assert (await here.look(made)).xero_invoice_id is None
    await typed_in_xero(here, EmailAddress="good@example.com")
    await here.send()
    assert (await here.look(made)).sync_state == "SYNCED"


async def test_an_invoice_refused_for_the_contacts_website_has_the_remedy_in_xero(here: Billing) -> None:
    await typed_in_xero(here, Website="not one")
    world = here.here.world

    async def send() -> dict[str, Any]:
        while await send_due(here.here.process, world.workspace, world.organisation):
            pass
        [link] = await world.rows(
            "select * from sync_link where workspace_id = :ws and contact_id = :id", id=here.contact
        )
        return dict(link)

    async with world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, here.contact, as_given({"name": "Renamed Here Ltd"}))
        touched.add(here.contact)
    link = await send()
    assert (link["state"], link["failure"]["code"], link["failure"]["remedy"]) == (
        "FAILING",
        "INVALID_IN_XERO",
        "IN_XERO",
    )
    assert "on the contact's page in Xero" in link["failure"]["message"]
    await typed_in_xero(here, Website="https://ann.example.org")
    link = await send()
    assert (link["state"], link["failure"]) == ("SYNCED", None)


async def test_a_warning_is_stored_with_an_invoice_that_xero_accepted(here: Billing) -> None:
    await here.fault(kind="warn", message="The CurrencyRate is unusual.", path="/Invoices")
    made = await here.there()
    assert (made.sync_state, made.warnings) == ("SYNCED", ["The CurrencyRate is unusual."])


async def test_an_error_on_any_part_is_shown_with_its_place(here: Billing) -> None:
    await here.fault(kind="refuse", message="Account must be valid.", path="/Invoices")
    _, failure = await refused(here)
    assert (failure["code"], failure["remedy"]) == ("ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING")
    [account] = [UUID(one.removeprefix("XeroAccount:")) for one in failure["subjects"]]
    rows = await here.here.world.rows("select code from xero_account where id = :id", id=account)
    assert rows == [{"code": "200"}]
    await here.fault(kind="refuse", message="Website must be valid.", part="Contact", path="/Invoices")
    _, failure = await refused(here)
    assert (failure["remedy"], failure["message"][:32]) == ("IN_XERO", "Contact: Website must be valid. ")
