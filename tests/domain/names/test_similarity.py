from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.names.similarity import (
    LIKELY,
    SIMILAR,
    Details,
    compare,
    compare_names,
    count_users,
    keys_of,
    make_ready,
)
from domain.names.similarity.index import NameIndex
from domain.names.similarity.lists import Candidate, Lists, Outcome

# Made up for these tests; any likeness to a person or business is chance.
ALIKE = [
    ("Kowhai Joinery Ltd", "Kowhai Joinery Limited"), ("Kowhai Joinery", "Kowhai Joinery Pty Ltd"),
    ("Kowhai Joinery P/L", "KOWHAI JOINERY PTY. LTD."), ("Zebedee & Marlowe", "Zebedee and Marlowe"),
    ("Zebedee, Horatio", "Horatio Zebedee"), ("Mr Horatio Zebedee", "Horatio Zebedee"),
    ("Horatio Zebedee", "Horatio J Zebedee"), ("Robert Zebedee", "Bob Zebedee"), ("Horatio Zebedee", "Horatio Zebadee"),
    ("Dept of Quarries", "Department of Quarries"), ("Zebedee Bros Quarries", "Zebedee Brothers Quarries"),
    ("Good Will Quarries", "Goodwill Quarries"), ("Иван Зебедеев", "Ivan Zebedeev"), ("Hēmi Zebedee", "Hemi Zebedee"),
    ("A L Zebedee", "AL Zebedee"), ("Zebedee Quarry Union (ZQU)", "Zebedee Quarry Union"),
    ("Joinery Board of New South Wales", "Joinery Board of NSW"), ("Kowhai Union of South Australia", "Kowhai Union of SA"),
    ("Kowhai Joint Stock Company", "Kowhai JSC"), ("Three Quarries Ltd", "3 Quarries Ltd"),
    ("Kowhai Quarries DAC", "Kowhai Quarries Designated Activity Company"), ("ООО Зебедей", "Зебедей"), ("Zebedee Fam Tst", "Zebedee Family Trust"),
    ("Zebedee Quarries No. 2", "Zebedee Quarries II"), ("Horatio Zebedee (Deceased)", "Horatio Zebedee"),
]  # fmt: skip
UNLIKE = [
    ("Horatio Zebedee", "Cornelia Zebedee"), ("Mr H Zebedee", "Mrs C Zebedee"), ("Kowhai Joinery Ltd", "Rimu Joinery Ltd"),
    ("John Smith", "John Jones"), ("Horatio Zebedee", "Zebedee Quarries Ltd"), ("Acme Trust No 1", "Rimu Trust No 1"),
    ("Auckland Motors", "Wellington Motors"), ("P M Zebedee", "PMP"), ("Tala Lolohea", "Tavita Lolohea"),
    ("The Zebedee Family Trust", "Zebedee Builders Ltd"), ("Hemi Zebedee", "Aroha Zebedee"),
    ("Harpreet Patel", "Jaspreet Patel"), ("Min Zhou", "Ming Zhou"), ("Mark Zebedee", "Mary Zebedee"),
    ("Kowhai Union - NSW", "Kowhai Union - Western Australia"), ("Zebedee Trust No 1", "Zebedee Trust No. 2"),
    ("Zebedee Trust II", "Zebedee Trust III"), ("Lot 7 Kowhai Road", "Lot 8 Kowhai Road"), ("Mr H Zebedee", "Mrs H Zebedee"),
    ("Horatio Zebedee Snr", "Horatio Zebedee Jnr"), ("Horatio A Zebedee", "Horatio B Zebedee"),
    ("Strata Plan 48811", "Strata Plan 48118"), ("Daniel Zebedee", "Danielle Zebedee"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_spellings_of_one_name_are_similar(one: str, other: str) -> None:
    assert compare_names(one, other) >= SIMILAR


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_different_names_are_not_similar(one: str, other: str) -> None:
    assert compare_names(one, other) < LIKELY


def test_the_last_letter_of_a_short_form_may_be_a_legal_form() -> None:
    assert "*kbc" in keys_of("KBC") & keys_of("Kowhai Broadcasting Corporation")
    assert compare_names("KBC", "Kowhai Broadcasting Corporation") >= LIKELY


def test_family_names_a_letter_apart_do_not_hold_a_contact_back() -> None:
    assert compare_names("Wang Ming", "Yang Ming") < SIMILAR


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_score_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    assert 0 <= compare_names(one, other) <= 1
    assert compare_names(one, other) == compare_names(other, one)


def words(one: Details, other: Details) -> str:
    users = count_users([(one.name, one.email), (other.name, other.email)])
    return "; ".join(compare(make_ready(one, "NZ", users), make_ready(other, "NZ", users)).evidence)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("Kowhai Ltd", "Kowhai Limited", "legal form, title or short forms"),
        ("Zebedee, Horatio", "Horatio Zebedee", "another order"),
        ("Bob Zebedee", "Robert Zebedee", "Bob is short for Robert"),
        ("H Zebedee", "Horatio Zebedee", "initial H fits Horatio"),
        ("KJC", "Kowhai Joinery Collective", "KJC is the first letters of Kowhai Joinery Collective"),
        ("Horatio Zebedee", "Horatio Zebadee", "spelt alike: Zebadee, Zebedee"),
        ("Kowhai Joinery", "Kowhai Roofing", "differ: Joinery / Roofing"),
    ],
)
def test_evidence_is_in_words(one: str, other: str, said: str) -> None:
    assert said in words(Details(one), Details(other))


def test_a_different_title_outweighs_all_equal_fields() -> None:
    home = ("zebedees@example.com", "09 555 0101", "3 Kowhai Road")
    one, other = (make_ready(Details(f"{title} H Zebedee", *home)) for title in ("Mr", "Mrs"))
    found = compare(one, other)
    assert found.score < LIKELY
    assert "other title: mr / mrs" in found.evidence
    assert compare(one, make_ready(Details("H Zebedee", *home))).score >= SIMILAR


@pytest.mark.parametrize("known", ["Cornelia Marlowe", "Marlowe Baking"])
def test_a_contact_with_two_names_is_known_by_either(known: str) -> None:
    both = make_ready(Details("Cornelia Marlowe t/a Marlowe Baking"))
    assert compare(both, make_ready(Details(known))).score >= SIMILAR
    assert compare(make_ready(Details(known)), both).score >= SIMILAR


def test_phones_are_compared_as_dialled_from_the_country() -> None:
    one, other = Details("Kowhai", phone="(04) 123 4567"), Details("Kowhai Ltd", phone="+64 4 123 4567")
    assert "same phone" in words(one, other)


def share(one: Details, other: Details, others: list[Details]) -> float:
    users = count_users((details.name, details.email) for details in (one, other, *others))
    return compare(make_ready(one, "NZ", users), make_ready(other, "NZ", users)).score


def test_an_equal_email_counts_less_the_more_names_use_it() -> None:
    one, other = Details("Kowhai", "a@x.example"), Details("Kowhai Roofing", "a@x.example")
    many = [
        Details(f"{name} Quarries", "a@x.example") for name in ("Rimu", "Totara", "Matai", "Kauri", "Rata")
    ]
    assert count_users((d.name, d.email) for d in (one, other, *many))["a@x.example"] >= 6
    assert share(one, other, many) <= share(one, other, [])


def test_businesses_of_one_brand_with_nothing_else_in_common_do_not_hold_a_contact_back() -> None:
    one = Details("Copper Kettle Joinery Ltd", "info@copperkettle.example.nz", "09 555 0101")
    other = Details("Zebedee Copper Kettle Joinery Ltd", "office@zebedee.example.com", "03 555 0199")
    assert compare_names(one.name, other.name) >= SIMILAR
    assert share(one, other, []) < SIMILAR


def test_without_a_shared_field_the_names_alone_must_be_similar() -> None:
    one, other = (
        Details("Mark Zebedee", address="12 Quarry Road"),
        Details("Mary Zebedee", phone="03 555 0199"),
    )
    assert share(one, other, []) <= compare_names(one.name, other.name)
    alike = (
        Details("Kowhai Joinery Ltd", address="12 Quarry Road"),
        Details("Kowhai Joinery Limited", phone="03 555 0199"),
    )
    assert share(*alike, []) >= SIMILAR


def test_a_family_on_one_email_stays_apart() -> None:
    one, other = Details("Horatio Zebedee", "z@x.example"), Details("Cornelia Zebedee", "z@x.example")
    assert share(one, other, []) < SIMILAR


def test_spellings_of_one_name_count_as_one_user_of_an_email() -> None:
    assert count_users([("Horatio Zebedee", "Z@x.example"), ("horatio zebedee ", "z@X.example")]) == {
        "z@x.example": 1
    }


def test_keys_are_shared_across_word_order_legal_form_and_acronym() -> None:
    assert keys_of("Zebedee, Horatio") & keys_of("Horatio Zebedee")
    assert keys_of("Kowhai Joinery Ltd") & keys_of("Kowhai Joinery")
    assert keys_of("AKJW") & keys_of("Amalgamated Kowhai Joinery Workers")
    assert not keys_of("Kowhai Joinery") & keys_of("Rimu Roofing")


def test_the_index_finds_the_most_similar_names_first() -> None:
    index = NameIndex(["Rimu Roofing", "Kowhai Joinery Ltd", "Kowhai Roofing", ""])
    assert index.find("Kowhai Joinery")[0] == 1
    assert index.find("") == []


def outcomes(
    xero: list[Details], practice: list[Details], everyone: bool = False
) -> list[tuple[int, int, Outcome]]:
    found: list[Candidate] = [c for some in Lists(xero, practice, "NZ").candidates(everyone) for c in some]
    return [(c.xero, c.practice, c.outcome) for c in found]


def test_the_matching_rule_comes_before_the_score() -> None:
    xero = [Details("Kowhai", "k@x.example"), Details("Rimu", "r@x.example"), Details("Totara Roofing")]
    practice = [
        Details(" KOWHAI", "K@x.example"),
        Details("Rimu", "other@x.example"),
        Details("Totara Roofing Ltd"),
    ]
    assert outcomes(xero, practice) == [
        (0, 0, Outcome.FULL_MATCH), (1, 1, Outcome.CONFLICT), (2, 2, Outcome.SIMILAR),
    ]  # fmt: skip


def test_a_full_match_is_the_only_one_on_both_sides() -> None:
    same = Details("Kowhai", "k@x.example")
    assert outcomes([same], [same, same]) == [(0, 0, Outcome.CONFLICT), (0, 1, Outcome.CONFLICT)]
    assert outcomes([same, same], [same]) == [(0, 0, Outcome.CONFLICT), (1, 0, Outcome.CONFLICT)]


def test_a_blank_name_or_email_equals_no_other() -> None:
    assert outcomes([Details("", "")], [Details("", "")], everyone=True) == []


def test_pairs_below_the_threshold_are_listed_only_on_request() -> None:
    lists = [Details("Kowhai Joinery")], [Details("Kowhai Roofing")]
    assert outcomes(*lists) == []
    assert outcomes(*lists, everyone=True) == [(0, 0, Outcome.CANDIDATE)]


def test_an_equal_official_number_counts_as_a_field_and_another_one_is_never_sure() -> None:
    home = ("k@x.example", "09 555 0101")

    def sure(
        one: str, other: str, number: str = "", other_number: str = "", shared: tuple[str, ...] = ()
    ) -> bool:
        numbers = [(f"ABN/{text}",) if text else () for text in (number, other_number)]
        found = [
            make_ready(Details(name, *shared, identifiers=held), "AU")
            for name, held in zip((one, other), numbers, strict=True)
        ]
        return compare(*found).sure

    a, b = "51824753556", "53004085616"
    assert sure("Kowhai Joinery Ltd", "Kowhai Joinery Limited", a, a)
    assert sure("Bob Zebedee", "Robert Zebedee", a, a, home[:1])
    assert not sure("Bob Zebedee", "Robert Zebedee", a, a)
    assert not sure("Kowhai Joinery Ltd", "Rimu Kitchens Ltd", a, a, home)
    assert not sure("Kowhai Family Trust", "Kowhai Pty Ltd", a, a, home)
    assert sure("Kowhai Joinery Ltd", "Kowhai Joinery Limited", shared=home)
    assert not sure("Kowhai Joinery Ltd", "Kowhai Joinery Limited", a, b, home)


def test_all_parameters_take_less_than_a_megabyte() -> None:
    folder = resources.files("domain.names") / "parameters"
    assert sum(len(file.read_bytes()) for file in folder.iterdir()) < 1_000_000
