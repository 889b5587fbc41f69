"""Labelled pairs of names with the entity of each name, so that no fold is tested with names of its training."""

import csv
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from zlib import crc32

from rapidfuzz.distance import DamerauLevenshtein

from domain.names.similarity.index import NameIndex
from domain.names.similarity.names import prepare
from train.classify_data import (
    EAST_FAMILY,
    EAST_SYLLABLES,
    MAORI_FAMILY,
    MAORI_GIVEN,
    PACIFIC_FAMILY,
    PACIFIC_GIVEN,
    NameWords,
)


@dataclass(frozen=True, slots=True)
class Pair:
    one: str
    other: str
    match: bool
    source: str
    weight: float
    entities: tuple[str, str]


@dataclass
class Entities:
    """Groups of names: names that a label joins, or that have the same words, belong to one entity."""

    _parent: dict[str, str] = field(default_factory=dict)

    def find(self, key: str) -> str:
        path = []
        while self._parent.setdefault(key, key) != key:
            path.append(key)
            key = self._parent[key]
        for step in path:
            self._parent[step] = key
        return key

    def join(self, one: str, other: str) -> None:
        self._parent[self.find(one)] = self.find(other)

    def of(self, name: str) -> str:
        return self.find("=" + prepare(name).ordered)


@dataclass(frozen=True)
class NameData:
    pairs: list[Pair]
    variants: dict[str, list[str]]
    index: list[tuple[str, str]]  # entity, name
    queries: list[tuple[str, str, str]]  # name, entity or '', source
    entities: Entities


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_names(data: Path) -> NameData:
    labelled = rows(data / "name_pairs_dev.csv")
    variants: dict[str, list[str]] = defaultdict(list)
    for row in rows(data / "name_variants_dev.csv"):
        variants[row["entity_id"]].append(row["name"])
    index = [(row["entity_id"], row["name"]) for row in rows(data / "retrieval_index_dev.csv")]
    queries = [
        (row["query"], row["entity_id"], row["source"]) for row in rows(data / "retrieval_queries_dev.csv")
    ]
    entities = Entities()
    for entity, name in index:
        entities.join("index " + entity, "=" + prepare(name).ordered)
    for query, entity, _ in queries:
        if entity:
            entities.join("index " + entity, "=" + prepare(query).ordered)
    for entity, spellings in variants.items():
        for name in spellings:
            entities.join("variant " + entity, "=" + prepare(name).ordered)
    for row in labelled:
        if row["match"] == "1":
            entities.join("=" + prepare(row["name_a"]).ordered, "=" + prepare(row["name_b"]).ordered)
    pairs = [
        Pair(r["name_a"], r["name_b"], r["match"] == "1", r["source"], 1.0, (entities.of(r["name_a"]), entities.of(r["name_b"])))
        for r in labelled
    ]  # fmt: skip
    return NameData(pairs, dict(variants), index, queries, entities)


def variant_pairs(data: NameData, most: int = 6) -> Iterator[Pair]:
    for entity, spellings in data.variants.items():
        of = data.entities.find("variant " + entity)
        chosen = sorted(
            combinations(sorted(set(spellings)), 2), key=lambda pair: crc32("|".join(pair).encode())
        )
        for one, other in chosen[:most]:
            yield Pair(one, other, True, "variants", 0.5, (of, of))


NEAR_GIVEN = (
    "Harpreet Jaspreet Gurpreet Manpreet Navpreet Amanpreet Harjit Manjit Surjit Baljit Daljit Ranjit".split()
)
NEAR_SYLLABLES = [
    (one.title(), other.title())
    for one, other in combinations(EAST_SYLLABLES, 2)
    if len(one) > 2 and DamerauLevenshtein.distance(one, other) == 1
]
SAME = (
    "{N} {S}|{K} {S};{N} {S}|{K} {S};{N} {S}|{S}, {K};{G} {S}|{S}, {G};{G} {S}|Mr {G} {S};{G} {S}|{GU} {SU};{G} {H} {S}|{G} {S};{G} {S} {W}|{G} {S} {W} Ltd;"
    "{S} {W}|{S} {W} Pty Ltd;{S} & {T} {W}|{S} and {T} {W} Limited;{S} {W}|The {S} {W} Company;{S} {T} {W}|{S}-{T} {W} P/L;"
    "{i} & {j} {S}|{S} {i} & {j};{S} {W} {V}|{S} {W} & {V};"
    "{S} Family Trust|{S} F/T;{S} Trust No {m}|{S} Trust No. {m};{G} {i} {S}|{G} {S};{G} {H} {S}|{G} {I} {S};"
    "{G} {S} (Deceased)|{G} {S};{S} {W}|{G} {S} t/a {S} {W};Mr {i} {S}|{i} {S};Mrs {G} {S}|{G} {S};{S} {W} CC|{S} {W}"
).split(";")
OTHER = (
    "{G} {S}|{H} {S};Mr {G} {S}|Mrs {H} {S};Mr {i} {S}|Mrs {j} {S};{S}, {G}|{H} {S};{G} {S}|{G} {T};{S} {W}|{T} {W};"
    "{S} {W} Ltd|{T} {W} Ltd;{G} {S}|{S} {W} Ltd;{G} {S} {W}|{H} {T} {W};{i} {S}|{j} {S};{S} {W}|{S} {V};{G} {S} Trust|{H} {T} Trust;"
    "{S} {W} Ltd|{S} {V} Ltd;{G} {H} {S}|{H} {G} {T};The {S} Family Trust|{S} {W} Ltd;{S} {W}|{S} Investment Trust;"
    "{S} {T} {W} Ltd|{S} {T} {V} Ltd"
).split(";")


def made_up_pairs(seed: int = 5, of_each: int = 40) -> Iterator[Pair]:
    """Members of one family, and businesses of one trade or one family name, are not one; forms of one name are."""
    filler = NameWords(random.Random(seed))
    for match, forms in ((True, SAME), (False, OTHER)):
        for form in forms:
            for number in range(of_each):
                one, _, other = filler.fill(form).partition("|")
                entity = f"made {form} {number}"
                yield Pair(one, other, match, "made_up", 0.5, (entity, entity))
    yield from _relatives(random.Random(seed), of_each)
    yield from _short_forms(filler, of_each)


def _short_forms(filler: NameWords, of_each: int) -> Iterator[Pair]:
    """A business may be known by its initials; a person is not."""
    for form, after, match in (
        ("{S} {T} {W} {V}", "", True), ("{G} {H} {S}", "", False), ("{G} {H} {S}", " Pty Ltd", False),
    ):  # fmt: skip
        for number in range(of_each * 2):
            name = filler.fill(form)
            letters = "".join(word[0] for word in name.split() if word[0].isalpha())
            entity = f"made letters {match} {number}"
            yield Pair(name, letters + after, match, "made_up", 0.3, (entity, entity))


def _relatives(chance: random.Random, of_each: int) -> Iterator[Pair]:
    """Make relatives of one family, by names that no census of the US knows. Other given names are other people."""
    for givens, families in ((MAORI_GIVEN, MAORI_FAMILY), (PACIFIC_GIVEN, PACIFIC_FAMILY)):
        for number in range(of_each * 2):
            (one, other), family = chance.sample(givens, 2), chance.choice(families)
            forms = (f"{one} {family}", f"{family}, {one}", f"{other} {family}")
            for at, match in ((1, True), (2, False)):
                entity = f"made {family} {at} {number}"
                names = (forms[0].replace("_", " "), forms[at].replace("_", " "))
                yield Pair(*names, match, "made_up", 0.5, (entity, entity))
    yield from _near_names(chance, of_each)


def _near_names(chance: random.Random, of_each: int) -> Iterator[Pair]:
    """Names a letter or two apart that are names of their own: Wang and Yang, Harpreet and Jaspreet."""
    near = [
        (one, other)
        for one, other in combinations(EAST_FAMILY, 2)
        if len(one) > 2 and DamerauLevenshtein.distance(one, other) == 1
    ]
    for number in range(of_each):
        (one, other), given = chance.choice(near), " ".join(chance.sample(EAST_SYLLABLES, 2)).title()
        first, second = chance.choice(NEAR_SYLLABLES)
        pairs = [(f"{one} {given}", f"{other} {given}"), (f"{first} {one}", f"{second} {one}")]
        first, second = chance.sample(NEAR_GIVEN, 2)
        family = chance.choice(("Singh", "Kaur", "Sharma", "Patel", "Gill", "Dhillon"))
        pairs.append((f"{first} {family}", f"{second} {family}"))
        for at, names in enumerate(pairs):
            entity = f"made near {at} {number}"
            yield Pair(*names, False, "made_up", 0.6, (entity, entity))


def retrieval_pairs(data: NameData, limit: int = 25) -> Iterator[tuple[int, Pair]]:
    """Return each query with its candidates, numbered by query."""
    index = NameIndex([name for _, name in data.index])
    for number, (query, entity, _) in enumerate(data.queries):
        for at in index.find(query, limit):
            known, name = data.index[at]
            match = bool(entity) and known == entity
            yield (
                number,
                Pair(query, name, match, "retrieval", 0.3, (data.entities.of(query), data.entities.of(name))),
            )


def fold_of(entity: str, folds: int, seed: int = 0) -> int:
    return crc32(f"{seed} {entity}".encode()) % folds
