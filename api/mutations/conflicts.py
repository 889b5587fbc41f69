"""Mutations of values of which only one could stay."""

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations import bulk
from api.mutations.payloads import Payload, given
from api.mutations.unsync import RematchPayload, rematch_payload
from api.relay import ids
from api.relay.loaders import load
from api.schema.activity import ActivityEvent
from api.schema.contacts import Contact
from domain.actions import conflicts
from domain.actions.conflicts import Restored
from domain.links.starting import Acted
from domain.tables import Scope, Side, SyncedField
from domain.tx import Tx


@strawberry.input(
    description="`winner`: whose values hold; `exceptFields`: the fields for which the other side's do."
)
class SettleConflictInput:
    link_id: strawberry.ID = strawberry.field(description="A link in CONFLICT.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The link's that was seen: STALE_VERSION if it has moved on."
    )
    winner: Side = strawberry.field(description="Whose values hold.")
    except_fields: list[SyncedField] = strawberry.field(
        default_factory=list, description="Fields for which the other side's values hold."
    )


@strawberry.input(description="Which value: of a `ValueChange` that is restorable.")
class RestoreValueInput:
    event_id: strawberry.ID = strawberry.field(description="The activity event's.")
    field: str = strawberry.field(description="The change's field.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The contact's that was seen: STALE_VERSION if it has moved on."
    )


@strawberry.type(
    description="The contact with the value back, and the event, whose change can no longer be restored."
)
class RestoreValuePayload(Payload):
    contact: Contact | None = strawberry.field(description="As it is now; null where it was refused.")
    event: ActivityEvent | None = strawberry.field(description="As it stands now, also where it was refused.")


@strawberry.type
class ConflictMutations:
    @strawberry.mutation(
        description="Settles a CONFLICT, field by field with `exceptFields`; what loses can be restored."
        f" {bulk.WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def settle_conflict(
        self, info: Info[Context, None], input: SettleConflictInput
    ) -> RematchPayload | None:
        async def settle(tx: Tx, row: SettleConflictInput) -> Acted:
            key = ids.take("SyncLink", row.link_id, "linkId")
            return await conflicts.settle(tx, key, row.winner, row.except_fields, given(row.version))

        results, errors = await bulk.act(info.context, [input], settle, links=[input.link_id])
        result = results[0] if results else None
        return await rematch_payload(info.context, input.link_id, result, errors or bulk.errors(result))

    @strawberry.mutation(
        description="Brings a value back that was overwritten, and sends it on; once for each change."
        f" {bulk.WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def restore_value(
        self, info: Info[Context, None], input: RestoreValueInput
    ) -> RestoreValuePayload | None:
        async def restore(tx: Tx, row: RestoreValueInput) -> Restored:
            key = ids.take("ActivityEvent", row.event_id, "eventId")
            return await conflicts.restore_value(tx, key, row.field, given(row.version))

        results, errors = await bulk.act(info.context, [input], restore)
        result = results[0] if results else None
        done = result if isinstance(result, Restored) else None
        event = ids.find("ActivityEvent", input.event_id)
        return RestoreValuePayload(
            contact=await bulk.find_contact(info.context, done.contact_ids[0] if done else None),
            event=await load(info.context, "ActivityEvent", event) if event else None,
            user_errors=errors or bulk.errors(result),
        )
