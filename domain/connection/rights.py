"""Rights that Xero does not give Tandem in one organisation: `organisation.missing_rights`.

A missing right stops only the work that needs it. Tandem tries such a call again by itself, after a pause that grows up to
LONGEST; at once after syncNow or a reconnect. The first call that Xero carries out ends the entry. The names of the rights
are those of xero.rights. Callers use domain.actions.resume, which makes the links due, too.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from domain.connection import health as connection_health
from domain.tx import Tx

FIRST, LONGEST = timedelta(seconds=5), timedelta(minutes=15)
MissingRights = Mapping[
    str, Mapping[str, str]
]  # by right: `says` for people, `since` and `until` in ISO 8601


def closed(missing: MissingRights | None) -> dict[str, datetime]:
    """For each missing right, the time before which no call that needs the right is sent."""
    return {right: datetime.fromisoformat(one["until"]) for right, one in (missing or {}).items()}


async def deny(tx: Tx, organisation_id: UUID, right: str, says: str) -> datetime:
    """Record that Xero refused a call for want of the right. Gives when to try again: after FIRST, and then after as long
    as the right has been missing, LONGEST at most."""
    held = await _lock(tx, organisation_id)
    since = datetime.fromisoformat(held[right]["since"]) if right in held else tx.now
    until = tx.now + min(max(FIRST, tx.now - since), LONGEST)
    entry = {"says": says, "since": since.isoformat(), "until": until.isoformat()}
    await _store(tx, organisation_id, {**held, right: entry}, told=held.get(right, {}).get("says") != says)
    return until


async def grant(tx: Tx, organisation_id: UUID, right: str) -> None:
    """Record that Xero carried out a call that needs the right. The work that was put off becomes due at once."""
    await _hasten(tx, organisation_id)
    held = await _lock(tx, organisation_id)
    if right in held:
        rest = {name: one for name, one in held.items() if name != right}
        await _store(tx, organisation_id, rest, told=True)


async def try_now(tx: Tx, organisation_id: UUID) -> None:
    """Let the next call of each missing right be sent at once, and make due what was put off."""
    held = await _lock(tx, organisation_id)
    if held:
        await _hasten(tx, organisation_id)
        again = {name: {**one, "until": tx.now.isoformat()} for name, one in held.items()}
        await _store(tx, organisation_id, again, told=False)


async def forget(tx: Tx, organisation_id: UUID) -> None:
    """Forget all missing rights, because there is a new consent."""
    held = await _lock(tx, organisation_id)
    if held:
        await _hasten(tx, organisation_id)
        await _store(tx, organisation_id, {}, told=True)


async def _lock(tx: Tx, organisation_id: UUID) -> dict[str, Mapping[str, str]]:
    row = await connection_health.lock(tx, organisation_id)
    return dict(row.missing_rights or {}) if row else {}


async def _store(tx: Tx, organisation_id: UUID, missing: MissingRights, *, told: bool) -> None:
    row = await connection_health.lock(tx, organisation_id)
    if row is None:
        return
    stored = {right: dict(one) for right, one in missing.items()} or None
    if told:
        async with connection_health.published(tx, organisation_id):
            row.missing_rights = stored
    else:
        row.missing_rights = stored
        await tx.session.flush()


async def _hasten(tx: Tx, organisation_id: UUID) -> None:
    """Make statuses and invoices due that a missing right put off. Work that failed for another reason keeps its time.

    domain.actions.resume does the same for links.
    """
    await tx.run(
        "update owed_status set due_at = :now where workspace_id = :ws and organisation_id = :id and due_at > :now",
        id=organisation_id,
    )
    await tx.run(
        "update invoice set next_attempt_at = null where workspace_id = :ws and organisation_id = :id"
        " and due_at is not null and next_attempt_at > :now and failure_code = 'XERO_UNAVAILABLE'",
        id=organisation_id,
    )
    tx.notify_workers()
