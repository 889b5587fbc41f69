"""Each breach still applies to the code, the changed code has no unknown name, and the tests that it names exist."""

import ast
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.promises.breaches import Breach
from tests.promises.edits import Stale
from tests.promises.mutants import BREACHES, ROOT, SURVIVORS

PACKAGES = ("api", "domain", "migrations", "runtime", "workers", "xero")


Applied = dict[Path, str] | Stale
"""The text of each module that a breach changes."""


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Applied]:
    """The changed code of each breach, by its name."""
    folder = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return {breach.name: _apply(folder, breach) for breach in BREACHES}


def _apply(folder: Path, breach: Breach) -> Applied:
    changed: set[Path] = set()
    try:
        for edit in breach.edits:
            changed.add(edit.apply(folder))
    except Stale as error:
        return error
    else:
        return {path.relative_to(folder): path.read_text() for path in changed}
    finally:
        for path in changed:
            shutil.copy(ROOT / path.relative_to(folder), path)


def test_no_two_breaches_have_one_name() -> None:
    assert len({breach.name for breach in BREACHES}) == len(BREACHES)


def test_each_survivor_is_a_breach() -> None:
    assert set(SURVIVORS) <= {breach.name for breach in BREACHES}


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.name)
def test_each_breach_applies_and_leaves_valid_python(breach: Breach, applied: dict[str, Applied]) -> None:
    made = applied[breach.name]
    assert not isinstance(made, Stale), f"{made} (see tests/promises/edits.py)"
    for path, text in made.items():
        ast.parse(text)
        assert text != (ROOT / path).read_text()


def test_no_breach_is_caught_only_because_it_uses_an_unknown_name(
    applied: dict[str, Applied], tmp_path: Path
) -> None:
    for number, made in enumerate(applied.values()):
        if not isinstance(made, Stale):
            for path, text in made.items():
                (tmp_path / f"{number}_{path.name}").write_text(text)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E9,F82", str(tmp_path)]
    found = subprocess.run(ruff, capture_output=True, check=False, text=True)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.name)
def test_the_tests_of_each_breach_exist(breach: Breach) -> None:
    for test in breach.tests:
        name, _, function = test.partition("::")
        assert not function or function in _functions(name), f"{name} has no {function}"


@cache
def _functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
