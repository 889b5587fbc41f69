"""`tandem demo`: an import, a change on each side and an invoice, through the API and Xero's consent, as a user does it.

PostgreSQL, Valkey, the Xero simulator, the API and a worker are child processes and end with this process. Their data
stays in the data folder for the next start.
"""

import json
import shutil
import signal
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from runtime.demo.changes import show_changes
from runtime.demo.console import building
from runtime.demo.contacts import import_contacts
from runtime.demo.invoices import show_invoice
from runtime.demo.parts import CONTACTS, Answer, Count, Running, find_settings, started
from runtime.demo.processes import keep_up
from runtime.embedded import services as embedded_services
from runtime.embedded.children import StartError
from runtime.settings import Settings

__all__ = ["demo", "find_settings"]
QUERIES = {
    "Match issues that wait for a person": "{ matchIssues(first: 5) { totalCount edges { node { reason xeroContact { name email }"
    " candidates { score evidence contact { name billingEmail } } } } } }",
    "Contacts": '{ contacts(first: 5, filter: {search: "trust"}) { totalCount edges { node { name kind billingEmail'
    " syncLinks { state } } } } }",
    "Invoices": "{ invoices(first: 5) { edges { node { number status total amountDue contact { name }"
    " sync { state url } } } } }",
    "The activity": "{ activity(first: 5) { edges { node { at message changes { field before after } } } } }",
}


def demo(
    settings: Settings, *, once: bool, reset: bool, build_console: bool = False, contacts: int = CONTACTS
) -> None:
    """Run until Ctrl-C or SIGTERM. The first start imports, makes a change on each side, and sends an invoice; a later start
    changes nothing. With `once`: does all of this at each start, prints the results as a line of JSON, and ends. `build_console`:
    also builds the console, in the background. `contacts`: how many a new simulated Xero has."""
    if not settings.embedded or not settings.simulated:
        raise StartError(
            "The demo uses its own servers and a simulated Xero: unset DATABASE_URL, REDIS_URL and XERO_CLIENT_ID"
        )
    console = Console(stderr=once, soft_wrap=True, markup=False, highlight=False)
    data = settings.tandem_data.resolve()
    held = find_settings(data)
    if held and embedded_services.running(data):
        raise StartError(
            f"A demo runs in {data} already, at {held['public_url']}/graphql. Stop it (Ctrl-C there), or set TANDEM_DATA"
            " to another folder and PORT to another port."
        )
    if reset:
        embedded_services.reset(data)
        shutil.rmtree(data / "demo", ignore_errors=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with started(settings, data, console, contacts) as running, ExitStack() as stack:
            log = stack.enter_context(building(data / "demo")) if build_console and not once else None
            organisation, told = import_contacts(running, data, console)
            if once or not _has_invoices(running):
                told |= show_changes(running, organisation, console)
                told |= show_invoice(running, organisation, console)
            else:
                console.print("   This start changed nothing.")
            if once:
                print(json.dumps(told))  # noqa: T201 - what --once is for
                return
            _print_next_steps(running, settings, data, console, log)
            keep_up(running.processes, console)
    except KeyboardInterrupt:
        console.print("\nEnded. The data is kept for the next start; `tandem demo --reset` deletes it.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class _Invoices(Answer):
    invoices: Count


def _has_invoices(running: Running) -> bool:
    """Whether an earlier start did everything: the invoice is its last step."""
    return running.ask(_Invoices, "{ invoices(first: 1) { totalCount } }").invoices.total_count > 0


def _print_next_steps(
    running: Running, settings: Settings, data: Path, console: Console, build: Path | None
) -> None:
    """`build`: the log of the console's build; None if the demo does not build the console."""
    place = "" if settings.tandem_data == Path(".tandem") else f"TANDEM_DATA={data} "
    console.print("\nTandem runs until Ctrl-C. What to do next", style="bold")
    for line in (
        f"   The console    {running.api}/console",
        f"                  Sign in with the token in {data / 'demo' / 'token'}.",
        f"                  {_building(build)}",
        f"   GraphiQL       {running.api}/graphql",
        "                  Put under Headers:",
        f"                  {json.dumps({'Authorization': f'Bearer {running.token}'})}",
        f"   In a terminal  {place}.venv/bin/tandem doctor",
        "                  checks what runs here; tandem --help lists the other commands.",
        f"   From a script  the token is in {data / 'demo' / 'token'}",
        "   From your app  set ALLOWED_ORIGINS to the app's origin: ALLOWED_ORIGINS=http://localhost:5173",
        "   Logs           " + str(data / "demo" / "*.log"),
    ):
        console.print(line)
    console.print("\nQueries to try", style="bold")
    for what, query in QUERIES.items():
        console.print(f"   {what}:\n   {query}")


def _building(log: Path | None) -> str:
    if log is None:
        return "`make console` builds the console."
    return f"The first start builds the console, for about a minute. The log of the build: {log}"
