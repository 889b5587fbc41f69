"""The import, as a user does it: the practice's contacts, Xero's consent, the preview, the import itself."""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from runtime.demo.parts import PRACTICE_NAME, SEED, Running, bar, heading
from runtime.embedded.children import StartError
from xero.simulator.practice import PracticeContact, practice_overlap
from xero.simulator.world import World

PRACTICE = 800
ROWS = 400  # contacts in one request; the API accepts 500
FILTER = "SUPPLIERS_AND_CUSTOMERS"
REASONS = {
    "NAME_ONLY": "equal name, other billing email",
    "EMAIL_ONLY": "equal billing email, other name",
    "AMBIGUOUS": "several contacts match, or the one that matches is linked",
    "SIMILAR": "neither is equal, but the contacts are similar",
}

CREATE = """mutation($input: CreateContactsInput!) { createContacts(input: $input) {
  results { contact { id } userErrors { message path } } userErrors { message } } }"""
CONNECT = (
    """mutation { connectXero(input: {returnTo: "/graphql"}) { authorizationUrl userErrors { message } } }"""
)
ORGANISATIONS = (
    "{ workspace { contactTypes { id name } xeroOrganisations { id name contactSync { startedAt } } } }"
)
PREVIEW = """query($id: ID!, $f: XeroContactFilter!) { xeroOrganisation(id: $id) { name
  contactSyncPreview(contactFilter: $f) { complete contactsRead contactsExpected fullMatches conflicts noMatches skipped } } }"""
START = """mutation($input: StartContactSyncInput!) { startContactSync(input: $input) {
  organisation { id } userErrors { message } } }"""
PROGRESS = """query($id: ID!) { xeroOrganisation(id: $id) { name summary { linked openIssues }
  importProgress { done total fullMatches conflicts created skipped finished startedAt finishedAt } } }"""
WHY = "query($o: ID!) {%s}" % " ".join(  # noqa: UP031 - braces
    f"{reason}: matchIssues(first: 1, filter: {{organisationId: $o, reason: [{reason}]}}) {{ totalCount }}"
    for reason in REASONS
)


def import_contacts(running: Running, data: Path, console: Console) -> tuple[str, dict[str, Any]]:
    """Returns the organisation's id, and the outcome of the import."""
    workspace = running.ask(ORGANISATIONS)["workspace"]
    organisations = workspace["xeroOrganisations"]
    if not organisations:
        _fill_practice(running, data, console)
        _consent(running, console)
        organisations = running.ask(ORGANISATIONS)["workspace"]["xeroOrganisations"]
    organisation = organisations[0]
    if organisation["contactSync"]["startedAt"] is not None and _progress(running, organisation["id"])[0]:
        return organisation["id"], _found_again(running, organisation["id"], data, console)
    if organisation["contactSync"]["startedAt"] is None:
        _preview(running, organisation["id"], console)
        chosen = {
            "organisationId": organisation["id"],
            "contactFilter": FILTER,
            "defaultContactTypeId": workspace["contactTypes"][0]["id"],
        }
        running.ask(START, input=chosen)
    return organisation["id"], _outcome(running, organisation["id"], console)


def _fill_practice(running: Running, data: Path, console: Console) -> None:
    """Creates the practice's contacts through the API; some are in Xero too. Each has an idempotency key, so that a start after
    an interrupted one creates no contact twice."""
    world = World.load(data / "demo" / "xero.json")
    [organisation] = world.organisations.values()
    practice = practice_overlap(list(organisation.contacts), SEED, PRACTICE)
    rows = [_contact_input(one) | {"idempotencyKey": f"demo-{place}"} for place, one in enumerate(practice)]
    heading(console, "The practice's contacts")
    with bar(console, "Contacts") as show:
        for start in range(0, len(rows), ROWS):
            show(start, len(rows))
            answer = running.ask(CREATE, input={"contacts": rows[start : start + ROWS]})
            refused = [
                result["userErrors"] for result in answer["createContacts"]["results"] if result["userErrors"]
            ]
            if refused:
                raise StartError(f"the API refused a contact of the practice: {refused[0]}")
    console.print(f'   {len(rows)} contacts were created in the practice "{PRACTICE_NAME}" (createContacts).')


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
    """Does what a browser does: opens Xero's page, allows the access, and returns to Tandem with its cookies."""
    heading(console, "Connecting Xero")
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
    console.print(
        "   The consent was given at the Xero simulator, as a person gives it in a browser (connectXero)."
    )


def _preview(running: Running, organisation: str, console: Console) -> None:
    with bar(console, "Reading Xero's contacts") as show:
        while True:
            found = running.ask(PREVIEW, id=organisation, f=FILTER)["xeroOrganisation"]
            plan = found["contactSyncPreview"]
            show(plan["contactsRead"], plan["contactsExpected"])
            if plan["complete"]:
                break
            time.sleep(0.2)
    console.print(
        f'   "{found["name"]}" is connected, and Tandem has read its {plan["contactsRead"]:,} contacts.'
    )
    heading(console, "Preview of the import (contactSyncPreview; it changes nothing)")
    console.print(
        _row(
            plan["fullMatches"],
            "equal one contact of the practice in name and billing email: would be linked",
        )
    )
    console.print(_row(plan["conflicts"], "may be a contact of the practice: a person would decide"))
    console.print(_row(plan["noMatches"], "are unknown to the practice: would become new contacts"))
    console.print(_row(plan["skipped"], "would be skipped: archived, or neither customer nor supplier"))


def _outcome(running: Running, organisation: str, console: Console) -> dict[str, Any]:
    heading(console, "The import (startContactSync)")
    with bar(console, "Matching") as show:
        while True:
            finished, run = _progress(running, organisation)
            show(run["done"], run["total"])
            if finished:
                break
            time.sleep(0.1)
    told = _counts(run)
    reasons = {name: page["totalCount"] for name, page in running.ask(WHY, o=organisation).items()}
    console.print(_row(run["fullMatches"], f"were linked; the whole import took {told['seconds']:.1f} s"))
    console.print(_row(run["conflicts"], "became match issues, about which a person decides:"))
    for name, meaning in REASONS.items():
        if reasons[name]:
            console.print(f"          {reasons[name]:>5,}  {meaning}")
    console.print(_row(run["created"], "became new contacts of the practice, and were linked"))
    console.print(_row(run["skipped"], "were skipped"))
    return told


def _found_again(running: Running, organisation: str, data: Path, console: Console) -> dict[str, Any]:
    found = running.ask(PROGRESS, id=organisation)["xeroOrganisation"]
    told, summary = _counts(found["importProgress"]), found["summary"]
    console.print(
        f'\nAn earlier start did the import; its data is in {data}.\n   "{found["name"]}" is connected:'
        f" {summary['linked']:,} contacts are linked, {summary['openIssues']:,} match issues wait for a person."
    )
    return told


def _progress(running: Running, organisation: str) -> tuple[bool, dict[str, Any]]:
    run = running.ask(PROGRESS, id=organisation)["xeroOrganisation"]["importProgress"]
    return run["finished"], run


def _counts(run: dict[str, Any]) -> dict[str, Any]:
    counts = {name: run[name] for name in ("fullMatches", "conflicts", "created", "skipped")}
    began, ended = (datetime.fromisoformat(run[name]) for name in ("startedAt", "finishedAt"))
    return counts | {"seconds": round((ended - began).total_seconds(), 2)}


def _row(number: int, what: str) -> str:
    return f"   {number:>5,}  {what}"
