"""Xero switches a webhook off after 24 hours of failures without a notice: health and doctor report it."""

from datetime import timedelta

import pytest

from runtime.commands import doctor as doctor_command
from runtime.embedded.services import Services
from runtime.settings import load
from tests import make
from tests.database import Place

HEALTH = "{ workspace { xeroOrganisations { health healthMessage } } }"
# Hours after the last webhook: what happened, and whether the webhook has probably been switched off.
CASES: dict[str, tuple[list[tuple[float, str, str]], int, bool]] = {
    "nothing came in since": ([], 0, False),
    "a change in Xero that was announced": ([(0, "XERO", "CONTACT_CHANGED")], 0, False),
    "a change that is on its way": ([(1.9, "XERO", "CONTACT_CHANGED")], 0, False),
    "a change in Xero without a webhook": ([(2.1, "XERO", "CONTACT_CHANGED")], 0, True),
    "a change a week later": ([(168, "XERO", "CONTACT_CHANGED")], 0, True),
    "an edit by the practice": ([(5, "USER", "CONTACT_CHANGED")], 0, False),
    "an import": ([(5, "XERO", "CONTACT_CREATED"), (5, "XERO", "LINKED")], 0, False),
    "connected again since": ([(5, "XERO", "CONTACT_CHANGED")], 4, False),
}


async def told(
    ada: make.Client, place: Place, services: Services
) -> tuple[str | None, doctor_command.Finding]:
    [organisation] = (await ada.ask(HEALTH))["workspace"]["xeroOrganisations"]
    assert organisation["health"] == "HEALTHY"
    settings = load().joined(services).model_copy(update={"database_url": place.app_url})
    [found] = [each for each in await doctor_command.examine(settings) if each.subject == "Last webhook"]
    return organisation["healthMessage"], found


@pytest.mark.parametrize("case", CASES)
async def test_a_webhook_that_xero_switched_off_is_shown(
    ada: make.Client, place: Place, services: Services, case: str
) -> None:
    happened, connected, switched_off = CASES[case]
    now = ada.process.database.clock.now()
    webhook = now - timedelta(days=10)
    async with ada.world.tx() as tx:
        await tx.run(
            "update organisation set last_webhook_at = :webhook, connected_at = :connected where workspace_id = :ws",
            webhook=webhook,
            connected=webhook + (timedelta(hours=connected) if connected else -timedelta(days=1)),
        )
        for hours, actor, kind in happened:
            await tx.run(
                "insert into activity (workspace_id, id, at, kind, actor_kind, actor_name, message, organisation_id,"
                " changes) values (:ws, gen_random_uuid(), :at, :kind, :actor, 'Somebody', 'Something', :o, '[]')",
                at=webhook + timedelta(hours=hours),
                kind=kind,
                actor=actor,
                o=ada.world.organisation,
            )
    message, found = await told(ada, place, services)
    if switched_off:
        assert message is not None
        assert found.ok is False
        for text in (message, found.says):
            assert "switched the webhook off" in text
            assert "Send intent to receive" in text
        assert f"{webhook:%Y-%m-%d %H:%M}" in found.says
    else:
        assert message is None
        assert found.ok is None


async def test_without_any_webhook_no_silence_is_shown(
    ada: make.Client, place: Place, services: Services
) -> None:
    message, found = await told(ada, place, services)
    assert (message, found.ok, found.says) == (None, None, "no webhook has arrived yet")
