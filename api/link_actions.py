"""The actions that a person may take on a link in its present state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from api.relay.described import described
from api.relay.loaders import BatchName, batch
from api.schema.sync_problems import SyncFailure, SyncFailureCode
from domain.described import DescribedEnum
from domain.tables import ACTIVE, SyncState
from domain.tx import Reader


@described
class SyncLinkAction(DescribedEnum):
    """An action that a person can take on a link in its present state."""

    UNSYNC = "UNSYNC", "End the link with the mutation unsync."
    REMATCH = (
        "REMATCH",
        "Resume the ended link with rematch. Offered if its Xero contact still exists and is linked to"
        " nobody.",
    )
    CREATE_FROM_UNSYNCED = (
        "CREATE_FROM_UNSYNCED",
        "Make a new contact on one side with createFromUnsynced. Offered if at least one side is free.",
    )
    SETTLE_CONFLICT = "SETTLE_CONFLICT", "Say with settleConflict which values hold."
    RETRY = (
        "RETRY",
        "Try again now with retrySync. Not offered while the organisation must be connected again.",
    )
    DISMISS = "DISMISS", "Delete the ended link with dismissLinks."


@dataclass(frozen=True)
class Ends:
    """The possible actions on an ended link. `rematchable`: its Xero contact can be linked again. `creatable`: a new
    contact can be made from one of its sides."""

    rematchable: bool
    creatable: bool


class EndsRow(NamedTuple):
    """The columns of ENDS_COLUMNS. `archived_at`: of the contact; a text where JSON has brought the row."""

    status: str | None
    xero_busy: bool
    contact_busy: bool
    archived_at: datetime | str | None

    def ends(self) -> Ends:
        is_free = self.status == "ACTIVE" and not self.xero_busy
        return Ends(
            rematchable=self.status in ("ACTIVE", "ARCHIVED") and not self.xero_busy,
            creatable=not (self.contact_busy or self.archived_at) or is_free,
        )


def on_active(state: SyncState, failure: SyncFailure | None) -> list[SyncLinkAction]:
    """The actions on an active link with this failure."""
    retriable = failure is not None and failure.code is not SyncFailureCode.NEEDS_RECONNECT
    return [
        SyncLinkAction.UNSYNC,
        *([SyncLinkAction.SETTLE_CONFLICT] if state is SyncState.CONFLICT else []),
        *([SyncLinkAction.RETRY] if retriable else []),
    ]


def on_ended(state: SyncState, ends: Ends) -> list[SyncLinkAction]:
    """The actions on an ended link."""
    return [
        *([SyncLinkAction.UNSYNC] if state is SyncState.BROKEN else []),
        *([SyncLinkAction.REMATCH] if ends.rematchable else []),
        *([SyncLinkAction.CREATE_FROM_UNSYNCED] if ends.creatable else []),
        SyncLinkAction.DISMISS,
    ]


ENDS = BatchName[UUID, Ends]("SyncLink.ends")
_BUSY = (
    "exists (select 1 from sync_link k where k.workspace_id = :ws and k.organisation_id = l.organisation_id"
    f" and k.{{column}} = l.{{column}} and k.state in {ACTIVE})"
)
# SQL: EndsRow of a link `l` with ENDS_JOINS.
ENDS_COLUMNS = (
    f"x.status, {_BUSY.format(column='xero_contact_id')} as xero_busy, {_BUSY.format(column='contact_id')} as contact_busy,"
    " c.archived_at"
)
ENDS_JOINS = (
    " join contact c on c.workspace_id = :ws and c.id = l.contact_id"
    " left join xero_contact x on x.workspace_id = :ws and x.id = l.xero_contact_id"
)


@batch(ENDS)
async def _ends(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, Ends]:
    rows = await tx.read(
        _of_link,
        f"select l.id, {ENDS_COLUMNS} from sync_link l{ENDS_JOINS} where l.workspace_id = :ws and l.id = any(:ids)",
        ids=list(keys),
    )
    return dict(rows)


def _of_link(
    id: UUID, status: str | None, xero_busy: bool, contact_busy: bool, archived_at: datetime | None
) -> tuple[UUID, Ends]:
    return id, EndsRow(status, xero_busy, contact_busy, archived_at).ends()
