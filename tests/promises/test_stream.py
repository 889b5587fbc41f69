"""Promise: what a subscriber holds and the events after its cursor together equal a new query, with many writers."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from api.context import Process
from api.relay import ids
from api.relay.paging import unpack
from domain.connection import organisations
from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.tables import RunPurpose, SyncedField, XeroContactStatus
from tests import make
from tests.api.schema.bills import Office
from tests.api.schema.conftest import ada, listening, process
from tests.database import row_of
from tests.domain.billed import set_up
from tests.domain.world import BEGAN, World, seen
from tests.make import Client, Stream

__all__ = ["ada", "listening", "process"]

CONTACT = "fragment C on Contact { id name billingEmail kind version archivedAt syncLinks { id } }"
LINK = """fragment L on SyncLink { id state version lastSyncedAt contact { id } xeroContact { id name email }
  failure { code } differences { field practice xero } }"""
ISSUE = """fragment I on MatchIssue { id state reason resolution version link { id }
  candidates { score contact { id } blockedBy { id } } }"""
INVOICE = """fragment V on Invoice { id number reference status version total amountDue amountPaid lines { id amount
  accountCode } sync { state xeroInvoiceId failure { code } differences { field } } }"""
LISTS = f"""{{ syncCursor contacts(first: 100, filter: {{includeArchived: true}}) {{ edges {{ node {{ ...C }} }} }}
  syncLinks(first: 100) {{ edges {{ node {{ ...L }} }} }}
  matchIssues(first: 100, filter: {{state: null}}) {{ edges {{ node {{ ...I }} }} }}
  invoices(first: 100) {{ edges {{ node {{ ...V }} }} }} }} {CONTACT} {LINK} {ISSUE} {INVOICE}"""
LIVE = f"""subscription($after: String) {{ syncStatus(after: $after) {{ cursor update {{ __typename
  ... on ContactUpdate {{ contact {{ ...C }} }} ... on LinkUpdate {{ link {{ ...L }} }}
  ... on MatchIssueUpdate {{ issue {{ ...I }} }} ... on InvoiceUpdate {{ invoice {{ ...V }} }}
  ... on Deletion {{ deletedId }} }} }} }} {CONTACT} {LINK} {ISSUE} {INVOICE}"""
NODES = ("contact", "link", "issue", "invoice")


def position(cursor: str) -> int:
    place: int = unpack(cursor)[1]
    return place


@dataclass
class Held:
    """A client's normalised cache, kept by the stream alone."""

    client: Client
    stream: Stream
    cursor: str
    nodes: dict[str, Any] = field(default_factory=dict)

    async def read(self) -> tuple[dict[str, Any], str]:
        """The result of a new query, and its cursor."""
        data = await self.client.ask(LISTS)
        lists = (data["contacts"], data["syncLinks"], data["matchIssues"], data["invoices"])
        return {edge["node"]["id"]: edge["node"] for one in lists for edge in one["edges"]}, data[
            "syncCursor"
        ]

    async def take(self) -> None:
        event = await self.stream.next()
        assert position(event["cursor"]) > position(self.cursor), "in the order of commits"
        self.cursor = event["cursor"]
        update = event["update"]
        if update["__typename"] == "Resync":
            self.nodes, self.cursor = await self.read()
        elif update["__typename"] == "Deletion":
            self.nodes.pop(update["deletedId"], None)
        else:
            self.nodes |= {update[name]["id"]: update[name] for name in NODES if name in update}

    async def is_whole(self, after: str) -> None:
        """The law: the held objects plus the events equal the result of a new query."""
        fresh, cursor = await self.read()
        while position(self.cursor) < position(cursor):
            await self.take()
        assert self.nodes == fresh, after


@asynccontextmanager
async def holding(client: Client) -> AsyncIterator[Held]:
    held = Held(client, None, "")  # type: ignore[arg-type]  # followed below, from the cursor that is read first
    held.nodes, held.cursor = await held.read()
    async with client.follow(LIVE, after=held.cursor) as held.stream:
        yield held


async def looked_at(world: World, *changed: Any) -> None:
    """A delta that shows these contacts of Xero, and its matching."""
    run = await begun(world)
    await world.read(run, changed)
    while await world.match(run):
        pass


async def begun(world: World) -> Any:
    async with world.tx() as tx:
        await organisations.begin_run(tx, world.organisation, RunPurpose.DELTA)
        row = await row_of(tx, "select id from import_run where workspace_id = :ws and finished_at is null")
    assert row is not None
    return row["id"]


async def test_each_change_of_contacts_and_links_is_in_the_stream(ada: Client) -> None:
    world = ada.world
    gone, kept = uuid4(), uuid4()
    issue = ids.encode("MatchIssue", await make.conflict(world, "Kauri Joinery Ltd"))
    await make.imported(world, ("Aroha Ltd", "a@x.nz"))
    contact = await world.contact("Totara")
    async with holding(ada) as held:

        async def mutate(what: str, **variables: Any) -> None:
            await ada.ask(f"mutation($i: ID!) {{ {what} {{ userErrors {{ code }} }} }}", **variables)
            await held.is_whole(what)

        await mutate('updateContact(input: {contactId: $i, name: "T"})', i=ids.encode("Contact", contact.id))
        await mutate(
            "updateContact(input: {contactId: $i, archived: true})", i=ids.encode("Contact", contact.id)
        )
        await mutate("ignore: resolveMatchIssues(input: {ignore: [$i]})", i=issue)
        await mutate("reopenMatchIssue(input: {issueId: $i})", i=issue)
        await mutate("createSeparateContact(input: {issueId: $i})", i=issue)
        await looked_at(world, seen("Rimu", "r@x.nz", xero_id=kept), seen("Matai", "m@x.nz", xero_id=gone))
        await held.is_whole("a delta with two new contacts")
        later = BEGAN + timedelta(hours=1)
        await looked_at(world, seen("Rimu Two", "r@x.nz", xero_id=kept, updated_at=later))
        await held.is_whole("a rename in Xero")
        archived = seen("Matai", "m@x.nz", xero_id=gone, updated_at=later, status=XeroContactStatus.ARCHIVED)
        await looked_at(world, archived)
        await held.is_whole("an archive in Xero")
        await make.imported(world, ("Kahikatea", None))
        await held.is_whole("an import")


async def test_each_change_of_invoices_is_in_the_stream(ada: Client) -> None:
    here = Office(ada, await set_up(ada.world))
    rate = ids.encode("TaxRate", here.bill.gst)
    stranger = await ada.world.contact("Stranger")
    async with holding(ada) as held:
        made = await here.created()
        await held.is_whole("a draft")
        key = made["id"]
        lines = [here.line("7", id=made["lines"][0]["id"]), here.line("8")]
        for mutation, more in (
            ("updateInvoice", {"lines": lines, "reference": "PO 7"}),
            ("approveInvoice", {}),
            ("sendInvoice", {}),
            ("voidInvoice", {}),
        ):
            await here.call(mutation, invoiceId=key, **more)
            await held.is_whole(mutation)
        drafts = await here.many("createInvoices", [here.input(), here.input(issueDate="2026-10-05")])
        rows = [{"invoiceId": one["invoice"]["id"]} for one in drafts["results"]]
        waiting = await here.sent(contactId=ids.encode("Contact", stranger.id))
        for mutation in ("approveInvoices", "sendInvoices"):
            await here.many(mutation, rows)
            await held.is_whole(mutation)
        at = {"organisationId": here.organisation}
        for setting, kind, given in (
            ("setTaxMapping", "SetTaxMappingInput", {**at, "taxRateId": rate}),
            ("setTaxMapping", "SetTaxMappingInput", {**at, "taxRateId": rate, "xeroTaxType": "OUTPUT2"}),
            ("setInvoiceSync", "SetInvoiceSyncInput", {**at, "startDate": "2026-10-01", "acceptInvoices": 1}),
            ("setInvoiceSync", "SetInvoiceSyncInput", {**at, "enabled": False}),
            ("setInvoiceSync", "SetInvoiceSyncInput", {**at, "enabled": True}),
            ("retrySync", "RetrySyncInput", {"invoiceIds": [waiting["id"]]}),
        ):
            query = f"mutation($i: {kind}!) {{ {setting}(input: $i) {{ userErrors {{ code }} }} }}"
            assert (await ada.ask(query, i=given))[setting]["userErrors"] == []
            await held.is_whole(f"{setting} {given}")
        await looked_at(ada.world, seen("Stranger", None))
        await held.is_whole("a contact that comes into Xero")


async def test_a_reader_that_reconnects_misses_no_event_of_eight_writers(
    ada: Client, process: Process
) -> None:
    """Transactions end in another order than they began; no event is skipped, and each position comes once."""
    rng = random.Random(8)

    async def write(number: int) -> None:
        contact = await ada.world.contact(f"Writer {number}")
        for turn in range(12):
            async with ada.world.tx() as tx, issues.evaluating(tx):
                await contact_edits.change(
                    tx, contact.id, contact_edits.Given({SyncedField.NAME: f"Writer {number} turn {turn}"})
                )
                await asyncio.sleep(rng.random() * 0.02)

    cursor = (await ada.ask("{ syncCursor }"))["syncCursor"]
    writing = asyncio.gather(*(write(number) for number in range(8)))
    told: list[int] = []
    names: dict[str, str] = {}
    start = position(cursor)
    while len(told) < 8 * 13:
        async with ada.follow(LIVE, after=cursor) as stream:
            for _ in range(rng.randint(1, 9)):
                if len(told) == 8 * 13:
                    break
                event = await stream.next(60)
                cursor = event["cursor"]
                told.append(position(cursor))
                found = event["update"]["contact"]
                names[found["id"]] = found["name"]
    await writing
    assert told == list(range(start + 1, start + 1 + 8 * 13))
    assert sorted(names.values()) == sorted(f"Writer {number} turn 11" for number in range(8))
