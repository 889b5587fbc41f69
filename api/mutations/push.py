"""Mutations that push practice contacts to Xero."""

import asyncio
from collections.abc import Sequence

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations import bulk
from api.mutations.payloads import Payload, UserError, given, too_many
from api.relay import ids
from api.relay.loaders import load
from api.schema.activity import ValueChange
from api.schema.contacts import Contact
from api.schema.links import SyncLink
from api.schema.xero_contacts import XeroContact
from domain.actions import push as push_action
from domain.actions.push import Existing, Wish
from domain.links.starting import Acted
from domain.problems import Refused
from domain.tables import Scope, SyncedField
from domain.tx import Tx


@strawberry.input(
    description="`linkTo`: the id of a XeroContact to link instead, as confirmMatch would, with its `keepPractice`; an"
    " archived one is restored."
)
class PushToXeroInput:
    contact_id: strawberry.ID = strawberry.field(description="Whom.")
    organisation_id: strawberry.ID = strawberry.field(description="Where to.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The contact's that was seen: STALE_VERSION if it has moved on."
    )
    link_to: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="One of `existing`, or any other unlinked Xero contact."
    )
    keep_practice: list[SyncedField] = strawberry.field(
        default_factory=list,
        description="With `linkTo`: fields for which the practice's value holds instead of Xero's.",
    )
    create_anyway: bool = strawberry.field(
        default=False, description="Another contact, although Xero has one of this email or archived name."
    )


@strawberry.input(description="Which contacts.")
class PushContactsToXeroInput:
    contacts: list[PushToXeroInput] = strawberry.field(description="At most 500.")


@strawberry.type(description="The link, PENDING at first.")
class PushToXeroPayload(Payload):
    contact: Contact | None = strawberry.field(description="As it stands now, also where it was refused.")
    link: SyncLink | None = strawberry.field(description="A push that was under way gives its link again.")
    existing: list[XeroContact] = strawberry.field(
        description="What Xero has of this name or email, where that is why it was refused."
    )
    changes: list[ValueChange] = strawberry.field(description="The values that moved.")


@strawberry.type(description="One result a contact.")
class PushContactsToXeroPayload(Payload):
    results: list[PushToXeroPayload] = strawberry.field(description="In the order of the input.")


def _wish(input: PushToXeroInput) -> Wish:
    link_to = given(input.link_to)
    return Wish(
        ids.take("Contact", input.contact_id, "contactId"),
        ids.take("XeroOrganisation", input.organisation_id, "organisationId"),
        given(input.version),
        ids.take("XeroContact", link_to, "linkTo") if link_to else None,
        tuple(input.keep_practice),
        input.create_anyway,
    )


async def _push(
    context: Context, inputs: Sequence[PushToXeroInput]
) -> tuple[list[Acted | Refused], list[UserError]]:
    async def push(tx: Tx, input: PushToXeroInput) -> Acted:
        return await push_action.push(tx, _wish(input), bulk=bulk.is_bulk(inputs))

    return await bulk.act(context, inputs, push, contacts=[one.contact_id for one in inputs])


async def _payload(
    context: Context, input: PushToXeroInput, result: Acted | Refused | None, errors: list[UserError]
) -> PushToXeroPayload:
    done = result if isinstance(result, Acted) else None
    found = result.xero_contact_ids if isinstance(result, Existing) else ()
    loading = [load(context, "XeroContact", key) for key in found]
    return PushToXeroPayload(
        contact=await bulk.find_contact(context, ids.find("Contact", input.contact_id)),
        link=await bulk.find_link(context, done.link_id if done else None),
        existing=[one for one in await asyncio.gather(*loading) if one],
        changes=await bulk.changes(context, done.activity_id if done else None),
        user_errors=errors,
    )


@strawberry.type
class PushMutations:
    @strawberry.mutation(
        description="Creates the Xero contact, whatever the filter. LIKELY_DUPLICATE with `existing` where Xero has one"
        " of that name or email: then `linkTo` or `createAnyway`. TAKEN where an active one has the name: Xero takes no"
        f" second one. {bulk.WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def push_to_xero(
        self, info: Info[Context, None], input: PushToXeroInput
    ) -> PushToXeroPayload | None:
        results, errors = await _push(info.context, [input])
        result = results[0] if results else None
        return await _payload(info.context, input, result, errors or bulk.errors(result))

    @strawberry.mutation(description=f"pushToXero for many. {bulk.WRITE}", extensions=[require(Scope.WRITE)])
    async def push_contacts_to_xero(
        self, info: Info[Context, None], input: PushContactsToXeroInput
    ) -> PushContactsToXeroPayload | None:
        errors = too_many(len(input.contacts), "contacts")
        if errors:
            return PushContactsToXeroPayload(results=[], user_errors=errors)
        results, errors = await _push(info.context, input.contacts)
        payloads = [
            _payload(info.context, one, result, bulk.errors(result, "contacts", str(n)))
            for n, (one, result) in enumerate(zip(input.contacts, results, strict=bool(results)))
        ]
        return PushContactsToXeroPayload(results=await asyncio.gather(*payloads), user_errors=errors)
