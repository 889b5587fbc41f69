"""The extensions and the configuration that protect a schema:

strawberry.Schema(query=…, config=edge_config(), extensions=edge_extensions())
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.graphql import OperationType

from api.compiled.run import Compiled, Plans
from api.context import Context
from api.errors import NO_CALLER, Code, Errors, refusal
from api.guards.cost_report import CostReport, Experience
from api.guards.document_cache import Cached, Documents
from api.guards.operation_log import OperationLog
from api.guards.query_cost import Costs, Limits, root_fields
from api.guards.spending import Spending


class OperationContext(SchemaExtension):
    """Give each operation loaders of its own, because several operations run at once on one socket."""

    def on_operation(self) -> Iterator[None]:
        context = self.execution_context.context
        if isinstance(context, Context):
            self.execution_context.context = replace(context, loaders={})
        yield


class IntrospectionOnly(SchemaExtension):
    """Refuses a caller without a token everything but introspection. A request without a token reaches this check only if
    GraphiQL is on."""

    def on_validate(self) -> Iterator[None]:
        execution = self.execution_context
        if isinstance(execution.context, Context) and execution.context.viewer is None:
            assert execution.graphql_document is not None
            if not all(name.startswith("__") for name in root_fields(execution.graphql_document)):
                execution.pre_execution_errors = [refusal(Code.UNAUTHENTICATED, NO_CALLER)]
        yield


class StreamRequired(SchemaExtension):
    """Refuses a subscription whose client accepts one answer only."""

    def on_validate(self) -> Iterator[None]:
        execution = self.execution_context
        context = execution.context
        if (
            isinstance(context, Context)
            and context.one_answer
            and execution.operation_type is OperationType.SUBSCRIPTION
        ):
            message = (
                "A subscription needs a stream: open a WebSocket with the protocol graphql-transport-ws, or send the"
                " header Accept: text/event-stream"
            )
            execution.pre_execution_errors = [refusal(Code.BAD_REQUEST, message)]
        yield


class GuardedSchema(strawberry.Schema):
    """A schema whose caches others may ask. api.http.reads answers what these know."""

    documents: Documents
    costs: Costs
    experience: Experience
    plans: Plans


def edge_extensions(
    documents: Documents | None = None, costs: Costs | None = None, experience: Experience | None = None
) -> list[type[SchemaExtension] | Callable[[], SchemaExtension]]:
    """The order matters. The extensions that refuse come before the cache, so that a refused document is neither validated nor
    kept."""
    documents = Documents() if documents is None else documents
    costs = Costs() if costs is None else costs
    experience = Experience() if experience is None else experience
    return [
        OperationContext,
        OperationLog,
        Errors,
        lambda: Limits(costs),
        lambda: CostReport(experience),
        Spending,
        IntrospectionOnly,
        StreamRequired,
        lambda: Cached(documents),
    ]


def compiling(plans: Plans) -> Callable[[], SchemaExtension]:
    """The extension that executes compiled operations. This extension is the last one, so the other extensions act before
    the execution."""
    return lambda: Compiled(plans)


def edge_config(**more: Any) -> StrawberryConfig:
    return StrawberryConfig(disable_field_suggestions=True, **more)
