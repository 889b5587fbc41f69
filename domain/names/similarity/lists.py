"""Two lists of contacts compared by the rule and by the score, without a database. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.fields import identifiers
from domain.names.similarity import SIMILAR, compare, evidence, find_alike, score
from domain.names.similarity.contacts import Details, contact_keys, count_users, make_ready
from domain.names.similarity.index import NameIndex
from domain.names.text_keys import email_key, name_key

# A key that more contacts share (a bookkeeper's domain, a switchboard) is left out.
MOST_OF_A_KEY = 60


class Outcome(StrEnum):
    """The outcome of a pair. FULL_MATCH and CONFLICT are decided by the rule, before any score."""

    FULL_MATCH = "FULL_MATCH"
    CONFLICT = "CONFLICT"
    SIMILAR = "SIMILAR"
    CANDIDATE = "CANDIDATE"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair, by the positions in the two lists."""

    xero: int
    practice: int
    score: float
    outcome: Outcome
    evidence: tuple[str, ...]


class Lists:
    """`country` is the ISO code for phones without a country code."""

    def __init__(
        self, xero: Sequence[Details], practice: Sequence[Details], country: str | None = None
    ) -> None:
        users = count_users((details.name, details.email) for details in (*xero, *practice))
        self._xero = [make_ready(details, country, users) for details in xero]
        self._practice = [make_ready(details, country, users) for details in practice]
        self._rule = ([_rule_key(details) for details in xero], [_rule_key(details) for details in practice])
        self._counts = tuple(Counter(keys) for keys in self._rule)
        self._names = NameIndex([details.name for details in practice])
        self._keys: dict[str, list[int]] = defaultdict(list)
        for at, ready in enumerate(self._practice):
            for key in (*contact_keys(ready), *_equal_keys(self._rule[1][at])):
                self._keys[key].append(at)

    def candidates(self, everyone: bool = False) -> Iterator[list[Candidate]]:
        """The candidates of each Xero contact, best first. `everyone` adds the candidates below SIMILAR."""
        for at in range(len(self._xero)):
            found = self._find(at)
            ruled = {other: outcome for other in found if (outcome := self._by_rule(at, other)) is not None}
            others = {other: self._practice[other] for other in found if other not in ruled}
            one = self._xero[at]
            if everyone:
                scores = {other: score(one, ready) for other, ready in others.items()}
            else:
                scores = find_alike(one, others, SIMILAR)
            judged = [self._ruled(at, other, outcome) for other, outcome in ruled.items()]
            for other, worth in scores.items():
                outcome = Outcome.SIMILAR if worth >= SIMILAR else Outcome.CANDIDATE
                judged.append(Candidate(at, other, worth, outcome, evidence(one, others[other])))
            yield sorted(judged, key=lambda c: (-c.score, c.practice))

    def _ruled(self, at: int, other: int, outcome: Outcome) -> Candidate:
        found = compare(self._xero[at], self._practice[other])
        return Candidate(
            at, other, 1.0 if outcome is Outcome.FULL_MATCH else found.score, outcome, found.evidence
        )

    def _find(self, at: int) -> list[int]:
        ready = self._xero[at]
        found = set(self._names.find(ready.name.text)) if ready.name.core else set()
        for key in contact_keys(ready):
            if len(same := self._keys.get(key, ())) <= MOST_OF_A_KEY:
                found.update(same)
        for key in _equal_keys(self._rule[0][at]):
            found.update(self._keys.get(key, ())[:MOST_OF_A_KEY])
        return sorted(found)

    def _by_rule(self, at: int, other: int) -> Outcome | None:
        (name, email), (name2, email2) = self._rule[0][at], self._rule[1][other]
        same_name, same_email = name is not None and name == name2, email is not None and email == email2
        if same_name and same_email and all(counts[name, email] == 1 for counts in self._counts):
            numbers = self._xero[at].identifiers, self._practice[other].identifiers
            return Outcome.CONFLICT if identifiers.differing(*numbers) else Outcome.FULL_MATCH
        return Outcome.CONFLICT if same_name or same_email else None


def _rule_key(details: Details) -> tuple[str | None, str | None]:
    return name_key(details.name), email_key(details.email)


def _equal_keys(key: tuple[str | None, str | None]) -> list[str]:
    """Keys by which contacts of an equal name or email are found, however many there are."""
    return [f"{kind}= {value}" for kind, value in zip("ne", key, strict=True) if value]
