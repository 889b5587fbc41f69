"""The breaches that `make mutants` puts into the code: what each would break, and the tests that must notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Breach:
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


INBOUND = ("tests/domain/test_inbound.py", "tests/domain/test_merge.py")

BREACHES = (
    Breach(
        "merge: the practice wins and only half of the base moves",
        "domain/merge.py",
        "return Merged(state.practice, state.xero, state.xero, state.xero, Side.XERO)",
        "return Merged(state.practice, state.base_practice, state.xero, state.xero, Side.XERO)",
        INBOUND,
    ),
)
