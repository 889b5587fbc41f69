from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.connection.poll_schedule import next_scan, poll_interval, webhooks_healthy

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # one in the morning of the 25th in Auckland


@pytest.mark.parametrize(
    ("limit", "healthy", "seconds"),
    [(5000, True, 115), (5000, False, 60), (1000, True, 576), (1000, False, 216)],
)
def test_polls_keep_within_their_share_of_the_day(limit: int, healthy: bool, seconds: int) -> None:
    assert int(poll_interval(limit, webhooks_healthy=healthy).total_seconds()) == seconds


def test_a_full_scan_runs_at_night_in_the_organisations_time_zone() -> None:
    assert next_scan(NOON, "Pacific/Auckland", 1200, 5000) == datetime(2026, 11, 24, 13, 30, tzinfo=UTC)
    assert next_scan(NOON, "Europe/London", 1200, 5000) == datetime(2026, 11, 25, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "timezone", ["Pacific/Auckland", "Europe/London", "America/New_York", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("month", [3, 4, 9, 10, 11])
def test_a_full_scan_runs_every_night_when_clocks_change(timezone: str, month: int) -> None:
    """A night without 2:30, or with two of them, has one scan; no scan is in the past or days away."""
    now = datetime(2026, month, 1, tzinfo=UTC)
    while now.month == month:
        scan = next_scan(now, timezone, 1200, 5000)
        assert timedelta(hours=1) < scan - now <= timedelta(hours=26)
        assert scan.astimezone(UTC).astimezone(ZoneInfo(timezone)).hour in (2, 3)
        now += timedelta(hours=1)


def test_a_full_scan_that_costs_too_many_calls_is_weekly() -> None:
    assert next_scan(NOON, "Europe/London", 60_000, 1000) == datetime(2026, 11, 30, 2, 30, tzinfo=UTC)


def test_webhooks_are_trusted_for_two_hours() -> None:
    assert webhooks_healthy(NOON - timedelta(minutes=119), NOON)
    assert not webhooks_healthy(NOON - timedelta(minutes=121), NOON)
    assert not webhooks_healthy(None, NOON)
