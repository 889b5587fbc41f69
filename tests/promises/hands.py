"""What people do with links, each act noted in the ledger. A refused act counts as not done."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from domain.actions import conflicts
from domain.actions import delete as delete_action
from domain.actions import push as push_action
from domain.actions import retry as retry_action
from domain.actions import unsync as unsync_action
from domain.actions.push import Wish
from domain.matching import issues
from domain.problems import Refused
from domain.tables import Side
from domain.tx import Tx
from tests.promises.ledger import Ledger
from tests.promises.people import People
from tests.promises.scene import Scene


class Hands:
    def __init__(self, scene: Scene, ledger: Ledger, people: People) -> None:
        self.scene = scene
        self.ledger = ledger
        self.people = people

    async def push(self, which: int, *, link: bool, anyway: bool) -> None:
        """`which` counts from those that are linked on; `link`: where Xero has one like it, link that."""
        contact = await self.people.practice_contact(which)
        organisation = self.scene.world.organisation
        done = await self._act(
            lambda tx: push_action.push(tx, Wish(contact, organisation, create_anyway=anyway)),
            contacts=[contact],
        )
        if link and isinstance(done, push_action.Existing):
            chosen = done.xero_contact_ids[0]
            linked = await self._act(
                lambda tx: push_action.push(tx, Wish(contact, organisation, link_to=chosen)),
                contacts=[contact],
            )
            if not isinstance(linked, Refused):
                await self._taken(linked.link_id)

    async def unsync(self, which: int) -> None:
        link = await self._link(which, ended=False)
        if link and not isinstance(
            await self._act(lambda tx: unsync_action.unsync(tx, link["id"]), links=[link["id"]]), Refused
        ):
            self.ledger.apart.add((link["contact_id"], str(link["xero_id"])))

    async def rematch(self, which: int, winner: Side) -> None:
        link = await self._link(which, ended=True)
        if link:
            done = await self._act(
                lambda tx: unsync_action.rematch(tx, link["id"], winner=winner), links=[link["id"]], contacts=[link["contact_id"]]
            )  # fmt: skip
            if not isinstance(done, Refused):
                await self._taken(link["id"])

    async def create_from_unsynced(self, which: int, basis: Side) -> None:
        link = await self._link(which, ended=True)
        if link:
            done = await self._act(
                lambda tx: unsync_action.create_from_unsynced(tx, link["id"], basis), links=[link["id"]], contacts=[link["contact_id"]]
            )  # fmt: skip
            if not isinstance(done, Refused):
                self.ledger.apart.add((link["contact_id"], str(link["xero_id"])))
                await self._taken(link["id"])

    async def dismiss(self, which: int) -> None:
        link = await self._link(which, ended=True)
        if link and not isinstance(
            await self._act(lambda tx: unsync_action.dismiss(tx, link["id"]), links=[link["id"]]), Refused
        ):
            self.ledger.apart.add((link["contact_id"], str(link["xero_id"])))

    async def settle_conflict(self, which: int, winner: Side) -> None:
        rows = await self.scene.world.rows(
            "select id, contact_id from sync_link where workspace_id = :ws and state = 'CONFLICT' order by linked_at, id"
        )
        if rows:
            link = rows[which % len(rows)]
            await self._act(lambda tx: conflicts.settle(tx, link["id"], winner), links=[link["id"]])
            self.ledger.acts += 1

    async def restore_value(self, which: int) -> None:
        rows = await self.scene.world.rows(
            "select a.id, a.contact_id, c->>'field' as field, c->'storedBefore' as value from activity a"
            " cross join jsonb_array_elements(a.changes) c where a.workspace_id = :ws"
            " and (c->>'restorable')::boolean order by a.at desc, a.id"
        )
        if rows:
            row = rows[which % len(rows)]
            await self._act(
                lambda tx: conflicts.restore_value(tx, row["id"], row["field"]), contacts=[row["contact_id"]]
            )
            self.ledger.acts += 1

    async def delete(self, which: int, *, archive: bool, reimport: bool) -> None:
        contact = await self.people.practice_contact(which)
        held = await self.scene.world.rows(
            "select x.xero_contact_id as xero_id from sync_link l join xero_contact x on x.workspace_id = :ws"
            " and x.id = l.xero_contact_id where l.workspace_id = :ws and l.contact_id = :contact",
            contact=contact,
        )
        done = await self._act(
            lambda tx: delete_action.delete(tx, contact, archive_in_xero=archive, reimport=reimport), contacts=[contact]
        )  # fmt: skip
        if not isinstance(done, Refused) and not reimport:
            self.ledger.marked.update(str(row["xero_id"]) for row in held)

    async def retry(self) -> None:
        async with self.scene.world.tx() as tx, issues.evaluating(tx):
            await retry_action.retry(tx, organisation_id=self.scene.world.organisation)

    async def _act(
        self,
        act: Callable[[Tx], Awaitable[Any]],
        *,
        links: list[UUID] | None = None,
        contacts: list[UUID] | None = None,
    ) -> Any:
        """Act as the API does. Returns the result or the refusal."""
        async with self.scene.world.tx() as tx:
            [done] = await issues.each(
                tx, [None], lambda _: act(tx), link_ids=links or [], contact_ids=contacts or []
            )
        return done

    async def _taken(self, link_id: UUID) -> None:
        """A link by a person ends the decisions against it."""
        for row in await self.scene.world.rows(
            "select l.contact_id, x.xero_contact_id as xero_id from sync_link l join xero_contact x"
            " on x.workspace_id = :ws and x.id = l.xero_contact_id where l.workspace_id = :ws and l.id = :id",
            id=link_id,
        ):
            self.ledger.apart.discard((row["contact_id"], str(row["xero_id"])))
            self.ledger.marked.discard(str(row["xero_id"]))

    async def _link(self, which: int, *, ended: bool) -> dict[str, Any] | None:
        rows = await self.scene.world.rows(
            "select l.*, x.xero_contact_id as xero_id from sync_link l left join xero_contact x on x.workspace_id = :ws"
            " and x.id = l.xero_contact_id where l.workspace_id = :ws and (l.state in ('UNSYNCED', 'BROKEN')) = :ended"
            " order by l.linked_at, l.id",
            ended=ended,
        )
        return rows[which % len(rows)] if rows else None
