"""The trained model: its parameters, read once from parameters/ (see its NOTICE.md), and its results."""

import json
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from domain.names.classification.evidence import Relation
from domain.names.classification.features import Reader, Reading
from domain.names.trees import Tree, add_up, read_trees


@dataclass(frozen=True)
class Model:
    """`knots` are margins and, for each, the share of persons among names of that margin. Both rise."""

    reader: Reader
    trees: tuple[Tree, ...]
    knots: tuple[Sequence[float], Sequence[float]]
    same: float
    other: float
    mailbox: float
    review_below: float

    def read(self, text: str) -> Reading:
        return self.reader.read(text)

    def margin(self, reading: Reading) -> float:
        """The log-odds of PERSON by the name alone, before calibration."""
        return add_up(self.trees, reading.features())

    def shift(self, relation: Relation) -> float:
        return {"": 0.0, "same": self.same, "inside": 0.0, "other": self.other}[relation]

    def probability(self, margin: float) -> float:
        """The probability of PERSON, interpolated linearly between the knots."""
        xs, ys = self.knots
        at = bisect_right(xs, margin)
        if at in {0, len(xs)}:
            return ys[0] if at == 0 else ys[-1]
        part = (margin - xs[at - 1]) / (xs[at] - xs[at - 1])
        return ys[at - 1] + part * (ys[at] - ys[at - 1])


@cache
def load() -> Model:
    folder = resources.files("domain.names") / "parameters"
    written = json.loads((folder / "classify.json").read_text(encoding="utf-8"))
    reader = Reader(
        array("b", (folder / "classify.bin").read_bytes()),
        written["scale"],
        written["bias"],
    )
    shifts = written["shifts"]
    return Model(
        reader,
        read_trees(written["trees"]),
        (written["knots"]["margin"], written["knots"]["person"]),
        shifts["same"],
        shifts["other"],
        shifts["mailbox"],
        written["review_below"],
    )
