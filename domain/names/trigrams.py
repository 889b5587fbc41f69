"""An index of texts by trigrams in memory. The index finds the same nearest texts as PostgreSQL's pg_trgm. Pure.

For each trigram, one integer holds a bit for each text that has the trigram. A look-up adds these integers column by
column, as a carry-save adder does, and so counts the shared trigrams of all texts at once. For 100,000 texts that takes
about 150 operations on integers of 12 kB.
"""

import struct
import sys
from array import array
from collections.abc import Collection, Sequence
from heapq import nsmallest
from uuid import UUID

# The integer of a common trigram (at least one text in so many has it) is kept. The integer of a rarer one is made for each
# look-up. So the integers take at most 32 bytes for each trigram of a text.
RARE = 256


class Trigrams:
    def __init__(self) -> None:
        self._places: dict[UUID, int] = {}
        self._keys: list[UUID] = []
        self._sizes = array("I")
        self._there = self._largest = 0
        self._having: dict[str, array[int]] = {}
        # Made on demand: the integer of a trigram, and the integer of the texts with at most so many trigrams.
        self._bits: dict[str, int] = {}
        self._smaller: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def put(self, key: UUID, trigrams: Collection[str]) -> None:
        """Store the trigrams of a text, each once. The new trigrams replace the earlier ones of the key."""
        before, size = self._places.get(key), len(trigrams)
        if before is not None and self._is(before, trigrams):
            return
        self.drop(key)
        place = len(self._keys)
        self._places[key] = place
        self._keys.append(key)
        self._sizes.append(size)
        self._there |= 1 << place
        for trigram in trigrams:
            self._having.setdefault(trigram, array("I")).append(place)
            if trigram in self._bits:
                self._bits[trigram] |= 1 << place
        if size > self._largest:
            self._largest = size
            self._smaller.clear()
        for most in self._smaller:
            if size <= most:
                self._smaller[most] |= 1 << place

    def _is(self, place: int, trigrams: Collection[str]) -> bool:
        return len(trigrams) == self._sizes[place] and all(self._bits_of(t) >> place & 1 for t in trigrams)

    def drop(self, key: UUID) -> None:
        if (place := self._places.pop(key, None)) is not None:
            self._there ^= 1 << place

    def nearest(self, trigrams: Collection[str], most: int) -> list[UUID]:
        """Keys of the nearest texts with a similarity of at least 0.4, up to a limit. Of equal ones the lowest keys come first."""
        size, columns = len(trigrams), _add_up([self._bits_of(trigram) for trigram in trigrams])
        enough = 0
        for tenths in (6, 5, 4):
            enough = self._alike(columns, size, tenths)
            if enough.bit_count() >= most:
                break
        found: list[tuple[float, UUID]] = []
        words = [_words(column & enough) for column in columns]
        for at, word in enumerate(_words(enough)):
            while word:
                bit = (word & -word).bit_length() - 1
                word &= word - 1
                shared = sum((row[at] >> bit & 1) << n for n, row in enumerate(words) if at < len(row))
                place = at * 64 + bit
                like = _single(shared / (size + self._sizes[place] - shared))
                found.append((-like, self._keys[place]))
        return [key for _, key in nsmallest(most, found)]

    def _alike(self, columns: Sequence[int], size: int, tenths: int) -> int:
        """Bits of the texts whose similarity is at least `tenths` / 10. The searched text has `size` trigrams; `columns` counts
        the shared ones."""
        alike = 0
        for shared in range(1, size + 1):
            other = (
                10 * shared + tenths * (shared - size)
            ) // tenths  # at most, as in shared / (size + other - shared)
            if other >= shared:
                alike |= _equal(columns, shared, self._of_size(other))
        return alike

    def _of_size(self, most: int) -> int:
        most = min(most, self._largest)
        if most not in self._smaller:
            self._smaller[most] = _integer([at for at, size in enumerate(self._sizes) if size <= most])
        return self._smaller[most] & self._there

    def _bits_of(self, trigram: str) -> int:
        bits = self._bits.get(trigram)
        if bits is None:
            having = self._having.get(trigram, ())
            bits = _integer(having)
            if having and len(having) * RARE >= len(self._keys):
                self._bits[trigram] = bits
        return bits


def _integer(places: Sequence[int]) -> int:
    """The integer with these bits set. `places` ascend."""
    row = bytearray((places[-1] >> 3) + 1 if places else 0)
    for place in places:
        row[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(row, "little")


def _words(bits: int) -> Sequence[int]:
    """The integer in words of 64 bits, the lowest first."""
    words = array("Q", bits.to_bytes((bits.bit_length() + 63) // 64 * 8, "little"))
    if sys.byteorder == "big":
        words.byteswap()
    return words


def _add_up(rows: Sequence[int]) -> list[int]:
    """For each place, the number of rows with its bit, in binary: a column of ones, a column of twos, and so on."""
    columns, column = [], list(rows)
    while column:
        carried = []
        while len(column) > 1:
            one, two = column.pop(), column.pop()
            three = column.pop() if column else 0
            differ = one ^ two
            carried.append(one & two | differ & three)
            column.append(differ ^ three)
        columns += column
        column = carried
    return columns


def _equal(columns: Sequence[int], number: int, of: int) -> int:
    """The places among `of` whose number is `number`."""
    if number >> len(columns):
        return 0
    for n, column in enumerate(columns):
        of = of & column if number >> n & 1 else of ^ of & column
    return of


def _single(number: float) -> float:
    """The number in single precision, as pg_trgm computes it. So equal similarities there are equal here."""
    single: float = struct.unpack("f", struct.pack("f", number))[0]
    return single
