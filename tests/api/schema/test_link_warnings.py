"""What the API says of a link that syncs, and of an organisation that lacks a right."""

import pytest

from api.relay import ids
from domain.connection import rights
from tests import make
from tests.api.schema.test_waiting import nodes, shown, waiting

LINKS = "{ syncLinks { edges { node { state warnings differences { field } } } } }"
HEALTH = "query($o: ID!) { xeroOrganisation(id: $o) { health healthMessage } }"


async def test_a_value_that_xero_stores_otherwise_is_a_warning_and_no_difference(ada: make.Client) -> None:
    await make.linked(ada.world, "Café")
    async with ada.world.tx() as tx:
        await tx.run("update contact set name = 'Café 🎉' where workspace_id = :ws")
    [node] = nodes(await ada.ask(LINKS))
    assert (node["warnings"], node["differences"]) == ([], [{"field": "NAME"}])  # it is not agreed yet
    async with ada.world.tx() as tx:
        await tx.run(
            """update sync_link set base_practice = base_practice || '{"NAME": "Café 🎉"}', warnings = '{Shortened.}'"""
            " where workspace_id = :ws"
        )
    [node] = nodes(await ada.ask(LINKS))
    assert node["differences"] == []
    assert node["warnings"] == [
        "Shortened.",
        "Xero stores the name as “Café”, without the emoji. Your value stays here, and nothing is sent again.",
    ]


@pytest.mark.parametrize(
    ("right", "waits"), [("WRITE_CONTACTS", True), ("READ_CONTACTS", True), ("WRITE_INVOICES", False)]
)
async def test_a_missing_right_is_named_and_holds_up_what_needs_it(
    ada: make.Client, right: str, waits: bool
) -> None:
    await waiting(ada.world)
    organisation = ids.encode("XeroOrganisation", ada.world.organisation)
    async with ada.world.tx() as tx:
        await rights.deny(tx, ada.world.organisation, right, f"Xero does not give {right}.")
    found = (await ada.ask(HEALTH, o=organisation))["xeroOrganisation"]
    assert found == {"health": "DEGRADED", "healthMessage": f"Xero does not give {right}."}
    held = nodes(await shown(ada, codes=["XERO_UNAVAILABLE"], states=["FAILING"]))
    assert [node["failure"]["message"] for node in held] == (
        [f"Xero does not give {right}."] if waits else []
    )
    async with ada.world.tx() as tx:
        await rights.grant(tx, ada.world.organisation, right)
    found = (await ada.ask(HEALTH, o=organisation))["xeroOrganisation"]
    assert found == {"health": "HEALTHY", "healthMessage": None}
    assert len(nodes(await shown(ada, states=["PENDING"]))) == 1
