"""What a person can mend. Domain raises Refused; the edge turns it into `userErrors`, and nothing has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """UserErrorCode of the schema."""

    REQUIRED = "REQUIRED"
    INVALID = "INVALID"
    TOO_LONG = "TOO_LONG"
    TOO_MANY = "TOO_MANY"
    TAKEN = "TAKEN"
    NOT_FOUND = "NOT_FOUND"
    STALE_VERSION = "STALE_VERSION"
    WRONG_STATE = "WRONG_STATE"
    IN_USE = "IN_USE"
    ALREADY_LINKED = "ALREADY_LINKED"
    ALREADY_DECIDED = "ALREADY_DECIDED"
    LIKELY_DUPLICATE = "LIKELY_DUPLICATE"
    CONFIRMATION_NEEDED = "CONFIRMATION_NEEDED"
    NOT_CONNECTED = "NOT_CONNECTED"
    OTHER_ORGANISATION = "OTHER_ORGANISATION"
    SYNC_NOT_STARTED = "SYNC_NOT_STARTED"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    PERIOD_LOCKED = "PERIOD_LOCKED"
    HAS_PAYMENTS = "HAS_PAYMENTS"
    UNMAPPED = "UNMAPPED"
    KEY_REUSED = "KEY_REUSED"
    SCOPE_TOO_WIDE = "SCOPE_TOO_WIDE"


@dataclass(frozen=True)
class Problem:
    """`path` points into the input, in the schema's names."""

    code: Code
    message: str
    path: tuple[str, ...] = ()


class Refused(Exception):
    """Raised with every problem found at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


def refuse(code: Code, message: str, *path: str) -> Refused:
    return Refused([Problem(code, message, path)])
