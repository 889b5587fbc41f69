"""Links whose Xero contact is merged, archived, restored, or has a GDPR request."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.contacts import edits as contact_edits
from domain.fields.phones import PhoneParts
from domain.fields.values import SeenContact
from domain.matching import issues
from domain.problems import Code, Refused
from domain.tables import XeroContactStatus
from tests.database import rows_of
from tests.domain.linked import LATER, change, claim, linked, read_delta
from tests.domain.world import World, seen

PHONE = PhoneParts("64", "9", "1112222")
ARCHIVED, FORGOTTEN = XeroContactStatus.ARCHIVED, XeroContactStatus.GDPR_REQUEST


def merged(xero: UUID, into: UUID, *, after: int = 0) -> SeenContact:
    found = seen(
        "Acme",
        "a@x.nz",
        phone=PHONE,
        status=ARCHIVED,
        xero_id=xero,
        updated_at=LATER + timedelta(minutes=after),
    )
    return SeenContact(**{**vars(found), "merged_to": into})


async def links(world: World) -> list[dict[str, object]]:
    return await world.rows(
        "select c.name, x.xero_contact_id as xero, l.state, l.failure->>'code' as code, l.due_at is not null as due"
        " from sync_link l join contact c on c.id = l.contact_id left join xero_contact x on x.id = l.xero_contact_id"
        " order by c.name, l.state"
    )


async def set_apart(world: World, contact: UUID, xero: UUID) -> None:
    async with world.tx() as tx:
        await tx.run(
            "insert into set_apart (workspace_id, organisation_id, xero_contact_id, contact_id, at)"
            " values (:ws, :organisation, :xero, :contact, :now)",
            organisation=world.organisation, xero=xero, contact=contact,
        )  # fmt: skip


async def unsynced(world: World, contact: UUID) -> None:
    async with world.tx() as tx:
        await tx.run("update sync_link set state = 'UNSYNCED' where contact_id = :contact", contact=contact)


@pytest.mark.parametrize("together", [True, False])
async def test_a_merge_moves_the_link_to_the_survivor_and_merges_with_the_old_base_values(
    world: World, together: bool
) -> None:
    contact, xero = await linked(world)
    await change(world, contact, primaryPhone="09 999 0000")
    into = seen("Acme Holdings", "a@x.nz", phone=PHONE, updated_at=LATER)
    history = [into, merged(xero, into.xero_contact_id)]
    for found in [history] if together else [[history[1]], [history[0]]]:
        await read_delta(world, *found)
    assert await links(world) == [
        {"name": "Acme Holdings", "xero": into.xero_contact_id, "state": "PENDING", "code": None, "due": True}
    ]
    [row] = await world.rows("select primary_phone from contact")
    assert row["primary_phone"] == "09 999 0000"
    assert await world.rows("select 1 from match_issue") == []


async def test_an_import_moves_the_link_before_it_matches_the_survivor(world: World) -> None:
    _, xero = await linked(world)
    into = seen("Acme Holdings", "a@x.nz", phone=PHONE, updated_at=LATER)
    await world.shown(into, merged(xero, into.xero_contact_id))
    run = await world.import_mirror()
    assert [(link["xero"], link["state"]) for link in await links(world)] == [
        (into.xero_contact_id, "SYNCED")
    ]
    assert (run.created, run.conflicts) == (0, 0)


async def test_a_chain_of_merges_is_followed_to_its_end_and_a_circle_stops(world: World) -> None:
    _, xero = await linked(world)
    second, third = uuid4(), seen("Acme Three", "a@x.nz", updated_at=LATER)
    await read_delta(world, third, merged(second, third.xero_contact_id), merged(xero, second))
    [link] = await links(world)
    assert (link["xero"], link["state"]) == (third.xero_contact_id, "SYNCED")
    await read_delta(
        world, merged(third.xero_contact_id, second, after=1), merged(second, third.xero_contact_id, after=1)
    )
    [link] = await links(world)
    assert (link["state"], link["code"]) == ("BROKEN", "MERGED_IN_XERO")


async def test_a_link_does_not_move_to_a_survivor_that_is_kept_apart_from_its_contact(world: World) -> None:
    contact, xero = await linked(world)
    into = seen("Other", "o@x.nz")
    await set_apart(world, contact, into.xero_contact_id)
    await read_delta(world, into)
    await unsynced(world, (await world.rows("select id from contact where name = 'Other'"))[0]["id"])
    await read_delta(world, merged(xero, into.xero_contact_id))
    broken, other = await links(world)
    assert (broken["state"], broken["code"]) == ("BROKEN", "MERGED_IN_XERO")
    assert other["state"] == "UNSYNCED"
    assert await world.rows("select 1 from match_issue where state = 'OPEN'") == []


@pytest.mark.parametrize("memory", ["UNSYNCED", "IGNORED", "MARK"])
async def test_a_link_does_not_move_to_a_survivor_that_must_not_be_matched(world: World, memory: str) -> None:
    _, xero = await linked(world)
    await world.contact("Beta", "b@x.nz")
    into = seen("Beta", "b@x.nz" if memory == "UNSYNCED" else "beta@x.nz")
    await read_delta(world, into)
    async with world.tx() as tx:
        if memory == "UNSYNCED":
            await tx.run(
                "update sync_link set state = 'UNSYNCED' where origin = 'FULL_MATCH' and xero_contact_id <> (select id from xero_contact where name = 'Acme')"
            )
        else:
            [issue] = await rows_of(tx, "select id from match_issue")
            await issues.ignore(tx, issue["id"])
        if memory == "MARK":
            await tx.run("update match_issue set resolution = 'OBSOLETE'")
            await tx.run(
                "insert into reimport_mark values (:ws, :organisation, :xero, :now)",
                organisation=world.organisation,
                xero=into.xero_contact_id,
            )
    await read_delta(world, merged(xero, into.xero_contact_id))
    assert [(link["state"], link["code"]) for link in await links(world) if link["name"] == "Acme"] == [
        ("BROKEN", "MERGED_IN_XERO")
    ]


async def two_linked(world: World) -> tuple[UUID, UUID, UUID, UUID]:
    """Acme, and Beta, into which Acme's Xero contact is merged."""
    acme, xero = await linked(world)
    beta = (await world.contact("Beta", "b@x.nz")).id
    into = seen("Beta", "b@x.nz")
    await read_delta(world, into)
    await read_delta(world, merged(xero, into.xero_contact_id))
    return acme, xero, beta, into.xero_contact_id


async def test_a_merge_into_a_linked_survivor_opens_a_match_issue(world: World) -> None:
    acme, _, beta, _ = await two_linked(world)
    assert [(link["name"], link["state"]) for link in await links(world)] == [
        ("Acme", "BROKEN"),
        ("Beta", "SYNCED"),
    ]
    [issue] = await world.rows("select * from match_issue")
    assert (issue["reason"], issue["state"], issue["merged"]) == ("AMBIGUOUS", "OPEN", True)
    assert {row["contact_id"] for row in await world.rows("select contact_id from match_candidate")} == {
        acme,
        beta,
    }
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        touched |= {acme, beta}
    await read_delta(world, seen("Beta", "b@x.nz", updated_at=LATER + timedelta(hours=1)))
    [issue] = await world.rows("select state from match_issue where merged")
    assert issue["state"] == "OPEN"


async def test_confirming_the_linked_candidate_closes_a_merge_issue_and_another_is_refused(
    world: World,
) -> None:
    acme, _, beta, _ = await two_linked(world)
    [issue] = await world.rows("select id from match_issue")
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx:
            await issues.confirm(tx, issue["id"], acme)
    assert refused.value.problems[0].code is Code.ALREADY_LINKED
    async with world.tx() as tx:
        outcome = await issues.confirm(tx, issue["id"], beta)
    [link] = await world.rows("select id from sync_link where contact_id = :beta", beta=beta)
    assert outcome.link_id == link["id"]
    [ended] = await world.rows("select state, resolution from match_issue")
    assert (ended["state"], ended["resolution"]) == ("RESOLVED", "CONFIRMED")


async def test_the_other_candidate_of_a_merge_can_be_confirmed_after_an_unsync(world: World) -> None:
    acme, _, beta, _ = await two_linked(world)
    await unsynced(world, beta)
    [issue] = await world.rows("select id from match_issue")
    async with world.tx() as tx:
        await issues.confirm(tx, issue["id"], acme)
    # Xero has no phone: the practice's own goes there.
    assert ("Beta", "PENDING") in [(link["name"], link["state"]) for link in await links(world)]


async def test_a_merge_issue_ends_when_fewer_than_two_of_its_contacts_remain(world: World) -> None:
    acme, *_ = await two_linked(world)
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, acme, contact_edits.Given(), archived=True)
        touched.add(acme)
    [issue] = await world.rows("select state, resolution from match_issue")
    assert (issue["state"], issue["resolution"]) == ("RESOLVED", "OBSOLETE")


@pytest.mark.parametrize("archived", [{"Acme"}, {"Beta"}, {"Acme", "Beta"}])
async def test_a_merge_opens_no_issue_when_fewer_than_two_contacts_are_in_use(
    world: World, archived: set[str]
) -> None:
    acme, xero = await linked(world)
    beta = (await world.contact("Beta", "b@x.nz")).id
    into = seen("Beta", "b@x.nz")
    await read_delta(world, into)
    for name, contact in (("Acme", acme), ("Beta", beta)):
        if name in archived:
            async with world.tx() as tx, issues.evaluating(tx):
                await contact_edits.change(tx, contact, contact_edits.Given(), archived=True)
    await read_delta(world, merged(xero, into.xero_contact_id))
    assert [(link["name"], link["state"], link["code"]) for link in await links(world)] == [
        ("Acme", "BROKEN", "MERGED_IN_XERO"),
        ("Beta", "SYNCED", None),
    ]
    assert await world.rows("select 1 from match_issue where state = 'OPEN'") == []


async def test_two_merged_contacts_make_one_issue_which_a_second_merge_moves(world: World) -> None:
    acme, _, beta, into = await two_linked(world)
    gamma = (await world.contact("Gamma", "g@x.nz")).id
    third, last = seen("Gamma", "g@x.nz"), seen("Last", "l@x.nz", updated_at=LATER)
    await read_delta(world, third)
    await read_delta(world, merged(third.xero_contact_id, into))
    [issue] = await world.rows("select id from match_issue where state = 'OPEN'")
    rows = await world.rows("select contact_id from match_candidate where issue_id = :id", id=issue["id"])
    assert {row["contact_id"] for row in rows} == {acme, beta, gamma}
    await read_delta(world, last, merged(into, last.xero_contact_id, after=1))
    [issue] = await world.rows(
        "select i.id, x.name from match_issue i join xero_contact x on x.id = i.xero_contact_id where i.state = 'OPEN'"
    )
    assert issue["name"] == "Last"
    rows = await world.rows("select contact_id from match_candidate where issue_id = :id", id=issue["id"])
    assert {row["contact_id"] for row in rows} == {acme, beta, gamma}
    assert {(link["name"], link["state"]) for link in await links(world)} == {
        ("Acme", "BROKEN"), ("Gamma", "BROKEN"), ("Last", "SYNCED"),
    }  # fmt: skip


async def test_a_merge_moves_decisions_and_unsynced_links_to_the_survivor_once(world: World) -> None:
    contact, xero = await linked(world)
    other = (await world.contact("Other", "o@x.nz")).id
    await unsynced(world, contact)
    await set_apart(world, other, xero)
    into = seen("Survivor", "s@x.nz", updated_at=LATER)
    await read_delta(world, merged(xero, into.xero_contact_id), into)
    apart = await world.rows("select xero_contact_id, contact_id from set_apart")
    assert apart == [{"xero_contact_id": into.xero_contact_id, "contact_id": other}]
    assert [(link["xero"], link["state"]) for link in await links(world) if link["name"] == "Acme"] == [
        (into.xero_contact_id, "UNSYNCED")
    ]
    # The unsynced link keeps the survivor from the machine: no contact was made of it.
    assert await world.rows("select 1 from contact where name = 'Survivor'") == []


async def test_many_merges_take_as_many_statements_as_few(world: World) -> None:
    async def statements(losers: int) -> int:
        into = seen(f"Survivor of {losers}", None, updated_at=LATER)
        gone = [merged(uuid4(), into.xero_contact_id) for _ in range(losers)]
        before = world.database.statements
        await read_delta(world, into, *gone)
        return world.database.statements - before

    await statements(1)
    assert await statements(2) == await statements(9)


async def test_a_restored_contact_gets_its_link_back_through_a_merge(world: World) -> None:
    contact, xero = await linked(world)
    await read_delta(
        world, seen("Acme", "a@x.nz", phone=PHONE, xero_id=xero, status=ARCHIVED, updated_at=LATER)
    )
    await change(world, contact, primaryPhone="09 999 0000")
    back = seen("Acme Again", "a@x.nz", phone=PHONE, xero_id=xero, updated_at=LATER + timedelta(hours=1))
    await read_delta(world, back)
    assert await links(world) == [
        {"name": "Acme Again", "xero": xero, "state": "PENDING", "code": None, "due": True}
    ]


async def test_a_restored_xero_contact_is_unsynced_if_its_contact_has_another_link(
    world: World,
) -> None:
    contact, xero = await linked(world)
    await read_delta(
        world, seen("Acme", "a@x.nz", phone=PHONE, xero_id=xero, status=ARCHIVED, updated_at=LATER)
    )
    await read_delta(world, seen("Acme", "a@x.nz", phone=PHONE, updated_at=LATER))
    await read_delta(
        world, seen("Acme", "a@x.nz", phone=PHONE, xero_id=xero, updated_at=LATER + timedelta(hours=1))
    )
    assert {(link["xero"] == xero, link["state"]) for link in await links(world)} == {
        (False, "SYNCED"),
        (True, "UNSYNCED"),
    }
    assert len(await world.rows("select 1 from contact")) == 1
    assert contact


async def test_a_broken_link_leaves_its_open_delivery(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    assert (await claim(world)) is not None
    await read_delta(
        world, seen("Acme", "a@x.nz", phone=PHONE, xero_id=xero, status=ARCHIVED, updated_at=LATER)
    )
    assert await world.rows("select open from delivery_member") == [{"open": False}]


async def test_a_gdpr_request_removes_all_values_that_came_from_xero(world: World) -> None:
    contact, xero = await linked(world)
    secret = seen(
        "Jane Roe",
        "jane@secret.example",
        phone=PhoneParts("64", "21", "7654321"),
        xero_id=xero,
        updated_at=LATER,
    )
    await read_delta(world, secret)
    await change(world, contact, name="Our Name", billingEmail="ours@x.nz", primaryPhone="09 999 0000")
    gone = seen(
        "Jane Roe",
        "jane@secret.example",
        xero_id=xero,
        status=FORGOTTEN,
        updated_at=LATER + timedelta(hours=1),
    )
    await read_delta(world, gone)
    await read_delta(world, gone)
    [link] = await links(world)
    assert (link["state"], link["code"], link["due"]) == ("BROKEN", "FORGOTTEN_IN_XERO", False)
    [row] = await world.rows("select name, billing_email, primary_phone from contact")
    assert row == {"name": "Our Name", "billing_email": "ours@x.nz", "primary_phone": "09 999 0000"}
    for table in ("xero_contact", "sync_link", "activity", "delivery_member", "match_issue", "event"):
        text = json.dumps(await world.rows(f"select * from {table}"), default=str)
        for value in ("Jane Roe", "jane@secret.example", "7654321", "jane roe"):
            assert value not in text, (table, value)


async def test_a_gdpr_request_ends_the_match_issue_of_the_contact(world: World) -> None:
    await world.contact("Acme", "old@x.nz")
    found = seen("Acme", "new@x.nz")
    await read_delta(world, found)
    await read_delta(
        world, seen("Acme", "new@x.nz", xero_id=found.xero_contact_id, status=FORGOTTEN, updated_at=LATER)
    )
    [issue] = await world.rows("select state, resolution from match_issue")
    assert (issue["state"], issue["resolution"]) == ("RESOLVED", "OBSOLETE")
    assert "Acme" not in json.dumps(
        await world.rows("select message from activity where issue_id is not null")
    )
