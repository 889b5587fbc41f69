"""The tokens of a consent: sealed, shared, and refreshed by one caller at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import httpx
import pytest

from domain.connection.oauth_grants import LEASE, Grant, Grants
from runtime.database import Database, connect
from runtime.seal import KeyRing, new_key
from tests.clients import web_client
from tests.database import Place
from tests.domain.connection.clock import Clock
from xero import oauth
from xero.errors import KeyMissing, NeedsReconnect, Reason, Retry
from xero.oauth import App
from xero.payloads import ClientTokenAnswer, TokenAnswer
from xero.tokens import NO_USER, GrantTokens, expires_at, seal_client_token, seal_tokens

APP = App("client", "secret", "http://localhost/cb", "offline_access accounting.contacts")
RING = KeyRing.parse([new_key("test")])


class Identity(httpx.AsyncBaseTransport):
    """Xero's token endpoint: each refresh token is good once, for the next pair. `fault` is answered instead."""

    def __init__(self) -> None:
        self.current = "refresh-0"
        self.count = 0
        self.fault: httpx.Response | Exception | None = None
        self.gate: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        form = parse_qs((await request.aread()).decode())
        self.asked.set()
        if self.gate:
            await self.gate.wait()
        if isinstance(self.fault, Exception):
            raise self.fault
        if self.fault:
            return self.fault
        if form["grant_type"] == ["client_credentials"]:
            self.count += 1
            assert "offline_access" not in form["scope"][0]
            return httpx.Response(200, json={"access_token": f"access-{self.count}", "expires_in": 1800})
        if form["refresh_token"] != [self.current]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.count += 1
        self.current = f"refresh-{self.count}"
        return httpx.Response(200, json=pair(self.count))


def pair(number: int) -> dict[str, Any]:
    return {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 1800}


@pytest.fixture
async def database(clean: Place) -> AsyncIterator[Database]:
    made = connect(clean.app_url)
    yield made
    await made.close()


class Made:
    """A kept grant, and everything that asks for its tokens."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.grants = Grants(database.call_door, self.clock)
        self.identity = Identity()
        self.user = uuid4()
        self.id = uuid4()
        self.slept = 0.0

    async def keep(self, number: int = 0) -> UUID:
        tokens = TokenAnswer(**pair(number))
        sealed = seal_tokens(RING, tokens, APP.client_id, self.user)
        self.id = await self.grants.keep(
            APP.client_id, self.user, sealed, expires_at(tokens, self.clock.now())
        )
        return self.id

    async def keep_custom(self) -> UUID:
        answer = ClientTokenAnswer(access_token="access-0", expires_in=1800)
        sealed = seal_client_token(RING, answer, "custom", "hush")
        until = expires_at(answer, self.clock.now())
        self.id = await self.grants.keep("custom", NO_USER, sealed, until)
        return self.id

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        await asyncio.sleep(0)

    def tokens(self, database: Database | None = None) -> GrantTokens[Grant]:
        """As one process has them."""
        return GrantTokens(
            http=web_client(transport=self.identity),
            app=APP,
            grants=Grants(database.call_door, self.clock) if database else self.grants,
            seal=RING,
            clock=self.clock,
            grant_id=self.id,
            sleep=self.sleep,
        )

    async def grant(self) -> Grant:
        found = await self.grants.find(self.id)
        assert found
        return found


@pytest.fixture
async def made(database: Database) -> Made:
    made = Made(database)
    await made.keep()
    return made


async def test_a_valid_token_is_returned_without_a_call_to_xero(made: Made) -> None:
    assert await made.tokens().access_token() == "access-0"
    assert made.identity.count == 0


async def test_a_token_is_renewed_before_it_ends(made: Made) -> None:
    made.clock.move(1800 - 119)
    assert await made.tokens().access_token() == "access-1"
    assert await made.tokens().access_token() == "access-1"
    assert made.identity.count == 1


async def test_a_token_that_xero_refused_is_refreshed_once_for_all_callers(made: Made) -> None:
    assert await made.tokens().refresh("access-0") == "access-1"
    assert await made.tokens().refresh("access-0") == "access-1"
    assert made.identity.count == 1


async def test_twenty_callers_in_two_processes_refresh_once(made: Made, clean: Place) -> None:
    databases = [connect(clean.app_url, pool_size=5) for _ in range(2)]
    made.clock.move(1800)
    asked = [made.tokens(databases[n % 2]).access_token() for n in range(20)]
    assert set(await asyncio.gather(*asked)) == {"access-1"}
    assert made.identity.count == 1
    for database in databases:
        await database.close()


async def test_a_custom_connection_fetches_a_token_before_it_ends_and_once_for_all_callers(
    made: Made, clean: Place
) -> None:
    await made.keep_custom()
    assert await made.tokens().access_token() == "access-0"
    made.clock.move(1800 - 119)
    other = connect(clean.app_url, pool_size=5)
    asked = [made.tokens(database).access_token() for database in (other, None) * 5]
    assert set(await asyncio.gather(*asked)) == {"access-1"}
    made.clock.move(1800)
    assert await made.tokens().access_token() == "access-2"
    assert made.identity.count == 2
    await other.close()


async def test_a_caller_that_waits_too_long_for_a_refresh_retries_later(made: Made) -> None:
    assert await made.grants.lease(await made.grant())
    with pytest.raises(Retry) as caught:
        await made.tokens().refresh("access-0")
    assert caught.value.reason is Reason.TOKEN_BUSY
    assert made.identity.count == 0
    assert made.slept == pytest.approx(5.0)


async def test_the_lease_of_a_killed_refresh_is_taken_over_with_the_stored_token(made: Made) -> None:
    assert await made.grants.lease(await made.grant())
    made.clock.move(LEASE.total_seconds())
    assert await made.tokens().refresh("access-0") == "access-1"


async def test_a_refresh_result_for_an_older_version_is_ignored(made: Made) -> None:
    before = await made.grant()
    late = await made.grants.lease(before)
    assert late
    made.clock.move(LEASE.total_seconds())
    assert await made.tokens().refresh("access-0") == "access-1"
    assert not await made.grants.settle(before, late, b"x", made.clock.now())
    assert await made.tokens().access_token() == "access-1"


async def test_a_refresh_result_is_ignored_while_another_caller_holds_the_lease(made: Made) -> None:
    """Xero keeps both pairs of tokens good for half an hour; one process decides which pair is stored."""
    before = await made.grant()
    late = await made.grants.lease(before)
    assert late
    made.clock.move(LEASE.total_seconds())
    taken_over = await made.grants.lease(before)
    assert taken_over
    assert not await made.grants.settle(before, late, b"x", made.clock.now())
    assert await made.grants.settle(before, taken_over, before.sealed, made.clock.now())


async def test_a_lease_is_given_only_for_the_version_that_was_read(made: Made) -> None:
    """A caller that read the tokens before they were refreshed must not use the old refresh token."""
    before = await made.grant()
    assert await made.tokens().refresh("access-0") == "access-1"
    assert await made.grants.lease(before) is None
    assert await made.grants.lease(await made.grant())


async def test_a_late_release_does_not_end_the_lease_of_another_caller(made: Made) -> None:
    grant = await made.grant()
    late = await made.grants.lease(grant)
    assert late
    made.clock.move(LEASE.total_seconds())
    assert await made.grants.lease(grant)
    await made.grants.release(grant, late)
    assert await made.grants.lease(grant) is None


async def test_the_tokens_of_a_new_consent_can_be_refreshed_at_once(made: Made) -> None:
    """Though the tokens before were being renewed."""
    assert await made.grants.lease(await made.grant())
    await made.keep(7)
    assert await made.grants.lease(await made.grant())


async def test_a_refresh_result_after_its_lease_is_stored_if_nobody_took_the_lease_over(made: Made) -> None:
    before = await made.grant()
    lease = await made.grants.lease(before)
    assert lease
    made.clock.move(LEASE.total_seconds() + 1)
    assert await made.grants.settle(before, lease, before.sealed, made.clock.now())


@pytest.mark.parametrize("fault", [httpx.Response(503), httpx.ReadError("cut"), httpx.ConnectError("down")])
async def test_a_refresh_without_an_answer_can_be_tried_again_at_once(
    made: Made, fault: httpx.Response | Exception
) -> None:
    made.identity.fault = fault
    with pytest.raises(Retry):
        await made.tokens().refresh("access-0")
    made.identity.fault = None
    assert await made.tokens().refresh("access-0") == "access-1"


async def test_a_used_refresh_token_needs_a_new_consent_and_causes_no_more_calls(made: Made) -> None:
    made.identity.current = "another"
    with pytest.raises(NeedsReconnect):
        await made.tokens().refresh("access-0")
    made.identity.current = "refresh-0"
    with pytest.raises(NeedsReconnect):
        await made.tokens().access_token()
    assert made.identity.count == 0


async def test_a_new_consent_replaces_the_tokens_and_ends_the_failure(made: Made) -> None:
    made.identity.current = "another"
    with pytest.raises(NeedsReconnect):
        await made.tokens().refresh("access-0")
    assert await made.keep(7) == made.id
    assert await made.tokens().access_token() == "access-7"


async def test_a_consent_during_a_refresh_wins_over_its_result(made: Made) -> None:
    made.identity.gate = asyncio.Event()
    refreshing = asyncio.create_task(made.tokens().refresh("access-0"))
    await made.identity.asked.wait()
    await made.keep(7)
    made.identity.gate.set()
    assert await refreshing == "access-7"
    assert await made.tokens().access_token() == "access-7"


async def test_a_consent_during_a_refresh_that_fails_is_not_failed_by_it(made: Made) -> None:
    made.identity.gate = asyncio.Event()
    made.identity.current = "another"
    refreshing = asyncio.create_task(made.tokens().refresh("access-0"))
    await made.identity.asked.wait()
    await made.keep(7)
    made.identity.gate.set()
    assert await refreshing == "access-7"


async def test_two_users_of_one_app_have_a_grant_each(made: Made, database: Database) -> None:
    other = Made(database)
    assert await other.keep(3) != made.id
    assert await other.tokens().access_token() == "access-3"
    assert await made.tokens().access_token() == "access-0"


async def test_tokens_do_not_open_in_another_grant(made: Made, database: Database) -> None:
    other = Made(database)
    await other.grants.keep(APP.client_id, other.user, (await made.grant()).sealed, made.clock.now())
    other.id = await other.grants.keep(
        APP.client_id, other.user, (await made.grant()).sealed, made.clock.now()
    )
    with pytest.raises(KeyMissing, match="seal is damaged or of another row"):
        await other.tokens().access_token()


async def test_the_stored_grant_shows_no_token(made: Made) -> None:
    grant = await made.grant()
    assert b"refresh-0" not in grant.sealed
    assert b"access-0" not in grant.sealed


async def test_an_unused_grant_is_due_for_a_refresh_within_a_week(made: Made) -> None:
    made.clock.move(timedelta(days=6).total_seconds())
    assert await made.grants.stale() == []
    made.clock.move(1)
    assert await made.grants.stale() == [made.id]
    await made.tokens().keep_alive()
    assert await made.grants.stale() == []
    assert made.identity.count == 1


async def test_a_grant_that_needs_a_new_consent_is_not_kept_alive(made: Made) -> None:
    made.identity.current = "another"
    with pytest.raises(NeedsReconnect):
        await made.tokens().refresh("access-0")
    made.clock.move(timedelta(days=30).total_seconds())
    assert await made.grants.stale() == []


async def test_a_missing_grant_needs_a_consent(made: Made) -> None:
    made.id = uuid4()
    with pytest.raises(NeedsReconnect):
        await made.tokens().access_token()


async def test_a_grant_that_needs_a_new_consent_gives_no_lease_and_keeps_its_tokens(made: Made) -> None:
    """A disconnect still ends the connection with these tokens."""
    before = await made.grant()
    lease = await made.grants.lease(before)
    assert lease is not None
    assert await made.grants.fail(before, lease, "invalid_grant")
    failed = await made.grant()
    assert (failed.sealed, failed.access_expires_at) == (before.sealed, before.access_expires_at)
    assert await made.grants.lease(failed) is None


async def test_a_lease_lasts_longer_than_a_call_that_xero_answers_at_the_last_moment(made: Made) -> None:
    """Else a second caller uses the refresh token while the first one still waits."""
    grant = await made.grant()
    assert await made.grants.lease(grant) is not None
    made.clock.move(oauth.TIMEOUT)
    assert await made.grants.lease(await made.grant()) is None
