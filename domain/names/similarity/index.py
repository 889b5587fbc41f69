"""An index of known names in memory: candidates by spelling, by equal words in any order, and by acronym. Pure.

This index serves lists outside the database. PostgreSQL does the same by trigrams and stored keys (`keys_of`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import nlargest
from itertools import pairwise

from domain.names.similarity.names import Name, cosine, prepare

# Runs of letters are looked up, the rarest first, until they hold this share of the name's weight.
SHARE = 0.8
# So many of the nearest names by the rare runs are compared whole.
COMPARED = 60


def keys_of(name: str) -> frozenset[str]:
    """The keys of a name. Two names with an equal key are candidates, unless very many names share the key.

    '=' is the words in any order, without legal form. '*' is the acronym, and a word that may be one. '+' is a word, or
    two words that may be written as one. '^' is the beginning of a word.
    """
    return _keys(prepare(name))


def _keys(name: Name) -> frozenset[str]:
    if not name.core:
        return frozenset()
    keys = {f"={name.ordered}", f"={name.compact}"}
    letters = max(name.acronyms, key=lambda made: (len(made), made), default="")
    keys.update(f"*{letters[at : at + n]}" for n in range(3, 7) for at in range(len(letters) - n + 1))
    keys.update(f"*{made}" for made in name.acronyms if len(made) < 7)
    keys.update(f"*{word.plain}" for word in name.core if 2 < len(word.plain) < 7)
    keys.update(f"+{word.plain}" for word in name.core if len(word.plain) > 1)
    keys.update(f"+{one.plain}{two.plain}" for one, two in pairwise(name.core))
    keys.update(f"^{word.plain[:5]}" for word in name.core if len(word.plain) > 4)
    return frozenset(keys)


class NameIndex:
    """Known names, by their position in the list."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.names = [prepare(text) for text in texts]
        self._runs: dict[str, list[int]] = defaultdict(list)
        self._keys: dict[str, list[int]] = defaultdict(list)
        for at, name in enumerate(self.names):
            for run in name.grams:
                self._runs[run].append(at)
            for key in _keys(name):
                self._keys[key].append(at)

    def find(self, text: str, limit: int = 25) -> list[int]:
        """Positions of candidates: at most `limit` by spelling, the nearest first, then those with an equal key."""
        name = prepare(text)
        alike = {at: cosine(name, self.names[at]) for at in self._near(name)}
        best = nlargest(limit, alike, key=lambda at: (alike[at], -at))
        met = {at for key in _keys(name) if len(found := self._keys.get(key, ())) <= limit for at in found}
        return best + sorted(met - set(best))

    def _near(self, name: Name) -> Iterable[int]:
        sums: dict[int, float] = defaultdict(float)
        seen = 0.0
        for run, weight in sorted(name.grams.items(), key=lambda item: len(self._runs.get(item[0], ()))):
            for at in self._runs.get(run, ()):
                sums[at] += weight * self.names[at].grams[run]
            seen += weight * weight
            if seen > SHARE and len(sums) >= COMPARED:
                break
        return nlargest(COMPARED, sums, key=lambda at: (sums[at], -at))
