"""Measures how well names are classified and contacts matched, compared with other tools: `python -m bench.matching DATA`.

The figures are cross-validated on the labelled development data, grouped by entity: a model is never measured on names
that it was trained with. The other tools run in this process on the same rows. The bench needs requirements/train.txt
and takes about ten minutes on one core.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import probablepeople
from cleanco import basename
from rapidfuzz import fuzz, process
from sklearn.metrics import average_precision_score, f1_score

from domain.names import words
from domain.names.classification import classify
from domain.names.similarity import Details, compare_names, count_users, make_ready, score
from domain.names.similarity.index import NameIndex
from domain.names.similarity.names import prepare
from domain.names.text_keys import name_key
from domain.names.trees import Forest, read_trees
from train.boosting import write_trees
from train.classify import Labelled, label, mended, out_of_fold, report
from train.classify_data import made_up, read_rows
from train.contact_data import read_contacts
from train.match import (
    Names,
    best_f1,
    fit_names,
    names_out_of_fold,
    read,
    report_names,
    train_contacts,
)
from train.thresholds import strangers

Bools = npt.NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    print("== person or organisation")
    classification(data)
    print("== pairs of names, and names among known ones")
    known = read(data)
    model = fit_names(known, np.ones(len(known.pairs), bool))
    strange = strangers(data, [name for _, name in known.data.index], Forest(read_trees(write_trees(model))))
    cuts = report_names(known, names_out_of_fold(known), strange)
    others_on_names(known)
    print("== whole contacts")
    train_contacts(data, model, cuts.similar)
    rules_on_contacts(data)
    print("== time of a call, in microseconds")
    times(known)


def classification(data: Path) -> None:
    rows = label(read_rows(data / "classify_dev.csv"))
    extra = label(made_up())
    first = out_of_fold(rows, extra, seed=1)
    clean = mended(rows, first)
    ours = out_of_fold(clean, extra, seed=2)
    report("Tandem, labels as they are but for couples", rows, ours, np.ones(len(rows.rows), bool))
    report("Tandem, labels mended", clean, ours, clean.weight > 0)
    judge(rows, clean, "all are organisations", lambda name: False)
    judge(rows, clean, "cleanco finds a legal form, or not", lambda name: basename(name) == name)
    judge(
        rows, clean, "our lists find a legal form, or not", lambda name: words.find_legal_form(name) is None
    )
    judge(rows, clean, "probablepeople", by_probablepeople)


def judge(rows: Labelled, clean: Labelled, title: str, is_person: Callable[[str], bool]) -> None:
    found = np.array([is_person(row.name) for row in rows.rows])
    kept = clean.weight > 0
    right, right_clean = found == rows.person, (found == clean.person)[kept]
    f1 = f1_score(rows.person, found, average="macro")
    print(f"{title}: accuracy {right.mean():.4f} macro-F1 {f1:.4f}; labels mended {right_clean.mean():.4f}")


def by_probablepeople(name: str) -> bool:
    try:
        return probablepeople.tag(name)[1] in {"Person", "Household"}
    except probablepeople.RepeatedLabelError as error:
        kinds = [tag for _, tag in error.parsed_string]
        return sum(kind in {"GivenName", "Surname", "FirstInitial"} for kind in kinds) > len(kinds) / 2


def others_on_names(known: Names) -> None:
    pairs = known.data.pairs
    match = known.match[: known.labelled]
    measures: dict[str, Callable[[str, str], float]] = {
        "equal": lambda a, b: float(name_key(a) == name_key(b)),
        "equal, legal form off": lambda a, b: float(prepare(a).plain == prepare(b).plain),
        "rapidfuzz ratio": lambda a, b: fuzz.ratio(a.casefold(), b.casefold()),
        "rapidfuzz token_set": lambda a, b: fuzz.token_set_ratio(a.casefold(), b.casefold()),
        "rapidfuzz WRatio": lambda a, b: fuzz.WRatio(a.casefold(), b.casefold()),
        "cleanco + token_sort": lambda a, b: fuzz.token_sort_ratio(
            basename(a).casefold(), basename(b).casefold()
        ),
    }
    index = [prepare(name).ordered for _, name in known.data.index]
    for title, measure in measures.items():
        scores = np.array([measure(pair.one, pair.other) for pair in pairs])
        # A yes or no has no cut to choose.
        f1 = best_f1(scores, match)[0] if scores.max() > 1 else f1_score(match, scores > 0)
        print(f"{title}: pairs F1 {f1:.4f} AP {average_precision_score(match, scores):.4f}")
    for title, scorer in {"token_set": fuzz.token_set_ratio, "token_sort": fuzz.ratio}.items():
        hits = [
            bool({known.data.index[at][0] for *_, at in process.extract(prepare(name).ordered, index, scorer=scorer, limit=1)} & {entity})
            for name, entity, _ in known.data.queries
            if entity
        ]  # fmt: skip
        print(f"rapidfuzz {title}, legal form off: R@1 {np.mean(hits):.4f}")


def rules_on_contacts(data: Path) -> None:
    for contacts in read_contacts(data):
        found = [(i, j, contacts.clusters[i] == contacts.clusters[j]) for i, j in contacts.candidates()]
        match = np.array([same for *_, same in found])
        missed = contacts.matches() - int(match.sum())
        ready = contacts.ready
        equal = np.array(
            [name_key(ready[i].name.text) == name_key(ready[j].name.text) is not None for i, j, _ in found]
        )
        email = np.array([bool(ready[i].email) and ready[i].email == ready[j].email for i, j, _ in found])
        for title, said in (("name and email equal", equal & email), ("name or email equal", equal | email)):
            f1 = 2 * (said & match).sum() / (said.sum() + match.sum() + missed)
            print(f"{contacts.source}, {title}: F1 {f1:.4f} false {(said & ~match).sum()}")


def times(known: Names) -> None:
    texts = [name for _, name in known.data.index][:2000]
    clock("classify", lambda: [classify(name) for name in texts], len(texts))
    pairs = known.data.pairs[:2000]
    clock(
        "compare_names, names new",
        lambda: [compare_names(pair.one, pair.other) for pair in pairs],
        len(pairs),
    )
    clock(
        "compare_names, names ready",
        lambda: [compare_names(pair.one, pair.other) for pair in pairs],
        len(pairs),
    )
    users = count_users(())
    one, *others = [make_ready(Details(name, city="Kowhai"), "NZ", users) for name in texts]
    clock("score of whole contacts", lambda: [score(one, other) for other in others], len(others))
    index = NameIndex([name for _, name in known.data.index])
    clock(f"candidates among {len(index.names)}", lambda: [index.find(name) for name in texts[:300]], 300)


def clock(title: str, work: Callable[[], object], calls: int) -> None:
    began = time.perf_counter()
    work()
    print(f"{title}: {(time.perf_counter() - began) / calls * 1e6:.0f}")


if __name__ == "__main__":
    main()
