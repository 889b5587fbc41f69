"""Declares mutations: the scope, the description and the description of the input of each, in one place."""

from collections.abc import Callable
from typing import Annotated, Any

import strawberry

from api.auth.tokens import require
from domain.tables import Scope


def mutation(scope: Scope, description: str) -> Callable[[Callable[..., Any]], Any]:
    """Declare a resolver as a mutation that needs `scope`: without the scope the answer is FORBIDDEN.

    The description in the schema ends with the scope. The argument `input` has the description of its type.
    """

    def declare(resolver: Callable[..., Any]) -> Any:
        input_type = resolver.__annotations__["input"]
        about = strawberry.argument(description=input_type.__strawberry_definition__.description)
        resolver.__annotations__["input"] = Annotated[input_type, about]
        return strawberry.mutation(
            resolver, description=f"{description} Needs {scope}.", extensions=[require(scope)]
        )

    return declare
