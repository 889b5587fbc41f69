"""The console: its built files, and the addresses of its session.

`make console` builds console/dist. Without a build, /console answers with a page that says so. The names of the built files contain a hash of
their content, so browsers keep them for a year.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.auth.callers import Callers
from api.auth.code_flow import CodeFlow
from api.consent import pages
from api.context import Process
from api.http.console_session import SESSION, Sessions
from api.http.console_sign_in import SignIn

PATH = "/console"
BUILT = Path(__file__).resolve().parents[2] / "console" / "dist"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _Assets(StaticFiles):
    """Files whose names contain a hash of their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def routes(process: Process, callers: Callers, built: Path = BUILT) -> list[BaseRoute]:
    async def show(request: Request) -> Response:
        return _page(built)

    flow = CodeFlow(process.settings, process.http) if process.settings.oidc_client_id else None
    sessions = Sessions(process, callers, flow)
    return [
        Route(SESSION, sessions.answer, methods=["GET", "POST", "DELETE"]),
        *SignIn(process, sessions, flow).routes(),
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
