"""Loads objects by their keys, in batches: many resolvers that ask at once cost one statement in one short transaction.

Each noun registers, under a name, how a batch of its objects is read. `load` returns one object. So a type can lead to any other
type without importing its module.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from api.context import Context
from domain.tx import Reader, Tx

MOST = 1000
Made = TypeVar("Made")
Key = TypeVar("Key", bound=Hashable)
KeyIn = TypeVar("KeyIn", bound=Hashable, contravariant=True)
MadeOut = TypeVar("MadeOut", covariant=True)
Batch = Callable[[Reader, Sequence[Key]], Awaitable[Mapping[Key, Made]]]
BatchInTransaction = Callable[[Tx, Sequence[Key]], Awaitable[Mapping[Key, Made]]]


@dataclass(frozen=True)
class BatchName(Generic[KeyIn, MadeOut]):
    """The name under which a batch is registered, with the types of its keys and of its objects."""

    name: str


_BATCHES: dict[BatchName[Any, Any], Batch[Any, Any]] = {}
_IN_TRANSACTION: set[BatchInTransaction[Any, Any]] = set()
NODES: dict[str, BatchName[UUID, Any]] = {}


def batch(
    name: BatchName[Key, Made], *, node: str | None = None
) -> Callable[[Batch[Key, Made]], Batch[Key, Made]]:
    """Register a function from keys to objects; a key that it leaves out has null. `node` is the type whose objects `Query.node`
    fetches by it."""

    def register(read: Batch[Key, Made]) -> Batch[Key, Made]:
        _BATCHES[name] = read
        if node is not None:
            NODES[node] = cast(BatchName[UUID, Any], name)
        return read

    return register


def batch_in_transaction(
    name: BatchName[Key, Made],
) -> Callable[[BatchInTransaction[Key, Made]], BatchInTransaction[Key, Made]]:
    """Register a function as `batch` does, but for one that needs the session of a transaction."""

    def register(read: BatchInTransaction[Key, Made]) -> BatchInTransaction[Key, Made]:
        _IN_TRANSACTION.add(read)
        batch(name)(cast(Batch[Key, Made], read))
        return read

    return register


def load(context: Context, name: BatchName[Key, Made], key: Key) -> Awaitable[Made | None]:
    """Return the object of the key, for resolvers. None if the batch leaves the key out. Never await it inside an open
    transaction, because transactions do not nest."""
    read = _BATCHES[name]
    loader = context.loaders.get(read)
    if loader is None:
        loader = context.loaders[read] = Loader(context, read)
    found: Awaitable[Made | None] = loader.load(key)
    return found


def load_known(context: Context, name: BatchName[Key, Made], key: Key) -> Awaitable[Made]:
    """Return the object of a key that every batch has. Raises LookupError if the batch leaves the key out."""
    return _Known(name.name, load(context, name, key))


@dataclass(eq=False, slots=True)
class _Known(Generic[MadeOut]):
    name: str
    loading: Awaitable[MadeOut | None]

    def __await__(self) -> Generator[Any, None, MadeOut]:
        found = yield from self.loading.__await__()
        if found is None:
            raise LookupError(f"{self.name} left a key out")
        return found


def load_later(context: Context, name: BatchName[Key, Made], key: Key) -> Made:
    """Return an awaitable of the object, for a resolver that is no coroutine and returns the object unchanged. The executor
    of the operation awaits it. A compiled operation awaits the objects of a whole level together. A key that the batch
    leaves out is null, and an error where the field is not nullable."""
    return cast(Made, load(context, name, key))


def renew(context: Context) -> None:
    """Forgets the objects that were read, because something has been written since."""
    context.loaders.clear()


def forget_read(context: Context) -> None:
    """Forgets the objects that were read, and keeps what else the request holds: it is executed once more."""
    for key in [key for key, held in context.loaders.items() if isinstance(held, Loader)]:
        del context.loaders[key]


@dataclass(eq=False, slots=True)
class Reading:
    """One batch. `found` has the objects by their keys, once `done` is set."""

    done: asyncio.Future[None]
    keys: list[Any] = field(default_factory=list)
    found: Mapping[Hashable, object] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    async def ended(self) -> None:
        """Wait for the batch. A waiting task that is cancelled does not cancel the batch, which others wait for."""
        await asyncio.shield(self.done)


@dataclass(eq=False, slots=True)
class Loading:
    """The object of one key. Several tasks may await the same object, and several times."""

    reading: Reading
    key: Hashable

    def found(self) -> object:
        """The object, after the batch has ended. None for a key that the batch left out."""
        return self.reading.found.get(self.key)

    def __await__(self) -> Generator[Any, None, Any]:
        yield from self.reading.ended().__await__()
        return self.found()


class Loader:
    """Reads each key once, in batches: all keys of one turn of the event loop, at most `MOST`."""

    def __init__(self, context: Context, read: Batch[Any, Any]) -> None:
        self._context, self._read = context, read
        self._known: dict[Hashable, Loading] = {}
        self._next: Reading | None = None

    def load(self, key: Hashable) -> Loading:
        known = self._known.get(key)
        if known is not None:
            return known
        reading = self._next
        if reading is None or len(reading.keys) >= MOST:
            loop = asyncio.get_running_loop()
            reading = self._next = Reading(loop.create_future())
            loop.call_soon(self._begin, reading)
        reading.keys.append(key)
        loading = self._known[key] = Loading(reading, key)
        return loading

    def _begin(self, reading: Reading) -> None:
        if self._next is reading:
            self._next = None
        reading.task = asyncio.get_running_loop().create_task(self._run(reading))

    async def _run(self, reading: Reading) -> None:
        try:
            in_transaction = self._read in _IN_TRANSACTION
            opened = self._context.transaction() if in_transaction else self._context.reading()
            async with opened as tx:
                reading.found = await self._read(tx, reading.keys)
        except Exception as error:
            reading.done.set_exception(error)
            reading.done.exception()  # no task may be waiting any more, and that is no error
        except BaseException:
            reading.done.cancel()
            raise
        else:
            reading.done.set_result(None)
        finally:
            reading.task = None


def by_argument(keys: Sequence[tuple[UUID, Key]]) -> dict[Key, list[UUID]]:
    """The parents by their arguments, from keys of (parent, arguments): each set of arguments needs a statement of its own."""
    found: dict[Key, list[UUID]] = defaultdict(list)
    for parent, arguments in keys:
        found[arguments].append(parent)
    return found


async def together(runs: Sequence[Coroutine[Any, Any, Made]]) -> list[Made]:
    """The results of all. If one fails, the others are ended first, so that nothing of a failed plan goes on."""
    if len(runs) == 1:
        return [await runs[0]]
    tasks = [asyncio.ensure_future(each) for each in runs]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
