"""The events that make the work due that waited for a right of Xero's: a new consent, syncNow, and a call that Xero carried out."""

from uuid import UUID

from sqlmodel import select

from domain.connection import organisations, rights
from domain.connection.organisations import Tenant
from domain.links import statements
from domain.tables import Organisation
from domain.tx import Tx


async def connect(tx: Tx, tenant: Tenant, grant_id: UUID) -> UUID:
    """Does what organisations.connect does. The links that waited for a missing right become due at once."""
    organisation_id = await organisations.connect(tx, tenant, grant_id)
    await statements.make_postponed_due(tx, organisation_id)
    return organisation_id


async def sync_now(tx: Tx, organisation_id: UUID) -> None:
    """Does what organisations.sync_now does. If a right is missing, the links that waited for the right become due at
    once."""
    missing = await tx.session.scalar(
        select(Organisation.missing_rights).where(
            Organisation.workspace_id == tx.workspace, Organisation.id == organisation_id
        )
    )
    await organisations.sync_now(tx, organisation_id)
    if missing:
        await statements.make_postponed_due(tx, organisation_id)


async def grant(tx: Tx, organisation_id: UUID, right: str) -> None:
    """Does what rights.grant does. The links that waited for the right become due at once."""
    await rights.grant(tx, organisation_id, right)
    await statements.make_postponed_due(tx, organisation_id)
