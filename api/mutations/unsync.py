"""Mutations that end links, and mutations of the Unsynced list: resume, create, dismiss."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.bulk import act, find_changes, find_contact, find_link, is_bulk
from api.mutations.declared import mutation
from api.mutations.payloads import Payload, UserError, given, row_errors, wrong_count
from api.relay import ids
from api.relay.loaders import load_known
from api.schema.activity import ValueChange
from api.schema.contacts import Contact
from api.schema.links import SyncLink
from api.schema.organisations import XeroOrganisation
from api.schema.refs import XERO_ORGANISATION
from domain.actions import unsync as unsync_action
from domain.links.starting import Acted
from domain.problems import Refused
from domain.tables import Scope, Side, SyncedField
from domain.tx import Tx

Results = tuple[list[Acted | Refused], list[UserError]]


@strawberry.input(description="Which link to change, and the version that the person saw.")
class SyncLinkInput:
    link_id: strawberry.ID = strawberry.field(description="The global id of the link to change.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the link has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )


@strawberry.input(description="Many links to end or to dismiss, each with the version that the person saw.")
class SyncLinksInput:
    links: list[SyncLinkInput] = strawberry.field(
        description="At most 500 links. Each is changed or refused on its own."
    )


@strawberry.input(description="Which ended link to resume, with which contact, and whose values hold.")
class RematchInput:
    link_id: strawberry.ID = strawberry.field(description="The id of a link that is UNSYNCED or BROKEN.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the link has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Another practice contact to link. Left out: the contact that the link has.",
    )
    winner: Side = strawberry.field(
        default=Side.XERO,
        description="Whose value holds for each field in which both sides have a value and the two differ.",
    )
    except_fields: list[SyncedField] = strawberry.field(
        default_factory=list, description="Fields for which the other side's value holds instead."
    )


@strawberry.input(description="Many ended links to resume, each with its winner and its version.")
class RematchLinksInput:
    links: list[RematchInput] = strawberry.field(
        description="At most 500 links. Each is resumed or refused on its own."
    )


@strawberry.input(
    description="Which ended link, and which side's data makes the new contact on the other side."
)
class CreateFromUnsyncedInput:
    link_id: strawberry.ID = strawberry.field(description="The id of a link that is UNSYNCED or BROKEN.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the link has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )
    basis: Side = strawberry.field(
        description="XERO: a new practice contact is made from Xero's data. PRACTICE: a new Xero contact is"
        " made from the practice's data."
    )


@strawberry.type(description="The answer to unsync, and to each row of unsyncLinks.")
class SyncLinkPayload(Payload):
    link: SyncLink | None = strawberry.field(
        description="The link after the mutation; unchanged if it was refused. Null if the id is unknown."
    )


@strawberry.type(description="The answer to a mutation of many links.")
class SyncLinksPayload(Payload):
    results: list[SyncLinkPayload] = strawberry.field(
        description="One result for each link, in the order of the input. Empty if the whole request was"
        " refused."
    )


@strawberry.type(description="The answer to a mutation that settles or resumes a link.")
class RematchPayload(Payload):
    link: SyncLink | None = strawberry.field(
        description="The link after the mutation; unchanged if it was refused. Null if the id is unknown."
    )
    previous_contact: Contact | None = strawberry.field(
        description="The practice contact that lost the link, because another one took its place. Null: the"
        " link kept its contact."
    )
    changes: list[ValueChange] = strawberry.field(
        description="The values that were overwritten or filled in. restoreValue can bring lost ones back."
    )


@strawberry.type(description="The answer to rematchLinks: a result for each link.")
class RematchLinksPayload(Payload):
    results: list[RematchPayload] = strawberry.field(
        description="One result for each link, in the order of the input. Empty if the whole request was"
        " refused."
    )


@strawberry.type(
    description="The answer to dismissLinks. The `path` of an error names the link's place in the input."
)
class DismissLinksPayload(Payload):
    deleted_link_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of the links that were deleted, in the order of the input. Links that were"
        " refused are left out."
    )
    organisations: list[XeroOrganisation] = strawberry.field(
        description="The organisations of the deleted links, whose `summary` counts the links that are left."
    )


class _OfOrganisation(NamedTuple):
    id: UUID
    organisation_id: UUID


async def _unsync(context: Context, inputs: Sequence[SyncLinkInput]) -> Results:
    async def unsync(tx: Tx, input: SyncLinkInput) -> Acted:
        return await unsync_action.unsync(
            tx, ids.get("SyncLink", input.link_id, "linkId"), given(input.version)
        )

    return await act(context, inputs, unsync, links=[one.link_id for one in inputs])


async def _dismiss(context: Context, inputs: Sequence[SyncLinkInput]) -> Results:
    async def dismiss(tx: Tx, input: SyncLinkInput) -> Acted:
        return await unsync_action.dismiss(
            tx, ids.get("SyncLink", input.link_id, "linkId"), given(input.version)
        )

    return await act(context, inputs, dismiss, links=[one.link_id for one in inputs])


async def _rematch(context: Context, inputs: Sequence[RematchInput]) -> Results:
    async def rematch(tx: Tx, input: RematchInput) -> Acted:
        contact = given(input.contact_id)
        return await unsync_action.rematch(
            tx,
            ids.get("SyncLink", input.link_id, "linkId"),
            given(input.version),
            contact_id=ids.get("Contact", contact, "contactId") if contact else None,
            winner=input.winner,
            except_fields=input.except_fields,
            bulk=is_bulk(inputs),
        )

    others = [contact for one in inputs if (contact := given(one.contact_id))]
    return await act(context, inputs, rematch, links=[one.link_id for one in inputs], contacts=others)


async def _organisations(context: Context, inputs: Sequence[SyncLinkInput]) -> dict[UUID, UUID]:
    """The key of each link's organisation, by the link's key. Read it before the links are deleted."""
    keys = [key for one in inputs if (key := ids.find("SyncLink", one.link_id))]
    async with context.transaction() as tx:
        rows = await tx.read(
            _OfOrganisation,
            "select id, organisation_id from sync_link where workspace_id = :ws and id = any(:ids)",
            ids=keys,
        )
    return {row.id: row.organisation_id for row in rows}


async def _link_payload(context: Context, link_id: strawberry.ID, errors: list[UserError]) -> SyncLinkPayload:
    link = await find_link(context, ids.find("SyncLink", link_id))
    return SyncLinkPayload(link=link, user_errors=errors)


async def rematch_payload(
    context: Context, link_id: strawberry.ID, result: Acted | Refused | None, errors: list[UserError]
) -> RematchPayload:
    done = result if isinstance(result, Acted) else None
    return RematchPayload(
        link=await find_link(context, ids.find("SyncLink", link_id)),
        previous_contact=await find_contact(context, done.previous_contact_id if done else None),
        changes=await find_changes(context, done.activity_id if done else None),
        user_errors=errors,
    )


@strawberry.type
class UnsyncedMutations:
    @mutation(
        Scope.WRITE,
        "Ends a link: nothing flows either way, and no import matches the pair again. rematch resumes it.",
    )
    async def unsync(self, info: Info[Context, None], input: SyncLinkInput) -> SyncLinkPayload | None:
        results, errors = await _unsync(info.context, [input])
        return await _link_payload(
            info.context, input.link_id, errors or row_errors(results[0] if results else None)
        )

    @mutation(
        Scope.WRITE,
        "Does what unsync does, for many links.",
    )
    async def unsync_links(self, info: Info[Context, None], input: SyncLinksInput) -> SyncLinksPayload | None:
        errors = wrong_count(len(input.links), "links")
        if errors:
            return SyncLinksPayload(results=[], user_errors=errors)
        results, errors = await _unsync(info.context, input.links)
        payloads = [
            _link_payload(info.context, one.link_id, row_errors(result, "links", str(n)))
            for n, (one, result) in enumerate(zip(input.links, results, strict=bool(results)))
        ]
        return SyncLinksPayload(results=await asyncio.gather(*payloads), user_errors=errors)

    @mutation(
        Scope.WRITE,
        "Resumes a link of the Unsynced list, with its contact or another one. The link keeps its id. If"
        " the Xero contact was merged, the link follows; if it was archived, it is restored in Xero.",
    )
    async def rematch(self, info: Info[Context, None], input: RematchInput) -> RematchPayload | None:
        results, errors = await _rematch(info.context, [input])
        result = results[0] if results else None
        return await rematch_payload(info.context, input.link_id, result, errors or row_errors(result))

    @mutation(
        Scope.WRITE,
        "Does what rematch does, for many links.",
    )
    async def rematch_links(
        self, info: Info[Context, None], input: RematchLinksInput
    ) -> RematchLinksPayload | None:
        errors = wrong_count(len(input.links), "links")
        if errors:
            return RematchLinksPayload(results=[], user_errors=errors)
        results, errors = await _rematch(info.context, input.links)
        payloads = [
            rematch_payload(info.context, one.link_id, result, row_errors(result, "links", str(n)))
            for n, (one, result) in enumerate(zip(input.links, results, strict=bool(results)))
        ]
        return RematchLinksPayload(results=await asyncio.gather(*payloads), user_errors=errors)

    @mutation(
        Scope.WRITE,
        "Deletes UNSYNCED or BROKEN links. The pair is never matched again, and a Xero contact without"
        " another link is not imported again.",
    )
    async def dismiss_links(
        self, info: Info[Context, None], input: SyncLinksInput
    ) -> DismissLinksPayload | None:
        errors = wrong_count(len(input.links), "links")
        if errors:
            return DismissLinksPayload(deleted_link_ids=[], organisations=[], user_errors=errors)
        organisations = await _organisations(info.context, input.links)
        results, errors = await _dismiss(info.context, input.links)
        gone = [ids.encode("SyncLink", one.link_id) for one in results if isinstance(one, Acted)]
        rows = [error for n, one in enumerate(results) for error in row_errors(one, "links", str(n))]
        after = {
            organisations[one.link_id]: load_known(
                info.context, XERO_ORGANISATION, organisations[one.link_id]
            )
            for one in results
            if isinstance(one, Acted)
        }
        return DismissLinksPayload(
            deleted_link_ids=gone,
            organisations=list(await asyncio.gather(*after.values())),
            user_errors=errors + rows,
        )

    @mutation(
        Scope.WRITE,
        "Makes a new contact on one side from the other side's data, for a link of the Unsynced list. The"
        " link keeps its id and gets the new contact. Refused (TAKEN) while an active contact in Xero still"
        " has the name.",
    )
    async def create_from_unsynced(
        self, info: Info[Context, None], input: CreateFromUnsyncedInput
    ) -> RematchPayload | None:
        async def create(tx: Tx, row: CreateFromUnsyncedInput) -> Acted:
            key = ids.get("SyncLink", row.link_id, "linkId")
            return await unsync_action.create_from_unsynced(tx, key, row.basis, given(row.version))

        results, errors = await act(info.context, [input], create, links=[input.link_id])
        result = results[0] if results else None
        return await rematch_payload(info.context, input.link_id, result, errors or row_errors(result))
