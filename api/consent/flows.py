"""Consents that were begun, each good once for ten minutes, and where each one returns to.

Only hashes of what the browser carries are stored; what must be kept is sealed for the row it stands in.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from api.context import Parts
from domain.problems import Code, Refused, refuse, too_long
from domain.tables import ActorKind
from domain.tx import Actor
from runtime.seal import SealError
from runtime.settings import Settings
from xero import oauth

LIFETIME = timedelta(minutes=10)
RETURN_TO_LIMIT = 2000
_PRINTABLE = re.compile(r"[!-\[\]-~]+")  # no backslash: browsers read it as a slash

_BEGIN = sa.text(
    "select door.begin_flow(:state, :ws, :by, :cookie, :sealed, :return_to, :organisation, :now, :until)"
).bindparams(sa.bindparam("by", type_=JSONB))
_TAKE = sa.text("select * from door.take_flow(:state, :now)")


@dataclass(frozen=True)
class Begun:
    """Who began, for which workspace; `organisation`: the one to connect again, which no other may replace."""

    workspace: UUID
    by: Actor
    return_to: str | None
    organisation: UUID | None


@dataclass(frozen=True)
class Flow:
    """A consent that was begun, taken: nobody gets it a second time. `opened`: what was sealed."""

    begun: Begun
    began_at: datetime
    cookie_hash: bytes
    opened: bytes

    def kept_by(self, cookie: str | None) -> bool:
        """Whether this browser began it."""
        return cookie is not None and hmac.compare_digest(_hash(cookie), self.cookie_hash)


async def keep(parts: Parts, secret: str, begun: Begun, content: bytes, cookie: str = "") -> None:
    """`secret`: what finds it again, a state or the token of a page's button."""
    now = parts.database.clock.now()
    state = _hash(secret)
    values: dict[str, Any] = {
        "state": state,
        "ws": begun.workspace,
        "by": begun.by.as_json(),
        "cookie": _hash(cookie) if cookie else b"",
        "sealed": parts.keys.seal(content, _identity(state)),
        "return_to": begun.return_to,
        "organisation": begun.organisation,
        "now": now,
        "until": now + LIFETIME,
    }
    async with parts.database.door() as session:
        await session.execute(_BEGIN, values)


async def take(parts: Parts, secret: str) -> Flow | None:
    """None where it is unknown, used or over; also where the key that sealed it is gone."""
    state = _hash(secret)
    async with parts.database.door() as session:
        found = await session.execute(_TAKE, {"state": state, "now": parts.database.clock.now()})
        row = found.mappings().one_or_none()
    if row is None:
        return None
    begun = Begun(row["workspace_id"], _actor(row["begun_by"]), row["return_to"], row["organisation_id"])
    try:
        opened = parts.keys.unseal(row["sealed"], _identity(state))
    except SealError:
        return None
    return Flow(begun, row["begun_at"], row["cookie_hash"], opened)


def cookie_name(settings: Settings, state: str) -> str:
    """Of each flow its own, so that two at once do not disturb each other. With https no sibling host can set it."""
    prefix = "__Host-" if is_secure(settings) else ""
    return f"{prefix}tandem_connect_{_hash(state).hex()[:16]}"


def is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")


def check_return_to(settings: Settings, text: str | None) -> str | None:
    """A path of this server, or an address under an allowed origin; None for blank. Refuses all else: who follows a
    link to us must not be sent anywhere."""
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
    """None for a path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else None


def registered_app(settings: Settings) -> oauth.App:
    """Refused where no app is registered with Xero: nothing could be consented to."""
    if settings.xero_client_id is None or settings.xero_client_secret is None:
        raise refuse(
            Code.WRONG_STATE,
            "This server cannot connect to Xero, because XERO_CLIENT_ID is not set. Ask whoever runs it to set it.",
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
