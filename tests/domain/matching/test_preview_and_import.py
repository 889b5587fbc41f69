"""The preview of an import and the import agree about every Xero contact, over generated practices."""

import random
from dataclasses import replace
from uuid import UUID

import pytest

from domain.connection import organisation_copy
from domain.contacts import creation as contact_creation
from domain.fields import identifiers
from domain.fields.phones import PhoneParts
from domain.fields.values import PostalAddress, SeenContact, XeroNumbers
from domain.matching import issues, near_duplicates
from domain.matching import plan as matching_plan
from domain.tables import XeroContactFilter
from tests.domain.world import World, as_given, seen
from xero.simulator.practices import Practice, Record, lifelike_practice

CONTACTS = 30


def practice_of(seed: int) -> Practice:
    """A lifelike practice, with what an import must not decide by chance: two Xero contacts of one name and email, two
    practice contacts of one name, an email that several have, and strangers of whom two are alike."""
    made, chance = lifelike_practice(seed, CONTACTS), random.Random(seed)
    ours, theirs = list(made.practice), list(made.xero)
    theirs += [replace(one) for one in chance.sample(theirs, 3)]
    strangers = lifelike_practice(seed + 100, 5).xero[:5]
    theirs += [*strangers, replace(strangers[0], name=f"The {strangers[0].name}", email="")]
    ours += [replace(one, email="") for one in chance.sample(ours, 3)]
    email = next(one.email for one in theirs if one.email)
    for list_of in (ours, theirs):
        for at in chance.sample(range(len(list_of)), 3):
            list_of[at] = replace(list_of[at], email=email)
    return Practice(ours, theirs, [None] * len(theirs))


async def fill(world: World, practice: Practice) -> None:
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        for one in practice.practice:
            numbers = identifiers.of_xero(
                XeroNumbers(one.company_number or None, one.tax_number or None), "NZ", lambda: True
            )
            given = as_given(
                {
                    "name": one.name, "billingEmail": one.email or None,
                    "billingAddress": address_of(one), "identifiers": numbers,
                }
            )  # fmt: skip
            touched.add((await contact_creation.create(tx, given)).id)
    await world.shown(*map(shown, practice.xero))


def shown(one: Record) -> SeenContact:
    phone = PhoneParts("", "", one.phone) if one.phone else None
    return seen(
        one.name, one.email or None, phone=phone, address=address_of(one),
        company_number=one.company_number or None, tax_number=one.tax_number or None,
    )  # fmt: skip


def address_of(one: Record) -> PostalAddress | None:
    lines = (one.address,) if one.address else ()
    return PostalAddress(lines, city=one.city or None, postal_code=one.postcode or None) if lines else None


async def planned(world: World) -> list[tuple[UUID, str, UUID | None]]:
    """What the preview says, after a read that looks up near-duplicates and matches nothing."""
    rows = await world.rows("select id from xero_contact order by id")
    async with world.tx() as tx:
        organisation = await organisation_copy.get(tx, world.organisation)
        page = await near_duplicates.read_page(tx, organisation, [row["id"] for row in rows])
    found = near_duplicates.compare(page)
    async with world.tx() as tx:
        await near_duplicates.store(tx, found)
        told = await matching_plan.preview_rows(
            tx, world.organisation, XeroContactFilter.ALL, [], after=None, limit=1000
        )
    return [(row.xero_contact_id, row.outcome, row.contact_id) for row in told]


DECIDED = """
    select x.id, case when l.origin = 'FULL_MATCH' then 'FULL_MATCH' when i.id is not null then 'CONFLICT'
                      when l.origin = 'CREATED_FROM_XERO' then 'NO_MATCH' end as outcome,
           case when l.origin = 'FULL_MATCH' then l.contact_id end as contact_id
      from xero_contact x left join sync_link l on l.xero_contact_id = x.id
      left join match_issue i on i.xero_contact_id = x.id and i.state = 'OPEN'"""


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_import_does_with_each_contact_what_the_preview_says(world: World, seed: int) -> None:
    await fill(world, practice_of(seed))
    told = sorted(await planned(world))
    await world.import_mirror()
    rows = await world.rows(DECIDED)
    assert told == sorted((row["id"], row["outcome"], row["contact_id"]) for row in rows)
    assert {outcome for _, outcome, _ in told} == {"FULL_MATCH", "CONFLICT", "NO_MATCH"}
    assert len(told) > CONTACTS
