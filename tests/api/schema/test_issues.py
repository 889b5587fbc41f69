"""A person's decisions about match issues, through the API."""

from typing import Any

from api.relay import ids
from domain.fields.phones import PhoneParts
from tests import make
from tests.domain.world import seen

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


async def test_a_decision_shows_in_the_same_request_how_long_the_lists_are_now(ada: make.Client) -> None:
    """For caches: who else has decided meanwhile, and whether the contact is new, no client can work out."""
    await make.conflict(ada.world)
    [(issue, _)] = await opened(ada)
    counts = "contacts { totalCount } matchIssues { totalCount }"
    assert await ada.ask(f"{{ {counts} }}") == {
        "contacts": {"totalCount": 1},
        "matchIssues": {"totalCount": 1},
    }
    separate = (
        f"mutation($i: MatchIssueInput!) {{ createSeparateContact(input: $i) {{ query {{ {counts} }} }} }}"
    )
    answer = (await ada.ask(separate, i={"issueId": issue}))["createSeparateContact"]
    assert answer["query"] == {"contacts": {"totalCount": 2}, "matchIssues": {"totalCount": 0}}


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


PREVIEW = (
    "{ workspace { xeroOrganisations { id sureMatchesPreview { count fieldsOverwritten sample { id } } } } }"
)
LISTED = """query($sure: Boolean) { matchIssues(filter: {sure: $sure}) { edges { node { id related { id }
  candidates { sure confidence } } } } }"""
CONFIRM_SURE = """mutation($i: ResolveMatchIssuesInput!) { resolveMatchIssues(input: $i) {
  results { closedIssueId link { id } userErrors { code } } userErrors { code path } } }"""


async def prepared(ada: make.Client) -> dict[str, Any]:
    """One issue that is sure, and one that is not. Returns the organisation with its preview."""
    await ada.world.contact("Kauri Joinery Ltd", "old@kauri.example", primaryPhone="09 555 0101")
    await ada.world.contact("Rimu Roofing Ltd")
    await ada.world.shown(
        seen("Kauri Joinery Ltd", "new@kauri.example", phone=PhoneParts(number="09 555 0101")),
        seen("Rimu Roofing Ltd", "r@rimu.example"),
    )
    await ada.world.import_mirror()
    found: list[dict[str, Any]] = (await ada.ask(PREVIEW))["workspace"]["xeroOrganisations"]
    return found[0]


async def listed(ada: make.Client, sure: bool | None) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await ada.ask(LISTED, sure=sure))["matchIssues"]["edges"]]


async def test_sure_issues_are_previewed_listed_and_confirmed_together(ada: make.Client) -> None:
    organisation = await prepared(ada)
    preview = organisation["sureMatchesPreview"]
    [sure] = await listed(ada, True)
    [other] = await listed(ada, False)
    assert len(await listed(ada, None)) == 2
    assert (preview["count"], preview["fieldsOverwritten"], preview["sample"]) == (1, 1, [{"id": sure["id"]}])
    assert (sure["candidates"][0]["sure"], other["candidates"][0]["sure"]) == (True, False)
    assert 0 <= other["candidates"][0]["confidence"] <= sure["candidates"][0]["confidence"] <= 1
    wanted = {"confirmSure": {"organisationId": organisation["id"], "count": 1}}
    answer = (await ada.ask(CONFIRM_SURE, i=wanted))["resolveMatchIssues"]
    [result] = answer["results"]
    assert (answer["userErrors"], result["userErrors"], result["closedIssueId"]) == ([], [], sure["id"])
    assert await listed(ada, True) == []
    assert [one["id"] for one in await listed(ada, None)] == [other["id"]]


async def test_confirming_sure_issues_with_another_count_or_a_second_decision_changes_nothing(
    ada: make.Client,
) -> None:
    organisation = await prepared(ada)
    [sure] = await listed(ada, True)
    for wanted, code, path in (
        ({"count": 2}, "STALE_VERSION", ["confirmSure", "count"]),
        ({"count": 1, "organisationId": sure["id"]}, "NOT_FOUND", ["confirmSure", "organisationId"]),
    ):  # fmt: skip
        asked = {"confirmSure": {"organisationId": organisation["id"], **wanted}}
        answer = (await ada.ask(CONFIRM_SURE, i=asked))["resolveMatchIssues"]
        assert (answer["results"], answer["userErrors"]) == ([], [{"code": code, "path": path}])
    both = {"confirmSure": {"organisationId": organisation["id"], "count": 1}, "ignore": [sure["id"]]}
    answer = (await ada.ask(CONFIRM_SURE, i=both))["resolveMatchIssues"]
    assert answer["userErrors"] == [{"code": "INVALID", "path": ["confirmSure"]}]
    assert len(await listed(ada, True)) == 1
