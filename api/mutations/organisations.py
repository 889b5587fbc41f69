"""Mutations of Xero organisations: connecting, and how contacts are kept in step."""

from uuid import UUID

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.consent import connect
from api.context import Context
from api.mutations.payloads import Payload, UserError, attempt, given, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.organisations import XeroOrganisation
from domain.connection import organisations
from domain.inbound import mass_change
from domain.matching import issues
from domain.tables import ConflictPolicy, Scope, XeroContactFilter
from domain.tx import Tx

_ADMIN = "Needs ADMIN."


@strawberry.input(description="How the browser comes back.")
class ConnectXeroInput:
    return_to: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A path here, or an address under an origin that the settings allow.",
    )
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Connect this one again; another is refused (OTHER_ORGANISATION).",
    )


@strawberry.input(description="Which organisation.")
class OrganisationInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")


@strawberry.input(description="How contacts are to be kept in step.")
class StartContactSyncInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")
    contact_filter: XeroContactFilter = strawberry.field(description="Which Xero contacts take part.")
    default_contact_type_id: strawberry.ID = strawberry.field(
        description="The type that contacts made from Xero get."
    )
    conflict_policy: ConflictPolicy = strawberry.field(
        default=ConflictPolicy.LATEST_WINS, description="Who wins where both sides changed one field."
    )
    hold_similar: bool = strawberry.field(
        default=True, description="Whether what is much like somebody waits as a SIMILAR issue."
    )


@strawberry.input(
    description="How contacts are to be kept in step from now on. An absent field stays as it is."
)
class UpdateContactSyncInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")
    contact_filter: XeroContactFilter | None = strawberry.field(
        default=strawberry.UNSET,
        description="A wider one brings in what it lets in; a narrower one unlinks nobody.",
    )
    default_contact_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The type that contacts made from Xero get."
    )
    conflict_policy: ConflictPolicy | None = strawberry.field(
        default=strawberry.UNSET, description="Who wins where both sides changed one field."
    )
    hold_similar: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether what is much like somebody waits as a SIMILAR issue."
    )


@strawberry.input(description="The answer to a mass change.")
class DecideMassChangeInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")
    apply: bool = strawberry.field(description="Let it through; else Xero is read again and judged anew.")


@strawberry.type(description="Where to go.")
class ConnectXeroPayload(Payload):
    authorization_url: str | None = strawberry.field(
        description="Xero's page of consent, good for ten minutes."
    )


@strawberry.type(description="The organisation as it is now.")
class OrganisationPayload(Payload):
    organisation: XeroOrganisation | None = strawberry.field(
        description="As it stands now, also where it was refused."
    )


async def organisation_payload(
    context: Context, organisation_id: strawberry.ID, errors: list[UserError]
) -> OrganisationPayload:
    key = ids.find("XeroOrganisation", organisation_id)
    found = await load(context, "XeroOrganisation", key) if key else None
    return OrganisationPayload(organisation=found, user_errors=errors)


def _taken(organisation_id: strawberry.ID) -> UUID:
    return ids.take("XeroOrganisation", organisation_id, "organisationId")


@strawberry.type
class OrganisationMutations:
    @strawberry.mutation(
        description="Where to send the browser. Xero brings it back to the callback route, which makes the organisation"
        f" appear and goes on to `returnTo` with ?organisationId=… or ?error=code. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def connect_xero(
        self, info: Info[Context, None], input: ConnectXeroInput
    ) -> ConnectXeroPayload | None:
        async def begin() -> str:
            wanted = given(input.organisation_id)
            again = _taken(wanted) if wanted is not None else None
            return await connect.begin_consent(info.context, given(input.return_to), again)

        outcome = await attempt(info.context, begin)
        return ConnectXeroPayload(authorization_url=outcome.done, user_errors=outcome.errors)

    @strawberry.mutation(
        description=f"Ends the connection, at Xero too; links, settings and what waits are kept. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def disconnect_xero(
        self, info: Info[Context, None], input: OrganisationInput
    ) -> OrganisationPayload | None:
        async def end() -> None:
            await connect.disconnect(info.context, _taken(input.organisation_id))

        outcome = await attempt(info.context, end)
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)

    @strawberry.mutation(
        description="Starts the import and, after it, the sync; XeroOrganisation.importProgress tells how far it is."
        f" {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def start_contact_sync(
        self, info: Info[Context, None], input: StartContactSyncInput
    ) -> OrganisationPayload | None:
        async def start(tx: Tx) -> None:
            await organisations.start(
                tx,
                _taken(input.organisation_id),
                input.contact_filter,
                ids.take("ContactType", input.default_contact_type_id, "defaultContactTypeId"),
                input.conflict_policy,
                input.hold_similar,
            )

        outcome = await write(info.context, start)
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)

    @strawberry.mutation(
        description=f"Other filter, default type or policy; contactSyncPreview tells the effect first. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def update_contact_sync(
        self, info: Info[Context, None], input: UpdateContactSyncInput
    ) -> OrganisationPayload | None:
        async def update(tx: Tx) -> None:
            wanted = given(input.default_contact_type_id)
            await organisations.update_sync(
                tx,
                _taken(input.organisation_id),
                contact_filter=given(input.contact_filter),
                default_contact_type_id=ids.take("ContactType", wanted, "defaultContactTypeId")
                if wanted is not None
                else None,
                conflict_policy=given(input.conflict_policy),
                hold_similar=given(input.hold_similar),
            )
            if given(input.contact_filter) is not None:
                await issues.judge_filter(tx, _taken(input.organisation_id))

        outcome = await write(info.context, update)
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)

    @strawberry.mutation(
        description="Looks at Xero now; returns when that is queued. Needs WRITE.",
        extensions=[require(Scope.WRITE)],
    )
    async def sync_now(
        self, info: Info[Context, None], input: OrganisationInput
    ) -> OrganisationPayload | None:
        outcome = await write(
            info.context, lambda tx: organisations.sync_now(tx, _taken(input.organisation_id))
        )
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)

    @strawberry.mutation(
        description="Answers XeroOrganisation.massChange: let just that through (`apply`), or read Xero again and judge"
        f" anew. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def decide_mass_change(
        self, info: Info[Context, None], input: DecideMassChangeInput
    ) -> OrganisationPayload | None:
        outcome = await write(
            info.context, lambda tx: mass_change.decide(tx, _taken(input.organisation_id), apply=input.apply)
        )
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)
