"""Ends at Xero the connections that were ended here while a process died or Xero did not answer."""

from uuid import UUID

import sqlalchemy as sa
import structlog

from domain.connection import organisations
from domain.connection.organisations import Ended
from domain.tx import TANDEM
from workers.process import Process
from xero import oauth
from xero.errors import NeedsReconnect, XeroError

log = structlog.get_logger()


async def end_connection(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """End at Xero a connection that was ended here. False if it was ended already, or if Xero does not answer now."""
    async with process.database.transaction(workspace, TANDEM) as tx:
        ended = await organisations.find_ended(tx, organisation_id)
    if ended is None or not (await _is_live(process, ended.tenant_id) or await _deleted(process, ended)):
        return False
    async with process.database.transaction(workspace, TANDEM) as tx:
        await organisations.settle_ended(tx, ended)
    return True


async def _is_live(process: Process, tenant_id: UUID) -> bool:
    """Whether the same Xero organisation is connected again, perhaps in another workspace."""
    async with process.database.door() as session:
        live = await session.scalars(sa.text("select door.tenant_workspaces(:tenant)"), {"tenant": tenant_id})
        return live.first() is not None


async def _deleted(process: Process, ended: Ended) -> bool:
    """Whether the connection is gone at Xero, or its consent has ended and can end it no more."""
    tokens = process.tokens(ended.grant_id)
    try:
        token = await tokens.access_token()
        await oauth.delete_connection(process.http, process.app, token, ended.connection_id)
    except NeedsReconnect:
        return True
    except XeroError as error:
        log.warning("connection_not_deleted", connection=str(ended.connection_id), error=str(error))
        return False
    return True
