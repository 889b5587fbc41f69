"""Mutations of contacts, one or many."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.bulk import act, is_bulk
from api.mutations.contact_inputs import (
    CreateContactInput,
    CreateContactsInput,
    DeleteContactInput,
    UpdateContactInput,
    UpdateContactsInput,
    values,
)
from api.mutations.declared import mutation
from api.mutations.payloads import (
    Outcome,
    Payload,
    UserError,
    given,
    nothing_to_change,
    row_errors,
    write,
    wrong_count,
)
from api.relay import ids
from api.relay.loaders import load
from api.schema.contacts import Contact
from api.schema.refs import CONTACT
from domain import bulk
from domain.actions import delete as delete_action
from domain.actions.delete import Deleted
from domain.contacts import creation
from domain.contacts import edits as contact_edits
from domain.contacts.creation import New
from domain.matching import issues
from domain.problems import Refused
from domain.tables import Scope
from domain.tx import Tx

Input = TypeVar("Input")


@strawberry.type(description="The answer to deleteContact: what was deleted, so that caches can remove it.")
class DeleteContactPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of the deleted contact, for removal from caches. Null if the mutation was"
        " refused."
    )
    deleted_link_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of the links that were deleted with the contact. Empty if the mutation was"
        " refused."
    )


@strawberry.type(description="The answer to a mutation of one contact.")
class ContactPayload(Payload):
    contact: Contact | None = strawberry.field(
        description="The contact after the mutation; unchanged if it was refused. Null if it could not be"
        " created, or if the id is unknown."
    )


@strawberry.type(description="The answer to a mutation of many contacts.")
class ContactsPayload(Payload):
    results: list[ContactPayload] = strawberry.field(
        description="One result for each contact, in the order of the input. Empty if the whole request was"
        " refused."
    )


async def _create(
    tx: Tx,
    inputs: Sequence[CreateContactInput],
    *,
    key: str | None = None,
    refuse_duplicates: bool = False,
) -> list[UUID | Refused]:
    rows = [New(_values(input), given(input.idempotency_key)) for input in inputs]
    async with issues.evaluating(tx) as touched:
        made = await creation.create_all(tx, rows, key=key, refuse_duplicates=refuse_duplicates)
        results = [one if isinstance(one, Refused) else one.id for one in made]
        touched |= {one for one in results if isinstance(one, UUID)}
    return results


def _values(input: CreateContactInput) -> contact_edits.Given | Refused:
    try:
        return values(input)
    except Refused as refused:
        return refused


async def _update(tx: Tx, inputs: Sequence[UpdateContactInput]) -> list[UUID | Refused]:
    async def update(input: UpdateContactInput) -> UUID:
        key, changes = ids.get("Contact", input.contact_id, "contactId"), values(input)
        changed = await contact_edits.change(
            tx, key, changes, version=given(input.version), archived=given(input.archived),
            bulk=is_bulk(inputs),
        )  # fmt: skip
        if changes == contact_edits.Given() and given(input.archived) is None:
            raise nothing_to_change("contactId", "version")
        return changed.id

    keys = [key for input in inputs if (key := ids.find("Contact", input.contact_id))]
    return await _change_and_evaluate(tx, inputs, update, keys)


async def _change_and_evaluate(
    tx: Tx,
    inputs: Sequence[Input],
    change: Callable[[Input], Awaitable[UUID]],
    lock: Sequence[UUID] = (),
) -> list[UUID | Refused]:
    """Change each row on its own. Then the open match issues that the contacts fit, or fitted before, are evaluated again.

    `lock`: contacts that are locked before the first change."""
    async with issues.evaluating(tx) as touched:
        if lock:
            await contact_edits.lock_all(tx, lock)
        results = await bulk.each(tx, inputs, change)
        touched |= {done for done in results if isinstance(done, UUID)}
    return results


async def _payload(context: Context, key: UUID | None, errors: list[UserError]) -> ContactPayload:
    return ContactPayload(contact=await load(context, CONTACT, key) if key else None, user_errors=errors)


async def _payloads(
    context: Context, outcome: Outcome[list[UUID | Refused]], keys: Sequence[UUID | None]
) -> ContactsPayload:
    """`keys`: the contacts that are shown where a row was refused."""
    results = outcome.done or []
    loading = [
        load(context, CONTACT, key) if key else None
        for key in (done if isinstance(done, UUID) else key for done, key in zip(results, keys, strict=False))
    ]
    return ContactsPayload(
        results=[
            ContactPayload(
                contact=await one if one else None, user_errors=row_errors(done, "contacts", str(n))
            )
            for n, (one, done) in enumerate(zip(loading, results, strict=True))
        ],
        user_errors=outcome.errors,
    )


def _only(results: Sequence[UUID | Refused]) -> UUID:
    [done] = results
    if isinstance(done, Refused):
        raise done
    return done


@strawberry.type
class ContactMutations:
    @mutation(
        Scope.WRITE,
        "Creates a practice contact. It is not sent to Xero by itself: see pushToXero.",
    )
    async def create_contact(
        self, info: Info[Context, None], input: CreateContactInput
    ) -> ContactPayload | None:
        async def change(tx: Tx) -> UUID:
            return _only(await _create(tx, [input]))

        outcome = await write(info.context, change)
        return await _payload(info.context, outcome.done, outcome.errors)

    @mutation(
        Scope.WRITE,
        "Creates many practice contacts, for example from a file.",
    )
    async def create_contacts(
        self, info: Info[Context, None], input: CreateContactsInput
    ) -> ContactsPayload | None:
        errors = wrong_count(len(input.contacts), "contacts")
        if errors:
            return ContactsPayload(results=[], user_errors=errors)
        outcome = await write(
            info.context,
            lambda tx: _create(
                tx,
                input.contacts,
                key=given(input.idempotency_key),
                refuse_duplicates=input.refuse_duplicates,
            ),
        )
        return await _payloads(info.context, outcome, [None] * len(input.contacts))

    @mutation(
        Scope.WRITE,
        "Changes the fields that are given. Synced fields are sent to every linked Xero contact.",
    )
    async def update_contact(
        self, info: Info[Context, None], input: UpdateContactInput
    ) -> ContactPayload | None:
        async def change(tx: Tx) -> UUID:
            return _only(await _update(tx, [input]))

        outcome = await write(info.context, change)
        return await _payload(info.context, ids.find("Contact", input.contact_id), outcome.errors)

    @mutation(
        Scope.WRITE,
        "Changes many contacts, for example after a review of persons and organisations.",
    )
    async def update_contacts(
        self, info: Info[Context, None], input: UpdateContactsInput
    ) -> ContactsPayload | None:
        errors = wrong_count(len(input.contacts), "contacts")
        if errors:
            return ContactsPayload(results=[], user_errors=errors)
        outcome = await write(info.context, lambda tx: _update(tx, input.contacts))
        keys = [ids.find("Contact", one.contact_id) for one in input.contacts]
        return await _payloads(info.context, outcome, keys)

    @mutation(
        Scope.WRITE,
        "Deletes a contact with its links. Refused (IN_USE) if the contact has invoices: archive it instead.",
    )
    async def delete_contact(
        self, info: Info[Context, None], input: DeleteContactInput
    ) -> DeleteContactPayload | None:
        async def delete(tx: Tx, row: DeleteContactInput) -> Deleted:
            return await delete_action.delete(
                tx,
                ids.get("Contact", row.contact_id, "contactId"),
                version=given(row.version),
                archive_in_xero=row.archive_in_xero,
                reimport=row.reimport,
            )

        results, errors = await act(info.context, [input], delete, contacts=[input.contact_id])
        done = results[0] if results and isinstance(results[0], Deleted) else None
        return DeleteContactPayload(
            deleted_id=ids.encode("Contact", done.contact_id) if done else None,
            deleted_link_ids=[ids.encode("SyncLink", key) for key in done.link_ids] if done else [],
            user_errors=errors or row_errors(results[0] if results else None),
        )
