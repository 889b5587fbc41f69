"""Promise 12, where transactions begin: nothing of a workspace is left on the connection for whoever has it next."""

from uuid import uuid4

import pytest
import sqlalchemy as sa

from domain.tx import TANDEM
from runtime.database import connect
from tests.database import Place

COUNT = "select count(*) from workspace"


@pytest.mark.parametrize("fails", [False, True])
async def test_the_setting_of_the_workspace_ends_with_its_transaction(clean: Place, fails: bool) -> None:
    workspace = uuid4()
    database = connect(
        clean.app_url, pool_size=1, max_overflow=0
    )  # so that everybody has the same connection
    async with database.transaction(workspace, TANDEM) as tx:
        await tx.run("insert into workspace (id, name, currency, created_at) values (:ws, 'P', 'NZD', :now)")
    if fails:
        with pytest.raises(RuntimeError):
            async with database.transaction(workspace, TANDEM):
                raise RuntimeError
    async with database.door() as session:
        assert await session.scalar(sa.text(COUNT)) == 0
        assert not await session.scalar(sa.text("select current_setting('tandem.workspace', true)"))
    async with database.transaction(uuid4(), TANDEM) as tx:
        assert await tx.rows(COUNT) == [{"count": 0}]
    await database.close()
