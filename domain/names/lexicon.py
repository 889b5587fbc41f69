"""What is commonly known of a word: given name, family name, other word; and how rare it is in ledgers.

Read from parameters/lexicon.bin and rarity.bin (see parameters/NOTICE.md), which hold no text, only slots by CRC-32.
A word that is not there is taken for another once in a hundred times.
"""

import sys
from array import array
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple
from zlib import crc32

SLOTS = 1 << 18
RARITIES = 1 << 17
# Steps of rarity in one unit of natural logarithm.
STEPS = 20


class Known(NamedTuple):
    """How common: as a given name (0-3, and 1 if in a list of them), as a family name (the same), as a word (0-7)."""

    given: int
    listed_given: int
    family: int
    listed_family: int
    word: int


UNKNOWN = Known(0, 0, 0, 0, 0)


def slots(word: str) -> tuple[int, int, int]:
    """Two places where a word may stand, and its check (1 to 127)."""
    code = crc32(word.encode())
    other = crc32(b"2" + word.encode())
    return code % SLOTS, other % SLOTS, (code >> 20) % 127 + 1


def pack(known: Sequence[int]) -> int:
    """Nine bits; a slot is seven bits of check above them."""
    given, listed_given, family, listed_family, word = known
    return given | listed_given << 2 | family << 3 | listed_family << 5 | word << 6


@lru_cache(maxsize=16384)
def look_up(word: str) -> Known:
    """Of a casefolded word."""
    table = _table("H", "lexicon.bin")
    first, second, check = slots(word)
    for slot in (first, second):
        entry = table[slot]
        if entry >> 9 == check:
            return Known(entry & 3, entry >> 2 & 1, entry >> 3 & 3, entry >> 5 & 1, entry >> 6 & 7)
    return UNKNOWN


def rarity(word: str) -> float:
    """Logarithm of how many names there are to one with the word (or run of letters)."""
    return _table("B", "rarity.bin")[crc32(word.encode()) % RARITIES] / STEPS


@cache
def _table(kind: str, file: str) -> "array[int]":
    numbers = array(kind, (resources.files("domain.names") / "parameters" / file).read_bytes())
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
