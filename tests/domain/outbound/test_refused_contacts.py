"""A contact that Xero refuses because of data in Xero that is not a synced field."""

from datetime import datetime, timedelta

from domain.fields.phones import PhoneParts
from domain.links.failures import Failure
from domain.tables import SyncedField
from tests.domain.linked import LATER, answer, change, claim, linked, read_delta, refuse
from tests.domain.world import Clock, World, seen

WEBSITE = Failure("INVALID_IN_XERO", "Website must be valid. Clear it in Xero.", remedy="IN_XERO")
EMAIL = Failure("INVALID_IN_XERO", "Email address must be valid.", SyncedField.BILLING_EMAIL)


PHONE = PhoneParts("64", "9", "1112222")


async def test_a_refusal_with_remedy_in_xero_is_retried_after_a_day(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Ours")
    await refuse(world, WEBSITE)
    [link] = await world.rows("select * from sync_link")
    assert (link["state"], link["failure"]["remedy"], link["refused"]) == ("FAILING", "IN_XERO", {})
    assert datetime.fromisoformat(link["failure"]["nextAttemptAt"]) == link["next_attempt_at"]
    assert await claim(world) is None
    clock = world.database.clock
    assert isinstance(clock, Clock)
    clock.time += timedelta(days=1)
    await refuse(world, WEBSITE)
    [again] = await world.rows("select * from sync_link")
    assert (again["failure"]["since"], again["attempts"]) == (link["failure"]["since"], 2)
    told = await world.rows("select message from activity where kind = 'FAILED'")
    assert [row["message"] for row in told] == [WEBSITE.message]
    clock.time += timedelta(days=1)
    claimed = await claim(world)
    assert claimed is not None
    await answer(world, claimed, seen("Ours", "a@x.nz", phone=PHONE, xero_id=xero, updated_at=LATER))
    [after] = await world.rows("select * from sync_link")
    assert (after["state"], after["failure"], after["next_attempt_at"]) == ("SYNCED", None, None)


async def test_a_refusal_with_remedy_in_xero_is_retried_when_the_xero_contact_changes(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Ours")
    await refuse(world, WEBSITE)
    [before] = await world.rows(
        "select l.*, x.name from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    shown = seen(before["name"], "a@x.nz", phone=PHONE, xero_id=xero, updated_at=LATER)
    await read_delta(world, shown)  # nothing but the stamp has moved
    [link] = await world.rows("select * from sync_link")
    assert (link["state"], link["next_attempt_at"], link["due_at"] is not None) == ("FAILING", None, True)
    assert await claim(world) is not None


async def test_a_refusal_of_a_field_that_was_not_sent_has_the_remedy_in_xero(world: World) -> None:
    """Xero holds an email that its API refuses; the name alone was sent."""
    contact, _ = await linked(world)
    await change(world, contact, name="Ours")
    await refuse(world, EMAIL)
    [link] = await world.rows("select * from sync_link")
    assert (link["failure"]["remedy"], link["failure"]["field"]) == ("IN_XERO", "BILLING_EMAIL")
    assert link["failure"]["message"] == (
        "Email address must be valid. Correct it on the contact's page in Xero, or change it here."
    )
    assert link["next_attempt_at"] is not None
    await change(world, contact, billingEmail="good@x.nz")
    assert await claim(world) is not None
