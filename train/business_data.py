"""Invented businesses and people as two lists may spell them, among others with similar names."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

from rapidfuzz.distance.DamerauLevenshtein import distance

from domain.names.similarity.contacts import Details
from train.classify_data import PACIFIC_GIVEN, NameWords
from train.contact_data import ContactSet, ready_set, typo
from train.lexicon import census_given
from train.match_data import NEAR_GIVEN

_FIRST = (
    "Copper Silver Golden Blue Red Green Northern Southern Eastern Western Three Twin High Grand Royal First Pacific Coastal "
    "Valley Harbour Little Old New Bright Clear Stone Iron River Kauri Rimu Alpine Sunny Wild Urban Prime Summit"
).split()
_SECOND = (
    "Kettle Peaks Light Fern Bay Stone Oak Ridge Point Gate Creek Hill Star Sky Arrow Anchor Bridge Lane Field Wood Rock Leaf "
    "Lantern Fox Heron Tui Falcon Lion Bell Wheel Mill Forge Barn Garden Shore Reef"
).split()
_CITIES = "Leeds York Bath Hull Derby Truro Ripon Wells Ely Lincoln".split()
_HOSTS = ("gmail.com", "outlook.com", "xtra.co.nz")
_ENDS = ("Group", "Holdings", "Developments", "Consulting")
_FORMS = ("Ltd", "Limited", "Pty Ltd", "Inc", "LLC")


@dataclass(frozen=True)
class _Known:
    """The phone, email and address of a business."""

    domain: str
    phone: str
    address: str
    city: str


def made_up_businesses(seed: int = 4, groups: int = 220) -> ContactSet:
    """Each group begins with one business, known once to three times; similar businesses follow. After every second group
    come people of one name."""
    makes = _Businesses(random.Random(seed))
    clusters, details = [], []
    for number in range(groups):
        found = [*makes.group(), *(makes.namesakes() if number % 2 == 0 else ())]
        for at, records in enumerate(found):
            clusters += [f"{number}.{at}"] * len(records)
            details += records
    return ready_set("made_up_businesses", clusters, details, "GB")


@cache
def _near_givens() -> list[tuple[str, str]]:
    """Names of their own, a letter or two apart: Mark and Mary, Jaspreet and Harpreet."""
    common = [name.title() for name, share in census_given().items() if share > 0.05 and len(name) > 2]
    return [(a, b) for a, b in combinations(common, 2) if a[0] == b[0] and distance(a, b) == 1] + [
        (a, b) for a, b in combinations([*PACIFIC_GIVEN, *NEAR_GIVEN], 2) if distance(a, b) <= 2
    ]


class _Businesses:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._fill = NameWords(chance).fill

    def group(self) -> Iterator[list[Details]]:
        brand = self._brand()
        trade, other = self._fill("{W}|{V}").split("|")
        name, known = f"{brand} {trade}", self._known(brand)
        yield self._records(name, known)
        likes: list[Callable[[], Iterator[list[Details]]]] = [
            lambda: self._another(f"{brand} {other}", brand),
            lambda: self._another(f"{self._fill('{S}')} {name}", brand),
            lambda: self._another(f"{name} {other}", brand),
            lambda: self._another(f"{brand} {other} {self._chance.choice(_ENDS)}", brand),
            lambda: self._branches(name, known),
            lambda: iter([[self._owner(known)]]),
            lambda: self._neighbour(known),
        ]
        yield from self._chance.choice(likes)()

    def _another(self, name: str, brand: str) -> Iterator[list[Details]]:
        """Make another business of the same brand."""
        yield self._records(name, self._known(brand))

    def _branches(self, name: str, known: _Known) -> Iterator[list[Details]]:
        for city in self._chance.sample(_CITIES, 2):
            yield self._records(f"{name} {city}", replace(self._known(name), domain=known.domain, city=city))

    def _owner(self, known: _Known) -> Details:
        """A person is not the business."""
        email = self._email(known.domain) if self._chance.random() < 0.5 else None
        phone = known.phone if self._chance.random() < 0.4 else None
        return Details(self._fill("{G} {S}"), email, phone, None, known.city)

    def _neighbour(self, known: _Known) -> Iterator[list[Details]]:
        """Next door, or in the street of that name elsewhere."""
        number, _, street = known.address.partition(" ")
        address = f"{self._chance.choice((number, f'{number}A', f'2/{number}'))} {street}"
        other = self._brand()
        city = known.city if self._chance.random() < 0.3 else self._chance.choice(_CITIES)
        yield self._records(
            f"{other} {self._fill('{W}')}", replace(self._known(other), address=address, city=city)
        )

    def namesakes(self) -> Iterator[list[Details]]:
        """Different people with equal or similar names and no other equal field."""
        first, last, also, middle, other = self._fill("{G}|{S}|{T}|{H}|{G}").split("|")
        name, turned = f"{first} {last}", f"{last}, {first}"
        near = (name, turned, f"{name}-{also}", f"{first} {middle} {last}", f"{first[0]} {last}")
        yield self._person(self._chance.choice((name, turned)), first, last, (name, turned))
        yield self._person(self._chance.choice(near), first, last, ())
        yield self._person(f"{other} {last}", other, last, ())
        for given in self._chance.choice(_near_givens()):
            yield self._person(f"{given} {last}", given, last, ())

    def _person(self, name: str, first: str, last: str, respelt: Sequence[str]) -> list[Details]:
        """Make a person who is known once or twice. `respelt`: the second spelling of the name."""
        known = self._known(last)
        box = f"{first}{self._chance.choice(('.', '', '_'))}{last}{self._chance.randrange(999)}".lower()
        own = f"{box}@{self._chance.choice(_HOSTS)}"
        email = own if self._chance.random() < 0.6 else self._email(known.domain)
        phone, city = self._maybe(known.phone, 0.7), self._maybe(known.city, 0.6)
        one = Details(name, self._maybe(email, 0.8), phone, None, city)
        again = self._chance.choice(respelt) if respelt else name
        return [one] if self._chance.random() < 0.6 else [one, replace(one, name=again)]

    def _brand(self) -> str:
        one, two, three = self._chance.choice(_FIRST), *self._chance.sample(_SECOND, 2)
        return self._chance.choice(
            (f"{one} {two}", self._fill("{S}"), self._fill("{S} & {T}"), f"{two}{three.lower()}")
        )

    def _known(self, brand: str) -> _Known:
        chance = self._chance
        site = "".join(word for word in brand.casefold().split() if word.isalpha())[:18]
        number = str(chance.randrange(2, 60)) if chance.random() < 0.3 else ""
        return _Known(
            f"{site}{number}{chance.choice(('.co.nz', '.com.au', '.co.uk', '.com'))}",
            self._phone(),
            f"{chance.randrange(1, 400)} {self._fill('{S}')} {chance.choice(('Street', 'Road', 'Avenue', 'Lane'))}",
            chance.choice(_CITIES),
        )

    def _phone(self) -> str:
        return f"0{self._chance.randrange(20000000, 99999999)}"

    def _email(self, domain: str) -> str:
        boxes = ("accounts", "info", "admin", "office", self._fill("{g}"), self._fill("{g}.{s}"))
        return f"{self._chance.choice(boxes)}@{domain}"

    def _records(self, name: str, known: _Known) -> list[Details]:
        first = self._email(known.domain)
        return [self._record(name, first, known) for _ in range(self._chance.choice((1, 1, 2, 3)))]

    def _record(self, name: str, email: str, known: _Known) -> Details:
        """Write a record, with abbreviations, omissions and typing errors."""
        chance = self._chance
        if chance.random() < 0.4:
            email = (
                self._email(known.domain)
                if chance.random() < 0.6
                else f"{self._fill('{g}{s}')}@{chance.choice(_HOSTS)}"
            )
        phone = known.phone if chance.random() < 0.8 else self._phone()
        return Details(
            self._respelt(name),
            self._maybe(email, 0.85),
            self._maybe(phone, 0.7),
            self._maybe(known.address, 0.5),
            self._maybe(known.city, 0.6),
        )

    def _respelt(self, name: str) -> str:
        with_form = f"{name} {self._chance.choice(_FORMS)}"
        forms = [name] * 3 + [with_form] * 3
        forms += [
            f"The {name}",
            name.replace("&", "and"),
            name.upper(),
            *(typo(self._chance, name) for _ in range(2)),
        ]
        if len(name.split()) > 2:
            forms.append(name.rsplit(" ", 1)[0])
        return self._chance.choice(forms)

    def _maybe(self, value: str, share: float) -> str | None:
        return value if self._chance.random() < share else None
