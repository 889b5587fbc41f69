"""Every query runs with real answers, costs a fixed number of statements, and shows one workspace."""

import pytest

from tests import make

ORGANISATION = """{ id name tenantId baseCurrency timezone health healthMessage
  contactSync { id startedAt contactFilter defaultContactType { id name } conflictPolicy holdSimilar lastPolledAt
    lastFullScanAt lastWebhookAt }
  contactSyncPreview(contactFilter: ALL) { complete contactsRead contactsExpected fullMatches conflicts noMatches skipped
    expectedXeroCalls sample { outcome xeroContact { id } contact { id } }
    changes(first: 2) { pageInfo { hasNextPage endCursor } edges { cursor outcome node { id name } contact { id } } } }
  callBudget { id minuteRemaining dayRemaining dayLimit limitedUntil bytesThisMonth bytesForecast }
  importProgress { id phase done total fullMatches conflicts created skipped finished startedAt finishedAt
    organisation { id } }
  summary { id linked openIssues unsynced failing pendingChanges failures { code count } } }"""
ROW = """{ id name kind billingEmail primaryPhone version archivedAt contactType { id name }
  classification { kind confidence reasons needsReview } billingAddress { lines city region postalCode country attentionTo }
  activity(first: 2) { edges { cursor node { id kind changes { eventId field before after writtenTo restorable } } }
    pageInfo { hasNextPage } }
  syncLinks { id state stateSince origin linkedAt lastSyncedAt version allowedActions organisation { id name }
    contact { id } xeroContact { id name url status phone } differences { field agreed practice xero }
    failure { code message field since attempts nextAttemptAt remedy subjects { id } } } }"""
CONTACTS = f"query Q($f: ContactFilter) {{ contacts(first: 100, filter: $f) {{ totalCount totalCountIsExact edges {{ cursor node {ROW} }} }} }}"
ISSUES = """{ matchIssues(first: 100) { totalCount edges { node { id reason state version createdAt resolvedAt resolution
  resolvedBy { name } link { id } organisation { id name summary { openIssues } } xeroContact { id name }
  candidates { score nameMatches emailMatches evidence blockedBy { id } differences { field agreed practice xero }
    contact { id name syncLinks { id } } } } } } }"""
ACTIVITY = """{ activity(first: 100) { edges { node { id at kind message actor { kind name user { id } apiToken { id } }
  organisation { id } contact { id name } link { id contact { id } } issue { id } changes { field } } } } }"""
LINKS = f"{{ syncLinks(first: 100) {{ totalCount edges {{ node {{ id contact {ROW} }} }} }} }}"


async def test_contacts_are_read_with_all_their_objects(ada: make.Client) -> None:
    await ada.world.contact("Aroha Ngata", "aroha@ngata.example")
    await make.imported(ada.world, ("Aroha Ngata", "aroha@ngata.example"), ("Kauri Joinery", None))
    answer = (await ada.ask(CONTACTS))["contacts"]
    assert [edge["node"]["name"] for edge in answer["edges"]] == ["Aroha Ngata", "Kauri Joinery"]
    assert (answer["totalCount"], answer["totalCountIsExact"]) == (2, True)
    assert [edge["node"]["syncLinks"][0]["origin"] for edge in answer["edges"]] == [
        "FULL_MATCH",
        "CREATED_FROM_XERO",
    ]


@pytest.mark.parametrize("query", [CONTACTS, ISSUES, ACTIVITY, LINKS])
async def test_twice_the_rows_cost_as_many_statements(ada: make.Client, query: str) -> None:
    async def more(begin: int, end: int) -> None:
        for n in range(begin, end):
            await ada.world.contact(f"Match {n}", f"m{n}@x.example")
            await ada.world.contact(f"Conflict {n}", "one@x.example")
        full = [(f"Match {n}", f"m{n}@x.example") for n in range(begin, end)]
        await make.imported(
            ada.world, *full, *((f"Conflict {n}", "other@x.example") for n in range(begin, end))
        )

    await more(0, 4)
    few = await ada.statements(query)
    await more(4, 12)
    assert await ada.statements(query) == few


async def test_the_organisation_shows_the_result_of_an_import(ada: make.Client) -> None:
    await make.conflict(ada.world)
    query = f"{{ workspace {{ id name currency xeroOrganisations {ORGANISATION} }} }}"
    [organisation] = (await ada.ask(query))["workspace"]["xeroOrganisations"]
    assert organisation["summary"]["openIssues"] == 1
    assert organisation["importProgress"]["conflicts"] == 1
    assert organisation["contactSyncPreview"]["conflicts"] == 1
    assert organisation["importProgress"]["organisation"]["id"] == organisation["id"]


async def test_an_issue_shows_the_differences_of_each_candidate(ada: make.Client) -> None:
    await make.conflict(ada.world)
    [edge] = (await ada.ask(ISSUES))["matchIssues"]["edges"]
    [candidate] = edge["node"]["candidates"]
    assert (candidate["nameMatches"], candidate["emailMatches"], candidate["blockedBy"]) == (
        True,
        False,
        None,
    )
    assert candidate["differences"] == [
        {
            "field": "BILLING_EMAIL",
            "agreed": None,
            "practice": "office@kauri.example",
            "xero": "accounts@kauri.example",
        }
    ]
