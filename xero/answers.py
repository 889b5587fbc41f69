"""Turn the status of an answer into one of our errors, by what it means for the request."""

from datetime import datetime, timedelta

import httpx
import msgspec

from xero.allowance import read_allowance
from xero.errors import Disconnected, NotFound, Reason, Rejected, Retry, ScopeMissing, Unauthorised, Uncertain
from xero.payloads import Fault

_OFFLINE_PAUSE = timedelta(minutes=5)
_OFFLINE_WORDS = ("offline", "temporarily unavailable", "maintenance")
_SCOPE_ERRORS = ("insufficent_scope", "insufficient_scope")  # Xero spells it the first way


def check(answer: httpx.Response, now: datetime, *, writes: bool) -> None:
    """Return for a 2xx, raise for every other status. A write that ended in a 5xx may have been carried out,
    unless Xero says that it is offline."""
    status = answer.status_code
    if 200 <= status < 300:
        return
    if status in (401, 403):
        raise _refused(answer)
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


def json_of(answer: httpx.Response) -> bytes:
    """Raises ValueError if a 2xx holds something other than JSON, as from a proxy or a sign-in page on the
    way."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "text/json") and not kind.endswith("+json"):
        raise ValueError("not JSON")
    return answer.content


def _refused(answer: httpx.Response) -> ScopeMissing | Unauthorised | Disconnected:
    if _lacks_scope(answer):
        return ScopeMissing()
    detail = "; ".join(one.text for one in _fault(answer).said)
    return Unauthorised(detail) if answer.status_code == 401 else Disconnected(detail)


def _lacks_scope(answer: httpx.Response) -> bool:
    challenge = answer.headers.get("www-authenticate", "").lower()
    return any(error in challenge for error in _SCOPE_ERRORS)


def _is_offline(answer: httpx.Response) -> bool:
    said = answer.text[:2000].lower()
    return any(word in said for word in _OFFLINE_WORDS)


def _fault(answer: httpx.Response) -> Fault:
    """Errors come as JSON, XML, HTML or text. Only JSON says more than the status does."""
    try:
        return msgspec.json.decode(json_of(answer), type=Fault)
    except (ValueError, RecursionError):
        return Fault()
