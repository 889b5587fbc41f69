"""Tokens of two real identity providers of npm. `make test-providers` installs and runs them; without node these tests are skipped."""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.callers import Callers
from api.auth.credentials import Credential
from api.auth.provider import Provider
from api.context import Process
from api.http.app import create_app
from tests.api.edge import (
    acknowledged,
    ask,
    bearer,
    data,
    hear,
    make_workspace,
    say,
    serving,
    small_schema,
    with_settings,
)
from tests.clients import web_client
from tests.patience import patience

FOLDER = Path(__file__).resolve().parents[2] / "oidc_provider"
AUDIENCE = "urn:tandem"
CONSOLE = "http://console.test"
BACK = ("http://127.0.0.1:1/", f"{CONSOLE}/")
HERE = (FOLDER / "node_modules").is_dir() and shutil.which("node") is not None
pytestmark = pytest.mark.skipif(not HERE, reason="needs node: `make test-providers` installs the providers")


@asynccontextmanager
async def running(script: str, workspace: UUID, *words: str) -> AsyncIterator[str]:
    """The provider's address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "node", script, str(port), str(workspace), *words, cwd=FOLDER, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with patience(60):
            while not (line := await process.stdout.readline()).startswith(b"ready "):
                assert line, "the provider has ended"
        yield line.decode().split()[1]
    finally:
        process.kill()
        await process.wait()


async def sign_in(issuer: str) -> str:
    """An access token by the authorization code flow: the pages of sign-in and consent are filled in as a browser does."""
    request = {"client_id": "console", "response_type": "code", "scope": "openid api", "resource": AUDIENCE}
    async with web_client(base_url=issuer) as http:
        page = await fill_in(http, await http.get("/auth", params=request))
        code = httpx.URL(page.headers["location"]).params["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1:1/back"}
        answer = await http.post("/token", data=form, auth=("console", "only-for-tests"))
        token: str = answer.json()["access_token"]
        return token


async def fill_in(http: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """The pages of sign-in and consent, up to the way back to the client."""
    page = await follow(http, answer)
    for prompt in ("login", "consent"):
        action = re.search(r'action="([^"]+)"', page.text)
        assert action is not None, page.text
        form = {"prompt": prompt, "login": "ada", "password": "any"}
        page = await follow(http, await http.post(action[1], data=form))
    return page


async def follow(http: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """Follows redirects until a page, or the way back to the client."""
    while answer.is_redirect and not answer.headers["location"].startswith(BACK):
        answer = await http.get(answer.headers["location"])
    return answer


def with_provider(process: Process, issuer: str) -> Process:
    return with_settings(process, oidc_issuer=issuer, oidc_audience=[AUDIENCE])


async def test_a_person_signs_in_at_a_certified_provider_and_its_keys_rotate_under_an_open_stream(
    process: Process, owner: AsyncConnection
) -> None:
    workspace = await make_workspace(owner)
    async with running("oidc-provider.mjs", workspace) as issuer, web_client(base_url=issuer) as provider:
        signed = with_provider(process, issuer)
        old = await sign_in(issuer)
        async with (
            serving(signed) as edge,
            web_client(base_url=f"http://{edge}") as http,
            acknowledged(edge, old) as ws,
        ):
            await say(ws, {"type": "subscribe", "id": "1", "payload": {"query": "subscription {forever}"}})
            assert (await hear(ws))["type"] == "next"
            http.headers.update(bearer(old))
            assert data(await ask(http, "{who}")) == {"who": "Ada Lovelace"}
            assert "errors" not in (await ask(http, "mutation {rule}")).json()
            await provider.post("/test/rotate")
            new = await sign_in(issuer)
            for token in (new, old):
                http.headers.update(bearer(token))
                assert (await ask(http, "{who}")).status_code == 200
            await say(ws, {"type": "ping"})
            assert (await hear(ws))["type"] == "pong"
        await provider.post("/test/forget")
        checked = Provider(signed.settings, signed.http, signed.database.clock, keys_fresh=0.0)
        callers = Callers(signed.settings, signed.database, signed.http, checked)
        streams = {Credential(old), Credential(new)}
        assert await callers.find_valid(streams) == {Credential(new)}


async def test_a_person_signs_in_at_a_second_provider(process: Process, owner: AsyncConnection) -> None:
    workspace = await make_workspace(owner)
    async with (
        running("oauth2-mock-server.mjs", workspace) as issuer,
        web_client(base_url=issuer) as provider,
    ):
        form = {"grant_type": "client_credentials"}
        token = (await provider.post("/token", data=form)).json()["access_token"]
        async with (
            serving(with_provider(process, issuer)) as edge,
            web_client(base_url=f"http://{edge}", headers=bearer(token)) as http,
        ):
            assert data(await ask(http, "{who}")) == {"who": "Grace Hopper"}
            assert "FORBIDDEN" in (await ask(http, "mutation {rule}")).text


async def test_a_person_signs_in_to_the_console_and_the_session_renews_its_token(
    process: Process, owner: AsyncConnection
) -> None:
    workspace = await make_workspace(owner)
    async with (
        running("oidc-provider.mjs", workspace, f"{CONSOLE}/console/sign-in/done") as issuer,
        web_client(base_url=issuer) as provider,
    ):
        settings = {"oidc_client_id": "public", "oidc_client_parameters": [f"resource={AUDIENCE}"]}
        signed = with_settings(with_provider(process, issuer), public_url=CONSOLE, **settings)
        app = create_app(signed, small_schema())
        async with (
            app.router.lifespan_context(app),
            web_client(transport=httpx.ASGITransport(app), base_url=CONSOLE) as browser,
        ):
            begun = await browser.get("/console/sign-in")
            back = await fill_in(provider, await provider.get(begun.headers["location"]))
            done = await browser.get(back.headers["location"])
            assert (done.status_code, done.headers["location"]) == (303, "/console")
            tokens = set()
            for _ in range(2):  # the provider takes each refresh token once
                session = await browser.get("/console/session", headers={"x-tandem-console": "1"})
                token = session.json()["token"]
                tokens.add(token)
                browser.headers.update(bearer(token))
                assert data(await ask(browser, "{who}")) == {"who": "Ada Lovelace"}
            assert len(tokens) == 2
