"""The session of a browser that has signed in to the console.

The session is a cookie, sealed. The cookie holds the caller's token; if the identity provider gave a refresh token, the cookie holds that one
instead, and each GET redeems it for a new access token. Only /console/session reads the cookie, and only to give the page a token; the page
keeps the token in memory and sends it in the header Authorization. GraphQL and the WebSocket read no cookie, so no other site can make the
browser change anything. /console/session asks for a header that no other origin may send.
"""

from datetime import UTC, datetime, timedelta

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.auth.callers import Callers
from api.auth.code_flow import CodeFlow, CodeRefused, Grant
from api.auth.credentials import Credential, NotLetIn, find_bearer
from api.auth.provider import ProviderUnavailable
from api.context import Process
from api.http.error_responses import error_response
from api.http.sealed_cookie import SealedCookie

SESSION = "/console/session"
LASTS = timedelta(hours=12)
HEADER = "x-tandem-console"
SEND_TOKEN = "Send the token in the header Authorization: Bearer …"  # noqa: S105 - a sentence
NOT_THE_CONSOLE = "Only the console may use this address."


class Session(msgspec.Struct, array_like=True):
    """The content of the cookie, which is sealed: a token, when the session began and ends in seconds since 1970, and whether it is a refresh token."""

    token: str
    began: float
    until: float
    renews: bool = False


class Sessions:
    """POST begins a session with the token in Authorization. GET gives a token, or 204 without a session. DELETE ends the session."""

    def __init__(self, process: Process, callers: Callers, flow: CodeFlow | None = None) -> None:
        self._clock, self._callers, self._flow = process.database.clock, callers, flow
        self._cookie = SealedCookie(process, "tandem_console", SESSION, Session, same_site="strict")

    async def answer(self, request: Request) -> Response:
        if not _is_own_page(request):
            raise HTTPException(403, NOT_THE_CONSOLE)
        try:
            if request.method == "POST":
                response = await self._start(request)
            elif request.method == "DELETE":
                response = self._end()
            else:
                response = await self._resume(request)
        except NotLetIn as error:
            return error_response(request, error.status, error.message, error.headers)
        except ProviderUnavailable as error:
            raise HTTPException(503, str(error)) from None
        response.headers["cache-control"] = "no-store"
        return response

    async def keep(self, response: Response, grant: Grant) -> None:
        """Begin a session in the response, with tokens of the identity provider. Raises NotLetIn."""
        await self._callers.find(Credential(grant.access_token))
        if grant.refresh_token is None:
            self._begin(response, grant.access_token)
        else:
            self._begin(response, grant.refresh_token, renews=True)

    async def _start(self, request: Request) -> Response:
        token = find_bearer(request.headers.get("authorization"))
        if token is None:
            raise HTTPException(401, SEND_TOKEN)
        await self._callers.find(Credential(token), address=self._callers.address_of(request))
        response = Response(status_code=204)
        self._begin(response, token)
        return response

    def _begin(self, response: Response, token: str, *, renews: bool = False) -> None:
        now = self._clock.now()
        self._keep(response, Session(token, now.timestamp(), (now + LASTS).timestamp(), renews))

    async def _resume(self, request: Request) -> Response:
        session = self._cookie.read(request)
        if session is None or session.until <= self._clock.now().timestamp():
            return self._end()
        return await self._renew(session) if session.renews else JSONResponse({"token": session.token})

    async def _renew(self, session: Session) -> Response:
        """A new access token, and the cookie with the refresh token for the next time."""
        if self._flow is None:
            return self._end()
        try:
            grant = await self._flow.refresh(session.token)
            began = datetime.fromtimestamp(session.began, UTC)
            viewer = await self._callers.find(Credential(grant.access_token), began)
        except CodeRefused:
            return self._end()
        except NotLetIn as error:
            if error.status >= 500:
                raise
            return self._end()
        expires = viewer.expires_at.isoformat() if viewer.expires_at else None
        response = JSONResponse({"token": grant.access_token, "expiresAt": expires})
        self._keep(
            response, Session(grant.refresh_token or session.token, session.began, session.until, True)
        )
        return response

    def _keep(self, response: Response, session: Session) -> None:
        left = session.until - self._clock.now().timestamp()
        self._cookie.set(response, session, max(0, int(left)))

    def _end(self) -> Response:
        response = Response(status_code=204)
        self._cookie.clear(response)
        return response


def _is_own_page(request: Request) -> bool:
    """Whether the console's page sends this. Browsers send Sec-Fetch-Site, and ask before another origin may send the other header."""
    return HEADER in request.headers and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
