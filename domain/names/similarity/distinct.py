"""The reasons, in words, why two similar names are not the same: a number, a title, a letter, a kind of entity or a trade.
Pure."""

from collections.abc import Sequence

from domain.names import word_lists, words
from domain.names.similarity.names import Meeting, Name, Word, is_given_name, meet

_WOMEN, _MEN = frozenset(("mrs", "ms", "miss", "lady", "dame")), frozenset(("mr", "sir", "lord"))
_YOUNGER, _ELDER = frozenset(("jr", "jnr", "junior")), frozenset(("sr", "snr", "senior"))
# A longer number is a reference. One client has many references.
_LONGEST_NUMBER = 5
_TRADES = word_lists.TRADES | word_lists.ENTITIES
# 'Kauri Group Ltd' may be called 'Kauri Services Ltd', and 'Lee Trust' 'Lee Family Trust'.
_SAYING_LITTLE = frozenset(
    "group services centre management care association company agency agencies office limited international australia "
    "nz technology systems products supplies support global partners partnership".split()
)
# Words that name another entity of the same owner although only one of two names has them.
_OF_ANOTHER = frozenset(
    "holdings investments nominees developments trustees rentals ventures unit discretionary testamentary".split()
)
# Of entities of these kinds one owner has several: a word or number more is another entity.
_SEVERAL = frozenset(("company", "trust", "fund"))
# First letters that spell one sound: Jeff and Geoff, Karl and Carl.
_SOUNDS = str.maketrans("cgzyp", "kjsif")


def tell_apart(one: Name, other: Name) -> str | None:
    """The difference between Trust No 1 and Trust No 2, Mr and Mrs K Lowe, Lee Orr Snr and Jnr, Ann B Lee and Ann C Lee.

    None if no rule distinguishes the two names.
    """
    return _numbers(one, other) or _titles(one, other) or _middle_letters(one, other)


def tell_entities_apart(one: Name, other: Name, meeting: Meeting | None = None) -> str | None:
    """The difference between Lee Family Trust and Lee Superannuation Fund, Orr Joinery Ltd and Orr Roofing Ltd, Ann Lee and
    Bob Lee. The reason counts if the two share an email, a phone or a street, as entities of one owner do.

    None if no rule distinguishes the two names. `meeting` is theirs, if the caller has it.
    """
    if apart := _kinds(one, other):
        return apart
    met = meeting or meet(one, other)
    if "person" in one.kinds & other.kinds:
        return _givens(one, other, met)
    if not one.kinds & other.kinds & _SEVERAL:
        return _givens(one, other, met)
    of_people = bool(one.kinds & other.kinds & {"trust", "fund"})
    return _givens(one, other, met) or _trades(*met.left) or _of_another(*met.left, of_people=of_people)


def _numbers(one: Name, other: Name) -> str | None:
    a, b = (
        [w.plain for w in n.core if w.plain.isdigit() and len(w.plain) <= _LONGEST_NUMBER]
        for n in (one, other)
    )
    left, right = [number for number in a if number not in b], [number for number in b if number not in a]
    return f"other number: {left[0]} / {right[0]}" if left and right else None


def _titles(one: Name, other: Name) -> str | None:
    """The difference of two single people who share the family name, and the given name or initial."""
    if words.is_joined(one.text) or words.is_joined(other.text) or not _same_person_but_for_title(one, other):
        return None
    for kinds in ((_WOMEN, _MEN), (_YOUNGER, _ELDER)):
        for a, b in (kinds, kinds[::-1]):
            if (left := one.titles & a) and (right := other.titles & b):
                return f"other title: {min(left)} / {min(right)}"
    return None


def _same_person_but_for_title(one: Name, other: Name) -> bool:
    a, b = sorted((one.core, other.core), key=len)
    return bool(a) and {word.plain for word in a} <= {word.plain for word in b} | {
        word.plain[0] for word in b
    }


def _middle_letters(one: Name, other: Name) -> str | None:
    if not (
        len(one.core) == len(other.core) == 3
        and one.core[0] == other.core[0]
        and one.core[2] == other.core[2]
    ):
        return None
    a, b = one.core[1].plain, other.core[1].plain
    lone = min(len(a), len(b)) == 1 and len(one.core[0].plain) > 1
    return f"other middle name: {a} / {b}" if lone and a[0] != b[0] else None


def _kinds(one: Name, other: Name) -> str | None:
    if not (one.kinds and other.kinds) or one.kinds & other.kinds:
        return None
    return f"other kind: {' and '.join(sorted(one.kinds))} / {' and '.join(sorted(other.kinds))}"


def _givens(one: Name, other: Name, meeting: Meeting) -> str | None:
    """Other given names with one family name: Ann Lee and Bob Lee, or the trusts of the two."""
    if not (one.kinds and other.kinds):
        return None
    left, right = (next((word for word in side if _is_given(word)), None) for side in meeting.left)
    near = left and right and (left.plain.startswith(right.plain) or right.plain.startswith(left.plain))
    if left and right and not near and any(met.how == "same" for met in meeting.met):
        return f"other given name: {left.plain} / {right.plain}"
    same = any(met.how == "same" for met in meeting.met)
    for met in meeting.met:
        a, b = met.one.plain, met.other.plain
        # 'andra Ellis' is Sandra Ellis, but Andy Anderson is not Sandy Sanders.
        mistyped = same and (a.endswith(b) or b.endswith(a))
        given = met.how == "spelling" and _is_given(met.one) and _is_given(met.other)
        if given and not mistyped and _sound(a) != _sound(b):
            return f"other given name: {a} / {b}"
    return None


def _is_given(word: Word) -> bool:
    return is_given_name(word) or (len(word.plain) == 1 and word.plain.isalpha())


def _sound(word: str) -> str:
    return word[0].translate(_SOUNDS)


def _trades(left: Sequence[Word], right: Sequence[Word]) -> str | None:
    """Each of two entities of one kind has a known word that the other lacks: a trade, a name, a number."""
    a, b = ([word.plain for word in side if _says_much(word)] for side in (left, right))
    near = any(len(one) > 3 and one[:4] == other[:4] for one in a for other in b)  # Tours and Touring
    return f"other business: {' '.join(a)} / {' '.join(b)}" if a and b and not near else None


def _says_much(word: Word) -> bool:
    if word.plain.isdigit():
        return len(word.plain) <= _LONGEST_NUMBER
    return word.plain not in _SAYING_LITTLE and (any(word.known) or word.plain in _TRADES)


def _of_another(left: Sequence[Word], right: Sequence[Word], *, of_people: bool) -> str | None:
    """One of two entities of a kind has one word that the other lacks: a number, Holdings, the given name of a trust's person.
    Words that say little do not count: 'Lee Group Holdings'."""
    sides = [[word for word in side if word.plain not in _SAYING_LITTLE] for side in (left, right)]
    if sorted(map(len, sides)) != [0, 1]:
        return None
    [word] = sides[0] or sides[1]
    number = word.plain.isdigit() and len(word.plain) <= _LONGEST_NUMBER
    other = word.plain in _OF_ANOTHER or (of_people and _is_given(word))
    return f"in one name only: {word.plain}" if number or other else None
