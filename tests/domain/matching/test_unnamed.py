"""A Xero contact without a name: the contact that it becomes, and what is never done with the made-up name."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.actions import push
from domain.contacts import rebuild_keys
from domain.fields.values import SeenContact, clean
from domain.names.text_keys import VERSION
from domain.problems import Refused
from tests.domain.linked import LATER, change, claim, read_delta, state
from tests.domain.world import World, seen


def unnamed(
    email: str | None = None, first: str | None = None, last: str | None = None, name: str | None = None
) -> SeenContact:
    shown = seen("", email)
    values = dict(shown.values) | {field: clean(name) for field in shown.values if field == "NAME"}
    return replace(shown, values=values, first_name=first, last_name=last)


async def contacts(world: World) -> list[dict[str, object]]:
    return await world.rows("select * from contact order by name")


async def sent(world: World) -> dict[str, object]:
    """What would go to Xero now."""
    claimed = await claim(world)
    if claimed is None:
        return {}
    [member] = await world.rows("select sent from delivery_member where open")
    found: dict[str, object] = member["sent"]
    return found


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (unnamed("a@x.nz", "Ann", "Lee"), "Ann Lee"),
        (unnamed("a@x.nz", None, "Lee"), "Lee"),
        (unnamed("a@x.nz", " ", ""), "a@x.nz"),
        (unnamed(), "Unnamed contact"),
        (unnamed(name="\u200b \ufeff"), "Unnamed contact"),
        (unnamed(name="\u3164\u2800"), "Unnamed contact"),
    ],
)
async def test_an_unnamed_contact_gets_a_readable_name_and_is_to_be_reviewed(
    world: World, found: SeenContact, name: str
) -> None:
    await world.shown(found)
    run = await world.import_mirror()
    assert run.created == 1
    [contact] = await contacts(world)
    assert (contact["name"], contact["name_key"], contact["needs_review"]) == (name, "", True)
    assert name.split()[0].lower() in str(contact["search_key"])
    now = await state(world)
    assert (now["state"], now["due"]) == ("SYNCED", False)
    assert await sent(world) == {}


async def test_unnamed_contacts_match_neither_each_other_nor_a_contact_of_that_name(world: World) -> None:
    await world.contact("Unnamed contact", "x@x.nz")
    await world.shown(unnamed(), unnamed(), unnamed(first="Ann", last="Lee"))
    run = await world.import_mirror()
    assert (run.created, run.full_matches, run.conflicts) == (3, 0, 0)
    await read_delta(world, seen("Unnamed contact", "y@x.nz"), seen("Ann Lee", "ann@x.nz"), unnamed())
    full = await world.rows("select 1 from sync_link where origin = 'FULL_MATCH'")
    named = await world.rows(
        "select 1 from match_candidate m join contact c on c.id = m.contact_id where c.name_made_up"
    )
    assert (full, named) == ([], [])


async def test_a_made_up_name_is_sent_only_after_a_person_has_edited_it(world: World) -> None:
    await world.shown(unnamed("a@x.nz", "Ann", "Lee"))
    await world.import_mirror()
    [contact] = await contacts(world)
    assert isinstance(contact["id"], UUID)
    await change(world, contact["id"], name="Ann Lee", billingEmail="new@x.nz")  # as a form sends all fields
    assert await sent(world) == {"BILLING_EMAIL": "new@x.nz"}
    await world.rows("select 1")
    async with world.tx() as tx:
        await tx.run("update delivery_member set open = false")
        await tx.run("update delivery set ended_at = :now")
    await change(world, contact["id"], name="Ann Lee Ltd")
    assert (await sent(world))["NAME"] == "Ann Lee Ltd"
    [after] = await contacts(world)
    assert (after["name_made_up"], after["name_key"]) == (False, "ann lee ltd")


async def test_a_name_that_xero_gets_later_takes_the_made_up_ones_place(world: World) -> None:
    found = unnamed("a@x.nz", "Ann", "Lee")
    await world.shown(found)
    await world.import_mirror()
    await read_delta(world, seen("Lee Holdings", "a@x.nz", xero_id=found.xero_contact_id, updated_at=LATER))
    [contact] = await contacts(world)
    assert (contact["name"], contact["name_key"], contact["name_made_up"]) == (
        "Lee Holdings", "lee holdings", False,
    )  # fmt: skip
    assert (await state(world))["state"] == "SYNCED"


async def test_another_field_of_xeros_leaves_the_made_up_name_as_it_is(world: World) -> None:
    found = unnamed("a@x.nz", "Ann", "Lee")
    await world.shown(found)
    await world.import_mirror()
    await read_delta(world, seen("", "b@x.nz", xero_id=found.xero_contact_id, updated_at=LATER))
    [contact] = await contacts(world)
    assert (contact["name"], contact["billing_email"], contact["name_made_up"]) == ("Ann Lee", "b@x.nz", True)


async def test_a_name_that_xero_loses_stays_here(world: World) -> None:
    found = seen("Acme", "a@x.nz")
    await world.shown(found)
    await world.import_mirror()
    lost = seen("", "b@x.nz", xero_id=found.xero_contact_id, updated_at=LATER)
    await read_delta(world, lost)
    now = await state(world)
    assert (now["name"], now["billing_email"], now["state"]) == ("Acme", "b@x.nz", "SYNCED")
    await read_delta(world, replace(lost, updated_at=LATER + timedelta(hours=1)))
    [contact] = await contacts(world)
    assert (contact["name"], contact["name_key"], contact["name_made_up"]) == ("Acme", "acme", False)


async def test_keys_that_are_built_again_leave_a_made_up_name_out(world: World) -> None:
    await world.shown(unnamed("a@x.nz", "Ann", "Lee"))
    await world.import_mirror()
    before = await world.rows("select name_key, email_key, search_key, match_name, match_keys from contact")
    async with world.tx() as tx:
        await tx.run("update contact set key_version = :old", old=VERSION - 1)
        assert await rebuild_keys.renew(tx) >= 1
    assert (
        await world.rows("select name_key, email_key, search_key, match_name, match_keys from contact")
        == before
    )


async def test_a_push_says_of_an_unnamed_xero_contact_that_it_has_no_name(world: World) -> None:
    """Never 'None', as the name of a Xero contact with the email of the pushed contact."""
    found = unnamed("a@x.nz")
    await world.shown(found)
    await world.import_mirror()
    contact = await world.contact("Ann Lee", "a@x.nz")
    [xero] = await world.rows("select id from xero_contact")
    messages = []
    for link_to in (None, xero["id"]):
        async with world.tx() as tx:
            with pytest.raises(Refused) as refused:
                await push.push(tx, push.Wish(contact.id, world.organisation, link_to=link_to))
        messages += [problem.message for problem in refused.value.problems]
    assert [message.partition(" is linked")[0] for message in messages] == [
        "The Xero contact without a name has this email and",
        "The Xero contact without a name",
    ]


async def test_an_unnamed_contact_is_not_pushed_before_it_gets_a_name(world: World) -> None:
    found = unnamed("a@x.nz", "Ann", "Lee")
    await world.shown(found)
    await world.import_mirror()
    async with world.tx() as tx:
        await tx.run("update sync_link set state = 'UNSYNCED', due_at = null")
    [contact] = await contacts(world)
    assert isinstance(contact["id"], UUID)
    async with world.tx() as tx:
        with pytest.raises(Refused, match="needs a name"):
            await push.push(tx, push.Wish(contact["id"], world.organisation, create_anyway=True))


async def test_a_made_up_name_follows_the_email_of_which_it_was_made(world: World) -> None:
    found = unnamed("a@x.nz")
    await world.shown(found)
    await world.import_mirror()
    names = []
    for hours, email in enumerate(("b@x.nz", None, "c@x.nz")):
        later = LATER + timedelta(hours=hours)
        await read_delta(
            world, replace(unnamed(email), xero_contact_id=found.xero_contact_id, updated_at=later)
        )
        [contact] = await contacts(world)
        names.append(contact["name"])
        assert str(contact["name"]).split()[0].lower() in str(contact["search_key"])
    assert isinstance(contact["id"], UUID)
    await change(world, contact["id"], billingEmail="d@x.nz")
    names.append((await contacts(world))[0]["name"])
    await change(world, contact["id"], firstName="Ann")
    names.append((await contacts(world))[0]["name"])
    assert names == ["b@x.nz", "Unnamed contact", "c@x.nz", "d@x.nz", "Ann"]
    [contact] = await contacts(world)
    assert (contact["name_made_up"], contact["name_key"]) == (True, "")
    assert await sent(world) == {"BILLING_EMAIL": "d@x.nz"}
