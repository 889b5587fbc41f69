"""People who have signed in at the identity provider: their workspace, name and scope come from the claims of their token.

A claim is named as in the token, or by a path with points (`realm_access.roles`).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from api.auth.credentials import WORKSPACE_HEADER, Credential, NotLetIn, workspace_key
from api.auth.provider import InvalidToken, Provider, ProviderUnavailable, SignedClaims
from api.context import Viewer
from api.errors import Code
from domain.practice import people
from domain.practice.people import Person
from domain.practice.workspaces import included
from domain.tables import ActorKind, Scope
from domain.tx import TANDEM, Actor
from runtime.database import Database, DatabaseUnavailable
from runtime.settings import Settings

SEEN_EVERY = timedelta(minutes=1)
SEEN_EVERY_IN_STREAMS = timedelta(minutes=15)
MOST_WORKSPACES = 200  # of one token
MOST_NAMED = 10  # workspaces that a message lists
_FIND = sa.text(
    "select w.n, u.user_id, u.name, u.email, u.scopes, u.last_seen_at, u.signed_out_at"
    " from unnest(cast(:workspaces as uuid[]), cast(:subjects as text[])) with ordinality as w(workspace, subject, n)"
    " cross join lateral door.find_user(w.workspace, w.subject) u"
)
SIGNED_OUT = "You have been signed out. Sign in again."
UNAVAILABLE = "The identity provider does not answer at the moment. Try again in a moment."


class _Found(NamedTuple):
    """The row of door.find_user. All but `n` is None for a person who has never signed in to this workspace."""

    n: int
    user_id: UUID | None
    name: str | None
    email: str | None
    scopes: list[str] | None
    last_seen_at: datetime | None
    signed_out_at: datetime | None

    def has_signed_out(self, since: datetime | None) -> bool:
        """`since`: when the token was issued, or when the session of a renewed token began."""
        if self.signed_out_at is None:
            return False
        return since is None or since <= self.signed_out_at

    def describes(self, person: Person) -> bool:
        return (self.name, self.email, self.scopes) == (person.name, person.email, [*person.scopes])


class _Wanted(NamedTuple):
    signed: SignedClaims
    workspace: UUID
    person: Person


class People:
    """Finds the person of a token, and keeps their row in `app_user`: name, email, scope, and when they were last seen, to the minute."""

    def __init__(self, settings: Settings, provider: Provider, database: Database) -> None:
        self._settings, self._provider, self._database = settings, provider, database
        self._scopes = _scope_values(settings.oidc_scopes)

    async def find_viewer(self, credential: Credential, session_began: datetime | None = None) -> Viewer:
        """Return the viewer of a person's token. Raise NotLetIn if the token is not valid or gives no scope in the
        workspace. Raise NotLetIn also if the person was signed out after the session began, or after the token was
        issued."""
        try:
            wanted = self._read_claims(await self._provider.verify(credential.token), credential)
        except InvalidToken as error:
            raise NotLetIn(Code.UNAUTHENTICATED, str(error)) from None
        except ProviderUnavailable:
            raise NotLetIn(Code.UNAVAILABLE, UNAVAILABLE) from None
        found = (await self._find([wanted])).get(1)
        if found is None:
            message = f"This server has no workspace {wanted.workspace}, which your token names."
            raise NotLetIn(Code.FORBIDDEN, message)
        if found.has_signed_out(session_began or wanted.signed.issued_at):
            raise NotLetIn(Code.UNAUTHENTICATED, SIGNED_OUT)
        key = await self._see(wanted, found, SEEN_EVERY)
        actor = Actor(ActorKind.USER, wanted.person.name, key)
        return Viewer(wanted.workspace, actor, included([wanted.person.scope]), wanted.signed.expires_at)

    async def find_valid(self, credentials: Collection[Credential]) -> set[Credential]:
        """Return the credentials of open streams that are still valid. One statement checks all of them.

        While the identity provider does not answer, a token stays valid until it expires.
        """
        wanted: dict[Credential, _Wanted] = {}
        unsure: set[Credential] = set()
        for credential in credentials:
            try:
                signed = await self._provider.verify(credential.token)
                wanted[credential] = self._read_claims(signed, credential)
            except ProviderUnavailable:
                unsure.add(credential)
            except (InvalidToken, NotLetIn):
                continue
        found = await self._find(list(wanted.values())) if wanted else {}
        valid = set(unsure)
        for n, (credential, one) in enumerate(wanted.items(), 1):
            row = found.get(n)
            if row is not None and not row.has_signed_out(one.signed.issued_at):
                valid.add(credential)
                with suppress(DatabaseUnavailable):  # that the credential is valid is known already
                    await self._see(one, row, SEEN_EVERY_IN_STREAMS)
        return valid

    async def _find(self, wanted: Sequence[_Wanted]) -> dict[int, _Found]:
        """Return the stored person of each entry of `wanted`, by position from 1. An entry of an unknown workspace has no
        result."""
        values = {
            "workspaces": [one.workspace for one in wanted],
            "subjects": [one.person.subject for one in wanted],
        }
        async with self._database.door() as session:
            return {row.n: _Found(*row) for row in await session.execute(_FIND, values)}

    async def _see(self, wanted: _Wanted, found: _Found, every: timedelta) -> UUID:
        """Store the person if the row is missing, differs or is old. Return the row's id."""
        now = self._database.clock.now()
        seen = found.last_seen_at
        if found.user_id and found.describes(wanted.person) and seen and now - seen < every:
            return found.user_id
        async with self._database.transaction(wanted.workspace, TANDEM) as tx:
            return await people.sign_in(tx, wanted.person, found.scopes)

    # The claims

    def _read_claims(self, signed: SignedClaims, credential: Credential) -> _Wanted:
        """Read person, workspace and scope. Raise NotLetIn if the claims give no scope in the workspace, or several
        workspaces and the client named none."""
        given = self._given_scopes(signed.claims)
        if credential.workspace is None:
            if len(given) > 1:
                message = f"You may use several workspaces. Choose one with the header {WORKSPACE_HEADER}: {_listed(given)}."
                raise NotLetIn(Code.FORBIDDEN, message)
            workspace = next(iter(given), None)
        else:
            workspace = workspace_key(credential.workspace)
        if workspace is None or workspace not in given:
            raise NotLetIn(Code.FORBIDDEN, self._why_no_workspace(given))
        scope = given[workspace]
        if scope is None:
            message = (
                f"The claim {self._settings.oidc_scope_claim} of your token gives you no scope. Ask who manages the identity"
                f" provider for one of these values: {', '.join(self._scopes)}."
            )
            raise NotLetIn(Code.FORBIDDEN, message)
        return _Wanted(signed, workspace, self._person(signed, scope))

    def _given_scopes(self, claims: Mapping[str, object]) -> dict[UUID, Scope | None]:
        """The widest scope in each workspace that the token names.

        The claim of workspaces is an id, a list of ids, or an object that gives each id a scope of its own.
        """
        named = find_claim(claims, self._settings.oidc_workspace_claim)
        everywhere = self._widest(find_claim(claims, self._settings.oidc_scope_claim))
        scopes: dict[str, Scope | None]
        if isinstance(named, Mapping):
            scopes = {str(key): self._widest(value) for key, value in named.items()}
        else:
            scopes = dict.fromkeys(_texts(named), everywhere)
        keys = [(workspace_key(text), scope) for text, scope in list(scopes.items())[:MOST_WORKSPACES]]
        return {key: scope for key, scope in keys if key is not None}

    def _widest(self, value: object) -> Scope | None:
        found = {self._scopes[text.casefold()] for text in _texts(value) if text.casefold() in self._scopes}
        return max(found, key=list(Scope).index, default=None)

    def _why_no_workspace(self, given: Collection[UUID]) -> str:
        if given:
            return f"Your token does not let you into this workspace. It names: {_listed(given)}."
        claim = self._settings.oidc_workspace_claim
        return f"The claim {claim} of your token names no workspace. Ask who manages the identity provider."

    def _person(self, signed: SignedClaims, scope: Scope) -> Person:
        email = people.clean_text(find_claim(signed.claims, self._settings.oidc_email_claim))
        name = people.clean_text(find_claim(signed.claims, self._settings.oidc_name_claim))
        # Another provider may give the same subject to another person.
        subject = f"{self._provider.issuer} {signed.subject}"
        return Person(subject, name or email or people.UNNAMED, email, scope)


def find_claim(claims: Mapping[str, object], name: str) -> object:
    """The claim of this name, or at the end of this path; None if there is none."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _texts(value: object) -> list[str]:
    """A text counts as a whole, and as a list with spaces or commas between."""
    if isinstance(value, str):
        return list(dict.fromkeys([value, *re.split(r"[\s,]+", value)]))
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _scope_values(settings: Sequence[str]) -> dict[str, Scope]:
    """OIDC_SCOPES: which values of the claim give which scope, in any case of letters."""
    pairs = [one.rpartition("=") for one in settings]
    return {value.strip().casefold(): Scope(scope.strip()) for value, _, scope in pairs}


def _listed(keys: Collection[UUID]) -> str:
    shown = ", ".join(str(key) for key in list(keys)[:MOST_NAMED])
    return shown + (" and others" if len(keys) > MOST_NAMED else "")
