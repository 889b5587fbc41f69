"""Official numbers of practice contacts and of Xero's: what is stored, refused, shown in the activity, and kept of whom."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import UNSET

from domain.fields.identifiers import Identifier
from domain.problems import Code, Refused
from domain.tables import ContactKind, XeroContactStatus
from domain.tables import IdentifierKind as Kind
from tests.domain.linked import LATER, change, read_delta
from tests.domain.world import BEGAN, World, seen

ABN = Identifier(Kind.ABN, "51 824 753 556")


async def held(world: World, table: str, id: UUID) -> list[dict[str, Any]]:
    [row] = await world.rows(f"select identifiers, identifier_keys from {table} where id = :id", id=id)
    return [*(row["identifiers"] or ()), *({"key": key} for key in row["identifier_keys"])]


async def test_a_contact_holds_the_numbers_of_its_last_change_and_the_activity_shows_it(world: World) -> None:
    contact = await world.contact("Orr Ltd", identifiers=[ABN, replace(ABN, value="51824753556 ")])
    assert await held(world, "contact", contact.id) == [ABN.as_json(), {"key": "ABN/51824753556"}]
    await change(world, contact.id, name="Orr Pty Ltd")
    [row] = await world.rows("select match_keys from contact")
    assert "i ABN/51824753556" in row["match_keys"]
    await change(world, contact.id, identifiers=[Identifier(Kind.GST, "49-098-576")])
    await change(world, contact.id, identifiers=None)
    assert await held(world, "contact", contact.id) == []
    rows = await world.rows("select changes from activity where kind = 'CONTACT_CHANGED' order by at")
    told = [
        (one["before"], one["after"])
        for row in rows
        for one in row["changes"]
        if one["field"] == "identifiers"
    ]
    assert told == [("ABN 51 824 753 556", "GST number 49-098-576"), ("GST number 49-098-576", None)]


@pytest.mark.parametrize(
    ("numbers", "code", "path"),
    [
        ([Identifier(Kind.OTHER, " ")], Code.REQUIRED, ("identifiers", "0", "value")),
        ([ABN, Identifier(Kind.OTHER, "219-09-9999")], Code.INVALID, ("identifiers", "1", "value")),
        ([Identifier(Kind.ACN, "123 456 782")], Code.INVALID, ("identifiers", "0", "value")),
        ([Identifier(Kind.OTHER, "x" * 51)], Code.TOO_LONG, ("identifiers", "0", "value")),
        ([Identifier(Kind.OTHER, str(n)) for n in range(21)], Code.TOO_MANY, ("identifiers",)),
    ],
)
async def test_bad_numbers_are_refused(
    world: World, numbers: list[Identifier], code: Code, path: tuple[str, ...]
) -> None:
    with pytest.raises(Refused) as refused:
        await world.contact("Orr Ltd", identifiers=numbers)
    assert [(problem.code, problem.path) for problem in refused.value.problems] == [(code, path)]


async def test_a_person_s_ird_number_is_never_kept(world: World) -> None:
    ird = [Identifier(Kind.GST, "49-098-576")]
    for given in ({"kind": ContactKind.PERSON}, {}):
        with pytest.raises(Refused):
            await world.contact("Ann Lee", identifiers=ird, **given)
    body = await world.contact("Ann Lee", identifiers=ird, kind=ContactKind.ORGANISATION)
    with pytest.raises(Refused):
        await change(world, body.id, kind=ContactKind.PERSON)
    person, company = await world.shown(
        seen("Ann Lee", tax_number="49-098-576"), seen("Orr Joinery Ltd", tax_number="49-098-576")
    )
    assert await held(world, "xero_contact", person) == []
    assert await held(world, "xero_contact", company) == [
        {"kind": "GST", "value": "49-098-576"},
        {"key": "GST/49098576"},
    ]


async def test_the_mirror_follows_xero_s_numbers_and_keeps_them_where_an_answer_says_nothing(
    world: World,
) -> None:
    xero = uuid4()
    [row] = await world.shown(seen("Orr Ltd", xero_id=xero, account_number="C1", tax_number="51824753556"))
    both = [
        ABN.as_json() | {"value": "51824753556"},
        {"kind": "ACCOUNT_NUMBER", "value": "C1"},
        {"key": "ABN/51824753556"},
    ]
    assert await held(world, "xero_contact", row) == both
    await world.shown(replace(seen("Orr Ltd", xero_id=xero, updated_at=LATER), numbers=UNSET))
    assert await held(world, "xero_contact", row) == both
    await world.shown(seen("Orr Ltd", xero_id=xero, updated_at=LATER + timedelta(hours=1)))
    assert await held(world, "xero_contact", row) == []


async def test_a_mirror_row_from_before_takes_numbers_without_doubt(world: World) -> None:
    """A row of the version before holds none. A scan shows them with an equal stamp, which is no second truth."""
    xero = uuid4()
    [row] = await world.shown(replace(seen("Orr Ltd", xero_id=xero), numbers=UNSET))
    await world.rows("update xero_contact set dirty = false, looked_at = now() returning id")
    await world.shown(replace(seen("Orr Ltd", xero_id=xero, tax_number="51824753556"), seen_at=LATER))
    [now] = await world.rows("select doubted_at, read_due_at, dirty, looked_at from xero_contact")
    assert now == {"doubted_at": None, "read_due_at": None, "dirty": True, "looked_at": None}
    assert {"key": "ABN/51824753556"} in await held(world, "xero_contact", row)


async def test_a_contact_created_from_xero_has_its_numbers_but_not_the_number_in_those_books(
    world: World,
) -> None:
    await world.shown(seen("Orr Ltd", "o@x.nz", tax_number="51824753556", account_number="C1"))
    await world.import_mirror()
    [contact] = await world.rows("select id, match_keys from contact")
    assert await held(world, "contact", contact["id"]) == [
        {"kind": "ABN", "value": "51824753556"}, {"key": "ABN/51824753556"},
    ]  # fmt: skip
    assert "i ABN/51824753556" in contact["match_keys"]


async def test_numbers_of_a_contact_under_a_gdpr_request_are_deleted(world: World) -> None:
    xero = uuid4()
    await read_delta(world, seen("Orr Ltd", xero_id=xero, tax_number="51824753556"))
    await read_delta(
        world,
        seen(
            "Orr Ltd",
            xero_id=xero,
            tax_number="51824753556",
            status=XeroContactStatus.GDPR_REQUEST,
            updated_at=BEGAN + timedelta(days=9),
        ),
    )
    [row] = await world.rows("select id from xero_contact")
    assert await held(world, "xero_contact", row["id"]) == []
