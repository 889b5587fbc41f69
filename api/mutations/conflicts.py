"""Mutations that settle conflicts and bring overwritten values back."""

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.bulk import act, find_contact
from api.mutations.declared import mutation
from api.mutations.payloads import Payload, given, row_errors
from api.mutations.unsync import RematchPayload, rematch_payload
from api.relay import ids
from api.relay.loaders import load
from api.schema.activity import ActivityEvent
from api.schema.contacts import Contact
from api.schema.refs import ACTIVITY_EVENT
from domain.actions import conflicts
from domain.actions.conflicts import Restored
from domain.links.starting import Acted
from domain.tables import Scope, Side, SyncedField
from domain.tx import Tx


@strawberry.input(description="Which link in CONFLICT, and which side's values hold.")
class SettleConflictInput:
    link_id: strawberry.ID = strawberry.field(description="The global id of a link whose state is CONFLICT.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the link has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )
    winner: Side = strawberry.field(description="The side whose values hold for the fields in conflict.")
    except_fields: list[SyncedField] = strawberry.field(
        default_factory=list, description="Fields for which the other side's value holds instead."
    )


@strawberry.input(description="Which overwritten value to bring back: a ValueChange that is `restorable`.")
class RestoreValueInput:
    event_id: strawberry.ID = strawberry.field(description="The `eventId` of the ValueChange to undo.")
    field: str = strawberry.field(description="The `field` of the ValueChange to undo.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the contact has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )


@strawberry.type(
    description="The answer to restoreValue: the contact, and the event that had recorded the change."
)
class RestoreValuePayload(Payload):
    contact: Contact | None = strawberry.field(
        description="The contact with the value back. Null if the mutation was refused."
    )
    event: ActivityEvent | None = strawberry.field(
        description="The activity event, in which the change is no longer `restorable`. Null if the id is"
        " unknown."
    )


@strawberry.type
class ConflictMutations:
    @mutation(
        Scope.WRITE,
        "Ends the conflict of a link: one side's values hold, except for the fields in `exceptFields`."
        " Values that lose can be restored.",
    )
    async def settle_conflict(
        self, info: Info[Context, None], input: SettleConflictInput
    ) -> RematchPayload | None:
        async def settle(tx: Tx, row: SettleConflictInput) -> Acted:
            key = ids.get("SyncLink", row.link_id, "linkId")
            return await conflicts.settle(tx, key, row.winner, row.except_fields, given(row.version))

        results, errors = await act(info.context, [input], settle, links=[input.link_id])
        result = results[0] if results else None
        return await rematch_payload(info.context, input.link_id, result, errors or row_errors(result))

    @mutation(
        Scope.WRITE,
        "Brings back a value that was overwritten, and sends it to the linked Xero contacts. Possible once"
        " for each change.",
    )
    async def restore_value(
        self, info: Info[Context, None], input: RestoreValueInput
    ) -> RestoreValuePayload | None:
        async def restore(tx: Tx, row: RestoreValueInput) -> Restored:
            key = ids.get("ActivityEvent", row.event_id, "eventId")
            return await conflicts.restore_value(tx, key, row.field, given(row.version))

        results, errors = await act(info.context, [input], restore)
        result = results[0] if results else None
        done = result if isinstance(result, Restored) else None
        event = ids.find("ActivityEvent", input.event_id)
        return RestoreValuePayload(
            contact=await find_contact(info.context, done.contact_ids[0] if done else None),
            event=await load(info.context, ACTIVITY_EVENT, event) if event else None,
            user_errors=errors or row_errors(result),
        )
