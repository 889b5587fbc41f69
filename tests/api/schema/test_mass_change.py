"""The brake as clients see it, and their decisions about it."""

from datetime import timedelta

from api.relay import ids
from domain.tables import Scope, XeroContactStatus
from tests import make
from tests.domain.linked import read_delta
from tests.domain.world import BEGAN, seen

HELD = (
    "{ organisation { health healthMessage massChange { side changed of since } } userErrors { code path } }"
)
DECIDE = f"mutation($i: DecideMassChangeInput!) {{ decideMassChange(input: $i) {HELD} }}"


async def stopped(ada: make.Client) -> str:
    """30 of 40 linked contacts are archived; gives the organisation's id."""
    found = [seen(f"Contact {n}", f"c{n}@x.nz") for n in range(40)]
    await read_delta(ada.world, *found)
    later = BEGAN + timedelta(hours=1)
    gone = [
        seen(
            f"Contact {n}",
            f"c{n}@x.nz",
            xero_id=one.xero_contact_id,
            status=XeroContactStatus.ARCHIVED,
            updated_at=later,
        )
        for n, one in enumerate(found[:30])
    ]
    await read_delta(ada.world, *gone)
    return str(ids.encode("XeroOrganisation", ada.world.organisation))


async def test_a_mass_change_is_shown_and_let_through(ada: make.Client) -> None:
    key = await stopped(ada)
    asked = "query($o: ID!) { node(id: $o) { ... on XeroOrganisation { health massChange { side changed of } } } }"
    held = (await ada.ask(asked, o=key))["node"]
    assert held == {"health": "PAUSED", "massChange": {"side": "XERO", "changed": 30, "of": 40}}
    answer = (await ada.ask(DECIDE, i={"organisationId": key, "apply": True}))["decideMassChange"]
    assert answer == {
        "organisation": {"health": "HEALTHY", "healthMessage": None, "massChange": None}, "userErrors": [],
    }  # fmt: skip
    again = (await ada.ask(DECIDE, i={"organisationId": key, "apply": True}))["decideMassChange"]
    assert again["userErrors"] == [{"code": "WRONG_STATE", "path": ["organisationId"]}]


async def test_reading_a_mass_change_again_keeps_the_brake_until_it_is_counted(ada: make.Client) -> None:
    key = await stopped(ada)
    answer = (await ada.ask(DECIDE, i={"organisationId": key, "apply": False}))["decideMassChange"]
    assert answer["organisation"]["health"] == "PAUSED"
    assert answer["organisation"]["healthMessage"] == "After a mass change, Xero is being read again."


async def test_only_an_admin_decides_about_a_mass_change(ada: make.Client) -> None:
    writer = await make.client(ada.process, Scope.WRITE, world=ada.world)
    key = str(ids.encode("XeroOrganisation", ada.world.organisation))
    _, errors = await writer.answer(DECIDE, i={"organisationId": key, "apply": True})
    assert [code for _, code in errors] == ["FORBIDDEN"]
