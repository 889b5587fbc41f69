"""Official numbers in matching: two that differ are no full match anywhere, and an equal one makes a candidate."""

import random
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from domain.actions import push as push_action
from domain.fields import identifiers
from domain.fields.identifiers import Identifier
from domain.matching import issues, reasons
from domain.matching import plan as matching_plan
from domain.names.similarity import LIKELY, SIMILAR
from domain.problems import Refused
from domain.tables import IdentifierKind as Kind
from domain.tables import MatchIssue, XeroContactFilter
from tests.domain.linked import change, read_delta
from tests.domain.world import World, seen

ONE, OTHER, WRONG = "51 824 753 556", "53 004 085 616", "51 824 753 557"


def abn(value: str) -> list[Identifier]:
    return [Identifier(Kind.ABN, value)]


async def opened(world: World) -> list[dict[str, Any]]:
    return await world.rows(
        f"select {reasons.sql('i')} as reason, i.state, c.name, m.score, m.sure, m.evidence from match_issue i"
        " left join match_candidate m on m.issue_id = i.id left join contact c on c.id = m.contact_id"
        " where i.state = 'OPEN' order by m.score desc"
    )


@pytest.mark.parametrize("by_delta", [False, True])
async def test_equal_name_and_email_with_two_valid_numbers_are_for_a_person(
    world: World, by_delta: bool
) -> None:
    contact = await world.contact("Acme Pty Ltd", "a@x.nz", identifiers=abn(ONE))
    theirs = seen("Acme Pty Ltd", "a@x.nz", tax_number=OTHER)
    if by_delta:
        await read_delta(world, theirs)
    else:
        await world.shown(theirs)
        async with world.tx() as tx:
            counts = await matching_plan.preview(tx, world.organisation, XeroContactFilter.ALL)
        assert counts == {"CONFLICT": 1}
        await world.import_mirror()
    [issue] = await opened(world)
    assert (issue["reason"], issue["name"], issue["sure"]) == ("IDENTIFIER_DIFFERS", "Acme Pty Ltd", False)
    assert issue["score"] < LIKELY
    assert f"ABN {OTHER} is not ABN {ONE}" in issue["evidence"]
    await change(world, contact.id, identifiers=abn(OTHER))
    assert await opened(world) == []
    assert await world.rows("select origin from sync_link") == [{"origin": "FULL_MATCH"}]


@pytest.mark.parametrize(("ours", "theirs"), [(ONE, WRONG), (ONE, None), (ONE, "51824753556"), (WRONG, ONE)])
async def test_only_two_valid_numbers_of_one_kind_stop_a_full_match(
    world: World, ours: str, theirs: str | None
) -> None:
    await world.contact("Acme Pty Ltd", "a@x.nz", identifiers=abn(ours))
    await world.shown(seen("Acme Pty Ltd", "a@x.nz", tax_number=theirs, company_number="9429041848234"))
    run = await world.import_mirror()
    assert (run.full_matches, run.conflicts) == (1, 0)


async def test_an_equal_number_makes_a_candidate_under_any_names(world: World) -> None:
    await world.contact("Kowhai Joinery Pty Ltd", identifiers=abn(ONE))
    await world.shown(seen("Rimu Kitchens", tax_number=ONE))
    run = await world.import_mirror()
    assert (run.conflicts, run.created) == (1, 0)
    [issue] = await opened(world)
    assert (issue["reason"], issue["evidence"][0]) == ("SIMILAR", f"same ABN {ONE}")
    assert issue["score"] >= SIMILAR
    assert not issue["sure"]


async def test_an_equal_number_is_shown_before_an_equal_name(world: World) -> None:
    await world.contact("Acme")
    renamed = await world.contact("Kowhai Trading")
    await world.shown(seen("Acme", tax_number=ONE))
    await world.import_mirror()
    assert [(one["reason"], one["name"]) for one in await opened(world)] == [("NAME_ONLY", "Acme")]
    await change(world, renamed.id, identifiers=abn(ONE))
    await world.settle()
    assert [one["name"] for one in await opened(world)] == ["Kowhai Trading", "Acme"]


async def test_a_trust_and_its_trustee_with_one_acn_are_never_sure(world: World) -> None:
    trustee = [Identifier(Kind.ACN, "004 085 616")]
    await world.contact("Lee Family Trust", "lee@x.nz", primaryPhone="09 111 2222", identifiers=trustee)
    await world.shown(seen("Lee Pty Ltd", "lee@x.nz", company_number=OTHER))
    await world.import_mirror()
    [issue] = await opened(world)
    assert issue["evidence"][0] == "same ACN 004 085 616"
    assert not issue["sure"]


async def test_a_push_names_the_numbers_that_differ(world: World) -> None:
    contact = await world.contact("Other", "o@x.nz", identifiers=abn(ONE))
    await world.shown(seen("Acme Pty Ltd", "a@x.nz", tax_number=OTHER))
    await world.import_mirror()
    await change(world, contact.id, name="Acme Pty Ltd")
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx, issues.evaluating(tx):
            await push_action.push(tx, push_action.Wish(contact.id, world.organisation))
    assert f"has this name, but ABN {OTHER} where this contact has ABN {ONE}" in str(refused.value.problems)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (Identifier(Kind.ABN, ONE), {"tax_number": "51824753556"}, f"ABN {ONE}"),
        (Identifier(Kind.ACN, "004 085 616"), {"company_number": OTHER}, "ACN 004 085 616"),
        (Identifier(Kind.ACCOUNT_NUMBER, "K-77"), {"account_number": "K-77"}, "account number K-77"),
        (Identifier(Kind.ABN, WRONG), {"tax_number": WRONG}, None),
        (Identifier(Kind.ABN, ONE), {"tax_number": OTHER}, None),
        (Identifier(Kind.ABN, ONE), {"account_number": ONE}, None),
        (Identifier(Kind.ACCOUNT_NUMBER, "K-77"), {"account_number": "K-78"}, None),
    ],
)
async def test_a_push_finds_a_xero_contact_by_a_number_alone(
    world: World, ours: Identifier, theirs: dict[str, Any], found: str | None
) -> None:
    contact = await world.contact("Kowhai Joinery", "k@x.nz", identifiers=[ours])
    await world.shown(seen("Kowhai", "k@x.nz"), seen("Rimu Kitchens", "r@x.nz", **theirs), seen("Matai"))
    wish = push_action.Wish(contact.id, world.organisation)
    with pytest.raises(push_action.Existing) as refused:
        async with world.tx() as tx:
            await push_action.push(tx, wish)
    rows = await world.rows("select id, name from xero_contact")
    named = {row["id"]: row["name"] for row in rows}
    shown = [named[one] for one in refused.value.xero_contact_ids]
    assert shown == (["Rimu Kitchens", "Kowhai"] if found else ["Kowhai"])
    first = f"'Rimu Kitchens' has the same {found}" if found else "'Kowhai' has this email"
    assert first in str(refused.value.problems)
    async with world.tx() as tx:
        await push_action.push(tx, replace(wish, create_anyway=True))


async def test_the_number_of_another_organisation_finds_nothing(world: World) -> None:
    contact = await world.contact("Kowhai Joinery", identifiers=abn(ONE))
    await world.shown(seen("Rimu Kitchens", tax_number=ONE))
    async with world.tx() as tx:
        found = await tx.ids(
            "select door.numbered_xero_contacts(:other, cast(:keys as text[]), cast('{}' as text[]))",
            other=contact.id, keys=list(contact.identifier_keys),
        )  # fmt: skip
    assert found == []


async def test_the_version_before_reads_a_reason_that_it_does_not_know_as_an_older_one(world: World) -> None:
    await world.contact("Acme Pty Ltd", "a@x.nz", identifiers=abn(ONE))
    await world.shown(seen("Acme Pty Ltd", "a@x.nz", tax_number=OTHER))
    await world.import_mirror()
    stored = "select reason, finer_reason from match_issue"
    assert await world.rows(stored) == [{"reason": "AMBIGUOUS", "finer_reason": "IDENTIFIER_DIFFERS"}]
    # A later version's reason, and a change by the version before.
    told = f"select {reasons.sql('i')} as reason from match_issue i"
    for column, value, shown in (
        ("finer_reason", "OF_A_LATER_VERSION", "AMBIGUOUS"),
        ("finer_reason", "IDENTIFIER_DIFFERS", "IDENTIFIER_DIFFERS"),
        ("reason", "NAME_ONLY", "NAME_ONLY"),
    ):
        async with world.tx() as tx:
            await tx.run(f"update match_issue set {column} = :value where workspace_id = :ws", value=value)
            [issue] = await tx.session.scalars(select(MatchIssue))
            assert reasons.of(issue) == shown
        assert await world.rows(told) == [{"reason": shown}]


async def test_sql_and_python_agree_about_numbers_that_differ(world: World) -> None:
    chance = random.Random(7)
    every = [key for value in (ONE, OTHER, "41 824 753 556") for key in Identifier(Kind.ABN, value).keys]
    every += [
        "GST/49098576",
        "GST/49091850",
        "VAT-GB/980780684",
        "VAT-DE/136695976",
        "UK_COMPANY/00245678",
        "UK_COMPANY/00245679",
    ]
    pairs = [[chance.sample(every, chance.randrange(5)) for _ in range(2)] for _ in range(300)]
    sql = identifiers.sql_differing("p.one", "p.other")
    values = ", ".join(
        f"({n}, array{one}::text[], array{other}::text[])" for n, (one, other) in enumerate(pairs)
    )
    rows = await world.rows(f"select {sql} as differ from (values {values}) p(n, one, other) order by n")
    expected = [identifiers.differing(one, other) is not None for one, other in pairs]
    assert [row["differ"] for row in rows] == expected
    assert {True, False} == set(expected)
