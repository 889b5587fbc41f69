"""The mutation that tries again what failed."""

import asyncio
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations import bulk
from api.mutations.payloads import MOST_ROWS, Payload, UserError, given, too_many, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.invoices import Invoice
from api.schema.links import SyncLink
from api.schema.organisations import XeroOrganisation
from domain.actions import retry as retry_action
from domain.invoices import actions as invoice_actions
from domain.matching import issues
from domain.problems import Code
from domain.tables import Scope
from domain.tx import Tx


@strawberry.input(description="What to try again.")
class RetrySyncInput:
    link_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description=f"At most {MOST_ROWS} links. One that does not fail is left alone."
    )
    invoice_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description=f"At most {MOST_ROWS} invoices. One that does not fail is left alone.",
    )
    all_of_organisation: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="All that fails in this organisation."
    )


@strawberry.type(description="`organisation` for its summary.")
class RetrySyncPayload(Payload):
    retried: int = strawberry.field(description="How many are tried again.")
    links: list[SyncLink] = strawberry.field(description="Those that the input named.")
    invoices: list[Invoice] = strawberry.field(description="Those that the input named.")
    organisation: XeroOrganisation | None = strawberry.field(
        description="The one named, or else that of the first link, or of the first invoice."
    )


def _keys(kind: str, texts: list[strawberry.ID]) -> list[UUID]:
    """The key of nothing for whatever cannot be the id of one."""
    return [ids.find(kind, text) or ids.NOWHERE for text in texts]


async def _named(context: Context, kind: str, texts: list[strawberry.ID]) -> list[Any]:
    keys = [key for text in texts[:MOST_ROWS] if (key := ids.find(kind, text))]
    found = await asyncio.gather(*(load(context, kind, key) for key in keys))
    return [one for one in found if one]


async def _payload(
    context: Context, input: RetrySyncInput, retried: int, errors: list[UserError]
) -> RetrySyncPayload:
    links: list[SyncLink] = await _named(context, "SyncLink", input.link_ids)
    bills: list[Invoice] = await _named(context, "Invoice", input.invoice_ids)
    named = given(input.all_of_organisation)
    organisation = ids.find("XeroOrganisation", named) if named else None
    if organisation is None and (links or bills):
        organisation = (links or bills)[0].row["organisation_id"]
    return RetrySyncPayload(
        retried=retried,
        links=links,
        invoices=bills,
        organisation=await load(context, "XeroOrganisation", organisation) if organisation else None,
        user_errors=errors,
    )


@strawberry.type
class RetryMutations:
    @strawberry.mutation(
        description="Tries again now what failed: the named ones, or all of an organisation. What is UNCERTAIN is looked"
        f" up now. {bulk.WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def retry_sync(self, info: Info[Context, None], input: RetrySyncInput) -> RetrySyncPayload | None:
        errors = too_many(len(input.link_ids), "linkIds") + too_many(len(input.invoice_ids), "invoiceIds")
        if not (input.link_ids or input.invoice_ids or given(input.all_of_organisation) is not None):
            message = (
                "Say what to try again: linkIds, invoiceIds, or allOfOrganisation for all that fails there."
            )
            errors = [UserError(code=Code.REQUIRED, message=message, path=None)]
        if errors:
            return await _payload(info.context, input, 0, errors)

        async def retry(tx: Tx) -> int:
            named = given(input.all_of_organisation)
            links, bills = _keys("SyncLink", input.link_ids), _keys("Invoice", input.invoice_ids)
            await retry_action.check_known(tx, links, bills)
            organisation = None if named is None else ids.take("XeroOrganisation", named, "allOfOrganisation")
            async with issues.judging(tx):
                retried = await retry_action.retry(tx, links, organisation)
                return len(retried.link_ids) + await invoice_actions.retry(tx, bills, organisation)

        outcome = await write(info.context, retry)
        return await _payload(info.context, input, outcome.done or 0, outcome.errors)
