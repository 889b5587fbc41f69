"""An edit by meaning finds one place, changes only that, and survives refactoring."""

from pathlib import Path

import pytest

from tests.promises.edits import Edit, Stale, always, give, instead, never, omit, skip, sql, swap, when

CODE = '''\
"""A module with a word that is not ASCII: Müller."""

LIMIT = {"calls": 60}


class Client:
    async def send(self, row, now):
        """Send the row unless the lease has ended."""
        if row["lease"] <= now or row.body is None:
            return None
        due, row.attempts = "é", 0
        await outbox.write(row, key=row["key"], due=due)
        await outbox.mark(row)
        return [part for part in row.parts if not part.sent and part.size > LIMIT["calls"]]


def query(region):
    return f"""
        select a from b where a.state in ('X',
            'Y') and b.region = {region} limit 1
    """
'''


def changed(tmp_path: Path, edit: Edit, code: str = CODE) -> list[str]:
    """The lines that the edit removes and adds, without their indentation."""
    (tmp_path / "shop").mkdir(exist_ok=True)
    module = tmp_path / "shop" / "client.py"
    module.write_text(code)
    assert edit.apply(tmp_path) == module
    before, after = code.splitlines(), module.read_text().splitlines()
    compile("\n".join(after), "client.py", "exec")
    return [
        *(f"-{line.strip()}" for line in before if line not in after),
        *(f"+{line.strip()}" for line in after if line not in before),
    ]


@pytest.mark.parametrize(
    ("edit", "becomes"),
    [
        (never("shop:send", "lease"), "if False or row.body is None:"),
        (always("shop.client:Client.send", "lease body"), "if True:"),
        (when("shop:send", "lease", "OLD and now"), 'if (row["lease"] <= now and now) or row.body is None:'),
        (
            always("shop:send", "sent"),
            'return [part for part in row.parts if True and part.size > LIMIT["calls"]]',
        ),
        (skip("shop:send", "mark"), "pass"),
        (give("shop:send", "key", "'other'"), "await outbox.write(row, key=('other'), due=due)"),
        (give("shop:send", "attempts", "OLD + 1"), 'due, row.attempts = "é", (0 + 1)'),
        (give("shop:LIMIT", "calls", "61"), 'LIMIT = {"calls": (61)}'),
        (omit("shop:send", "key"), "await outbox.write(row, due=due)"),
        (swap("shop:send", "write(row, ...)", "other()"), "await other()"),
        (swap("shop:send", "row.key", "None"), "await outbox.write(row, key=None, due=due)"),
        (swap("shop:send", "row.lease <= ...", "now > 3"), "if (now > 3) or row.body is None:"),
        (swap("shop:LIMIT", "60", "61"), 'LIMIT = {"calls": 61}'),
        (instead("shop:send", "due attempts", "due = 1"), "due = 1"),
        (
            sql("shop:query", "in ('X', 'Y')", "= 'X'"),
            "select a from b where a.state = 'X' and b.region = {region} limit 1",
        ),
    ],
)
def test_an_edit_changes_one_place(tmp_path: Path, edit: Edit, becomes: str) -> None:
    *removed, added = changed(tmp_path, edit)
    assert removed
    assert all(line.startswith("-") for line in removed)
    assert added == f"+{becomes}"


def test_an_edit_keeps_the_old_code_next_to_the_new(tmp_path: Path) -> None:
    told = changed(tmp_path, instead("shop:send", "mark", "if now:\n    OLD\nlast()"))
    assert told == ["+if now:", "+last()"] or told == [
        "-await outbox.mark(row)",
        "+if now:",
        "+await outbox.mark(row)",
        "+last()",
    ]


@pytest.mark.parametrize(
    "edit",
    [
        never("shop:send", "nothing"),
        never("shop:other", "lease"),
        never("shop:query.send", "lease"),
        always("shop:send", "row now nothing"),
        swap("shop:send", "row", "None"),
        skip("shop:send", "outbox"),
        sql("shop:query", "select b", ""),
    ],
)
def test_an_edit_that_finds_no_place_or_several_is_stale(tmp_path: Path, edit: Edit) -> None:
    with pytest.raises(Stale):
        changed(tmp_path, edit)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('row["lease"]', "row.lease"),
        ("async def send(self, row, now):", "async def send(self, row, now: datetime) -> None:"),
        ('if row["lease"] <= now or row.body is None:', 'if (\n row["lease"]\n <= now or not row.body):'),
        ("class Client:", "class Client:\n    def other(self, lease):\n        return lease > 0\n"),
    ],
)
def test_a_refactoring_that_keeps_the_condition_keeps_the_edit(tmp_path: Path, old: str, new: str) -> None:
    assert old in CODE
    assert "False" in "".join(changed(tmp_path, never("shop:send", "lease now"), CODE.replace(old, new)))


def test_a_function_may_move_to_another_module_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "shop" / "deep").mkdir(parents=True)
    module = tmp_path / "shop" / "deep" / "moved.py"
    module.write_text(CODE)
    (tmp_path / "shop" / "client.py").write_text("from shop.deep.moved import Client as send\n")
    assert never("shop:send", "lease").apply(tmp_path) == module
