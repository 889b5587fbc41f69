"""The limits on a request's body: at most 1 MB, not compressed, and complete within 10 s. Otherwise 413, 415 or 408.

After 413 and 415 the connection stays open, so that the client can finish writing and read the reason: closing at once would reset the
connection. uvicorn discards the rest of the body, and api.http.serve ends a connection whose body does not arrive.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 1_000_000
SLOWEST = 10.0


class BodyLimits:
    """Counts the bytes of a body as the route reads them. Reads nothing for a route that does not."""

    def __init__(self, app: ASGIApp, *, largest: int = LARGEST, slowest: float = SLOWEST) -> None:
        self._app, self._largest, self._slowest = app, largest, slowest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = limited(scope, receive, largest=self._largest, slowest=self._slowest)
        await self._app(scope, receive, send)


def limited(scope: Scope, receive: Receive, *, largest: int = LARGEST, slowest: float = SLOWEST) -> Receive:
    """Gives the messages of a request's body. Raises HTTPException in place of a message that passes a limit."""
    headers = Headers(scope=scope)
    read = 0
    whole = False
    until = asyncio.get_running_loop().time() + slowest

    async def counted() -> Message:
        nonlocal read, whole
        if whole:
            return await receive()
        _refuse(headers, largest)
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            why = f"The body of the request did not arrive within {slowest:g} s"
            raise HTTPException(408, why, {"connection": "close"}) from None
        read += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if read > largest:
            raise _too_large(largest)
        return message

    return counted


def _refuse(headers: Headers, largest: int) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "A compressed body is not accepted: send it without Content-Encoding")
    length = headers.get("content-length", "0")
    if length.isdecimal() and (len(length) > 12 or int(length) > largest):
        raise _too_large(largest)


def _too_large(largest: int) -> HTTPException:
    return HTTPException(413, f"A request may have at most {largest} bytes: send fewer rows at once")
