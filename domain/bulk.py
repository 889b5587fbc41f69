"""Many rows in one transaction: one that is refused, or that we cannot digest, leaves the others done."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import sqlalchemy as sa

from domain.problems import Refused
from domain.tx import Tx

Row = TypeVar("Row")
Done = TypeVar("Done")


async def each(tx: Tx, rows: Iterable[Row], change: Callable[[Row], Awaitable[Done]]) -> list[Done | Refused]:
    """A savepoint a row; what a refused row wrote and would have told is undone. The caller has taken the locks."""
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
    tx: Tx, rows: Sequence[Row], change: Callable[[Sequence[Row]], Awaitable[Done]]
) -> tuple[list[Done], list[tuple[Row, Exception]]]:
    """All rows at once; where that fails, each alone. Gives what was done, and the rows that fail with their faults.
    What is no row's fault (a deadlock, a connection that broke) is raised."""
    events, due = dict(tx.events), tx.due
    try:
        async with tx.session.begin_nested():
            return [await change(rows)], []
    except Exception as error:
        tx.events, tx.due = events, due
        if _is_nobodys(error):
            raise
        if len(rows) == 1:
            return [], [(rows[0], error)]
    done: list[Done] = []
    failed: list[tuple[Row, Exception]] = []
    for row in rows:
        did, faults = await together(tx, [row], change)
        done += did
        failed += faults
    return done, failed


def _is_nobodys(error: Exception) -> bool:
    """By the class of SQLSTATE: data (22), constraints (23), programs (42) and their limits (54) are a row's; the rest is PostgreSQL's."""
    if not isinstance(error, sa.exc.DBAPIError):
        return isinstance(error, sa.exc.SQLAlchemyError | OSError)
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state[:2] not in ("22", "23", "42", "54")
