"""How an enum enters the schema: its docstring and the descriptions of its members go with it."""

from inspect import cleandoc
from typing import TypeVar

import strawberry

from domain.described import DescribedEnum

Enum = TypeVar("Enum", bound=type[DescribedEnum])


def described(enum: Enum, name: str | None = None) -> Enum:
    """Register the enum with strawberry, under `name` if the schema calls it something else."""
    assert enum.__doc__ is not None, "the docstring is the enum's description"
    registered: Enum = strawberry.enum(enum, name=name, description=" ".join(cleandoc(enum.__doc__).split()))
    for value in registered.__strawberry_definition__.values:  # type: ignore[attr-defined]  # strawberry sets it
        value.description = registered[value.name].description
    return registered
