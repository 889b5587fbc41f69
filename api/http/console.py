"""The console: its built files, and the session of a browser that has signed in.

`make console` builds console/dist. Without a build, /console answers with a page that says so. The names of the built files contain a hash of
their content, so browsers keep them for a year.

The session is a cookie that holds the caller's token, sealed. Only /console/session reads the cookie, and only to give the token back to the
page after a reload; the page keeps the token in memory and sends it in the header Authorization. GraphQL and the WebSocket read no cookie,
so no other site can make the browser change anything. /console/session asks for a header that no other origin may send.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.auth.callers import Callers
from api.auth.credentials import Credential, NotLetIn, find_bearer
from api.consent import pages
from api.consent.flows import is_secure
from api.context import Process
from api.http.error_responses import error_response
from runtime.database import Database
from runtime.seal import SealError

PATH = "/console"
SESSION = f"{PATH}/session"
BUILT = Path(__file__).resolve().parents[2] / "console" / "dist"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LASTS = timedelta(hours=12)
HEADER = "x-tandem-console"
IDENTITY = "console-session"  # to which the seal of the cookie is bound
SEND_TOKEN = "Send the token in the header Authorization: Bearer …"  # noqa: S105 - a sentence
NOT_THE_CONSOLE = "Only the console may use this address."


class Session(NamedTuple):
    """The content of the cookie, which is sealed: the token, and the end of the session in seconds since 1970."""

    token: str
    until: float


class _Assets(StaticFiles):
    """Files whose names contain a hash of their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def routes(process: Process, callers: Callers, built: Path = BUILT) -> list[BaseRoute]:
    async def show(request: Request) -> Response:
        return _page(built)

    sessions = Sessions(process, callers)
    return [
        Route(SESSION, sessions.answer, methods=["GET", "POST", "DELETE"]),
        Mount(f"{PATH}/assets", _Assets(directory=built / "assets", check_dir=False)),
        Route(PATH, show),
        Route(f"{PATH}/{{screen:path}}", show),
    ]


def _page(built: Path) -> Response:
    try:
        html = (built / "index.html").read_bytes()
    except FileNotFoundError:
        return pages.notice(
            "The console is not built",
            "The GraphQL API works without it. To build the console, run `make console` in Tandem's folder, and reload this page.",
            "`make demo` builds the console in the background; that takes about a minute at the first start.",
            status=503,
        )
    return HTMLResponse(html, headers={"content-security-policy": POLICY, "cache-control": "no-cache"})


class Sessions:
    """POST begins a session with the token in Authorization. GET gives the token back, or 204 without a session. DELETE ends the session."""

    def __init__(self, process: Process, callers: Callers) -> None:
        self._process, self._callers = process, callers
        self._secure = is_secure(process.settings)
        self._name = "__Secure-tandem_console" if self._secure else "tandem_console"

    async def answer(self, request: Request) -> Response:
        if not _is_own_page(request):
            raise HTTPException(403, NOT_THE_CONSOLE)
        if request.method == "POST":
            response = await self._begin(request)
        elif request.method == "DELETE":
            response = Response(status_code=204)
            self._clear(response)
        else:
            response = self._resume(request)
        response.headers["cache-control"] = "no-store"
        return response

    async def _begin(self, request: Request) -> Response:
        token = find_bearer(request.headers.get("authorization"))
        if token is None:
            raise HTTPException(401, SEND_TOKEN)
        try:
            await self._callers.find(Credential(token))
        except NotLetIn as error:
            return error_response(request, error.status, error.message, error.headers)
        until = _now(self._process.database) + LASTS
        response = Response(status_code=204)
        response.set_cookie(
            self._name,
            self._seal(Session(token, until.timestamp())),
            max_age=int(LASTS.total_seconds()),
            path=SESSION,
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return response

    def _resume(self, request: Request) -> Response:
        session = self._unseal(request.cookies.get(self._name, ""))
        if session is None or session.until <= _now(self._process.database).timestamp():
            response = Response(status_code=204)
            self._clear(response)
            return response
        return JSONResponse({"token": session.token})

    def _clear(self, response: Response) -> None:
        response.delete_cookie(
            self._name, path=SESSION, secure=self._secure, httponly=True, samesite="strict"
        )

    def _seal(self, session: Session) -> str:
        return self._process.keys.seal(json.dumps(session).encode(), IDENTITY).hex()

    def _unseal(self, cookie: str) -> Session | None:
        try:
            return msgspec.json.decode(
                self._process.keys.unseal(bytes.fromhex(cookie), IDENTITY), type=Session
            )
        except (SealError, ValueError):
            return None


def _is_own_page(request: Request) -> bool:
    """Whether the console's page sends this. Browsers send Sec-Fetch-Site, and ask before another origin may send the other header."""
    return HEADER in request.headers and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _now(database: Database) -> datetime:
    return database.clock.now()
