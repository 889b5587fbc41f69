"""Estimate the threshold SIMILAR of names: `python -m train.thresholds DATA`. Changes match.json, trains nothing.

Thousands of names of other registers are strangers to the known names. SIMILAR is the margin that at most STRANGERS of them
reach with any known name, by the trees of match.json. LIKELY stays where train.match found it. Run train.confidence afterwards.
"""

import argparse
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import domain.names
from domain.names.similarity import SIMILAR
from domain.names.similarity.distinct import tell_apart
from domain.names.similarity.features import name_features
from domain.names.similarity.index import NameIndex
from domain.names.similarity.names import Name, prepare
from domain.names.trees import Forest, read_trees
from train.match_data import rows

Floats = npt.NDArray[np.float64]
PARAMETERS = Path(domain.names.__file__).parent / "parameters" / "match.json"
STRANGERS = 0.016
MOST_STRANGERS = 3000
# Sources whose names are no donor's. Listed companies may be donors too, and single words are many people's.
OTHER_SOURCES = frozenset(("nhs", "nz_schools", "yente_fixture", "un_sc"))
# The highest margin of two names that domain.names.similarity.distinct distinguishes.
APART_MARGIN = -1.0
NO_NAME_NEAR = -9.0
AT_SIMILAR = math.log(SIMILAR / (1 - SIMILAR))


@dataclass(frozen=True)
class Cuts:
    """Margins from which on a pair of names is LIKELY and SIMILAR. Of so many `strangers`, the share `flagged` has a margin of
    `similar` or more with a known name."""

    likely: float
    similar: float
    strangers: int
    flagged: float

    def written(self) -> dict[str, float]:
        """Return what domain.names.similarity reads: a margin of `likely` is a score of a half, and one of `similar` is SIMILAR."""
        scale = round(AT_SIMILAR / max(self.similar - self.likely, 0.2), 3)
        return {"scale": scale, "shift": round(AT_SIMILAR - scale * self.similar, 3)}


def estimate(likely: float, best: Floats) -> Cuts:
    """Return the cuts. `best`: of each stranger, the highest margin."""
    similar = round(float(np.quantile(best, 1 - STRANGERS, method="higher")) + 0.001, 3)
    return Cuts(round(likely, 4), similar, len(best), round(float((best >= similar).mean()), 5))


def strangers(folder: Path, known: Sequence[str], forest: Forest) -> Floats:
    """Return the highest margin of each of some thousand names of other sources among the known names: none is one of them."""
    index = NameIndex(known)
    held = {name.ordered for name in index.names}
    others = [row["name"] for row in rows(folder / "classify_dev.csv") if row["source"] in OTHER_SOURCES]
    asked = [one for text in sorted(set(others)) if (one := prepare(text)).core and one.ordered not in held]
    chosen = random.Random(1).sample(asked, MOST_STRANGERS)
    margin = margin_by(forest)
    return np.array(
        [
            max((margin(one, index.names[at]) for at in index.find(one.text)), default=NO_NAME_NEAR)
            for one in chosen
        ]
    )


def margin_by(forest: Forest) -> Callable[[Name, Name], float]:
    def margin(one: Name, other: Name) -> float:
        found = forest.add_up(name_features(one, other))
        return min(found, APART_MARGIN) if tell_apart(one, other) else found

    return margin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--evaluate", action="store_true", help="print, write nothing")
    args = parser.parse_args()
    data = args.data
    written = json.loads(PARAMETERS.read_text(encoding="utf-8"))
    names = written["names"]
    known = [row["name"] for row in rows(data / "retrieval_index_dev.csv")]
    best = strangers(data, known, Forest(read_trees(names["trees"])))
    cuts = estimate(-names["shift"] / names["scale"], best)
    for share in (0.01, 0.0125, 0.015, 0.0175, 0.02):
        print(f"margin that {share} of {len(best)} strangers reach: {np.quantile(best, 1 - share):.3f}")
    now = (AT_SIMILAR - names["shift"]) / names["scale"]
    print(f"SIMILAR stands at {now:.3f}, which {(best >= now).mean():.4f} of them reach")
    print(cuts)
    if args.evaluate:
        return
    names |= cuts.written()
    PARAMETERS.write_text(json.dumps(written, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
