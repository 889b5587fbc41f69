"""Xero's refusals as failures: code, remedy, subjects, and all of Xero's words."""

import pytest

from domain.invoices.eligibility import CONTACT, Problem
from domain.links.failures import Failure
from domain.tables import SyncedField
from workers.translate_refusals import contact_failure, invoice_problem
from xero.messages import Said, errors_of

ACCOUNT, TAX = Said("Account must be valid."), Said("Tax rate must be valid.")


def test_one_message_gives_its_code_and_remedy() -> None:
    assert invoice_problem([ACCOUNT]) == Problem(
        "ACCOUNT_UNAVAILABLE", "Account must be valid.", "SET_ACCOUNT_MAPPING"
    )


def test_two_messages_give_two_problems() -> None:
    found = invoice_problem([ACCOUNT, TAX])
    assert (found.code, found.message) == (
        "ACCOUNT_UNAVAILABLE",
        "Account must be valid. Tax rate must be valid.",
    )
    assert [(one.code, one.remedy) for one in found.each] == [
        ("ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING"),
        ("TAX_RATE_UNAVAILABLE", "SET_TAX_MAPPING"),
    ]


def test_a_taken_number_is_the_first_problem_and_invalid_the_last() -> None:
    found = invoice_problem([Said("Odd."), TAX, Said("Invoice # must be unique.")])
    assert found.code == "INVOICE_NUMBER_TAKEN"
    assert invoice_problem([Said("Odd."), TAX]).code == "TAX_RATE_UNAVAILABLE"


def test_a_message_about_a_line_has_the_place_of_the_line() -> None:
    found = invoice_problem([Said("Account must be valid.", ("LineItems", 2))])
    assert (found.line, found.message) == (2, "Line 3: Account must be valid.")


def test_an_email_of_the_contact_points_at_the_contact() -> None:
    for said in (Said("Email address must be valid."), Said("Email address must be valid.", ("Contact",))):
        found = invoice_problem([said])
        assert (found.code, found.remedy, found.subjects) == ("INVALID_IN_XERO", "UPDATE_CONTACT", (CONTACT,))


def test_a_message_about_a_contact_field_that_is_not_synced_has_the_remedy_in_xero() -> None:
    found = invoice_problem([Said("Website must be valid.", ("Contact",))])
    assert (found.remedy, found.subjects) == ("IN_XERO", (CONTACT,))
    assert found.message.startswith("Contact: Website must be valid. Correct or clear the website")


def test_a_refusal_without_a_message_has_the_remedy_in_xero() -> None:
    found = invoice_problem([])
    assert (found.code, found.remedy) == ("INVALID_IN_XERO", "IN_XERO")
    assert found.message.startswith("Xero refused this without saying why.")


def test_a_message_about_a_synced_field_names_the_field() -> None:
    assert contact_failure([Said("Email address must be valid.")]) == Failure(
        "INVALID_IN_XERO", "Email address must be valid.", SyncedField.BILLING_EMAIL
    )
    taken = "The contact name Ada is already assigned to another contact."
    assert contact_failure([Said(taken)]) == Failure("NAME_TAKEN_IN_XERO", taken, SyncedField.NAME)
    assert contact_failure([Said("This is odd.", ("Addresses", 0))]).field is SyncedField.BILLING_ADDRESS


def test_a_contact_refused_for_unsynced_data_has_the_remedy_in_xero() -> None:
    found = contact_failure([Said("Website must be valid.")])
    assert (found.code, found.field, found.remedy) == ("INVALID_IN_XERO", None, "IN_XERO")
    assert "on the contact's page in Xero" in found.message


def test_of_several_messages_about_a_contact_the_one_about_a_synced_field_counts() -> None:
    found = contact_failure([Said("Website must be valid."), Said("Email address must be valid.")])
    assert (found.field, found.remedy) == (SyncedField.BILLING_EMAIL, None)
    assert "Website must be valid." in found.message


@pytest.mark.parametrize(
    "said",
    [
        Said("Last name is too long."),
        Said("Mobile phone number exceeds 50 characters."),
        Said("Street address line 1 must not exceed 500 characters."),
        Said("The bank account country is not supported."),
        Said("Contact group name is invalid."),
        Said("Email address must be valid.", ("ContactPersons", 0)),
        Said("This is too long.", ("Phones", 2), "FAX"),
    ],
)
def test_what_xero_says_of_data_that_tandem_does_not_write_is_to_be_corrected_in_xero(said: Said) -> None:
    failure = contact_failure([said])
    assert (failure.code, failure.field, failure.remedy) == ("INVALID_IN_XERO", None, "IN_XERO")
    assert failure.message.startswith(f"{said.shown} ")
    inside = invoice_problem([Said(said.text, ("Contact", *said.place), said.kind)])
    assert (inside.code, inside.remedy, inside.subjects) == ("INVALID_IN_XERO", "IN_XERO", (CONTACT,))


def test_a_message_of_one_object_and_the_type_of_its_phone_are_read() -> None:
    element = {"Phones": [{"PhoneType": "MOBILE", "ValidationErrors": {"Message": "Too long."}}]}
    [said] = errors_of(element)
    assert (said.text, said.place, said.kind) == ("Too long.", ("Phones", 0), "MOBILE")
