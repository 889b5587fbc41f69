"""The agreement of two contacts: the similarity of the names, and the other fields that agree. Pure. `is_sure` is a rule
and not a score. Its results were counted (docs/MATCHING.md, The safe top).
"""

from enum import IntEnum
from typing import NamedTuple

from rapidfuzz import fuzz

from domain.fields import identifiers
from domain.names.similarity.contacts import Ready, renamed, share_fields
from domain.names.similarity.distinct import tell_apart, tell_entities_apart
from domain.names.similarity.names import Met, Name, is_given_name, meet

_SHORT_NAME = 4


class Likeness(IntEnum):
    """How far two names agree. SHORT: each word of one has its counterpart in the other, as an initial or a nickname. SPELT: as
    one mistyped word. WORDS: the same words but for legal form, title, short forms, order or accents."""

    UNLIKE = 0
    SHORT = 1
    SPELT = 2
    WORDS = 3
    EQUAL = 4


class Agreement(NamedTuple):
    """None for a field that one of the two lacks. `postcode` is False too if the postcodes are equal and the cities are
    not. `identifier`: whether they share an official number; False if two of one kind differ, even if they share another
    one.
    """

    name: Likeness
    email: bool | None
    phone: bool | None
    street: bool | None
    postcode: bool | None
    email_users: int
    identifier: bool | None

    @property
    def strong(self) -> int:
        """How many of email, phone and street are equal."""
        return [self.email, self.phone, self.street].count(True)

    @property
    def table(self) -> int:
        """Which table of confidence counts: 0 to 2 fields equal, an official number equal, or two that differ."""
        if self.identifier is None:
            return min(2, self.strong)
        return 3 if self.identifier else 4

    @property
    def against(self) -> int:
        """How many of email, phone and street differ."""
        return [self.email, self.phone, self.street].count(False)


def agree(one: Ready, other: Ready) -> Agreement:
    return Agreement(
        max(_names(a, b) for a in (one.name, *one.also) for b in (other.name, *other.also)),
        bool(one.emails & other.emails) if one.emails and other.emails else None,
        one.digits == other.digits if one.digits and other.digits else None,
        _street(one, other),
        _postcode(one, other),
        max(one.users, other.users),
        _identifier(one, other),
    )


def of_one_client(one: Ready, other: Ready) -> bool:
    """Whether each word of one name has its counterpart in the other, and two of email, phone and street are equal: 'A Zebedee'
    and 'Amelia Zebedee' of one phone and street. A person should look, whatever the rarity of the words."""
    found = agree(one, other) if share_fields(one, other) > 1 else None
    if found is None or found.strong < 2 or found.name is Likeness.UNLIKE:
        return False
    return not (tell_apart(one.name, other.name) or tell_entities_apart(one.name, other.name))


def is_sure(one: Ready, other: Ready, found: Agreement) -> bool:
    """Whether nobody need look: the names agree, at least one other field is equal, and no more differs than is equal.

    Names alone are never sure. Names that a rule distinguishes are never sure, and neither is a family name that may have
    changed. The town is no field; a postcode is one if nothing differs. A mistyped name needs an email of its own or two
    fields; an initial or a nickname needs two. An equal official number counts as one of these fields. Two contacts with
    different official numbers are never sure.
    """
    if found.identifier is False:
        return False
    if found.name is Likeness.UNLIKE or found.against > found.strong + (found.identifier is True):
        return False
    fields = found.strong + (found.postcode is True and found.against == 0) + (found.identifier is True)
    own = found.email is True and found.email_users <= 2
    enough = fields > 1 or (
        fields == 1 and (found.name >= Likeness.WORDS or (found.name is Likeness.SPELT and own))
    )
    apart = tell_apart(one.name, other.name) or tell_entities_apart(one.name, other.name)
    return enough and not apart and not renamed(one, other)


def _names(one: Name, other: Name) -> Likeness:
    if not (one.core and other.core):
        return Likeness.UNLIKE
    if one.key == other.key:
        return Likeness.EQUAL
    if one.plain == other.plain or one.ordered == other.ordered or one.compact == other.compact:
        return Likeness.WORDS
    met, (left, right) = meet(one, other)
    if not met or left or right:
        return Likeness.UNLIKE
    ways = {pair.how for pair in met}
    mistyped = [pair for pair in met if pair.how == "spelling"]
    if len(mistyped) > 1 or any(map(_are_two_names, mistyped)):
        return Likeness.UNLIKE
    return Likeness.SPELT if ways <= {"same", "spelling", "joined"} else Likeness.SHORT


def _are_two_names(pair: Met) -> bool:
    """Whether two words spelt alike are names of their own: Min and Ming, Wang and Yang. Nobody has mistyped one of them."""
    one, other = pair.one, pair.other
    short = max(len(one.plain), len(other.plain)) <= _SHORT_NAME
    return (is_given_name(one) and is_given_name(other)) or (
        short and any(one.known[:4]) and any(other.known[:4])
    )


def _identifier(one: Ready, other: Ready) -> bool | None:
    if identifiers.differing(one.identifiers, other.identifiers):
        return False
    return True if one.identifiers & other.identifiers else None


def _street(one: Ready, other: Ready) -> bool | None:
    if not (one.address and other.address):
        return None
    return one.address == other.address or (
        one.number == other.number != "" and fuzz.token_set_ratio(one.address, other.address) >= 90
    )


def _postcode(one: Ready, other: Ready) -> bool | None:
    if not (one.postcode and other.postcode):
        return None
    return one.postcode == other.postcode and (not (one.city and other.city) or one.city == other.city)
