"""The console's files and session: what a browser may keep, and what another site may not do."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from api.auth.callers import Callers
from api.context import Process
from api.http import console
from tests.api.connecting import Clock
from tests.api.edge import bearer
from tests.clients import web_client

OWN = {"x-tandem-console": "1"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def page(process: Process, tmp_path: Path, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a server whose console is built into `tmp_path`."""
    database = replace(process.database, clock=clock)
    timed = replace(process, database=database)
    app = Starlette(routes=console.routes(timed, Callers(timed.settings, database, timed.http), tmp_path))
    async with web_client(transport=httpx.ASGITransport(app), base_url="http://console.test") as client:
        yield client


async def sign_in(browser: httpx.AsyncClient, token: str) -> httpx.Response:
    return await browser.post("/console/session", headers=OWN | bearer(token))


async def test_a_reload_keeps_the_session_and_signing_out_ends_it(
    page: httpx.AsyncClient, token: str
) -> None:
    answer = await sign_in(page, token)
    assert (answer.status_code, answer.text) == (204, "")
    assert (await page.get("/console/session", headers=OWN)).json() == {"token": token}
    await page.delete("/console/session", headers=OWN)
    assert (await page.get("/console/session", headers=OWN)).status_code == 204


async def test_no_script_and_no_other_site_gets_the_cookie_and_it_does_not_show_the_token(
    page: httpx.AsyncClient, token: str
) -> None:
    given = (await sign_in(page, token)).headers["set-cookie"]
    [cookie] = SimpleCookie(given).values()
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "strict", "/console/session")
    assert token not in cookie.value
    assert token.encode() not in base64.urlsafe_b64decode(cookie.value + "==")


async def test_with_https_the_cookie_goes_over_https_only(process: Process, token: str) -> None:
    secure = replace(
        process, settings=process.settings.model_copy(update={"public_url": "https://t.example.com"})
    )
    app = Starlette(
        routes=console.routes(secure, Callers(secure.settings, secure.database, secure.http), Path("none"))
    )
    async with web_client(transport=httpx.ASGITransport(app), base_url="https://t.example.com") as browser:
        given = (await sign_in(browser, token)).headers["set-cookie"]
    assert given.startswith("__Secure-tandem_console=")
    assert "; Secure" in given


@pytest.mark.parametrize(
    "headers",
    [{}, OWN | {"sec-fetch-site": "cross-site"}, OWN | {"sec-fetch-site": "same-site"}],
    ids=["a plain request", "another site", "another host of the site"],
)
async def test_another_page_can_neither_read_nor_begin_nor_end_a_session(
    page: httpx.AsyncClient, token: str, headers: dict[str, str]
) -> None:
    await sign_in(page, token)
    for method in ("GET", "POST", "DELETE"):
        answer = await page.request(method, "/console/session", headers=headers | bearer(token))
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert (await page.get("/console/session", headers=OWN)).json() == {"token": token}


async def test_an_allowed_origin_may_not_send_the_consoles_header(stranger: httpx.AsyncClient) -> None:
    asks = {
        "origin": "https://app.example.com",
        "access-control-request-method": "GET",
        "access-control-request-headers": "x-tandem-console",
    }
    assert (await stranger.options("/console/session", headers=asks)).status_code == 400


async def test_graphql_does_not_read_the_cookie(stranger: httpx.AsyncClient, token: str) -> None:
    [cookie] = SimpleCookie((await sign_in(stranger, token)).headers["set-cookie"]).values()
    answer = await stranger.post(
        "/graphql", json={"query": "{ who }"}, headers={"cookie": f"{cookie.key}={cookie.value}"}
    )
    assert answer.status_code == 401


async def test_an_unknown_token_begins_no_session(page: httpx.AsyncClient) -> None:
    answer = await sign_in(page, "tdm_unknown")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "unknown, revoked or expired" in answer.text


async def test_a_session_lasts_twelve_hours_also_if_the_browser_keeps_the_cookie(
    page: httpx.AsyncClient, token: str, clock: Clock
) -> None:
    await sign_in(page, token)
    kept = OWN | {"cookie": "; ".join(f"{name}={value}" for name, value in page.cookies.items())}
    clock.ahead = timedelta(hours=11, minutes=59)
    assert (await page.get("/console/session", headers=kept)).status_code == 200
    clock.ahead = timedelta(hours=12, minutes=1)
    assert (await page.get("/console/session", headers=kept)).status_code == 204


@pytest.mark.parametrize("cookie", ["zz", "00", "01036b657900", "é"])
async def test_a_cookie_of_another_kind_is_no_session(page: httpx.AsyncClient, cookie: str) -> None:
    sent = OWN | {"cookie": f"tandem_console={cookie}"}
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    assert (await page.get("/console/session", headers=raw)).status_code == 204


@pytest.mark.parametrize("address", ["/console", "/console/issues"])
async def test_without_a_build_the_address_says_how_to_build(page: httpx.AsyncClient, address: str) -> None:
    answer = await page.get(address)
    assert answer.status_code == 503
    assert "make console" in answer.text


async def test_the_built_page_is_asked_for_each_time_and_its_files_are_kept(
    page: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "assets/index-1.js").write_text("1")
    shown = await page.get("/console/issues?sure=yes")
    assert (shown.text, shown.headers["cache-control"]) == ("<!doctype html>", "no-cache")
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert not any(word in policy for word in ("unsafe", "data:", "*", "sha256", "nonce", "http"))
    kept = await page.get("/console/assets/index-1.js")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await page.get("/console/assets/../index.html")).status_code in (200, 404)
    assert (await page.get("/console/assets/%2e%2e/index.html")).status_code == 404
