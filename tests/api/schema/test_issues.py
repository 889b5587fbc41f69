"""A person's decisions about match issues, through the API."""

from typing import Any

from api.relay import ids
from tests import make

MATCH = """{ issueId issue { id state resolution resolvedBy { name } link { id } }
  link { id state origin contact { name billingEmail } } deletedLinkIds
  changes { eventId field before after writtenTo restorable } userErrors { code path } }"""
CONFIRM = f"mutation($i: ConfirmMatchInput!) {{ confirmMatch(input: $i) {MATCH} }}"
SEPARATE = f"mutation($i: MatchIssueInput!) {{ createSeparateContact(input: $i) {MATCH} }}"
REOPEN = f"mutation($i: MatchIssueInput!) {{ reopenMatchIssue(input: $i) {MATCH} }}"
RESOLVE = f"mutation($i: ResolveMatchIssuesInput!) {{ resolveMatchIssues(input: $i) {{ results {MATCH} userErrors {{ code }} }} }}"
OPEN = "{ matchIssues { edges { node { id version candidates { contact { id version } } } } } }"


async def opened(ada: make.Client) -> list[tuple[str, str]]:
    """Each open issue and its first candidate."""
    edges = (await ada.ask(OPEN))["matchIssues"]["edges"]
    return [(edge["node"]["id"], edge["node"]["candidates"][0]["contact"]["id"]) for edge in edges]


async def test_confirming_a_match_links_the_pair_and_shows_the_changes(ada: make.Client) -> None:
    await make.conflict(ada.world)
    [(issue, contact)] = await opened(ada)
    answer = (await ada.ask(CONFIRM, i={"issueId": issue, "contactId": contact}))["confirmMatch"]
    assert (answer["userErrors"], answer["issue"]["resolution"]) == ([], "CONFIRMED")
    assert answer["link"]["contact"]["billingEmail"] == "accounts@kauri.example"
    [change] = answer["changes"]
    assert (change["field"], change["before"]) == ("BILLING_EMAIL", "office@kauri.example")
    assert answer["issue"]["link"]["id"] == answer["link"]["id"]


async def test_confirming_a_match_may_keep_a_value_of_the_practice(ada: make.Client) -> None:
    await make.conflict(ada.world)
    [(issue, contact)] = await opened(ada)
    wanted = {"issueId": issue, "contactId": contact, "keepPractice": ["BILLING_EMAIL"]}
    answer = (await ada.ask(CONFIRM, i=wanted))["confirmMatch"]
    [change] = answer["changes"]  # Xero's is to be overwritten, and can be brought back
    assert answer["link"]["contact"]["billingEmail"] == "office@kauri.example"
    assert (change["before"], change["writtenTo"]) == ("accounts@kauri.example", "XERO")
    assert answer["link"]["state"] == "PENDING"


async def test_a_second_decision_is_refused_with_the_current_issue(ada: make.Client) -> None:
    await make.conflict(ada.world)
    [(issue, contact)] = await opened(ada)
    await ada.ask(CONFIRM, i={"issueId": issue, "contactId": contact})
    answer = (await ada.ask(SEPARATE, i={"issueId": issue}))["createSeparateContact"]
    assert answer["userErrors"] == [{"code": "ALREADY_DECIDED", "path": ["issueId"]}]
    assert (answer["issueId"], answer["issue"]["state"], answer["link"]) == (issue, "RESOLVED", None)


async def test_creating_a_separate_contact_can_be_taken_back(ada: make.Client) -> None:
    await make.conflict(ada.world)
    [(issue, _)] = await opened(ada)
    made = (await ada.ask(SEPARATE, i={"issueId": issue}))["createSeparateContact"]
    again = (await ada.ask(REOPEN, i={"issueId": issue}))["reopenMatchIssue"]
    assert (again["userErrors"], again["issue"]["state"]) == ([], "OPEN")
    assert again["deletedLinkIds"] == [made["link"]["id"]]


async def test_many_issues_are_decided_each_on_its_own(ada: make.Client) -> None:
    for n in range(3):
        await make.conflict(ada.world, f"Firm {n}")
    (one, contact), (two, _), (three, _) = await opened(ada)
    wanted: dict[str, Any] = {
        "confirm": [{"issueId": one, "contactId": contact}, {"issueId": one, "contactId": contact}],
        "createSeparate": [two, contact],
        "ignore": [three],
    }
    results = (await ada.ask(RESOLVE, i=wanted))["resolveMatchIssues"]["results"]
    assert [row["issueId"] for row in results] == [one, one, two, contact, three]
    assert [row["userErrors"] for row in results] == [
        [],
        [{"code": "ALREADY_DECIDED", "path": ["confirm", "1", "issueId"]}],
        [],
        [{"code": "NOT_FOUND", "path": ["createSeparate", "1"]}],
        [],
    ]
    assert await opened(ada) == []


async def test_a_stale_issue_is_refused(ada: make.Client) -> None:
    issue = ids.encode("MatchIssue", await make.conflict(ada.world))
    answer = (await ada.ask(SEPARATE, i={"issueId": issue, "version": 99}))["createSeparateContact"]
    assert answer["userErrors"] == [{"code": "STALE_VERSION", "path": ["version"]}]
    assert answer["issue"]["state"] == "OPEN"
