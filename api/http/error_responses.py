"""Responses that hold only errors: a request was refused before GraphQL ran, or failed outside of it."""

import json
from collections.abc import Mapping

import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.errors import RETRY_AFTER, TRY_AGAIN, Code, refusal
from api.http.accept import json_type
from runtime.database import DatabaseUnavailable

CODES = {
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    413: Code.TOO_COSTLY,
    429: Code.RATE_LIMITED,
    503: Code.UNAVAILABLE,
}
log = structlog.get_logger()


def error_response(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON escapes half of a surrogate pair, which a client may have sent and a message may repeat."""
    code = CODES.get(status, Code.INTERNAL if status >= 500 else Code.BAD_REQUEST)
    kind = f"{json_type(request.headers.get('accept', ''))}; charset=utf-8"
    content = json.dumps({"errors": [refusal(code, message).formatted]})
    response = Response(content, status, headers, kind)
    response.headers["cache-control"] = "no-store"
    return response


def unavailable_response(request: Request, error: DatabaseUnavailable) -> Response:
    """The answer if the database fails before GraphQL runs, so that nothing was changed."""
    log.warning("database_unavailable", error=str(error), path=request.url.path)
    return error_response(request, 503, TRY_AGAIN, RETRY_AFTER)
