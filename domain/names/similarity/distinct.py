"""What tells two much alike names apart, in words: a number, a title or a letter. Pure."""

from domain.names import words
from domain.names.similarity.names import Name

_WOMEN, _MEN = frozenset(("mrs", "ms", "miss", "lady", "dame")), frozenset(("mr", "sir", "lord"))
_YOUNGER, _ELDER = frozenset(("jr", "jnr", "junior")), frozenset(("sr", "snr", "senior"))
# A longer number is a reference. One client has many references.
_LONGEST_NUMBER = 5


def tell_apart(one: Name, other: Name) -> str | None:
    """The difference between Trust No 1 and Trust No 2, Mr and Mrs K Lowe, Lee Orr Snr and Jnr, Ann B Lee and Ann C Lee.

    None if nothing tells the two names apart.
    """
    return _numbers(one, other) or _titles(one, other) or _middle_letters(one, other)


def _numbers(one: Name, other: Name) -> str | None:
    a, b = (
        [w.plain for w in n.core if w.plain.isdigit() and len(w.plain) <= _LONGEST_NUMBER]
        for n in (one, other)
    )
    left, right = [number for number in a if number not in b], [number for number in b if number not in a]
    return f"other number: {left[0]} / {right[0]}" if left and right else None


def _titles(one: Name, other: Name) -> str | None:
    """The difference of two single people who share the family name, and the given name or initial."""
    if (
        words.JOINED.search(one.text)
        or words.JOINED.search(other.text)
        or not _same_person_but_for_title(one, other)
    ):
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
