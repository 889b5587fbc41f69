"""A client of a practice that writes invoices, and its queries and mutations."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.context import Process
from api.relay import ids
from domain.tables import Scope
from tests import make
from tests.domain.billed import Billed, set_up

INVOICE = """fragment Inv on Invoice { id number reference status version allowedActions issueDate dueDate currency
  amountsAre contact { id name } organisation { id } lines { id kind description quantity unitPrice amount
  serviceType { id name } taxRate { id percentage } taxAmount accountCode taxType } subtotal taxTotal total amountPaid
  amountDue payments { id date amount reference reversed } problems { code remedy subjects { id __typename } }
  sync { id state xeroInvoiceId url xeroTotal differences { field practice xero } failure { code remedy } } sentAt }"""
ERRORS = "userErrors { code path }"


@dataclass
class Office:
    """`ada` is the client; `bill` has the rows of the practice."""

    ada: make.Client
    bill: Billed

    @property
    def contact(self) -> str:
        return ids.encode("Contact", self.bill.contact)

    @property
    def organisation(self) -> str:
        return ids.encode("XeroOrganisation", self.bill.world.organisation)

    def line(self, price: str = "100", quantity: str = "1", **more: Any) -> dict[str, Any]:
        return {
            "description": "Annual accounts",
            "quantity": quantity,
            "unitPrice": price,
            "serviceTypeId": ids.encode("ServiceType", self.bill.service),
            "taxRateId": ids.encode("TaxRate", self.bill.gst),
            **more,
        }

    def input(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "contactId": self.contact,
            "issueDate": "2026-11-20",
            "dueDate": "2026-12-20",
            "lines": list(lines) or [self.line()],
            **more,
        }

    async def call(self, mutation: str, **input: Any) -> dict[str, Any]:
        """The payload of a mutation of one invoice."""
        kind = mutation[0].upper() + mutation[1:] + "Input"
        if mutation in ("approveInvoice", "sendInvoice", "voidInvoice"):
            kind = "InvoiceInput"
        query = (
            f"mutation($i: {kind}!) {{ {mutation}(input: $i) {{ invoice {{ ...Inv }} replacement {{ id number }}"
            f" {ERRORS} }} }} {INVOICE}"
        )
        answer: dict[str, Any] = (await self.ada.ask(query, i=input))[mutation]
        return answer

    async def created(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        return done(await self.call("createInvoice", **self.input(*lines, **more)))

    async def sent(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        key = (await self.created(*lines, **more))["id"]
        done(await self.call("approveInvoice", invoiceId=key))
        return done(await self.call("sendInvoice", invoiceId=key))

    async def many(self, mutation: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        kind = "CreateInvoicesInput" if mutation == "createInvoices" else "InvoicesInput"
        query = (
            f"mutation($i: {kind}!) {{ {mutation}(input: $i) {{ results {{ invoice {{ id number status }} {ERRORS} }}"
            f" {ERRORS} }} }}"
        )
        answer: dict[str, Any] = (await self.ada.ask(query, i={"invoices": rows}))[mutation]
        return answer

    async def look(self, key: str) -> dict[str, Any]:
        query = f"query($k: ID!) {{ invoice(id: $k) {{ ...Inv }} }} {INVOICE}"
        found: dict[str, Any] = (await self.ada.ask(query, k=key))["invoice"]
        return found

    async def write(self, sql: str, **values: Any) -> None:
        """Rows that otherwise only Xero's answers write."""
        async with self.bill.world.tx() as tx:
            assert await tx.run(sql, **values)


def done(payload: dict[str, Any]) -> dict[str, Any]:
    assert payload["userErrors"] == []
    invoice: dict[str, Any] = payload["invoice"]
    return invoice


def codes(payload: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["path"]) for error in payload["userErrors"]]


def uuid_of(text: str) -> UUID:
    found = ids.decode(text)
    assert found is not None
    return found[1]


async def office(process: Process, *scopes: Scope) -> Office:
    ada = await make.client(process, *scopes)
    return Office(ada, await set_up(ada.world))
