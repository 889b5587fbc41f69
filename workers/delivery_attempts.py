"""Carries deliveries to Xero, of contacts and of invoices alike: call, settle, halve what is refused whole, put off, and
recover what has no answer. No transaction is open while Xero is called, and what was claimed stands in a delivery, so
that a lost answer is settled by rule and not by hope."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from domain.connection import organisations
from domain.outbound import deliveries
from domain.outbound.deliveries import Claimed, Next
from domain.tables import DeliveryKind
from domain.tx import XERO, Tx
from workers import health
from workers.process import Parts
from xero.allowance import Priority
from xero.client import IDS_A_CALL, Client, Written
from xero.errors import Disconnected, NeedsReconnect, Refused, Rejected, Retry, Uncertain, XeroError
from xero.messages import Said

log = structlog.get_logger()
MARGIN = timedelta(seconds=25)  # a call's full time-out: with less of the lease left nothing is sent
BUSY = timedelta(seconds=5)
HINDERED = timedelta(minutes=5)
RESEND_AFTER = timedelta(seconds=5)


class Rules(Protocol):
    """A module of domain that says what becomes of a delivery's members. Each knows its own answers and reads."""

    async def settle(self, tx: Tx, claimed: Claimed, answers: Sequence[Any]) -> None: ...
    async def settle_read(self, tx: Tx, claimed: Claimed, shown: Mapping[UUID, Any]) -> None: ...
    async def free(
        self, tx: Tx, claimed: Claimed, until: datetime | None = None, members: Sequence[UUID] | None = None
    ) -> None: ...
    async def wait(self, tx: Tx, claimed: Claimed, until: datetime) -> None: ...
    async def targets(self, tx: Tx, members: Sequence[UUID]) -> dict[UUID, UUID]: ...


@dataclass(frozen=True)
class Carried:
    """What contacts and invoices have each of their own.

    `answers`: what Xero's elements, one for each member and in their order, say; one left out is as good as lost.
    `refused`: the answer of the one that stands alone in a request that Xero refused whole, by Xero's words.
    `numbers`, `find`: of creates, and what Xero has under one. `read`: by Xero's own ids, what it shows now.
    `again`: claims and sends half of what was refused whole; False where Xero must be looked at first, and cannot.
    `give_back`: nothing was done, for that reason; free until then. `hindered`: the pause after a look that is refused
    until a person has done something.
    """

    rules: Rules
    write: Callable[[Client, DeliveryKind, bytes, str], Awaitable[Written[Any]]]
    answers: Callable[["Trip", Sequence[Any]], Awaitable[Sequence[Any]]]
    refused: Callable[[UUID, Sequence[Said]], Any]
    numbers: Callable[[Tx, Sequence[UUID]], Awaitable[Mapping[UUID, str]]]
    find: Callable[["Trip", UUID, str], Awaitable[Any]]
    read: Callable[[Client, Sequence[UUID], datetime], Awaitable[Mapping[UUID, Any]]]
    again: Callable[["Trip", Sequence[UUID]], Awaitable[bool]]
    give_back: Callable[[Tx, Claimed, datetime, XeroError], Awaitable[None]]
    hindered: timedelta


@dataclass(frozen=True)
class Trip:
    """One delivery, and who carries it."""

    parts: Parts
    workspace: UUID
    cargo: Carried
    claimed: Claimed
    client: Client

    @property
    def rules(self) -> Rules:
        return self.cargo.rules

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        return self.parts.database.transaction(self.workspace, XERO)


async def send(
    parts: Parts,
    workspace: UUID,
    cargo: Carried,
    organisation_id: UUID,
    claim: Callable[[Tx], Awaitable[Claimed | None]],
) -> bool:
    """Send one delivery; False where there is nothing to send now."""
    async with parts.database.transaction(workspace, XERO) as tx:
        claimed = await claim(tx)
        organisation = await organisations.get(tx, organisation_id)
    if claimed is None:
        return False
    priority = Priority.BULK if claimed.delivery.bulk else Priority.INTERACTIVE
    row = organisation.model_dump()
    await call(Trip(parts, workspace, cargo, claimed, parts.client(row, priority)), row)
    return True


async def call(trip: Trip, organisation: Mapping[str, Any]) -> None:
    """Send the delivery's bytes under its key, and settle by what comes back."""
    delivery = trip.claimed.delivery
    if delivery.lease_until - trip.parts.database.clock.now() <= MARGIN or delivery.body is None:
        return
    try:
        async with health.watched(trip.parts, trip.workspace, organisation, write=True):
            written = await trip.cargo.write(
                trip.client, delivery.kind, delivery.body, delivery.idempotency_key
            )
    except Uncertain as error:
        await _unanswered(trip, error)
    except Rejected as error:
        await _rejected(trip, error)
    except (Retry, Refused) as error:
        await _later(trip, error)
    else:
        await _settle(trip, written)


async def _settle(trip: Trip, written: Written[Any]) -> None:
    """Answers come in the order sent. Where elements were left out, all of them are as uncertain as a lost answer."""
    members = trip.claimed.members
    whole = len(written.items) == len(members) and not written.unreadable
    answers = await trip.cargo.answers(trip, written.items) if whole else ()
    async with trip.transaction() as tx:
        await trip.rules.settle(tx, trip.claimed, answers)
        if len(answers) < len(members):
            await trip.rules.wait(tx, trip.claimed, tx.now + RESEND_AFTER)


async def _unanswered(trip: Trip, error: Uncertain) -> None:
    """Look again later. A 500 to a create is looked up at once: what is absent is free under the same number."""
    delivery = trip.claimed.delivery
    log.info("delivery_uncertain", delivery=str(delivery.id), status=error.status)
    if error.status == 500 and delivery.kind is DeliveryKind.CREATE:
        try:
            await _look_up(trip, free_absent=True)
        except XeroError as again:
            log.info("look_up_put_off", delivery=str(delivery.id), error=type(again).__name__)
        else:
            return
    async with trip.transaction() as tx:
        await trip.rules.wait(tx, trip.claimed, tx.now + RESEND_AFTER * min(delivery.sends, 12))


async def _rejected(trip: Trip, error: Rejected) -> None:
    """Nothing was done with the whole batch: it is halved until the bad one stands alone. Each half is a write of its
    own: the whole may have been a resend, of minutes ago."""
    members = trip.claimed.members
    async with trip.transaction() as tx:
        if len(members) == 1:
            said = error.said or (Said(f"Xero refused the request ({error.status})."),)
            await trip.rules.settle(tx, trip.claimed, [trip.cargo.refused(members[0], said)])
            return
        await trip.rules.free(tx, trip.claimed)
    half = len(members) // 2
    for part in (members[:half], members[half:]):
        if not await trip.cargo.again(trip, part):
            return


async def _later(trip: Trip, error: XeroError) -> None:
    """Nothing was done. To a resend that says nothing about the first send, which stays uncertain."""
    delivery = trip.claimed.delivery
    async with trip.transaction() as tx:
        until = _until(error, tx.now, HINDERED)
        if delivery.sends == 1 and not delivery.uncertain:
            await trip.cargo.give_back(tx, trip.claimed, until, error)
        else:
            await trip.rules.wait(tx, trip.claimed, until)


def _until(error: XeroError, now: datetime, hindered: timedelta) -> datetime:
    """Where no request gets through until a person has done something, nothing is dropped and no attempt is counted.
    What a reconnect mends goes on at once with it; for the rest it is asked now and then."""
    at = error.at if isinstance(error, Retry) else None
    lasts = isinstance(error, Refused) and not isinstance(error, Disconnected | NeedsReconnect)
    return at or now + (hindered if lasts else BUSY)


async def recover(
    parts: Parts, workspace: UUID, cargo_of: Callable[[DeliveryKind], Carried], delivery_id: UUID
) -> None:
    """A delivery without an answer whose time has come: the same bytes again, or look what became of it."""
    async with parts.database.transaction(workspace, XERO) as tx:
        claimed = await deliveries.hold(tx, delivery_id)
        if claimed is None:
            return
        cargo = cargo_of(claimed.delivery.kind)
        changed = await deliveries.changed_meanwhile(tx, claimed)
        what, when = deliveries.plan_recovery(claimed.delivery, tx.now, changed_meanwhile=changed)
        if what is Next.WAIT:
            await cargo.rules.wait(tx, claimed, when)
            return
        organisation = await organisations.get(tx, claimed.delivery.organisation_id)
        if what is Next.RESEND and not await deliveries.sent_again(tx, claimed):
            return
    row = organisation.model_dump()
    trip = Trip(parts, workspace, cargo, claimed, parts.client(row, Priority.INTERACTIVE))
    if what is Next.RESEND:
        await call(trip, row)
        return
    try:
        async with health.watched(parts, workspace, row):
            if what is Next.LOOK_UP:
                landed = claimed.delivery.last_sent_at + deliveries.LANDED_AFTER
                await _look_up(trip, free_absent=parts.database.clock.now() >= landed)
            else:
                seen = await shown(trip, claimed.members)
                async with trip.transaction() as tx:
                    await cargo.rules.settle_read(tx, claimed, seen)
    except XeroError as error:
        async with trip.transaction() as tx:
            await cargo.rules.wait(tx, claimed, _until(error, tx.now, cargo.hindered))


async def _look_up(trip: Trip, *, free_absent: bool) -> None:
    """Each create by its number. What is there is settled; what is absent is free once the request cannot land any
    more."""
    claimed = trip.claimed
    answers = await found(trip, claimed.members)
    absent = [member for member in claimed.members if member not in answers]
    async with trip.transaction() as tx:
        await trip.rules.settle(tx, claimed, list(answers.values()))
        if absent and free_absent:
            await trip.rules.free(tx, claimed, members=absent)
        elif absent:
            landed = claimed.delivery.last_sent_at + deliveries.LANDED_AFTER
            await trip.rules.wait(tx, claimed, min(tx.now + timedelta(minutes=1), landed))


async def found(trip: Trip, members: Sequence[UUID]) -> dict[UUID, Any]:
    """Of these creates, the answers of those whose number Xero has."""
    async with trip.transaction() as tx:
        numbers = await trip.cargo.numbers(tx, members)
    looked = {one: await trip.cargo.find(trip, one, numbers[one]) for one in members if one in numbers}
    return {member: answer for member, answer in looked.items() if answer is not None}


async def shown(trip: Trip, members: Sequence[UUID]) -> dict[UUID, Any]:
    """By member: what a read shows of it now."""
    async with trip.transaction() as tx:
        targets = await trip.rules.targets(tx, members)
    asked = trip.parts.database.clock.now()
    wanted = [targets[member] for member in members if member in targets]
    seen: dict[UUID, Any] = {}
    for start in range(0, len(wanted), IDS_A_CALL):
        seen |= await trip.cargo.read(trip.client, wanted[start : start + IDS_A_CALL], asked)
    return {member: seen[targets[member]] for member in members if targets.get(member) in seen}
