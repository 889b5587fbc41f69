from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from api.schema.scalars import parse_date, parse_decimal, parse_instant, print_decimal, print_instant


def test_a_scalar_that_is_written_can_be_read_again() -> None:
    moment = datetime(2026, 11, 23, 17, 8, 38, 123456, tzinfo=UTC)
    assert print_instant(moment) == "2026-11-23T17:08:38.123456Z"
    assert parse_instant("2026-11-23T17:08:38.123456Z") == moment
    assert parse_instant("2026-11-24T06:08:38.123456+13:00") == moment
    assert parse_date("2026-11-23") == date(2026, 11, 23)
    assert print_decimal(parse_decimal("149.50")) == "149.50"
    assert print_decimal(Decimal("1E+3")) == "1000"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T17:08:38",
        "2026-11-23",
        "now",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        5,
        None,
        True,
    ],
)
def test_a_time_needs_its_offset(text: object) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "1e400", "1.23456", "1" * 16, "", "+1", "٣", 1.5, 1, None]
)
def test_a_decimal_consists_of_digits(text: object) -> None:
    with pytest.raises(ValueError):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["2026-02-30", "26-01-01", "2026-1-1", "2026-01-01T00:00:00Z", 20260101])
def test_a_date_has_no_time(text: object) -> None:
    with pytest.raises(ValueError):
        parse_date(text)
