"""Invoices through the API: create, update, approve, send, void, settle."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from api.context import Process
from api.relay import ids
from domain.tables import Scope
from tests import make
from tests.api.schema.bills import ERRORS, Office, codes, done, office, uuid_of

UNKNOWN = ids.encode("Invoice", ids.NOWHERE)


@pytest.fixture
async def here(process: Process) -> Office:
    return await office(process)


async def test_an_invoice_is_created_approved_and_sent(here: Office) -> None:
    made = await here.created(here.line("25.06"), here.line("0.0125", "1000"), reference="PO 7")
    assert (made["status"], made["number"], made["currency"], made["reference"]) == (
        "DRAFT",
        "TI-00001",
        "NZD",
        "PO 7",
    )
    assert (made["subtotal"], made["taxTotal"], made["total"], made["amountDue"]) == (
        "37.56",
        "5.64",
        "43.20",
        "43.20",
    )
    first, second = made["lines"]
    assert (first["quantity"], first["unitPrice"], first["amount"], first["taxAmount"]) == (
        "1",
        "25.06",
        "25.06",
        "3.76",
    )
    assert (second["quantity"], second["unitPrice"]) == ("1000", "0.0125")
    assert (first["serviceType"]["name"], first["taxRate"]["percentage"]) == ("Accounting", "15")
    assert made["allowedActions"] == ["UPDATE", "APPROVE", "VOID"]
    assert made["organisation"] == {"id": here.organisation}
    assert (made["problems"], made["payments"]) == ([], [])
    approved = done(await here.call("approveInvoice", invoiceId=made["id"], version=made["version"]))
    assert (approved["status"], approved["allowedActions"]) == ("APPROVED", ["UPDATE", "SEND", "VOID"])
    sent = done(await here.call("sendInvoice", invoiceId=made["id"], version=approved["version"]))
    assert (sent["status"], sent["sync"]["state"]) == ("AWAITING_PAYMENT", "PENDING")
    assert sent["sentAt"] is not None
    assert [(line["accountCode"], line["taxType"]) for line in sent["lines"]] == [("200", "OUTPUT2")] * 2


async def test_two_sends_at_once_send_one_invoice(here: Office) -> None:
    key = (await here.created())["id"]
    done(await here.call("approveInvoice", invoiceId=key))
    answers = await asyncio.gather(*(here.call("sendInvoice", invoiceId=key) for _ in range(3)))
    assert {done(answer)["version"] for answer in answers} == {3}


async def test_the_same_key_gives_the_same_invoice_and_another_input_is_refused(here: Office) -> None:
    given = here.input(idempotencyKey="k")
    answers = await asyncio.gather(*(here.call("createInvoice", **given) for _ in range(3)))
    assert len({done(answer)["number"] for answer in answers}) == 1
    other = await here.call("createInvoice", **here.input(here.line("7"), idempotencyKey="k"))
    assert codes(other) == [("KEY_REUSED", ["idempotencyKey"])]


async def test_all_errors_of_an_invoice_have_the_path_of_their_field(here: Office) -> None:
    lines = [
        here.line(description=" "),
        here.line(serviceTypeId="x", taxRateId=ids.encode("TaxRate", ids.NOWHERE)),
        here.line(kind="EXPENSE"),
        here.line(id=ids.encode("InvoiceLine", ids.NOWHERE)),
    ]
    given = here.input(
        *lines, contactId="nobody", dueDate="2026-01-01", reference="x" * 256, organisationId="o"
    )
    answer = await here.call("createInvoice", **given)
    assert answer["invoice"] is None
    assert {(code, *(path or ())) for code, path in codes(answer)} == {
        ("TOO_LONG", "reference"),
        ("INVALID", "dueDate"),
        ("NOT_FOUND", "contactId"),
        ("NOT_FOUND", "organisationId"),
        ("REQUIRED", "lines", "0", "description"),
        ("NOT_FOUND", "lines", "1", "serviceTypeId"),
        ("NOT_FOUND", "lines", "1", "taxRateId"),
        ("INVALID", "lines", "2", "serviceTypeId"),
        ("NOT_FOUND", "lines", "3", "id"),
    }


@pytest.mark.parametrize("value", ["NaN", "1e3", "0.00001", "1,5", "", "9" * 16])
async def test_an_invalid_decimal_is_refused_by_the_schema(here: Office, value: str) -> None:
    query = f"mutation($i: CreateInvoiceInput!) {{ createInvoice(input: $i) {{ {ERRORS} }} }}"
    data, errors = await here.ada.answer(query, i=here.input(here.line(value)))
    assert data is None
    assert len(errors) == 1


async def test_a_taken_invoice_number_is_refused_and_creates_nothing(here: Office) -> None:
    await here.created(number="A-1")
    assert codes(await here.call("createInvoice", **here.input(number="a-1"))) == [("TAKEN", ["number"])]
    assert (await here.ada.ask("{ invoices { totalCount } }"))["invoices"]["totalCount"] == 1


async def test_an_update_changes_the_given_fields_and_keeps_lines_by_id(here: Office) -> None:
    made = await here.created(here.line("1"), here.line("2"), here.line("3"), reference="kept")
    kept = made["lines"][2]["id"]
    lines = [here.line("30", id=kept), here.line("4")]
    after = done(
        await here.call("updateInvoice", invoiceId=made["id"], version=1, dueDate="2027-01-01", lines=lines)
    )
    assert (after["reference"], after["dueDate"], after["issueDate"]) == ("kept", "2027-01-01", "2026-11-20")
    assert [line["amount"] for line in after["lines"]] == ["30.00", "4.00"]
    assert after["lines"][0]["id"] == kept
    cleared = done(
        await here.call("updateInvoice", invoiceId=made["id"], reference=None, amountsAre="NO_TAX")
    )
    assert (cleared["reference"], cleared["taxTotal"], cleared["total"]) == (None, "0.00", "34.00")
    foreign = (await here.created())["lines"][0]["id"]
    answer = await here.call("updateInvoice", invoiceId=made["id"], lines=[here.line(id=foreign)])
    assert codes(answer) == [("NOT_FOUND", ["lines", "0", "id"])]
    assert answer["invoice"]["total"] == "34.00"


@pytest.mark.parametrize("mutation", ["updateInvoice", "approveInvoice", "voidInvoice"])
async def test_a_stale_version_is_refused_with_the_current_invoice(here: Office, mutation: str) -> None:
    made = await here.created()
    done(await here.call("updateInvoice", invoiceId=made["id"], reference="newer"))
    answer = await here.call(mutation, invoiceId=made["id"], version=made["version"])
    assert codes(answer) == [("STALE_VERSION", ["version"])]
    assert (answer["invoice"]["reference"], answer["invoice"]["status"]) == ("newer", "DRAFT")


async def test_an_action_that_the_status_forbids_is_refused(here: Office) -> None:
    key = (await here.created())["id"]
    assert codes(await here.call("sendInvoice", invoiceId=key)) == [("WRONG_STATE", ["invoiceId"])]
    assert codes(await here.call("settleInvoiceChange", invoiceId=key, decision="ACCEPT")) == [
        ("WRONG_STATE", ["invoiceId"])
    ]
    sent = (await here.sent())["id"]
    assert codes(await here.call("approveInvoice", invoiceId=sent)) == [("WRONG_STATE", ["invoiceId"])]
    assert codes(await here.call("updateInvoice", invoiceId=sent, reference="x")) == [
        ("WRONG_STATE", ["invoiceId"])
    ]
    for mutation in ("updateInvoice", "approveInvoice", "sendInvoice", "voidInvoice"):
        for unknown in (UNKNOWN, "x"):
            answer = await here.call(mutation, invoiceId=unknown)
            assert (answer["invoice"], codes(answer)) == (None, [("NOT_FOUND", ["invoiceId"])])


async def test_approving_refuses_an_invoice_that_xero_would_refuse(here: Office) -> None:
    key = (await here.created(here.line("-5")))["id"]
    answer = await here.call("approveInvoice", invoiceId=key)
    assert codes(answer) == [("INVALID", ["invoiceId"])]
    assert answer["invoice"]["status"] == "DRAFT"


async def test_an_invoice_is_voided(here: Office) -> None:
    key = (await here.sent())["id"]
    voided = done(await here.call("voidInvoice", invoiceId=key))
    assert (voided["status"], voided["amountDue"], voided["allowedActions"]) == ("VOIDED", "0.00", [])
    assert done(await here.call("voidInvoice", invoiceId=key))["version"] == voided["version"]
    paid = (await here.sent())["id"]
    await here.write(
        "update invoice set amount_paid = 5 where workspace_id = :ws and id = :id", id=uuid_of(paid)
    )
    answer = await here.call("voidInvoice", invoiceId=paid)
    assert codes(answer) == [("HAS_PAYMENTS", ["invoiceId"])]
    assert answer["invoice"]["status"] == "AWAITING_PAYMENT"


async def test_each_problem_that_stops_an_invoice_is_shown_with_its_remedy(here: Office) -> None:
    await here.write("delete from tax_mapping where workspace_id = :ws")
    stranger = await here.bill.world.contact("Stranger")
    sent = await here.sent(contactId=ids.encode("Contact", stranger.id))
    assert (sent["sync"]["state"], sent["sync"]["failure"]) == (
        "FAILING",
        {"code": "CONTACT_NOT_SYNCED", "remedy": "PUSH_TO_XERO"},
    )
    assert [(one["code"], one["remedy"], one["subjects"]) for one in sent["problems"]] == [
        ("CONTACT_NOT_SYNCED", "PUSH_TO_XERO", [{"id": sent["contact"]["id"], "__typename": "Contact"}]),
        (
            "TAX_RATE_UNMAPPED",
            "SET_TAX_MAPPING",
            [{"id": sent["lines"][0]["taxRate"]["id"], "__typename": "TaxRate"}],
        ),
    ]
    summary = """query($o: ID!) { xeroOrganisation(id: $o) { summary { failing failingInvoices
      failures { code count } } } }"""
    assert (await here.ada.ask(summary, o=here.organisation))["xeroOrganisation"]["summary"] == {
        "failing": 0,
        "failingInvoices": 1,
        "failures": [{"code": "CONTACT_NOT_SYNCED", "count": 1}],
    }
    retry = """mutation($i: RetrySyncInput!) { retrySync(input: $i) { retried invoices { id } links { id }
      organisation { id } userErrors { code path } } }"""
    answer = (await here.ada.ask(retry, i={"invoiceIds": [sent["id"]]}))["retrySync"]
    assert answer == {
        "retried": 1,
        "invoices": [{"id": sent["id"]}],
        "links": [],
        "organisation": {"id": here.organisation},
        "userErrors": [],
    }


@pytest.mark.parametrize("prices", [[], ["-100"]])
async def test_a_draft_shows_the_problems_that_approving_would_refuse(
    here: Office, prices: list[str]
) -> None:
    made = done(
        await here.call("createInvoice", **here.input() | {"lines": [here.line(price) for price in prices]})
    )
    itself = {"id": made["id"], "__typename": "Invoice"}
    assert made["problems"] == [{"code": "INVALID_IN_XERO", "remedy": "UPDATE_INVOICE", "subjects": [itself]}]
    refused = await here.call("approveInvoice", invoiceId=made["id"])
    assert len(refused["userErrors"]) == 1
    corrected = done(await here.call("updateInvoice", invoiceId=made["id"], lines=[here.line()]))
    assert corrected["problems"] == []


async def changed_in_xero(here: Office) -> str:
    """Sent, there, and its reference edited in Xero."""
    key = str((await here.sent(reference="ours"))["id"])
    await here.write(
        "update invoice set sync_state = 'CHANGED_IN_XERO', due_at = null, xero_invoice_id = :there, xero_total = total,"
        " xero_base = cast(:base as jsonb), xero_shown = cast(:shown as jsonb) where workspace_id = :ws and id = :id",
        id=uuid_of(key),
        there=uuid4(),
        base='{"status": "AUTHORISED", "reference": "ours"}',
        shown='{"status": "AUTHORISED", "reference": "theirs"}',
    )
    return key


async def test_a_change_of_an_invoice_in_xero_is_shown(here: Office) -> None:
    found = await here.look(await changed_in_xero(here))
    assert found["sync"]["differences"] == [{"field": "reference", "practice": "ours", "xero": "theirs"}]
    assert found["sync"]["url"].endswith(f"InvoiceID={found['sync']['xeroInvoiceId']}")
    assert found["sync"]["xeroTotal"] == "115.00"
    assert found["allowedActions"] == ["VOID", "SETTLE_CHANGE"]
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("decision", "status", "state"),
    [
        ("KEEP_APART", "AWAITING_PAYMENT", "SYNCED"),
        ("VOID_HERE", "VOIDED", "PENDING"),
        ("REISSUE", "VOIDED", "PENDING"),
    ],
)
async def test_a_change_of_an_invoice_in_xero_is_settled(
    here: Office, decision: str, status: str, state: str
) -> None:
    key = await changed_in_xero(here)
    stale = await here.call("settleInvoiceChange", invoiceId=key, decision=decision, version=1)
    assert codes(stale) == [("STALE_VERSION", ["version"])]
    answer = await here.call("settleInvoiceChange", invoiceId=key, decision=decision)
    after = done(answer)
    assert (after["status"], after["sync"]["state"], after["sync"]["differences"]) == (status, state, [])
    assert (answer["replacement"] is not None) == (decision == "REISSUE")
    if decision == "REISSUE":
        copy = await here.look(answer["replacement"]["id"])
        assert (copy["number"], copy["status"], copy["total"]) == (
            "TI-00002",
            "AWAITING_PAYMENT",
            after["total"],
        )


async def test_payments_are_shown_including_reversed_ones(here: Office) -> None:
    key = (await here.sent())["id"]
    for day, amount, back in (("2026-11-25", "15", "false"), ("2026-11-24", "99.99", "true")):
        await here.write(
            "insert into payment (workspace_id, id, invoice_id, kind, xero_id, paid_on, amount, reference, reversed)"
            f" values (:ws, gen_random_uuid(), :id, 'PAYMENT', gen_random_uuid(), '{day}', {amount}, 'bank', {back})",
            id=uuid_of(key),
        )
    shown = (await here.look(key))["payments"]
    assert [(one["date"], one["amount"], one["reversed"]) for one in shown] == [
        ("2026-11-24", "99.99", True),
        ("2026-11-25", "15.00", False),
    ]


# Many at once


async def test_each_row_of_a_bulk_mutation_succeeds_or_fails_alone(here: Office) -> None:
    rows = [here.input(), here.input(here.line(description="")), here.input(contactId="x"), here.input()]
    answer = await here.many("createInvoices", rows)
    assert [bool(one["invoice"]) for one in answer["results"]] == [True, False, False, True]
    assert [codes(one) for one in answer["results"]] == [
        [],
        [("REQUIRED", ["invoices", "1", "lines", "0", "description"])],
        [("NOT_FOUND", ["invoices", "2", "contactId"])],
        [],
    ]
    keys = [one["invoice"]["id"] for one in answer["results"] if one["invoice"]]
    named = [{"invoiceId": key} for key in (keys[0], UNKNOWN, "x", keys[1])] + [
        {"invoiceId": keys[0], "version": 9}
    ]
    approved = await here.many("approveInvoices", named[:4])
    assert [one["invoice"] and one["invoice"]["status"] for one in approved["results"]] == [
        "APPROVED", None, None, "APPROVED",
    ]  # fmt: skip
    sent = await here.many("sendInvoices", [named[4], named[3]])
    assert [codes(one) for one in sent["results"]] == [
        [("STALE_VERSION", ["invoices", "0", "version"])],
        [],
    ]
    assert [one["invoice"]["status"] for one in sent["results"]] == ["APPROVED", "AWAITING_PAYMENT"]


async def test_one_idempotency_key_covers_each_row_of_a_bulk_mutation(here: Office) -> None:
    rows = [here.input(idempotencyKey="a"), here.input(idempotencyKey="b"), here.input(idempotencyKey="a")]
    answer = await here.many("createInvoices", rows)
    numbers = [one["invoice"]["number"] for one in answer["results"]]
    assert numbers == ["TI-00001", "TI-00002", "TI-00001"]
    assert (await here.many("createInvoices", rows))["results"] == answer["results"]


@pytest.mark.parametrize("mutation", ["createInvoices", "approveInvoices", "sendInvoices"])
async def test_more_than_500_rows_are_refused_whole(here: Office, mutation: str) -> None:
    row = here.input() if mutation == "createInvoices" else {"invoiceId": UNKNOWN}
    answer = await here.many(mutation, [row] * 501)
    assert (answer["results"], codes(answer)) == ([], [("TOO_MANY", ["invoices"])])
    assert (await here.ada.ask("{ invoices { totalCount } }"))["invoices"]["totalCount"] == 0


async def test_many_invoices_cost_as_many_statements_as_few(here: Office) -> None:
    keys = [(await here.created())["id"] for _ in range(20)]
    query = "mutation($i: InvoicesInput!) { approveInvoices(input: $i) { results { %s } } }"
    shown = """invoice { id lines { id serviceType { id } taxRate { id } } contact { id } problems { code }
      organisation { id } sync { differences { field } } }"""

    async def cost(part: str, n: int) -> int:
        rows = [{"invoiceId": key} for key in keys[:n]]
        return await here.ada.statements(query % part, i={"invoices": rows})

    await cost(shown, 20)
    few, many = [await cost(shown, n) - await cost(ERRORS, n) for n in (10, 20)]
    assert few == many > 0


# Who may


async def test_a_reader_may_read_invoices_and_change_none(process: Process, here: Office) -> None:
    made = await here.created()
    reader = Office(await make.client(process, Scope.READ, world=here.ada.world), here.bill)
    assert (await reader.look(made["id"]))["allowedActions"] == []
    for mutation, kind in (
        ("createInvoice", "CreateInvoiceInput"),
        ("createInvoices", "CreateInvoicesInput"),
        ("updateInvoice", "UpdateInvoiceInput"),
        ("approveInvoice", "InvoiceInput"),
        ("approveInvoices", "InvoicesInput"),
        ("sendInvoice", "InvoiceInput"),
        ("sendInvoices", "InvoicesInput"),
        ("voidInvoice", "InvoiceInput"),
        ("settleInvoiceChange", "SettleInvoiceChangeInput"),
    ):
        given: dict[str, Any] = {
            "CreateInvoiceInput": here.input(),
            "CreateInvoicesInput": {"invoices": []},
            "InvoicesInput": {"invoices": []},
            "SettleInvoiceChangeInput": {"invoiceId": made["id"], "decision": "ACCEPT"},
        }.get(kind, {"invoiceId": made["id"]})
        query = f"mutation($i: {kind}!) {{ {mutation}(input: $i) {{ {ERRORS} }} }}"
        data, errors = await reader.ada.answer(query, i=given)
        assert (data, [code for _, code in errors]) == ({mutation: None}, ["FORBIDDEN"]), mutation
    assert (await here.look(made["id"]))["version"] == made["version"]


async def test_each_change_of_an_invoice_is_published_and_recorded(here: Office) -> None:
    start = (await here.ada.ask("{ syncCursor }"))["syncCursor"]
    made = await here.sent()
    live = """subscription($after: String) { syncStatus(after: $after) { update { __typename
      ... on InvoiceUpdate { invoice { id status version amountDue } } } } }"""
    async with here.ada.follow(live, after=start) as stream:
        update = (await stream.next())["update"]
    assert update == {
        "__typename": "InvoiceUpdate",
        "invoice": {"id": made["id"], "status": "AWAITING_PAYMENT", "version": 3, "amountDue": "115.00"},
    }
    query = """query($i: ID!, $k: [ActivityKind!]) { activity(filter: {invoiceId: $i}) { edges { node { message
      invoice { id } contact { name } } } } invoice(id: $i) { activity(first: 2, kind: $k) {
      pageInfo { hasNextPage } edges { node { message } } } } }"""
    answer = await here.ada.ask(query, i=made["id"], k=["INVOICE_CHANGED"])
    told = ["Invoice TI-00001 was sent.", "Invoice TI-00001 was approved.", "Invoice TI-00001 was created."]
    nodes = [edge["node"] for edge in answer["activity"]["edges"]]
    assert sorted(node["message"] for node in nodes) == sorted(told)
    assert nodes[0]["invoice"] == {"id": made["id"]}
    assert nodes[0]["contact"] == {"name": "Kauri Joinery Ltd"}
    assert answer["invoice"]["activity"]["pageInfo"]["hasNextPage"] is True
    assert len(answer["invoice"]["activity"]["edges"]) == 2
