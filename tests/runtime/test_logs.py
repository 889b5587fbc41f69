import asyncio
import json
import logging
from contextlib import suppress
from uuid import uuid4

import pytest
import sqlalchemy as sa
import structlog

from domain.tx import TANDEM
from runtime import logs
from runtime.database import connect
from tests.database import Place, cut


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_values_that_look_like_secrets_are_hidden_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")
    structlog.get_logger().info(
        "connected",
        access_token="hush",
        headers={"Authorization": "Bearer hush", "Accept": "a"},
        address="redis://u:hush@h/0",
        tokens=2,
    )
    (line,) = lines(capsys)
    assert "hush" not in json.dumps(line)
    assert (line["tokens"], line["headers"]) == (2, {"Authorization": "[hidden]", "Accept": "a"})


def test_the_logs_of_libraries_have_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING", "json")
    logging.getLogger("other").info("quiet")
    logging.getLogger("other").warning("loud %s", "postgresql://u:hush@h/x", extra={"client_secret": "hush"})
    (line,) = lines(capsys)
    assert (line["event"], line["client_secret"]) == ("loud postgresql://u:[hidden]@h/x", "[hidden]")


PERSON: dict[str, object] = {"name": "Aroha Ngata", "email": "aroha@example.co.nz", "phone": "+64 9 555 0101"}
ADD = (
    "insert into app_user (workspace_id, id, subject, name, email, scopes)"
    " values (:ws, cast(:id as uuid), :phone, :name, :email, cast(:scopes as text[]))"
)
STATEMENTS: dict[str, tuple[str, dict[str, object]]] = {
    # PostgreSQL: 'DETAIL: Key (workspace_id, subject)=(…, +64 9 555 0101) already exists.'
    "a constraint": (ADD, PERSON | {"id": str(uuid4()), "scopes": []}),
    # PostgreSQL: 'invalid input syntax for type uuid: "Aroha Ngata"'
    "an invalid value": ("select cast(cast(:name as text) as uuid), :email, :phone", PERSON),
    # The driver: 'invalid input for query argument $2: 'Aroha Ngata' (expected …)'
    "a value of another type": (
        "select cast(:id as int), cast(:name as int), :email, :phone",
        PERSON | {"id": 1},
    ),
}


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("fault", STATEMENTS)
async def test_a_database_error_shows_no_value(
    clean: Place, capsys: pytest.CaptureFixture[str], fault: str, form: logs.Form
) -> None:
    statement, values = STATEMENTS[fault]
    database, workspace = connect(clean.app_url), uuid4()
    async with database.transaction(workspace, TANDEM) as tx:
        await tx.run(ADD, **(PERSON | {"id": str(uuid4()), "scopes": []}))
    logs.configure("INFO", form)
    try:
        async with database.transaction(workspace, TANDEM) as tx:
            await tx.run(statement, **values)
    except Exception:
        structlog.get_logger().exception("job_failed")
    await database.close()
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "sqlalchemy.exc" in shown
    assert [value for value in PERSON.values() if str(value) in shown] == []


async def test_a_connection_that_breaks_inside_a_statement_shows_no_value(
    clean: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a restart of PostgreSQL does to a worker."""
    database, begun = connect(clean.app_url, program="worker"), asyncio.Event()
    logs.configure("INFO", "json")

    async def work() -> None:
        try:
            async with database.transaction(uuid4(), TANDEM) as tx:
                begun.set()
                await tx.run("select pg_sleep(60), :name, :email, :phone", **PERSON)
        except Exception:
            structlog.get_logger().exception("job_failed")

    task = asyncio.create_task(work())
    await begun.wait()
    while not task.done():
        await cut(clean)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 0.2)
    await database.close()
    (line,) = lines(capsys)
    text = str(line["exception"])
    assert "select pg_sleep(60)" in text
    assert [value for value in PERSON.values() if str(value) in text] == []


async def test_no_engine_shows_the_values_of_a_statement(clean: Place) -> None:
    database = connect(clean.app_url)
    assert database.engine.sync_engine.hide_parameters
    async with database.door() as session:
        with pytest.raises(sa.exc.DBAPIError) as raised:
            await session.execute(sa.text("select 1 / :zero"), {"zero": 0})
    assert "hide_parameters" in str(raised.value)
    await database.close()
