"""Turn the status of an answer into one of our errors, by its meaning for the request."""

from datetime import datetime, timedelta

import httpx
import msgspec
from msgspec import UNSET

from xero.allowance import read_allowance
from xero.errors import (
    NotFound,
    Reason,
    Refused,
    Rejected,
    Retry,
    RightMissing,
    ScopeMissing,
    Unauthorised,
    Uncertain,
)
from xero.payloads import Fault
from xero.rights import Right

_OFFLINE_PAUSE = timedelta(minutes=5)
_OFFLINE_WORDS = ("offline", "temporarily unavailable", "maintenance")
_SCOPE_ERRORS = ("insufficent_scope", "insufficient_scope")  # Xero spells it the first way
# Xero answers none of these, and no redirect. A proxy or firewall on the way does.
_FROM_THE_WAY = (*range(300, 400), 407, 408, 421, 425, 451)
_OF_SIZE = (413, 414, 431)  # who refuses the size of a request does not matter: a smaller one gets through


def check(answer: httpx.Response, now: datetime, *, writes: bool, right: Right) -> None:
    """Return for a 2xx, raise for every other status. `right`: what the call needs.

    A write that ended in a 5xx may have been carried out, unless Xero says that it is offline. The same holds for an answer
    that something between Tandem and Xero gave in Xero's place.
    """
    status = answer.status_code
    if 200 <= status < 300:
        return
    if is_from_the_way(answer):
        detail = f"status {status}, not from Xero"
        raise Uncertain(detail, status) if writes else Retry(Reason.BLOCKED, detail=detail)
    if status in (401, 403):
        raise _refused(answer, right)
    if status == 404:
        raise NotFound
    if status == 429:
        raise Retry(Reason.LIMIT, read_allowance(status, answer.headers, now).until)
    if status == 503 and _is_offline(answer):
        raise Retry(Reason.OFFLINE, now + _OFFLINE_PAUSE)
    if status >= 500 and status != 501:
        raise Uncertain(f"status {status}", status) if writes else Retry(Reason.SERVER_ERROR)
    fault = _fault(answer)
    raise Rejected(status, fault.said, fault.error_number or None)


def is_expired(answer: httpx.Response) -> bool:
    """Whether a new access token may help. A new token never adds a missing scope."""
    return answer.status_code == 401 and not _lacks_scope(answer)


def is_from_the_way(answer: httpx.Response) -> bool:
    """Whether a proxy or firewall between Tandem and Xero answered in Xero's place. Xero's own 401 or 403 is JSON that
    describes the refusal, or a challenge about its token. Xero refuses no request in HTML."""
    status = answer.status_code
    if status in _FROM_THE_WAY:
        return True
    if status in (401, 403):
        return not _challenges(answer) and not _is_xeros(_fault(answer), status)
    return 400 <= status < 500 and status not in (429, *_OF_SIZE) and _content_type(answer) == "text/html"


def may_be_disconnected(answer: httpx.Response) -> bool:
    """Whether the organisation may be disconnected: Xero refuses the call by a 403 of its own, and names no scope.
    /connections then shows whether it is a disconnect or a missing right."""
    return answer.status_code == 403 and not _lacks_scope(answer) and not is_from_the_way(answer)


def json_of(answer: httpx.Response) -> bytes:
    """Parse the answer. Raise ValueError if a 2xx holds something other than JSON, for instance a proxy's sign-in page."""
    kind = _content_type(answer)
    if kind not in ("application/json", "text/json") and not kind.endswith("+json"):
        raise ValueError("not JSON")
    return answer.content


def _content_type(answer: httpx.Response) -> str:
    kind: str = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind


def _refused(answer: httpx.Response, right: Right) -> Refused:
    """The refusal of a 401 or 403 by Xero itself. AuthorizationUnsuccessful says that the token is valid and a right
    is missing."""
    if _lacks_scope(answer):
        return ScopeMissing.of(right)
    detail = "; ".join(one.text for one in _fault(answer).said)
    if answer.status_code == 403 or "authorizationunsuccessful" in detail.lower():
        return RightMissing.of(right, detail)
    return Unauthorised(detail)


def _is_xeros(fault: Fault, status: int) -> bool:
    """Whether the body of a 401 or 403 has one of Xero's two forms: its gateway's (Title, Status, Detail) or the Accounting API's
    (ErrorNumber, Type, Message)."""
    gateway = bool(fault.title and str(fault.status) == str(status))
    return gateway or bool(fault.error_number is not UNSET and fault.message)


def _challenges(answer: httpx.Response) -> bool:
    """Whether the answer is about the bearer token. A proxy that wants a password of its own asks by another scheme."""
    return _challenge(answer).startswith("bearer")


def _lacks_scope(answer: httpx.Response) -> bool:
    return any(error in _challenge(answer) for error in _SCOPE_ERRORS)


def _challenge(answer: httpx.Response) -> str:
    challenge: str = answer.headers.get("www-authenticate", "").strip().lower()
    return challenge


def _is_offline(answer: httpx.Response) -> bool:
    said = answer.text[:2000].lower()
    return any(word in said for word in _OFFLINE_WORDS)


def _fault(answer: httpx.Response) -> Fault:
    """Errors come as JSON, XML, HTML or text. Only JSON says more than the status does."""
    try:
        return msgspec.json.decode(json_of(answer), type=Fault)
    except (ValueError, RecursionError):
        return Fault()
