"""`tandem demo`: the main job on embedded parts, as a user does it: through the API, and through Xero's consent.

PostgreSQL, Valkey, the simulator, the API and a worker are children of this process and end with it. What it makes
stays in the data folder, so that the next start finds it.
"""

import json
import shutil
import signal

from rich.console import Console

from runtime import embedded
from runtime.children import StartError
from runtime.demo.changes import show_changes
from runtime.demo.contacts import import_contacts
from runtime.demo.invoices import show_invoice
from runtime.demo.parts import Running, started
from runtime.settings import Settings

QUERIES = (
    '{ contacts(first: 5, filter: {search: "trust"}) { totalCount edges { node { name kind billingEmail } } } }',
    "{ matchIssues(first: 5) { totalCount edges { node { reason xeroContact { name email }"
    " candidates { score evidence contact { name billingEmail } } } } } }",
    "{ invoices(first: 5) { edges { node { number status total amountDue contact { name } sync { state url } } } } }",
    "{ activity(first: 5) { edges { node { at message changes { field before after } } } } }",
)


def demo(settings: Settings, *, once: bool, reset: bool) -> None:
    """Runs until Ctrl-C or SIGTERM; with `once`, until the import has ended and a change of each side has arrived on the other, and an
    invoice has come back paid."""
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
        with started(settings, data, console) as running:
            organisation, told = import_contacts(running, data, console)
            told |= show_changes(running, organisation, console)
            told |= show_invoice(running, organisation, console)
            if once:
                print(json.dumps(told))  # noqa: T201 - what --once is for
                return
            _tell(running, console)
            signal.pause()
    except KeyboardInterrupt:
        console.print("\nEnded; everything is kept for the next start.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _tell(running: Running, console: Console) -> None:
    header = json.dumps({"Authorization": f"Bearer {running.token}"})
    lines = (
        "",
        "Tandem is up. Four queries to try in GraphiQL, with this under its Headers:",
        f"  {header}",
        f"  {running.api}/graphql",
        "",
        *(f"  {query}" for query in QUERIES),
        "",
        "Ctrl-C ends it.",
    )
    for line in lines:
        console.print(line, markup=False, highlight=False)
