"""What would keep something from syncing, told before anything was tried."""

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay.loaders import NODES, load
from api.relay.node import Node
from api.schema.links import Remedy, SyncFailureCode


@strawberry.type(description="As SyncFailure, told before anything was tried.")
class SyncProblem:
    subject_keys: strawberry.Private[list[tuple[str, UUID]]]
    code: SyncFailureCode = strawberry.field(description="What it is, for programs.")
    message: str = strawberry.field(description="What it is, for people.")
    remedy: Remedy | None = strawberry.field(description="The mutation that mends it.")

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From {code, message, subjects: ['Type:uuid'], remedy}."""
        subjects = [one.partition(":") for one in told["subjects"]]
        return cls(
            subject_keys=[(kind, UUID(key)) for kind, _, key in subjects],
            code=SyncFailureCode(told["code"]),
            message=told["message"],
            remedy=Remedy(told["remedy"]) if told["remedy"] else None,
        )

    @strawberry.field(description="What it is about, such as the service type without an account.")
    async def subjects(self, info: Info[Context, None]) -> list[Node]:
        loading = [load(info.context, NODES[kind], key) for kind, key in self.subject_keys]
        found = [await one for one in loading]
        return [node for node in found if node is not None]
