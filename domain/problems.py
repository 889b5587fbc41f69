"""Problems in an input that a person can correct.

Domain functions raise Refused with every problem that they found. The API turns it into `userErrors`, and the
transaction is rolled back. A message says what is wrong and what to do about it. Messages that several modules need
are written once, at the end of this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.described import DescribedEnum


class Code(DescribedEnum):
    """Why an input was refused. After LIKELY_DUPLICATE and CONFIRMATION_NEEDED the same request can be sent
    again with an answer in it."""

    REQUIRED = "REQUIRED", "A value that is needed is missing or blank."
    INVALID = "INVALID", "A value has the wrong form, or Xero would refuse it."
    TOO_LONG = "TOO_LONG", "A text has more characters than allowed here or in Xero."
    TOO_MANY = "TOO_MANY", "A list has more rows than allowed, usually 500."
    TAKEN = "TAKEN", "The name, number or organisation is in use already, and a second one is impossible."
    NOT_FOUND = "NOT_FOUND", "An id or code names nothing in this workspace."
    STALE_VERSION = (
        "STALE_VERSION",
        "The object has changed since the caller read it. Read it again, then decide again.",
    )
    WRONG_STATE = (
        "WRONG_STATE",
        "The object's present state does not allow this mutation, for example because it is archived.",
    )
    IN_USE = "IN_USE", "Something still uses the object or the value, so it cannot be removed or changed."
    ALREADY_LINKED = (
        "ALREADY_LINKED",
        "The contact already has an active link in this organisation. Unsync that link first.",
    )
    ALREADY_DECIDED = (
        "ALREADY_DECIDED",
        "The match issue is closed: somebody decided it, or it became obsolete.",
    )
    LIKELY_DUPLICATE = (
        "LIKELY_DUPLICATE",
        "A contact with the same name or email exists. Send the request again with `linkTo` or"
        " `createAnyway`.",
    )
    CONFIRMATION_NEEDED = (
        "CONFIRMATION_NEEDED",
        "The mutation has a large effect, which the caller must confirm by giving its count.",
    )
    NOT_CONNECTED = "NOT_CONNECTED", "The organisation is not connected to Xero. Connect it again first."
    OTHER_ORGANISATION = (
        "OTHER_ORGANISATION",
        "Another Xero organisation was chosen than the one to connect again.",
    )
    SYNC_NOT_STARTED = (
        "SYNC_NOT_STARTED",
        "The organisation's contact sync has not been started. Call startContactSync first.",
    )
    CURRENCY_MISMATCH = (
        "CURRENCY_MISMATCH",
        "The currencies of the invoice, the practice and the Xero organisation differ.",
    )
    PERIOD_LOCKED = "PERIOD_LOCKED", "The date lies on or before a lock date in Xero."
    HAS_PAYMENTS = (
        "HAS_PAYMENTS",
        "Payments or credits are allocated to the invoice in Xero. Remove them there first.",
    )
    UNMAPPED = "UNMAPPED", "No Xero account or tax rate is chosen for a line."
    KEY_REUSED = "KEY_REUSED", "The idempotency key was used within 24 hours for another input."
    SCOPE_TOO_WIDE = "SCOPE_TOO_WIDE", "The new token would be allowed to do more than its maker."


@dataclass(frozen=True)
class Problem:
    """One reason of a refusal. `path` leads to the input's member, in the schema's names."""

    code: Code
    message: str
    path: tuple[str, ...] = ()


class Refused(Exception):
    """The request is refused. The refusal lists every problem that was found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


def refuse(code: Code, message: str, *path: str) -> Refused:
    return Refused([Problem(code, message, path)])


def not_found(what: str, *path: str) -> Problem:
    """An id names nothing. `what` is the thing, such as 'match issue'; `path` leads to the argument that holds the id."""
    argument = next(name for name in reversed(path) if not name.isdigit())
    message = f"No {what} has the id given as `{argument}`. It may have been deleted; read the list again."
    return Problem(Code.NOT_FOUND, message, path)


def stale(what: str, argument: str = "version") -> Refused:
    """`what` has a later version than the caller has seen."""
    message = f"This {what} has changed since you read it. Read it again, then decide again."
    return refuse(Code.STALE_VERSION, message, argument)


def too_long(limit: int, length: int, *path: str) -> Problem:
    """A text has more characters than `limit`."""
    message = f"This text has {length:,} characters, and at most {limit:,} are possible. Shorten it."
    return Problem(Code.TOO_LONG, message, path)


def control_characters(*path: str) -> Problem:
    return Problem(Code.INVALID, "This text contains control characters. Remove them.", path)


def archived(what: str, mutation: str, *path: str) -> Problem:
    """`what` is out of use; `mutation` brings it back."""
    message = f"This {what} is archived. Choose another one, or bring it back with {mutation}."
    return Problem(Code.WRONG_STATE, message, path)


def disconnected() -> Problem:
    message = "This Xero organisation is disconnected. Connect it again with connectXero or connectCustomConnection."
    return Problem(Code.NOT_CONNECTED, message, ("organisationId",))


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """'1 invoice', '2 invoices', '1,000 invoices'. `plural`: where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
