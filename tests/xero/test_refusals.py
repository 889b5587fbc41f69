"""Xero's refusals: each message of each level is read with its place, and gets a code and a remedy."""

import re
from typing import Any

import httpx
import pytest

from api.schema.sync_problems import Remedy, SyncFailureCode
from tests.xero.make import answer, bench, contact, creations, invoice, new_invoice
from xero.errors import Rejected
from xero.invoices import InvoiceCreations
from xero.messages import Said, errors_of, warnings_of
from xero.refusals import RULES, UNKNOWN, advised, member_of, rule_of

MET = [(rule, sentence, address) for rule in RULES for sentence, address in rule.met]


def test_the_table_holds_at_least_80_messages_with_their_sources() -> None:
    """Issue 18, 11: at least 60 sentences with their threads, at least 50 of them with a code of their own."""
    sentences = {sentence for _, sentence, _ in MET}
    sorted_out = {sentence for rule, sentence, _ in MET if rule.code != "INVALID_IN_XERO"}
    assert len(sentences) >= 80
    assert len(sorted_out) >= 50
    assert all(re.match(r"https?://\S+$", address) for _, _, address in MET)


@pytest.mark.parametrize(("rule", "sentence", "address"), MET, ids=lambda value: str(value)[:40])
def test_each_message_is_classified_by_its_own_rule(rule: Any, sentence: str, address: str) -> None:
    assert rule_of(Said(sentence)) is rule


def test_codes_and_remedies_exist_in_the_schema() -> None:
    for rule in (*RULES, UNKNOWN):
        assert rule.code in SyncFailureCode.__members__
        assert rule.remedy in Remedy.__members__
        assert rule.advice or rule.remedy != "IN_XERO" or rule.code != "INVALID_IN_XERO"


@pytest.mark.parametrize(
    ("text", "code", "remedy"),
    [
        ("Account must be valid.", "ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING"),
        ("Tax rate must be valid.", "TAX_RATE_UNAVAILABLE", "SET_TAX_MAPPING"),
        # A name in a message is no word of the message.
        ("The contact Tax Account Ltd has possibly been merged (or archived).", "ARCHIVED_IN_XERO", "WAIT"),
        ("The contact name Email Account Ltd is already assigned to another contact.", "NAME_TAKEN_IN_XERO", "UPDATE_CONTACT"),
        ("Description must be at least 1 character long.", "INVALID_IN_XERO", "UPDATE_INVOICE"),
        ("The Reference field must not exceed 255 characters.", "VALUE_TOO_LONG", "UPDATE_INVOICE"),
        ("The flux capacitor is missing.", "INVALID_IN_XERO", "IN_XERO"),
        ("AccountCode must be specified.", "ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING"),
        ("The AccountID is not valid.", "ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING"),
        ("System accounts cannot be used on invoices.", "ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING"),
        ("A bank account cannot be used for a line item.", "ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING"),
        ("Account Number must be valid.", "INVALID_IN_XERO", "IN_XERO"),
        ("Tax must be valid.", "TAX_RATE_UNAVAILABLE", "SET_TAX_MAPPING"),
        ("The GST rate must be valid.", "TAX_RATE_UNAVAILABLE", "SET_TAX_MAPPING"),
        ("Tax Number must be valid.", "INVALID_IN_XERO", "IN_XERO"),
        ("Duplicate invoice number.", "INVOICE_NUMBER_TAKEN", "VOID_INVOICE"),
        ("An invoice with this number already exists.", "INVOICE_NUMBER_TAKEN", "VOID_INVOICE"),
        ("A contact with this name already exists.", "NAME_TAKEN_IN_XERO", "UPDATE_CONTACT"),
        ("Another contact exists with the name 'Tax Account'.", "NAME_TAKEN_IN_XERO", "UPDATE_CONTACT"),
        ("Contact is inactive.", "ARCHIVED_IN_XERO", "WAIT"),
        ("ContactNumber must be unique.", "INVALID_IN_XERO", "IN_XERO"),
        ("The financial year is locked.", "PERIOD_LOCKED", "IN_XERO"),
        ("Credit notes have been allocated to this invoice.", "HAS_PAYMENTS", "IN_XERO"),
        ("The Name field is limited to 255 characters.", "VALUE_TOO_LONG", "UPDATE_INVOICE"),
        ("Description cannot be longer than 4000.", "VALUE_TOO_LONG", "UPDATE_INVOICE"),
        ("The service is busy. Try again shortly.", "XERO_UNAVAILABLE", "WAIT"),
        ("ContactID does not exist.", "INVALID_IN_XERO", "PUSH_TO_XERO"),
    ],
)  # fmt: skip
def test_small_variations_of_a_message_have_the_same_code(text: str, code: str, remedy: str) -> None:
    rule = rule_of(Said(text))
    assert (rule.code, rule.remedy) == (code, remedy)


def test_an_unknown_message_is_about_the_line_that_holds_it() -> None:
    assert rule_of(Said("This cannot be.", ("LineItems", 2))).remedy == "UPDATE_INVOICE"


@pytest.mark.parametrize(
    ("said", "member"),
    [
        (Said("Email address must be valid."), "EmailAddress"),
        (Said("Contact Name cannot be empty."), "Name"),
        (Said("The AddressLine1 field must not exceed 500 characters."), "Addresses"),
        (Said("This is too long.", ("Phones", 1)), "Phones"),
        (Said("Website must be valid."), ""),
        (Said("The Account Number already exists. Please enter a different Account Number."), ""),
        (Said("You can only have a maximum of 5 contact persons."), ""),
        (Said("First Name must be less than 255 characters."), ""),
        (Said("Skype user name is not valid."), ""),
        (Said("Tax number must be valid for the region."), ""),
        (Said("Postcode is too long."), "Addresses"),
        (Said("This is too long.", ("Phones", 1), "DEFAULT"), "Phones"),
        (Said("This is too long.", ("Phones", 1), "MOBILE"), ""),
        (Said("City is too long.", ("Contact", "Addresses", 0), "STREET"), ""),
        (Said("Email address must be valid.", ("ContactPersons", 0)), ""),
    ],
)
def test_a_message_about_a_contact_names_the_member(said: Said, member: str) -> None:
    assert member_of(said) == member


def test_a_message_with_the_remedy_in_xero_says_what_to_do_there() -> None:
    said = Said("Website must be valid.")
    text = advised(said, rule_of(said))
    assert text.startswith(
        "Website must be valid. Correct or clear the website on the contact's page in Xero"
    )
    assert text.endswith("once a day.")


def message(text: str) -> dict[str, Any]:
    return {"ValidationErrors": [{"Message": text}]}


def test_errors_of_all_levels_are_collected_with_their_place() -> None:
    element = {
        "LineItems": [{}, {**message("Account must be valid."), "Tracking": [message("Not active.")]}],
        "Contact": {
            **message("Email address must be valid."),
            "Addresses": [message("Too long.")],
            "Phones": [{"ValidationErrors": []}, message("Wrong.")],
            "ContactPersons": [message("No such person.")],
        },
        **message("Invoice # must be unique."),
    }
    assert [(one.place, one.shown) for one in errors_of(element)] == [
        ((), "Invoice # must be unique."),
        (("LineItems", 1), "Line 2: Account must be valid."),
        (("LineItems", 1, "Tracking", 0), "Line 2, Tracking 1: Not active."),
        (("Contact",), "Contact: Email address must be valid."),
        (("Contact", "Addresses", 0), "Contact, address 1: Too long."),
        (("Contact", "Phones", 1), "Contact, phone 2: Wrong."),
        (("Contact", "ContactPersons", 0), "Contact, contact person 1: No such person."),
    ]


def test_a_message_that_xero_repeats_on_a_higher_level_is_given_once() -> None:
    found = errors_of({**message("Contact cannot be empty."), "Contact": message("Contact cannot be empty.")})
    assert found == (Said("Contact cannot be empty.", ("Contact",)),)


@pytest.mark.parametrize(
    "odd", [None, 5, "text", {"ValidationErrors": "x"}, {"ValidationErrors": [None, {}, 3]}]
)
def test_an_element_of_an_unknown_form_has_no_messages(odd: object) -> None:
    assert (errors_of(odd), warnings_of(odd)) == ((), ())


async def test_an_error_in_its_contact_alone_refuses_an_invoice() -> None:
    nested = {"ContactID": str(contact("Ada")["ContactID"]), **message("Email address must be valid.")}
    made = bench(answer("Invoices", invoice("nested", Contact=nested), invoice("good")))
    written = await made.client.create_invoices(InvoiceCreations.of([new_invoice()]), "key")
    assert [one.saved for one in written.items] == [False, True]
    assert written.items[0].errors == (Said("Email address must be valid.", ("Contact",)),)


async def test_an_error_in_a_phone_alone_refuses_a_contact() -> None:
    phones = [{"PhoneType": "DEFAULT", **message("The phone number is too long.")}]
    made = bench(answer("Contacts", contact("nested", Phones=phones)))
    [written] = (await made.client.create_contacts(creations(), "key")).items
    assert not written.saved
    assert written.messages == ("Phone 1: The phone number is too long.",)


async def test_warnings_of_a_write_that_was_accepted_are_kept() -> None:
    warned = invoice("warned", StatusAttributeString="WARNING", Warnings=[{"Message": "The rate is odd."}])
    made = bench(answer("Invoices", warned))
    [written] = (await made.client.create_invoices(InvoiceCreations.of([new_invoice()]), "key")).items
    assert (written.saved, written.warnings) == (True, (Said("The rate is odd."),))


async def test_a_request_that_is_refused_whole_names_the_errors_of_all_levels() -> None:
    body = {"ErrorNumber": 10, "Message": "A validation exception occurred",
            "Elements": [{"LineItems": [message("Tax rate must be valid.")]}]}  # fmt: skip
    made = bench(httpx.Response(400, json=body))
    with pytest.raises(Rejected) as refused:
        await made.client.create_invoices(InvoiceCreations.of([new_invoice()]), "key")
    assert refused.value.said == (Said("Tax rate must be valid.", ("LineItems", 0)),)
