"""Sends deliveries to Xero, those of contacts and those of invoices by the same rules.

A delivery is called and settled. A request that Xero refuses as a whole is halved. A delivery without an answer is
recovered. The delivery is stored before the call, so a lost answer is settled by rules. No transaction is open while Xero
is called.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import structlog

from domain.connection import organisation_copy
from domain.connection.organisation_copy import OrganisationCopy
from domain.outbound import deliveries, trace_marks
from domain.outbound.deliveries import Claimed, Next
from domain.tables import DeliveryKind
from domain.tx import XERO, Tx
from runtime import tracing
from workers import health
from workers.process import Process
from xero.allowance import Priority
from xero.client import IDS_A_CALL, Client, Written
from xero.errors import Disconnected, NeedsReconnect, Refused, Rejected, Retry, Uncertain, XeroError
from xero.messages import Said
from xero.payloads import Payload

log = structlog.get_logger()
MARGIN = timedelta(seconds=25)  # a call's full time-out; nothing is sent if less of the lease is left
BUSY = timedelta(seconds=5)
HINDERED = timedelta(minutes=5)
RESEND_AFTER = timedelta(seconds=5)


# Of one kind of delivery: an element of Xero's answer, what the domain makes of it, and what a read shows of a member.
Element = TypeVar("Element", bound=Payload)
Answer = TypeVar("Answer")
Seen = TypeVar("Seen")
_Answer = TypeVar("_Answer", contravariant=True)
_Seen = TypeVar("_Seen", contravariant=True)


class Rules(Protocol[_Answer, _Seen]):
    """A module of domain that settles the members of a delivery."""

    async def settle(self, tx: Tx, claimed: Claimed, answers: Sequence[_Answer]) -> None: ...
    async def settle_read(self, tx: Tx, claimed: Claimed, shown: Mapping[UUID, _Seen]) -> None: ...
    async def free(
        self, tx: Tx, claimed: Claimed, until: datetime | None = None, members: Sequence[UUID] | None = None
    ) -> None: ...
    async def wait(self, tx: Tx, claimed: Claimed, until: datetime) -> None: ...
    async def targets(self, tx: Tx, members: Sequence[UUID]) -> dict[UUID, UUID]: ...
    async def show(self, tx: Tx, claimed: Claimed, shown: Sequence[_Seen]) -> None: ...


@dataclass(frozen=True)
class DeliveryKindSpec(Generic[Element, Answer, Seen]):
    """How deliveries of contacts differ from deliveries of invoices.

    `write`: the call. `answers`: turns Xero's elements into answers, one for each member, in their order. A member that
    is left out counts as a lost answer. `refused`: the answer for the only member of a request that Xero refused as a
    whole. `numbers`: the push numbers or invoice numbers of creates; `find`: reads from Xero what has such a number.
    `read`: reads members by Xero's own ids. `again`: claims and sends half of a request that was refused as a whole; False
    if Xero must be read first and cannot be. `give_back`: frees the members, because Xero did nothing. `hindered`: the
    pause after an error that lasts until a person acts.
    """

    rules: Rules[Answer, Seen]
    write: Callable[[Client, DeliveryKind, bytes, str], Awaitable[Written[Element]]]
    answers: Callable[
        ["DeliveryAttempt[Element, Answer, Seen]", Sequence[Element]], Awaitable[Sequence[Answer]]
    ]
    refused: Callable[[UUID, Sequence[Said]], Answer]
    numbers: Callable[[Tx, Sequence[UUID]], Awaitable[Mapping[UUID, str]]]
    find: Callable[["DeliveryAttempt[Element, Answer, Seen]", UUID, str], Awaitable[Answer | None]]
    read: Callable[[Client, Sequence[UUID], datetime], Awaitable[Mapping[UUID, Seen]]]
    again: Callable[["DeliveryAttempt[Element, Answer, Seen]", Sequence[UUID]], Awaitable[bool]]
    give_back: Callable[[Tx, Claimed, datetime, XeroError], Awaitable[None]]
    hindered: timedelta


@dataclass(frozen=True)
class DeliveryAttempt(Generic[Element, Answer, Seen]):
    """One delivery that this worker holds, and the client that calls Xero for it."""

    process: Process
    workspace: UUID
    spec: DeliveryKindSpec[Element, Answer, Seen]
    claimed: Claimed
    client: Client

    @property
    def rules(self) -> Rules[Answer, Seen]:
        return self.spec.rules

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        return self.process.database.transaction(self.workspace, XERO)


async def send(
    process: Process,
    workspace: UUID,
    spec: DeliveryKindSpec[Element, Answer, Seen],
    organisation_id: UUID,
    claim: Callable[[Tx, OrganisationCopy], Awaitable[Claimed | None]],
) -> bool:
    """Claim and send one delivery. False if there is nothing to send now. The organisation is read once, for the call
    and for a claim of contacts; a claim of invoices reads its set-up under its own lock."""
    async with process.database.transaction(workspace, XERO) as tx:
        organisation = await organisation_copy.get(tx, organisation_id)
        claimed = await claim(tx, organisation)
        traces = await trace_marks.take(tx, claimed.members) if claimed and tracing.is_on() else []
    if claimed is None:
        return False
    priority = Priority.BULK if claimed.delivery.bulk else Priority.INTERACTIVE
    client = process.client(organisation, priority)
    with tracing.traced(f"send {claimed.delivery.kind}", parents=traces, attributes=_described(claimed)):
        await call(DeliveryAttempt(process, workspace, spec, claimed, client), organisation)
    return True


def _described(claimed: Claimed) -> dict[str, tracing.Value]:
    delivery = claimed.delivery
    return {
        "tandem.workspace": str(delivery.workspace_id),
        "tandem.organisation": str(delivery.organisation_id),
        "tandem.delivery": str(delivery.id),
        "tandem.members": len(claimed.members),
    }


async def call(attempt: DeliveryAttempt[Element, Answer, Seen], organisation: OrganisationCopy) -> None:
    """Send the delivery's bytes under its idempotency key, and settle the delivery by Xero's answer. Sends nothing if too
    little of the lease is left."""
    delivery = attempt.claimed.delivery
    if delivery.lease_until - attempt.process.database.clock.now() <= MARGIN or delivery.body is None:
        return
    try:
        async with health.watched(attempt.process, attempt.workspace, organisation, write=True):
            written = await attempt.spec.write(
                attempt.client, delivery.kind, delivery.body, delivery.idempotency_key
            )
    except Uncertain as error:
        await _unanswered(attempt, error)
    except Rejected as error:
        await _rejected(attempt, error)
    except (Retry, Refused) as error:
        await _later(attempt, error)
    else:
        await _settle(attempt, written)


async def _settle(attempt: DeliveryAttempt[Element, Answer, Seen], written: Written[Element]) -> None:
    """Settle each member by its element. If Xero left elements out, every member counts as a lost answer."""
    members = attempt.claimed.members
    whole = len(written.items) == len(members) and not written.unreadable
    answers = await attempt.spec.answers(attempt, written.items) if whole else ()
    async with attempt.transaction() as tx:
        await attempt.rules.settle(tx, attempt.claimed, answers)
        if len(answers) < len(members):
            await attempt.rules.wait(tx, attempt.claimed, tx.now + RESEND_AFTER)


async def _unanswered(attempt: DeliveryAttempt[Element, Answer, Seen], error: Uncertain) -> None:
    """Try again later. After a 500 on a create, look the create up at once. If Xero lacks it, it may be created again under
    the same number."""
    delivery = attempt.claimed.delivery
    log.info("delivery_uncertain", delivery=str(delivery.id), status=error.status)
    if error.status == 500 and delivery.kind is DeliveryKind.CREATE:
        try:
            await _look_up(attempt, free_absent=True)
        except XeroError as again:
            log.info("delivery_look_up_postponed", delivery=str(delivery.id), error=type(again).__name__)
        else:
            return
    async with attempt.transaction() as tx:
        await attempt.rules.wait(tx, attempt.claimed, tx.now + RESEND_AFTER * min(delivery.sends, 12))


async def _rejected(attempt: DeliveryAttempt[Element, Answer, Seen], error: Rejected) -> None:
    """Xero did nothing with the whole request: halve it until the invalid member is alone. Each half is a claim of its own,
    because the request may have been a resend, made minutes after its claim."""
    members = attempt.claimed.members
    async with attempt.transaction() as tx:
        if len(members) == 1:
            said = error.said or (Said(f"Xero refused the request ({error.status})."),)
            await attempt.rules.settle(tx, attempt.claimed, [attempt.spec.refused(members[0], said)])
            return
        await attempt.rules.free(tx, attempt.claimed)
    half = len(members) // 2
    for part in (members[:half], members[half:]):
        if not await attempt.spec.again(attempt, part):
            return


async def _later(attempt: DeliveryAttempt[Element, Answer, Seen], error: XeroError) -> None:
    """Xero did nothing with this request: free the members. After a resend the delivery stays uncertain, because the answer
    says nothing about the first send."""
    delivery = attempt.claimed.delivery
    async with attempt.transaction() as tx:
        until = _until(error, tx.now, HINDERED)
        if delivery.sends == 1 and not delivery.uncertain:
            await attempt.spec.give_back(tx, attempt.claimed, until, error)
        else:
            await attempt.rules.wait(tx, attempt.claimed, until)


def _until(error: XeroError, now: datetime, hindered: timedelta) -> datetime:
    """The time of the next attempt. A time that Xero demands comes first. An error that lasts until a person acts gets the
    longer pause; a reconnect makes the work due at once."""
    lasts = isinstance(error, Refused) and not isinstance(error, Disconnected | NeedsReconnect)
    return error.at or now + (hindered if lasts else BUSY)


async def recover(
    process: Process,
    workspace: UUID,
    spec_of: Callable[[DeliveryKind], DeliveryKindSpec[Element, Answer, Seen]],
    delivery_id: UUID,
) -> None:
    """Settle a delivery without an answer: send the same bytes again, look the creates up, or read the members, as the
    delivery's age says. Does nothing if another worker holds the delivery."""
    async with process.database.transaction(workspace, XERO) as tx:
        claimed = await deliveries.reclaim(tx, delivery_id)
        if claimed is None:
            return
        spec = spec_of(claimed.delivery.kind)
        changed = await deliveries.changed_meanwhile(tx, claimed)
        what, when = deliveries.plan_recovery(claimed.delivery, tx.now, changed_meanwhile=changed)
        if what is Next.WAIT:
            await spec.rules.wait(tx, claimed, when)
            return
        organisation = await organisation_copy.get(tx, claimed.delivery.organisation_id)
        unread = what is Next.RESEND and await deliveries.has_unread(tx, claimed)
        if what is Next.RESEND and not unread and not await deliveries.sent_again(tx, claimed):
            return
    client = process.client(organisation, Priority.INTERACTIVE)
    attempt = DeliveryAttempt(process, workspace, spec, claimed, client)
    if what is Next.RESEND and not unread:
        await call(attempt, organisation)
        return
    try:
        if unread:
            async with health.watched(process, workspace, organisation):
                resend = await _read_before_resend(attempt)
            if resend:
                await call(attempt, organisation)
            return
        async with health.watched(process, workspace, organisation):
            if what is Next.LOOK_UP:
                landed = claimed.delivery.last_sent_at + deliveries.LANDED_AFTER
                await _look_up(attempt, free_absent=process.database.clock.now() >= landed)
            else:
                seen = await shown(attempt, claimed.members)
                async with attempt.transaction() as tx:
                    await spec.rules.settle_read(tx, claimed, seen)
    except XeroError as error:
        async with attempt.transaction() as tx:
            await spec.rules.wait(tx, claimed, _until(error, tx.now, spec.hindered))


async def _read_before_resend(attempt: DeliveryAttempt[Element, Answer, Seen]) -> bool:
    """Read the members, because Xero has announced changes that nobody has read. False if the same bytes must not be sent
    again: they would overwrite what the read shows. The delivery then waits."""
    claimed, seen = attempt.claimed, await shown(attempt, attempt.claimed.members)
    async with attempt.transaction() as tx:
        await attempt.rules.show(tx, claimed, list(seen.values()))
        changed = await deliveries.changed_meanwhile(tx, claimed)
        what, when = deliveries.plan_recovery(claimed.delivery, tx.now, changed_meanwhile=changed)
        if what is Next.RESEND:
            return await deliveries.sent_again(tx, claimed)
        await attempt.rules.wait(tx, claimed, when)
    return False


async def _look_up(attempt: DeliveryAttempt[Element, Answer, Seen], *, free_absent: bool) -> None:
    """Look each create up by its number and settle those that Xero has. Free the others if `free_absent`: the request can
    take effect no more."""
    claimed = attempt.claimed
    answers = await found(attempt, claimed.members)
    absent = [member for member in claimed.members if member not in answers]
    async with attempt.transaction() as tx:
        await attempt.rules.settle(tx, claimed, list(answers.values()))
        if absent and free_absent:
            await attempt.rules.free(tx, claimed, members=absent)
        elif absent:
            landed = claimed.delivery.last_sent_at + deliveries.LANDED_AFTER
            await attempt.rules.wait(tx, claimed, min(tx.now + timedelta(minutes=1), landed))


async def found(
    attempt: DeliveryAttempt[Element, Answer, Seen], members: Sequence[UUID]
) -> dict[UUID, Answer]:
    """For each create whose number Xero has, the answer, by its member."""
    async with attempt.transaction() as tx:
        numbers = await attempt.spec.numbers(tx, members)
    looked = {one: await attempt.spec.find(attempt, one, numbers[one]) for one in members if one in numbers}
    return {member: answer for member, answer in looked.items() if answer is not None}


async def shown(attempt: DeliveryAttempt[Element, Answer, Seen], members: Sequence[UUID]) -> dict[UUID, Seen]:
    """The present data in Xero, by member."""
    async with attempt.transaction() as tx:
        targets = await attempt.rules.targets(tx, members)
    asked = attempt.process.database.clock.now()
    wanted = [targets[member] for member in members if member in targets]
    seen: dict[UUID, Seen] = {}
    for start in range(0, len(wanted), IDS_A_CALL):
        seen |= await attempt.spec.read(attempt.client, wanted[start : start + IDS_A_CALL], asked)
    return {member: seen[targets[member]] for member in members if targets.get(member) in seen}
