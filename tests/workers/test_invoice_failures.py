"""Each failure of an invoice is caused, read from the API and corrected as its remedy says; then the invoice is sent by
itself. The tests run the API, a whole worker and the simulator. If only a change in Xero helps, they make it there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from api.consent import connect
from api.context import Context
from api.context import Process as ApiProcess
from api.relay import ids
from api.root import schema
from runtime.embedded import services as embedded_services
from tests import make
from tests.api.connecting import Browser
from tests.api.schema.bills import Office, done
from tests.clients import web_client
from tests.database import Place
from tests.domain.billed import Billed
from tests.workers.billing import Billing, making
from tests.workers.connected import until, working
from workers import catalogues, invoice_reads

FAILURE = """query($k: ID!) { invoice(id: $k) { status problems { code } sync { state xeroInvoiceId xeroTotal failure {
  code message remedy since attempts nextAttemptAt subjects { id __typename } } } } }"""
OF_CONTACTS = {"NAME_TAKEN_IN_XERO", "MERGED_IN_XERO", "FORGOTTEN_IN_XERO"}


@dataclass
class Practice(Office):
    """A client of the API, and a person in Xero (`xero`)."""

    xero: Billing

    async def ask(
        self, mutation: str, kind: str, shows: str = "userErrors { code message }", **given: Any
    ) -> Any:
        """A mutation's payload; nothing in it is refused."""
        query = f"mutation($i: {kind}!) {{ {mutation}(input: $i) {{ {shows} }} }}"
        payload = (await self.ada.ask(query, i=given))[mutation]
        assert payload.get("userErrors", []) == []
        return payload

    async def set_up(self, mutation: str, kind: str, **given: Any) -> None:
        await self.ask(mutation, kind, organisationId=self.organisation, **given)

    async def failure(self, key: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = (await self.state(key))["sync"]["failure"]
        return found

    async def state(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.ada.ask(FAILURE, k=key))["invoice"]
        return found

    async def comes(self, key: str, state: str, code: str | None = None) -> dict[str, Any]:
        """Once it is so."""

        async def check() -> bool:
            sync = (await self.state(key))["sync"]
            return sync["state"] == state and (sync["failure"] or {}).get("code") == code

        await until(check)
        return await self.state(key)

    async def later(self, **by: float) -> None:
        """Time passes while no call is in flight and no delivery waits for its answer: else its slot or its lease would lapse."""

        async def still() -> bool:
            in_flight = (
                "select 1 from xero_call where ended_at is null"
                " union all select 1 from delivery where workspace_id = :ws and ended_at is null and not uncertain"
            )
            return not await self.bill.world.rows(in_flight)

        await until(still)
        self.xero.later(timedelta(**by))

    async def statuses(self, number: str) -> list[str]:
        """Of all that Xero has under this number."""
        return [str(one.status) for one in await self.xero.all_at_xero() if one.invoice_number == number]


Reach = Callable[[Practice], Awaitable[str]]
Mend = Callable[[Practice, str], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """`subjects`: what it is about, by type. `mend` gives nothing: the invoice is SYNCED by itself after it."""

    code: str
    remedy: str
    subjects: tuple[str, ...]
    reach: Reach
    mend: Mend
    after: str = "SYNCED"


@pytest.fixture
async def here(clean: Place, services: embedded_services.Services) -> AsyncIterator[Practice]:
    async with making(clean, services) as made:
        assert await catalogues.read_due(*made.key)  # so that what is then done in Xero is news
        process = made.here.process
        api = ApiProcess(
            process.settings, process.database, process.keys, process.http, process.notifications
        )
        client = await make.client(api, world=made.here.world)
        bill = Billed(made.here.world, made.contact, made.service, made.gst)
        yield Practice(client, bill, made)


async def sent(here: Practice) -> str:
    return str((await here.sent())["id"])


async def bills_a_stranger(here: Practice) -> str:
    made = await here.ask(
        "createContact", "CreateContactInput", "contact { id } userErrors { code }", name="Totara Trust"
    )
    return str((await here.sent(contactId=made["contact"]["id"]))["id"])


async def push_it(here: Practice, key: str) -> None:
    [contact] = (await here.failure(key) or {})["subjects"]
    await here.set_up("pushToXero", "PushToXeroInput", contactId=contact["id"])


async def has_no_accounts(here: Practice) -> None:
    """As an organisation is that was never set up."""
    await here.write(
        "update organisation set revenue_account_id = null, expense_account_id = null where workspace_id = :ws"
    )


async def bills_a_service_without_account(here: Practice) -> str:
    await has_no_accounts(here)
    return await sent(here)


async def map_the_service(here: Practice, key: str) -> None:
    [service] = (await here.failure(key) or {})["subjects"]
    wanted = {"serviceTypeId": service["id"], "accountCode": "205"}
    await here.set_up("setAccountMapping", "SetAccountMappingInput", **wanted)


async def bills_an_expense_without_account(here: Practice) -> str:
    await has_no_accounts(here)
    return str((await here.sent(here.line(kind="EXPENSE", serviceTypeId=None)))["id"])


async def set_default_accounts(here: Practice, key: str) -> None:
    wanted = {"revenueAccountCode": "205", "expenseAccountCode": "412"}
    if (await here.look(key))["lines"][0]["kind"] == "EXPENSE":
        wanted = {"revenueAccountCode": "200", "expenseAccountCode": "270"}
    await here.set_up("setDefaultAccounts", "SetDefaultAccountsInput", **wanted)


async def bills_on_an_archived_default(here: Practice) -> str:
    await here.xero.act("POST", "accounts/200", {"archived": True})
    return await sent(here)


async def bills_expenses_on_an_archived_default(here: Practice) -> str:
    await here.xero.act("POST", "accounts/220", {"archived": True})
    return str((await here.sent(here.line(kind="EXPENSE", serviceTypeId=None)))["id"])


async def bills_on_an_archived_account(here: Practice) -> str:
    await here.set_up(
        "setAccountMapping", "SetAccountMappingInput",
        serviceTypeId=ids.encode("ServiceType", here.bill.service), accountCode="210",
    )  # fmt: skip
    await here.xero.act("POST", "accounts/210", {"archived": True})
    return await sent(here)


async def map_to_another(here: Practice, key: str) -> None:
    wanted = {"serviceTypeId": ids.encode("ServiceType", here.bill.service), "accountCode": "205"}
    await here.set_up("setAccountMapping", "SetAccountMappingInput", **wanted)


async def bills_an_unmapped_rate(here: Practice) -> str:
    shows = "taxRate { id } userErrors { code }"
    made = await here.ask(
        "createTaxRate", "CreateTaxRateInput", shows, name="GST of branches", percentage="15"
    )
    return str((await here.sent(here.line(taxRateId=made["taxRate"]["id"])))["id"])


async def map_the_rate(here: Practice, key: str) -> None:
    [rate] = (await here.failure(key) or {})["subjects"]
    await here.set_up("setTaxMapping", "SetTaxMappingInput", taxRateId=rate["id"], xeroTaxType="OUTPUT2")


async def bills_an_archived_rate(here: Practice) -> str:
    await here.xero.act("POST", "taxrates/ZERORATED", {"name": "15 % too", "effectiveRate": 15})
    assert await catalogues.read_due(*here.xero.key)
    await here.xero.act("POST", "taxrates/OUTPUT2", {"archived": True})
    return await sent(here)


async def map_another_rate(here: Practice, key: str) -> None:
    rate = ids.encode("TaxRate", here.bill.gst)
    await here.set_up("setTaxMapping", "SetTaxMappingInput", taxRateId=rate, xeroTaxType="ZERORATED")


async def is_in_another_currency(here: Practice) -> str:
    """Sent in the minute after a connect, before the currency of the organisation is known."""
    await here.ask("updateWorkspace", "UpdateWorkspaceInput", currency="AUD")
    await here.write("update organisation set base_currency = '' where workspace_id = :ws")
    return await sent(here)


async def void_it(here: Practice, key: str) -> None:
    done(await here.call("voidInvoice", invoiceId=key))


async def is_in_a_locked_period(here: Practice) -> str:
    await here.xero.act("PUT", "lockdates", {"period": "2026-11-30"})
    return await sent(here)


async def move_the_lock(here: Practice, key: str) -> None:
    await here.xero.act("PUT", "lockdates", {"period": None})
    await here.later(hours=2)


async def issue_it_later(here: Practice, key: str) -> None:
    done(await here.call("updateInvoice", invoiceId=key, issueDate="2026-12-01"))


async def comes_to_another_total(here: Practice) -> str:
    await here.xero.act("POST", "taxrates/OUTPUT2", {"effectiveRate": 12.5})
    return await sent(here)


async def right_the_rate(here: Practice, key: str) -> None:
    """Correct the rate in Xero, and save the invoice there again."""
    there = (await here.state(key))["sync"]["xeroInvoiceId"]
    await here.xero.act("POST", "taxrates/OUTPUT2", {"effectiveRate": 15})
    await here.xero.act("POST", f"invoices/{there}", {"Reference": ""})
    await here.later(minutes=5)


async def has_a_taken_number(here: Practice) -> str:
    [contact, *_] = (await (await here.xero.client()).contacts_page(1)).items
    await here.xero.act("POST", "invoices", {
        "Type": "ACCREC", "InvoiceNumber": "A-1", "Contact": {"ContactID": str(contact.contact_id)},
        "LineItems": [{"Description": "Theirs", "Quantity": 1, "UnitAmount": 1, "AccountCode": "200"}],
    })  # fmt: skip
    return str((await here.sent(number="A-1"))["id"])


async def rename_theirs(here: Practice, key: str) -> None:
    [theirs] = await here.xero.all_at_xero()
    await here.xero.act("POST", f"invoices/{theirs.invoice_id}", {"InvoiceNumber": "A-1-old"})
    await here.later(hours=2)


async def is_over_the_plan(here: Practice) -> str:
    await here.xero.act("PUT", "approvals", {"left": 0})
    return await sent(here)


async def widen_the_plan(here: Practice, key: str) -> None:
    await here.xero.act("PUT", "approvals", {"left": None})
    await here.later(hours=2)


async def is_too_long(here: Practice) -> str:
    return str((await here.sent(*(here.line(description="🧾" * 4000) for _ in range(240))))["id"])


async def shorten_it(here: Practice, key: str) -> None:
    done(await here.call("updateInvoice", invoiceId=key, lines=[here.line()]))


async def is_voided_though_paid(here: Practice) -> str:
    key = await sent(here)
    there = (await here.comes(key, "SYNCED"))["sync"]["xeroInvoiceId"]
    await here.xero.act("POST", f"invoices/{there}/payments", {"amount": 1, "date": "2026-11-22"})
    await void_it(here, key)
    return key


async def take_the_payment_off(here: Practice, key: str) -> None:
    [payment] = (await here.look(key))["payments"]
    rows = await here.bill.world.rows(
        "select xero_id from payment where workspace_id = :ws and id = :id",
        id=ids.find("Payment", payment["id"]),
    )
    await here.xero.act("DELETE", f"payments/{rows[0]['xero_id']}")
    await here.later(minutes=5)


async def take_the_void_back(here: Practice, key: str) -> None:
    after = done(await here.call("settleInvoiceChange", invoiceId=key, decision="ACCEPT"))
    assert (after["status"], after["amountDue"]) == ("AWAITING_PAYMENT", "114.00")


async def bills_an_archived_contact(here: Practice) -> str:
    await archive(here)
    return await sent(here)


async def archive(here: Practice, status: str = "ARCHIVED") -> None:
    own = await here.xero.contact_in_xero()
    await here.xero.act("POST", f"contacts/{own}", {"fields": {"ContactStatus": status}})


async def is_broken(here: Practice) -> bool:
    """The archiving was read."""
    return bool(
        await here.bill.world.rows("select 1 from sync_link where workspace_id = :ws and state = 'BROKEN'")
    )


async def push_to_the_archived_one(here: Practice, key: str) -> None:
    """Once the archiving was read, the contact is no longer linked: a push offers the archived Xero contact."""
    await until(lambda: is_broken(here))
    await here.later(minutes=2)
    failure = (await here.comes(key, "FAILING", "CONTACT_NOT_SYNCED"))["sync"]["failure"]
    assert failure["remedy"] == "PUSH_TO_XERO"
    wanted = {"contactId": here.contact, "organisationId": here.organisation}
    query = "mutation($i: PushToXeroInput!) { pushToXero(input: $i) { existing { id } userErrors { code } } }"
    found = (await here.ada.ask(query, i=wanted))["pushToXero"]
    assert found["userErrors"] == [{"code": "LIKELY_DUPLICATE"}]
    await here.ask("pushToXero", "PushToXeroInput", **wanted, linkTo=found["existing"][0]["id"])


async def restore_the_contact(here: Practice, key: str) -> None:
    """A second poll follows if the first one had begun before the contact was restored, and so has broken the link.

    While the link is broken the worker claims no invoice, so no lease lapses as time passes.
    """

    async def has_polled() -> bool:
        to_do = (
            "select 1 from organisation where workspace_id = :ws and poll_due_at <= :now"
            " union all select 1 from import_run where workspace_id = :ws and finished_at is null"
        )
        return not await here.bill.world.rows(to_do)

    await archive(here, "ACTIVE")
    await here.later(minutes=5)
    await until(has_polled)
    if await is_broken(here):
        await here.later(minutes=5)


async def is_sent_after_the_connection_ended(here: Practice) -> str:
    await here.xero.act("DELETE", "connections")
    return await sent(here)


async def connect_again(here: Practice, key: str) -> None:
    """As a browser does it."""
    context = Context(here.ada.process, here.ada.viewer, response=Response())
    query = (
        "mutation($i: ConnectXeroInput!) { connectXero(input: $i) { authorizationUrl userErrors { code } } }"
    )
    wanted = {"returnTo": "/done", "organisationId": here.organisation}
    answer = await schema.execute(query, variable_values={"i": wanted}, context_value=context)
    assert answer.data is not None
    assert context.response is not None
    transport = httpx.ASGITransport(Starlette(routes=connect.routes(here.ada.process)))
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            web_client(transport=transport, base_url="http://localhost:8000")
        )
        browser = Browser(http, here.ada.process.http)
        browser.keep(context.response)
        back = await http.get(await browser.consent(answer.data["connectXero"]["authorizationUrl"]))
    assert "error" not in urlsplit(back.headers["location"]).query


async def meets_an_outage(here: Practice) -> str:
    await here.xero.fault(kind="status", status=503, when="before", method="PUT")
    return await sent(here)


async def wait_a_while(here: Practice, key: str) -> None:
    await here.later(minutes=10)


async def has_its_answer_lost(here: Practice) -> str:
    await here.xero.fault(kind="drop", when="after", method="PUT")
    return await sent(here)


CASES = [
    Case("CONTACT_NOT_SYNCED", "PUSH_TO_XERO", ("Contact",), bills_a_stranger, push_it),
    Case("ACCOUNT_UNMAPPED", "SET_ACCOUNT_MAPPING", ("ServiceType",), bills_a_service_without_account, map_the_service),
    Case("ACCOUNT_UNMAPPED", "SET_DEFAULT_ACCOUNTS", ("XeroOrganisation",), bills_an_expense_without_account, set_default_accounts),
    Case("ACCOUNT_UNAVAILABLE", "SET_DEFAULT_ACCOUNTS", ("XeroAccount",), bills_on_an_archived_default, set_default_accounts),
    Case("ACCOUNT_UNAVAILABLE", "SET_DEFAULT_ACCOUNTS", ("XeroAccount",), bills_expenses_on_an_archived_default, set_default_accounts),
    Case("ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING", ("XeroAccount",), bills_on_an_archived_account, map_to_another),
    Case("TAX_RATE_UNMAPPED", "SET_TAX_MAPPING", ("TaxRate",), bills_an_unmapped_rate, map_the_rate),
    Case("TAX_RATE_UNAVAILABLE", "SET_TAX_MAPPING", ("XeroTaxRate",), bills_an_archived_rate, map_another_rate),
    Case("CURRENCY_MISMATCH", "VOID_INVOICE", ("XeroOrganisation",), is_in_another_currency, void_it, "NOT_SENT"),
    Case("PERIOD_LOCKED", "IN_XERO", ("XeroOrganisation",), is_in_a_locked_period, move_the_lock),
    Case("PERIOD_LOCKED", "IN_XERO", ("XeroOrganisation",), is_in_a_locked_period, issue_it_later),
    Case("TOTAL_MISMATCH", "VOID_INVOICE", ("Invoice",), comes_to_another_total, void_it),
    Case("TOTAL_MISMATCH", "VOID_INVOICE", ("Invoice",), comes_to_another_total, right_the_rate),
    Case("INVOICE_NUMBER_TAKEN", "VOID_INVOICE", ("Invoice",), has_a_taken_number, void_it, "NOT_SENT"),
    Case("INVOICE_NUMBER_TAKEN", "VOID_INVOICE", ("Invoice",), has_a_taken_number, rename_theirs),
    Case("INVALID_IN_XERO", "IN_XERO", ("Invoice",), is_over_the_plan, widen_the_plan),
    Case("VALUE_TOO_LONG", "UPDATE_INVOICE", ("Invoice",), is_too_long, shorten_it),
    Case("HAS_PAYMENTS", "IN_XERO", ("Invoice",), is_voided_though_paid, take_the_payment_off),
    Case("HAS_PAYMENTS", "IN_XERO", ("Invoice",), is_voided_though_paid, take_the_void_back),
    Case("ARCHIVED_IN_XERO", "WAIT", ("Contact",), bills_an_archived_contact, push_to_the_archived_one),
    Case("ARCHIVED_IN_XERO", "WAIT", ("Contact",), bills_an_archived_contact, restore_the_contact),
    Case("NEEDS_RECONNECT", "CONNECT_XERO", ("XeroOrganisation",), is_sent_after_the_connection_ended, connect_again),
    Case("XERO_UNAVAILABLE", "WAIT", (), meets_an_outage, wait_a_while),
    Case("UNCERTAIN", "WAIT", (), has_its_answer_lost, wait_a_while),
]  # fmt: skip


async def test_each_failure_code_of_an_invoice_has_a_case() -> None:
    found = await schema.execute('{ __type(name: "SyncFailureCode") { enumValues { name } } }')
    assert found.data is not None
    known = {one["name"] for one in found.data["__type"]["enumValues"]}
    assert {case.code for case in CASES} == known - OF_CONTACTS


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.mend.__name__}")
async def test_a_failing_invoice_is_shown_and_sent_by_itself_once_corrected(
    here: Practice, case: Case
) -> None:
    async with working(here.xero.here.process):
        key = await case.reach(here)
        found = await here.comes(key, "FAILING", case.code)
        failure = found["sync"]["failure"]
        assert (failure["remedy"], [one["__typename"] for one in failure["subjects"]]) == (
            case.remedy,
            list(case.subjects),
        )
        assert failure["message"].strip()
        query = (
            "query($c: [SyncFailureCode!]) { invoices(filter: {failureCode: $c}) { edges { node { id } } } }"
        )
        listed = (await here.ada.ask(query, c=[case.code]))["invoices"]["edges"]
        assert [edge["node"]["id"] for edge in listed] == [key]
        await case.mend(here, key)
        after = await here.comes(key, case.after)
    invoice = await here.look(key)
    assert after["problems"] == []
    if case.after == "SYNCED":
        there = await here.statuses(invoice["number"])
        assert there == ["VOIDED" if invoice["status"] == "VOIDED" else "AUTHORISED"]
        assert invoice["sync"]["xeroTotal"] == invoice["total"] or invoice["status"] == "VOIDED"
    else:
        assert after["sync"]["xeroInvoiceId"] is None


async def test_an_invoice_that_is_due_when_a_poll_finds_the_connection_ended_says_so(here: Practice) -> None:
    """Nobody tries to send it any more, so no send can find it out."""
    key = await sent(here)
    assert (await here.state(key))["sync"]["state"] == "PENDING"
    await here.xero.act("DELETE", "connections")
    await here.xero.make_poll_due()
    await invoice_reads.poll(*here.xero.key)
    found = (await here.state(key))["sync"]
    assert (found["state"], found["failure"]["code"], found["failure"]["remedy"]) == (
        "FAILING",
        "NEEDS_RECONNECT",
        "CONNECT_XERO",
    )


async def test_a_void_while_the_sync_is_off_waits_for_the_switch(here: Practice) -> None:
    async with working(here.xero.here.process):
        key = await sent(here)
        await here.comes(key, "SYNCED")
        await here.set_up("setInvoiceSync", "SetInvoiceSyncInput", enabled=False)
        voided = done(await here.call("voidInvoice", invoiceId=key))
        assert (voided["status"], voided["sync"]["state"], voided["sync"]["failure"]) == (
            "VOIDED",
            "SYNC_OFF",
            None,
        )
        query = "query($k: ID!) { invoice(id: $k) { activity(first: 1) { edges { node { message } } } } }"
        [told] = (await here.ada.ask(query, k=key))["invoice"]["activity"]["edges"]
        assert told["node"]["message"].endswith("was voided; in Xero it will be once the invoice sync is on.")
        await here.set_up("setInvoiceSync", "SetInvoiceSyncInput", enabled=True)
        await here.comes(key, "SYNCED")
    assert await here.statuses(voided["number"]) == ["VOIDED"]


@pytest.mark.parametrize(
    ("before", "state", "after"),
    [
        ({"enabled": False}, "SYNC_OFF", {"enabled": True}),
        (
            {"startDate": "2026-11-21"},
            "BEFORE_START_DATE",
            {"startDate": "2026-11-20", "acceptInvoices": 1},
        ),
    ],
)
async def test_an_invoice_that_is_not_sent_by_choice_is_sent_when_the_choice_changes(
    here: Practice, before: dict[str, Any], state: str, after: dict[str, Any]
) -> None:
    await here.set_up("setInvoiceSync", "SetInvoiceSyncInput", **before)
    invoice = await here.sent()
    assert (invoice["sync"]["state"], invoice["allowedActions"]) == (state, ["UPDATE", "VOID"])
    async with working(here.xero.here.process):
        await here.set_up("setInvoiceSync", "SetInvoiceSyncInput", **after)
        await here.comes(invoice["id"], "SYNCED")
    assert await here.statuses(invoice["number"]) == ["AUTHORISED"]
