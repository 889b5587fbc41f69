"""What happened, written in the transaction in which it happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from domain.tables import Activity, ActivityKind, Side
from domain.tx import Actor, Tx


@dataclass(frozen=True)
class Change:
    """A value that moved. `written_to`: the side that now holds `after`. `stored_before` is the value itself, which
    restoreValue brings back; `before` and `after` are for people to read."""

    field: str
    before: str | None
    after: str | None
    written_to: Side | None = None
    stored_before: Any = None
    restorable: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "before": self.before,
            "after": self.after,
            "writtenTo": self.written_to,
            "storedBefore": self.stored_before,
            "restorable": self.restorable,
        }


def record(
    tx: Tx,
    kind: ActivityKind,
    message: str,
    *,
    organisation: UUID | None = None,
    contact: UUID | None = None,
    link: UUID | None = None,
    issue: UUID | None = None,
    invoice: UUID | None = None,
    changes: Sequence[Change] = (),
    actor: Actor | None = None,
) -> UUID:
    """Gives the id of the activity; `actor` only where it is not the transaction's."""
    who = actor or tx.actor
    row = Activity(
        workspace_id=tx.workspace,
        id=uuid4(),
        at=tx.now,
        kind=kind,
        actor_kind=who.kind,
        actor_name=who.name,
        actor_id=who.id,
        message=message,
        organisation_id=organisation,
        contact_id=contact,
        link_id=link,
        issue_id=issue,
        invoice_id=invoice,
        changes=[change.as_json() for change in changes],
    )
    tx.session.add(row)
    return row.id
