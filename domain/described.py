"""Enums whose values the schema explains."""

from enum import StrEnum
from typing import Self


class DescribedEnum(StrEnum):
    """An enum of the schema. Each member is declared with its value and a description for the people who use the API.

    The class's docstring is the description of the enum itself. A member without a description cannot be declared.
    """

    description: str

    def __new__(cls, value: str, description: str = "") -> Self:
        # The default is for type checkers: `SyncState("PENDING")` looks a member up and never comes here.
        if not description:
            raise TypeError(f"{cls.__name__}.{value} is declared without a description")
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member
