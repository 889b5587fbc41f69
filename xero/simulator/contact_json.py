"""Contacts as Xero answers them: in an unpaged list, a paged list, a single read, a summary, or a write."""

from enum import Enum
from typing import Any

from xero.simulator.contacts import ADDRESS_TYPES, PHONE_TYPES, Address, Contact, Phone
from xero.simulator.wire import ms_date


class Form(Enum):
    UNPAGED = "unpaged"
    """A list asked without `page`: the fields in `DETAIL_FIELDS` are missing."""
    SUMMARY = "summary"
    """summaryOnly=true: without what is costly to compute, too."""
    DETAIL = "detail"
    """Paged lists and single reads."""
    WRITTEN = "written"
    """Answers to writes: as DETAIL, without Balances."""


DETAIL_FIELDS = frozenset(
    {
        "ContactPersons",
        "MergedToContactID",
        "XeroNetworkKey",
        "SalesDefaultAccountCode",
        "PurchasesDefaultAccountCode",
        "SalesTrackingCategories",
        "PurchasesTrackingCategories",
        "SalesDefaultLineAmountType",
        "PurchasesDefaultLineAmountType",
        "PaymentTerms",
        "Website",
        "BrandingTheme",
        "BatchPayments",
        "Discount",
        "Balances",
        "HasAttachments",
    }
)

_BLANK_PHONE = Phone()
_BLANK_ADDRESS = Address()


def render_contact(contact: Contact, form: Form) -> dict[str, Any]:
    """As in Xero, unset optional fields are absent, and unset EmailAddress and BankAccountDetails are ""."""
    shown: dict[str, Any] = {"ContactID": contact.id}
    if contact.number:
        shown["ContactNumber"] = contact.number
    if contact.account_number:
        shown["AccountNumber"] = contact.account_number
    shown["ContactStatus"] = contact.status
    shown["Name"] = contact.name
    for field, value in (
        ("FirstName", contact.first_name),
        ("LastName", contact.last_name),
        ("CompanyNumber", contact.company_number),
        ("TaxNumber", contact.tax_number),
    ):
        if value:
            shown[field] = value
    shown["EmailAddress"] = contact.email
    shown["BankAccountDetails"] = contact.bank_account
    shown["Addresses"] = [
        _render_address(kind, contact.addresses.get(kind, _BLANK_ADDRESS)) for kind in ADDRESS_TYPES
    ]
    shown["Phones"] = [_render_phone(kind, contact.phones.get(kind, _BLANK_PHONE)) for kind in PHONE_TYPES]
    shown["UpdatedDateUTC"] = ms_date(contact.updated)
    shown["ContactGroups"] = []
    shown["IsSupplier"] = contact.is_supplier
    shown["IsCustomer"] = contact.is_customer
    _add_other(shown, contact, form)
    if form in (Form.DETAIL, Form.WRITTEN):
        _add_detail(shown, contact, form)
    shown["HasValidationErrors"] = False
    return shown


def _add_other(shown: dict[str, Any], contact: Contact, form: Form) -> None:
    for field, value in contact.other.items():
        if form in (Form.DETAIL, Form.WRITTEN) or field not in DETAIL_FIELDS:
            shown[field] = value


def _add_detail(shown: dict[str, Any], contact: Contact, form: Form) -> None:
    if contact.merged_to:
        shown["MergedToContactID"] = contact.merged_to
    shown["SalesTrackingCategories"] = []
    shown["PurchasesTrackingCategories"] = []
    shown["ContactPersons"] = [
        {
            "FirstName": person.first_name,
            "LastName": person.last_name,
            "EmailAddress": person.email,
            "IncludeInEmails": person.include_in_emails,
        }
        for person in contact.persons
    ]
    shown["HasAttachments"] = False
    if form is Form.DETAIL and (contact.is_customer or contact.is_supplier):
        nothing = {"Outstanding": 0.0, "Overdue": 0.0}
        shown["Balances"] = {"AccountsReceivable": nothing, "AccountsPayable": nothing}


def _render_address(kind: str, address: Address) -> dict[str, str]:
    shown = {"AddressType": kind}
    for index, line in enumerate(address.lines, start=1):
        shown[f"AddressLine{index}"] = line
    shown["City"] = address.city
    shown["Region"] = address.region
    shown["PostalCode"] = address.postal_code
    shown["Country"] = address.country
    if address.attention_to:
        shown["AttentionTo"] = address.attention_to
    return shown


def _render_phone(kind: str, phone: Phone) -> dict[str, str]:
    return {
        "PhoneType": kind,
        "PhoneNumber": phone.number,
        "PhoneAreaCode": phone.area,
        "PhoneCountryCode": phone.country,
    }
