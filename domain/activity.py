"""The activity: the history that people read. Each line is written in the transaction in which its change happens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

from domain.tables import Activity, ActivityKind, Side, StoredChange
from domain.tx import Actor, Tx


@dataclass(frozen=True)
class Change:
    """A changed value. `before` and `after` are texts for people; `stored_before` is the value that restoreValue brings
    back. `written_to`: the side that now holds `after`."""

    field: str
    before: str | None
    after: str | None
    written_to: Side | None = None
    stored_before: object = None
    restorable: bool = False

    def as_json(self) -> StoredChange:
        return {
            "field": self.field,
            "before": self.before,
            "after": self.after,
            "writtenTo": self.written_to,
            "storedBefore": self.stored_before,
            "restorable": self.restorable,
        }


@dataclass(frozen=True)
class Entry:
    """A line of the activity that is not stored yet. `actor`: only where the transaction's actor did not do it."""

    kind: ActivityKind
    message: str
    organisation: UUID | None = None
    contact: UUID | None = None
    link: UUID | None = None
    issue: UUID | None = None
    invoice: UUID | None = None
    changes: Sequence[Change] = ()
    actor: Actor | None = None
    id: UUID = field(default_factory=uuid4)


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
    """Add one line to the activity with the next flush. Return its id."""
    entry = Entry(kind, message, organisation, contact, link, issue, invoice, changes, actor)
    tx.session.add(Activity(**cast(Any, _columns(tx, entry))))
    return entry.id


async def record_all(tx: Tx, entries: Sequence[Entry]) -> None:
    """Add many lines to the activity, in one statement."""
    await tx.insert(Activity, [_columns(tx, entry) for entry in entries])


def _columns(tx: Tx, entry: Entry) -> dict[str, object]:
    actor = entry.actor or tx.actor
    return {
        "workspace_id": tx.workspace,
        "id": entry.id,
        "at": tx.now,
        "kind": entry.kind,
        "actor_kind": actor.kind,
        "actor_name": actor.name,
        "actor_id": actor.id,
        "message": entry.message,
        "organisation_id": entry.organisation,
        "contact_id": entry.contact,
        "link_id": entry.link,
        "issue_id": entry.issue,
        "invoice_id": entry.invoice,
        "changes": [change.as_json() for change in entry.changes],
    }
