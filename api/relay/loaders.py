"""Rows by their keys, gathered: many resolvers asking at once cost one statement in one short transaction.

Each noun registers how its objects are read in batches, by a name; `load` gives one. So a type may lead to any
other without importing it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from api.context import Context
from domain.tx import Tx

MOST = 1000
Made = TypeVar("Made")
Batch = Callable[[Tx, Sequence[Any]], Awaitable[Mapping[Any, Any]]]
_BATCHES: dict[str, Batch] = {}
NODES: dict[str, str] = {}


def batch(name: str, *, node: str | None = None) -> Callable[[Batch], Batch]:
    """Registers a function from keys to what stands under them; a key that is left out has null. `node`: the type
    whose objects `Query.node` fetches by it."""

    def register(read: Batch) -> Batch:
        _BATCHES[name] = read
        if node is not None:
            NODES[node] = name
        return read

    return register


def load(context: Context, name: str, key: Hashable) -> Awaitable[Any]:
    """Awaited in a resolver, never inside a transaction of one's own."""
    read = _BATCHES[name]
    loader = context.loaders.get(read)
    if loader is None:
        loader = context.loaders[read] = DataLoader(
            load_fn=_in_transaction(context, read), max_batch_size=MOST
        )
    found: Awaitable[Any] = loader.load(key)
    # A subscription that ends while it waits would cancel what the others wait for.
    return asyncio.shield(found) if context.shared else found


def renew(context: Context) -> None:
    """Forget what was read: something has been written since."""
    context.loaders.clear()


def _in_transaction(context: Context, read: Batch) -> Callable[[list[Any]], Awaitable[list[Any]]]:
    async def run(keys: list[Any]) -> list[Any]:
        async with context.transaction() as tx:
            found = await read(tx, keys)
        return [found.get(key) for key in keys]

    return run


def by_id(rows: Iterable[Mapping[str, Any]], make: Callable[[Mapping[str, Any]], Made]) -> dict[UUID, Made]:
    return {row["id"]: make(row) for row in rows}


def grouped(
    keys: Sequence[UUID],
    rows: Iterable[Mapping[str, Any]],
    column: str,
    make: Callable[[Mapping[str, Any]], Made],
) -> dict[UUID, list[Made]]:
    """Each key's list, empty where there is nothing."""
    found: dict[UUID, list[Made]] = {key: [] for key in keys}
    for row in rows:
        found[row[column]].append(make(row))
    return found


def by_argument(keys: Sequence[tuple[UUID, Hashable]]) -> dict[Any, list[UUID]]:
    """Keys of (parent, arguments) as parents by arguments: a statement for each set of arguments."""
    found: dict[Any, list[UUID]] = defaultdict(list)
    for parent, arguments in keys:
        found[arguments].append(parent)
    return found
