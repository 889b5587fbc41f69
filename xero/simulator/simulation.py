"""What runs on a world: its limits, remembered answers, faults, and the count of what was asked."""

import msgspec

from xero.simulator.faults import Faults
from xero.simulator.idempotency import IdempotencyStore
from xero.simulator.limits import RateLimiter
from xero.simulator.tokens import TokenIssuer
from xero.simulator.world import World


class Counts(msgspec.Struct):
    """Since the start. `writes` are requests other than GET; `creates` counts by ContactNumber ("" for none)."""

    calls: int = 0
    writes: int = 0
    answers: dict[str, int] = {}
    creates: dict[str, int] = {}


class Simulation:
    def __init__(self, world: World) -> None:
        self.world = world
        self.limiter = RateLimiter(world.seed)
        self.idempotency = IdempotencyStore(world.clock)
        self.faults = Faults(world.seed)
        self.tokens = TokenIssuer(world)
        self.counts = Counts()

    def count(self, method: str, status: int | str) -> None:
        """`status` is an HTTP status, or "cut" where the connection was cut instead."""
        self.counts.calls += 1
        self.counts.writes += method not in ("GET", "HEAD")
        self.counts.answers[str(status)] = self.counts.answers.get(str(status), 0) + 1

    def count_create(self, contact_number: str) -> None:
        self.counts.creates[contact_number] = self.counts.creates.get(contact_number, 0) + 1
