"""Many rows in one transaction, each on its own: one that is refused leaves the others done."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

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
