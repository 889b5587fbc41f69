"""Writes the name, the caller and the errors of each operation to the log and the metrics; never its text or its
variables."""

from collections.abc import Iterator

import structlog
from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension

from api.context import EdgeContext, Viewer
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
        """Until the operation ends, log lines have its name, and the request's span has its name and caller."""
        node = self._operation()
        structlog.contextvars.bind_contextvars(operation=_name(node))
        context = self.execution_context.context
        if node is not None and isinstance(context, EdgeContext):
            describe(tracing.active(), _name(node), node.operation.value, context.viewer)
        yield

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


def describe(span: tracing.Span | None, name: str, kind: str, viewer: Viewer | None) -> None:
    """Name the span of a request after its operation, and give it the ids of the caller."""
    if span is None:
        return
    shown = name[: tracing.LONGEST_NAME]
    span.rename(f"{kind} {shown}".strip())
    span.set("graphql.operation.type", kind)
    span.set("graphql.operation.name", shown)
    if viewer is not None:
        span.set("tandem.workspace", str(viewer.workspace))
        span.set("tandem.caller", str(viewer.actor.id))


def _name(node: OperationDefinitionNode | None) -> str:
    return node.name.value if node and node.name else ""


def _code(error: GraphQLError) -> str:
    return str((error.extensions or {}).get("code", "INTERNAL"))
