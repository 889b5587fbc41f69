from datetime import UTC, datetime, timedelta

import pytest

from domain.fields.merge import FieldStart, FieldState, Winner, merge, start
from domain.fields.synced import canonical, loaded, same, shown, stored
from domain.fields.values import PostalAddress
from domain.tables import ConflictPolicy, Side, SyncedField

NAME, PHONE, ADDRESS = SyncedField.NAME, SyncedField.PRIMARY_PHONE, SyncedField.BILLING_ADDRESS
HOME = PostalAddress(("1 Queen St",), "Auckland", postal_code="1010")


@pytest.mark.parametrize(
    ("practice", "xero", "winner", "expected"),
    [
        ("Acme ", "Acme", Winner.XERO, FieldStart("Acme ", "Acme")),
        ("Acme", None, Winner.XERO, FieldStart("Acme", "Acme")),
        (None, "Acme", Winner.PRACTICE, FieldStart("Acme", "Acme")),
        ("Acme", "ACME", Winner.XERO, FieldStart("ACME", "ACME")),
        ("Acme", "ACME", Winner.PRACTICE, FieldStart("Acme", "Acme")),
        ("Acme", "ACME", Winner.NOBODY, FieldStart("Acme", "ACME", conflict=True)),
        (None, None, Winner.NOBODY, FieldStart(None, None)),
    ],
)
def test_the_first_values_of_a_field_when_a_link_starts(
    practice: str | None, xero: str | None, winner: Winner, expected: FieldStart
) -> None:
    assert start(NAME, practice, xero, winner, "NZ") == expected


AT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("practice_is_later_by", "winner"), [(-1, Side.XERO), (0, Side.XERO), (1, Side.PRACTICE)]
)
def test_the_later_of_two_edits_wins_and_at_equal_times_xero_does(
    practice_is_later_by: int, winner: Side
) -> None:
    """Xero has one time for the whole contact: it counts for every edit up to that time."""
    state = FieldState(
        practice="Ours",
        xero="Theirs",
        base_practice="Acme",
        base_xero="Acme",
        practice_at=AT + timedelta(milliseconds=practice_is_later_by),
        xero_at=AT,
    )
    merged = merge(NAME, state, ConflictPolicy.LATEST_WINS, "NZ")
    assert merged.practice == ("Theirs" if winner is Side.XERO else "Ours")
    assert (merged.lost, merged.lost_on) == (
        ("Ours", Side.PRACTICE) if winner is Side.XERO else ("Theirs", Side.XERO)
    )


def test_merging_compares_phones_by_number_and_not_by_spelling() -> None:
    assert same(PHONE, "021 123 4567", "+64 21 1234567", "NZ")
    assert not same(PHONE, "021 123 4567", "+61 21 1234567", "NZ")


def test_an_address_is_compared_by_its_parts() -> None:
    assert same(ADDRESS, HOME, PostalAddress(("1  Queen St ",), "Auckland", postal_code="1010"), None)
    assert canonical(ADDRESS, HOME, None) != canonical(
        ADDRESS, PostalAddress(("1 Queen St", "Auckland")), None
    )


def test_an_address_is_shown_in_one_line_and_survives_storage() -> None:
    assert shown(HOME) == "1 Queen St, Auckland, 1010"
    assert loaded(ADDRESS, stored(HOME)) == HOME
