"""A fifth synced field, a mobile phone, from end to end. test_recipe.py runs this module in a copy of the project to which
the recipe of docs/ARCHITECTURE.md has been applied; pytest does not collect it here."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api.context import Process
from api.root import schema
from domain.practice import workspaces
from domain.tables import RunPurpose, Scope
from runtime.embedded.services import Services
from tests.api.edge import bearer, serving
from tests.database import Place
from tests.promises.scene import Scene, staged

FIELD = "MOBILE_PHONE"
MANY = 30
CONTACT = "query($id: ID!) { contact(id: $id) { id version mobilePhone syncLinks { state differences { field agreed practice xero } xeroContact { mobile phone } } activity { edges { node { id changes { field before after writtenTo } } } } } }"  # fmt: skip
UPDATE = "mutation($input: UpdateContactInput!) { updateContact(input: $input) { contact { mobilePhone } userErrors { code path } } }"  # fmt: skip


@dataclass
class Practice:
    """A practice that is asked over HTTP, with an organisation at a simulator."""

    scene: Scene
    http: httpx.AsyncClient

    async def ask(self, query: str, **variables: Any) -> Any:
        answer = await self.http.post("/graphql", json={"query": query, "variables": variables})
        told = answer.json()
        assert answer.status_code == 200, told
        assert "errors" not in told, told
        return told["data"]

    async def update(self, contact: str, **fields: Any) -> list[Any]:
        """The userErrors of an update."""
        told = await self.ask(UPDATE, input={"contactId": contact, **fields})
        return list(told["updateContact"]["userErrors"])

    async def contact(self, contact: str) -> Any:
        return (await self.ask(CONTACT, id=contact))["contact"]

    async def link(self, contact: str) -> Any:
        [link] = (await self.contact(contact))["syncLinks"]
        return link

    async def read_delta(self) -> None:
        """Xero is read, and everything that is due is done."""
        await self.scene.begin_run(RunPurpose.DELTA)
        await self.scene.work_all()

    async def in_xero(self, number: int, mobile: str) -> None:
        """A person's edit inside Xero."""
        contact = list(self.scene.book)[number]
        phone = {"PhoneType": "MOBILE", "PhoneCountryCode": "", "PhoneAreaCode": mobile[:3], "PhoneNumber": mobile[3:].strip()}  # fmt: skip
        answer = await self.scene.at_xero(f"contacts/{contact.id}", {"fields": {"Phones": [phone]}})
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def practice(clean: Place, services: Services) -> AsyncIterator[Practice]:
    async with staged(clean, services) as scene:
        async with scene.world.tx() as tx:
            _, token = await workspaces.create_token(tx, "Tests", [Scope.ADMIN], within=list(Scope))
        process = Process(
            scene.process.settings,
            scene.process.database,
            scene.process.keys,
            scene.process.http,
            scene.process.notifications,
        )
        async with (
            serving(process, schema=schema) as address,
            httpx.AsyncClient(base_url=f"http://{address}", headers=bearer(token), timeout=60) as http,
        ):
            yield Practice(scene, http)


async def linked(practice: Practice) -> str:
    """A practice contact and a Xero contact that match fully, with a primary phone and without a mobile phone."""
    made = await practice.ask(
        "mutation($input: CreateContactInput!) { createContact(input: $input) { contact { id } userErrors { message } } }",
        input={"name": "Ann Lee", "billingEmail": "ann@x.nz", "primaryPhone": "09 555 0100"},
    )
    phone = {"PhoneType": "DEFAULT", "PhoneCountryCode": "", "PhoneAreaCode": "09", "PhoneNumber": "555 0100"}
    await practice.scene.at_xero(
        "contacts", {"Name": "Ann Lee", "EmailAddress": "ann@x.nz", "Phones": [phone]}
    )
    await practice.read_delta()
    contact: str = made["createContact"]["contact"]["id"]
    assert (await practice.link(contact))["state"] == "SYNCED"
    return contact


def changes(contact: Any) -> list[tuple[str, str | None, str | None, str]]:
    return [
        (change["field"], change["before"], change["after"], change["writtenTo"])
        for edge in contact["activity"]["edges"]
        for change in edge["node"]["changes"]
    ]


async def test_a_new_field_goes_to_xero_and_comes_back(practice: Practice) -> None:
    contact = await linked(practice)
    assert await practice.update(contact, mobilePhone="021 555 0101") == []
    link = await practice.link(contact)
    assert link["state"] == "PENDING"
    assert link["differences"] == [{"field": FIELD, "agreed": None, "practice": "021 555 0101", "xero": None}]
    await practice.read_delta()
    [held] = practice.scene.book
    assert (held.phones["MOBILE"].area, held.phones["MOBILE"].number) == ("21", "555 0101")
    assert held.phones["DEFAULT"].number == "555 0100"  # the other phone is left alone
    link = await practice.link(contact)
    assert (link["state"], link["differences"]) == ("SYNCED", [])
    assert link["xeroContact"]["mobile"] == "+64 21 555 0101"

    await practice.in_xero(0, "021 555 0202")
    await practice.read_delta()
    shown = await practice.contact(contact)
    assert shown["mobilePhone"] == shown["syncLinks"][0]["xeroContact"]["mobile"] == "021 555 0202"
    assert (FIELD, None, "021 555 0101", "PRACTICE") in changes(shown)
    assert (FIELD, "021 555 0101", "021 555 0202", "PRACTICE") in changes(shown)

    assert await practice.update(contact, mobilePhone=None) == []
    await practice.read_delta()
    [held] = practice.scene.book
    assert (held.phones["MOBILE"].area, held.phones["MOBILE"].number) == ("", "")
    assert (await practice.contact(contact))["mobilePhone"] is None


async def test_an_overwritten_value_of_a_new_field_is_restored(practice: Practice) -> None:
    contact = await linked(practice)
    await practice.update(contact, mobilePhone="021 555 0101")
    await practice.read_delta()
    await practice.in_xero(0, "021 555 0202")
    await practice.read_delta()
    [event] = [
        edge["node"]["id"]
        for edge in (await practice.contact(contact))["activity"]["edges"]
        if any(change["after"] == "021 555 0202" for change in edge["node"]["changes"])
    ]
    await practice.ask(
        "mutation($input: RestoreValueInput!) { restoreValue(input: $input) { userErrors { message } } }",
        input={"eventId": event, "field": FIELD},
    )
    await practice.read_delta()
    assert (await practice.contact(contact))["mobilePhone"] == "021 555 0101"
    [held] = practice.scene.book
    assert held.phones["MOBILE"].number == "555 0101"


async def test_a_value_of_a_new_field_that_xero_would_refuse_is_refused(practice: Practice) -> None:
    contact = await linked(practice)
    [told] = await practice.update(contact, mobilePhone="9" * 51)
    assert (told["code"], told["path"]) == ("TOO_LONG", ["mobilePhone"])
    [told] = await practice.update(contact, mobilePhone="no digits")
    assert (told["code"], told["path"]) == ("INVALID", ["mobilePhone"])


async def test_a_new_field_is_created_in_xero_and_counted_by_the_brake(practice: Practice) -> None:
    for number in range(MANY):
        phone = {"PhoneType": "MOBILE", "PhoneCountryCode": "", "PhoneAreaCode": "021", "PhoneNumber": f"555 {1000 + number}"}  # fmt: skip
        await practice.scene.at_xero("contacts", {"Name": f"Client {number:02}", "Phones": [phone]})
    await practice.read_delta()
    found = await practice.ask("{ contacts(first: 100) { edges { node { mobilePhone } } } }")
    numbers = [edge["node"]["mobilePhone"] for edge in found["contacts"]["edges"]]
    assert sorted(numbers) == [f"021 555 {1000 + number}" for number in range(MANY)]
    for number in range(MANY):
        await practice.in_xero(number, "")
    await practice.read_delta()
    found = await practice.ask("{ workspace { xeroOrganisations { massChange { side changed of } } } }")
    [organisation] = found["workspace"]["xeroOrganisations"]
    assert organisation["massChange"] == {"side": "XERO", "changed": MANY, "of": MANY}
    found = await practice.ask("{ contacts(first: 100) { edges { node { mobilePhone } } } }")
    assert sorted(edge["node"]["mobilePhone"] for edge in found["contacts"]["edges"]) == sorted(numbers)
