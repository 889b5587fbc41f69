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

SNAPSHOTS = ("tests/domain/test_snapshots.py",)
HISTORIES = ("tests/domain/test_histories.py",)

OVER_TIME = (
    Breach(
        "merge: a stale page is applied",
        "domain/mirror.py",
        "when x.id is null or n.updated_at > x.updated_at then 'NEW'",
        "when true then 'NEW'",
        SNAPSHOTS,
    ),
    Breach(
        "merge: equal stamps are applied as newer",
        "domain/mirror.py",
        "when n.seen_at >= x.doubted_at + cast(:again as interval) then 'NEW'",
        "when true then 'NEW'",
        SNAPSHOTS,
    ),
    Breach(
        "merge: equal stamps are dropped",
        "domain/mirror.py",
        "when n.updated_at < x.updated_at then 'OLDER'",
        "when n.updated_at <= x.updated_at then 'OLDER'",
        SNAPSHOTS,
    ),
    Breach(
        "merge: values shown during a write are forgotten",
        "domain/inbound.py",
        "self._note(name, xero[name])",
        "self.owes_read = True",
        HISTORIES,
    ),
    Breach(
        "merge: no re-read after a cut read",
        "domain/mirror.py",
        "set read_due_at = least(x.read_due_at, :now)",
        "set read_due_at = x.read_due_at",
        HISTORIES,
    ),
    Breach(
        "memory: merges ignore memory",
        "domain/endings.py",
        'return bool(row and row["kept"])',
        "return False",
        ("tests/domain/test_endings.py",),
    ),
    Breach(
        "matching: issues are judged once",
        "domain/inbound.py",
        "await issues.judge_keys(tx, organisation, list(keys), but=touched)",
        "pass",
        ("tests/domain/test_issues_over_time.py",),
    ),
    Breach(
        "matching: a reopened one is matched by the machine",
        "domain/matching.py",
        "or i.reopened and (i.state = 'OPEN' or i.resolution = 'OBSOLETE')",
        "or false",
        ("tests/domain/test_issues_over_time.py", "tests/domain/test_issues.py"),
    ),
    Breach(
        "brake: it never holds",
        "domain/brake.py",
        "return changed >= LEAST and changed > SHARE * of",
        "return False",
        ("tests/domain/test_brake.py",),
    ),
)

BREACHES = (
    Breach(
        "merge: the practice wins and only half of the base moves",
        "domain/merge.py",
        "return Merged(state.practice, state.xero, state.xero, state.xero, Side.XERO)",
        "return Merged(state.practice, state.base_practice, state.xero, state.xero, Side.XERO)",
        INBOUND,
    ),
    *OVER_TIME,
)
