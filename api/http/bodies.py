"""Request bodies: at most 1 MB, not coded, and here within 10 s. Otherwise 413, 415 or 408.

After 413 and 415 the connection stays, so that the client may finish writing and reads why (a close at once resets it);
uvicorn drops what still comes, and api.http.serve ends a connection whose body does not.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 1_000_000
SLOWEST = 10.0


class Bodies:
    """What is read is counted as it comes; nothing is read for a route that does not ask."""

    def __init__(self, app: ASGIApp, *, largest: int = LARGEST, slowest: float = SLOWEST) -> None:
        self._app, self._largest, self._slowest = app, largest, slowest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        read = 0
        whole = False
        until = asyncio.get_running_loop().time() + self._slowest

        async def counted() -> Message:
            nonlocal read, whole
            if whole:
                return await receive()
            self._refuse(headers)
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The body did not come in time", {"connection": "close"}) from None
            read += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if read > self._largest:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _refuse(self, headers: Headers) -> None:
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise HTTPException(415, "A coded body is not accepted")
        length = headers.get("content-length", "0")
        if length.isdecimal() and (len(length) > 12 or int(length) > self._largest):
            raise self._too_large()

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"A request may have {self._largest} bytes: send fewer rows at once")
