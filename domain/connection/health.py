"""The health of an organisation's connection, and its message for people.

Passing trouble (a limit, an outage) ends by itself. A missing right (`domain.connection.rights`) stops only what needs it: the
organisation shows DEGRADED, and its column `health` stays as it is. The health is then PAUSED while a mass change waits for a person,
CATCHING_UP until all of Xero was read again after a reconnect, and HEALTHY otherwise. Passing trouble never hides PAUSED.
Only a reconnect ends NEEDS_RECONNECT.

Links and invoices that wait show the organisation's health. So an outage writes one row, not a row for each link.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from domain.connection.organisation_copy import OrganisationCopy
from domain.tables import EventKind
from domain.tx import Tx

# Xero must fail for so long before it counts as an outage.
OUTAGE = timedelta(seconds=60)
CATCHING_UP = "Tandem reads all of Xero again before it sends anything."
UNAVAILABLE = "Xero does not answer as it should. Tandem sends the waiting changes when Xero answers again."
BLOCKED = (
    "Something between Tandem and Xero, such as a proxy or a firewall, refuses Tandem's calls in Xero's place. The"
    " administrator of this server must let calls to Xero through. Tandem sends the waiting changes when Xero answers again."
)
RECONNECT = "Xero no longer lets Tandem in. Connect the organisation again. No waiting change is lost."
RESTING = (
    "case when mass_change is not null then 'PAUSED' when catching_up then 'CATCHING_UP' else 'HEALTHY' end"
)
_WITHOUT_RIGHTS = (
    f"case when health = 'RATE_LIMITED' and limited_until <= :now then {RESTING} else health end"
)
# What people see as the health at this moment, in SQL over `organisation` with :now bound.
AT_THIS_MOMENT = f"case when missing_rights is not null and ({_WITHOUT_RIGHTS}) = 'HEALTHY' then 'DEGRADED' else {_WITHOUT_RIGHTS} end"
# SQL over `organisation`: the message about its missing rights. Null: none is missing.
RIGHTS_SAY = "(select string_agg(r.value->>'says', ' ' order by r.key) from jsonb_each(missing_rights) r)"
RIGHTS_SINCE = "(select min((r.value->>'since')::timestamptz) from jsonb_each(missing_rights) r)"
# SQL over `organisation`: whether a right is missing without which no contact is sent. A contact is read before it is sent.
_NO_RIGHT_TO_SEND = "coalesce(missing_rights ?| array['READ_CONTACTS', 'WRITE_CONTACTS'], false)"
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
# A limit of the minute ends too soon to be worth a message.
LONG = "limited_until > coalesce(health_since, connected_at) + interval '61 seconds'"
MOST_PUBLISHED = 500
# SQL: whether organisation `o` has something to write to Xero, or a write in flight.
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
        f" when {health} = 'DEGRADED' or {_NO_RIGHT_TO_SEND} or {health} = 'RATE_LIMITED' and {LONG} then 'XERO_UNAVAILABLE' end"
    )


# SQL over `organisation`, with :now bound: the SyncFailureCode that holds up everything that waits, or null.
HOLDS = _holds(f"({_WITHOUT_RIGHTS})")
# SQL to join to sync_link `l`: its organisation `o`, and held.code, the code that holds up this link.
HELD_LINK = (
    " join organisation o on o.workspace_id = l.workspace_id and o.id = l.organisation_id"
    " cross join lateral (select case when l.due_at is not null and l.failure is null"
    f" and l.state in ('PENDING', 'CONFLICT') then {HOLDS} end as code) held"
)
# SQL: the state and the failure code of a link as the API shows them.
LINK_STATE = "case when l.state = 'PENDING' and held.code is not null then 'FAILING' else l.state end"
LINK_CODE = "coalesce(l.failure->>'code', held.code)"


def may_send(organisation: OrganisationCopy) -> bool:
    """Whether Tandem may send: not while a person must act first, and not before everything was read after a reconnect. The
    database function that finds due work has the same rule."""
    waits = organisation.catching_up or organisation.mass_change is not None
    return not waits and organisation.health not in ("NEEDS_RECONNECT", "PAUSED", "DISCONNECTED")


async def answered(tx: Tx, organisation_id: UUID, *, write: bool = False) -> None:
    """Records that a call succeeded: limits and outages have ended. A read does not end an outage of writes while something
    waits to be written."""
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
    """Records that everything in Xero was read and applied. Waiting changes may be sent."""
    await tx.run(
        "update organisation set catching_up = false where workspace_id = :ws and id = :id and catching_up",
        id=organisation_id,
    )
    await _rest(tx, organisation_id, "health = 'CATCHING_UP'")


async def limited(tx: Tx, organisation_id: UUID, until: datetime) -> None:
    message = f"Xero accepts no more calls before {until:%Y-%m-%d %H:%M:%S} UTC. Tandem sends the waiting changes then."
    await _set(tx, organisation_id, "RATE_LIMITED", message, until=until)


class _Trouble(NamedTuple):
    """`since`: the first call without a usable answer, of all calls or of those that write."""

    since: datetime


async def unavailable(
    tx: Tx, organisation_id: UUID, *, write: bool = False, said: bool = False, why: str = UNAVAILABLE
) -> None:
    """Records that a call got no usable answer. The health becomes DEGRADED after OUTAGE, of all calls or of writes; at once
    if Xero `said` that it is offline. `why`: the message for people."""
    trouble = await tx.read_one(
        _Trouble,
        "update organisation set failing_since = coalesce(failing_since, :now),"
        " writes_failing_since = case when :write then coalesce(writes_failing_since, :now) else writes_failing_since end"
        " where workspace_id = :ws and id = :id"
        " returning case when :write then writes_failing_since else failing_since end as since",
        id=organisation_id, write=write,
    )  # fmt: skip
    if trouble is not None and (said or trouble.since <= tx.now - OUTAGE):
        await _set(tx, organisation_id, "DEGRADED", why)


async def hindered(tx: Tx, organisation_id: UUID, why: str) -> None:
    """Records that Xero refuses calls for a reason that a person must correct, although the consent is valid."""
    await _set(tx, organisation_id, "DEGRADED", f"{why[:1].upper()}{why[1:]}.")


async def locked_out(tx: Tx, organisation_id: UUID) -> None:
    """Records that the consent has ended. All changes wait, and none is lost."""
    await update_and_publish(
        tx, organisation_id,
        "update organisation set health = 'NEEDS_RECONNECT', health_message = :message, limited_until = null,"
        " health_since = :now"
        " where workspace_id = :ws and id = :id and disconnected_at is null and health <> 'NEEDS_RECONNECT'",
        message=RECONNECT,
    )  # fmt: skip


async def _set(
    tx: Tx, organisation_id: UUID, health: str, message: str, until: datetime | None = None
) -> None:
    await update_and_publish(
        tx, organisation_id,
        "update organisation set health = cast(:health as text), health_message = cast(:message as text),"
        " limited_until = cast(:until as timestamptz),"
        " health_since = case when health = cast(:health as text) then health_since else :now end where workspace_id = :ws and id = :id and disconnected_at is null"
        f" and health in {_PASSING}"
        " and (health, health_message) is distinct from (cast(:health as text), cast(:message as text))",
        health=health, message=message, until=until,
    )  # fmt: skip


async def _rest(tx: Tx, organisation_id: UUID, only_if: str) -> None:
    await update_and_publish(
        tx, organisation_id,
        f"update organisation set health = {RESTING}, limited_until = null, failing_since = null, health_since = :now,"
        " health_message = case when catching_up and mass_change is null then cast(:message as text) end"
        f" where workspace_id = :ws and id = :id and disconnected_at is null and health in {_PASSING} and ({only_if})",
        message=CATCHING_UP,
    )  # fmt: skip


async def update_and_publish(tx: Tx, organisation_id: UUID, update: str, **values: Any) -> None:
    """Runs the update of the organisation. If it changed a row, subscribers hear of the organisation, and of the links that
    it holds up now or no longer."""
    before = await _held(tx, organisation_id)
    if await tx.run(update, id=organisation_id, **values):
        tx.publish(EventKind.CONNECTION, organisation_id, organisation=organisation_id)
        if await _held(tx, organisation_id) != before:
            await publish_waiting(tx, organisation_id)


class _Held(NamedTuple):
    code: str | None


async def _held(tx: Tx, organisation_id: UUID) -> str | None:
    """The code that subscribers heard last. `limit_over` publishes the end of a limit."""
    held = await tx.read_one(
        _Held,
        f"select {_holds('health')} as code from organisation where workspace_id = :ws and id = :id",
        id=organisation_id,
    )
    return held.code if held else None


async def publish_waiting(tx: Tx, organisation_id: UUID) -> None:
    """Publishes that waiting links are held up now, or no longer: an event for each link, or RESYNC for too many."""
    waiting = await tx.ids(
        "select id from sync_link where workspace_id = :ws and organisation_id = :organisation and due_at is not null"
        " and failure is null and state in ('PENDING', 'CONFLICT') limit :most",
        organisation=organisation_id, most=MOST_PUBLISHED + 1,
    )  # fmt: skip
    if len(waiting) > MOST_PUBLISHED:
        tx.publish(EventKind.RESYNC, "Much has changed: read the lists again.", organisation=organisation_id)
        return
    for link_id in waiting:
        tx.publish(EventKind.LINK, link_id, organisation=organisation_id)
