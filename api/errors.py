"""The errors that clients get: each has a code of the contract, and never the text of an exception.

A fault of ours becomes INTERNAL, with an id under which the log has the fault. An answer has at most `MOST` errors.
"""

import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import Any
from uuid import uuid4

import structlog
from graphql import GraphQLEnumType, GraphQLError, GraphQLSchema
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from runtime.database import DatabaseUnavailable

MOST = 5
log = structlog.get_logger()
# Strawberry raises these for a request that is wrong itself.
ABOUT_THE_REQUEST = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
# The words of graphql-core for a wrong value of an enum.
ENUM = re.compile(
    r"does not exist in '(\w+)' enum\.$|Enum '(\w+)' cannot represent non-\w+ value: .*\.$", re.DOTALL
)
# The words of graphql-core for its own two limits on a document.
PARSER_LIMITS = ("Document contains more than", "Document is nested too deeply")


class Code(StrEnum):
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_COSTLY = "TOO_COSTLY"
    BAD_REQUEST = "BAD_REQUEST"
    NOT_FOUND = "NOT_FOUND"  # the address does not exist; an error of GraphQL never has this code
    UNAVAILABLE = "UNAVAILABLE"  # the database does not answer at the moment
    INTERNAL = "INTERNAL"


STATUS = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.RATE_LIMITED: 429,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
RETRY_AFTER = {"retry-after": "2"}  # seconds
NO_CALLER = "This needs a token: send the header Authorization: Bearer …"
TRY_AGAIN = "The database does not answer at the moment. Try again in a moment."
PERHAPS_SAVED = (
    "The database stopped answering while the change was being saved. Read whether the change was saved before you"
    " repeat it."
)


class StreamInterrupted(GraphQLError):
    """A subscription cannot go on, and its client should subscribe again from its last cursor.

    No client sees this error: a socket closes with 1013, and a stream of server-sent events ends without `complete`.
    """


def refusal(code: Code, message: str, **more: object) -> GraphQLError:
    """An error that the client gets as it is. Resolvers may raise it."""
    return GraphQLError(message, extensions={"code": code.value, **more})


def present_errors(
    errors: Sequence[GraphQLError], schema: GraphQLSchema | None = None, *, mutation: bool = False
) -> list[GraphQLError]:
    """The errors as the client gets them. A second call changes nothing."""
    return [_present(error, schema, mutation) for error in errors[:MOST]]


def is_unavailable(error: GraphQLError) -> bool:
    return (error.extensions or {}).get("code") == Code.UNAVAILABLE.value


def _present(error: GraphQLError, schema: GraphQLSchema | None, mutation: bool) -> GraphQLError:
    if error.extensions and error.extensions.get("code") in Code.__members__:
        return error
    if isinstance(error.original_error, RecursionError) or any(
        text in error.message for text in PARSER_LIMITS
    ):
        return _coded(error, Code.TOO_COSTLY, error.message)
    if isinstance(error.original_error, DatabaseUnavailable):
        log.warning("database_unavailable", error=str(error.original_error), path=_dotted(error.path))
        perhaps_saved = mutation and error.original_error.unsure
        return _coded(error, Code.UNAVAILABLE, PERHAPS_SAVED if perhaps_saved else TRY_AGAIN)
    if _is_fault(error):
        return _internal(error)
    message = error.message.split(" Did you mean")[0]
    return _coded(error, Code.BAD_REQUEST, message + _values(message, schema))


def _values(message: str, schema: GraphQLSchema | None) -> str:
    """If the value of an enum is wrong, a sentence with all its values; otherwise an empty text."""
    named = ENUM.search(message)
    enum = schema.get_type(named[1] or named[2]) if named and schema else None
    if not isinstance(enum, GraphQLEnumType):
        return ""
    listed = ", ".join(sorted(enum.values))
    return f" It is one of {listed}{', written without quotes' if 'non-enum' in message else ''}."


def _is_fault(error: GraphQLError) -> bool:
    """Whether the error is a fault of ours. A ValueError with a place in the document and without a path in the data is none: a scalar
    refused its input before execution."""
    cause = error.original_error
    if cause is None or isinstance(cause, (GraphQLError, *ABOUT_THE_REQUEST)):
        return False
    return not (isinstance(cause, ValueError) and error.nodes and not error.path)


def _coded(error: GraphQLError, code: Code, message: str) -> GraphQLError:
    extensions = {**(error.extensions or {}), "code": code.value}
    return GraphQLError(
        message, error.nodes, error.source, error.positions, error.path, error.original_error, extensions
    )


def _internal(error: GraphQLError) -> GraphQLError:
    extensions = {"code": Code.INTERNAL.value, "id": log_fault(error.original_error, path=error.path)}
    message = "Something went wrong here. The server's log has the reason under the id of this error."
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, None, extensions)


def log_fault(cause: BaseException | None, *, path: Sequence[str | int] | None = None) -> str:
    """Write the fault to the log, and return the id under which the log has it."""
    number = uuid4().hex
    log.error("internal_error", id=number, path=_dotted(path), exc_info=cause)
    return number


def _dotted(path: Sequence[str | int] | None) -> str:
    return ".".join(str(part) for part in path or ())


async def until_interrupted(results: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """The results of a stream. Raises StreamInterrupted instead of returning a result that holds this error."""
    async with aclosing(results):
        async for result in results:
            errors = getattr(result, "errors", None)
            if errors and isinstance(errors[0], StreamInterrupted):
                raise errors[0]
            yield result


class Errors(SchemaExtension):
    """Presents the errors of each result over HTTP, and of each result of a stream."""

    def on_operation(self) -> Iterator[None]:
        yield
        result = self.execution_context.result
        if result is not None and result.errors:
            schema = self.execution_context.schema._schema
            result.errors = present_errors(result.errors, schema, mutation=self._is(OperationType.MUTATION))

    def on_stream_result(self, result: object) -> Iterator[None]:
        errors = getattr(result, "errors", None)
        if errors:
            shown = present_errors(errors, mutation=self._is(OperationType.MUTATION))
            ended = not isinstance(result, PreExecutionError) and any(not error.path for error in errors)
            if self._is(OperationType.SUBSCRIPTION) and (
                ended or any(is_unavailable(error) for error in shown)
            ):
                shown = [StreamInterrupted(shown[0].message)]
            result.errors = shown  # type: ignore[attr-defined]  # each kind of result has errors
        yield

    def _is(self, kind: OperationType) -> bool:
        try:
            return self.execution_context.operation_type is kind
        except RuntimeError:  # no operation was found
            return False
