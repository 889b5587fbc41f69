"""The main job as a user does it: the practice's list, Xero's consent, the preview, the import."""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from runtime.children import StartError
from runtime.demo.parts import SEED, Running, bar
from xero.simulator.practice import PracticeContact, practice_overlap
from xero.simulator.world import World

PRACTICE = 800
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


def import_contacts(running: Running, data: Path, console: Console) -> tuple[str, dict[str, Any]]:
    """Gives the organisation's id, and what became of its contacts."""
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
    return organisation["id"], outcome(running, organisation["id"], console)


def _fill_practice(running: Running, data: Path, console: Console) -> None:
    """The practice's own list, which overlaps the organisation as real ones do; made through the API."""
    world = World.load(data / "demo" / "xero.json")
    [organisation] = world.organisations.values()
    rows = [_contact_input(one) for one in practice_overlap(list(organisation.contacts), SEED, PRACTICE)]
    with bar(console) as shown:
        task = shown.add_task(f"The practice's {len(rows)} contacts", total=len(rows))
        for start in range(0, len(rows), ROWS):
            answer = running.ask(CREATE, input={"contacts": rows[start : start + ROWS]})
            refused = [
                result["userErrors"] for result in answer["createContacts"]["results"] if result["userErrors"]
            ]
            if refused:
                raise StartError(f"a contact of the practice was refused: {refused[0]}")
            shown.advance(task, len(rows[start : start + ROWS]))


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
    with bar(console) as shown:
        task = shown.add_task("Reading Xero's contacts", total=None)
        while True:
            found = running.ask(PREVIEW, id=organisation, f=FILTER)["xeroOrganisation"]
            plan = found["contactSyncPreview"]
            shown.update(task, completed=plan["contactsRead"], total=plan["contactsExpected"])
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


def outcome(running: Running, organisation: str, console: Console) -> dict[str, Any]:
    with bar(console) as shown:
        task = shown.add_task("Matching", total=None)
        while True:
            found = running.ask(PROGRESS, id=organisation)["xeroOrganisation"]
            run = found["importProgress"]
            shown.update(task, completed=run["done"], total=run["total"])
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
