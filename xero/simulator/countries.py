"""The differences between organisations of several countries: currency, time zone, tax types, phones and addresses.

Tax types and names are Xero's own default rates of the country; TAX001 is an example of a rate that a user added. The same
tax type means another rate in another country.
"""

from typing import NamedTuple

from msgspec.structs import replace

from xero.simulator.contacts import Address, Contact, Phone


class TaxRow(NamedTuple):
    """`report_type` is Xero's ReportTaxType; the flags say whether revenue and expense accounts may use the rate."""

    tax_type: str
    name: str
    report_type: str
    percent: float
    to_revenue: bool
    to_expenses: bool


class Country(NamedTuple):
    """`sales`, `purchases`, `zero_rated` and `no_tax` are the tax types of the accounts in the chart."""

    organisation: str
    version: str
    code: str
    name: str
    currency: str
    currency_name: str
    timezone: str
    tax_name: str
    tax_number: str
    short_code: str
    calling_code: str
    places: tuple[tuple[str, str], ...]  # region and postal code
    rates: tuple[TaxRow, ...]
    sales: str
    purchases: str
    zero_rated: str
    no_tax: str = "NONE"


NEW_ZEALAND = Country(
    organisation="Kererū & Co Accounting Ltd",
    version="NZ",
    code="NZ",
    name="New Zealand",
    currency="NZD",
    currency_name="New Zealand Dollar",
    timezone="NEWZEALANDSTANDARDTIME",
    tax_name="GST",
    tax_number="123-456-789",
    short_code="!kRrU8",
    calling_code="64",
    places=(),
    rates=(
        TaxRow("OUTPUT2", "15% GST on Income", "OUTPUT", 15.0, True, False),
        TaxRow("INPUT2", "15% GST on Expenses", "INPUT", 15.0, False, True),
        TaxRow("ZERORATED", "Zero Rated", "ZERORATEDOUTPUT", 0.0, True, True),
        TaxRow("GSTONIMPORTS", "GST on Imports", "GSTONIMPORTS", 0.0, False, True),
        TaxRow("NONE", "No GST", "NONE", 0.0, True, True),
    ),
    sales="OUTPUT2",
    purchases="INPUT2",
    zero_rated="ZERORATED",
)
AUSTRALIA = Country(
    organisation="Wattlebird Partners Pty Ltd",
    version="AU",
    code="AU",
    name="Australia",
    currency="AUD",
    currency_name="Australian Dollar",
    timezone="AUSEASTERNSTANDARDTIME",
    tax_name="GST",
    tax_number="11 111 111 111",
    short_code="!wAtT1",
    calling_code="61",
    places=(("NSW", "2095"), ("VIC", "3121"), ("QLD", "4101"), ("WA", "6160"), ("TAS", "7000")),
    rates=(
        TaxRow("OUTPUT", "GST on Income", "OUTPUT", 10.0, True, False),
        TaxRow("INPUT", "GST on Expenses", "INPUT", 10.0, False, True),
        TaxRow("EXEMPTOUTPUT", "GST Free Income", "EXEMPTOUTPUT", 0.0, True, False),
        TaxRow("EXEMPTEXPENSES", "GST Free Expenses", "EXEMPTEXPENSES", 0.0, False, True),
        TaxRow("GSTONIMPORTS", "GST on Imports", "GSTONIMPORTS", 0.0, False, True),
        TaxRow("BASEXCLUDED", "BAS Excluded", "BASEXCLUDED", 0.0, True, True),
    ),
    sales="OUTPUT",
    purchases="INPUT",
    zero_rated="EXEMPTOUTPUT",
    no_tax="BASEXCLUDED",
)
UNITED_KINGDOM = Country(
    organisation="Hawthorn & Vale LLP",
    version="UK",
    code="GB",
    name="United Kingdom",
    currency="GBP",
    currency_name="British Pound",
    timezone="GMTSTANDARDTIME",
    tax_name="VAT",
    tax_number="GB123456789",
    short_code="!hVl0n",
    calling_code="44",
    places=(("Kent", "ME14 1XX"), ("Greater London", "SE1 9XX"), ("Devon", "EX4 3XX"), ("Fife", "KY16 9XX")),
    rates=(
        TaxRow("OUTPUT2", "20% (VAT on Income)", "OUTPUT", 20.0, True, False),
        TaxRow("INPUT2", "20% (VAT on Expenses)", "INPUT", 20.0, False, True),
        TaxRow("RROUTPUT", "5% (VAT on Income)", "OUTPUT", 5.0, True, False),
        TaxRow("RRINPUT", "5% (VAT on Expenses)", "INPUT", 5.0, False, True),
        TaxRow("ZERORATEDOUTPUT", "Zero Rated Income", "OUTPUT", 0.0, True, False),
        TaxRow("ZERORATEDINPUT", "Zero Rated Expenses", "INPUT", 0.0, False, True),
        TaxRow("EXEMPTOUTPUT", "Exempt Income", "EXEMPTOUTPUT", 0.0, True, False),
        TaxRow("NONE", "No VAT", "NONE", 0.0, True, True),
    ),
    sales="OUTPUT2",
    purchases="INPUT2",
    zero_rated="ZERORATEDOUTPUT",
)
UNITED_STATES = Country(
    organisation="Bluestem Ledger LLC",
    version="US",
    code="US",
    name="United States",
    currency="USD",
    currency_name="United States Dollar",
    timezone="EASTERNSTANDARDTIME",
    tax_name="Sales Tax",
    tax_number="00-0000000",
    short_code="!bLsT3",
    calling_code="1",
    places=(("NY", "10011"), ("NJ", "07030"), ("CT", "06510"), ("PA", "19103")),
    rates=(
        TaxRow("TAX001", "NY Sales Tax", "OUTPUT", 8.875, True, False),
        TaxRow("OUTPUT", "Tax on Sales", "OUTPUT", 0.0, True, False),
        TaxRow("INPUT", "Tax on Purchases", "INPUT", 0.0, False, True),
        TaxRow("GSTONIMPORTS", "Sales Tax on Imports", "GSTONIMPORTS", 0.0, False, True),
        TaxRow("NONE", "Tax Exempt", "NONE", 0.0, True, True),
    ),
    sales="TAX001",
    purchases="INPUT",
    zero_rated="NONE",
)
SINGAPORE = Country(
    organisation="Merbau Advisory Pte Ltd",
    version="GLOBAL",
    code="SG",
    name="Singapore",
    currency="SGD",
    currency_name="Singapore Dollar",
    timezone="SINGAPORESTANDARDTIME",
    tax_name="GST",
    tax_number="M90000000X",
    short_code="!mRbU9",
    calling_code="65",
    places=(("", "079903"), ("", "238823"), ("", "409051")),
    rates=(
        TaxRow("OUTPUTY24", "9% Standard-Rated Supplies", "OUTPUT", 9.0, True, False),
        TaxRow("INPUTY24", "9% Standard-Rated Purchases", "INPUT", 9.0, False, True),
        TaxRow("ZERORATEDOUTPUT", "Zero-Rated Supplies", "ZERORATEDOUTPUT", 0.0, True, False),
        TaxRow("ZERORATEDINPUT", "Zero-Rated Purchases", "ZERORATEDINPUT", 0.0, False, True),
        TaxRow("OSOUTPUT", "Out of Scope Supplies", "OSOUTPUT", 0.0, True, False),
        TaxRow("NONE", "No Tax", "NONE", 0.0, True, True),
    ),
    sales="OUTPUTY24",
    purchases="INPUTY24",
    zero_rated="ZERORATEDOUTPUT",
)
COUNTRIES = (NEW_ZEALAND, AUSTRALIA, UNITED_KINGDOM, UNITED_STATES, SINGAPORE)


def moved(contact: Contact, country: Country, index: int) -> Contact:
    """The contact with the country's calling code, regions, postal codes and currency; names and streets stay."""
    if not country.places:
        return contact
    region, postal_code = country.places[index % len(country.places)]
    return replace(
        contact,
        phones={kind: _phone(phone, country) for kind, phone in contact.phones.items()},
        addresses={
            kind: Address(
                old.lines, old.city, region, postal_code, old.country and country.name, old.attention_to
            )
            for kind, old in contact.addresses.items()
        },
        other={"DefaultCurrency": country.currency} if contact.other else {},
    )


def _phone(phone: Phone, country: Country) -> Phone:
    sign = "+" if phone.country.startswith("+") else ""
    return Phone(phone.number, phone.area, phone.country and f"{sign}{country.calling_code}")
