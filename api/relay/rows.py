"""Typed rows of the API's statements: a NamedTuple names the columns that a statement reads."""

from collections.abc import Iterable
from typing import NamedTuple


def columns(row: type[NamedTuple], table: str, *, values: Iterable[str] = (), **computed: str) -> str:
    """The columns of a select that `row` is made of: each field is the column of `table` with its name, or the SQL in
    `computed`. `values`: the columns of the synced fields, if `row` has a field `values` that is made of them."""
    synced = ", ".join(f"{table}.{column}" for column in values)
    return ", ".join(
        synced
        if name == "values"
        else f"{computed[name]} as {name}"
        if name in computed
        else f"{table}.{name}"
        for name in row._fields
    )
