"""Flows: a flow is a consent that has begun. It is valid once, for ten minutes.

Of the state and the cookie that the browser holds, only hashes are stored. The secrets that must be kept are sealed for their own row.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from api.context import Process
from domain.problems import Code, Refused, refuse, too_long
from domain.tables import ActorKind
from domain.tx import Actor
from runtime.seal import SealError
from runtime.settings import Settings
from xero import oauth

LIFETIME = timedelta(minutes=10)
RETURN_TO_LIMIT = 2000
_PRINTABLE = re.compile(r"[!-\[\]-~]+")  # without backslash, which browsers read as a slash

_BEGIN = sa.text(
    "select door.begin_flow(:state, :ws, :by, :cookie, :sealed, :return_to, :organisation, :now, :until)"
).bindparams(sa.bindparam("by", type_=JSONB))
_TAKE = sa.text(
    "select workspace_id, begun_by, begun_at, cookie_hash, sealed, return_to, organisation_id"
    " from door.take_flow(:state, :now)"
)


class _Taken(NamedTuple):
    """A row of door.take_flow."""

    workspace_id: UUID
    begun_by: Mapping[str, str | None]
    begun_at: datetime
    cookie_hash: bytes
    sealed: bytes
    return_to: str | None
    organisation_id: UUID | None


@dataclass(frozen=True)
class Begun:
    """A flow that has begun: the person and the workspace. `organisation` is the organisation to connect again. The consent
    must be for this organisation."""

    workspace: UUID
    by: Actor
    return_to: str | None
    organisation: UUID | None


@dataclass(frozen=True)
class Flow:
    """A flow that was claimed, which is possible only once. `opened` is the content that was sealed."""

    begun: Begun
    began_at: datetime
    cookie_hash: bytes
    opened: bytes

    def kept_by(self, cookie: str | None) -> bool:
        """Whether the browser with this cookie began the flow."""
        return cookie is not None and hmac.compare_digest(_hash(cookie), self.cookie_hash)


async def keep(process: Process, secret: str, begun: Begun, content: bytes, cookie: str = "") -> None:
    """Store the flow. `secret` finds it again: a state, or the token of a page's button."""
    now = process.database.clock.now()
    state = _hash(secret)
    sealed = process.keys.seal(content, _identity(state))
    async with process.database.door() as session:
        await session.execute(
            _BEGIN,
            {
                "state": state,
                "ws": begun.workspace,
                "by": begun.by.as_json(),
                "cookie": _hash(cookie) if cookie else b"",
                "sealed": sealed,
                "return_to": begun.return_to,
                "organisation": begun.organisation,
                "now": now,
                "until": now + LIFETIME,
            },
        )


async def take(process: Process, secret: str) -> Flow | None:
    """None if the flow is unknown, used or too old, or if the key that sealed its content is gone."""
    state = _hash(secret)
    async with process.database.door() as session:
        found = await session.execute(_TAKE, {"state": state, "now": process.database.clock.now()})
        taken = [_Taken(*row) for row in found]
    if not taken:
        return None
    [row] = taken
    begun = Begun(row.workspace_id, _actor(row.begun_by), row.return_to, row.organisation_id)
    try:
        opened = process.keys.unseal(row.sealed, _identity(state))
    except SealError:
        return None
    return Flow(begun, row.begun_at, row.cookie_hash, opened)


def cookie_name(settings: Settings, state: str) -> str:
    """Each flow has a cookie of its own, so that two flows at once do not disturb each other. With https no sibling host can
    set the cookie."""
    prefix = "__Host-" if is_secure(settings) else ""
    return f"{prefix}tandem_connect_{_hash(state).hex()[:16]}"


def is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")


def check_return_to(settings: Settings, text: str | None) -> str | None:
    """The address, if it is a path of this server or under an allowed origin; None for a blank one.

    Refuses every other address, because a link to this server must not send a browser to a stranger's page.
    """
    address = (text or "").strip()
    if not address:
        return None
    if len(address) > RETURN_TO_LIMIT:
        raise Refused([too_long(RETURN_TO_LIMIT, len(address), "returnTo")])
    if not _is_allowed(settings, address):
        raise refuse(
            Code.INVALID,
            "The browser may not return there. Give a path of this server, or an address under an origin of ALLOWED_ORIGINS.",
            "returnTo",
        )
    return address


def origin_of(address: str) -> str | None:
    """Scheme and host of an address; None for a path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else None


def registered_app(settings: Settings) -> oauth.App:
    """Refuse if the settings name no app, because there is nothing to consent to then."""
    if settings.xero_client_id is None or settings.xero_client_secret is None:
        raise refuse(
            Code.WRONG_STATE,
            "This server cannot connect to Xero, because XERO_CLIENT_ID is not set. Ask the operator of the server to set it.",
        )
    return oauth.App.of(settings)


def _is_allowed(settings: Settings, address: str) -> bool:
    if not _PRINTABLE.fullmatch(address):
        return False
    if address.startswith("/"):
        return not address.startswith("//")
    try:
        return origin_of(address) in {origin.lower() for origin in settings.allowed_origins}
    except ValueError:
        return False


def _actor(stored: Mapping[str, str | None]) -> Actor:
    actor_id = stored["id"]
    return Actor(ActorKind(stored["kind"] or ""), stored["name"] or "", UUID(actor_id) if actor_id else None)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _identity(state: bytes) -> str:
    return f"oauth_flow/{state.hex()}"
