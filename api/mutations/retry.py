"""The mutation that tries failing links and invoices again."""

import asyncio
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.declared import mutation
from api.mutations.payloads import MOST_ROWS, Payload, UserError, given, too_many, write
from api.relay import ids
from api.relay.loaders import BatchName, Made, load
from api.schema.invoices import Invoice
from api.schema.links import SyncLink
from api.schema.organisations import XeroOrganisation
from api.schema.refs import INVOICE, SYNC_LINK, XERO_ORGANISATION
from domain.actions import retry as retry_action
from domain.invoices import actions as invoice_actions
from domain.matching import issues
from domain.problems import Code
from domain.tables import Scope
from domain.tx import Tx


@strawberry.input(
    description="The work to try again: links and invoices by id, or all of an organisation. At least one of"
    " the three is needed."
)
class RetrySyncInput:
    link_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="At most 500 links. A link that does not fail is left alone."
    )
    invoice_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="At most 500 invoices. An invoice that does not fail is left alone.",
    )
    all_of_organisation: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of an organisation, of which all failing links and invoices are tried again.",
    )


@strawberry.type(
    description="The answer to retrySync. Whether the new tries succeed shows later, on the links and"
    " invoices."
)
class RetrySyncPayload(Payload):
    retried: int = strawberry.field(description="The number of links and invoices that are tried again.")
    links: list[SyncLink] = strawberry.field(description="The links that the input named, as they are now.")
    invoices: list[Invoice] = strawberry.field(
        description="The invoices that the input named, as they are now."
    )
    organisation: XeroOrganisation | None = strawberry.field(
        description="The organisation for its `summary`: the one that the input named, or else that of the"
        " first link or invoice. Null if there is none."
    )


def _keys(kind: str, texts: list[strawberry.ID]) -> list[UUID]:
    """A key for each id. A text that is no id of this kind gets a key that no row has."""
    return [ids.find(kind, text) or ids.NOWHERE for text in texts]


async def _named(context: Context, name: BatchName[UUID, Made], texts: list[strawberry.ID]) -> list[Made]:
    """The objects of this kind with these ids. An id without an object is left out."""
    keys = [key for text in texts[:MOST_ROWS] if (key := ids.find(name.name, text))]
    found = await asyncio.gather(*(load(context, name, key) for key in keys))
    return [one for one in found if one is not None]


async def _payload(
    context: Context, input: RetrySyncInput, retried: int, errors: list[UserError]
) -> RetrySyncPayload:
    links = await _named(context, SYNC_LINK, input.link_ids)
    bills = await _named(context, INVOICE, input.invoice_ids)
    named = given(input.all_of_organisation)
    organisation = ids.find("XeroOrganisation", named) if named else None
    if organisation is None and links:
        organisation = links[0].row.organisation_id
    elif organisation is None and bills:
        organisation = bills[0].row.organisation_id
    return RetrySyncPayload(
        retried=retried,
        links=links,
        invoices=bills,
        organisation=await load(context, XERO_ORGANISATION, organisation) if organisation else None,
        user_errors=errors,
    )


@strawberry.type
class RetryMutations:
    @mutation(
        Scope.WRITE,
        "Tries failing links and invoices again now. A write that is UNCERTAIN is looked up, and not sent"
        " twice.",
    )
    async def retry_sync(self, info: Info[Context, None], input: RetrySyncInput) -> RetrySyncPayload | None:
        errors = too_many(len(input.link_ids), "linkIds") + too_many(len(input.invoice_ids), "invoiceIds")
        if not (input.link_ids or input.invoice_ids or given(input.all_of_organisation) is not None):
            message = (
                "There is nothing to try again. Give `linkIds`, `invoiceIds`, or `allOfOrganisation` for all that"
                " fails there."
            )
            errors = [UserError(code=Code.REQUIRED, message=message, path=None)]
        if errors:
            return await _payload(info.context, input, 0, errors)

        async def retry(tx: Tx) -> int:
            named = given(input.all_of_organisation)
            links, bills = _keys("SyncLink", input.link_ids), _keys("Invoice", input.invoice_ids)
            await retry_action.check_known(tx, links, bills)
            organisation = None if named is None else ids.get("XeroOrganisation", named, "allOfOrganisation")
            async with issues.evaluating(tx):
                retried = await retry_action.retry(tx, links, organisation)
                return len(retried.link_ids) + await invoice_actions.retry(tx, bills, organisation)

        outcome = await write(info.context, retry)
        return await _payload(info.context, input, outcome.done or 0, outcome.errors)
