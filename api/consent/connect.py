"""Connects an organisation of Xero, and disconnects one.

connectXero begins a flow and returns the address of Xero's page. Xero sends the browser to /oauth/callback, which exchanges the code
and redirects to `returnTo` at once. A browser that did not begin the flow must press a button first: somebody may have sent
the link to a stranger, whose organisation would land in the sender's workspace. See docs/decisions.
"""

import base64
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.consent import flows, pages
from api.consent.flows import Begun, Flow
from api.context import Context, Process
from api.errors import RETRY_AFTER
from domain.actions import resume
from domain.connection import organisations
from domain.connection.oauth_grants import Grants
from domain.connection.organisations import Ended, Tenant
from domain.problems import Refused
from domain.tables import Workspace
from domain.tx import Actor
from runtime.database import DatabaseUnavailable
from xero import oauth
from xero.oauth import Connection
from xero.tokens import GrantTokens, expires_at, seal_tokens

log = structlog.get_logger()
_LIVE = sa.text("select door.tenant_workspaces(:tenant)")


class Failure(StrEnum):
    """The reason that `returnTo` gets as ?error=…"""

    ACCESS_DENIED = "ACCESS_DENIED"
    EXPIRED = "EXPIRED"
    CODE_REFUSED = "CODE_REFUSED"
    XERO_UNAVAILABLE = "XERO_UNAVAILABLE"
    MISCONFIGURED = "MISCONFIGURED"
    NO_ORGANISATION = "NO_ORGANISATION"
    STALE_CONNECTION = "STALE_CONNECTION"
    OTHER_ORGANISATION = "OTHER_ORGANISATION"
    CONNECTED_ELSEWHERE = "CONNECTED_ELSEWHERE"


TEXTS = {
    Failure.ACCESS_DENIED: "You did not allow the connection, so nothing was connected.",
    Failure.EXPIRED: "This link is not valid any more. Each link works once, for ten minutes."
    " If you have just pressed the button, check whether the organisation is connected. Otherwise begin again.",
    Failure.CODE_REFUSED: "Xero did not accept the code of this connection: a code works once, for five minutes. Begin again.",
    Failure.XERO_UNAVAILABLE: "Tandem could not reach Xero. Begin again in a minute.",
    Failure.MISCONFIGURED: "Xero refuses this server's app. The server's administrator finds the reason in the log.",
    Failure.NO_ORGANISATION: "You chose no organisation in Xero. Begin again, and choose one.",
    Failure.STALE_CONNECTION: "Xero had an unfinished connection to Tandem. Tandem has removed it. Begin again.",
    Failure.OTHER_ORGANISATION: "You chose another organisation than the one that is to be connected again. Begin again, and choose that one.",
    Failure.CONNECTED_ELSEWHERE: "This organisation is connected in another workspace of Tandem. Disconnect it there first.",
}

DATABASE_AWAY = (
    "Tandem's database does not answer at the moment. Reload this page in a moment. If the page then says that the link is"
    " not valid any more, begin again."
)


class Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True)
class Consent:
    """The result of the exchange of a code: the tokens, and the organisations that this workspace may connect."""

    tokens: oauth.TokenAnswer
    expires_at: datetime
    xero_user_id: UUID
    tenants: list[Tenant]


def routes(process: Process) -> list[Route]:
    return [
        Route("/oauth/callback", partial(_with_page, partial(callback, process)), methods=["GET"]),
        Route("/oauth/confirm", partial(_with_page, partial(confirm, process)), methods=["POST"]),
    ]


async def _with_page(answer: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """Show a page also if the database does not answer. The flow may be used up by then."""
    try:
        return await answer(request)
    except DatabaseUnavailable as error:
        log.warning("database_unavailable", error=str(error), path=request.url.path)
        page = pages.notice("Try again in a moment", DATABASE_AWAY, status=503)
        page.headers.update(RETRY_AFTER)
        return page


async def begin_consent(
    context: Context, return_to: str | None = None, organisation_id: UUID | None = None
) -> str:
    """Return the address of Xero's page, and set the cookie by which the callback knows the browser.

    Over a WebSocket no cookie can be set; then the callback shows the button. Refuse a `returnTo` that is not allowed, and an
    unknown organisation.
    """
    settings, viewer = context.process.settings, context.viewer
    assert viewer is not None
    begun = Begun(viewer.workspace, viewer.actor, flows.check_return_to(settings, return_to), organisation_id)
    app = flows.registered_app(settings)
    if organisation_id is not None:
        async with context.transaction() as tx:
            await organisations.get(tx, organisation_id)
    state, verifier, cookie = oauth.new_secret(), oauth.new_secret(), oauth.new_secret()
    await flows.keep(context.process, state, begun, verifier.encode(), cookie)
    if context.response is not None:
        context.response.set_cookie(
            flows.cookie_name(settings, state),
            cookie,
            max_age=int(flows.LIFETIME.total_seconds()),
            secure=flows.is_secure(settings),
            httponly=True,
            samesite="lax",
        )
    return oauth.consent_url(app, state, verifier)


async def callback(process: Process, request: Request) -> Response:
    """GET /oauth/callback, to which Xero sends the browser with a code or an error."""
    state = request.query_params.get("state", "")
    flow = await flows.take(process, state)
    if flow is None:
        return _failed(None, Failure.EXPIRED)
    name = flows.cookie_name(process.settings, state)
    try:
        answer = await _called_back(process, request, flow, request.cookies.get(name))
    except Failed as error:
        answer = _failed(flow.begun, error.failure)
    answer.delete_cookie(name, secure=flows.is_secure(process.settings), httponly=True, samesite="lax")
    return answer


async def confirm(process: Process, request: Request) -> Response:
    """POST /oauth/confirm: a button was pressed on the page for browsers without the cookie."""
    form = await request.form()
    token = form.get("token")
    flow = await flows.take(process, token) if isinstance(token, str) else None
    if flow is None:
        return _failed(None, Failure.EXPIRED)
    consent = msgspec.json.decode(flow.opened, type=Consent)
    if form.get("answer") != "yes":
        await _delete_unused(process, consent.tokens, consent.tenants)
        return _failed(flow.begun, Failure.ACCESS_DENIED, status=303)
    try:
        connected = await _connect(process, flow.begun, consent)
    except Failed as error:
        return _failed(flow.begun, error.failure, status=303)
    return _done(flow.begun, connected, status=303)


async def disconnect(context: Context, organisation_id: UUID) -> None:
    """Disconnects here at once, whether or not Xero answers.

    A connection that is left at Xero ends when this is repeated, by the job `end_connection`, or by connecting again.
    """
    viewer = context.viewer
    assert viewer is not None
    async with context.transaction() as tx:
        await organisations.disconnect(tx, organisation_id)
        ended = await organisations.find_ended(tx, organisation_id)
    if ended is not None:
        await _end(context.process, viewer.workspace, viewer.actor, ended)


async def _called_back(process: Process, request: Request, flow: Flow, cookie: str | None) -> Response:
    query = request.query_params
    if "error" in query or not query.get("code"):
        denied = query.get("error") == "access_denied"
        raise Failed(Failure.ACCESS_DENIED if denied else Failure.CODE_REFUSED)
    consent = await _exchange(process, flow, query["code"])
    if flow.kept_by(cookie):
        return _done(flow.begun, await _connect(process, flow.begun, consent))
    return await _ask(process, flow.begun, consent)


async def _exchange(process: Process, flow: Flow, code: str) -> Consent:
    app, now = flows.registered_app(process.settings), process.database.clock.now()
    try:
        tokens = await oauth.exchange(process.http, app, code, flow.opened.decode())
        claims = oauth.read_claims(tokens.access_token)
        found = await oauth.connections(process.http, app, tokens.access_token)
    except oauth.XeroError as error:
        # The text of this exception has no token and no payload.
        log.warning("consent_failed", error=str(error))
        raise Failed(_failure_of(error)) from None
    tenants = await _choose(process, flow, tokens, claims, found)
    return Consent(tokens, expires_at(tokens, now), claims.xero_userid, tenants)


def _failure_of(error: oauth.XeroError) -> Failure:
    if isinstance(error, oauth.NeedsReconnect):
        return Failure.CODE_REFUSED
    return Failure.MISCONFIGURED if isinstance(error, oauth.Misconfigured) else Failure.XERO_UNAVAILABLE


async def _choose(
    process: Process, flow: Flow, tokens: oauth.TokenAnswer, claims: oauth.Claims, found: Sequence[Connection]
) -> list[Tenant]:
    """The organisations of this consent that this workspace may connect: at least one, or Failed.

    Other connections that the consent made are deleted at Xero. A connection that is left would hide the next consent's (see
    `oauth.granted`).
    """
    async with process.database.transaction(flow.begun.workspace, flow.begun.by) as tx:
        known = await organisations.tenants(tx)
    given = oauth.granted(found, claims, flow.began_at, set(known.values()))
    if not given:
        recent = _tenants(found, since=flow.began_at - oauth.SKEW)
        gone = await _delete_unused(process, tokens, recent)
        if await _elsewhere(process, flow.begun.workspace, recent):
            raise Failed(Failure.CONNECTED_ELSEWHERE)
        raise Failed(Failure.STALE_CONNECTION if gone else Failure.NO_ORGANISATION)
    tenants = _tenants(given)
    if flow.begun.organisation is not None:
        wanted = known.get(flow.begun.organisation)
        tenants, others = _split(tenants, {wanted} if wanted else set())
        if not tenants:
            await _delete_unused(process, tokens, others)
            raise Failed(Failure.OTHER_ORGANISATION)
    _, tenants = _split(tenants, await _elsewhere(process, flow.begun.workspace, tenants))
    if not tenants:
        raise Failed(Failure.CONNECTED_ELSEWHERE)
    return tenants


def _tenants(connections: Iterable[Connection], since: datetime | None = None) -> list[Tenant]:
    """The organisations among the connections; with `since`, those that were updated since."""
    return [
        Tenant(connection.tenant_id, connection.id, connection.tenant_name)
        for connection in connections
        if connection.tenant_type.upper() == "ORGANISATION"
        and (
            since is None
            or (connection.updated_date_utc is not None and connection.updated_date_utc >= since)
        )
    ]


def _split(tenants: Iterable[Tenant], ids: set[UUID]) -> tuple[list[Tenant], list[Tenant]]:
    listed = list(tenants)
    return [each for each in listed if each.tenant_id in ids], [
        each for each in listed if each.tenant_id not in ids
    ]


async def _workspaces(process: Process, tenant_id: UUID) -> set[UUID]:
    """The workspaces in which the organisation is connected now."""
    async with process.database.door() as session:
        return set(await session.scalars(_LIVE, {"tenant": tenant_id}))


async def _elsewhere(process: Process, workspace: UUID, tenants: Iterable[Tenant]) -> set[UUID]:
    return {each.tenant_id for each in tenants if await _workspaces(process, each.tenant_id) - {workspace}}


async def _delete_unused(
    process: Process, tokens: oauth.TokenAnswer, tenants: Iterable[Tenant]
) -> list[Tenant]:
    """Delete at Xero the connections that no workspace uses, and return their organisations."""
    app = flows.registered_app(process.settings)
    gone = []
    for tenant in tenants:
        if tenant.connection_id is None or await _workspaces(process, tenant.tenant_id):
            continue
        try:
            await oauth.delete_connection(process.http, app, tokens.access_token, tenant.connection_id)
            gone.append(tenant)
        except oauth.XeroError as error:
            log.warning("connection_not_deleted", connection=str(tenant.connection_id), error=str(error))
    return gone


async def _connect(process: Process, begun: Begun, consent: Consent) -> list[UUID]:
    """Store the tokens first, because an organisation without tokens cannot be read. If the process is killed in between, the next
    consent finds the connection at Xero."""
    app, user = flows.registered_app(process.settings), consent.xero_user_id
    sealed = seal_tokens(process.keys, consent.tokens, app.client_id, user)
    grant_id = await _grants(process).keep(app.client_id, user, sealed, consent.expires_at)
    try:
        async with process.database.transaction(begun.workspace, begun.by) as tx:
            return [await resume.connect(tx, tenant, grant_id) for tenant in consent.tenants]
    except Refused as refused:
        log.warning("connect_refused", error=str(refused))
        raise Failed(Failure.CONNECTED_ELSEWHERE) from None


async def _ask(process: Process, begun: Begun, consent: Consent) -> Response:
    """Keep the sealed tokens until the button is pressed, because the code itself is valid for five minutes only."""
    token = oauth.new_secret()
    await flows.keep(process, token, begun, msgspec.json.encode(consent))
    async with process.database.transaction(begun.workspace, begun.by) as tx:
        found = await tx.session.get(Workspace, begun.workspace)
    practice = found.name if found else "this workspace"
    names = ", ".join(tenant.name or organisations.NAMELESS for tenant in consent.tenants)
    return pages.question(
        f"Connect {names} to {practice}?",
        f"{begun.by.name} of {practice} began this connection in another browser.",
        f"If you connect, {practice} can read and change the contacts and invoices of {names} in Xero.",
        "If somebody sent you this link and you do not know why, do not connect.",
        token=token,
        yes=f"Connect {names} to {practice}",
        no="Do not connect",
        action="confirm",
        goes_to=flows.origin_of(begun.return_to) if begun.return_to else None,
    )


def _done(begun: Begun, ids: Sequence[UUID], status: int = 302) -> Response:
    if begun.return_to is None:
        return pages.notice("Connected", "The organisation is connected. You can close this page.")
    return _redirect(begun.return_to, [("organisationId", _global_id(each)) for each in ids], status)


def _failed(begun: Begun | None, failure: Failure, status: int = 302) -> Response:
    if begun is None or begun.return_to is None:
        return pages.notice("Not connected", TEXTS[failure], status=400)
    return _redirect(begun.return_to, [("error", failure)], status)


def _redirect(address: str, added: Sequence[tuple[str, str]], status: int) -> Response:
    """Add to the query of the address, and keep its query and its fragment."""
    parts = urlsplit(address)
    query = "&".join(part for part in (parts.query, urlencode(added)) if part)
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(urlunsplit(parts._replace(query=query)), status, headers)


def _global_id(organisation_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"XeroOrganisation:{organisation_id}".encode()).decode().rstrip("=")


async def _end(process: Process, workspace: UUID, actor: Actor, ended: Ended) -> None:
    """Delete the connection at Xero, unless the organisation is connected again, here or in another workspace."""
    if not await _workspaces(process, ended.tenant_id) and not await _deleted(process, ended):
        return
    async with process.database.transaction(workspace, actor) as tx:
        await organisations.settle_ended(tx, ended)


async def _deleted(process: Process, ended: Ended) -> bool:
    """Whether the connection is gone, or cannot be deleted ever because the consent has ended. False: try again later."""
    try:
        app = flows.registered_app(process.settings)
        tokens = GrantTokens(
            http=process.http,
            app=app,
            grants=_grants(process),
            seal=process.keys,
            clock=process.database.clock,
            grant_id=ended.grant_id,
        )
        await oauth.delete_connection(process.http, app, await tokens.access_token(), ended.connection_id)
    except oauth.NeedsReconnect:
        return True
    except (oauth.XeroError, Refused) as error:
        log.warning("connection_not_deleted", connection=str(ended.connection_id), error=str(error))
        return False
    return True


def _grants(process: Process) -> Grants:
    return Grants(process.database.call_door, process.database.clock)
