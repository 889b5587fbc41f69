"""Xero's sign-in and identity service: consent page, token endpoint, revocation, connections."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from secrets import compare_digest, token_urlsafe
from urllib.parse import unquote, urlencode, urlsplit
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from xero.simulator import faults as fault_rules
from xero.simulator.accounting import authenticate
from xero.simulator.simulation import Simulation
from xero.simulator.tokens import OAuthError, check_scope
from xero.simulator.wire import Refusal, json_response, not_found
from xero.simulator.world import App, Connection, User, World

_CARRIED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)


async def authorize(request: Request) -> Response:
    """GET shows the consent page. POST of its form (`action` allow or cancel, `tenantId`, `userId`) redirects.

    An unknown client or redirect URI is shown to the person, and never sent to the given address.
    """
    simulation: Simulation = request.app.state.simulation
    asked: Mapping[str, str] = {**request.query_params, **await _form(request)}
    app = simulation.world.apps.get(asked.get("client_id", ""))
    if app is None:
        return _error_page("unauthorized_client", "Unknown client or client not enabled")
    redirect_uri = asked.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris or not redirect_uri_allowed(redirect_uri):
        return _error_page("unauthorized_client", "Invalid redirect_uri")
    try:
        _check_request(app, asked)
        if request.method == "GET":
            return HTMLResponse(_consent_page(simulation.world, app, asked))
        return _redirect(redirect_uri, _decide(simulation, app, asked), asked)
    except OAuthError as error:
        answer = {"error": error.error}
        if error.description:
            answer["error_description"] = error.description
        return _redirect(redirect_uri, answer, asked)


def redirect_uri_allowed(uri: str) -> bool:
    """https, or http on the name localhost; Xero refuses http://127.0.0.1. Any scheme of an app's own for native apps."""
    parts = urlsplit(uri)
    if parts.scheme == "http":
        return parts.hostname == "localhost"
    return parts.scheme != "" and "*" not in uri and not parts.fragment


def _check_request(app: App, asked: Mapping[str, str]) -> None:
    if asked.get("response_type") != "code":
        raise OAuthError("unsupported_response_type")
    check_scope(app, asked.get("scope", ""))
    challenge = asked.get("code_challenge")
    if challenge and asked.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "Transform algorithm not supported")
    if not challenge and app.secret is None:
        raise OAuthError("invalid_request", "code challenge required")


def _decide(simulation: Simulation, app: App, asked: Mapping[str, str]) -> dict[str, str]:
    if asked.get("action") != "allow":
        raise OAuthError("access_denied", "The user cancelled the consent")
    world = simulation.world
    user = world.users.get(asked.get("userId") or next(iter(world.users), ""))
    if user is None:
        raise OAuthError("access_denied", "No such user")
    tenant_id = asked.get("tenantId") or next(iter(user.tenants), "")
    if tenant_id not in user.tenants or tenant_id not in world.organisations:
        raise OAuthError("access_denied", "The user may not connect this organisation")
    auth_event_id = str(uuid4())
    world.connect(app.client_id, user.id, tenant_id, auth_event_id)
    code = simulation.tokens.issue_code(
        app, user.id, asked["redirect_uri"], asked["scope"], asked.get("code_challenge"), auth_event_id
    )
    return {"code": code, "scope": asked["scope"], "session_state": token_urlsafe(16)}


def _redirect(uri: str, answer: dict[str, str], asked: Mapping[str, str]) -> Response:
    if asked.get("state") is not None:
        answer = answer | {"state": asked["state"]}
    separator = "&" if urlsplit(uri).query else "?"
    return RedirectResponse(f"{uri}{separator}{urlencode(answer)}", 302)


async def token(request: Request) -> Response:
    """The token endpoint. The endpoint answers every error with 400 and the error's OAuth name."""
    simulation: Simulation = request.app.state.simulation
    armed = simulation.faults.claim(request.method, request.url.path)
    await fault_rules.delay(armed)
    struck = await fault_rules.strike(request, armed, "before")
    if struck is not None:
        return struck
    form = await _form(request)
    try:
        response = _issue(simulation, _authenticate_client(simulation.world, request, form), form)
    except OAuthError as error:
        response = _oauth_error(error)
    late = await fault_rules.strike(request, armed, "after")
    return late or response


def _issue(simulation: Simulation, app: App, form: dict[str, str]) -> Response:
    tokens = simulation.tokens
    kind = form.get("grant_type")
    if kind == "authorization_code":
        answer = tokens.exchange_code(
            app, form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
        )
    elif kind == "refresh_token":
        answer = tokens.refresh(app, form.get("refresh_token", ""))
    elif kind == "client_credentials":
        answer = tokens.issue_client_token(app, form.get("scope", ""))
    else:
        raise OAuthError("unsupported_grant_type")
    return json_response(answer, headers={"Cache-Control": "no-store"})


async def revocation(request: Request) -> Response:
    """The revocation endpoint. The endpoint answers 200 for an unknown token too (RFC 7009)."""
    simulation: Simulation = request.app.state.simulation
    form = await _form(request)
    try:
        app = _authenticate_client(simulation.world, request, form)
    except OAuthError as error:
        return _oauth_error(error)
    simulation.tokens.revoke(app, form.get("token", ""))
    return Response(status_code=200)


def _oauth_error(error: OAuthError) -> Response:
    body = {"error": error.error}
    if error.description:
        body["error_description"] = error.description
    return json_response(body, 400, {"Cache-Control": "no-store"})


def _authenticate_client(world: World, request: Request, form: dict[str, str]) -> App:
    """Authenticate the client by HTTP Basic or by the body. A native app has no secret and gives its id only."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            client_id, _, secret = b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise OAuthError("invalid_client") from error
        client_id, secret = unquote(client_id), unquote(secret)
    app = world.apps.get(client_id)
    if app is None or not compare_digest((app.secret or "").encode(), secret.encode()):
        raise OAuthError("invalid_client")
    return app


async def connections(request: Request) -> Response:
    simulation: Simulation = request.app.state.simulation
    try:
        access = authenticate(simulation, request)
    except Refusal as refusal:
        return refusal.response
    if access.user_id is None and "app.connections" in access.scopes:
        rows = [c for c in simulation.world.connections.values() if c.client_id == access.client_id]
    else:
        rows = simulation.world.connections_of(access.client_id, access.user_id)
    event = request.query_params.get("authEventId")
    if event:
        rows = [c for c in rows if c.auth_event_id == event.lower()]
    return json_response([_render_connection(simulation.world, c) for c in rows])


async def delete_connection(request: Request) -> Response:
    simulation: Simulation = request.app.state.simulation
    try:
        access = authenticate(simulation, request)
    except Refusal as refusal:
        return refusal.response
    connection = simulation.world.connections.get(request.path_params["id"].lower())
    own = connection is not None and connection.client_id == access.client_id
    if connection is None or not own or access.user_id not in (None, connection.user_id):
        return not_found()
    simulation.world.disconnect(connection.id)
    return Response(status_code=204)


def _render_connection(world: World, connection: Connection) -> dict[str, str]:
    return {
        "id": connection.id,
        "authEventId": connection.auth_event_id,
        "tenantId": connection.tenant_id,
        "tenantType": "ORGANISATION",
        "tenantName": world.organisations[connection.tenant_id].name,
        "createdDateUtc": _seven_decimals(connection.created),
        "updatedDateUtc": _seven_decimals(connection.updated),
    }


def _seven_decimals(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"


async def _form(request: Request) -> dict[str, str]:
    if request.method != "POST":
        return {}
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _error_page(error: str, text: str) -> Response:
    return HTMLResponse(f"<!doctype html><title>{error}</title><h1>Error: {error}</h1><p>{text}</p>", 400)


def _consent_page(world: World, app: App, asked: Mapping[str, str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(asked[name])}">'
        for name in _CARRIED
        if name in asked
    )
    forms = "".join(_user_form(world, user, hidden) for user in world.users.values())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Connect to Xero (simulator)</title>'
        "<style>body{font:16px sans-serif;max-width:34rem;margin:4rem auto}form{margin:2rem 0}"
        "select,button{font:inherit;padding:.4rem .8rem;margin:.2rem}</style>"
        f"<h1>{escape(app.name)} wants access to:</h1><p>{escape(asked.get('scope', ''))}</p>{forms}</html>"
    )


def _user_form(world: World, user: User, hidden: str) -> str:
    options = "".join(
        f'<option value="{escape(tenant)}">{escape(world.organisations[tenant].name)}</option>'
        for tenant in user.tenants
        if tenant in world.organisations
    )
    return (
        f'<form method="post" action="/identity/connect/authorize">{hidden}'
        f'<input type="hidden" name="userId" value="{escape(user.id)}">'
        f"<p>{escape(user.name)} ({escape(user.email)})</p>"
        f'<label>Organisation <select name="tenantId">{options}</select></label>'
        '<button name="action" value="allow">Allow access</button>'
        '<button name="action" value="cancel">Cancel</button></form>'
    )


def identity_routes() -> list[Route]:
    """The routes. /connections answers with a capital letter too, because the official SDKs ask so."""
    routes = [
        Route("/identity/connect/authorize", authorize, methods=["GET", "POST"]),
        Route("/connect/token", token, methods=["POST"]),
        Route("/connect/revocation", revocation, methods=["POST"]),
    ]
    for path in ("/connections", "/Connections"):
        routes.append(Route(path, connections, methods=["GET"]))
        routes.append(Route(f"{path}/{{id}}", delete_connection, methods=["DELETE"]))
    return routes
