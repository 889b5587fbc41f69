"""Calibrates `confidence` of domain.names.similarity: `python -m train.confidence`. Changes match.json, trains nothing.

The lists are made up from seeds that no training uses: lifelike practices, families on one email, businesses beside others
of their brand. For 0, 1, and 2 or more of email, phone and street equal, a rising table leads from the score to the share
of such pairs that are one.
"""

import json
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from domain.names.similarity import score
from domain.names.similarity.agreement import agree
from train.business_data import made_up_businesses
from train.contact_data import ContactSet, labelled_pairs, made_up_families, made_up_practice
from train.match import PARAMETERS

KNOTS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
LEAST, MOST = 0.0005, 0.9995


def unseen_sets() -> list[ContactSet]:
    return [
        *(made_up_practice(seed) for seed in (501, 502, 503, 504)),
        made_up_families(seed=501),
        made_up_businesses(seed=502),
    ]


def main() -> None:
    found: list[tuple[float, int, bool]] = []
    for contacts in unseen_sets():
        for i, j, match in labelled_pairs(contacts):
            one, other = contacts.ready[i], contacts.ready[j]
            found.append((score(one, other), min(2, agree(one, other).strong), match))
    scores = np.array([one[0] for one in found])
    strong = np.array([one[1] for one in found])
    match = np.array([one[2] for one in found])
    tables = [_table(scores[strong == n], match[strong == n]) for n in range(3)]
    written = json.loads(PARAMETERS.read_text(encoding="utf-8"))
    written["confidence"] = tables
    PARAMETERS.write_text(json.dumps(written, separators=(",", ":")) + "\n", encoding="utf-8")
    for n, table in enumerate(tables):
        print(n, "fields:", int((strong == n).sum()), "pairs", table)


def _table(scores: npt.NDArray[np.float64], match: npt.NDArray[np.bool_]) -> dict[str, list[float]]:
    share = IsotonicRegression(out_of_bounds="clip").fit(scores, match)
    at = np.array(KNOTS)
    edges = np.concatenate([[0.0], (at[1:] + at[:-1]) / 2, [1.0]])
    shares = [float(share.predict(np.linspace(low, high, 9)).mean()) for low, high in pairwise(edges)]
    rising = np.maximum.accumulate(np.clip(shares, LEAST, MOST))
    return {"score": [round(float(one), 4) for one in at], "share": [round(float(one), 4) for one in rising]}


if __name__ == "__main__":
    main()
