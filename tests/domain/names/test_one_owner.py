"""Entities of one owner stay apart, whatever email, phone and address they share. Names made up for these tests."""

from itertools import combinations

import pytest

from domain.names.similarity import LIKELY, SIMILAR, Details, compare, count_users, make_ready
from domain.names.similarity.names import prepare
from xero.simulator.practices import Record, invented_groups

HOME = ("zebedees@example.com", "09 555 0101", "3 Kowhai Road", "Napier", None, "4110")


def score(one: str, other: str, shared: tuple[str | None, ...] = HOME) -> float:
    users = count_users((name, email) for name in (one, other) for email in shared[:1])
    found = [make_ready(Details(name, *shared), "NZ", users) for name in (one, other)]
    return compare(*found).score


OF_ONE_OWNER = [
    ("Zebedee Family Trust", "Zebedee Superannuation Fund"), ("Marlowe Investments Ltd", "Marlowe Properties Ltd"),
    ("Orr Plumbing Pty Ltd", "Orr Plumbing Unit Trust"), ("Cornelia Zebedee", "Estate of Cornelia Zebedee"),
    ("Peter & Anne Marlowe", "Peter Marlowe"), ("P & A Marlowe", "Marlowe Family Trust"), ("Peter Marlowe", "Peter Marlowe Ltd"),
    ("Marlowe Family Trust", "Marlowe Family Trust No 2"), ("Peter Marlowe Family Trust", "Anne Marlowe Family Trust"),
    ("Zebedee Ltd", "Zebedee Holdings Ltd"), ("Zebedee SMSF", "Zebedee Unit Trust"), ("Zebedee Joinery Limited", "Zebedee Roofing Limited"),
    ("Orr Pty Ltd ATF Orr Family Trust", "Orr Pty Ltd"), ("Peter Marlowe", "Anne Marlowe"), ("Zebedee Partnership", "Zebedee Ltd"),
    ("Zebedee Partners LP", "Zebedee Partners GP Ltd"), ("Zebedee Ltd", "Zebedee Group Holdings Ltd"), ("Li Wei", "Li Na"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), OF_ONE_OWNER)
def test_entities_of_one_owner_stay_apart(one: str, other: str) -> None:
    assert score(one, other) < LIKELY


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Trustee for the Zebedee Family Trust", "Zebedee Family Trust"),
        ("Trustees of the Marlowe Trust", "Marlowe Trust"),
        ("Zebedee Super Fund", "Zebedee Superannuation Fund"),
        ("Zebedee Joinery Ltd", "Zebedee Joinery"),
        ("Orr Pty Ltd as trustee for the Orr Family Trust", "Orr Family Trust"),
    ],
)
def test_one_entity_under_two_spellings_stays_one(one: str, other: str) -> None:
    assert score(one, other) >= SIMILAR
    assert score(one, other, ()) >= SIMILAR


def test_no_two_entities_of_three_hundred_invented_groups_are_likely_one() -> None:
    found = []
    for group in invented_groups(seed=4):
        users = count_users((one.name, one.email) for one in group)
        ready = [make_ready(of_record(one), "NZ", users) for one in group]
        found += [
            (a.name.text, b.name.text) for a, b in combinations(ready, 2) if compare(a, b).score >= LIKELY
        ]
    assert found == []


def of_record(one: Record) -> Details:
    return Details(one.name, one.email, one.phone, one.address, one.city, one.region, one.postcode)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sandy Sanders", "Andy Anderson"),
        ("Cornelia Zebedee", "Rimu Quarries Ltd"),
        ("Kowhai Joinery", "Horatio Marlowe"),
    ],
)
def test_a_shared_mailbox_does_not_join_names_that_differ(one: str, other: str) -> None:
    assert score(one, other, ("office@books.example",)) < LIKELY


@pytest.mark.parametrize(
    "given", ["Cornelia", "Gurdeep", "Mele", "Aroha", "Xiaoming", "Viliami", "Padmini", "Huda"]
)
def test_a_person_with_another_family_name_stays_visible_and_never_sure(given: str) -> None:
    for shared in (HOME, ("c@x.example", "09 555 0101"), ("c@x.example", None, "3 Kowhai Road")):
        users = count_users([(f"{given} Zebedee", shared[0]), (f"{given} Marlowe", shared[0])])
        one, other = (
            make_ready(Details(f"{given} {name}", *shared), "NZ", users) for name in ("Zebedee", "Marlowe")
        )
        found = compare(one, other)
        assert 0.6 <= found.score <= SIMILAR
        assert not found.sure
        assert "family name may have changed" in found.evidence
    assert score(f"{given} Zebedee", f"{given} Marlowe", ("c@x.example",)) < SIMILAR


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kiri Te Amo", "Kiri Zebedee"), ("Ana de la Cruz", "Ana Marlowe"), ("Fatima Al-Farsi", "Fatima Zebedee"),
        ("Jane Zebedee", "Jane Zebedee-Marlowe"), ("ZEBEDEE, Huda", "Marlowe, Huda"),
    ],
)  # fmt: skip
def test_a_family_name_of_several_words_may_have_changed_too(one: str, other: str) -> None:
    users = count_users([(one, HOME[0]), (other, HOME[0])])
    found = compare(*(make_ready(Details(name, *HOME), "NZ", users) for name in (one, other)))
    assert 0.6 <= found.score <= SIMILAR
    assert not found.sure
    assert "family name may have changed" in found.evidence


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A Zebedee", "Amelia Zebedee"), ("Sandy Marlowe", "Sandra Marlowe"), ("J & K Orr", "John & Kate Orr"), ("W Parata", "Wiremu Parata"),
        ("Viliami Latu", "V Latu"), ("Orr, B", "Bob Orr"), ("Benji Marlowe", "Benjamin Marlowe"),
    ],
)  # fmt: skip
def test_initials_and_short_names_with_two_equal_fields_are_for_a_person(one: str, other: str) -> None:
    for shared in (HOME, ("", *HOME[1:]), (*HOME[:2],)):
        assert score(one, other, shared) >= SIMILAR


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Min Zhou", "Ming Zhou"),
        ("Wang Fang", "Wong Fan"),
        ("Yang Lei", "Wang Lei"),
        ("Mark Orr", "Marc Orr"),
    ],
)
def test_two_names_a_letter_apart_are_never_sure_by_a_mailbox(one: str, other: str) -> None:
    found = compare(*(make_ready(Details(name, "office@x.example"), "NZ") for name in (one, other)))
    assert not found.sure
    mistyped = (
        make_ready(Details(name, "office@x.example"), "NZ") for name in ("Horatio Zebedee", "Horatio Zebadee")
    )
    assert compare(*mistyped).sure


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("Zebedee Family Trust", {"trust"}), ("Zebedee Super Fund", {"fund"}), ("Estate of Ann Lee", {"estate"}), ("Lee Ltd", {"company"}),
        ("Lee Trust Inc", {"trust", "company"}), ("Ann Lee", {"person"}), ("Lee, Ann", {"person"}), ("Ann & Bob Lee", {"couple"}),
        ("Lee & Orr", set()), ("Kowhai Joinery", set()), ("Blue Estate Agents", set()), ("Lee Pty Ltd ATF Lee Trust", {"trust"}),
        ("John Y Lee", {"person"}), ("Ann Lee Plumbing", set()),
    ],
)  # fmt: skip
def test_a_name_says_the_kind_of_its_entity(name: str, kinds: set[str]) -> None:
    assert prepare(name).kinds == kinds


def test_the_order_of_entities_does_not_matter() -> None:
    for names in OF_ONE_OWNER:
        assert score(names[0], names[1]) == score(names[1], names[0])
