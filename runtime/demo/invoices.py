"""An invoice: set up, created and sent by the practice, put into Xero, paid in Xero, and paid here."""

import time
from collections.abc import Callable
from datetime import date, timedelta

from rich.console import Console

from runtime.clock import MachineClock
from runtime.demo.parts import Answer, Running, heading
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


class _Named(Answer):
    id: str
    name: str


class _InvoiceSync(Answer):
    enabled: bool


class _Organisation(Answer):
    tenant_id: str
    invoice_sync: _InvoiceSync


class _Link(Answer):
    contact: _Named


class _Edge(Answer):
    node: _Link


class _Links(Answer):
    edges: list[_Edge]


class _Linked(Answer):
    xero_organisation: _Organisation
    sync_links: _Links


class _Kinds(Answer):
    service_types: list[_Named]
    tax_rates: list[_Named]


class _Workspace(Answer):
    workspace: _Kinds


class _Id(Answer):
    id: str


class _Made(Answer):
    service_type: _Id | None = None
    tax_rate: _Id | None = None
    invoice: _Id | None = None


class _Service(Answer):
    create_service_type: _Made


class _Rate(Answer):
    create_tax_rate: _Made


class _Created(Answer):
    create_invoice: _Made


class _Failure(Answer):
    message: str


class _Sync(Answer):
    state: str
    xero_invoice_id: str | None
    failure: _Failure | None


class Invoice(Answer):
    number: str
    status: str
    total: str
    sync: _Sync


class _Held(Answer):
    invoice: Invoice


def show_invoice(running: Running, organisation: str, console: Console) -> dict[str, float]:
    """Return the seconds from sendInvoice until Xero has the invoice, and from the payment in Xero until PAID here."""
    heading(console, "An invoice")
    found, today = running.ask(_Linked, CONTACT, id=organisation), MachineClock().now().date()
    contact = found.sync_links.edges[0].node.contact
    service, rate = _kinds(running)
    if not found.xero_organisation.invoice_sync.enabled:
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
    given = {"contactId": contact.id, "issueDate": today.isoformat(),
             "dueDate": (today + CREDIT).isoformat(), "organisationId": organisation, "lines": [line, filing]}  # fmt: skip
    invoice = _id(running.ask(_Created, CREATE, input=given).create_invoice.invoice)
    began = time.monotonic()
    running.ask(Answer, SEND, i={"invoiceId": invoice})
    sent = _until(running, invoice, began, lambda held: held.sync.state == "SYNCED")
    arrived = time.monotonic() - began
    console.print(
        f"   {sent.number} to {' '.join(contact.name.split())} was sent, total {sent.total} (sendInvoice)."
        f"\n   Xero had it, with this total, after {arrived:.2f} s."
    )
    tenant, key = found.xero_organisation.tenant_id, (sent.sync.xero_invoice_id or "").lower()
    # A change within two seconds of our own write to the same invoice waits for a poll; people do not pay that fast.
    time.sleep(CUSTOMER)
    began = time.monotonic()
    paying = f"{running.simulator}/simulator/organisations/{tenant}/invoices/{key}/payments"
    running.http.post(paying, json={}).raise_for_status()
    _until(running, invoice, began, lambda held: held.status == "PAID")
    paid = time.monotonic() - began
    console.print(f"   It was paid inside Xero. Tandem showed PAID after {paid:.2f} s.")
    return {"invoiceSeconds": round(arrived, 2), "paidSeconds": round(paid, 2)}


def _kinds(running: Running) -> tuple[str, str]:
    """The ids of the practice's service type and tax rate. The first start creates them."""
    held = running.ask(_Workspace, KINDS).workspace
    services = {one.name: one.id for one in held.service_types}
    rates = {one.name: one.id for one in held.tax_rates}
    if "Accounting" not in services:
        service = running.ask(_Service, SERVICE, input={"name": "Accounting"})
        services["Accounting"] = _id(service.create_service_type.service_type)
    if "GST" not in rates:
        rate = running.ask(_Rate, RATE, input={"name": "GST", "percentage": "15"})
        rates["GST"] = _id(rate.create_tax_rate.tax_rate)
    return services["Accounting"], rates["GST"]


def _set_up(running: Running, organisation: str, service: str, rate: str, start: date) -> None:
    running.ask(
        Answer,
        SET_UP,
        d={"organisationId": organisation, "revenueAccountCode": "200", "expenseAccountCode": "220"},
        m={"organisationId": organisation, "accounts": [{"serviceTypeId": service, "accountCode": "200"}],
           "taxRates": [{"taxRateId": rate, "xeroTaxType": "OUTPUT2"}]},
        s={"organisationId": organisation, "enabled": True, "startDate": start.isoformat()},
    )  # fmt: skip


def _id(made: _Id | None) -> str:
    if made is None:
        raise StartError("the API created nothing and gave no reason")
    return made.id


def _until(running: Running, invoice: str, began: float, is_so: Callable[[Invoice], bool]) -> Invoice:
    """Wait until the invoice `is_so`, and return it."""
    while True:
        held = running.ask(_Held, HELD, id=invoice).invoice
        if is_so(held):
            return held
        if time.monotonic() - began > LONGEST:
            failure = held.sync.failure.message if held.sync.failure else "no failure is shown"
            raise StartError(
                f"the invoice stayed {held.status} and {held.sync.state} for {LONGEST} s: {failure}"
            )
        time.sleep(0.02)
