"""Ranges of an index that together hold the rows of a list, for filters that a scan of the list would serve badly."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Rows that one index holds in the order of a list. `table` and `where` select them, `sorts` are the columns of the list's sort
    keys and of its id. `each`: SQL that is joined before it and gives one range for each of its rows. `once`: a range holds no row twice.
    `counted`: the table for a count, if fewer rows do."""

    table: str
    where: str
    sorts: tuple[str, ...]
    each: str | None = None
    once: bool = False
    counted: str | None = None

    def select(self, bounds: Sequence[str], ordered: str, limit: int) -> str:
        """The keys of the first rows of each range, as sort_0, sort_1 …"""
        names = ", ".join(f"{column} as sort_{n}" for n, column in enumerate(self.sorts))
        kind = names if self.once else f"distinct {names}"
        return self._within(
            f"select {kind} from {self.table} where {self._all(bounds)} order by {ordered} limit {limit}"
        )

    def select_ids(self, limit: int) -> str:
        """SQL of the ids of at most `limit` rows of each range, as column `id`."""
        kind = "" if self.once else "distinct "
        table = self.counted or self.table
        return self._within(
            f"select {kind}{self.sorts[-1]} as id from {table} where {self._all(())} limit {limit}"
        )

    def _all(self, bounds: Sequence[str]) -> str:
        return " and ".join([self.where, *bounds])

    def _within(self, select: str) -> str:
        return f"select r.* from {self.each} cross join lateral ({select}) r" if self.each else f"({select})"


@dataclass(frozen=True)
class Ranges:
    """Ranges that together hold exactly the rows of a list. `apart`: SQL; if true, no row is in two of those ranges that hold rows once."""

    parts: tuple[Range, ...]
    apart: str = "true"

    def count(self, most: int) -> str:
        """SQL: the number of rows, but at most `most`. Rows that cannot come twice are counted without comparing them."""
        once = [each for each in self.parts if each.once]
        compared = _count("distinct id", self.parts, most)
        if not once:
            return compared
        counted = _count("1", once, most)
        if len(once) == len(self.parts):
            return (
                counted
                if self.apart == "true"
                else f"case when {self.apart} then {counted} else {compared} end"
            )
        return f"case when {self.apart} and {counted} = {most} then {most} else {compared} end"


def _count(what: str, parts: Sequence[Range], most: int) -> str:
    ids = " union all ".join(each.select_ids(most) for each in parts) or "select null as id where false"
    return f"(select count(*) from (select {what} from ({ids}) r limit {most}) counted)"
