"""Lifelike accounting practices: the clients as the practice holds them, and as Xero does, with who is who.

The shares of differences between the two lists are in `SHARES` and `NUMBERS`. A family may own several entities, which then share one
email, phone and address. The same seed gives the same lists.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xero.simulator import official_numbers
from xero.simulator.official_numbers import Numbers
from xero.simulator.words import COINED, PEOPLE, PLACES, ROADS, STREETS, TRADES, spaced

# Of all Xero contacts.
SHARES = {
    "no email on one side": 0.20,
    "another email": 0.08,
    "a typing error in the name": 0.06,
    "legal form written otherwise": 0.10,
    "trading name": 0.04,
    "initials or nickname": 0.05,
    "acronym": 0.01,
    "moved": 0.10,
    "another family name": 0.01,
    "shared mailbox": 0.10,
    "entities of one family": 1 / 12,
    "stranger of the same name": 0.02,
    "no phone in a list": 0.1,
    "no address in a list": 0.1,
}
# Of the official numbers of organisations. Chance draws them from a seed of their own, so that they change nothing else.
NUMBERS = {
    "in the practice": 0.5,
    "in Xero": 0.4,
    "with a slip": 0.02,
    "of another client": 0.002,
    "of the trustee": 0.1,
    "of a person": 0.2,
}
_MORE_GIVEN = (
    "James Robert Jennifer Patricia Linda Barbara Elizabeth Richard Joseph Charles Christopher Daniel Matthew Anthony Donald Steven Kenneth "
    "Joshua Kevin Brian George Edward Ronald Timothy Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Sandra Ashley Dorothy Kimberly Emily "
    "Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Laura Sharon Cynthia Kathleen Amy Angela Shirley Anna Brenda Pamela Emma "
    "Samantha Katherine Benjamin Gregory Frank Alexander Raymond Patrick Dennis Jerry Tyler Aaron Henry Douglas Nathan Zachary Walter Harold"
).split()
_MORE_FAMILY = (
    "Adams Allen Anderson Armstrong Bailey Baker Barnes Bell Bennett Black Bradley Brooks Bryant Burke Burns Butler Carr Carter Chapman Clarke "
    "Cole Collins Cook Cooper Cox Cross Cunningham Davidson Dawson Dean Dixon Douglas Duncan Dunn Edwards Elliott Ellis Evans Fisher Fleming "
    "Ford Foster Fowler Fox Francis Freeman Gardner George Gibson Gordon Graham Grant Gray Green Griffin Hall Hamilton Hansen Harper Hart Harvey "
    "Hayes Henderson Henry Hicks Hill Holmes Hopkins Howard Hudson Hunt Hunter Jackson James Jenkins Jensen Johnston Jordan Kelly Kennedy King "
    "Knight Lane Larsen Lawrence Lawson Lewis Lloyd Long Lowe Marsh Marshall Martin Mason Matthews May Miller Mills Mitchell Moore Morgan Morris "
    "Morrison Murphy Murray Nelson Newton Nicholson Nielsen Palmer Parker Parsons Payne Perry Peters Phillips Pierce Porter Powell Price Quinn "
    "Reid Reynolds Rice Richards Richardson Riley Roberts Robinson Rogers Rose Ross Russell Ryan Sanders Saunders Scott Shaw Simpson Spencer "
    "Stevens Stone Sullivan Sutton Thomas Thomson Tucker Turner Wade Wallace Walsh Ward Warren Watson Watts Webb Webster Wells West Wheeler White "
    "Williams Willis Winter Wood Woods Wright Young"
).split()
_SHORT = dict(
    pair.split("/")
    for pair in (
        "James/Jim Robert/Bob Jennifer/Jenny Patricia/Trish Barbara/Barb Elizabeth/Liz Richard/Rick Joseph/Joe Charles/Charlie Christopher/Chris "
        "Daniel/Dan Matthew/Matt Anthony/Tony Donald/Don Steven/Steve Kenneth/Ken Joshua/Josh Ronald/Ron Timothy/Tim Jeffrey/Jeff Jacob/Jake "
        "Nicholas/Nick Jonathan/Jon Sandra/Sandy Kimberly/Kim Emily/Em Amanda/Mandy Melissa/Mel Deborah/Deb Stephanie/Steph Rebecca/Becky "
        "Cynthia/Cindy Kathleen/Kath Angela/Angie Pamela/Pam Samantha/Sam Katherine/Kate Benjamin/Ben Gregory/Greg Alexander/Alex Raymond/Ray "
        "Patrick/Pat Dennis/Den Zachary/Zac Walter/Wally Harold/Harry John/Jack Susan/Sue David/Dave Peter/Pete Michael/Mike Andrew/Andy "
        "Margaret/Maggie Judith/Judy William/Bill Thomas/Tom Philippa/Pip Christine/Chris Nicola/Nicky Edward/Ted Stephen/Steve"
    ).split()
)
_MAIL = ("gmail.com", "outlook.com", "xtra.co.nz", "bigpond.com", "yahoo.com", "icloud.com", "hotmail.com")
_FOR_GROUPS = (
    "Investments",
    "Properties",
    "Holdings",
    "Developments",
    "Farms",
    "Rentals",
    "Trading",
    "Enterprises",
)


@dataclass(frozen=True, slots=True)
class Land:
    """How a country writes companies, phones and postal codes."""

    forms: tuple[tuple[str, ...], ...]
    domain: str
    phone: Callable[[random.Random], str]
    postcode: Callable[[random.Random], str]
    region: str


@dataclass(frozen=True, slots=True)
class Record:
    """A contact of one of the two lists. '' means unknown."""

    name: str
    email: str = ""
    phone: str = ""
    address: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    company_number: str = ""
    tax_number: str = ""


@dataclass(frozen=True, slots=True)
class Practice:
    """`twins` holds, for each Xero contact, the position of its client in `practice`, or None for a stranger."""

    practice: list[Record]
    xero: list[Record]
    twins: list[int | None]


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789", k=count))


LANDS = {
    "NZ": Land(
        (("Ltd", "Limited", "Ltd."),), ".co.nz", lambda c: f"{c.choice(('09', '07', '04', '03', '06'))} {c.randrange(200, 999)} {_digits(c, 4)}",
        lambda c: f"{c.randrange(300, 9890):04}", "",
    ),
    "AU": Land(
        (("Pty Ltd", "Pty Limited", "P/L", "Pty. Ltd.", "Proprietary Limited"),), ".com.au",
        lambda c: f"0{c.choice('2378')} {c.randrange(2000, 9999)} {_digits(c, 4)}", lambda c: f"{c.randrange(2000, 7999)}", "NSW",
    ),
    "GB": Land(
        (("Ltd", "Limited"), ("LLP", "L.L.P.")), ".co.uk", lambda c: f"0{c.choice(('1', '20', '161'))}{_digits(c, 8)}"[:11],
        lambda c: f"{c.choice('BGLMNS')}{c.randrange(1, 29)} {c.randrange(1, 9)}{''.join(c.choices('ABDEFGHJLN', k=2))}", "",
    ),
    "US": Land(
        (("Inc", "Inc.", "Incorporated"), ("LLC", "L.L.C.")), ".com", lambda c: f"({c.randrange(201, 989)}) {c.randrange(200, 999)}-{_digits(c, 4)}",
        lambda c: f"{c.randrange(10000, 99499)}", "CA",
    ),
}  # fmt: skip


def lifelike_practice(seed: int, contacts: int = 1000, land: str | None = None) -> Practice:
    """A practice with so many Xero contacts whose client it has, and a few strangers in Xero that have a client's name.

    `land` is one of LANDS; left out, the practice has clients of all four.
    """
    return _Practice(_chance(f"practice {seed}"), land, _chance(f"numbers {seed}")).make(contacts)


def invented_groups(seed: int, groups: int = 300) -> list[list[Record]]:
    """Families and groups. All records of one group have its owner's email, phone and address; no two are one entity."""
    makes = _Practice(_chance(f"groups {seed}"), None, _chance(f"numbers of groups {seed}"))
    return [makes.group(makes.home(), at_least=3) for _ in range(groups)]


def _chance(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - chance that can be repeated, nothing secret


@dataclass(frozen=True, slots=True)
class _Home:
    land: Land
    family: str
    given: tuple[str, ...]
    place: Record


class _Practice:
    def __init__(self, chance: random.Random, land: str | None, numbers: random.Random) -> None:
        self._chance = chance
        self._numbers = numbers
        self._lands = [(land, LANDS[land])] if land else list(LANDS.items())
        self._boxes = [
            f"office@{spaced(one).replace(' ', '').lower()}-books.example.com" for one in COINED[:12]
        ]

    def make(self, contacts: int) -> Practice:
        practice: list[Record] = []
        while len(practice) < contacts:
            home = self.home()
            if self._chance.random() < SHARES["entities of one family"]:
                practice += self.group(home, at_least=2)
            else:
                practice.append(self._single(home))
        pairs = self._with_numbers(self._differ(practice[:contacts]))
        practice = [ours for ours, _ in pairs]
        rows: list[tuple[Record, int | None]] = [(theirs, at) for at, (_, theirs) in enumerate(pairs)]
        namesakes = [ours for ours in practice if self._chance.random() < SHARES["stranger of the same name"]]
        rows += [(self._namesake(ours), None) for ours in namesakes]
        self._chance.shuffle(rows)
        extra = [self._single(self.home()) for _ in range(contacts // 10)]  # clients that Xero does not have
        return Practice([*practice, *extra], [theirs for theirs, _ in rows], [at for _, at in rows])

    def home(self) -> _Home:
        chance = self._chance
        country, land = chance.choice(self._lands)
        given, family = self._people()
        place = Record(
            "",
            phone=land.phone(chance),
            address=self._address(),
            city=spaced(chance.choice(PLACES)),
            region=land.region,
            postcode=land.postcode(chance),
            country=country,
        )
        return _Home(land, family, given, place)

    def group(self, home: _Home, at_least: int) -> list[Record]:
        """Two to five entities of one owner: people, trusts, funds and companies."""
        chance, family = self._chance, home.family
        one, other = home.given[:2]
        trade, second = chance.sample(TRADES, 2)
        kinds = chance.sample(_FOR_GROUPS, 2)
        form = home.land.forms[0][0]
        brand = spaced(chance.choice(COINED))
        names = [
            f"{one} {family}", f"{other} {family}", f"{one} & {other} {family}", f"{family} Family Trust", f"{one} {family} Family Trust",
            f"{family} Superannuation Fund", f"{family} {kinds[0]} {form}", f"{family} {kinds[1]} {form}", f"{family} {spaced(trade)} {form}",
            f"{family} {spaced(second)} {form}", f"{brand} {spaced(trade)} {form}", f"{family} Unit Trust", f"Estate of {one} {family}",
            f"{brand} Holdings {form}", f"{family} Family Trust No 2", f"{brand} Trustees {form}", f"{one} {family} {form}",
        ]  # fmt: skip
        email = self._family_email(home)
        return [
            replace(home.place, name=name, email=email)
            for name in chance.sample(list(dict.fromkeys(names)), chance.randrange(at_least, 6))
        ]

    def _single(self, home: _Home) -> Record:
        chance = self._chance
        roll = chance.random()
        family, (one, other) = home.family, home.given[:2]
        if roll < 0.42:
            name = chance.choice(
                (f"{one} {family}", f"{one} {family}", f"{one} {other[0]} {family}", f"{family}, {one}")
            )
        elif roll < 0.48:
            name = chance.choice((f"{one} & {other} {family}", f"{one[0]} & {other[0]} {family}"))
        elif roll < 0.55:
            name = chance.choice(
                (f"{family} Family Trust", f"The {family} Family Trust", f"{one} {family} Trust")
            )
        else:
            name = self._company(home)
        shared = chance.random() < SHARES["shared mailbox"]
        email = chance.choice(self._boxes) if shared else self._own_email(home, name)
        return replace(home.place, name=name, email=email)

    def _company(self, home: _Home) -> str:
        chance = self._chance
        brand, trade = spaced(chance.choice(COINED)), spaced(chance.choice(TRADES))
        also = spaced(chance.choice(TRADES))
        form = chance.choice(home.land.forms)[0]
        place = home.place.city
        return chance.choice(
            (
                f"{brand} {trade} {form}", f"{home.family} {trade} {form}", f"{home.family} & {self._people()[1]} {form}", f"{place} {trade} {form}",
                f"{place} {trade} & {also} {form}", f"{home.family} {trade}", f"{home.given[0]} {home.family} {trade}", f"{brand} {form}",
                f"{home.given[0]}'s {trade}", f"{brand} {place} {trade} {form}",
            )
        )  # fmt: skip

    def _people(self) -> tuple[tuple[str, ...], str]:
        chance = self._chance
        if chance.random() < 0.6:
            return tuple(chance.sample(_MORE_GIVEN, 2)), chance.choice(_MORE_FAMILY)
        given, family = PEOPLE[chance.choices(list(PEOPLE), (50, 15, 10, 10, 10, 5))[0]]
        return tuple(map(spaced, chance.sample(given, 2))), spaced(chance.choice(family))

    def _address(self) -> str:
        chance = self._chance
        return f"{chance.randrange(1, 380)} {spaced(chance.choice([*STREETS, *_MORE_FAMILY]))} {chance.choice(ROADS)}"

    def _family_email(self, home: _Home) -> str:
        plain = _letters(home.family)
        return self._chance.choice(
            (
                f"{plain}family@{self._chance.choice(_MAIL)}",
                f"office@{plain}{self._chance.randrange(99)}{home.land.domain}",
            )
        )

    def _own_email(self, home: _Home, name: str) -> str:
        chance = self._chance
        site = "".join(_letters(word) for word in name.split()[:2])[:16] or "office"
        box = f"{_letters(home.given[0])}{chance.choice(('.', '', '_'))}{_letters(home.family)}"
        return chance.choice(
            (
                f"{box}{chance.randrange(99)}@{chance.choice(_MAIL)}",
                f"{chance.choice(('accounts', 'info', 'admin', _letters(home.given[0])))}@{site}{chance.randrange(99)}{home.land.domain}",
            )
        )

    def _differ(self, records: Sequence[Record]) -> list[tuple[Record, Record]]:
        """Return each client in the practice's form and in Xero's form."""
        able = {kind: [test(record.name) for record in records] for kind, test in _ABLE.items()}
        chances = {
            kind: share / max(sum(able[kind]) / len(records), share) if kind in able else share
            for kind, share in SHARES.items()
        }
        return [
            self._two(
                record,
                {
                    kind: (kind not in able or able[kind][at]) and self._chance.random() < chances[kind]
                    for kind in SHARES
                },
            )
            for at, record in enumerate(records)
        ]

    def _two(self, record: Record, happens: dict[str, bool]) -> tuple[Record, Record]:
        ours, theirs = record, replace(record, name=self._other_name(record.name, happens))
        if happens["another email"]:
            home = self.home()
            theirs = replace(theirs, email=self._own_email(home, record.name))
        if happens["no email on one side"]:
            ours, theirs = (
                (replace(ours, email=""), theirs)
                if self._chance.random() < 0.5
                else (ours, replace(theirs, email=""))
            )
        if happens["moved"]:
            away = self.home().place
            theirs = replace(theirs, address=away.address, city=away.city, postcode=away.postcode)
        return self._lose(ours), self._lose(theirs)

    def _lose(self, record: Record) -> Record:
        """Leave out the values that nobody typed."""
        chance = self._chance
        if chance.random() < SHARES["no phone in a list"]:
            record = replace(record, phone="")
        if chance.random() < SHARES["no address in a list"]:
            record = replace(record, address="", city="", region="", postcode="")
        return record

    def _other_name(self, name: str, happens: dict[str, bool]) -> str:
        chance = self._chance
        form = _form(name)
        words = name.removesuffix(f" {form}").split()
        if happens["legal form written otherwise"]:
            spelt = next(forms for land in LANDS.values() for forms in land.forms if forms[0] == form)
            name = f"{' '.join(words)} {chance.choice((*spelt[1:], ''))}".strip()
        if happens["initials or nickname"]:
            name = chance.choice(
                (f"{words[0][0]} {words[1]}", f"{_SHORT.get(words[0], words[0][0])} {words[1]}")
            )
        if happens["another family name"]:
            name = f"{words[0]} {self._people()[1]}"
        if happens["acronym"]:
            name = "".join(word[0] for word in words if word != "&").upper()
        if happens["trading name"]:
            brand = f"{spaced(chance.choice(COINED))} {spaced(chance.choice(TRADES))}"
            name = chance.choice((f"{name} t/a {brand}", f"{name} trading as {brand}"))
        if happens["a typing error in the name"]:
            name = _mistyped(chance, name)
        return name

    def _namesake(self, record: Record) -> Record:
        home = self.home()
        name = record.name
        stranger = self._lose(replace(home.place, name=name, email=self._own_email(home, name)))
        return self._numbered(stranger, self._draw_numbers(stranger), "in Xero")

    def _with_numbers(self, pairs: Sequence[tuple[Record, Record]]) -> list[tuple[Record, Record]]:
        """Give each client the official numbers that the two lists know, some of them wrong."""
        true = [self._draw_numbers(ours) for ours, _ in pairs]
        for at, (ours, _) in enumerate(pairs):
            if at and ours.name.endswith("Trust") and ours.email and ours.email == pairs[at - 1][0].email:
                if self._numbers.random() < NUMBERS["of the trustee"]:
                    true[at] = true[at]._replace(company=true[at - 1].company)
            elif self._numbers.random() < NUMBERS["of another client"]:
                true[at] = self._numbers.choice(true)
        return [
            (self._numbered(ours, numbers, "in the practice"), self._numbered(theirs, numbers, "in Xero"))
            for (ours, theirs), numbers in zip(pairs, true, strict=True)
        ]

    def _draw_numbers(self, record: Record) -> Numbers:
        company = _form(record.name) != ""
        numbers = official_numbers.draw(self._numbers, record.country, company=company)
        of_body = company or record.name.endswith("Trust") or self._numbers.random() < NUMBERS["of a person"]
        return numbers if of_body else Numbers()

    def _numbered(self, record: Record, numbers: Numbers, share: str) -> Record:
        shown = [
            _slipped(self._numbers, number) if number and self._numbers.random() < NUMBERS[share] else ""
            for number in numbers
        ]
        return replace(record, company_number=shown[0], tax_number=shown[1])


def _slipped(chance: random.Random, number: str) -> str:
    """The number, sometimes with one other digit."""
    if chance.random() >= NUMBERS["with a slip"]:
        return number
    at = chance.choice([place for place, sign in enumerate(number) if sign.isdigit()])
    return number[:at] + str((int(number[at]) + chance.randrange(1, 10)) % 10) + number[at + 1 :]


def _form(name: str) -> str:
    """The legal form at the end of the name, or ''."""
    every = (forms[0] for land in LANDS.values() for forms in land.forms)
    return max((form for form in every if name.endswith(f" {form}")), key=len, default="")


def _is_person(name: str) -> bool:
    """Whether the name is a given name and a family name."""
    words = name.split()
    return (
        len(words) == 2
        and not _form(name)
        and words[1] not in TRADES
        and "'s" not in name
        and "," not in name
    )


# To which names a difference can happen. The others can happen to every contact.
_ABLE: dict[str, Callable[[str], bool]] = {
    "legal form written otherwise": lambda name: _form(name) != "",
    "trading name": lambda name: _form(name) != "",
    "acronym": lambda name: _form(name) != "" and len([word for word in name.split() if word != "&"]) > 3,
    "initials or nickname": _is_person,
    "another family name": _is_person,
}


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isascii() and c.isalpha())


def _mistyped(chance: random.Random, text: str) -> str:
    """The text with one mistake: a letter left out, doubled, swapped with its neighbour, or replaced."""
    places: Sequence[int] = [
        at for at in range(1, len(text) - 1) if text[at].isalpha() and text[at + 1].isalpha()
    ]
    if not places:
        return text
    at = chance.choice(places)
    return chance.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text[:at] + chance.choice("aeionrstl") + text[at + 1 :],
        )
    )
