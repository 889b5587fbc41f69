"""A contact that cannot be digested: shown with its reason, and in nobody's way."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from domain import activity
from domain.tables import ActivityKind
from domain.tx import TANDEM, Tx

log = structlog.get_logger()
# A contact that stays so is shown again by each read; people are told once in so long.
TOLD_AGAIN = timedelta(days=1)


@dataclass(frozen=True)
class Indigestible:
    """`xero_contact_id` where it is known; `reason` holds no value of the contact."""

    xero_contact_id: UUID | None
    reason: str


async def tell(tx: Tx, organisation_id: UUID, bad: Sequence[Indigestible]) -> None:
    for one in bad:
        log.warning(
            "contact_indigestible",
            organisation=str(organisation_id),
            contact=str(one.xero_contact_id),
            why=one.reason,
        )
        message = (
            f"A contact in Xero ({one.xero_contact_id or 'without an id'}) cannot be taken: {one.reason}."
        )
        told = await tx.row(
            "select 1 from activity where workspace_id = :ws and organisation_id = :organisation and kind = 'FAILED'"
            " and message = :message and at > cast(:since as timestamptz) limit 1",
            organisation=organisation_id, message=message, since=tx.now - TOLD_AGAIN,
        )  # fmt: skip
        if told is None:
            activity.record(tx, ActivityKind.FAILED, message, organisation=organisation_id, actor=TANDEM)


def fault(xero_contact_id: UUID, error: Exception) -> Indigestible:
    return Indigestible(xero_contact_id, place(error))


def place(error: Exception) -> str:
    """Where our code failed: the kind of fault and the place, as a fault's own text may hold values."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    where = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f"a fault of Tandem's ({type(error).__name__}{where})"
