"""Decides about webhook events: which of them announce a change that is here already, and which need a read. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

# Xero stamps the event a little after the object, at most so much.
SLACK = timedelta(seconds=2)


@dataclass(frozen=True)
class InboxEvent:
    """The unread events of one object: the newest at `at`, and at `former_at` the newest other one before it.

    `received_at`: when the newest came, by our clock. `late`: a read has shown something older than this event already.
    """

    resource_id: UUID
    at: datetime
    late: bool
    former_at: datetime | None = None
    received_at: datetime | None = None


@dataclass(frozen=True)
class Known:
    """The known state of an object that was announced, by its id in Xero. All times are by Xero's clock.

    `updated_at`: Xero's stamp of what we have. `own_write_at`, `own_event_at`, `read_event_at`: see XeroContact.
    """

    resource_id: UUID
    updated_at: datetime
    in_flight: bool
    own_write_at: datetime | None = None
    own_event_at: datetime | None = None
    read_event_at: datetime | None = None
    own_write_after: datetime | None = None

    @property
    def awaits_own_event(self) -> bool:
        """Whether our own write made the stamp, and no event was counted as the event of this write yet."""
        told = [one for one in (self.own_event_at, self.read_event_at) if one is not None]
        return self.own_write_at == self.updated_at and all(one < self.updated_at for one in told)

    def is_soon_after_write(self, at: datetime) -> bool:
        """Whether our own write made the stamp, and the event came within two seconds after the stamp."""
        return self.own_write_at == self.updated_at and at <= self.updated_at + SLACK

    def overwrote(self, at: datetime) -> bool:
        """Whether our last write has overwritten, unread, the change that the event at this time announced."""
        if self.own_write_at is None or self.own_write_after is None:
            return False
        read = self.read_event_at is not None and at <= self.read_event_at
        return not read and self.own_write_after + SLACK < at < self.own_write_at

    def unread(self, event: InboxEvent) -> list[datetime]:
        """The events, oldest first, that may be newer than our data."""
        return [
            at
            for at in (event.former_at, event.at)
            if at is not None
            and at >= self.updated_at
            and at != self.own_event_at
            and (self.read_event_at is None or at > self.read_event_at)
        ]


@dataclass
class Judged:
    """The decision about each event. `own`: the event of our own write. `waiting`: to be read once the two seconds after
    our own write are certainly over. `busy`: to be read once the write that is in flight has ended."""

    done: list[InboxEvent] = field(default_factory=list)
    own: list[InboxEvent] = field(default_factory=list)
    waiting: list[InboxEvent] = field(default_factory=list)
    busy: list[InboxEvent] = field(default_factory=list)
    wanted: list[InboxEvent] = field(default_factory=list)


def judge(
    events: Sequence[InboxEvent],
    known: Mapping[UUID, Known],
    read_to: datetime | None,
    now: datetime,
    *,
    at_once: bool = False,
) -> Judged:
    """Sort events by the decision about them. No event is dropped that may announce somebody else's change.

    An event needs no read if we have a later stamp already, if a read has answered it, or if it is older than `read_to`,
    the time up to which everything was read. A write of our own accounts for one event within the two seconds after its
    stamp. Any other event of these two seconds may be somebody else's, and is read when they are over. It does not matter
    which of two events is ours: the second one is read in any case. An object that is not in `known` is read. `at_once`:
    somebody waits for the reads, so no read waits for the end of the two seconds.
    """
    judged = Judged()
    for event in events:
        if read_to is not None and event.at <= read_to:
            judged.done.append(event)
            continue
        one = known.get(event.resource_id)
        unread = one.unread(event) if one is not None else [event.at]
        if not unread:
            judged.done.append(event)
        elif one is None:
            judged.wanted.append(event)
        elif one.awaits_own_event and len(unread) == 1 and one.is_soon_after_write(unread[0]):
            judged.own.append(event)
        elif one.in_flight:
            judged.busy.append(event)
        elif (
            not at_once
            and one.is_soon_after_write(event.at)
            and event.received_at
            and now < event.received_at + SLACK
        ):
            judged.waiting.append(event)
        else:
            judged.wanted.append(event)
    return judged
