"""`tandem demo`: the main job on embedded parts, as a user does it: through the API, and through Xero's consent.

PostgreSQL, Valkey, the simulator, the API and a worker are children of this process and end with it. What it makes
stays in the data folder, so that the next start finds it.
"""

import json
import shutil
import signal
from pathlib import Path

from rich.console import Console

from runtime.demo.changes import show_changes
from runtime.demo.contacts import import_contacts
from runtime.demo.invoices import show_invoice
from runtime.demo.parts import Running, find_settings, started
from runtime.demo.processes import keep_up
from runtime.embedded import services as embedded_services
from runtime.embedded.children import StartError
from runtime.settings import Settings

__all__ = ["demo", "find_settings"]
QUERIES = {
    "What waits for a person": "{ matchIssues(first: 5) { totalCount edges { node { reason xeroContact { name email }"
    " candidates { score evidence contact { name billingEmail } } } } } }",
    "Contacts": '{ contacts(first: 5, filter: {search: "trust"}) { totalCount edges { node { name kind billingEmail'
    " syncLinks { state } } } } }",
    "Invoices": "{ invoices(first: 5) { edges { node { number status total amountDue contact { name }"
    " sync { state url } } } } }",
    "What happened": "{ activity(first: 5) { edges { node { at message changes { field before after } } } } }",
}


def demo(settings: Settings, *, once: bool, reset: bool) -> None:
    """Runs until Ctrl-C or SIGTERM. The first start imports, lets a change of each side arrive on the other and an invoice go
    its way; a later one changes nothing. With `once`: does all of that each time, tells it in a line of JSON, and ends."""
    if not settings.embedded or not settings.simulated:
        raise StartError(
            "DATABASE_URL, REDIS_URL and XERO_CLIENT_ID must not be set: the demo brings parts of its own"
        )
    console = Console(stderr=once, soft_wrap=True, markup=False, highlight=False)
    data = settings.tandem_data.resolve()
    held = find_settings(data)
    if held and embedded_services.running(data):
        raise StartError(
            f"A demo runs in {data} already, at {held['public_url']}/graphql. Stop it (Ctrl-C there), or set TANDEM_DATA"
            " and PORT to others."
        )
    if reset:
        embedded_services.reset(data)
        shutil.rmtree(data / "demo", ignore_errors=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with started(settings, data, console) as running:
            organisation, told = import_contacts(running, data, console)
            if once or not _has_invoices(running):
                told |= show_changes(running, organisation, console)
                told |= show_invoice(running, organisation, console)
            else:
                console.print("   This start has changed nothing.")
            if once:
                print(json.dumps(told))  # noqa: T201 - what --once is for
                return
            _tell(running, settings, data, console)
            keep_up(running.processes, console)
    except KeyboardInterrupt:
        console.print("\nEnded. Everything is kept for the next start; `tandem demo --reset` begins anew.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _has_invoices(running: Running) -> bool:
    """What an earlier start did last."""
    return bool(running.ask("{ invoices(first: 1) { totalCount } }")["invoices"]["totalCount"])


def _tell(running: Running, settings: Settings, data: Path, console: Console) -> None:
    place = "" if settings.tandem_data == Path(".tandem") else f"TANDEM_DATA={data} "
    console.print("\nTandem is up until Ctrl-C. What to do next", style="bold")
    for line in (
        f"   In a browser   {running.api}/graphql",
        "                  is GraphiQL (its scripts come from the internet). Put under Headers:",
        f"                  {json.dumps({'Authorization': f'Bearer {running.token}'})}",
        f"   In a terminal  {place}.venv/bin/tandem doctor",
        "                  says what runs here; tandem --help lists what else there is.",
        f"   From a script  the token is in {data / 'demo' / 'token'}",
        "   From your app  start with ALLOWED_ORIGINS=http://localhost:5173, the app's origin.",
        "   Logs           are " + str(data / "demo" / "*.log"),
    ):
        console.print(line)
    console.print("\nQueries to begin with", style="bold")
    for what, query in QUERIES.items():
        console.print(f"   {what}:\n   {query}")
