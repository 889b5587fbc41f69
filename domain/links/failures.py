"""Failures of links: what people see, and how a failing link is tried again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypedDict
from uuid import UUID

from domain import activity
from domain.activity import Change
from domain.connection import health as connection_health
from domain.fields.synced import Values, loaded, same, shown
from domain.links import link as links
from domain.links import statements
from domain.mirror import missing_contacts, status_requests
from domain.names.text_keys import keys_in_xero
from domain.tables import ActivityKind, Contact, Side, StoredFailure, StoredProblem, SyncedField, SyncLink
from domain.tx import Tx

REMEDIES = {
    "NAME_TAKEN_IN_XERO": "UPDATE_CONTACT",
    "VALUE_TOO_LONG": "UPDATE_CONTACT",
    "INVALID_IN_XERO": "UPDATE_CONTACT",
    "UNCERTAIN": "WAIT",
    "XERO_UNAVAILABLE": "WAIT",
    "NEEDS_RECONNECT": "CONNECT_XERO",
}
IN_XERO_AGAIN = timedelta(days=1)  # how often a failure with the remedy IN_XERO is tried again
_MAYBE_EMOJI = r"[^\u0001-\u1fff]"  # PostgreSQL's regular expression of all characters that Xero may drop, and of some others
NOT_SHOWN = (
    "Xero does not show this contact when Tandem asks for it, so Tandem does not overwrite it. Look for the contact in Xero, then call"
    " retrySync. If it is gone there, end the link with unsync, and createFromUnsynced creates the contact again."
)


@dataclass(frozen=True)
class Failure:
    """`code` is the schema's SyncFailureCode, `message` a text for people, `field` the field that Xero refused. `remedy`
    None: that of the code."""

    code: str
    message: str
    field: SyncedField | None = None
    remedy: str | None = None


def stored_failure(
    code: str,
    message: str,
    *,
    since: datetime,
    field: SyncedField | None = None,
    subjects: Sequence[str] = (),
    attempts: int = 0,
    next_attempt_at: datetime | None = None,
    remedy: str | None = None,
    refused: bool = False,
    each: Sequence[StoredProblem] = (),
) -> StoredFailure:
    """A failure of a link or an invoice in the form of the column `failure`, which the API reads.

    `subjects`: 'Type:uuid' of each object that it is about. `remedy`: the schema's Remedy; without one, that of the code.
    `refused`: Xero's words, about an invoice; `each`: where Xero named several things at once, each of them.
    """
    failure: StoredFailure = {
        "code": code, "message": message, "field": field, "subjects": list(subjects), "since": since.isoformat(),
        "attempts": attempts, "nextAttemptAt": next_attempt_at.isoformat() if next_attempt_at else None,
        "remedy": remedy or REMEDIES.get(code),
    }  # fmt: skip
    if refused:
        failure |= {"refused": True, "each": list(each)}
    return failure


async def described(tx: Tx, link: SyncLink, failure: Failure, until: datetime | None = None) -> StoredFailure:
    """The failure in the form that the link stores. A taken name has its known holders as subjects.

    `until`: the link is tried again automatically then.
    """
    holders: list[UUID] = []
    if failure.code == "NAME_TAKEN_IN_XERO":
        contact = await tx.session.get_one(Contact, (tx.workspace, link.contact_id))
        holders = await tx.ids(
            "select id from xero_contact where workspace_id = :ws and organisation_id = :organisation"
            " and name_key = any(:keys) and status = 'ACTIVE' and missing_since is null"
            " and id is distinct from cast(:own as uuid) order by id limit 5",
            organisation=link.organisation_id, keys=keys_in_xero(contact.name), own=link.xero_contact_id,
        )  # fmt: skip
    before = link.failure["since"] if link.failure else None
    return stored_failure(
        failure.code, failure.message, since=datetime.fromisoformat(before) if before else tx.now,
        field=failure.field, subjects=[f"XeroContact:{key}" for key in holders], attempts=link.attempts + 1,
        next_attempt_at=until, remedy=failure.remedy,
    )  # fmt: skip


async def not_shown(tx: Tx, link: SyncLink) -> None:
    """Show at the link, which is locked, that Xero does not show its contact. A due link is tried again daily. The failure ends when
    Xero shows the contact."""
    until = tx.now + IN_XERO_AGAIN if link.due_at is not None else None
    told = await described(tx, link, Failure("INVALID_IN_XERO", NOT_SHOWN, remedy="IN_XERO"), until)
    same = says_not_shown(link)
    if link.xero_contact_id is not None:
        await missing_contacts.mark(tx, [link.xero_contact_id])
    await links.change(
        tx, link, failure=told, attempts=link.attempts + 1, next_attempt_at=until,
        state=links.next_state(conflicts=bool(link.conflicts), failing=True, waiting=True),
    )  # fmt: skip
    if not same:
        record_failure(tx, link, NOT_SHOWN)


def says_not_shown(link: SyncLink) -> bool:
    return link.failure is not None and link.failure["message"] == NOT_SHOWN


class LookUp(TypedDict):
    at: str
    sends: int


@dataclass(frozen=True)
class Trouble:
    """The reasons why a link does not sync, as FAILURE_COLUMNS reads them. `held_by`: the code of a trouble of the whole
    organisation, from `held_since` to `held_until`. `look_up`: of a write without an answer, the time of its look-up (`at`)
    and the number of its sends (`sends`)."""

    failure: StoredFailure | None
    due_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    organisation_id: UUID
    held_by: str | None
    health_message: str | None
    held_since: datetime | None
    held_until: datetime | None
    look_up: LookUp | None


# The columns of `Trouble`, of a link `l` joined with health.HELD_LINK.
FAILURE_COLUMNS = (
    "l.failure, l.due_at, l.attempts, l.next_attempt_at, l.organisation_id, held.code as held_by,"
    f" coalesce(o.health_message, {connection_health.RIGHTS_SAY}) as health_message,"
    " case when held.code is not null then greatest(l.due_at, coalesce(o.writes_failing_since, o.failing_since,"
    f" {connection_health.RIGHTS_SINCE}, o.health_since)) end as held_since,"
    " case when held.code = 'XERO_UNAVAILABLE' then greatest(o.limited_until, (select r.due_at from import_run r"
    "  where r.workspace_id = l.workspace_id and r.organisation_id = o.id and r.finished_at is null)) end as held_until,"
    " case when l.failure->>'code' = 'UNCERTAIN' then (select jsonb_build_object('at', d.due_at, 'sends', d.sends)"
    "  from delivery_member m join delivery d on d.workspace_id = m.workspace_id and d.id = m.delivery_id"
    "  where m.workspace_id = l.workspace_id and m.link_id = l.id and m.open) end as look_up"
)


def shown_failure(trouble: Trouble, now: datetime) -> StoredFailure | None:
    """The failure that keeps a link from syncing now: its own failure, or a failure of the whole organisation."""
    own, code = trouble.failure, trouble.held_by
    if own is not None:
        looked = trouble.look_up
        return own if looked is None else {**own, "nextAttemptAt": looked["at"], "attempts": looked["sends"]}
    if code is None:
        return None
    times = [time for time in (trouble.next_attempt_at, trouble.held_until) if time and time > now]
    return stored_failure(
        code, trouble.health_message or connection_health.UNAVAILABLE, since=trouble.held_since or now,
        subjects=[f"XeroOrganisation:{trouble.organisation_id}"], attempts=trouble.attempts,
        next_attempt_at=max(times) if times and code == "XERO_UNAVAILABLE" else None,
    )  # fmt: skip


def uncertain(known_by: datetime) -> str:
    """The message about a write without an answer. `known_by`: when it can take effect no more."""
    return (
        "Xero did not answer. Tandem is finding out whether Xero has this, and knows at the latest at"
        f" {known_by:%H:%M} UTC. There is nothing to do."
    )


async def show_uncertain(tx: Tx, delivery_id: UUID, known_by: datetime) -> None:
    """Show UNCERTAIN on the links of a delivery without an answer, unless they show another failure."""
    message = uncertain(known_by)
    await statements.show_uncertain(
        tx, delivery_id, stored_failure("UNCERTAIN", message, since=tx.now, attempts=1)
    )


async def try_again(tx: Tx, link_id: UUID, *, bulk: bool | None = None) -> None:
    """Make a failing link due again, without a change of its values. The link is locked.

    A write in flight is looked up now by its rules, which free nothing early.
    """
    link = await links.find(tx, link_id)
    if link is None or link.failure is None:
        return
    opened = await tx.run(
        "update delivery d set due_at = :now from delivery_member m where d.workspace_id = :ws and d.ended_at is null"
        " and m.workspace_id = :ws and m.delivery_id = d.id and m.link_id = :id and m.open",
        id=link_id,
    )
    if opened:
        return
    await status_requests.try_again(tx, link.xero_contact_id)
    if says_not_shown(link) and link.xero_contact_id is not None:
        await missing_contacts.request_read(tx, link.xero_contact_id)
    state = links.next_state(conflicts=bool(link.conflicts), failing=False, waiting=True)
    await links.change(
        tx, link, failure=None, refused={}, due_at=tx.now, next_attempt_at=None, state=state,
        bulk=link.bulk if bulk is None else bulk,
    )  # fmt: skip


class _Refused(NamedTuple):
    """A link that was refused a name: its Xero contact (a mirror row), if it has one, and the name that it wants."""

    id: UUID
    own: UUID | None
    name: str


class _Held(NamedTuple):
    """The key of a name, and the active Xero contacts (mirror rows) that have it."""

    name_key: str
    ids: Sequence[UUID]


async def names_freed(tx: Tx, organisation_id: UUID, keys: Sequence[str]) -> None:
    """Make links due that were refused one of these names, if no active contact in Xero has the name any more.

    `keys` are the keys of names that Xero's contacts had.
    """
    if not keys:
        return
    refused = await tx.read(
        _Refused,
        "select l.id, l.xero_contact_id as own, case when own.status = 'ARCHIVED' then own.name else c.name end as name"
        " from sync_link l join contact c on c.workspace_id = :ws and c.id = l.contact_id"
        " left join xero_contact own on own.workspace_id = :ws and own.id = l.xero_contact_id"
        " where l.workspace_id = :ws and l.organisation_id = :organisation and l.state in ('FAILING', 'CONFLICT')"
        " and l.failure->>'code' = 'NAME_TAKEN_IN_XERO'"
        " and (c.name_key = any(:keys) or own.name_key = any(:keys) or c.name ~ :emoji) order by l.id",
        organisation=organisation_id, keys=list(keys), emoji=_MAYBE_EMOJI,
    )  # fmt: skip
    wanted = {row: keys_in_xero(row.name) for row in refused}
    waiting = {row: own for row, own in wanted.items() if not set(own).isdisjoint(keys)}
    if not waiting:
        return
    held = await tx.read(
        _Held,
        "select name_key, array_agg(id) as ids from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and name_key = any(:keys) and status = 'ACTIVE' and missing_since is null group by name_key",
        organisation=organisation_id, keys=sorted({key for own in waiting.values() for key in own}),
    )  # fmt: skip
    holders = {row.name_key: set(row.ids) for row in held}
    found = [
        row.id for row, own in waiting.items() if not any(holders.get(key, set()) - {row.own} for key in own)
    ]
    if not found:
        return
    await links.lock_all(tx, found)
    for link_id in found:
        await try_again(tx, link_id)
    tx.notify_workers()


async def retry_changed_in_xero(tx: Tx, organisation_id: UUID, xero_ids: Sequence[UUID]) -> None:
    """Make links due that Xero refused because of its own data (IN_XERO), because their Xero contacts have changed.

    The failure stays until Xero has answered.
    """
    wanted = (
        " from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation"
        " and l.xero_contact_id = any(:ids) and l.state in ('FAILING', 'CONFLICT') and l.failure->>'remedy' = 'IN_XERO'"
    )
    found = await tx.ids(f"select l.id {wanted}", organisation=organisation_id, ids=list(xero_ids))
    if not found:
        return
    await tx.ids(
        "select id from contact where workspace_id = :ws and id in (select contact_id from sync_link"
        " where workspace_id = :ws and id = any(:links)) order by id for update",
        links=found,
    )
    held = await tx.ids(
        "select id from sync_link where workspace_id = :ws and id = any(:links) order by id for update",
        links=found,
    )
    await tx.run(
        "update sync_link set due_at = :now, next_attempt_at = null where workspace_id = :ws and id = any(:links)",
        links=held,
    )
    tx.notify_workers()


def record_failure(tx: Tx, link: SyncLink, message: str) -> None:
    """Record in the activity why the link fails."""
    activity.record(
        tx, ActivityKind.FAILED, message, organisation=link.organisation_id, contact=link.contact_id, link=link.id
    )  # fmt: skip


def record_push(tx: Tx, link: SyncLink, xero_name: str) -> None:
    """Record in the activity that the contact was created in Xero."""
    activity.record(
        tx, ActivityKind.PUSHED, f"{xero_name} was created in Xero.", organisation=link.organisation_id,
        contact=link.contact_id, link=link.id,
    )  # fmt: skip


def overwritten(notes: Mapping[str, Sequence[object]], now: Values, region: str | None) -> list[Change]:
    """The noted values that Xero does not hold `now`: they were overwritten, and can be restored."""
    return [
        Change(
            name, shown(loaded(field, value)), shown(now[field]), Side.XERO, value, restorable=value is not None
        )
        for name, values in notes.items()
        for field in [SyncedField(name)]
        for value in values
        if not same(field, loaded(field, value), now[field], region)
    ]  # fmt: skip


def record_notes(
    tx: Tx, link: SyncLink, name: str, region: str | None, fields: Collection[str], now: Values
) -> None:
    """Record values in the activity that reads showed during a write and that Xero does not hold now. `name` is the contact's."""
    noted = {field: values for field, values in link.notes.items() if field in fields}
    if changes := overwritten(noted, now, region):
        activity.record(
            tx, ActivityKind.CONFLICT_SETTLED, f"{name} was changed on both sides at once.",
            organisation=link.organisation_id, contact=link.contact_id, link=link.id, changes=changes,
        )  # fmt: skip
