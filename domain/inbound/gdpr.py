"""A contact under a GDPR request in Xero: values that came from Xero are blanked, and nothing is sent.

The practice's own contact stays until a person erases it, because the law may oblige the practice to keep it.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlmodel import col, select

from domain.decisions import kept_apart
from domain.fields.synced import loaded, shown
from domain.links import link as links
from domain.links import statements
from domain.links.failures import stored_failure
from domain.tables import Activity, Side, StoredChange, SyncedField, SyncLink, XeroContact
from domain.tx import Tx

FORGOTTEN = "About a contact that Xero was asked to forget."


async def forget(tx: Tx, organisation_id: UUID, xero: XeroContact) -> None:
    """Blank what came from Xero: base values, notes and refused values of the links, bodies of deliveries, `activity`, and the
    evidence of match issues, which quotes names and numbers.

    The mirror has been blank since the snapshot that showed the request.
    """
    held = await links.of_xero_contact(tx, xero.id)
    issues = await tx.ids(
        "select id from match_issue where workspace_id = :ws and xero_contact_id = :id", id=xero.id
    )
    ids = [link.id for link in held]
    await kept_apart.forget_xero(tx, organisation_id, xero.xero_contact_id)
    await _blank_activity(tx, organisation_id, held, issues)
    await tx.run(
        "update match_candidate set evidence = '{}' where workspace_id = :ws and issue_id = any(:issues)",
        issues=issues,
    )
    await tx.run(
        "update delivery set body = null where workspace_id = :ws and body is not null and id in"
        " (select delivery_id from delivery_member where workspace_id = :ws and link_id = any(:ids))",
        ids=ids,
    )
    await tx.run(
        "update delivery_member set sent = '{}' where workspace_id = :ws and link_id = any(:ids)", ids=ids
    )
    message = "Xero was asked to forget this contact."
    failure = stored_failure("FORGOTTEN_IN_XERO", message, since=tx.now, subjects=[f"XeroContact:{xero.id}"])
    await statements.forget_values(tx, ids, failure)


async def _blank_activity(
    tx: Tx, organisation_id: UUID, held: Sequence[SyncLink], issues: Sequence[UUID]
) -> None:
    """Blank Xero's values in the activity. Of the practice's own entries only values that Xero held too are blanked."""
    link_ids = {link.id for link in held}
    of_contacts = col(Activity.contact_id).in_([link.contact_id for link in held]) & (
        (col(Activity.organisation_id) == organisation_id) | col(Activity.organisation_id).is_(None)
    )
    found = await tx.session.scalars(
        select(Activity)
        .where(
            Activity.workspace_id == tx.workspace,
            col(Activity.link_id).in_(link_ids) | col(Activity.issue_id).in_(issues) | of_contacts,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    entries = list(found)
    values = {*_held_by_xero(held), *_from_xero(one for one in entries if one.link_id in link_ids)}
    for entry in entries:
        entry.changes = [_blanked(change, values) for change in entry.changes]
        if entry.organisation_id is not None:
            entry.message = FORGOTTEN
    await tx.session.flush()


def _held_by_xero(held: Iterable[SyncLink]) -> Iterable[tuple[str, str | None]]:
    for link in held:
        for name in SyncedField:
            for value in (link.base_xero.get(name), *link.notes.get(name, ())):
                yield name, shown(loaded(name, value))


def _from_xero(entries: Iterable[Activity]) -> Iterable[tuple[str, str | None]]:
    """Whether a value of a change came from Xero: it was written to the practice, or it was overwritten at Xero."""
    for entry in entries:
        for change in entry.changes:
            yield change["field"], change["after" if change["writtenTo"] == Side.PRACTICE else "before"]


def _blanked(change: StoredChange, values: set[tuple[str, str | None]]) -> StoredChange:
    after = change.copy()
    if (change["field"], change["before"]) in values:
        after["before"], after["storedBefore"], after["restorable"] = None, None, False
    if (change["field"], change["after"]) in values:
        after["after"] = None
    return after
