"""Typed rows of the API's statements: a NamedTuple names the columns that a statement reads."""

from typing import NamedTuple


def columns(row: type[NamedTuple], table: str, **computed: str) -> str:
    """The columns of a select that `row` is made of: each field is the column of `table` with its name, or the SQL in
    `computed`."""
    return ", ".join(
        f"{computed[name]} as {name}" if name in computed else f"{table}.{name}" for name in row._fields
    )
