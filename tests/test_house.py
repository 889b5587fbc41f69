"""Rules of the code that no linter knows, checked by reading the source."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from runtime.migrations import config
from tests.order import BEGIN_FIRST

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("api", "domain", "runtime", "workers", "xero")
TEST_PACKAGES = ("tests", "bench")

# Each name, and the modules that may use it, with the reason.
ONLY_IN = {
    "create_async_engine": {"runtime/database.py": "create_engine, which hides the values of statements"},
    "os.environ": {"runtime/settings.py": "the one reader of the environment"},
    "os.getenv": {},
    "datetime.now": {
        "runtime/clock.py": "the one clock",
        "xero/simulator": "its default clock stands for Xero's",
    },
    "datetime.utcnow": {},
    "datetime.today": {},
    "date.today": {},
    "time.time": {"xero/simulator": "its default clock stands for Xero's"},
    "time.time_ns": {},
    "secrets.token_bytes": {},
    "os.urandom": {"runtime/seal.py": "keys and nonces"},
    "secrets.token_hex": {"runtime/commands/cli.py": "the name of a key"},
}
# Tests that replace an attribute by its name, with the reason. All others pass a clock, a transport or a database.
MAY_PATCH = {
    "tests/domain/inbound/test_redelivered.py": "imports.PAGE: several pages of few contacts",
    "tests/domain/matching/test_plan.py": "imports.PAGE: several pages of few contacts",
    "tests/domain/mirror/test_digests.py": "digests.MANY: digests of few contacts; the columns of a snapshot are not computed",
    "tests/workers/test_batches.py": "Client.update_contacts: Xero refuses a whole batch, which the simulator never does",
    "tests/workers/test_during_scan.py": "Client.update_contacts: Xero refuses a whole batch",
    "tests/workers/test_invoicing.py": "Client.tax_rates: a person acts between two reads of one job",
    "tests/workers/test_paging.py": "Client.invoices_page, Client.contacts_page: several pages of few rows, which change between two pages",
    "tests/xero/simulator/test_sdk.py": "the SDK has no setting for the address of its tokens",
}
LONGEST, LONGEST_TEST = 450, 700  # lines of a module
MOST_MODULES = 25  # of a folder
MAY_BE_FULL = {
    "workers": "one file for each kind of job",
    "xero/simulator": "a Xero of its own, which the product does not import",
    "tests/workers": "as workers",
    "tests/xero/simulator": "as xero/simulator",
}
MOST_LAYERS = 11  # of domain, one above another
MAY_BE_LONGER: dict[str, tuple[int, str]] = {}
TRANSACTION = {"begin", "begin_nested", "commit", "rollback"}
MAY_TRANSACT = {
    "runtime/database.py": "the only place for begin, commit and rollback of the product's transactions",
    "runtime/migrations.py": "migrations run as the owner, outside any workspace",
}
# The other commands start without the second that building the schema takes. A name in a string would hide the import.
MAY_IMPORT_LATE = {
    "runtime/commands/cli.py": "api",
    "runtime/commands/practices.py": "api",
    "runtime/tracing.py": "runtime",  # runtime.otel, whose libraries cost time and memory
}
SAVEPOINTS = {"begin_nested": "domain"}  # a savepoint within the open transaction: how a constraint is asked


@cache
def trees(packages: tuple[str, ...] = PACKAGES) -> dict[str, ast.Module]:
    """Each module of the packages, by its path. Parsed in the first test that asks: collecting the tests parses nothing."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text())
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def attributes() -> Iterator[tuple[str, int, str]]:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                yield path, node.lineno, dotted(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield path, node.lineno, node.func.id


def uses(name: str) -> list[str]:
    return [
        f"{path}:{line}" for path, line, text in attributes() if text == name or text.endswith(f".{name}")
    ]


@pytest.mark.parametrize("name", ONLY_IN)
def test_clock_environment_and_randomness_are_each_read_by_one_module(name: str) -> None:
    allowed = tuple(ONLY_IN[name])
    assert [use for use in uses(name) if not use.startswith(allowed or "nowhere")] == []


def test_only_the_database_begins_and_ends_transactions() -> None:
    broken = [
        f"{path}:{node.lineno} {node.func.attr}"
        for path, tree in trees().items()
        if path not in MAY_TRANSACT
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in TRANSACTION
        if not path.startswith(SAVEPOINTS.get(node.func.attr, "nowhere"))
    ]
    assert broken == []


def test_nothing_is_imported_inside_a_function() -> None:
    broken = [
        f"{path}:{inner.lineno}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
        if not (isinstance(inner, ast.ImportFrom) and inner.module)
        or inner.module.partition(".")[0] != MAY_IMPORT_LATE.get(path)
    ]
    assert broken == []


def test_no_module_is_imported_by_a_name_in_a_string() -> None:
    assert [use for name in ("resolve_name", "import_module", "__import__") for use in uses(name)] == []


def test_no_module_is_longer_than_450_lines() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in trees()}
    allowed = {path: MAY_BE_LONGER.get(path, (LONGEST, ""))[0] for path in lines}
    assert {path: n for path, n in lines.items() if n > allowed[path]} == {}
    assert {path for path in MAY_BE_LONGER if lines.get(path, 0) <= LONGEST} == set(), (
        "needs no exception any more"
    )


def test_no_test_module_is_longer_than_700_lines() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in trees(TEST_PACKAGES)}
    assert {path: n for path, n in lines.items() if n > LONGEST_TEST} == {}


def test_the_longest_test_modules_exist() -> None:
    assert [path for path in BEGIN_FIRST if not (ROOT / path).is_file()] == []


def test_no_folder_has_more_than_25_modules() -> None:
    modules = trees() | trees(TEST_PACKAGES)
    folders = Counter(str(Path(path).parent) for path in modules if not path.endswith("__init__.py"))
    assert {path: n for path, n in folders.items() if n > MOST_MODULES and path not in MAY_BE_FULL} == {}


def test_the_database_has_one_newest_revision() -> None:
    """Two branches of the code that each add a revision leave two: set `down_revision` of the later one."""
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


def test_domain_has_at_most_eleven_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one.get("containers") == ["domain"]]
    assert len(layers) <= MOST_LAYERS


def test_no_test_and_no_bench_imports_a_test() -> None:
    """Code that two tests share is in a helper module."""
    imported = [
        f"{path}:{node.lineno} {node.module}"
        for path, tree in trees(TEST_PACKAGES).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and re.search(r"(^|\.)test_", node.module or "")
    ]
    assert imported == []


def test_a_test_patches_a_name_only_for_a_listed_reason() -> None:
    patched = {
        path
        for path, tree in trees(TEST_PACKAGES).items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr == "setattr")
        or (isinstance(node, ast.ImportFrom) and node.module == "unittest.mock")
    }
    assert patched == set(MAY_PATCH)


def test_no_tracked_file_names_a_package_registry() -> None:
    hosts = re.compile(
        rb"(pypi|npmjs|pythonhosted|files\.pythonhosted|registry\.npmjs)\.(org|com)|deb\.debian\.org"
    )
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(paths) > 10
    assert [str(path) for path in paths if path.is_file() and hosts.search(path.read_bytes())] == []
