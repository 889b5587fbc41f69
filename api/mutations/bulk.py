"""A person's acts on links and contacts, one or many: run with all locks up front, and told row by row."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from api.context import Context
from api.mutations.payloads import UserError, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.activity import ActivityEvent, ValueChange
from api.schema.contacts import Contact
from api.schema.links import SyncLink
from domain.matching import issues
from domain.matching.issues import Acted, Row
from domain.outbound.deliveries import INTERACTIVE_MOST
from domain.problems import Refused
from domain.tx import Tx


def is_bulk(rows: Sequence[object]) -> bool:
    """Too many for a person to wait for: what they cause is sent after interactive work."""
    return len(rows) > INTERACTIVE_MOST


async def act(
    context: Context,
    rows: Sequence[Row],
    change: Callable[[Tx, Row], Awaitable[Acted]],
    *,
    links: Sequence[str] = (),
    contacts: Sequence[str] = (),
) -> tuple[list[Acted | Refused], list[UserError]]:
    """`links` and `contacts` are the ids that the input names. The errors are of the request as a whole."""
    link_ids = [key for text in links if (key := ids.find("SyncLink", text))]
    contact_ids = [key for text in contacts if (key := ids.find("Contact", text))]

    async def run(tx: Tx) -> list[Acted | Refused]:
        return await issues.each(
            tx, rows, lambda row: change(tx, row), link_ids=link_ids, contact_ids=contact_ids
        )

    outcome = await write(context, run)
    return outcome.done or [], outcome.errors


async def find_link(context: Context, key: UUID | None) -> SyncLink | None:
    found: SyncLink | None = await load(context, "SyncLink", key) if key else None
    return found


async def find_contact(context: Context, key: UUID | None) -> Contact | None:
    found: Contact | None = await load(context, "Contact", key) if key else None
    return found


async def find_changes(context: Context, event: UUID | None) -> list[ValueChange]:
    found: ActivityEvent | None = await load(context, "ActivityEvent", event) if event else None
    return found.changes if found else []
