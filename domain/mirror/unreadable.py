"""Xero contacts whose data cannot be processed: each is shown with the reason, and the others are processed."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog

from domain import activity
from domain.tables import ActivityKind
from domain.tx import TANDEM, Tx

log = structlog.get_logger()
# Each read shows the contact again; the activity says so once a day.
RECORDED_AGAIN = timedelta(days=1)


@dataclass(frozen=True)
class UnreadableContact:
    """`xero_contact_id` where it is known; `reason` holds no value of the contact."""

    xero_contact_id: UUID | None
    reason: str


async def record(tx: Tx, organisation_id: UUID, bad: Sequence[UnreadableContact]) -> None:
    """Log each contact, and write an activity for it unless the same was written within a day."""
    for one in bad:
        log.warning(
            "contact_unreadable",
            organisation=str(organisation_id),
            contact=str(one.xero_contact_id),
            reason=one.reason,
        )
        message = (
            f"A contact in Xero ({one.xero_contact_id or 'without an id'}) cannot be processed: {one.reason}."
        )
        recorded = await tx.ids(
            "select id from activity where workspace_id = :ws and organisation_id = :organisation and kind = 'FAILED'"
            " and message = :message and at > cast(:since as timestamptz) limit 1",
            organisation=organisation_id, message=message, since=tx.now - RECORDED_AGAIN,
        )  # fmt: skip
        if not recorded:
            activity.record(tx, ActivityKind.FAILED, message, organisation=organisation_id, actor=TANDEM)


def fault(xero_contact_id: UUID, error: Exception) -> UnreadableContact:
    """The contact, with the error as its reason."""
    return UnreadableContact(xero_contact_id, error_name(error))


def error_name(error: Exception) -> str:
    """The error's class, its SQLSTATE if PostgreSQL raised the error, and the place in our code. The error's own text is
    left out, because it may hold values of the contact."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    where = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__ or error.orig
        return f"{type(cause).__name__}, SQLSTATE {getattr(error.orig, 'sqlstate', None)}{where}"
    return f"{type(error).__name__}{where}"
