"""What keeps a link from syncing, as people see it; and how a link's row is written and told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain import activity
from domain.activity import Change
from domain.connection import health as connection_health
from domain.fields.synced import loaded, same, shown
from domain.fields.values import Value
from domain.links import starting as link_starting
from domain.names.text_keys import name_key
from domain.tables import ActivityKind, EventKind, Side, SyncedField
from domain.tx import Tx

_JSON = {"base_practice", "base_xero", "notes", "refused", "failure"}
REMEDIES = {
    "NAME_TAKEN_IN_XERO": "UPDATE_CONTACT",
    "VALUE_TOO_LONG": "UPDATE_CONTACT",
    "INVALID_IN_XERO": "UPDATE_CONTACT",
    "UNCERTAIN": "WAIT",
    "XERO_UNAVAILABLE": "WAIT",
    "NEEDS_RECONNECT": "CONNECT_XERO",
}


@dataclass(frozen=True)
class Failure:
    """`code` is the schema's SyncFailureCode; `message` for people; `field` where one is to blame."""

    code: str
    message: str
    field: SyncedField | None = None


async def described(
    tx: Tx, organisation: Mapping[str, Any], link: Mapping[str, Any], failure: Failure
) -> dict[str, Any]:
    """As a link holds it. A taken name names those who hold it, as far as the mirror knows."""
    subjects: list[str] = []
    if failure.code == "NAME_TAKEN_IN_XERO":
        found = await tx.rows(
            "select name from contact where workspace_id = :ws and id = :id", id=link["contact_id"]
        )
        holders = await tx.rows(
            "select id from xero_contact where workspace_id = :ws and organisation_id = :organisation"
            " and name_key = :key and status = 'ACTIVE' and id is distinct from cast(:own as uuid) limit 5",
            organisation=organisation["id"], key=name_key(found[0]["name"]) if found else None, own=link["xero_contact_id"],
        )  # fmt: skip
        subjects = [f"XeroContact:{row['id']}" for row in holders]
    since = link["failure"]["since"] if link["failure"] else tx.now.isoformat()
    return {
        "code": failure.code, "message": failure.message, "field": failure.field, "subjects": subjects,
        "since": since, "attempts": link["attempts"] + 1, "nextAttemptAt": None,
        "remedy": REMEDIES.get(failure.code),
    }  # fmt: skip


# Of a link `l` beside health.HELD_LINK: all that `shown_failure` reads.
FAILURE_COLUMNS = (
    "l.failure, l.due_at, l.attempts, l.next_attempt_at, l.organisation_id, held.code as held_by, o.health_message,"
    " case when held.code is not null then greatest(l.due_at, coalesce(o.writes_failing_since, o.failing_since, o.health_since)) end as held_since,"
    " case when held.code = 'XERO_UNAVAILABLE' then greatest(o.limited_until, (select r.due_at from import_run r"
    "  where r.workspace_id = l.workspace_id and r.organisation_id = o.id and r.finished_at is null)) end as held_until,"
    " case when l.failure->>'code' = 'UNCERTAIN' then (select jsonb_build_object('at', d.due_at, 'sends', d.sends)"
    "  from delivery_member m join delivery d on d.workspace_id = m.workspace_id and d.id = m.delivery_id"
    "  where m.workspace_id = l.workspace_id and m.link_id = l.id and m.open) end as look_up"
)


def shown_failure(row: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    """What keeps a link from syncing at this moment: its own failure, or that nothing of the organisation reaches Xero.
    `row` has FAILURE_COLUMNS."""
    own: dict[str, Any] | None = row["failure"]
    if own is not None:
        looked = row["look_up"]
        return own if looked is None else own | {"nextAttemptAt": looked["at"], "attempts": looked["sends"]}
    code: str | None = row["held_by"]
    if code is None:
        return None
    times = [time for time in (row["next_attempt_at"], row["held_until"]) if time and time > now]
    return {
        "code": code, "message": row["health_message"] or connection_health.UNAVAILABLE, "field": None,
        "subjects": [f"XeroOrganisation:{row['organisation_id']}"], "since": row["held_since"].isoformat(),
        "attempts": row["attempts"], "nextAttemptAt": max(times).isoformat() if times and code == "XERO_UNAVAILABLE" else None,
        "remedy": REMEDIES[code],
    }  # fmt: skip


async def uncertain(tx: Tx, delivery_id: UUID) -> None:
    """The members of a delivery without an answer say so, where nothing else is the matter with them."""
    failure: dict[str, Any] = {
        "code": "UNCERTAIN", "message": "Xero did not answer; what became of it is being looked up.", "field": None,
        "subjects": [], "since": tx.now.isoformat(), "attempts": 1, "nextAttemptAt": None, "remedy": "WAIT",
    }  # fmt: skip
    rows = await tx.rows(
        "update sync_link set failure = cast(:failure as jsonb), version = version + 1,"
        " state = case when state = 'PENDING' then 'FAILING' else state end,"
        " state_since = case when state = 'PENDING' then :now else state_since end"
        " where workspace_id = :ws and failure is null and state in ('PENDING', 'CONFLICT') and id in"
        " (select link_id from delivery_member where workspace_id = :ws and delivery_id = :delivery and open)"
        " returning id, organisation_id",
        delivery=delivery_id, failure=json.dumps(failure),
    )  # fmt: skip
    for row in rows:
        tell(tx, row)


async def certain(tx: Tx, links: Sequence[UUID]) -> None:
    """It is known now that nothing was done: they wait like any other."""
    rows = await tx.rows(
        "update sync_link set failure = null, version = version + 1,"
        " state = case when state = 'FAILING' then 'PENDING' else state end,"
        " state_since = case when state = 'FAILING' then :now else state_since end"
        " where workspace_id = :ws and id = any(:links) and failure->>'code' = 'UNCERTAIN'"
        " returning id, organisation_id",
        links=list(links),
    )
    for row in rows:
        tell(tx, row)


async def write(tx: Tx, link: Mapping[str, Any], **columns: Any) -> None:
    """Write columns of a link's row; its version rises, and subscribers hear of it."""
    columns["state_since"] = (
        tx.now if columns.get("state", link["state"]) != link["state"] else link["state_since"]
    )
    sets = [f"{name} = cast(:{name} as jsonb)" if name in _JSON else f"{name} = :{name}" for name in columns]
    values = {
        name: json.dumps(value) if name in _JSON and value is not None else value
        for name, value in columns.items()
    }
    await tx.run(
        f"update sync_link set {', '.join(sets)}, version = version + 1 where workspace_id = :ws and id = :link_id",
        link_id=link["id"],
        **values,
    )
    tell(tx, link)


async def try_again(tx: Tx, link_id: UUID, **columns: Any) -> None:
    """What failed is due again as it stands, with these columns. While a write of it is open, what became of that is
    looked up now by its rules, which free nothing early. The link is locked."""
    link = await link_starting.find(tx, link_id)
    if link is None or link["failure"] is None:
        return
    opened = await tx.run(
        "update delivery d set due_at = :now from delivery_member m where d.workspace_id = :ws and d.ended_at is null"
        " and m.workspace_id = :ws and m.delivery_id = d.id and m.link_id = :id and m.open",
        id=link_id,
    )
    if opened:
        return
    await tx.run(
        "update owed_status set due_at = :now where workspace_id = :ws and xero_contact_id = :id and due_at is null",
        id=link["xero_contact_id"],
    )
    after = {**link, "failure": None}
    await write(
        tx, link, failure=None, refused={}, due_at=tx.now, next_attempt_at=None,
        state=link_starting.state_of(after, conflicts=bool(link["conflicts"]), due=True), **columns,
    )  # fmt: skip


async def names_freed(tx: Tx, organisation_id: UUID, keys: Sequence[str]) -> None:
    """Links that were refused one of these names try again by themselves, where no active contact in Xero holds it
    any more: nobody should have to come back for it. `keys`: of names that Xero's contacts had."""
    found = await tx.rows(
        "select l.id from sync_link l join contact c on c.workspace_id = :ws and c.id = l.contact_id"
        " left join xero_contact own on own.workspace_id = :ws and own.id = l.xero_contact_id"
        " cross join lateral (select case when own.status = 'ARCHIVED' then own.name_key else c.name_key end as key) w"
        " where l.workspace_id = :ws and l.organisation_id = :organisation and l.state in ('FAILING', 'CONFLICT')"
        " and l.failure->>'code' = 'NAME_TAKEN_IN_XERO' and w.key = any(:keys)"
        " and not exists (select 1 from xero_contact x where x.workspace_id = :ws"
        "  and x.organisation_id = :organisation and x.name_key = w.key and x.status = 'ACTIVE'"
        "  and x.id is distinct from l.xero_contact_id)",
        organisation=organisation_id, keys=list(keys),
    )  # fmt: skip
    if not found:
        return
    await link_starting.lock_all(tx, [row["id"] for row in found])
    for row in found:
        await try_again(tx, row["id"])
    tx.notify_workers()


def tell(tx: Tx, link: Mapping[str, Any]) -> None:
    tx.publish(EventKind.LINK, link["id"], organisation=link["organisation_id"])


def recorded(
    tx: Tx, organisation: Mapping[str, Any], link: Mapping[str, Any], failure: Mapping[str, Any]
) -> None:
    activity.record(
        tx, ActivityKind.FAILED, failure["message"], organisation=organisation["id"],
        contact=link["contact_id"], link=link["id"],
    )  # fmt: skip


def pushed(tx: Tx, organisation: Mapping[str, Any], link: Mapping[str, Any], xero: Mapping[str, Any]) -> None:
    activity.record(
        tx, ActivityKind.PUSHED, f"{xero['name']} was created in Xero.", organisation=organisation["id"],
        contact=link["contact_id"], link=link["id"],
    )  # fmt: skip


async def record_notes(
    tx: Tx,
    organisation: Mapping[str, Any],
    link: Mapping[str, Any],
    fields: Mapping[str, Any],
    now: Mapping[SyncedField, Value],
) -> None:
    """Values that reads showed while these fields were being written, and that are not there now, were overwritten."""
    region = organisation["country_code"]
    changes = [
        Change(
            name,
            shown(loaded(field, value)),
            shown(now[field]),
            Side.XERO,
            value,
            restorable=value is not None,
        )
        for name, values in link["notes"].items()
        if name in fields
        for field in [SyncedField(name)]
        for value in values
        if not same(field, loaded(field, value), now[field], region)
    ]
    if changes:
        activity.record(
            tx, ActivityKind.CONFLICT_SETTLED, f"{link['contact']['name']} was changed on both sides at once.",
            organisation=organisation["id"], contact=link["contact_id"], link=link["id"], changes=changes,
        )  # fmt: skip
