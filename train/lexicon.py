"""Writes the files that domain.names.lexicon reads: `python -m train.lexicon DATA`.

Common knowledge of words comes from packages: `names` (US Census 1990, public domain), Faker (MIT: names of some eighty
locales) and pyspellchecker (MIT: English word counts). The rarity of a word is counted in the labelled data; of these
words only counts under hashes are stored.
"""

import argparse
import csv
import importlib
import math
import pkgutil
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import faker.providers.person as faker_persons
import names as census
from spellchecker import SpellChecker

import domain.names
from domain.names.lexicon import RARITIES, SLOTS, STEPS, pack, slots
from domain.names.similarity.names import grams, split
from domain.names.words import tidy

PARAMETERS = Path(domain.names.__file__).parent / "parameters"
MOST_WORDS = 60_000


def make_lexicon() -> "array[int]":
    """Make the table of words. Each word has two slots; if both are in use, the rarer word is unknown."""
    table = array("H", bytes(2 * SLOTS))
    for word, known in sorted(facts().items(), key=lambda fact: -sum(fact[1])):
        first, second, check = slots(word)
        free = [slot for slot in (first, second) if not table[slot]]
        if free:
            table[free[0]] = check << 9 | pack(known)
    return table


def facts() -> dict[str, tuple[int, int, int, int, int]]:
    """Word -> how common as given name (0-3), in a list of them (0-1), as family name (0-3, 0-1), as word (0-7)."""
    given, family, counts = census_given(), census_family(), word_counts()
    listed = {kind: faker_names(kind) for kind in ("first", "last")}
    return {
        word: (
            band(given.get(word), (0.01, 0.1)),
            word in listed["first"],
            band(family.get(word), (0.0005, 0.01)),
            word in listed["last"],
            min(7, int(math.log2(counts[word])) // 3 + 1) if word in counts else 0,
        )
        for word in {*given, *family, *counts, *listed["first"], *listed["last"]}
    }


def band(share: float | None, edges: tuple[float, float]) -> int:
    return 0 if share is None else 1 + sum(share >= edge for edge in edges)


def census_given() -> dict[str, float]:
    shares: dict[str, float] = {}
    for kind in ("female", "male"):
        for word, share in census_file(f"dist.{kind}.first"):
            shares[word] = shares.get(word, 0.0) + share
    return shares


def census_family() -> dict[str, float]:
    return dict(census_file("dist.all.last"))


def census_file(name: str) -> Iterator[tuple[str, float]]:
    for line in (Path(census.__file__).parent / name).read_text().splitlines():
        word, share, *_ = line.split()
        yield word.casefold(), float(share)


def word_counts() -> dict[str, int]:
    counts = dict(SpellChecker().word_frequency.items())
    common = sorted((word for word in counts if len(word) > 1), key=lambda word: -counts[word])[:MOST_WORDS]
    return {word: counts[word] for word in common}


def locales() -> list[str]:
    return sorted(
        module.name for module in pkgutil.iter_modules(faker_persons.__path__) if "_" in module.name
    )


def faker_names(kind: str) -> frozenset[str]:
    """Every word of the locales' lists of 'first' or 'last' names."""
    found: set[str] = set()
    for locale in locales():
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            if kind in attribute and not {"format", "prefix", "suffix"} & set(attribute.split("_")):
                listed = getattr(provider, attribute)
                if isinstance(listed, tuple | list | dict):
                    found.update(
                        word.casefold() for text in listed if isinstance(text, str) for word in text.split()
                    )
    return frozenset(word for word in found if "{" not in word)


def make_rarities(texts: set[str]) -> bytes:
    """Make the table of rarities, one byte a slot. A word that was never seen is as rare as a word that was seen once."""
    counts: Counter[int] = Counter()
    for text in texts:
        words = split(tidy(text)).core
        keys = {*words, *("#" + gram for gram in grams(words))}
        counts.update({crc32(key.encode()) % RARITIES for key in keys})
    most = math.log(len(texts))
    return bytes(
        round(STEPS * min(255 / STEPS, most - math.log(max(1, counts[slot])))) for slot in range(RARITIES)
    )


def all_names(data: Path) -> set[str]:
    columns = {
        "classify_dev.csv": ("name",),
        "name_variants_dev.csv": ("name",),
        "name_pairs_dev.csv": ("name_a", "name_b"),
        "retrieval_index_dev.csv": ("name",),
    }
    found = set()
    for file, named in columns.items():
        with (data / file).open(encoding="utf-8") as lines:
            found.update(row[column] for row in csv.DictReader(lines) for column in named)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    folder = PARAMETERS
    folder.mkdir(exist_ok=True)
    (folder / "lexicon.bin").write_bytes(make_lexicon().tobytes())
    (folder / "rarity.bin").write_bytes(make_rarities(all_names(parser.parse_args().data)))


if __name__ == "__main__":
    main()
