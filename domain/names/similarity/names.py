"""Two names compared: which words of one name correspond to words of the other, and how. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from anyascii import anyascii
from rapidfuzz.distance import DamerauLevenshtein

from domain.names import word_lists
from domain.names import words as names
from domain.names.lexicon import Known, look_up, rarity

How = Literal["same", "first letters", "nickname", "initial", "joined", "beginning", "spelling"]
LATIN_END = "\u0250"
_PARTS = re.compile(r"[^\W_]+(?:['.][^\W_]+)*|&")
# Words that do not distinguish names.
EMPTY = frozenset(("the", "and", "&", "of", "for"))
# Short signs for 'pty ltd', 'cooperative', 'trustee for' and 'trading as'. 'care of' and 'messrs' are dropped.
_RESPELT = (
    (re.compile(r"\bp\s?/\s?l\b|\bp\.l\.?(?=\s|$)"), "pty ltd"),
    (re.compile(r"\bno\.?\s?(?=\d)|#\s?(?=\d)"), ""),
    (re.compile(r"\bco-op(?:erative)?\b"), "coop"),
    (re.compile(r"\b(?:as )?trustees? (?:for|of)(?: the)?\b"), "atf"),
    (re.compile(r"\bt/as?\b|\btrading as\b"), " "),
    (re.compile(r"\b[mc]/[-so]*(?=\s|$)"), " "),
    (re.compile(r"&amp;"), "&"),
    (
        re.compile(
            r"\b(?:open |public |closed )?joint[- ]stock company\b|\b(?:publichnoe )?aktsionernoe obshchestvo\b"
        ),
        "jsc",
    ),
    (re.compile(r"\blimited liability company\b"), "llc"),
    (re.compile(r"\bdesignated activity company\b"), "dac"),
    (re.compile(r"\bclose corporation\b"), "cc"),
    (re.compile(r"\b(?:company )?limited by guarantee\b"), "clg"),
    (re.compile(r"\bcommunity interest company\b"), "cic"),
    (re.compile(r"(?<=\w )f/?t$"), "family trust"),
    (re.compile(r"\bsocietatea cu raspundere limitata\b"), "srl"),
    # One name for each place. 'sa' alone is a legal form.
    (re.compile(r"\bnew south wales\b"), "nsw"),
    (re.compile(r"\bwestern australian?\b"), "wa"),
    (re.compile(r"\bnorthern territory\b"), "nt"),
    (re.compile(r"\baustralian capital territory\b"), "act"),
    (
        re.compile(
            r"\bsouth australian?\b|\(sa\)|^sa (?=\w)|\bsa (?=branch|division|state)|(?<=\bof )sa$|(?<=- )sa$"
        ),
        "southaustralia",
    ),
    (re.compile(r"\bnew zealand\b"), "nz"),
)
# Transliterations.
_FORMS = (
    names.LEGAL_WORDS
    | dict.fromkeys(("jsc", "ojsc", "cjsc", "pjsc", "oao", "zao", "pao"), "jsc")
    | {"ooo": "llc", "too": "llc"}
)
_ROMAN = dict(zip("ii iii iv vi vii viii ix".split(), "2 3 4 6 7 8 9".split(), strict=True))
_NUMBERS = _ROMAN | {
    word: str(at) for at, word in enumerate("two three four five six seven eight nine ten".split(), 2)
}
PLACES = frozenset("nsw qld queensland vic victoria tas tasmania wa nt act southaustralia nz zealand".split())
# Characters before a name. No space stands beside them, whatever the neighbour.
_FORMS_FIRST = frozenset("ooo oao zao pao tov too ip pt cv".split())
_FORMS_UNSPACED = re.compile(
    '株式会社|有限会社|合同会社|股份有限公司|有限责任公司|有限公司|公司|주식회사|บริษัท|จำกัด|בעמ|בע"מ|شركة'
)
_SPELT_OUT = frozenset(("corporation", "company", "cooperative", "limited", "incorporated"))
LIKE = 0.75


class Word(NamedTuple):
    """A word of a name. `plain` is the compared form. `rare` is its weight (see domain.names.lexicon.rarity)."""

    plain: str
    rare: float
    known: Known


@dataclass(frozen=True, slots=True)
class Name:
    """A name made ready once for many comparisons. `core` holds its words without legal form, titles and 'the'."""

    text: str
    core: tuple[Word, ...]
    ordered: str
    compact: str
    legal: frozenset[str]
    titles: frozenset[str]
    acronym: str
    grams: dict[str, float]

    @property
    def plain(self) -> str:
        return " ".join(word.plain for word in self.core)


class Met(NamedTuple):
    """A word of one name with its counterpart in the other. `worth` is how far the two count as the same, up to 1."""

    one: Word
    other: Word
    how: How
    worth: float


class Meeting(NamedTuple):
    met: list[Met]
    left: tuple[list[Word], list[Word]]


class NameParts(NamedTuple):
    words: list[str]
    own: list[str]  # without legal form
    core: list[str]  # also without titles and empty words, and with short forms spelt out
    legal: frozenset[str]
    titles: frozenset[str]


@lru_cache(maxsize=8192)  # about 8 kB for each name
def prepare(text: str) -> Name:
    tidy = names.tidy(text)
    parts = split(names.without_role(tidy)[0])
    core = tuple(_word(word) for word in parts.core)
    ordered = " ".join(sorted(parts.core))
    return Name(
        tidy, core, ordered, "".join(parts.core), parts.legal, parts.titles, _acronym(parts), _grams(core)
    )


def split(tidy: str) -> NameParts:
    plain = _FORMS_UNSPACED.sub(" ", names.fold(tidy)) if not tidy.isascii() else names.fold(tidy)
    if any(c >= LATIN_END for c in plain):
        plain = anyascii(plain).casefold()
    for pattern, instead in _RESPELT:
        plain = pattern.sub(instead, plain)
    words = [word for part in _PARTS.findall(plain) if (word := _bare(part))]
    end = len(words)
    while end > 1 and words[end - 1] in _FORMS:
        end -= 1
    first = 1 if end > 1 and words[0] in _FORMS_FIRST else 0
    forms = (
        words[:first]
        + words[end:]
        + [word for word in words[1:end] if word in _FORMS and word not in names.LEGAL_LAST]
    )
    own = _once([word for at, word in enumerate(words) if first <= at < end and word not in forms])
    titles = frozenset(
        word for word in own if word not in _ROMAN and (word in names.TITLES or word in names.POSTNOMINALS)
    )
    core = [word for word in own if word not in titles and word not in EMPTY] or own or words
    legal = frozenset(_FORMS.get(word) or word for word in forms)
    return NameParts(
        words, own, [word_lists.SHORT.get(word) or _NUMBERS.get(word, word) for word in core], legal, titles
    )


def _once(words: list[str]) -> list[str]:
    """The words without the acronym of the rest: 'ETU' goes from 'Electrical Trades Union (ETU)'."""
    for at, word in enumerate(words):
        rest = [other for other in words[:at] + words[at + 1 :] if other not in EMPTY]
        if len(word) > 2 and len(rest) > 2 and "".join(other[0] for other in rest).startswith(word):
            return words[:at] + words[at + 1 :]
    return words


def grams(words: Iterable[str]) -> Iterator[str]:
    """The runs of two to four letters within words, with marks for their ends."""
    for word in words:
        text = f" {word} "
        for n in (2, 3, 4):
            for at in range(len(text) - n + 1):
                yield text[at : at + n]


def _bare(part: str) -> str:
    """The compared form of a part: "o'brien" gives 'obrien', 'j.p' gives 'jp'. A possessive s is dropped."""
    return part.removesuffix("'s").replace("'", "").replace(".", "")


def _acronym(parts: NameParts) -> str:
    """The acronym of the words. A last word that is also a legal form counts: the C of ABC is a corporation."""
    last = parts.words[-1:] if parts.words[-1:] != parts.own[-1:] and parts.words[-1] in _SPELT_OUT else []
    letters = "".join(word[0] for word in [*parts.own, *last] if word not in EMPTY)
    return letters if len(letters) > 1 else ""


@lru_cache(maxsize=32768)
def _word(plain: str) -> Word:
    return Word(plain, rarity(plain), look_up(plain))


def _grams(core: tuple[Word, ...]) -> dict[str, float]:
    """The runs of letters with weights by rarity, as a vector of length one."""
    counts = Counter(grams(word.plain for word in core))
    weights = {gram: (0.7 + 0.3 * count) * _gram_rarity(gram) for gram, count in counts.items()}
    length = sum(weight * weight for weight in weights.values()) ** 0.5 or 1.0
    return {gram: weight / length for gram, weight in weights.items()}


@lru_cache(maxsize=65536)
def _gram_rarity(gram: str) -> float:
    return rarity("#" + gram)


def cosine(one: Name, other: Name) -> float:
    small, large = sorted((one.grams, other.grams), key=len)
    get = large.get
    return sum([weight * get(gram, 0.0) for gram, weight in small.items()])


def meet(one: Name, other: Name) -> Meeting:
    """The pairs of corresponding words. A word is in at most one pair; the surest kinds of pairs come first."""
    left = list(one.core)
    right = list(other.core)
    met = [*_meet_acronym(one, left, right), *_meet_acronym(other, right, left)]
    met += _meet_same(left, right)
    if left and right:
        met += _meet_joined(left, right)
        met += [Met(b, a, how, worth) for b, a, how, worth in _meet_joined(right, left)]
        met += _meet_letters(left, right)
        met += _meet_letters(right, left)
        met += _meet_alike(left, right)
    return Meeting(met, (left, right))


def _meet_same(left: list[Word], right: list[Word]) -> Iterator[Met]:
    for word in list(left):
        if word in right:
            right.remove(word)
            left.remove(word)
            yield Met(word, word, "same", 1.0)


def _meet_acronym(long: Name, left: list[Word], right: list[Word]) -> list[Met]:
    """Pairs by acronym: a word of the other name is made of the first letters of `long`, whose words are `left`."""
    word = (
        next((word for word in right if word.plain == long.acronym), None) if len(long.acronym) > 2 else None
    )
    if word is None or len(left) < 2:
        return []
    whole = Word(" ".join(w.plain for w in left), sum(w.rare for w in left), left[0].known)
    right.remove(word)
    for spelt in [w for w in left if w not in right]:
        left.remove(spelt)
    return [Met(whole, word, "first letters", 0.9)]


def _meet_joined(left: list[Word], right: list[Word]) -> list[Met]:
    """Pairs of two words with one: 'good will' and 'goodwill', 'j r' and 'jr'."""
    met = []
    for one, two in list(pairwise(left)):
        whole = next((word for word in right if word.plain == one.plain + two.plain), None)
        if whole is not None and one in left and two in left:
            left.remove(one)
            left.remove(two)
            right.remove(whole)
            rare = Word(whole.plain, one.rare + two.rare, whole.known)
            met.append(Met(rare, whole, "joined", 1.0))
    return met


def _meet_letters(left: list[Word], right: list[Word]) -> list[Met]:
    """Pairs of neighbouring words with their acronym: 'amwu' and 'australian manufacturing workers union'."""
    met = []
    for word in list(left):
        letters = "".join(other.plain[0] for other in right)
        at = letters.find(word.plain) if 1 < len(word.plain) < 8 else -1
        if at >= 0:
            spelt = right[at : at + len(word.plain)]
            del right[at : at + len(word.plain)]
            left.remove(word)
            whole = Word(" ".join(w.plain for w in spelt), sum(w.rare for w in spelt), spelt[0].known)
            met.append(Met(whole, word, "first letters", min(0.9, 0.3 + 0.15 * len(word.plain))))
    return met


def _meet_alike(left: list[Word], right: list[Word]) -> list[Met]:
    found = [
        (worth, i, j, how)
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if (alike := alikeness(a.plain, b.plain)) is not None
        for how, worth in [alike]
    ]
    met: list[Met] = []
    used: tuple[set[int], set[int]] = (set(), set())
    for worth, i, j, how in sorted(found, reverse=True):
        if i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            met.append(Met(left[i], right[j], how, worth))
    left[:] = [word for i, word in enumerate(left) if i not in used[0]]
    right[:] = [word for j, word in enumerate(right) if j not in used[1]]
    return met


@lru_cache(maxsize=65536)
def alikeness(one: str, other: str) -> tuple[How, float] | None:
    """How two different words may still be one, and how far. Two different numbers never are."""
    if one.isdigit() or other.isdigit():
        return None
    short, long = sorted((one, other), key=len)
    if other in word_lists.NICKNAMES.get(one, ()):
        return "nickname", 0.9
    if len(short) == 1:
        return ("initial", 0.6) if long.startswith(short) else None
    # One letter more may be another spelling or another name: Min and Ming.
    if len(short) >= 3 and long.startswith(short) and len(long) > len(short) + 1:
        if look_up(short).given > 0 and look_up(long).given > 0:
            return None  # as Daniel and Danielle
        return "beginning", 0.5 + 0.45 * len(short) / len(long)
    share = DamerauLevenshtein.normalized_similarity(one, other)
    return ("spelling", share) if share >= LIKE and len(short) > 2 else None
