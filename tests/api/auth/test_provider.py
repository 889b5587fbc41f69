"""Tokens of the identity provider: which are valid, and how often its keys are read."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from api.auth.provider import MOST_READS, InvalidToken, Provider, ProviderUnavailable
from runtime.clock import MachineClock
from runtime.settings import Settings, load
from tests.api.auth.issuer import AUDIENCE, ISSUER, SETTINGS, Issuer, new_key
from tests.patience import until


def settings(**changes: object) -> Settings:
    return load().model_copy(update={**SETTINGS, **changes})


@asynccontextmanager
async def provider(issuer: Issuer, fresh: float = 300, kept: float = 3600) -> AsyncIterator[Provider]:
    async with issuer.client() as http:
        yield Provider(settings(), http, MachineClock(), keys_fresh=fresh, keys_kept=kept)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_names_its_person_and_its_expiry(issuer: Issuer) -> None:
    async with provider(issuer) as checked:
        signed = await checked.verify(issuer.token())
        assert signed.subject == "ada"
        assert 200 < (signed.expires_at - MachineClock().now()).total_seconds() <= 300
        for _ in range(20):
            await checked.verify(issuer.token())
    assert issuer.asked == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seconds": -31}, "expired"),
        ({"aud": "another-api"}, "not meant for this server"),
        ({"aud": ["another-api"]}, "not meant for this server"),
        ({"without": "aud"}, "not meant for this server"),
        ({"iss": f"{ISSUER}/"}, "not meant for this server"),
        ({"without": "exp"}, "not valid"),
        ({"exp": "tomorrow"}, "not valid"),
        ({"exp": True}, "not valid"),
        ({"without": "sub"}, "not valid"),
        ({"sub": ""}, "not valid"),
        ({"sub": "a" * 256}, "not valid"),
        ({"sub": "a\x00b"}, "not valid"),
        ({"nbf": 4_000_000_000}, "not valid"),
        ({"iat": 4_000_000_000}, "not valid"),
        ({"typ": "logout+jwt"}, "no access token"),
        ({"typ": "dpop+jwt"}, "no access token"),
        ({"cnf": {"jkt": "x"}}, "bound to a key"),
    ],
)
async def test_a_token_that_is_not_for_this_server_now_is_refused(
    issuer: Issuer, changes: dict[str, object], says: str
) -> None:
    async with provider(issuer) as checked:
        with pytest.raises(InvalidToken, match=says):
            await checked.verify(issuer.token(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": -20},
        {"aud": ["another-api", AUDIENCE]},
        {"typ": "JWT"},
        {"exp": 10**40},
        {"without": "iat"},
    ],
)
async def test_a_token_within_the_leeway_and_of_any_usual_form_is_valid(
    issuer: Issuer, changes: dict[str, object]
) -> None:
    async with provider(issuer) as checked:
        await checked.verify(issuer.token(**changes))  # type: ignore[arg-type]


async def test_no_algorithm_counts_but_those_that_are_allowed(issuer: Issuer) -> None:
    """A token without a signature, one signed with the public key as a secret, and an algorithm that is not on the list."""
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    issuer.published.append(rsa)
    claims = json.loads(base64.urlsafe_b64decode(issuer.token().split(".")[1] + "=="))
    unsigned = f"{segment({'alg': 'none', 'typ': 'at+jwt'})}.{segment(claims)}."
    said = f"{segment({'alg': 'HS256', 'kid': 'rsa'})}.{segment(claims)}"
    code = hmac.digest(rsa.as_pem(private=False), said.encode(), "sha256")
    confused = f"{said}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"
    longer = jwt.encode({"alg": "RS512", "kid": "rsa"}, claims, rsa, algorithms=["RS512"])
    async with provider(issuer) as checked:
        await checked.verify(jwt.encode({"alg": "RS256", "kid": "rsa"}, claims, rsa))
        for token in (unsigned, confused, longer):
            with pytest.raises(InvalidToken):
                await checked.verify(token)


async def test_a_symmetric_key_that_the_provider_publishes_checks_nothing(issuer: Issuer) -> None:
    shared = OctKey.generate_key(256, {"kid": "shared"})
    issuer.published.append(shared)
    async with provider(issuer) as checked:
        with pytest.raises(InvalidToken):
            await checked.verify(issuer.token(key=shared, alg="HS256"))


@pytest.mark.parametrize(
    "token",
    [
        "..",
        "a.b.c",
        "é.é.é",
        f"{segment([])}.{segment({})}.x",
        f"{segment({'alg': ['ES256']})}.{segment({})}.x",
        f"{segment({'alg': 'ES256', 'kid': 7})}.{segment({})}.x",
        f"{segment({'alg': 'ES256', 'crit': ['x'], 'x': 1})}.{segment({})}.x",
        base64.urlsafe_b64encode(b"[" * 300).decode() + ".e30.x",
        base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".e30.x",
    ],
)
async def test_a_text_that_is_no_token_is_refused(issuer: Issuer, token: str) -> None:
    async with provider(issuer) as checked:
        with pytest.raises(InvalidToken):
            await checked.verify(token)


async def test_a_changed_claim_breaks_the_signature(issuer: Issuer) -> None:
    head, claims, signature = issuer.token(scope="READ").split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    async with provider(issuer) as checked:
        with pytest.raises(InvalidToken):
            await checked.verify(f"{head}.{segment({**said, 'tandem_scope': 'ADMIN'})}.{signature}")


async def test_a_new_key_of_the_provider_is_accepted_at_once_and_an_old_one_until_it_is_removed(
    issuer: Issuer,
) -> None:
    async with provider(issuer, fresh=2) as checked:
        old = issuer.token()
        await checked.verify(old)
        issuer.published.insert(0, new_key("second"))
        new = issuer.token()
        await checked.verify(new)
        await checked.verify(old)
        assert issuer.asked == 2
        issuer.published.pop()
        await asyncio.sleep(2.05)
        await checked.verify(new)  # begins to read the keys again, and waits for nothing
        await until(lambda: issuer.asked == 3)
        with pytest.raises(InvalidToken):
            await checked.verify(old)


async def test_a_key_without_an_id_that_was_replaced_is_found(issuer: Issuer) -> None:
    key = new_key("x")
    issuer.published = [key]
    async with provider(issuer) as checked:
        await checked.verify(issuer.token())
        issuer.published = [new_key("x")]
        await checked.verify(issuer.token())


async def test_a_flood_of_unknown_keys_asks_the_provider_a_few_times(issuer: Issuer) -> None:
    async with provider(issuer) as checked:
        await checked.verify(issuer.token())
        flood = [issuer.token(key=new_key(f"unknown {n}")) for n in range(50)]
        results = await asyncio.gather(*map(checked.verify, flood), return_exceptions=True)
        for token in flood:
            with pytest.raises(InvalidToken):
                await checked.verify(token)
        await checked.verify(issuer.token())
    assert {type(result) for result in results} == {InvalidToken}
    assert 1 < issuer.asked <= 1 + MOST_READS


async def test_while_the_provider_does_not_answer_its_last_keys_are_used_for_a_while(issuer: Issuer) -> None:
    async with provider(issuer, fresh=0, kept=2) as checked:
        await checked.verify(issuer.token())
        issuer.silent = True
        await checked.verify(issuer.token())
        await asyncio.sleep(2.05)
        with pytest.raises(ProviderUnavailable):
            await checked.verify(issuer.token())


async def test_nobody_signs_in_while_the_provider_has_never_answered_and_it_is_not_asked_at_once_again(
    issuer: Issuer,
) -> None:
    issuer.silent = True
    async with provider(issuer) as checked:
        for _ in range(3):
            with pytest.raises(ProviderUnavailable):
                await checked.verify(issuer.token())
            issuer.silent = False
    assert issuer.asked == 0


async def test_a_provider_that_names_another_issuer_is_not_trusted(issuer: Issuer) -> None:
    issuer.issuer = "https://elsewhere.example.com"
    async with provider(issuer) as checked:
        with pytest.raises(ProviderUnavailable):
            await checked.verify(issuer.token())
        with pytest.raises(ValueError, match="OIDC_ISSUER must be equal"):
            await checked.read_keys()


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "EC"}, {}]}', b"\xff", b" " * 600_000]
)
async def test_nobody_signs_in_while_the_keys_of_the_provider_are_unreadable(
    issuer: Issuer, body: bytes
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "well-known" in request.url.path:
            return httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"})
        return httpx.Response(200, content=body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(ProviderUnavailable):
            await Provider(settings(), http, MachineClock()).verify(issuer.token())
