"""What people do on either side, each act noted in the ledger. `which` counts from those that are linked on."""

from typing import Any
from uuid import UUID

from domain.connection import organisations
from domain.contacts import edits as contact_edits
from domain.fields.values import PostalAddress
from domain.matching import issues
from domain.problems import Refused
from domain.tables import ConflictPolicy, SyncedField, XeroContactFilter
from tests.promises.ledger import Ledger
from tests.promises.scene import Scene
from xero.simulator.contacts import ARCHIVED

NAMES = ["Ann", "Bob Ltd", "Cid", "Dee & Co"]
EMAILS = [None, "a@x.nz", "b@x.nz", "c@x.nz"]
PHONES = [None, "09 111 1111", "021 222 222", "+64 9 333 3333"]
ADDRESSES = [None, ("1 High St", "Napier"), ("PO Box 2", "Gore")]
_LINKED = "l.workspace_id = :ws and l.state not in ('BROKEN', 'UNSYNCED')"


class People:
    def __init__(self, scene: Scene, ledger: Ledger) -> None:
        self.scene = scene
        self.ledger = ledger

    async def create_in_practice(self, name: str, email: str | None) -> None:
        made = await self.scene.world.contact(name, email)
        self.ledger.typed[made.id, SyncedField.NAME].append(name)
        self.ledger.typed[made.id, SyncedField.BILLING_EMAIL].append(email)

    async def create_in_xero(self, name: str, email: str | None) -> None:
        await self.scene.at_xero("contacts", {"Name": name, "EmailAddress": email or ""})

    async def edit_in_practice(self, which: int, name: SyncedField, value: Any) -> None:
        contact = await self.practice_contact(which)
        if name is SyncedField.BILLING_ADDRESS and value:
            value = PostalAddress((value[0],), value[1])
        async with self.scene.world.tx() as tx, issues.evaluating(tx) as touched:
            await contact_edits.change(tx, contact, contact_edits.Given({name: value}))
            touched.add(contact)
        self.ledger.typed[contact, name].append(value)
        self.ledger.practice_edits[contact, name] += 1

    async def edit_in_xero(self, which: int, name: SyncedField, value: Any) -> None:
        contact = await self._xero_contact(which)
        answer = await self.scene.at_xero(f"contacts/{contact}", {"fields": xero_input(name, value)})
        self.ledger.xero_edits[contact, name] += answer.status_code == 200

    async def set_flags_in_xero(self, which: int, *, customer: bool, supplier: bool) -> None:
        path = f"contacts/{await self._xero_contact(which)}"
        await self.scene.at_xero(path, {"isCustomer": customer, "isSupplier": supplier})

    async def archive_in_xero(self, which: int) -> None:
        path = f"contacts/{await self._xero_contact(which)}"
        await self.scene.at_xero(path, {"fields": {"ContactStatus": "ARCHIVED"}})

    async def restore_in_xero(self, which: int) -> None:
        gone = [contact.id for contact in self.scene.book if contact.status == ARCHIVED]
        if gone:
            path = f"contacts/{gone[which % len(gone)]}"
            await self.scene.at_xero(path, {"fields": {"ContactStatus": "ACTIVE"}})

    async def merge_in_xero(self, which: int, into: int) -> None:
        loser, survivor = await self._xero_contact(which), await self._xero_contact(into)
        answer = await self.scene.at_xero(f"contacts/{loser}", {"mergeInto": survivor})
        if answer.status_code == 200:
            self.ledger.survivors.add(survivor)

    async def forget_in_xero(self, which: int) -> None:
        await self.scene.at_xero(f"contacts/{await self._xero_contact(which)}", {"gdprRequest": True})

    async def decide(self, which: int, decision: str, candidate: int) -> None:
        rows = await self.scene.world.rows(
            "select i.id, x.xero_contact_id, array(select contact_id from match_candidate c where c.workspace_id = :ws"
            " and c.issue_id = i.id order by contact_id) as candidates from match_issue i join xero_contact x"
            " on x.workspace_id = :ws and x.id = i.xero_contact_id where i.workspace_id = :ws and i.state = :state"
            " order by i.created_at, i.id",
            state="RESOLVED" if decision == "reopen" else "OPEN",
        )
        if not rows:
            return
        row = rows[which % len(rows)]
        pairs = [(contact, str(row["xero_contact_id"])) for contact in row["candidates"]]
        try:
            async with self.scene.world.tx() as tx:
                match decision:
                    case "confirm" if pairs:
                        chosen = pairs[candidate % len(pairs)]
                        await issues.confirm(tx, row["id"], chosen[0])
                        self.ledger.apart.discard(chosen)
                        self.ledger.marked.discard(chosen[1])
                    case "separate":
                        await issues.create_separate(tx, row["id"])
                        self.ledger.apart.update(pairs)
                    case "ignore":
                        await issues.ignore(tx, row["id"])
                    case "reopen":
                        await issues.reopen(tx, row["id"])
                        self.ledger.apart.difference_update(pairs)
        except Refused:
            pass

    async def change_settings(
        self, policy: ConflictPolicy | None, contact_filter: XeroContactFilter | None
    ) -> None:
        async with self.scene.world.tx() as tx:
            await organisations.update_sync(
                tx, self.scene.world.organisation, conflict_policy=policy, contact_filter=contact_filter
            )

    async def practice_contact(self, which: int) -> UUID:
        """Where all were deleted, a new one."""
        rows = await self.scene.world.rows(
            f"select id from contact c where workspace_id = :ws order by not exists (select 1 from sync_link l"
            f" where {_LINKED} and l.contact_id = c.id), created_at, id"
        )
        if not rows:
            await self.create_in_practice(NAMES[0], None)
            return await self.practice_contact(which)
        contact: UUID = rows[which % len(rows)]["id"]
        return contact

    async def _xero_contact(self, which: int) -> str:
        """Those that are linked come first, in the order of their practice contacts."""
        rows = await self.scene.world.rows(
            "select x.xero_contact_id from sync_link l join xero_contact x on x.workspace_id = :ws"
            " and x.id = l.xero_contact_id join contact c on c.workspace_id = :ws and c.id = l.contact_id"
            f" where {_LINKED} order by c.created_at, c.id"
        )
        linked = [str(row["xero_contact_id"]) for row in rows]
        found = linked + [contact.id for contact in self.scene.book if contact.id not in linked]
        return found[which % len(found)]


def xero_input(name: SyncedField, value: Any) -> dict[str, Any]:
    """A value as Xero's own fields."""
    match name:
        case SyncedField.NAME:
            return {"Name": value}
        case SyncedField.BILLING_EMAIL:
            return {"EmailAddress": value or ""}
        case SyncedField.PRIMARY_PHONE:
            number = {"PhoneNumber": value or "", "PhoneAreaCode": "", "PhoneCountryCode": ""}
            return {"Phones": [{"PhoneType": "DEFAULT", **number}]}
        case _:
            line, city = value or ("", "")
            return {"Addresses": [{"AddressType": "POBOX", "AddressLine1": line, "City": city}]}
