"""Numbers of invoices: the practice's own sequence, and its repair after the restore of a backup."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.fields.values import SeenInvoice
from domain.names.text_keys import name_key
from domain.problems import Code, refuse
from domain.tx import Tx

NUMBER = "TI-{:05d}"  # not Xero's own INV-, so that the two sequences do not meet
# Nine digits at most: a number that somebody typed in Xero must not use up the sequence.
_OWN = re.compile(r"TI-([0-9]{5,9})", re.IGNORECASE)
# SQL over `organisation` o: since a restore, no whole poll has shown which numbers Xero has.
UNREAD_SINCE_RESTORE = (
    "o.restored_at is not null and o.disconnected_at is null and o.invoice_sync"
    " and coalesce(o.invoices_polled_at < o.restored_at, true)"
)


class _Drawn(NamedTuple):
    number: int


async def draw_number(tx: Tx) -> str:
    """Draw the next number. Numbers that people have taken are passed over.

    The sequence's row stays locked, so that a create that fails gives its number back. Refused after a restore, until
    a poll has shown the numbers that Xero has.
    """
    unread = await tx.ids(
        f"select o.id from organisation o where o.workspace_id = :ws and {UNREAD_SINCE_RESTORE} limit 1"
    )
    if unread:
        raise refuse(
            Code.WRONG_STATE,
            "The database was restored from a backup, so Tandem must first read the invoice numbers in Xero. Connect the"
            " organisation again and wait until its invoices are read, or give a `number`.",
            "number",
        )
    while True:
        drawn = await tx.read_one(
            _Drawn,
            "insert into invoice_sequence (workspace_id, next) values (:ws, 2) on conflict (workspace_id)"
            " do update set next = invoice_sequence.next + 1 returning next - 1 as number",
        )
        assert drawn is not None
        number = NUMBER.format(drawn.number)
        key = name_key(number)
        if not await tx.ids("select id from invoice where workspace_id = :ws and number_key = :key", key=key):
            return number


async def note_shown(tx: Tx, organisation_id: UUID, seen: Sequence[SeenInvoice]) -> None:
    """After a restore: move the sequence past the highest number of Tandem's form that Xero showed, and keep the numbers
    that no invoice here has in `organisation.lost_invoices`. Without a restore nothing changes.

    A backup does not hold the invoices of the time after it. Their numbers would be drawn again, and Xero would refuse them.
    """
    shown = {one.number: int(own[1]) for one in seen if one.number and (own := _OWN.fullmatch(one.number))}
    if not shown:
        return
    restored = await tx.ids(
        "update organisation set lost_invoices = array(select distinct n from unnest(lost_invoices"
        " || array(select s.number from unnest(cast(:numbers as text[]), cast(:keys as text[])) s(number, key)"
        "  where not exists (select 1 from invoice i where i.workspace_id = :ws and i.number_key = s.key))) n order by n)"
        " where workspace_id = :ws and id = :id and restored_at is not null returning id",
        id=organisation_id, numbers=list(shown), keys=[name_key(number) for number in shown],
    )  # fmt: skip
    if restored:
        await tx.run(
            "insert into invoice_sequence (workspace_id, next) values (:ws, :next) on conflict (workspace_id)"
            " do update set next = greatest(invoice_sequence.next, excluded.next)",
            next=max(shown.values()) + 1,
        )
