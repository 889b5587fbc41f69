"""Idempotency keys: a create that a client repeats within 24 hours is done once."""

import hashlib
import json
from collections.abc import Mapping
from uuid import UUID

from domain.problems import Code, refuse
from domain.tables import IdempotencyKey
from domain.tx import Tx


async def answered(
    tx: Tx, operation: str, key: str | None, given: Mapping[str, object], makes: UUID
) -> UUID | None:
    """The id that the key's first request created. None for the first request, which then creates `makes`, and without a key.

    A second request at the same time waits for the first. Refuses (KEY_REUSED) the same key with another input.
    """
    if key is None:
        return None
    if not key.strip() or len(key) > 200:
        raise refuse(
            Code.INVALID,
            "An idempotency key has 1 to 200 characters, not all of them blank.",
            "idempotencyKey",
        )
    digest = hashlib.sha256(json.dumps(given, sort_keys=True, default=str).encode()).digest()
    await tx.run(
        "delete from idempotency_key where workspace_id = :ws and operation = :operation and key = :key"
        " and at < cast(:now as timestamptz) - interval '24 hours'",
        operation=operation,
        key=key,
    )
    fresh = await tx.run(
        "insert into idempotency_key (workspace_id, operation, key, input_hash, made, at)"
        " values (:ws, :operation, :key, :hash, :made, :now) on conflict do nothing",
        operation=operation, key=key, hash=digest, made=makes,
    )  # fmt: skip
    if fresh:
        return None
    before = await tx.session.get(IdempotencyKey, (tx.workspace, operation, key), populate_existing=True)
    if before is None or before.input_hash != digest:
        raise refuse(
            Code.KEY_REUSED,
            "This key was used within 24 hours for another input. Use a new key for each new request.",
            "idempotencyKey",
        )
    return before.made
