"""Documents name files that exist: a move or a renaming changes the documents too."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "node_modules" not in path.parts),
]
PACKAGES = "api|bench|console|domain|migrations|requirements|runtime|scripts|tests|train|workers|xero"
_NAMED = re.compile(rf"(?<![\w/.$])((?:{PACKAGES})/[\w/.-]*\w|docs/[\w/.-]*\w)")
_LINKED = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_in_a_document_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = {ROOT / path for path in _NAMED.findall(text)}
    linked = {document.parent / path for path in _LINKED.findall(text)}
    missing = [path for path in named | linked if not path.exists()]
    assert [str(path.relative_to(ROOT)) for path in missing] == []


def test_the_search_for_paths_finds_a_missing_one() -> None:
    assert _NAMED.findall("see `domain/roll.py`, and http://localhost/api/x") == ["domain/roll.py"]
    assert _LINKED.findall("[a](docs/A.md#b) [c](https://x.org)") == ["docs/A.md"]
