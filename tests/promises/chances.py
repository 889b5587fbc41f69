"""What the stateful models choose at random: a row, a time, a fault; and the number of examples."""

import os

import hypothesis
from hypothesis import strategies as st

from xero.simulator.faults import Kind

WHICH = st.integers(0, 5)


SECONDS = st.sampled_from([0.1, 3, 20, 61, 250, 660, 2000, 90_000])


# What the workers do after a person's act.
THEN = st.sampled_from(["nothing", "one job", "one job", "all", "all a minute later"])


METHOD = st.sampled_from(["GET", "PUT", "POST", "POST"])


WHEN = st.sampled_from(["before", "after"])


FAULT = st.one_of(
    st.fixed_dictionaries({"kind": st.just(Kind.DROP), "method": METHOD, "when": WHEN}),
    st.fixed_dictionaries(
        {"kind": st.just(Kind.DROP), "method": st.sampled_from(["PUT", "POST"]), "when": st.just("later"),
         "seconds": st.sampled_from([1.0, 30.0, 200.0, 500.0])}
    ),
    st.fixed_dictionaries(
        {"kind": st.just(Kind.STATUS), "method": METHOD, "status": st.sampled_from([500, 502, 504]), "when": WHEN}
    ),
    st.fixed_dictionaries(
        {"kind": st.just(Kind.STATUS), "method": METHOD, "status": st.sampled_from([429, 503]),
         "limit": st.sampled_from(["minute", "day", "concurrent", "appminute"]),
         "retry_after": st.none() | st.sampled_from([1, 40])}
    ),
)  # fmt: skip


def how_much(examples: int, steps: int) -> hypothesis.settings:
    shrinks = os.environ.get("TANDEM_SYNC_SHRINK", "on") == "on"
    return hypothesis.settings(
        max_examples=int(os.environ.get("TANDEM_SYNC_EXAMPLES", examples)),
        stateful_step_count=int(os.environ.get("TANDEM_SYNC_STEPS", steps)),
        derandomize="TANDEM_SYNC_SEED" not in os.environ,
        suppress_health_check=list(hypothesis.HealthCheck),
        deadline=None,
        database=None,
        phases=[phase for phase in hypothesis.Phase if shrinks or phase is not hypothesis.Phase.shrink],
    )
