"""The times of polls and scans: a share of the day's calls decides how often. Pure functions."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

SHORTEST, LONGEST = timedelta(seconds=60), timedelta(hours=1)
BY_HAND = timedelta(seconds=10)
USUAL_DAY = 5000  # calls a day until Xero reports its limit; the smallest plan has 1,000
DAY = timedelta(days=1)
# Shares of the day's calls: polls with healthy webhooks, polls without, and a daily full scan.
HEALTHY, SILENT, DAILY_SCAN = 0.15, 0.40, 0.05
PAGE = 1000
NIGHT = time(2, 30)
# Xero sends a webhook again every 15 minutes. After this time without any, webhooks may be switched off.
WEBHOOKS_TRUSTED = timedelta(hours=2)


def poll_interval(day_remaining: int, *, webhooks_healthy: bool, invoices: bool = False) -> timedelta:
    """The time between two polls. A day of polls at this interval costs the polls' share of the calls that are left; so polls
    become rarer as the calls become fewer. `invoices`: polls of contacts and of invoices share the calls, in turn."""
    calls = day_remaining * (HEALTHY if webhooks_healthy else SILENT) / (2 if invoices else 1)
    return min(max(SHORTEST, DAY / max(calls, 1)), LONGEST)


def manual_interval(day_remaining: int, day_limit: int) -> timedelta:
    """The shortest time between two reads that people ask for: BY_HAND, and the interval of polls once half of the day's calls
    are used."""
    return BY_HAND if day_remaining > day_limit / 2 else poll_interval(day_remaining, webhooks_healthy=False)


def next_manual_read(now: datetime, last: datetime | None, interval: timedelta) -> datetime:
    """The time of a read that a person asks for: now if the last one was at least `interval` ago, else that one's time plus
    `interval`. A later read that is planned already counts. A `last` further ahead than `interval` is ignored: the clock
    was set back."""
    if last is None or not now - interval < last <= now + interval:
        return now
    return last if last > now else last + interval


def sooner(now: datetime, planned: datetime | None, due: datetime) -> datetime:
    """The earlier of the two times. A planned time in the past counts as now: that read has not begun, or began too early."""
    return due if planned is None else min(max(planned, now), due)


def webhooks_healthy(last: datetime | None, now: datetime) -> bool:
    return last is not None and now - last < WEBHOOKS_TRUSTED


def next_scan(now: datetime, timezone: str, contacts: int, day_limit: int) -> datetime:
    """The time of the next full scan: the organisation's next night, or the night in a week if a daily scan costs too many
    calls."""
    pages = contacts // PAGE + 1
    days = 1 if pages <= day_limit * DAILY_SCAN else 7
    local = now.astimezone(ZoneInfo(timezone))
    night = datetime.combine(local.date() + timedelta(days=days - 1), NIGHT, local.tzinfo)
    return night if night > now + timedelta(hours=1) else night + timedelta(days=1)


def jitter(seed: int, interval: timedelta) -> timedelta:
    """Up to a tenth of the interval, always the same for one organisation: so organisations do not all poll at once."""
    return interval * (seed % 1000) / 10_000
