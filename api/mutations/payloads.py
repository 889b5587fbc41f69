"""Shared by all mutations: transaction, payload and errors.

Each mutation is a transaction of its own. If the domain refuses it, nothing has changed, and `userErrors` has every
problem. Payloads are nullable: a fault in one mutation does not hide the results of earlier ones in the same request.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import strawberry
import structlog
from strawberry.types.base import StrawberryOptional
from strawberry.types.lazy_type import LazyType

from api.context import Context
from api.relay.loaders import renew
from domain.problems import Code, Problem, Refused, refuse
from domain.tx import Tx
from runtime.database import DatabaseUnavailable

MOST_ROWS = 500
TRIES = 3
Done = TypeVar("Done")
log = structlog.get_logger()


@strawberry.type(
    description="A problem in the input that a person can correct. It is about one field of the input, or"
    " about the request as a whole."
)
class UserError:
    code: Code = strawberry.field(description="The kind of problem, for programs to branch on.")
    message: str = strawberry.field(description="The error and its remedy, in English, for a person to read.")
    path: list[str] | None = strawberry.field(
        description="The place in the input, by the schema's names and by row numbers from 0, such as"
        " `contacts`, `2`, `name`. Null if the error is about the whole input."
    )

    @classmethod
    def of(cls, problem: Problem) -> Self:
        return cls(code=problem.code, message=problem.message, path=list(problem.path) or None)


@dataclass(frozen=True)
class Outcome(Generic[Done]):
    """The result of a transaction. `done` is None if it was refused."""

    done: Done | None
    errors: list[UserError]


def user_errors(problems: Iterable[Problem], *under: str) -> list[UserError]:
    """Problems as the schema shows them. `under`: the place of a bulk form's row, which goes before each path."""
    return [UserError.of(Problem(one.code, one.message, (*under, *one.path))) for one in problems]


async def write(context: Context, change: Callable[[Tx], Awaitable[Done]]) -> Outcome[Done]:
    """Run `change` in a transaction of its own, and retry it if another transaction was in its way, at most three times.

    Objects that are loaded afterwards show the state after the change."""
    for tried in range(1, TRIES + 1):
        renew(context)
        try:
            async with context.transaction() as tx:
                done = await change(tx)
            renew(context)
        except Refused as refused:
            return Outcome(None, user_errors(refused.problems))
        except DatabaseUnavailable as error:
            if not error.in_the_way or tried == TRIES:
                raise
            log.warning("transaction_retried", attempts=tried, error=str(error))
        else:
            return Outcome(done, [])
    raise AssertionError("the last try returns or raises")


async def attempt(context: Context, act: Callable[[], Awaitable[Done]]) -> Outcome[Done]:
    """Does what `write` does, for an `act` that opens its transactions itself, because it calls Xero between them."""
    renew(context)
    try:
        done = await act()
    except Refused as refused:
        return Outcome(None, user_errors(refused.problems))
    renew(context)
    return Outcome(done, [])


def row_errors(result: object, *under: str) -> list[UserError]:
    """The errors of one row of a bulk form; empty unless the row was refused. `under`: the row's place in the input."""
    return user_errors(result.problems, *under) if isinstance(result, Refused) else []


def too_many(rows: int, *path: str) -> list[UserError]:
    """The error of a list with more rows than a bulk form takes; empty if the count is right."""
    if rows <= MOST_ROWS:
        return []
    message = f"At most {MOST_ROWS} rows are possible at once, and these are {rows:,}. Send them in parts."
    return [UserError(code=Code.TOO_MANY, message=message, path=list(path) or None)]


def wrong_count(rows: int, *path: str) -> list[UserError]:
    """The error of a bulk form without rows, or with more than it takes; empty if the count is right."""
    return too_many(rows, *path) if rows else [nothing_to_do(*path)]


def nothing_to_do(*path: str) -> UserError:
    """The error of a bulk form without rows. `path`: the empty list, if the form has only one list."""
    message = (
        f"`{path[-1]}` is empty. Give at least one row."
        if path
        else "All lists are empty. Give at least one row."
    )
    return UserError(code=Code.REQUIRED, message=message, path=list(path) or None)


def nothing_to_change(*named: str) -> Refused:
    """The refusal of an update that gives no field to change, only the object's id.

    Raise it after the domain's own checks: an unknown id and a stale version are reported first. Nothing is written,
    because the transaction is rolled back."""
    besides = " and ".join(f"`{name}`" for name in named)
    return refuse(Code.REQUIRED, f"There is nothing to change. Give at least one field besides {besides}.")


# The module of the schema's roots imports all mutations, so the type is found when the schema is made.
_QUERY: Any = LazyType("Query", "api.root", None)


def _root() -> object:
    """The value of the root of all queries, whose fields need none."""
    return object()


@strawberry.type(description="What every mutation answers.")
class Payload:
    query: object = strawberry.field(
        resolver=_root,
        graphql_type=StrawberryOptional(_QUERY),
        description="The root of all queries, read after this mutation in the same request. A cache cannot"
        " compute some values by itself, such as the `totalCount` of a list. Select the list here, with the"
        " arguments under which the cache has it."
        " Apollo Client and urql's graphcache then renew their own root.",
    )
    user_errors: list[UserError] = strawberry.field(
        description="The problems that a person can correct. If this list is not empty, this mutation (in a"
        " bulk form: this row) changed nothing. Bulk forms report a row's errors in that row."
    )


def given(value: Done | None) -> Done | None:
    """The value of an input field; None if the input leaves it out."""
    return None if value is strawberry.UNSET else value
