"""Trains LightGBM's trees in one thread, and writes them in the form that domain.names.trees reads."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

PARAMETERS = {
    "objective": "binary",
    "num_leaves": 15,
    "min_child_samples": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "verbose": -1,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
}


def boost(
    table: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.bool_],
    weight: npt.NDArray[np.float64] | None,
    features: Sequence[str],
    rounds: int = 150,
    **changes: object,
) -> lightgbm.Booster:
    data = lightgbm.Dataset(table, wanted.astype(float), weight=weight, feature_name=list(features))
    return lightgbm.train({"learning_rate": 0.08, **PARAMETERS, **changes}, data, rounds)


def write_trees(model: lightgbm.Booster) -> list[object]:
    return [_write(tree["tree_structure"]) for tree in model.dump_model()["tree_info"]]


def _write(node: dict[str, Any]) -> object:
    if "leaf_value" in node:
        return round(node["leaf_value"], 4)
    assert node["decision_type"] == "<="
    below, above = _write(node["left_child"]), _write(node["right_child"])
    return [node["split_feature"], _shortened(node["threshold"]), below, above]


def _shortened(threshold: float) -> float:
    """Six digits, rounded up, so that each value which training sent below still goes there."""
    if abs(threshold) < 1e-30:  # how LightGBM writes zero
        return float(f"{threshold:.0e}")
    return float(Context(prec=6, rounding=ROUND_CEILING).create_decimal_from_float(threshold))
