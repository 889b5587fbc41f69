"""Each operation in the logs and in the metrics: its name, its caller and its errors. Never its text or its variables."""

from collections.abc import Iterator

import structlog
from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension

from api.context import EdgeContext
from runtime import tracing


class OperationLog(SchemaExtension):
    """Comes before Errors, so that it ends after it and sees the codes that the client gets."""

    def on_operation(self) -> Iterator[None]:
        yield
        structlog.contextvars.unbind_contextvars("operation")
        execution = self.execution_context
        context = execution.context
        if isinstance(context, EdgeContext) and context.counts is not None and context.viewer is not None:
            node = self._operation()
            errors = getattr(execution.result, "errors", None) or []
            kind = node.operation.value if node else "unknown"
            context.counts.count(_name(node), kind, [_code(error) for error in errors])

    def on_validate(self) -> Iterator[None]:
        """From here to the end of the operation, log lines have its name, and the request's span has its name and caller."""
        node = self._operation()
        structlog.contextvars.bind_contextvars(operation=_name(node))
        self._describe(node)
        yield

    def _describe(self, node: OperationDefinitionNode | None) -> None:
        span, context = tracing.active(), self.execution_context.context
        if span is None or node is None or not isinstance(context, EdgeContext):
            return
        name = _name(node)[: tracing.LONGEST_NAME]
        span.rename(f"{node.operation.value} {name}".strip())
        span.set("graphql.operation.type", node.operation.value)
        span.set("graphql.operation.name", name)
        if context.viewer is not None:
            span.set("tandem.workspace", str(context.viewer.workspace))
            span.set("tandem.caller", str(context.viewer.actor.id))

    def _operation(self) -> OperationDefinitionNode | None:
        """The operation that runs; None for a document that cannot be read, or has several and no name was given."""
        execution = self.execution_context
        if execution.graphql_document is None:
            return None
        found = [
            one for one in execution.graphql_document.definitions if isinstance(one, OperationDefinitionNode)
        ]
        wanted = execution.operation_name
        named = [one for one in found if wanted is None or (one.name and one.name.value == wanted)]
        return named[0] if len(named) == 1 else None


def _name(node: OperationDefinitionNode | None) -> str:
    return node.name.value if node and node.name else ""


def _code(error: GraphQLError) -> str:
    return str((error.extensions or {}).get("code", "INTERNAL"))
