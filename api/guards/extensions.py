"""What the schema must be made with to stand at the edge.

strawberry.Schema(query=…, config=edge_config(), extensions=edge_extensions())
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.graphql import OperationType

from api.context import Context
from api.errors import Code, Errors, refusal
from api.guards.document_cache import Cached, Documents
from api.guards.query_cost import Limits, root_fields


class OwnContext(SchemaExtension):
    """Each operation has its own loaders: several run at once on one socket."""

    def on_operation(self) -> Iterator[None]:
        context = self.execution_context.context
        if isinstance(context, Context):
            self.execution_context.context = replace(context, loaders={})
        yield


class Strangers(SchemaExtension):
    """Without a viewer (where GraphiQL is allowed) only introspection is answered."""

    def on_validate(self) -> Iterator[None]:
        execution = self.execution_context
        if isinstance(execution.context, Context) and execution.context.viewer is None:
            assert execution.graphql_document is not None
            if not all(name.startswith("__") for name in root_fields(execution.graphql_document)):
                execution.pre_execution_errors = [refusal(Code.UNAUTHENTICATED, "This needs a token")]
        yield


class Streams(SchemaExtension):
    """A subscription needs something to tell its events on."""

    def on_validate(self) -> Iterator[None]:
        execution = self.execution_context
        context = execution.context
        if (
            isinstance(context, Context)
            and context.one_answer
            and execution.operation_type is OperationType.SUBSCRIPTION
        ):
            message = "A subscription needs a WebSocket (graphql-transport-ws), or Accept: text/event-stream"
            execution.pre_execution_errors = [refusal(Code.BAD_REQUEST, message)]
        yield


def edge_extensions() -> list[type[SchemaExtension] | Callable[[], SchemaExtension]]:
    """In this order: who refuses stands before the cache, so that nothing refused is validated or kept."""
    documents = Documents()
    return [OwnContext, Errors, Limits, Strangers, Streams, lambda: Cached(documents)]


def edge_config(**more: Any) -> StrawberryConfig:
    return StrawberryConfig(disable_field_suggestions=True, **more)
