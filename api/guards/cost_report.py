"""`extensions.cost` of each answer: the expected cost of the operation, the actual cost, and the rest of the minute's
budget.

The unit is one object in the answer, or one row that PostgreSQL gave or wrote. A statement counts some rows for itself
(runtime.tally). `requested` is what the same document cost in this
workspace before, with the same sizes of pages; for a document that is new there, the estimate of api.guards.query_cost.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from api.context import EdgeContext
from api.guards.measured import Measured
from api.guards.rate_limit import Spent
from runtime import tally

MOST_KEPT = 2_000  # documents of workspaces
WEIGHT = 0.5  # of the newest cost among all that went before


class Asked(NamedTuple):
    """An operation of a workspace, with all that decides how much it may return. `document`: the hash of its text."""

    workspace: UUID
    document: int
    operation: str | None
    rows: int
    sizes: tuple[object, ...]


class Expected(NamedTuple):
    """An operation, and what it is expected to cost."""

    asked: Asked
    requested: int


class Experience:
    """The cost of the most recently used operations: a moving average for each."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[Asked, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, asked: Asked) -> float | None:
        return self._kept.get(asked)

    def add(self, asked: Asked, actual: int) -> None:
        before = self._kept.get(asked)
        self._kept[asked] = actual if before is None else before + WEIGHT * (actual - before)
        self._kept.move_to_end(asked)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def expect(
        self, workspace: UUID, text: str | None, operation: str | None, measured: Measured
    ) -> Expected | None:
        """None if the document has no such operation."""
        cost = measured.of(operation)
        if cost is None:
            return None
        asked = Asked(workspace, hash(text), operation, measured.rows, tuple(measured.sizes.values()))
        known = self.find(asked)
        return Expected(asked, round(cost.expected if known is None else known))


def told(expected: Expected, actual: int, spent: Spent) -> dict[str, object]:
    """`extensions.cost` of an answer."""
    return {
        "requested": expected.requested,
        "actual": actual,
        "remaining": spent.remaining,
        "resetAt": spent.reset_at.isoformat().replace("+00:00", "Z"),
    }


class CostReport(SchemaExtension):
    """Comes after Limits, which measures the document, and before Spending, which asks for the estimate."""

    def __init__(self, experience: Experience) -> None:
        self._experience = experience
        self._tally = tally.Tally()
        self._expected: Expected | None = None
        self._was_executed = False

    def on_operation(self) -> Iterator[None]:
        self._tally = tally.new_tally()
        yield

    def on_validate(self) -> Iterator[None]:
        execution, context = self.execution_context, self.execution_context.context
        if isinstance(context, EdgeContext) and context.viewer is not None and context.measured is not None:
            workspace, name = context.viewer.workspace, execution.operation_name
            self._expected = self._experience.expect(workspace, execution.query, name, context.measured)
            if self._expected is not None:
                context.requested = self._expected.requested
        yield

    def on_execute(self) -> Iterator[None]:
        yield
        self._was_executed = True
        if not self._tally.nodes:  # graphql-core has executed it
            self._tally.nodes = count_objects(getattr(self.execution_context.result, "data", None))

    def get_results(self) -> dict[str, object]:
        """Empty for an operation that was refused. Also empty for the events of a subscription, because subscriptions share
        their reads."""
        execution, context = self.execution_context, self.execution_context.context
        if not isinstance(context, EdgeContext) or context.spent is None or self._expected is None:
            return {}
        if not self._was_executed or execution.operation_type is OperationType.SUBSCRIPTION:
            return {}
        actual = self._tally.nodes + self._tally.rows
        if not execution.pre_execution_errors:
            self._experience.add(self._expected.asked, actual)
        return {"cost": told(self._expected, actual, context.spent)}


def count_objects(data: object) -> int:
    """The objects of an answer, without the root."""
    found = -1
    waiting: list[object] = [data] if isinstance(data, dict) else []
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            found += 1
            value = value.values()
        waiting += [each for each in value if type(each) is dict or type(each) is list]  # type: ignore[attr-defined]  # a list, or a dict's values
    return max(found, 0)
