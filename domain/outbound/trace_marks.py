"""The traces of changes that wait to be sent: which request made a link, status or invoice due.

`runtime.database` writes a mark with the change, if the request is traced. The worker that claims the change takes the mark, and
continues the trace.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.tx import Tx


class _Mark(NamedTuple):
    traceparent: str


async def take(tx: Tx, subjects: Sequence[UUID]) -> list[str]:
    """The traces of these links or invoices, each once, in the order of the changes. The marks are deleted."""
    marks = await tx.read(
        _Mark,
        "with taken as (delete from trace_mark where workspace_id = :ws and subject_id = any(:subjects)"
        " returning traceparent, at) select traceparent from taken group by traceparent order by min(at)",
        subjects=list(subjects),
    )
    return [mark.traceparent for mark in marks]
