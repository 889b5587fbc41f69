"""Dockerfile and compose.yaml name what exists, and keep Tandem from root, from writing, and from passwords that it does not need."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from runtime.commands.cli import app
from runtime.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
OURS = {name for name, service in SERVICES.items() if service["image"] == "tandem"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_every_command_of_ours_exists_with_its_options() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {"migrate", "api", "worker", "simulator"} == OURS
    for name in OURS:
        command, *options = SERVICES[name]["command"]
        known = {option for each in commands[command].params for option in each.opts}
        assert {option for option in options if option.startswith("--")} <= known


def test_every_setting_in_compose_is_one_of_tandems() -> None:
    named = {setting for name in OURS for setting in SERVICES[name]["environment"]}
    assert {one.lower() for one in named} <= set(Settings.model_fields)


@pytest.mark.parametrize("name", sorted({*OURS, "valkey"}))
def test_a_container_has_no_capabilities_and_a_read_only_file_system(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("user", "") != "0"


def test_the_image_runs_as_a_user_that_is_not_root() -> None:
    last = DOCKERFILE.split("FROM ")[-1]
    assert re.findall(r"^USER (\d+):(\d+)$", last, re.MULTILINE) == [("10001", "10001")]


def test_only_migrate_has_the_owners_password() -> None:
    having = {name for name in OURS if "ADMIN" in str(SERVICES[name]["environment"])}
    assert having == {"migrate"}
    assert {name for name in OURS if ".env" in SERVICES[name]["env_file"]} == set()


def test_ports_are_published_on_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert "9000" not in str(published)


def test_the_image_gets_the_files_that_tandem_needs_and_no_secrets() -> None:
    """.dockerignore leaves out everything that it does not name."""
    first, *let_in = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith(("#", "**"))
    ]
    assert first == "*"
    names = {line.removeprefix("!") for line in let_in}
    assert [name for name in names if not (ROOT / name).exists()] == []
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "train"}
    assert packages | {"requirements", "scripts", "pyproject.toml", "alembic.ini", "schema.graphql"} <= names
    assert names.isdisjoint({".env", "tandem.env", ".git", ".tandem", ".venv"})


def test_files_with_passwords_are_not_committed() -> None:
    for name in (".env", "tandem.env"):
        ignored = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False)
        assert ignored.returncode in (0, 128)  # 128: this is no repository
