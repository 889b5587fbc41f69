"""The JavaScript examples of docs/guides, against the whole API. `make test-guides` installs what they use."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests import make
from tests.guides.conftest import Practice

HERE = Path(__file__).resolve().parent
GUIDES = HERE.parents[1] / "docs" / "guides"
INSTALLED = (GUIDES / "node_modules").is_dir() and shutil.which("node") is not None
pytestmark = pytest.mark.skipif(not INSTALLED, reason="needs node: `make test-guides` installs the packages")


async def node(*words: str | Path, folder: Path = HERE) -> str:
    process = await asyncio.create_subprocess_exec(
        "node", *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, out.decode()[-5000:]
    return out.decode()


@pytest.fixture(scope="module")
async def compiled() -> None:
    """What relay-compiler writes of the documents in docs/guides/relay."""
    compiler = GUIDES / "node_modules" / "relay-compiler" / "cli.js"
    await node(compiler, "relay.config.json", folder=GUIDES / "relay")


@pytest.mark.parametrize("client", ["apollo", "urql", "relay"])
async def test_a_guide_pages_updates_follows_and_waits(
    client: str, practice: Practice, compiled: None
) -> None:
    await make.many_contacts(practice.world, 60)
    spent = await practice.another_token()
    await practice.spend_all(spent)
    address = practice.url.removeprefix("http://")
    assert f"{client}: done" in await node(f"{client}.mjs", address, practice.token, spent)
