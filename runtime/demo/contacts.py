"""The import, as a user does it: the practice's contacts, Xero's consent, the preview, the import itself."""

import time
from datetime import datetime
from pathlib import Path

import httpx
import msgspec
from rich.console import Console

from runtime.demo.parts import CONTACTS, PRACTICE_NAME, SEED, Answer, Body, Count, Running, bar, heading
from runtime.embedded.children import StartError
from xero.simulator.practice import PracticeContact, practice_overlap
from xero.simulator.world import World

PRACTICE = 800  # for CONTACTS in Xero
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


class _Id(Answer):
    id: str


class _ContactSync(Answer):
    started_at: datetime | None


class _Organisation(Answer):
    id: str
    contact_sync: _ContactSync


class _Workspace(Answer):
    contact_types: list[_Id]
    xero_organisations: list[_Organisation]


class _Workspaces(Answer):
    workspace: _Workspace


class _UserError(Answer):
    message: str


class _Result(Answer):
    user_errors: list[_UserError]


class _Results(Answer):
    results: list[_Result]


class _CreatedContacts(Answer):
    create_contacts: _Results


class _Consent(Answer):
    authorization_url: str


class _Connected(Answer):
    connect_xero: _Consent


class _Plan(Answer):
    complete: bool
    contacts_read: int
    contacts_expected: int | None
    full_matches: int
    conflicts: int
    no_matches: int
    skipped: int


class _Previewed(Answer):
    name: str
    contact_sync_preview: _Plan


class _Preview(Answer):
    xero_organisation: _Previewed


class _Summary(Answer):
    linked: int
    open_issues: int


class _Run(Answer):
    done: int
    total: int | None
    full_matches: int
    conflicts: int
    created: int
    skipped: int
    finished: bool
    started_at: datetime
    finished_at: datetime | None

    def outcome(self) -> dict[str, float]:
        """The numbers that `tandem demo --once` prints."""
        ended = self.finished_at or self.started_at
        return {
            "fullMatches": self.full_matches,
            "conflicts": self.conflicts,
            "created": self.created,
            "skipped": self.skipped,
            "seconds": round((ended - self.started_at).total_seconds(), 2),
        }


class _Imported(Answer):
    name: str
    summary: _Summary
    import_progress: _Run


class _Progress(Answer):
    xero_organisation: _Imported


class _Reasons(msgspec.Struct):
    NAME_ONLY: Count
    EMAIL_ONLY: Count
    AMBIGUOUS: Count
    SIMILAR: Count


def import_contacts(running: Running, data: Path, console: Console) -> tuple[str, dict[str, float]]:
    """Return the organisation's id, and the outcome of the import."""
    workspace = running.ask(_Workspaces, ORGANISATIONS).workspace
    organisations = workspace.xero_organisations
    if not organisations:
        _fill_practice(running, data, console)
        _consent(running, console)
        organisations = running.ask(_Workspaces, ORGANISATIONS).workspace.xero_organisations
    organisation = organisations[0]
    if organisation.contact_sync.started_at is None:
        _preview(running, organisation.id, console)
        chosen = {
            "organisationId": organisation.id,
            "contactFilter": FILTER,
            "defaultContactTypeId": workspace.contact_types[0].id,
        }
        running.ask(Answer, START, input=chosen)
    elif _imported(running, organisation.id).import_progress.finished:
        return organisation.id, _found_again(running, organisation.id, data, console)
    return organisation.id, _outcome(running, organisation.id, console)


def _fill_practice(running: Running, data: Path, console: Console) -> None:
    """Create the practice's contacts through the API; some are in Xero too. Each create has an idempotency key, so that a
    start after an interrupted one creates no contact twice."""
    world = World.load(data / "demo" / "xero.json")
    [organisation] = world.organisations.values()
    xero = list(organisation.contacts)
    practice = practice_overlap(xero, SEED, PRACTICE * len(xero) // CONTACTS)
    rows = [_contact_input(one) | {"idempotencyKey": f"demo-{place}"} for place, one in enumerate(practice)]
    heading(console, "The practice's contacts")
    with bar(console, "Contacts") as show:
        for start in range(0, len(rows), ROWS):
            show(start, len(rows))
            answer = running.ask(_CreatedContacts, CREATE, input={"contacts": rows[start : start + ROWS]})
            for result in answer.create_contacts.results:
                for error in result.user_errors:
                    raise StartError(f"the API refused a contact of the practice: {error.message}")
    console.print(f'   {len(rows)} contacts were created in the practice "{PRACTICE_NAME}" (createContacts).')


def _contact_input(one: PracticeContact) -> dict[str, object]:
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
    """Do what a browser does: open Xero's page, allow the access, and return to Tandem with its cookies."""
    heading(console, "Connecting Xero")
    with httpx.Client(timeout=60, follow_redirects=False) as browser:
        answer = browser.post(
            f"{running.api}/graphql",
            json={"query": CONNECT},
            headers={"Authorization": f"Bearer {running.token}"},
        )
        data = msgspec.json.decode(answer.content, type=Body).data
        address = msgspec.json.decode(data, type=_Connected).connect_xero.authorization_url
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
            found = running.ask(_Preview, PREVIEW, id=organisation, f=FILTER).xero_organisation
            plan = found.contact_sync_preview
            show(plan.contacts_read, plan.contacts_expected)
            if plan.complete:
                break
            time.sleep(0.2)
    console.print(f'   "{found.name}" is connected, and Tandem has read its {plan.contacts_read:,} contacts.')
    heading(console, "Preview of the import (contactSyncPreview; it changes nothing)")
    console.print(
        _row(
            plan.full_matches,
            "equal one contact of the practice in name and billing email: would be linked",
        )
    )
    console.print(_row(plan.conflicts, "may be a contact of the practice: a person would decide"))
    console.print(_row(plan.no_matches, "are unknown to the practice: would become new contacts"))
    console.print(_row(plan.skipped, "would be skipped: archived, or neither customer nor supplier"))


def _outcome(running: Running, organisation: str, console: Console) -> dict[str, float]:
    heading(console, "The import (startContactSync)")
    with bar(console, "Matching") as show:
        while True:
            run = _imported(running, organisation).import_progress
            show(run.done, run.total)
            if run.finished:
                break
            time.sleep(0.1)
    told, reasons = run.outcome(), running.ask(_Reasons, WHY, o=organisation)
    console.print(_row(run.full_matches, f"were linked; the whole import took {told['seconds']:.1f} s"))
    console.print(_row(run.conflicts, "became match issues, about which a person decides:"))
    for name, meaning in REASONS.items():
        count: Count = getattr(reasons, name)
        if count.total_count:
            console.print(f"          {count.total_count:>5,}  {meaning}")
    console.print(_row(run.created, "became new contacts of the practice, and were linked"))
    console.print(_row(run.skipped, "were skipped"))
    return told


def _found_again(running: Running, organisation: str, data: Path, console: Console) -> dict[str, float]:
    found = _imported(running, organisation)
    console.print(
        f'\nAn earlier start did the import; its data is in {data}.\n   "{found.name}" is connected:'
        f" {found.summary.linked:,} contacts are linked, {found.summary.open_issues:,} match issues wait for a person."
    )
    return found.import_progress.outcome()


def _imported(running: Running, organisation: str) -> _Imported:
    return running.ask(_Progress, PROGRESS, id=organisation).xero_organisation


def _row(number: int, what: str) -> str:
    return f"   {number:>5,}  {what}"
