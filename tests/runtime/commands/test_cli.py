import base64
import os
import socket
import subprocess
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

import workers.process
from api.auth.tokens import Tokens
from api.relay import ids
from domain.connection import organisations
from domain.connection.organisations import Tenant
from domain.contacts import creation as contact_creation
from domain.contacts import edits as contact_edits
from domain.practice import workspaces
from domain.tables import SyncedField
from domain.tx import TANDEM
from runtime.commands import doctor as doctor_command
from runtime.commands.cli import app
from runtime.database import connect
from runtime.embedded.services import Services
from runtime.settings import Settings, load
from tests.database import Place, close_pools
from tests.workers.connected import until

ROOT = Path(__file__).resolve().parents[3]


def tandem(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    command = [str(ROOT / ".venv/bin/python"), "-m", "runtime", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["migrate", "doctor"])
def test_commands_name_the_command_that_starts_the_embedded_services(command: str, tmp_path: Path) -> None:
    done = tandem(command, TANDEM_DATA=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "tandem demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named_without_a_traceback() -> None:
    done = tandem("migrate", DATABASE_URL="mysql://u:hush@h/x")
    assert (done.returncode, done.stderr) == (1, "DATABASE_URL: must begin with postgresql://\n")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (
            {"DATABASE_URL": "postgresql://nobody@localhost:1/x", "REDIS_URL": "redis://localhost:1"},
            ["TANDEM_KEYS"],
        ),
        (
            {"DATABASE_URL": "mysql://u:hush@h/x", "REDIS_URL": "redis://localhost:1", "XERO_CLIENT_ID": "x"},
            ["DATABASE_URL", "XERO_CLIENT_SECRET", "TANDEM_KEYS"],
        ),
        ({"REDIS_URL": "redis://localhost:1", "PORT": "x"}, ["PORT", "DATABASE_URL", "TANDEM_KEYS"]),
    ],
)
def test_doctor_names_every_wrong_setting_and_checks_the_others(
    values: dict[str, str], names: list[str]
) -> None:
    done = tandem("doctor", **values, XERO_API_URL="http://localhost:1", XERO_IDENTITY_URL="http://localhost:1",
                  XERO_AUTHORIZE_URL="http://localhost:1")  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    told = [line.split() for line in done.stdout.splitlines()]
    assert [words[2] for words in told if words[1] == "Setting"] == [f"{name}:" for name in names]
    assert {"PostgreSQL", "Redis", "Server", "Xero"} <= {words[1] for words in told}
    assert "hush" not in done.stdout


def test_a_new_key_is_accepted_by_the_settings(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["key"]).stdout.strip()
    assert load(tandem_keys=made, tandem_data=str(tmp_path)).tandem_keys[0].get_secret_value() == made


async def test_doctor_finds_both_servers(services: Services) -> None:
    found = {each.subject: each for each in await doctor_command.examine(load().joined(services))}
    assert (found["PostgreSQL"].ok, found["Role"].ok, found["Redis"].ok) == (True, True, True)
    assert not [each for each in found.values() if services.key in each.says]


async def test_doctor_refuses_an_owner_or_superuser(services: Services) -> None:
    settings = load().joined(services).model_copy(update={"database_url": services.database("postgres")})
    found = {each.subject: each for each in await doctor_command.examine(settings)}
    assert found["Role"].ok is False


async def test_doctor_names_servers_that_do_not_answer_without_passwords(
    tmp_path: Path, services: Services
) -> None:
    nowhere = f"postgresql+asyncpg://app:hush@/tandem?host={tmp_path}"
    settings = (
        load()
        .joined(services)
        .model_copy(update={"database_url": nowhere, "redis_url": f"unix://{tmp_path}/none"})
    )
    found = {each.subject: each for each in await doctor_command.examine(settings)}
    assert (found["PostgreSQL"].ok, found["Redis"].ok) == (False, False)
    assert not [each for each in found.values() if "hush" in each.says]


async def test_doctor_says_whether_a_worker_is_connected(clean: Place, services: Services) -> None:
    settings = load().joined(services).model_copy(update={"database_url": clean.app_url})

    async def worker() -> doctor_command.Finding:
        [found] = [each for each in await doctor_command.examine(settings) if each.subject == "Worker"]
        return found

    async def none_is_connected() -> bool:
        return (await worker()).ok is None

    await close_pools(clean)
    await until(none_is_connected)  # PostgreSQL needs a moment to end a connection
    assert "start `tandem worker`" in (await worker()).says
    async with workers.process.opened(settings):
        assert await worker() == doctor_command.Finding("Worker", True, "workers connected: 1")


@pytest.mark.parametrize(
    ("values", "subject", "ok"),
    [
        ({"public_url": "https://Xero-sync.example"}, "Public URL", False),
        ({"xero_redirect_uri": "http://127.0.0.1:8000/oauth/callback"}, "Redirect", False),
        ({"xero_redirect_uri": "http://localhost:9/oauth/callback"}, "Redirect", None),
        ({"public_url": "http://tandem.example", "xero_webhook_keys": "one"}, "Webhooks", False),
    ],
)
async def test_doctor_reports_addresses_that_xero_does_not_accept(
    values: dict[str, str], subject: str, ok: bool | None, services: Services
) -> None:
    found = await doctor_command.examine(load(**values).joined(services))
    assert (subject, ok) in {(each.subject, each.ok) for each in found}


async def test_doctor_accepts_addresses_that_xero_accepts(services: Services) -> None:
    fine = {
        "public_url": "https://tandem.example",
        "xero_redirect_uri": "https://tandem.example/oauth/callback",
        "xero_webhook_keys": "one,two",
    }
    found = await doctor_command.examine(load(**fine).joined(services))
    assert not {"Public URL", "Redirect"} & {each.subject for each in found}
    assert [each.ok for each in found if each.subject == "Webhooks"] == [True]


def test_doctor_names_the_settings_that_it_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=8100")
    keys = "k:" + base64.b64encode(bytes(32)).decode()
    own = load(database_url="postgres://u:hush@h/x", redis_url="redis://h", tandem_keys=keys)
    assert (
        doctor_command.origin(own, demo=False).says
        == f"the settings of the environment and {tmp_path / '.env'}"
    )
    assert doctor_command.origin(load(tandem_data=str(tmp_path)), demo=True).says.startswith(
        "the settings of the demo that runs in"
    )


def test_the_committed_schema_equals_the_code() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["schema", "--check"]).exit_code == 0
    assert runner.invoke(app, ["schema"]).stdout == (ROOT / "schema.graphql").read_text()


@pytest.fixture
def set_up(clean: Place, services: Services) -> dict[str, str]:
    keys = "k:" + base64.b64encode(bytes(32)).decode()
    return {"DATABASE_URL": clean.app_url, "REDIS_URL": services.redis_url, "TANDEM_KEYS": keys}


async def test_workspaces_and_tokens_are_created_listed_and_revoked(
    clean: Place, set_up: dict[str, str]
) -> None:
    assert "There are no workspaces" in tandem("workspace", "list", **set_up).stdout
    made = tandem("workspace", "create", "Harbour Accounting", "--currency", "nzd", **set_up)
    assert made.returncode == 0, made.stderr
    _, workspace, _, admin, *_ = made.stdout.split()
    key = UUID(workspace)
    tandem("workspace", "create", "Kauri & Co", "--currency", "AUD", **set_up)
    other = tandem("token", "create", ids.encode("Workspace", key), "Reports", **set_up)
    token = other.stdout.split()[1]
    db = connect(clean.app_url)
    viewers = [await Tokens(db).find_viewer(each) for each in (admin, token)]
    assert [viewer and len(viewer.scopes) for viewer in viewers] == [3, 1]
    async with db.transaction(key, TANDEM) as tx:
        await organisations.connect(tx, Tenant(uuid4(), uuid4(), "Kererū Ltd"), uuid4())

    listed = tandem("workspace", "list", **set_up).stdout.splitlines()
    assert listed[0] == f"{workspace}  Harbour Accounting, NZD"
    assert listed[1].strip() == "Kererū Ltd, currency not read yet: HEALTHY, sync not started"
    assert listed[2].endswith("  Kauri & Co, AUD")

    first, second = tandem("token", "list", workspace, **set_up).stdout.splitlines()
    assert admin[:8] in first
    assert "ADMIN" in first
    assert "READ   Reports: created" in second
    assert token not in second
    done = tandem("token", "revoke", workspace, second.split()[0], **set_up)
    assert (done.returncode, done.stdout) == (0, "The token is revoked.\n"), done.stderr
    assert await Tokens(db).find_viewer(token) is None
    assert len(tandem("token", "list", workspace, **set_up).stdout.splitlines()) == 1
    await db.close()


async def test_a_contact_is_erased_by_ids_of_the_api(clean: Place, set_up: dict[str, str]) -> None:
    workspace = uuid4()
    db = connect(clean.app_url)
    async with db.transaction(workspace, TANDEM) as tx:
        await workspaces.create(tx, "Harbour Accounting", "NZD")
        contact = await contact_creation.create(tx, contact_edits.Given({SyncedField.NAME: "Aroha"}))
    keys = (ids.encode("Workspace", workspace), ids.encode("Contact", contact.id))
    asked = tandem("erase", *keys, **set_up)
    assert "Erase 'Aroha'?" in asked.stdout
    assert asked.returncode == 1
    done = tandem("erase", *keys, "--yes", **set_up)
    assert (done.returncode, done.stdout) == (0, "The contact is erased.\n"), done.stderr
    async with db.transaction(workspace, TANDEM) as tx:
        assert await contact_edits.find(tx, contact.id) is None
    await db.close()


def test_serve_says_that_its_port_is_taken(set_up: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = tandem("serve", PORT=str(port), **set_up)
    assert done.returncode == 3
    assert (
        done.stderr == f"port {port} is in use: stop the program that uses it, or set PORT to another port\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        ("workspace", "create", " ", "--currency", "NZD"),
        ("workspace", "create", "Firm", "--currency", "XYZ"),
        ("token", "create", "00000000-0000-0000-0000-000000000000", "Reports"),
        ("token", "create", "Harbour Accounting", "Reports"),
        ("token", "list", "00000000-0000-0000-0000-000000000000"),
        ("token", "revoke", "00000000-0000-0000-0000-000000000000", "no-id"),
        ("erase", "00000000-0000-0000-0000-000000000000", "no-id", "--yes"),
        ("erase", "00000000-0000-0000-0000-000000000000", ids.encode("Contact", UUID(int=7)), "--yes"),
    ],
)
def test_a_refused_command_prints_one_line(command: tuple[str, ...], set_up: dict[str, str]) -> None:
    done = tandem(*command, **set_up)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
