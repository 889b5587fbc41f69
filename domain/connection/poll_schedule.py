"""How often Xero is looked at: as often as a share of the day's calls allows. Pure."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

SHORTEST, LONGEST = timedelta(seconds=60), timedelta(hours=1)
BY_HAND = timedelta(seconds=10)
USUAL_DAY = 5000  # calls; 1,000 on Xero's smallest plan, which its answers tell
DAY = timedelta(days=1)
# Shares of the day's calls: polls while webhooks are healthy, and while they are not; full scans, if daily.
HEALTHY, SILENT, DAILY_SCAN = 0.15, 0.40, 0.05
PAGE = 1000
NIGHT = time(2, 30)
# Xero retries a webhook every 15 minutes; without any for so long it may as well be switched off.
WEBHOOKS_TRUSTED = timedelta(hours=2)


def poll_interval(day_remaining: int, *, webhooks_healthy: bool, invoices: bool = False) -> timedelta:
    """Polls at this pace for a day would cost their share of the calls that are left, whoever used the others: the
    less is left, the rarer they are. `invoices`: contacts and they share it, in turn."""
    calls = day_remaining * (HEALTHY if webhooks_healthy else SILENT) / (2 if invoices else 1)
    return min(max(SHORTEST, DAY / max(calls, 1)), LONGEST)


def look_interval(day_remaining: int, day_limit: int) -> timedelta:
    """How long after a look the next one by hand begins: a person's few moments later, and those of whoever asks all day
    at the pace of polls, once half of the day's calls are used."""
    return BY_HAND if day_remaining > day_limit / 2 else poll_interval(day_remaining, webhooks_healthy=False)


def next_look(now: datetime, last: datetime | None, interval: timedelta) -> datetime:
    """When a look that a person asks for begins: now, where the last such one is long enough ago, or when a later one is
    due already. One that lies further ahead than that says nothing: the clock was set back since."""
    if last is None or not now - interval < last <= now + interval:
        return now
    return last if last > now else last + interval


def sooner(now: datetime, planned: datetime | None, due: datetime) -> datetime:
    """What is overdue is due now: it has not begun, or began before this was asked."""
    return due if planned is None else min(max(planned, now), due)


def webhooks_healthy(last: datetime | None, now: datetime) -> bool:
    return last is not None and now - last < WEBHOOKS_TRUSTED


def next_scan(now: datetime, timezone: str, contacts: int, day_limit: int) -> datetime:
    """The organisation's next night, or that of a week from now where a scan a day would cost too many calls."""
    pages = contacts // PAGE + 1
    days = 1 if pages <= day_limit * DAILY_SCAN else 7
    local = now.astimezone(ZoneInfo(timezone))
    night = datetime.combine(local.date() + timedelta(days=days - 1), NIGHT, local.tzinfo)
    return night if night > now + timedelta(hours=1) else night + timedelta(days=1)


def jitter(seed: int, interval: timedelta) -> timedelta:
    """Up to a tenth of the interval, the same for the same organisation, so that not all look at once."""
    return interval * (seed % 1000) / 10_000
