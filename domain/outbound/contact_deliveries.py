"""Deliveries of contacts: claimed, sent by a worker, settled. A delivery sends what differs from the base values at the claim.

An answer moves the base values to (value sent, value returned) for exactly the fields sent. So a value that was typed
meanwhile differs from the base values and is sent next.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from domain.connection import health as connection_health
from domain.connection import organisation_copy
from domain.connection.organisation_copy import OrganisationCopy
from domain.contacts import edits as contact_edits
from domain.fields.dropped import is_stored_form
from domain.fields.synced import Values, loaded, same, seen_values, stored
from domain.fields.values import SeenContact, Value
from domain.inbound import apply as inbound_apply
from domain.inbound import mass_change, snapshots
from domain.links import failures, statements
from domain.links import link as links
from domain.links.failures import Failure
from domain.links.link import Link, to_send
from domain.mirror import xero_contacts
from domain.outbound import deliveries
from domain.outbound.contact_changes import Outgoing, hold_back_names
from domain.outbound.deliveries import MOST, Claimed
from domain.outbound.freshness import FRESH, LINK_DUE, LINK_KNOWN, LINK_READ
from domain.tables import Contact, DeliveryKind, SyncedField, SyncLink
from domain.tx import Tx

Build = Callable[[DeliveryKind, Sequence[Outgoing]], tuple[bytes, dict[UUID, Failure]]]


@dataclass(frozen=True)
class Answered:
    """One element of Xero's answer: the contact that it shows, or why the element was refused.

    `kept_back`: nothing was written, and `seen` is what a read shows. `found`: the contact was found by its number. The
    number proves that a create of this push reached Xero, but not that it had these values.
    """

    link_id: UUID
    seen: SeenContact | None = None
    failure: Failure | None = None
    kept_back: bool = False
    found: bool = False


async def claim(
    tx: Tx,
    organisation: OrganisationCopy,
    build: Build,
    only: Sequence[UUID] = (),
    *,
    bulk: bool | None = None,
    during_scan: bool = False,
    since: datetime | None = None,
) -> Claimed | None:
    """Claim due links for one write. None if nothing is to be sent. `organisation`: as this transaction has read it.

    `only` limits the claim to these links, as when a batch is halved; `bulk` limits it to that lane. Creates and updates never
    share a delivery, and neither do interactive and bulk work. `during_scan`: while a run reads Xero, only interactive links whose
    contact was read by itself are claimed. `since`: see freshness.Batch. A link whose contact has an unread event is left.
    """
    if not connection_health.may_send(organisation):
        return None
    wanted = _Wanted(organisation, only, bulk=bulk, during_scan=during_scan, since=since)
    found = await _find_due(tx, wanted)
    if any(row.blanks for row in found) and await mass_change.stops_sending(tx, organisation):
        return None
    due = await _lock_due(tx, wanted, found)
    ready: list[Outgoing] = []
    for outgoing in await hold_back_names(tx, organisation.id, due):
        if outgoing.fields:
            ready.append(outgoing)
        elif not outgoing.waits:
            await _nothing_to_send(tx, outgoing.link)
    if not ready:
        return None
    first = ready[0].link
    kind = DeliveryKind.CREATE if first.is_new else DeliveryKind.UPDATE
    chosen = [one for one in ready if one.link.is_new is first.is_new and one.link.row.bulk is first.row.bulk]
    body, unfit = build(kind, chosen)
    for one in chosen:
        if one.link.row.id in unfit:
            await _refuse(tx, one.link.row, one.fields, unfit[one.link.row.id])
    sent = [one for one in chosen if one.link.row.id not in unfit]
    if not sent:
        return await claim(tx, organisation, build, only, bulk=bulk, during_scan=during_scan, since=since)
    values = {
        one.link.row.id: {str(name): stored(value) for name, value in one.fields.items()} for one in sent
    }
    delivery = await deliveries.start(tx, organisation.id, kind, first.row.bulk, body, links=values)
    blanked = [one.link.row.id for one in sent if None in one.fields.values() and one.link.row.brake is None]
    if blanked:
        await statements.remember_blanked(tx, blanked)
    return Claimed(delivery, tuple(values), organisation.country_code, during_scan)


@dataclass(frozen=True)
class _Wanted:
    """Which links to claim: the arguments of `claim`, and the condition about `l` that they make."""

    organisation: OrganisationCopy
    only: Sequence[UUID]
    bulk: bool | None
    during_scan: bool
    since: datetime | None

    @property
    def condition(self) -> str:
        read = (
            f" and not l.bulk and (l.xero_contact_id is null or {LINK_READ})"
            if self.during_scan
            else " and (l.read_owed_at is null or l.read_owed_at < cast(:read as timestamptz))"
        )
        return (
            f"l.organisation_id = :organisation {LINK_DUE}{LINK_KNOWN}{read}"
            " and l.bulk = coalesce(cast(:bulk as boolean), l.bulk)"
        )

    @property
    def bound(self) -> dict[str, object]:
        bound = {
            "organisation": self.organisation.id,
            "only": list(self.only),
            "bulk": self.bulk,
            "since": self.since,
        }
        return bound | ({"fresh": FRESH} if self.during_scan else {"read": self.organisation.read_asked_at})


class _Due(NamedTuple):
    """`blanks`: the link would send a blank in place of a value."""

    id: UUID
    contact_id: UUID
    blanks: bool


async def _find_due(tx: Tx, wanted: _Wanted) -> list[_Due]:
    """Up to MOST due links, not locked. Interactive links come before bulk, updates before creates."""
    return await tx.read(
        _Due,
        f"select l.id, l.contact_id, {mass_change.BLANKS} as blanks from sync_link l"
        " join contact c on c.workspace_id = :ws and c.id = l.contact_id"
        f" where l.workspace_id = :ws and {wanted.condition}"
        f" order by l.bulk, l.xero_contact_id is null, l.due_at, l.id limit {MOST}",
        **wanted.bound,
    )


async def _lock_due(tx: Tx, wanted: _Wanted, found: Sequence[_Due]) -> list[Outgoing]:
    """Lock and return the links of these that are still due, with both sides."""
    ids = [row.id for row in found]
    contacts = await contact_edits.lock_many(tx, [row.contact_id for row in found])
    rows = await links.lock_free(tx, ids, wanted.condition, **wanted.bound)
    xeros = await xero_contacts.read(tx, [row.xero_contact_id for row in rows if row.xero_contact_id])
    outgoing = [
        Outgoing.of(
            Link(
                row,
                contacts[row.contact_id],
                xeros[row.xero_contact_id] if row.xero_contact_id else None,
                wanted.organisation.country_code,
            )
        )
        for row in rows
    ]
    return sorted(outgoing, key=lambda one: ids.index(one.link.row.id))


async def _nothing_to_send(tx: Tx, held: Link) -> None:
    """End the due mark, and a failure that is about no refused value: what failed is not wanted any more. Xero still has to show the
    contact."""
    link, missing = held.row, held.xero is not None and held.xero.missing_since is not None
    failure = link.failure if link.refused or missing else None
    state = links.next_state(
        conflicts=bool(link.conflicts), failing=failure is not None, waiting=link.xero_contact_id is None
    )
    await links.change(tx, link, due_at=None, state=state, failure=failure)


async def wait(tx: Tx, claimed: Claimed, until: datetime) -> None:
    """Leave the delivery open and UNCERTAIN, because there is no answer yet. It is due again at `until`."""
    await _lock_links(tx, claimed.members)
    known_by = await deliveries.wait(tx, claimed, until)
    if known_by is not None:
        await failures.show_uncertain(tx, claimed.delivery.id, known_by)


class _Number(NamedTuple):
    id: UUID
    contact_number: str


async def numbers(tx: Tx, members: Sequence[UUID]) -> dict[UUID, str]:
    """The push number of each link. Its contact is looked up by this number."""
    rows = await tx.read(
        _Number,
        "select id, contact_number from sync_link where workspace_id = :ws and id = any(:ids) and contact_number <> ''",
        ids=list(members),
    )
    return {row.id: row.contact_number for row in rows}


class _Target(NamedTuple):
    id: UUID
    xero_contact_id: UUID


async def targets(tx: Tx, members: Sequence[UUID]) -> dict[UUID, UUID]:
    """Xero's own id of each link's contact."""
    rows = await tx.read(
        _Target,
        "select l.id, x.xero_contact_id from sync_link l join xero_contact x on x.workspace_id = :ws"
        " and x.id = l.xero_contact_id where l.workspace_id = :ws and l.id = any(:ids)",
        ids=list(members),
    )
    return {row.id: row.xero_contact_id for row in rows}


async def free(
    tx: Tx, claimed: Claimed, until: datetime | None = None, members: Sequence[UUID] | None = None
) -> None:
    """Free all members, or only `members`: nothing was done, and no attempt is counted. They are due again, not before `until`.

    A link with notes then requires a read that begins after now.
    """
    which = list(claimed.members if members is None else members)
    await _lock_links(tx, which)
    if not await deliveries.lock(tx, claimed):
        return
    await deliveries.close(tx, claimed, which)
    await statements.make_due_again(tx, which, until)
    await statements.end_uncertain(tx, which)
    await xero_contacts.request_reads(tx, which)
    tx.notify_workers()


async def settle(tx: Tx, claimed: Claimed, answers: Sequence[Answered]) -> None:
    """Settle each element on its own. Members that the answer left out stay open and UNCERTAIN."""
    await xero_contacts.lock(tx, claimed.delivery.organisation_id)
    organisation = await organisation_copy.get(tx, claimed.delivery.organisation_id)
    held, sent = await _lock_members(tx, claimed, [answer.link_id for answer in answers])
    if not await deliveries.lock(tx, claimed):
        return
    shown: list[SeenContact] = [answer.seen for answer in answers if answer.seen]
    written = {
        answer.seen.xero_contact_id: sent.get(answer.link_id, {})
        for answer in answers
        if answer.seen and not answer.kept_back and not answer.found
    }
    newer = set(await snapshots.store(tx, organisation, shown, written))
    xeros = await xero_contacts.read_shown(tx, organisation.id, [one.xero_contact_id for one in shown])
    for answer in answers:
        member = held.get(answer.link_id)
        if member is None:  # unsynced, broken or deleted meanwhile: only the mirror is updated
            continue
        row, contact = member
        values = sent[answer.link_id]
        if answer.failure is not None:
            fields = {SyncedField(name): loaded(SyncedField(name), value) for name, value in values.items()}
            await _refuse(tx, row, fields, answer.failure)
        elif answer.seen is not None and not answer.kept_back and not answer.found:
            xero = xeros[answer.seen.xero_contact_id]
            link = Link(row, contact, xero, organisation.country_code)
            await _acknowledge(tx, link, values, answer.seen, newest=xero.id in newer)
    await deliveries.close(tx, claimed, [answer.link_id for answer in answers])
    await inbound_apply.apply(tx, organisation, [row.id for row in xeros.values()], uuid4(), quiet=False)
    await xero_contacts.request_reads(tx, [answer.link_id for answer in answers])


async def settle_read(tx: Tx, claimed: Claimed, shown: Mapping[UUID, SeenContact]) -> None:
    """Settle an update that can no longer take effect, by a read of each link.

    A link that shows the values sent is acknowledged. Any other link is merged like any change and freed.
    """
    await xero_contacts.lock(tx, claimed.delivery.organisation_id)
    _, sent = await _lock_members(tx, claimed, list(shown))
    answers: list[Answered] = []
    for link_id, seen in shown.items():
        returned = dict.fromkeys(SyncedField, None) | seen_values(seen)
        landed = link_id in sent and all(
            _has_landed(SyncedField(name), value, returned[SyncedField(name)], claimed.region)
            for name, value in sent[link_id].items()
        )
        if landed:
            answers.append(Answered(link_id, seen))
    settled = {answer.link_id for answer in answers}
    rest = [link_id for link_id in claimed.members if link_id not in settled]
    await settle(tx, claimed, answers)
    await free(tx, claimed, members=rest)
    await show(tx, claimed, [shown[one] for one in rest if one in shown])


async def show(tx: Tx, claimed: Claimed, shown: Sequence[SeenContact]) -> None:
    """Apply a read of members. While the delivery is open, the read decides about no field that was sent."""
    await xero_contacts.lock(tx, claimed.delivery.organisation_id)
    organisation = await organisation_copy.get(tx, claimed.delivery.organisation_id)
    ids = await snapshots.store(tx, organisation, shown)
    await inbound_apply.apply(tx, organisation, ids, uuid4(), quiet=False)


def _has_landed(field: SyncedField, sent: object, shown: Value, region: str | None) -> bool:
    value = loaded(field, sent)
    return same(field, value, shown, region) or is_stored_form(field, value, shown, region)


async def _lock_links(tx: Tx, ids: Sequence[UUID]) -> None:
    """Lock the links before their delivery, as the order of locks demands."""
    await tx.ids(
        "select id from sync_link where workspace_id = :ws and id = any(:ids) order by id for update",
        ids=list(ids),
    )


class _Member(NamedTuple):
    link_id: UUID
    sent: Mapping[str, object]


async def _lock_members(
    tx: Tx, claimed: Claimed, ids: Sequence[UUID]
) -> tuple[dict[UUID, tuple[SyncLink, Contact]], dict[UUID, Mapping[str, object]]]:
    """The active links among `ids` with their contacts, locked, and what each member of the delivery sent."""
    owners = await tx.ids(
        "select distinct contact_id from sync_link where workspace_id = :ws and id = any(:ids)", ids=list(ids)
    )
    contacts = await contact_edits.lock_many(tx, owners)
    rows = await links.lock_links(tx, ids)
    members = await tx.read(
        _Member,
        "select link_id, sent from delivery_member where workspace_id = :ws and delivery_id = :delivery and open",
        delivery=claimed.delivery.id,
    )
    sent = {member.link_id: member.sent for member in members}
    held = {
        row.id: (row, contacts[row.contact_id]) for row in rows if links.is_active(row) and row.id in sent
    }
    return held, sent


async def _acknowledge(
    tx: Tx, link: Link, sent: Mapping[str, object], seen: SeenContact, *, newest: bool
) -> None:
    """Move the base values to the values sent and the values returned.

    Notes of the sent fields end, and so does a failure of one of them, with everything that was refused. A refusal that
    still holds is then shown again.
    """
    assert link.xero is not None
    row, returned = link.row, link.at_xero | seen_values(seen)
    failures.record_notes(tx, row, link.contact.name, link.region, sent, returned)
    corrected = row.failure is None or row.failure["field"] in (None, *sent)
    failure = None if corrected else row.failure
    refused = {name: value for name, value in row.refused.items() if name not in sent and failure is not None}
    base = {**row.base_practice, **sent}
    due = bool(to_send(link.practice, base, link.region, conflicts=row.conflicts, refused=refused))
    was_new = link.is_new
    await links.change(
        tx,
        row,
        base_practice=base,
        base_xero={**row.base_xero, **{name: stored(returned[SyncedField(name)]) for name in sent}},
        notes={name: values for name, values in row.notes.items() if name not in sent},
        refused=refused,
        failure=failure,
        state=links.next_state(conflicts=bool(row.conflicts), failing=failure is not None, waiting=due),
        due_at=(row.due_at or tx.now) if due else None,
        read_owed_at=row.read_owed_at if newest else tx.now,
        xero_contact_id=link.xero.id,
        last_synced_at=tx.now,
        attempts=0,
        next_attempt_at=None,
        warnings=list(seen.warnings),
    )
    if was_new:
        failures.record_push(tx, row, link.xero.name)
    if due:
        tx.notify_workers()


async def _refuse(tx: Tx, link: SyncLink, sent: Values, failure: Failure) -> None:
    """Show a refusal at the link. The refused value is not sent again until it changes; the other fields still sync.

    A refusal because of Xero's own data, which names no field that was sent, is tried again daily, and when the Xero contact
    changes.
    """
    in_xero = failure.remedy == "IN_XERO" or (failure.field is not None and failure.field not in sent)
    if in_xero and failure.remedy is None:
        message = f"{failure.message} Correct it on the contact's page in Xero, or change it here."
        failure = replace(failure, message=message, remedy="IN_XERO")
    blamed = [] if in_xero else [failure.field] if failure.field in sent else list(sent)
    refused = {**link.refused, **{str(name): stored(sent[name]) for name in blamed if name is not None}}
    rest = [name for name in sent if name not in blamed]
    until = tx.now + failures.IN_XERO_AGAIN if in_xero else None
    same = link.failure is not None and link.failure["message"] == failure.message
    await links.change(
        tx,
        link,
        refused=refused,
        failure=await failures.described(tx, link, failure, until),
        state=links.next_state(conflicts=bool(link.conflicts), failing=True, waiting=True),
        due_at=(link.due_at or tx.now) if rest else None,
        attempts=link.attempts + 1,
        next_attempt_at=until,
    )
    if not (in_xero and same):
        failures.record_failure(tx, link, failure.message)
