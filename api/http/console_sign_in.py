"""Signing in to the console at the identity provider, where OIDC_CLIENT_ID is set.

/console/sign-in sends the browser to the provider; /console/sign-in/done gets it back with a code, and begins the session. A cookie holds the
flow's secrets meanwhile, so only the browser that began can end it. The tokens never reach the address bar.
"""

import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from api.auth.callers import is_signed
from api.auth.code_flow import CALLBACK, CodeFlow, CodeRefused
from api.auth.credentials import NotLetIn
from api.auth.provider import ProviderUnavailable
from api.consent import pages
from api.context import Process
from api.http.console_session import Sessions
from api.http.sealed_cookie import SealedCookie

BEGIN = "/console/sign-in"
OPTIONS = "/console/sign-in/options"
LASTS = timedelta(minutes=10)
PLACE = re.compile(r"/console(/[!-\[\]-~]*)?")  # a place in the console; browsers read a backslash as a slash
AGAIN = "Open /console and begin again."
FOREIGN = (
    "This browser has not begun this sign-in within the last ten minutes, or has begun another one since."
)
OPAQUE = (
    "The identity provider gave an access token for another server. Set OIDC_CLIENT_PARAMETERS or OIDC_CLIENT_SCOPE so that it gives one for"
    " OIDC_AUDIENCE."
)


class Pending(msgspec.Struct, array_like=True):
    """A sign-in that has begun. `place` is where the console goes on."""

    state: str
    verifier: str
    place: str
    until: float


class SignIn:
    def __init__(self, process: Process, sessions: Sessions, flow: CodeFlow | None) -> None:
        self._clock, self._sessions, self._flow = process.database.clock, sessions, flow
        # Lax: the browser comes back from the provider's site.
        self._cookie = SealedCookie(process, "tandem_sign_in", BEGIN, Pending, same_site="lax")

    def routes(self) -> list[Route]:
        return [
            Route(OPTIONS, self.list_options),
            Route(BEGIN, self._page(self.begin)),
            Route(CALLBACK, self._page(self.end)),
        ]

    async def list_options(self, request: Request) -> Response:
        """The ways to sign in besides an API token. The page asks for them before anybody has signed in."""
        return JSONResponse(
            {"identityProvider": BEGIN if self._flow else None}, headers={"cache-control": "no-store"}
        )

    async def begin(self, request: Request, flow: CodeFlow) -> Response:
        place = request.query_params.get("place", "")
        begun = await flow.start()
        response = RedirectResponse(begun.address, 303)
        until = (self._clock.now() + LASTS).timestamp()
        place = place if PLACE.fullmatch(place) and not place.startswith(BEGIN) else "/console"
        pending = Pending(begun.state, begun.verifier, place, until)
        self._cookie.set(response, pending, int(LASTS.total_seconds()))
        return response

    async def end(self, request: Request, flow: CodeFlow) -> Response:
        given, pending = request.query_params, self._cookie.read(request)
        is_foreign = (
            pending is None
            or pending.until <= self._clock.now().timestamp()
            or not hmac.compare_digest(given.get("state", "").encode(), pending.state.encode())
            or given.get("iss", flow.issuer) != flow.issuer
        )
        if pending is None or is_foreign:
            raise CodeRefused(FOREIGN)
        code = given.get("code")
        if code is None:
            said = given.get("error_description") or given.get("error") or "no code"
            raise CodeRefused(f"The identity provider says: {said[:300]}")
        grant = await flow.redeem(code, pending.verifier)
        if not is_signed(grant.access_token):
            raise CodeRefused(OPAQUE)
        response = RedirectResponse(pending.place, 303)
        await self._sessions.keep(response, grant)
        self._cookie.clear(response)
        return response

    def _page(
        self, show: Callable[[Request, CodeFlow], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """The route of a page that people see: a refusal is a page too."""

        async def shown(request: Request) -> Response:
            if self._flow is None:
                raise HTTPException(404)
            try:
                response = await show(request, self._flow)
            except CodeRefused as error:
                return _not_signed_in(str(error), 400)
            except NotLetIn as error:
                return _not_signed_in(error.message, error.status)
            except ProviderUnavailable as error:
                return _not_signed_in(str(error), 503)
            response.headers["cache-control"] = "no-store"
            return response

        return shown


def _not_signed_in(why: str, status: int) -> Response:
    return pages.notice("You are not signed in", why, AGAIN, status=status)
