"""Xero's forms on the wire: envelope, dates, and the bodies of refusals."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import msgspec
from starlette.responses import Response

NO_ID = "00000000-0000-0000-0000-000000000000"

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:
    return _encoder.encode(value)


def ms_date(moment: datetime) -> str:
    """Xero's date-time, to the millisecond: ``/Date(1551399321043+0000)/``."""
    return f"/Date({milliseconds(moment)}+0000)/"


def milliseconds(moment: datetime) -> int:
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def truncate_to_millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def parse_condition_date(text: str) -> datetime:
    """If-Modified-Since in the forms that clients use: ISO without zone (UTC), with Z or an offset, RFC 1123.

    Cut to the second. Raises ValueError for any other text.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:
        raise ValueError(f"{text} is out of range") from error


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        encode(body), status_code=status, headers=headers, media_type="application/json; charset=utf-8"
    )


def text_response(text: str, status: int) -> Response:
    return Response(text, status_code=status, media_type="text/plain; charset=utf-8")


def envelope(provider: str, now: datetime, **content: Any) -> dict[str, Any]:
    """`content` holds the resource's list by its name and, on paged reads, `pagination`."""
    return {
        "Id": str(uuid4()),
        "Status": "OK",
        "ProviderName": provider,
        "DateTimeUTC": f"/Date({milliseconds(now)})/",
        **content,
    }


class Refusal(Exception):
    """Ends a request with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Refusal:
    """The body of Xero's gateway with a 401 or 403."""
    body: dict[str, Any] = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": str(uuid4()),
        "Extensions": {},
    }
    return Refusal(json_response(body, status, headers))


def api_error(number: int, kind: str, message: str, **content: Any) -> Response:
    """A 400 of the Accounting API, with its ErrorNumber."""
    return json_response({"ErrorNumber": number, "Type": kind, "Message": message, **content}, 400)


def validation_exception(elements: list[dict[str, Any]]) -> Response:
    return api_error(10, "ValidationException", "A validation exception occurred", Elements=elements)


def unreadable(message: str) -> Refusal:
    return Refusal(api_error(14, "PostDataInvalidException", message))


def no_data() -> Refusal:
    return Refusal(api_error(17, "NoDataProcessedException", "No data has been processed for this endpoint."))


def bad_query(message: str) -> Refusal:
    return Refusal(api_error(16, "QueryParseException", message))


def not_found() -> Response:
    return text_response("The resource you're looking for cannot be found", 404)
