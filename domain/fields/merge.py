"""How one synced field of a link starts, and how it is merged. Pure.

Values are compared in their canonical form (`synced.same`): text after trimming, phones by digits and country,
addresses by their parts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from domain.fields.synced import same
from domain.fields.values import Value
from domain.tables import ConflictPolicy, Side, SyncedField


class Winner(StrEnum):
    """Who wins a field on which both sides have something, and something else."""

    XERO = "XERO"
    PRACTICE = "PRACTICE"
    NOBODY = "NOBODY"


@dataclass(frozen=True)
class FieldStart:
    """`practice` and `xero`: what each side is to hold. Where they differ from what it holds now, that side is
    written. `conflict`: nobody won, and both stay as they are."""

    practice: Value
    xero: Value
    conflict: bool = False


def policy_winner(policy: ConflictPolicy) -> Winner:
    """Who wins when a full match starts: LATEST_WINS is Xero here, as it is the ledger."""
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
    """How one field of a new link begins (sync rules, a new link)."""
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
    """One field of a link: what each side holds, what each held when they last agreed, and when each was set."""

    practice: Value
    xero: Value
    base_practice: Value
    base_xero: Value
    practice_at: datetime
    xero_at: datetime


@dataclass(frozen=True)
class Merged:
    """What the field is to be. `practice`: what the practice's side is to hold. The two bases: where
    `base_practice` is not what the practice holds, that goes out. `lost`: the value that was overwritten, on the
    side that held it. `conflict`: both changed, and a person decides."""

    practice: Value
    base_practice: Value
    base_xero: Value
    lost: Value = None
    lost_on: Side | None = None
    conflict: bool = False


def merge(field: SyncedField, state: FieldState, policy: ConflictPolicy, region: str | None) -> Merged:
    """Three ways: each side against its own base. Nothing is compared across the mapping but two changes."""
    theirs = not same(field, state.xero, state.base_xero, region)
    ours = not same(field, state.practice, state.base_practice, region)
    if not theirs:
        return Merged(state.practice, state.base_practice, state.base_xero)
    if same(field, state.practice, state.xero, region):
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
    """Up to the time of Xero's snapshot Xero wins: it is the ledger, and has one time for the whole contact."""
    if policy is ConflictPolicy.LATEST_WINS:
        return Winner.PRACTICE if state.practice_at > state.xero_at else Winner.XERO
    return policy_winner(policy)
