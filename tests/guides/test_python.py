"""The Python examples of docs/guides, against the whole API."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from tandem_client import Tandem, TandemError, create_invoice

from api.relay import ids
from domain.connection import health
from domain.contacts import edits as contact_edits
from domain.tables import SyncedField
from tests import make
from tests.domain.billed import set_up
from tests.guides.conftest import Practice

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "guides" / "python"
CONTACTS = """query($after: String) { contacts(first: 50, after: $after) {
  edges { node { name } } pageInfo { hasNextPage endCursor } } }"""
FOLLOW = """subscription($after: String) { syncStatus(after: $after) {
  cursor update { ... on ContactUpdate { contact { name } } } } }"""
CREATE = "mutation($input: CreateContactInput!) { createContact(input: $input) { contact { id } userErrors { code message path } } }"
Result = TypeVar("Result")


async def run(practice: Practice, work: Callable[[Tandem], Result], token: str | None = None) -> Result:
    """The examples wait for their answers, so they run in a thread of their own, next to the server's loop."""
    with Tandem.at(practice.url, token or practice.token).http as http:
        return await asyncio.to_thread(work, Tandem(http))


async def test_a_list_is_read_page_by_page(practice: Practice) -> None:
    await make.many_contacts(practice.world, 120)
    names = await run(practice, lambda tandem: [node["name"] for node in tandem.pages(CONTACTS)])
    assert (len(names), len(set(names))) == (120, 120)


async def test_an_order_that_is_sent_twice_makes_one_invoice_with_an_exact_total(practice: Practice) -> None:
    billed = await set_up(practice.world)
    contact, rate = ids.encode("Contact", billed.contact), ids.encode("TaxRate", billed.gst)

    def order(tandem: Tandem) -> dict[str, object]:
        return create_invoice(tandem, "4711", contact, Decimal("0.1"), taxRateId=rate, quantity="3")

    first, second = await run(practice, order), await run(practice, order)
    assert (first, first["total"]) == (second, Decimal("0.35"))
    with pytest.raises(TandemError) as caught:
        await run(
            practice, lambda tandem: create_invoice(tandem, "4711", contact, Decimal(7), taxRateId=rate)
        )
    assert caught.value.code == "KEY_REUSED"


async def test_a_refusal_names_the_place_in_the_input(practice: Practice) -> None:
    with pytest.raises(TandemError, match=r"^billingEmail: This is not an email address") as caught:
        await run(practice, lambda tandem: tandem.change(CREATE, {"name": "Firm", "billingEmail": "none"}))
    assert caught.value.code == "INVALID"
    with pytest.raises(TandemError) as caught:
        await run(practice, lambda tandem: tandem.ask("{ viewer { name } }"), token="tdm_unknown")
    assert caught.value.code == "UNAUTHENTICATED"


async def test_a_caller_over_the_rate_limit_waits_as_long_as_the_answer_says(practice: Practice) -> None:
    await practice.spend_all(practice.token)
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        practice.clock.time += timedelta(seconds=seconds)

    def create(tandem: Tandem) -> object:
        return Tandem(tandem.http, wait=wait).change(CREATE, {"name": "Sent once"})

    await run(practice, create)
    assert len(waits) == 1
    assert 0 < waits[0] <= 60
    assert (
        len(
            await practice.world.rows("select 1 from contact where workspace_id = :ws and name = 'Sent once'")
        )
        == 1
    )


class Cut(httpx.HTTPTransport):
    """Loses the connection of the first stream after one event, and keeps what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[dict[str, dict[str, str]]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        answer = super().handle_request(request)
        if len(self.bodies) > 1:
            return answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=CutStream(answer))


class CutStream(httpx.SyncByteStream):
    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self.answer.stream, httpx.SyncByteStream)
        for chunk in self.answer.stream:
            yield chunk
            if b"data: {" in chunk:
                raise httpx.ReadError("the network is gone")

    def close(self) -> None:
        self.answer.close()


async def test_a_stream_that_is_lost_goes_on_behind_the_newest_event(practice: Practice) -> None:
    names = ["First", "Second", "Third"]
    transport = Cut()

    def follow() -> list[str]:
        with httpx.Client(
            base_url=practice.url, headers={"Authorization": f"Bearer {practice.token}"}, transport=transport
        ) as http:
            tandem = Tandem(http, wait=lambda _: None)
            cursors, found = [began], []
            for event in tandem.follow(FOLLOW, after=began):
                cursors.append(event["cursor"])
                found.append(event["update"]["contact"]["name"])
                if found[-1] == names[-1]:
                    break
            assert [body["variables"]["after"] for body in transport.bodies] == cursors[:2]
            return found

    began = (await run(practice, lambda tandem: tandem.ask("{ syncCursor }")))["syncCursor"]
    for name in names:
        await practice.world.contact(name)
    assert await asyncio.to_thread(follow) == names


async def test_the_nightly_script_names_what_fails_and_tries_again(practice: Practice) -> None:
    world = practice.world
    link = await make.linked(world)
    [row] = await world.rows("select contact_id from sync_link where id = :id", id=link)
    async with world.tx() as tx:
        phone = contact_edits.Given({SyncedField.PRIMARY_PHONE: "09 555 1234"})
        await contact_edits.change(tx, row["contact_id"], phone)
        await tx.run(
            "update organisation set failing_since = cast(:now as timestamptz) - interval '2 minutes' where workspace_id = :ws"
        )
        await health.unavailable(tx, world.organisation)
    script = await asyncio.create_subprocess_exec(
        sys.executable,
        EXAMPLES / "check_sync.py",
        "--retry",
        env={"TANDEM_URL": practice.url, "TANDEM_TOKEN": practice.token},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await script.communicate()
    lines = out.decode().splitlines()
    assert script.returncode == 1
    assert ": the connection is " in lines[0]
    assert lines[1].startswith("Kauri Joinery Ltd: ")
    assert lines[2] == "1 links are tried again now"
