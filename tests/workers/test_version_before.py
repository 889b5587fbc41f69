"""Rolling upgrade: the version before runs on while this version migrates the database and starts too.

The version before is the newest tag, or the commit before the newest revision of the database. TANDEM_BEFORE names another
commit. The version before runs with the packages that are installed now. Without the history of git the test is skipped.
"""

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.root import schema
from runtime.embedded import services as embedded_services
from runtime.migrations import head, migrate
from runtime.seal import KeyRing
from tests.api.edge import bearer, make_process, serving
from tests.clients import web_client
from tests.database import Server, empty_database
from tests.patience import patience
from tests.promises.processes import environment
from tests.workers.connected import KEY, settings_for, until
from tests.xero.simulator.serving import consent
from tests.xero.simulator.serving import serving as serving_xero
from xero.simulator.demo import demo_world

ROOT = Path(__file__).resolve().parents[2]
CONTACTS = 12
CREATE = (
    "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { code } } }"
)
UPDATE = (
    "mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { id } userErrors { code } } }"
)
LINKS = "{ syncLinks { totalCount edges { node { state contact { id } xeroContact { xeroContactId } } } } }"
FOLLOW = "subscription { syncStatus { __typename } }"
START = "mutation($i: StartContactSyncInput!) { startContactSync(input: $i) { organisation { id } userErrors { code } } }"


def git(*arguments: str) -> bytes | None:
    """The output of git; None where there is no git, no history, or nothing of that name."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def find_before() -> str | None:
    """The commit of the version before; None where the history does not reach it."""
    named = os.environ.get("TANDEM_BEFORE")
    if named:
        return named
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")
    if tag:
        return tag.decode()
    added = f'-Srevision = "{head()}"'
    newest = git("log", "-1", "--diff-filter=A", "--format=%H", added, "--", "migrations/versions")
    before = git("rev-parse", "--verify", "--quiet", f"{newest.decode()}^") if newest else None
    return before.decode() if before else None


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the version before."""
    commit = find_before()
    packed = git("archive", "--format=tar", commit) if commit else None
    if packed is None:
        pytest.skip("the history of git does not reach the version before this one")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Old:
    """Commands of the version before."""

    def __init__(self, folder: Path, given: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, {**given, "PYTHONPATH": str(folder)}

    async def start(self, *words: str, **more: Any) -> asyncio.subprocess.Process:
        command = (sys.executable, "-m", "runtime", *words)
        return await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=self.environment, stderr=asyncio.subprocess.DEVNULL, **more
        )

    async def run(self, *words: str) -> str:
        process = await self.start(*words, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        assert process.returncode == 0, words
        return out.decode()

    @asynccontextmanager
    async def running(self, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Ends the process by SIGTERM, after which the process ends by itself and without an error."""
        process = await self.start(*words)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            async with patience(60):
                assert await process.wait() == 0, words
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def ask(http: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    answer = (await http.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    for payload in answer["data"].values():
        assert payload.get("userErrors", []) == [], answer
    return answer["data"]


async def connect(api: httpx.AsyncClient, xero: httpx.AsyncClient) -> tuple[str, str]:
    """Connects the simulated organisation through the API; gives its id and Xero's."""
    begun = await ask(api, "mutation { connectXero(input: {}) { authorizationUrl userErrors { code } } }")
    wanted = dict(httpx.URL(begun["connectXero"]["authorizationUrl"]).params)
    back = await consent(xero, **wanted)
    answer = await api.get("/oauth/callback", params=back)
    assert answer.status_code < 400, answer.text
    found = await ask(api, "{ workspace { xeroOrganisations { id tenantId } } }")
    [organisation] = found["workspace"]["xeroOrganisations"]
    return organisation["id"], organisation["tenantId"]


async def next_event(lines: AsyncIterator[str]) -> dict[str, Any]:
    async with patience(60):
        async for line in lines:
            if line.startswith("data: {"):
                found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return found
    raise AssertionError("the stream has ended")


@pytest.mark.long  # `make upgrade` runs it: 20 s of CPU, as four processes of the version before start
@pytest.mark.timeout(600)
async def test_the_version_before_reads_writes_and_sends_at_the_new_revision(
    before: Path, server: Server, services: embedded_services.Services
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with (
        empty_database(server) as place,
        serving_xero(demo_world(CONTACTS, seed=7)) as simulator,
        web_client(base_url=simulator) as xero,
        web_client(base_url=f"http://127.0.0.1:{port}") as api,
    ):
        settings = settings_for(place, services, simulator)
        given = environment(settings) | {
            "DATABASE_ADMIN_URL": place.admin_url,
            "PORT": str(port),
            "XERO_AUTHORIZE_URL": settings.xero_authorize_url,
            "XERO_REDIRECT_URI": settings.xero_redirect_uri,
        }
        old = Old(before, given)
        migrated = await old.run("migrate")
        revision = head()
        assert revision is not None
        printed = await old.run("workspace", "create", "Firm", "--currency", "NZD")
        api.headers.update(bearer(next(word for word in printed.split() if word.startswith("tdm_"))))

        async def is_ready() -> bool:
            try:
                return (await api.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        async def sent(xero_contact: str, email: str) -> None:
            """Waits until Xero has the email."""

            async def arrived() -> bool:
                answer = await xero.post(
                    f"/simulator/organisations/{tenant}/contacts/{xero_contact.lower()}", json={"fields": {}}
                )
                held: str = answer.json().get("EmailAddress")
                return held == email

            await until(arrived)

        async with old.running("serve"), old.running("worker"):
            await until(is_ready)
            organisation, tenant = await connect(api, xero)
            types = (await ask(api, "{ workspace { contactTypes { id } } }"))["workspace"]["contactTypes"]
            chosen = {"contactFilter": "ALL", "defaultContactTypeId": types[0]["id"]}
            await ask(api, START, i={"organisationId": organisation, **chosen})

            async def linked() -> bool:
                found = await ask(api, LINKS)
                return len(found["syncLinks"]["edges"]) >= 3

            await until(linked)
            links = [edge["node"] for edge in (await ask(api, LINKS))["syncLinks"]["edges"]]
            stream = api.stream(
                "POST", "/graphql", json={"query": FOLLOW}, headers={"accept": "text/event-stream"}
            )
            async with stream as events:
                assert events.status_code == 200
                assert await migrate(place.admin_url, server.app_role) == revision
                ready = (await api.get("/readyz")).json()
                assert ready["ready"] is True, ready
                assert revision not in migrated or os.environ.get("TANDEM_BEFORE") is not None

                # The API and the worker of the version before, at the new revision.
                await ask(api, CREATE, i={"kind": "ORGANISATION", "name": "Made by the version before"})
                assert "errors" not in await next_event(events.aiter_lines())
                await ask(
                    api, UPDATE, i={"contactId": links[0]["contact"]["id"], "billingEmail": "old@example.com"}
                )
                await sent(links[0]["xeroContact"]["xeroContactId"], "old@example.com")

            # The new API runs together with the worker of the version before.
            async with (
                make_process(place, services) as made,
                serving(replace(made, keys=KeyRing.parse([KEY])), schema=schema) as address,
                web_client(base_url=f"http://{address}", headers=api.headers) as new,
            ):
                assert (await new.get("/readyz")).status_code == 200
                search = '{ contacts(filter: {search: "Made by the version before"}) { totalCount } }'
                assert (await ask(new, search))["contacts"]["totalCount"] == 1
                await ask(
                    new, UPDATE, i={"contactId": links[1]["contact"]["id"], "billingEmail": "new@example.com"}
                )
                await sent(links[1]["xeroContact"]["xeroContactId"], "new@example.com")
                seen = await ask(
                    api, 'query { contacts(filter: {search: "new@example.com"}) { totalCount } }'
                )
                assert seen["contacts"]["totalCount"] == 1
