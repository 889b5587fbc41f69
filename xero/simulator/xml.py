"""The Accounting API's answers in XML: what Xero gives to a request that does not ask for JSON."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_MS_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/", re.ASCII)
_UNNAMEABLE = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_SINGULAR = {
    "Elements": "DataContractBase",
    "SalesTrackingCategories": "SalesTrackingCategory",
    "PurchasesTrackingCategories": "PurchasesTrackingCategory",
    "Tracking": "TrackingCategory",
    "Addresses": "Address",
    "Balances": "Balances",
}


def wants_xml(request: Request) -> bool:
    """Whether the answer is XML: without Accept, with `*/*` or with XML. Only an Accept that names JSON gets JSON."""
    return "json" not in request.headers.get("Accept", "").lower()


def as_xml(answer: Response) -> Response:
    """The same answer in XML. An answer that is not JSON stays as it is."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return answer
    content = _decoder.decode(answer.body)
    root = "ApiException" if "ErrorNumber" in content else "Response"
    body = "".join(_element(root, content))
    headers = {k: v for k, v in answer.headers.items() if k not in ("content-type", "content-length")}
    return Response(
        f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode(),
        answer.status_code,
        headers,
        media_type="text/xml; charset=utf-8",
    )


def _element(name: str, value: Any) -> Iterator[str]:
    """A list becomes an element that holds one element for each entry, named by the singular."""
    if value is None:
        return
    yield f"<{name}>"
    if isinstance(value, dict):
        for member, held in value.items():
            yield from _element(member, held)
    elif isinstance(value, list):
        for entry in value:
            yield from _element(_singular(name), entry)
    else:
        yield escape(_text(value))
    yield f"</{name}>"


def _singular(name: str) -> str:
    if name in _SINGULAR:
        return _SINGULAR[name]
    return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")


def _text(value: Any) -> str:
    """Dates as ISO 8601 in UTC, without a zone."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if found := _MS_DATE.fullmatch(text):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1]))
        return moment.replace(tzinfo=None).isoformat(
            timespec="milliseconds" if moment.microsecond else "seconds"
        )
    return _UNNAMEABLE.sub("", text)
