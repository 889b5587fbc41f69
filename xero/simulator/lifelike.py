"""Invented contacts of an organisation, like those of a New Zealand practice. Equal seed and count give equal
contacts.

Names are composed from word lists; none is a real person's. Email addresses end in reserved domains.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace
from stdnum.nz import ird

from xero.simulator import words
from xero.simulator.contacts import ARCHIVED, Address, Contact, Person, Phone
from xero.simulator.official_numbers import draw_nzbn

FIRST_DAY = datetime(2019, 1, 1, tzinfo=UTC)
DAYS = 7 * 365
_KINDS = ("company", "person", "reversed", "couple", "trust", "partnership", "trading", "public", "coined")
_KIND_WEIGHTS = (34, 22, 4, 6, 9, 6, 6, 4, 9)
_CULTURES = tuple(words.PEOPLE)
_CULTURE_WEIGHTS = (55, 14, 8, 9, 10, 4)


class NamePerson(NamedTuple):
    first: str
    last: str


class _Identity(NamedTuple):
    """A contact's Name, and the person behind it if there is one."""

    name: str
    person: NamePerson | None


def lifelike_contacts(seed: int, count: int) -> list[Contact]:
    """About 3 % are archived, and another 1 % merged and archived. Active names are unique without case."""
    random = _random(seed, count)
    taken: set[str] = set()
    contacts = [_contact(random, _unused(random, taken)) for _ in range(count)]
    return list(_retired(random, contacts))


def _random(seed: int, count: int) -> Random:
    return Random(f"{seed}/{count}")  # noqa: S311 - chance that can be repeated, nothing secret


def _retired(random: Random, contacts: list[Contact]) -> Iterable[Contact]:
    """Archive some contacts. Some merged ones get the name of their survivor."""
    active: list[Contact] = []
    for contact in contacts:
        draw = random.random()
        if draw < 0.01 and active:
            survivor = random.choice(active)
            name = survivor.name if random.random() < 0.5 else contact.name
            yield replace(contact, name=name, status=ARCHIVED, merged_to=survivor.id)
        elif draw < 0.04 and active:
            yield replace(contact, status=ARCHIVED)
        else:
            active.append(contact)
            yield contact


def _unused(random: Random, taken: set[str]) -> _Identity:
    """Draw until a name is free. After a few draws a place is added, then a number."""
    for attempt in range(1, 1000):
        identity = _identity(random)
        name = identity.name
        if attempt > 2:
            name = f"{name} ({words.spaced(random.choice(words.PLACES))})"
        if attempt > 4:
            name = f"{identity.name} {random.randrange(2, 100_000)}"
        if name.casefold() not in taken:
            taken.add(name.casefold())
            return identity._replace(name=name)
    raise RuntimeError("no free name found")


def draw_person(random: Random) -> NamePerson:
    culture = random.choices(_CULTURES, _CULTURE_WEIGHTS)[0]
    given, family = words.PEOPLE[culture]
    return NamePerson(words.spaced(random.choice(given)), words.spaced(random.choice(family)))


def _identity(random: Random) -> _Identity:
    kind = random.choices(_KINDS, _KIND_WEIGHTS)[0]
    person = draw_person(random)
    first, last = person
    place, trade = words.spaced(random.choice(words.PLACES)), words.spaced(random.choice(words.TRADES))
    coined, suffix = words.spaced(random.choice(words.COINED)), random.choice(words.COMPANY_SUFFIXES)
    match kind:
        case "company":
            name = random.choice([f"{place} {trade}", f"{last} {trade}", f"{coined} {trade}"])
            return _Identity(_with_suffix(name, suffix, coined), None)
        case "person":
            if random.random() < 0.04:
                return _Identity(random.choice(words.CHINESE_SCRIPT), person)
            middle = f" {random.choice('ABCDEFGHJKLMNPRSTW')}" if random.random() < 0.3 else ""
            return _Identity(f"{first}{middle} {last}", person)
        case "reversed":
            return _Identity(random.choice([f"{last.upper()}, {first}", f"{last}, {first}"]), person)
        case "couple":
            other = draw_person(random).first
            names = [
                f"{first[0]} & {other[0]} {last}",
                f"{first} & {other} {last}",
                f"{first} and {other} {last}",
            ]
            return _Identity(random.choice(names), person)
        case "trust":
            kinds = ["Family Trust", "Trust", "Whānau Trust", "Investment Trust", "Children's Trust"]
            return _Identity(f"{random.choice(['', 'The '])}{last} {random.choice(kinds)}", None)
        case "partnership":
            partner = draw_person(random).last
            return _Identity(f"{last} {random.choice(['&', 'and'])} {partner} Partnership", None)
        case "trading":
            return _Identity(
                f"{first} {last} {random.choice(['t/a', 'T/A', 'trading as'])} {coined} {trade}", person
            )
        case "public":
            return _Identity(random.choice(words.PUBLIC_BODIES).format(place=place, trade=trade), None)
        case _:
            return _Identity(f"{coined} {place}".strip(), None)


def _with_suffix(name: str, suffix: str, coined: str) -> str:
    return f"{name} {suffix} {coined}" if suffix == "Ltd t/a" else f"{name} {suffix}".strip()


def _contact(random: Random, identity: _Identity) -> Contact:
    person = identity.person
    if person is None and random.random() < 0.6:
        person = draw_person(random)
    flags = random.choices([(True, False), (False, True), (True, True), (False, False)], [55, 22, 8, 15])[0]
    named = person if person and random.random() < 0.8 else None
    return Contact(
        id=str(UUID(int=random.getrandbits(128), version=4)),
        name=identity.name,
        updated=FIRST_DAY + timedelta(milliseconds=random.randrange(DAYS * 86_400_000)),
        first_name=named.first if named else "",
        last_name=named.last if named else "",
        email=draw_email(random, identity.name, person),
        account_number=f"C{random.randrange(1000, 99_999)}" if random.random() < 0.1 else "",
        tax_number=_tax_number(random) if random.random() < 0.2 else "",
        company_number=_company_number(identity) if identity.person is None else "",
        phones=_phones(random),
        addresses=_addresses(random),
        persons=_persons(random),
        is_customer=flags[0],
        is_supplier=flags[1],
        other={"DefaultCurrency": "NZD"} if random.random() < 0.3 else {},
    )


def _tax_number(random: Random) -> str:
    """An IRD number with a right check digit."""
    drawn = f"{random.randrange(10, 140)}{random.randrange(1000):03}{random.randrange(1000):03}"
    base = int(drawn[:-1])
    while len(check := ird.calc_check_digit(str(base))) > 1:
        base += 1
    return ird.format(f"{base}{check}")


def _company_number(identity: _Identity) -> str:
    """Give about a third of the contacts an NZBN with a right check digit. Only the name decides, so that no other draw
    changes."""
    random = Random(identity.name)  # noqa: S311 - chance that can be repeated, nothing secret
    if random.random() > 0.33:
        return ""
    return draw_nzbn(random)


def draw_email(random: Random, name: str, person: NamePerson | None) -> str:
    """Blank for about one of five. Otherwise after the person, or an office address after the name."""
    if random.random() < 0.2:
        return ""
    host = random.choice(words.MAIL_HOSTS)
    stem = ascii_slug(name) or "client"
    if person is None:
        return f"{random.choice(['accounts', 'office', 'info', 'admin'])}.{stem}@{host}"
    local = f"{ascii_slug(person.first)}.{ascii_slug(person.last)}"
    return f"{local}.{stem[:12]}@{host}" if random.random() < 0.5 else f"{local}@{host}"


def ascii_slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "", plain)[:40]


def _phones(random: Random) -> dict[str, Phone]:
    phones = {}
    if random.random() < 0.65:
        phones["DEFAULT"] = draw_landline(random)
    if random.random() < 0.5:
        country = random.choice(["64", "+64", ""])
        area = random.choice(["21", "27", "22"]) if country else random.choice(["021", "027", "022"])
        phones["MOBILE"] = Phone(
            f"{random.randrange(100, 999)} {random.randrange(1000, 9999)}", area, country
        )
    if random.random() < 0.06:
        phones["DDI"] = draw_landline(random)
    if random.random() < 0.05:
        phones["FAX"] = draw_landline(random)
    return phones


def draw_landline(random: Random) -> Phone:
    """Draw a phone, in parts or as a whole in the number, as people type it."""
    area, number = random.choice("34679"), f"{random.randrange(200, 999)} {random.randrange(1000, 9999)}"
    return random.choice(
        [Phone(number, area, "64"), Phone(number, f"0{area}", ""), Phone(f"(0{area}) {number}")]
    )


def _addresses(random: Random) -> dict[str, Address]:
    place = words.spaced(random.choice(words.PLACES))
    region, postcode = random.choice(words.REGIONS), f"{random.randrange(110, 9899):04}"
    country = random.choice(["New Zealand", "New Zealand", "", "NZ"])
    addresses = {}
    if random.random() < 0.6:
        lines: tuple[str, ...] = (f"PO Box {random.randrange(10, 99_999)}",)
        if random.random() < 0.5:
            lines = (_street(random),)
        addresses["POBOX"] = Address(lines, place, region, postcode, country)
    if random.random() < 0.35:
        lines = ("Level 2", _street(random)) if random.random() < 0.2 else (_street(random),)
        addresses["STREET"] = Address(lines, place, region, postcode, country)
    return addresses


def _street(random: Random) -> str:
    number = f"{random.randrange(1, 400)}{random.choice(['', '', '', 'A', '/2'])}"
    return f"{number} {random.choice(words.STREETS)} {random.choice(words.ROADS)}"


def _persons(random: Random) -> tuple[Person, ...]:
    if random.random() > 0.12:
        return ()
    people = [draw_person(random) for _ in range(random.randrange(1, 4))]
    return tuple(
        Person(p.first, p.last, f"{ascii_slug(p.first)}@{words.MAIL_HOSTS[0]}", random.random() < 0.5)
        for p in people
    )
