"""A workspace with one object of each type of node."""

from uuid import UUID

from domain.practice import workspaces
from domain.tables import Scope
from tests import make
from tests.domain.billed import set_up
from tests.domain.world import World

TABLES = {
    "ActivityEvent": "activity",
    "ApiToken": "api_token",
    "Contact": "contact",
    "ContactType": "contact_type",
    "ImportProgress": "import_run",
    "Invoice": "invoice",
    "MatchIssue": "match_issue",
    "ServiceType": "service_type",
    "SyncLink": "sync_link",
    "TaxRate": "tax_rate",
    "User": "app_user",
    "Workspace": "workspace",
    "XeroAccount": "xero_account",
    "XeroContact": "xero_contact",
    "XeroOrganisation": "organisation",
    "XeroTaxRate": "xero_tax_rate",
}


async def fill(world: World) -> dict[str, UUID]:
    """The key of one object of each type."""
    await make.imported(world, ("Linked firm", None))
    await make.conflict(world, "Open firm")
    await (await set_up(world)).draft()
    async with world.tx() as tx:
        await workspaces.create_token(tx, "Tests", [Scope.READ], within=list(Scope))
    await world.rows(
        "insert into app_user (workspace_id, id, subject, name, scopes) values (:ws, gen_random_uuid(), 's', 'Ada',"
        " '{READ}') returning id"
    )
    found = {}
    for kind, table in TABLES.items():
        column = "id" if kind == "Workspace" else "workspace_id"
        found[kind] = (await world.rows(f"select id from {table} where {column} = :ws limit 1"))[0]["id"]
    return found
