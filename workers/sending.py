"""Sends what is due: claim, call, settle. No transaction is open while Xero is called, and what was claimed stands in
a delivery, so that a lost answer is settled by rule and not by hope."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import ModuleType
from typing import Any
from uuid import UUID

import structlog
from msgspec import UNSET

from domain import deliveries, freshness, mirror, organisations, poison, statuses
from domain import health as domain_health
from domain.deliveries import Answered, Claimed, Next
from domain.failures import Failure
from domain.fitting import Unfit, UnfitReason
from domain.outgoing import Outgoing
from domain.tables import DeliveryKind, RunPurpose, SyncedField, XeroContactStatus
from domain.tx import TANDEM, XERO
from domain.values import PostalAddress, SeenContact
from workers import health, importing, rereads, unanswered
from workers.parts import Parts
from workers.translate import PracticeValues, contact_update, seen_contact, xero_members
from xero.allowance import Priority
from xero.client import Client, Written
from xero.errors import Disconnected, NeedsReconnect, Refused, Rejected, Retry, Uncertain, XeroError
from xero.payloads import ContactUpdate, Creations, NewContact, Updates, WrittenContact

log = structlog.get_logger()
MARGIN = timedelta(seconds=25)  # a call's full time-out: with less of the lease left nothing is sent
BUSY = timedelta(seconds=5)
HINDERED = timedelta(minutes=5)


async def send_due(parts: Parts, workspace: UUID, organisation_id: UUID) -> bool:
    """Send one batch of what is due; False where there is nothing to send now. Safe to run twice and at once."""
    if not await _fresh(parts, workspace, organisation_id):
        return await _send_beside(parts, workspace, organisation_id)
    return await _send_any(parts, workspace, organisation_id)


async def _send_any(parts: Parts, workspace: UUID, organisation_id: UUID, *, beside: bool = False) -> bool:
    for kind in (DeliveryKind.STATUS, DeliveryKind.UPDATE):
        if await _send(parts, workspace, organisation_id, kind, beside=beside):
            return True
    return False


async def _send_beside(parts: Parts, workspace: UUID, organisation_id: UUID) -> bool:
    """A person does not wait until all of Xero has been read: the contacts in question are read by themselves."""
    async with parts.database.transaction(workspace, TANDEM) as tx:
        organisation = await organisations.get(tx, organisation_id)
        if not domain_health.may_send(organisation.model_dump()):
            return False
        if not await freshness.is_read_at_length(tx, organisation_id):
            return False
        wanted = await freshness.want_read(tx, organisation_id)
    if wanted and await rereads.read_due(parts, workspace, organisation_id):
        async with parts.database.transaction(workspace, TANDEM) as tx:
            await freshness.put_off_unread(tx, organisation_id, wanted)
    return await _send_any(parts, workspace, organisation_id, beside=True)


def _rules(kind: DeliveryKind) -> ModuleType:
    """Who settles such a delivery: each has `settle`, `settle_read`, `free` and `targets`."""
    return statuses if kind is DeliveryKind.STATUS else deliveries


async def _fresh(parts: Parts, workspace: UUID, organisation_id: UUID) -> bool:
    """A delta asked within the last 60 seconds has been applied; else one is read now, and counts as this write."""
    async with parts.database.transaction(workspace, TANDEM) as tx:
        if await freshness.is_fresh(tx, organisation_id):
            return True
        await organisations.look(tx, organisation_id, RunPurpose.DELTA)
        run = await tx.row(
            "select id from import_run where workspace_id = :ws and organisation_id = :id and finished_at is null"
            " and purpose = 'DELTA'",
            id=organisation_id,
        )
    while run is not None and await importing.advance(parts, workspace, run["id"], Priority.INTERACTIVE):
        pass
    async with parts.database.transaction(workspace, TANDEM) as tx:
        return await freshness.is_fresh(tx, organisation_id)


async def _send(
    parts: Parts,
    workspace: UUID,
    organisation_id: UUID,
    kind: DeliveryKind,
    only: Sequence[UUID] = (),
    *,
    beside: bool = False,
) -> bool:
    """`only`: no other members than these, as when a batch is halved. `beside`: as for deliveries.claim."""
    async with parts.database.transaction(workspace, XERO) as tx:
        if kind is DeliveryKind.STATUS:
            claimed = await statuses.claim(tx, organisation_id, build_statuses, only, beside=beside)
        else:
            claimed = await deliveries.claim(tx, organisation_id, build, only, beside=beside)
        organisation = await organisations.get(tx, organisation_id)
    if claimed is None:
        return False
    priority = Priority.BULK if claimed.delivery.bulk else Priority.INTERACTIVE
    await _call(parts, workspace, claimed, organisation.model_dump(), priority, beside=beside)
    return True


def build(kind: DeliveryKind, chosen: Sequence[Outgoing]) -> tuple[bytes, dict[UUID, Failure]]:
    """The exact bytes for what Xero would take, and why it would not take the rest. One that our code fails on is of
    the rest, and keeps nobody else out."""
    unfit: dict[UUID, Failure] = {}
    news: list[NewContact] = []
    updates: list[ContactUpdate] = []
    for one in chosen:
        try:
            made = _element(one)
        except Exception as error:
            made = Failure("INVALID_IN_XERO", f"It could not be written for Xero: {poison.place(error)}.")
        if isinstance(made, Failure):
            unfit[one.link["id"]] = made
        elif isinstance(made, NewContact):
            news.append(made)
        else:
            updates.append(made)
    if kind is DeliveryKind.CREATE:
        return (Creations.of(news).content if news else b""), unfit
    return (Updates.of(updates).content if updates else b""), unfit


def _element(one: Outgoing) -> NewContact | ContactUpdate | Failure:
    last = one.xero or {"phone": None, "billing_address": None}
    members = xero_members(
        _values(one), region=one.region, last_phone=mirror.phone_parts(last["phone"]) if last["phone"] else None,
        last_address=PostalAddress.from_json(last["billing_address"]),
    )  # fmt: skip
    if isinstance(members, list):
        return _failure(members[0])
    if one.xero is not None:
        return contact_update(one.xero["xero_contact_id"], members)
    first, last_name = one.contact["first_name"], one.contact["last_name"]
    return NewContact(
        name=str(members.name), contact_number=one.link["contact_number"], first_name=first or UNSET,
        last_name=last_name or UNSET, email_address=members.email_address, phones=members.phones,
        addresses=members.addresses,
    )  # fmt: skip


def build_statuses(wanted: Sequence[tuple[UUID, XeroContactStatus]]) -> bytes:
    return Updates.of(
        [ContactUpdate(contact_id=key, contact_status=status) for key, status in wanted]
    ).content


def _values(one: Outgoing) -> PracticeValues:
    address = one.fields.get(SyncedField.BILLING_ADDRESS)
    texts = {name: value for name, value in one.fields.items() if not isinstance(value, PostalAddress)}
    return PracticeValues(
        name=texts.get(SyncedField.NAME, UNSET),
        billing_email=texts.get(SyncedField.BILLING_EMAIL, UNSET),
        primary_phone=texts.get(SyncedField.PRIMARY_PHONE, UNSET),
        billing_address=address
        if isinstance(address, PostalAddress)
        else (None if SyncedField.BILLING_ADDRESS in one.fields else UNSET),
    )


def _failure(unfit: Unfit) -> Failure:
    too_long = unfit.reason is UnfitReason.TOO_LONG
    return Failure("VALUE_TOO_LONG" if too_long else "INVALID_IN_XERO", unfit.says, unfit.field)


async def _call(
    parts: Parts,
    workspace: UUID,
    claimed: Claimed,
    organisation: Mapping[str, Any],
    priority: Priority,
    *,
    beside: bool = False,
) -> None:
    """Send the delivery's bytes under its key, and settle by what comes back. `beside`: it was claimed so."""
    delivery = claimed.delivery
    if delivery.lease_until - parts.database.clock.now() <= MARGIN or delivery.body is None:
        return
    client = parts.client(organisation, priority)
    try:
        async with health.watched(parts, workspace, organisation, write=True):
            written = await _write(client, claimed)
    except Uncertain as error:
        look_up = partial(_look_up, parts, workspace, claimed, client, free_absent=True)
        await unanswered.wait(parts, workspace, deliveries, claimed, error, look_up)
    except Rejected as error:
        await _rejected(parts, workspace, claimed, error, beside=beside)
    except Retry as error:
        await _later(parts, workspace, claimed, error.at)
    except Refused as error:
        await _refused(parts, workspace, claimed, error)
    else:
        await _settle(parts, workspace, claimed, client, written)


async def _write(client: Client, claimed: Claimed) -> Written[WrittenContact]:
    delivery = claimed.delivery
    assert delivery.body is not None
    if delivery.kind is DeliveryKind.CREATE:
        return await client.create_contacts(Creations(delivery.body), delivery.idempotency_key)
    return await client.update_contacts(Updates(delivery.body), delivery.idempotency_key)


async def _settle(
    parts: Parts, workspace: UUID, claimed: Claimed, client: Client, written: Written[WrittenContact]
) -> None:
    """Answers come in the order sent. Elements that were left out stay open."""
    asked = parts.database.clock.now()
    whole = len(written.items) == len(claimed.members) and not written.unreadable
    answers = [
        Answered(link_id, seen_contact(element, asked))
        if element.saved
        else Answered(link_id, failure=_judged(element))
        for link_id, element in (zip(claimed.members, written.items, strict=True) if whole else ())
    ]
    if claimed.delivery.kind is DeliveryKind.CREATE:
        answers = [await _ours(parts, workspace, client, answer) for answer in answers]
    archived = [one.link_id for one in answers if one.failure and one.failure.code == "ARCHIVED_IN_XERO"]
    shown = await _shown(parts, workspace, client, claimed.delivery.kind, archived) if archived else {}
    async with parts.database.transaction(workspace, XERO) as tx:
        rules = _rules(claimed.delivery.kind)
        await rules.settle(tx, claimed, [_judged_again(one, shown) for one in answers])
        if not whole:
            await deliveries.wait(tx, claimed, asked + unanswered.RESEND_AFTER)


def _judged_again(answer: Answered, shown: Mapping[UUID, SeenContact]) -> Answered:
    """Refused as it is archived: where a read now shows it so, that breaks the link, and is no failure of ours."""
    found = shown.get(answer.link_id)
    if found is None or found.status is XeroContactStatus.ACTIVE:
        return answer
    return Answered(answer.link_id, found, kept_back=True)


def _judged(element: WrittenContact) -> Failure:
    text = " ".join(element.messages) or "Xero refused this contact without saying why."
    if re.search(r"name .*(already assigned|must be unique)", text, re.IGNORECASE):
        return Failure("NAME_TAKEN_IN_XERO", text, SyncedField.NAME)
    if re.search(r"email", text, re.IGNORECASE):
        return Failure("INVALID_IN_XERO", text, SyncedField.BILLING_EMAIL)
    if re.search(r"archived", text, re.IGNORECASE):
        return Failure("ARCHIVED_IN_XERO", text)
    return Failure("INVALID_IN_XERO", text)


async def _ours(parts: Parts, workspace: UUID, client: Client, answer: Answered) -> Answered:
    """A create that is refused because its name or number is taken may be our own, whose answer was lost."""
    if answer.failure is None:
        return answer
    return await _found(parts, workspace, client, answer.link_id) or answer


async def _found(parts: Parts, workspace: UUID, client: Client, link_id: UUID) -> Answered | None:
    """The contact that holds this push's number, if Xero has it."""
    async with parts.database.transaction(workspace, XERO) as tx:
        link = await tx.row(
            "select contact_number from sync_link where workspace_id = :ws and id = :id", id=link_id
        )
    if link is None or not link["contact_number"]:
        return None
    asked = parts.database.clock.now()
    found = (await client.find_contact_by_number(link["contact_number"])).value
    return Answered(link_id, seen_contact(found, asked), found=True) if found else None


async def _rejected(
    parts: Parts, workspace: UUID, claimed: Claimed, error: Rejected, *, beside: bool
) -> None:
    """Nothing was done with the whole batch: it is halved until the bad one stands alone. Each half is a write of its own,
    before which Xero is looked at: the whole may have been a resend, of minutes ago."""
    text = " ".join(error.messages) or f"Xero refused the request ({error.status})."
    kind = claimed.delivery.kind
    rules = _rules(kind)
    if len(claimed.members) == 1:
        async with parts.database.transaction(workspace, XERO) as tx:
            await rules.settle(
                tx, claimed, [Answered(claimed.members[0], failure=Failure("INVALID_IN_XERO", text))]
            )
        return
    async with parts.database.transaction(workspace, XERO) as tx:
        await rules.free(tx, claimed)
    half = len(claimed.members) // 2
    for part in (claimed.members[:half], claimed.members[half:]):
        if not beside and not await _fresh(parts, workspace, claimed.delivery.organisation_id):
            return
        await _send(parts, workspace, claimed.delivery.organisation_id, kind, part, beside=beside)


async def _later(parts: Parts, workspace: UUID, claimed: Claimed, at: datetime | None = None) -> None:
    """Nothing was done. To a resend that says nothing about the first send, which stays uncertain."""
    async with parts.database.transaction(workspace, XERO) as tx:
        until = at or tx.now + BUSY
        if claimed.delivery.sends == 1 and not claimed.delivery.uncertain:
            await _rules(claimed.delivery.kind).free(tx, claimed, until)
        else:
            await deliveries.wait(tx, claimed, until)


async def _refused(parts: Parts, workspace: UUID, claimed: Claimed, error: Refused) -> None:
    """No request gets through until a person has done something: nothing is dropped, no attempt is counted. What a
    reconnect mends goes on at once with it; for the rest it is asked now and then."""
    reconnect = isinstance(error, Disconnected | NeedsReconnect)
    at = None if reconnect else parts.database.clock.now() + HINDERED
    await _later(parts, workspace, claimed, at)


async def recover(parts: Parts, workspace: UUID, delivery_id: UUID) -> None:
    """A delivery without an answer whose time has come: the same bytes again, or look what became of it."""
    async with parts.database.transaction(workspace, XERO) as tx:
        claimed = await deliveries.hold(tx, delivery_id)
        if claimed is None:
            return
        changed = await deliveries.changed_meanwhile(tx, claimed)
        what, when = deliveries.plan_recovery(claimed.delivery, tx.now, changed_meanwhile=changed)
        if what is Next.WAIT:
            await deliveries.wait(tx, claimed, when)
            return
        organisation = await organisations.get(tx, claimed.delivery.organisation_id)
        if what is Next.RESEND and not await deliveries.sent_again(tx, claimed):
            return
    row = organisation.model_dump()
    if what is Next.RESEND:
        await _call(parts, workspace, claimed, row, Priority.INTERACTIVE)
        return
    client = parts.client(row, Priority.INTERACTIVE)
    try:
        async with health.watched(parts, workspace, row):
            if what is Next.LOOK_UP:
                landed = claimed.delivery.last_sent_at + deliveries.LANDED_AFTER
                await _look_up(
                    parts, workspace, claimed, client, free_absent=parts.database.clock.now() >= landed
                )
            else:
                await _read(parts, workspace, claimed, client)
    except XeroError as error:
        await _later(parts, workspace, claimed, error.at if isinstance(error, Retry) else None)


async def _look_up(
    parts: Parts, workspace: UUID, claimed: Claimed, client: Client, *, free_absent: bool
) -> None:
    """Each create by its number."""
    answers = [await _found(parts, workspace, client, link_id) for link_id in claimed.members]
    found = {answer.link_id: answer for answer in answers if answer}
    await unanswered.settle(parts, workspace, deliveries, claimed, found, free_absent=free_absent)


async def _read(parts: Parts, workspace: UUID, claimed: Claimed, client: Client) -> None:
    """An update that can land no more: what is there now is equal to what was sent, or is merged like any change."""
    shown = await _shown(parts, workspace, client, claimed.delivery.kind, claimed.members)
    async with parts.database.transaction(workspace, XERO) as tx:
        await _rules(claimed.delivery.kind).settle_read(tx, claimed, shown)


async def _shown(
    parts: Parts, workspace: UUID, client: Client, kind: DeliveryKind, members: Sequence[UUID]
) -> dict[UUID, SeenContact]:
    """By member: its Xero contact as a read shows it now."""
    async with parts.database.transaction(workspace, XERO) as tx:
        targets: dict[UUID, UUID] = await _rules(kind).targets(tx, members)
    asked = parts.database.clock.now()
    wanted = list(targets.values())
    seen: dict[UUID, SeenContact] = {}
    for start in range(0, len(wanted), 40):
        page = await client.contacts_by_ids(wanted[start : start + 40])
        seen |= {contact.contact_id: seen_contact(contact, asked) for contact in page.items}
    return {member: seen[key] for member, key in targets.items() if key in seen}
