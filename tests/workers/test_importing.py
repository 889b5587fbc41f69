"""An import from end to end with a real PostgreSQL, Valkey and worker, and the simulator."""

from redis.asyncio import Redis

from runtime.embedded import services as embedded_services
from tests.database import Place
from tests.workers.connected import connected, worked


async def test_an_import_ends_with_every_contact_accounted_for(
    clean: Place, services: embedded_services.Services, valkey: Redis
) -> None:
    async with connected(clean, services, 2500) as here:
        await here.world.contact("Nobody Of That Name")
        run = await worked(here)
        assert run.full_matches + run.conflicts + run.created + run.skipped == 2500
        [organisation] = await here.world.rows(
            "select base_currency, timezone, read_cursor from organisation"
        )
        assert (organisation["base_currency"], organisation["timezone"]) == ("NZD", "Pacific/Auckland")
        assert organisation["read_cursor"] is not None
        tally = (await here.simulator())["tallies"][0]  # type: ignore[index]  # JSON
        assert tally["refused"] == {}
        assert tally["calls"] <= 7  # three pages, and what the organisation, its accounts and tax rates are


async def test_without_redis_the_dispatcher_imports_in_its_own_process(
    clean: Place, services: embedded_services.Services
) -> None:
    async with connected(clean, services, 50) as here:
        away = here.process.settings.model_copy(update={"redis_url": "unix:///nowhere/valkey.sock"})
        object.__setattr__(here.process, "settings", away)
        assert (await worked(here)).finished_at is not None
