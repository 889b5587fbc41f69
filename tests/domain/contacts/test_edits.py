"""Contacts of the practice: which input is refused, what a repeated create returns, and what an update stores."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from domain.actions import conflicts
from domain.contacts import creation as contact_creation
from domain.contacts import edits as contact_edits
from domain.fields.phones import PhoneParts
from domain.fields.synced import UnreadableValueError, xero_values
from domain.outbound import contact_deliveries
from domain.practice import workspaces
from domain.problems import Code, Refused
from domain.tx import TANDEM
from tests.database import rows_of
from tests.domain.linked import change, linked, state
from tests.domain.world import World, as_given, seen
from workers import sending


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"name": " \u200b\t"}, Code.REQUIRED, ("name",)),
        ({"name": "x" * 300}, Code.TOO_LONG, ("name",)),
        ({"name": "a\x00b"}, Code.INVALID, ("name",)),
        ({"name": "a\ud800"}, Code.INVALID, ("name",)),
        ({"name": "A", "billingEmail": "nobody"}, Code.INVALID, ("billingEmail",)),
        ({"name": "A", "primaryPhone": "1" * 51}, Code.TOO_LONG, ("primaryPhone",)),
        ({"name": "A", "primaryPhone": "call me"}, Code.INVALID, ("primaryPhone",)),
        ({"name": "a\x85b"}, Code.INVALID, ("name",)),
        ({"name": "\u202e\u2066"}, Code.REQUIRED, ("name",)),
        ({"name": "A", "contactTypeId": uuid4()}, Code.NOT_FOUND, ("contactTypeId",)),
        ({"name": "A", "billingAddress": {"lines": ["x"] * 5}}, Code.TOO_MANY, ("billingAddress", "lines")),
        (
            {"name": "A", "billingAddress": {"lines": [], "city": "a\x07"}},
            Code.INVALID,
            ("billingAddress", "city"),
        ),
    ],
)
async def test_bad_input_is_refused_with_the_path_of_the_field(
    world: World, given: dict[str, Any], code: Code, path: tuple[str, ...]
) -> None:
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx:
            await contact_creation.create(tx, as_given(given))
    assert [(problem.code, problem.path) for problem in refused.value.problems] == [(code, path)]
    assert await world.rows("select 1 from contact") == []


async def test_an_archived_contact_type_stays_on_its_contacts_and_is_given_to_no_other(world: World) -> None:
    async with world.tx() as tx:
        kind = (await workspaces.create_contact_type(tx, "Lead")).id
    has, other = await world.contact("Acme", contactTypeId=kind), await world.contact("Kowhai")
    async with world.tx() as tx:
        await workspaces.update_contact_type(tx, kind, archived=True)
    async with world.tx() as tx:
        kept = await contact_edits.change(tx, has.id, as_given({"name": "Acme Ltd", "contactTypeId": kind}))
    assert (kept.name, kept.contact_type_id) == ("Acme Ltd", kind)
    with pytest.raises(Refused) as given:
        async with world.tx() as tx:
            await contact_edits.change(tx, other.id, as_given({"contactTypeId": kind}))
    with pytest.raises(Refused) as made:
        async with world.tx() as tx:
            await contact_creation.create(tx, as_given({"name": "New", "contactTypeId": kind}))
    for refused in (given, made):
        assert [(problem.code, problem.path) for problem in refused.value.problems] == [
            (Code.WRONG_STATE, ("contactTypeId",))
        ]


async def test_repeated_creates_with_one_idempotency_key_make_one_contact_even_at_once(world: World) -> None:
    async def create() -> object:
        async with world.tx() as tx:
            return (await contact_creation.create(tx, as_given({"name": "Acme"}), "key-1")).id

    made = await asyncio.gather(*(create() for _ in range(4)))
    assert len(set(made)) == 1
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx:
            await contact_creation.create(tx, as_given({"name": "Other"}), "key-1")
    assert refused.value.problems[0].code is Code.KEY_REUSED


async def test_null_clears_a_field_an_absent_field_stays_and_the_history_keeps_the_old_value(
    world: World,
) -> None:
    made = await world.contact("Acme", "a@x.nz", primaryPhone="09 111 2222")
    async with world.tx() as tx:
        changed = await contact_edits.change(
            tx, made.id, as_given({"billingEmail": None}), version=made.version
        )
    assert (changed.billing_email, changed.primary_phone, changed.version) == (None, "09 111 2222", 2)
    [event] = await world.rows("select changes from activity where kind = 'CONTACT_CHANGED'")
    assert [(c["field"], c["before"], c["after"]) for c in event["changes"]] == [
        ("BILLING_EMAIL", "a@x.nz", None)
    ]


async def test_a_stale_version_changes_nothing(world: World) -> None:
    made = await world.contact("Acme")
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx:
            await contact_edits.change(tx, made.id, as_given({"name": "Other"}), version=made.version + 1)
    assert refused.value.problems[0].code is Code.STALE_VERSION


async def test_saving_equal_values_is_no_change(world: World) -> None:
    made = await world.contact("Acme", "a@x.nz")
    async with world.tx() as tx:
        same = await contact_edits.change(tx, made.id, as_given({"name": "Acme", "billingEmail": "a@x.nz"}))
    assert same.version == made.version


async def test_a_kind_that_a_person_chose_is_never_classified_again(world: World) -> None:
    made = await world.contact("Ada Byron")
    async with world.tx() as tx:
        chosen = await contact_edits.change(tx, made.id, as_given({"kind": made.kind}))
    assert (chosen.confidence, chosen.reasons, chosen.needs_review) == (None, None, False)


async def test_search_uses_the_index_and_stays_within_the_workspace(world: World) -> None:
    made = await world.contact("Māori & Sons", "ada@example.com")
    async with world.tx() as tx:
        found = await rows_of(
            tx, "select * from door.search_contacts(:patterns, 10)", patterns=["% maor%", "% ada%"]
        )
    assert [row["search_contacts"] for row in found] == [made.id]
    async with world.database.transaction(uuid4(), TANDEM) as tx:
        assert (
            await rows_of(tx, "select * from door.search_contacts(:patterns, 10)", patterns=["% maor%"]) == []
        )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\u202dAcme\u202c Ltd", "Acme Ltd"),
        ("Ac\u200bme\ufeff Ltd", "Acme Ltd"),
        ("\u2066\u200fAcme\u2069 L\u00adtd ", "Acme Ltd"),
        ("نامه\u200cای", "نامه\u200cای"),  # the joiners belong to how it is spelt
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d👩\u200d👧 Care", "👩\u200d👩\u200d👧 Care"),
    ],
)
async def test_invisible_characters_are_removed_from_typed_values(
    world: World, typed: str, kept: str
) -> None:
    made = await world.contact(typed, primaryPhone="\u202a+64 9 123 4567\u202c")
    assert (made.name, made.primary_phone) == (kept, "+64 9 123 4567")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "john@example.com"),
        ("oﬃce@ﬁrm.example", "office@firm.example"),
        ("o\u2019brien@example.com", "o'brien@example.com"),  # the apostrophe that a word processor types
        ("o\u02bcbrien@example.com", "o'brien@example.com"),
        ("jean\u2013luc@example.com", "jean-luc@example.com"),
        ("ann\u200d@exam\u200cple.com", "ann@example.com"),
        ("info@example。co。jp", "info@example.co.jp"),
        ("\u00a0ann@example.com\u3000", "ann@example.com"),
        ("Ann.O'Neil+x@Example.com", "Ann.O'Neil+x@Example.com"),
    ],
)
async def test_an_email_is_stored_in_letters_that_xero_takes(world: World, typed: str, kept: str) -> None:
    made = await world.contact("Acme", typed)
    assert made.billing_email == kept
    async with world.tx() as tx:
        changed = await contact_edits.change(tx, made.id, as_given({"billingEmail": f"{typed} "}))
    assert changed.version == made.version


async def test_a_value_that_only_xeros_pages_accept_is_copied_but_refused_as_input(
    world: World,
) -> None:
    long = "N" * 263
    found = seen(long, "bad@")
    await world.shown(found)
    await world.import_mirror()
    [held] = await world.rows("select id, name, billing_email from contact")
    assert (held["name"], held["billing_email"]) == (long, "bad@")
    async with world.tx() as tx:
        await contact_edits.change(
            tx, held["id"], as_given({"name": long, "billingEmail": "bad@", "primaryPhone": "09 379 1234"})
        )
        claimed = await contact_deliveries.claim(tx, await world.read_organisation(tx), sending.build)
    assert claimed is not None
    [member] = await world.rows("select sent from delivery_member")
    assert member["sent"] == {"PRIMARY_PHONE": "09 379 1234"}
    assert (await world.rows("select state from sync_link"))[0]["state"] == "PENDING"
    for typed, code in (({"name": "M" * 263}, Code.TOO_LONG), ({"billingEmail": "worse@"}, Code.INVALID)):
        with pytest.raises(Refused) as refused:
            async with world.tx() as tx:
                await contact_edits.change(tx, held["id"], as_given(typed))
        assert [problem.code for problem in refused.value.problems] == [code]


async def test_saving_a_form_keeps_values_from_xero_that_nobody_could_type(world: World) -> None:
    await world.shown(seen("Ac\u202eme", phone=PhoneParts(number="call me")))
    await world.import_mirror()
    [held] = await world.rows("select id, name, primary_phone from contact")
    assert (held["name"], held["primary_phone"]) == ("Ac\u202eme", "call me")
    form = {"name": held["name"], "primaryPhone": held["primary_phone"], "billingEmail": "a@x.nz"}
    async with world.tx() as tx:
        await contact_edits.change(tx, held["id"], as_given(form))
    [link] = await world.rows("select base_practice from sync_link")
    assert await world.rows("select name, primary_phone, billing_email from contact") == [
        {"name": "Ac\u202eme", "primary_phone": "call me", "billing_email": "a@x.nz"}
    ]
    assert link["base_practice"]["NAME"] == "Ac\u202eme"


async def test_an_overwritten_value_can_be_restored_even_if_it_could_not_be_typed(world: World) -> None:
    await world.shown(seen("Ac\u202eme", phone=PhoneParts(number="call me")))
    await world.import_mirror()
    [held] = await world.rows("select id from contact")
    async with world.tx() as tx:
        await contact_edits.change(tx, held["id"], as_given({"primaryPhone": "09 123 4567"}))
    [event] = await world.rows("select id from activity where kind = 'CONTACT_CHANGED'")
    async with world.tx() as tx:
        await conflicts.restore_value(tx, event["id"], "PRIMARY_PHONE")
    assert await world.rows("select primary_phone from contact") == [{"primary_phone": "call me"}]


async def test_a_mirror_value_in_an_unknown_form_keeps_nobody_from_an_edit(world: World) -> None:
    contact, _ = await linked(world)
    async with world.tx() as tx:
        await tx.run("""update xero_contact set phone = '{"e164": "+6491112222"}'""")
    await change(world, contact, billingEmail="new@x.nz")
    assert (await state(world))["billing_email"] == "new@x.nz"
    [row] = await world.rows("select * from xero_contact")
    with pytest.raises(UnreadableValueError):
        xero_values(row)  # nothing is decided about a value that cannot be read
