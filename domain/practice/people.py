"""The people who sign in: one row for each person and workspace, as the identity provider describes the person."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlmodel import col, select

from domain import activity
from domain.names.text_keys import visible
from domain.practice.workspaces import NAME_LIMIT, included
from domain.problems import Refused, not_found
from domain.tables import ActivityKind, ActorKind, EventKind, Scope, User
from domain.tx import Actor, Tx

UNNAMED = "A person without a name"
# Characters that no name shows: control characters, halves of surrogate pairs, and separators of lines.
_NEVER_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


@dataclass(frozen=True)
class Person:
    """A person as the identity provider describes them, with the widest scope that they have in the workspace."""

    subject: str
    name: str
    email: str | None
    scope: Scope

    @property
    def scopes(self) -> list[Scope]:
        return [scope for scope in Scope if scope in included([self.scope])]


class _Written(NamedTuple):
    id: UUID
    is_new: bool


def clean_text(value: object) -> str | None:
    """A text of the identity provider as Tandem stores it: one line, at most 255 characters. None if nothing is visible."""
    if not isinstance(value, str):
        return None
    text = " ".join(_NEVER_SHOWN.sub(" ", value[: 4 * NAME_LIMIT]).split())[:NAME_LIMIT].strip()
    return text if visible(text).strip() else None


async def sign_in(tx: Tx, person: Person, scopes_before: Sequence[str] | None) -> UUID:
    """Store the person as described now, and that they were seen now. Return the id.

    `scopes_before`: the scopes of the row that was read; None if there was none. The activity records a person's first
    sign-in and each change of their scope.
    """
    written = await tx.read_one(
        _Written,
        "insert into app_user (workspace_id, id, subject, name, email, scopes, last_seen_at)"
        " values (:ws, :id, :subject, :name, :email, :scopes, :now)"
        " on conflict (workspace_id, subject) do update set name = excluded.name, email = excluded.email,"
        " scopes = excluded.scopes, last_seen_at = excluded.last_seen_at"
        " returning id, xmax = 0 as is_new",
        id=uuid4(),
        subject=person.subject,
        name=person.name,
        email=person.email,
        scopes=[scope.value for scope in person.scopes],
    )
    assert written is not None, "an upsert returns its row"
    message = None
    if written.is_new:
        message = f"{person.name} signed in for the first time, with the scope {person.scope}."
    elif scopes_before is not None and set(scopes_before) != set(person.scopes):
        message = f"The identity provider gave {person.name} the scope {person.scope}."
    if message:
        actor = Actor(ActorKind.USER, person.name, written.id)
        activity.record(tx, ActivityKind.SETTING_CHANGED, message, actor=actor)
        tx.publish(EventKind.WORKSPACE, tx.workspace)
    return written.id


async def find_people(tx: Tx) -> list[User]:
    """Everybody who has signed in to the workspace, by name."""
    found = await tx.session.scalars(
        select(User).where(col(User.workspace_id) == tx.workspace).order_by(col(User.name), col(User.id))
    )
    return list(found)


async def sign_out(tx: Tx, user_id: UUID) -> User:
    """Refuse from now on each token that the identity provider issued to the person up to now. Refuse (NOT_FOUND) an unknown id.

    The person may sign in again. To keep a person out, end their account at the identity provider first.
    """
    found = await tx.session.get(User, (tx.workspace, user_id), with_for_update=True, populate_existing=True)
    if found is None:
        raise Refused([not_found("user", "userId")])
    found.signed_out_at = tx.now
    activity.record(tx, ActivityKind.SETTING_CHANGED, f"{found.name} was signed out.")
    return found
