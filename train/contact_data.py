"""Labelled contacts, and invented families whose members share an email and are different contacts."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from domain.names.similarity.contacts import Details, Ready, contact_keys, count_users, make_ready
from domain.names.similarity.index import NameIndex
from train.lexicon import census_family, census_given
from train.match_data import rows
from xero.simulator.practices import Record, invented_groups, lifelike_practice

MOST_OF_A_KEY = 60


@dataclass(frozen=True)
class ContactSet:
    source: str
    clusters: list[str]
    ready: list[Ready]

    def candidates(self, limit: int = 25) -> set[tuple[int, int]]:
        """The candidates that the command finds: by name, email, phone or address."""
        index = NameIndex([ready.name.text for ready in self.ready])
        found = {
            tuple(sorted((i, j)))
            for i, ready in enumerate(self.ready)
            for j in index.find(ready.name.text, limit)
            if i != j
        }
        by_key: dict[str, list[int]] = defaultdict(list)
        for i, ready in enumerate(self.ready):
            for key in contact_keys(ready):
                by_key[key].append(i)
        for same in by_key.values():
            if len(same) <= MOST_OF_A_KEY:
                found.update(combinations(same, 2))
        return found  # type: ignore[return-value]  # sorted pairs

    def matches(self) -> int:
        sizes: dict[str, int] = defaultdict(int)
        for cluster in self.clusters:
            sizes[cluster] += 1
        return sum(size * (size - 1) // 2 for size in sizes.values())


def ready_set(source: str, clusters: list[str], details: list[Details], country: str) -> ContactSet:
    users = count_users((d.name, d.email) for d in details)
    return ContactSet(source, clusters, [make_ready(d, country, users) for d in details])


def read_contacts(data: Path) -> list[ContactSet]:
    by_source: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows(data / "contacts_dev.csv"):
        by_source[row["source"]].append(row)
    sets = []
    for source, found in by_source.items():
        details = [
            Details(r["name"], r["email"], r["phone"], r["address"], r["city"], r["region"], r["postcode"])
            for r in found
        ]
        sets.append(
            ready_set(source, [r["cluster"] for r in found], details, "US" if "chicago" in source else "GB")
        )
    return sets


def made_up_families(seed: int = 3, families: int = 220) -> ContactSet:
    """Members of a family, or of an office, each known once to three times, most of them by one shared email."""
    people = _People(random.Random(seed))
    clusters, details = [], []
    for number in range(families):
        for member, records in enumerate(people.family(number)):
            clusters += [f"{number}.{member}"] * len(records)
            details += records
    return ready_set("made_up", clusters, details, "GB")


def made_up_practice(seed: int, contacts: int = 700) -> ContactSet:
    """The clients of a lifelike practice, as it holds them and as Xero does. Their families own several entities."""
    found = lifelike_practice(seed, contacts)
    clusters = [f"{seed}.{at}" for at in range(len(found.practice))]
    clusters += [f"{seed}.{f'x{at}' if twin is None else twin}" for at, twin in enumerate(found.twins)]
    return ready_set(
        f"made_up_practice_{seed}", clusters, [of_record(one) for one in (*found.practice, *found.xero)], "NZ"
    )


def made_up_groups(seed: int, groups: int = 300) -> ContactSet:
    """Entities of one owner each, with one email, phone and address. No two are one."""
    details = [of_record(one) for group in invented_groups(seed, groups) for one in group]
    return ready_set(f"made_up_groups_{seed}", [f"{seed}.{at}" for at in range(len(details))], details, "NZ")


def of_record(record: Record) -> Details:
    return Details(
        record.name, record.email, record.phone, record.address, record.city, record.region, record.postcode
    )


_STREETS = "Mill Lane;Church Road;Station Street;Victoria Avenue;Park Drive;Queen Street;High Street;Bridge Road".split(
    ";"
)


class _People:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._tables = {
            kind: ([word.title() for word in shares], [share + 0.002 for share in shares.values()])
            for kind, shares in (("given", census_given()), ("family", census_family()))
        }

    def _pick(self, kind: str, count: int) -> list[str]:
        words, weights = self._tables[kind]
        return self._chance.choices(words, weights, k=count)

    def family(self, number: int) -> Iterator[list[Details]]:
        chance = self._chance
        surname, second = self._pick("family", 2)
        box = chance.choice(
            (f"{surname.lower()}family", surname.lower(), f"{surname.lower()}.home", f"office{number}", None)
        )
        shared = f"{box}@example.com" if box else None
        home = Details(
            "",
            phone=f"0{chance.randrange(20000000, 99999999)}",
            address=f"{chance.randrange(1, 300)} {chance.choice(_STREETS)}",
            city=chance.choice(("Leeds", "York", "Bath", "Hull")),
        )
        for first in self._pick("given", chance.randrange(1, 6)):
            last = surname if chance.random() < 0.85 else second
            own = f"{first.lower()}.{last.lower()}{chance.randrange(99)}@example.org"
            emails = [
                shared if shared and chance.random() < 0.8 else own
                for _ in range(chance.choice((1, 1, 2, 3)))
            ]
            yield [self._record(first, last, email, home) for email in emails]
        if chance.random() < 0.25:
            yield self._married(home)

    def _married(self, home: Details) -> list[Details]:
        """A person who changes the family name keeps the given name, and email or phone."""
        (first,), (before, after) = self._pick("given", 1), self._pick("family", 2)
        email = f"{first.lower()}{self._chance.randrange(9999)}@example.org"
        own = f"0{self._chance.randrange(20000000, 99999999)}"
        one, other = (
            replace(home, name=f"{first} {name}", email=email, phone=own) for name in (before, after)
        )
        lost = self._chance.choice(
            ({}, {}, {"phone": None}, {"email": None}, {"address": None, "city": None})
        )
        return [one, replace(other, **lost)]

    def _record(self, first: str, last: str, email: str, home: Details) -> Details:
        """Write a record with the errors that people make."""
        chance = self._chance
        others = [f"{first[0]} {last}", f"{last}, {first}", f"{last} {first}", f"Mr {first} {last}"]
        name = chance.choice([f"{first} {last}"] * 5 + others)
        name = typo(chance, name) if chance.random() < 0.4 else name
        email = typo(chance, email) if chance.random() < 0.15 else email
        address = self._maybe(home.address or "", 0.4)
        phone, city = self._maybe(home.phone or "", 0.4), self._maybe(home.city or "", 0.8)
        return Details(name, self._maybe(email, 0.85), phone, address, city)

    def _maybe(self, value: str, share: float) -> str | None:
        return value if self._chance.random() < share else None


def typo(chance: random.Random, text: str) -> str:
    at = chance.randrange(max(1, len(text) - 1))
    kind = chance.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]
    if kind == 2:
        return text[:at] + text[at] + text[at:]
    return text[:at] + chance.choice("aeionrst") + text[at + 1 :]


def labelled_pairs(contacts: ContactSet) -> Iterator[tuple[int, int, bool]]:
    for i, j in sorted(contacts.candidates()):
        yield i, j, contacts.clusters[i] == contacts.clusters[j]
