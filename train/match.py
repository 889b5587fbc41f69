"""Trains domain.names.similarity: `python -m train.match DATA [--evaluate]`. Writes domain/names/parameters/match.json.

Names first: trees over pairs of names (labelled pairs, spellings of one client, queries with their candidates). Contacts
next: trees over the names' margin and the other fields. Thresholds: train.thresholds estimates SIMILAR of names; for whole
contacts, SIMILAR is at the best F1 over the sets.
"""

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from domain.names.similarity.contacts import FIELD_FEATURES, Ready, field_features, share_owner
from domain.names.similarity.distinct import tell_apart, tell_entities_apart
from domain.names.similarity.features import NAME_FEATURES, name_features
from domain.names.similarity.names import prepare
from domain.names.trees import Forest, read_trees
from train.boosting import boost, write_trees
from train.business_data import made_up_businesses
from train.contact_data import (
    ContactSet,
    labelled_pairs,
    made_up_families,
    made_up_groups,
    made_up_practice,
    read_contacts,
)
from train.match_data import (
    NameData,
    Pair,
    fold_of,
    made_up_pairs,
    read_names,
    retrieval_pairs,
    variant_pairs,
)
from train.thresholds import APART_MARGIN, AT_SIMILAR, PARAMETERS, Cuts, estimate, strangers

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FOLDS = 4
# More of these can never make two names less alike, or more so: it keeps strange labels from teaching strange rules.
RISING = frozenset(
    "ratio ordered token_set compact jaro jaro_ordered wratio cosine worth_small worth_large same_small same_large".split()
)
FALLING = frozenset(
    "left_less_rare left_less_rarest left_given titles_differ initials_differ left_both spelling_given places_differ".split()
)
MONOTONE = [1 if name in RISING else -1 if name in FALLING else 0 for name in NAME_FEATURES]
CONTACT_FEATURES = (
    "margin",
    *FIELD_FEATURES,
    *NAME_FEATURES,
)
CONTACT_READS = frozenset(
    (
        "margin cosine worth_small worth_large ratio ordered token_set jaro_ordered partial_compact left_given initials_differ "
        "left_both left_less_words left_more_words left_less_given left_more_given first_same last_same words_small words_large "
        "people n_initial n_nickname n_spelling left_alike same_small"
    ).split()
) | frozenset(FIELD_FEATURES)  # fmt: skip
OTHERS = [name for name in CONTACT_FEATURES if name not in CONTACT_READS]


@dataclass(frozen=True)
class Names:
    """Pairs with their features; `query` is -1 but for candidates of a query."""

    data: NameData
    pairs: list[Pair]
    apart: Bools
    table: Floats
    match: Bools
    weight: Floats
    folds: npt.NDArray[np.int64]
    query: npt.NDArray[np.int64]

    @property
    def labelled(self) -> int:
        return len(self.data.pairs)


def read(folder: Path) -> Names:
    data = read_names(folder)
    found = list(retrieval_pairs(data))
    pairs = [*data.pairs, *variant_pairs(data), *made_up_pairs(), *(pair for _, pair in found)]
    before = len(pairs) - len(found)
    table = np.array([name_features(prepare(pair.one), prepare(pair.other)) for pair in pairs], float)
    apart = np.array([tell_apart(prepare(pair.one), prepare(pair.other)) is not None for pair in pairs])
    match = np.array([pair.match for pair in pairs])
    weight = np.where(_strange(table) & match, 0.0, [pair.weight for pair in pairs])
    folds = np.array([[fold_of(entity, FOLDS) for entity in pair.entities] for pair in pairs])
    query = np.array([-1] * before + [number for number, _ in found])
    asked = [fold_of(data.entities.of(name), FOLDS) for name, _, _ in data.queries]
    for at in range(before, len(pairs)):
        folds[at, 0] = asked[query[at]]
    return Names(data, pairs, apart, table, match, weight, folds, query)


def _strange(table: Floats) -> Bools:
    """Names with nothing in common: a client that was renamed, or a slip of the register. Nothing can be learned."""
    column = {name: table[:, at] for at, name in enumerate(NAME_FEATURES)}
    unlike = (column["cosine"] < 0.12) & (column["worth_small"] < 0.35) & (column["partial_compact"] < 0.8)
    return unlike & (column["acronym"] == 0)


def fit_names(names: Names, rows: Bools) -> lightgbm.Booster:
    used = rows & (names.weight > 0)
    return boost(
        names.table[used], names.match[used], names.weight[used], NAME_FEATURES, 250, learning_rate=0.05, num_leaves=31,
        min_child_samples=40, monotone_constraints=MONOTONE,
    )  # fmt: skip


def names_out_of_fold(names: Names) -> Floats:
    """Margins by models that have seen neither name's entity. Names that a rule distinguishes come last."""
    margins = np.zeros(len(names.pairs))
    for fold in range(FOLDS):
        unseen = names.folds[:, 0] == fold
        model = fit_names(names, ~(names.folds == fold).any(1))
        margins[unseen] = model.predict(names.table[unseen], raw_score=True)
    return np.where(names.apart, np.minimum(margins, APART_MARGIN), margins)


@dataclass(frozen=True)
class Retrieval:
    """For each query, the margin of the best candidate, whether that candidate is right, and the place of the right one (0:
    first)."""

    top: Floats
    right: Bools
    place: npt.NDArray[np.int64]
    known: Bools

    def flagged(self, cut: float) -> tuple[float, float, float, float]:
        """Precision, recall, F1, share of strangers flagged."""
        flag = self.top >= cut
        hits = (self.right & flag).sum()
        p, r = hits / max(1, flag.sum()), hits / self.known.sum()
        return p, r, 2 * p * r / (p + r), flag[~self.known].mean()


def retrieval(names: Names, margins: Floats) -> Retrieval:
    found: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for at in np.flatnonzero(names.query >= 0):
        found[names.query[at]].append((margins[at], bool(names.match[at])))
    top, right, place = [], [], []
    for number in range(len(names.data.queries)):
        ranked = sorted(found[number], key=lambda pair: -pair[0])
        places = [at for at, (_, match) in enumerate(ranked) if match]
        top.append(ranked[0][0] if ranked else -9.0)
        place.append(places[0] if places else 99)
        right.append(place[-1] == 0)
    known = np.array([bool(entity) for _, entity, _ in names.data.queries])
    return Retrieval(np.array(top), np.array(right), np.array(place), known)


def best_f1(scores: Floats, match: Bools, missed: int = 0) -> tuple[float, float]:
    """F1 and the cut at which it is best, equal scores taken together; `missed` matches were no candidates."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(match[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + match.sum() + missed)
    f1[:-1][np.diff(scores[order]) == 0] = 0.0
    return float(f1.max()), float(scores[order][f1.argmax()])


def report_names(names: Names, margins: Floats, strange: Floats) -> Cuts:
    """Print and return the cuts: LIKELY where it separates look-alike pairs best, and SIMILAR where it flags few
    strangers."""
    n = names.labelled
    scores, match = margins[:n], names.match[:n]
    f1, cut = best_f1(scores, match)
    print(f"name pairs: F1 {f1:.4f} AP {average_precision_score(match, scores):.4f}")
    for source in ("aec", "nomenklatura"):
        own = np.array([pair.source == source for pair in names.data.pairs])
        hits = ((scores >= cut) & match & own).sum()
        print(f"   {source}: F1 {2 * hits / (((scores >= cut) & own).sum() + (match & own).sum()):.4f}")
    found = retrieval(names, margins)
    known = found.known
    cuts = estimate(cut, strange)
    p, r, f, flagged = found.flagged(cuts.similar)
    print(f"retrieval: R@1 {(found.place[known] < 1).mean():.4f} R@5 {(found.place[known] < 5).mean():.4f}")
    print(
        f"   SIMILAR at {cuts.similar:.3f}: P {p:.4f} R {r:.4f} F1 {f:.4f} strangers {flagged:.4f}, of other sources {cuts.flagged:.4f}"
    )
    for cut_at in np.arange(-1, 1.6, 0.2):
        p, r, f, flagged = found.flagged(cut_at)
        print(
            f"      at {cut_at:.1f}: F1 {f:.4f} strangers {flagged:.4f}, of other sources {(strange >= cut_at).mean():.4f}"
        )
    return cuts


@dataclass(frozen=True)
class Contacts:
    """Pairs of contacts: margin of their names, fields, names; `alone`: no other field is known of both. Of `missed` pairs
    that match, nothing brought the two together."""

    source: str
    table: Floats
    match: Bools
    alone: Bools
    apart: Bools
    folds: npt.NDArray[np.int64]
    missed: int


def contact_rows(number: int, contacts: ContactSet, names: lightgbm.Booster) -> Contacts:
    pairs = list(labelled_pairs(contacts))
    ready = contacts.ready
    table = np.array([name_features(ready[i].name, ready[j].name) for i, j, _ in pairs], float)
    fields = np.array([list(field_features(ready[i], ready[j])) for i, j, _ in pairs], float)
    margins = names.predict(table, raw_score=True)
    match = np.array([match for *_, match in pairs])
    return Contacts(
        contacts.source,
        np.column_stack([margins, fields, table]),
        match,
        fields[:, FIELD_FEATURES.index("fields_shared")] == 0,
        np.array([_is_apart(ready[i], ready[j]) for i, j, _ in pairs]),
        np.array([[fold_of(contacts.clusters[at], FOLDS, number) for at in (i, j)] for i, j, _ in pairs]),
        contacts.matches() - int(match.sum()),
    )


def _is_apart(one: Ready, other: Ready) -> bool:
    entities = share_owner(one, other) and tell_entities_apart(one.name, other.name)
    return bool(entities or tell_apart(one.name, other.name))


def fit_contacts(table: Floats, match: Bools) -> lightgbm.Booster:
    table = table.copy()
    table[:, [CONTACT_FEATURES.index(name) for name in OTHERS]] = 0.0
    return boost(table, match, None, CONTACT_FEATURES, 300, num_leaves=7)


def train_contacts(folder: Path, names: lightgbm.Booster, similar: float) -> tuple[lightgbm.Booster, float]:
    """The model over all sets, and the cut at which the mean F1 of the sets is best, out of fold. The last two sets are
    made up, and represent data that training has not seen. Labelled data count twice."""
    learned = [
        *read_contacts(folder), made_up_families(), made_up_businesses(), made_up_practice(1), made_up_practice(2), made_up_groups(1),
    ]  # fmt: skip
    unseen = [
        made_up_families(seed=99, families=150), made_up_businesses(seed=98, groups=150), made_up_practice(99), made_up_groups(99),
    ]  # fmt: skip
    sets = [contact_rows(number, contacts, names) for number, contacts in enumerate([*learned, *unseen])]
    found = [np.zeros(len(one.match)) for one in sets]
    for fold in range(FOLDS):
        rows = [~(one.folds == fold).any(1) for one in sets[: len(learned)]]
        model = fit_contacts(*_joined(sets, rows))
        for margins, one in zip(found, sets, strict=True):
            own = one.folds[:, 0] == fold
            margins[own] = model.predict(one.table[own], raw_score=True)

    def f1(cut: float, chosen: list[int]) -> float:
        said = [
            (found[n] >= cut) & (~sets[n].alone | (sets[n].table[:, 0] >= similar)) & ~sets[n].apart
            for n in chosen
        ]
        hits = sum((flags & sets[n].match).sum() for flags, n in zip(said, chosen, strict=True))
        real = sum(sets[n].match.sum() + sets[n].missed for n in chosen)
        return float(2 * hits / max(1, sum(flags.sum() for flags in said) + real))

    judged = [0, 0, 1, 1, *(len(learned) + at for at in (0, 1, 2))]
    cut = max(np.arange(-1.5, 2, 0.125), key=lambda cut: sum(f1(cut, [n]) for n in judged))
    for n, one in enumerate(sets):
        struck = int((one.apart & one.match).sum())
        print(
            f"contacts {one.source}: F1 {f1(cut, [n]):.4f}, {struck} matches told apart{' (unseen)' if n >= len(learned) else ''}"
        )
    print(f"contacts: pooled F1 of the labelled sets {f1(cut, [0, 1]):.4f} at {cut}")
    return fit_contacts(
        *_joined(sets, [np.ones(len(one.match), bool) for one in sets[: len(learned)]])
    ), float(cut)


def _joined(sets: list[Contacts], rows: list[Bools]) -> tuple[Floats, Bools]:
    """Join these rows of the first sets."""
    chosen = list(zip(sets, rows, strict=False))
    return (
        np.concatenate([one.table[own] for one, own in chosen]),
        np.concatenate([one.match[own] for one, own in chosen]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--evaluate", action="store_true", help="cross-validate and print, write nothing")
    args = parser.parse_args()
    names = read(args.data)
    model = fit_names(names, np.ones(len(names.pairs), bool))
    trees = write_trees(model)
    strange = strangers(args.data, [name for _, name in names.data.index], Forest(read_trees(trees)))
    cuts = report_names(names, names_out_of_fold(names), strange)
    print(cuts)
    contacts, contact_cut = train_contacts(args.data, model, cuts.similar)
    if args.evaluate:
        return
    held = json.loads(PARAMETERS.read_text(encoding="utf-8"))
    written = {
        "names": {**cuts.written(), "trees": trees},
        "contacts": {"shift": round(AT_SIMILAR - contact_cut, 3), "trees": write_trees(contacts)},
        "confidence": held["confidence"],  # train.confidence makes it anew
    }
    PARAMETERS.write_text(json.dumps(written, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
