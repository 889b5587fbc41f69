"""A workspace and its set-up: name, currency, contact types, API tokens."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from domain import activity
from domain.names.text_keys import name_key, visible
from domain.problems import Code, Problem, Refused, control_characters, not_found, refuse, too_long
from domain.tables import (
    ActivityKind,
    ApiToken,
    ContactType,
    EventKind,
    Organisation,
    Scope,
    ServiceType,
    TaxRate,
    Workspace,
)
from domain.tx import Tx

NAME_LIMIT = 255
FIRST_CONTACT_TYPE = "Client"
TOKEN_PREFIX = "tdm_"  # noqa: S105 - how every token begins, so that scanners of leaked secrets know it
HINT = len(TOKEN_PREFIX) + 4
LAST_ADMIN = (
    "This is the workspace's last API token with the scope ADMIN. Create another one first, so that somebody can still make"
    " tokens."
)
# Each scope includes the scopes before it.
INCLUDED = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.WRITE: frozenset({Scope.READ, Scope.WRITE}),
    Scope.ADMIN: frozenset(Scope),
}
_ISO_4217 = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP"
    " CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF"
    " IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD"
    " MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB"
    " RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD"
    " UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(_ISO_4217.split())


def clean_name(value: str | None, problems: list[Problem], *path: str) -> str:
    """The name without outer spaces. A blank name, a long one, or one with control characters adds a problem; its text must
    not be used."""
    text = " ".join((value or "").split(" ")).strip()
    if not visible(text).strip():
        problems.append(
            Problem(Code.REQUIRED, "A name is needed. Give at least one visible character.", path)
        )
    elif len(text) > NAME_LIMIT:
        problems.append(too_long(NAME_LIMIT, len(text), *path))
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        problems.append(control_characters(*path))
    return text


def clean_currency(value: str | None, problems: list[Problem], *path: str) -> str:
    code = (value or "").strip().upper()
    if code not in CURRENCIES:
        problems.append(
            Problem(
                Code.INVALID, "This is no currency. Give the three letters of ISO 4217, such as NZD.", path
            )
        )
    return code


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise Refused(problems)


async def create(tx: Tx, name: str, currency: str) -> Workspace:
    """Create the transaction's workspace, with a first contact type, because an import needs one."""
    problems: list[Problem] = []
    made = Workspace(
        id=tx.workspace,
        name=clean_name(name, problems, "name"),
        currency=clean_currency(currency, problems, "currency"),
        created_at=tx.now,
    )
    _raise(problems)
    tx.session.add(made)
    await tx.session.flush()
    await create_contact_type(tx, FIRST_CONTACT_TYPE)
    return made


async def exists(tx: Tx) -> bool:
    return bool(await tx.ids("select id from workspace where id = :ws"))


async def get(tx: Tx) -> Workspace:
    return await tx.session.get_one(Workspace, tx.workspace, with_for_update=True, populate_existing=True)


async def update(tx: Tx, *, name: str | None = None, currency: str | None = None) -> Workspace:
    """Change what is not None. Refuse (IN_USE) another currency once there are invoices."""
    problems: list[Problem] = []
    workspace = await get(tx)
    before = {"name": workspace.name, "currency": workspace.currency}
    if name is not None:
        workspace.name = clean_name(name, problems, "name")
    if currency is not None:
        workspace.currency = clean_currency(currency, problems, "currency")
    _raise(problems)
    if workspace.currency != before["currency"] and await tx.ids(
        "select id from invoice where workspace_id = :ws limit 1"
    ):
        raise refuse(
            Code.IN_USE,
            "The currency cannot be changed any more, because invoices exist in the present one.",
            "currency",
        )
    changes = [
        activity.Change(field, was, getattr(workspace, field))
        for field, was in before.items()
        if was != getattr(workspace, field)
    ]
    if changes:
        activity.record(tx, ActivityKind.SETTING_CHANGED, "The workspace was changed.", changes=changes)
        tx.publish(EventKind.WORKSPACE, tx.workspace)
    return workspace


async def create_contact_type(tx: Tx, name: str) -> ContactType:
    made = ContactType(workspace_id=tx.workspace, id=uuid4(), name="", name_key="", created_at=tx.now)
    await name_row(tx, made, name, "contact type")
    activity.record(tx, ActivityKind.SETTING_CHANGED, f"The contact type {made.name} was added.")
    tx.publish(EventKind.WORKSPACE, tx.workspace)
    return made


async def update_contact_type(
    tx: Tx, contact_type_id: UUID, *, name: str | None = None, archived: bool | None = None
) -> ContactType:
    """Change what is not None. Contacts keep an archived type, and its name becomes free. Refuse (IN_USE) to archive the type
    that new contacts from Xero get."""
    found = await tx.session.get(
        ContactType, (tx.workspace, contact_type_id), with_for_update=True, populate_existing=True
    )
    if found is None:
        raise Refused([not_found("contact type", "contactTypeId")])
    before = (found.name, found.archived_at)
    if archived is not None and archived != (found.archived_at is not None):
        if archived:
            await _is_no_default(tx, contact_type_id)
        found.archived_at = tx.now if archived else None
    await name_row(tx, found, found.name if name is None else name, "contact type")
    if before != (found.name, found.archived_at):
        activity.record(tx, ActivityKind.SETTING_CHANGED, f"The contact type {found.name} was changed.")
        tx.publish(EventKind.WORKSPACE, tx.workspace)
    return found


async def _is_no_default(tx: Tx, contact_type_id: UUID) -> None:
    """Refuse a type that is some organisation's default. A transaction that makes it a default locks the same row."""
    names = await tx.session.scalars(
        select(Organisation.name)
        .where(
            Organisation.workspace_id == tx.workspace, Organisation.default_contact_type_id == contact_type_id
        )
        .order_by(Organisation.name, col(Organisation.id))
    )
    using = names.all()
    if using:
        message = (
            f"New contacts from Xero get this type ({', '.join(using)}): choose another `defaultContactTypeId` there first,"
            " with updateContactSync."
        )
        raise refuse(Code.IN_USE, message, "archived")


async def name_row(tx: Tx, row: ContactType | ServiceType | TaxRate, name: str, what: str) -> None:
    """Set the row's name. The unique index decides: of two equal names at the same time, one is refused (TAKEN)."""
    problems: list[Problem] = []
    text = clean_name(name, problems, "name")
    _raise(problems)
    try:
        async with tx.session.begin_nested():
            row.name, row.name_key = text, name_key(text) or text
            tx.session.add(row)
    except IntegrityError as error:
        if f"uq_{row.__tablename__}_name" not in str(error.orig):
            raise
        raise refuse(
            Code.TAKEN,
            f"Another {what} has this name. Choose another name, or archive that one first.",
            "name",
        ) from None


def new_token() -> str:
    """A new token of 256 random bits. The token is shown once; the database keeps its `token_hash` only."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of the token. 256 random bits need neither a slow hash nor a salt."""
    return hashlib.sha256(token.encode()).digest()


def included(scopes: Collection[Scope]) -> frozenset[Scope]:
    return frozenset[Scope]().union(*(INCLUDED[scope] for scope in scopes))


async def create_token(
    tx: Tx,
    name: str,
    scopes: Collection[Scope],
    *,
    within: Collection[Scope],
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """The row and the token itself. Refuses (SCOPE_TOO_WIDE) scopes that `within`, the creator's scopes, do not include."""
    problems: list[Problem] = []
    text = clean_name(name, problems, "name")
    if not scopes:
        problems.append(
            Problem(Code.REQUIRED, "A token needs at least one scope: READ, WRITE or ADMIN.", ("scopes",))
        )
    if not included(scopes) <= included(within):
        problems.append(
            Problem(
                Code.SCOPE_TOO_WIDE,
                "A token cannot be allowed more than its maker. Leave out the scopes that you do not have.",
                ("scopes",),
            )
        )
    if expires_at is not None and expires_at <= tx.now:
        problems.append(
            Problem(
                Code.INVALID,
                "This time has passed. Give a time in the future, or leave `expiresAt` out.",
                ("expiresAt",),
            )
        )
    _raise(problems)
    token = new_token()
    made = ApiToken(
        workspace_id=tx.workspace,
        id=uuid4(),
        name=text,
        scopes=[scope for scope in Scope if scope in included(scopes)],
        hash=token_hash(token),
        hint=token[:HINT],
        created_at=tx.now,
        created_by=tx.actor.as_json(),
        expires_at=expires_at,
    )
    tx.session.add(made)
    await tx.session.flush()
    activity.record(tx, ActivityKind.SETTING_CHANGED, f"The API token {text} was created.")
    tx.publish(EventKind.WORKSPACE, tx.workspace)
    return made, token


def _in_force(token: ApiToken, now: datetime) -> bool:
    return token.expires_at is None or token.expires_at > now


async def find_tokens(tx: Tx) -> list[ApiToken]:
    """The tokens that are not revoked, oldest first."""
    found = await tx.session.scalars(
        select(ApiToken)
        .where(col(ApiToken.workspace_id) == tx.workspace, col(ApiToken.revoked_at).is_(None))
        .order_by(col(ApiToken.created_at), col(ApiToken.id))
    )
    return list(found)


async def revoke_token(tx: Tx, token_id: UUID, *, even_the_last: bool = False) -> None:
    """Revokes the token at once. Refuses (NOT_FOUND) an unknown or revoked one.

    Refuses (IN_USE) the last token with ADMIN that is in force, unless `even_the_last`: nobody could make another one. Of two
    transactions that revoke the last two such tokens, one is refused: both lock the workspace first.
    """
    await get(tx)
    found = await tx.session.get(
        ApiToken, (tx.workspace, token_id), with_for_update=True, populate_existing=True
    )
    if found is None or found.revoked_at is not None:
        raise Refused([not_found("API token", "apiTokenId")])
    if not even_the_last and Scope.ADMIN in found.scopes and _in_force(found, tx.now):
        others = [one for one in await find_tokens(tx) if one.id != token_id and _in_force(one, tx.now)]
        if not any(Scope.ADMIN in one.scopes for one in others):
            raise refuse(Code.IN_USE, LAST_ADMIN, "apiTokenId")
    found.revoked_at = tx.now
    activity.record(tx, ActivityKind.SETTING_CHANGED, f"The API token {found.name} was revoked.")
    tx.publish(EventKind.WORKSPACE, tx.workspace)
    tx.publish(EventKind.DELETION, f"ApiToken:{token_id}")
