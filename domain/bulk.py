"""Many rows in one transaction: a row that is refused, or whose data cannot be processed, leaves the others done."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import sqlalchemy as sa

from domain.problems import Refused
from domain.tx import Tx

Item = TypeVar("Item")
Done = TypeVar("Done")

# Classes of SQLSTATE that the data of a row can cause: data exceptions, violated constraints, and limits such as the
# length of an index entry. Class 42 (syntax, unknown columns, missing rights) is a mistake of ours.
_OF_DATA = ("22", "23", "54")


async def each(
    tx: Tx, rows: Iterable[Item], change: Callable[[Item], Awaitable[Done]]
) -> list[Done | Refused]:
    """Change each row in a savepoint of its own. The events and due marks of a refused row are rolled back. The caller
    holds the locks of all rows."""
    results: list[Done | Refused] = []
    for row in rows:
        events, due = dict(tx.events), tx.due
        try:
            async with tx.session.begin_nested():
                results.append(await change(row))
        except Refused as refused:
            tx.events, tx.due = events, due
            results.append(refused)
    return results


async def together(
    tx: Tx, rows: Sequence[Item], change: Callable[[Sequence[Item]], Awaitable[Done]]
) -> tuple[list[Done], list[tuple[Item, Exception]]]:
    """Change all rows at once; where that fails because of the data, change each row alone.

    Gives the results, and each row that fails with its error. An error that data cannot cause is raised, and the whole
    transaction fails: a mistake of ours must not pass for bad data, and the rows stay due."""
    events, due = dict(tx.events), tx.due
    try:
        async with tx.session.begin_nested():
            return [await change(rows)], []
    except Exception as error:
        tx.events, tx.due = events, due
        if not caused_by_data(error):
            raise
        if len(rows) == 1:
            return [], [(rows[0], error)]
    done: list[Done] = []
    failed: list[tuple[Item, Exception]] = []
    for row in rows:
        did, faults = await together(tx, [row], change)
        done += did
        failed += faults
    return done, failed


def caused_by_data(error: Exception) -> bool:
    """Whether a value can have caused the error. KeyError, TypeError and the like are mistakes of ours; a deadlock or a
    lost connection is neither."""
    if isinstance(error, sa.exc.DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return not error.connection_invalidated and state.startswith(_OF_DATA)
    return isinstance(error, Refused | ValueError | ArithmeticError)
