"""How an organisation's connection is: what its last calls told, what it waits for, and in words.

Trouble that passes (limits, an outage) gives way by itself to what stands under it: PAUSED while a mass change waits
for a person, CATCHING_UP until all of Xero has been read again after a reconnect, HEALTHY otherwise. Nothing that
passes hides PAUSED, and only a reconnect ends NEEDS_RECONNECT.

Whatever waits to be sent while Xero cannot be reached says so by what is written here, once for the organisation: no
link is written when Xero goes down, and none when it is back.
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
# Whether contacts have changed in Xero two hours after the organisation's last webhook or later, in SQL over `organisation`.
# Xero announces each change within seconds, so the webhook is probably switched off. door.webhooks_silent_since says the same of the app.
WEBHOOKS_SILENT = (
    "exists (select 1 from activity a where a.workspace_id = organisation.workspace_id"
    " and a.organisation_id = organisation.id and a.at > last_webhook_at + interval '2 hours'"
    " and a.actor_kind = 'XERO' and a.kind = 'CONTACT_CHANGED' and connected_at < last_webhook_at)"
)
WEBHOOK_OFF = (
    "Xero no longer announces changes, so changes made in Xero arrive some minutes late. Xero has probably switched the"
    " webhook off, as it does after 24 hours of failures. The administrator of this server can switch it on again at"
    " developer.xero.com: My Apps, the app, Webhooks, Send intent to receive."
)
_PASSING = "('HEALTHY', 'CATCHING_UP', 'RATE_LIMITED', 'DEGRADED')"
# A limit of the minute is over before anybody has read of it.
LONG = "limited_until > coalesce(health_since, connected_at) + interval '61 seconds'"
MOST_TOLD = 500
# Whether `o` has anything that waits to be written, or of which a write is under way.
_TO_WRITE = (
    "(exists (select 1 from sync_link l where l.workspace_id = :ws and l.organisation_id = o.id and l.due_at is not null"
    "  and l.state in ('PENDING', 'FAILING', 'CONFLICT'))"
    " or exists (select 1 from owed_status s where s.workspace_id = :ws and s.organisation_id = o.id and s.due_at is not null)"
    " or exists (select 1 from invoice i where i.workspace_id = :ws and i.organisation_id = o.id and i.due_at is not null)"
    " or exists (select 1 from delivery d where d.workspace_id = :ws and d.organisation_id = o.id and d.ended_at is null))"
)


def _holds(health: str) -> str:
    return (
        f"case when {health} in ('NEEDS_RECONNECT', 'DISCONNECTED') then 'NEEDS_RECONNECT'"
        f" when {health} = 'DEGRADED' or {health} = 'RATE_LIMITED' and {LONG} then 'XERO_UNAVAILABLE' end"
    )


# By which SyncFailureCode all that waits is held up at this moment, or null, in SQL over `organisation` with :now bound.
HOLDS = _holds(f"({AT_THIS_MOMENT})")
# To be joined to sync_link as `l`: `o`, its organisation, and held.code, by which this link is held up.
HELD_LINK = (
    " join organisation o on o.workspace_id = l.workspace_id and o.id = l.organisation_id"
    " cross join lateral (select case when l.due_at is not null and l.failure is null"
    f" and l.state in ('PENDING', 'CONFLICT') then {HOLDS} end as code) held"
)
# The link's state and failure code as people see them.
LINK_STATE = "case when l.state = 'PENDING' and held.code is not null then 'FAILING' else l.state end"
LINK_CODE = "coalesce(l.failure->>'code', held.code)"


def may_send(organisation: Mapping[str, Any]) -> bool:
    """As door.due_sends has it: not while a person must do something, nor before all was read after a reconnect."""
    waits = organisation["catching_up"] or organisation["mass_change"] is not None
    return not waits and organisation["health"] not in ("NEEDS_RECONNECT", "PAUSED", "DISCONNECTED")


async def answered(tx: Tx, organisation_id: UUID, *, write: bool = False) -> None:
    """A call got through: limits and outages are over. That reads are answered says nothing of writes, while there is
    anything to write."""
    await tx.run(
        "update organisation o set writes_failing_since = null where workspace_id = :ws and id = :id"
        f" and writes_failing_since is not null and (:write or not {_TO_WRITE})",
        id=organisation_id, write=write,
    )  # fmt: skip
    await _rest(
        tx,
        organisation_id,
        "health = 'RATE_LIMITED' or writes_failing_since is null and (health = 'DEGRADED' or failing_since is not null)",
    )
    await tx.run(
        "update organisation set failing_since = null where workspace_id = :ws and id = :id and failing_since is not null",
        id=organisation_id,
    )


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


async def unavailable(tx: Tx, organisation_id: UUID, *, write: bool = False, said: bool = False) -> None:
    """A call got no usable answer. DEGRADED once that has been so for a while, of all calls or of writes, or where Xero
    has `said` that it is offline."""
    row = await tx.row(
        "update organisation set failing_since = coalesce(failing_since, :now),"
        " writes_failing_since = case when :write then coalesce(writes_failing_since, :now) else writes_failing_since end"
        " where workspace_id = :ws and id = :id"
        " returning case when :write then writes_failing_since else failing_since end as since",
        id=organisation_id, write=write,
    )  # fmt: skip
    if row is not None and (said or row["since"] <= tx.now - OUTAGE):
        await _set(tx, organisation_id, "DEGRADED", UNAVAILABLE)


async def hindered(tx: Tx, organisation_id: UUID, why: str) -> None:
    """Calls are refused for a reason that somebody must mend, though the consent stands."""
    await _set(tx, organisation_id, "DEGRADED", f"{why[:1].upper()}{why[1:]}.")


async def locked_out(tx: Tx, organisation_id: UUID) -> None:
    """The consent is over: both queues wait, and nothing is dropped."""
    await _tell_if(
        tx, organisation_id,
        "update organisation set health = 'NEEDS_RECONNECT', health_message = :message, limited_until = null,"
        " health_since = :now"
        " where workspace_id = :ws and id = :id and disconnected_at is null and health <> 'NEEDS_RECONNECT'",
        message=RECONNECT,
    )  # fmt: skip


async def _set(
    tx: Tx, organisation_id: UUID, health: str, message: str, until: datetime | None = None
) -> None:
    await _tell_if(
        tx, organisation_id,
        "update organisation set health = cast(:health as text), health_message = cast(:message as text),"
        " limited_until = cast(:until as timestamptz),"
        " health_since = case when health = cast(:health as text) then health_since else :now end where workspace_id = :ws and id = :id and disconnected_at is null"
        f" and health in {_PASSING}"
        " and (health, health_message) is distinct from (cast(:health as text), cast(:message as text))",
        health=health, message=message, until=until,
    )  # fmt: skip


async def _rest(tx: Tx, organisation_id: UUID, only_if: str) -> None:
    await _tell_if(
        tx, organisation_id,
        f"update organisation set health = {RESTING}, limited_until = null, failing_since = null, health_since = :now,"
        " health_message = case when catching_up and mass_change is null then cast(:message as text) end"
        f" where workspace_id = :ws and id = :id and disconnected_at is null and health in {_PASSING} and ({only_if})",
        message=CATCHING_UP,
    )  # fmt: skip


async def _tell_if(tx: Tx, organisation_id: UUID, update: str, **values: Any) -> None:
    before = await _held(tx, organisation_id)
    if await tx.run(update, id=organisation_id, **values):
        tx.publish(EventKind.CONNECTION, organisation_id, organisation=organisation_id)
        if await _held(tx, organisation_id) != before:
            await tell_waiting(tx, organisation_id)


async def _held(tx: Tx, organisation_id: UUID) -> str | None:
    """As told last: a limit that has run out is told to be over by `limit_over`."""
    row = await tx.row(
        f"select {_holds('health')} as code from organisation where workspace_id = :ws and id = :id",
        id=organisation_id,
    )
    return row["code"] if row else None


async def tell_waiting(tx: Tx, organisation_id: UUID) -> None:
    """What waits is held up now, or is no more: subscribers hear of each link, or of too many to name."""
    rows = await tx.rows(
        "select id from sync_link where workspace_id = :ws and organisation_id = :organisation and due_at is not null"
        " and failure is null and state in ('PENDING', 'CONFLICT') limit :most",
        organisation=organisation_id, most=MOST_TOLD + 1,
    )  # fmt: skip
    if len(rows) > MOST_TOLD:
        tx.publish(EventKind.RESYNC, "Much has changed: read the lists again.", organisation=organisation_id)
        return
    for row in rows:
        tx.publish(EventKind.LINK, row["id"], organisation=organisation_id)
