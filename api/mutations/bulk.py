"""Mutations of links and contacts, for one row or many: one transaction that takes all locks first, and one result for
each row."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from api.context import Context
from api.mutations.payloads import UserError, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.activity import ActivityEvent, ValueChange
from api.schema.contacts import Contact
from api.schema.links import SyncLink
from api.schema.refs import ACTIVITY_EVENT, CONTACT, SYNC_LINK
from domain.matching import issues
from domain.matching.issues import Acted
from domain.outbound.deliveries import INTERACTIVE_MOST
from domain.problems import Refused
from domain.tx import Tx

Input = TypeVar("Input")


def is_bulk(rows: Sequence[object]) -> bool:
    """Whether there are too many rows for a person to wait for. Their writes go to Xero after interactive work."""
    return len(rows) > INTERACTIVE_MOST


async def act(
    context: Context,
    rows: Sequence[Input],
    change: Callable[[Tx, Input], Awaitable[Acted]],
    *,
    links: Sequence[str] = (),
    contacts: Sequence[str] = (),
) -> tuple[list[Acted | Refused], list[UserError]]:
    """Change each row on its own: a refused row leaves the others done. Give a result for each row, and the errors of the
    request as a whole.

    `links`, `contacts`: the ids in the input. Their rows are locked before the first change."""
    link_ids = [key for text in links if (key := ids.find("SyncLink", text))]
    contact_ids = [key for text in contacts if (key := ids.find("Contact", text))]

    async def run(tx: Tx) -> list[Acted | Refused]:
        return await issues.each(
            tx, rows, lambda row: change(tx, row), link_ids=link_ids, contact_ids=contact_ids
        )

    outcome = await write(context, run)
    return outcome.done or [], outcome.errors


async def find_link(context: Context, key: UUID | None) -> SyncLink | None:
    found: SyncLink | None = await load(context, SYNC_LINK, key) if key else None
    return found


async def find_contact(context: Context, key: UUID | None) -> Contact | None:
    found: Contact | None = await load(context, CONTACT, key) if key else None
    return found


async def find_changes(context: Context, event: UUID | None) -> list[ValueChange]:
    found: ActivityEvent | None = await load(context, ACTIVITY_EVENT, event) if event else None
    return found.changes if found else []
