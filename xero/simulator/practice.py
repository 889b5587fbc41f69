"""A practice's own list of contacts. It overlaps an organisation in all the ways that matching must distinguish."""

import unicodedata
from collections.abc import Callable, Sequence
from random import Random
from typing import TypedDict

from xero.simulator import words
from xero.simulator.contacts import ACTIVE, Contact
from xero.simulator.lifelike import ascii_slug, draw_email, draw_person


class PracticeAddress(TypedDict):
    lines: list[str]
    city: str
    region: str
    postal_code: str
    country: str


class PracticeContact(TypedDict):
    name: str
    first_name: str
    last_name: str
    billing_email: str
    primary_phone: str
    billing_address: PracticeAddress | None


_Draw = Callable[[Random, Sequence[Contact]], list[PracticeContact]]


def practice_overlap(contacts: Sequence[Contact], seed: int, count: int) -> list[PracticeContact]:
    """`count` contacts, about 45 % full matches, 20 % conflicts, the rest not in Xero; the same for the same seed.

    Full match: name and email agree but for case and spaces. Conflict: the name fits one and the email another,
    or only one of the two fits, or the email is several contacts', or the practice has the name twice.
    """
    random = Random(f"practice/{seed}/{count}")  # noqa: S311 - chance that can be repeated, nothing secret
    pool = [c for c in contacts if c.status == ACTIVE]
    random.shuffle(pool)
    full = _of_full_matches(random, pool, round(count * 0.45))
    rest = [c for c in pool if c.email][len(full) :] or pool
    practice = full + _of_conflicts(random, rest, round(count * 0.2))
    while len(practice) < count:
        practice += _of_strangers(random, pool)
    practice = practice[:count]
    random.shuffle(practice)
    return practice


def _of_full_matches(random: Random, pool: Sequence[Contact], count: int) -> list[PracticeContact]:
    with_email = [contact for contact in pool if contact.email]
    return [_restyled(random, contact) for contact in with_email[:count]]


def _of_conflicts(random: Random, pool: Sequence[Contact], count: int) -> list[PracticeContact]:
    draws: list[_Draw] = [
        _same_name_other_email,
        _same_email_other_name,
        _shared_email,
        _twice_in_practice,
        _torn_between_two,
        _same_name_no_email,
    ]
    conflicts: list[PracticeContact] = []
    turn = 0
    while len(conflicts) < count and pool:
        used = turn * 2 % len(pool)
        near = [*pool[used : used + 2], *pool[: max(0, used + 2 - len(pool))]]
        conflicts += draws[turn % len(draws)](random, near)
        turn += 1
    return conflicts[:count]


def _restyled(random: Random, contact: Contact) -> PracticeContact:
    """The same name and email, sometimes with other case and spaces."""
    name = random.choice(
        [contact.name] * 4 + [contact.name.upper(), contact.name.lower(), _spaced_out(contact.name)]
    )
    email = random.choice([contact.email] * 3 + [contact.email.upper(), f" {contact.email} "])
    return _as_practice_has(contact, name, email)


def _spaced_out(name: str) -> str:
    return f" {name.replace(' ', '  ')} "


def _same_name_other_email(random: Random, near: Sequence[Contact]) -> list[PracticeContact]:
    return [_as_practice_has(near[0], near[0].name, f"other.{ascii_slug(near[0].name)}@example.org")]


def _same_email_other_name(random: Random, near: Sequence[Contact]) -> list[PracticeContact]:
    person = draw_person(random)
    return [_as_practice_has(near[0], f"{person.first} {person.last} Consulting", near[0].email)]


def _shared_email(random: Random, near: Sequence[Contact]) -> list[PracticeContact]:
    """Give two clients the address of one bookkeeper."""
    other = draw_person(random)
    return [
        _as_practice_has(near[0], near[0].name, near[0].email),
        _as_practice_has(near[0], f"{other.last} {other.first} Holdings", near[0].email),
    ]


def _twice_in_practice(random: Random, near: Sequence[Contact]) -> list[PracticeContact]:
    return [
        _as_practice_has(near[0], near[0].name, near[0].email),
        _as_practice_has(near[0], near[0].name, ""),
    ]


def _torn_between_two(random: Random, near: Sequence[Contact]) -> list[PracticeContact]:
    return [_as_practice_has(near[0], near[0].name, near[-1].email)]


def _same_name_no_email(random: Random, near: Sequence[Contact]) -> list[PracticeContact]:
    return [_as_practice_has(near[0], near[0].name, "")]


def _of_strangers(random: Random, pool: Sequence[Contact]) -> list[PracticeContact]:
    """Contacts that are not in Xero. One client in eight has almost the name of a Xero contact."""
    if pool and random.random() < 0.125:
        twin = random.choice(pool)
        return [_as_practice_has(twin, near_duplicate(random, twin.name), "")]
    person = draw_person(random)
    name = f"{person.first} {person.last}"
    if random.random() < 0.5:
        name = f"{person.last} {random.choice(words.COINED)} {random.choice(words.TRADES)} Limited".replace(
            "_", " "
        )
    return [
        PracticeContact(
            name=name,
            first_name=person.first,
            last_name=person.last,
            billing_email=draw_email(random, f"{name} {random.randrange(10_000)}", None),
            primary_phone=f"0{random.choice('34679')} {random.randrange(200, 999)} {random.randrange(1000, 9999)}",
            billing_address=None,
        )
    ]


def near_duplicate(random: Random, name: str) -> str:
    """Another spelling: Ltd for Limited, & for and, no accents, two letters swapped, or the last one doubled."""
    respelt = [
        name.replace("Limited", "Ltd") if "Limited" in name else name.replace("Ltd", "Limited"),
        name.replace("&", "and") if "&" in name else name.replace(" and ", " & "),
        unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip(),
    ]
    changed = [spelling for spelling in respelt if spelling not in ("", name)]
    if changed:
        return random.choice(changed)
    middle = len(name) // 2
    swapped = name[: middle - 1] + name[middle : middle + 1] + name[middle - 1 : middle] + name[middle + 1 :]
    return swapped if swapped != name else name + name[-1]


def _as_practice_has(contact: Contact, name: str, email: str) -> PracticeContact:
    return PracticeContact(
        name=name,
        first_name=contact.first_name,
        last_name=contact.last_name,
        billing_email=email,
        primary_phone=_phone_in_one(contact),
        billing_address=_billing_address(contact),
    )


def _phone_in_one(contact: Contact) -> str:
    phone = contact.phones.get("DEFAULT") or contact.phones.get("MOBILE")
    if phone is None:
        return ""
    country = f"+{phone.country.lstrip('+')}" if phone.country else ""
    return " ".join(part for part in (country, phone.area, phone.number) if part)


def _billing_address(contact: Contact) -> PracticeAddress | None:
    address = contact.addresses.get("POBOX")
    if address is None:
        return None
    return PracticeAddress(
        lines=list(address.lines),
        city=address.city,
        region=address.region,
        postal_code=address.postal_code,
        country=address.country,
    )
