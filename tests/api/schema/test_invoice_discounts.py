"""Discounts of lines, two refusals at once, and Xero's warnings, as a client of the API sees them."""

import json

import pytest

from api.context import Process
from tests.api.schema.bills import Office, codes, done, office, uuid_of


@pytest.fixture
async def here(process: Process) -> Office:
    return await office(process)


async def test_a_client_gives_discounts_and_reads_them_back(here: Office) -> None:
    lines = [here.line("33.33", "3", discountRate="50"), here.line("1400", discountAmount="250")]
    made = await here.created(*lines)
    assert made["total"] == "1380.00"
    query = "query($k: ID!) { invoice(id: $k) { lines { amount discountRate discountAmount } sync { warnings } } }"
    found = (await here.ada.ask(query, k=made["id"]))["invoice"]
    assert found == {
        "lines": [
            {"amount": "50.00", "discountRate": "50", "discountAmount": None},
            {"amount": "1150.00", "discountRate": None, "discountAmount": "250.00"},
        ],
        "sync": {"warnings": []},
    }
    without = [here.line("33.33", "3", id=(await here.look(made["id"]))["lines"][0]["id"], discountRate=None)]
    changed = done(await here.call("updateInvoice", invoiceId=made["id"], lines=without))
    assert changed["subtotal"] == "99.99"


async def test_the_preview_takes_discounts_off_and_names_one_that_is_too_large(here: Office) -> None:
    query = """query($input: InvoicePreviewInput!) { invoicePreview(input: $input) {
        total lines { amount taxAmount } userErrors { code path } } }"""
    lines = [here.line("33.33", "3", discountRate="50"), here.line("10", discountAmount="10.01")]
    found = (await here.ada.ask(query, input={"lines": lines}))["invoicePreview"]
    assert found["lines"][0] == {"amount": "50.00", "taxAmount": "7.50"}
    assert found["userErrors"] == [{"code": "INVALID", "path": ["lines", "1", "discountAmount"]}]


async def test_a_line_with_both_discounts_is_refused_with_its_path(here: Office) -> None:
    refused = await here.call(
        "createInvoice", **here.input(here.line(), here.line(discountRate="5", discountAmount="5"))
    )
    assert codes(refused) == [("INVALID", ["lines", "1", "discountAmount"])]


async def test_two_refusals_of_xero_are_shown_as_two_problems(here: Office) -> None:
    sent = await here.sent()
    each = [
        {"code": "ACCOUNT_UNAVAILABLE", "message": "Account must be valid.", "remedy": "SET_ACCOUNT_MAPPING", "subjects": []},
        {"code": "TAX_RATE_UNAVAILABLE", "message": "Tax rate must be valid.", "remedy": "SET_TAX_MAPPING", "subjects": []},
    ]  # fmt: skip
    failure = {
        **each[0], "message": "Account must be valid. Tax rate must be valid.", "each": each, "refused": True,
        "field": None, "since": "2026-11-20T00:00:00+00:00", "attempts": 1, "nextAttemptAt": None,
    }  # fmt: skip
    await here.write(
        "update invoice set sync_state = 'FAILING', failure = cast(:failure as jsonb), failure_code = 'ACCOUNT_UNAVAILABLE'"
        " where workspace_id = :ws and id = :id",
        failure=json.dumps(failure),
        id=uuid_of(sent["id"]),
    )
    query = "query($k: ID!) { invoice(id: $k) { problems { code message remedy } sync { failure { code message } } } }"
    found = (await here.ada.ask(query, k=sent["id"]))["invoice"]
    assert found["problems"] == [{name: one[name] for name in ("code", "message", "remedy")} for one in each]
    assert found["sync"]["failure"] == {"code": "ACCOUNT_UNAVAILABLE", "message": failure["message"]}
