"""Every block of code in docs/guides is part of a file that a test runs."""

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
_BLOCK = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", sorted(GUIDES.glob("*.md")), ids=lambda path: path.stem)
def test_every_block_of_code_is_part_of_an_example(guide: Path) -> None:
    blocks = _BLOCK.findall(guide.read_text())
    assert [block for block in blocks if not any(block in example for example in EXAMPLES)] == []


def test_the_search_for_blocks_finds_them() -> None:
    assert sum(len(_BLOCK.findall(guide.read_text())) for guide in GUIDES.glob("*.md")) > 15
