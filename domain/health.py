"""How an organisation's connection is: what its last calls told, what it waits for, and in words.

Trouble that passes (limits, an outage) gives way by itself to what stands under it: PAUSED while a mass change waits
for a person, CATCHING_UP until all of Xero has been read again after a reconnect, HEALTHY otherwise. Nothing that
passes hides PAUSED, and only a reconnect ends NEEDS_RECONNECT.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.tables import EventKind
from domain.tx import Tx

# A call or two that fail are no outage yet.
OUTAGE = timedelta(seconds=60)
CATCHING_UP = "Everything in Xero is read again before anything is sent."
UNAVAILABLE = "Xero does not answer as it should; what waits goes out when it does again."
RECONNECT = (
    "Xero does not let Tandem in any more: connect the organisation again. Nothing that waits is lost."
)
RESTING = (
    "case when mass_change is not null then 'PAUSED' when catching_up then 'CATCHING_UP' else 'HEALTHY' end"
)
# What `health` is at this moment, in SQL over `organisation` with :now bound.
AT_THIS_MOMENT = f"case when health = 'RATE_LIMITED' and limited_until <= :now then {RESTING} else health end"
_PASSING = "('HEALTHY', 'CATCHING_UP', 'RATE_LIMITED', 'DEGRADED')"


def may_send(organisation: Mapping[str, Any]) -> bool:
    """As door.due_sends has it: not while a person must do something, nor before all was read after a reconnect."""
    waits = organisation["catching_up"] or organisation["mass_change"] is not None
    return not waits and organisation["health"] not in ("NEEDS_RECONNECT", "PAUSED", "DISCONNECTED")


async def answered(tx: Tx, organisation_id: UUID) -> None:
    """A call got through: limits and outages are over."""
    await _rest(tx, organisation_id, "health in ('RATE_LIMITED', 'DEGRADED') or failing_since is not null")


async def limit_over(tx: Tx, organisation_id: UUID) -> None:
    await _rest(tx, organisation_id, "health = 'RATE_LIMITED' and limited_until <= :now")


async def caught_up(tx: Tx, organisation_id: UUID) -> None:
    """All that Xero has was read and applied; what waits may be sent."""
    await tx.run(
        "update organisation set catching_up = false where workspace_id = :ws and id = :id and catching_up",
        id=organisation_id,
    )
    await _rest(tx, organisation_id, "health = 'CATCHING_UP'")


async def limited(tx: Tx, organisation_id: UUID, until: datetime) -> None:
    message = f"Xero takes no more calls before {until:%Y-%m-%d %H:%M:%S} UTC; what waits goes out then."
    await _set(tx, organisation_id, "RATE_LIMITED", message, until=until)


async def unavailable(tx: Tx, organisation_id: UUID) -> None:
    """A call got no usable answer. DEGRADED once that has been so for a while."""
    await tx.run(
        "update organisation set failing_since = :now where workspace_id = :ws and id = :id and failing_since is null",
        id=organisation_id,
    )
    row = await tx.row(
        "select failing_since from organisation where workspace_id = :ws and id = :id", id=organisation_id
    )
    if row is not None and row["failing_since"] <= tx.now - OUTAGE:
        await _set(tx, organisation_id, "DEGRADED", UNAVAILABLE)


async def hindered(tx: Tx, organisation_id: UUID, why: str) -> None:
    """Calls are refused for a reason that somebody must mend, though the consent stands."""
    await _set(tx, organisation_id, "DEGRADED", f"{why[:1].upper()}{why[1:]}.")


async def locked_out(tx: Tx, organisation_id: UUID) -> None:
    """The consent is over: both queues wait, and nothing is dropped."""
    await _tell_if(
        tx, organisation_id,
        "update organisation set health = 'NEEDS_RECONNECT', health_message = :message, limited_until = null"
        " where workspace_id = :ws and id = :id and disconnected_at is null and health <> 'NEEDS_RECONNECT'",
        message=RECONNECT,
    )  # fmt: skip


async def _set(
    tx: Tx, organisation_id: UUID, health: str, message: str, until: datetime | None = None
) -> None:
    await _tell_if(
        tx, organisation_id,
        "update organisation set health = cast(:health as text), health_message = cast(:message as text),"
        " limited_until = cast(:until as timestamptz) where workspace_id = :ws and id = :id and disconnected_at is null"
        f" and health in {_PASSING}"
        " and (health, health_message) is distinct from (cast(:health as text), cast(:message as text))",
        health=health, message=message, until=until,
    )  # fmt: skip


async def _rest(tx: Tx, organisation_id: UUID, only_if: str) -> None:
    await _tell_if(
        tx, organisation_id,
        f"update organisation set health = {RESTING}, limited_until = null, failing_since = null,"
        " health_message = case when catching_up and mass_change is null then cast(:message as text) end"
        f" where workspace_id = :ws and id = :id and disconnected_at is null and health in {_PASSING} and ({only_if})",
        message=CATCHING_UP,
    )  # fmt: skip


async def _tell_if(tx: Tx, organisation_id: UUID, update: str, **values: Any) -> None:
    if await tx.run(update, id=organisation_id, **values):
        tx.tell(EventKind.CONNECTION, organisation_id, organisation=organisation_id)
