"""The messages of refused inputs say what was wrong and what to do."""

from typing import Any

import pytest

from api.relay import ids
from tests import make
from tests.domain.world import seen

ERRORS = "userErrors { code message path }"
NOWHERE = "00000000-0000-4000-8000-000000000000"
PUSH = f"""mutation($i: PushToXeroInput!) {{ pushToXero(input: $i) {{ link {{ state }} {ERRORS}
  existing {{ name syncLink {{ state contact {{ name }} }} }} }} }}"""


async def refused(ada: make.Client, mutation: str, kind: str, **given: Any) -> dict[str, Any]:
    """The one error of a mutation."""
    answer = await ada.ask(f"mutation($i: {kind}!) {{ {mutation}(input: $i) {{ {ERRORS} }} }}", i=given)
    [error] = answer[mutation]["userErrors"]
    found: dict[str, Any] = error
    return found


async def contact(ada: make.Client, name: str = "Kauri Joinery", email: str | None = "k@x.nz") -> str:
    return ids.encode("Contact", (await ada.world.contact(name, email)).id)


async def test_an_unknown_id_names_the_object_and_the_argument(ada: make.Client) -> None:
    unknown = ids.encode("SyncLink", ids.NOWHERE)
    error = await refused(ada, "unsync", "SyncLinkInput", linkId=unknown)
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["linkId"])
    assert (
        error["message"]
        == "No link has the id given as `linkId`. It may have been deleted; read the list again."
    )


async def test_an_id_of_another_type_names_its_type(ada: make.Client) -> None:
    error = await refused(ada, "unsync", "SyncLinkInput", linkId=await contact(ada))
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["linkId"])
    assert error["message"] == "`linkId` holds the id of a contact. Give the id of a link."
    error = await refused(ada, "createSeparateContact", "MatchIssueInput", issueId="issue 7")
    assert (
        error["message"]
        == "`issueId` holds no id that Tandem gave. Give the id of a match issue, as a list shows it."
    )


async def test_an_unknown_id_of_a_retry_names_its_argument(ada: make.Client) -> None:
    given = {"invoiceIds": [ids.encode("Invoice", ids.NOWHERE)]}
    error = await refused(ada, "retrySync", "RetrySyncInput", **given)
    assert error["path"] == ["invoiceIds", "0"]
    assert error["message"].startswith("No invoice has the id given as `invoiceIds`.")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("SyncLink", "link"),
        ("MatchIssue", "match issue"),
        ("ApiToken", "API token"),
        ("XeroContact", "Xero contact"),
        ("XeroOrganisation", "Xero organisation"),
        ("Invoice", "invoice"),
    ],
)
def test_messages_name_types_in_plain_words(kind: str, said: str) -> None:
    assert ids.noun(kind) == said


MADE = """mutation($contact: ID!) {
  createContactType(input: {name: "Supplier"}) { contactType { id } }
  createServiceType(input: {name: "Payroll"}) { serviceType { id } }
  createTaxRate(input: {name: "GST", percentage: "15"}) { taxRate { id } }
  createInvoice(input: {contactId: $contact, issueDate: "2026-10-10", dueDate: "2026-11-10", lines: []}) { invoice { id } } }"""


async def test_an_update_without_fields_is_refused(ada: make.Client) -> None:
    of_contact, organisation = await contact(ada), ids.encode("XeroOrganisation", ada.world.organisation)
    made = await ada.ask(MADE, contact=of_contact)
    for mutation, kind, given in (
        ("updateContact", "UpdateContactInput", {"contactId": of_contact}),
        ("updateInvoice", "UpdateInvoiceInput", {"invoiceId": made["createInvoice"]["invoice"]["id"]}),
        ("updateContactSync", "UpdateContactSyncInput", {"organisationId": organisation}),
        ("setInvoiceSync", "SetInvoiceSyncInput", {"organisationId": organisation}),
        ("setInvoiceMappings", "SetInvoiceMappingsInput", {"organisationId": organisation}),
        ("updateContactType", "UpdateContactTypeInput", {"contactTypeId": made["createContactType"]["contactType"]["id"]}),
        ("updateServiceType", "UpdateServiceTypeInput", {"serviceTypeId": made["createServiceType"]["serviceType"]["id"]}),
        ("updateTaxRate", "UpdateTaxRateInput", {"taxRateId": made["createTaxRate"]["taxRate"]["id"]}),
        ("updateWorkspace", "UpdateWorkspaceInput", {}),
    ):  # fmt: skip
        before = await ada.world.rows("select count(*) as n from activity")
        error = await refused(ada, mutation, kind, **given)
        assert (mutation, error["code"], error["path"]) == (mutation, "REQUIRED", None)
        assert error["message"].startswith("There is nothing to change. Give ")
        assert await ada.world.rows("select count(*) as n from activity") == before


async def test_an_empty_row_of_a_bulk_update_is_refused_with_its_path(ada: make.Client) -> None:
    one, other = await contact(ada), await contact(ada, "Rimu", None)
    rows = [{"contactId": one, "firstName": "Ann"}, {"contactId": other}]
    query = f"mutation($i: UpdateContactsInput!) {{ updateContacts(input: $i) {{ results {{ contact {{ firstName }} {ERRORS} }} }} }}"
    first, second = (await ada.ask(query, i={"contacts": rows}))["updateContacts"]["results"]
    assert (first["contact"]["firstName"], first["userErrors"]) == ("Ann", [])
    assert [(error["code"], error["path"]) for error in second["userErrors"]] == [
        ("REQUIRED", ["contacts", "1"])
    ]


async def test_making_a_field_blank_is_a_change(ada: make.Client) -> None:
    given = {"contactId": await contact(ada), "billingEmail": None}
    query = f"mutation($i: UpdateContactInput!) {{ updateContact(input: $i) {{ contact {{ billingEmail }} {ERRORS} }} }}"
    assert (await ada.ask(query, i=given))["updateContact"] == {
        "contact": {"billingEmail": None},
        "userErrors": [],
    }


@pytest.mark.parametrize(
    ("mutation", "kind", "given"),
    [
        ("createContacts", "CreateContactsInput", {"contacts": []}),
        ("updateContacts", "UpdateContactsInput", {"contacts": []}),
        ("pushContactsToXero", "PushContactsToXeroInput", {"contacts": []}),
        ("unsyncLinks", "SyncLinksInput", {"links": []}),
        ("rematchLinks", "RematchLinksInput", {"links": []}),
        ("dismissLinks", "SyncLinksInput", {"links": []}),
        ("createInvoices", "CreateInvoicesInput", {"invoices": []}),
        ("approveInvoices", "InvoicesInput", {"invoices": []}),
        ("sendInvoices", "InvoicesInput", {"invoices": []}),
        ("resolveMatchIssues", "ResolveMatchIssuesInput", {}),
    ],
)
async def test_a_bulk_mutation_without_rows_is_refused(
    ada: make.Client, mutation: str, kind: str, given: dict[str, Any]
) -> None:
    error = await refused(ada, mutation, kind, **given)
    assert (error["code"], error["path"]) == ("REQUIRED", list(given) or None)
    assert error["message"].endswith(" Give at least one row.")


async def test_too_many_rows_are_refused_with_their_number(ada: make.Client) -> None:
    links = [{"linkId": ids.encode("SyncLink", ids.NOWHERE)}] * 501
    error = await refused(ada, "unsyncLinks", "SyncLinksInput", links=links)
    assert (error["code"], error["path"]) == ("TOO_MANY", ["links"])
    assert error["message"] == "At most 500 rows are possible at once, and these are 501. Send them in parts."


@pytest.mark.parametrize(("invoices", "said"), [(1, "1 more invoice "), (2, "2 more invoices ")])
async def test_the_message_about_an_earlier_start_date_has_singular_and_plural(
    ada: make.Client, invoices: int, said: str
) -> None:
    organisation = ids.encode("XeroOrganisation", ada.world.organisation)
    await ada.world.rows(
        "update organisation set invoice_sync = true, invoice_start_date = '2026-11-01',"
        " base_currency = (select currency from workspace limit 1) returning 1"
    )
    bill = {"contactId": await contact(ada), "issueDate": "2026-10-10", "dueDate": "2026-11-10", "amountsAre": "NO_TAX",
            "lines": [{"description": "Work", "quantity": "1", "unitPrice": "100"}]}  # fmt: skip
    many = (
        "mutation($i: {}!) {{ {}(input: $i) {{ results {{ invoice {{ id }} userErrors {{ message }} }} }} }}"
    )
    made = await ada.ask(
        many.format("CreateInvoicesInput", "createInvoices"), i={"invoices": [bill] * invoices}
    )
    sent = {"invoices": [{"invoiceId": row["invoice"]["id"]} for row in made["createInvoices"]["results"]]}
    await ada.ask(many.format("InvoicesInput", "approveInvoices"), i=sent)
    await ada.ask(many.format("InvoicesInput", "sendInvoices"), i=sent)
    given = {"organisationId": organisation, "startDate": "2026-10-01"}
    error = await refused(ada, "setInvoiceSync", "SetInvoiceSyncInput", **given)
    assert (error["code"], error["path"]) == ("CONFIRMATION_NEEDED", ["acceptInvoices"])
    assert said in error["message"]


@pytest.mark.parametrize("number", ["149.5", "2"])
async def test_a_json_number_for_a_decimal_asks_for_a_string(ada: make.Client, number: str) -> None:
    literal = f'mutation {{ createTaxRate(input: {{name: "GST", percentage: {number}}}) {{ {ERRORS} }} }}'
    variable = f"mutation($i: CreateTaxRateInput!) {{ createTaxRate(input: $i) {{ {ERRORS} }} }}"
    for query, given in (
        (literal, {}),
        (variable, {"i": {"name": "GST", "percentage": float(number)}}),
    ):
        _, [(message, code)] = await ada.answer(query, **given)
        assert code == "BAD_REQUEST"
        assert "send it as a string, such as '149.50'" in message


async def pushed(ada: make.Client, name: str, email: str | None, **more: Any) -> dict[str, Any]:
    given = {
        "contactId": await contact(ada, name, email),
        "organisationId": ids.encode("XeroOrganisation", ada.world.organisation),
        **more,
    }
    answer: dict[str, Any] = (await ada.ask(PUSH, i=given))["pushToXero"]
    return answer


async def test_a_push_refused_for_a_linked_namesake_names_its_contact(ada: make.Client) -> None:
    await make.linked(ada.world, "Kauri Joinery Ltd")
    for more in ({}, {"createAnyway": True}):
        answer = await pushed(ada, "Kauri Joinery Ltd", None, **more)
        [error] = answer["userErrors"]
        assert error["code"] == "TAKEN"  # neither linkTo nor createAnyway helps
        assert error["message"] == (
            "The Xero contact 'Kauri Joinery Ltd' has this name and is linked to the practice contact 'Kauri Joinery"
            " Ltd'. Xero accepts no second active contact with the same name. Rename one of the two, or unsync that link and"
            " then use `linkTo`."
        )
        [existing] = answer["existing"]
        assert existing["syncLink"] == {"state": "SYNCED", "contact": {"name": "Kauri Joinery Ltd"}}


async def test_a_push_refused_for_an_unlinked_namesake_offers_only_to_link(ada: make.Client) -> None:
    await ada.world.shown(seen("Kauri Joinery", "other@x.nz"))
    answer = await pushed(ada, "Kauri Joinery", None)
    [error] = answer["userErrors"]
    assert error["code"] == "LIKELY_DUPLICATE"
    assert error["message"].endswith("Link 'Kauri Joinery' with `linkTo`, or rename one of the two.")
    assert answer["existing"] == [{"name": "Kauri Joinery", "syncLink": None}]


async def test_a_push_refused_for_a_linked_equal_email_offers_a_new_xero_contact(ada: make.Client) -> None:
    await make.linked(ada.world, "Kauri Joinery Ltd", "office@kauri.example")
    answer = await pushed(ada, "Kauri Cabinets", "office@kauri.example")
    [error] = answer["userErrors"]
    assert error["code"] == "LIKELY_DUPLICATE"
    assert error["message"] == (
        "The Xero contact 'Kauri Joinery Ltd' has this email and is linked to the practice contact 'Kauri Joinery Ltd'."
        " Create another one with `createAnyway`, or unsync that link and then use `linkTo`."
    )
    anyway = await pushed(ada, "Kauri Cabinets", "office@kauri.example", createAnyway=True)
    assert (anyway["userErrors"], anyway["link"]) == ([], {"state": "PENDING"})


async def test_a_push_refused_for_an_unlinked_equal_email_offers_both_ways(ada: make.Client) -> None:
    await ada.world.shown(seen("Someone Else", "k@x.nz"))
    [error] = (await pushed(ada, "Kauri Joinery", "k@x.nz"))["userErrors"]
    assert error["message"].endswith(
        "Link a contact of `existing` with `linkTo`, or create another one with `createAnyway`."
    )


async def test_linking_a_linked_xero_contact_names_its_contact(ada: make.Client) -> None:
    await make.linked(ada.world, "Kauri Joinery Ltd")
    [xero] = await ada.world.rows("select id from xero_contact")
    answer = await pushed(ada, "Rimu", None, linkTo=ids.encode("XeroContact", xero["id"]))
    [error] = answer["userErrors"]
    assert (error["code"], error["path"]) == ("ALREADY_LINKED", ["linkTo"])
    assert "is linked to the practice contact 'Kauri Joinery Ltd'" in error["message"]


CLOSED = f"closedIssueId issue {{ state }} organisation {{ summary {{ openIssues linked }} }} {ERRORS}"


async def test_a_decision_returns_the_closed_issue_and_the_number_of_open_ones(ada: make.Client) -> None:
    await make.conflict(ada.world)
    [row] = await ada.world.rows("select id from match_issue")
    issue = ids.encode("MatchIssue", row["id"])
    query = f"mutation($i: MatchIssueInput!) {{ createSeparateContact(input: $i) {{ {CLOSED} }} }}"
    stale = (await ada.ask(query, i={"issueId": issue, "version": 99}))["createSeparateContact"]
    assert (stale["closedIssueId"], stale["issue"]["state"]) == (None, "OPEN")
    assert stale["organisation"]["summary"]["openIssues"] == 1
    done = (await ada.ask(query, i={"issueId": issue}))["createSeparateContact"]
    assert (done["closedIssueId"], done["userErrors"]) == (issue, [])
    assert done["organisation"]["summary"] == {"openIssues": 0, "linked": 1}
    second = (await ada.ask(query, i={"issueId": issue}))["createSeparateContact"]
    assert (second["closedIssueId"], second["issue"]["state"]) == (None, "RESOLVED")  # it closed nothing
    again = f"mutation($i: MatchIssueInput!) {{ reopenMatchIssue(input: $i) {{ {CLOSED} }} }}"
    opened = (await ada.ask(again, i={"issueId": issue}))["reopenMatchIssue"]
    assert (opened["closedIssueId"], opened["issue"]["state"]) == (None, "OPEN")
    assert opened["organisation"]["summary"]["openIssues"] == 1


async def test_a_decision_names_the_other_issues_that_it_closed(ada: make.Client) -> None:
    await ada.world.contact("Kowhai Joinery Ltd")
    await make.imported(ada.world, ("Kowhai Joinery Limited", None), ("Kowhai  Joinery Lmtd", None))
    rows = await ada.world.rows("select id from match_issue where state = 'OPEN' order by id")
    first, second = (ids.encode("MatchIssue", row["id"]) for row in rows)
    [contact] = await ada.world.rows("select id from contact")
    query = (
        f"mutation($i: ConfirmMatchInput!) {{ confirmMatch(input: $i) {{ alsoClosedIssueIds {CLOSED} }} }}"
    )
    given = {"issueId": first, "contactId": ids.encode("Contact", contact["id"])}
    refused = (await ada.ask(query, i=given | {"version": 99}))["confirmMatch"]
    assert refused["alsoClosedIssueIds"] == []
    done = (await ada.ask(query, i=given))["confirmMatch"]
    assert (done["closedIssueId"], done["alsoClosedIssueIds"]) == (first, [second])
    assert done["organisation"]["summary"]["openIssues"] == 0


async def test_dismissing_links_returns_the_counts_of_their_organisations(ada: make.Client) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    counted = "organisations { summary { linked unsynced } }"
    await ada.ask(
        "mutation($i: SyncLinkInput!) { unsync(input: $i) { userErrors { code } } }", i={"linkId": link}
    )
    query = (
        f"mutation($i: SyncLinksInput!) {{ dismissLinks(input: $i) {{ deletedLinkIds {counted} {ERRORS} }} }}"
    )
    rows = {"links": [{"linkId": link}, {"linkId": ids.encode("SyncLink", ids.NOWHERE)}]}
    answer = (await ada.ask(query, i=rows))["dismissLinks"]
    assert (answer["deletedLinkIds"], [one["path"] for one in answer["userErrors"]]) == (
        [link],
        [["links", "1", "linkId"]],
    )
    assert answer["organisations"] == [{"summary": {"linked": 0, "unsynced": 0}}]


async def test_each_row_of_a_bulk_decision_returns_the_closed_issue(ada: make.Client) -> None:
    await make.conflict(ada.world)
    [row] = await ada.world.rows("select id from match_issue")
    issue, unknown = ids.encode("MatchIssue", row["id"]), ids.encode("MatchIssue", ids.NOWHERE)
    query = f"mutation($i: ResolveMatchIssuesInput!) {{ resolveMatchIssues(input: $i) {{ results {{ {CLOSED} }} }} }}"
    results = (await ada.ask(query, i={"ignore": [issue, unknown]}))["resolveMatchIssues"]["results"]
    assert [one["closedIssueId"] for one in results] == [issue, None]
    assert results[1]["organisation"] is None
