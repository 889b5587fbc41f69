"""Values of Tandem's own scalars and ids, for schemathesis: good ones and bad ones. Loaded by SCHEMATHESIS_HOOKS."""

import os

import schemathesis
from graphql import StringValueNode
from hypothesis import strategies as st


def texts(good: st.SearchStrategy[str], bad: list[str]) -> st.SearchStrategy[StringValueNode]:
    """Mostly good values: what is refused early reaches no rule."""
    return st.one_of(good, good, good, st.sampled_from(bad)).map(lambda text: StringValueNode(value=text))


decimals = st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False).map(str)
schemathesis.graphql.scalar(
    "Decimal", texts(decimals, ["", "NaN", "Infinity", "1e400", "-0", "1,5", "0.00000000001", "9" * 400])
)
schemathesis.graphql.scalar(
    "Date", texts(st.dates().map(str), ["", "2026-02-30", "0000-01-01", "2026-1-1", "10000-01-01", "today"])
)
schemathesis.graphql.scalar(
    "DateTime",
    texts(
        st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
        ["", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T25:00:00Z", "0001-01-01T00:00:00+14:00"],
    ),
)
# Ids of the workspace's own rows, so that the rules behind an id are reached too.
schemathesis.graphql.scalar(
    "ID", texts(st.sampled_from(os.environ["TANDEM_IDS"].split()), ["", "x", "=" * 300])
)
