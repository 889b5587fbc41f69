"""The evidence that two contacts are one, or are not, in words. Pure."""

from collections.abc import Iterator

from domain.names.similarity.contacts import Ready
from domain.names.similarity.distinct import tell_apart
from domain.names.similarity.names import Meeting, Name

MOST = 6


def explain(one: Ready, other: Ready, meeting: Meeting) -> tuple[str, ...]:
    """The evidence, with what speaks for the pair first."""
    for_it = [*_names(one.name, other.name, meeting), *_fields(one, other)]
    return tuple([*for_it, *_against(one, other, meeting)][:MOST])


def _names(one: Name, other: Name, meeting: Meeting) -> Iterator[str]:
    if not (one.text and other.text):
        return
    if one.text.casefold() == other.text.casefold():
        yield "same name"
        return
    if one.plain == other.plain:
        yield "same name but for legal form, title or short forms"
    elif one.ordered == other.ordered:
        yield "same words in another order"
    elif one.compact == other.compact:
        yield "same letters, spaced otherwise"
    else:
        yield from _words(meeting)


def _words(meeting: Meeting) -> Iterator[str]:
    same = [met.one.plain for met in meeting.met if met.how == "same"]
    if same:
        yield f"same words: {' '.join(same)}"
    for met in meeting.met:
        one, other = sorted((met.one.plain, met.other.plain), key=lambda word: (len(word), word))
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
    if one.email and one.email == other.email:
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
    if apart := tell_apart(one.name, other.name):
        yield apart
    left, right = meeting.left
    if left or right:
        sides = [" ".join(word.plain for word in side) or "nothing" for side in (left, right)]
        yield f"differ: {sides[0]} / {sides[1]}"
    if one.name.legal and other.name.legal and not one.name.legal & other.name.legal:
        yield "other legal form"
    if one.email and other.email and one.email != other.email:
        yield "other email"
    if one.digits and other.digits and one.digits != other.digits:
        yield "other phone"
