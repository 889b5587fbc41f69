"""A small schema with every kind of field, whose resolvers and values fail wherever a seed says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any
from zlib import crc32

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types import Info

from api.compiled.run import Plans
from api.context import Context
from api.guards.extensions import compiling, edge_config
from api.relay.loaders import BatchName, batch, load, load_later
from api.schema.scalars import SCALARS
from domain.tx import Reader


@dataclass
class Faults:
    """Whether a place has a fault depends on the seed and the place alone, and so not on the order of execution."""

    seed: int = 0
    share: float = 0.0

    def dice(self, *place: object) -> float:
        return crc32(f"{self.seed} {place}".encode()) / 2**32

    def may_fail(self, *place: object) -> None:
        if self.dice("raise", *place) < self.share:
            raise RuntimeError(f"fault at {place}")

    def value(self, usual: Any, *place: object) -> Any:
        if self.dice("value", *place) >= self.share:
            return usual
        wrong = [None, object(), ValueError("a value"), "text", 1e400, 2**40, [], [None], True]
        return wrong[int(self.dice("which", *place) * len(wrong))]


FAULTS = Faults()
READ: list[int] = []  # how many keepers each batch has read


@strawberry.enum
class Mood(Enum):
    CALM = "calm"
    WILD = "wild"


@strawberry.interface
class Named:
    id: strawberry.ID
    name: str


@strawberry.type
class Tag:
    label: str
    weight: float | None
    mood: Mood | None


@strawberry.type
class Animal(Named):
    place: strawberry.Private[str]
    legs: int | None
    tame: bool
    born: datetime | None
    mood: Mood
    words: list[str]
    table: list[list[int | None]] | None
    tag: Tag | None
    tags: list[Tag | None]

    @strawberry.field
    def sound(self, times: int = 1) -> str:
        FAULTS.may_fail("sound", self.place)
        return "moo" * times

    @strawberry.field
    async def later(self) -> str | None:
        await asyncio.sleep(0)
        FAULTS.may_fail("later", self.place)
        return None if FAULTS.dice("later", self.place) < 0.3 else "later"

    @strawberry.field
    def keeper(self, info: Info[Context, None]) -> "Keeper | None":
        return load_later(info.context, KEEPERS, self.place)

    @strawberry.field
    async def friends(self, first: int | None = None) -> "list[Animal]":
        FAULTS.may_fail("friends", self.place)
        return [animal(f"{self.place}/{n}") for n in range(min(first or 1, 2))]

    @strawberry.field
    def owner(self) -> Named | None:
        return keeper_of(self.place) if FAULTS.dice("owner", self.place) < 0.5 else animal(f"{self.place}o")


@strawberry.type
class Keeper(Named):
    place: strawberry.Private[str]
    animals: list[Animal]
    best: Tag

    @strawberry.field
    async def again(self, info: Info[Context, None]) -> "Keeper":
        return await load(info.context, KEEPERS, self.place)  # type: ignore[return-value]  # a null is a fault of the farm's


def tag(place: str) -> Tag:
    return Tag(
        label=FAULTS.value(f"label {place}", "label", place),
        weight=FAULTS.value(1.0, "weight", place),
        mood=FAULTS.value(Mood.WILD, "tag mood", place),
    )


def animal(name: str) -> Animal:
    value = FAULTS.value
    return Animal(
        place=name,
        id=value(name, "id", name),
        name=value(f"Ä {name}", "name", name),
        legs=value(4, "legs", name),
        tame=value(True, "tame", name),
        born=value(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "born", name),
        mood=value(Mood.CALM, "mood", name),
        words=value(["a", value("b", "word", name)], "words", name),
        table=value([[1, None], [value(2, "cell", name)]], "table", name),
        tag=value(tag(name), "tag", name),
        tags=value([tag(f"{name}t"), None, value(tag(f"{name}u"), "one tag", name)], "tags", name),
    )


def keeper_of(name: str) -> Keeper:
    return Keeper(
        place=name,
        id=strawberry.ID(f"{name}k"),
        name=FAULTS.value("Kea", "keeper name", name),
        animals=FAULTS.value([animal(f"{name}ka")], "kept", name),
        best=FAULTS.value(tag(f"{name}k"), "best", name),
    )


KEEPERS = BatchName[str, Keeper]("test keeper")


@batch(KEEPERS)
async def _keepers(tx: Reader, keys: Sequence[str]) -> dict[str, Keeper]:
    READ.append(len(keys))
    FAULTS.may_fail("keepers", *sorted(keys))
    return {key: keeper_of(key) for key in keys if FAULTS.dice("keeper", key) < 0.8}


class Loud(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Info, **kwargs: Any) -> Any:
        FAULTS.may_fail("loud")
        return next_(source, info, **kwargs)

    async def resolve_async(self, next_: Any, source: Any, info: Info, **kwargs: Any) -> Any:
        FAULTS.may_fail("loud later")
        return await next_(source, info, **kwargs)


@strawberry.input
class Wish:
    mood: Mood = Mood.CALM
    names: list[str] | None = strawberry.UNSET


@strawberry.type
class Query:
    @strawberry.field(extensions=[Loud()])
    async def animals(self, first: int | None = 2, wish: Wish | None = None) -> list[Animal]:
        FAULTS.may_fail("animals")
        if first == 0:
            raise ValueError("none")
        prefix = f"{wish.mood.value}{wish.names}" if wish else "plain"
        return [animal(f"{prefix}{n}") for n in range(first or 1)]

    @strawberry.field
    def animal(self, id: strawberry.ID) -> Animal | None:
        FAULTS.may_fail("animal", id)
        return animal(id) if FAULTS.dice("animal", id) < 0.8 else None

    @strawberry.field(extensions=[Loud()])
    def things(
        self,
    ) -> list[Annotated[Animal | Keeper, strawberry.union("Thing")]]:
        return [animal("t"), keeper_of("t"), FAULTS.value(animal("u"), "thing")]

    @strawberry.field
    async def named(self) -> Named:
        return animal("n")

    @strawberry.field
    async def version(self) -> str:
        FAULTS.may_fail("version")
        return "1"


def farm(plans: Plans) -> strawberry.Schema:
    """Without the guards, whose limits have tests of their own."""
    return strawberry.Schema(
        Query, types=[Animal, Keeper], config=edge_config(scalar_map=SCALARS), extensions=[compiling(plans)]
    )
