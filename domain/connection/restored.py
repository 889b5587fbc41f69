"""The work that is to be done after the database was restored from a backup.

The backup lacks what happened after it: pushes, invoices, decisions, and the newer tokens of Xero's consents. So the
consents end here, and a person connects each organisation again. A reconnect reads all of Xero before anything is sent
(`organisations.connect`). This read finds the Xero contacts of pushes that the backup knows (`domain.links.push_numbers`).
The contacts of later pushes take part in matching under every filter (`lost_push`). `domain.invoices.numbers` moves the
sequence of invoice numbers past Xero's highest number.
"""

from typing import NamedTuple
from uuid import UUID

from domain.connection import health as connection_health
from domain.mirror import xero_contacts
from domain.tx import Tx

# Of the consents that end.
REASON = "the database was restored from a backup, whose tokens are out of date"
MORE_THAN_LOST = 1_000_000_000  # more live events than were lost with the time after the backup
_UNKNOWN_NUMBER = (
    "(coalesce({x}.contact_number, '') ~ '^T-[A-Z2-7]{{26}}$' and not exists (select 1 from push p"
    " where p.workspace_id = {x}.workspace_id and p.organisation_id = {x}.organisation_id"
    " and p.contact_number = {x}.contact_number))"
)


def lost_push(x: str = "x") -> str:
    """SQL condition over the mirror: the organisation was restored, and the Xero contact has a push number that the restored
    database does not know. Tandem made this Xero contact after the backup."""
    restored = (
        f"exists (select 1 from organisation r where r.workspace_id = {x}.workspace_id"
        f" and r.id = {x}.organisation_id and r.restored_at is not null)"
    )
    return f"({_UNKNOWN_NUMBER.format(x=x)} and {restored})"


class Marked(NamedTuple):
    """A connected organisation that is marked as restored. `grant_id`: its consent, which is to be ended."""

    id: UUID
    name: str
    grant_id: UUID | None


async def mark(tx: Tx) -> list[Marked]:
    """Mark all connected organisations of the workspace as restored. Each needs a new consent, and sends nothing before.

    All cursors of events from before the restore are answered with a resync, because positions would be given twice.
    """
    found = await tx.ids(
        "select id from organisation where workspace_id = :ws and disconnected_at is null order by id"
    )
    for organisation_id in found:
        await xero_contacts.lock(tx, organisation_id)
    for organisation_id in found:
        await connection_health.locked_out(tx, organisation_id)
    await tx.run(
        "insert into event_counter (workspace_id, position) values (:ws, :n) on conflict (workspace_id)"
        " do update set position = event_counter.position + :n",
        n=MORE_THAN_LOST,
    )
    return await tx.read(
        Marked,
        "update organisation set restored_at = :now, lost_invoices = '{}' where workspace_id = :ws and id = any(:ids)"
        " returning id, name, grant_id",
        ids=found,
    )


async def end(tx: Tx) -> int:
    """End the marks, because a person has dealt with what the restore lost. Returns the number of organisations."""
    return await tx.run(
        "update organisation set restored_at = null, lost_invoices = '{}' where workspace_id = :ws"
        " and restored_at is not null"
    )


class State(NamedTuple):
    """A restored organisation, for `tandem doctor`. `pushes`: Xero contacts of lost pushes that have no link yet."""

    name: str
    waits: bool
    numbers_unread: bool
    lost_invoices: list[str]
    pushes: int


STATES = f"""
select o.name, o.health = 'NEEDS_RECONNECT' or o.catching_up as waits,
       o.invoice_sync and coalesce(o.invoices_polled_at < o.restored_at, true) as numbers_unread, o.lost_invoices,
       (select count(*) from xero_contact x where x.workspace_id = o.workspace_id and x.organisation_id = o.id
           and x.status = 'ACTIVE' and {_UNKNOWN_NUMBER.format(x="x")}
           and not exists (select 1 from sync_link l where l.workspace_id = x.workspace_id
                and l.xero_contact_id = x.id)) as pushes
  from organisation o
 where o.workspace_id = :ws and o.restored_at is not null and o.disconnected_at is null order by o.name
"""
