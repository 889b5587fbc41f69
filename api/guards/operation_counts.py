"""Counts operations by name and errors by code, for /metrics."""

from prometheus_client import CollectorRegistry, Counter

from api.errors import Code

MOST_NAMES = 200  # clients choose the names, and each makes a time series
LONGEST_NAME = 60
OTHER = "other"


class OperationCounts:
    """Counts the operations of one process. `names` are those that have a time series of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._names: set[str] = set()
        self._operations = Counter(
            "tandem_operations",
            "GraphQL operations, by name, kind and outcome",
            ["name", "kind", "outcome"],
            registry=registry,
        )
        self._errors = Counter("tandem_errors", "Errors in answers, by code", ["code"], registry=registry)
        for code in Code:
            self._errors.labels(code.value)  # from 0 on: a series that begins at 1 shows no increase

    def count(self, name: str, kind: str, codes: list[str]) -> None:
        self._operations.labels(self._known(name), kind, "error" if codes else "ok").inc()
        for code in codes:
            self._errors.labels(code).inc()

    def _known(self, name: str) -> str:
        if name not in self._names:
            if len(self._names) >= MOST_NAMES or len(name) > LONGEST_NAME:
                return OTHER
            self._names.add(name)
        return name
