"""How far the workers are behind: the measure counts what door.due_jobs would hand to them, and nothing else."""

from datetime import datetime, timedelta

import pytest

from tests.database import rows_of
from tests.domain.linked import change, claim, linked
from tests.domain.world import World


async def measured(world: World) -> dict[str, datetime | None]:
    async with world.tx() as tx:
        rows = await rows_of(tx, "select * from door.due_since(:now)")
    return {row["kind"]: row["since"] for row in rows}


async def handed(world: World) -> dict[str, datetime]:
    async with world.tx() as tx:
        rows = await rows_of(tx, "select kind, since from door.due_jobs(:now, :now, '{}', 100)")
    return {row["kind"]: row["since"] for row in rows}


@pytest.mark.parametrize("held", ["nothing", "a write in flight", "a re-read", "a mass change", "a pause"])
async def test_work_that_no_worker_may_do_now_is_not_counted(world: World, held: str) -> None:
    contact, _ = await linked(world)
    await change(world, contact, name="Ours")
    [link] = await world.rows("select due_at from sync_link")
    async with world.tx() as tx:
        if held == "a re-read":
            await tx.run("update sync_link set read_owed_at = :now")
            await tx.run(
                "update organisation set read_asked_at = cast(:now as timestamptz) - interval '1 minute'"
            )
        elif held == "a mass change":
            await tx.run("update organisation set mass_change = '{}'")
        elif held == "a pause":
            await tx.run("update sync_link set next_attempt_at = :later", later=tx.now + timedelta(minutes=1))
    if held == "a write in flight":
        assert await claim(world) is not None
    due = await measured(world)
    assert set(due) == {"send", "webhook", "import", "delivery"}
    assert due["send"] == (await handed(world)).get("send_contacts")
    assert due["send"] == (link["due_at"] if held == "nothing" else None)
