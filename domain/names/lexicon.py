"""The uses that a word is known for (given name, family name, other word), and how rare the word is in ledgers.

The data is in parameters/lexicon.bin and rarity.bin (see parameters/NOTICE.md). The files hold no text, only slots by
CRC-32. One unknown word in a hundred looks like a known one.
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
# Steps of rarity in one unit of the natural logarithm.
STEPS = 20


class Known(NamedTuple):
    """The frequency of a word: as a given name (0 to 3; 1 if a list of given names holds the word), as a family name (the
    same), and as another word (0 to 7)."""

    given: int
    listed_given: int
    family: int
    listed_family: int
    word: int


UNKNOWN = Known(0, 0, 0, 0, 0)


def slots(word: str) -> tuple[int, int, int]:
    """The two slots that may hold a word, and the word's check number (1 to 127)."""
    code = crc32(word.encode())
    other = crc32(b"2" + word.encode())
    return code % SLOTS, other % SLOTS, (code >> 20) % 127 + 1


def pack(known: Sequence[int]) -> int:
    """The entry in nine bits. A slot holds the check number in the seven bits above them."""
    given, listed_given, family, listed_family, word = known
    return given | listed_given << 2 | family << 3 | listed_family << 5 | word << 6


@lru_cache(maxsize=16384)
def look_up(word: str) -> Known:
    """The lexicon's facts about a casefolded word."""
    table = _table("H", "lexicon.bin")
    first, second, check = slots(word)
    for slot in (first, second):
        entry = table[slot]
        if entry >> 9 == check:
            return Known(entry & 3, entry >> 2 & 1, entry >> 3 & 3, entry >> 5 & 1, entry >> 6 & 7)
    return UNKNOWN


def rarity(word: str) -> float:
    """The natural logarithm of n, where one name in n holds the word or run of letters."""
    return _table("B", "rarity.bin")[crc32(word.encode()) % RARITIES] / STEPS


@cache
def _table(kind: str, file: str) -> "array[int]":
    numbers = array(kind, (resources.files("domain.names") / "parameters" / file).read_bytes())
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
