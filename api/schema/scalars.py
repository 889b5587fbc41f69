"""Date, DateTime and Decimal. These scalars are stricter than Strawberry's own, which take NaN, 1e400 and times without an
offset."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from strawberry.types.scalar import ScalarDefinition

RFC_3339 = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DIGITS = re.compile(r"-?\d{1,15}(\.\d{1,4})?", re.ASCII)


def parse_date(value: object) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a Date is a string such as '2026-11-23'")
    return date.fromisoformat(value)


def parse_instant(value: object) -> datetime:
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a DateTime is a string such as '2026-11-23T17:08:38Z', with its offset")
    moment, fraction, offset = found.groups()
    text = moment.upper() + (fraction or "")[:7] + ("+00:00" if offset in "Zz" else offset)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        raise ValueError("a DateTime lies in the years 1 to 9999, in UTC too") from None


def print_instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_decimal(value: object) -> Decimal:
    """Take only a string: a JSON number has become a float, and may have lost digits, before it comes here."""
    text = value if isinstance(value, str) else None
    if text is None:
        raise ValueError(
            "a Decimal is never a JSON number, which may lose digits: send it as a string, such as '149.50'"
        )
    if not _DIGITS.fullmatch(text):
        raise ValueError("a Decimal has up to 15 digits, and up to 4 after the point, such as '149.50'")
    return Decimal(text)


def print_decimal(value: Decimal) -> str:
    return f"{value:f}"


def _scalar(
    name: str,
    description: str,
    serialize: Callable[[Any], str],
    parse: Callable[[object], object],
    url: str | None = None,
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name, description=description, serialize=serialize, parse_value=parse, specified_by_url=url
    )


SCALARS: dict[object, ScalarDefinition] = {
    date: _scalar(
        "Date",
        "A calendar date without a time, as a string: '2026-11-23'.",
        date.isoformat,
        parse_date,
        RFC_3339,
    ),
    datetime: _scalar(
        "DateTime",
        "An instant in UTC as RFC 3339 writes it: '2026-11-23T17:08:38.123456Z'. Input may use"
        " another offset, but must name one.",
        print_instant,
        parse_instant,
        RFC_3339,
    ),
    Decimal: _scalar(
        "Decimal",
        "An exact decimal number, always as a string and without exponent: '149.50'. Input takes up"
        " to 15 digits before the point and 4 after it. A JSON number is refused, because it may have"
        " lost digits.",
        print_decimal,
        parse_decimal,
    ),
}
