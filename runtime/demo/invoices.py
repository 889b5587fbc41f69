"""An invoice: set up, created and sent by the practice, put into Xero, paid in Xero, and paid here."""

import time
from datetime import date, timedelta
from typing import Any

from rich.console import Console

from runtime.clock import MachineClock
from runtime.demo.parts import Running, heading
from runtime.embedded.children import StartError

CONTACT = """query($id: ID!) { xeroOrganisation(id: $id) { tenantId taxRates { taxType }
    accounts(first: 100, filter: {class: ["REVENUE"]}) { edges { node { code name } } } invoiceSync { enabled } }
  syncLinks(first: 1, filter: {organisationId: $id, state: [SYNCED]}) { edges { node { contact { id name } } } } }"""
SERVICE = """mutation($input: NameInput!) { createServiceType(input: $input) {
  serviceType { id } userErrors { message } } }"""
RATE = """mutation($input: CreateTaxRateInput!) { createTaxRate(input: $input) {
  taxRate { id } userErrors { message } } }"""
SET_UP = """mutation($d: SetDefaultAccountsInput!, $m: SetInvoiceMappingsInput!, $s: SetInvoiceSyncInput!) {
  setDefaultAccounts(input: $d) { userErrors { message } } setInvoiceMappings(input: $m) { userErrors { message } }
  setInvoiceSync(input: $s) { userErrors { message } } }"""
KINDS = "{ workspace { serviceTypes { id name } taxRates { id name } } }"
CREATE = """mutation($input: CreateInvoiceInput!) { createInvoice(input: $input) {
  invoice { id number total } userErrors { message } } }"""
SEND = """mutation($i: InvoiceInput!) { approveInvoice(input: $i) { userErrors { message } }
  sendInvoice(input: $i) { userErrors { message } } }"""
HELD = """query($id: ID!) { invoice(id: $id) { number status total amountDue
  sync { state xeroInvoiceId xeroTotal failure { message } } } }"""
CREDIT = timedelta(days=20)
LONGEST, CUSTOMER = 90, 2.5  # seconds


def show_invoice(running: Running, organisation: str, console: Console) -> dict[str, float]:
    """Returns the seconds from sendInvoice until Xero has the invoice, and from the payment in Xero until PAID here."""
    heading(console, "An invoice")
    found, today = running.ask(CONTACT, id=organisation), MachineClock().now().date()
    contact = found["syncLinks"]["edges"][0]["node"]["contact"]
    service, rate = _kinds(running)
    if not found["xeroOrganisation"]["invoiceSync"]["enabled"]:
        _set_up(running, organisation, service, rate, today)
    line = {"description": "Annual accounts", "quantity": "7.25", "unitPrice": "142.50", "serviceTypeId": service,
            "taxRateId": rate}  # fmt: skip
    filing = {
        "kind": "EXPENSE",
        "description": "Filing fee",
        "quantity": "1",
        "unitPrice": "45",
        "taxRateId": rate,
    }
    given = {"contactId": contact["id"], "issueDate": today.isoformat(),
             "dueDate": (today + CREDIT).isoformat(), "organisationId": organisation, "lines": [line, filing]}  # fmt: skip
    invoice = running.ask(CREATE, input=given)["createInvoice"]["invoice"]
    began = time.monotonic()
    running.ask(SEND, i={"invoiceId": invoice["id"]})
    sent = _until(running, invoice["id"], began, lambda held: held["sync"]["state"] == "SYNCED")
    arrived = time.monotonic() - began
    console.print(
        f"   {sent['number']} to {' '.join(contact['name'].split())} was sent, total {sent['total']} (sendInvoice)."
        f"\n   Xero had it, with this total, after {arrived:.2f} s."
    )
    tenant, key = found["xeroOrganisation"]["tenantId"], sent["sync"]["xeroInvoiceId"].lower()
    # A change within two seconds of our own write to the same invoice waits for a poll; people do not pay that fast.
    time.sleep(CUSTOMER)
    began = time.monotonic()
    paying = f"{running.simulator}/simulator/organisations/{tenant}/invoices/{key}/payments"
    running.http.post(paying, json={}).raise_for_status()
    _until(running, invoice["id"], began, lambda held: held["status"] == "PAID")
    paid = time.monotonic() - began
    console.print(f"   It was paid inside Xero. Tandem showed PAID after {paid:.2f} s.")
    return {"invoiceSeconds": round(arrived, 2), "paidSeconds": round(paid, 2)}


def _kinds(running: Running) -> tuple[str, str]:
    """The ids of the practice's service type and tax rate. The first start creates them."""
    held = running.ask(KINDS)["workspace"]
    services = {one["name"]: one["id"] for one in held["serviceTypes"]}
    rates = {one["name"]: one["id"] for one in held["taxRates"]}
    if "Accounting" not in services:
        made = running.ask(SERVICE, input={"name": "Accounting"})
        services["Accounting"] = made["createServiceType"]["serviceType"]["id"]
    if "GST" not in rates:
        made = running.ask(RATE, input={"name": "GST", "percentage": "15"})
        rates["GST"] = made["createTaxRate"]["taxRate"]["id"]
    return services["Accounting"], rates["GST"]


def _set_up(running: Running, organisation: str, service: str, rate: str, start: date) -> None:
    running.ask(
        SET_UP,
        d={"organisationId": organisation, "revenueAccountCode": "200", "expenseAccountCode": "220"},
        m={"organisationId": organisation, "accounts": [{"serviceTypeId": service, "accountCode": "200"}],
           "taxRates": [{"taxRateId": rate, "xeroTaxType": "OUTPUT2"}]},
        s={"organisationId": organisation, "enabled": True, "startDate": start.isoformat()},
    )  # fmt: skip


def _until(running: Running, invoice: str, began: float, is_so: Any) -> dict[str, Any]:
    while True:
        held: dict[str, Any] = running.ask(HELD, id=invoice)["invoice"]
        if is_so(held):
            return held
        if time.monotonic() - began > LONGEST:
            failure = (held["sync"]["failure"] or {}).get("message")
            raise StartError(
                f"the invoice stayed {held['status']} and {held['sync']['state']} for {LONGEST} s: {failure}"
            )
        time.sleep(0.02)
