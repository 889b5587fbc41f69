"""Public suites, written by others, against the whole API on a real socket. `make conformance` installs and runs them.

Without node, or before `make conformance` has installed the suites, these tests are skipped.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.context import Process
from api.relay import ids
from api.root import schema
from domain.practice import workspaces
from domain.tables import Scope
from runtime.embedded.services import Services
from tests.api.edge import make_process, serving
from tests.api.nodes import fill
from tests.database import Place
from tests.domain.world import make_world

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODE = (HERE / "node_modules").is_dir() and shutil.which("node") is not None
FUZZER = ROOT / ".tools" / "conformance" / "bin" / "st"
SECONDS = os.environ.get(
    "TANDEM_FUZZ_SECONDS"
)  # how long schemathesis runs; else each query and mutation has FEW examples
FEW = 3

needs_node = pytest.mark.skipif(not NODE, reason="needs node: `make conformance` installs the suites")


@pytest.fixture(scope="module")
async def process(place: Place, services: Services) -> AsyncIterator[Process]:
    async with make_process(place, services) as made:
        yield made


@pytest.fixture(scope="module")
async def api(process: Process) -> AsyncIterator[str]:
    """host:port of the whole API, without GraphiQL."""
    async with serving(process, schema=schema) as address:
        yield address


@dataclass(frozen=True)
class Workspace:
    """A workspace with one object of each type of node: their ids, and an ADMIN token."""

    ids: Sequence[str]
    token: str


@pytest.fixture
async def workspace(process: Process) -> Workspace:
    world = await make_world(process.database)
    found = [ids.encode(kind, key) for kind, key in (await fill(world)).items()]
    async with world.tx() as tx:
        _, secret = await workspaces.create_token(tx, "Suites", [Scope.ADMIN], within=list(Scope))
    return Workspace(found, secret)


async def run(*command: str | Path, folder: Path = HERE, **environment: str) -> str:
    """The output of a suite that passed."""
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await started.communicate()
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
    assert started.returncode == 0, out.decode()[-6000:]
    return out.decode()


@needs_node
@pytest.mark.parametrize(
    ("suite", "least"),
    [("audits.mjs", 61), ("sockets.mjs", 29), ("streams.mjs", 8)],
    ids=lambda each: str(each),
)
async def test_a_suite_of_the_protocols_passes(
    suite: str, least: int, api: str, workspace: Workspace
) -> None:
    printed = await run("node", suite, api, workspace.token)
    assert printed.count("\nok ") + printed.startswith("ok ") >= least, printed


@needs_node
async def test_relay_compiles_documents_for_every_node_connection_and_mutation() -> None:
    assert "documents compiled" in await run("node", "relay.mjs", ROOT / "schema.graphql")


@needs_node
async def test_graphql_eslint_finds_nothing_in_the_schema() -> None:
    assert await run("node", "lint.mjs", ROOT / "schema.graphql") == "0 findings\n"


@pytest.mark.skipif(not FUZZER.exists(), reason="needs schemathesis: `make conformance` installs it")
@pytest.mark.timeout(1200)
async def test_no_request_of_schemathesis_is_answered_with_a_server_error(
    api: str, workspace: Workspace, tmp_path: Path
) -> None:
    printed = await run(
        FUZZER,
        "run",
        f"http://{api}/graphql",
        f"--header=Authorization: Bearer {workspace.token}",
        f"--max-time={SECONDS}" if SECONDS else f"--max-examples={FEW}",
        "--checks=not_a_server_error",
        "--request-timeout=60",  # seconds; a busy machine may need more than the 10 that are usual
        "--suppress-health-check=all",
        "--no-color",
        folder=tmp_path,  # it keeps a cache there
        SCHEMATHESIS_HOOKS="fuzz_scalars",
        PYTHONPATH=str(HERE),
        TANDEM_IDS=" ".join(workspace.ids),
    )
    assert re.search(r"(\d+) generated, \1 passed", printed), printed[-3000:]  # there may be warnings besides
