"""The reasons for a classification, in words that a person can check. Pure.

The model adds up hundreds of small signs. The reasons name those that a reader can see, the strongest first.
"""

from domain.names import word_lists
from domain.names import words as names
from domain.names.classification.evidence import Relation
from domain.names.classification.features import Reading, Token
from domain.names.lexicon import look_up

MOST = 3
Word = tuple[str, str, Token]  # as written, bare and lower-case, as read


def is_partners(reading: Reading) -> bool:
    """Whether the name is nothing but several people's names: 'J & K Smith', 'Smith and Jones', 'Mr & Mrs J Smith'."""
    if not names.is_joined(reading.text) or names.find_legal_form(reading.text):
        return False
    found = _words(reading)
    return len(found) < 12 and not any(_is_no_name(found, at) for at in range(len(found)))


_NO_NAMES = names.TRUSTS | (names.LITTLE - names.PARTICLES - {"and", "et", "y", "und", "a"})


def _is_no_name(found: list[Word], at: int) -> bool:
    """Whether the word can be nobody's name: 'Les' is a given name, and 'Church' a family name behind a given one."""
    raw, bare, token = found[at]
    given = token.known.given > 0 and raw[:1].isupper()
    if bare in word_lists.TRADES:
        before = found[at - 1] if at else None
        named = before is not None and (before[2].known.given > 0 or len(before[1]) == 1)
        return not (named and token.known.family > 0 and at == len(found) - 1)
    return (bare in _NO_NAMES and not given) or any(map(str.isdigit, bare))


_KIN = frozenset(
    "mama mamma papa nonna nonno nana grandma grandpa granny uncle aunty auntie chef casa chez mister madame senor".split()
)


def may_be_shop(reading: Reading) -> bool:
    """Whether a restaurant or shop may be called like this person: a given name alone, or with a word of kin."""
    found = _words(reading)
    own = [word for word in found if word[1] not in _KIN]
    return len(own) == 1 and (len(found) == 2 or (len(found) == 1 and own[0][2].known.given > 0))


def family_in_capitals(text: str) -> str | None:
    """'ZEBEDEE, Horatio' for 'ZEBEDEE Horatio', as ledgers write people. None if the capitals may be an acronym, because a word is
    a plain word, a trade or a legal form."""
    family, *given = text.split()
    if not (1 <= len(given) <= 2 and len(family) > 2 and family.isupper()):
        return None
    if not all(word[0].isupper() and not word.isupper() for word in given):
        return None
    plain = [names.fold(word).replace("'", "") for word in (family, *given)]
    known = [look_up(word) for word in plain]
    said = word_lists.TRADES | names.LEGAL | names.TRUSTS | names.LITTLE
    if any(one.word > 2 for one in known) or not said.isdisjoint(plain):
        return None
    return f"{family}, {' '.join(given)}"


def explain(
    reading: Reading, *, person: bool, partners: bool, relation: Relation, mailbox: str | None
) -> tuple[str, ...]:
    if partners:
        return ("several names joined: a couple or partners",)
    found = _for_person(reading, relation) if person else _for_organisation(reading, relation, mailbox)
    return tuple(found[:MOST]) or (
        "spelt like a person's name" if person else "spelt like a business's name",
    )


def _for_organisation(reading: Reading, relation: Relation, mailbox: str | None) -> list[str]:
    words = _words(reading)
    found = []
    if reading.foreign_form:
        found.append(f"word for an organisation: {reading.foreign_form}")
    elif form := names.find_legal_form(reading.text):
        found.append(f"legal form: {form}")
    found += [f"trust or estate: {raw}" for raw, bare, _ in words if bare in names.TRUSTS][:1]
    found += [f"trade word: {raw}" for raw, bare, _ in words if bare in word_lists.TRADES][:2]
    if not found and (word := _least_like_a_name(words)):
        found.append(f"not a person's name: {word}")
    if any(map(str.isdigit, reading.text)):
        found.append("has digits")
    if mailbox:
        found.append(f"shared mailbox: {mailbox}@")
    if relation == "other":
        found.append("the contact person's name is another")
    return found


def _least_like_a_name(words: list[Word]) -> str | None:
    raw, _, token = min(words, key=lambda word: word[2].score)
    return raw.strip(".,()") if token.score < 0 and not (token.known[0] or token.known[2] > 1) else None


def _for_person(reading: Reading, relation: Relation) -> list[str]:
    words = _words(reading)
    own = [word for word in words if word[1] not in names.TITLES and word[1] not in names.POSTNOMINALS]
    found = []
    if relation == "same":
        found.append("first name and last name are the whole name")
    found += [f"title: {raw.strip(',')}" for raw, bare, _ in words if bare in names.TITLES][:1]
    if "," in reading.text and len(own) > 1:
        found.append("family name, then given name")
    elif len(own) > 1 and all(len(bare) == 1 for _, bare, _ in own[:-1]):
        found.append("initials and family name")
    elif len(own) > 1 and _is_given(own[0]) and _is_family(own[-1]):
        found.append("given name and family name")
    elif given := [raw for raw, bare, token in own if _is_given((raw, bare, token))]:
        found.append(f"given name: {given[0].strip('.,()')}")
    found += [
        f"letters after the name: {raw.strip(',')}"
        for raw, bare, _ in words[1:]
        if bare in names.POSTNOMINALS
    ][:1]
    return found


def _is_given(word: Word) -> bool:
    known = word[2].known
    return bool(known[0] or known[1])


def _is_family(word: Word) -> bool:
    known = word[2].known
    return bool(known[2] or known[3]) or word[2].score > 0


def _words(reading: Reading) -> list[Word]:
    bare = [names.fold(word.strip(".,()'\"")) for word in reading.lower]
    return list(zip(reading.raw, bare, reading.tokens, strict=True))
