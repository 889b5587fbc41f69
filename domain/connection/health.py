"""The health of an organisation's connection, and its message for people.

Passing trouble (a limit, an outage) ends by itself. A missing right (`domain.connection.rights`) stops only what needs it: the
organisation shows DEGRADED, and its column `health` stays as it is. The health is then PAUSED while a mass change waits for a person,
CATCHING_UP until all of Xero was read again after a reconnect, and HEALTHY otherwise. Passing trouble never hides PAUSED.
Only a reconnect ends NEEDS_RECONNECT.

Links and invoices that wait show the organisation's health. So an outage writes one row, not a row for each link.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.connection import held_invoices
from domain.connection.organisation_copy import OrganisationCopy
from domain.tables import ConnectionHealth, EventKind, Organisation
from domain.tx import MOST_PUBLISHED, Tx

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
# The health that people see at this moment, in SQL over `organisation` with :now bound.
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
_PASSING = (
    ConnectionHealth.HEALTHY, ConnectionHealth.CATCHING_UP, ConnectionHealth.RATE_LIMITED, ConnectionHealth.DEGRADED,
)  # fmt: skip
# A limit of the minute ends too soon to be worth a message.
LONG = "limited_until > coalesce(health_since, connected_at) + interval '61 seconds'"
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


async def lock(tx: Tx, organisation_id: UUID) -> Organisation | None:
    """The organisation's row, locked until the transaction ends. Rows that refer to the organisation may be written meanwhile."""
    await tx.session.flush()
    key = (tx.workspace, organisation_id)
    return await tx.session.get(
        Organisation, key, with_for_update={"key_share": True}, populate_existing=True
    )


async def answered(tx: Tx, organisation_id: UUID, *, write: bool = False) -> None:
    """Record that a call succeeded: limits and outages have ended. A read does not end an outage of writes while something
    waits to be written."""
    row = await lock(tx, organisation_id)
    if row is None:
        return
    if row.writes_failing_since is not None and (write or not await _has_to_write(tx, organisation_id)):
        row.writes_failing_since = None
    troubled = row.health is ConnectionHealth.DEGRADED or row.failing_since is not None
    if row.health is ConnectionHealth.RATE_LIMITED or (row.writes_failing_since is None and troubled):
        await _rest(tx, row)
    row.failing_since = None
    await tx.session.flush()


async def limit_over(tx: Tx, organisation_id: UUID) -> None:
    row = await lock(tx, organisation_id)
    limited = row is not None and row.health is ConnectionHealth.RATE_LIMITED
    if row is not None and limited and row.limited_until is not None and row.limited_until <= tx.now:
        await _rest(tx, row)


async def caught_up(tx: Tx, organisation_id: UUID) -> None:
    """Record that everything in Xero was read and applied. Waiting changes may be sent."""
    row = await lock(tx, organisation_id)
    if row is None:
        return
    row.catching_up = False
    if row.health is ConnectionHealth.CATCHING_UP:
        await _rest(tx, row)
    await tx.session.flush()


async def limited(tx: Tx, organisation_id: UUID, until: datetime) -> None:
    message = f"Xero accepts no more calls before {until:%Y-%m-%d %H:%M:%S} UTC. Tandem sends the waiting changes then."
    await _set(tx, organisation_id, ConnectionHealth.RATE_LIMITED, message, until=until)


async def unavailable(
    tx: Tx, organisation_id: UUID, *, write: bool = False, said: bool = False, why: str = UNAVAILABLE
) -> None:
    """Record that a call got no usable answer. The health becomes DEGRADED after OUTAGE, of all calls or of writes; at once
    if Xero `said` that it is offline. `why`: the message for people."""
    row = await lock(tx, organisation_id)
    if row is None:
        return
    row.failing_since = row.failing_since or tx.now
    since = row.failing_since
    if write:
        since = row.writes_failing_since = row.writes_failing_since or tx.now
    await tx.session.flush()
    if said or since <= tx.now - OUTAGE:
        await _set(tx, organisation_id, ConnectionHealth.DEGRADED, why)


async def hindered(tx: Tx, organisation_id: UUID, why: str) -> None:
    """Record that Xero refuses calls for a reason that a person must correct, although the consent is valid."""
    await _set(tx, organisation_id, ConnectionHealth.DEGRADED, f"{why[:1].upper()}{why[1:]}.")


async def locked_out(tx: Tx, organisation_id: UUID) -> None:
    """Record that the consent has ended. All changes wait, and none is lost. The due invoices show why they wait."""
    await held_invoices.lock_setup(tx, organisation_id, change=True)
    row = await lock(tx, organisation_id)
    if row is None or row.disconnected_at is not None or row.health is ConnectionHealth.NEEDS_RECONNECT:
        return
    async with published(tx, organisation_id):
        row.health, row.health_message = ConnectionHealth.NEEDS_RECONNECT, RECONNECT
        row.limited_until, row.health_since = None, tx.now
    await held_invoices.hold(tx, organisation_id)


async def _set(
    tx: Tx, organisation_id: UUID, health: ConnectionHealth, message: str, until: datetime | None = None
) -> None:
    row = await lock(tx, organisation_id)
    if row is None or not _may_pass(row) or (row.health, row.health_message) == (health, message):
        return
    async with published(tx, organisation_id):
        if row.health is not health:
            row.health_since = tx.now
        row.health, row.health_message, row.limited_until = health, message, until


async def _rest(tx: Tx, row: Organisation) -> None:
    """End passing trouble. `row` is locked."""
    if not _may_pass(row):
        return
    async with published(tx, row.id):
        row.health, row.health_message = _resting(row), None
        if row.health is ConnectionHealth.CATCHING_UP:
            row.health_message = CATCHING_UP
        row.limited_until, row.failing_since, row.health_since = None, None, tx.now


def _may_pass(row: Organisation) -> bool:
    return row.disconnected_at is None and row.health in _PASSING


def _resting(row: Organisation) -> ConnectionHealth:
    """Whether the condition RESTING holds for the row."""
    if row.mass_change is not None:
        return ConnectionHealth.PAUSED
    return ConnectionHealth.CATCHING_UP if row.catching_up else ConnectionHealth.HEALTHY


@asynccontextmanager
async def published(tx: Tx, organisation_id: UUID) -> AsyncIterator[None]:
    """Write the changes that the block makes to the organisation's row. Subscribers hear of the organisation, and of the links that it
    holds up now or no longer."""
    before = await _held(tx, organisation_id)
    yield
    await tx.session.flush()
    tx.publish(EventKind.CONNECTION, organisation_id, organisation=organisation_id)
    if await _held(tx, organisation_id) != before:
        await publish_waiting(tx, organisation_id)


async def _has_to_write(tx: Tx, organisation_id: UUID) -> bool:
    return bool(
        await tx.ids(
            f"select o.id from organisation o where o.workspace_id = :ws and o.id = :id and {_TO_WRITE}",
            id=organisation_id,
        )
    )


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
    """Publish that waiting links are held up now, or no longer: an event for each link, or RESYNC for too many."""
    waiting = await tx.ids(
        "select id from sync_link where workspace_id = :ws and organisation_id = :organisation and due_at is not null"
        " and failure is null and state in ('PENDING', 'CONFLICT') limit :most",
        organisation=organisation_id, most=MOST_PUBLISHED + 1,
    )  # fmt: skip
    tx.publish_all(EventKind.LINK, waiting, organisation_id)
