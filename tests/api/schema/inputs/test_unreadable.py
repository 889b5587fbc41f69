"""What a person does with a Xero contact of which the mirror holds a value in an unknown form, through the API."""

from typing import Any

import pytest

from api.relay import ids
from tests import make

ERRORS = "userErrors { code message }"
MUTATIONS = {
    "confirmMatch": "ConfirmMatchInput",
    "createSeparateContact": "MatchIssueInput",
    "pushToXero": "PushToXeroInput",
    "rematch": "RematchInput",
    "createFromUnsynced": "CreateFromUnsyncedInput",
}
BREAK = """update xero_contact set phone = '{"what": "is this"}'"""
SEEN = """{ matchIssues { edges { node { id xeroContact { name phone } candidates { differences { field xero } } } } }
  syncLinks { edges { node { id xeroContact { phone } differences { field xero } } } }
  workspace { xeroOrganisations { sureMatchesPreview { count fieldsOverwritten } } } }"""


async def break_values(ada: make.Client) -> None:
    async with ada.world.tx() as tx:
        await tx.run(BREAK)


async def refused(ada: make.Client, mutation: str, **given: Any) -> str:
    """The message of the only refusal."""
    text = f"mutation($i: {MUTATIONS[mutation]}!) {{ {mutation}(input: $i) {{ {ERRORS} }} }}"
    [error] = (await ada.ask(text, i=given))[mutation]["userErrors"]
    assert error["code"] == "WRONG_STATE"
    message: str = error["message"]
    return message


@pytest.mark.parametrize("mutation", ["confirmMatch", "createSeparateContact", "pushToXero"])
async def test_a_decision_about_an_unreadable_value_is_refused_and_says_what_to_do(
    ada: make.Client, mutation: str
) -> None:
    issue = await make.conflict(ada.world)
    await break_values(ada)
    [contact] = await ada.world.rows("select id from contact")
    [xero] = await ada.world.rows("select id from xero_contact")
    given = {
        "confirmMatch": {
            "issueId": ids.encode("MatchIssue", issue), "contactId": ids.encode("Contact", contact["id"]),
        },
        "createSeparateContact": {"issueId": ids.encode("MatchIssue", issue)},
        "pushToXero": {
            "contactId": ids.encode("Contact", contact["id"]), "linkTo": ids.encode("XeroContact", xero["id"]),
            "organisationId": ids.encode("XeroOrganisation", ada.world.organisation),
        },
    }  # fmt: skip
    message = await refused(ada, mutation, **given[mutation])
    assert "cannot read the primary phone" in message
    assert "Update Tandem" in message
    await ada.ask(SEEN)
    [still] = await ada.world.rows("select state from match_issue")
    assert still["state"] == "OPEN"


@pytest.mark.parametrize("mutation", ["rematch", "createFromUnsynced"])
async def test_an_ended_link_with_an_unreadable_value_is_shown_and_begins_again_with_a_refusal(
    ada: make.Client, mutation: str
) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    async with ada.world.tx() as tx:
        await tx.run("""update sync_link set notes = '{"NAME": ["Kauri"]}'""")
    await break_values(ada)
    unsync = f"mutation($i: SyncLinkInput!) {{ unsync(input: $i) {{ {ERRORS} }} }}"
    assert (await ada.ask(unsync, i={"linkId": link}))["unsync"]["userErrors"] == []
    await ada.ask(SEEN)
    given = {
        "rematch": {"linkId": link, "winner": "XERO"},
        "createFromUnsynced": {"linkId": link, "basis": "XERO"},
    }
    await refused(ada, mutation, **given[mutation])
