"""The evidence that two contacts are one, or are not, in words. Pure."""

from collections.abc import Iterator, Sequence

from domain.fields import identifiers
from domain.names.similarity.contacts import Ready, renamed, share_owner
from domain.names.similarity.distinct import tell_apart, tell_entities_apart
from domain.names.similarity.names import Meeting, Name, Word, as_written

MOST = 6


def explain(one: Ready, other: Ready, meeting: Meeting) -> tuple[str, ...]:
    """The evidence, with what speaks for the pair first. Words are quoted as the names have them."""
    for_it = [*_names(one.name, other.name, meeting), *_fields(one, other)]
    if number := identifiers.same(one.identifiers, other.identifiers):
        for_it.insert(0, f"same {number}")
    if renamed(one, other):
        for_it.append("family name may have changed")
    return tuple([*for_it, *_against(one, other, meeting)][:MOST])


def _names(one: Name, other: Name, meeting: Meeting) -> Iterator[str]:
    if not (one.text and other.text):
        return
    if one.key and one.key == other.key:
        yield "same name"
    elif one.plain == other.plain:
        yield "same words but for accents, signs, legal form, title or short forms"
    elif one.ordered == other.ordered:
        yield "same words in another order"
    elif one.compact == other.compact:
        yield "same letters, spaced otherwise"
    else:
        yield from _words(meeting, _Quotes(one, other))


class _Quotes:
    """Words as the two names have them."""

    def __init__(self, one: Name, other: Name) -> None:
        self._written = (as_written(one.text), as_written(other.text))

    def side(self, at: int, found: Sequence[Word]) -> str:
        return " ".join(self._written[at].get(part, part) for word in found for part in word.plain.split())

    def word(self, word: Word) -> str:
        """The word as either name has it."""
        for written in self._written:
            if all(part in written for part in word.plain.split()):
                return " ".join(written[part] for part in word.plain.split())
        return word.plain


def _words(meeting: Meeting, quotes: _Quotes) -> Iterator[str]:
    same = [quotes.word(met.one) for met in meeting.met if met.how == "same"]
    if same:
        yield f"same words: {' '.join(same)}"
    for met in meeting.met:
        pair = sorted((met.one, met.other), key=lambda word: (len(word.plain), word.plain))
        one, other = map(quotes.word, pair)
        match met.how:
            case "nickname":
                yield f"{one} is short for {other}"
            case "initial":
                yield f"initial {one} fits {other}"
            case "first letters":
                yield f"{one} is the first letters of {other}"
            case "beginning":
                yield f"{one} begins {other}"
            case "joined":
                yield f"{other} written apart"
            case "spelling":
                yield f"spelt alike: {one}, {other}"


def _fields(one: Ready, other: Ready) -> Iterator[str]:
    if one.emails & other.emails:
        users = max(one.users, other.users)
        yield f"same email, which {users} names use" if users > 1 else "same email"
    elif one.email and other.email and one.email.partition("@")[0] == other.email.partition("@")[0]:
        yield "emails differ after the @ only"
    if one.digits and one.digits == other.digits:
        yield "same phone"
    if one.address and one.address == other.address:
        yield "same address"
    if one.postcode and one.postcode == other.postcode:
        yield "same postcode"
    elif one.city and one.city == other.city:
        yield "same city"


def _against(one: Ready, other: Ready, meeting: Meeting) -> Iterator[str]:
    if numbers := identifiers.differing(one.identifiers, other.identifiers):
        yield f"{numbers[0]} is not {numbers[1]}"
    apart = tell_apart(one.name, other.name)
    if apart is None and share_owner(one, other):
        apart = tell_entities_apart(one.name, other.name, meeting)
    if apart:
        yield apart
    left, right = meeting.left
    if left or right:
        quotes = _Quotes(one.name, other.name)
        sides = [quotes.side(at, side) or "nothing" for at, side in enumerate((left, right))]
        yield f"differ: {sides[0]} / {sides[1]}"
    if one.name.legal and other.name.legal and not one.name.legal & other.name.legal:
        yield "other legal form"
    if one.emails and other.emails and not one.emails & other.emails:
        yield "other email"
    if one.digits and other.digits and one.digits != other.digits:
        yield "other phone"
