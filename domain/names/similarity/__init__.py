"""The similarity of two contacts, with the evidence in words, for candidates and SIMILAR match issues. Pure.

Small boosted trees (docs/MATCHING.md) give a score of 0 to 1. The score alone decides nothing: the rule of
domain.matching.plan decides about full matches and conflicts, whatever the score.
"""

import json
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from heapq import nlargest
from importlib import resources
from typing import TypeVar

from domain.names.similarity.contacts import (
    Details,
    Ready,
    contact_keys,
    count_users,
    field_features,
    make_ready,
)
from domain.names.similarity.distinct import tell_apart
from domain.names.similarity.evidence import explain
from domain.names.similarity.features import is_acronym, name_features
from domain.names.similarity.index import NameIndex, keys_of
from domain.names.similarity.names import Name, cosine, meet, prepare
from domain.names.trees import Tree, add_up, read_trees

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
# created: about one pair of strangers in a hundred reaches it by name alone. From LIKELY on, a pair is more often one.
SIMILAR = 0.7
LIKELY = 0.5
# The short cuts of find_alike. They lose 12 of the 1,900 pairs of the development data that reach SIMILAR.
NEAR, MOST_NEAR, FIRST, HOPELESS = 0.3, 6, 25, -1.0
# The highest score of a pair that domain.names.similarity.distinct tells apart: below LIKELY.
APART = 0.4
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`evidence` is in words: first the reasons for the pair, then those against it."""

    score: float
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class _Model:
    names: tuple[Tree, ...]
    names_shift: float
    contacts: tuple[Tree, ...]
    contacts_shift: float


def compare(one: Ready, other: Ready) -> Comparison:
    """Compare two contacts, made ready with the same country and users.

    If no other field is known of both, the score of the names alone is an upper limit.
    """
    return Comparison(score(one, other), evidence(one, other))


def evidence(one: Ready, other: Ready) -> tuple[str, ...]:
    """The evidence of `compare`, without the score."""
    return explain(one, other, meet(one.name, other.name))


def score(one: Ready, other: Ready) -> float:
    """The score of `compare`, without the evidence. A contact with several names counts by the name that fits best."""
    found = _score(one, other)
    if one.also or other.also:
        found = max(
            _score(replace(one, name=a), replace(other, name=b))
            for a in (one.name, *one.also)
            for b in (other.name, *other.also)
        )
    return _held_apart(found, one.name, other.name)


def _held_apart(found: float, one: Name, other: Name) -> float:
    return min(found, APART) if found > APART and tell_apart(one, other) else found


def _score(one: Ready, other: Ready) -> float:
    if not (one.name.core and other.name.core):
        return _score_without_name(one, other)
    model = load()
    features = name_features(one.name, other.name)
    margin = add_up(model.names, features)
    by_name = _share(margin + model.names_shift)
    if not (one.known or other.known):
        return by_name
    fields = list(field_features(one, other))
    whole = _share(add_up(model.contacts, [margin, *fields, *features]) + model.contacts_shift)
    return whole if fields[-1] else min(by_name, whole)


def _score_without_name(one: Ready, other: Ready) -> float:
    """The score if a name has no letter: LIKELY if email or phone is equal, else 0."""
    same_email = bool(one.email) and one.email == other.email
    return LIKELY if same_email or (one.digits and one.digits == other.digits) else 0.0


def find_alike(one: Ready, others: Mapping[Key, Ready], least: float) -> dict[Key, float]:
    """The contacts with a score of at least `least`, which should be LIKELY or more.

    Three short cuts save most comparisons of pairs without an equal key of another field: names that share few letters,
    names beyond the few that share most, and pairs that the first trees already reject are dropped.
    """
    keys = contact_keys(one)
    alike: list[Key] = []
    near: list[tuple[float, Key]] = []
    for key, other in others.items():
        if keys & contact_keys(other) or is_acronym(one.name, other.name):
            alike.append(key)
        elif (shared := cosine(one.name, other.name)) >= NEAR:
            near.append((shared, key))
    for _, key in nlargest(MOST_NEAR, near, key=lambda pair: pair[0]):
        if add_up(load().names[:FIRST], name_features(one.name, others[key].name)) > HOPELESS:
            alike.append(key)
    scores = {key: score(one, others[key]) for key in alike}
    return {key: found for key, found in scores.items() if found >= least}


def compare_names(one: str, other: str) -> float:
    return name_score(prepare(one), prepare(other))


def name_score(one: Name, other: Name) -> float:
    if not (one.core and other.core):
        return 0.0
    model = load()
    found = _share(add_up(model.names, name_features(one, other)) + model.names_shift)
    return _held_apart(found, one, other)


def _share(margin: float) -> float:
    return round(1 / (1 + math.exp(-margin)), 4)


@cache
def load() -> _Model:
    folder = resources.files("domain.names") / "parameters"
    written = json.loads((folder / "match.json").read_text(encoding="utf-8"))
    return _Model(
        read_trees(written["names"]["trees"]),
        written["names"]["shift"],
        read_trees(written["contacts"]["trees"]),
        written["contacts"]["shift"],
    )
