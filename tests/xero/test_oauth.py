"""Consent, tokens and connections."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clients import web_client
from tests.xero.make import NOW, Script, jwt
from xero import oauth
from xero.errors import Misconfigured, NeedsReconnect, Reason, Retry, Unauthorised, XeroError
from xero.oauth import App
from xero.payloads import Claims, Connection, XeroTime

APP = App("client", "secret", "http://localhost:8000/oauth/callback", "offline_access accounting.contacts")
TOKENS = {
    "access_token": "access",
    "refresh_token": "refresh",
    "expires_in": 1800,
    "token_type": "Bearer",
    "scope": "offline_access",
    "id_token": "id",
    "new_in_2027": 1,
}
USER, EVENT = uuid4(), uuid4()
CLAIMS = Claims(xero_userid=USER, authentication_event_id=EVENT)


def http(*replies: httpx.Response | Exception) -> tuple[httpx.AsyncClient, Script]:
    script = Script(*replies)
    return web_client(transport=script), script


def connection(minutes: int = 0, event: UUID | None = None, kind: str = "ORGANISATION") -> Connection:
    """One that was updated so many minutes after the flow began."""
    updated = XeroTime.fromtimestamp((NOW + timedelta(minutes=minutes)).timestamp(), NOW.tzinfo)
    return Connection(
        id=uuid4(), tenant_id=uuid4(), tenant_type=kind, auth_event_id=event, updated_date_utc=updated
    )


def test_the_consent_url_carries_state_and_challenge_but_no_secret() -> None:
    url = oauth.consent_url(APP, "the state", "v" * 43)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith("https://login.xero.com/identity/connect/authorize?")
    assert query["state"] == "the state"
    assert query["redirect_uri"] == APP.redirect_uri
    assert query["code_challenge_method"] == "S256"
    assert "v" * 43 not in url
    assert "secret" not in url


def test_the_challenge_equals_the_example_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert oauth.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_secrets_are_long_and_all_different() -> None:
    made = {oauth.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(secret) for secret in made} == {43}


async def test_a_code_is_exchanged_with_its_verifier() -> None:
    client, script = http(httpx.Response(200, json=TOKENS))
    tokens = await oauth.exchange(client, APP, "the code", "the verifier")
    form = {name: values[0] for name, values in parse_qs(script.requests[0].content.decode()).items()}
    assert form == {
        "grant_type": "authorization_code",
        "code": "the code",
        "redirect_uri": APP.redirect_uri,
        "code_verifier": "the verifier",
    }
    basic = base64.b64encode(b"client:secret").decode()
    assert script.requests[0].headers["authorization"] == f"Basic {basic}"
    assert (tokens.access_token, tokens.refresh_token) == ("access", "refresh")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), NeedsReconnect),
        (httpx.Response(400, json={"error": "invalid_scope"}), Misconfigured),
        (httpx.Response(401, json={"error": "invalid_client"}), Misconfigured),
        (httpx.Response(400, text="<html>"), Misconfigured),
        (httpx.Response(403, json={"error": "unauthorized_client"}), Misconfigured),
        (httpx.Response(403, json={"error": "Forbidden"}), Retry),  # a firewall's own JSON
        (httpx.Response(403, json={"error": {"code": 403}}), Retry),
        (httpx.Response(403, text="<html>"), Retry),
        (httpx.Response(403), Retry),
        (httpx.Response(401), Retry),
        (httpx.Response(400, text="<html>", headers={"content-type": "text/html"}), Retry),
        (httpx.Response(302, headers={"location": "https://portal.example"}), Retry),
        (httpx.Response(429), Retry),
        (httpx.Response(502), Retry),
        (httpx.ReadTimeout("slow"), Retry),
        (httpx.ConnectError("down"), Retry),
        (httpx.Response(200, text="<html>", headers={"content-type": "text/html"}), Retry),
        (httpx.Response(200, json={"access_token": "access"}), Retry),
    ],
)
async def test_a_failed_refresh_says_whether_to_retry_or_to_reconnect(
    reply: httpx.Response | Exception, kind: type[XeroError]
) -> None:
    client, _ = http(reply)
    with pytest.raises(kind) as caught:
        await oauth.refresh(client, APP, "the refresh token")
    assert "the refresh token" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_times_of_connections_with_seven_decimal_places_are_read() -> None:
    body: list[dict[str, Any]] = [
        {
            "id": str(uuid4()),
            "authEventId": str(EVENT),
            "tenantId": str(uuid4()),
            "tenantType": "ORGANISATION",
            "tenantName": None,
            "createdDateUtc": "2019-07-09T23:40:30.1833130",
            "updatedDateUtc": "2020-05-15T01:35:13.8491980",
        }
    ]
    client, script = http(httpx.Response(200, json=body))
    found = await oauth.connections(client, APP, "access")
    assert found[0].auth_event_id == EVENT
    assert found[0].updated_date_utc == XeroTime(2020, 5, 15, 1, 35, 13, 849198, NOW.tzinfo)
    assert script.requests[0].headers["authorization"] == "Bearer access"


@pytest.mark.parametrize("status", [204, 404])
async def test_deleting_a_connection_twice_succeeds(status: int) -> None:
    connection_id = uuid4()
    client, script = http(httpx.Response(status))
    await oauth.delete_connection(client, APP, "access", connection_id)
    assert (script.requests[0].method, script.requests[0].url.path) == (
        "DELETE",
        f"/connections/{connection_id}",
    )


async def test_a_refused_token_deletes_nothing() -> None:
    said = {"Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired"}
    client, _ = http(httpx.Response(401, json=said))
    with pytest.raises(Unauthorised):
        await oauth.delete_connection(client, APP, "access", uuid4())


def test_claims_name_the_user_of_the_token() -> None:
    token = jwt(xero_userid=str(USER), authentication_event_id=str(EVENT), scope=["a", "b"], exp=1)
    assert oauth.read_claims(token) == CLAIMS


@pytest.mark.parametrize("token", ["", "opaque", "a.b", "a.!!.c", "a.eyJ4IjoxfQ.c", "a.\xff.c"])
def test_a_token_without_claims_is_refused_without_being_quoted(token: str) -> None:
    with pytest.raises(Retry) as caught:
        oauth.read_claims(token)
    assert caught.value.reason is Reason.UNREADABLE_ANSWER


# -- which organisations a consent gave


def test_a_consent_grants_the_connections_with_its_auth_event() -> None:
    ours, earlier = connection(event=EVENT), connection(1, event=uuid4())
    assert oauth.granted([earlier, ours], CLAIMS, NOW, {earlier.tenant_id}) == [ours]


def test_a_reconnect_grants_the_known_organisation_that_was_updated_since() -> None:
    known, stranger, old = connection(1, uuid4()), connection(1, uuid4()), connection(-10, uuid4())
    found = oauth.granted([stranger, old, known], CLAIMS, NOW, {known.tenant_id, old.tenant_id})
    assert found == [known]


def test_an_unknown_organisation_with_another_auth_event_is_never_granted() -> None:
    assert oauth.granted([connection(1, uuid4())], CLAIMS, NOW, set()) == []


def test_a_token_without_an_auth_event_grants_no_connection_without_one() -> None:
    claims = replace_event(CLAIMS)
    assert oauth.granted([connection(1, None)], claims, NOW, set()) == []


def test_a_tenant_of_another_type_is_no_organisation() -> None:
    assert oauth.granted([connection(event=EVENT, kind="PRACTICE")], CLAIMS, NOW, set()) == []


def replace_event(claims: Claims) -> Claims:
    return Claims(xero_userid=claims.xero_userid)


def test_the_app_does_not_show_its_secret() -> None:
    assert "s3cr3t" not in repr(replace(APP, client_secret="s3cr3t"))
