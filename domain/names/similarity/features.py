"""The features of a pair of names, for the trees of domain.names.similarity. Pure."""

from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from domain.names import words as names
from domain.names.lexicon import UNKNOWN
from domain.names.similarity.names import PLACES, How, Meeting, Name, Word, cosine, in_order, is_person, meet

WAYS: tuple[How, ...] = ("same", "first letters", "nickname", "initial", "joined", "beginning", "spelling")


def name_features(one: Name, other: Name) -> list[float]:
    """The features in the order of NAME_FEATURES, the same in both directions."""
    if not in_order(one, other):
        one, other = other, one
    meeting = meet(one, other)
    return [
        *_spelling(one, other),
        *_words_met(one, other, meeting),
        *_left_over(meeting),
        *_rest(one, other),
    ]


def _spelling(one: Name, other: Name) -> Iterator[float]:
    a, b = one.plain, other.plain
    yield fuzz.ratio(a, b) / 100
    yield fuzz.ratio(one.ordered, other.ordered) / 100
    yield fuzz.token_set_ratio(one.ordered, other.ordered) / 100
    yield fuzz.partial_ratio(a, b) / 100
    yield fuzz.ratio(one.compact, other.compact) / 100
    yield fuzz.partial_ratio(one.compact, other.compact) / 100
    yield JaroWinkler.similarity(a, b)
    yield JaroWinkler.similarity(one.ordered, other.ordered)
    yield fuzz.WRatio(one.text.casefold(), other.text.casefold()) / 100
    yield cosine(one, other)


def _words_met(one: Name, other: Name, meeting: Meeting) -> Iterator[float]:
    worth = sum(met.one.rare * met.worth for met in meeting.met)
    same = sum(met.one.rare for met in meeting.met if met.worth == 1.0)
    totals = sorted((sum(word.rare for word in name.core) or 1.0) for name in (one, other))
    yield from (worth / totals[0], worth / totals[1], worth, same / totals[0], same / totals[1], same)
    yield from totals
    yield max((met.one.rare for met in meeting.met if met.worth == 1.0), default=0.0)
    yield max((met.one.rare * met.worth for met in meeting.met), default=0.0)
    yield min((met.worth for met in meeting.met), default=0.0)
    ways = [met.how for met in meeting.met]
    yield from (ways.count(way) for way in WAYS)
    spelt = [met for met in meeting.met if met.how == "spelling"]
    yield min((met.worth for met in spelt), default=1.0)
    # If both words are known and differ, one is seldom a misspelling of the other.
    yield sum(any(met.one.known[:4]) and any(met.other.known[:4]) for met in spelt)
    yield sum(met.one.known.word > 0 and met.other.known.word > 0 for met in spelt)
    yield sum(met.one.known.given > 0 and met.other.known.given > 0 for met in spelt)
    yield min((min(len(met.one.plain), len(met.other.plain)) for met in spelt), default=0)


def _left_over(meeting: Meeting) -> Iterator[float]:
    """Features of the words without a counterpart. The side with less of them comes first."""
    sides = sorted(meeting.left, key=lambda words: (sum(word.rare for word in words), len(words)))
    for words in sides:
        yield len(words)
        yield sum(word.rare for word in words)
        yield max((word.rare for word in words), default=0.0)
        yield max((max(word.known.given, word.known.listed_given) for word in words), default=0)
        yield max((word.known.family for word in words), default=0)
        yield max((word.known.word for word in words), default=0)
        yield any(len(word.plain) == 1 for word in words)
        yield any(any(map(str.isdigit, word.plain)) for word in words)
    yield bool(sides[0]) and bool(sides[1])
    yield max((JaroWinkler.similarity(a.plain, b.plain) for a in sides[0] for b in sides[1]), default=0.0)
    yield any(_is_given(a) and _is_given(b) for a in sides[0] for b in sides[1])


def _rest(one: Name, other: Name) -> Iterator[float]:
    counts = sorted((len(one.core), len(other.core)))
    yield from counts
    yield one.core[0].plain == other.core[0].plain if counts[0] else False
    yield one.core[-1].plain == other.core[-1].plain if counts[0] else False
    yield is_acronym(one, other)
    yield bool(one.legal) + bool(other.legal)
    yield bool(one.legal) and bool(other.legal) and not one.legal & other.legal
    yield bool(one.titles) + bool(other.titles)
    yield _kinds_of_title(one.titles, other.titles)
    yield names.is_joined(one.text) + names.is_joined(other.text)
    yield _people(one) + _people(other)
    yield abs(_people(one) - _people(other))
    yield sum("(" in name.text for name in (one, other))
    yield _initials_differ(one, other)
    yield from _places(one, other)
    yield _single_letters(one) + _single_letters(other)
    yield one.compact == other.compact or other.compact in one.acronyms or one.compact in other.acronyms


def _places(one: Name, other: Name) -> Iterator[float]:
    """Features of branches of one body: whether the names hold different states or countries, and how many names hold one."""
    a, b = ({word.plain for word in name.core} & PLACES for name in (one, other))
    yield bool(a and b and not a & b)
    yield bool(a) + bool(b)


def _single_letters(name: Name) -> int:
    return sum(len(word.plain) == 1 for word in name.core)


def _is_given(word: Word) -> bool:
    return word.known.given > 0 or word.known.listed_given > 0 or len(word.plain) == 1


def is_acronym(one: Name, other: Name) -> bool:
    """Whether a word of one name is the acronym of the other name, in either direction."""
    return any(
        any(word.plain in long.acronyms for word in short.core)
        for short, long in ((one, other), (other, one))
    )


def called_by_letters(one: Name, other: Name) -> bool:
    """Whether one name is nothing but the acronym of the other, which is no person's."""
    return any(
        not {"person", "couple"} & long.kinds and _people(long) < 1 and not is_person(long)
        for long in _spelt_out(one, other)
    )


def are_initials(one: Name, other: Name) -> bool:
    """Whether one name is nothing but the initials of a person, by which nobody keeps a person in a ledger."""
    return any(is_person(long) for long in _spelt_out(one, other))


def _spelt_out(one: Name, other: Name) -> Iterator[Name]:
    """The name whose acronym is the whole of the other name."""
    for short, long in ((one, other), (other, one)):
        if len(short.core) == 1 and short.compact in long.acronyms:
            yield long


def _kinds_of_title(one: frozenset[str], other: frozenset[str]) -> bool:
    women = {"mrs", "ms", "miss", "lady", "dame"}
    men = {"mr", "sir", "lord"}
    return bool((one & women and other & men) or (one & men and other & women))


def _people(name: Name) -> float:
    """The share of known words that are given or family names rather than other words."""
    known: Sequence[Word] = [word for word in name.core if word.known != UNKNOWN]
    likely = [
        w for w in known if max(w.known.given, w.known.family, w.known.listed_given) * 2 >= w.known.word
    ]
    return len(likely) / len(name.core) if name.core else 0.0


def _initials_differ(one: Name, other: Name) -> bool:
    """Whether both names end on the same word and begin with given names or initials of different letters."""
    if len(one.core) < 2 or len(other.core) < 2 or one.core[-1].plain != other.core[-1].plain:
        return False
    a, b = one.core[0], other.core[0]
    return _is_given(a) and _is_given(b) and a.plain[0] != b.plain[0]


_SIDE = "words rare rarest given family word initial digits"
NAME_FEATURES = (
    "ratio ordered token_set partial compact partial_compact jaro jaro_ordered wratio cosine "
    "worth_small worth_large worth same_small same_large same total_small total_large rarest_same rarest_met least_met "
    "n_same n_letters n_nickname n_initial n_joined n_beginning n_spelling "
    "least_spelling spelling_names spelling_words spelling_given spelling_length "
    + " ".join(f"left_{side}_{feature}" for side in ("less", "more") for feature in _SIDE.split())
    + " left_both left_alike left_given "
    "words_small words_large first_same last_same acronym legal legal_differs titles titles_differ joined people "
    "people_differ brackets initials_differ places_differ places single_letters compact_same"
).split()
