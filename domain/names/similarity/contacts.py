"""Two contacts compared beyond their names: email, phone and address, if both have them. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from domain.fields.phones import phone_key
from domain.names import words as names
from domain.names.similarity.names import Name, Word, is_given_name, is_person, meet, prepare
from domain.names.text_keys import email_key

# Up to so many contacts of one email are compared to count the people who use it. Beyond, each contact counts.
MOST_USERS = 25
# Mail hosts and mailboxes that anybody may have. They are no keys.
_HOSTS = (
    "gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk hotmail.co.nz live.com msn.com yahoo.com yahoo.co.uk "
    "yahoo.co.nz yahoo.com.au ymail.com icloud.com me.com mac.com aol.com proton.me protonmail.com gmx.com xtra.co.nz "
    "bigpond.com bigpond.net.au optusnet.com.au btinternet.com sky.com comcast.net verizon.net att.net slingshot.co.nz"
)
_BOXES = "accounts admin billing contact enquiries finance hello info mail manager office reception sales service support"
_ANYBODYS = frozenset([*(f"d {host}" for host in _HOSTS.split()), *(f"l {box}" for box in _BOXES.split())])
_STREET = {
    "street": "st", "road": "rd", "avenue": "ave", "av": "ave", "drive": "dr", "boulevard": "blvd", "place": "pl", "lane": "ln",
    "court": "ct", "crescent": "cres", "terrace": "tce", "parade": "pde", "highway": "hwy", "north": "n", "south": "s",
    "east": "e", "west": "w", "level": "l", "unit": "u", "suite": "u", "flat": "u", "apartment": "u", "apt": "u",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Details:
    """The values of one contact as typed. None or a blank means unknown. `identifiers`: the keys of official numbers
    (domain.fields.identifiers.keys_of)."""

    name: str
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    identifiers: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Ready:
    """Details made ready once for many comparisons. '' means unknown.

    `also` holds the several names in a name, except a single word without legal form, because a brand begins many names. `emails`
    are the addresses in the email, and `users` is the number of people who use it.
    """

    name: Name
    also: tuple[Name, ...]
    email: str
    emails: frozenset[str]
    users: int
    phone: str
    digits: str
    address: str
    number: str
    city: str
    region: str
    postcode: str
    identifiers: frozenset[str]

    @property
    def known(self) -> bool:
        """Whether anything but the name is known."""
        return bool(self.email or self.digits or self.address or self.city or self.region or self.postcode)


def make_ready(details: Details, country: str | None = None, users: Mapping[str, int] | None = None) -> Ready:
    """Prepare details. `country` is the ISO code of the country that phones are dialled from. `users`: see count_users."""
    email = email_key(details.email) or ""
    emails = addresses_of(email)
    phone = dialled(details.phone)
    digits = re.sub(r"\D", "", phone)
    address = street(details.address)
    number = re.search(r"\d+", address)
    return Ready(
        prepare(details.name),
        tuple(name for name in map(prepare, names.several(details.name)) if len(name.core) > 1 or name.legal),
        email,
        emails,
        max((users or {}).get(one, 1) for one in (email, *emails)) if email else 0,
        phone_key(phone, country) or "",
        digits[-7:],
        address,
        number.group() if number else "",
        names.fold(names.tidy(details.city or "")),
        names.fold(names.tidy(details.region or "")),
        re.sub(r"\W", "", (details.postcode or "").casefold()),
        frozenset(details.identifiers),
    )


def addresses_of(email: str) -> frozenset[str]:
    """The addresses in an email key: 'a@x;b@x' holds two."""
    return frozenset(part for part in re.split(r"[;,]", email) if part) if email else frozenset()


# The words that people write before a phone, and the extension behind it.
_BEFORE_PHONE = re.compile(
    r"^(?:tel|ph|phone|mob|mobile|cell|work|home|wk|hm|ddi|dd|a/?h|[tpmwhc])[.:\s]*(?=[\d+(])", re.IGNORECASE
)
_EXTENSION = re.compile(r"\s*(?:,|;)?\s*(?:ext|extn|extension|x|#)[.:]?\s*\d{1,7}$", re.IGNORECASE)
_FEWEST_DIGITS = 6


def dialled(phone: str | None) -> str:
    """The phone without the words before it, and without extension. '' if it has letters or too few digits to say anything:
    '1800 KAURI', '555'.
    """
    text = _EXTENSION.sub("", _BEFORE_PHONE.sub("", (phone or "").strip()))
    digits = sum(map(str.isdigit, text))
    return "" if digits < _FEWEST_DIGITS or any(map(str.isalpha, text)) else text


def street(address: str | None) -> str:
    """The street in short words: '834 E. 50Th Street' gives '834 e 50th st'."""
    words = re.findall(r"[^\W_]+", names.fold(names.tidy(address or "")))
    return " ".join(_STREET.get(word, word) for word in words)


def count_users(contacts: Iterable[tuple[str, str | None]]) -> dict[str, int]:
    """For each email, the number of names that use it, from pairs (name, email). Spellings of one name count once."""
    by_email: dict[str, set[str]] = defaultdict(set)
    for name, email in contacts:
        if (key := email_key(email)) and prepare(name).core:
            for one in {key, *addresses_of(key)}:
                by_email[one].add(prepare(name).ordered)
    return {email: _count_distinct(sorted(found)) for email, found in by_email.items()}


def _count_distinct(found: list[str]) -> int:
    if len(found) > MOST_USERS:
        return len(found)
    groups: list[list[str]] = []
    for text in found:
        joined = [group for group in groups if any(_one_name(text, other) for other in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([text, *(other for group in joined for other in group)])
    return len(groups)


def _one_name(one: str, other: str) -> bool:
    return fuzz.ratio(one, other) >= 82 or fuzz.token_set_ratio(one, other) >= 96


def field_features(one: Ready, other: Ready) -> Iterator[float]:
    """The features in the order of FIELD_FEATURES. -1 means that a contact lacks the field."""
    yield from _email(one, other)
    if one.digits and other.digits:
        yield from (
            one.phone == other.phone,
            one.digits == other.digits,
            fuzz.ratio(one.digits, other.digits) / 100,
        )
    else:
        yield from (-1, -1, -1)
    if one.address and other.address:
        yield fuzz.token_set_ratio(one.address, other.address) / 100
        yield fuzz.ratio(one.address, other.address) / 100
        yield one.number == other.number if one.number and other.number else -1
    else:
        yield from (-1, -1, -1)
    for a, b in ((one.city, other.city), (one.region, other.region), (one.postcode, other.postcode)):
        yield fuzz.ratio(a, b) / 100 if a and b else -1
    yield sum(
        bool(getattr(one, field) and getattr(other, field))
        for field in ("email", "digits", "address", "city", "postcode")
    )


def _email(one: Ready, other: Ready) -> Iterator[float]:
    if not one.email or not other.email:
        yield from (-1, -1, -1, -1, 0)
        return
    (local, _, domain), (local2, _, domain2) = one.email.partition("@"), other.email.partition("@")
    if one.emails & other.emails:
        yield from (True, 1.0, 1.0, 1.0, max(one.users, other.users))
        return
    yield one.email == other.email
    yield fuzz.ratio(one.email, other.email) / 100
    yield fuzz.ratio(local, local2) / 100
    yield fuzz.ratio(domain, domain2) / 100
    yield max(one.users, other.users)


def share_owner(one: Ready, other: Ready) -> bool:
    """Whether the two share an email, a phone or a street, as the entities of one owner do."""
    return (
        bool(one.emails & other.emails)
        or bool(one.digits and one.digits == other.digits)
        or bool(one.address and one.address == other.address)
    )


def share_fields(one: Ready, other: Ready) -> int:
    """How many of email, phone and street are equal, letter for letter."""
    return (
        bool(one.emails & other.emails)
        + bool(one.digits and one.digits == other.digits)
        + bool(one.address and one.address == other.address)
    )


def renamed(one: Ready, other: Ready) -> bool:
    """Whether one person may be known by a former family name: the same given name, another family name, and two of email,
    phone, street and place equal. A family name may be of several words ('Te Amo'), or joined to the former one.
    """
    place = bool(one.postcode and one.postcode == other.postcode) or bool(one.city and one.city == other.city)
    if share_fields(one, other) + place < 2:
        return False
    met, left = meet(one.name, other.name)
    same = [pair.one for pair in met if pair.how in ("same", "nickname") and len(pair.one.plain) > 1]
    if not any(is_given_name(word) or _stands_for_given(word, one.name, other.name) for word in same):
        return False
    if not (is_person(one.name) and is_person(other.name)):
        return False
    sides = [[word for word in side if word.plain not in names.PARTICLES] for side in left]
    if all(len(side) == 1 and len(side[0].plain) > 1 for side in sides):
        return True
    alone = [word.plain for side in sides for word in side]
    return (
        len(same) > 1
        and len(alone) == 1
        and any(_is_joined_to(alone[0], name) for name in (one.name, other.name))
    )


def _stands_for_given(word: Word, one: Name, other: Name) -> bool:
    """Whether the word stands where given names do in both names, and is not known as a family name."""
    places = {(name.core[-1] if "," in name.text else name.core[0]).plain for name in (one, other)}
    return places == {word.plain} and word.known.family == 0


def _is_joined_to(word: str, name: Name) -> bool:
    return any(word in part.split("-") for part in names.fold(name.text).split() if "-" in part)


FIELD_FEATURES = (
    "email_same email_ratio email_local email_domain email_users phone_same digits_same digits_ratio "
    "address_set address_ratio number_same city region postcode fields_shared"
).split()


def contact_keys(details: Ready) -> frozenset[str]:
    """Keys of the fields other than the name. Two contacts with an equal key are candidates, even if their names differ."""
    keys = set()
    if details.email:
        for email in details.emails:
            local, _, domain = email.partition("@")
            keys |= {f"e {email}", f"l {local}", f"d {domain}"}
        keys -= _ANYBODYS
    if details.digits:
        keys.add(f"p {details.digits}")
    if details.address and details.number:
        words = [word for word in details.address.split() if len(word) > 2 and word != details.number]
        keys |= {f"a {details.number} {word[:5]}" for word in words[:3]}
    return frozenset(keys | {f"i {number}" for number in details.identifiers})
