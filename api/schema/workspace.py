"""The workspace, its contact types, and what can be set in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations.payloads import Outcome, Payload, given, write
from api.relay import ids
from api.relay.loaders import batch, by_id, load
from api.relay.node import Node
from api.relay.paging import First, Last, asked
from api.schema import billing, viewer
from api.schema.billing import ServiceType, TaxRate
from api.schema.refs import XeroOrganisationRef
from api.schema.viewer import ApiToken, UserConnection
from domain import tables
from domain.practice import workspaces
from domain.tables import Scope
from domain.tx import Tx


@strawberry.type(description="A kind of contact that the practice keeps, such as Client.")
class ContactType(Node):
    name: str = strawberry.field(description="Unique among those that are not archived.")
    archived_at: datetime | None = strawberry.field(
        description="Since when it is offered no more; contacts keep it."
    )

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(id=ids.encode("ContactType", row["id"]), name=row["name"], archived_at=row["archived_at"])


@batch("ContactType", node="ContactType")
async def _contact_types(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, ContactType]:
    rows = await tx.rows(
        "select id, name, archived_at from contact_type where workspace_id = :ws and id = any(:ids)",
        ids=list(keys),
    )
    return by_id(rows, ContactType.of)


@strawberry.type(description="A practice.")
class Workspace(Node):
    name: str = strawberry.field(description="What the practice calls itself.")
    currency: str = strawberry.field(
        description="ISO 4217. Must equal the base currency of an organisation whose invoices are synced."
    )

    @strawberry.field(description="By name, archived ones too.")
    async def contact_types(self, info: Info[Context, None]) -> list[ContactType]:
        async with info.context.transaction() as tx:
            rows = await tx.rows(
                "select id, name, archived_at from contact_type where workspace_id = :ws order by name_key, id"
            )
        return [ContactType.of(row) for row in rows]

    @strawberry.field(description="By name, archived ones too.")
    async def service_types(self, info: Info[Context, None]) -> list[ServiceType]:
        return await billing.service_types(info.context)

    @strawberry.field(description="By name, archived ones too.")
    async def tax_rates(self, info: Info[Context, None]) -> list[TaxRate]:
        return await billing.tax_rates(info.context)

    @strawberry.field(description="Every organisation that was ever connected, by name.")
    async def xero_organisations(self, info: Info[Context, None]) -> list[XeroOrganisationRef]:
        async with info.context.transaction() as tx:
            rows = await tx.rows("select id from organisation where workspace_id = :ws order by name, id")
        found = [load(info.context, "XeroOrganisation", row["id"]) for row in rows]
        return [await one for one in found]

    @strawberry.field(description="Those that were not revoked, the oldest first.")
    async def api_tokens(self, info: Info[Context, None]) -> list[ApiToken]:
        return await viewer.api_tokens(info.context)

    @strawberry.field(description="Who has signed in, by name.")
    async def users(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> UserConnection:
        return await viewer.users(info.context, asked(first, after, last, before))


@batch("Workspace", node="Workspace")
async def _workspaces(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, Workspace]:
    """Row-level security shows only the viewer's own."""
    rows = await tx.rows(
        "select id, name, currency from workspace where id = :ws and id = any(:ids)", ids=list(keys)
    )
    return by_id(
        rows,
        lambda row: Workspace(
            id=ids.encode("Workspace", row["id"]), name=row["name"], currency=row["currency"]
        ),
    )


async def workspace(context: Context) -> Workspace:
    assert context.viewer is not None, "the field's scope was checked"
    found: Workspace = await load(context, "Workspace", context.viewer.workspace)
    return found


@strawberry.type(description="The workspace as it is now.")
class WorkspacePayload(Payload):
    workspace: Workspace | None = strawberry.field(description="As it stands now, also where it was refused.")


@strawberry.type(description="The contact type, and the workspace that lists it.")
class ContactTypePayload(Payload):
    contact_type: ContactType | None = strawberry.field(description="As it stands now.")
    workspace: Workspace | None = strawberry.field(description="With its list of contact types.")


@strawberry.type(description="A new token.")
class CreateApiTokenPayload(Payload):
    token: str | None = strawberry.field(description="Shown this once; only a hash of it is kept.")
    api_token: ApiToken | None = strawberry.field(description="What is known of it from now on.")
    workspace: Workspace | None = strawberry.field(description="With its list of tokens.")


@strawberry.type(description="The token that is gone, and the workspace that listed it.")
class RevokeApiTokenPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(description="Null where it was refused.")
    workspace: Workspace | None = strawberry.field(description="With its list of tokens.")


@strawberry.input(description="Settings of the workspace. An absent field stays as it is.")
class UpdateWorkspaceInput:
    name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    currency: str | None = strawberry.field(default=strawberry.UNSET, description="ISO 4217, such as NZD.")


@strawberry.input(description="A name.")
class NameInput:
    name: str = strawberry.field(description="At most 255 characters.")


@strawberry.input(description="A contact type's new name or place. An absent field stays as it is.")
class UpdateContactTypeInput:
    contact_type_id: strawberry.ID = strawberry.field(description="Which.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    archived: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: offered no more; false: offered again."
    )


@strawberry.input(description="A new token.")
class CreateApiTokenInput:
    name: str = strawberry.field(description="What it is for.")
    scopes: list[Scope] = strawberry.field(description="None wider than one's own.")
    expires_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="When it ends by itself; left out: never."
    )


@strawberry.input(description="Which token.")
class RevokeApiTokenInput:
    api_token_id: strawberry.ID = strawberry.field(description="The token's.")


async def _typed(context: Context, outcome: Outcome[UUID], key: UUID | None) -> ContactTypePayload:
    found = outcome.done or key
    return ContactTypePayload(
        contact_type=await load(context, "ContactType", found) if found else None,
        workspace=await workspace(context),
        user_errors=outcome.errors,
    )


@strawberry.type
class WorkspaceMutations:
    @strawberry.mutation(
        description="Changes name or currency; the currency only while no invoice exists. Needs ADMIN.",
        extensions=[require(Scope.ADMIN)],
    )
    async def update_workspace(
        self, info: Info[Context, None], input: UpdateWorkspaceInput
    ) -> WorkspacePayload | None:
        async def change(tx: Tx) -> None:
            await workspaces.update(tx, name=given(input.name), currency=given(input.currency))

        outcome = await write(info.context, change)
        return WorkspacePayload(workspace=await workspace(info.context), user_errors=outcome.errors)

    @strawberry.mutation(description="Adds a contact type. Needs ADMIN.", extensions=[require(Scope.ADMIN)])
    async def create_contact_type(
        self, info: Info[Context, None], input: NameInput
    ) -> ContactTypePayload | None:
        async def change(tx: Tx) -> UUID:
            return (await workspaces.create_contact_type(tx, input.name)).id

        return await _typed(info.context, await write(info.context, change), None)

    @strawberry.mutation(
        description="Renames a contact type, archives it or brings it back. One that new contacts from Xero get cannot be"
        " archived (IN_USE). Needs ADMIN.",
        extensions=[require(Scope.ADMIN)],
    )
    async def update_contact_type(
        self, info: Info[Context, None], input: UpdateContactTypeInput
    ) -> ContactTypePayload | None:
        key: UUID | None = None

        async def change(tx: Tx) -> UUID:
            nonlocal key
            key = ids.take("ContactType", input.contact_type_id, "contactTypeId")
            changed = await workspaces.update_contact_type(
                tx, key, name=given(input.name), archived=given(input.archived)
            )
            return changed.id

        return await _typed(info.context, await write(info.context, change), key)

    @strawberry.mutation(
        description="Makes a token for a tool or script; no scope wider than one's own (SCOPE_TOO_WIDE). Needs ADMIN.",
        extensions=[require(Scope.ADMIN)],
    )
    async def create_api_token(
        self, info: Info[Context, None], input: CreateApiTokenInput
    ) -> CreateApiTokenPayload | None:
        context = info.context

        async def change(tx: Tx) -> tuple[tables.ApiToken, str]:
            assert context.viewer is not None
            return await workspaces.create_token(
                tx,
                input.name,
                input.scopes,
                within=context.viewer.scopes,
                expires_at=given(input.expires_at),
            )

        outcome = await write(context, change)
        return CreateApiTokenPayload(
            token=outcome.done[1] if outcome.done else None,
            api_token=await load(context, "ApiToken", outcome.done[0].id) if outcome.done else None,
            workspace=await workspace(context),
            user_errors=outcome.errors,
        )

    @strawberry.mutation(
        description="Ends a token at once, on open sockets too. Needs ADMIN.",
        extensions=[require(Scope.ADMIN)],
    )
    async def revoke_api_token(
        self, info: Info[Context, None], input: RevokeApiTokenInput
    ) -> RevokeApiTokenPayload | None:
        async def change(tx: Tx) -> strawberry.ID:
            key = ids.take("ApiToken", input.api_token_id, "apiTokenId")
            await workspaces.revoke_token(tx, key)
            return ids.encode("ApiToken", key)

        outcome = await write(info.context, change)
        return RevokeApiTokenPayload(
            deleted_id=outcome.done, workspace=await workspace(info.context), user_errors=outcome.errors
        )
