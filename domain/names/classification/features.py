"""The features of a name: hashed spelling, words and shape for the linear model, and numbers for the trees.

Training (train/classify.py) and use share this code, so their features cannot differ. The hash is CRC-32, which is the
same on every machine.
"""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

from domain.names import word_lists, words
from domain.names.lexicon import UNKNOWN, Known, look_up

SPELLINGS, WORDS, SHAPES = 1 << 16, 1 << 15, 1 << 13
SPACE = SPELLINGS + WORDS + SHAPES
# The weight of each block of features. The weight of a block is spread over its members.
WEIGHTS = (2.0, 2.0, 1.0)

_LINK_SIGNS = frozenset("&+-/")
_VOWEL = re.compile(r"[aeiouyáéíóúāēīōūàèìòùäöüåæøœâêîôû]")
_RUNS = re.compile(r"(.)\1+")
_CAMEL = re.compile(r"[a-z][A-Z]")


@dataclass(frozen=True, slots=True)
class Token:
    """One word between spaces. `score` is how much its spelling speaks for a person, by the linear model."""

    spellings: frozenset[int]
    score: float
    known: Known


def spellings(word: str) -> frozenset[int]:
    """Hashes of the word's runs of one to five bytes, ends included, and of the whole word."""
    text = f" {word} ".encode()
    size = len(text)
    mask = SPELLINGS - 1
    runs = {crc32(text[at : at + n]) & mask for n in range(1, 6) for at in range(size - n + 1)}
    runs.add(crc32(text) & mask)
    return frozenset(runs)


# Stands for any initial, so that no letter counts as the word that it also is ('A', 'Y').
INITIAL = "\u00b7"


def spell(text: str) -> tuple[list[str], list[str], list[str]]:
    """The words of a tidy name as written, in lower case, and in lower case with a sign for each initial.

    Two or three capitals next to a family name are initials: 'TR Johnson' is read as 'T R Johnson'.
    """
    raw = _spread(text.split())
    lower = [word.casefold() for word in raw]
    masked = [INITIAL if _is_initial(raw, at) else word for at, word in enumerate(lower)]
    return raw, lower, masked


def _spread(raw: list[str]) -> list[str]:
    if not 2 <= len(raw) <= 3 or all(word.isupper() for word in raw):
        return raw
    for at in (0, len(raw) - 1):
        word, low = raw[at], raw[at].casefold()
        rest = [word.strip(",") for word in (raw[1:] if at == 0 else raw[:-1])]
        if (
            2 <= len(word) <= 3
            and word.isascii() and word.isalpha() and word.isupper()
            and low not in words.TITLES | words.POSTNOMINALS | words.LEGAL | words.TRUSTS
            and all(_is_family(other) for other in rest)
        ):  # fmt: skip
            return [*word, *raw[1:]] if at == 0 else [*raw[:-1], *word]
    return raw


def _is_family(word: str) -> bool:
    plain = words.fold(word)
    known = look_up(plain)
    return (
        word[:1].isupper()
        and (known.family > 0 or known.listed_family > 0)
        and plain not in word_lists.TRADES
        and known.word <= 2 * max(known.family, 1)
    )


def _is_initial(raw: Sequence[str], at: int) -> bool:
    """Whether a word is an initial. 'A' before a plain word is an article. A small letter among capitals is a little word."""
    letter = raw[at].strip(".,")
    if not (len(letter) == 1 and letter.isalpha()) or (letter.islower() and not all(map(str.islower, raw))):
        return False
    after = raw[at + 1].strip(".,") if at + 1 < len(raw) else ""
    if letter not in "aA" or raw[at] != letter or len(after) < 2:
        return True
    known = look_up(words.fold(after))
    return not (known.word > 2 and known.given == 0 and known.family < 2)


def word_marks(lower: Sequence[str]) -> set[int]:
    """Marks for the words, for neighbours, and for the first and the last word."""
    marks = [f"w {word}" for word in lower]
    marks += [f"b {a} {b}" for a, b in pairwise(lower)]
    if lower:
        marks += [f"f {lower[0]}", f"l {lower[-1]}"]
    return {SPELLINGS + crc32(mark.encode()) % WORDS for mark in marks}


def shape_marks(raw: Sequence[str], lower: Sequence[str]) -> set[int]:
    """Marks for the shape of the words, whole and in neighbours: 'mr X. Xx+'. Titles and little words stay as they are."""
    shapes = [_shape(word, low) for word, low in zip(raw, lower, strict=True)]
    lengths = [_length(word) for word in raw[:8]]
    padded = ["^", *shapes, "$"]
    marks = ["s " + " ".join(shapes[:6]), "n " + " ".join(lengths)]
    marks += [f"2 {a} {b}" for a, b in pairwise(padded)]
    marks += [f"3 {a} {b} {c}" for a, b, c in zip(padded, padded[1:], padded[2:], strict=False)]
    return {SPELLINGS + WORDS + crc32(mark.encode()) % SHAPES for mark in marks}


def _shape(word: str, low: str) -> str:
    bare = low.strip(".,()")
    if bare in words.TITLES or bare in words.POSTNOMINALS or bare in words.LITTLE or low in _LINK_SIGNS:
        return low
    return _case_shape(word)


@lru_cache(maxsize=4096)
def _case_shape(word: str) -> str:
    return _RUNS.sub(r"\1+", "".join(_letter(c) for c in word))


def _letter(c: str) -> str:
    if c.isupper():
        return "X"
    if c.islower():
        return "x"
    if c.isdigit():
        return "9"
    return "a" if c.isalpha() else c


def _length(word: str) -> str:
    kind = "9" if word[0].isdigit() else "1" if len(word.strip(".,")) == 1 else "w"
    return kind + "," if word.endswith(",") else kind


class Reader:
    """One linear model: `weights` over SPACE, in steps of `scale`."""

    def __init__(self, weights: Sequence[float], scale: float, bias: float) -> None:
        self._weights = weights
        self._scale = scale
        self._bias = bias
        self.token = lru_cache(maxsize=8192)(self._token)

    def read(self, text: str) -> "Reading":
        """Read a tidy name, which must not be empty."""
        raw, lower, masked = spell(text)
        tokens = [self.token(word) for word in masked]
        blocks = (
            self._sum(set().union(*(token.spellings for token in tokens))),
            self._sum(word_marks(masked)),
            self._sum(shape_marks(raw, masked)),
        )
        spelt, worded, shaped = (w * block for w, block in zip(WEIGHTS, blocks, strict=True))
        foreign = word_lists.FOREIGN_FORM.search(text)
        return Reading(
            text, raw, lower, masked, tokens, foreign.group().strip() if foreign else None,
            (spelt, worded, shaped, spelt + worded + shaped + self._bias),
        )  # fmt: skip

    def _sum(self, marks: Collection[int]) -> float:
        return self._scale * sum(map(self._weights.__getitem__, marks)) / math.sqrt(len(marks) or 1)

    def _token(self, word: str) -> Token:
        marks = spellings(word)
        return Token(marks, self._sum(marks), look_up(word.strip(".,()'\"")))


@dataclass(frozen=True, slots=True)
class Reading:
    """The reading of a name.

    `masked` are the words in lower case with a sign for each initial. `foreign_form` is a word for company, school or shop in another language. `linear` holds the log-odds of PERSON by
    spelling, by words, by shape, and by all three with the bias.
    """

    text: str
    raw: list[str]
    lower: list[str]
    masked: list[str]
    tokens: list[Token]
    foreign_form: str | None
    linear: tuple[float, float, float, float]

    def features(self) -> list[float]:
        """The features for the trees, in the order of FEATURES."""
        bare = [words.fold(word.strip(".,()'\"")) for word in self.lower]
        return [
            *self.linear,
            *_own_words(bare, self.tokens),
            *_words_found(self, bare),
            *_writing(self.text, self.raw),
        ]


def _own_words(bare: list[str], tokens: list[Token]) -> Iterator[float]:
    """Features of the words that are neither initials, titles nor post-nominals: their scores, and their entries in the
    lexicon."""
    own = [
        token
        for word, token in zip(bare, tokens, strict=True)
        if len(word) > 1 and word not in words.TITLES and word not in words.POSTNOMINALS
    ]
    scores = [token.score for token in own] or [0.0]
    known = [token.known for token in own] or [UNKNOWN]
    ordered = sorted(scores)
    yield from (ordered[0], ordered[1] if len(ordered) > 1 else ordered[0], ordered[-1])
    yield from (sum(scores) / len(scores), scores[0], scores[-1], len(own))
    yield from known[0]
    yield from known[-1]
    yield max(k[0] for k in known)
    yield sum(k[0] > 0 for k in known)
    yield sum(k[1] for k in known)
    yield min(k[2] for k in known)
    yield max(k[4] for k in known)
    yield min(k[4] for k in known)
    nameless = [k for k in known if not (k[0] or k[1] or k[2] or k[3])]
    yield len(nameless)
    yield sum(k[4] > 0 for k in nameless)
    yield max(k[4] - 2 * k[0] - k[2] for k in known)
    yield max(k[4] - 2 * max(k[0], k[1]) - 2 * max(k[2], k[3]) for k in known)


def _words_found(reading: Reading, bare: list[str]) -> Iterator[float]:
    yield from (len(bare), bool(bare) and bare[0] in words.TITLES)
    yield sum(word in words.TITLES for word in bare)
    yield sum(word in words.POSTNOMINALS for word in bare[1:]) + (len(bare) > 2 and bare[-1] in words.AGES)
    yield sum(word in words.LEGAL for word in bare)
    yield sum(
        word in words.LITTLE for word, masked in zip(bare, reading.masked, strict=True) if masked != INITIAL
    )
    yield sum(word in word_lists.TRADES for word in bare)
    yield sum(word in words.TRUSTS for word in bare)
    yield words.is_joined(reading.text)
    yield reading.foreign_form is not None
    yield " ".join(bare) in word_lists.EPONYMS or " ".join(bare[:2]) in word_lists.EPONYMS
    initials = [at for at, word in enumerate(bare) if len(word) == 1 and word.isalpha()]
    yield from (len(initials), 0 in initials, len(bare) - 1 in initials)
    yield sum(len(word) > 1 and word.isascii() and not _VOWEL.search(word) for word in bare)


def _writing(text: str, raw: list[str]) -> Iterator[float]:
    letters = [c for c in text if c.isalpha()]
    count = len(letters) or 1
    yield from (len(text), max(map(len, raw)))
    yield from (text.count(","), raw[0].endswith(","), text.count("."), "-" in text, "'" in text)
    yield any(c.isdigit() for c in text)
    yield sum(c.isupper() for c in letters) / count
    yield sum(c > "\u024f" for c in letters) / count
    yield sum(word[0].islower() for word in raw) / len(raw)
    yield sum(word.istitle() for word in raw) / len(raw)
    yield sum(len(word) > 1 and word.isupper() for word in raw)
    yield any(_CAMEL.search(word) for word in raw)
    yield any(word.endswith(("'s", "s'", "'S")) for word in raw)


FEATURES = (
    "spelt worded shaped linear "
    "least second_least most mean first last own "
    "first_given first_listed first_family first_surname first_word "
    "last_given last_listed last_family last_surname last_word "
    "most_given given listed least_family most_word least_word nameless nameless_words worst worst_listed "
    "words title_first titles postnominals legal little trades trusts joined foreign_form eponym "
    "initials initial_first initial_last voweless "
    "length longest commas comma_first dots dash apostrophe digits upper foreign lower_first titled upper_words camel possessive"
).split()
