"""What a caller and a workspace may ask for in a minute."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from api.context import Process, Viewer
from api.guards.rate_limit import LEAST, Rates
from domain.tables import ActorKind, Scope
from domain.tx import Actor
from runtime.embedded.services import Services
from runtime.settings import Settings, load
from tests.api.edge import (
    Stopped,
    acknowledged,
    ask,
    bearer,
    codes,
    data,
    hear,
    make_token,
    make_workspace,
    say,
    serving,
    with_settings,
)
from tests.clients import web_client


def viewer(workspace: UUID) -> Viewer:
    return Viewer(workspace, Actor(ActorKind.API_TOKEN, "T", uuid4()), frozenset(Scope))


@pytest.fixture
def settings(services: Services) -> Settings:
    limits = {"rate_limit_caller": 1000, "rate_limit_workspace": 1500}
    return load().model_copy(update={"redis_url": services.redis_url, **limits})


async def test_all_processes_count_together_and_a_new_minute_begins_with_nothing_spent(
    settings: Settings,
) -> None:
    clock, caller = Stopped(), viewer(uuid4())
    one, other = Rates(settings, clock), Rates(settings, clock)
    spent = [await rates.spend(caller, 400) for rates in (one, other, one)]
    assert [(each.remaining, each.is_over, each.seconds) for each in spent] == [
        (600, False, 50),
        (200, False, 50),
        (0, True, 50),
    ]
    clock.at = clock.at.replace(minute=1)
    assert (await other.spend(caller, 0)).remaining == 1000 - LEAST
    await asyncio.gather(one.close(), other.close())


async def test_the_callers_of_a_workspace_share_its_limit_and_no_other_workspaces(settings: Settings) -> None:
    rates, workspace = Rates(settings, Stopped()), uuid4()
    first = await rates.spend(viewer(workspace), 900)
    second = await rates.spend(viewer(workspace), 700)
    assert (first.scope, first.is_over, second.scope, second.is_over) == ("caller", False, "workspace", True)
    assert not (await rates.spend(viewer(uuid4()), 900)).is_over
    await rates.close()


async def test_what_a_process_counts_by_itself_reaches_the_others(settings: Settings) -> None:
    settings = settings.model_copy(update={"rate_limit_caller": 10_000, "rate_limit_workspace": 20_000})
    caller, clock = viewer(uuid4()), Stopped()
    one, other = Rates(settings, clock, fresh=1_000.0), Rates(settings, clock, fresh=0.0)
    spent = [await one.spend(caller, 100) for _ in range(40)]
    assert [each.remaining for each in spent] == [10_000 - 100 * n for n in range(1, 41)]
    assert (await other.spend(caller, 100)).remaining == 10_000 - 200  # Redis knows the first one
    await one.close()
    assert (await other.spend(caller, 100)).remaining == 10_000 - 100 * 42
    await other.close()


async def test_from_half_of_a_budget_on_each_operation_is_counted_in_redis_before_it_runs(
    settings: Settings,
) -> None:
    caller, clock = viewer(uuid4()), Stopped()
    one, other = (Rates(settings, clock, fresh=1_000.0) for _ in range(2))
    for cost in (300, 100, 100):
        assert not (await one.spend(caller, cost)).is_over
    assert (await other.spend(caller, 100)).remaining == 1000 - 400  # the first operation, and this one
    assert (await one.spend(caller, 100)).remaining == 1000 - 700
    assert (await other.spend(caller, 300)).remaining == 0
    assert (await one.spend(caller, 50)).is_over
    await asyncio.gather(one.close(), other.close())


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "unix:///nowhere/valkey.sock", None])
async def test_without_redis_a_process_counts_by_itself(settings: Settings, url: str | None) -> None:
    rates, caller = Rates(settings.model_copy(update={"redis_url": url}), Stopped()), viewer(uuid4())
    assert [(await rates.spend(caller, 600)).is_over for _ in range(2)] == [False, True]
    await rates.close()


async def test_operations_that_ask_redis_in_vain_together_are_logged_once(settings: Settings) -> None:
    rates = Rates(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"}), Stopped())
    with capture_logs() as logged:
        await asyncio.gather(*(rates.spend(viewer(uuid4()), 1) for _ in range(20)))
    assert [line["event"] for line in logged] == ["rate_limits_without_redis"]
    await rates.close()


async def test_a_client_over_the_limit_learns_when_to_try_again(
    process: Process, owner: AsyncConnection
) -> None:
    stopped = replace(process.database, clock=Stopped(datetime.now(UTC)))  # no minute ends during the test
    limited = replace(with_settings(process, rate_limit_caller=60), database=stopped)
    workspace = await make_workspace(owner)
    token, other = [await make_token(owner, workspace=workspace) for _ in range(2)]
    async with serving(limited) as edge, web_client(base_url=f"http://{edge}", headers=bearer(token)) as http:
        first = await ask(http, "{hello}")
        assert data(first) == {"hello": "Hello you"}
        assert first.headers["ratelimit-policy"] == '"caller";q=60;w=60'
        assert first.headers["ratelimit"].startswith('"caller";r=10;t=')
        assert "retry-after" not in first.headers
        again = await ask(http, "{hello}")
        assert (again.status_code, codes(again)) == (429, ["RATE_LIMITED"])
        assert 1 <= int(again.headers["retry-after"]) <= 60
        assert again.headers["content-type"].startswith("application/json")
        assert (await ask(http, "{hello}")).status_code == 429
        async with acknowledged(edge, token) as ws:
            await say(ws, {"type": "subscribe", "id": "1", "payload": {"query": "{hello}"}})
            [error] = (await hear(ws))["payload"]
            assert error["extensions"]["code"] == "RATE_LIMITED"
            assert error["extensions"]["retryAfter"] >= 1
        http.headers.update(bearer(other))
        assert (await ask(http, "{hello}")).status_code == 200
