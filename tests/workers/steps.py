"""Steps of a person, of Xero and of the clock, for a linked organisation."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from domain.actions import push as push_action
from domain.actions import unsync as unsync_action
from domain.actions.push import Wish
from domain.matching import issues
from domain.problems import Refused
from domain.tx import Tx
from tests.workers.linked import Linked

Done = TypeVar("Done", bound=issues.Touching)


async def act(linked: Linked, change: Callable[[Tx], Awaitable[Done]]) -> Done:
    async with linked.here.world.tx() as tx:
        [result] = await issues.each(tx, [change], lambda one: one(tx))
    if isinstance(result, Refused):
        raise result
    return result


async def pushed(linked: Linked, name: str = "Quite New Ltd", **wished: Any) -> UUID:
    """The link of a new contact that was pushed; `linked` is about that contact from now on."""
    contact = await linked.here.world.contact(name, "new@quite.example")
    linked.contact = contact.id
    wish = Wish(contact.id, linked.here.world.organisation, **wished)
    return (await act(linked, lambda tx: push_action.push(tx, wish))).link_id


async def unsync(linked: Linked) -> None:
    link = await linked.link()
    await act(linked, lambda tx: unsync_action.unsync(tx, link["id"]))


async def read(linked: Linked, key: str) -> dict[str, Any] | None:
    """By Xero's id or by number, or None."""
    linked.xero = key
    try:
        return await linked.shown()
    except (KeyError, ValueError):  # Xero answers 404 in plain text
        return None


async def drop(linked: Linked, when: str, method: str = "PUT") -> None:
    await linked.fault(kind="drop", when=when, method=method, path=".*Contacts.*", count=1)


async def count(linked: Linked, table: str) -> int:
    [row] = await linked.here.world.rows(f"select count(*) as n from {table}")
    n: int = row["n"]
    return n


async def in_time(linked: Linked) -> None:
    """Recover all uncertain deliveries, and send the freed members."""
    for _ in range(3):
        linked.later(timedelta(minutes=6))
        await linked.recover()
        await linked.send()
