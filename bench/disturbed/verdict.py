"""Finds objects that were lost, doubled, unequal or stuck, and limits that were exceeded. Looks from outside, after all
work has ended."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bench.disturbed.people import ADDED_AT_ONCE, FIELDS, Bill, Field, People, Subject, Typed
from bench.disturbed.place import Answer, Page, Place, State, XeroContact

CONTACT = """query($id: ID!, $after: String) { contact(id: $id) { name billingEmail primaryPhone billingAddress { city }
  syncLinks { state failure { code message } xeroContact { xeroContactId } }
  activity(first: 100, after: $after) { pageInfo { hasNextPage endCursor }
    edges { node { changes { before after } } } } } }"""
LINKS = """query($id: ID!, $after: String) { syncLinks(first: 100, after: $after, filter: {organisationId: $id, state: [SYNCED]}) {
  pageInfo { hasNextPage endCursor }
  edges { node { contact { id name billingEmail } xeroContact { xeroContactId } } } } }"""
STUCK = """query($id: ID!) { syncLinks(first: 20, filter: {organisationId: $id, state: [PENDING, FAILING, CONFLICT, BROKEN]}) {
  totalCount edges { node { state failure { code message } contact { name } } } }
  invoices(first: 20, filter: {syncState: [PENDING, FAILING, CHANGED_IN_XERO]}) {
    totalCount edges { node { number sync { state failure { code message } } } } } }"""
BILL = (
    """query($id: ID!) { invoice(id: $id) { status total sync { state xeroTotal failure { message } } } }"""
)
NAMED = """query($name: String!) { contacts(first: 20, filter: {search: $name}) {
  edges { node { name billingEmail syncLinks { state failure { code message } xeroContact { xeroContactId } } } } } }"""


class _PageInfo(Answer):
    has_next_page: bool
    end_cursor: str | None


class _Change(Answer):
    before: str | None
    after: str | None


class _Entry(Answer):
    changes: list[_Change]


class _EntryEdge(Answer):
    node: _Entry


class _Activity(Answer):
    page_info: _PageInfo
    edges: list[_EntryEdge]


class _Failure(Answer):
    code: str
    message: str


class _XeroId(Answer):
    xero_contact_id: str


class _Link(Answer):
    state: str
    failure: _Failure | None
    xero_contact: _XeroId | None


class _Address(Answer):
    city: str | None


class _Contact(Answer):
    name: str
    billing_email: str | None
    primary_phone: str | None
    billing_address: _Address | None
    sync_links: list[_Link]
    activity: _Activity

    def value(self, what: Field) -> str:
        digits = "".join(filter(str.isdigit, self.primary_phone or ""))[-7:]
        city = self.billing_address.city if self.billing_address else None
        return {"name": self.name, "email": self.billing_email, "phone": digits, "city": city}[what] or ""


class _Read(Answer):
    contact: _Contact


class _Pair(Answer):
    id: str
    name: str
    billing_email: str | None


class _Synced(Answer):
    contact: _Pair
    xero_contact: _XeroId


class _SyncedEdge(Answer):
    node: _Synced


class _SyncedPage(Answer):
    page_info: _PageInfo
    edges: list[_SyncedEdge]


class _SyncedPages(Answer):
    sync_links: _SyncedPage


class _Name(Answer):
    name: str


class _StuckLink(Answer):
    state: str
    failure: _Failure | None
    contact: _Name


class _StuckLinkEdge(Answer):
    node: _StuckLink


class _StuckLinks(Answer):
    total_count: int
    edges: list[_StuckLinkEdge]


class _Sync(Answer):
    state: str
    failure: _Failure | None


class _StuckInvoice(Answer):
    number: str
    sync: _Sync


class _StuckInvoiceEdge(Answer):
    node: _StuckInvoice


class _StuckInvoices(Answer):
    total_count: int
    edges: list[_StuckInvoiceEdge]


class _Stuck(Answer):
    sync_links: _StuckLinks
    invoices: _StuckInvoices


class _Why(Answer):
    message: str


class _BillSync(Answer):
    state: str
    xero_total: str | None
    failure: _Why | None


class _Bill(Answer):
    status: str
    total: str
    sync: _BillSync


class _BillRead(Answer):
    invoice: _Bill


class _Namesake(Answer):
    name: str
    billing_email: str | None
    sync_links: list[_Link]


class _NamesakeEdge(Answer):
    node: _Namesake


class _Namesakes(Answer):
    edges: list[_NamesakeEdge]


class _Named(Answer):
    contacts: _Namesakes


@dataclass
class Verdict:
    """`findings`: breaches of a promise. `overwritten`: values of Xero's that Tandem never showed, and that a write replaced:
    docs/ARCHITECTURE.md names the window."""

    findings: list[str]
    accepted: int = 0
    overwritten: int = 0
    compared: int = 0
    invoices: int = 0


@dataclass(frozen=True)
class Before:
    """Links that waited or failed, and pairs whose name or email was spelt in two ways, before anything happened."""

    waiting: int
    unequal: frozenset[str]
    xero: int


async def before(people: People) -> Before:
    stuck = await people.place.ask(_Stuck, STUCK, id=people.organisation)
    listed = await people.place.list_xero(people.tenant)
    unequal = [pair.contact.id for pair, _ in (await _unequal(people, listed))[0]]
    return Before(stuck.sync_links.total_count, frozenset(unequal), len(listed.contacts))


async def judge(people: People, held: Before) -> Verdict:
    verdict = Verdict(list(people.findings))
    for one in people.subjects:
        await _judge_subject(people, one, verdict)
    listed = await people.place.list_xero(people.tenant)
    await _judge_new(people, listed, held, verdict)
    await _judge_bills(people, listed, verdict)
    unequal, verdict.compared = await _unequal(people, listed)
    typed = {one.id for one in people.subjects if one.typed}
    for pair, there in unequal:
        if pair.contact.id in typed or pair.contact.id not in held.unequal:
            verdict.findings.append(
                f"SYNCED but unequal: {pair.contact.name!r} {pair.contact.billing_email!r} here, {there.name!r} {there.email_address!r} in Xero"
            )
    await _judge_stuck(people, held, verdict)
    for tally in (await people.place.control(State, "GET", "state")).tallies:
        if tally.refused:
            verdict.findings.append(f"calls over a limit: {tally.refused}")
    return verdict


async def _read(place: Place, contact: str) -> tuple[_Contact, str]:
    """The contact, and all values that its history shows, in one text."""
    found = (await place.ask(_Read, CONTACT, id=contact, after=None)).contact
    values: list[str] = []
    page = found.activity
    while True:
        for edge in page.edges:
            values += [text for one in edge.node.changes for text in (one.before, one.after) if text]
        if not page.page_info.has_next_page:
            return found, "\n".join(values)
        after = page.page_info.end_cursor
        page = (await place.ask(_Read, CONTACT, id=contact, after=after)).contact.activity


async def _judge_subject(people: People, one: Subject, verdict: Verdict) -> None:
    contact, history = await _read(people.place, one.id)
    there = await people.look(one)
    in_xero = {
        "name": there.name,
        "email": there.email_address,
        "phone": there.phone.replace(" ", "")[-7:],
        "city": there.city,
    }
    digits = "".join(char for char in history if char.isdigit() or char == "\n")
    for what in FIELDS:
        typed = [each for each in one.typed if each.field == what]
        if not typed:
            continue
        here = contact.value(what)
        if here != in_xero[what]:
            verdict.findings.append(f"{what} of {one.id}: here {here!r}, in Xero {in_xero[what]!r}")
        for number, each in enumerate(typed):
            known = each.value == here or each.value in (digits if what == "phone" else history)
            if each.side == "here":
                verdict.accepted += 1
                if not known:
                    verdict.findings.append(
                        f"lost: {what} {each.value!r} of {one.id}; it is {here!r}\n{_story(typed)}"
                    )
            elif not known and not any(later.side == "Xero" for later in typed[number + 1 :]):
                verdict.overwritten += 1
                print(
                    f"overwritten unread: {what} {each.value!r} of {one.id}; it is {here!r}\n{_story(typed)}"
                )
    if [link.state for link in contact.sync_links] != ["SYNCED"]:
        verdict.findings.append(
            f"{contact.name}: {[(link.state, link.failure) for link in contact.sync_links]}"
        )


def _story(typed: Sequence[Typed]) -> str:
    return "\n".join(f"    {one.at:.2f} {one.side}: {one.value}" for one in typed)


async def _judge_new(people: People, listed: Page, held: Before, verdict: Verdict) -> None:
    names = Counter(one.name for one in listed.contacts if one.contact_status == "ACTIVE")
    for contact, name in people.pushed.items():
        found, _ = await _read(people.place, contact)
        states = [link.state for link in found.sync_links]
        if states != ["SYNCED"] or names[name] != 1:
            verdict.findings.append(
                f"push {name}: {states}, {names[name]} in Xero, {[link.failure for link in found.sync_links]}"
            )
    for name in people.added:
        edges = (await people.place.ask(_Named, NAMED, name=name)).contacts.edges
        here = [edge.node for edge in edges if edge.node.name == name]  # a search finds words of emails too
        if len(here) != 1:
            verdict.findings.append(f"added in Xero {name}: {len(here)} contacts here: {here}")
    new = len(people.pushed) + len(people.added) + ADDED_AT_ONCE * people.narrowed
    if len(listed.contacts) != held.xero + new:
        verdict.findings.append(f"contacts in Xero: {held.xero} and {new} new are {len(listed.contacts)}")


async def _judge_bills(people: People, listed: Page, verdict: Verdict) -> None:
    ours = [one for one in listed.invoices if "/i/" in one.url and one.status not in {"VOIDED", "DELETED"}]
    for url, count in Counter(one.url for one in ours).items():
        if count > 1:
            verdict.findings.append(f"{count} invoices in Xero with the address {url}")
    by_number = {one.invoice_number: one for one in ours}
    for bill in people.bills:
        verdict.invoices += 1
        there = by_number.get(bill.number)
        if there is None or Decimal(str(there.total)) != Decimal(bill.total):
            verdict.findings.append(f"invoice {bill.number}: {bill.total} here, {there} in Xero")
        await _judge_bill(people, bill, verdict)


async def _judge_bill(people: People, bill: Bill, verdict: Verdict) -> None:
    found = (await people.place.ask(_BillRead, BILL, id=bill.id)).invoice
    if found.sync.state != "SYNCED" or (bill.paid and found.status != "PAID"):
        verdict.findings.append(
            f"invoice {bill.number}, paid {bill.paid}: {found.status}, {found.sync.state}, {found.sync.failure}"
        )


async def _unequal(people: People, listed: Page) -> tuple[list[tuple[_Synced, XeroContact]], int]:
    """The SYNCED pairs whose name or email is not the same, and how many there are of all."""
    there = {one.contact_id.lower(): one for one in listed.contacts}
    found: list[tuple[_Synced, XeroContact]] = []
    seen, after = 0, None
    while True:
        page = (await people.place.ask(_SyncedPages, LINKS, id=people.organisation, after=after)).sync_links
        for edge in page.edges:
            pair = edge.node
            seen += 1
            other = there.get(pair.xero_contact.xero_contact_id.lower())
            if other is None:
                raise SystemExit(f"Xero does not list the contact of {pair.contact.name}")
            here = (_plain(pair.contact.name), _plain(pair.contact.billing_email or ""))
            if here != (_plain(other.name), _plain(other.email_address)):
                found.append((pair, other))
        if not page.page_info.has_next_page:
            return found, seen
        after = page.page_info.end_cursor


def _plain(text: str) -> str:
    return " ".join(text.split())


async def _judge_stuck(people: People, held: Before, verdict: Verdict) -> None:
    stuck = await people.place.ask(_Stuck, STUCK, id=people.organisation)
    links, invoices = stuck.sync_links, stuck.invoices
    if links.total_count > held.waiting:
        verdict.findings.append(
            f"{links.total_count - held.waiting} links more than before wait or fail: "
            + ", ".join(
                f"{edge.node.contact.name} {edge.node.state} {edge.node.failure}" for edge in links.edges[:5]
            )
        )
    if invoices.total_count:
        verdict.findings.append(
            f"{invoices.total_count} invoices wait or fail: "
            + ", ".join(f"{edge.node.number} {edge.node.sync}" for edge in invoices.edges[:5])
        )


async def rests(people: People, held: Before) -> str:
    """A blank text once both sides are at rest; else the work that is left."""
    stuck = await people.place.ask(_Stuck, STUCK, id=people.organisation)
    if stuck.sync_links.total_count > held.waiting or stuck.invoices.total_count:
        return (
            f"{stuck.sync_links.total_count - held.waiting} links and {stuck.invoices.total_count} invoices"
        )
    for one in people.subjects:
        if not one.typed:
            continue
        contact, _ = await _read(people.place, one.id)
        there = await people.look(one)
        seen: dict[Field, str] = {"name": there.name, "email": there.email_address}
        typed = {
            each.field for each in one.typed
        }  # a field that nobody typed may have been spelt in two ways before
        if any(contact.value(what) != text for what, text in seen.items() if what in typed):
            return f"{one.name} differs"
    for bill in people.bills:
        if bill.paid and (await people.place.ask(_BillRead, BILL, id=bill.id)).invoice.status != "PAID":
            return f"{bill.number} is not PAID yet"
    return ""


async def here(place: Place, contact: str, what: Field) -> str:
    """The value of this field of the practice's contact."""
    return (await place.ask(_Read, CONTACT, id=contact, after=None)).contact.value(what)
