"""The number of hard names that are classified correctly, in each group and in all."""

import pytest

from domain.names.classification import classify
from tests.domain.names.hard_names import FLOOR, FLOOR_OF_ALL, ORGANISATIONS, PEOPLE

GROUPS = [
    (kind, group, names)
    for kind, groups in (("PERSON", PEOPLE), ("ORGANISATION", ORGANISATIONS))
    for group, names in groups.items()
]


@pytest.mark.parametrize(("kind", "group", "names"), GROUPS)
def test_most_names_of_each_hard_group_are_classified_correctly(
    kind: str, group: str, names: tuple[str, ...]
) -> None:
    wrong = [name for name in names if classify(name).kind != kind]
    assert len(wrong) <= (1 - FLOOR) * len(names), wrong


def test_nearly_all_hard_names_are_classified_correctly() -> None:
    every = [(kind, name) for kind, _, names in GROUPS for name in names]
    assert len(every) == len(set(every)) >= 300
    right = sum(classify(name).kind == kind for kind, name in every)
    assert right >= FLOOR_OF_ALL * len(every)


def test_couples_and_partners_always_need_review() -> None:
    for name in ORGANISATIONS["couples and partners"]:
        assert classify(name).confidence <= 0.7, name
