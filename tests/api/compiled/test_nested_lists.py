"""Match issues and invoices that PostgreSQL writes with all that is nested in them: the bytes that graphql-core gives."""

import json
import os
from collections import Counter
from random import Random
from uuid import uuid4

import pytest
from graphql import Executor, parse, validate

from api.compiled.plan import compile_operation
from api.context import Process
from api.relay import ids
from api.root import plans, schema
from domain.fields.phones import PhoneParts
from domain.fields.values import PostalAddress
from domain.tables import Scope
from tests import make
from tests.api.compiled.both_ways import BothWays
from tests.api.compiled.documents import Documents
from tests.api.schema.bills import Office, office
from tests.domain.world import seen

CORE = schema._schema
BOTH = BothWays(schema, plans, with_lists=True)
CONTACT = """ fragment C on Contact { id name firstName kind billingEmail primaryPhone version billingAddress { lines city postalCode }
  syncLinks { id state allowedActions failure { code message field since attempts nextAttemptAt remedy } organisation { id name } xeroContact { name phone url } } }"""
ISSUES = (
    """query Generated($first: Int, $after: String, $filter: MatchIssueFilter, $order: MatchIssueOrder) {
  matchIssues(first: $first, after: $after, filter: $filter, orderBy: $order) {
    totalCount totalCountIsExact pageInfo { hasNextPage endCursor }
    edges { cursor node { __typename id reason state version createdAt resolvedAt resolution
      organisation { id name tenantId baseCurrency timezone }
      xeroContact { id xeroContactId name firstName lastName email phone isCustomer isSupplier status url updatedAt
        billingAddress { lines city region postalCode country attentionTo } }
      candidates { score nameMatches emailMatches evidence confidence sure differences { field agreed practice xero }
        blockedBy { id state version xeroContact { id name } } contact { ...C } }
      link { id state } } } } }"""
    + CONTACT
)
INVOICES = (
    """query Generated($first: Int, $after: String, $filter: InvoiceFilter, $order: InvoiceOrder) {
  invoices(first: $first, after: $after, filter: $filter, orderBy: $order) {
    totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id number reference status issueDate dueDate currency
      amountsAre subtotal taxTotal total amountPaid amountDue createdAt updatedAt sentAt version
      contact { ...C } organisation { id name }
      lines { id kind description quantity unitPrice discountRate discountAmount amount taxAmount accountCode taxType
        serviceType { id name archivedAt } taxRate { id name percentage archivedAt } }
      payments { id date amount reference reversed }
      sync { id state xeroInvoiceId url lastSyncedAt xeroTotal warnings
        failure { code message field since attempts nextAttemptAt remedy } } } } } }"""
    + CONTACT
)
PLACE = PostalAddress(('1 "Main" Street', "Level 2"), city="Ōtaki", postal_code="5512")
LINKS = (
    """query Generated { contacts(first: 5) { edges { node { ...C } } } syncLinks(first: 5, filter: {state: [$state, FAILING]}) { totalCount
  edges { cursor node { id state version contact { ...C } xeroContact { id name email status url } allowedActions
    differences { field agreed practice xero } } } } }"""
    + CONTACT
)
FAILURE: dict[str, object] = {
    "code": "UNCERTAIN",
    "message": 'No "answer"',
    "field": None,
    "since": "2026-11-30T01:02:03.000004+00:00",
    "attempts": 2,
    "nextAttemptAt": "2026-11-30T02:00:00+00:00",
    "remedy": "WAIT",
    "subjects": [],
}
ROOTS = ("contacts", "matchIssues", "invoices", "syncLinks")


def is_listed(text: str) -> bool:
    executor = Executor.build(CORE, parse(text))
    assert isinstance(executor, Executor)
    return compile_operation(executor).is_listed


@pytest.fixture
async def some(process: Process) -> Office:
    """Issues of several reasons, one candidate of which is linked already, and invoices with awkward amounts."""
    here = await office(process)
    world = here.bill.world
    await world.contact("Tōtara & Sons", "t@x.example", primaryPhone="04 555 0101", billingAddress=PLACE)
    await world.contact("Rimu <Ltd>", "r@x.example")
    await world.contact("Rimu <Ltd>", "other@x.example", primaryPhone="ask Ann 7")
    phone = PhoneParts("64", "4", "5550101")
    await world.shown(
        seen("Kauri Joinery Ltd", "second@kauri.example"),
        seen("tōtara & sons", "new@x.example", phone=phone, address=PLACE),
        seen("Rimu <Ltd>", "third@x.example"),
    )
    await world.import_mirror()
    await here.sent(here.line("25.06"), here.line("0.0125", "1000", discountRate="12.50"), reference='PO "7"')
    draft = await here.created(here.line("100", "0.5", discountAmount="1.5"), here.line("7.005"))
    broken = await here.sent(here.line("10", description="é"))
    await here.write(
        "update invoice set failure = cast(:failure as jsonb), failure_code = 'UNCERTAIN', sync_state = 'FAILING', warnings = :told,"
        " xero_invoice_id = :there, xero_total = 12.5 where id = :id",
        failure=json.dumps(FAILURE),
        told=["Account code '99' has been ignored.", 'a "quoted" one'],
        there=uuid4(),
        id=ids.find("Invoice", broken["id"]),
    )
    await here.write(
        "insert into payment (workspace_id, id, invoice_id, xero_id, kind, paid_on, amount, reference, reversed) select workspace_id,"
        " gen_random_uuid(), id, gen_random_uuid(), 'PAYMENT', cast('2026-11-2' || n as date), 10 * n + 0.5, nullif('ref ' || n, 'ref 2'), n = 2"
        " from invoice, generate_series(1, 3) n where workspace_id = :ws and id = :id",
        id=ids.find("Invoice", draft["id"]),
    )
    return here


async def test_match_issues_have_the_same_bytes_both_ways(some: Office) -> None:
    assert is_listed(ISSUES)
    whole = json.loads(await BOTH.same(ISSUES, {"first": 5}, some.ada.context))[0]["matchIssues"]
    nodes = [edge["node"] for edge in whole["edges"]]
    candidates = [each for node in nodes for each in node["candidates"]]
    assert len(nodes) == 3
    assert len({node["reason"] for node in nodes}) > 1
    assert any(each["blockedBy"] for each in candidates)
    assert {one["field"] for each in candidates for one in each["differences"]} >= {
        "BILLING_EMAIL",
        "PRIMARY_PHONE",
    }
    assert "+64 4 5550101" in [node["xeroContact"]["phone"] for node in nodes]
    for variables in (
        {"first": 1, "after": whole["edges"][0]["cursor"]},
        {"order": {"field": "SCORE", "direction": "DESC"}},
        {"filter": {"state": None, "search": "rimu"}},
        {"filter": {"sure": True}},
    ):
        await BOTH.same(ISSUES, {"first": 5, **variables}, some.ada.context)


async def test_a_phone_in_an_unknown_form_is_a_blank_both_ways(some: Office) -> None:
    await some.write('update xero_contact set phone = \'{"digits": "04 555"}\' where workspace_id = :ws')
    assert '"phone":null' in await BOTH.same(ISSUES, {"first": 5}, some.ada.context)


async def test_invoices_have_the_same_bytes_both_ways(some: Office) -> None:
    assert is_listed(INVOICES)
    whole = json.loads(await BOTH.same(INVOICES, {"first": 5}, some.ada.context))[0]["invoices"]
    nodes = [edge["node"] for edge in whole["edges"]]
    assert {node["sync"]["failure"] and node["sync"]["failure"]["code"] for node in nodes} == {
        None,
        "UNCERTAIN",
    }
    assert Counter(len(node["payments"]) for node in nodes) == {0: 2, 3: 1}
    assert {line["unitPrice"] for node in nodes for line in node["lines"]} >= {
        "25.06",
        "0.0125",
        "100.00",
        "7.005",
    }
    for variables in (
        {"first": 1, "after": whole["edges"][0]["cursor"]},
        {"order": {"field": "TOTAL", "direction": "ASC"}},
        {"filter": {"search": "po", "status": ["DRAFT", "AWAITING_PAYMENT"]}},
        {"filter": {"failureCode": ["UNCERTAIN"]}},
    ):
        await BOTH.same(INVOICES, {"first": 5, **variables}, some.ada.context)


@pytest.mark.parametrize(
    ("state", "more", "shown"),
    [
        ("SYNCED", "failure = null", '"failure":null'),
        ("CONFLICT", "failure = null", '"SETTLE_CONFLICT"'),
        ("FAILING", "failure = cast(:failure as jsonb)", '"allowedActions":["UNSYNC","RETRY"]'),
        ("PENDING", "due_at = now()", '"NEEDS_RECONNECT"'),
        ("UNSYNCED", "failure = null", '"CREATE_FROM_UNSYNCED"'),
        ("BROKEN", "failure = null", '"allowedActions":["UNSYNC",'),
    ],
)
async def test_failures_and_actions_of_links_have_the_same_bytes_both_ways(
    some: Office, state: str, more: str, shown: str
) -> None:
    failure = {**FAILURE, "code": "VALUE_TOO_LONG", "field": "NAME", "remedy": None}
    await some.write(
        f"update sync_link set state = :state, {more} where workspace_id = :ws",
        **{"state": state, "failure": json.dumps(failure)} if ":failure" in more else {"state": state},
    )
    if state == "PENDING":
        await some.write(
            "update organisation set health = 'NEEDS_RECONNECT' where id = :id",
            id=some.bill.world.organisation,
        )
    text = LINKS.replace("$state", state)
    assert is_listed(text)
    assert shown in await BOTH.same(text, {}, some.ada.context)
    reader = await make.client(some.ada.process, Scope.READ, world=some.bill.world)
    assert '"allowedActions":[]' in await BOTH.same(text, {}, reader.context)


async def test_differences_of_links_have_the_same_bytes_both_ways(some: Office) -> None:
    """A made-up name, a value that Xero stores in another form, and values that differ."""
    await some.write(
        "update xero_contact set name = 'Kauri J', email = 'new@kauri.example' where workspace_id = :ws"
    )
    await some.write(
        "update contact set billing_email = null, primary_phone = '04 555 0101' where workspace_id = :ws"
    )
    text = LINKS.replace("$state", "SYNCED")
    assert '{"field":"BILLING_EMAIL","agreed":"office@kauri.example","practice":null' in await BOTH.same(
        text, {}, some.ada.context
    )
    await some.write("update contact set name_made_up = true, name = 'Kauri J' where workspace_id = :ws")
    assert '"practice":null,"xero":"Kauri J"' in await BOTH.same(text, {}, some.ada.context)
    await some.write(
        "update sync_link set base_practice = '{\"PRIMARY_PHONE\": \"04 555 0101\"}', base_xero = '{}' where workspace_id = :ws"
    )
    assert "PRIMARY_PHONE" not in await BOTH.same(text, {}, some.ada.context)


async def test_what_only_resolvers_give_stays_with_them(some: Office) -> None:
    for root, node in (
        ("matchIssues", "id related { id }"),
        ("matchIssues", "id resolvedBy { name }"),
        ("invoices", "id allowedActions"),
        ("invoices", "id sync { failure { subjects { id } } }"),
    ):
        text = f"query Generated {{ {root} {{ edges {{ node {{ {node} }} }} }} }}"
        assert not is_listed(text)
        await BOTH.same(text, {}, some.ada.context)


async def generated(some: Office, start: int, number: int) -> int:
    """How many of the documents PostgreSQL wrote."""
    written = 0
    assert CORE.query_type is not None
    known = [ids.encode("Contact", some.bill.contact), some.organisation, "none"]
    for n in range(number):
        documents = Documents(CORE, Random(start + n), {"ID": [f'"{one}"' for one in known]}, deepest=5)
        text, variables = documents.next(ROOTS[n % 4])
        if not validate(CORE, parse(text)):
            await BOTH.same(text, variables, some.ada.context)
            executor = Executor.build(CORE, parse(text), raw_variable_values=variables)
            if isinstance(executor, Executor):
                written += compile_operation(executor).is_listed
    return written


async def test_generated_lists_are_the_same_both_ways(some: Office) -> None:
    assert await generated(some, 0, 60) > 10


@pytest.mark.long
async def test_many_generated_lists_are_the_same_both_ways(some: Office) -> None:
    assert await generated(some, int.from_bytes(os.urandom(4)), 3_000) > 500
