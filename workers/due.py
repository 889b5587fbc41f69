"""The due work, as PostgreSQL has it: one statement over all workspaces, which gives ids and times only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from runtime.database import Database
from workers.jobs import Job

_DUE = "select * from door.due_jobs(:now, :soon, cast(:busy as text[]), :most)"


@dataclass(frozen=True)
class Due:
    """`since`: since when the oldest piece of this job is due, which may be soon. `newest`: when the newest piece
    became due."""

    job: Job
    since: datetime
    newest: datetime


async def find(
    database: Database,
    now: datetime,
    busy: Collection[str] = (),
    most: int = 100,
    soon: timedelta = timedelta(),
) -> list[Due]:
    """The work that is due now, at most `most` of a kind, oldest first, and webhook events that will be due within `soon`.
    `busy`: names of jobs that are left out, as they wait or run already."""
    return await database.call_door(_due, _DUE, now=now, soon=now + soon, busy=list(busy), most=most)


def _due(kind: str, workspace_id: UUID, key: UUID, lane: str, since: datetime, newest: datetime) -> Due:
    return Due(Job(kind, workspace_id, key, lane), since, newest)
