"""Writes a revision that brings the database to what the code says: `make migration M="add a mobile phone"`.

The code is `domain.tables` and `migrations/sql`. The database is a PostgreSQL of the script's own, made from the
revisions in a temporary folder, so that no server has to run. Exit code 1: there is no message, or the revisions fail.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations.ops import MigrationScript

from runtime.database import create_engine
from runtime.embedded import services as embedded

ROOT = Path(__file__).resolve().parent.parent


def main(message: str) -> None:
    if not message.strip():
        sys.exit('Say what the revision does: make migration M="add a mobile phone"')
    with tempfile.TemporaryDirectory(prefix="tandem-migration-") as folder:
        Path(folder).chmod(0o711)  # root runs PostgreSQL as another user, who must pass
        with embedded.services(Path(folder) / "data", durable=False) as services:
            asyncio.run(write(services.admin_url, message))


async def write(admin_url: str, message: str) -> None:
    config = Config(ROOT / "alembic.ini")
    engine = create_engine(admin_url)
    try:
        async with engine.connect() as connection:
            config.attributes["connection"] = connection.sync_connection
            await connection.run_sync(lambda _: command.upgrade(config, "head"))
            await connection.run_sync(
                lambda _: command.revision(
                    config, message, autogenerate=True, process_revision_directives=tell_empty
                )
            )
    finally:
        await engine.dispose()


def tell_empty(_: object, __: object, scripts: list[MigrationScript]) -> None:
    upgrade = scripts[0].upgrade_ops
    if upgrade is None or upgrade.is_empty():
        print("The tables and functions have not changed: the revision is empty, for statements of your own.")


if __name__ == "__main__":
    main(sys.argv[1])
