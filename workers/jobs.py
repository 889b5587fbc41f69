"""The registry of jobs: one function for each kind of work that a worker does.

A job carries ids only. PostgreSQL says what is due (`workers.due`), and each function asks PostgreSQL again when it runs.
So a job may run twice, at the same time as its twin, and late. Two carriers run these functions: arq
(`workers.arq_engine`), and this process by itself while Redis is away (`workers.in_process`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from runtime import tracing
from workers import (
    catalogues,
    disconnecting,
    importing,
    invoice_reads,
    invoicing,
    polls,
    recovery,
    sending,
    single_reads,
    webhooks,
)
from workers.process import Process

INTERACTIVE, BULK = "interactive", "bulk"
RUN_SECONDS = 20.0  # a job begins no further step after this; the next job does the rest
REST = 1.0


@dataclass(frozen=True)
class Job:
    """A piece of due work. `key`: the id of an organisation, an import run or a delivery, as the kind has it.

    `lane`: a kind's jobs of different lanes do not wait for each other, and each lane has the kind's limit. Blank: the
    kind has one lane.
    """

    kind: str
    workspace: UUID
    key: UUID
    lane: str = ""

    @property
    def name(self) -> str:
        """The name of the piece of work, in the form that `door.due_jobs` uses."""
        return ":".join((self.kind, str(self.key), *([self.lane] if self.lane else ())))


def lane_of(name: str) -> str:
    """The kind and the lane of a job's name. The limit counts by these."""
    kind, _, rest = name.partition(":")
    return f"{kind}:{rest.partition(':')[2]}"


Step = Callable[[Process, Job], Awaitable[bool]]


@dataclass(frozen=True)
class JobKind:
    """`step` does the next piece of the work; False if there is nothing to do now.

    `limit`: how many jobs of one lane run at once in one worker. `urgent`: a person may wait for it. `repeats`: the step
    is done again while it does something. `rest`: seconds in which a job that found nothing to do is not tried again,
    unless something newer has become due.
    """

    step: Step
    limit: int
    urgent: bool = False
    repeats: bool = True
    rest: float = REST


def _by_ids(step: Callable[[Process, UUID, UUID], Awaitable[bool]]) -> Step:
    async def run(process: Process, job: Job) -> bool:
        return await step(process, job.workspace, job.key)

    return run


async def _send_contacts(process: Process, job: Job) -> bool:
    return await sending.send_contacts(process, job.workspace, job.key, bulk=job.lane == BULK)


async def _send_invoices(process: Process, job: Job) -> bool:
    return await invoicing.send_invoices(process, job.workspace, job.key, bulk=job.lane == BULK)


KINDS = {
    "send_contacts": JobKind(_send_contacts, limit=8, urgent=True),
    "send_statuses": JobKind(_by_ids(sending.send_statuses), limit=8, urgent=True),
    "send_invoices": JobKind(_send_invoices, limit=8, urgent=True),
    "read_contacts": JobKind(_by_ids(single_reads.read_due), limit=8, urgent=True),
    "recover_delivery": JobKind(_by_ids(recovery.recover), limit=8, repeats=False),
    "read_contact_webhooks": JobKind(_by_ids(webhooks.read_contacts), limit=8),
    "read_invoice_webhooks": JobKind(_by_ids(webhooks.read_invoices), limit=8),
    "poll_contacts": JobKind(_by_ids(polls.begin), limit=8, repeats=False),
    "poll_invoices": JobKind(_by_ids(invoice_reads.poll), limit=4),
    "read_catalogue": JobKind(_by_ids(catalogues.read_due), limit=2, repeats=False),
    "advance_import": JobKind(_by_ids(importing.advance), limit=4),
    "end_rate_limit": JobKind(_by_ids(polls.end_rate_limit), limit=4, repeats=False),
    "end_connection": JobKind(_by_ids(disconnecting.end_connection), limit=1, repeats=False, rest=600.0),
}


async def run(process: Process, job: Job, stop: asyncio.Event) -> bool:
    """Do the job until nothing is left, RUN_SECONDS are over or the process is to end. Gives whether it did something. An
    exception of a step is passed on: the work stays due. Log lines have the job and its workspace.

    A person's edit goes first: runtime.turns.
    """
    named = {"job": job.name, "workspace": str(job.workspace)}
    attributes = {"tandem.job": job.name, "tandem.workspace": named["workspace"]}
    with (
        structlog.contextvars.bound_contextvars(**named),
        tracing.traced(f"job {job.kind}", attributes=attributes),
        process.turns.taken_by(job.lane, urgent=KINDS[job.kind].urgent),
    ):
        return await _repeat(process, job, stop)


async def _repeat(process: Process, job: Job, stop: asyncio.Event) -> bool:
    kind, loop = KINDS[job.kind], asyncio.get_running_loop()
    until, did = loop.time() + RUN_SECONDS, False
    while await kind.step(process, job):
        did = True
        if not kind.repeats or stop.is_set() or loop.time() > until:
            break
    return did
