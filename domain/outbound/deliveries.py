"""Deliveries: writes to Xero of contacts, statuses and invoices, each stored before it is sent.

A delivery holds its idempotency key and its exact bytes. A member is in one open delivery at most. Each acknowledgement is
conditional on the lease token. The effects on the members are in contact_deliveries, status_deliveries and
domain.invoices.deliveries.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID, uuid4

from domain.connection import organisation_copy
from domain.fields.synced import loaded, same
from domain.tables import Cargo, Delivery, DeliveryKind, SyncedField
from domain.tx import Tx

MOST = 50  # in one call, as Xero advises
INTERACTIVE_MOST = 10  # rows that a person waits for
LEASE = timedelta(seconds=60)
# Xero remembers a key for about 6 minutes from the first call.
RESEND_WITHIN = timedelta(minutes=4)
LANDED_AFTER = timedelta(minutes=10)
# The delivery and its members, in one round trip.
_START = (
    "with started as (insert into delivery (workspace_id, id, organisation_id, cargo, kind, bulk, idempotency_key, body, uncertain,"
    " sends, claimed_at, last_sent_at, lease_token, lease_until, due_at) values (:ws, :id, :organisation_id, :cargo, :kind, :bulk,"
    " :idempotency_key, :body, :uncertain, :sends, :claimed_at, :last_sent_at, :lease_token, :lease_until, :due_at))"
    " insert into delivery_member (workspace_id, delivery_id, place, link_id, invoice_id, open, sent)"
    " select :ws, :id, place - 1, link_id, invoice_id, true, coalesce(sent, '{}')"
    " from unnest(cast(:links as uuid[]), cast(:invoices as uuid[]), cast(:sent as jsonb[])) with ordinality m"
    " (link_id, invoice_id, sent, place)"
)


@dataclass(frozen=True)
class Claimed:
    """A delivery that a worker owns until `lease_until`, with its members in the order of the bytes.

    The members are links; in a STATUS delivery mirror rows; or invoices. `during_scan`: see contact_deliveries.claim.
    """

    delivery: Delivery
    members: tuple[UUID, ...]
    region: str | None = None
    during_scan: bool = False


class Next(StrEnum):
    """The next step for a delivery without an answer."""

    RESEND = "RESEND"
    LOOK_UP = "LOOK_UP"
    READ = "READ"
    WAIT = "WAIT"


def plan_recovery(delivery: Delivery, now: datetime, *, changed_meanwhile: bool) -> tuple[Next, datetime]:
    """The next step for a delivery without an answer, and when.

    Within 4 minutes the same bytes under the same key are safe, unless a read has shown that somebody else wrote. After
    that a create is looked up by its number. A read alone does not free an update while its request can still take effect:
    the update is read 10 minutes after the last send.
    """
    if now - delivery.claimed_at < RESEND_WITHIN and not changed_meanwhile:
        return Next.RESEND, now
    if delivery.kind is DeliveryKind.CREATE:
        return Next.LOOK_UP, now
    landed = delivery.last_sent_at + LANDED_AFTER
    return (Next.READ, now) if now >= landed else (Next.WAIT, landed)


async def start(
    tx: Tx,
    organisation_id: UUID,
    kind: DeliveryKind,
    bulk: bool,
    body: bytes,
    *,
    links: Mapping[UUID, Mapping[str, object]] | None = None,
    invoices: Sequence[UUID] = (),
) -> Delivery:
    """Store a delivery. The claim counts as its first send.

    `links` maps each link to the values that it sends, in the form of `base_practice`. Members are in the order of the
    bytes.
    """
    delivery_id = uuid4()
    delivery = Delivery(
        workspace_id=tx.workspace,
        id=delivery_id,
        organisation_id=organisation_id,
        cargo=Cargo.INVOICES if invoices else Cargo.CONTACTS,
        kind=kind,
        bulk=bulk,
        idempotency_key=f"tandem-{delivery_id}",
        body=body,
        claimed_at=tx.now,
        last_sent_at=tx.now,
        lease_token=uuid4(),
        lease_until=tx.now + LEASE,
        due_at=tx.now + LEASE,
    )
    await tx.run(
        _START,
        **delivery.model_dump(exclude={"workspace_id", "recalled", "ended_at"}),
        links=list(links or ()), invoices=list(invoices), sent=[json.dumps(sent) for sent in (links or {}).values()],
    )  # fmt: skip
    return delivery


async def reclaim(tx: Tx, delivery_id: UUID) -> Claimed | None:
    """Claim again a delivery whose lease has ended. None if another worker has it, if it has ended, or if no member is left.

    The members are locked before the delivery, as in every transaction that ends a link.
    """
    for table, column in (("sync_link", "link_id"), ("invoice", "invoice_id")):
        await tx.ids(
            f"select id from {table} where workspace_id = :ws and id in (select {column} from delivery_member"
            " where workspace_id = :ws and delivery_id = :delivery and open) order by id for update",
            delivery=delivery_id,
        )
    delivery = await tx.lock(Delivery, delivery_id)
    if delivery is None or delivery.ended_at is not None or delivery.lease_until > tx.now:
        return None
    delivery.lease_token, delivery.lease_until, delivery.uncertain = uuid4(), tx.now + LEASE, True
    await tx.session.flush()
    members = await tx.ids(
        "select coalesce(link_id, invoice_id) as id, place from delivery_member where workspace_id = :ws and delivery_id = :id and open"
        " union all select xero_contact_id, 0 from owed_status where workspace_id = :ws and delivery_id = :id"
        " order by place, id",
        id=delivery_id,
    )
    organisation = await organisation_copy.get(tx, delivery.organisation_id)
    claimed = Claimed(delivery, tuple(members), organisation.country_code)
    if not members:
        await end_if_settled(tx, claimed)
        return None
    return claimed


class _Noted(NamedTuple):
    """For each field of a link in a delivery, the values that reads showed meanwhile, and the value that is sent."""

    notes: Mapping[str, Sequence[object]]
    sent: Mapping[str, object]


async def changed_meanwhile(tx: Tx, claimed: Claimed) -> bool:
    """Whether the same bytes must not be sent again.

    True if a member has left the delivery. True also if a read has shown, in a field of an update, a value that is neither
    the base value nor the value sent.
    """
    if claimed.delivery.recalled:
        return True
    rows = await tx.read(
        _Noted,
        "select l.notes, m.sent from delivery_member m join sync_link l on l.workspace_id = :ws and l.id = m.link_id"
        " where m.workspace_id = :ws and m.delivery_id = :id and m.open",
        id=claimed.delivery.id,
    )
    return any(
        not same(
            SyncedField(name),
            loaded(SyncedField(name), value),
            loaded(SyncedField(name), row.sent[name]),
            claimed.region,
        )
        for row in rows
        for name, values in row.notes.items()
        if name in row.sent
        for value in values
    )


async def has_unread(tx: Tx, claimed: Claimed) -> bool:
    """Whether Xero has announced a change of a member that nobody has read. The change may be this write itself."""
    found = await tx.ids(
        "select m.delivery_id from delivery_member m join sync_link l on l.workspace_id = :ws and l.id = m.link_id"
        " join xero_contact x on x.workspace_id = :ws and x.id = l.xero_contact_id"
        " where m.workspace_id = :ws and m.delivery_id = :id and m.open"
        " and x.xero_contact_id in (select door.unread_webhooks(:organisation, 'CONTACT')) union all"
        " select s.delivery_id from owed_status s join xero_contact x on x.workspace_id = :ws and x.id = s.xero_contact_id"
        " where s.workspace_id = :ws and s.delivery_id = :id"
        " and x.xero_contact_id in (select door.unread_webhooks(:organisation, 'CONTACT')) union all"
        " select m.delivery_id from delivery_member m join invoice i on i.workspace_id = :ws and i.id = m.invoice_id"
        " where m.workspace_id = :ws and m.delivery_id = :id and m.open"
        " and i.xero_invoice_id in (select door.unread_webhooks(:organisation, 'INVOICE')) limit 1",
        id=claimed.delivery.id, organisation=claimed.delivery.organisation_id,
    )  # fmt: skip
    return bool(found)


async def sent_again(tx: Tx, claimed: Claimed) -> bool:
    """Count a resend, right before it. False if the lease is lost."""
    done = await tx.run(
        "update delivery set sends = sends + 1, last_sent_at = :now where workspace_id = :ws and id = :id"
        " and lease_token = :token and ended_at is null",
        id=claimed.delivery.id, token=claimed.delivery.lease_token,
    )  # fmt: skip
    return done > 0


async def wait(tx: Tx, claimed: Claimed, until: datetime) -> datetime | None:
    """Leave the delivery open and UNCERTAIN; it is due again at `until`. Gives the time from which the
    last request can take effect no more; None if the lease is lost."""
    delivery = await _held(tx, claimed)
    if delivery is None:
        return None
    delivery.uncertain, delivery.lease_until, delivery.due_at = True, tx.now, until
    await tx.session.flush()
    return delivery.last_sent_at + LANDED_AFTER


async def lock(tx: Tx, claimed: Claimed) -> bool:
    """Lock the delivery. False if the lease is lost: a late answer must not overwrite a newer state."""
    return await _held(tx, claimed) is not None


async def _held(tx: Tx, claimed: Claimed) -> Delivery | None:
    """The delivery, locked. None if the lease is lost."""
    token = claimed.delivery.lease_token
    delivery = await tx.lock(Delivery, claimed.delivery.id)
    kept = delivery is not None and delivery.ended_at is None and delivery.lease_token == token
    return delivery if kept else None


async def close(tx: Tx, claimed: Claimed, members: Sequence[UUID]) -> None:
    """Close members that are settled or freed. The delivery ends with its last member."""
    await tx.run(
        "update delivery_member set open = false where workspace_id = :ws and delivery_id = :delivery"
        " and coalesce(link_id, invoice_id) = any(:members)",
        delivery=claimed.delivery.id, members=list(members),
    )  # fmt: skip
    await end_if_settled(tx, claimed)


async def end_if_settled(tx: Tx, claimed: Claimed) -> None:
    """End the delivery and delete its bytes if no member is open. Otherwise the rest is recovered after the lease."""
    await tx.run(
        "update delivery d set ended_at = :now, body = null where d.workspace_id = :ws and d.id = :id and not exists"
        " (select 1 from delivery_member m where m.workspace_id = :ws and m.delivery_id = d.id and m.open) and not exists"
        " (select 1 from owed_status s where s.workspace_id = :ws and s.delivery_id = d.id)",
        id=claimed.delivery.id,
    )
