"""Mutations that push practice contacts to Xero."""

import asyncio
from collections.abc import Sequence

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.bulk import act, find_changes, find_contact, find_link, is_bulk
from api.mutations.declared import mutation
from api.mutations.payloads import Payload, UserError, given, row_errors, wrong_count
from api.relay import ids
from api.relay.loaders import load
from api.schema.activity import ValueChange
from api.schema.contacts import Contact
from api.schema.links import SyncLink
from api.schema.refs import XERO_CONTACT
from api.schema.xero_contacts import XeroContact
from domain.actions import push as push_action
from domain.actions.push import Existing, Wish
from domain.links.starting import Acted
from domain.problems import Refused
from domain.tables import Scope, SyncedField
from domain.tx import Tx


@strawberry.input(description="A practice contact, and the organisation in which it should exist.")
class PushToXeroInput:
    contact_id: strawberry.ID = strawberry.field(
        description="The practice contact to push. It must not be archived."
    )
    organisation_id: strawberry.ID = strawberry.field(
        description="The Xero organisation in which the contact is created. Its contact sync must have been"
        " started."
    )
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the contact has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )
    link_to: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of a XeroContact to link instead of creating one, as confirmMatch would. It may"
        " be one of `existing` or any other Xero contact without an active link. An archived one is"
        " restored.",
    )
    keep_practice: list[SyncedField] = strawberry.field(
        default_factory=list,
        description="Only with `linkTo`: fields whose practice value is kept and sent to Xero. For all"
        " others Xero's value overwrites the practice's.",
    )
    create_anyway: bool = strawberry.field(
        default=False,
        description="True creates a second contact, although Xero has one with the same email or an"
        " official or account number in common, or an archived one with the same name. An active contact with"
        " the same name always blocks the push (TAKEN).",
    )


@strawberry.input(description="Many contacts to push, each to an organisation.")
class PushContactsToXeroInput:
    contacts: list[PushToXeroInput] = strawberry.field(
        description="At most 500 contacts, each with its organisation. Each is pushed or refused on its own."
    )


@strawberry.type(description="The answer to a push. The link is PENDING until Xero has created the contact.")
class PushToXeroPayload(Payload):
    contact: Contact | None = strawberry.field(
        description="The practice contact after the mutation; unchanged if it was refused. Null if the id"
        " is unknown."
    )
    link: SyncLink | None = strawberry.field(
        description="The link to the new Xero contact. A repeated push gives the link of the push that is"
        " under way. Null if the mutation was refused."
    )
    existing: list[XeroContact] = strawberry.field(
        description="After LIKELY_DUPLICATE or TAKEN: the Xero contacts with the same name or email, or with an"
        " official or account number in common, at most 10, the likeliest first. `existingLinks` says which of them"
        " are linked."
    )
    changes: list[ValueChange] = strawberry.field(
        description="With `linkTo`: the values that were overwritten or filled in. restoreValue can bring"
        " lost ones back."
    )


@strawberry.type(description="The answer to a push of many contacts.")
class PushContactsToXeroPayload(Payload):
    results: list[PushToXeroPayload] = strawberry.field(
        description="One result for each contact, in the order of the input. Empty if the whole request was"
        " refused."
    )


def _wish(input: PushToXeroInput) -> Wish:
    link_to = given(input.link_to)
    return Wish(
        ids.get("Contact", input.contact_id, "contactId"),
        ids.get("XeroOrganisation", input.organisation_id, "organisationId"),
        given(input.version),
        ids.get("XeroContact", link_to, "linkTo") if link_to else None,
        tuple(input.keep_practice),
        input.create_anyway,
    )


async def _push(
    context: Context, inputs: Sequence[PushToXeroInput]
) -> tuple[list[Acted | Refused], list[UserError]]:
    async def push(tx: Tx, input: PushToXeroInput) -> Acted:
        return await push_action.push(tx, _wish(input), bulk=is_bulk(inputs))

    return await act(context, inputs, push, contacts=[one.contact_id for one in inputs])


async def _payload(
    context: Context, input: PushToXeroInput, result: Acted | Refused | None, errors: list[UserError]
) -> PushToXeroPayload:
    done = result if isinstance(result, Acted) else None
    found = result.xero_contact_ids if isinstance(result, Existing) else ()
    loading = [load(context, XERO_CONTACT, key) for key in found]
    return PushToXeroPayload(
        contact=await find_contact(context, ids.find("Contact", input.contact_id)),
        link=await find_link(context, done.link_id if done else None),
        existing=[one for one in await asyncio.gather(*loading) if one],
        changes=await find_changes(context, done.activity_id if done else None),
        user_errors=errors,
    )


@strawberry.type
class PushMutations:
    @mutation(
        Scope.WRITE,
        "Creates a practice contact in Xero, under every filter. If Xero has a contact with the same"
        " name or email, or with an official or account number in common, the push is refused: LIKELY_DUPLICATE leaves a choice between `linkTo` and"
        " `createAnyway`; TAKEN means that an active contact has the name, and Xero accepts no second"
        " one.",
    )
    async def push_to_xero(
        self, info: Info[Context, None], input: PushToXeroInput
    ) -> PushToXeroPayload | None:
        results, errors = await _push(info.context, [input])
        result = results[0] if results else None
        return await _payload(info.context, input, result, errors or row_errors(result))

    @mutation(
        Scope.WRITE,
        "Does what pushToXero does, for many contacts.",
    )
    async def push_contacts_to_xero(
        self, info: Info[Context, None], input: PushContactsToXeroInput
    ) -> PushContactsToXeroPayload | None:
        errors = wrong_count(len(input.contacts), "contacts")
        if errors:
            return PushContactsToXeroPayload(results=[], user_errors=errors)
        results, errors = await _push(info.context, input.contacts)
        payloads = [
            _payload(info.context, one, result, row_errors(result, "contacts", str(n)))
            for n, (one, result) in enumerate(zip(input.contacts, results, strict=bool(results)))
        ]
        return PushContactsToXeroPayload(results=await asyncio.gather(*payloads), user_errors=errors)
