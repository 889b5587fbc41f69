"""Numbers of pushes. Each push has its own ContactNumber, drawn once and never used for another, and that is what makes
it safe: whichever way a contact that was created becomes known, its number says whose it is.
"""

from base64 import b32encode
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from domain.fields.synced import loaded, same, stored, xero_values
from domain.links import decisions, failures
from domain.links import starting as link_starting
from domain.mirror import status_requests, xero_contacts
from domain.tables import Push, SyncedField, SyncState, XeroContactStatus
from domain.tx import Tx

_OPEN = (SyncState.PENDING, SyncState.FAILING, SyncState.CONFLICT)


async def draw(tx: Tx, organisation_id: UUID, link_id: UUID) -> str:
    """`T-` and 26 random characters."""
    number = "T-" + b32encode(uuid4().bytes).decode().rstrip("=")
    tx.session.add(
        Push(
            workspace_id=tx.workspace,
            organisation_id=organisation_id,
            contact_number=number,
            link_id=link_id,
            at=tx.now,
        )
    )
    await tx.session.flush()
    return number


async def meet(tx: Tx, organisation: Mapping[str, Any], xero_contact_ids: Sequence[UUID]) -> None:
    """The number rule, before filter and matching, once for each number: a push that is open is complete; an UNSYNCED
    link gets its Xero contact, and nothing flows; where link or contact is gone, the Xero contact is marked against
    re-import. A Xero contact that is linked is left alone. The caller holds the organisation's lock."""
    met = await tx.rows(
        "update push p set seen_at = :now from xero_contact x where p.workspace_id = :ws"
        " and p.organisation_id = :organisation and p.seen_at is null and x.workspace_id = :ws"
        " and x.organisation_id = :organisation and x.contact_number = p.contact_number and x.id = any(:ids)"
        " returning p.link_id, p.contact_number, p.archive, p.erased, x.id as xero_id",
        organisation=organisation["id"], ids=list(xero_contact_ids),
    )  # fmt: skip
    if not met:
        return
    await link_starting.lock_all(tx, [one["link_id"] for one in met])
    for one in met:
        if await link_starting.active(tx, organisation["id"], "xero_contact_id", one["xero_id"]) is None:
            await _meet(tx, organisation, one)


async def _meet(tx: Tx, organisation: Mapping[str, Any], met: Mapping[str, Any]) -> None:
    link = await link_starting.find(tx, met["link_id"])
    xero_id: UUID = met["xero_id"]
    if link is None or link["xero_contact_id"] is not None or link["contact_number"] != met["contact_number"]:
        await decisions.mark(tx, organisation["id"], [xero_id])
        if met["erased"]:
            await xero_contacts.erase(tx, organisation["id"], [xero_id])
        if met["archive"]:
            await status_requests.owe(tx, organisation["id"], xero_id, XeroContactStatus.ARCHIVED)
    elif link["state"] in _OPEN:
        await _complete(tx, organisation, link, xero_id)
    else:
        await decisions.set_apart(tx, organisation["id"], link["contact_id"], xero_id)
        await failures.write(tx, link, xero_contact_id=xero_id)


async def _complete(tx: Tx, organisation: Mapping[str, Any], link: Mapping[str, Any], xero_id: UUID) -> None:
    """The link has its Xero contact; the merge that follows settles the fields. The two agree on what was sent: it may
    have been sent several times under the number, and what Xero shows says which one landed."""
    found = await tx.rows("select * from xero_contact where workspace_id = :ws and id = :id", id=xero_id)
    shown = xero_values(found[0])
    sent = await tx.rows(
        "select m.sent from delivery_member m join delivery d on d.workspace_id = :ws and d.id = m.delivery_id"
        " where m.workspace_id = :ws and m.link_id = :id and d.kind = 'CREATE' order by d.claimed_at desc",
        id=link["id"],
    )
    base: dict[str, Any] = {}
    for name in SyncedField:
        values = [loaded(name, row["sent"].get(name)) for row in sent] or [None]
        landed = (one for one in values if same(name, one, shown[name], organisation["country_code"]))
        base[name] = stored(next(landed, values[0]))
    await link_starting.leave_deliveries(tx, link["id"])
    await failures.write(
        tx,
        link,
        xero_contact_id=xero_id,
        base_practice=base,
        base_xero=base,
        state=SyncState.CONFLICT if link["conflicts"] else SyncState.PENDING,
        failure=None,
        refused={},
        attempts=0,
        next_attempt_at=None,
        read_owed_at=link["read_owed_at"],  # what it left can only be refused now, as its number is taken
    )
    failures.pushed(tx, organisation, link, found[0])
