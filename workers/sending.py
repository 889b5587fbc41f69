"""Sends due contact changes after a fresh read of Xero. The steps that all deliveries share are in `delivery_attempts`."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from msgspec import UNSET

from domain.bulk import caused_by_data
from domain.connection import health as connection_health
from domain.connection import organisation_copy, organisations
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.synced import mirror_values
from domain.fields.values import SeenContact
from domain.fields.xero_limits import ViolationReason, XeroViolation
from domain.links.failures import Failure
from domain.mirror import unreadable
from domain.outbound import contact_deliveries, freshness, status_deliveries
from domain.outbound.contact_changes import Outgoing
from domain.outbound.contact_deliveries import Answered
from domain.outbound.deliveries import Claimed
from domain.outbound.freshness import Batch, Unread
from domain.tables import DeliveryKind, RunPurpose, SyncedField, XeroContactStatus
from domain.tx import TANDEM, Tx
from workers import delivery_attempts, importing, single_reads, webhooks
from workers.delivery_attempts import BUSY, DeliveryAttempt, DeliveryKindSpec
from workers.process import Process
from workers.translate import contact_update, seen_contact, xero_members
from workers.translate_refusals import contact_failure
from xero.allowance import Priority
from xero.client import IDS_A_CALL, Client, Written
from xero.errors import XeroError
from xero.messages import Said
from xero.payloads import ContactUpdate, Creations, NewContact, Updates, WrittenContact

Attempt = DeliveryAttempt[WrittenContact, Answered, SeenContact]


class _NotFreshError(Exception):
    """Xero must be read before anything is sent."""


async def send_contacts(process: Process, workspace: UUID, organisation_id: UUID, *, bulk: bool) -> bool:
    """Send one batch of due links of one lane. False if there is nothing to send now. Safe to run twice and at once."""
    batch = Batch(bulk=bulk, since=process.database.clock.now())
    with suppress(_NotFreshError):  # the usual case: one transaction
        return await _send(process, workspace, organisation_id, batch, if_fresh=True)
    if await _fresh(process, workspace, organisation_id, patient=bulk):
        return await _send(process, workspace, organisation_id, batch)
    return not bulk and await _send_during_scan(process, workspace, organisation_id, batch)


async def send_statuses(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Archive or restore one batch of Xero contacts; as send_contacts."""
    batch = Batch(statuses=True)
    if await _fresh(process, workspace, organisation_id):
        return await _send(process, workspace, organisation_id, batch)
    return await _send_during_scan(process, workspace, organisation_id, batch)


async def recover(process: Process, workspace: UUID, delivery_id: UUID) -> None:
    await delivery_attempts.recover(process, workspace, _spec_of, delivery_id)


async def _send_during_scan(process: Process, workspace: UUID, organisation_id: UUID, batch: Batch) -> bool:
    """Send while a run reads Xero for long: read only the contacts that a person waits for, then send those."""
    async with process.database.transaction(workspace, TANDEM) as tx:
        organisation = await organisation_copy.get(tx, organisation_id)
        if not connection_health.may_send(organisation):
            return False
        if not await freshness.is_read_at_length(tx, organisation_id):
            return False
        wanted = await freshness.want_read(tx, organisation_id)
    if wanted and await single_reads.read_due(process, workspace, organisation_id):
        async with process.database.transaction(workspace, TANDEM) as tx:
            gone = await freshness.postpone_unread(tx, organisation_id, wanted)
            await status_deliveries.not_shown(tx, organisation_id, gone)
    return await _send(process, workspace, organisation_id, batch, during_scan=True)


async def _fresh(process: Process, workspace: UUID, organisation_id: UUID, *, patient: bool = False) -> bool:
    """Whether a delta that was asked for within the last 60 seconds has been applied. If none has, read a delta now, with the
    priority of the write. A delta that shows many contacts is left to its own job, unless `patient`."""
    async with process.database.transaction(workspace, TANDEM) as tx:
        organisation = await organisation_copy.find(tx, organisation_id)
        if organisation is not None and freshness.is_fresh(organisation, tx.now):
            return True
        await organisations.begin_run(tx, organisation_id, RunPurpose.DELTA)
        runs = await tx.ids(
            "select id from import_run where workspace_id = :ws and organisation_id = :id and finished_at is null"
            " and purpose = 'DELTA'",
            id=organisation_id,
        )
        if not patient and await freshness.is_read_at_length(tx, organisation_id):
            return False
    while runs and await importing.advance(process, workspace, runs[0], Priority.INTERACTIVE):
        if patient:
            continue
        async with process.database.transaction(workspace, TANDEM) as tx:
            if await freshness.is_read_at_length(tx, organisation_id):
                return False
    async with process.database.transaction(workspace, TANDEM) as tx:
        organisation = await organisation_copy.find(tx, organisation_id)
        return organisation is not None and freshness.is_fresh(organisation, tx.now)


async def _send(
    process: Process,
    workspace: UUID,
    organisation_id: UUID,
    batch: Batch,
    *,
    during_scan: bool = False,
    if_fresh: bool = False,
) -> bool:
    """Send the batch. Contacts of the batch that must be read are read first; what stays unread is not sent. `during_scan`: as for
    contact_deliveries.claim. `if_fresh`: raises _NotFreshError if all that changed must be read first."""
    reads: list[tuple[Batch, Unread | None]] = []

    async def claim(tx: Tx, organisation: OrganisationCopy) -> Claimed | None:
        if if_fresh and not freshness.is_fresh(organisation, tx.now):
            raise _NotFreshError
        checked = await freshness.check(tx, organisation, batch)
        if checked.must_read and not reads:
            unread = await freshness.claim_unread(tx, organisation_id, checked.batch, IDS_A_CALL)
            reads.append((checked.batch, unread))
            return None
        if batch.statuses:
            return await status_deliveries.claim(
                tx, organisation, build_statuses, batch.only, during_scan=during_scan
            )
        return await contact_deliveries.claim(
            tx,
            organisation,
            build,
            batch.only,
            bulk=batch.bulk,
            during_scan=during_scan,
            since=checked.batch.since,
        )

    spec = _spec_of(DeliveryKind.STATUS if batch.statuses else DeliveryKind.UPDATE)
    sent = await delivery_attempts.send(process, workspace, spec, organisation_id, claim)
    if not reads:
        return sent
    [(chosen, unread)] = reads
    if unread is not None:
        await _read_first(process, workspace, organisation_id, chosen, unread)
    return await delivery_attempts.send(process, workspace, spec, organisation_id, claim)


async def _read_first(
    process: Process, workspace: UUID, organisation_id: UUID, chosen: Batch, unread: Unread
) -> None:
    """Read and apply the contacts that must be read before the batch, in one call."""
    priority = Priority.BULK if chosen.bulk else Priority.INTERACTIVE
    shown = await webhooks.read_contacts_first(process, workspace, unread.claimed, unread.alone, priority)
    if shown is not None and unread.alone:
        async with process.database.transaction(workspace, TANDEM) as tx:
            await freshness.settle_alone(tx, organisation_id, chosen, unread.alone, shown)


def build(kind: DeliveryKind, chosen: Sequence[Outgoing]) -> tuple[bytes, dict[UUID, Failure]]:
    """The exact bytes for what Xero accepts, and for each other link why it is not sent. A link whose data cannot be
    written is among the latter; a mistake in our code is raised."""
    unfit: dict[UUID, Failure] = {}
    news: list[NewContact] = []
    updates: list[ContactUpdate] = []
    for one in chosen:
        try:
            made = _element(one)
        except Exception as error:
            if not caused_by_data(error):
                raise
            why = unreadable.error_name(error)
            made = Failure("INVALID_IN_XERO", f"The contact could not be written for Xero: {why}.")
        if isinstance(made, Failure):
            unfit[one.link.row.id] = made
        elif isinstance(made, NewContact):
            news.append(made)
        else:
            updates.append(made)
    if kind is DeliveryKind.CREATE:
        return (Creations.of(news).content if news else b""), unfit
    return (Updates.of(updates).content if updates else b""), unfit


def _element(one: Outgoing) -> NewContact | ContactUpdate | Failure:
    link = one.link
    if link.xero is None and SyncedField.NAME not in one.fields:
        return _failure(XeroViolation(SyncedField.NAME, ViolationReason.REQUIRED, "Name"))
    held = mirror_values(link.xero) if link.xero is not None else {}
    members = xero_members(one.fields, region=link.region, held=held)
    if isinstance(members, list):
        return _failure(members[0])
    if link.xero is not None:
        return contact_update(link.xero.xero_contact_id, members)
    texts, first, last = dict(members.texts), link.contact.first_name, link.contact.last_name
    return NewContact(
        name=texts.pop("name"), contact_number=link.row.contact_number or "", first_name=first or UNSET,
        last_name=last or UNSET, phones=members.phones, addresses=members.addresses, **texts,
    )  # fmt: skip


def build_statuses(wanted: Sequence[tuple[UUID, XeroContactStatus]]) -> bytes:
    return Updates.of(
        [ContactUpdate(contact_id=key, contact_status=status) for key, status in wanted]
    ).content


def _failure(found: XeroViolation) -> Failure:
    too_long = found.reason is ViolationReason.TOO_LONG
    return Failure("VALUE_TOO_LONG" if too_long else "INVALID_IN_XERO", found.says, found.field)


async def _write(client: Client, kind: DeliveryKind, body: bytes, key: str) -> Written[WrittenContact]:
    if kind is DeliveryKind.CREATE:
        return await client.create_contacts(Creations(body), key)
    return await client.update_contacts(Updates(body), key)


async def _answers(attempt: Attempt, elements: Sequence[WrittenContact]) -> list[Answered]:
    """A create that Xero refuses because its name or number is taken may be our own create, whose answer was lost: it is
    looked up first."""
    asked = attempt.process.database.clock.now()
    answers = [
        Answered(link_id, seen_contact(element, asked))
        if element.saved
        else Answered(link_id, failure=contact_failure(element.errors))
        for link_id, element in zip(attempt.claimed.members, elements, strict=True)
    ]
    failed = [one.link_id for one in answers if one.failure]
    if failed and attempt.claimed.delivery.kind is DeliveryKind.CREATE:
        ours = await delivery_attempts.found(attempt, failed)
        answers = [ours.get(one.link_id, one) for one in answers]
    archived = [one.link_id for one in answers if one.failure and one.failure.code == "ARCHIVED_IN_XERO"]
    shown = await delivery_attempts.shown(attempt, archived) if archived else {}
    return [_break_archived(one, shown) for one in answers]


def _break_archived(answer: Answered, shown: Mapping[UUID, SeenContact]) -> Answered:
    """Break the link, instead of showing FAILING, if Xero refused the update because the contact is archived and a read
    shows it archived."""
    found = shown.get(answer.link_id)
    if found is None or found.status is XeroContactStatus.ACTIVE:
        return answer
    return Answered(answer.link_id, found, kept_back=True)


async def _find(attempt: Attempt, link_id: UUID, number: str) -> Answered | None:
    """The contact that holds this push's number."""
    asked = attempt.process.database.clock.now()
    found = (await attempt.client.find_contact_by_number(number)).value
    return Answered(link_id, seen_contact(found, asked), found=True) if found else None


async def _read(client: Client, ids: Sequence[UUID], asked: datetime) -> dict[UUID, SeenContact]:
    page = await client.contacts_by_ids(ids)
    return {contact.contact_id: seen_contact(contact, asked) for contact in page.items}


def _refused(member: UUID, said: Sequence[Said]) -> Answered:
    return Answered(member, failure=contact_failure(said))


async def _again(attempt: Attempt, part: Sequence[UUID]) -> bool:
    """Send half of a refused request. Xero is read first, except during a scan: there each claim checks that the contacts
    were read by themselves."""
    delivery, during_scan = attempt.claimed.delivery, attempt.claimed.during_scan
    if not during_scan and not await _fresh(
        attempt.process, attempt.workspace, delivery.organisation_id, patient=True
    ):
        return False
    since = attempt.process.database.clock.now()
    batch = Batch(part, statuses=delivery.kind is DeliveryKind.STATUS, since=since)
    await _send(attempt.process, attempt.workspace, delivery.organisation_id, batch, during_scan=during_scan)
    return True


async def _give_back(tx: Tx, claimed: Claimed, until: datetime, _: XeroError) -> None:
    await _spec_of(claimed.delivery.kind).rules.free(tx, claimed, until)


CONTACTS: DeliveryKindSpec[WrittenContact, Answered, SeenContact] = DeliveryKindSpec(
    rules=contact_deliveries,
    write=_write,
    answers=_answers,
    refused=_refused,
    numbers=contact_deliveries.numbers,
    find=_find,
    read=_read,
    again=_again,
    give_back=_give_back,
    hindered=BUSY,
)
STATUSES = replace(CONTACTS, rules=status_deliveries)


def _spec_of(kind: DeliveryKind) -> DeliveryKindSpec[WrittenContact, Answered, SeenContact]:
    return STATUSES if kind is DeliveryKind.STATUS else CONTACTS
