"""Custom connections end to end, with the simulator over real sockets."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from api.consent import connect
from api.relay import ids
from api.root import schema
from domain.connection.organisation_copy import OrganisationCopy
from domain.tables import ConnectionHealth, Organisation
from tests.api.connecting import Bench, opened
from tests.database import Place
from workers import health
from workers.process import Process as WorkerProcess
from xero.allowance import Priority
from xero.errors import CredentialsRefused
from xero.oauth import App
from xero.simulator.world import App as RegisteredApp

CONNECT = """mutation($i: ConnectCustomConnectionInput!) { connectCustomConnection(input: $i) {
  organisation { id name health } userErrors { code message path } } }"""
CREDENTIALS = {"clientId": "custom", "clientSecret": "hush"}


@pytest.fixture
async def bench(clean: Place) -> AsyncIterator[Bench]:
    """The settings name no app: custom connections need none."""
    async with opened(clean) as made:
        none = {"xero_client_id": None, "xero_client_secret": None}
        made.process = replace(made.process, settings=made.process.settings.model_copy(update=none))
        made.world.add_app(RegisteredApp("custom", "Custom", "hush", [], custom_tenant=made.tenants[0]))
        yield made


async def ask(bench: Bench, **given: Any) -> dict[str, Any]:
    result = await schema.execute(
        CONNECT, variable_values={"i": {**CREDENTIALS, **given}}, context_value=bench.context()
    )
    assert not result.errors, result.errors
    assert result.data is not None
    answer: dict[str, Any] = result.data["connectCustomConnection"]
    return answer


def worker(bench: Bench) -> WorkerProcess:
    api = bench.process
    return WorkerProcess(
        api.settings, api.database, api.keys, api.http, api.notifications, App.of(api.settings)
    )


async def read_name(bench: Bench, organisation: Organisation) -> str | None:
    """As a worker reads it, with the tokens that the database has."""
    process, copy = worker(bench), OrganisationCopy.of(organisation)
    async with health.watched(process, bench.workspace, copy):
        answer = await process.client(copy, Priority.BULK).organisation()
    return answer.value.name if isinstance(answer.value.name, str) else None


async def test_credentials_connect_an_organisation_and_a_worker_reads_it_for_hours(bench: Bench) -> None:
    answer = await ask(bench, clientSecret=" hush\n")
    [organisation] = await bench.organisations()
    assert answer == {
        "organisation": {
            "id": ids.encode("XeroOrganisation", organisation.id),
            "name": "Kererū & Co Accounting Ltd",
            "health": "HEALTHY",
        },
        "userErrors": [],
    }
    assert str(organisation.tenant_id) == bench.tenants[0]
    for hours in (0, 2, 4):
        bench.clock.ahead = timedelta(hours=hours)
        assert await read_name(bench, organisation) == "Kererū & Co Accounting Ltd"


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"clientSecret": "wrong"}, "INVALID", ["clientSecret"]),
        ({"clientId": "nobody's"}, "INVALID", ["clientSecret"]),
        ({"clientSecret": "  "}, "REQUIRED", ["clientSecret"]),
        ({"clientId": "x" * 256}, "TOO_LONG", ["clientId"]),
        ({"clientId": "a\u0007b"}, "INVALID", ["clientId"]),
    ],
)
async def test_credentials_that_xero_refuses_connect_nothing(
    bench: Bench, given: dict[str, str], code: str, path: list[str]
) -> None:
    answer = await ask(bench, **given)
    assert answer["organisation"] is None
    [error] = answer["userErrors"]
    assert (error["code"], error["path"]) == (code, path)
    assert await bench.organisations() == []


async def test_a_custom_connection_that_nobody_has_authorised_says_so(bench: Bench) -> None:
    bench.world.connections.clear()
    [error] = (await ask(bench))["userErrors"]
    assert (error["code"], error["path"]) == ("INVALID", ["clientId"])
    assert "an organisation has authorised it" in error["message"]


async def test_a_custom_connection_of_another_organisation_is_refused(bench: Bench) -> None:
    await ask(bench)
    [organisation] = await bench.organisations()
    bench.world.add_app(RegisteredApp("second", "Second", "hush", [], custom_tenant=bench.tenants[1]))
    key = ids.encode("XeroOrganisation", organisation.id)
    [error] = (await ask(bench, clientId="second", organisationId=key))["userErrors"]
    assert (error["code"], error["path"]) == ("OTHER_ORGANISATION", ["organisationId"])
    assert (await ask(bench, organisationId=key))["userErrors"] == []


async def test_a_changed_secret_degrades_the_organisation_until_the_new_one_is_given(bench: Bench) -> None:
    await ask(bench)
    bench.world.apps["custom"].secret = "new"
    bench.clock.ahead = timedelta(minutes=29)
    [before] = await bench.organisations()
    with pytest.raises(CredentialsRefused):
        await read_name(bench, before)
    [refused] = await bench.organisations()
    assert refused.health is ConnectionHealth.DEGRADED
    assert "connectCustomConnection" in (refused.health_message or "")
    assert (await ask(bench, clientSecret="new"))["userErrors"] == []
    [after] = await bench.organisations()
    assert (after.id, after.health) == (before.id, ConnectionHealth.HEALTHY)
    assert await read_name(bench, after)


async def test_a_secret_that_is_right_again_at_xero_needs_no_person(bench: Bench) -> None:
    await ask(bench)
    bench.world.apps["custom"].secret = "new"
    bench.clock.ahead = timedelta(minutes=29)
    [organisation] = await bench.organisations()
    with pytest.raises(CredentialsRefused):
        await read_name(bench, organisation)
    bench.world.apps["custom"].secret = "hush"
    [organisation] = await bench.organisations()
    assert await read_name(bench, organisation)
    assert (await bench.organisations())[0].health is ConnectionHealth.HEALTHY


async def test_disconnecting_leaves_the_custom_connection_at_xero(bench: Bench) -> None:
    await ask(bench)
    [organisation] = await bench.organisations()
    assert organisation.connection_id is None  # so there is none to end
    await connect.disconnect(bench.context(), organisation.id)
    assert (await bench.organisations())[0].health is ConnectionHealth.DISCONNECTED
    assert [one.tenant_id for one in bench.world.connections.values()] == [bench.tenants[0]]
    assert (await ask(bench))["userErrors"] == []


async def test_the_database_shows_no_secret(bench: Bench) -> None:
    await ask(bench)
    async with bench.process.database.door() as session:
        found = await session.execute(
            sa.text("select sealed, xero_user_id from door.list_seals(:now)"),
            {"now": bench.process.database.clock.now()},
        )
        [(sealed, user)] = found.all()
    assert b"hush" not in sealed
    assert user == UUID(int=0)
