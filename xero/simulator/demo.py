"""The world that the demo and `tandem simulator` begin with: one app, one person, one organisation."""

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from xero.simulator.clock import Clock, system_clock
from xero.simulator.ledger import Ledger
from xero.simulator.lifelike import lifelike_book
from xero.simulator.wire import ms_date
from xero.simulator.world import App, Organisation, User, World

DEMO_CLIENT_ID = "5IMULAT0R0000000000000000TANDEM0"
DEMO_CLIENT_SECRET = "simulator-only-not-a-secret"  # noqa: S105 - opens nothing but an invented world
DEMO_REDIRECT_URI = "http://localhost:8000/oauth/callback"
ORGANISATION_NAME = "Kererū & Co Accounting Ltd"

_CREATED = datetime(2018, 4, 1, 1, 30, tzinfo=UTC)

# code, name, type, class, tax type, system account
_CHART = (
    ("090", "Business Bank Account", "BANK", "ASSET", "NONE", ""),
    ("091", "Business Savings Account", "BANK", "ASSET", "NONE", ""),
    ("200", "Fees: Accounting", "REVENUE", "REVENUE", "OUTPUT2", ""),
    ("205", "Fees: Tax Returns", "REVENUE", "REVENUE", "OUTPUT2", ""),
    ("210", "Fees: Advisory", "REVENUE", "REVENUE", "OUTPUT2", ""),
    ("215", "Fees: Overseas Clients", "REVENUE", "REVENUE", "ZERORATED", ""),
    ("220", "Disbursements Recovered", "REVENUE", "REVENUE", "OUTPUT2", ""),
    ("270", "Interest Income", "OTHERINCOME", "REVENUE", "NONE", ""),
    ("310", "Subcontracted Work", "DIRECTCOSTS", "EXPENSE", "INPUT2", ""),
    ("400", "Advertising", "EXPENSE", "EXPENSE", "INPUT2", ""),
    ("404", "Bank Fees", "EXPENSE", "EXPENSE", "NONE", ""),
    ("412", "Filing Fees", "EXPENSE", "EXPENSE", "INPUT2", ""),
    ("429", "General Expenses", "EXPENSE", "EXPENSE", "INPUT2", ""),
    ("453", "Office Expenses", "EXPENSE", "EXPENSE", "INPUT2", ""),
    ("469", "Rent", "OVERHEADS", "EXPENSE", "INPUT2", ""),
    ("477", "Salaries", "EXPENSE", "EXPENSE", "NONE", ""),
    ("485", "Subscriptions and Software", "EXPENSE", "EXPENSE", "INPUT2", ""),
    ("489", "Telephone & Internet", "EXPENSE", "EXPENSE", "INPUT2", ""),
    ("610", "Accounts Receivable", "CURRENT", "ASSET", "NONE", "DEBTORS"),
    ("620", "Prepayments", "PREPAYMENT", "ASSET", "NONE", ""),
    ("710", "Office Equipment", "FIXED", "ASSET", "INPUT2", ""),
    ("800", "Accounts Payable", "CURRLIAB", "LIABILITY", "NONE", "CREDITORS"),
    ("820", "GST", "CURRLIAB", "LIABILITY", "NONE", "GST"),
    ("860", "Rounding", "CURRLIAB", "LIABILITY", "NONE", "ROUNDING"),
    ("960", "Retained Earnings", "EQUITY", "EQUITY", "NONE", "RETAINEDEARNINGS"),
)
_ARCHIVED_ACCOUNT = ("225", "Fees: Payroll (until 2022)", "REVENUE", "REVENUE", "OUTPUT2", "")

# tax type, name, report tax type, percent, applies to revenue, to expenses
_TAX_RATES = (
    ("OUTPUT2", "15% GST on Income", "OUTPUT", 15.0, True, False),
    ("INPUT2", "15% GST on Expenses", "INPUT", 15.0, False, True),
    ("ZERORATED", "Zero Rated", "ZERORATEDOUTPUT", 0.0, True, True),
    ("GSTONIMPORTS", "GST on Imports", "GSTONIMPORTS", 0.0, False, True),
    ("NONE", "No GST", "NONE", 0.0, True, True),
)


def demo_world(contacts: int = 1200, seed: int = 1, clock: Clock = system_clock) -> World:
    world = World(seed, clock)
    organisation = world.add_organisation(lifelike_organisation(seed, contacts))
    user_id = _id(f"user/{seed}")
    world.add_user(User(user_id, "Mere Whitfield", "mere@example.co.nz", [organisation.id]))
    world.add_app(App(DEMO_CLIENT_ID, "Tandem", DEMO_CLIENT_SECRET, [DEMO_REDIRECT_URI]))
    return world


def register_redirect_uris(world: World, redirect_uris: tuple[str, ...]) -> None:
    """Adds those that the demo app does not have yet; a saved world keeps what it had."""
    registered = world.apps[DEMO_CLIENT_ID].redirect_uris
    registered.extend(uri for uri in redirect_uris if uri not in registered)


def lifelike_organisation(seed: int, contacts: int, name: str = ORGANISATION_NAME) -> Organisation:
    tenant_id = _id(f"organisation/{name}/{seed}")
    accounts = [_account(tenant_id, row, "ACTIVE") for row in _CHART]
    accounts.append(_account(tenant_id, _ARCHIVED_ACCOUNT, "ARCHIVED"))
    return Organisation(
        id=tenant_id,
        name=name,
        details=_details(tenant_id, name),
        accounts=accounts,
        tax_rates=[_tax_rate(*row) for row in _TAX_RATES],
        contacts=lifelike_book(seed, contacts),
        currencies=[{"Code": "NZD", "Description": "New Zealand Dollar"}],
        ledger=Ledger(),
    )


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"tandem-simulator/{name}"))


def _account(tenant_id: str, row: tuple[str, str, str, str, str, str], status: str) -> dict[str, Any]:
    code, name, kind, account_class, tax_type, system = row
    account = {
        "AccountID": _id(f"account/{tenant_id}/{code}"),
        "Code": code,
        "Name": name,
        "Status": status,
        "Type": kind,
        "TaxType": tax_type,
        "Class": account_class,
        "EnablePaymentsToAccount": kind == "BANK",
        "ShowInExpenseClaims": False,
        "ReportingCode": "",
        "HasAttachments": False,
        "UpdatedDateUTC": ms_date(_CREATED),
        "AddToWatchlist": False,
    }
    if kind == "BANK":
        account |= {
            "BankAccountNumber": f"0099990000{code}00",
            "BankAccountType": "BANK",
            "CurrencyCode": "NZD",
        }
    if system:
        account["SystemAccount"] = system
    return account


def _tax_rate(
    tax_type: str, name: str, report_type: str, percent: float, to_revenue: bool, to_expenses: bool
) -> dict[str, Any]:
    return {
        "Name": name,
        "TaxType": tax_type,
        "ReportTaxType": report_type,
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToExpenses": to_expenses,
        "CanApplyToLiabilities": True,
        "CanApplyToRevenue": to_revenue,
        "DisplayTaxRate": percent,
        "EffectiveRate": percent,
        "Status": "ACTIVE",
        "TaxComponents": [{"Name": "GST", "Rate": percent, "IsCompound": False, "IsNonRecoverable": False}],
    }


def _details(tenant_id: str, name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "LegalName": name,
        "PaysTax": True,
        "Version": "NZ",
        "OrganisationType": "COMPANY",
        "BaseCurrency": "NZD",
        "CountryCode": "NZ",
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "TaxNumber": "123-456-789",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "PAYMENTS",
        "SalesTaxPeriod": "TWOMONTHS",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": ms_date(_CREATED),
        "OrganisationEntityType": "COMPANY",
        "Timezone": "NEWZEALANDSTANDARDTIME",
        "ShortCode": "!kRrU8",
        "OrganisationID": tenant_id,
        "Edition": "BUSINESS",
        "Class": "PREMIUM",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
