"""The workspace and its contact types."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.loaders import batch, load_known
from api.relay.node import Node
from api.relay.paging import After, Before, First, Last, asked
from api.relay.rows import columns
from api.schema import billing, viewer
from api.schema.billing import ServiceType, TaxRate
from api.schema.refs import CONTACT_TYPE, WORKSPACE, XERO_ORGANISATION, XeroOrganisationRef
from api.schema.viewer import ApiToken, UserConnection
from domain.tx import Reader


class ContactTypeRow(NamedTuple):
    id: UUID
    name: str
    archived_at: datetime | None


class WorkspaceRow(NamedTuple):
    id: UUID
    name: str
    currency: str


_CONTACT_TYPES = f"select {columns(ContactTypeRow, 't')} from contact_type t where t.workspace_id = :ws"


@strawberry.type(
    description="A category that the practice gives its contacts, such as Client. Tandem never sends it to"
    " Xero."
)
class ContactType(Node):
    name: str = strawberry.field(
        description="At most 255 characters. No two contact types that are not archived have the same name."
    )
    archived_at: datetime | None = strawberry.field(
        description="Since when the type is no longer offered for contacts. Contacts that have it keep it."
        " Null: in use."
    )

    @classmethod
    def of(cls, row: ContactTypeRow) -> Self:
        return cls(id=ids.encode("ContactType", row.id), name=row.name, archived_at=row.archived_at)


@batch(CONTACT_TYPE, node="ContactType")
async def _contact_types(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, ContactType]:
    rows = await tx.read(ContactTypeRow, f"{_CONTACT_TYPES} and t.id = any(:ids)", ids=list(keys))
    return {row.id: ContactType.of(row) for row in rows}


@strawberry.type(
    description="One practice, with its contacts, invoices, settings and Xero organisations. A credential"
    " belongs to exactly one workspace."
)
class Workspace(Node):
    name: str = strawberry.field(description="The practice's name, as updateWorkspace set it.")
    currency: str = strawberry.field(
        description="The ISO 4217 code in which the practice bills, such as NZD. It must equal the base"
        " currency of every Xero organisation that its invoices go to."
    )

    @strawberry.field(description="All contact types, archived ones too, sorted by name.")
    async def contact_types(self, info: Info[Context, None]) -> list[ContactType]:
        async with info.context.transaction() as tx:
            rows = await tx.read(ContactTypeRow, f"{_CONTACT_TYPES} order by t.name_key, t.id")
        return [ContactType.of(row) for row in rows]

    @strawberry.field(description="All service types, archived ones too, sorted by name.")
    async def service_types(self, info: Info[Context, None]) -> list[ServiceType]:
        return await billing.service_types(info.context)

    @strawberry.field(description="All tax rates of the practice, archived ones too, sorted by name.")
    async def tax_rates(self, info: Info[Context, None]) -> list[TaxRate]:
        return await billing.tax_rates(info.context)

    @strawberry.field(
        description="Every Xero organisation that was ever connected, disconnected ones too, sorted by name."
    )
    async def xero_organisations(self, info: Info[Context, None]) -> list[XeroOrganisationRef]:
        async with info.context.transaction() as tx:
            keys = await tx.ids("select id from organisation where workspace_id = :ws order by name, id")
        found = [load_known(info.context, XERO_ORGANISATION, key) for key in keys]
        return [await one for one in found]

    @strawberry.field(description="The API tokens that were not revoked, expired ones too, the oldest first.")
    async def api_tokens(self, info: Info[Context, None]) -> list[ApiToken]:
        return await viewer.api_tokens(info.context)

    @strawberry.field(description="The people who have signed in to this workspace, sorted by name.")
    async def users(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> UserConnection:
        return await viewer.users(info.context, asked(first, after, last, before))


@batch(WORKSPACE, node="Workspace")
async def _workspaces(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, Workspace]:
    """Row-level security shows only the viewer's own workspace."""
    rows = await tx.read(
        WorkspaceRow,
        "select w.id, w.name, w.currency from workspace w where w.id = :ws and w.id = any(:ids)",
        ids=list(keys),
    )
    return {
        row.id: Workspace(id=ids.encode("Workspace", row.id), name=row.name, currency=row.currency)
        for row in rows
    }


async def workspace(context: Context) -> Workspace:
    assert context.viewer is not None, "the field's scope was checked"
    found: Workspace = await load_known(context, WORKSPACE, context.viewer.workspace)
    return found
