"""The cost of a document, as api.guards.query_cost has measured it."""

from collections.abc import Mapping
from dataclasses import dataclass

from runtime.tally import STATEMENT

LARGEST_PAGE = 100


@dataclass(frozen=True)
class Cost:
    """The cost of a part of a document: its depth in levels, and its numbers of fields, aliases and nodes.

    `nodes` is the most that it may return. `likely` is the estimate of its nodes and of the rows to read for them; `statements`, of the
    statements that read the rows: those of a level are read together, however many objects the level has."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    nodes: int = 0
    likely: float = 0.0
    statements: int = 0

    @property
    def expected(self) -> float:
        """The estimate in the unit of the cost."""
        return self.likely + STATEMENT * self.statements

    def plus(self, other: "Cost") -> "Cost":
        return Cost(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.nodes + other.nodes,
            self.likely + other.likely,
            self.statements + other.statements,
        )


NOTHING = Cost()


@dataclass(frozen=True)
class Measured:
    """The costs of a document's operations, with their `names`. `rows` and `sizes`: the longest list in the variables, and the variables that
    give the sizes of pages, with their values. A request with the same ones costs the same."""

    costs: tuple[Cost, ...]
    names: tuple[str | None, ...]
    rows: int
    sizes: Mapping[str, object]

    def of(self, name: str | None) -> Cost | None:
        """Return the cost of the operation that runs. None if the document has no operation of this name, or several and no
        name was given."""
        found = [
            cost for cost, each in zip(self.costs, self.names, strict=True) if name is None or each == name
        ]
        return found[0] if len(found) == 1 else None

    def holds_for(self, rows: int, variables: Mapping[str, object]) -> bool:
        return rows == self.rows and all(
            type(given := variables.get(name, LARGEST_PAGE)) is type(value) and given == value
            for name, value in self.sizes.items()
        )
