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
from domain.names.classification import classify
from domain.names.lexicon import Known, look_up, rarity
from domain.names.similarity.kinds import kinds_of
from domain.names.similarity.numbers import ROMAN, UNITS, numbered, without_dates
from domain.names.text_keys import name_key

How = Literal["same", "first letters", "nickname", "initial", "joined", "beginning", "spelling"]
LATIN_END = "\u0250"
_PARTS = re.compile(r"[^\W_]+(?:['.][^\W_]+)*|&")
# Words that do not distinguish names.
EMPTY = frozenset(("the", "and", "&", "of", "for"))
# Short signs for 'pty ltd', 'cooperative', 'trustee for' and 'trading as'. 'care of' and 'messrs' are dropped.
_RESPELT = (
    (re.compile(r"\bp\s?/\s?l\b|\bp\.l\.?(?=\s|$)"), "pty ltd"),
    (re.compile(rf"\bno\.?\s?(?=\d)|#\s?(?=\d)|\bno\.?\s(?=(?:{UNITS})\b)"), ""),
    (re.compile(r"\bco-op(?:erative)?\b"), "coop"),
    (re.compile(r"^(?:the )?trustees? (?:for|of)(?: the)?\b|^atf(?: the)?\b"), " "),
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
PLACES = frozenset("nsw qld queensland vic victoria tas tasmania wa nt act southaustralia nz zealand".split())
# Characters before a name, without a space on either side.
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
    """A name made ready once for many comparisons. `core` holds its words without legal form, titles and 'the'.

    `acronyms` are what its first letters may make. `kinds`: see domain.names.similarity.kinds. `key` is the rule's
    (domain.names.text_keys).
    """

    text: str
    core: tuple[Word, ...]
    ordered: str
    compact: str
    legal: frozenset[str]
    titles: frozenset[str]
    acronyms: frozenset[str]
    kinds: frozenset[str]
    key: str
    grams: dict[str, float]

    @property
    def plain(self) -> str:
        return " ".join(word.plain for word in self.core)


def is_given_name(word: Word) -> bool:
    """Whether the censuses or word_lists.MORE_GIVEN know the word as a given name: the list has the Māori, Pacific, Indian and
    Chinese names that no census has."""
    return word.known.given > 0 or word.plain in word_lists.MORE_GIVEN


def is_person(name: Name) -> bool:
    """Whether the name is a person's, by its kind or, where no list knows its words, by the classification."""
    return "person" in name.kinds or (
        not name.kinds and not name.legal and _is_classified_as_person(name.text)
    )


@lru_cache(maxsize=8192)  # a classification takes about a millisecond, and each name is compared with many
def _is_classified_as_person(text: str) -> bool:
    return classify(text).kind == "PERSON"


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
    bare = names.without_code(names.without_role(tidy)[0])
    parts = split(bare)
    core = tuple(_word(word) for word in parts.core)
    ordered = " ".join(sorted(parts.core))
    return Name(
        tidy, core, ordered, "".join(parts.core), parts.legal, parts.titles, acronyms(_plain(bare)),
        kinds_of(parts.words, parts.core, parts.legal, joined=names.is_joined(bare)), name_key(text) or "", _grams(core),
    )  # fmt: skip


def _plain(tidy: str) -> str:
    """The text casefolded, in Latin letters, without accents."""
    plain = _FORMS_UNSPACED.sub(" ", names.fold(tidy)) if not tidy.isascii() else names.fold(tidy)
    return anyascii(plain).casefold() if any(c >= LATIN_END for c in plain) else plain


def split(tidy: str) -> NameParts:
    plain = _plain(tidy)
    if any(map(str.isdigit, plain)):
        plain = without_dates(plain)
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
        word
        for at, word in enumerate(own)
        if word not in ROMAN
        and (
            (word in names.TITLES and not (word == "don" and len(own) == 2))
            or word in names.POSTNOMINALS
            or (word in names.AGES and at == len(own) - 1 and at > 1)
        )
    )
    core = [word for word in own if word not in titles and word not in EMPTY] or own or words
    legal = frozenset(_FORMS.get(word) or word for word in forms)
    return NameParts(words, own, numbered([word_lists.SHORT.get(word, word) for word in core]), legal, titles)


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


def acronyms(plain: str) -> frozenset[str]:
    """The acronyms of three letters or more that the first letters of a folded name may make.

    Little words count or not, and so do a legal form at the end and what many bodies have there. Letters that already are
    an acronym are kept: 'HM Revenue and Customs' makes hmrc.
    """
    words = [word for part in _PARTS.findall(plain) if (word := _bare(part)) and word != "&"]
    if len(words) < 2:
        return frozenset()
    end = len(words)
    while end > 2 and words[end - 1] in _FORMS and words[end - 1] not in _SPELT_OUT:
        end -= 1
    ends = [end]
    while end > 2 and (words[end - 1] in _LAST_WORDS or words[end - 1] in _FORMS):
        end -= 1
        ends.append(end)
    found = set()
    for end in ends:
        for skipped in (EMPTY, names.LITTLE):
            for letters in (_first_letter, _letters):
                made = "".join(letters(word) for word in words[:end] if word not in skipped)
                found.add(made)
        # 'Department of Conservation' is DOC: the letter of a little word counts in short ones.
        whole = "".join(word[0] for word in words[:end] if word not in ("the", "and"))
        found.update((whole,) if len(whole) <= _SHORT_ACRONYM else ())
    return frozenset(made for made in found if 3 <= len(made) <= 8)


# Words that close the names of many bodies, and that their acronyms often leave out.
_LAST_WORDS = frozenset(
    "group bank banking nz australia zealand international holdings services association trust uk usa".split()
)
_SHORT_ACRONYM = 4
_SPELT_LETTERS = re.compile(r"[b-df-hj-np-tv-z]{2,3}|uk|usa?|uae|eu|un")


def _first_letter(word: str) -> str:
    return word[0]


def _letters(word: str) -> str:
    return word if _SPELT_LETTERS.fullmatch(word) else word[0]


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


def as_written(text: str) -> dict[str, str]:
    """The words of a tidy name as the name has them, by their compared forms: 'Dept' by 'department'."""
    found: dict[str, str] = {}
    for shown in _PARTS.findall(text):
        for piece in _PARTS.findall(_plain(shown)):
            plain = _bare(piece)
            forms = (plain, word_lists.SHORT.get(plain, plain), *numbered([plain]))
            found.update((form, shown) for form in forms if form and form not in found)
    return found


def in_order(one: Name, other: Name) -> bool:
    """Whether the pair is in the order in which pairs are compared, so that a score is the same both ways."""
    return _place(one) <= _place(other)


def _place(name: Name) -> tuple[int, int, str, str, str]:
    return len(name.core), len(name.compact), name.plain, name.text, name.key


def meet(one: Name, other: Name) -> Meeting:
    """The pairs of corresponding words, the same in both directions. `left` is in the order of the arguments.

    A word is in at most one pair; the surest kinds of pairs come first.
    """
    if in_order(one, other):
        return _meet(one, other)
    turned = _meet(other, one)
    return Meeting(turned.met, (turned.left[1], turned.left[0]))


def _meet(one: Name, other: Name) -> Meeting:
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
    word = next((word for word in right if word.plain in long.acronyms), None)
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
