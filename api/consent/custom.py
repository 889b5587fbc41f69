"""Connects an organisation through a custom connection: an app of its own at Xero, for one organisation.

The client id and the secret are the whole consent: no page opens, and no token rotates. The secret is sealed together with
its token. Xero says which organisation the custom connection is for.
"""

from dataclasses import dataclass, replace
from uuid import UUID

import httpx
import structlog

from domain.actions import resume
from domain.connection import organisations
from domain.connection.oauth_grants import Grants
from domain.connection.organisations import Tenant
from domain.problems import Code, Problem, Refused, control_characters, refuse, too_long
from domain.tx import Actor
from runtime.database import Database
from runtime.seal import KeyRing
from runtime.settings import Settings
from xero import oauth
from xero.tokens import NO_USER, expires_at, seal_client_token

log = structlog.get_logger()
LONGEST = 255


@dataclass(frozen=True)
class Credentials:
    """The client id and secret of a custom connection, as developer.xero.com shows them."""

    client_id: str
    client_secret: str

    @classmethod
    def read(cls, client_id: str, client_secret: str) -> "Credentials":
        """Remove the spaces at both ends, which come from copying. Refuses a blank, long or unprintable value."""
        found = cls(client_id.strip(), client_secret.strip())
        problems = [
            problem
            for text, name in ((found.client_id, "clientId"), (found.client_secret, "clientSecret"))
            for problem in _check(text, name)
        ]
        if problems:
            raise Refused(problems)
        return found

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r})"


async def connect(
    settings: Settings,
    database: Database,
    keys: KeyRing,
    http: httpx.AsyncClient,
    workspace: UUID,
    actor: Actor,
    given: Credentials,
    again: UUID | None = None,
) -> UUID:
    """Connect the organisation of the custom connection in the workspace, and return its id here.

    `again`: the organisation to connect again; another one is refused. Nothing changes if Xero refuses the credentials. The tokens
    are stored before the organisation, as for a consent."""
    async with database.transaction(workspace, actor) as tx:
        wanted = (await organisations.get(tx, again)).tenant_id if again is not None else None
    app = replace(oauth.App.of(settings), client_id=given.client_id, client_secret=given.client_secret)
    began = database.clock.now()
    try:
        answer = await oauth.client_token(http, app)
        found = await oauth.connections(http, app, answer.access_token)
    except oauth.XeroError as error:
        # The text of this exception has no secret, no token and no payload.
        log.warning("custom_connection_failed", error=str(error))
        raise _refused(error) from None
    tenant = _choose(found)
    if wanted is not None and tenant.tenant_id != wanted:
        raise refuse(
            Code.OTHER_ORGANISATION,
            "This custom connection is for another organisation than the one to connect again.",
            "organisationId",
        )
    sealed = seal_client_token(keys, answer, given.client_id, given.client_secret)
    grants = Grants(database.call_door, database.clock)
    grant_id = await grants.keep(given.client_id, NO_USER, sealed, expires_at(answer, began))
    async with database.transaction(workspace, actor) as tx:
        return await resume.connect(tx, tenant, grant_id)


def _check(text: str, name: str) -> list[Problem]:
    if not text:
        message = "This is blank. Copy it from the custom connection at developer.xero.com."
        return [Problem(Code.REQUIRED, message, (name,))]
    if len(text) > LONGEST:
        return [too_long(LONGEST, len(text), name)]
    return [] if text.isprintable() else [control_characters(name)]


def _choose(found: list[oauth.Connection]) -> Tenant:
    tenants = [each for each in found if each.tenant_type.upper() == "ORGANISATION"]
    if len(tenants) != 1:
        raise refuse(
            Code.WRONG_STATE,
            f"A custom connection has one organisation, and Xero names {len(tenants)} for this one. Let the organisation authorise"
            " it at developer.xero.com first.",
            "clientId",
        )
    return Tenant(tenants[0].tenant_id, None, tenants[0].tenant_name)


def _refused(error: oauth.XeroError) -> Refused:
    if isinstance(error, oauth.CredentialsRefused):
        at = "clientSecret" if error.code == "invalid_client" else "clientId"
        return refuse(Code.INVALID, f"{error}.", at)
    if isinstance(error, oauth.Unauthorised):
        return refuse(
            Code.WRONG_STATE,
            "Xero gave a token and refuses it. Check the custom connection at Xero.",
            "clientId",
        )
    return refuse(
        Code.WRONG_STATE, "Tandem could not reach Xero. Nothing has changed. Try again in a minute."
    )
