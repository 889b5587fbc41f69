"""A change on each side: one through the API arrives in Xero, and one inside Xero arrives here."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from rich.console import Console

from runtime.demo.parts import Running, heading
from runtime.embedded.children import StartError

LINKED = """query($id: ID!) { xeroOrganisation(id: $id) { tenantId }
  syncLinks(first: 2, filter: {organisationId: $id, state: [SYNCED]}) { edges { node {
    contact { id name } xeroContact { xeroContactId } } } } }"""
TYPE = """mutation($input: UpdateContactInput!) { updateContact(input: $input) {
  contact { id } userErrors { message } } }"""
HELD = "query($id: ID!) { contact(id: $id) { primaryPhone } }"
LONGEST = 90  # seconds; without webhooks the next poll finds a change in Xero


def show_changes(running: Running, organisation: str, console: Console) -> dict[str, float]:
    """Returns the seconds that each change took."""
    heading(console, "A change on each side")
    found = running.ask(LINKED, id=organisation)
    tenant = found["xeroOrganisation"]["tenantId"]
    # One contact for each direction: a change within two seconds of our own write to the same contact waits for a poll.
    ours, theirs = (edge["node"] for edge in found["syncLinks"]["edges"])

    def in_xero(link: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        key = link["xeroContact"]["xeroContactId"].lower()
        address = f"{running.simulator}/simulator/organisations/{tenant}/contacts/{key}"
        answer = running.http.post(address, json={"fields": fields})
        answer.raise_for_status()
        shown: dict[str, Any] = answer.json()
        return shown

    email = f"accounts-{uuid4().hex[:6]}@example.co.nz"
    began = time.monotonic()
    running.ask(TYPE, input={"contactId": ours["contact"]["id"], "billingEmail": email})
    out = _arrived(began, lambda: in_xero(ours, {}).get("EmailAddress") == email)
    console.print(
        f"   The API changed a billing email: {_name(ours)}, {email}.\n   Xero had it after {out:.2f} s."
    )
    number = str(uuid4().int % 9_000_000 + 1_000_000)
    phone = {"PhoneType": "DEFAULT", "PhoneCountryCode": "64", "PhoneAreaCode": "9", "PhoneNumber": number}
    began = time.monotonic()
    in_xero(theirs, {"Phones": [phone]})
    back = _arrived(began, lambda: _digits(running, theirs["contact"]["id"]).endswith(number))
    console.print(
        f"   A phone was changed inside Xero: {_name(theirs)}, +64 9 {number}.\n   Tandem had it after {back:.2f} s."
    )
    return {"toXeroSeconds": round(out, 2), "toPracticeSeconds": round(back, 2)}


def _name(link: dict[str, Any]) -> str:
    return " ".join(link["contact"]["name"].split())


def _digits(running: Running, contact: str) -> str:
    held = running.ask(HELD, id=contact)["contact"]["primaryPhone"] or ""
    return "".join(filter(str.isdigit, held))


def _arrived(began: float, is_there: Callable[[], bool]) -> float:
    while not is_there():
        if time.monotonic() - began > LONGEST:
            raise StartError(
                f"a change did not arrive within {LONGEST} s: see serve.log and worker.log in the demo folder of TANDEM_DATA"
            )
        time.sleep(0.02)
    return time.monotonic() - began
