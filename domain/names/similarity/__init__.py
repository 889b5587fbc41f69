"""The similarity of two contacts, with the evidence in words, for candidates and SIMILAR match issues. Pure.

Small boosted trees (docs/MATCHING.md) give a score of 0 to 1. The score alone decides nothing: only the rule of
domain.matching.plan decides about full matches and conflicts.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TypeVar

from rapidfuzz import fuzz

from domain.fields import identifiers
from domain.names.similarity.agreement import Agreement, agree, is_sure, of_one_client
from domain.names.similarity.contacts import (
    Details,
    Ready,
    contact_keys,
    count_users,
    field_features,
    make_ready,
    renamed,
    share_owner,
)
from domain.names.similarity.distinct import tell_apart, tell_entities_apart
from domain.names.similarity.evidence import explain
from domain.names.similarity.features import are_initials, called_by_letters, is_acronym, name_features
from domain.names.similarity.index import NameIndex, keys_of
from domain.names.similarity.names import Name, cosine, meet, prepare
from domain.names.trees import Forest, read_trees

__all__ = [
    "LIKELY",
    "SIMILAR",
    "Comparison",
    "Details",
    "NameIndex",
    "Ready",
    "compare",
    "compare_names",
    "count_users", "evidence",
    "find_alike",
    "keys_of",
    "make_ready",
]  # fmt: skip

# Both thresholds were chosen on the development data. From SIMILAR on, a person should look before a second contact is
# created: of a hundred strangers one or two have a name so alike. From LIKELY on, a pair is more often one.
SIMILAR = 0.7
LIKELY = 0.5
# The highest score of a pair that domain.names.similarity.distinct distinguishes: below LIKELY.
APART = 0.4
# The least score of a body and its acronym, by the number of letters, and the score of a person whose family name may have
# changed: a person looks.
LETTERS = {3: 0.6, 4: SIMILAR}
RENAMED = SIMILAR
# The least score of a pair that shares an official number: more than a name alone reaches.
IDENTIFIED = 0.99995
# An email that several names use does not raise the score of names that are so unlike.
REJECTED = 0.1
# The least score of a pair that may be sure, with one and with more of email, phone and street equal.
SURE = (0.9, 0.9, 0.6, 0.6)
# Names within names are compared if they share so much.
WITHIN = 0.2
# Of contacts that agree in no other field, only names that share so much are compared. Such pairs from LIKELY on shared 0.8
# and more in the lists of bench.practices.
NEAR = 0.5
# Emails and addresses that are so alike count as agreeing.
NEAR_FIELD = 80
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`evidence` is in words: first the reasons for the pair, then those against it.

    `confidence` is the share of such pairs that are one client, counted in lists that no training saw. `sure`: the pair
    may be linked without a look, if no other candidate is a rival (domain.matching.sure).
    """

    score: float
    evidence: tuple[str, ...]
    confidence: float
    sure: bool


@dataclass(frozen=True)
class _Model:
    names: Forest
    names_scale: float
    names_shift: float
    contacts: Forest
    contacts_shift: float
    confidence: tuple[tuple[Sequence[float], Sequence[float]], ...]


def compare(one: Ready, other: Ready) -> Comparison:
    """Compare two contacts, made ready with the same country and users.

    If no other field is known of both, the score of the names alone is an upper limit.
    """
    found = score(one, other)
    agreement = agree(one, other)
    return Comparison(
        found,
        evidence(one, other),
        confidence_of(found, agreement),
        found >= SURE[agreement.strong] and is_sure(one, other, agreement),
    )


def confidence_of(found: float, agreement: Agreement) -> float:
    """The probability that a pair with this score is one client, by the table of its kind of agreement."""
    scores, shares = load().confidence[agreement.table]
    at = bisect_right(scores, found)
    if at in {0, len(scores)}:
        return shares[0] if at == 0 else shares[-1]
    part = (found - scores[at - 1]) / (scores[at] - scores[at - 1])
    return round(shares[at - 1] + part * (shares[at] - shares[at - 1]), 4)


def evidence(one: Ready, other: Ready) -> tuple[str, ...]:
    """The evidence of `compare`, without the score."""
    return explain(one, other, meet(one.name, other.name))


def score(one: Ready, other: Ready, least: float = 0.0) -> float:
    """The score of `compare`, without the evidence, the same in both directions.

    A contact with several names counts by the name that fits best. A score below `least` may come out lower than it is.
    """
    found = _score(one, other, least)
    for a in (one.name, *one.also):
        for b in (other.name, *other.also):
            if (a is not one.name or b is not other.name) and (cosine(a, b) >= WITHIN or is_acronym(a, b)):
                found = max(found, _score(replace(one, name=a), replace(other, name=b), least))
    found = _ruled(found, one.name, other.name)
    if renamed(one, other):
        found = RENAMED
    elif found < SIMILAR and of_one_client(one, other):
        found = SIMILAR
    of_one_owner = found > APART and share_owner(one, other) and tell_entities_apart(one.name, other.name)
    return _identified(APART if of_one_owner else found, one, other)


def _identified(found: float, one: Ready, other: Ready) -> float:
    """The score within what official numbers show. A trust and its trustee may have equal numbers. If a rule distinguishes
    the names, the pair is a candidate, and no more."""
    if not (one.identifiers and other.identifiers):
        return found
    shared = one.identifiers & other.identifiers
    if identifiers.differing(one.identifiers, other.identifiers):
        return found if shared else min(found, APART)
    if not shared:
        return found
    apart = tell_apart(one.name, other.name) or tell_entities_apart(one.name, other.name)
    return max(found, SIMILAR) if apart else IDENTIFIED + found * (1 - IDENTIFIED)


def _ruled(found: float, one: Name, other: Name) -> float:
    """The score within what the names by themselves allow."""
    if called_by_letters(one, other):
        found = max(found, LETTERS.get(min(len(one.compact), len(other.compact)), SIMILAR))
    return APART if found > APART and (tell_apart(one, other) or are_initials(one, other)) else found


def _score(one: Ready, other: Ready, least: float) -> float:
    if not (one.name.core and other.name.core):
        return _score_without_name(one, other)
    model = load()
    features = name_features(one.name, other.name)
    fields = list(field_features(one, other)) if one.known or other.known else None
    needed = (_margin(least) - model.names_shift) / model.names_scale
    margin = model.names.add_up(features, -math.inf if fields and fields[-1] else needed)
    by_name = _share(margin * model.names_scale + model.names_shift)
    if not fields or margin == -math.inf:
        return by_name
    whole = _whole(model, margin, fields, features, least)
    if not fields[-1]:
        return min(by_name, whole)
    if fields[0] == 1 and max(one.users, other.users) > 1 and by_name < REJECTED:
        unshared = [-1.0, -1.0, -1.0, -1.0, 0.0, *fields[5:-1], fields[-1] - 1]
        without = _whole(model, margin, unshared, features, least)
        whole = min(whole, without if unshared[-1] else min(by_name, without))
    return whole


def _whole(
    model: _Model, margin: float, fields: Sequence[float], features: Sequence[float], least: float
) -> float:
    found = model.contacts.add_up([margin, *fields, *features], _margin(least) - model.contacts_shift)
    return _share(found + model.contacts_shift)


def _score_without_name(one: Ready, other: Ready) -> float:
    """The score if a name has no letter: LIKELY if email or phone is equal, else 0."""
    same_email = bool(one.emails & other.emails)
    return LIKELY if same_email or (one.digits and one.digits == other.digits) else 0.0


def find_alike(one: Ready, others: Mapping[Key, Ready], least: float) -> dict[Key, float]:
    """The contacts with a score of at least `least`, which is LIKELY or more.

    Whether a pair is compared depends on the pair alone, so that no list changes the scores.
    """
    keys = contact_keys(one)
    scores = {
        key: score(one, other, least) for key, other in others.items() if _may_be_alike(one, keys, other)
    }
    return {key: found for key, found in scores.items() if found >= least}


def _may_be_alike(one: Ready, keys: frozenset[str], other: Ready) -> bool:
    """Whether a name or another field of the two agrees far enough to compare them. `keys`: the contact_keys of `one`."""
    return (
        cosine(one.name, other.name) >= NEAR
        or bool(one.also or other.also)
        or bool(one.city and one.city == other.city)
        or bool(one.postcode and one.postcode == other.postcode)
        or not keys.isdisjoint(contact_keys(other))
        or bool(one.email and other.email and fuzz.ratio(one.email, other.email) >= NEAR_FIELD)
        or bool(one.address and other.address and fuzz.ratio(one.address, other.address) >= NEAR_FIELD)
        or is_acronym(one.name, other.name)
    )


def compare_names(one: str, other: str) -> float:
    return name_score(prepare(one), prepare(other))


def name_score(one: Name, other: Name) -> float:
    if not (one.core and other.core):
        return 0.0
    model = load()
    margin = model.names.add_up(name_features(one, other))
    return _ruled(_share(margin * model.names_scale + model.names_shift), one, other)


def _share(margin: float) -> float:
    return round(1 / (1 + math.exp(-margin)), 4) if margin > -700 else 0.0


def _margin(share: float) -> float:
    """The least margin of a share that rounds to at least this."""
    below = share - 0.0001
    return math.log(below / (1 - below)) if below > 0 else -math.inf


@cache
def load() -> _Model:
    folder = resources.files("domain.names") / "parameters"
    written = json.loads((folder / "match.json").read_text(encoding="utf-8"))
    return _Model(
        Forest(read_trees(written["names"]["trees"])),
        written["names"]["scale"],
        written["names"]["shift"],
        Forest(read_trees(written["contacts"]["trees"])),
        written["contacts"]["shift"],
        tuple((table["score"], table["share"]) for table in written["confidence"]),
    )
