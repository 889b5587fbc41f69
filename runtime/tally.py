"""Counts what one operation of the API costs: the objects in its answer, and the rows that PostgreSQL gave or wrote for it.

Tasks that an operation starts inherit its tally. Nothing is counted outside an operation.
"""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    nodes: int = 0
    rows: int = 0


_tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


def new_tally() -> Tally:
    """A new tally for the operation of this task."""
    tally = Tally()
    _tally.set(tally)
    return tally


def count(*, nodes: int = 0, rows: int = 0) -> None:
    tally = _tally.get()
    if tally is not None:
        tally.nodes += nodes
        tally.rows += rows


def forget_nodes() -> None:
    """Forget the counted nodes, because the answer was discarded and is made once more."""
    tally = _tally.get()
    if tally is not None:
        tally.nodes = 0
