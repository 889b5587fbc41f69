"""The matching rule, compared with a simple copy of it, and the result of an import."""

import random
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.fields.phones import PhoneParts
from domain.inbound import imports
from domain.names.text_keys import email_key, name_key
from domain.tables import (
    ConflictPolicy,
    ImportPhase,
    ImportRun,
    MatchPass,
    RunPurpose,
    XeroContactFilter,
    XeroContactStatus,
)
from runtime.database import Database
from tests.database import executions
from tests.domain.linked import read_delta
from tests.domain.world import BEGAN, World, make_world, seen

Row = tuple[str, str | None]
NAMES = ["Acme Ltd", "ACME  LTD", "Beta", "Gamma", "Delta Pty", "Māori Co"]
EMAILS = ["a@x.nz", "A@x.nz", "b@x.nz", None, ""]


def outcomes(practice: list[Row], xero: list[Row]) -> Counter[str]:
    """A simple copy of the rule: the outcome for each Xero contact."""

    def keys(row: Row) -> tuple[str | None, str | None]:
        return name_key(row[0]), email_key(row[1])

    ours, theirs = [keys(row) for row in practice], [keys(row) for row in xero]
    found: Counter[str] = Counter()
    for name, email in theirs:
        both = [one for one in ours if one == (name, email) and email]
        some = [one for one in ours if one[0] == name or (email and one[1] == email)]
        alone = theirs.count((name, email)) == 1
        found["full" if len(both) == 1 and alone else "conflict" if some else "created"] += 1
    return found


@pytest.mark.parametrize("seed", range(12))
async def test_an_import_follows_the_matching_rule(matching_database: Database, seed: int) -> None:
    rng = random.Random(seed)
    world = await make_world(matching_database)
    practice = [(rng.choice(NAMES), rng.choice(EMAILS)) for _ in range(rng.randint(0, 12))]
    xero = [(rng.choice(NAMES), rng.choice(EMAILS)) for _ in range(rng.randint(1, 12))]
    for name, email in practice:
        await world.contact(name, email)
    await world.shown(*(seen(name, email) for name, email in xero))
    run = await world.import_mirror()
    got = Counter(full=run.full_matches, conflict=run.conflicts, created=run.created)
    assert +got == +outcomes(practice, xero)


async def test_contacts_with_other_blanks_are_created_by_as_many_statements(world: World) -> None:
    """Full matches and creations alike: a row with other blank fields needs no statement of its own, and no statement is sent
    once for each row, which would run the triggers of the statement for each row."""

    async def statements(word: str, rows: int) -> int:
        for n in range(rows):
            phone = PhoneParts("64", "9", f"111000{n}") if n % 3 else None
            await world.contact(f"{word} known {n}", f"known{word}{n}@x.nz")
            await world.shown(
                seen(f"{word} {n}", f"{word}{n}@x.nz" if n % 2 else None, phone=phone),
                seen(f"{word} known {n}", f"known{word}{n}@x.nz", phone=phone),
            )
        with executions(world.database) as sent:
            run = await world.import_mirror()
        assert (run.full_matches, run.created) == (rows, rows)
        return sum(sent)

    await statements("first", 1)
    assert await statements("few", 2) == await statements("many", 9)


@pytest.mark.parametrize(("ours", "theirs"), [(2, 1), (1, 2)])
async def test_a_full_match_is_the_only_one_on_both_sides(world: World, ours: int, theirs: int) -> None:
    for _ in range(ours):
        await world.contact("Acme", "a@x.nz")
    await world.shown(*(seen("ACME", "A@x.nz") for _ in range(theirs)))
    run = await world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (0, theirs, 0)
    assert {row["reason"] for row in await world.rows("select reason from match_issue")} == {"AMBIGUOUS"}


async def test_a_repeated_import_changes_nothing(world: World) -> None:
    await world.contact("Acme", "a@x.nz")
    await world.contact("Beta", "shared@x.nz")
    await world.shown(
        seen("ACME", "A@x.nz"), seen("Gamma", "shared@x.nz"), seen("Delta"), seen("Other", "a@x.nz")
    )
    first = await world.import_mirror()
    assert (first.full_matches, first.conflicts, first.created) == (1, 2, 1)
    state = "select (select count(*) from sync_link), (select count(*) from contact), sum(version) from match_issue"
    before = await world.rows(state)
    again = await world.import_mirror()
    assert (again.full_matches, again.conflicts, again.created) == (0, 0, 0)
    assert await world.rows(state) == before


async def test_xero_contacts_that_share_an_email_open_no_issues_with_each_other(world: World) -> None:
    await world.shown(*(seen(f"Client {n}", "books@x.nz") for n in range(5)))
    run = await world.import_mirror()
    assert (run.created, run.conflicts) == (5, 0)


@pytest.mark.parametrize("first", [True, False])
async def test_xero_contacts_that_share_an_email_open_no_issues_over_many_pages(
    world: World, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    """The second page is matched when contacts have been made of the first."""
    monkeypatch.setattr(imports, "PAGE", 2)
    found = [seen(f"Client {n}", "books@x.nz") for n in range(5)]
    if first:
        await world.shown(*found)
        await world.import_mirror()
    else:
        await read_delta(world, *found)
    assert len(await world.rows("select 1 from contact")) == 5
    assert await world.rows("select 1 from match_issue") == []


@pytest.mark.parametrize(
    ("contact_filter", "created"),
    [
        (XeroContactFilter.CUSTOMERS_ONLY, 2),
        (XeroContactFilter.SUPPLIERS_AND_CUSTOMERS, 3),
        (XeroContactFilter.ALL, 4),
    ],
)
async def test_the_contact_filter_selects_contacts_and_a_wider_filter_adds_more(
    matching_database: Database, contact_filter: XeroContactFilter, created: int
) -> None:
    world = await make_world(matching_database, contact_filter=contact_filter)
    flags = [(True, False), (True, True), (False, True), (False, False)]
    await world.shown(*(seen(f"C{n}", customer=c, supplier=s) for n, (c, s) in enumerate(flags)))
    await world.shown(seen("Gone", status=XeroContactStatus.ARCHIVED))
    run = await world.import_mirror()
    assert (run.created, run.skipped) == (created, 5 - created)
    async with world.tx() as tx:
        await tx.run("update organisation set contact_filter = 'ALL' where workspace_id = :ws")
    assert (await world.import_mirror()).created == 4 - created


async def test_a_full_match_fills_blanks_on_both_sides(world: World) -> None:
    made = await world.contact("Acme", "a@x.nz", billingAddress={"lines": ["PO Box 1"], "city": "Napier"})
    await world.shown(seen("Acme", "a@x.nz", phone=PhoneParts("64", "9", "1234567")))
    await world.import_mirror()
    [contact] = await world.rows("select primary_phone, version from contact")
    assert (contact["primary_phone"], contact["version"]) == ("+64 9 1234567", made.version + 1)
    [link] = await world.rows("select state, due_at, base_practice, base_xero from sync_link")
    assert link["state"] == "PENDING"  # the address is still to go to Xero
    assert link["base_practice"]["BILLING_ADDRESS"] is None
    assert link["base_practice"]["PRIMARY_PHONE"] == link["base_xero"]["PRIMARY_PHONE"] == "+64 9 1234567"


@pytest.mark.parametrize(
    ("policy", "phone", "state"),
    [
        (ConflictPolicy.LATEST_WINS, "+64 9 222", "SYNCED"),
        (ConflictPolicy.XERO_WINS, "+64 9 222", "SYNCED"),
        (ConflictPolicy.PRACTICE_WINS, "09 111", "PENDING"),
        (ConflictPolicy.ASK, "09 111", "CONFLICT"),
    ],
)
async def test_the_policy_decides_whose_values_win_in_a_full_match(
    matching_database: Database, policy: ConflictPolicy, phone: str, state: str
) -> None:
    world = await make_world(matching_database, policy=policy)
    await world.contact("Acme", "a@x.nz", primaryPhone="09 111")
    await world.shown(seen("ACME", "a@x.nz", phone=PhoneParts("64", "9", "222")))
    await world.import_mirror()
    [found] = await world.rows(
        "select c.primary_phone, l.state from contact c join sync_link l on l.contact_id = c.id"
    )
    assert (found["primary_phone"], found["state"]) == (phone, state)


async def test_a_value_overwritten_by_a_full_match_can_be_restored_from_the_history(world: World) -> None:
    await world.contact("Acme", "a@x.nz", primaryPhone="09 111")
    await world.shown(seen("Acme", "a@x.nz", phone=PhoneParts("64", "9", "222")))
    await world.import_mirror()
    [linked] = await world.rows("select changes from activity where kind = 'LINKED'")
    assert linked["changes"] == [
        {
            "field": "PRIMARY_PHONE",
            "before": "09 111",
            "after": "+64 9 222",
            "writtenTo": "PRACTICE",
            "storedBefore": "09 111",
            "restorable": True,
        }
    ]


async def test_an_older_snapshot_is_ignored_and_an_absent_value_changes_nothing(world: World) -> None:
    contact = seen("New name", "a@x.nz")
    await world.shown(contact)
    assert (
        await world.shown(
            seen("Old", xero_id=contact.xero_contact_id, updated_at=BEGAN - timedelta(seconds=1))
        )
        == []
    )
    [row] = await world.rows("select name, email from xero_contact")
    assert row == {"name": "New name", "email": "a@x.nz"}


async def test_the_number_of_statements_depends_on_pages_and_not_on_contacts(
    matching_database: Database,
) -> None:
    async def cost(count: int) -> int:
        world = await make_world(matching_database)
        for n in range(10):
            await world.contact(f"C{n}", f"c{n}@x.nz")
        await world.shown(*(seen(f"C{n}", f"c{n}@x.nz") for n in range(count)))
        before = matching_database.statements
        run = await world.import_mirror()
        assert run.full_matches == 10
        return matching_database.statements - before

    assert await cost(20) == await cost(240)  # one page of each pass


async def passes(world: World, run_id: UUID) -> list[tuple[MatchPass, set[str]]]:
    """Each pass of the run, and the names of the dirty mirror rows when it begins."""
    await world.read(run_id, [])
    begun: dict[MatchPass, set[str]] = {}
    while True:
        [row] = await world.rows("select match_pass from import_run where id = :id", id=run_id)
        if (current := MatchPass(row["match_pass"])) not in begun:
            dirty = await world.rows("select name from xero_contact where dirty")
            begun[current] = {one["name"] for one in dirty}
        if not await world.match(run_id):
            return list(begun.items())


async def test_the_last_pass_of_an_import_leaves_out_what_the_import_has_linked(world: World) -> None:
    await world.contact("Acme", "a@x.nz")
    await world.contact("Beta", "b@x.nz")
    await world.shown(seen("ACME", "a@x.nz"), seen("Beta", "other@x.nz"), seen("New", "n@x.nz"))
    assert (await passes(world, await world.start_import()))[-1] == (MatchPass.CHANGES, {"Beta"})


async def test_a_contact_that_shares_the_email_of_an_older_issue_is_applied_in_the_last_pass(
    world: World,
) -> None:
    """The issue is evaluated again with it."""
    await world.contact("Acme", "a@x.nz")
    await world.shown(seen("Other", "a@x.nz"))
    await world.import_mirror()
    await world.contact("Gamma", "a@x.nz")
    await world.settle()
    await world.shown(seen("Gamma", "a@x.nz"))
    last, dirty = (await passes(world, await world.start_import()))[-1]
    assert last is MatchPass.CHANGES
    assert "Gamma" in dirty


@pytest.mark.parametrize("is_empty", [True, False])
async def test_near_duplicates_are_looked_up_only_if_the_practice_has_contacts(
    world: World, is_empty: bool
) -> None:
    if not is_empty:
        await world.contact("Acme", "a@x.nz")
    await world.shown(seen("New", "n@x.nz"))
    run_id = await world.start_import()
    found = {name for name, _ in await passes(world, run_id)}
    assert (MatchPass.SIMILAR in found) is not is_empty
    async with world.tx() as tx:
        assert (await tx.session.get_one(ImportRun, (world.workspace, run_id))).created == 1


async def test_a_scan_looks_up_no_near_duplicates_of_linked_contacts(world: World) -> None:
    await world.contact("Acme", "a@x.nz")
    await world.contact("Beta", "b@x.nz")
    await world.shown(seen("Acme", "a@x.nz"), seen("Beta", "other@x.nz"))
    await world.import_mirror()
    await world.contact("Unlike", "u@elsewhere.nz")  # so that every look-up is too old
    async with world.tx() as tx:
        run = ImportRun(
            workspace_id=world.workspace, id=uuid4(), organisation_id=world.organisation, purpose=RunPurpose.SCAN,
            phase=ImportPhase.MATCHING, match_pass=MatchPass.SIMILAR, match=True, started_at=tx.now, due_at=tx.now,
        )  # fmt: skip
        tx.session.add(run)
    async with world.tx() as tx:
        held = await imports.claim(tx, run.id)
        assert held is not None
        ids = await imports.look_up_page(tx, held)
    [beta] = await world.rows("select id from xero_contact where name = 'Beta'")
    assert ids == [beta["id"]]
