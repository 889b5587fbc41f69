"""Invoices searched, filtered, sorted and paged; the preview of an invoice that is being typed."""

from typing import Any

import pytest

from api.context import Process
from api.relay import ids
from tests.api.schema.bills import Office, office

LIST = """query($f: InvoiceFilter, $o: InvoiceOrder, $first: Int, $after: String, $last: Int, $before: String) {
  invoices(filter: $f, orderBy: $o, first: $first, after: $after, last: $last, before: $before) { totalCount
    totalCountIsExact pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { number } } } }"""


@pytest.fixture
async def here(process: Process) -> Office:
    return await office(process)


async def numbers(here: Office, **variables: Any) -> list[str]:
    answer = await here.ada.ask(LIST, **variables)
    return [edge["node"]["number"] for edge in answer["invoices"]["edges"]]


async def some(here: Office) -> None:
    """A to D by number; C is the latest issued, D due first, A costs most."""
    await here.created(
        here.line("900"), number="A", issueDate="2026-11-01", dueDate="2026-12-01", reference="Café"
    )
    await here.created(here.line("10"), number="B", issueDate="2026-11-02", dueDate="2026-12-02")
    await here.created(here.line("200"), number="C", issueDate="2026-11-09", dueDate="2026-12-03")
    await here.created(here.line("30"), number="D", issueDate="2026-11-04", dueDate="2026-11-05")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "CDBA"),
        ({"field": "ISSUE_DATE", "direction": "ASC"}, "ABDC"),
        ({"field": "DUE_DATE", "direction": "ASC"}, "DABC"),
        ({"field": "NUMBER", "direction": "DESC"}, "DCBA"),
        ({"field": "TOTAL", "direction": "ASC"}, "BDCA"),
        ({"field": "TOTAL", "direction": "DESC"}, "ACDB"),
    ],
)
async def test_each_order_holds_over_pages_in_both_directions(
    here: Office, order: dict[str, str] | None, expected: str
) -> None:
    await some(here)
    assert await numbers(here, o=order) == list(expected)
    seen: list[str] = []
    after = None
    for _ in range(4):
        answer = (await here.ada.ask(LIST, o=order, first=1, after=after))["invoices"]
        seen += [edge["node"]["number"] for edge in answer["edges"]]
        after = answer["pageInfo"]["endCursor"]
        assert answer["totalCount"] == 4
    assert seen == list(expected)
    assert await numbers(here, o=order, last=2) == list(expected[-2:])
    assert await numbers(here, o=order, last=2, before=after) == list(expected[1:3])


async def test_recently_changed_invoices_come_first(here: Office) -> None:
    await some(here)
    first = (await here.ada.ask('{ invoices(filter: {search: "A"}) { edges { node { id } } } }'))["invoices"]
    await here.call("updateInvoice", invoiceId=first["edges"][0]["node"]["id"], reference="x")
    found = await numbers(here, o={"field": "UPDATED_AT", "direction": "DESC"})
    assert sorted(found) == ["A", "B", "C", "D"]


async def test_a_cursor_of_another_order_is_refused(here: Office) -> None:
    await some(here)
    cursor = (await here.ada.ask(LIST, first=1))["invoices"]["pageInfo"]["endCursor"]
    for order in ({"field": "DUE_DATE", "direction": "ASC"}, {"field": "TOTAL", "direction": "ASC"}):
        _, errors = await here.ada.answer(LIST, after=cursor, o=order)
        assert [code for _, code in errors] == ["BAD_REQUEST"]


async def test_filters(here: Office) -> None:
    await some(here)
    other = await here.bill.world.contact("Rimu Baking", "rimu@x.example")
    sent = await here.sent(contactId=ids.encode("Contact", other.id), number="E", issueDate="2026-11-20")
    contact = ids.encode("Contact", other.id)
    assert sent["sync"]["state"] == "FAILING"
    for filter, expected in (
        ({}, "ABCDE"),
        ({"contactId": contact}, "E"),
        ({"contactId": ids.encode("Contact", ids.NOWHERE)}, ""),
        ({"organisationId": here.organisation}, "ABCDE"),
        ({"organisationId": contact}, ""),
        ({"status": ["DRAFT"]}, "ABCD"),
        ({"status": []}, ""),
        ({"status": ["AWAITING_PAYMENT", "PAID"]}, "E"),
        ({"syncState": ["FAILING"]}, "E"),
        ({"failureCode": ["CONTACT_NOT_SYNCED"]}, "E"),
        ({"failureCode": ["UNCERTAIN"]}, ""),
        ({"issuedFrom": "2026-11-02", "issuedTo": "2026-11-04"}, "BD"),
        ({"dueTo": "2026-12-01"}, "AD"),
        ({"dueFrom": "2026-12-02"}, "BCE"),
        ({"updatedSince": "2100-01-01T00:00:00Z"}, ""),
        ({"updatedSince": "2000-01-01T00:00:00Z", "status": ["DRAFT"], "dueFrom": "2026-12-03"}, "C"),
        ({"search": "cafe"}, "A"),
        ({"search": "rimu"}, "E"),
        ({"search": "KAURI join"}, "ABCD"),
        ({"search": "b"}, "BE"),
        ({"search": "%"}, ""),
    ):
        assert "".join(sorted(await numbers(here, f=filter))) == expected, filter


async def test_a_list_costs_as_many_statements_for_20_as_for_10(here: Office) -> None:
    query = """query($n: Int) { invoices(first: $n) { totalCount edges { node { id number allowedActions contact { name
      invoices(first: 2) { totalCount edges { node { number } } } } organisation { name } lines { description
      serviceType { name } taxRate { name } } payments { id } problems { code subjects { id } } activity(first: 2) {
      edges { node { message } } } sync { state differences { field } failure { code } } } } } }"""
    await here.many("createInvoices", [here.input() for _ in range(20)])
    await here.ada.ask(query, n=20)
    assert await here.ada.statements(query, n=10) == await here.ada.statements(query, n=20)


async def test_a_contacts_invoices_are_paged_and_counted(here: Office) -> None:
    await some(here)
    nobody = await here.bill.world.contact("Nobody")
    query = """query($all: [ID!]!, $o: InvoiceOrder, $after: String) { nodes(ids: $all) { ... on Contact { name
      invoices(first: 3, after: $after, orderBy: $o) { totalCount totalCountIsExact pageInfo { hasNextPage endCursor }
      edges { node { number } } } } } }"""
    wanted = [here.contact, ids.encode("Contact", nobody.id)]
    full, empty = (await here.ada.ask(query, all=wanted))["nodes"]
    assert [edge["node"]["number"] for edge in full["invoices"]["edges"]] == ["C", "D", "B"]
    assert (full["invoices"]["totalCount"], full["invoices"]["pageInfo"]["hasNextPage"]) == (4, True)
    assert (empty["invoices"]["totalCount"], empty["invoices"]["edges"]) == (0, [])
    rest = await here.ada.ask(query, all=wanted, after=full["invoices"]["pageInfo"]["endCursor"])
    assert [edge["node"]["number"] for edge in rest["nodes"][0]["invoices"]["edges"]] == ["A"]
    by_number = await here.ada.ask(query, all=wanted, o={"field": "NUMBER", "direction": "ASC"})
    assert [e["node"]["number"] for e in by_number["nodes"][0]["invoices"]["edges"]] == ["A", "B", "C"]


PREVIEW = """query($i: InvoicePreviewInput!) { invoicePreview(input: $i) { lines { amount taxAmount accountCode taxType }
  subtotal taxTotal total problems { code remedy } userErrors { code path } } }"""


async def preview(here: Office, **input: Any) -> Any:
    return (await here.ada.ask(PREVIEW, i=input))["invoicePreview"]


async def test_a_preview_has_the_totals_of_the_created_invoice(here: Office) -> None:
    given = here.input(here.line("25.06"), here.line("25.61"), here.line("25.63"))
    given.pop("dueDate")
    found = await preview(here, **given)
    assert (found["subtotal"], found["taxTotal"], found["total"]) == ("76.30", "11.44", "87.74")
    assert found["lines"][0] == {
        "amount": "25.06",
        "taxAmount": "3.76",
        "accountCode": "200",
        "taxType": "OUTPUT2",
    }
    assert (found["problems"], found["userErrors"]) == ([], [])
    assert await numbers(here) == []


async def test_a_preview_shows_the_errors_of_incomplete_input(here: Office) -> None:
    empty = await preview(here, lines=[])
    assert (empty["total"], empty["lines"]) == ("0.00", [])
    half = await preview(here, lines=[here.line("-5", taxRateId=None)], contactId="x")
    assert {(error["code"], *error["path"]) for error in half["userErrors"]} >= {("NOT_FOUND", "contactId")}
    stranger = await here.bill.world.contact("Stranger")
    found = await preview(here, lines=[here.line()], contactId=ids.encode("Contact", stranger.id))
    assert found["problems"] == [{"code": "CONTACT_NOT_SYNCED", "remedy": "PUSH_TO_XERO"}]


async def test_a_preview_notes_a_default_account_and_ignored_tax_rates(here: Office) -> None:
    query = "query($i: InvoicePreviewInput!) { invoicePreview(input: $i) { taxTotal lines { accountCode notes } } }"
    bare = here.line(serviceTypeId=None)
    given = here.input(bare, here.line())
    given.pop("dueDate")
    found = (await here.ada.ask(query, i=given))["invoicePreview"]
    [first, second] = found["lines"]
    assert first["accountCode"] == "200"
    assert first["notes"] == [
        "This line has no service type, so it goes to the default revenue account (200 Fees)."
    ]
    assert second["notes"] == []
    without = (await here.ada.ask(query, i=given | {"amountsAre": "NO_TAX"}))["invoicePreview"]
    assert (without["taxTotal"], len(without["lines"][0]["notes"])) == ("0.00", 2)
    assert without["lines"][0]["notes"][1] == (
        "The tax rate of this line does not count, because `amountsAre` is NO_TAX: it has no tax."
    )
