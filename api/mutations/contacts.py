"""Mutations of contacts, one or many."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations import bulk as acts
from api.mutations.payloads import Payload, UserError, given, rows_told, too_many, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.contacts import Contact
from domain import bulk
from domain.actions import delete as delete_action
from domain.actions.delete import Deleted
from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.problems import Refused
from domain.tables import ContactKind, Scope
from domain.tx import Tx

_WRITE = "Needs WRITE."


@strawberry.input(description="A postal address.")
class AddressInput:
    lines: list[str] = strawberry.field(description="At most 4; blank ones are left out.")
    city: str | None = strawberry.field(default=strawberry.UNSET, description="Town or city.")
    region: str | None = strawberry.field(default=strawberry.UNSET, description="State, county or province.")
    postal_code: str | None = strawberry.field(default=strawberry.UNSET, description="Postal code.")
    country: str | None = strawberry.field(default=strawberry.UNSET, description="As it is to be shown.")
    attention_to: str | None = strawberry.field(default=strawberry.UNSET, description="Whom it is for.")


@strawberry.input(description="A new contact.")
class CreateContactInput:
    name: str = strawberry.field(
        description="At most 255 characters. Here as in every text what nobody sees, such as marks of direction, is left out."
    )
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    kind: ContactKind | None = strawberry.field(
        default=strawberry.UNSET, description="Classified by its names where it is left out."
    )
    contact_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="What the practice keeps it as; no archived one (WRONG_STATE)."
    )
    billing_email: str | None = strawberry.field(default=strawberry.UNSET, description="One address.")
    primary_phone: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 50 characters, a digit among them."
    )
    billing_address: AddressInput | None = strawberry.field(
        default=strawberry.UNSET, description="Where letters go."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="1 to 200 characters of one's own. The same key within 24 hours gives the first answer again.",
    )


@strawberry.input(description="New contacts.")
class CreateContactsInput:
    contacts: list[CreateContactInput] = strawberry.field(description="At most 500.")


@strawberry.input(
    description="Changes of a contact. An absent field stays as it is; null clears it. A value that the contact has already is"
    " never refused."
)
class UpdateContactInput:
    contact_id: strawberry.ID = strawberry.field(description="Which.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The one that was seen: STALE_VERSION if it has moved on. Left out: overwrite what is there.",
    )
    archived: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: out of use; false: in use again."
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    kind: ContactKind | None = strawberry.field(
        default=strawberry.UNSET, description="Chosen by a person: `classification` goes."
    )
    contact_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="What the practice keeps it as; an archived one only where it is that already.",
    )
    billing_email: str | None = strawberry.field(default=strawberry.UNSET, description="One address.")
    primary_phone: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 50 characters, a digit among them."
    )
    billing_address: AddressInput | None = strawberry.field(
        default=strawberry.UNSET, description="All of it: parts that are left out are cleared."
    )


@strawberry.input(description="Changes of many contacts.")
class UpdateContactsInput:
    contacts: list[UpdateContactInput] = strawberry.field(description="At most 500.")


@strawberry.input(description="Which contact goes, and what becomes of it in Xero.")
class DeleteContactInput:
    contact_id: strawberry.ID = strawberry.field(description="Which.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The one that was seen: STALE_VERSION if it has moved on."
    )
    archive_in_xero: bool = strawberry.field(
        default=False, description="Whether the Xero contacts of its active links are archived."
    )
    reimport: bool = strawberry.field(
        default=False, description="Whether the next look at Xero may bring it in again."
    )


@strawberry.type(description="What is gone.")
class DeleteContactPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The contact's; null where it was refused."
    )
    deleted_link_ids: list[strawberry.ID] = strawberry.field(description="Those of its links.")


@strawberry.type(description="The contact as it is now.")
class ContactPayload(Payload):
    contact: Contact | None = strawberry.field(description="As it stands now, also where it was refused.")


@strawberry.type(description="One result a contact.")
class ContactsPayload(Payload):
    results: list[ContactPayload] = strawberry.field(description="In the order of the input.")


def _values(input: CreateContactInput | UpdateContactInput) -> dict[str, Any]:
    """What was given, by the schema's names."""
    named = {
        "name": input.name,
        "firstName": input.first_name,
        "lastName": input.last_name,
        "kind": input.kind,
        "contactTypeId": input.contact_type_id,
        "billingEmail": input.billing_email,
        "primaryPhone": input.primary_phone,
        "billingAddress": input.billing_address,
    }
    values: dict[str, Any] = {name: value for name, value in named.items() if value is not strawberry.UNSET}
    if values.get("contactTypeId") is not None:
        values["contactTypeId"] = ids.take("ContactType", values["contactTypeId"], "contactTypeId")
    if values.get("billingAddress") is not None:
        values["billingAddress"] = _address(values["billingAddress"])
    return values


def _address(input: AddressInput) -> dict[str, Any]:
    parts = {
        "city": input.city,
        "region": input.region,
        "postalCode": input.postal_code,
        "country": input.country,
        "attentionTo": input.attention_to,
    }
    return {"lines": input.lines, **{name: given(value) for name, value in parts.items()}}


async def _create(tx: Tx, inputs: Sequence[CreateContactInput]) -> list[UUID | Refused]:
    async def create(input: CreateContactInput) -> UUID:
        return (await contact_edits.create(tx, _values(input), given(input.idempotency_key))).id

    return await _judged(tx, inputs, create)


async def _update(tx: Tx, inputs: Sequence[UpdateContactInput]) -> list[UUID | Refused]:
    async def update(input: UpdateContactInput) -> UUID:
        key = ids.take("Contact", input.contact_id, "contactId")
        changed = await contact_edits.change(
            tx, key, _values(input), version=given(input.version), archived=given(input.archived),
            bulk=acts.is_bulk(inputs),
        )  # fmt: skip
        return changed.id

    keys = [key for input in inputs if (key := ids.find("Contact", input.contact_id))]
    return await _judged(tx, inputs, update, keys)


async def _judged(
    tx: Tx, inputs: Sequence[Any], change: Any, lock: Sequence[UUID] = ()
) -> list[UUID | Refused]:
    """Each on its own, and then the match issues that they began or ceased to fit are judged, all at once."""
    async with issues.judging(tx) as touched:
        if lock:
            await tx.rows(
                "select id from contact where workspace_id = :ws and id = any(:ids) order by id for update",
                ids=list(lock),
            )
        results: list[UUID | Refused] = await bulk.each(tx, inputs, change)
        touched |= {done for done in results if isinstance(done, UUID)}
    return results


async def _payload(context: Context, key: UUID | None, errors: list[UserError]) -> ContactPayload:
    return ContactPayload(contact=await load(context, "Contact", key) if key else None, user_errors=errors)


async def _payloads(
    context: Context, results: Sequence[UUID | Refused], keys: Sequence[UUID | None]
) -> ContactsPayload:
    loading = [
        load(context, "Contact", key) if key else None
        for key in (done if isinstance(done, UUID) else key for done, key in zip(results, keys, strict=True))
    ]
    return ContactsPayload(
        results=[
            ContactPayload(
                contact=await one if one else None, user_errors=rows_told(done, "contacts", str(n))
            )
            for n, (one, done) in enumerate(zip(loading, results, strict=True))
        ],
        user_errors=[],
    )


def _only(results: Sequence[UUID | Refused]) -> UUID:
    [done] = results
    if isinstance(done, Refused):
        raise done
    return done


@strawberry.type
class ContactMutations:
    @strawberry.mutation(
        description=f"A new contact of the practice; it does not go to Xero by itself. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def create_contact(
        self, info: Info[Context, None], input: CreateContactInput
    ) -> ContactPayload | None:
        async def change(tx: Tx) -> UUID:
            return _only(await _create(tx, [input]))

        outcome = await write(info.context, change)
        return await _payload(info.context, outcome.done, outcome.errors)

    @strawberry.mutation(
        description=f"Many at once, for a file that the client has read. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def create_contacts(
        self, info: Info[Context, None], input: CreateContactsInput
    ) -> ContactsPayload | None:
        errors = too_many(len(input.contacts), "contacts")
        if errors:
            return ContactsPayload(results=[], user_errors=errors)
        outcome = await write(info.context, lambda tx: _create(tx, input.contacts))
        results = outcome.done or []
        return await _payloads(info.context, results, [None] * len(results))

    @strawberry.mutation(
        description=f"Changes the fields given; synced ones flow to Xero. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def update_contact(
        self, info: Info[Context, None], input: UpdateContactInput
    ) -> ContactPayload | None:
        async def change(tx: Tx) -> UUID:
            return _only(await _update(tx, [input]))

        outcome = await write(info.context, change)
        return await _payload(info.context, ids.find("Contact", input.contact_id), outcome.errors)

    @strawberry.mutation(
        description=f"Many at once, as for the review of persons and organisations. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def update_contacts(
        self, info: Info[Context, None], input: UpdateContactsInput
    ) -> ContactsPayload | None:
        errors = too_many(len(input.contacts), "contacts")
        if errors:
            return ContactsPayload(results=[], user_errors=errors)
        outcome = await write(info.context, lambda tx: _update(tx, input.contacts))
        keys = [ids.find("Contact", one.contact_id) for one in input.contacts]
        return await _payloads(info.context, outcome.done or [], keys)

    @strawberry.mutation(
        description=f"Gone with its links; refused (IN_USE) where it has invoices. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def delete_contact(
        self, info: Info[Context, None], input: DeleteContactInput
    ) -> DeleteContactPayload | None:
        async def delete(tx: Tx, row: DeleteContactInput) -> Deleted:
            return await delete_action.delete(
                tx,
                ids.take("Contact", row.contact_id, "contactId"),
                version=given(row.version),
                archive_in_xero=row.archive_in_xero,
                reimport=row.reimport,
            )

        results, errors = await acts.act(info.context, [input], delete, contacts=[input.contact_id])
        done = results[0] if results and isinstance(results[0], Deleted) else None
        return DeleteContactPayload(
            deleted_id=ids.encode("Contact", done.contact_id) if done else None,
            deleted_link_ids=[ids.encode("SyncLink", key) for key in done.link_ids] if done else [],
            user_errors=errors or acts.errors(results[0] if results else None),
        )
