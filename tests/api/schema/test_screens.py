"""The operations of the console and the bars run as they stand."""

from typing import Any

import pytest
from graphql import print_ast, validate

from api.relay import ids
from api.root import schema
from tests import make
from tests.api.schema.bills import Office
from tests.api.screens import SCREENS, operations
from tests.domain.billed import set_up


@pytest.mark.skipif(not SCREENS.is_dir(), reason="the contract's screens are not here")
def test_every_screen_fits_the_schema() -> None:
    found = operations()
    assert len(found) > 40
    for name, document in found.items():
        assert validate(schema._schema, document) == [], name


@pytest.mark.skipif(not SCREENS.is_dir(), reason="the contract's screens are not here")
async def test_the_queries_run_with_real_answers(ada: make.Client) -> None:
    await make.conflict(ada.world)
    await make.imported(ada.world, ("Linked", "l@x.example"))
    variables = {"id": ids.encode("XeroOrganisation", ada.world.organisation), "f": "ALL"}
    for name in ("WizardOrganisation", "ContactsList", "MatchInbox", "Unsynced", "Admin"):
        answer = await ada.ask(
            print_ast(operations()[name]), **(variables if name == "WizardOrganisation" else {})
        )
        assert all(part is not None for part in answer.values())


@pytest.mark.skipif(not SCREENS.is_dir(), reason="the contract's screens are not here")
async def test_the_mutations_of_the_screens_run_with_real_answers(ada: make.Client) -> None:
    """One contact through the lists: linked, unsynced, resumed, re-created, pushed, dismissed, deleted."""
    link = ids.encode("SyncLink", await make.linked(ada.world))
    pushes = [
        {
            "contactId": ids.encode("Contact", (await ada.world.contact(name)).id),
            "organisationId": ids.encode("XeroOrganisation", ada.world.organisation),
        }
        for name in ("One", "Two")
    ]

    async def run(operation: str, **given: Any) -> Any:
        [answer] = (await ada.ask(print_ast(operations()[operation]), input=given)).values()
        assert answer["userErrors"] == [], (operation, answer)
        assert [row["userErrors"] for row in answer.get("results", [])] == [[]] * len(
            answer.get("results", [])
        )
        return answer

    assert (await run("Unsync", linkId=link))["link"]["organisation"]["summary"]["unsynced"] == 1
    assert (await run("Rematch", linkId=link, winner="PRACTICE"))["link"]["state"] == "SYNCED"
    await run("Unsync", linkId=link)
    await run("RematchMany", links=[{"linkId": link}])
    await run("Unsync", linkId=link)
    made = await run("CreateNew", linkId=link, basis="XERO")
    assert made["previousContact"]["syncLinks"] == []
    await run("Unsync", linkId=link)
    assert (await run("Push", **pushes[0]))["link"]["state"] == "PENDING"
    again = await run("PushMany", contacts=pushes)
    assert [row["link"]["state"] for row in again["results"]] == ["PENDING", "PENDING"]
    assert (await run("Dismiss", links=[{"linkId": link}]))["deletedLinkIds"] == [link]
    contact = made["link"]["contact"]["id"]
    saved = await run("SaveContact", contactId=contact, name="Another")
    assert saved["contact"]["name"] == "Another"
    [row] = await ada.world.rows("select id from activity where kind = 'CONTACT_CHANGED' and changes <> '[]'")
    restored = await run("Restore", eventId=ids.encode("ActivityEvent", row["id"]), field="NAME")
    assert restored["event"]["changes"] == [{"field": "NAME", "restorable": False}]
    assert (await run("DeleteContact", contactId=contact))["deletedId"] == contact


@pytest.mark.skipif(not SCREENS.is_dir(), reason="the contract's screens are not here")
async def test_the_screens_of_invoices_run_with_real_answers(ada: make.Client) -> None:
    """An invoice through the screens: typed, created, changed, approved, sent, shown; and the set-up saved."""
    here = Office(ada, await set_up(ada.world))

    async def run(name: str, **variables: Any) -> dict[str, Any]:
        answer = await ada.ask(print_ast(operations()[name]), **variables)
        assert all(part is not None and part.get("userErrors", []) == [] for part in answer.values()), name
        return answer

    typed = here.input()
    typed.pop("dueDate")
    assert (await run("TypingPreview", input=typed))["invoicePreview"]["total"] == "115.00"
    made = (await run("CreateInvoice", input=here.input()))["createInvoice"]["invoice"]
    await run(
        "UpdateInvoice", input={"invoiceId": made["id"], "version": made["version"], "reference": "PO 7"}
    )
    one = {"invoiceId": made["id"]}
    sent = (await run("ApproveAndSend", a=one, b=one))["sendInvoice"]["invoice"]
    assert (sent["status"], sent["sync"]["state"]) == ("AWAITING_PAYMENT", "PENDING")
    await run("SendMany", input={"invoices": [one]})
    edited = await run("InvoiceEditor", id=made["id"])
    assert len(edited["invoice"]["activity"]["edges"]) == 4
    listed = await run(
        "InvoiceList", filter={"search": "PO"}, orderBy={"field": "TOTAL", "direction": "DESC"}
    )
    assert listed["invoices"]["totalCount"] == 1
    page = await run("ContactPage", id=here.contact)
    assert page["contact"]["invoices"]["edges"][0]["node"]["id"] == made["id"]
    await run("InvoiceSetup", o=here.organisation, start="2026-10-01")
    service = made["lines"][0]["serviceType"]["id"]
    await run("MapAccount", o=here.organisation, s=service, a="205")
    at = {"organisationId": here.organisation}
    await run(
        "SaveSetup",
        m={**at, "accounts": [{"serviceTypeId": service, "accountCode": "200"}]},
        d={**at, "revenueAccountCode": "205", "expenseAccountCode": "220"},
        s={**at, "enabled": True},
    )
    bar = (await ada.ask(print_ast(operations()["Bar"])))["workspace"]["xeroOrganisations"][0]
    assert bar["summary"]["failingInvoices"] == 0
    settled = await ada.ask(print_ast(operations()["Settle"]), input={**one, "decision": "ACCEPT"})
    assert settled["settleInvoiceChange"]["userErrors"][0]["code"] == "WRONG_STATE"


def test_everything_is_described() -> None:
    kinds = {name: kind for name, kind in schema._schema.type_map.items() if not name.startswith("__")}
    fields = [
        f"{name}.{field}"
        for name, kind in kinds.items()
        for field, definition in getattr(kind, "fields", {}).items()
        if not definition.description
    ]
    assert fields + [name for name, kind in kinds.items() if not kind.description] == []
