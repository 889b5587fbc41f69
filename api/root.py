"""The roots of the schema: queries, mutations and subscriptions."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types import Info

from api import sql_fields
from api.auth.tokens import require
from api.compiled.run import Plans
from api.compiled.sql import LISTS, Fields, Listed
from api.context import Context
from api.errors import Code as ErrorCode
from api.errors import refusal
from api.event_executor import EventExecutor
from api.guards.cost_report import Experience
from api.guards.document_cache import Documents
from api.guards.extensions import GuardedSchema, compiling, edge_config, edge_extensions
from api.guards.query_cost import Costs
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
from api.mutations.workspace import WorkspaceMutations
from api.relay import ids
from api.relay.loaders import NODES, load
from api.relay.node import Node
from api.relay.paging import After, Before, First, Last, Listing, asked
from api.schema import activity, contacts, invoice_lists, issues, links, live, viewer, workspace
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
from api.schema.workspace import Workspace
from domain.tables import Scope

MOST_NODES = 100
READ: list[FieldExtension] = [require(Scope.READ)]


async def _one(context: Context, kind: str, text: str) -> Any:
    """The object of this type. None for an unknown id, an id of another workspace, and an id of another type."""
    key = ids.find(kind, text)
    return None if key is None else await load(context, NODES[kind], key)


async def _any(context: Context, text: str) -> Any:
    kind, key = ids.decode(text) or ("", ids.NOWHERE)
    return await load(context, NODES[kind], key) if kind in NODES else None


@strawberry.type(description="All queries. Every field needs the scope READ.")
class Query:
    @strawberry.field(
        description="The object with this global id. Null if the id is unknown, belongs to another"
        " workspace, or is no id at all.",
        extensions=READ,
    )
    async def node(
        self,
        info: Info[Context, None],
        id: Annotated[
            strawberry.ID, strawberry.argument(description="A global id that an earlier answer contained.")
        ],
    ) -> Node | None:
        found: Node | None = await _any(info.context, id)
        return found

    @strawberry.field(
        description="The objects with these global ids, in the same order, with null for each one that"
        " `node` would not find.",
        extensions=READ,
    )
    async def nodes(
        self,
        info: Info[Context, None],
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="At most 100 global ids. More are refused.")
        ],
    ) -> list[Node | None]:
        if len(ids) > MOST_NODES:
            raise refusal(
                ErrorCode.BAD_REQUEST,
                f"At most {MOST_NODES} ids are possible at once, and these are {len(ids):,}. Ask for them in parts.",
            )
        found: list[Any] = await asyncio.gather(
            *(_any(info.context, one) for one in ids), return_exceptions=True
        )
        return found

    @strawberry.field(description="The caller of this request, and what it may do.", extensions=READ)
    async def viewer(self, info: Info[Context, None]) -> Viewer:
        return await viewer.viewer(info.context)

    @strawberry.field(
        description="The one workspace that the caller's credential belongs to.", extensions=READ
    )
    async def workspace(self, info: Info[Context, None]) -> Workspace:
        return await workspace.workspace(info.context)

    @strawberry.field(description="One practice contact. Null if the id is unknown.", extensions=READ)
    async def contact(
        self,
        info: Info[Context, None],
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id of a Contact.")],
    ) -> Contact | None:
        found: Contact | None = await _one(info.context, "Contact", id)
        return found

    @strawberry.field(description="One invoice of the practice. Null if the id is unknown.", extensions=READ)
    async def invoice(
        self,
        info: Info[Context, None],
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id of an Invoice.")],
    ) -> Invoice | None:
        found: Invoice | None = await _one(info.context, "Invoice", id)
        return found

    @strawberry.field(
        description="One Xero organisation, connected or not. Null if the id is unknown.", extensions=READ
    )
    async def xero_organisation(
        self,
        info: Info[Context, None],
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id of a XeroOrganisation.")],
    ) -> XeroOrganisation | None:
        found: XeroOrganisation | None = await _one(info.context, "XeroOrganisation", id)
        return found

    @strawberry.field(
        description="The practice's contacts. Without `orderBy`: sorted by name; with a `search`, names"
        " that begin with it come first.",
        extensions=READ,
    )
    async def contacts(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        filter: Annotated[
            ContactFilter | None,
            strawberry.argument(description="Which contacts to list. Left out: all that are not archived."),
        ] = strawberry.UNSET,
        order_by: Annotated[
            ContactOrder | None,
            strawberry.argument(description="By which field and in which direction to sort."),
        ] = strawberry.UNSET,
    ) -> ContactConnection:
        return await contacts.contacts(info.context, asked(first, after, last, before), filter, order_by)

    @strawberry.field(
        description="The questions that a person must decide before Xero contacts are linked or imported."
        " Without `orderBy`: the oldest first.",
        extensions=READ,
    )
    async def match_issues(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        filter: Annotated[
            MatchIssueFilter | None,
            strawberry.argument(
                description="Which match issues to list. Left out or without `state`: the open ones."
            ),
        ] = strawberry.UNSET,
        order_by: Annotated[
            MatchIssueOrder | None,
            strawberry.argument(description="By which field and in which direction to sort."),
        ] = strawberry.UNSET,
    ) -> MatchIssueConnection:
        return await issues.match_issues(info.context, asked(first, after, last, before), filter, order_by)

    @strawberry.field(
        description="The links between practice contacts and Xero contacts, in any state. The Unsynced list"
        " is the states UNSYNCED and BROKEN. Without `orderBy`: sorted by the contact's name.",
        extensions=READ,
    )
    async def sync_links(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        filter: Annotated[
            SyncLinkFilter | None,
            strawberry.argument(description="Which links to list. Left out: all of the workspace."),
        ] = strawberry.UNSET,
        order_by: Annotated[
            SyncLinkOrder | None,
            strawberry.argument(description="By which field and in which direction to sort."),
        ] = strawberry.UNSET,
    ) -> SyncLinkConnection:
        return await links.sync_links(info.context, asked(first, after, last, before), filter, order_by)

    @strawberry.field(
        description="The practice's invoices. Without `orderBy`: the latest issue date first.",
        extensions=READ,
    )
    async def invoices(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        filter: Annotated[
            InvoiceFilter | None,
            strawberry.argument(description="Which invoices to list. Left out: all of the workspace."),
        ] = strawberry.UNSET,
        order_by: Annotated[
            InvoiceOrder | None,
            strawberry.argument(description="By which field and in which direction to sort."),
        ] = strawberry.UNSET,
    ) -> InvoiceConnection:
        return await invoice_list(info.context, asked(first, after, last, before), filter, order_by)

    @strawberry.field(
        description="The totals of an invoice that is being written, and the problems for which it could not go"
        " to Xero. This query saves nothing.",
        extensions=READ,
    )
    async def invoice_preview(
        self,
        info: Info[Context, None],
        input: Annotated[
            InvoicePreviewInput,
            strawberry.argument(
                description="The invoice as far as it is written. Only the list of lines is required."
            ),
        ],
    ) -> InvoicePreview | None:
        return await invoice_preview(info.context, input)

    @strawberry.field(
        description="The history of the workspace, the newest event first: every value that changed, who"
        " changed it, and every failure.",
        extensions=READ,
    )
    async def activity(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        filter: Annotated[
            ActivityFilter | None,
            strawberry.argument(description="Which events to list. Left out: all of the workspace."),
        ] = strawberry.UNSET,
    ) -> ActivityConnection:
        return await activity.activity(info.context, asked(first, after, last, before), filter)

    @strawberry.field(
        description="The present position of the stream of live events. It is never later than what the"
        " same request reads. Read it with your lists and give it to `syncStatus(after:)`, so that no"
        " change falls between the two.",
        extensions=READ,
    )
    async def sync_cursor(self, info: Info[Context, None]) -> str:
        assert info.context.sync_cursor is not None, "SyncCursorFirst reads it before the execution"
        return info.context.sync_cursor


@strawberry.type(
    description="All mutations. Each mutation is one transaction: a refused one changes nothing and"
    " says why in `userErrors`. Bulk forms take up to 500 rows; each row succeeds or is refused on its own."
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


@strawberry.type(
    description="The live events, over a WebSocket (graphql-transport-ws) or server-sent events."
)
class Subscription:
    @strawberry.subscription(
        description="Every change of sync status, in the order in which changes were committed. With"
        " `after`, the changes that were missed come first, so that a client which reconnects misses"
        " nothing. An event may come twice. While an import runs, ImportProgress reports the changes of"
        " its contacts, links and issues; at its end comes a Resync. Needs READ.",
        extensions=READ,
    )
    async def sync_status(
        self,
        info: Info[Context, None],
        organisation_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Only events of this Xero organisation. Left out: all events of the workspace."
            ),
        ] = strawberry.UNSET,
        after: Annotated[
            str | None,
            strawberry.argument(
                description="The cursor of the last event that you have seen, or `Query.syncCursor`. Left"
                " out: the stream begins now."
            ),
        ] = strawberry.UNSET,
    ) -> AsyncIterator[SyncStatusEvent]:
        return await live.sync_status(info.context, given(organisation_id), given(after))


def _listed(listing: Callable[[Any, Any], Listing[Any]], fields: Fields) -> Listed:
    """A list whose root field has the arguments `filter` and `orderBy`."""
    return Listed(lambda filter=None, order_by=None: listing(filter, order_by), fields)


LISTS |= {
    "ContactConnection": _listed(contacts.listing, sql_fields.CONTACT),
    "MatchIssueConnection": _listed(issues.listing, sql_fields.MATCH_ISSUE),
    "SyncLinkConnection": _listed(links.listing, sql_fields.LINK),
    "InvoiceConnection": _listed(invoice_lists.listing, sql_fields.INVOICE),
}
documents, costs, experience, plans = Documents(), Costs(), Experience(), Plans()
schema = GuardedSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[User],
    config=edge_config(scalar_map=SCALARS),
    extensions=[*edge_extensions(documents, costs, experience), SyncCursorFirst, compiling(plans)],
    execution_context_class=EventExecutor,
)
schema.documents, schema.costs, schema.experience, schema.plans = documents, costs, experience, plans
