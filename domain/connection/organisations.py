"""A Xero organisation's connection and contact sync: connect, start, set up, sync now, disconnect.

Other modules write the results of reads: `domain.connection.health` the health, `domain.inbound` and `domain.invoices`
the cursors. The order of locks is: the organisation's advisory lock, its unfinished run, its row. An organisation
has at most one unfinished run. A request to read joins that run if there is one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from domain import activity
from domain.activity import Change
from domain.connection import call_budget, held_invoices, poll_schedule, rights
from domain.connection.health import CATCHING_UP, publish_waiting
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import clean
from domain.mirror import xero_contacts
from domain.problems import Code, Refused, archived, disconnected, not_found, refuse
from domain.tables import (
    ActivityKind,
    ConflictPolicy,
    ConnectionHealth,
    ContactType,
    EventKind,
    ImportPhase,
    ImportRun,
    MatchPass,
    Organisation,
    RunPurpose,
    XeroContactFilter,
)
from domain.tx import Tx

NAMELESS = "Xero organisation"  # until Tandem has read the name: Xero may give a connection without one
# A wider filter lets in every contact that a narrower one lets in.
WIDTH = {kind: width for width, kind in enumerate(XeroContactFilter)}
# The columns that a person sets, with their names in the schema.
SETTINGS = {
    "contact_filter": "contactFilter",
    "default_contact_type_id": "defaultContactTypeId",
    "conflict_policy": "conflictPolicy",
    "hold_similar": "holdSimilar",
}


@dataclass(frozen=True)
class Tenant:
    """An organisation that Xero allows. `connection_id`: Xero's; None for a custom connection, which Tandem never ends at Xero."""

    tenant_id: UUID
    connection_id: UUID | None
    name: str | None


@dataclass(frozen=True)
class Ended:
    """A connection that has ended in Tandem, and that Xero may still list."""

    organisation_id: UUID
    tenant_id: UUID
    connection_id: UUID
    grant_id: UUID


async def find(tx: Tx, organisation_id: UUID) -> Organisation | None:
    return await tx.session.get(Organisation, (tx.workspace, organisation_id))


async def get(tx: Tx, organisation_id: UUID) -> Organisation:
    return _known(await find(tx, organisation_id))


async def lock(tx: Tx, organisation_id: UUID) -> Organisation:
    """Locks the organisation until the transaction ends, and returns its present row. No other transaction applies changes
    of it meanwhile."""
    await xero_contacts.lock(tx, organisation_id)
    key = (tx.workspace, organisation_id)
    return _known(await tx.session.get(Organisation, key, populate_existing=True))


async def lock_syncing(tx: Tx, organisation_id: UUID) -> OrganisationCopy:
    """Lock the organisation, and return a copy. Refuses an organisation that is disconnected, or whose sync has not been started."""
    organisation = await lock(tx, organisation_id)
    _connected(organisation)
    _started(organisation)
    return OrganisationCopy.of(organisation)


async def tenants(tx: Tx) -> dict[UUID, UUID]:
    """The tenants of the organisations that this workspace has or had connected, by the organisation's id."""
    found = select(Organisation.id, Organisation.tenant_id).where(Organisation.workspace_id == tx.workspace)
    return {row.id: row.tenant_id for row in await tx.session.execute(found)}


async def connect(tx: Tx, tenant: Tenant, grant_id: UUID) -> UUID:
    """Connect the organisation and begin to read it. If it was connected before, it keeps its settings, links and
    decisions. Refuse (TAKEN) an organisation that is connected in another workspace."""
    await xero_contacts.lock(tx, tenant.tenant_id)  # two consents at once, before the organisation has a row
    before = await tx.session.scalar(
        select(Organisation.id).where(
            Organisation.workspace_id == tx.workspace, Organisation.tenant_id == tenant.tenant_id
        )
    )
    organisation = await lock(tx, before) if before else _new(tx, tenant)
    again = before is not None
    if again:
        await held_invoices.lock_setup(tx, organisation.id, change=True)
        await _read_again(tx, organisation)
    await _connect_tenant(tx, organisation, tenant, grant_id)
    await rights.forget(tx, organisation.id)
    if not again:
        _add_run(tx, organisation, None)
    message = f"{organisation.name} was connected{' again' if again else ''}."
    activity.record(tx, ActivityKind.CONNECTED, message, organisation=organisation.id)
    _publish(tx, organisation.id)
    await publish_waiting(tx, organisation.id)
    await held_invoices.release(tx, organisation.id)
    return organisation.id


async def disconnect(tx: Tx, organisation_id: UUID) -> None:
    """Stop reading and sending. Links, settings, decisions and waiting changes stay. `find_ended` then returns the connection
    that is to be ended at Xero. Do nothing if the organisation is disconnected already."""
    organisation = await lock(tx, organisation_id)
    if organisation.disconnected_at is not None:
        return
    await held_invoices.lock_setup(tx, organisation_id, change=True)
    run = await _unfinished(tx, organisation_id)
    if run is not None:
        run.due_at = run.lease_until = None
    organisation.disconnected_at = tx.now
    organisation.health, organisation.health_since = ConnectionHealth.DISCONNECTED, tx.now
    organisation.health_message = "The organisation was disconnected in Tandem. Its links and waiting changes are kept until it is connected again."
    organisation.limited_until = organisation.failing_since = organisation.writes_failing_since = None
    activity.record(
        tx, ActivityKind.DISCONNECTED, f"{organisation.name} was disconnected.", organisation=organisation_id
    )
    _publish(tx, organisation_id)
    await publish_waiting(tx, organisation_id)
    await held_invoices.hold(tx, organisation_id)


async def find_ended(tx: Tx, organisation_id: UUID) -> Ended | None:
    """The connection that is to be ended at Xero. None if the organisation is connected, or if Xero has ended it too."""
    organisation = await get(tx, organisation_id)
    connection, grant = organisation.connection_id, organisation.grant_id
    if organisation.disconnected_at is None or connection is None or grant is None:
        return None
    return Ended(organisation_id, organisation.tenant_id, connection, grant)


async def settle_ended(tx: Tx, ended: Ended) -> None:
    """Record that Xero has ended the connection. An organisation that was connected again meanwhile stays as it is."""
    organisation = await tx.lock(Organisation, ended.organisation_id)
    if organisation is None or organisation.disconnected_at is None:
        return
    if organisation.connection_id == ended.connection_id:
        organisation.connection_id = None


async def start(
    tx: Tx,
    organisation_id: UUID,
    contact_filter: XeroContactFilter,
    default_contact_type_id: UUID,
    conflict_policy: ConflictPolicy = ConflictPolicy.LATEST_WINS,
    hold_similar: bool = True,
) -> None:
    """Start the contact sync with an import. Repeated with the same settings, it does nothing. With other settings it
    refuses: `update_sync` changes settings."""
    organisation = await lock(tx, organisation_id)
    wanted = {
        "contact_filter": contact_filter,
        "default_contact_type_id": default_contact_type_id,
        "conflict_policy": conflict_policy,
        "hold_similar": hold_similar,
    }
    if organisation.started_at is not None:
        if all(getattr(organisation, column) == value for column, value in wanted.items()):
            return
        raise refuse(
            Code.WRONG_STATE,
            "The contact sync has been started already. Change its settings with updateContactSync.",
            "organisationId",
        )
    _connected(organisation)
    await _type_name(tx, default_contact_type_id)
    for column, value in wanted.items():
        setattr(organisation, column, value)
    organisation.started_at = tx.now
    await _match(tx, organisation)
    activity.record(
        tx, ActivityKind.IMPORT_STARTED, "The sync of contacts was started.", organisation=organisation_id
    )
    _publish(tx, organisation_id)


async def update_sync(
    tx: Tx,
    organisation_id: UUID,
    *,
    contact_filter: XeroContactFilter | None = None,
    default_contact_type_id: UUID | None = None,
    conflict_policy: ConflictPolicy | None = None,
    hold_similar: bool | None = None,
) -> None:
    """Change the settings that are not None. A wider filter starts matching the contacts that it adds. A narrower filter
    ends no link, and holds at once: a run that is matching obeys it from its next page on. The lock makes this transaction
    wait for the page that is being matched."""
    organisation = await lock(tx, organisation_id)
    _started(organisation)
    given = {
        "contact_filter": contact_filter,
        "default_contact_type_id": default_contact_type_id,
        "conflict_policy": conflict_policy,
        "hold_similar": hold_similar,
    }
    changed = {
        column: value
        for column, value in given.items()
        if value is not None and value != getattr(organisation, column)
    }
    if not changed:
        return
    changes = [await _change(tx, organisation, column, value) for column, value in changed.items()]
    before = organisation.contact_filter
    for column, value in changed.items():
        setattr(organisation, column, value)
    if contact_filter and before and WIDTH[contact_filter] > WIDTH[before]:
        await _match_wider(tx, organisation, before)
    activity.record(
        tx,
        ActivityKind.SETTING_CHANGED,
        "The settings of the contact sync were changed.",
        organisation=organisation_id,
        changes=changes,
    )
    _publish(tx, organisation_id)


async def sync_now(tx: Tx, organisation_id: UUID) -> None:
    """Begin to read the changes in Xero, also of accounts and tax rates. A request soon after the last one, or during a read,
    is answered by one more read a little later. So requests every second spend no calls that others need, and no change
    in Xero before the request is missed."""
    organisation = await lock(tx, organisation_id)
    _connected(organisation)
    _started(organisation)
    if organisation.health == ConnectionHealth.NEEDS_RECONNECT:
        raise refuse(
            Code.NOT_CONNECTED,
            "Xero no longer lets Tandem in. Connect the organisation again with connectXero or connectCustomConnection.",
            "organisationId",
        )
    await rights.try_now(tx, organisation_id)
    run, due = await _unfinished(tx, organisation_id), await _next_manual_read(tx, organisation)
    organisation.looked_by_hand_at = due
    organisation.catalogue_due_at = poll_schedule.sooner(tx.now, organisation.catalogue_due_at, due)
    if run is None and due <= tx.now:
        _add_run(tx, organisation, organisation.read_cursor, RunPurpose.DELTA)
        return
    organisation.poll_due_at = poll_schedule.sooner(tx.now, organisation.poll_due_at, due)
    if run is not None and (run.lease_until is None or run.lease_until <= tx.now):
        run.due_at = tx.now
    tx.notify_workers()


async def _next_manual_read(tx: Tx, organisation: Organisation) -> datetime:
    budget = await call_budget.get(tx, organisation.tenant_id)
    interval = poll_schedule.manual_interval(budget.left_today, budget.day_limit)
    return poll_schedule.next_manual_read(tx.now, organisation.looked_by_hand_at, interval)


def _known(organisation: Organisation | None) -> Organisation:
    if organisation is None:
        raise Refused([not_found("Xero organisation", "organisationId")])
    return organisation


def _connected(organisation: Organisation) -> None:
    if organisation.disconnected_at is not None:
        raise Refused([disconnected()])


def _started(organisation: Organisation) -> None:
    if organisation.started_at is None:
        raise refuse(
            Code.SYNC_NOT_STARTED,
            "The contact sync of this organisation has not been started. Start it with startContactSync.",
            "organisationId",
        )


def _new(tx: Tx, tenant: Tenant) -> Organisation:
    """A new organisation without details. The blank currency says that its first read must fill them in."""
    return Organisation(
        workspace_id=tx.workspace,
        id=uuid4(),
        tenant_id=tenant.tenant_id,
        name=clean(tenant.name) or NAMELESS,
        base_currency="",
        timezone="UTC",
        health=ConnectionHealth.HEALTHY,
        connected_at=tx.now,
    )


async def _connect_tenant(tx: Tx, organisation: Organisation, tenant: Tenant, grant_id: UUID) -> None:
    organisation.connection_id, organisation.grant_id = tenant.connection_id, grant_id
    organisation.connected_at, organisation.disconnected_at = tx.now, None
    organisation.limited_until = organisation.failing_since = organisation.writes_failing_since = None
    organisation.health_since = tx.now
    organisation.catching_up = organisation.started_at is not None
    organisation.health, organisation.health_message = ConnectionHealth.HEALTHY, None
    if organisation.catching_up:
        organisation.health, organisation.health_message = ConnectionHealth.CATCHING_UP, CATCHING_UP
    if organisation.mass_change is not None:
        organisation.health, organisation.health_message = ConnectionHealth.PAUSED, None
    try:
        async with tx.session.begin_nested():
            tx.session.add(organisation)
    except IntegrityError as error:
        if "uq_organisation_live_tenant" not in str(error.orig):
            raise
        raise refuse(
            Code.TAKEN, "This Xero organisation is connected in another workspace. Disconnect it there first."
        ) from None


async def _unfinished(tx: Tx, organisation_id: UUID) -> ImportRun | None:
    found = await tx.session.scalars(
        select(ImportRun)
        .where(
            col(ImportRun.workspace_id) == tx.workspace,
            col(ImportRun.organisation_id) == organisation_id,
            col(ImportRun.finished_at).is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def begin_run(tx: Tx, organisation_id: UUID, purpose: RunPurpose) -> bool:
    """Begin a delta or a scan. False, and nothing is done, if a run is unfinished or the organisation is disconnected."""
    organisation = await lock(tx, organisation_id)
    if organisation.disconnected_at is not None or await _unfinished(tx, organisation_id) is not None:
        return False
    _add_run(tx, organisation, organisation.read_cursor if purpose is RunPurpose.DELTA else None, purpose)
    return True


def _add_run(
    tx: Tx, organisation: Organisation, since: datetime | None, purpose: RunPurpose = RunPurpose.IMPORT
) -> ImportRun:
    """Add a run that reads the changes since `since` (None: everything) and then matches, if the sync has been started."""
    run = ImportRun(
        workspace_id=tx.workspace,
        id=uuid4(),
        organisation_id=organisation.id,
        purpose=purpose,
        phase=ImportPhase.READING,
        match=organisation.started_at is not None,
        contact_filter=organisation.contact_filter,
        modified_since=since,
        started_at=tx.now,
        due_at=tx.now,
    )
    tx.session.add(run)
    if purpose is RunPurpose.IMPORT:
        tx.publish(EventKind.IMPORT_PROGRESS, run.id, organisation=organisation.id)
    tx.notify_workers()
    return run


async def _match(tx: Tx, organisation: Organisation) -> None:
    """Make the unfinished run match after it has read; begin a delta that matches if there is none."""
    run = await _unfinished(tx, organisation.id)
    if run is None:
        _add_run(tx, organisation, organisation.read_cursor)
        return
    if run.phase is ImportPhase.MATCHING and not run.match:
        run.match_pass, run.position, run.done, run.total = (
            MatchPass.FULL_MATCHES,
            None,
            0,
            4 * (run.total or 0),
        )
    run.match, run.contact_filter, run.purpose = True, organisation.contact_filter, RunPurpose.IMPORT
    tx.publish(EventKind.IMPORT_PROGRESS, run.id, organisation=organisation.id)
    tx.notify_workers()


async def _match_wider(tx: Tx, organisation: Organisation, before: XeroContactFilter) -> None:
    """Match with the new filter. A run that is matching keeps its narrowest filter, and so starts another run at its end."""
    run = await _unfinished(tx, organisation.id)
    if run is not None and (run.phase is ImportPhase.MATCHING or organisation.disconnected_at is not None):
        run.contact_filter = min(run.contact_filter or before, before, key=WIDTH.__getitem__)
    elif organisation.disconnected_at is None:
        await _match(tx, organisation)


async def _read_again(tx: Tx, organisation: Organisation) -> None:
    """Read everything again before anything is sent, after a reconnect. An unfinished run begins again too, because what it
    has read is older than the end of the connection."""
    run = await _unfinished(tx, organisation.id)
    if run is None:
        _add_run(tx, organisation, None)
        return
    same = run.contact_filter is organisation.contact_filter and run.purpose is not RunPurpose.IMPORT
    run.purpose = RunPurpose.SCAN if same else RunPurpose.IMPORT  # an import matches what a wider filter adds
    run.match = run.match or organisation.started_at is not None
    run.phase, run.modified_since, run.next_page = ImportPhase.READING, None, 1
    run.match_pass = run.position = run.read_from = run.total = None
    run.done, run.started_at, run.attempts = 0, tx.now, 0
    run.due_at, run.lease_until = tx.now, None
    tx.notify_workers()


async def _change(tx: Tx, organisation: Organisation, column: str, value: Any) -> Change:
    before = getattr(organisation, column)
    if column == "default_contact_type_id":
        before = (await tx.session.get_one(ContactType, (tx.workspace, before))).name if before else None
        value = await _type_name(tx, value)
    return Change(SETTINGS[column], _text(before), _text(value))


def _text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


async def _type_name(tx: Tx, type_id: UUID) -> str:
    """The name of the contact type, which is locked so that it cannot be archived meanwhile. Refuses an unknown or archived type."""
    key, share = (tx.workspace, type_id), {"read": True}
    found = await tx.session.get(ContactType, key, with_for_update=share, populate_existing=True)
    if found is None:
        raise Refused([not_found("contact type", "defaultContactTypeId")])
    if found.archived_at is not None:
        raise Refused([archived("contact type", "updateContactType", "defaultContactTypeId")])
    return found.name


def _publish(tx: Tx, organisation_id: UUID) -> None:
    tx.publish(EventKind.CONNECTION, organisation_id, organisation=organisation_id)
