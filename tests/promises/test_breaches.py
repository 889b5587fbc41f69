"""The list of breaches does not rot: each still applies to the code, and its tests still exist."""

import ast
import shutil
from pathlib import Path

import pytest

from tests.promises.breaches import Breach
from tests.promises.mutants import BREACHES, ROOT, put


def test_no_two_have_one_name() -> None:
    assert len({breach.name for breach in BREACHES}) == len(BREACHES)


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.name)
def test_it_applies_and_what_is_left_is_python(breach: Breach, tmp_path: Path) -> None:
    for edit in breach.edits:
        (tmp_path / edit.file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / edit.file, tmp_path / edit.file)
    assert put(tmp_path, breach), "what it replaces does not stand once in its file"
    for edit in breach.edits:
        ast.parse((tmp_path / edit.file).read_text())


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.name)
def test_its_tests_are_there(breach: Breach) -> None:
    for test in breach.tests:
        name, _, function = test.partition("::")
        tree = ast.parse((ROOT / name).read_text())
        found = {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert not function or function in found, f"{name} has no {function}"
