"""Mutations that end links, and those of the Unsynced list."""

import asyncio
from collections.abc import Sequence

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations import bulk
from api.mutations.payloads import Payload, UserError, given, too_many
from api.relay import ids
from api.schema.activity import ValueChange
from api.schema.contacts import Contact
from api.schema.links import SyncLink
from domain.actions import unsync as unsync_action
from domain.links.starting import Acted
from domain.problems import Refused
from domain.tables import Scope, Side, SyncedField
from domain.tx import Tx

Results = tuple[list[Acted | Refused], list[UserError]]


@strawberry.input(description="Which link.")
class SyncLinkInput:
    link_id: strawberry.ID = strawberry.field(description="The link's.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The one that was seen: STALE_VERSION if it has moved on."
    )


@strawberry.input(description="Which links.")
class SyncLinksInput:
    links: list[SyncLinkInput] = strawberry.field(description="At most 500.")


@strawberry.input(
    description="`winner`: whose values hold; `exceptFields`: the fields for which the other side's do."
)
class RematchInput:
    link_id: strawberry.ID = strawberry.field(description="An UNSYNCED or BROKEN link.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The link's that was seen: STALE_VERSION if it has moved on."
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Another contact than the link's own."
    )
    winner: Side = strawberry.field(default=Side.XERO, description="Where both sides have something.")
    except_fields: list[SyncedField] = strawberry.field(
        default_factory=list, description="Fields for which the other side's values hold."
    )


@strawberry.input(description="Which links, each with what it resumes with.")
class RematchLinksInput:
    links: list[RematchInput] = strawberry.field(description="At most 500.")


@strawberry.input(description="`basis`: the side whose data makes the new contact on the other.")
class CreateFromUnsyncedInput:
    link_id: strawberry.ID = strawberry.field(description="An UNSYNCED or BROKEN link.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The link's that was seen: STALE_VERSION if it has moved on."
    )
    basis: Side = strawberry.field(description="XERO: a new practice contact. PRACTICE: a new one in Xero.")


@strawberry.type(description="The link as it is now.")
class SyncLinkPayload(Payload):
    link: SyncLink | None = strawberry.field(description="As it stands now, also where it was refused.")


@strawberry.type(description="One result a link.")
class SyncLinksPayload(Payload):
    results: list[SyncLinkPayload] = strawberry.field(description="In the order of the input.")


@strawberry.type(description="The link as it is now, and what became of the contacts.")
class RematchPayload(Payload):
    link: SyncLink | None = strawberry.field(description="As it stands now, also where it was refused.")
    previous_contact: Contact | None = strawberry.field(
        description="The practice contact that has lost the link."
    )
    changes: list[ValueChange] = strawberry.field(description="The values that moved.")


@strawberry.type(description="One result a link.")
class RematchLinksPayload(Payload):
    results: list[RematchPayload] = strawberry.field(description="In the order of the input.")


@strawberry.type(description="The links that are gone; a row's error names its place in the input by `path`.")
class DismissLinksPayload(Payload):
    deleted_link_ids: list[strawberry.ID] = strawberry.field(description="In the order of the input.")


async def _unsync(context: Context, inputs: Sequence[SyncLinkInput]) -> Results:
    async def unsync(tx: Tx, input: SyncLinkInput) -> Acted:
        return await unsync_action.unsync(
            tx, ids.take("SyncLink", input.link_id, "linkId"), given(input.version)
        )

    return await bulk.act(context, inputs, unsync, links=[one.link_id for one in inputs])


async def _dismiss(context: Context, inputs: Sequence[SyncLinkInput]) -> Results:
    async def dismiss(tx: Tx, input: SyncLinkInput) -> Acted:
        return await unsync_action.dismiss(
            tx, ids.take("SyncLink", input.link_id, "linkId"), given(input.version)
        )

    return await bulk.act(context, inputs, dismiss, links=[one.link_id for one in inputs])


async def _rematch(context: Context, inputs: Sequence[RematchInput]) -> Results:
    async def rematch(tx: Tx, input: RematchInput) -> Acted:
        contact = given(input.contact_id)
        return await unsync_action.rematch(
            tx,
            ids.take("SyncLink", input.link_id, "linkId"),
            given(input.version),
            contact_id=ids.take("Contact", contact, "contactId") if contact else None,
            winner=input.winner,
            except_fields=input.except_fields,
            bulk=bulk.is_bulk(inputs),
        )

    others = [contact for one in inputs if (contact := given(one.contact_id))]
    return await bulk.act(context, inputs, rematch, links=[one.link_id for one in inputs], contacts=others)


async def _link_payload(context: Context, link_id: strawberry.ID, errors: list[UserError]) -> SyncLinkPayload:
    link = await bulk.find_link(context, ids.find("SyncLink", link_id))
    return SyncLinkPayload(link=link, user_errors=errors)


async def rematch_payload(
    context: Context, link_id: strawberry.ID, result: Acted | Refused | None, errors: list[UserError]
) -> RematchPayload:
    done = result if isinstance(result, Acted) else None
    return RematchPayload(
        link=await bulk.find_link(context, ids.find("SyncLink", link_id)),
        previous_contact=await bulk.find_contact(context, done.previous_contact_id if done else None),
        changes=await bulk.changes(context, done.activity_id if done else None),
        user_errors=errors,
    )


@strawberry.type
class UnsyncedMutations:
    @strawberry.mutation(
        description=f"Nothing flows either way from now on, and no machine matches the pair again. {bulk.WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def unsync(self, info: Info[Context, None], input: SyncLinkInput) -> SyncLinkPayload | None:
        results, errors = await _unsync(info.context, [input])
        return await _link_payload(
            info.context, input.link_id, errors or bulk.errors(results[0] if results else None)
        )

    @strawberry.mutation(description=f"unsync for many. {bulk.WRITE}", extensions=[require(Scope.WRITE)])
    async def unsync_links(self, info: Info[Context, None], input: SyncLinksInput) -> SyncLinksPayload | None:
        errors = too_many(len(input.links), "links")
        if errors:
            return SyncLinksPayload(results=[], user_errors=errors)
        results, errors = await _unsync(info.context, input.links)
        payloads = [
            _link_payload(info.context, one.link_id, bulk.errors(result, "links", str(n)))
            for n, (one, result) in enumerate(zip(input.links, results, strict=bool(results)))
        ]
        return SyncLinksPayload(results=await asyncio.gather(*payloads), user_errors=errors)

    @strawberry.mutation(
        description="From the Unsynced list: resume with this contact or another. The link keeps its id; a merge in"
        f" Xero is followed, and an archived contact restored. {bulk.WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def rematch(self, info: Info[Context, None], input: RematchInput) -> RematchPayload | None:
        results, errors = await _rematch(info.context, [input])
        result = results[0] if results else None
        return await rematch_payload(info.context, input.link_id, result, errors or bulk.errors(result))

    @strawberry.mutation(description=f"rematch for many. {bulk.WRITE}", extensions=[require(Scope.WRITE)])
    async def rematch_links(
        self, info: Info[Context, None], input: RematchLinksInput
    ) -> RematchLinksPayload | None:
        errors = too_many(len(input.links), "links")
        if errors:
            return RematchLinksPayload(results=[], user_errors=errors)
        results, errors = await _rematch(info.context, input.links)
        payloads = [
            rematch_payload(info.context, one.link_id, result, bulk.errors(result, "links", str(n)))
            for n, (one, result) in enumerate(zip(input.links, results, strict=bool(results)))
        ]
        return RematchLinksPayload(results=await asyncio.gather(*payloads), user_errors=errors)

    @strawberry.mutation(
        description="Takes UNSYNCED or BROKEN links off the lists: the pair stays set apart, and an unlinked Xero"
        f" contact is not imported again. {bulk.WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def dismiss_links(
        self, info: Info[Context, None], input: SyncLinksInput
    ) -> DismissLinksPayload | None:
        errors = too_many(len(input.links), "links")
        if errors:
            return DismissLinksPayload(deleted_link_ids=[], user_errors=errors)
        results, errors = await _dismiss(info.context, input.links)
        gone = [ids.encode("SyncLink", one.link_id) for one in results if isinstance(one, Acted)]
        rows = [error for n, one in enumerate(results) for error in bulk.errors(one, "links", str(n))]
        return DismissLinksPayload(deleted_link_ids=gone, user_errors=errors + rows)

    @strawberry.mutation(
        description="From the Unsynced list: a new contact on one side from the other side's data. The link keeps its id"
        f" and gets the new contact. TAKEN while a contact in Xero still has the name. {bulk.WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def create_from_unsynced(
        self, info: Info[Context, None], input: CreateFromUnsyncedInput
    ) -> RematchPayload | None:
        async def create(tx: Tx, row: CreateFromUnsyncedInput) -> Acted:
            key = ids.take("SyncLink", row.link_id, "linkId")
            return await unsync_action.create_from_unsynced(tx, key, row.basis, given(row.version))

        results, errors = await bulk.act(info.context, [input], create, links=[input.link_id])
        result = results[0] if results else None
        return await rematch_payload(info.context, input.link_id, result, errors or bulk.errors(result))
