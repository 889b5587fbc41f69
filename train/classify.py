"""Trains domain.names.classification: `python -m train.classify DATA [--evaluate]`. Writes its parameter files.

A logistic regression over hashed spelling, words and shape comes first. Boosted trees then read its out-of-fold result
and what the lexicon knows of the words. A label that neither model believes counts as an error of the source.
"""

import argparse
import json
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from domain.names import words
from domain.names.classification import features
from domain.names.classification.evidence import relation
from domain.names.trees import add_up, read_trees
from train.boosting import boost, write_trees
from train.classify_data import Plain, Row, entity_keys, made_up, read_rows, under_policy

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
INVERSE_PENALTY = 30.0
FOLDS = 5
# A person looks at names below this confidence: about 7 % of the development names.
REVIEW_BELOW = 0.93
PARAMETERS = Path(words.__file__).parent / "parameters"
PROOFLESS = frozenset(("aec", "nhs"))


@dataclass(frozen=True)
class Labelled:
    rows: list[Row]
    person: npt.NDArray[np.bool_]
    weight: Floats
    group: npt.NDArray[np.int64]

    def take(self, index: Indices) -> "Labelled":
        return Labelled(
            [self.rows[i] for i in index], self.person[index], self.weight[index], self.group[index]
        )


@dataclass(frozen=True)
class Model:
    reader: features.Reader
    weights: "array[int]"
    scale: float
    bias: float
    trees: list[object]

    def margins(self, rows: list[Row]) -> Floats:
        trees = read_trees(self.trees)  # type: ignore[arg-type]  # what write_trees made
        return np.array([add_up(trees, self.reader.read(row.name).features()) for row in rows])


def label(rows: list[Row]) -> Labelled:
    keys = entity_keys([row.name for row in rows])
    number = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    person = np.array([under_policy(row) for row in rows])
    return Labelled(
        rows, person, np.array([row.weight for row in rows]), np.array([number[key] for key in keys])
    )


def matrix(rows: list[Row]) -> scipy.sparse.csr_matrix:
    at, columns, values = [], [], []
    for row, text in enumerate(rows):
        raw, _, lower = features.spell(text.name)
        spelt = set().union(*(features.spellings(word) for word in lower))
        blocks = (spelt, features.word_marks(lower), features.shape_marks(raw, lower))
        for weight, marks in zip(features.WEIGHTS, blocks, strict=True):
            at += [row] * len(marks)
            columns += list(marks)
            values += [weight / len(marks) ** 0.5] * len(marks)
    return scipy.sparse.csr_matrix((values, (at, columns)), shape=(len(rows), features.SPACE))


def fit_linear(
    x: scipy.sparse.csr_matrix, data: Labelled
) -> tuple[features.Reader, "array[int]", float, float]:
    """Weights rounded to one byte each; 127 steps to the largest but for the outermost thousandth."""
    model = LogisticRegression(C=INVERSE_PENALTY, solver="liblinear").fit(
        x, data.person, sample_weight=data.weight
    )
    loud = np.abs(model.coef_[0])
    scale = float(np.quantile(loud[loud > 0], 0.999) / 127)
    weights = array("b", np.clip(np.rint(model.coef_[0] / scale), -127, 127).astype(np.int8).tobytes())
    bias = float(model.intercept_[0])
    return features.Reader(weights, scale, bias), weights, scale, bias


def fit(data: Labelled) -> Model:
    used = data.take(np.flatnonzero(data.weight > 0))
    x = matrix(used.rows)
    table = np.zeros((len(used.rows), len(features.FEATURES)))
    for seen, unseen in folds(used, seed=11):
        reader, *_ = fit_linear(x[seen], used.take(seen))
        for i in unseen:
            table[i] = reader.read(used.rows[i].name).features()
    trees = write_trees(boost(table, used.person, used.weight, features.FEATURES))
    return Model(*fit_linear(x, used), trees)


def folds(data: Labelled, seed: int) -> list[tuple[Indices, Indices]]:
    splitter = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(data.rows, data.person, data.group))


def out_of_fold(data: Labelled, extra: Labelled, seed: int) -> Floats:
    """The margin of each row, by a model that has seen neither this row nor a name of the same words."""
    margins = np.zeros(len(data.rows))
    for seen, unseen in folds(data, seed):
        model = fit(joined(data.take(seen), extra))
        margins[unseen] = model.margins([data.rows[i] for i in unseen])
    return margins


def joined(data: Labelled, extra: Labelled) -> Labelled:
    return Labelled(
        data.rows + extra.rows,
        np.concatenate([data.person, extra.person]),
        np.concatenate([data.weight, extra.weight]),
        np.concatenate([data.group, extra.group + 10_000_000]),
    )


def mended(data: Labelled, margins: Floats) -> Labelled:
    """Labels of registers that are not proof-read: one that the model strongly denies is turned if the name says why
    (title, initials, comma, given name), else left out."""
    person, weight = data.person.copy(), data.weight.copy()
    plain = Plain()
    for i, row in enumerate(data.rows):
        if row.source in PROOFLESS and not person[i] and plain.is_person(row.name):
            person[i], weight[i] = True, 0.5
            continue
        against = -margins[i] if person[i] else margins[i]
        if row.source not in PROOFLESS or against < 1.4:
            continue
        if not person[i] and words.is_joined(row.name):
            continue
        turn = not person[i] and against > 2.2 and looks_like_person(row.name)
        person[i] = person[i] or turn
        weight[i] = 0.3 if turn else 0.0
    return Labelled(data.rows, person, weight, data.group)


def looks_like_person(name: str) -> bool:
    bare = [word.strip(".,()") for word in name.casefold().split()]
    return (
        len(bare) > 1
        and not any(map(str.isdigit, name))
        and ("," in name or any(len(word) == 1 or word in words.TITLES for word in bare) or name.istitle())
    )


def report(title: str, data: Labelled, margins: Floats, rows: npt.NDArray[np.bool_]) -> None:
    right = (margins > 0) == data.person
    sure = np.abs(margins) >= np.quantile(np.abs(margins[rows]), 0.05)
    p, o = rows & data.person, rows & ~data.person
    f1 = [2 * right[k].sum() / (right[k].sum() * 2 + (~right[rows]).sum()) for k in (p, o)]
    no_form = o & np.array([words.find_legal_form(row.name) is None for row in data.rows])
    print(f"{title}: accuracy {right[rows].mean():.4f} macro-F1 {np.mean(f1):.4f} PERSON {right[p].mean():.4f} ORGANISATION {right[o].mean():.4f} "
          f"without legal form {right[no_form].mean():.4f} surest 95 % {right[rows & sure].mean():.4f}")  # fmt: skip
    sources = np.array([row.source for row in data.rows])
    print("   " + "  ".join(f"{s} {right[rows & (sources == s)].mean():.4f}" for s in sorted(set(sources))))


def calibrate(data: Labelled, mended_: Labelled, margins: Floats) -> dict[str, list[float]]:
    """Knots from margin to the share of persons: half by the labels as they are, half by the corrected labels. The truth is
    between. Always rising, so that surer stays surer."""
    clean = mended_.weight > 0
    x = np.concatenate([margins, margins[clean]])
    person = np.concatenate([data.person, mended_.person[clean]])
    share = IsotonicRegression(y_min=0.001, y_max=0.999).fit(x, person)
    at = np.unique(
        np.quantile(x, [0, 0.05, 0.2, 0.35, 0.42, 0.46, 0.5, 0.54, 0.58, 0.62, 0.7, 0.8, 0.95, 1]).round(3)
    )
    at = np.unique(np.concatenate([at, np.array([-4, -3, -2, -1.2, -0.5, 0, 0.5, 1.2, 2, 3, 4.0])]))
    smooth = np.array([share.predict(x[np.abs(x - k) < max(0.25, abs(k) / 8)]).mean() for k in at])
    rising = np.maximum.accumulate(smooth) + np.arange(len(at)) * 1e-5
    return {"margin": at.round(3).tolist(), "person": np.clip(rising, 0.0005, 0.9995).round(5).tolist()}


def shifts(data: Labelled, margins: Floats) -> dict[str, float]:
    """The score that first and last name add, estimated on the rows that have them, and limited for the use in a ledger.
    The shared mailbox is set by hand, as no labelled row has an email."""
    relations = np.array([relation(r.name, r.first_name, r.last_name) for r in data.rows])
    filled = relations != ""
    table = np.column_stack([margins, relations == "same", relations == "other"])[filled]
    fitted = LogisticRegression(C=1.0).fit(table, data.person[filled])
    slope, same, other = fitted.coef_[0]
    print(
        "shifts",
        {k: int((relations == k).sum()) for k in ("same", "inside", "other")},
        fitted.coef_,
        fitted.intercept_,
    )
    return {
        "same": round(float(np.clip(same / slope, 0, 2.5)), 3),
        "other": round(float(np.clip(other / slope, -2.5, 0)), 3),
        "mailbox": 0.5,
    }


def write(folder: Path, model: Model, calibration: dict[str, object]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "classify.bin").write_bytes(model.weights.tobytes())
    written = {"scale": model.scale, "bias": model.bias, **calibration, "trees": model.trees}
    (folder / "classify.json").write_text(json.dumps(written, separators=(",", ":")) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--evaluate", action="store_true", help="cross-validate and print, write nothing")
    args = parser.parse_args()
    data = label(read_rows(args.data / "classify_dev.csv"))
    extra = label(made_up())
    first = out_of_fold(data, extra, seed=1)
    clean = mended(data, first)
    second = out_of_fold(clean, extra, seed=2)
    report("labels under the policies", data, second, np.ones(len(data.rows), bool))
    report("labels mended", clean, second, clean.weight > 0)
    if args.evaluate:
        return
    model = fit(joined(clean, extra))
    calibration: dict[str, object] = {
        "shifts": shifts(data, second),
        "knots": calibrate(data, clean, second),
        "review_below": REVIEW_BELOW,
    }
    write(PARAMETERS, model, calibration)


if __name__ == "__main__":
    main()
