"""Mutations of Xero organisations: their connection, their contact sync, and decisions about mass changes."""

from uuid import UUID

import strawberry
from strawberry.types import Info

from api.consent import connect, custom
from api.context import Context
from api.mutations.declared import mutation
from api.mutations.payloads import Payload, UserError, attempt, given, nothing_to_change, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.organisations import XeroOrganisation
from api.schema.refs import XERO_ORGANISATION
from domain.actions import resume
from domain.connection import organisations
from domain.inbound import mass_change
from domain.matching import issues
from domain.tables import ConflictPolicy, Scope, XeroContactFilter
from domain.tx import Tx


@strawberry.input(description="Where Xero's consent should lead, and which organisation it is for.")
class ConnectXeroInput:
    return_to: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Where the browser goes at the end: a path on this server, or an address under an"
        " origin of ALLOWED_ORIGINS. Left out: Tandem shows a page of its own.",
    )
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The organisation to connect again. If the person chooses another one in Xero, the"
        " consent ends with OTHER_ORGANISATION. Left out: a new one.",
    )


@strawberry.input(
    description="The credentials of a custom connection: an app at developer.xero.com for one organisation."
)
class ConnectCustomConnectionInput:
    client_id: str = strawberry.field(description="The client id of the custom connection.")
    client_secret: str = strawberry.field(
        description="Its secret. Tandem stores it sealed, and never shows it again."
    )
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The organisation to connect again. A custom connection of another one is refused"
        " (OTHER_ORGANISATION). Left out: whichever organisation the custom connection is for.",
    )


@strawberry.input(description="Which Xero organisation the mutation is about.")
class OrganisationInput:
    organisation_id: strawberry.ID = strawberry.field(
        description="The id of the Xero organisation, from `Workspace.xeroOrganisations`."
    )


@strawberry.input(description="The settings with which the contact sync of an organisation begins.")
class StartContactSyncInput:
    organisation_id: strawberry.ID = strawberry.field(
        description="The id of the connected Xero organisation."
    )
    contact_filter: XeroContactFilter = strawberry.field(
        description="Which Xero contacts take part. `contactSyncPreview` shows the effect of each filter"
        " beforehand."
    )
    default_contact_type_id: strawberry.ID = strawberry.field(
        description="The contact type that practice contacts get when they are created from Xero. An"
        " archived one is refused (WRONG_STATE)."
    )
    conflict_policy: ConflictPolicy = strawberry.field(
        default=ConflictPolicy.LATEST_WINS, description="Which value holds if both sides changed one field."
    )
    hold_similar: bool = strawberry.field(
        default=True,
        description="Whether a Xero contact that is only very similar to a practice contact waits as a"
        " SIMILAR match issue. If false, it becomes a new practice contact.",
    )


@strawberry.input(
    description="New settings of a contact sync that has been started. A field that is left out stays as it"
    " is."
)
class UpdateContactSyncInput:
    organisation_id: strawberry.ID = strawberry.field(
        description="The id of the Xero organisation whose settings change."
    )
    contact_filter: XeroContactFilter | None = strawberry.field(
        default=strawberry.UNSET,
        description="Which Xero contacts take part from now on. A wider filter imports the contacts that it"
        " adds. A narrower one unlinks nobody, and closes the open issues of contacts that it excludes.",
    )
    default_contact_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The contact type for practice contacts that are created from Xero from now on. An"
        " archived one is refused (WRONG_STATE).",
    )
    conflict_policy: ConflictPolicy | None = strawberry.field(
        default=strawberry.UNSET,
        description="Which value holds if both sides change one field from now on. Conflicts that exist"
        " already stay.",
    )
    hold_similar: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether a Xero contact that is only very similar to a practice contact waits as a"
        " SIMILAR match issue.",
    )


@strawberry.input(description="The decision about an organisation's mass change.")
class DecideMassChangeInput:
    organisation_id: strawberry.ID = strawberry.field(description="The id of the paused Xero organisation.")
    apply: bool = strawberry.field(
        description="True applies exactly the changes that were counted. False reads all of Xero again and"
        " counts again; until then the organisation stays paused."
    )


@strawberry.type(description="The answer to connectXero: the address of Xero's consent page.")
class ConnectXeroPayload(Payload):
    authorization_url: str | None = strawberry.field(
        description="The address of Xero's consent page. Open it as a full page; it works once and for ten"
        " minutes. Null if the mutation was refused."
    )


@strawberry.type(description="The answer to a mutation of an organisation or of its settings.")
class OrganisationPayload(Payload):
    organisation: XeroOrganisation | None = strawberry.field(
        description="The organisation after the mutation; unchanged if it was refused. Null if the id is"
        " unknown."
    )


async def organisation_payload(
    context: Context, organisation_id: strawberry.ID, errors: list[UserError]
) -> OrganisationPayload:
    key = ids.find("XeroOrganisation", organisation_id)
    found = await load(context, XERO_ORGANISATION, key) if key else None
    return OrganisationPayload(organisation=found, user_errors=errors)


def _taken(organisation_id: strawberry.ID) -> UUID:
    return ids.get("XeroOrganisation", organisation_id, "organisationId")


@strawberry.type
class OrganisationMutations:
    @mutation(
        Scope.ADMIN,
        "Begins the consent by which a Xero organisation is connected, and gives the address to open in the"
        " browser. Xero returns to the callback, which connects the organisation and sends the browser on"
        " to `returnTo` with ?organisationId=… or ?error=code.",
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

    @mutation(
        Scope.ADMIN,
        "Connects an organisation through a custom connection of Xero, without a consent page. Repeat it with"
        " the new secret after the secret was changed at Xero.",
    )
    async def connect_custom_connection(
        self, info: Info[Context, None], input: ConnectCustomConnectionInput
    ) -> OrganisationPayload | None:
        async def begin() -> strawberry.ID:
            process, viewer = info.context.process, info.context.viewer
            assert viewer is not None
            wanted = given(input.organisation_id)
            connected = await custom.connect(
                process.settings,
                process.database,
                process.keys,
                process.http,
                viewer.workspace,
                viewer.actor,
                custom.Credentials.read(input.client_id, input.client_secret),
                _taken(wanted) if wanted is not None else None,
            )
            return ids.encode("XeroOrganisation", connected)

        outcome = await attempt(info.context, begin)
        if outcome.done is None:
            return OrganisationPayload(organisation=None, user_errors=outcome.errors)
        return await organisation_payload(info.context, outcome.done, outcome.errors)

    @mutation(
        Scope.ADMIN,
        "Ends the connection, at Xero too. A custom connection is only left: end it at developer.xero.com."
        " Nothing is read or sent any more; links, settings and what waits are kept for the next connection.",
    )
    async def disconnect_xero(
        self, info: Info[Context, None], input: OrganisationInput
    ) -> OrganisationPayload | None:
        async def end() -> None:
            await connect.disconnect(info.context, _taken(input.organisation_id))

        outcome = await attempt(info.context, end)
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)

    @mutation(
        Scope.ADMIN,
        "Starts the contact sync: first an import of all contacts that the filter lets in, then continuous"
        " syncing. `XeroOrganisation.importProgress` shows the progress of the import.",
    )
    async def start_contact_sync(
        self, info: Info[Context, None], input: StartContactSyncInput
    ) -> OrganisationPayload | None:
        async def start(tx: Tx) -> None:
            await organisations.start(
                tx,
                _taken(input.organisation_id),
                input.contact_filter,
                ids.get("ContactType", input.default_contact_type_id, "defaultContactTypeId"),
                input.conflict_policy,
                input.hold_similar,
            )

        outcome = await write(info.context, start)
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)

    @mutation(
        Scope.ADMIN,
        "Changes the filter, the default contact type, the conflict policy or `holdSimilar`."
        " `contactSyncPreview` shows the effect of another filter beforehand.",
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
                default_contact_type_id=ids.get("ContactType", wanted, "defaultContactTypeId")
                if wanted is not None
                else None,
                conflict_policy=given(input.conflict_policy),
                hold_similar=given(input.hold_similar),
            )
            fields = (input.contact_filter, wanted, input.conflict_policy, input.hold_similar)
            if all(given(value) is None for value in fields):
                raise nothing_to_change("organisationId")
            if given(input.contact_filter) is not None:
                await issues.evaluate_filter(tx, _taken(input.organisation_id))

        outcome = await write(info.context, update)
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)

    @mutation(
        Scope.WRITE,
        "Asks Xero now what has changed, in contacts, accounts and tax rates. It answers as soon as the"
        " reading is queued. Asked again within seconds, Tandem reads once more a little later.",
    )
    async def sync_now(
        self, info: Info[Context, None], input: OrganisationInput
    ) -> OrganisationPayload | None:
        outcome = await write(info.context, lambda tx: resume.sync_now(tx, _taken(input.organisation_id)))
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)

    @mutation(
        Scope.ADMIN,
        "Decides about `XeroOrganisation.massChange`: apply it, or read Xero again and count again.",
    )
    async def decide_mass_change(
        self, info: Info[Context, None], input: DecideMassChangeInput
    ) -> OrganisationPayload | None:
        outcome = await write(
            info.context, lambda tx: mass_change.decide(tx, _taken(input.organisation_id), apply=input.apply)
        )
        return await organisation_payload(info.context, input.organisation_id, outcome.errors)
