"""Calibrates `confidence` of domain.names.similarity: `python -m train.confidence`. Changes match.json, trains nothing.

The candidates of the issues of lifelike practices (bench.practices) count, from seeds that neither training nor bench uses.
A rising table leads from the score to the share of candidates that are the client. There is one table for 0, 1, and 2 or
more equal fields of email, phone and street, one for an equal official number, and one for two that differ.
"""

import json
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from bench.practices import Case, Tally
from domain.names.similarity import IDENTIFIED
from domain.names.similarity.agreement import agree
from train.thresholds import PARAMETERS
from xero.simulator.practices import lifelike_practice

KNOTS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
# Names alone are never nearly sure: a hundred candidates cannot show it.
LEAST, MOST = 0.0005, (0.97, 0.9995, 0.9995, 0.9995, 0.9)
IDENTIFIED_TABLE = 3
SEEDS = (501, 502, 503, 504)


def main() -> None:
    found: list[tuple[float, int, bool]] = []
    for seed in SEEDS:
        case = Case(lifelike_practice(seed))
        for at in case.link_full_matches(Tally()):
            case.open_issue(at, Tally())
        for at, candidates in case.issues.items():
            for one, how in candidates.items():
                table = agree(case.theirs[at], case.ours[one]).table
                found.append((how.score, table, one == case.practice.twins[at]))
    scores = np.array([one[0] for one in found])
    kinds = np.array([one[1] for one in found])
    match = np.array([one[2] for one in found])
    tables = [
        (_steps if n == IDENTIFIED_TABLE else _table)(scores[kinds == n], match[kinds == n], most)
        for n, most in enumerate(MOST)
    ]
    written = json.loads(PARAMETERS.read_text(encoding="utf-8"))
    written["confidence"] = tables
    PARAMETERS.write_text(json.dumps(written, separators=(",", ":")) + "\n", encoding="utf-8")
    for n, table in enumerate(tables):
        print("table", n, int((kinds == n).sum()), "pairs", int(match[kinds == n].sum()), "true", table)


def _steps(
    scores: npt.NDArray[np.float64], match: npt.NDArray[np.bool_], most: float
) -> dict[str, list[float]]:
    """The share below IDENTIFIED, where a rule distinguishes the names, and the share from IDENTIFIED on."""
    shares = [
        min(most, float((match[part].sum() + 0.5) / (part.sum() + 1)))
        for part in (scores < IDENTIFIED, scores >= IDENTIFIED)
    ]
    low, high = (round(one, 4) for one in shares)
    return {"score": [0.0, IDENTIFIED - 0.00005, IDENTIFIED, 1.0], "share": [low, low, high, high]}


def _table(
    scores: npt.NDArray[np.float64], match: npt.NDArray[np.bool_], most: float
) -> dict[str, list[float]]:
    share = IsotonicRegression(out_of_bounds="clip").fit(scores, match)
    at = np.array(KNOTS)
    edges = np.concatenate([[0.0], (at[1:] + at[:-1]) / 2, [1.0]])
    shares = [float(share.predict(np.linspace(low, high, 9)).mean()) for low, high in pairwise(edges)]
    rising = np.maximum.accumulate(np.clip(shares, LEAST, most))
    return {"score": [round(float(one), 4) for one in at], "share": [round(float(one), 4) for one in rising]}


if __name__ == "__main__":
    main()
