"""Sure candidates: which are, what hinders, and which issues belong together."""

from uuid import UUID

import pytest

from domain.fields.phones import PhoneParts
from domain.matching import issues
from domain.matching import sure as sure_matches
from domain.matching.sure import RIVAL, sure_of
from domain.names.similarity import Comparison
from domain.problems import Code, Refused
from domain.tables import Contact
from tests.domain.world import World, seen

PHONE = PhoneParts(number="09 555 0101")


def told(confidence: float, sure: bool) -> Comparison:
    return Comparison(confidence, (), confidence, sure)


def test_the_best_candidate_is_sure_only_if_it_is_free_and_has_no_rival() -> None:
    best, unlike = ("a", told(0.99, True), False), ("b", told(0.01, False), False)
    assert sure_of([]) is None
    assert sure_of([unlike, best]) == "a"
    assert sure_of([best, ("b", told(RIVAL, False), False)]) is None
    assert sure_of([("a", told(0.99, True), True), unlike]) is None
    assert sure_of([("a", told(0.99, False), False), unlike]) is None


async def shown_and_matched(world: World, *contacts: tuple[str, str | None, PhoneParts | None]) -> None:
    await world.shown(*(seen(name, email, phone=phone) for name, email, phone in contacts))
    await world.import_mirror()


async def sure(world: World) -> list[UUID]:
    async with world.tx() as tx:
        return [one.contact_id for one in await sure_matches.page(tx, world.organisation, 10)]


async def practice(world: World, name: str, email: str | None = None) -> Contact:
    return await world.contact(name, email, primaryPhone="09 555 0101")


async def test_an_equal_name_with_an_equal_phone_is_sure_and_a_name_alone_is_not(world: World) -> None:
    found = await practice(world, "Kauri Joinery Ltd")
    await world.contact("Rimu Roofing Ltd")
    await shown_and_matched(
        world, ("Kauri Joinery Ltd", "k@kauri.example", PHONE), ("Rimu Roofing Ltd", "r@rimu.example", None)
    )
    assert await sure(world) == [found.id]
    async with world.tx() as tx:
        preview = await sure_matches.preview(tx, world.organisation)
    assert (preview.count, preview.overwritten, len(preview.sample)) == (1, 0, 1)


async def test_two_issues_that_claim_one_contact_are_related_and_none_is_sure(world: World) -> None:
    await practice(world, "Kauri Joinery Ltd")
    await shown_and_matched(
        world,
        ("Kauri Joinery Ltd", "k@kauri.example", PHONE),
        ("Kauri Joinery Ltd", "l@kauri.example", PHONE),
    )
    assert await sure(world) == []
    one, other = [row["id"] for row in await world.rows("select id from match_issue order by id")]
    async with world.tx() as tx:
        assert await sure_matches.related_issues(tx, [one, other]) == {one: [other], other: [one]}


async def test_a_reopened_issue_is_not_sure(world: World) -> None:
    await practice(world, "Kauri Joinery Ltd")
    await shown_and_matched(world, ("Kauri Joinery Ltd", "k@kauri.example", PHONE))
    [row] = await world.rows("select id from match_issue")
    async with world.tx() as tx:
        await issues.ignore(tx, row["id"])
    async with world.tx() as tx:
        await issues.reopen(tx, row["id"])
    assert await sure(world) == []


async def test_a_count_that_differs_from_the_preview_confirms_nothing(world: World) -> None:
    await practice(world, "Kauri Joinery Ltd")
    await shown_and_matched(world, ("Kauri Joinery Ltd", "k@kauri.example", PHONE))
    async with world.tx() as tx:
        with pytest.raises(Refused) as refused:
            await sure_matches.claim(tx, world.organisation, 2, 500)
        assert [one.code for one in refused.value.problems] == [Code.STALE_VERSION]
        assert len(await sure_matches.claim(tx, world.organisation, 1, 500)) == 1
