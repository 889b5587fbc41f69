"""Official numbers: their kinds by field, country and shape, their check digits, and the personal ones that are dropped."""

from dataclasses import replace

import pytest

from domain.fields import identifiers
from domain.fields.identifiers import Identifier
from domain.fields.values import XeroNumbers
from domain.tables import IdentifierKind as Kind


def read(
    country: str | None, field: str, text: str, *, is_body: bool = True, said: str | None = None
) -> list[tuple[str, str, bool | None]]:
    numbers = replace(XeroNumbers(tax_type=said), **{field: text})
    found = identifiers.of_xero(numbers, country, lambda: is_body)
    return [(one.kind, one.value, one.valid) for one in found]


@pytest.mark.parametrize(
    ("country", "field", "text", "kind", "valid"),
    [
        ("AU", "tax", "51 824 753 556", Kind.ABN, True),
        ("AU", "tax", "ABN: 51 824 753 557", Kind.ABN, False),
        ("AU", "company", "004 085 616", Kind.ACN, True),
        ("AU", "company", "004 085 617", Kind.ACN, False),
        ("NZ", "company", "9429 0418 4823 4", Kind.NZBN, True),
        ("NZ", "company", "9429041848235", Kind.NZBN, False),
        ("NZ", "company", "1234567", Kind.NZ_COMPANY, None),
        ("NZ", "tax", "49-098-576", Kind.GST, True),
        ("NZ", "tax", "GST No. 49-098-577", Kind.GST, False),
        ("NZ", "tax", "51 824 753 556", Kind.ABN, True),
        ("GB", "company", "SC123457", Kind.UK_COMPANY, None),
        ("GB", "company", "245678", Kind.UK_COMPANY, None),
        ("GB", "tax", "980 7806 84", Kind.VAT, True),
        ("GB", "tax", "GB980780685", Kind.VAT, False),
        ("GB", "tax", "IE6388047V", Kind.VAT, True),
        ("DE", "tax", "136695976", Kind.VAT, True),
        ("GR", "tax", "EL 094259216", Kind.VAT, True),
        ("US", "tax", "91-1144442", Kind.EIN, None),
        ("SG", "tax", "201912345D", Kind.OTHER, None),
        (None, "account", "C-1001", Kind.ACCOUNT_NUMBER, None),
    ],
)
def test_field_country_and_shape_decide_the_kind(
    country: str | None, field: str, text: str, kind: Kind, valid: bool | None
) -> None:
    assert [(one[0], one[2]) for one in read(country, field, text)] == [(kind, valid)]


@pytest.mark.parametrize(
    ("country", "field", "text"),
    [
        ("AU", "tax", "123 456 782"),  # a TFN
        ("AU", "tax", "123 456 789"),  # one with a slip
        ("AU", "tax", "12345677"),
        ("AU", "company", "123 456 782"),
        ("AU", "account", "123456782"),
        ("US", "tax", "219-09-9999"),
        ("US", "tax", "219099999"),
        ("US", "tax", "912-70-1234"),
        ("US", "tax", "***-**-1234"),
        ("US", "tax", "XXX-XX-1234"),
        ("US", "company", "219-09-9999"),
        ("US", "account", "219 09 9999"),
        ("NZ", "tax", "TFN 123 456 782"),
        ("GB", "tax", "1955839661"),
        ("GB", "tax", "AB 12 34 56 C"),
        ("GB", "company", "AB123456C"),
    ],
)
def test_personal_and_masked_tax_numbers_are_dropped(country: str, field: str, text: str) -> None:
    assert read(country, field, text) == []


def test_xero_says_whether_nine_american_digits_are_a_person_s() -> None:
    assert read("US", "tax", "911144442", said="TAXNUMBERTYPE/EIN") == [(Kind.EIN, "911144442", None)]
    assert read("US", "tax", "91-1144442", said="TAXNUMBERTYPE/SSN") == []


@pytest.mark.parametrize(
    ("country", "text"), [("NZ", "49-098-576"), ("SG", "S1234567D"), ("ES", "54362315K")]
)
def test_a_tax_number_that_may_be_a_person_s_is_kept_of_organisations_only(country: str, text: str) -> None:
    assert read(country, "tax", text) != []
    assert read(country, "tax", text, is_body=False) == []
    if country == "NZ":
        assert read(country, "company", text, is_body=False) == []


def test_spellings_of_one_number_have_one_key() -> None:
    for kind, first, second in (
        (Kind.ABN, "51824753556", "51 824 753 556"),
        (Kind.GST, "49-098-576", "049098576"),
        (Kind.VAT, "GB 980 7806 84", "980780684001"),
        (Kind.VAT, "XI980780684", "GB980780684"),
        (Kind.UK_COMPANY, "00245678", "245678"),
        (Kind.EIN, "91-1144442", "911144442"),
    ):
        assert Identifier(kind, first).key == Identifier(kind, second).key is not None, (kind, first)


def test_a_wrong_number_a_placeholder_and_a_list_s_own_number_prove_nothing() -> None:
    for one in (
        Identifier(Kind.ABN, "51 824 753 557"),
        Identifier(Kind.ACN, "000 000 000"),
        Identifier(Kind.UK_COMPANY, "12345678"),
        Identifier(Kind.ACCOUNT_NUMBER, "C1001"),
        Identifier(Kind.OTHER, "HRB 1234"),
    ):
        assert one.keys == [], one


def test_a_company_is_known_by_its_acn_and_by_the_abn_that_ends_with_it() -> None:
    abn, acn = Identifier(Kind.ABN, "53 004 085 616"), Identifier(Kind.ACN, "004 085 616")
    assert abn.valid
    assert acn.valid
    assert abn.key != acn.key
    assert set(abn.keys) & set(acn.keys) == {"AU/004085616"}


def test_people_read_a_number_as_such_numbers_are_written() -> None:
    held = [
        Identifier(Kind.ABN, "51824753556"),
        Identifier(Kind.GST, "49098576"),
        Identifier(Kind.OTHER, "a 1"),
    ]
    assert identifiers.shown(held) == "ABN 51 824 753 556, GST number 49-098-576, number a 1"
