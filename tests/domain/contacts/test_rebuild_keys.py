"""Stored keys of older rules are computed again."""

from domain.contacts import rebuild_keys
from domain.names.text_keys import VERSION
from runtime.commands import doctor as doctor_command
from runtime.embedded.services import Services
from runtime.migrations import migrate
from runtime.settings import Settings, load
from tests.database import Place, Server
from tests.domain.world import World, make_world, seen

KEYS = {
    "contact": "name_key, email_key, search_key, match_name, match_keys, key_version",
    "xero_contact": "name_key, email_key, search_key, key_version",
}


async def keys(world: World) -> dict[str, list[dict[str, object]]]:
    return {
        table: await world.rows(f"select name, {columns} from {table} order by name, id")
        for table, columns in KEYS.items()
    }


async def age(world: World) -> None:
    """As if made by other rules."""
    async with world.tx() as tx:
        await tx.run(
            "update contact set key_version = 1, name_key = 'old ' || id, email_key = null, search_key = '', match_name = '',"
            " match_keys = '{}' where workspace_id = :ws"
        )
        await tx.run(
            "update xero_contact set key_version = 1, name_key = 'old ' || id, email_key = null, search_key = ''"
            " where workspace_id = :ws"
        )


async def renew(world: World) -> int:
    async with world.tx() as tx:
        return await rebuild_keys.renew(tx)


async def test_renewed_keys_equal_new_keys(world: World) -> None:
    address = {"lines": ["12 Rimu Road"], "city": "Napier", "postalCode": "4110"}
    await world.contact("Kauri Ltd", "a@x.nz", primaryPhone="06 123 4567", billingAddress=address)
    await world.contact("Rimu", None)
    await world.shown(seen("Kauri Ltd", "A@x.nz"), seen("Иван"))
    fresh = await keys(world)
    await age(world)
    assert await keys(world) != fresh
    assert await renew(world) == 4
    assert await keys(world) == fresh
    assert await renew(world) == 0


async def test_the_keys_of_every_page_are_renewed(world: World) -> None:
    for n in range(5):
        await world.contact(f"Contact {n}")
    await age(world)
    async with world.tx() as tx:
        assert await rebuild_keys.renew(tx, page=2) == 5
    assert {row["key_version"] for row in (await keys(world))["contact"]} == {VERSION}


async def test_migrate_renews_keys_in_every_workspace_and_doctor_says_when_they_are_old(
    world: World, server: Server, place: Place, services: Services
) -> None:
    other = await make_world(world.database)
    for one in (world, other):
        await one.contact("Kauri Ltd")
        await age(one)
    settings = load().joined(services).model_copy(update={"database_url": place.app_url})
    assert await migrations(settings) == doctor_command.Finding("Migrations", False, doctor_command.OLD_KEYS)
    await migrate(place.admin_url, server.app_role)
    for one in (world, other):
        assert [row["name_key"] for row in (await keys(one))["contact"]] == ["kauri ltd"]
    assert (await migrations(settings)).ok


async def migrations(settings: Settings) -> doctor_command.Finding:
    [found] = [one for one in await doctor_command.examine(settings) if one.subject == "Migrations"]
    return found


async def test_contacts_that_are_equal_only_by_the_new_keys_are_matched(world: World) -> None:
    await world.contact("Kauri Ltd", "a@x.nz")
    await world.shown(seen("Kauri Ltd", "other@x.nz"))
    await world.import_mirror()
    await world.rows("update contact set billing_email = 'other@x.nz', key_version = 1 returning 1")
    assert await world.rows("select 1 from match_issue where state = 'OPEN'")
    await renew(world)
    await world.settle()
    assert await world.rows("select origin from sync_link") == [{"origin": "FULL_MATCH"}]


async def test_a_match_issue_survives_the_renewal_of_the_keys_of_both_sides(world: World) -> None:
    await world.contact("Kauri Ltd", "a@x.nz")
    await world.shown(seen("Kauri Ltd", "other@x.nz"))
    await world.import_mirror()
    before = await world.rows("select id, version from match_issue where state = 'OPEN'")
    await age(world)
    await renew(world)
    await world.settle()
    assert await world.rows("select id, version from match_issue where state = 'OPEN'") == before
    assert len(await world.rows("select 1 from contact")) == 1
