"""Executes the events of subscriptions without keeping what belonged to earlier events."""

from typing import Any

from graphql import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class EventExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core copies one executor for each event, and all copies share a memo of collected fields. The memo would
    grow by 3 KB with each event, for as long as the subscription lasts. `_relevant_sub_fields` is private to graphql-core;
    a test fails if the name changes."""

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor
