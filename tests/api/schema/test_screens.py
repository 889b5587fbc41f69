"""The operations that the console and bars are made of, as they stand."""

from pathlib import Path
from typing import Any

import pytest
from graphql import DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, parse, print_ast, validate
from graphql.language import FragmentSpreadNode, Visitor, visit

from api import ids
from api.schema import schema
from tests import make

SCREENS = Path(__file__).parents[4] / "shared/contract/screens"


class Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.names.add(node.name.value)


def operations() -> dict[str, DocumentNode]:
    """Each with the fragments that it needs."""
    found = {}
    for path in sorted(SCREENS.glob("*.graphql")):
        document = parse(path.read_text())
        fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                assert node.name is not None
                spreads = Spreads()
                visit(node, spreads)
                for name in list(spreads.names):
                    visit(fragments[name], spreads)
                parts = (node, *(fragments[name] for name in sorted(spreads.names)))
                found[node.name.value] = DocumentNode(definitions=parts)
    return found


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
async def test_what_screens_do_by_hand_runs_with_real_answers(ada: make.Client) -> None:
    """One contact through the lists: linked, unsynced, resumed, made anew, pushed, dismissed, deleted."""
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


def test_everything_is_described() -> None:
    kinds = {name: kind for name, kind in schema._schema.type_map.items() if not name.startswith("__")}
    fields = [
        f"{name}.{field}"
        for name, kind in kinds.items()
        for field, definition in getattr(kind, "fields", {}).items()
        if not definition.description
    ]
    assert fields + [name for name, kind in kinds.items() if not kind.description] == []
