"""Idempotency keys: a create that a client repeats within 24 hours is done once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from domain.problems import Code, Refused, refuse
from domain.tx import Tx

LONGEST = 200


@dataclass(frozen=True)
class Request:
    """A create that a client may repeat. `makes`: the id that the new object gets if this request is the first with its key."""

    key: str
    given: Mapping[str, object]
    makes: UUID

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(json.dumps(self.given, sort_keys=True, default=str).encode()).digest()


class _Kept(NamedTuple):
    key: str
    input_hash: bytes
    made: UUID


async def answered(
    tx: Tx, operation: str, key: str | None, given: Mapping[str, object], makes: UUID
) -> UUID | None:
    """The id that the key's first request created. None for the first request, which then creates `makes`, and without a key.

    A second request at the same time waits for the first. Refuses (KEY_REUSED) the same key with another input.
    """
    if key is None:
        return None
    [made] = await answered_all(tx, operation, [Request(key, given, makes)])
    if isinstance(made, Refused):
        raise made
    return None if made == makes else made


async def answered_all(tx: Tx, operation: str, requests: Sequence[Request]) -> list[UUID | Refused]:
    """For each request, return the id that the first request with its key has made or now makes, or the refusal. Runs three
    statements. Of several requests with one key, the first counts. The keys are locked in their order until the transaction
    ends.
    """
    first: dict[str, Request] = {}
    for request in requests:
        if _fits(request.key):
            first.setdefault(request.key, request)
    if not first:
        return [_misfit() for _ in requests]
    keys = sorted(first)
    await tx.run(
        "delete from idempotency_key where workspace_id = :ws and operation = :operation and key = any(:keys)"
        " and at < cast(:now as timestamptz) - interval '24 hours'",
        operation=operation,
        keys=keys,
    )
    await tx.run(
        "insert into idempotency_key (workspace_id, operation, key, input_hash, made, at)"
        " select :ws, :operation, n.key, n.hash, n.made, :now from unnest(cast(:keys as text[]),"
        " cast(:hashes as bytea[]), cast(:made as uuid[])) as n (key, hash, made) order by n.key on conflict do nothing",
        operation=operation,
        keys=keys,
        hashes=[first[key].digest for key in keys],
        made=[first[key].makes for key in keys],
    )
    found = await tx.read(
        _Kept,
        "select key, input_hash, made from idempotency_key where workspace_id = :ws and operation = :operation"
        " and key = any(:keys)",
        operation=operation,
        keys=keys,
    )
    kept = {one.key: one for one in found}
    return [_answer(kept.get(request.key), request) for request in requests]


async def forget(tx: Tx, operation: str, keys: Sequence[str]) -> None:
    """Free the keys of requests that this transaction refused after it had taken their keys."""
    if keys:
        await tx.run(
            "delete from idempotency_key where workspace_id = :ws and operation = :operation and key = any(:keys)",
            operation=operation,
            keys=list(keys),
        )


def _fits(key: str) -> bool:
    return bool(key.strip()) and len(key) <= LONGEST


def _misfit() -> Refused:
    return refuse(
        Code.INVALID,
        f"An idempotency key has 1 to {LONGEST} characters, not all of them blank.",
        "idempotencyKey",
    )


def _answer(kept: _Kept | None, request: Request) -> UUID | Refused:
    if not _fits(request.key):
        return _misfit()
    if kept is None or kept.input_hash != request.digest:
        return refuse(
            Code.KEY_REUSED,
            "This key was used within 24 hours for another input. Use a new key for each new request.",
            "idempotencyKey",
        )
    return kept.made
