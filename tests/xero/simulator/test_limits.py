"""Rate limits, idempotency and faults."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.clients import web_client
from tests.xero.simulator.serving import (
    API,
    connect,
    connected,
    frozen_clock,
    names,
    put,
    serving,
    small_world,
)
from xero.simulator.clock import ShiftedClock
from xero.simulator.faults import CutConnectionError

ORGANISATION = f"{API}/Organisation"


@pytest.fixture
def clock() -> ShiftedClock:
    return frozen_clock()


@pytest_asyncio.fixture
async def http(clock: ShiftedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(small_world(5, clock)) as client:
        yield client


async def arm(http: httpx.AsyncClient, **fault: Any) -> None:
    answer = await http.post("/simulator/faults", json=fault)
    assert answer.status_code == 201, answer.text


async def keyed(http: httpx.AsyncClient, key: str, name: str) -> httpx.Response:
    return await http.put(f"{API}/Contacts", json={"Name": name}, headers={"Idempotency-Key": key})


async def test_sixty_calls_fit_into_a_minute(http: httpx.AsyncClient, clock: ShiftedClock) -> None:
    answers = [await http.get(ORGANISATION) for _ in range(61)]
    assert [a.status_code for a in answers] == [200] * 60 + [429]
    assert [answers[n].headers["X-MinLimit-Remaining"] for n in (0, 59)] == ["59", "0"]
    assert answers[60].headers["X-Rate-Limit-Problem"] == "minute"
    wait = int(answers[60].headers["Retry-After"])
    assert 0 < wait <= 60
    clock.advance(timedelta(seconds=wait))
    assert (await http.get(ORGANISATION)).status_code == 200


@pytest.mark.parametrize(
    ("limits", "problem"), [({"day": 2}, "day"), ({"minute": 2}, "minute"), ({"app_minute": 2}, "appminute")]
)
async def test_a_429_names_the_exceeded_limit(
    http: httpx.AsyncClient, limits: dict[str, int], problem: str
) -> None:
    await http.put("/simulator/limits", json=limits)
    answers = [await http.get(ORGANISATION) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[2].headers["X-Rate-Limit-Problem"] == problem
    assert int(answers[2].headers["Retry-After"]) > 0


async def test_a_sixth_call_at_once_is_refused_without_retry_after(http: httpx.AsyncClient) -> None:
    await arm(http, kind="delay", seconds=0.05, count=None)
    answers = await asyncio.gather(*[http.get(ORGANISATION) for _ in range(6)])
    refused = [a for a in answers if a.status_code == 429]
    assert len(refused) == 1
    assert refused[0].headers["X-Rate-Limit-Problem"] == "concurrent"
    assert "Retry-After" not in refused[0].headers
    tally = (await http.get("/simulator/state")).json()["tallies"][0]
    assert (tally["most_concurrent"], tally["refused"]) == (5, {"concurrent": 1})


async def test_a_repeated_idempotency_key_replays_the_first_answer_or_error(http: httpx.AsyncClient) -> None:
    first, again = await keyed(http, "k1", "Once"), await keyed(http, "k1", "Once")
    assert (again.status_code, again.content) == (200, first.content)
    refused, repeated = await keyed(http, "k2", "Once"), await keyed(http, "k2", "Once")
    assert refused.status_code == repeated.status_code == 400
    assert refused.content == repeated.content


async def test_an_idempotency_key_with_another_request_is_refused(http: httpx.AsyncClient) -> None:
    await keyed(http, "k", "One")
    other = await keyed(http, "k", "Two")
    assert other.status_code == 400
    assert "is used with a different request" in other.json()["Message"]
    assert "Two" not in await names(http)
    assert (await keyed(http, "x" * 129, "Long")).status_code == 400


async def test_an_idempotency_key_is_forgotten_after_six_minutes(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    await keyed(http, "k", "Once")
    clock.advance(timedelta(minutes=6))
    late = await keyed(http, "k", "Once")
    assert "already assigned" in late.text


async def test_concurrent_repeat_waits_for_the_first(http: httpx.AsyncClient) -> None:
    await arm(http, kind="delay", seconds=0.05, method="PUT")
    first, second = await asyncio.gather(keyed(http, "k", "Both"), keyed(http, "k", "Both"))
    assert first.status_code == second.status_code == 200
    assert first.content == second.content


async def test_a_repeat_does_the_work_if_the_first_request_was_cut(http: httpx.AsyncClient) -> None:
    await arm(http, kind="delay", seconds=0.05, method="PUT")
    await arm(http, kind="drop", method="PUT")
    first, second = await asyncio.gather(
        keyed(http, "k", "Both"), keyed(http, "k", "Both"), return_exceptions=True
    )
    assert isinstance(first, CutConnectionError)
    assert isinstance(second, httpx.Response)
    assert second.status_code == 200


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_status_fault_before_the_work_changes_nothing(http: httpx.AsyncClient, status: int) -> None:
    await arm(http, kind="status", status=status, method="PUT", retry_after=7)
    answer = await put(http, {"Name": "Gone"})
    assert answer.status_code == status
    assert (answer.headers.get("Retry-After") == "7") == (status == 429)
    assert "Gone" not in await names(http)


async def test_an_idempotency_key_remembers_a_500_and_no_503(http: httpx.AsyncClient) -> None:
    for status, then in ((500, 500), (503, 200)):
        await arm(http, kind="status", status=status, method="PUT")
        assert (await keyed(http, f"k{status}", f"N{status}")).status_code == status
        assert (await keyed(http, f"k{status}", f"N{status}")).status_code == then


async def test_a_500_after_the_work_has_changed_the_data(http: httpx.AsyncClient) -> None:
    await arm(http, kind="status", status=500, when="after", method="PUT")
    assert (await put(http, {"Name": "Done"})).status_code == 500
    assert "Done" in await names(http)


async def test_a_malformed_element_is_shown_once(http: httpx.AsyncClient) -> None:
    await arm(http, kind="malform", path="/contacts")
    pages = [(await http.get(f"{API}/Contacts", params={"page": 1})).json()["Contacts"] for _ in range(2)]
    assert pages[0][0]["UpdatedDateUTC"] == "yesterday"
    assert pages[0][1:] == pages[1][1:]
    assert pages[1][0]["UpdatedDateUTC"].startswith("/Date(")


async def test_faults_with_a_probability_follow_the_seed() -> None:
    outcomes = []
    for _ in range(2):
        async with connected(small_world(1)) as http:
            await arm(http, kind="status", status=503, count=None, probability=0.5)
            outcomes.append([(await http.get(ORGANISATION)).status_code for _ in range(20)])
    assert outcomes[0] == outcomes[1]
    assert set(outcomes[0]) == {200, 503}


async def test_faults_are_cleared_and_invalid_ones_refused(http: httpx.AsyncClient) -> None:
    await arm(http, kind="status", count=None)
    await http.delete("/simulator/faults")
    assert (await http.get(ORGANISATION)).status_code == 200
    for bad in ({"kind": "earthquake"}, {"kind": "drop", "path": "("}, {"kind": "drop", "speed": 1}):
        assert (await http.post("/simulator/faults", json=bad)).status_code == 400


async def test_a_cut_connection_raises_in_process(http: httpx.AsyncClient) -> None:
    await arm(http, kind="drop")
    with pytest.raises(CutConnectionError):
        await http.get(ORGANISATION)


@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
async def test_a_cut_connection_ends_the_socket(when: str, done: bool) -> None:
    async with serving(small_world(3)) as url, web_client(base_url=url) as http:
        await connect(http)
        await arm(http, kind="drop", when=when, method="PUT")
        with pytest.raises(httpx.TransportError):
            await keyed(http, "k", "Lost")
        assert ("Lost" in await names(http)) is done
        repeated = await keyed(http, "k", "Lost")
        assert repeated.status_code == 200
        state = (await http.get("/simulator/state")).json()
        assert (state["answers"]["cut"], state["creates"]) == (1, {"": 1})


async def test_the_answer_to_a_refresh_can_be_lost() -> None:
    async with serving(small_world(1)) as url, web_client(base_url=url) as http:
        token = await connect(http)
        await arm(http, kind="drop", when="after", path="/connect/token")
        form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
        client = ("5IMULAT0R0000000000000000TANDEM0", "simulator-only-not-a-secret")
        with pytest.raises(httpx.TransportError):
            await http.post("/connect/token", data=form, auth=client)
        assert (await http.post("/connect/token", data=form, auth=client)).status_code == 200


async def test_a_request_may_take_effect_after_its_caller_gave_up(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    await arm(http, kind="drop", when="later", seconds=300, method="PUT")
    with pytest.raises(CutConnectionError):
        await keyed(http, "k", "Late")
    clock.advance(timedelta(seconds=299))
    assert "Late" not in await names(http)
    clock.advance(timedelta(seconds=1))
    assert "Late" in await names(http)
    again = await keyed(http, "k", "Late")
    assert (again.status_code, (await http.get("/simulator/state")).json()["creates"]) == (200, {"": 1})


async def test_a_late_request_and_its_repeat_are_one_write(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    await arm(http, kind="drop", when="later", seconds=120, method="PUT")
    with pytest.raises(CutConnectionError):
        await keyed(http, "k", "Overtaken")
    assert (await keyed(http, "k", "Overtaken")).status_code == 200
    answer = await http.post("/simulator/clock", json={"seconds": 121})
    assert answer.status_code == 200
    assert (await http.get("/simulator/state")).json()["creates"] == {"": 1}


async def test_chaos_fails_its_share_of_calls_and_repeats_with_its_seed(clock: ShiftedClock) -> None:
    runs: list[list[int | str]] = []
    for seed in (3, 3, 4):
        async with connected(small_world(2)) as http:
            chaos = {"level": 0.3, "seed": seed, "delay": 0}
            assert (await http.put("/simulator/chaos", json=chaos)).status_code == 204
            answers: list[int | str] = []
            for _ in range(50):
                try:
                    answers.append((await http.get(ORGANISATION)).status_code)
                except CutConnectionError:
                    answers.append("cut")
            runs.append(answers)
            await http.delete("/simulator/faults")
            await http.put("/simulator/limits", json={"minute": 1000})
            assert (await http.get(ORGANISATION)).status_code == 200
    assert runs[0] == runs[1] != runs[2]
    assert 4 < sum(answer != 200 for answer in runs[0]) < 30
    async with connected(small_world(2)) as http:
        assert (await http.put("/simulator/chaos", json={"level": 1})).status_code == 400


async def test_calls_are_counted_by_day_and_by_contact(http: httpx.AsyncClient) -> None:
    first = (await keyed(http, "a", "Counted")).json()["Contacts"][0]["ContactID"]
    await keyed(http, "a", "Counted")
    change = {"ContactID": first, "EmailAddress": "c@example.com", "Name": "Counted"}
    await http.post(f"{API}/Contacts", json={"Contacts": [change, {"ContactID": first, "Name": "<"}]})
    written = (await http.get("/simulator/written")).json()
    assert written == {first: {"elements": 2, "fields": {"Name": 2, "EmailAddress": 1}}}
    [tally] = (await http.get("/simulator/state")).json()["tallies"]
    assert list(tally["days"].values()) == list(tally["minutes"].values()) == [tally["calls"]]


async def test_reads_may_show_old_values_after_a_write(http: httpx.AsyncClient, clock: ShiftedClock) -> None:
    tenant = http.headers["Xero-Tenant-Id"]
    await http.put(f"/simulator/organisations/{tenant}/lag", json={"seconds": 10})
    clock.advance(timedelta(minutes=1))
    made = (await put(http, {"Name": "Fresh"})).json()["Contacts"][0]
    assert "Fresh" not in await names(http)
    clock.advance(timedelta(seconds=10))
    change = {"Contacts": [{"ContactID": made["ContactID"], "Name": "Renamed"}]}
    answer = await http.post(f"{API}/Contacts", json=change)
    assert answer.json()["Contacts"][0]["Name"] == "Renamed"
    assert "Fresh" in await names(http, IDs=made["ContactID"])
    clock.advance(timedelta(seconds=10))
    assert "Renamed" in await names(http, IDs=made["ContactID"])
