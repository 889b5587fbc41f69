"""Loads objects by their keys, in batches: many resolvers that ask at once cost one statement in one short transaction.

Each noun registers, under a name, how a batch of its objects is read. `load` returns one object. So a type can lead to any other
type without importing its module.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from api.context import Context
from domain.tx import Tx

MOST = 1000
Made = TypeVar("Made")
Key = TypeVar("Key", bound=Hashable)
Batch = Callable[[Tx, Sequence[Key]], Awaitable[Mapping[Key, Made]]]
_BATCHES: dict[str, Batch[Any, Any]] = {}
NODES: dict[str, str] = {}


def batch(name: str, *, node: str | None = None) -> Callable[[Batch[Key, Made]], Batch[Key, Made]]:
    """Registers a function from keys to objects; a key that it leaves out has null. `node` is the type whose objects `Query.node`
    fetches by it."""

    def register(read: Batch[Key, Made]) -> Batch[Key, Made]:
        _BATCHES[name] = read
        if node is not None:
            NODES[node] = name
        return read

    return register


def load(context: Context, name: str, key: Hashable) -> Awaitable[Any]:
    """For resolvers. Never await it inside an open transaction, because transactions do not nest."""
    read = _BATCHES[name]
    loader = context.loaders.get(read)
    if loader is None:
        loader = context.loaders[read] = DataLoader(
            load_fn=_in_transaction(context, read), max_batch_size=MOST
        )
    found: Awaitable[Any] = loader.load(key)
    # A subscription that ends while it waits must not cancel the load that others wait for.
    return asyncio.shield(found) if context.shared else found


def renew(context: Context) -> None:
    """Forgets the objects that were read, because something has been written since."""
    context.loaders.clear()


def _in_transaction(
    context: Context, read: Batch[Key, Made]
) -> Callable[[list[Key]], Awaitable[list[Made | None]]]:
    async def run(keys: list[Key]) -> list[Made | None]:
        async with context.transaction() as tx:
            found = await read(tx, keys)
        return [found.get(key) for key in keys]

    return run


def by_argument(keys: Sequence[tuple[UUID, Key]]) -> dict[Key, list[UUID]]:
    """The parents by their arguments, from keys of (parent, arguments): each set of arguments needs a statement of its own."""
    found: dict[Key, list[UUID]] = defaultdict(list)
    for parent, arguments in keys:
        found[arguments].append(parent)
    return found
