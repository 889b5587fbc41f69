"""A change on each side: one through the API arrives in Xero, and one inside Xero arrives here."""

import time
from collections.abc import Callable
from uuid import uuid4

import msgspec
from rich.console import Console

from runtime.demo.parts import Answer, Running, heading
from runtime.embedded.children import StartError

LINKED = """query($id: ID!) { xeroOrganisation(id: $id) { tenantId }
  syncLinks(first: 2, filter: {organisationId: $id, state: [SYNCED]}) { edges { node {
    contact { id name } xeroContact { xeroContactId } } } } }"""
TYPE = """mutation($input: UpdateContactInput!) { updateContact(input: $input) {
  contact { id } userErrors { message } } }"""
HELD = "query($id: ID!) { contact(id: $id) { primaryPhone } }"
LONGEST = 90  # seconds; without webhooks the next poll finds a change in Xero


class Contact(Answer):
    id: str
    name: str


class XeroContact(Answer):
    xero_contact_id: str


class Link(Answer):
    contact: Contact
    xero_contact: XeroContact


class _Edge(Answer):
    node: Link


class _Links(Answer):
    edges: list[_Edge]


class _Organisation(Answer):
    tenant_id: str


class _Linked(Answer):
    xero_organisation: _Organisation
    sync_links: _Links


class _Phone(Answer):
    primary_phone: str | None


class _Held(Answer):
    contact: _Phone


class _InXero(msgspec.Struct, rename="pascal"):
    """A contact as the simulator's control route shows it."""

    email_address: str | None = None


def show_changes(running: Running, organisation: str, console: Console) -> dict[str, float]:
    """Return the seconds that each change took."""
    heading(console, "A change on each side")
    found = running.ask(_Linked, LINKED, id=organisation)
    tenant = found.xero_organisation.tenant_id
    # One contact for each direction: a change within two seconds of our own write to the same contact waits for a poll.
    ours, theirs = (edge.node for edge in found.sync_links.edges)

    def in_xero(link: Link, **fields: object) -> _InXero:
        """Change the contact as a person does inside Xero, and return it."""
        key = link.xero_contact.xero_contact_id.lower()
        address = f"{running.simulator}/simulator/organisations/{tenant}/contacts/{key}"
        answer = running.http.post(address, json={"fields": fields})
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=_InXero)

    email = f"accounts-{uuid4().hex[:6]}@example.co.nz"
    began = time.monotonic()
    running.ask(Answer, TYPE, input={"contactId": ours.contact.id, "billingEmail": email})
    out = _arrived(began, lambda: in_xero(ours).email_address == email)
    console.print(
        f"   The API changed a billing email: {_name(ours)}, {email}.\n   Xero had it after {out:.2f} s."
    )
    number = str(uuid4().int % 9_000_000 + 1_000_000)
    phone = {"PhoneType": "DEFAULT", "PhoneCountryCode": "64", "PhoneAreaCode": "9", "PhoneNumber": number}
    began = time.monotonic()
    in_xero(theirs, Phones=[phone])
    back = _arrived(began, lambda: _digits(running, theirs.contact.id).endswith(number))
    console.print(
        f"   A phone was changed inside Xero: {_name(theirs)}, +64 9 {number}.\n   Tandem had it after {back:.2f} s."
    )
    return {"toXeroSeconds": round(out, 2), "toPracticeSeconds": round(back, 2)}


def _name(link: Link) -> str:
    return " ".join(link.contact.name.split())


def _digits(running: Running, contact: str) -> str:
    held = running.ask(_Held, HELD, id=contact).contact.primary_phone or ""
    return "".join(filter(str.isdigit, held))


def _arrived(began: float, is_there: Callable[[], bool]) -> float:
    while not is_there():
        if time.monotonic() - began > LONGEST:
            raise StartError(
                f"a change did not arrive within {LONGEST} s: see serve.log and worker.log in the demo folder of TANDEM_DATA"
            )
        time.sleep(0.02)
    return time.monotonic() - began
