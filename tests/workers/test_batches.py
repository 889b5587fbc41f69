"""Promise 17, outward: a contact that Xero refuses or that our code cannot send does not stop the others of its batch."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.contacts import edits as contact_edits
from domain.matching import issues
from tests.database import rows_of
from tests.domain.world import as_given
from tests.workers.linked import Linked
from xero.client import Client, Written
from xero.errors import Rejected
from xero.messages import Said
from xero.payloads import Updates, WrittenContact

SIZE = 4


@dataclass
class Batch:
    """Contacts that are changed at once, in the order of sending. The contact at `bad` is invalid."""

    here: Linked
    ids: list[UUID]
    bad: int = 0
    rounds: int = 0

    def __iter__(self) -> Iterator[int]:
        """The bad one in every position."""
        for self.bad in range(SIZE):
            yield self.bad

    async def change(self, **spoilt: Any) -> None:
        self.rounds += 1
        async with self.here.here.world.tx() as tx, issues.evaluating(tx) as touched:
            for n, contact in enumerate(self.ids):
                given = {"primaryPhone": f"09 555 0{self.rounds}0{n}"} | (spoilt if n == self.bad else {})
                await contact_edits.change(tx, contact, as_given(given))
                touched.add(contact)
        async with self.here.here.world.tx() as tx:  # due in this order
            for n, contact in enumerate(self.ids):
                await tx.run(
                    "update sync_link set due_at = due_at + cast(:n as int) * interval '1 microsecond' where contact_id = :id",
                    n=n - SIZE, id=contact,
                )  # fmt: skip

    async def send(self) -> None:
        """Send, and recover deliveries whose answer was lost on a busy machine."""
        await self.here.send()
        await self.here.recover()
        await self.here.send()

    async def states(self) -> list[tuple[str, str | None]]:
        found = await self.here.here.world.rows(
            "select l.contact_id, l.state, l.failure->>'code' as code from sync_link l where contact_id = any(:ids)",
            ids=self.ids,
        )
        by_contact = {row["contact_id"]: (row["state"], row["code"]) for row in found}
        return [by_contact[contact] for contact in self.ids]

    async def only_the_bad_one_fails(self, code: str) -> None:
        expected: list[tuple[str, str | None]] = [("SYNCED", None)] * SIZE
        expected[self.bad] = ("FAILING", code)
        assert await self.states() == expected
        assert await self.here.here.world.rows("select 1 from delivery where ended_at is null") == []
        asked = await self.here.writes()
        await self.send()
        assert await self.here.writes() == asked, "it is not tried again until it changes"
        self.here.contact = self.ids[self.bad]
        await self.here.change(
            name=f"Mended {self.rounds} Ltd", billingEmail=f"mended{self.rounds}@x.example"
        )
        await self.send()
        assert await self.states() == [("SYNCED", None)] * SIZE


async def batch(linked: Linked) -> Batch:
    rows = await linked.here.world.rows(
        "select contact_id from sync_link where state = 'SYNCED' order by contact_id limit :n", n=SIZE
    )
    return Batch(linked, [row["contact_id"] for row in rows])


async def test_a_contact_that_is_invalid_in_xero_is_not_sent(linked: Linked) -> None:
    some = await batch(linked)
    for at in some:
        await some.change(billingEmail=f"greetings{at}@umlaut.example")
        # As it cannot be typed any more: it stood there before the contact was linked.
        await linked.here.world.rows(
            "update contact set billing_email = replace(billing_email, 'greetings', 'grüße') where id = :id"
            " returning id",
            id=some.ids[at],
        )
        await some.send()
        await some.only_the_bad_one_fails("INVALID_IN_XERO")


async def test_one_element_that_xero_refuses_is_settled_on_its_own(linked: Linked) -> None:
    some = await batch(linked)
    [taken] = await linked.here.world.rows(
        "select name from xero_contact x where status = 'ACTIVE' and not exists (select 1 from sync_link l"
        " where l.xero_contact_id = x.id and l.contact_id = any(:ids)) order by name limit 1",
        ids=some.ids,
    )
    for _ in some:
        await some.change(name=taken["name"])
        await some.send()
        await some.only_the_bad_one_fails("NAME_TAKEN_IN_XERO")


async def test_a_batch_that_is_refused_whole_is_halved_until_the_invalid_contact_is_alone(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = await batch(linked)
    send, sizes = Client.update_contacts, list[int]()

    async def refusing(client: Client, body: Updates, key: str) -> Written[WrittenContact]:
        sizes.append(body.content.count(b"ContactID"))
        if b"indigestible" in body.content:
            raise Rejected(400, (Said("The request could not be read."),), 10)
        return await send(client, body, key)

    monkeypatch.setattr(Client, "update_contacts", refusing)
    for at in some:
        await some.change(billingEmail=f"indigestible{at}@x.example")
        sizes.clear()
        await some.send()
        assert sorted(sizes, reverse=True) == [4, 2, 2, 1, 1]
        await some.only_the_bad_one_fails("INVALID_IN_XERO")
        linked.later(timedelta(minutes=2))  # so that no limit is met


async def test_a_contact_on_which_our_code_fails_does_not_stop_the_others(linked: Linked) -> None:
    """As with a mirror that another version has written."""
    some = await batch(linked)
    own = "id = (select xero_contact_id from sync_link where contact_id = :id)"
    for at in some:
        await some.change()
        async with linked.here.world.tx() as tx:
            [kept] = await rows_of(tx, f"select phone from xero_contact where {own}", id=some.ids[at])
            spoilt = '{"what": "is this"}'
            await tx.run(
                f"update xero_contact set phone = cast(:phone as jsonb) where {own}",
                id=some.ids[at],
                phone=spoilt,
            )
        await some.send()
        expected: list[tuple[str, str | None]] = [("SYNCED", None)] * SIZE
        expected[at] = ("FAILING", "INVALID_IN_XERO")
        assert await some.states() == expected
        async with linked.here.world.tx() as tx:
            phone = json.dumps(kept["phone"])
            await tx.run(
                f"update xero_contact set phone = cast(:phone as jsonb) where {own}",
                id=some.ids[at],
                phone=phone,
            )
        await some.change()
        await some.send()
        assert await some.states() == [("SYNCED", None)] * SIZE
