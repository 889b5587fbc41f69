"""The kind of entity that a name says: a trust, a fund, an estate, a company, a partnership, a person, or a couple. Pure.

One owner often has several entities with one email, phone and address. The kind then distinguishes their names.
"""

from collections.abc import Collection, Sequence

from domain.names import word_lists
from domain.names.lexicon import Known, look_up

COMPANIES = frozenset("ltd pty inc corp llc plc gmbh bv sarl srl ag".split())
_AFTER_TRUST = frozenset(("board", "fund", "account"))
_NAMELESS = word_lists.TRADES | word_lists.ENTITIES | {"family", "school", "old"}


def kinds_of(
    words: Sequence[str], core: Sequence[str], legal: Collection[str], *, joined: bool
) -> frozenset[str]:
    """The kinds that a name may be; none if the name does not say.

    `words` are all its words, `core` those without legal form, titles and short forms, `legal` its legal forms. `joined`
    says that it holds a sign between people.
    """
    if "atf" in words:
        return _entity(
            core[len(core) - list(reversed(core)).index("atf") :] if "atf" in core else core
        ) or frozenset(("trust",))
    found = _entity(core)
    if not COMPANIES.isdisjoint(legal):
        found |= {"company"}
    elif "lp" in legal:
        found |= {"partnership"}
    return found or (frozenset() if legal else _people(core, joined))


def _entity(core: Sequence[str]) -> frozenset[str]:
    if not core:
        return frozenset()
    own = [word for word in core if not word.isdigit()]
    while own and own[-1] in _AFTER_TRUST and "trust" in own:
        own.pop()
    last = own[-1] if own else ""
    if "smsf" in own or ("superannuation" in own and last in ("fund", "superannuation", "plan")):
        return frozenset(("fund",))
    if core[0] == "estate" and len(core) > 1 and core[1] not in word_lists.TRADES:
        return frozenset(("estate",))
    return frozenset((last,)) if last in ("trust", "partnership") else frozenset()


def _people(core: Sequence[str], joined: bool) -> frozenset[str]:
    """A person has a given name or an initial, and nothing but names. A couple has a sign between its given names."""
    if not 2 <= len(core) <= 5 or " ".join(core) in word_lists.EPONYMS or not all(map(str.isalpha, core)):
        return frozenset()
    known = [look_up(word) for word in core]
    initials = [len(word) == 1 for word in core]
    given = [_is_given(word, one) for word, one in zip(core, known, strict=True)]
    if not (any(initials) or any(given)) or not _NAMELESS.isdisjoint(core):
        return frozenset()
    unknown = [at for at, one in enumerate(known) if not (initials[at] or given[at] or any(one[:4]))]
    # An unknown family name is at the end of a name that begins with a given name, or is the first of two words.
    family = len(core) - 1 if given[0] else 0 if len(core) == 2 and given[1] else None
    if unknown and not (unknown == [family] and known[unknown[0]].word == 0):
        return frozenset()
    if joined:
        return frozenset(("couple",)) if len(core) > 2 else frozenset()
    return frozenset(("person",))


def _is_given(word: str, known: Known) -> bool:
    """Whether a word is a given name more than another word: 'Rose', not 'Bell'."""
    if known.given > 1 or word in word_lists.MORE_GIVEN:
        return True
    return known.word < 5 and (known.given > 0 or (known.listed_given > 0 and known.word < 4))
