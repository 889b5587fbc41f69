"""Ids of another workspace are unknown everywhere, and no list shows rows of another workspace."""

from typing import Any

import pytest

from api.relay import ids
from api.relay.loaders import NODES
from api.root import schema
from tests import make
from tests.api.nodes import TABLES, fill
from tests.domain.world import seen

NODE = "query($i: ID!, $all: [ID!]!) { node(id: $i) { __typename id } nodes(ids: $all) { id } }"
LISTS = """query($o: ID, $c: ID, $t: ID) {
  contacts(filter: {organisationId: $o}) { edges { node { id } } totalCount }
  byType: contacts(filter: {contactTypeId: $t}) { edges { node { id } } totalCount }
  syncLinks(filter: {organisationId: $o, contactId: $c}) { edges { node { id } } totalCount }
  matchIssues(filter: {organisationId: $o, contactId: $c, state: null}) { edges { node { id } } totalCount }
  invoices(filter: {organisationId: $o, contactId: $c}) { edges { node { id } } totalCount }
  activity(filter: {organisationId: $o, contactId: $c}) { edges { node { id } } } }"""
EVERYTHING = """{ contacts { totalCount } syncLinks { totalCount } matchIssues { totalCount } activity { edges { cursor } }
  search: contacts(filter: {search: "firm"}) { totalCount } found: syncLinks(filter: {search: "firm"}) { totalCount }
  issues: matchIssues(filter: {search: "firm"}) { totalCount }
  bills: invoices { totalCount } wanted: invoices(filter: {search: "TI"}) { totalCount }
  workspace { serviceTypes { id } taxRates { id } xeroOrganisations { id accounts { totalCount } taxRates { id } } contactTypes { id } apiTokens { id } users { edges { cursor } } } }"""


def test_every_type_of_node_is_checked_for_tenancy() -> None:
    nodes = schema.as_str().count(" implements Node")
    assert set(NODES) == set(TABLES)
    assert len(NODES) == nodes


@pytest.mark.parametrize("kind", TABLES)
async def test_a_node_is_visible_only_in_its_workspace(ada: make.Client, kind: str) -> None:
    key = ids.encode(kind, (await fill(ada.world))[kind])
    unknown = ids.encode(kind, ids.NOWHERE)
    own = await ada.ask(NODE, i=key, all=[key, unknown])
    assert own == {"node": {"__typename": kind, "id": key}, "nodes": [{"id": key}, None]}
    other = await make.client(ada.process)
    assert await other.ask(NODE, i=key, all=[key]) == {"node": None, "nodes": [None]}


async def test_no_list_shows_rows_of_another_workspace(ada: make.Client) -> None:
    keys = await fill(ada.world)
    variables = {
        "o": ids.encode("XeroOrganisation", keys["XeroOrganisation"]),
        "c": ids.encode("Contact", keys["Contact"]),
        "t": ids.encode("ContactType", keys["ContactType"]),
    }
    other = await make.client(ada.process)
    answer = await other.ask(LISTS, **variables)
    assert [part["edges"] for part in answer.values()] == [[]] * 6
    everything = await other.ask(EVERYTHING)
    assert [part["totalCount"] for part in everything.values() if "totalCount" in part] == [0] * 8
    lists = ("xeroOrganisations", "contactTypes", "serviceTypes", "taxRates")
    assert [len(everything["workspace"][name]) for name in lists] == [1, 1, 0, 0]
    [organisation] = everything["workspace"]["xeroOrganisations"]
    assert (organisation["accounts"]["totalCount"], organisation["taxRates"]) == (0, [])


MUTATIONS = [
    ("updateContact(input: {contactId: $i})", "Contact"),
    ('confirmMatch(input: {issueId: $i, contactId: "x"})', "MatchIssue"),
    ("createSeparateContact(input: {issueId: $i})", "MatchIssue"),
    ("reopenMatchIssue(input: {issueId: $i})", "MatchIssue"),
    ('updateContactType(input: {contactTypeId: $i, name: "x"})', "ContactType"),
    ("revokeApiToken(input: {apiTokenId: $i})", "ApiToken"),
    ("syncNow(input: {organisationId: $i})", "XeroOrganisation"),
    ("disconnectXero(input: {organisationId: $i})", "XeroOrganisation"),
    ("updateContactSync(input: {organisationId: $i})", "XeroOrganisation"),
    ("connectXero(input: {organisationId: $i})", "XeroOrganisation"),
    (
        'connectCustomConnection(input: {clientId: "x", clientSecret: "y", organisationId: $i})',
        "XeroOrganisation",
    ),
    ("updateInvoice(input: {invoiceId: $i})", "Invoice"),
    ("approveInvoice(input: {invoiceId: $i})", "Invoice"),
    ("sendInvoice(input: {invoiceId: $i})", "Invoice"),
    ("voidInvoice(input: {invoiceId: $i})", "Invoice"),
    ("settleInvoiceChange(input: {invoiceId: $i, decision: ACCEPT})", "Invoice"),
    ("retrySync(input: {invoiceIds: [$i]})", "Invoice"),
    ('updateServiceType(input: {serviceTypeId: $i, name: "x"})', "ServiceType"),
    ('updateTaxRate(input: {taxRateId: $i, name: "x"})', "TaxRate"),
    ("setInvoiceSync(input: {organisationId: $i})", "XeroOrganisation"),
    ("setInvoiceMappings(input: {organisationId: $i})", "XeroOrganisation"),
    (
        'setDefaultAccounts(input: {organisationId: $i, revenueAccountCode: "200", expenseAccountCode: "220"})',
        "XeroOrganisation",
    ),
]


async def test_no_mutation_changes_rows_of_another_workspace(ada: make.Client) -> None:
    keys, other = await fill(ada.world), await make.client(ada.process)
    for mutation, kind in MUTATIONS:
        query = f"mutation($i: ID!) {{ done: {mutation} {{ userErrors {{ code }} }} }}"
        foreign, unknown, senseless = [
            await other.ask(query, i=one)
            for one in (ids.encode(kind, keys[kind]), ids.encode(kind, ids.NOWHERE), "x")
        ]
        refused = {"done": {"userErrors": [{"code": "NOT_FOUND"}]}}
        assert (foreign, unknown, senseless) == (refused, refused, refused), mutation


@pytest.mark.parametrize("text", ["", "x", "é", "Q29udGFjdA", "Q29udGFjdDp4", "=" * 8, "A" * 5000])
async def test_a_malformed_id_is_answered_like_an_id_of_another_workspace(
    ada: make.Client, text: str
) -> None:
    await ada.world.contact("A")
    query = (
        "query($i: ID!) { node(id: $i) { id } nodes(ids: [$i]) { id } contact(id: $i) { id } invoice(id: $i) { id }"
        " contacts(filter: {contactTypeId: $i}) { totalCount } }"
    )
    nothing = {"node": None, "nodes": [None], "contact": None, "invoice": None, "contacts": {"totalCount": 0}}
    for one in (text, ids.encode("Contact", ids.NOWHERE), ids.encode("Nonsense", ids.NOWHERE)):
        assert await ada.ask(query, i=one) == nothing


async def test_a_xero_contact_outside_the_filter_is_shown_only_by_a_preview(ada: make.Client) -> None:
    await ada.world.rows(
        "update organisation set contact_filter = 'CUSTOMERS_ONLY' where id = :id returning 1",
        id=ada.world.organisation,
    )
    [key] = await ada.world.shown(seen("Supplier", customer=False, supplier=True))
    node: Any = ids.encode("XeroContact", key)
    assert (await ada.ask(NODE, i=node, all=[node]))["node"] is None
    query = """query($o: ID!) { xeroOrganisation(id: $o) { contactSyncPreview(contactFilter: CUSTOMERS_ONLY) {
      sample { outcome xeroContact { id } } } } }"""
    answer = await ada.ask(query, o=ids.encode("XeroOrganisation", ada.world.organisation))
    sample = answer["xeroOrganisation"]["contactSyncPreview"]["sample"]
    assert sample == [{"outcome": "SKIPPED", "xeroContact": {"id": node}}]
