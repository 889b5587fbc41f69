"""One reader for each workspace feeds all its subscriptions: its cost, and that no trouble loses an event."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from api import event_feed
from api.context import Process
from api.relay import ids, loaders
from api.root import schema
from domain.tx import Tx
from runtime.database import DatabaseUnavailable, connect
from runtime.notifications import Notifications
from tests import make
from tests.api.edge import acknowledged, close_code, hear, make_process, make_token, say, serving
from tests.database import Place
from tests.domain.world import Clock
from tests.patience import until
from tests.postgres_relay import Relay, relayed

LIVE = """subscription($after: String, $o: ID) { syncStatus(after: $after, organisationId: $o) { cursor
  organisation { id summary { linked } }
  update { __typename ... on ContactUpdate { contact { name syncLinks { id } } } ... on Resync { reason } } } }"""
CURSOR = "{ syncCursor }"


async def ended(*tasks: asyncio.Task[Any]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


async def cursor(client: make.Client) -> str:
    found: str = (await client.ask(CURSOR))["syncCursor"]
    return found


def name(event: dict[str, Any]) -> str:
    found: str = event["update"]["contact"]["name"]
    return found


@asynccontextmanager
async def following(client: make.Client, n: int, **variables: Any) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """`n` subscriptions, each waiting for its next event."""
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(client.follow(LIVE, **variables)) for _ in range(n)]
        waiting = [asyncio.create_task(stream.next()) for stream in streams]
        await until(lambda: client.process.feeds.followers >= n and not client.process.feeds.starting)
        try:
            yield waiting
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_thousand_idle_subscriptions_cost_less_than_five_statements_a_second(
    process: Process,
) -> None:
    """Of 20 workspaces: neither a subscription nor a workspace costs a statement of its own."""
    clients = [await make.client(process) for _ in range(20)]
    seconds = 3 * event_feed.POLL_SECONDS
    async with AsyncExitStack() as stack:
        for client in clients:
            for _ in range(50):
                stream = await stack.enter_async_context(client.follow(LIVE))
                task = asyncio.create_task(stream.next())
                stack.push_async_callback(ended, task)
                stack.callback(task.cancel)
        await until(lambda: process.feeds.followers == 1000 and not process.feeds.starting)
        assert process.feeds.workspaces == 20
        before = process.database.statements
        await asyncio.sleep(seconds)
        spent = process.database.statements - before
    assert 0 < spent < 5 * seconds
    assert process.feeds.workspaces == 0


async def test_an_event_is_read_once_and_its_object_loaded_once_for_all_subscriptions(
    ada: make.Client,
) -> None:
    await make.imported(ada.world, ("Kauri", None))

    async def spent(n: int) -> int:
        async with following(ada, n, after=await cursor(ada)) as waiting:
            before = ada.process.database.statements
            await ada.world.contact(f"Aroha {n}")
            events = await asyncio.gather(*waiting)
            assert {name(event) for event in events} == {f"Aroha {n}"}
            return ada.process.database.statements - before

    assert await spent(40) <= await spent(1) + 6  # a poll or two may fall within


async def test_a_subscription_that_ends_during_a_shared_load_does_not_disturb_the_others(
    ada: make.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, release = asyncio.Event(), asyncio.Event()

    async def read(tx: Tx, keys: Sequence[str]) -> dict[str, str]:
        reading.set()
        await release.wait()
        return {key: f"object {key}" for key in keys}

    slow = loaders.BatchName[str, str]("Slow")
    monkeypatch.setitem(loaders._BATCHES, slow, read)
    first, second = ada.context(), ada.context()
    first.loaders = second.loaders
    waiting = [asyncio.ensure_future(loaders.load(one, slow, "a")) for one in (first, second)]
    await reading.wait()
    waiting[0].cancel()
    await asyncio.sleep(0)
    release.set()
    assert await waiting[1] == "object a"
    assert await loaders.load(first, slow, "a") == "object a"


async def test_an_object_is_never_older_than_its_event(process: Process, place: Place) -> None:
    """Where the reader has not heard of an event yet, a subscription that has read it takes no object of the others."""
    client = await make.client(without_notifications(process, place, poll_seconds=3600, shared_seconds=3600))
    start = await cursor(client)
    contact = await client.world.contact("Turn 0")
    rename = 'mutation($k: ID!) { updateContact(input: {contactId: $k, name: "Turn 1"}) { contact { id } } }'
    async with following(client, 1):
        for turn in ("Turn 0", "Turn 1"):
            async with client.follow(LIVE, after=start) as stream:
                assert name(await stream.next()) == turn
            await client.ask(rename, k=ids.encode("Contact", contact.id))


def without_notifications(process: Process, place: Place, **seconds: float) -> Process:
    """An API process to which no notification comes."""
    notifications = Notifications(place.app_url)
    made = Process(process.settings, process.database, process.keys, process.http, notifications)
    object.__setattr__(made, "feeds", event_feed.EventFeeds(made.database, notifications, **seconds))
    return made


async def test_without_notifications_events_come_at_the_next_poll(process: Process, place: Place) -> None:
    client = await make.client(without_notifications(process, place))
    async with following(client, 1) as [waiting]:
        await client.world.contact("Aroha")
        assert name(await waiting) == "Aroha"


async def test_an_event_counter_that_was_set_back_sends_resync(ada: make.Client) -> None:
    """As after the restore of a backup."""
    for turn in range(3):
        await ada.world.contact(f"Aroha {turn}")
    async with following(ada, 1) as [waiting]:
        await ada.world.rows("delete from event where workspace_id = :ws returning 1")
        await ada.world.rows("update event_counter set position = 1 where workspace_id = :ws returning 1")
        assert (await waiting)["update"] == {"__typename": "Resync", "reason": "This cursor is unknown here."}


async def test_an_event_that_cannot_be_shown_sends_resync_and_the_stream_goes_on(
    ada: make.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    start = await cursor(ada)
    await ada.world.contact("Aroha")
    await ada.world.rows("update event set subject = 'no id' where workspace_id = :ws returning 1")
    async with ada.follow(LIVE, after=start) as stream:
        assert "could not be shown" in (await stream.next())["update"]["reason"]
        await ada.world.contact("Bella")
        assert name(await stream.next()) == "Bella"
    assert "internal_error" in capsys.readouterr().out


@pytest.fixture
async def relay(clean: Place) -> AsyncIterator[Relay]:
    with tempfile.TemporaryDirectory(prefix="relay-") as folder:
        async with relayed(clean.app_url, Path(folder)) as made:
            yield made


@pytest.fixture
async def relayed_ada(relay: Relay, ada: make.Client) -> AsyncIterator[make.Client]:
    """Ada's API reaches PostgreSQL through the relay; the writes in her workspace do not."""
    database = connect(relay.url, clock=Clock(), pool_size=4, max_overflow=0, pool_timeout=0.3)
    async with make.listening(database, relay.url) as process:
        yield make.Client(process, ada.world, ada.viewer)
    await database.close()


async def test_a_stream_survives_a_restart_of_postgresql_and_delivers_missed_events(
    relayed_ada: make.Client, relay: Relay
) -> None:
    start = await cursor(relayed_ada)
    await relayed_ada.world.contact("Before")
    async with (
        relayed_ada.follow(LIVE) as fresh,
        relayed_ada.follow(LIVE, after=start) as resumed,
    ):
        assert name(await resumed.next()) == "Before"
        waiting = asyncio.create_task(fresh.next())
        feeds = relayed_ada.process.feeds
        await until(lambda: feeds.followers == 2 and not feeds.starting)
        await relay.stop()
        for turn in range(3):
            await relayed_ada.world.contact(f"Meanwhile {turn}")
        await asyncio.sleep(1)
        assert not waiting.done()
        await relay.start()
        told = [[name(await waiting), *[name(await fresh.next()) for _ in range(2)]]]
        told.append([name(await resumed.next()) for _ in range(3)])
    assert told == [["Meanwhile 0", "Meanwhile 1", "Meanwhile 2"]] * 2


async def test_a_stream_survives_a_busy_pool(relayed_ada: make.Client) -> None:
    database = relayed_ada.process.database
    async with following(relayed_ada, 1) as [waiting], AsyncExitStack() as busy:

        async def hold() -> None:
            while not release.is_set():  # again, where the poll had the connection
                with suppress(DatabaseUnavailable):
                    async with database.door() as session:
                        await session.execute(sa.text("select 1"))
                        await release.wait()

        release = asyncio.Event()
        holding = [asyncio.create_task(hold()) for _ in range(4)]
        busy.push_async_callback(ended, *holding)
        busy.callback(release.set)
        await until(lambda: database.connections_in_use == 4)
        await relayed_ada.world.contact("Aroha")
        await asyncio.sleep(1)
        assert not waiting.done()
        release.set()
        assert name(await waiting) == "Aroha"
    assert database.pool_timeouts > 0


async def test_a_stream_that_cannot_begin_is_asked_to_try_again(
    place: Place, relay: Relay, services: Any, ada: make.Client, owner: Any
) -> None:
    async with (
        make_process(place, services, pool={"url": relay.url}) as process,
        serving(process, schema=schema) as edge,
        acknowledged(edge, await make_token(owner, workspace=ada.world.workspace)) as ws,
    ):
        await relay.stop()
        query = {"query": "subscription { syncStatus { cursor } }"}
        await say(ws, {"type": "subscribe", "id": "1", "payload": query})
        assert await close_code(ws) == 1013


WRONG: dict[str, dict[str, str]] = {
    "a cursor that is none": {"after": "nonsense"},
    "a blank cursor": {"after": ""},
    "a cursor of a list": {"after": "WyJuYW1lIiwiYSJd"},
    "an organisation that is none": {"o": "nonsense"},
    "a blank organisation": {"o": ""},
    "another type's id": {"o": ids.encode("Contact", ids.NOWHERE)},
    "an unknown organisation": {"o": ids.encode("XeroOrganisation", ids.NOWHERE)},
    "an organisation of another practice": {"o": "other"},
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_arguments_of_a_subscription_are_refused_before_it_begins(
    process: Process, place: Place, services: Any, ada: make.Client, owner: Any, wrong: str
) -> None:
    variables = dict(WRONG[wrong])
    if variables.get("o") == "other":
        other = await make.client(process)
        variables["o"] = ids.encode("XeroOrganisation", other.world.organisation)
    async with (
        make_process(place, services) as served,
        serving(served, schema=schema) as edge,
        acknowledged(edge, await make_token(owner, workspace=ada.world.workspace)) as ws,
    ):
        payload = {"query": LIVE, "variables": variables}
        await say(ws, {"type": "subscribe", "id": "1", "payload": payload})
        heard = await hear(ws)
        assert (heard["type"], heard["id"]) == ("error", "1")
        [error] = heard["payload"]
        assert error["extensions"]["code"] == "BAD_REQUEST"
        assert error["message"].startswith("organisationId" if "o" in variables else "after")
        await say(ws, {"type": "subscribe", "id": "1", "payload": {"query": "{ syncCursor }"}})
        assert (await hear(ws))["type"] == "next"
