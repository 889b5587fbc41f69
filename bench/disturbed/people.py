"""Acts of people: edits here and in Xero, new contacts, pushes, invoices, payments, and a filter that is narrowed during a run."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

import msgspec

from bench.disturbed.place import Answer, Count, Ignored, Place, UserError, XeroContact

Side = Literal["here", "Xero"]
Field = Literal["name", "email", "phone", "city"]
FIELDS: Sequence[Field] = ("name", "email", "phone", "city")
FILTER = "CUSTOMERS_ONLY"
ADDED_AT_ONCE = 60  # contacts that each narrowing of the filter adds in Xero
PUSHED, ADDED, EXCLUDED = "Quokkapushed", "Quokkaadded", "Quokkaexcluded"  # first words of new names

UPDATE = """mutation($input: UpdateContactInput!) { done: updateContact(input: $input) { userErrors { code message } } }"""
CREATE = """mutation($input: CreateContactInput!) { createContact(input: $input) {
  contact { id } userErrors { code message } } }"""
PUSH = """mutation($input: PushToXeroInput!) { done: pushToXero(input: $input) { userErrors { code message } } }"""
INVOICE = """mutation($input: CreateInvoiceInput!) { createInvoice(input: $input) {
  invoice { id number total } userErrors { code message } } }"""
SEND = """mutation($input: InvoiceInput!) { approveInvoice(input: $input) { userErrors { code message } }
  done: sendInvoice(input: $input) { userErrors { code message } } }"""
XERO_ID = """query($id: ID!) { invoice(id: $id) { sync { xeroInvoiceId } } }"""
SET_FILTER = """mutation($input: UpdateContactSyncInput!) { done: updateContactSync(input: $input) {
  userErrors { code message } } }"""
PROGRESS = """query($id: ID!) { xeroOrganisation(id: $id) { importProgress { phase finished created } }
  excluded: matchIssues(first: 1, filter: {search: "Quokkaexcluded"}) { totalCount } }"""
NEW = """query($since: DateTime!) { contacts(first: 100, filter: {updatedSince: $since}) {
  edges { node { name createdAt syncLinks { xeroContact { isCustomer } } } } } }"""


class Done(Answer):
    user_errors: list[UserError]


class Mutated(Answer):
    done: Done


class _Id(Answer):
    id: str


class _MadeContact(Answer):
    contact: _Id | None
    user_errors: list[UserError]


class _CreatedContact(Answer):
    create_contact: _MadeContact


class _Invoice(Answer):
    id: str
    number: str
    total: str


class _MadeInvoice(Answer):
    invoice: _Invoice | None
    user_errors: list[UserError]


class _CreatedInvoice(Answer):
    create_invoice: _MadeInvoice


class _Customer(Answer):
    is_customer: bool


class _NewLink(Answer):
    xero_contact: _Customer | None


class _New(Answer):
    name: str
    created_at: datetime
    sync_links: list[_NewLink]

    @property
    def is_customer(self) -> bool:
        """Whether Xero counts the contact as a customer, so that the narrow filter includes it."""
        return any(one.xero_contact and one.xero_contact.is_customer for one in self.sync_links)


class _NewEdge(Answer):
    node: _New


class _News(Answer):
    edges: list[_NewEdge]


class _Since(Answer):
    contacts: _News


class _Run(Answer):
    phase: str
    finished: bool
    created: int


class _Organisation(Answer):
    import_progress: _Run | None


class _Progress(Answer):
    xero_organisation: _Organisation
    excluded: Count


class _Sync(Answer):
    xero_invoice_id: str | None


class _Held(Answer):
    sync: _Sync


class _InXero(Answer):
    invoice: _Held


class _Added(msgspec.Struct):
    contacts: list[XeroContact] = msgspec.field(name="Contacts")


@dataclass(frozen=True)
class Typed:
    """A value that was accepted, by which side, and when (seconds of the bench's clock)."""

    side: Side
    field: Field
    value: str
    at: float


@dataclass
class Subject:
    """A linked contact, and what people typed into it."""

    id: str
    name: str
    xero_id: str
    typed: list[Typed] = field(default_factory=list)


@dataclass
class Bill:
    """An invoice that was sent. `paid`: it was paid in Xero as soon as it was there."""

    id: str
    number: str
    total: str
    paid: bool = False


@dataclass(frozen=True)
class Kinds:
    """The ids of the practice's service type and tax rate."""

    service: str
    rate: str


@dataclass
class People:
    place: Place
    chance: random.Random
    organisation: str
    tenant: str
    kinds: Kinds
    subjects: list[Subject]
    acts: int = 0
    pushed: dict[str, str] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    narrowed: int = 0
    creating: asyncio.Lock = field(default_factory=asyncio.Lock)

    def next_number(self) -> int:
        self.acts += 1
        return self.acts

    async def act(self, until: float) -> None:
        """Everything at once, until then."""
        await asyncio.gather(self.here(until), self.in_xero(until), self.bill(until))

    async def here(self, until: float) -> None:
        """Edits through the API; now and then a new contact, pushed to Xero."""
        while time.monotonic() < until:
            await asyncio.sleep(self.chance.uniform(1, 4))
            number = self.next_number()
            if self.chance.random() < 0.1:
                async with self.creating:
                    await self._push(f"{PUSHED} {number} Limited")
                continue
            one, what = self.chance.choice(self.subjects), self.chance.choice(FIELDS)
            await self.type_here(one, what, number)
            if (
                self.chance.random() < 0.25
            ):  # a change in Xero at about the same time: the same field, or another
                await asyncio.sleep(self.chance.uniform(0, 2))
                await self.type_in_xero(one, self.chance.choice((what, *FIELDS)), self.next_number())

    async def type_here(self, one: Subject, what: Field, number: int) -> None:
        value = _value(one, what, number)
        given: dict[Field, dict[str, object]] = {
            "name": {"name": value},
            "email": {"billingEmail": value},
            "phone": {"primaryPhone": f"09 {value}"},
            "city": {"billingAddress": {"lines": ["1 Queen Street"], "city": value}},
        }
        done = await self.place.ask(Mutated, UPDATE, input={"contactId": one.id, **given[what]})
        if done.done.user_errors:
            self.findings.append(f"an edit was refused: {done.done.user_errors}")
            return
        one.typed.append(Typed("here", what, value, time.monotonic()))

    async def type_in_xero(self, one: Subject, what: Field, number: int) -> None:
        value = _value(one, what, number)
        phone = {
            "PhoneType": "DEFAULT",
            "PhoneCountryCode": "64",
            "PhoneAreaCode": "9",
            "PhoneNumber": value,
        }
        given: dict[Field, dict[str, object]] = {
            "name": {"Name": value},
            "email": {"EmailAddress": value},
            "phone": {"Phones": [phone]},
            "city": {"Addresses": [{"AddressType": "POBOX", "City": value}]},
        }
        await self.place.control(XeroContact, "POST", self._contacts(one.xero_id), {"fields": given[what]})
        one.typed.append(Typed("Xero", what, value, time.monotonic()))

    async def look(self, one: Subject) -> XeroContact:
        """The contact as Xero shows it. No call is counted, and nothing changes."""
        return await self.place.control(XeroContact, "POST", self._contacts(one.xero_id), {"fields": {}})

    def _contacts(self, *xero_id: str) -> str:
        return "/".join((f"organisations/{self.tenant}/contacts", *xero_id))

    async def _push(self, name: str) -> None:
        made = await self.place.ask(_CreatedContact, CREATE, input={"name": name, "idempotencyKey": name})
        if made.create_contact.contact is None:
            self.findings.append(f"a contact was refused: {made.create_contact.user_errors}")
            return
        contact = made.create_contact.contact.id
        done = await self.place.ask(
            Mutated, PUSH, input={"contactId": contact, "organisationId": self.organisation}
        )
        # The repeated question after a lost answer finds the link there.
        if any(error.code != "ALREADY_LINKED" for error in done.done.user_errors):
            self.findings.append(f"a push was refused: {done.done.user_errors}")
        self.pushed[contact] = name

    async def in_xero(self, until: float) -> None:
        """Edits in Xero's pages; now and then a new customer."""
        while time.monotonic() < until:
            await asyncio.sleep(self.chance.uniform(1, 5))
            number = self.next_number()
            if self.chance.random() < 0.1:
                async with self.creating:
                    await self._add([f"{ADDED} {number} Limited"], customers=True)
                self.added.append(f"{ADDED} {number} Limited")
                continue
            one = self.chance.choice(self.subjects)
            await self.type_in_xero(one, self.chance.choice(FIELDS), number)
            if self.chance.random() < 0.2:  # while its event is unread
                await self.type_here(one, self.chance.choice(FIELDS), self.next_number())

    async def _add(self, names: Sequence[str], *, customers: bool) -> None:
        given = {"Contacts": [{"Name": name, "EmailAddress": f"{uuid4().hex}@example.nz"} for name in names]}
        made = await self.place.control(_Added, "POST", self._contacts(), given)
        for one in made.contacts if customers else ():
            edit = {"fields": {"FirstName": "Ann"}, "isCustomer": True}
            await self.place.control(Ignored, "POST", self._contacts(one.contact_id), edit)

    async def bill(self, until: float) -> None:
        """Invoices; a third of them is paid in Xero at once, often within two seconds after our own write."""
        while time.monotonic() < until:
            await asyncio.sleep(self.chance.uniform(5, 12))
            await self._invoice(self.chance.choice(self.subjects), self.next_number())

    async def _invoice(self, one: Subject, number: int) -> None:
        today = datetime.now(UTC).date()
        lines = [
            {
                "description": f"Work {number}.{line}", "quantity": f"{self.chance.randint(1, 9999) / 100}",
                "unitPrice": f"{self.chance.randint(1, 99999) / 100}", "serviceTypeId": self.kinds.service,
                "taxRateId": self.kinds.rate,
            }
            for line in range(self.chance.randint(1, 4))
        ]  # fmt: skip
        given = {
            "contactId": one.id, "issueDate": today.isoformat(), "dueDate": (today + timedelta(20)).isoformat(),
            "organisationId": self.organisation, "lines": lines, "idempotencyKey": f"invoice {number}",
        }  # fmt: skip
        made = (await self.place.ask(_CreatedInvoice, INVOICE, input=given)).create_invoice
        if made.invoice is None:
            self.findings.append(f"an invoice was refused: {made.user_errors}")
            return
        bill = Bill(made.invoice.id, made.invoice.number, made.invoice.total)
        # Twice, as from two people or after a lost answer.
        sent = [self.place.ask(Mutated, SEND, input={"invoiceId": bill.id}) for _ in range(2)]
        await asyncio.gather(*sent)
        self.bills.append(bill)
        if self.chance.random() < 0.4:
            await self._pay(bill)

    async def _pay(self, bill: Bill) -> None:
        """Pay the invoice as soon as Xero has it, if that is soon."""
        for _ in range(40):
            held = (await self.place.ask(_InXero, XERO_ID, id=bill.id)).invoice.sync.xero_invoice_id
            if held:
                path = f"organisations/{self.tenant}/invoices/{held.lower()}/payments"
                await self.place.control(Ignored, "POST", path, {})
                bill.paid = True
                return
            await asyncio.sleep(0.1)

    async def narrow(self) -> None:
        """Widen the filter, and narrow it as soon as the run matches. Nothing may be created or asked after the answer."""
        self.narrowed += 1
        names = [f"{EXCLUDED} {self.narrowed} {number} Limited" for number in range(ADDED_AT_ONCE)]
        async with self.creating:
            await self._add(names, customers=False)
            await asyncio.sleep(3)
            await self.set_filter("ALL")
            until = time.monotonic() + 40
            while time.monotonic() < until:
                run = (await self._progress()).xero_organisation.import_progress
                if run is not None and run.phase == "MATCHING" and not run.finished:
                    break
                await asyncio.sleep(0.05)
            await self.set_filter(FILTER)
            answered = datetime.now(UTC)
            until = time.monotonic() + 60
            found = await self._progress()
            while time.monotonic() < until:
                run = found.xero_organisation.import_progress
                if run is None or run.finished:
                    break
                await asyncio.sleep(1)
                found = await self._progress()
            await asyncio.sleep(3)
            found = await self._progress()
        new = await self.place.ask(_Since, NEW, since=answered.isoformat())
        created = [one.node for one in new.contacts.edges if one.node.created_at > answered]
        names = [one.name for one in created if not one.is_customer]
        if imported := [name for name in names if not name.startswith((PUSHED, ADDED))]:
            self.findings.append(f"after the filter was narrowed, contacts were created: {imported}")
        if found.excluded.total_count:
            self.findings.append(f"{found.excluded.total_count} issues about excluded contacts are open")

    async def _progress(self) -> _Progress:
        return await self.place.ask(_Progress, PROGRESS, id=self.organisation)

    async def set_filter(self, wanted: str) -> None:
        given = {"organisationId": self.organisation, "contactFilter": wanted}
        done = await self.place.ask(Mutated, SET_FILTER, input=given)
        if done.done.user_errors:
            raise SystemExit(f"the filter was refused: {done.done.user_errors}")


def _value(one: Subject, what: Field, number: int) -> str:
    match what:
        case "name":
            return f"{one.name} {number}"
        case "email":
            return f"typed{number}@example.nz"
        case "phone":
            return f"5{number:06}"
        case "city":
            return f"City {number}"
