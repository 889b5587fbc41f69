"""Several organisations of other countries and currencies in one simulator."""

from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio

from tests.xero.simulator.described import DESCRIBED, problems
from tests.xero.simulator.sales import line, made, refused, sale
from tests.xero.simulator.serving import API, connect, frozen_clock, in_process, names, small_world
from xero import timezones
from xero.simulator.contact_input import parse_contact
from xero.simulator.contact_json import Form, render_contact
from xero.simulator.countries import COUNTRIES, Country
from xero.simulator.demo import demo_world


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of one user who has connected five organisations, each by its own consent."""
    world = demo_world(25, 7, frozen_clock(), organisations=5)
    async with in_process(world) as client:
        for tenant in world.organisations:
            await connect(client, tenantId=tenant)
        yield client


async def choose(http: httpx.AsyncClient, country: Country) -> None:
    connections = (await http.get("/connections")).json()
    [tenant] = [one["tenantId"] for one in connections if one["tenantName"] == country.organisation]
    http.headers["Xero-Tenant-Id"] = tenant


def test_the_first_organisation_equals_that_of_a_world_with_one() -> None:
    one, five = small_world(), demo_world(25, 7, frozen_clock(), organisations=5)
    [alone] = one.organisations.values()
    first, second, *_ = five.organisations.values()
    assert (first.id, list(first.contacts)) == (alone.id, list(alone.contacts))
    assert {contact.id for contact in first.contacts}.isdisjoint(contact.id for contact in second.contacts)
    assert len(demo_world(1, 1, frozen_clock(), organisations=7).organisations) == 7


@pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.code)
async def test_each_country_has_its_own_currency_zone_and_taxes(
    http: httpx.AsyncClient, country: Country
) -> None:
    await choose(http, country)
    for path in ("Organisation", "Accounts", "TaxRates", "Currencies"):
        answer = await http.get(f"{API}/{path}")
        if DESCRIBED:
            assert problems(path if path.endswith("s") else f"{path}s", answer) == []
    organisation = (await http.get(f"{API}/Organisation")).json()["Organisations"][0]
    assert (organisation["BaseCurrency"], organisation["CountryCode"]) == (country.currency, country.code)
    zone, known = timezones.iana(organisation["Timezone"])
    assert known
    assert ZoneInfo(zone).key == zone
    rates = {rate.tax_type: rate.percent for rate in country.rates}
    invoice = await made(http, line(TaxType=country.sales), line(AccountCode="215", UnitAmount="10"))
    assert invoice["CurrencyCode"] == country.currency
    taxed, free = invoice["LineItems"]
    assert taxed["TaxAmount"] == round(rates[country.sales], 2)
    assert (free["TaxType"], free["TaxAmount"]) == (country.zero_rated, 0)
    assert len(await names(http)) > 20


async def test_a_tax_type_of_another_country_is_refused(http: httpx.AsyncClient) -> None:
    await choose(http, COUNTRIES[1])
    assert await refused(http, "PUT", await sale(http, line(TaxType="OUTPUT2"))) == [
        "The TaxType code OUTPUT2 does not exist or cannot be used for this type of transaction.",
        "The TaxType code 'OUTPUT2' cannot be used with account code '200'.",
    ]
    untaxed = await made(http, line(), LineAmountTypes="NoTax")
    assert (untaxed["LineItems"][0]["TaxType"], untaxed["Total"]) == ("NONE", 100)


@pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.code)
def test_contacts_of_each_country_obey_the_rules_of_the_api(country: Country) -> None:
    organisations = demo_world(300, 3, frozen_clock(), organisations=5).organisations.values()
    [own] = [one for one in organisations if one.name == country.organisation]
    for contact in own.contacts:
        assert parse_contact(render_contact(contact, Form.DETAIL)).errors == []
        assert contact.other in ({}, {"DefaultCurrency": country.currency})
        assert all(p.country.removeprefix("+") in ("", country.calling_code) for p in contact.phones.values())
