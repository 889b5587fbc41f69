"""Archiving and restoring of contacts in Xero, in deliveries of their own by the rules of `deliveries`.

A member is a mirror row (`OwedStatus`), because the link or contact that asked for it may be gone.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlmodel import select

from domain import activity
from domain.connection import health as connection_health
from domain.connection import organisation_copy
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import SeenContact
from domain.inbound import apply as inbound_apply
from domain.inbound import snapshots
from domain.links import failures
from domain.links import link as links
from domain.links.failures import Failure
from domain.mirror import missing_contacts, status_requests, xero_contacts
from domain.outbound import contact_deliveries, deliveries
from domain.outbound.contact_deliveries import Answered
from domain.outbound.deliveries import MOST, Claimed
from domain.outbound.freshness import FRESH, READ, STATUS_DUE, UNREAD
from domain.tables import ACTIVE, ActivityKind, DeliveryKind, OwedStatus, XeroContactStatus
from domain.tx import Tx

NOT_SHOWN = "Xero does not show this contact when Tandem asks for it. Look for the contact in Xero."
Build = Callable[[Sequence[tuple[UUID, XeroContactStatus]]], bytes]


class _Due(NamedTuple):
    """A status that is due, with the ids of its mirror row and of Xero."""

    id: UUID
    xero_contact_id: UUID
    status: str


async def claim(
    tx: Tx,
    organisation: OrganisationCopy,
    build: Build,
    only: Sequence[UUID] = (),
    *,
    during_scan: bool = False,
) -> Claimed | None:
    """Claim due statuses for one write. None if none is due. `build` gets Xero's ids and the wanted status of each. `only`
    and `during_scan`: see contact_deliveries.claim. A contact with an unread event is left out.
    """
    if not connection_health.may_send(organisation):
        return None
    due = (
        " from owed_status s join xero_contact x on x.workspace_id = :ws and x.id = s.xero_contact_id"
        f" where s.workspace_id = :ws and s.organisation_id = :organisation {STATUS_DUE} and not {UNREAD}"
    )
    bound: dict[str, object] = {"organisation": organisation.id, "only": list(only)}
    if during_scan:
        due, bound["fresh"] = f"{due} and {READ}", FRESH
    await status_requests.settle_shown(tx, await tx.ids(f"select x.id{due}", **bound))
    held = await tx.read(
        _Due,
        f"select x.id, x.xero_contact_id, s.status{due} order by x.id limit {MOST} for update of s skip locked",
        **bound,
    )
    if not held:
        return None
    body = build([(row.xero_contact_id, XeroContactStatus(row.status)) for row in held])
    delivery = await deliveries.start(tx, organisation.id, DeliveryKind.STATUS, False, body)
    members = tuple(row.id for row in held)
    await tx.run(
        "update owed_status set delivery_id = :delivery where workspace_id = :ws and xero_contact_id = any(:ids)",
        delivery=delivery.id, ids=list(members),
    )  # fmt: skip
    return Claimed(delivery, members, during_scan=during_scan)


async def targets(tx: Tx, members: Sequence[UUID]) -> dict[UUID, UUID]:
    """Xero's own id of each member."""
    rows = await xero_contacts.read(tx, members)
    return {key: row.xero_contact_id for key, row in rows.items()}


async def settle(tx: Tx, claimed: Claimed, answers: Sequence[Answered]) -> None:
    """Write what was done into the mirror and end its requests. A refused status waits for a person, with its link."""
    organisation_id = claimed.delivery.organisation_id
    await xero_contacts.lock(tx, organisation_id)
    organisation = await organisation_copy.find(tx, organisation_id)
    wanted = await _wanted(tx, claimed)
    await links.lock_all(tx, await _links(tx, claimed.members))
    if organisation is None or not await deliveries.lock(tx, claimed):
        return
    seen = [answer.seen for answer in answers if answer.seen]
    ids = await snapshots.store(tx, organisation, seen, {one.xero_contact_id: () for one in seen})
    for answer in answers:
        status = wanted.get(answer.link_id)
        if status is None:  # the request was withdrawn meanwhile
            continue
        if answer.failure is None or _is_so_already(status, answer.failure):
            await _delete(tx, answer.link_id)
        else:
            await _refuse(tx, organisation_id, answer.link_id, answer.failure)
    await deliveries.end_if_settled(tx, claimed)
    await inbound_apply.apply(tx, organisation, ids, uuid4(), quiet=False)
    tx.notify_workers()


async def settle_read(tx: Tx, claimed: Claimed, shown: Mapping[UUID, SeenContact]) -> None:
    """Settle by a read, once the write can no longer take effect. The rest is freed."""
    await xero_contacts.lock(tx, claimed.delivery.organisation_id)
    wanted = await _wanted(tx, claimed)
    landed = [Answered(key, seen) for key, seen in shown.items() if seen.status == wanted.get(key)]
    settled = {answer.link_id for answer in landed}
    await settle(tx, claimed, landed)
    await free(tx, claimed, members=[key for key in claimed.members if key not in settled])


show = contact_deliveries.show


async def free(
    tx: Tx, claimed: Claimed, until: datetime | None = None, members: Sequence[UUID] | None = None
) -> None:
    """Free the members: nothing was done. They are due again, not before `until`."""
    if not await deliveries.lock(tx, claimed):
        return
    await tx.run(
        "update owed_status set delivery_id = null, due_at = coalesce(cast(:until as timestamptz), :now)"
        " where workspace_id = :ws and delivery_id = :delivery and xero_contact_id = any(:ids)",
        delivery=claimed.delivery.id, until=until,
        ids=list(claimed.members if members is None else members),
    )  # fmt: skip
    await deliveries.end_if_settled(tx, claimed)
    tx.notify_workers()


async def not_shown(tx: Tx, organisation_id: UUID, xero_contact_ids: Sequence[UUID]) -> None:
    """Let the requests of these mirror rows wait for a person, because Xero does not show the contacts. The caller has locked
    their links."""
    await missing_contacts.mark(tx, xero_contact_ids)
    for xero_contact_id in xero_contact_ids:
        await _refuse(tx, organisation_id, xero_contact_id, Failure("INVALID_IN_XERO", NOT_SHOWN))


async def wait(tx: Tx, claimed: Claimed, until: datetime) -> None:
    """Leave the delivery open, because there is no answer yet."""
    await deliveries.wait(tx, claimed, until)


async def _wanted(tx: Tx, claimed: Claimed) -> dict[UUID, XeroContactStatus]:
    wanted = select(OwedStatus.xero_contact_id, OwedStatus.status).where(
        OwedStatus.workspace_id == tx.workspace, OwedStatus.delivery_id == claimed.delivery.id
    )
    return {key: XeroContactStatus(status) for key, status in await tx.session.execute(wanted)}


async def _links(tx: Tx, members: Sequence[UUID]) -> list[UUID]:
    """The active links of the members, which are mirror rows."""
    return await tx.ids(
        f"select id from sync_link where workspace_id = :ws and xero_contact_id = any(:ids) and state in {ACTIVE}",
        ids=list(members),
    )


def _is_so_already(status: XeroContactStatus, failure: Failure) -> bool:
    return status is XeroContactStatus.ARCHIVED and failure.code == "ARCHIVED_IN_XERO"


async def _delete(tx: Tx, xero_contact_id: UUID) -> None:
    await tx.run(
        "delete from owed_status where workspace_id = :ws and xero_contact_id = :id", id=xero_contact_id
    )


async def _refuse(tx: Tx, organisation_id: UUID, xero_contact_id: UUID, failure: Failure) -> None:
    """Show the refusal at the link of the Xero contact, which is locked; RETRY_SYNC asks again. Without a link, the activity
    shows it."""
    link = await links.active(tx, organisation_id, "xero_contact_id", xero_contact_id)
    if link is None:
        await _delete(tx, xero_contact_id)
        activity.record(
            tx, ActivityKind.FAILED, f"A contact was not archived in Xero: {failure.message}",
            organisation=organisation_id,
        )  # fmt: skip
        return
    await status_requests.refuse(tx, xero_contact_id)
    # The failure names no field: the contact's name in Xero is to blame, and to change the practice's would not help.
    told = await failures.described(tx, link, Failure(failure.code, failure.message, remedy="RETRY_SYNC"))
    await links.change(
        tx, link, failure=told, due_at=None, attempts=link.attempts + 1,
        state=links.next_state(conflicts=bool(link.conflicts), failing=True, waiting=True),
    )  # fmt: skip
    failures.record_failure(tx, link, failure.message)
