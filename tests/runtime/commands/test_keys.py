"""Keys that are lost, wrong or old: what doctor and /readyz say, and what `tandem reseal` does."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from domain.connection.oauth_grants import Grants
from runtime.commands import doctor, keys
from runtime.commands.keys import describe, reseal
from runtime.database import Database, connect
from runtime.seal import KeyRing, SealError, new_key
from runtime.settings import Settings, load
from tests.database import Place
from tests.domain.world import Clock
from xero.tokens import identity

OLD, NEW = new_key("old"), new_key("new")
TOKENS = b"the tokens"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(clean: Place, clock: Clock) -> AsyncIterator[Database]:
    made = connect(clean.app_url, clock=clock)
    yield made
    await made.close()


async def consent(database: Database, key: str) -> tuple[UUID, str]:
    """A consent whose tokens this key has sealed: its id, and what the seal is bound to."""
    user = uuid4()
    sealed = KeyRing.parse([key]).seal(TOKENS, identity("app", user))
    expires = database.clock.now() + timedelta(minutes=30)
    return await Grants(database.call_door, database.clock).keep("app", user, sealed, expires), identity(
        "app", user
    )


async def opened(database: Database, grant: tuple[UUID, str], *texts: str) -> bytes:
    found = await Grants(database.call_door, database.clock).find(grant[0])
    assert found is not None
    return KeyRing.parse(texts).unseal(found.sealed, grant[1])


def settings(place: Place, *texts: str) -> Settings:
    return load(
        database_url=place.app_url,
        redis_url="redis://nowhere",
        tandem_keys=",".join(texts),
        tandem_data="/nowhere",
    )


async def finding(place: Place, *texts: str) -> doctor.Finding:
    [found] = [one for one in await doctor.examine(settings(place, *texts)) if one.subject == "Keys"]
    return found


async def test_reseal_replaces_an_older_key_which_may_then_be_removed(database: Database) -> None:
    grant, current = await consent(database, OLD), await consent(database, NEW)
    ring = KeyRing.parse([NEW, OLD])
    seals = await reseal(database, ring)
    assert (seals.current, seals.older, seals.trouble) == (2, [], None)
    assert await opened(database, grant, NEW) == TOKENS
    assert await opened(database, current, NEW) == TOKENS
    assert describe(seals, ring) == [
        "2 consents of Xero are sealed with the newest key, new.",
        "The key old may go: nothing is sealed with it.",
    ]


async def test_reseal_skips_a_grant_that_is_being_refreshed(database: Database, clock: Clock) -> None:
    grant = await consent(database, OLD)
    grants, ring = Grants(database.call_door, clock), KeyRing.parse([NEW, OLD])
    held = await grants.find(grant[0])
    assert held is not None
    lease = await grants.lease(held)
    assert lease is not None
    lines = describe(await reseal(database, ring), ring)
    assert "1 are being renewed at this moment: run this again in a minute." in lines
    assert (
        "The key old is still needed by 1 consents or open consent pages: run this again in 10 minutes."
        in lines
    )
    renewed = ring.seal(b"renewed", grant[1])
    assert await grants.settle(held, lease, renewed, clock.now() + timedelta(minutes=30))
    assert await opened(database, grant, NEW) == b"renewed"


async def test_a_key_is_needed_while_a_consent_page_is_open(database: Database, clock: Clock) -> None:
    ring = KeyRing.parse([NEW, OLD])
    async with database.door() as session:
        await session.execute(
            sa.text("select door.begin_flow(:a, :id, cast('{}' as jsonb), :a, :sealed, null, null, :now, :until)"),
            {
                "a": b"x", "id": uuid4(), "sealed": KeyRing.parse([OLD]).seal(b"page", "oauth_flow/x"),
                "now": clock.now(), "until": clock.now() + timedelta(minutes=10),
            },
        )  # fmt: skip
    assert "still needed by 1" in describe(await reseal(database, ring), ring)[-1]
    clock.time += timedelta(minutes=11)
    assert "may go" in describe(await reseal(database, ring), ring)[-1]


@pytest.mark.parametrize("wrong", [NEW, new_key("old")], ids=["lost", "another under the same name"])
async def test_a_lost_or_wrong_key_is_reported(
    database: Database, clean: Place, clock: Clock, wrong: str
) -> None:
    grant = await consent(database, OLD)
    found = await finding(clean, wrong)
    assert found.ok is False
    assert "TANDEM_KEYS opens 0 of 1 consents of Xero: the key old is " in found.says
    assert "`tandem reseal --give-up`" in found.says
    assert "old" in str((await reseal(database, KeyRing.parse([wrong]))).trouble)
    assert await opened(database, grant, OLD) == TOKENS
    assert (await finding(clean, OLD)).ok


async def test_the_tokens_of_a_lost_key_can_be_given_up(
    database: Database, clean: Place, clock: Clock
) -> None:
    lost, kept = await consent(database, OLD), await consent(database, NEW)
    seals = await reseal(database, KeyRing.parse([NEW]), give_up=True)
    assert (seals.current, seals.trouble) == (1, None)
    held = await Grants(database.call_door, clock).find(lost[0])
    assert held is not None
    assert held.failed == keys.GIVEN_UP
    assert (await finding(clean, NEW)).ok
    assert await opened(database, kept, NEW) == TOKENS
    with pytest.raises(SealError):
        await opened(database, lost, NEW)


async def test_doctor_counts_consents_sealed_with_an_older_key(database: Database, clean: Place) -> None:
    await consent(database, OLD)
    found = await finding(clean, NEW, OLD)
    assert (found.ok, found.says) == (
        True,
        "0 consents of Xero are sealed with the newest key; 1 with an older one: run `tandem reseal`",
    )
