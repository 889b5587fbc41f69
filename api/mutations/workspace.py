"""Mutations of the workspace: its settings, contact types and API tokens."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.declared import mutation
from api.mutations.payloads import Outcome, Payload, given, nothing_to_change, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.refs import API_TOKEN, CONTACT_TYPE
from api.schema.viewer import ApiToken
from api.schema.workspace import ContactType, Workspace, workspace
from domain import tables
from domain.practice import workspaces
from domain.problems import Code, refuse
from domain.tables import Scope
from domain.tx import Tx


@strawberry.type(description="The answer to updateWorkspace: the workspace with its new settings.")
class WorkspacePayload(Payload):
    workspace: Workspace | None = strawberry.field(
        description="The workspace after the mutation; unchanged if the mutation was refused."
    )


@strawberry.type(description="The answer to a mutation of a contact type.")
class ContactTypePayload(Payload):
    contact_type: ContactType | None = strawberry.field(
        description="The contact type after the mutation. Null if it could not be created, or if the id is"
        " unknown."
    )
    workspace: Workspace | None = strawberry.field(
        description="The workspace, so that a client can refresh its list of contact types."
    )


@strawberry.type(description="The answer to createApiToken. No other answer ever contains the secret.")
class CreateApiTokenPayload(Payload):
    token: str | None = strawberry.field(
        description="The secret, to be sent as `Authorization: Bearer …`. Keep it now: Tandem stores only a"
        " hash and cannot show it again. Null if the mutation was refused."
    )
    api_token: ApiToken | None = strawberry.field(
        description="The new token without its secret, as lists show it. Null if the mutation was refused."
    )
    workspace: Workspace | None = strawberry.field(
        description="The workspace, so that a client can refresh its list of API tokens."
    )


@strawberry.type(description="The answer to revokeApiToken, with what caches need to remove the token.")
class RevokeApiTokenPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of the revoked token, for removal from caches. Null if the mutation was refused."
    )
    workspace: Workspace | None = strawberry.field(
        description="The workspace, so that a client can refresh its list of API tokens."
    )


@strawberry.input(
    description="New values for the workspace's own settings. A field that is left out stays as it is."
)
class UpdateWorkspaceInput:
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="The practice's name, at most 255 characters."
    )
    currency: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The ISO 4217 code in which the practice bills, such as NZD. Refused (IN_USE) as soon"
        " as an invoice exists.",
    )


@strawberry.input(description="The name of a new contact type or service type.")
class NameInput:
    name: str = strawberry.field(
        description="At most 255 characters. Refused (TAKEN) if another one that is not archived has the"
        " same name."
    )


@strawberry.input(description="New values for a contact type. A field that is left out stays as it is.")
class UpdateContactTypeInput:
    contact_type_id: strawberry.ID = strawberry.field(
        description="The id of the contact type that gets the new values."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The new name, at most 255 characters. Refused (TAKEN) if another type that is not"
        " archived has it.",
    )
    archived: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True takes the type out of use; contacts that have it keep it. False brings it back.",
    )


@strawberry.input(description="The purpose and the scope of a new API token.")
class CreateApiTokenInput:
    name: str = strawberry.field(
        description="The purpose of the token, such as the tool that will use it. At most 255 characters."
    )
    scopes: list[Scope] = strawberry.field(
        description="At least one scope. None may be wider than the caller's own (SCOPE_TOO_WIDE). Each"
        " scope includes the narrower ones."
    )
    expires_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="A future time from which on the token is refused. Left out: it does not expire.",
    )


@strawberry.input(description="Which API token should stop working at once.")
class RevokeApiTokenInput:
    api_token_id: strawberry.ID = strawberry.field(
        description="The id of the token that should stop working, from `Workspace.apiTokens`."
    )


async def _typed(context: Context, outcome: Outcome[UUID], key: UUID | None) -> ContactTypePayload:
    found = outcome.done or key
    return ContactTypePayload(
        contact_type=await load(context, CONTACT_TYPE, found) if found else None,
        workspace=await workspace(context),
        user_errors=outcome.errors,
    )


@strawberry.type
class WorkspaceMutations:
    @mutation(
        Scope.ADMIN,
        "Changes the practice's name or currency. The currency can be changed only while no invoice exists.",
    )
    async def update_workspace(
        self, info: Info[Context, None], input: UpdateWorkspaceInput
    ) -> WorkspacePayload | None:
        async def change(tx: Tx) -> None:
            name, currency = given(input.name), given(input.currency)
            if name is None and currency is None:
                raise refuse(Code.REQUIRED, "There is nothing to change. Give `name` or `currency`.")
            await workspaces.update(tx, name=name, currency=currency)

        outcome = await write(info.context, change)
        return WorkspacePayload(workspace=await workspace(info.context), user_errors=outcome.errors)

    @mutation(
        Scope.ADMIN,
        "Adds a contact type, which contacts can then be given.",
    )
    async def create_contact_type(
        self, info: Info[Context, None], input: NameInput
    ) -> ContactTypePayload | None:
        async def change(tx: Tx) -> UUID:
            return (await workspaces.create_contact_type(tx, input.name)).id

        return await _typed(info.context, await write(info.context, change), None)

    @mutation(
        Scope.ADMIN,
        "Renames a contact type, takes it out of use or brings it back. Refused (IN_USE) for a type that"
        " new contacts from Xero get.",
    )
    async def update_contact_type(
        self, info: Info[Context, None], input: UpdateContactTypeInput
    ) -> ContactTypePayload | None:
        key: UUID | None = None

        async def change(tx: Tx) -> UUID:
            nonlocal key
            key = ids.get("ContactType", input.contact_type_id, "contactTypeId")
            name, archived = given(input.name), given(input.archived)
            changed = await workspaces.update_contact_type(tx, key, name=name, archived=archived)
            if name is None and archived is None:
                raise nothing_to_change("contactTypeId")
            return changed.id

        return await _typed(info.context, await write(info.context, change), key)

    @mutation(
        Scope.ADMIN,
        "Makes an API token for a tool or script. No scope may be wider than the caller's own"
        " (SCOPE_TOO_WIDE).",
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
            api_token=await load(context, API_TOKEN, outcome.done[0].id) if outcome.done else None,
            workspace=await workspace(context),
            user_errors=outcome.errors,
        )

    @mutation(
        Scope.ADMIN,
        "Ends an API token at once, also for subscriptions that are open. The last token with the scope ADMIN is refused"
        " (IN_USE).",
    )
    async def revoke_api_token(
        self, info: Info[Context, None], input: RevokeApiTokenInput
    ) -> RevokeApiTokenPayload | None:
        async def change(tx: Tx) -> strawberry.ID:
            key = ids.get("ApiToken", input.api_token_id, "apiTokenId")
            await workspaces.revoke_token(tx, key)
            return ids.encode("ApiToken", key)

        outcome = await write(info.context, change)
        return RevokeApiTokenPayload(
            deleted_id=outcome.done, workspace=await workspace(info.context), user_errors=outcome.errors
        )
