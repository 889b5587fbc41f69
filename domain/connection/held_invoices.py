"""Due invoices of an organisation whose connection has ended show NEEDS_RECONNECT, and stay due.

A check of an invoice reads the organisation's set-up, its connection included. `lock_setup` keeps the set-up as the check has read
it. So an invoice that becomes due while the connection ends is either shown by `hold`, or was checked after the end.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain import activity
from domain.activity import Entry
from domain.tables import ActivityKind, EventKind, StoredFailure
from domain.tx import Tx

CODE, REMEDY = "NEEDS_RECONNECT", "CONNECT_XERO"
_ENDED = "(o.disconnected_at is not null or o.health in ('NEEDS_RECONNECT', 'DISCONNECTED'))"


async def lock_setup(tx: Tx, organisation_id: UUID, *, change: bool = False) -> None:
    """Lock the set-up of invoices: shared for a check, alone for a `change`. This lock comes after the organisation's own lock, and
    before the organisation's row and any invoice's."""
    mode = "pg_advisory_xact_lock" if change else "pg_advisory_xact_lock_shared"
    await tx.run(
        f"select {mode}(hashtextextended('tandem invoicing ' || cast(:organisation as text), 0))",
        organisation=str(organisation_id),
    )


def message(organisation: str) -> str:
    return f"{organisation} is not connected to Xero. Connect it again."


class _Waiting(NamedTuple):
    """A due invoice, and its organisation's name."""

    id: UUID
    number: str
    contact_id: UUID
    name: str


async def hold(tx: Tx, organisation_id: UUID, only: Sequence[UUID] | None = None) -> None:
    """Show on the due invoices that a person must connect Xero again, if the connection has ended. Invoices of an open delivery wait
    for its answer. `only`: limit this to these invoices. The caller holds `lock_setup`."""
    await tx.session.flush()
    waiting = await tx.read(
        _Waiting,
        "select i.id, i.number, i.contact_id, o.name from invoice i join organisation o on o.workspace_id = :ws and o.id = i.organisation_id"
        " where i.workspace_id = :ws and i.organisation_id = :organisation and i.sync_state = 'PENDING' and i.due_at is not null"
        f" and {_ENDED} and not exists (select 1 from delivery_member m where m.workspace_id = :ws and m.invoice_id = i.id and m.open)"
        " and (cast(:only as uuid[]) is null or i.id = any(:only)) order by i.id for update of i",
        organisation=organisation_id, only=None if only is None else list(only),
    )  # fmt: skip
    if not waiting:
        return
    told = message(waiting[0].name)
    failure: StoredFailure = {
        "code": CODE, "message": told, "field": None, "subjects": [f"XeroOrganisation:{organisation_id}"],
        "since": tx.now.isoformat(), "attempts": 0, "nextAttemptAt": None, "remedy": REMEDY,
    }  # fmt: skip
    await tx.run(
        "update invoice set sync_state = 'FAILING', failure_code = :code, next_attempt_at = null,"
        " failure = cast(:failure as jsonb) || jsonb_build_object('attempts', attempts)"
        " where workspace_id = :ws and id = any(:ids)",
        code=CODE, failure=msgspec.json.encode(failure).decode(), ids=[one.id for one in waiting],
    )  # fmt: skip
    await activity.record_all(
        tx,
        [
            Entry(
                ActivityKind.FAILED, f"Invoice {one.number}: {told}", organisation=organisation_id,
                contact=one.contact_id, invoice=one.id,
            )
            for one in waiting
        ],
    )  # fmt: skip
    tx.publish_all(EventKind.INVOICE, [one.id for one in waiting], organisation_id)


async def release(tx: Tx, organisation_id: UUID) -> None:
    """Let the invoices that `hold` and the checks have shown wait without a failure, because the organisation is connected again. The
    caller holds `lock_setup`."""
    await tx.session.flush()
    released = await tx.ids(
        "update invoice set sync_state = 'PENDING', failure = null, failure_code = null, next_attempt_at = null"
        " where workspace_id = :ws and organisation_id = :organisation and sync_state = 'FAILING' and failure_code = :code"
        " and due_at is not null returning id",
        organisation=organisation_id, code=CODE,
    )  # fmt: skip
    tx.publish_all(EventKind.INVOICE, released, organisation_id)
