"""Every block of code in docs/guides is part of a file that a test runs."""

import json
import re
from pathlib import Path

import pytest

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
EXAMPLES = [
    path.read_text()
    for path in GUIDES.rglob("*.*")
    if path.suffix in {".mjs", ".js", ".py", ".json"}
    and not {"node_modules", "__generated__"} & set(path.parts)
]
_INSTALLED = re.compile(r"(?<=[ ])(@?[a-z/-]+)@(\d+)\b")
_IMPORTED = re.compile(r'from "(?!\.)((?:@[\w-]+/)?[\w-]+)')
_BLOCK = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", sorted(GUIDES.glob("*.md")), ids=lambda path: path.stem)
def test_every_block_of_code_is_part_of_an_example(guide: Path) -> None:
    blocks = _BLOCK.findall(guide.read_text())
    assert [block for block in blocks if not any(block in example for example in EXAMPLES)] == []


@pytest.mark.parametrize("guide", ["apollo", "urql", "relay"])
def test_a_guide_installs_the_packages_that_its_files_import(guide: str) -> None:
    """In the major versions of package.json. relay-compiler is a command."""
    installed = dict(_INSTALLED.findall((GUIDES / f"{guide}.md").read_text()))
    files = [GUIDES / "live.mjs", GUIDES / "patient-fetch.mjs", *(GUIDES / guide).glob("*.*js")]
    imported = {name for file in files for name in _IMPORTED.findall(file.read_text())}
    peers = {"graphql", "rxjs"} & installed.keys()
    assert installed.keys() - {"relay-compiler"} == imported | peers
    locked = json.loads((GUIDES / "package.json").read_text())["dependencies"]
    assert {name: locked[name].split(".")[0] for name in installed} == installed


def test_the_search_for_blocks_finds_them() -> None:
    assert sum(len(_BLOCK.findall(guide.read_text())) for guide in GUIDES.glob("*.md")) > 15
