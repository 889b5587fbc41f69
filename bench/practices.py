"""How much of a lifelike practice a person must look at: `python -m bench.practices [--seed N] [--practices N]`.

Each practice has 1,000 Xero contacts whose client it holds (xero.simulator.practices, which names the shares of
differences), and some strangers. The rule, the near-duplicates and the sure band decide as an import does
(domain.matching.plan), in memory. Prints the issues that a person must look at, the false links, the clients made twice,
the sure band and its precision, and the calibration of `confidence`. Needs nothing but what tests need.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from domain.fields import identifiers
from domain.fields.values import XeroNumbers
from domain.matching.sure import RIVAL, sure_of
from domain.names.classification import classify
from domain.names.similarity import (
    LIKELY,
    SIMILAR,
    Comparison,
    Details,
    Ready,
    compare,
    count_users,
    find_alike,
    make_ready,
)
from domain.names.similarity.contacts import contact_keys
from domain.names.similarity.index import NameIndex
from domain.names.similarity.lists import MOST_OF_A_KEY
from domain.names.text_keys import email_key, name_key
from xero.simulator.practices import Practice, Record, invented_groups, lifelike_practice

CONTACTS = 1000


@dataclass
class Tally:
    """Counts over practices. `told` holds (confidence, whether the two are the same) of each candidate of an issue."""

    xero: int = 0
    full: Counter[bool] = field(default_factory=Counter)
    sure: Counter[bool] = field(default_factory=Counter)
    looked_at: int = 0
    in_issues: int = 0
    made_twice: int = 0
    created: int = 0
    told: list[tuple[float, bool]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--practices", type=int, default=5)
    parser.add_argument(
        "--wrong", action="store_true", help="list the false links and the clients made twice"
    )
    parser.add_argument(
        "--numbers",
        action="store_true",
        help="count only the pairs that are sure because of an official number",
    )
    args = parser.parse_args()
    if args.numbers:
        report_numbers(args.seed, args.practices)
        return
    tally = Tally()
    for number in range(args.practices):
        decide(lifelike_practice(args.seed + number, CONTACTS), tally)
    report(tally)
    if args.wrong:
        print("\n".join(tally.wrong))
    likely = entities_taken_for_one(args.seed)
    print(f"300 groups: pairs of different entities at {LIKELY} or above: {likely}")


def report_numbers(seed: int, practices: int) -> None:
    """Of all pairs that share an official number, print how many are sure, and how many only because of the number."""
    called, alone = Counter[bool](), Counter[bool]()
    for number in range(practices):
        case = Case(lifelike_practice(seed + number, CONTACTS))
        having: dict[str, list[int]] = defaultdict(list)
        for at, one in enumerate(case.ours):
            for key in one.identifiers:
                having[key].append(at)
        for at, one in enumerate(case.theirs):
            for other in {ours for key in one.identifiers for ours in having[key]}:
                if not compare(one, case.ours[other]).sure:
                    continue
                right = case.practice.twins[at] == other
                called[right] += 1
                bare = (replace(ready, identifiers=frozenset[str]()) for ready in (one, case.ours[other]))
                alone[right] += not compare(*bare).sure
    for told, found in (
        ("pairs that share a number and are sure", called),
        ("of them only by the number", alone),
    ):
        low, high = interval(found[True], sum(found.values()))
        print(f"{told}: {sum(found.values())}, {found[False]} false (95 %: {low:.5f} to {high:.5f})")


def report(tally: Tally) -> None:
    each = 1000 / tally.xero
    called = sum(tally.sure.values())
    print(f"{tally.xero} Xero contacts, per 1,000:")
    print(
        f"  full matches {sum(tally.full.values()) * each:.1f}, sure {called * each:.1f}, looked at by a person {tally.looked_at * each:.1f}, created {tally.created * each:.1f}"
    )
    print(f"  false full matches {tally.full[False]}, clients made twice {tally.made_twice * each:.2f}")
    low, high = interval(tally.sure[True], called)
    print(
        f"  sure: {called} pairs, {tally.sure[False]} false, precision {tally.sure[True] / max(1, called):.5f} (95 %: {low:.5f} to {high:.5f})"
    )
    print(f"  sure covers {tally.sure[True] / max(1, tally.in_issues):.3f} of the true pairs among issues")
    print(
        f"  confidence: expected calibration error {calibration_error(tally.told):.4f} over {len(tally.told)} candidates"
    )


def interval(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not n:
        return 0.0, 1.0
    p = hits / n
    middle, half = p + z * z / (2 * n), z * ((p * (1 - p) + z * z / (4 * n)) / n) ** 0.5
    return (middle - half) / (1 + z * z / n), min(1.0, (middle + half) / (1 + z * z / n))


def calibration_error(told: Sequence[tuple[float, bool]]) -> float:
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, right in told:
        bins[min(9, int(confidence * 10))].append((confidence, right))
    return sum(abs(sum(c for c, _ in one) - sum(r for _, r in one)) for one in bins.values()) / max(
        1, len(told)
    )


def details(record: Record) -> Details:
    numbers = XeroNumbers(record.company_number or None, record.tax_number or None)
    keys = identifiers.keys_of(identifiers.of_xero(numbers, record.country, lambda: _is_body(record)))
    return Details(
        record.name, record.email, record.phone, record.address, record.city, record.region, record.postcode,
        identifiers=tuple(keys),
    )  # fmt: skip


def _is_body(record: Record) -> bool:
    found = classify(record.name, None, None, record.email)
    return found.kind == "ORGANISATION" and not found.needs_review


class Case:
    """One practice, with the data that the rule needs."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        sides = (practice.practice, practice.xero)
        users = count_users((one.name, one.email) for side in sides for one in side)
        self.ours, self.theirs = ([make_ready(details(one), "NZ", users) for one in side] for side in sides)
        self.rules = [[(name_key(one.name), email_key(one.email)) for one in side] for side in sides]
        self.linked: set[int] = set()
        self.issues: dict[int, dict[int, Comparison]] = {}
        self._find = _Finder(self.ours, [one.name for one in practice.practice])

    def link_full_matches(self, tally: Tally) -> list[int]:
        """Link what matches fully. Returns the other Xero contacts."""
        counts = [Counter(keys) for keys in self.rules]
        place = {key: at for at, key in enumerate(self.rules[0])}
        left = []
        for at, key in enumerate(self.rules[1]):
            tally.xero += 1
            alone = key[1] is not None and counts[0][key] == counts[1][key] == 1
            if not alone or identifiers.differing(
                self.ours[place[key]].identifiers, self.theirs[at].identifiers
            ):
                left.append(at)
                continue
            self.linked.add(place[key])
            right = self.practice.twins[at] == place[key]
            tally.full[right] += 1
            if not right:
                tally.wrong.append(f"false full match: {self._pair(at, place[key])}")
        return left

    def open_issue(self, at: int, tally: Tally) -> None:
        """Open an issue for the Xero contact if a contact fits by name or email, or is similar; else create one. The issue shows
        all near-duplicates from LIKELY on."""
        name, email = self.rules[1][at]
        fits = {
            one: ours[0] == name
            for one, ours in enumerate(self.rules[0])
            if (name and ours[0] == name) or (email and ours[1] == email)
        }
        kept = [one for one, named in fits.items() if named or one not in self.linked] or list(fits)
        near = {one: self.ours[one] for one in self._find.near(self.theirs[at]) if one not in self.linked}
        scores = find_alike(self.theirs[at], near, LIKELY)
        if kept or max(scores.values(), default=0) >= SIMILAR:
            kept += [one for one in scores if one not in fits]
        if kept:
            self.issues[at] = {one: compare(self.theirs[at], self.ours[one]) for one in kept}
            return
        tally.created += 1
        if (twin := self.practice.twins[at]) is not None:
            tally.made_twice += 1
            tally.wrong.append(f"made twice: {self._pair(at, twin)}")

    def settle(self, tally: Tally) -> None:
        """Confirm the sure issues, and count the issues that a person must look at."""
        claimed = Counter(
            one for found in self.issues.values() for one, how in found.items() if how.confidence >= RIVAL
        )
        for at, found in self.issues.items():
            twin = self.practice.twins[at]
            tally.in_issues += twin in found
            tally.told += [(how.confidence, one == twin) for one, how in found.items()]
            best = sure_of([(one, how, one in self.linked) for one, how in found.items()])
            if best is None or claimed[best] > 1:
                tally.looked_at += 1
                continue
            tally.sure[best == twin] += 1
            if best != twin:
                tally.wrong.append(f"false sure: {self._pair(at, best)} {found[best]}")

    def _pair(self, at: int, ours: int) -> str:
        return f"{self.practice.xero[at]} | {self.practice.practice[ours]}"


def decide(practice: Practice, tally: Tally) -> None:
    case = Case(practice)
    for at in case.link_full_matches(tally):
        case.open_issue(at, tally)
    case.settle(tally)


class _Finder:
    def __init__(self, known: Sequence[Ready], names: Sequence[str]) -> None:
        self._index = NameIndex(names)
        self._keys: dict[str, list[int]] = defaultdict(list)
        for at, one in enumerate(known):
            for key in contact_keys(one):
                self._keys[key].append(at)

    def near(self, one: Ready) -> list[int]:
        found = set(self._index.find(one.name.text))
        for key in contact_keys(one):
            if len(same := self._keys.get(key, ())) <= MOST_OF_A_KEY:
                found.update(same)
        return sorted(found)


def entities_taken_for_one(seed: int) -> int:
    likely = 0
    for group in invented_groups(seed):
        users = count_users((one.name, one.email) for one in group)
        found = [make_ready(details(one), "NZ", users) for one in group]
        likely += sum(
            compare(one, other).score >= LIKELY for at, one in enumerate(found) for other in found[:at]
        )
    return likely


if __name__ == "__main__":
    main()
