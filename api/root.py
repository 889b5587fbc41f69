"""The schema: what can be read, changed and followed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.errors import Code as ErrorCode
from api.errors import refusal
from api.guards.extensions import edge_config, edge_extensions
from api.mutations.billing import BillingMutations
from api.mutations.conflicts import ConflictMutations
from api.mutations.contacts import ContactMutations
from api.mutations.invoice_inputs import InvoicePreview, InvoicePreviewInput, invoice_preview
from api.mutations.invoices import InvoiceMutations
from api.mutations.issues import MatchIssueMutations
from api.mutations.mappings import MappingMutations
from api.mutations.organisations import OrganisationMutations
from api.mutations.payloads import given
from api.mutations.push import PushMutations
from api.mutations.retry import RetryMutations
from api.mutations.unsync import UnsyncedMutations
from api.relay import ids
from api.relay.loaders import NODES, load
from api.relay.node import Node
from api.relay.paging import First, Last, asked
from api.schema import activity, contacts, issues, links, live, viewer, workspace
from api.schema.activity import ActivityConnection, ActivityFilter
from api.schema.contacts import Contact, ContactConnection, ContactFilter, ContactOrder
from api.schema.invoice_lists import InvoiceConnection, InvoiceFilter, InvoiceOrder, invoice_list
from api.schema.invoices import Invoice
from api.schema.issues import MatchIssueConnection, MatchIssueFilter, MatchIssueOrder
from api.schema.links import SyncLinkConnection, SyncLinkFilter, SyncLinkOrder
from api.schema.live import SyncCursorFirst, SyncStatusEvent
from api.schema.organisations import XeroOrganisation
from api.schema.scalars import SCALARS
from api.schema.viewer import User, Viewer
from api.schema.workspace import Workspace, WorkspaceMutations
from domain.tables import Scope

MOST_NODES = 100
READ: list[FieldExtension] = [require(Scope.READ)]


async def _one(context: Context, kind: str, text: str) -> Any:
    """Of that type; None for an unknown id, a foreign one, and another type's."""
    key = ids.find(kind, text)
    return None if key is None else await load(context, NODES[kind], key)


async def _any(context: Context, text: str) -> Any:
    kind, key = ids.decode(text) or ("", ids.NOWHERE)
    return await load(context, NODES[kind], key) if kind in NODES else None


@strawberry.type(description="What can be read.")
class Query:
    @strawberry.field(
        description="The object with this id, or null: unknown and foreign ids look the same, as does what is no id.",
        extensions=READ,
    )
    async def node(self, info: Info[Context, None], id: strawberry.ID) -> Node | None:
        found: Node | None = await _any(info.context, id)
        return found

    @strawberry.field(description="As `node`, for up to 100 ids, in their order.", extensions=READ)
    async def nodes(self, info: Info[Context, None], ids: list[strawberry.ID]) -> list[Node | None]:
        if len(ids) > MOST_NODES:
            raise refusal(ErrorCode.BAD_REQUEST, f"At most {MOST_NODES} ids")
        found: list[Any] = await asyncio.gather(
            *(_any(info.context, one) for one in ids), return_exceptions=True
        )
        return found

    @strawberry.field(description="Who asks.", extensions=READ)
    async def viewer(self, info: Info[Context, None]) -> Viewer:
        return await viewer.viewer(info.context)

    @strawberry.field(description="The one workspace that the credential belongs to.", extensions=READ)
    async def workspace(self, info: Info[Context, None]) -> Workspace:
        return await workspace.workspace(info.context)

    @strawberry.field(description="One contact of the practice.", extensions=READ)
    async def contact(self, info: Info[Context, None], id: strawberry.ID) -> Contact | None:
        found: Contact | None = await _one(info.context, "Contact", id)
        return found

    @strawberry.field(description="One invoice.", extensions=READ)
    async def invoice(self, info: Info[Context, None], id: strawberry.ID) -> Invoice | None:
        found: Invoice | None = await _one(info.context, "Invoice", id)
        return found

    @strawberry.field(description="One Xero organisation.", extensions=READ)
    async def xero_organisation(
        self, info: Info[Context, None], id: strawberry.ID
    ) -> XeroOrganisation | None:
        found: XeroOrganisation | None = await _one(info.context, "XeroOrganisation", id)
        return found

    @strawberry.field(
        description="The practice's contacts. Without `orderBy`: the best fit first where `search` is given, else by"
        " name.",
        extensions=READ,
    )
    async def contacts(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        filter: ContactFilter | None = strawberry.UNSET,
        order_by: ContactOrder | None = strawberry.UNSET,
    ) -> ContactConnection:
        return await contacts.contacts(info.context, asked(first, after, last, before), filter, order_by)

    @strawberry.field(
        description="What a person must decide. Without `filter`, as with an empty one: the open issues. Without"
        " `orderBy`: the oldest first.",
        extensions=READ,
    )
    async def match_issues(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        filter: MatchIssueFilter | None = strawberry.UNSET,
        order_by: MatchIssueOrder | None = strawberry.UNSET,
    ) -> MatchIssueConnection:
        return await issues.match_issues(info.context, asked(first, after, last, before), filter, order_by)

    @strawberry.field(
        description="Links in any state; the Unsynced list is state UNSYNCED. Without `orderBy`: by name of the"
        " contact.",
        extensions=READ,
    )
    async def sync_links(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        filter: SyncLinkFilter | None = strawberry.UNSET,
        order_by: SyncLinkOrder | None = strawberry.UNSET,
    ) -> SyncLinkConnection:
        return await links.sync_links(info.context, asked(first, after, last, before), filter, order_by)

    @strawberry.field(
        description="Invoices. Without `orderBy`: the latest issue date first.",
        extensions=READ,
    )
    async def invoices(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        filter: InvoiceFilter | None = strawberry.UNSET,
        order_by: InvoiceOrder | None = strawberry.UNSET,
    ) -> InvoiceConnection:
        return await invoice_list(info.context, asked(first, after, last, before), filter, order_by)

    @strawberry.field(
        description="What the invoice would come to and what would keep it from Xero; saves nothing.",
        extensions=READ,
    )
    async def invoice_preview(
        self, info: Info[Context, None], input: InvoicePreviewInput
    ) -> InvoicePreview | None:
        return await invoice_preview(info.context, input)

    @strawberry.field(
        description="What happened, the newest first: every value moved, by whom or by which side, and every failure.",
        extensions=READ,
    )
    async def activity(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        filter: ActivityFilter | None = strawberry.UNSET,
    ) -> ActivityConnection:
        return await activity.activity(info.context, asked(first, after, last, before), filter)

    @strawberry.field(
        description="Now, in the order of `syncStatus`; never later than what the same request reads. Given to"
        " `syncStatus(after:)`, nothing falls between list and stream.",
        extensions=READ,
    )
    async def sync_cursor(self, info: Info[Context, None]) -> str:
        return live.sync_cursor(info.context)


@strawberry.type(
    description="What can be changed. Bulk forms take up to 500 rows, each on its own: one that fails leaves the others"
    " done; `results` come in the order of the input."
)
class Mutation(
    OrganisationMutations,
    ContactMutations,
    MatchIssueMutations,
    PushMutations,
    UnsyncedMutations,
    ConflictMutations,
    RetryMutations,
    InvoiceMutations,
    MappingMutations,
    BillingMutations,
    WorkspaceMutations,
):
    pass


@strawberry.type(description="What is told as it happens.")
class Subscription:
    @strawberry.subscription(
        description="Every change of sync status, in the order of commits. With `after` (a cursor of an earlier event,"
        " or Query.syncCursor) what was missed comes first: a client that reconnects misses nothing. An event may come"
        " twice. While an import runs, ImportProgress stands for its contacts, links and issues; at its end comes"
        " Resync.",
        extensions=READ,
    )
    async def sync_status(
        self,
        info: Info[Context, None],
        organisation_id: strawberry.ID | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
    ) -> AsyncIterator[SyncStatusEvent]:
        organisation = ids.wanted("XeroOrganisation", given(organisation_id))
        async for event in live.sync_status(info.context, organisation, given(after)):
            yield event


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[User],
    config=edge_config(scalar_map=SCALARS),
    extensions=[*edge_extensions(), SyncCursorFirst],
)
