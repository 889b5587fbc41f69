"""Signing in to the console at the identity provider: authorization code with PKCE, and the session that renews its token."""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.applications import Starlette

from api.auth.callers import Callers
from api.context import Process
from api.http import console
from tests.api.auth.issuer import ISSUER, SETTINGS, Issuer
from tests.api.connecting import Clock
from tests.api.edge import make_workspace
from tests.clients import web_client

OWN = {"x-tandem-console": "1"}
DONE = "/console/sign-in/done"


@dataclass
class Codes:
    """The token endpoint of a provider: each code and each refresh token counts once."""

    issuer: Issuer
    workspace: UUID
    refreshing: bool = True
    seconds: float = 300
    challenge: str = ""
    valid: set[str] = field(default_factory=lambda: {"the-code"})
    asked: list[httpx.Request] = field(default_factory=list)

    def answer(self, request: httpx.Request, form: dict[str, str]) -> httpx.Response:
        self.asked.append(request)
        given = form.get("code") or form.get("refresh_token", "")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proven = base64.urlsafe_b64encode(digest).decode().rstrip("=") == self.challenge
        if given not in self.valid or not (proven or form["grant_type"] == "refresh_token"):
            said = {"error": "invalid_grant", "error_description": "grant request is invalid"}
            return httpx.Response(400, json=said)
        self.valid.remove(given)
        granted = {"access_token": self.issuer.token(self.workspace, seconds=self.seconds)}
        if self.refreshing:
            granted["refresh_token"] = f"refresh-{len(self.asked)}"
            self.valid.add(granted["refresh_token"])
        return httpx.Response(200, json=granted)


@dataclass
class Browser:
    http: httpx.AsyncClient
    codes: Codes
    clock: Clock

    async def begin(self, place: str = "") -> dict[str, str]:
        """The parameters with which the provider is asked."""
        answer = await self.http.get("/console/sign-in", params={"place": place} if place else None)
        assert answer.status_code == 303
        address = urlsplit(answer.headers["location"])
        assert f"{address.scheme}://{address.netloc}{address.path}" == f"{ISSUER}/authorize"
        asked = {name: value for name, [value] in parse_qs(address.query).items()}
        self.codes.challenge = asked["code_challenge"]
        return asked

    async def come_back(self, **given: str) -> httpx.Response:
        return await self.http.get(DONE, params=given)

    async def sign_in(self, place: str = "") -> httpx.Response:
        asked = await self.begin(place)
        return await self.come_back(code="the-code", state=asked["state"])

    async def session(self) -> httpx.Response:
        return await self.http.get("/console/session", headers=OWN)


@pytest.fixture
async def codes(owner: AsyncConnection) -> Codes:
    issuer = Issuer()
    codes = Codes(issuer, await make_workspace(owner))
    issuer.exchange = codes.answer
    return codes


@pytest.fixture
def more() -> dict[str, object]:
    """Settings besides those of the issuer."""
    return {}


@pytest.fixture
async def browser(process: Process, codes: Codes, more: dict[str, object]) -> AsyncIterator[Browser]:
    clock = Clock()
    chosen = {**SETTINGS, "oidc_client_id": "console", "public_url": "http://console.test", **more}
    async with codes.issuer.client() as provider:
        signed = replace(
            process,
            settings=process.settings.model_copy(update=chosen),
            http=provider,
            database=replace(process.database, clock=clock),
        )
        callers = Callers(signed.settings, signed.database, signed.http)
        app = Starlette(routes=console.routes(signed, callers, Path("none")))
        async with web_client(transport=httpx.ASGITransport(app), base_url="http://console.test") as http:
            yield Browser(http, codes, clock)


async def test_a_person_signs_in_with_a_code_and_no_address_holds_the_token(
    browser: Browser, codes: Codes
) -> None:
    asked = await browser.begin("/console/contacts?state=FAILING")
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"http://console.test{DONE}"
    back = await browser.come_back(code="the-code", state=asked["state"], iss=ISSUER)
    assert (back.status_code, back.headers["location"]) == (303, "/console/contacts?state=FAILING")
    given, ended = map(SimpleCookie, back.headers.get_list("set-cookie"))
    kept = given["tandem_console"]
    assert (kept["httponly"], kept["samesite"], kept["path"]) == (True, "strict", "/console/session")
    assert ended["tandem_sign_in"].value == ""
    session = (await browser.session()).json()
    assert session["token"].count(".") == 2
    assert session["expiresAt"] is not None


async def test_each_resume_renews_the_token_and_keeps_the_next_refresh_token(browser: Browser) -> None:
    await browser.sign_in()
    first, second = [(await browser.session()).json()["token"] for _ in range(2)]
    assert first != second


@pytest.mark.parametrize("more", [{"oidc_client_secret": SecretStr("s3cr/t")}])
async def test_a_client_with_a_secret_sends_the_secret_in_basic_authentication(
    browser: Browser, codes: Codes
) -> None:
    await browser.sign_in()
    [request] = codes.asked
    assert request.headers["authorization"] == f"Basic {base64.b64encode(b'console:s3cr%2Ft').decode()}"
    assert "secret" not in dict(parse_qsl(request.content.decode()))


@pytest.mark.parametrize("more", [{"oidc_client_parameters": ["audience=urn:tandem", "state=mine"]}])
async def test_the_request_for_a_code_has_the_parameters_of_the_settings(browser: Browser) -> None:
    asked = await browser.begin()
    assert asked["audience"] == "urn:tandem"
    assert asked["state"] != "mine"


async def test_without_a_refresh_token_the_session_gives_the_access_token(
    browser: Browser, codes: Codes
) -> None:
    codes.refreshing = False
    await browser.sign_in()
    assert (await browser.session()).json() == (await browser.session()).json()
    assert len(codes.asked) == 1


async def test_a_session_ends_when_the_provider_takes_no_refresh_token_any_more(
    browser: Browser, codes: Codes
) -> None:
    await browser.sign_in()
    codes.valid.clear()
    assert (await browser.session()).status_code == 204
    assert "tandem_console" not in browser.http.cookies


async def test_a_session_stays_while_the_provider_does_not_answer(browser: Browser, codes: Codes) -> None:
    await browser.sign_in()
    codes.issuer.silent = True
    assert (await browser.session()).status_code == 503
    codes.issuer.silent = False
    assert (await browser.session()).status_code == 200


async def test_renewed_tokens_do_not_outlive_the_sign_out_of_their_person(
    browser: Browser, owner: AsyncConnection, codes: Codes
) -> None:
    await browser.sign_in()
    assert (await browser.session()).status_code == 200
    # Signed out after the session began, and before the next token is issued.
    await owner.execute(
        sa.text("update app_user set signed_out_at = clock_timestamp() where workspace_id = :ws"),
        {"ws": codes.workspace},
    )
    codes.issuer.token, token = lambda *a, **k: token(*a, iat=4_000_000_000, **k), codes.issuer.token  # type: ignore[method-assign]
    assert (await browser.session()).status_code == 204


@pytest.mark.parametrize("code", ["guessed", ""])
async def test_a_code_that_the_provider_refuses_begins_no_session(browser: Browser, code: str) -> None:
    asked = await browser.begin()
    back = await browser.come_back(
        **({"code": code} if code else {"error": "access_denied"}), state=asked["state"]
    )
    assert back.status_code == 400
    assert ("grant request is invalid" if code else "access_denied") in back.text
    assert (await browser.session()).status_code == 204


@pytest.mark.parametrize("change", ["other state", "no state", "other browser", "too late", "other issuer"])
async def test_only_the_browser_that_began_a_sign_in_ends_it(
    browser: Browser, codes: Codes, change: str
) -> None:
    asked = await browser.begin()
    given = {"code": "the-code", "state": asked["state"]}
    if change == "other state":
        given["state"] = (await browser.begin())["state"][::-1]
    elif change == "no state":
        del given["state"]
    elif change == "other browser":
        browser.http.cookies.clear()
    elif change == "too late":
        browser.clock.ahead = timedelta(minutes=11)
    else:
        given["iss"] = "https://id.elsewhere.example"
    back = await browser.come_back(**given)
    assert back.status_code == 400
    assert "has not begun this sign-in" in back.text
    assert codes.asked == []


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example", "//elsewhere.example", "/console\\..", "/graphql"]
)
async def test_a_sign_in_leads_back_into_the_console_only(browser: Browser, wanted: str) -> None:
    assert (await browser.sign_in(wanted)).headers["location"] == "/console"


async def test_a_person_without_a_workspace_reads_the_reason(browser: Browser, codes: Codes) -> None:
    codes.workspace = None  # type: ignore[assignment]
    back = await browser.sign_in()
    assert back.status_code == 403
    assert "names no workspace" in back.text


async def test_a_token_that_does_not_fit_into_a_cookie_is_refused(browser: Browser, codes: Codes) -> None:
    codes.refreshing = False
    codes.issuer.token, token = lambda *a, **k: token(*a, groups=["g" * 4000], **k), codes.issuer.token  # type: ignore[method-assign]
    back = await browser.sign_in()
    assert back.status_code == 400
    assert "too long for a cookie" in back.text


async def test_an_access_token_for_another_server_is_refused_with_the_settings_to_change(
    browser: Browser, codes: Codes
) -> None:
    codes.issuer.token = lambda *_, **__: "opaque"  # type: ignore[method-assign]
    back = await browser.sign_in()
    assert back.status_code == 400
    assert "OIDC_CLIENT_PARAMETERS" in back.text


async def test_the_page_learns_how_to_sign_in(browser: Browser) -> None:
    answer = await browser.http.get("/console/sign-in/options")
    assert answer.json() == {"identityProvider": "/console/sign-in"}


@pytest.mark.parametrize("more", [{"oidc_client_id": None}])
async def test_without_a_client_id_there_is_no_sign_in_at_the_provider(browser: Browser) -> None:
    assert (await browser.http.get("/console/sign-in/options")).json() == {"identityProvider": None}
    assert (await browser.http.get("/console/sign-in")).status_code == 404
