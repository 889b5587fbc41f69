"""The world that the demo and `tandem simulator` begin with: one app, one person, one organisation or several."""

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from xero.simulator.catalogue import (
    BrandingTheme,
    Catalogue,
    Item,
    SalesDetails,
    TrackingCategory,
    TrackingOption,
)
from xero.simulator.clock import Clock, system_clock
from xero.simulator.contacts import ContactBook
from xero.simulator.countries import COUNTRIES, NEW_ZEALAND, Country, TaxRow, moved
from xero.simulator.ledger import Ledger
from xero.simulator.lifelike import lifelike_contacts
from xero.simulator.wire import ms_date
from xero.simulator.world import App, Organisation, User, World

DEMO_CLIENT_ID = "5IMULAT0R0000000000000000TANDEM0"
DEMO_CLIENT_SECRET = "simulator-only-not-a-secret"  # noqa: S105 - opens nothing but an invented world
DEMO_REDIRECT_URI = "http://localhost:8000/oauth/callback"
ORGANISATION_NAME = NEW_ZEALAND.organisation

_CREATED = datetime(2018, 4, 1, 1, 30, tzinfo=UTC)

# code, name, type, class, which tax type of the country, system account
_CHART = (
    ("090", "Business Bank Account", "BANK", "ASSET", "no_tax", ""),
    ("091", "Business Savings Account", "BANK", "ASSET", "no_tax", ""),
    ("200", "Fees: Accounting", "REVENUE", "REVENUE", "sales", ""),
    ("205", "Fees: Tax Returns", "REVENUE", "REVENUE", "sales", ""),
    ("210", "Fees: Advisory", "REVENUE", "REVENUE", "sales", ""),
    ("215", "Fees: Overseas Clients", "REVENUE", "REVENUE", "zero_rated", ""),
    ("220", "Disbursements Recovered", "REVENUE", "REVENUE", "sales", ""),
    ("270", "Interest Income", "OTHERINCOME", "REVENUE", "no_tax", ""),
    ("310", "Subcontracted Work", "DIRECTCOSTS", "EXPENSE", "purchases", ""),
    ("400", "Advertising", "EXPENSE", "EXPENSE", "purchases", ""),
    ("404", "Bank Fees", "EXPENSE", "EXPENSE", "no_tax", ""),
    ("412", "Filing Fees", "EXPENSE", "EXPENSE", "purchases", ""),
    ("429", "General Expenses", "EXPENSE", "EXPENSE", "purchases", ""),
    ("453", "Office Expenses", "EXPENSE", "EXPENSE", "purchases", ""),
    ("469", "Rent", "OVERHEADS", "EXPENSE", "purchases", ""),
    ("477", "Salaries", "EXPENSE", "EXPENSE", "no_tax", ""),
    ("485", "Subscriptions and Software", "EXPENSE", "EXPENSE", "purchases", ""),
    ("489", "Telephone & Internet", "EXPENSE", "EXPENSE", "purchases", ""),
    ("610", "Accounts Receivable", "CURRENT", "ASSET", "no_tax", "DEBTORS"),
    ("620", "Prepayments", "PREPAYMENT", "ASSET", "no_tax", ""),
    ("710", "Office Equipment", "FIXED", "ASSET", "purchases", ""),
    ("800", "Accounts Payable", "CURRLIAB", "LIABILITY", "no_tax", "CREDITORS"),
    ("820", "GST", "CURRLIAB", "LIABILITY", "no_tax", "GST"),
    ("860", "Rounding", "CURRLIAB", "LIABILITY", "no_tax", "ROUNDING"),
    ("960", "Retained Earnings", "EQUITY", "EQUITY", "no_tax", "RETAINEDEARNINGS"),
)
_ARCHIVED_ACCOUNT = ("225", "Fees: Payroll (until 2022)", "REVENUE", "REVENUE", "sales", "")


def demo_world(
    contacts: int = 1200, seed: int = 1, clock: Clock = system_clock, organisations: int = 1
) -> World:
    """`organisations`: how many, each with so many contacts. Their countries are those of COUNTRIES in order, then the
    first again. The same seed gives the same ids."""
    world = World(seed, clock)
    tenants = [
        world.add_organisation(_organisation(seed, contacts, index)).id for index in range(organisations)
    ]
    world.add_user(User(_id(f"user/{seed}"), "Mere Whitfield", "mere@example.co.nz", tenants))
    world.add_app(App(DEMO_CLIENT_ID, "Tandem", DEMO_CLIENT_SECRET, [DEMO_REDIRECT_URI]))
    return world


def _organisation(seed: int, contacts: int, index: int) -> Organisation:
    country, again = COUNTRIES[index % len(COUNTRIES)], index // len(COUNTRIES)
    name = f"{country.organisation} {again + 1}" if again else country.organisation
    return lifelike_organisation(seed + index, contacts, name, country)


def register_redirect_uris(world: World, redirect_uris: tuple[str, ...]) -> None:
    """Add the redirect URIs that the demo app does not have yet. A saved world keeps its own."""
    registered = world.apps[DEMO_CLIENT_ID].redirect_uris
    registered.extend(uri for uri in redirect_uris if uri not in registered)


def lifelike_organisation(
    seed: int, contacts: int, name: str = ORGANISATION_NAME, country: Country = NEW_ZEALAND
) -> Organisation:
    tenant_id = _id(f"organisation/{name}/{seed}")
    accounts = [_account(tenant_id, country, row, "ACTIVE") for row in _CHART]
    accounts.append(_account(tenant_id, country, _ARCHIVED_ACCOUNT, "ARCHIVED"))
    book = ContactBook(
        moved(contact, country, index) for index, contact in enumerate(lifelike_contacts(seed, contacts))
    )
    return Organisation(
        id=tenant_id,
        name=name,
        details=_details(tenant_id, name, country),
        accounts=accounts,
        tax_rates=[_tax_rate(row, country) for row in country.rates],
        contacts=book,
        currencies=[{"Code": country.currency, "Description": country.currency_name}],
        ledger=Ledger(),
        catalogue=_catalogue(tenant_id, country),
    )


def _catalogue(tenant_id: str, country: Country) -> Catalogue:
    made = ms_date(_CREATED)

    def own(name: str) -> str:
        return _id(f"{name}/{tenant_id}")

    return Catalogue(
        tracking=[
            TrackingCategory(
                own(f"category/{name}"),
                name,
                tuple(TrackingOption(own(f"option/{name}/{option}"), option) for option in options),
            )
            for name, options in (("Region", ("North", "South")), ("Partner", ("Whitfield", "Okafor")))
        ],
        themes=[
            BrandingTheme(branding_theme_id=own(f"theme/{name}"), name=name, sort_order=place, created=made)
            for place, name in enumerate(("Standard", "Reminder"))
        ],
        items=[
            Item(
                item_id=own(f"item/{code}"),
                code=code,
                name=name,
                description=name,
                sales_details=SalesDetails(price, account, country.sales),
                updated=made,
            )
            for code, name, price, account in (
                ("ADVICE", "Advice, an hour", 180.0, "210"),
                ("RETURN", "Tax return", 450.0, "205"),
            )
        ],
    )


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"tandem-simulator/{name}"))


def _account(
    tenant_id: str, country: Country, row: tuple[str, str, str, str, str, str], status: str
) -> dict[str, Any]:
    code, name, kind, account_class, tax, system = row
    account = {
        "AccountID": _id(f"account/{tenant_id}/{code}"),
        "Code": code,
        "Name": name,
        "Status": status,
        "Type": kind,
        "TaxType": getattr(country, tax),
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
            "CurrencyCode": country.currency,
        }
    if system:
        account["SystemAccount"] = system
    return account


def _tax_rate(row: TaxRow, country: Country) -> dict[str, Any]:
    component = {
        "Name": country.tax_name,
        "Rate": row.percent,
        "IsCompound": False,
        "IsNonRecoverable": False,
    }
    return {
        "Name": row.name,
        "TaxType": row.tax_type,
        "ReportTaxType": row.report_type,
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToExpenses": row.to_expenses,
        "CanApplyToLiabilities": True,
        "CanApplyToRevenue": row.to_revenue,
        "DisplayTaxRate": row.percent,
        "EffectiveRate": row.percent,
        "Status": "ACTIVE",
        "TaxComponents": [component],
    }


def _details(tenant_id: str, name: str, country: Country) -> dict[str, Any]:
    return {
        "Name": name,
        "LegalName": name,
        "PaysTax": True,
        "Version": country.version,
        "OrganisationType": "COMPANY",
        "BaseCurrency": country.currency,
        "CountryCode": country.code,
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "TaxNumber": country.tax_number,
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "PAYMENTS",
        "SalesTaxPeriod": "TWOMONTHS",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": ms_date(_CREATED),
        "OrganisationEntityType": "COMPANY",
        "Timezone": country.timezone,
        "ShortCode": country.short_code,
        "OrganisationID": tenant_id,
        "Edition": "BUSINESS",
        "Class": "PREMIUM",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
