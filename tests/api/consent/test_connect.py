"""Consent end to end, with the simulator over real sockets."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from api.consent import connect, flows
from domain.connection import health as connection_health
from domain.connection import organisations
from domain.problems import Code, Refused
from domain.tables import ConnectionHealth, Organisation
from runtime.settings import Settings
from tests.api.connecting import RETURN_TO, SPA, Bench, opened, settings_for, told
from tests.database import Place, row_of
from workers import due, importing, jobs
from workers.process import Process as WorkerProcess


@pytest.fixture
async def bench(clean: Place) -> AsyncIterator[Bench]:
    async with opened(clean) as made:
        yield made


def global_id(organisation: Organisation) -> str:
    return base64.urlsafe_b64encode(f"XeroOrganisation:{organisation.id}".encode()).decode().rstrip("=")


def worker_process(bench: Bench) -> WorkerProcess:
    api = bench.process
    return WorkerProcess(
        api.settings, api.database, api.keys, api.http, api.notifications, flows.registered_app(api.settings)
    )


def connections(bench: Bench) -> set[str]:
    """The tenants that Xero has as connected."""
    return {connection.tenant_id for connection in bench.world.connections.values()}


async def test_a_consent_connects_the_organisation_and_begins_an_import(bench: Bench) -> None:
    answer = await bench.go()
    [organisation] = await bench.organisations()
    assert answer == {"organisationId": global_id(organisation)}
    assert str(organisation.tenant_id) == bench.tenants[0]
    assert organisation.health is ConnectionHealth.HEALTHY
    assert organisation.base_currency == ""
    soon = bench.process.database.clock.now() + timedelta(seconds=1)
    assert [one.job.kind for one in await due.find(bench.process.database, soon)] == ["advance_import"]


async def test_a_worker_imports_a_connected_organisation(bench: Bench) -> None:
    """With the tokens that the callback sealed."""
    await bench.go()
    [before] = await bench.organisations()
    async with bench.context().transaction() as tx:
        row = await row_of(tx, "select id from import_run where workspace_id = :ws")
    assert row is not None
    assert await importing.advance(worker_process(bench), bench.workspace, row["id"])
    [after] = await bench.organisations()
    assert (after.id, after.name) == (before.id, "Kererū & Co Accounting Ltd")
    assert (after.base_currency, after.timezone, after.country_code) == ("NZD", "Pacific/Auckland", "NZ")


async def test_the_cookie_is_http_only_and_secure_under_https(bench: Bench, clean: Place) -> None:
    secure = replace(bench.process, settings=settings_for(clean, "http://x", public_url="https://t.example"))
    for process, expected in ((bench.process, False), (secure, True)):
        context = replace(bench.context(), process=process)
        await connect.begin_consent(context)
        assert context.response is not None
        cookie = context.response.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert ("Secure" in cookie, cookie.startswith("__Host-")) == (expected, expected)


async def test_a_consent_in_another_browser_needs_its_connect_button(bench: Bench) -> None:
    address = await connect.begin_consent(bench.context(), RETURN_TO)
    stranger = await bench.browser()
    page = await stranger.http.get(await stranger.consent(address))
    assert page.status_code == 200
    assert "Whitfield &amp; Co" in page.text
    assert "Setup &lt;script&gt;" in page.text
    assert "Kererū &amp; Co Accounting Ltd" in page.text
    assert f"form-action 'self' {SPA};" in page.headers["content-security-policy"]
    assert await bench.organisations() == []
    answer = told(await stranger.press(page))
    [organisation] = await bench.organisations()
    assert answer == {"organisationId": global_id(organisation)}
    assert (await stranger.press(page)).status_code == 400


async def test_do_not_connect_deletes_the_connection_at_xero(bench: Bench) -> None:
    address = await connect.begin_consent(bench.context(), RETURN_TO)
    stranger = await bench.browser()
    page = await stranger.http.get(await stranger.consent(address))
    assert connections(bench) == {bench.tenants[0]}
    assert told(await stranger.press(page, "no")) == {"error": "ACCESS_DENIED"}
    assert connections(bench) == set()
    assert await bench.organisations() == []


async def test_the_page_is_valid_for_ten_minutes(bench: Bench) -> None:
    address = await connect.begin_consent(bench.context(), RETURN_TO)
    stranger = await bench.browser()
    page = await stranger.http.get(await stranger.consent(address))
    bench.clock.ahead = timedelta(minutes=11)
    assert (await stranger.press(page)).status_code == 400
    assert await bench.organisations() == []


async def test_an_abandoned_page_does_not_block_the_next_consent(bench: Bench) -> None:
    """Xero keeps authEventId on a second consent, so a connection left at Xero would hide the new one."""
    address = await connect.begin_consent(bench.context(), RETURN_TO)
    stranger = await bench.browser()
    await stranger.http.get(await stranger.consent(address))
    assert await bench.go() == {"error": "STALE_CONNECTION"}
    assert "organisationId" in await bench.go()


async def test_a_button_without_a_page_does_nothing(bench: Bench) -> None:
    browser = await bench.browser()
    for form in ({}, {"token": "x", "answer": "yes"}):
        assert (await browser.http.post("/oauth/confirm", data=form)).status_code == 400


async def test_a_state_is_accepted_once(bench: Bench) -> None:
    browser, context = await bench.browser(), bench.context()
    address = await connect.begin_consent(context, RETURN_TO)
    assert context.response is not None
    browser.keep(context.response)
    back = await browser.consent(address)
    told(await browser.http.get(back))
    again = await browser.http.get(back)
    assert again.status_code == 400
    assert "not valid any more" in again.text
    assert len(await bench.organisations()) == 1


async def test_an_expired_or_invented_state_is_refused(bench: Bench) -> None:
    browser = await bench.browser()
    back = await browser.consent(await connect.begin_consent(bench.context(), RETURN_TO))
    bench.clock.ahead = timedelta(minutes=11)
    for address in (
        back,
        "/oauth/callback",
        "/oauth/callback?code=x&state=",
        "/oauth/callback?error=<b>&state=%00",
    ):
        answer = await browser.http.get(address)
        assert answer.status_code == 400
        assert "<b>" not in answer.text


async def test_a_used_code_is_refused(bench: Bench) -> None:
    browser = await bench.browser()
    spent = await browser.consent(await connect.begin_consent(bench.context(), RETURN_TO))
    code = parse_qs(urlsplit(spent).query)["code"][0]
    await browser.http.get(spent)
    other = await browser.consent(await connect.begin_consent(bench.context(), RETURN_TO))
    state = parse_qs(urlsplit(other).query)["state"][0]
    assert told(await browser.http.get(f"/oauth/callback?code={code}&state={state}")) == {
        "error": "CODE_REFUSED"
    }


async def test_a_denied_consent_returns_with_an_error(bench: Bench) -> None:
    assert await bench.go(action="cancel") == {"error": "ACCESS_DENIED"}
    assert await bench.organisations() == []


async def test_a_consent_without_an_answer_of_xero_returns_with_an_error(bench: Bench) -> None:
    fault = {"path": "/connect/token", "kind": "status", "status": 503}
    armed = await bench.xero.post(f"{bench.process.settings.xero_api_url}/simulator/faults", json=fault)
    assert armed.status_code < 300, armed.text
    assert await bench.go() == {"error": "XERO_UNAVAILABLE"}


async def test_without_a_return_address_a_page_shows_the_result(bench: Bench) -> None:
    browser = await bench.browser()
    back = await browser.consent(await connect.begin_consent(bench.context()))
    page = await browser.press(await browser.http.get(back))
    assert page.status_code == 200
    assert "The organisation is connected" in page.text


async def test_two_workspaces_of_one_xero_user_see_only_their_own_organisations(bench: Bench) -> None:
    first, second = bench.tenants
    other = await bench.make_workspace(uuid4(), "Other practice")
    await bench.go(tenantId=first)
    assert "organisationId" in await bench.go(workspace=other, tenantId=second)
    assert [str(each.tenant_id) for each in await bench.organisations(other)] == [second]
    [mine], [theirs] = await bench.organisations(), await bench.organisations(other)
    assert str(mine.tenant_id) == first
    assert mine.grant_id == theirs.grant_id  # one consent of one Xero user; the newest tokens serve both


async def test_an_organisation_connected_in_another_workspace_is_refused_and_stays_there(
    bench: Bench,
) -> None:
    other = await bench.make_workspace(uuid4(), "Other practice")
    await bench.go()
    assert await bench.go(workspace=other) == {"error": "CONNECTED_ELSEWHERE"}
    assert await bench.organisations(other) == []
    assert connections(bench) == {bench.tenants[0]}


async def test_reconnecting_the_same_organisation_keeps_its_row(bench: Bench) -> None:
    await bench.go()
    [before] = await bench.organisations()
    async with bench.context().transaction() as tx:
        await connection_health.locked_out(tx, before.id)
    assert await bench.go(organisation=before.id) == {"organisationId": global_id(before)}
    [after] = await bench.organisations()
    assert after.health is ConnectionHealth.HEALTHY
    assert after.id == before.id


async def test_reconnecting_with_another_organisation_is_refused(bench: Bench) -> None:
    first, second = bench.tenants
    await bench.go(tenantId=first)
    [organisation] = await bench.organisations()
    assert await bench.go(organisation=organisation.id, tenantId=second) == {"error": "OTHER_ORGANISATION"}
    assert len(await bench.organisations()) == 1
    assert connections(bench) == {first}


async def test_disconnecting_ends_the_connection_at_xero_and_reconnecting_keeps_the_row(bench: Bench) -> None:
    await bench.go()
    [organisation] = await bench.organisations()
    await connect.disconnect(bench.context(), organisation.id)
    assert connections(bench) == set()
    [ended] = await bench.organisations()
    assert (ended.health, ended.connection_id) == (ConnectionHealth.DISCONNECTED, None)
    assert await bench.go() == {"organisationId": global_id(organisation)}
    [back] = await bench.organisations()
    assert back.disconnected_at is None


async def test_a_disconnection_without_an_answer_of_xero_is_completed_when_repeated(bench: Bench) -> None:
    await bench.go()
    [organisation] = await bench.organisations()
    settings = bench.process.settings.model_copy(update={"xero_api_url": "http://127.0.0.1:9"})
    context = replace(bench.context(), process=replace(bench.process, settings=settings))
    await connect.disconnect(context, organisation.id)
    assert connections(bench) == {bench.tenants[0]}
    await connect.disconnect(bench.context(), organisation.id)
    assert connections(bench) == set()


async def test_a_worker_completes_a_disconnection_without_an_answer(bench: Bench) -> None:
    await bench.go()
    [organisation] = await bench.organisations()
    async with bench.context().transaction() as tx:
        await organisations.disconnect(tx, organisation.id)  # and the process died here
    process = worker_process(bench)
    assert await due.find(process.database, process.database.clock.now()) == []  # it may be at it just now
    bench.clock.ahead = timedelta(minutes=6)
    [found] = await due.find(process.database, process.database.clock.now())
    assert await jobs.run(process, found.job, asyncio.Event())
    assert connections(bench) == set()
    assert (await bench.organisations())[0].connection_id is None


async def test_a_late_disconnection_does_not_end_the_connection_of_another_workspace(bench: Bench) -> None:
    await bench.go()
    [organisation] = await bench.organisations()
    other = await bench.make_workspace(uuid4(), "Other practice")
    async with bench.context().transaction() as tx:
        await organisations.disconnect(tx, organisation.id)  # and the worker died here
    bench.world.connections.clear()
    assert "organisationId" in await bench.go(workspace=other)
    await connect.disconnect(bench.context(), organisation.id)
    assert connections(bench) == {bench.tenants[0]}


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "https://app.example.com.evil.example/",
        "https://app.example.com@evil.example/",
        "https://evil.example/@app.example.com",
        "http://app.example.com/",
        "javascript:alert(1)",
        "/a\nSet-Cookie: x=y",
        "settings",
        "https://[broken",
    ],
)
def test_a_return_address_on_another_site_is_refused(bench_settings: Settings, address: str) -> None:
    with pytest.raises(Refused) as refused:
        flows.check_return_to(bench_settings, address)
    assert [(problem.code, problem.path) for problem in refused.value.problems] == [
        (Code.INVALID, ("returnTo",))
    ]


@pytest.mark.parametrize(
    "address", ["/", "/settings?a=b#c", "https://app.example.com", "https://APP.example.com/x"]
)
def test_a_return_address_on_this_or_an_allowed_site_is_accepted(
    bench_settings: Settings, address: str
) -> None:
    assert flows.check_return_to(bench_settings, f" {address} ") == address


def test_a_blank_return_address_counts_as_absent(bench_settings: Settings) -> None:
    assert [flows.check_return_to(bench_settings, text) for text in (None, "", "  ")] == [None] * 3


@pytest.fixture
def bench_settings() -> Settings:
    return settings_for(Place("", "", "postgresql://x/y"), "http://x")


async def test_an_unknown_organisation_cannot_be_reconnected(bench: Bench) -> None:
    with pytest.raises(Refused) as refused:
        await connect.begin_consent(bench.context(), organisation_id=UUID(int=5))
    assert refused.value.problems[0].code is Code.NOT_FOUND


def test_every_error_of_a_consent_is_documented() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "CONNECTING.md").read_text()
    assert [failure for failure in connect.Failure if f"`{failure}`" not in guide] == []
    assert set(connect.TEXTS) == set(connect.Failure)
