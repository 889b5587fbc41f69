"""Which errors are passing trouble of the database, and which are mistakes of ours or bad data."""

import asyncpg
import sqlalchemy as sa

# How the SQLSTATEs begin that say: the connection failed, PostgreSQL shuts down or starts up, it has too many connections or
# no memory or disk left, it does not let this role in, the database does not exist, it ended a transaction that took too long.
NO_CONNECTION = ("08", "57P", "53", "28", "3D", "25P03", "25P04")
# The server has only rolled the transaction back, and a repeat can pass. Two transactions were in each other's way, or a lock did
# not become free in time. READ_ONLY: another server writes now, as after a failover.
IN_THE_WAY = ("40001", "40P01")
READ_ONLY = "25006"
ROLLED_BACK = (*IN_THE_WAY, "55P03", READ_ONLY)
AFTER_DISCONNECT = "8s2b"  # SQLAlchemy's code: a statement after the connection was lost


def why_unavailable(error: Exception) -> str | None:
    """The reason in words without addresses or values. None if the error lies in the statement or its data."""
    if isinstance(error, sa.exc.TimeoutError):
        return "no connection became free in time"
    if isinstance(error, OSError):
        return type(error).__name__
    if isinstance(error, sa.exc.PendingRollbackError) and error.code == AFTER_DISCONNECT:
        return "the connection was lost"
    state = sqlstate_of(error)
    if state.startswith(NO_CONNECTION) or state in ROLLED_BACK:
        return f"SQLSTATE {state}"
    lost = isinstance(error, asyncpg.InterfaceError) or (
        isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
    )
    return "the connection was lost" if lost else None


def sqlstate_of(error: BaseException) -> str:
    """The SQLSTATE of PostgreSQL's answer. Empty if there is none."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")
