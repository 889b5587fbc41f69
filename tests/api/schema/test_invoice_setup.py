"""The set-up of invoices: service types, tax rates, Xero's accounts and rates, mappings, the sync and its start date."""

from typing import Any

import pytest

from api.context import Process
from api.relay import ids
from domain.tables import Scope
from tests import make
from tests.api.schema.bills import Office, codes, office
from tests.domain.billed import chart

SETUP = """fragment Setup on InvoiceSyncSettings { id enabled startDate defaultRevenueAccount { code name class active }
  defaultExpenseAccount { code } accountMappings { serviceType { name } account { code } problem { code remedy
  subjects { __typename } } } taxMappings { taxRate { name } xeroTaxRate { taxType effectiveRate } problem { code } }
  gaps { code remedy subjects { __typename id } } }"""


@pytest.fixture
async def here(process: Process) -> Office:
    return await office(process)


async def change(here: Office, mutation: str, **input: Any) -> dict[str, Any]:
    kind = mutation[0].upper() + mutation[1:] + "Input"
    query = (
        f"mutation($i: {kind}!) {{ {mutation}(input: $i) {{ organisation {{ id invoiceSync {{ ...Setup }} }}"
        f" userErrors {{ code path }} }} }} {SETUP}"
    )
    answer: dict[str, Any] = (await here.ada.ask(query, i={"organisationId": here.organisation, **input}))[
        mutation
    ]
    return answer


async def setup(here: Office) -> dict[str, Any]:
    query = f"query($o: ID!) {{ xeroOrganisation(id: $o) {{ invoiceSync {{ ...Setup }} }} }} {SETUP}"
    found: dict[str, Any] = (await here.ada.ask(query, o=here.organisation))["xeroOrganisation"][
        "invoiceSync"
    ]
    return found


# Service types and tax rates

TYPES = """mutation($i: NameInput!) { createServiceType(input: $i) { serviceType { id name archivedAt }
  workspace { serviceTypes { name } } userErrors { code path } } }"""
TYPE = """mutation($i: UpdateServiceTypeInput!) { updateServiceType(input: $i) { serviceType { name archivedAt }
  workspace { serviceTypes { name archivedAt } } userErrors { code path } } }"""
RATES = """mutation($i: CreateTaxRateInput!) { createTaxRate(input: $i) { taxRate { id name percentage }
  workspace { taxRates { name percentage } } userErrors { code path } } }"""
RATE = """mutation($i: UpdateTaxRateInput!) { updateTaxRate(input: $i) { taxRate { name percentage archivedAt }
  userErrors { code path } } }"""


async def test_service_types_are_created_renamed_and_archived(here: Office) -> None:
    made = (await here.ada.ask(TYPES, i={"name": "Advisory"}))["createServiceType"]
    assert [one["name"] for one in made["workspace"]["serviceTypes"]] == ["Accounting", "Advisory"]
    taken = (await here.ada.ask(TYPES, i={"name": "advisory"}))["createServiceType"]
    assert (taken["serviceType"], codes(taken)) == (None, [("TAKEN", ["name"])])
    key = made["serviceType"]["id"]
    gone = (await here.ada.ask(TYPE, i={"serviceTypeId": key, "archived": True}))["updateServiceType"]
    assert gone["serviceType"]["archivedAt"] is not None
    again = (await here.ada.ask(TYPES, i={"name": "Advisory"}))["createServiceType"]
    assert again["userErrors"] == []
    back = (await here.ada.ask(TYPE, i={"serviceTypeId": key, "archived": False}))["updateServiceType"]
    assert codes(back) == [("TAKEN", ["name"])]
    assert back["serviceType"]["archivedAt"] is not None
    blank = (await here.ada.ask(TYPE, i={"serviceTypeId": key, "name": " "}))["updateServiceType"]
    assert codes(blank) == [("REQUIRED", ["name"])]


async def test_the_percentage_of_a_tax_rate_cannot_change(here: Office) -> None:
    made = (await here.ada.ask(RATES, i={"name": "Half", "percentage": "12.5000"}))["createTaxRate"]
    assert made["taxRate"]["percentage"] == "12.5"
    for wrong in ("-1", "100.01"):
        refused = (await here.ada.ask(RATES, i={"name": "No", "percentage": wrong}))["createTaxRate"]
        assert (refused["taxRate"], codes(refused)) == (None, [("INVALID", ["percentage"])])
    renamed = (await here.ada.ask(RATE, i={"taxRateId": made["taxRate"]["id"], "name": "Reduced"}))[
        "updateTaxRate"
    ]
    assert renamed["taxRate"] == {"name": "Reduced", "percentage": "12.5", "archivedAt": None}
    full = (await here.ada.ask(RATES, i={"name": "All", "percentage": "100"}))["createTaxRate"]
    assert full["taxRate"]["percentage"] == "100"


# Xero's accounts and rates

ACCOUNTS = """query($o: ID!, $f: XeroAccountFilter, $first: Int, $after: String) { xeroOrganisation(id: $o) {
  accounts(first: $first, after: $after, filter: $f) { totalCount totalCountIsExact pageInfo { hasNextPage endCursor }
  edges { node { id code name class type active } } } } }"""


async def accounts(here: Office, **variables: Any) -> Any:
    return (await here.ada.ask(ACCOUNTS, o=here.organisation, **variables))["xeroOrganisation"]["accounts"]


async def test_accounts_are_searched_and_paged(here: Office) -> None:
    await here.bill.show(chart(archived=("205",)))

    async def shown(filter: dict[str, Any] | None = None) -> list[str]:
        return [edge["node"]["code"] for edge in (await accounts(here, f=filter))["edges"]]

    assert await shown() == await shown({}) == ["090", "200", "220", "400"]
    assert await shown({"active": None}) == ["090", "200", "205", "220", "400"]
    assert await shown({"active": False}) == ["205"]
    assert await shown({"class": ["REVENUE"]}) == ["200", "220"]
    assert await shown({"class": []}) == []
    assert await shown({"search": "disb"}) == ["220"]
    assert await shown({"search": "fees", "active": None}) == ["200", "205"]
    first = await accounts(here, first=3)
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    rest = await accounts(here, first=3, after=first["pageInfo"]["endCursor"])
    assert [edge["node"]["code"] for edge in rest["edges"]] == ["400"]
    assert rest["edges"][0]["node"]["class"] == "EXPENSE"


async def test_xeros_tax_rates_are_listed(here: Office) -> None:
    query = """query($o: ID!) { xeroOrganisation(id: $o) { taxRates { taxType effectiveRate active canApplyToRevenue
      canApplyToExpenses } } }"""
    rates = (await here.ada.ask(query, o=here.organisation))["xeroOrganisation"]["taxRates"]
    assert [(one["taxType"], one["effectiveRate"], one["canApplyToRevenue"]) for one in rates] == [
        ("INPUT2", "15", False),
        ("OUTPUT", "12.5", True),
        ("OUTPUT2", "15", True),
        ("ZERORATED", "0", True),
    ]


# Mappings


async def test_the_set_up_of_invoices_is_shown(here: Office) -> None:
    found = await setup(here)
    assert (found["enabled"], found["startDate"], found["gaps"]) == (True, "2026-11-01", [])
    assert found["defaultRevenueAccount"] == {
        "code": "200",
        "name": "Fees",
        "class": "REVENUE",
        "active": True,
    }
    assert found["accountMappings"] == [
        {"serviceType": {"name": "Accounting"}, "account": None, "problem": None}
    ]
    [tax] = found["taxMappings"]
    assert tax["xeroTaxRate"] == {"taxType": "OUTPUT2", "effectiveRate": "15"}


async def test_default_accounts_are_set_or_refused_with_their_paths(here: Office) -> None:
    answer = await change(here, "setDefaultAccounts", revenueAccountCode="205", expenseAccountCode="400")
    sync = answer["organisation"]["invoiceSync"]
    assert (sync["defaultRevenueAccount"]["code"], sync["defaultExpenseAccount"]["code"]) == ("205", "400")
    answer = await change(here, "setDefaultAccounts", revenueAccountCode="400", expenseAccountCode="999")
    assert codes(answer) == [("INVALID", ["revenueAccountCode"]), ("NOT_FOUND", ["expenseAccountCode"])]
    assert answer["organisation"]["invoiceSync"]["defaultRevenueAccount"]["code"] == "205"


async def test_one_mapping_is_set_refused_and_removed(here: Office) -> None:
    service, rate = ids.encode("ServiceType", here.bill.service), ids.encode("TaxRate", here.bill.gst)
    answer = await change(here, "setAccountMapping", serviceTypeId=service, accountCode="205")
    assert answer["organisation"]["invoiceSync"]["accountMappings"][0]["account"] == {"code": "205"}
    wrong = await change(here, "setAccountMapping", serviceTypeId="x", accountCode="999")
    assert codes(wrong) == [("NOT_FOUND", ["serviceTypeId"]), ("NOT_FOUND", ["accountCode"])]
    gone = await change(here, "setAccountMapping", serviceTypeId=service)
    assert gone["organisation"]["invoiceSync"]["accountMappings"][0]["account"] is None
    wrong = await change(here, "setTaxMapping", taxRateId=rate, xeroTaxType="ZERORATED")
    assert codes(wrong) == [("INVALID", ["xeroTaxType"])]
    gone = await change(here, "setTaxMapping", taxRateId=rate, xeroTaxType=None)
    sync = gone["organisation"]["invoiceSync"]
    assert sync["taxMappings"][0]["problem"] == {"code": "TAX_RATE_UNMAPPED"}
    assert [(gap["code"], gap["remedy"], gap["subjects"]) for gap in sync["gaps"]] == [
        ("TAX_RATE_UNMAPPED", "SET_TAX_MAPPING", [{"__typename": "TaxRate", "id": rate}])
    ]


async def test_a_mapping_shows_that_its_account_was_archived(here: Office) -> None:
    service = ids.encode("ServiceType", here.bill.service)
    await change(here, "setAccountMapping", serviceTypeId=service, accountCode="205")
    await here.bill.show(chart(archived=("205",)))
    [mapping] = (await setup(here))["accountMappings"]
    assert mapping["account"] == {"code": "205"}
    assert mapping["problem"] == {
        "code": "ACCOUNT_UNAVAILABLE",
        "remedy": "SET_ACCOUNT_MAPPING",
        "subjects": [{"__typename": "XeroAccount"}],
    }


async def test_many_mappings_are_set_together_or_not_at_all(here: Office) -> None:
    service, rate = ids.encode("ServiceType", here.bill.service), ids.encode("TaxRate", here.bill.gst)
    wrong = await change(
        here,
        "setInvoiceMappings",
        accounts=[
            {"serviceTypeId": service, "accountCode": "205"},
            {"serviceTypeId": "x", "accountCode": "200"},
        ],
        taxRates=[{"taxRateId": rate, "xeroTaxType": "NEVER"}],
    )
    assert codes(wrong) == [
        ("NOT_FOUND", ["accounts", "1", "serviceTypeId"]),
        ("NOT_FOUND", ["taxRates", "0", "xeroTaxType"]),
    ]
    assert (await setup(here))["accountMappings"][0]["account"] is None
    right = await change(
        here, "setInvoiceMappings", accounts=[{"serviceTypeId": service, "accountCode": "205"}]
    )
    assert right["userErrors"] == []
    assert right["organisation"]["invoiceSync"]["accountMappings"][0]["account"] == {"code": "205"}
    rows = [{"serviceTypeId": service}] * 501
    assert codes(await change(here, "setInvoiceMappings", accounts=rows)) == [("TOO_MANY", ["accounts"])]
    assert (await setup(here))["accountMappings"][0]["account"] == {"code": "205"}


async def test_an_earlier_start_date_needs_a_confirmation(here: Office) -> None:
    early = await here.sent(issueDate="2026-10-05", number="early")
    assert early["sync"]["state"] == "BEFORE_START_DATE"
    query = """query($o: ID!, $d: Date!) { xeroOrganisation(id: $o) { invoiceSyncPreview(startDate: $d) { invoices total
      earliest expectedXeroCalls problems { code } } } }"""
    found = (await here.ada.ask(query, o=here.organisation, d="2026-10-01"))["xeroOrganisation"]
    assert found["invoiceSyncPreview"] == {
        "invoices": 1, "total": "115.00", "earliest": "2026-10-05", "expectedXeroCalls": 1, "problems": [],
    }  # fmt: skip
    refused = await change(here, "setInvoiceSync", startDate="2026-10-01")
    assert codes(refused) == [("CONFIRMATION_NEEDED", ["acceptInvoices"])]
    assert refused["organisation"]["invoiceSync"]["startDate"] == "2026-11-01"
    done = await change(here, "setInvoiceSync", startDate="2026-10-01", acceptInvoices=1)
    assert (done["userErrors"], done["organisation"]["invoiceSync"]["startDate"]) == ([], "2026-10-01")
    assert (await here.look(early["id"]))["sync"]["state"] == "PENDING"
    off = await change(here, "setInvoiceSync", enabled=False)
    assert off["organisation"]["invoiceSync"]["enabled"] is False
    assert (await here.look(early["id"]))["sync"]["state"] == "SYNC_OFF"


async def test_the_set_up_of_invoices_needs_an_admin(process: Process, here: Office) -> None:
    writer = await make.client(process, Scope.WRITE, world=here.ada.world)
    service, rate = ids.encode("ServiceType", here.bill.service), ids.encode("TaxRate", here.bill.gst)
    organisation = {"organisationId": here.organisation}
    for mutation, kind, given in (
        ("setInvoiceSync", "SetInvoiceSyncInput", {**organisation, "enabled": False}),
        (
            "setDefaultAccounts",
            "SetDefaultAccountsInput",
            {**organisation, "revenueAccountCode": "200", "expenseAccountCode": "220"},
        ),
        ("setAccountMapping", "SetAccountMappingInput", {**organisation, "serviceTypeId": service}),
        ("setTaxMapping", "SetTaxMappingInput", {**organisation, "taxRateId": rate}),
        ("setInvoiceMappings", "SetInvoiceMappingsInput", organisation),
        ("createServiceType", "NameInput", {"name": "x"}),
        ("updateServiceType", "UpdateServiceTypeInput", {"serviceTypeId": service}),
        ("createTaxRate", "CreateTaxRateInput", {"name": "x", "percentage": "1"}),
        ("updateTaxRate", "UpdateTaxRateInput", {"taxRateId": rate}),
    ):
        query = f"mutation($i: {kind}!) {{ {mutation}(input: $i) {{ userErrors {{ code }} }} }}"
        data, errors = await writer.answer(query, i=given)
        assert (data, [code for _, code in errors]) == ({mutation: None}, ["FORBIDDEN"]), mutation
    assert (await setup(here))["enabled"] is True


async def test_a_change_of_settings_publishes_an_event(here: Office) -> None:
    start = (await here.ada.ask("{ syncCursor }"))["syncCursor"]
    await change(here, "setInvoiceSync", enabled=False)
    await here.ada.ask(TYPES, i={"name": "Advisory"})
    live = """subscription($after: String) { syncStatus(after: $after) { update { __typename
      ... on ConnectionUpdate { organisation { invoiceSync { enabled } } }
      ... on WorkspaceUpdate { workspace { serviceTypes { name } } } } } }"""
    async with here.ada.follow(live, after=start) as stream:
        told = [event["update"] for event in await stream.some(2)]
    assert told[0] == {
        "__typename": "ConnectionUpdate",
        "organisation": {"invoiceSync": {"enabled": False}},
    }
    assert told[1]["workspace"]["serviceTypes"] == [{"name": "Accounting"}, {"name": "Advisory"}]
