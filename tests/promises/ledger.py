"""The values that people typed on either side, and what must hold of them at the end."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.fields.phones import PhoneParts, join_phone
from domain.fields.synced import canonical, loaded, practice_values
from domain.fields.values import PostalAddress, Value
from domain.tables import SyncedField
from tests.promises.scene import Scene
from xero.simulator.contacts import ACTIVE, GDPRREQUEST, Address, Contact, Phone

REGION = "NZ"
ACTIVE_STATES = ("SYNCED", "PENDING", "FAILING", "CONFLICT")


def key(name: SyncedField, value: Value) -> object:
    return canonical(name, value, REGION)


def xero_values(contact: Contact) -> dict[SyncedField, Value]:
    """The values that a person sees in Xero, in the practice's form."""
    phone = contact.phones.get("DEFAULT", Phone())
    address = contact.addresses.get("POBOX", Address())
    return {
        SyncedField.NAME: contact.name,
        SyncedField.BILLING_EMAIL: contact.email or None,
        SyncedField.PRIMARY_PHONE: join_phone(PhoneParts(phone.country, phone.area, phone.number)),
        SyncedField.BILLING_ADDRESS: PostalAddress.from_json(
            {"lines": list(address.lines), "city": address.city, "region": address.region,
             "postalCode": address.postal_code, "country": address.country, "attentionTo": address.attention_to}
        ),
    }  # fmt: skip


def told_value(name: SyncedField, value: Any) -> Value:
    """The values that an answer showed (scene.shown_values)."""
    if name is SyncedField.PRIMARY_PHONE:
        return join_phone(PhoneParts(*value)) if value else None
    if name is SyncedField.BILLING_ADDRESS:
        line, city = value or ("", "")
        return PostalAddress.from_json({"lines": [line], "city": city})
    return value or None


@dataclass
class Ledger:
    """`typed`: by practice contact and field, every value that a person set. `edits`: how often a person changed a
    field, by Xero contact or practice contact."""

    typed: dict[tuple[UUID, SyncedField], list[Value]] = field(default_factory=lambda: defaultdict(list))
    practice_edits: Counter[tuple[UUID, SyncedField]] = field(default_factory=Counter)
    xero_edits: Counter[tuple[str, SyncedField]] = field(default_factory=Counter)
    survivors: set[str] = field(default_factory=set)
    """Xero contacts into which others were merged: their links may have come from those."""
    acts: int = 0
    """Other acts of a person that may be a write: a conflict settled, a value restored."""
    apart: set[tuple[UUID, str]] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)
    """Xero contacts whose practice contact a person deleted."""

    async def check_rest(self, scene: Scene) -> None:
        """Everything that holds when both sides have been left alone."""
        rest = await Rest.of(scene)
        for link in rest.links:
            if link["state"] in ACTIVE_STATES:
                self._check_link(rest, link)
        self._check_practice_values(rest)
        self._check_xero_values(scene, rest)
        self._check_announced_values(scene, rest)
        self._check_pairs(rest)
        assert rest.loud == [], ("something flowed after unsync", rest.loud)
        self._check_writes(scene, rest)
        self._check_mirror(scene, rest)

    def _check_link(self, rest: "Rest", link: Mapping[str, Any]) -> None:
        contact = rest.contacts[link["contact_id"]]
        xero = rest.xero.get(str(link["xero_id"]))
        if xero is None:
            assert link["state"] == "FAILING", ("a push neither done nor failed", link)
            return
        assert xero.status == ACTIVE, ("linked with what is not active", link["state"], xero)
        ours, theirs = practice_values(contact), xero_values(xero)
        differing = [name for name in SyncedField if key(name, ours[name]) != key(name, theirs[name])]
        told = (link["state"], link["failure"], link["conflicts"], link["due_at"], ours, theirs)
        if link["state"] == "SYNCED":
            assert differing == [], ("SYNCED and different", differing, told)
            for name in SyncedField:
                bases = [loaded(name, link[side].get(name)) for side in ("base_practice", "base_xero")]
                assert [key(name, one) for one in bases] == [key(name, ours[name])] * 2, (
                    "base",
                    name,
                    bases,
                    told,
                )
        elif link["state"] == "CONFLICT":
            assert set(differing) >= set(link["conflicts"]), ("in conflict and equal", differing, told)
        elif link["state"] == "FAILING":
            assert link["failure"]["code"] != "UNCERTAIN", told
            assert differing, ("a failure is shown for what succeeded", told)
            assert set(differing) <= set(link["refused"]) | set(link["conflicts"]), ("stuck", differing, told)
        else:
            raise AssertionError(("at rest and PENDING", differing, told))

    def _check_practice_values(self, rest: "Rest") -> None:
        for (contact_id, name), values in self.typed.items():
            contact = rest.contacts.get(contact_id)
            if contact is None or contact_id in rest.forgotten:
                continue
            kept = rest.kept[contact_id, name] | {key(name, practice_values(contact)[name])}
            for value in values:
                assert value is None or key(name, value) in kept, (
                    "a value typed in the practice is lost", contact["name"], name, value, kept,
                )  # fmt: skip

    def _check_xero_values(self, scene: Scene, rest: "Rest") -> None:
        """What a read showed while the pair was linked, or last before. A value that no read showed is the exception."""
        for link in rest.links:
            xero = rest.xero.get(str(link["xero_id"]))
            if link["state"] not in ACTIVE_STATES or xero is None or xero.id in self.survivors:
                continue
            contact = rest.contacts[link["contact_id"]]
            for name in SyncedField:
                told = scene.told[xero.id, name]
                before = [value for at, value in told if at < link["linked_at"]][-1:]
                since = [value for at, value in told if at >= link["linked_at"]]
                kept = rest.kept[contact["id"], name] | {
                    key(name, practice_values(contact)[name]), key(name, xero_values(xero)[name])
                }  # fmt: skip
                for value in before + since:
                    shown = told_value(name, value)
                    assert shown is None or key(name, shown) in kept, (
                        "a value shown by Xero is lost", xero.name, name, shown, kept,
                    )  # fmt: skip

    def _check_announced_values(self, scene: Scene, rest: "Rest") -> None:
        """What Xero had announced is read before a write overwrites it, so it is kept."""
        links = {str(link["xero_id"]): link for link in rest.links if link["state"] in ACTIVE_STATES}
        for one in scene.overwritten:
            link, name = links.get(one.contact.id), _WIRE.get(one.member)
            if link is None or name is None or one.at < link["linked_at"] or one.contact.id in self.survivors:
                continue
            contact, value = rest.contacts[link["contact_id"]], xero_values(one.contact)[name]
            now = xero_values(rest.xero[one.contact.id])[name]
            kept = rest.kept[contact["id"], name] | {
                key(name, practice_values(contact)[name]),
                key(name, now),
            }
            assert value is None or key(name, value) in kept, (
                "a value announced by Xero is lost", one.contact.name, name, value, kept,
            )  # fmt: skip

    def _check_pairs(self, rest: "Rest") -> None:
        active = [link for link in rest.links if link["state"] in ACTIVE_STATES]
        for end in ("contact_id", "xero_contact_id"):
            ends = [link[end] for link in active if link[end]]
            assert len(ends) == len(set(ends)), ("two links of one end", end)
        # A survivor of a merge also has the UNSYNCED links of what was merged into it, which were made for that.
        made = Counter(
            link["xero_id"]
            for link in rest.links
            if link["origin"] == "CREATED_FROM_XERO" and str(link["xero_id"]) not in self.survivors
        )
        assert all(n == 1 for n in made.values()), ("two contacts of one Xero contact", made)
        for link in active:
            pair = (link["contact_id"], str(link["xero_id"]))
            assert pair not in self.apart, ("a set-apart pair is linked", link)
            assert pair[1] not in self.marked, ("what a person deleted has come back", link)

    def _check_writes(self, scene: Scene, rest: "Rest") -> None:
        """No echo: each write of a field has a change by a person, or a link that began, to answer for it."""
        creates = scene.simulation.counts.creates
        assert all(n == 1 for number, n in creates.items() if number), ("one contact per push", creates)
        for wire, name in _WIRE.items():
            written = sum(one.fields.get(wire, 0) for one in scene.simulation.written.values())
            edits = [
                n for (_, of), n in (*self.practice_edits.items(), *self.xero_edits.items()) if of is name
            ]
            assert written <= rest.begun + self.acts + sum(edits), ("echo", wire, written, rest.begun, edits)

    def _check_mirror(self, scene: Scene, rest: "Rest") -> None:
        for contact in scene.book:
            row = rest.mirror.get(contact.id)
            assert row is not None, ("not in the mirror", contact)
            if contact.status == GDPRREQUEST:
                kept = [
                    row[name] for name in ("email", "phone", "billing_address", "first_name", "last_name")
                ]
                assert row["status"] == "GDPR_REQUEST", row
                assert kept == [None] * 5, ("not forgotten", row)
                continue
            seen = (row["name"], row["email"] or "", row["is_customer"], row["is_supplier"], row["status"])
            assert seen == (
                contact.name,
                contact.email,
                contact.is_customer,
                contact.is_supplier,
                contact.status,
            ), contact


_WIRE = {
    "Name": SyncedField.NAME,
    "EmailAddress": SyncedField.BILLING_EMAIL,
    "Phones": SyncedField.PRIMARY_PHONE,
    "Addresses": SyncedField.BILLING_ADDRESS,
}


_LOUD = (
    "select l.id, l.state_since, m.sent as what from sync_link l join delivery_member m on m.workspace_id = :ws"
    " and m.link_id = l.id join delivery d on d.workspace_id = :ws and d.id = m.delivery_id and d.claimed_at > l.state_since"
    " where l.workspace_id = :ws and l.state = 'UNSYNCED' union all"
    " select l.id, l.state_since, a.changes from sync_link l join activity a on a.workspace_id = :ws and a.link_id = l.id"
    " and a.at > l.state_since and a.kind in ('CONTACT_CHANGED', 'CONFLICT_SETTLED')"
    " where l.workspace_id = :ws and l.state = 'UNSYNCED'"
)


@dataclass
class Rest:
    """Both sides as they stand. `kept`: by contact and field, what `activity` holds of it. `begun`: how often a link
    began. `loud`: what was sent or came of a link after it was unsynced."""

    links: list[dict[str, Any]]
    contacts: dict[UUID, dict[str, Any]]
    xero: dict[str, Contact]
    mirror: dict[str, dict[str, Any]]
    kept: dict[tuple[UUID, SyncedField], set[object]]
    begun: int
    loud: list[dict[str, Any]]

    @property
    def forgotten(self) -> set[UUID]:
        """Contacts of which Xero was asked to forget its side: what Xero held too is gone from `activity`."""
        gone = {contact.id for contact in self.xero.values() if contact.status == GDPRREQUEST}
        return {link["contact_id"] for link in self.links if str(link["xero_id"]) in gone}

    @classmethod
    async def of(cls, scene: Scene) -> "Rest":
        links = await scene.world.rows(
            "select l.*, x.xero_contact_id as xero_id from sync_link l left join xero_contact x"
            " on x.workspace_id = l.workspace_id and x.id = l.xero_contact_id where l.workspace_id = :ws"
        )
        contacts = await scene.world.rows("select * from contact where workspace_id = :ws")
        mirror = await scene.world.rows("select * from xero_contact where workspace_id = :ws")
        kept: dict[tuple[UUID, SyncedField], set[object]] = defaultdict(set)
        for row in await scene.world.rows(
            "select contact_id, changes from activity where workspace_id = :ws and contact_id is not null"
        ):
            for change in row["changes"]:
                if change["field"] in SyncedField.__members__ and change["restorable"]:
                    name = SyncedField(change["field"])
                    kept[row["contact_id"], name].add(key(name, loaded(name, change["storedBefore"])))
        [begun] = await scene.world.rows(
            "select count(*) as n from activity where workspace_id = :ws and kind in ('LINKED', 'PUSHED')"
        )
        return cls(
            links,
            {row["id"]: row for row in contacts},
            {contact.id: contact for contact in scene.book},
            {str(row["xero_contact_id"]): row for row in mirror},
            kept,
            begun["n"],
            await scene.world.rows(_LOUD),
        )
