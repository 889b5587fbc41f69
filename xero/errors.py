"""The errors of calls to Xero, by what the caller can do about each.

    XeroError
    ├── Retry               nothing was done; the same request may succeed later (limits, offline, unreachable)
    ├── Uncertain           a write without an answer, or with a 5xx: only a read shows whether it was done
    ├── Rejected            Xero has read the request and refuses it; the same request never succeeds
    │   └── NotFound        404
    └── Refused             a person must act before such a request gets through
        ├── Disconnected    the organisation is not connected any more, as /connections proves; connect it again
        ├── NeedsReconnect  the refresh token is spent, expired or revoked; consent again
        ├── KeyMissing      Tandem's own keys do not open the tokens; the operator puts the right ones back
        ├── RightMissing    Xero refuses what needs one right, and carries out other calls; give the right in Xero
        │   └── ScopeMissing  the consent lacks the scope; consent again, with it
        ├── Unauthorised    the token is refused although it was renewed
        └── Misconfigured   the app's id, secret, redirect address or scopes are wrong
            └── CredentialsRefused  those of a custom connection

An exception's text holds statuses and reasons; never a token, a key or a payload.
Foreign exceptions (httpx, msgspec, json) are translated here, by `sending` and `reading`, and nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum

import httpx
import msgspec

from xero.messages import Said
from xero.rights import Right


class Reason(StrEnum):
    """Why a request was put off."""

    LIMIT = "LIMIT"
    OFFLINE = "OFFLINE"
    UNREACHABLE = "UNREACHABLE"
    BLOCKED = "BLOCKED"  # a proxy or firewall between Tandem and Xero answered in Xero's place
    SERVER_ERROR = "SERVER_ERROR"
    UNREADABLE_ANSWER = "UNREADABLE_ANSWER"
    TOKEN_BUSY = "TOKEN_BUSY"  # noqa: S105 - a reason, not a secret


class XeroError(Exception):
    """Any failure of a call to Xero. `at`: the earliest time for another attempt; with None the caller's own back-off
    decides."""

    at: datetime | None = None


class Retry(XeroError):
    """Xero did nothing. The same request may succeed later."""

    def __init__(self, reason: Reason, at: datetime | None = None, detail: str = "") -> None:
        when = f", not before {at.isoformat()}" if at else ""
        super().__init__(f"Xero, later: {reason}{when}{': ' if detail else ''}{detail}")
        self.reason = reason
        self.at = at


class Uncertain(XeroError):
    """A write without a usable answer. `status` is None if no answer came."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(f"Xero gave no certain answer to a write: {detail}")
        self.status = status


class Rejected(XeroError):
    """`said` holds Xero's own words, for people: match them loosely, show them as they are. Xero's sentences may quote a
    contact, so they are not part of the exception's text. `number` is Xero's ErrorNumber."""

    def __init__(self, status: int, said: tuple[Said, ...] = (), number: int | None = None) -> None:
        super().__init__(f"Xero refused the request: status {status}, error number {number}")
        self.status = status
        self.said = said
        self.number = number

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(one.shown for one in self.said)


class NotFound(Rejected):
    def __init__(self) -> None:
        super().__init__(404)


class Refused(XeroError):
    """A person must act before such a request gets through."""


class Disconnected(Refused):
    def __init__(self, detail: str = "") -> None:
        super().__init__(f"the organisation is not connected any more{': ' if detail else ''}{detail}")


class NeedsReconnect(Refused):
    def __init__(self, detail: str = "") -> None:
        super().__init__(f"Xero's consent has ended{': ' if detail else ''}{detail}")


class KeyMissing(Refused):
    """Tandem's own keys do not open the tokens of the consent."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"Tandem cannot open the tokens of Xero's consent with its TANDEM_KEYS ({detail}): the operator puts the right"
            " keys back, or the organisation is connected again"
        )


class RightMissing(Refused):
    """Xero refuses calls that need `right`, and the organisation is connected. The text names the right, for people."""

    def __init__(self, right: Right, why: str, at: datetime | None = None) -> None:
        super().__init__(why)
        self.right = right
        self.at = at

    @classmethod
    def of(cls, right: Right, detail: str) -> "RightMissing":
        said = f" Xero said: {detail}." if detail else ""
        return cls(
            right,
            f"Xero does not let the user who connected this organisation {right.words}.{said} Give this user the right in"
            " Xero, or let a user who has it connect the organisation again. Everything else goes on.",
        )


class ScopeMissing(RightMissing):
    """The consent lacks the right's scope. A new token never adds a scope."""

    @classmethod
    def of(cls, right: Right, _: str = "") -> "ScopeMissing":
        return cls(
            right,
            f"The consent of this organisation lacks the scope {right.scope}, without which Xero does not let Tandem"
            f" {right.words}. Connect the organisation again, and allow the scope. If Xero does not ask for it, the operator"
            " adds it to XERO_SCOPES. Everything else goes on.",
        )


class Unauthorised(Refused):
    def __init__(self, detail: str = "") -> None:
        super().__init__(f"Xero refuses the access token{': ' if detail else ''}{detail}")


class Misconfigured(Refused):
    """`code` is OAuth's: invalid_client, unauthorized_client, invalid_scope, invalid_request."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"Xero refuses this app ({code}){': ' if detail else ''}{detail}")
        self.code = code


_AT_XERO = {
    "invalid_client": "Compare its client id and its secret with developer.xero.com, and give them to"
    " connectCustomConnection again",
    "unauthorized_client": "Check at developer.xero.com that the app is a custom connection, that it is paid for, and that"
    " an organisation has authorised it",
    "invalid_scope": "Choose the scopes of XERO_SCOPES for it at developer.xero.com, and let the organisation authorise it"
    " again",
}


class CredentialsRefused(Misconfigured):
    """Xero refuses the client id and secret of a custom connection. The text says what to do at Xero, for people."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        todo = _AT_XERO.get(code, "Check it at developer.xero.com")
        self.args = (f"Xero refuses the custom connection ({code}). {todo}",)


class NoAnswer(Exception):
    """The request may have reached Xero, and no answer came. This error never leaves `xero`: a read is
    retried, and a write becomes Uncertain."""

    def __init__(self, detail: str, *, timed_out: bool = False) -> None:
        super().__init__(detail)
        self.timed_out = timed_out


# Raised before the first byte of a request has left, so that nothing can have been done.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@contextmanager
def sending() -> Iterator[None]:
    """Translate httpx's exceptions: Retry if nothing was sent, NoAnswer if something may have been sent. The
    exceptions are not chained: some of them quote headers, and so tokens."""
    try:
        yield
    except _NOT_SENT as error:
        raise Retry(Reason.UNREACHABLE, detail=f"{type(error).__name__} {error}") from None
    except (TimeoutError, httpx.TimeoutException):
        raise NoAnswer("time-out", timed_out=True) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswer(type(error).__name__) from None


@contextmanager
def reading() -> Iterator[None]:
    """Translate the errors of an answer that cannot be understood. The exceptions are not chained: a JSON
    error holds the document. msgspec's messages name a path and types only."""
    try:
        yield
    except msgspec.ValidationError as error:
        raise Retry(Reason.UNREADABLE_ANSWER, detail=str(error)) from None
    except (ValueError, RecursionError) as error:
        raise Retry(Reason.UNREADABLE_ANSWER, detail=type(error).__name__) from None
