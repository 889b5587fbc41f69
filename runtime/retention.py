"""How long each table keeps its rows, and the hourly deletion of expired rows.

`BOUNDS` has a line for every table: the limit of the number of its rows, or the reason why it may grow. tests/runtime/test_retention.py
fails for a table without one. The deletion runs as the app, through functions of schema `door`. One transaction
deletes at most `BATCH` rows, so that it locks nothing for long.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from runtime.database import Database
from runtime.settings import Settings

BATCH = 10_000
EVENTS_KEPT = timedelta(days=7)
INBOX_KEPT = timedelta(days=14)  # longer than between two scans
DELIVERIES_KEPT = timedelta(days=1)
KEYS_KEPT = timedelta(hours=24)
RUNS_KEPT = timedelta(days=7)
MARKS_KEPT = timedelta(days=1)
TRAFFIC_KEPT = timedelta(days=62)  # this month and the one before

_BY_PEOPLE = "a row for each act of a person; people archive or revoke, and the history needs the row"
_PER_ORGANISATION = "at most one row for each object of the organisation's Xero settings"
_OF_PRACTICE = "the practice's own records; a person deletes them"
BOUNDS = {
    "account_mapping": "one row for each service type and organisation",
    "activity": "ACTIVITY_KEPT_DAYS; without it the history is kept for ever",
    "api_token": _BY_PEOPLE,
    "app_user": "one row for each person",
    "contact": _OF_PRACTICE,
    "contact_type": _BY_PEOPLE,
    "delivery": "deleted a day after it has ended; its bytes go when it ends",
    "delivery_member": "deleted with its delivery",
    "event": "7 days",
    "event_counter": "one row for each workspace",
    "idempotency_key": "24 hours",
    "import_run": "7 days, and the newest run of each purpose",
    "invoice": _OF_PRACTICE,
    "invoice_line": "deleted with its invoice",
    "invoice_sequence": "one row for each workspace",
    "likeness": "replaced by each look-up; at most a few rows for each Xero contact",
    "listed_link": "at most one row for each link, deleted with it",
    "match_candidate": "at most 10 rows for each match issue, deleted with it",
    "match_issue": "CLOSED_ISSUES_KEPT_DAYS for issues without a decision of a person; otherwise one for each Xero contact",
    "oauth_flow": "10 minutes; the next consent deletes what has expired",
    "organisation": "one row for each Xero organisation that was ever connected",
    "owed_status": "deleted once Xero has the status; at most one row for each Xero contact",
    "payment": "one row for each payment of an invoice; a reversed payment stays as part of the invoice's history",
    "push": "one row for each push to Xero: without it, a contact that shows late would be created twice",
    "reimport_mark": "one row for each Xero contact that a person decided about",
    "service_type": _BY_PEOPLE,
    "set_apart": "one row for each pair that a person decided about",
    "sync_link": "one active link for each contact and organisation; ended links wait for a person's decision",
    "tax_mapping": "one row for each tax rate and organisation",
    "tax_rate": _BY_PEOPLE,
    "webhook_event": "one row for each changed Xero object until it has been read, at most 14 days",
    "worker": "one row for each live worker; a lost one is deleted after a day",
    "trace_mark": "1 day; the worker that sends the change deletes it",
    "unlinked_contact": "at most one row for each contact in use, deleted with it",
    "workspace": "one row for each practice",
    "xero_account": _PER_ORGANISATION,
    "xero_call": "26 hours, the longest window of Xero's limits",
    "xero_contact": "one row for each contact of the organisation in Xero",
    "xero_grant": "one row for each person who has given consent",
    "xero_limit": "one row for each organisation in Xero",
    "xero_tax_rate": _PER_ORGANISATION,
    "xero_traffic": "62 days; a day has a few endpoints and statuses for each organisation in Xero",
}


def _deletions(now: datetime, settings: Settings) -> Iterator[tuple[str, datetime]]:
    """The functions that delete, each with its time."""
    yield "select door.forget_calls(:at, :most)", now
    yield "select door.forget_events(:at, :most)", now - EVENTS_KEPT
    yield "select door.forget_inbox(:at, :most)", now - INBOX_KEPT
    yield "select door.forget_deliveries(:at, :most)", now - DELIVERIES_KEPT
    yield "select door.forget_keys(:at, :most)", now - KEYS_KEPT
    yield "select door.forget_runs(:at, :most)", now - RUNS_KEPT
    yield "select door.forget_traffic(:at, :most)", now - TRAFFIC_KEPT
    yield "select door.forget_trace_marks(:at, :most)", now - MARKS_KEPT
    if settings.activity_kept_days is not None:
        yield "select door.forget_activity(:at, :most)", now - timedelta(days=settings.activity_kept_days)
    if settings.closed_issues_kept_days is not None:
        yield "select door.forget_issues(:at, :most)", now - timedelta(days=settings.closed_issues_kept_days)


async def delete_expired(database: Database, settings: Settings) -> None:
    """Delete all expired rows, in as many batches as it takes."""
    for statement, at in _deletions(database.clock.now(), settings):
        deleted = BATCH
        while deleted >= BATCH:
            async with database.door() as session:
                values = {"at": at, "most": BATCH}
                deleted = int(await session.scalar(sa.text(statement), values) or 0)
