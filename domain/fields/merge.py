"""How one synced field of a link starts, and how it is merged. Pure.

Values are compared in their canonical form (`synced.same`): text after trimming, phones by digits and country,
addresses by their parts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from domain.fields.dropped import is_stored_form
from domain.fields.synced import SYNCED, same
from domain.fields.values import Value
from domain.tables import ConflictPolicy, Side, SyncedField


class Winner(StrEnum):
    """The side whose value wins if both sides have a value and the values differ."""

    XERO = "XERO"
    PRACTICE = "PRACTICE"
    NOBODY = "NOBODY"


@dataclass(frozen=True)
class FieldStart:
    """The start of a field. `practice` and `xero` are what each side is to hold; a side that holds another value is written.

    `conflict`: no side wins, and both values stay.
    """

    practice: Value
    xero: Value
    conflict: bool = False


def policy_winner(policy: ConflictPolicy) -> Winner:
    """The winner at a full match. LATEST_WINS means Xero here, because Xero is the ledger."""
    match policy:
        case ConflictPolicy.LATEST_WINS | ConflictPolicy.XERO_WINS:
            return Winner.XERO
        case ConflictPolicy.PRACTICE_WINS:
            return Winner.PRACTICE
        case ConflictPolicy.ASK:
            return Winner.NOBODY
        case _:
            assert_never(policy)


def start(field: SyncedField, practice: Value, xero: Value, winner: Winner, region: str | None) -> FieldStart:
    """How one field of a new link starts: which value each side holds afterwards."""
    if same(field, practice, xero, region):
        return FieldStart(practice, xero)
    if xero is None:
        return FieldStart(practice, practice)
    if practice is None:
        return FieldStart(xero, xero)
    match winner:
        case Winner.XERO:
            return FieldStart(xero, xero)
        case Winner.PRACTICE:
            return FieldStart(practice, practice)
        case Winner.NOBODY:
            return FieldStart(practice, xero, conflict=True)
        case _:
            assert_never(winner)


@dataclass(frozen=True)
class FieldState:
    """One field of a link: the value and the base value of each side, and when each side set its value."""

    practice: Value
    xero: Value
    base_practice: Value
    base_xero: Value
    practice_at: datetime
    xero_at: datetime


@dataclass(frozen=True)
class Merged:
    """The result of a merge. `practice` is what the practice is to hold.

    If the practice's value differs from `base_practice`, it is sent. `lost` is the overwritten value, on the side that held
    it. `conflict`: both sides changed, and a person decides.
    """

    practice: Value
    base_practice: Value
    base_xero: Value
    lost: Value = None
    lost_on: Side | None = None
    conflict: bool = False


def merge(field: SyncedField, state: FieldState, policy: ConflictPolicy, region: str | None) -> Merged:
    """Merge three ways: each side is compared with its own base value. Across the mapping, only two changes are compared.

    If Xero stored our value without its emoji, that is no change in Xero, even if the answer to our write was lost. A blank
    of Xero's in a required field, such as a Xero contact without a name, changes nothing.
    """
    if SYNCED[field].required and state.xero is None:
        return Merged(state.practice, state.base_practice, state.base_xero)
    theirs = not same(field, state.xero, state.base_xero, region)
    ours = not same(field, state.practice, state.base_practice, region)
    if not theirs:
        return Merged(state.practice, state.base_practice, state.base_xero)
    if same(field, state.practice, state.xero, region):
        return Merged(state.practice, state.practice, state.xero)
    if ours and is_stored_form(field, state.practice, state.xero, region):
        return Merged(state.practice, state.practice, state.xero)
    if not ours:
        return Merged(state.xero, state.xero, state.xero, state.practice, Side.PRACTICE)
    match _winner(policy, state):
        case Winner.XERO:
            return Merged(state.xero, state.xero, state.xero, state.practice, Side.PRACTICE)
        case Winner.PRACTICE:
            # Both halves become Xero's, so that the practice's differs and goes out, and a value typed back too.
            return Merged(state.practice, state.xero, state.xero, state.xero, Side.XERO)
        case Winner.NOBODY:
            return Merged(state.practice, state.base_practice, state.base_xero, conflict=True)
        case _ as never:
            assert_never(never)


def _winner(policy: ConflictPolicy, state: FieldState) -> Winner:
    """The winner by time. At equal times Xero wins: Xero is the ledger, and has one time for the whole contact."""
    if policy is ConflictPolicy.LATEST_WINS:
        return Winner.PRACTICE if state.practice_at > state.xero_at else Winner.XERO
    return policy_winner(policy)
