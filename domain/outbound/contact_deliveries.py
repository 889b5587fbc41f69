"""Contacts on their way to Xero: claimed, sent by a worker, settled. What to send is what differs from the base at the
claim.

An answer moves the base to (value sent, value returned) for just the fields sent, so what was typed meanwhile differs
from the base and goes out next.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from domain.connection import health as connection_health
from domain.fields.synced import loaded, practice_values, same, seen_values, stored, xero_values
from domain.fields.values import SeenContact, Value
from domain.inbound import apply as inbound_apply
from domain.inbound import mass_change, snapshots
from domain.links import failures
from domain.links.failures import Failure
from domain.links.starting import refused, state_of
from domain.mirror import xero_contacts
from domain.outbound import deliveries
from domain.outbound.contact_changes import Outgoing, hold_back_names
from domain.outbound.deliveries import MOST, Claimed
from domain.outbound.freshness import FRESH, LINK_DUE, LINK_READ
from domain.tables import DeliveryKind, SyncedField
from domain.tx import Tx

Build = Callable[[DeliveryKind, Sequence[Outgoing]], tuple[bytes, dict[UUID, Failure]]]


@dataclass(frozen=True)
class Answered:
    """One element of Xero's answer: what it shows of the contact, or why it was refused. `kept_back`: nothing was
    written, and `seen` is what a read shows. `found`: by its number, which says that some create of this push landed
    and not that just these values did."""

    link_id: UUID
    seen: SeenContact | None = None
    failure: Failure | None = None
    kept_back: bool = False
    found: bool = False


async def claim(
    tx: Tx, organisation_id: UUID, build: Build, only: Sequence[UUID] = (), *, beside: bool = False
) -> Claimed | None:
    """Hold due links for one write, or None where nothing is to be sent. `only`: no other links than these, as when
    a batch is halved. Creates and updates are never in one delivery, nor what a person waits for and bulk. `beside`:
    while a run reads Xero, what a person waits for and has been read by itself."""
    organisation = await tx.row(
        "select * from organisation where workspace_id = :ws and id = :id", id=organisation_id
    )
    if organisation is None or not connection_health.may_send(organisation):
        return None
    if await mass_change.stops_sending(tx, organisation):
        return None
    held = await _lock_due(tx, organisation, only, beside=beside)
    ready: list[Outgoing] = []
    for outgoing in await hold_back_names(tx, organisation, held):
        if outgoing.fields:
            ready.append(outgoing)
        elif not outgoing.waits:
            await _nothing_to_send(tx, outgoing)
    if not ready:
        return None
    kind = DeliveryKind.CREATE if ready[0].is_new else DeliveryKind.UPDATE
    bulk = bool(ready[0].link["bulk"])
    chosen = [one for one in ready if one.is_new is ready[0].is_new and bool(one.link["bulk"]) is bulk]
    body, unfit = build(kind, chosen)
    for one in chosen:
        if one.link["id"] in unfit:
            await _refuse(tx, organisation, one.link, one.fields, unfit[one.link["id"]])
    sent = [one for one in chosen if one.link["id"] not in unfit]
    if not sent:
        return await claim(tx, organisation_id, build, only, beside=beside)
    return await _store(tx, organisation, kind, bulk, body, sent, beside=beside)


async def _lock_due(
    tx: Tx, organisation: Mapping[str, Any], only: Sequence[UUID], *, beside: bool
) -> list[Outgoing]:
    read = (
        f" and not l.bulk and (l.xero_contact_id is null or {LINK_READ})"
        if beside
        else " and (l.read_owed_at is null or l.read_owed_at < cast(:read as timestamptz))"
    )
    due = (
        f" from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation {LINK_DUE}{read}"
    )
    bound = {"organisation": organisation["id"], "only": list(only)}
    bound |= {"fresh": FRESH} if beside else {"read": organisation["read_asked_at"]}
    found = await tx.rows(
        f"select l.id, l.contact_id, l.bulk {due} order by l.bulk, l.xero_contact_id is null, l.due_at, l.id limit {MOST}",
        **bound,
    )
    ids = [row["id"] for row in found]
    contacts = await tx.rows(
        "select * from contact where workspace_id = :ws and id = any(:ids) order by id for update",
        ids=[row["contact_id"] for row in found],
    )
    links = await tx.rows(
        f"select l.* {due} and l.id = any(:ids) order by l.id for update skip locked", ids=ids, **bound
    )
    xeros = await tx.rows(
        "select * from xero_contact where workspace_id = :ws and id = any(:ids)",
        ids=[row["xero_contact_id"] for row in links],
    )
    by_id = {row["id"]: row for row in [*contacts, *xeros]}
    outgoing = [
        Outgoing.of(link, by_id[link["contact_id"]], by_id.get(link["xero_contact_id"]), organisation)
        for link in links
    ]
    return sorted(outgoing, key=lambda one: ids.index(one.link["id"]))


async def _nothing_to_send(tx: Tx, outgoing: Outgoing) -> None:
    link = {**outgoing.link, "due_at": None}
    await tx.run(
        "update sync_link set due_at = null, state = cast(:state as text), version = version + 1,"
        " state_since = case when state = cast(:state as text) then state_since else :now end"
        " where workspace_id = :ws and id = :id",
        id=link["id"], state=state_of(link, conflicts=bool(link["conflicts"]), due=False),
    )  # fmt: skip
    failures.tell(tx, link)


async def _store(
    tx: Tx,
    organisation: Mapping[str, Any],
    kind: DeliveryKind,
    bulk: bool,
    body: bytes,
    sent: Sequence[Outgoing],
    *,
    beside: bool,
) -> Claimed:
    values = {
        one.link["id"]: {str(name): stored(value) for name, value in one.fields.items()} for one in sent
    }
    delivery = await deliveries.start(tx, organisation["id"], kind, bulk, body, links=values)
    blanked = [one.link["id"] for one in sent if None in one.fields.values() and one.link["brake"] is None]
    if blanked:
        await tx.run(
            "update sync_link set blanked_at = :now where workspace_id = :ws and id = any(:ids)", ids=blanked
        )
    return Claimed(delivery, tuple(values), organisation["country_code"], beside)


async def wait(tx: Tx, claimed: Claimed, until: datetime) -> None:
    """No answer yet: the delivery stays open and UNCERTAIN, and is looked at again at `until`."""
    await _lock_links(tx, claimed.members)
    await deliveries.wait(tx, claimed, until)
    await failures.uncertain(tx, claimed.delivery.id)


async def numbers(tx: Tx, members: Sequence[UUID]) -> dict[UUID, str]:
    """The number of each push, by which its contact is looked up."""
    rows = await tx.rows(
        "select id, contact_number from sync_link where workspace_id = :ws and id = any(:ids) and contact_number <> ''",
        ids=list(members),
    )
    return {row["id"]: row["contact_number"] for row in rows}


async def targets(tx: Tx, members: Sequence[UUID]) -> dict[UUID, UUID]:
    """Xero's own id of each link's contact."""
    rows = await tx.rows(
        "select l.id, x.xero_contact_id from sync_link l join xero_contact x on x.workspace_id = :ws"
        " and x.id = l.xero_contact_id where l.workspace_id = :ws and l.id = any(:ids)",
        ids=list(members),
    )
    return {row["id"]: row["xero_contact_id"] for row in rows}


async def free(
    tx: Tx, claimed: Claimed, until: datetime | None = None, members: Sequence[UUID] | None = None
) -> None:
    """Nothing was done: all members (or only `members`) are due again, not before `until`, and no attempt is counted.
    A link with notes owes a read that begins after now."""
    which = list(claimed.members if members is None else members)
    await _lock_links(tx, which)
    if not await deliveries.lock(tx, claimed):
        return
    await deliveries.close(tx, claimed, which)
    await tx.run(
        "update sync_link set due_at = coalesce(due_at, :now), next_attempt_at = cast(:until as timestamptz),"
        " read_owed_at = case when notes = '{}' then read_owed_at else :now end"
        " where workspace_id = :ws and id = any(:links) and state in ('PENDING', 'FAILING', 'CONFLICT', 'SYNCED')",
        links=which, until=until,
    )  # fmt: skip
    await failures.certain(tx, which)
    await xero_contacts.owe_reads(tx, which)
    tx.notify_workers()


async def settle(tx: Tx, claimed: Claimed, answers: Sequence[Answered]) -> None:
    """Settle each element on its own. Members that the answer left out stay open, as uncertain as a lost answer."""
    await xero_contacts.lock(tx, claimed.delivery.organisation_id)
    organisation = await tx.row(
        "select * from organisation where workspace_id = :ws and id = :id",
        id=claimed.delivery.organisation_id,
    )
    assert organisation is not None
    links, sent = await _lock_members(tx, claimed, [answer.link_id for answer in answers])
    if not await deliveries.lock(tx, claimed):
        return
    shown: list[SeenContact] = [answer.seen for answer in answers if answer.seen]
    written = {
        answer.seen.xero_contact_id: sent.get(answer.link_id, {})
        for answer in answers
        if answer.seen and not answer.kept_back and not answer.found
    }
    newer = set(await snapshots.take(tx, organisation, shown, written))
    rows = await tx.rows(
        "select * from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = any(:ids)",
        organisation=organisation["id"], ids=[one.xero_contact_id for one in shown],
    )  # fmt: skip
    xeros = {row["xero_contact_id"]: row for row in rows}
    for answer in answers:
        link = links.get(answer.link_id)
        if link is None:  # unsynced, broken or gone meanwhile: the mirror knows, and nothing else follows
            continue
        if answer.failure is not None:
            fields = {name: loaded(SyncedField(name), value) for name, value in sent[answer.link_id].items()}
            await _refuse(
                tx, organisation, link, {SyncedField(k): v for k, v in fields.items()}, answer.failure
            )
        elif answer.seen is not None and not answer.kept_back and not answer.found:
            xero = xeros[answer.seen.xero_contact_id]
            await _acknowledge(
                tx, organisation, link, sent[answer.link_id], answer.seen, xero, xero["id"] in newer
            )
    await deliveries.close(tx, claimed, [answer.link_id for answer in answers])
    await inbound_apply.apply(tx, organisation, [row["id"] for row in rows], uuid4(), quiet=False)
    await xero_contacts.owe_reads(tx, [answer.link_id for answer in answers])


async def settle_read(tx: Tx, claimed: Claimed, shown: Mapping[UUID, SeenContact]) -> None:
    """Settle an update that can land no more by what a read shows of each link: what equals the values sent is
    acknowledged, the rest is merged like any change, and free."""
    await xero_contacts.lock(tx, claimed.delivery.organisation_id)
    _, sent = await _lock_members(tx, claimed, list(shown))
    answers: list[Answered] = []
    for link_id, seen in shown.items():
        returned = dict.fromkeys(SyncedField, None) | seen_values(seen)
        landed = link_id in sent and all(
            same(
                SyncedField(name),
                loaded(SyncedField(name), value),
                returned[SyncedField(name)],
                claimed.region,
            )
            for name, value in sent[link_id].items()
        )
        if landed:
            answers.append(Answered(link_id, seen))
    settled = {answer.link_id for answer in answers}
    rest = [link_id for link_id in claimed.members if link_id not in settled]
    await settle(tx, claimed, answers)
    await free(tx, claimed, members=rest)
    organisation = await tx.row(
        "select * from organisation where workspace_id = :ws and id = :id",
        id=claimed.delivery.organisation_id,
    )
    assert organisation is not None
    ids = await snapshots.take(tx, organisation, [shown[one] for one in rest if one in shown])
    await inbound_apply.apply(tx, organisation, ids, uuid4(), quiet=False)


async def _lock_links(tx: Tx, ids: Sequence[UUID]) -> None:
    """Before their delivery, as the order of locks has it."""
    await tx.rows(
        "select id from sync_link where workspace_id = :ws and id = any(:ids) order by id for update",
        ids=list(ids),
    )


async def _lock_members(
    tx: Tx, claimed: Claimed, ids: Sequence[UUID]
) -> tuple[dict[UUID, dict[str, Any]], dict[UUID, dict[str, Any]]]:
    """The links, with what their contacts hold now under 'contact', and what each member sent."""
    contacts = await tx.rows(
        "select * from contact where workspace_id = :ws and id in (select contact_id from sync_link"
        " where workspace_id = :ws and id = any(:ids)) order by id for update",
        ids=list(ids),
    )
    held = await tx.rows(
        "select * from sync_link where workspace_id = :ws and id = any(:ids)"
        " and state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT') order by id for update",
        ids=list(ids),
    )
    members = await tx.rows(
        "select link_id, sent from delivery_member where workspace_id = :ws and delivery_id = :delivery and open",
        delivery=claimed.delivery.id,
    )
    by_contact = {row["id"]: row for row in contacts}
    sent = {row["link_id"]: row["sent"] for row in members}
    links = {
        row["id"]: {**row, "contact": by_contact[row["contact_id"]]} for row in held if row["id"] in sent
    }
    return links, sent


async def _acknowledge(
    tx: Tx,
    organisation: Mapping[str, Any],
    link: Mapping[str, Any],
    sent: Mapping[str, Any],
    seen: SeenContact,
    xero: Mapping[str, Any],
    newest: bool,
) -> None:
    """The base is what was sent and what Xero returned. Notes of those fields end; a failure that they had too, and
    with it all that was refused: what Xero still does not take is shown anew."""
    returned = xero_values(xero) | seen_values(seen)
    bases = {
        "base_practice": {**link["base_practice"], **sent},
        "base_xero": {**link["base_xero"], **{name: stored(returned[SyncedField(name)]) for name in sent}},
    }
    await failures.record_notes(tx, organisation, link, sent, returned)
    failure = link["failure"]
    mended = failure is None or failure["field"] in (None, *sent)
    after = {**link, **bases, "failure": None if mended else failure, "xero_contact_id": xero["id"]}
    held = {
        name: value
        for name, value in link["refused"].items()
        if name not in sent and after["failure"] is not None
    }
    due = any(
        name not in link["conflicts"]
        and not same(
            name, value, loaded(name, bases["base_practice"].get(name)), organisation["country_code"]
        )
        and not refused(held, name, value, organisation["country_code"])
        for name, value in practice_values(link["contact"]).items()
    )
    await failures.write(
        tx,
        link,
        **bases,
        notes={name: values for name, values in link["notes"].items() if name not in sent},
        refused=held,
        failure=after["failure"],
        state=state_of(after, conflicts=bool(link["conflicts"]), due=due),
        due_at=(link["due_at"] or tx.now) if due else None,
        read_owed_at=link["read_owed_at"] if newest else tx.now,
        xero_contact_id=xero["id"],
        last_synced_at=tx.now,
        attempts=0,
        next_attempt_at=None,
    )
    if link["xero_contact_id"] is None:
        failures.pushed(tx, organisation, link, xero)
    if due:
        tx.notify_workers()


async def _refuse(
    tx: Tx,
    organisation: Mapping[str, Any],
    link: Mapping[str, Any],
    sent: Mapping[SyncedField, Value],
    failure: Failure,
) -> None:
    """What Xero refuses is shown on the link and not sent again until it changes; its other fields keep flowing."""
    blamed = [failure.field] if failure.field in sent else list(sent)
    held = {**link["refused"], **{str(name): stored(sent[name]) for name in blamed if name is not None}}
    told = await failures.described(tx, organisation, link, failure)
    rest = [name for name in sent if name not in blamed]
    await failures.write(
        tx,
        link,
        refused=held,
        failure=told,
        state=state_of({**link, "failure": told}, conflicts=bool(link["conflicts"]), due=True),
        due_at=(link["due_at"] or tx.now) if rest else None,
        attempts=link["attempts"] + 1,
        next_attempt_at=None,
    )
    failures.recorded(tx, organisation, link, told)
