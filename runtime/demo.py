"""`tandem demo`: the main job on embedded parts, as a user does it: through the API, and through Xero's consent.

PostgreSQL, Valkey, the simulator, the API and a worker are children of this process and end with it. What it makes
stays in the data folder, so that the next start finds it.
"""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from runtime import children, embedded
from runtime.children import StartError
from runtime.migrate import migrate
from runtime.settings import Settings
from xero.simulator.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET
from xero.simulator.practice import PracticeContact, practice_overlap
from xero.simulator.world import World

CONTACTS, PRACTICE, SEED = 1200, 800, 1
ROWS = 400  # contacts in one request; the API takes 500
FILTER = "SUPPLIERS_AND_CUSTOMERS"

CREATE = """mutation($input: CreateContactsInput!) { createContacts(input: $input) {
  results { contact { id } userErrors { message path } } userErrors { message } } }"""
CONNECT = (
    """mutation { connectXero(input: {returnTo: "/graphql"}) { authorizationUrl userErrors { message } } }"""
)
ORGANISATIONS = (
    "{ workspace { contactTypes { id name } xeroOrganisations { id name contactSync { startedAt } } } }"
)
PREVIEW = """query($id: ID!, $f: XeroContactFilter!) { xeroOrganisation(id: $id) { name importProgress { done total }
  contactSyncPreview(contactFilter: $f) { complete contactsRead contactsExpected fullMatches conflicts noMatches skipped
    expectedXeroCalls } } }"""
START = """mutation($input: StartContactSyncInput!) { startContactSync(input: $input) {
  organisation { id } userErrors { message } } }"""
PROGRESS = """query($id: ID!) { xeroOrganisation(id: $id) { health summary { linked openIssues }
  importProgress { phase done total fullMatches conflicts created skipped finished startedAt finishedAt } } }"""
QUERIES = (
    '{ contacts(first: 5, filter: {search: "trust"}) { totalCount edges { node { name kind billingEmail } } } }',
    "{ matchIssues(first: 5) { totalCount edges { node { reason xeroContact { name email }"
    " candidates { score evidence contact { name billingEmail } } } } } }",
    "{ activity(first: 5) { edges { node { at message changes { field before after } } } } }",
)


@dataclass(frozen=True)
class Running:
    """The demo's API and what it is called with."""

    api: str
    simulator: str
    token: str
    http: httpx.Client

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = self.http.post(
            f"{self.api}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        body = answer.json()
        if body.get("errors"):
            raise StartError(f"the API answered: {body['errors'][0]['message']}")
        data: dict[str, Any] = body["data"]
        for value in data.values():
            if isinstance(value, dict) and value.get("userErrors"):
                raise StartError(f"the API refused: {value['userErrors'][0]['message']}")
        return data


def demo(settings: Settings, *, once: bool, reset: bool) -> None:
    """Runs until Ctrl-C or SIGTERM; with `once`, until the import has ended."""
    if not settings.embedded or not settings.simulated:
        raise StartError(
            "DATABASE_URL, REDIS_URL and XERO_CLIENT_ID must not be set: the demo brings parts of its own"
        )
    console = Console(stderr=once, soft_wrap=True)
    data = settings.tandem_data.resolve()
    if reset:
        embedded.reset(data)
        shutil.rmtree(data / "demo", ignore_errors=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with _started(settings, data, console) as running:
            progress = _main_job(running, data, console)
            if once:
                print(json.dumps(progress))  # noqa: T201 - what --once is for
                return
            _tell(running, console)
            signal.pause()
    except KeyboardInterrupt:
        console.print("\nEnded; everything is kept for the next start.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _started(settings: Settings, data: Path, console: Console) -> Iterator[Running]:
    """Everything at once that does not need the other: each process takes a second to come up."""
    began = time.monotonic()
    _refuse_busy(settings.host, settings.port)
    with ExitStack() as stack, httpx.Client(timeout=60) as http:
        console.print("PostgreSQL, Valkey, the Xero simulator, the API and a worker …", end=" ")
        parts = stack.enter_context(embedded.services(data))
        home = data / "demo"
        home.mkdir(exist_ok=True)
        api, port = f"http://localhost:{settings.port}", _free_port()
        simulator = f"http://127.0.0.1:{port}"
        environment = _environment(settings, parts, api, simulator)
        given = {"--port": port, "--contacts": CONTACTS, "--seed": SEED, "--data": home / "xero.json",
                 "--redirect-uri": f"{api}/oauth/callback"}  # fmt: skip
        words = [str(word) for option in given.items() for word in option]
        xero = _child(stack, home, environment, "simulator", *words)
        asyncio.run(migrate(parts.admin_url, embedded.APP))
        server = _child(stack, home, environment, "serve")
        _child(stack, home, environment, "worker")
        token = _token(home, environment)
        children.wait_for(
            lambda: _answers(http, f"{simulator}/simulator/state"), xero, home / "simulator.log"
        )
        children.wait_for(lambda: _answers(http, f"{api}/readyz"), server, home / "serve.log")
        console.print(f"up in {time.monotonic() - began:.1f} s")
        yield Running(api, simulator, token, http)


def _environment(settings: Settings, parts: embedded.Services, api: str, simulator: str) -> dict[str, str]:
    return {
        **children.ENVIRONMENT,
        "DATABASE_URL": parts.app_url,
        "DATABASE_ADMIN_URL": parts.admin_url,
        "REDIS_URL": parts.redis_url,
        "TANDEM_KEYS": parts.key,
        "XERO_CLIENT_ID": DEMO_CLIENT_ID,
        "XERO_CLIENT_SECRET": DEMO_CLIENT_SECRET,
        "XERO_REDIRECT_URI": f"{api}/oauth/callback",
        "XERO_AUTHORIZE_URL": f"{simulator}/identity/connect/authorize",
        "XERO_IDENTITY_URL": simulator,
        "XERO_API_URL": simulator,
        "PUBLIC_URL": api,
        "GRAPHIQL": "on",
        "HOST": settings.host,
        "PORT": str(settings.port),
        "LOG_LEVEL": settings.log_level,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_busy(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise StartError(f"port {port} is in use; stop what uses it, or set PORT to another") from None


def _tandem(environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "runtime", *words],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StartError(f"tandem {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _child(
    stack: ExitStack, home: Path, environment: Mapping[str, str], *words: str
) -> subprocess.Popen[bytes]:
    """A command of ours, which ends with this process; its log is in the demo's folder."""
    command = [sys.executable, "-m", "runtime", *words]
    log = home / f"{words[0]}.log"
    child = children.start(
        command, children.myself(), log=log, last_signal=signal.SIGTERM, environment=environment
    )
    stack.callback(children.stop, child, signal.SIGTERM)
    return child


def _answers(http: httpx.Client, address: str) -> bool:
    try:
        return http.get(address, timeout=5).is_success
    except httpx.TransportError:
        return False


def _token(home: Path, environment: Mapping[str, str]) -> str:
    """The practice's first token; the folder is the demo's own, and the token is good for nothing else."""
    kept = home / "token"
    if not kept.exists():
        printed = _tandem(environment, "workspace", "create", "Harbour Accounting", "--currency", "NZD")
        token = next(word for word in printed.split() if word.startswith("tdm_"))
        kept.touch(mode=0o600)
        kept.write_text(token)
    return kept.read_text()


def _main_job(running: Running, data: Path, console: Console) -> dict[str, Any]:
    workspace = running.ask(ORGANISATIONS)["workspace"]
    organisations = workspace["xeroOrganisations"]
    if not organisations:
        _fill_practice(running, data, console)
        _consent(running, console)
        organisations = running.ask(ORGANISATIONS)["workspace"]["xeroOrganisations"]
    organisation = organisations[0]
    if organisation["contactSync"]["startedAt"] is None:
        _preview(running, organisation["id"], console)
        chosen = {
            "organisationId": organisation["id"],
            "contactFilter": FILTER,
            "defaultContactTypeId": workspace["contactTypes"][0]["id"],
        }
        running.ask(START, input=chosen)
    return _outcome(running, organisation["id"], console)


def _fill_practice(running: Running, data: Path, console: Console) -> None:
    """The practice's own list, which overlaps the organisation as real ones do; made through the API."""
    world = World.load(data / "demo" / "xero.json")
    [organisation] = world.organisations.values()
    rows = [_contact_input(one) for one in practice_overlap(list(organisation.contacts), SEED, PRACTICE)]
    with _bar(console) as bar:
        task = bar.add_task(f"The practice's {len(rows)} contacts", total=len(rows))
        for start in range(0, len(rows), ROWS):
            answer = running.ask(CREATE, input={"contacts": rows[start : start + ROWS]})
            refused = [
                result["userErrors"] for result in answer["createContacts"]["results"] if result["userErrors"]
            ]
            if refused:
                raise StartError(f"a contact of the practice was refused: {refused[0]}")
            bar.advance(task, len(rows[start : start + ROWS]))


def _contact_input(one: PracticeContact) -> dict[str, Any]:
    address = one["billing_address"]
    given = {
        "name": one["name"],
        "firstName": one["first_name"],
        "lastName": one["last_name"],
        "billingEmail": one["billing_email"],
        "primaryPhone": one["primary_phone"],
        "billingAddress": address and {
            "lines": address["lines"], "city": address["city"], "region": address["region"],
            "postalCode": address["postal_code"], "country": address["country"],
        },
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _consent(running: Running, console: Console) -> None:
    """What a browser does: to Xero's page, Allow, and back to Tandem; it keeps the cookies it was given."""
    with httpx.Client(timeout=60, follow_redirects=False) as browser:
        answer = browser.post(
            f"{running.api}/graphql",
            json={"query": CONNECT},
            headers={"Authorization": f"Bearer {running.token}"},
        )
        address = answer.json()["data"]["connectXero"]["authorizationUrl"]
        page, _, query = address.partition("?")
        form = dict(httpx.QueryParams(query)) | {"action": "allow"}
        back = browser.post(page, data=form).headers["location"]
        landed = browser.get(back)
    where = landed.headers.get("location", "")
    if "organisationId=" not in where:
        raise StartError(f"Xero was not connected: {where or landed.status_code}")
    console.print("Consent given at the simulator; Xero is connected.")


def _preview(running: Running, organisation: str, console: Console) -> None:
    with _bar(console) as bar:
        task = bar.add_task("Reading Xero's contacts", total=None)
        while True:
            found = running.ask(PREVIEW, id=organisation, f=FILTER)["xeroOrganisation"]
            plan = found["contactSyncPreview"]
            bar.update(task, completed=plan["contactsRead"], total=plan["contactsExpected"])
            if plan["complete"]:
                break
            time.sleep(0.2)
    table = Table(
        "Xero contacts",
        "full matches",
        "conflicts",
        "new",
        "left out",
        title=f"{found['name']}: what would happen",
    )
    names = ("contactsRead", "fullMatches", "conflicts", "noMatches", "skipped")
    table.add_row(*(str(plan[name]) for name in names))
    console.print(table)


def _outcome(running: Running, organisation: str, console: Console) -> dict[str, Any]:
    with _bar(console) as bar:
        task = bar.add_task("Matching", total=None)
        while True:
            found = running.ask(PROGRESS, id=organisation)["xeroOrganisation"]
            run = found["importProgress"]
            bar.update(task, completed=run["done"], total=run["total"])
            if run["finished"]:
                break
            time.sleep(0.1)
    table = Table("full matches", "match issues", "created", "skipped", title="Import finished")
    counts = {name: run[name] for name in ("fullMatches", "conflicts", "created", "skipped")}
    table.add_row(*map(str, counts.values()))
    console.print(table)
    console.print(
        f"{found['summary']['linked']} contacts are linked now; {found['summary']['openIssues']} wait for a person."
    )
    return counts | {"seconds": _seconds(run["startedAt"], run["finishedAt"])}


def _seconds(began: str, ended: str) -> float:
    return round((datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds(), 2)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _tell(running: Running, console: Console) -> None:
    header = json.dumps({"Authorization": f"Bearer {running.token}"})
    lines = (
        "",
        "Tandem is up. Three queries to try in GraphiQL, with this under its Headers:",
        f"  {header}",
        f"  {running.api}/graphql",
        "",
        *(f"  {query}" for query in QUERIES),
        "",
        "Ctrl-C ends it.",
    )
    for line in lines:
        console.print(line, markup=False, highlight=False)
