"""Defects of comparisons, each as a class. Names made up for these tests."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.names.similarity import (
    LIKELY,
    SIMILAR,
    Details,
    compare,
    compare_names,
    find_alike,
    keys_of,
    make_ready,
)
from domain.names.similarity.contacts import Ready, contact_keys
from domain.names.similarity.lists import Lists, Outcome
from domain.names.text_keys import name_key
from xero.simulator.practices import lifelike_practice

PARTS = (
    "Kowhai Rimu Joinery Roofing Ltd Limited Pty Trust Family Fund Mike Michael Bob Robert Jones Johns Ann Anne Lee Leigh & and of the "
    "Bank New Zealand BNZ NZ Mr Mrs J K 2 Two No t/a (Deceased) Estate Smith Smyth Whānau o Те"
).split()
NAMES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map(" ".join)
CONTACTS = st.builds(
    Details,
    NAMES,
    st.sampled_from((None, "a@x.example", "ab@x.example", "b@y.example", "a@x.example; b@y.example")),
    st.sampled_from((None, "09 555 0101", "+64 9 555 0101", "09 555 0199", "0800 KAURI")),
    st.sampled_from((None, "3 Kowhai Road", "3 Kowhai Rd", "4 Kowhai Road")),
    st.sampled_from((None, "Hamilton", "Napier")),
    st.none(),
    st.sampled_from((None, "3204", "4110")),
)


def ready(*details: Details) -> list[Ready]:
    return [make_ready(one, "NZ", {"a@x.example": 2}) for one in details]


@given(CONTACTS, CONTACTS)
@settings(max_examples=300)
def test_a_score_is_the_same_in_both_directions(one: Details, other: Details) -> None:
    a, b = ready(one, other)
    assert compare(a, b).score == compare(b, a).score
    assert compare_names(one.name, other.name) == compare_names(other.name, one.name)


@given(CONTACTS, st.lists(CONTACTS, max_size=6), st.sampled_from((LIKELY, SIMILAR)))
@settings(max_examples=200)
def test_the_short_cuts_of_the_search_change_no_result(
    one: Details, others: list[Details], least: float
) -> None:
    asked, *known = ready(one, *others)
    whole = {at: compare(asked, other).score for at, other in enumerate(known)}
    found = find_alike(asked, dict(enumerate(known)), least)
    assert found == {at: score for at, score in whole.items() if score >= least}


def test_the_fast_search_and_the_full_comparison_find_the_same_pairs() -> None:
    practice = lifelike_practice(11, 150)
    xero, known = ([Details(*vars_of(one)) for one in side] for side in (practice.xero, practice.practice))
    lists = Lists(xero, known, "NZ")
    plain, every = (
        {
            (one.xero, one.practice): one.score
            for some in lists.candidates(everyone)
            for one in some
            if one.outcome is Outcome.SIMILAR
        }
        for everyone in (False, True)
    )
    assert plain == every
    assert len(plain) > 4


def vars_of(one: object) -> list[str]:
    return [
        getattr(one, field) for field in ("name", "email", "phone", "address", "city", "region", "postcode")
    ]


def test_a_pair_that_shares_a_place_is_compared_whole() -> None:
    xero, practice = (
        Details(name, city="Hamilton", postcode="3204") for name in ("Theo Wheti", "Theo White")
    )
    [[found]] = Lists(
        [xero],
        [practice, *(Details(f"{a} White") for a in ("Ann", "Bob", "Cy", "Dan", "Eve", "Flo", "Gus"))][:1],
    ).candidates()
    assert found.outcome is Outcome.SIMILAR


@pytest.mark.parametrize(
    ("letters", "name"),
    [
        ("BNZ", "Bank of New Zealand"), ("ANZ", "Australia and New Zealand Banking Group Ltd"), ("NZQA", "New Zealand Qualifications Authority"),
        ("NZQA", "NZ Qualifications Authority"), ("HMRC", "HM Revenue and Customs"),
        ("RSPCA", "Royal Society for the Prevention of Cruelty to Animals"), ("KBC", "Kowhai Broadcasting Corporation"),
        ("AKJW", "Amalgamated Kowhai Joinery Workers"), ("NSWTF", "New South Wales Teachers Federation"),
        ("DOC", "Department of Conservation"), ("UoA", "University of Auckland"), ("MoE", "Ministry of Education"),
    ],
)  # fmt: skip
def test_acronyms_meet_across_words_that_are_respelt(letters: str, name: str) -> None:
    assert f"*{letters.lower()}" in keys_of(name) & keys_of(letters)
    assert compare_names(letters, name) >= (LIKELY if len(letters) == 3 else SIMILAR)


@pytest.mark.parametrize(
    ("letters", "name"),
    [("PMZ", "Peter Michael Zebedee"), ("SMS", "Sina Mele Sapolu"), ("HAO", "Huda Aisha Osman")],
)
def test_the_initials_of_a_person_are_no_acronym(letters: str, name: str) -> None:
    assert compare_names(letters, name) < LIKELY


def scored(one: Details, other: Details) -> float:
    return compare(*ready(one, other)).score


@pytest.mark.parametrize("phone", ["1800 WESTMR", "13 CATS", "555", "n/a", "ask Ann", "0800 KAURI 2"])
def test_a_phone_that_says_nothing_has_no_effect(phone: str) -> None:
    one, other = (
        Details("Kowhai Joinery", "a@k.example", "09 555 0101"),
        Details("Kowhai Joinery Ltd", "a@k.example"),
    )
    without = scored(one, other)
    assert scored(one, Details(other.name, other.email, phone)) == without
    assert "other phone" not in compare(*ready(one, Details(other.name, other.email, phone))).evidence


@pytest.mark.parametrize(
    "phone", ["Ph: 09 555 0101", "09 555 0101 ext 7", "m 09 5550101", "Tel. +64 9 555 0101"]
)
def test_words_around_a_phone_do_not_count(phone: str) -> None:
    one, other = Details("Kowhai", phone="09 555 0101"), Details("Kowhai Ltd", phone=phone)
    assert "same phone" in compare(*ready(one, other)).evidence


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Caf&eacute; Kowhai", "Café Kowhai"), ("Zebedee &amp;amp; Marlowe", "Zebedee & Marlowe"), ("O&#39;Orr Ltd", "O'Orr Ltd"),
        ("10103 Peter Zebedee", "Peter Zebedee"), ("zzz Old - Kowhai Ltd", "Kowhai Ltd"), ("KOW001 Kowhai Joinery Ltd", "Kowhai Joinery Ltd"),
        ("Studio Eleven Ltd", "Studio 11 Ltd"), ("Five Star Twenty Four Ltd", "Five Star 24 Ltd"), ("7 Eleven Kowhai", "Seven Eleven Kowhai"),
        ("Zebedee Trust One", "Zebedee Trust No. 1"), ("Kowhai Ltd 12/03/2024", "Kowhai Ltd 01/04/2024"), ("Zebedee Rent March 2024", "Zebedee Rent April 2024"),
        ("One Hundred Acres Farm", "100 Acres Farm"), ("Horatio Zebedee Senior", "Horatio Zebedee Snr"),
        ("Twenty First Kowhai Motors", "21st Kowhai Motors"), ("Kowhai Trust No. Two", "Kowhai Trust No 2"),
        ("Kowhai Ltd - inv 4431", "Kowhai Ltd - inv 4432"), ("Kowhai Ltd invoice no. 4431", "Kowhai Ltd"), ("10103/Peter Zebedee", "Peter Zebedee"),
    ],
)  # fmt: skip
def test_two_ways_of_writing_one_name_are_similar(one: str, other: str) -> None:
    assert compare_names(one, other) >= SIMILAR


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1042 Kowhai Road Ltd", "1044 Kowhai Road Ltd"),
        ("104/42 Kowhai Road Ltd", "104/44 Kowhai Road Ltd"),
        ("Kowhai Trust No One", "Kowhai Trust No. Two"),
        ("Studio Eleven Ltd", "Studio 12 Ltd"),
        ("Horatio Zebedee Senior", "Horatio Zebedee Junior"),
    ],
)
def test_different_numbers_and_ages_keep_names_below_likely(one: str, other: str) -> None:
    assert compare_names(one, other) < LIKELY


@pytest.mark.parametrize("sign", "’‘ʼʻ`´′＇")
def test_every_apostrophe_is_one_sign_in_the_rules_key(sign: str) -> None:
    assert name_key(f"O{sign}Brien Ltd") == "o'brien ltd"


@pytest.mark.parametrize("sign", "‐‑‒–—−－")
def test_every_dash_is_one_sign_in_the_rules_key(sign: str) -> None:
    assert name_key(f"Kowhai {sign} Rimu") == "kowhai - rimu"


def test_evidence_says_same_name_only_where_the_rule_does() -> None:
    for one, other in (
        ("Māori Ltd", "Maori Ltd"),
        ("Caf&eacute; Kowhai", "Café Kowhai"),
        ("Kowhai Ltd", "Kowhai Limited"),
    ):
        said = compare(*ready(Details(one), Details(other))).evidence
        assert not any(text.startswith("same name") for text in said), said
    assert "same name" in compare(*ready(Details("O’Orr"), Details("o'orr"))).evidence


def test_evidence_quotes_the_original_words() -> None:
    said = "; ".join(compare(*ready(Details("Dept of Quarries"), Details("Dept of Mines"))).evidence)
    assert "same words: Dept" in said
    assert "differ: Quarries / Mines" in said


def test_one_of_several_addresses_is_enough() -> None:
    one, other = ready(
        Details("Kowhai", "a@k.example; b@k.example"), Details("Kowhai Joinery", "a@k.example")
    )
    assert "same email" in "; ".join(compare(one, other).evidence)
    assert contact_keys(one) & contact_keys(other)


def test_a_lifelike_practice_comes_from_its_seed_alone() -> None:
    assert lifelike_practice(3, 50) == lifelike_practice(3, 50) != lifelike_practice(4, 50)
    assert random.Random(3).random() == random.Random(3).random()
