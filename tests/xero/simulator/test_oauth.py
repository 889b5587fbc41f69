"""Consent, codes, tokens, connections."""

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.xero.simulator.serving import (
    API,
    SCOPES,
    connect,
    consent,
    exchange,
    frozen_clock,
    in_process,
    post_token,
    small_world,
)
from xero.simulator.clock import ShiftedClock
from xero.simulator.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_REDIRECT_URI
from xero.simulator.world import App, World


@pytest.fixture
def clock() -> ShiftedClock:
    return frozen_clock()


@pytest.fixture
def world(clock: ShiftedClock) -> World:
    return small_world(3, clock)


@pytest_asyncio.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with in_process(world) as client:
        yield client


async def refresh(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await post_token(http, grant_type="refresh_token", refresh_token=token)


def challenge_of(verifier: str) -> dict[str, str]:
    digest = hashlib.sha256(verifier.encode()).digest()
    return {
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


async def test_the_consent_page_offers_the_organisations(http: httpx.AsyncClient) -> None:
    params = {
        "response_type": "code",
        "client_id": DEMO_CLIENT_ID,
        "redirect_uri": DEMO_REDIRECT_URI,
        "scope": SCOPES,
        "state": '"><script>',
    }
    page = await http.get("/identity/connect/authorize", params=params)
    assert page.status_code == 200
    assert "Kererū &amp; Co Accounting Ltd" in page.text
    assert "<script>" not in page.text


async def test_the_oauth_flow_returns_tokens_with_the_users_claims(
    http: httpx.AsyncClient, world: World
) -> None:
    token = await connect(http)
    assert set(token) == {"access_token", "refresh_token", "expires_in", "token_type", "scope", "id_token"}
    claims = jwt.decode(token["access_token"], OctKey.import_key(world.signing_key)).claims
    connection = next(iter(world.connections.values()))
    assert claims["xero_userid"] == connection.user_id
    assert claims["authentication_event_id"] == connection.auth_event_id
    assert claims["exp"] - claims["nbf"] == token["expires_in"] == 1800


async def test_a_cancelled_consent_returns_an_error_and_the_state(http: httpx.AsyncClient) -> None:
    redirect = await consent(http, action="cancel", state="s&t")
    assert (redirect["error"], redirect["state"]) == ("access_denied", "s&t")


@pytest.mark.parametrize(
    "uri",
    ["http://localhost:8000/oauth/callback/", "http://127.0.0.1:8000/oauth/callback", "https://evil.example"],
)
async def test_other_redirect_uris_are_refused_on_the_page(
    http: httpx.AsyncClient, world: World, uri: str
) -> None:
    world.apps[DEMO_CLIENT_ID].redirect_uris.append("http://127.0.0.1:8000/oauth/callback")
    form = {"response_type": "code", "client_id": DEMO_CLIENT_ID, "redirect_uri": uri, "scope": SCOPES}
    answer = await http.post("/identity/connect/authorize", data=form | {"action": "allow"})
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_unknown_and_broad_scopes_are_refused(http: httpx.AsyncClient) -> None:
    for scope in ("accounting.everything", "accounting.transactions", ""):
        assert (await consent(http, scope=scope))["error"] == "invalid_scope"


async def test_a_code_works_once_within_five_minutes(http: httpx.AsyncClient, clock: ShiftedClock) -> None:
    code = (await consent(http))["code"]
    assert (await exchange(http, code)).status_code == 200
    assert (await exchange(http, code)).json() == {"error": "invalid_grant"}
    late = (await consent(http))["code"]
    clock.advance(timedelta(minutes=5))
    assert (await exchange(http, late)).json() == {"error": "invalid_grant"}


async def test_a_code_needs_its_pkce_verifier(http: httpx.AsyncClient) -> None:
    verifier = "v" * 43
    code = (await consent(http, **challenge_of(verifier)))["code"]
    assert (await exchange(http, code, code_verifier="w" * 43)).json() == {"error": "invalid_grant"}
    code = (await consent(http, **challenge_of(verifier)))["code"]
    assert (await exchange(http, code, code_verifier=verifier)).status_code == 200
    plain = await consent(http, code_challenge=verifier, code_challenge_method="plain")
    assert plain["error"] == "invalid_request"


async def test_an_app_authenticates_in_the_header_or_the_body(http: httpx.AsyncClient) -> None:
    form = {"grant_type": "authorization_code", "redirect_uri": DEMO_REDIRECT_URI}
    secret = {"client_id": DEMO_CLIENT_ID, "client_secret": DEMO_CLIENT_SECRET}
    wrong = await http.post("/connect/token", data=form | secret | {"client_secret": "x"})
    assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid_client"})
    code = (await consent(http))["code"]
    assert (await http.post("/connect/token", data=form | secret | {"code": code})).status_code == 200


async def test_a_refresh_without_an_answer_may_be_repeated_for_thirty_minutes(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    old = (await connect(http))["refresh_token"]
    assert (await refresh(http, old)).status_code == 200
    clock.advance(timedelta(minutes=29))
    assert (await refresh(http, old)).status_code == 200
    clock.advance(timedelta(minutes=1))
    assert (await refresh(http, old)).json() == {"error": "invalid_grant"}


async def test_using_the_new_token_ends_the_grace_period(http: httpx.AsyncClient) -> None:
    old = (await connect(http))["refresh_token"]
    new = (await refresh(http, old)).json()["refresh_token"]
    assert (await refresh(http, new)).status_code == 200
    assert (await refresh(http, old)).json() == {"error": "invalid_grant"}


async def test_an_unused_refresh_token_expires_after_sixty_days(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    token = (await connect(http))["refresh_token"]
    clock.advance(timedelta(days=60))
    assert (await refresh(http, token)).json() == {"error": "invalid_grant"}


async def test_no_refresh_token_without_offline_access(http: httpx.AsyncClient) -> None:
    assert "refresh_token" not in await connect(http, scope="accounting.contacts")


async def test_expired_and_foreign_tokens_are_refused(http: httpx.AsyncClient, clock: ShiftedClock) -> None:
    await connect(http)
    clock.advance(timedelta(minutes=30))
    expired = await http.get(f"{API}/Organisation")
    assert expired.status_code == 401
    assert expired.json()["Detail"] == "TokenExpired: token expired at 11/02/2026 09:30:00"
    forged = await http.get(f"{API}/Organisation", headers={"Authorization": "Bearer abc.def.ghi"})
    assert (forged.status_code, forged.json()["Detail"]) == (401, "AuthenticationUnsuccessful")


async def test_a_missing_scope_is_named_in_a_header(http: httpx.AsyncClient) -> None:
    await connect(http, scope="accounting.contacts.read")
    assert (await http.get(f"{API}/Contacts")).status_code == 200
    for answer in (await http.get(f"{API}/Accounts"), await http.put(f"{API}/Contacts", json={"Name": "x"})):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficent_scope"'


async def test_a_reconnect_keeps_the_auth_event_and_renews_the_updated_date(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    await connect(http)
    first = (await http.get("/Connections")).json()
    clock.advance(timedelta(minutes=10))
    await connect(http)
    second = (await http.get("/connections", params={"authEventId": first[0]["authEventId"]})).json()
    assert [c["id"] for c in second] == [c["id"] for c in first]
    assert second[0]["updatedDateUtc"] > first[0]["updatedDateUtc"] == "2026-11-02T09:00:00.0000000"


async def test_a_disconnected_organisation_answers_403_and_its_token_can_be_refreshed(
    http: httpx.AsyncClient,
) -> None:
    token = await connect(http)
    connection = (await http.get("/connections")).json()[0]
    assert (await http.delete(f"/connections/{connection['id']}")).status_code == 204
    assert (await http.delete(f"/connections/{connection['id']}")).status_code == 404
    refused = await http.get(f"{API}/Organisation")
    assert (refused.status_code, refused.json()["Detail"]) == (403, "AuthenticationUnsuccessful")
    assert (await refresh(http, token["refresh_token"])).status_code == 200


async def test_revocation_ends_every_connection_of_the_user(http: httpx.AsyncClient, world: World) -> None:
    one, other = await connect(http), await connect(http)
    answer = await http.post(
        "/connect/revocation", data={"token": one["refresh_token"]}, auth=(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET)
    )
    assert answer.status_code == 200
    assert world.connections == {}
    assert (await refresh(http, other["refresh_token"])).json() == {"error": "invalid_grant"}


async def test_a_custom_connection_needs_no_tenant_header(http: httpx.AsyncClient, world: World) -> None:
    tenant = next(iter(world.organisations))
    world.add_app(App("custom", "Custom", "s", [], custom_tenant=tenant))
    form = {"grant_type": "client_credentials", "scope": "accounting.contacts"}
    token = (await http.post("/connect/token", data=form, auth=("custom", "s"))).json()
    assert "refresh_token" not in token
    headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/json"}
    assert (await http.get(f"{API}/Contacts", headers=headers)).status_code == 200
    assert (await post_token(http, **form)).json() == {"error": "unauthorized_client"}


async def test_a_custom_connection_has_no_scopes_of_a_person_and_no_token_once_it_is_disconnected(
    http: httpx.AsyncClient, world: World
) -> None:
    tenant = next(iter(world.organisations))
    world.add_app(App("custom", "Custom", "s", [], custom_tenant=tenant))
    form = {"grant_type": "client_credentials", "scope": "accounting.contacts"}
    personal = form | {"scope": "openid accounting.contacts"}
    assert (await http.post("/connect/token", data=personal, auth=("custom", "s"))).json()[
        "error"
    ] == "invalid_scope"
    [connection] = world.connections_of("custom", None)
    world.disconnect(connection.id)
    refused = await http.post("/connect/token", data=form, auth=("custom", "s"))
    assert (refused.status_code, refused.json()) == (400, {"error": "unauthorized_client"})
