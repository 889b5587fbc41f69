"""Accuracy by origin of names: nobody's name is less well known than another's."""

import pytest

from domain.names.classification import classify
from tests.domain.names.name_origins import FAMILY, FLOOR, GIVEN, ORGANISATIONS, people


@pytest.mark.parametrize("origin", GIVEN)
def test_names_of_people_of_every_origin_are_classified_as_people(origin: str) -> None:
    names = list(people(origin))
    wrong = [name for name in names if classify(name).kind != "PERSON"]
    assert len(names) > 100
    assert len(wrong) <= (1 - FLOOR) * len(names), wrong


@pytest.mark.parametrize("origin", GIVEN)
def test_a_family_name_in_capitals_before_the_given_name_is_a_persons(origin: str) -> None:
    """Ledgers write 'ZEBEDEE Horatio' with and without the comma."""
    given, family = ([word.replace("_", " ") for word in lists[origin].split()] for lists in (GIVEN, FAMILY))
    names = [f"{last.upper()} {first}" for at, first in enumerate(given) for last in family[at % 4 :: 4]]
    wrong = [name for name in names if classify(name).kind != "PERSON"]
    assert len(wrong) <= (1 - FLOOR) * len(names), wrong


@pytest.mark.parametrize(
    "name", ["KIWI Motors", "ZEBRA Holdings", "RIMU Dental", "ACME Limited", "NIKAU Homes", "TOTARA Trust"]
)
def test_capitals_before_a_plain_word_are_no_family_name(name: str) -> None:
    assert classify(name).kind == "ORGANISATION"


@pytest.mark.parametrize("name", ORGANISATIONS)
def test_bodies_and_businesses_with_such_words_stay_organisations(name: str) -> None:
    assert classify(name).kind == "ORGANISATION"


@pytest.mark.parametrize(
    "name", ["Te Uenuku Tamati", "Te Rongopai Manihera", "Hone Te Wiata", "TE AMO, Pania", "Te Ahu Rangiaho"]
)
def test_te_begins_peoples_names_too(name: str) -> None:
    found = classify(name)
    assert found.kind == "PERSON" or found.needs_review


@pytest.mark.parametrize(
    "names",
    [
        ("A V Kow", "B V Kow"),
        ("A Zebedee", "Z Zebedee"),
        ("John Y Zebedee", "John T Zebedee"),
        ("a v kow", "b v kow"),
        ("Mr E Kow", "Mr K Kow"),
    ],
)
def test_no_letter_is_read_as_a_word_where_it_is_an_initial(names: tuple[str, str]) -> None:
    one, other = map(classify, names)
    assert (one.kind, one.confidence) == (other.kind, other.confidence)


@pytest.mark.parametrize(
    "name",
    [
        "TR Johnson",
        "John Y Smith",
        "Et Tan",
        "Me Nguyen",
        "Peter Brown 10103",
        "John Smith Senior",
        "JK Patel",
        "Peter Brown 2",
    ],
)
def test_initials_short_names_and_numbers_do_not_make_a_person_a_business(name: str) -> None:
    assert classify(name).kind == "PERSON"


@pytest.mark.parametrize(
    "name",
    ["Les & Carol Prince", "Al & Peggy Bundy", "Ann & Bob Church", "Van & Del Baker", "Rose & Grace Glass"],
)
def test_couples_of_odd_names_are_for_review(name: str) -> None:
    found = classify(name)
    assert (found.kind, found.confidence, found.needs_review) == ("ORGANISATION", 0.7, True)


@pytest.mark.parametrize(
    "name", ["Mama Rosa", "Papa Luigi", "Uncle Lim", "Nonna Maria", "Chef Wong", "Casa Lupita"]
)
def test_restaurants_named_like_people_get_review(name: str) -> None:
    found = classify(name)
    assert found.needs_review or found.kind == "ORGANISATION"
