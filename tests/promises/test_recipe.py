"""The recipe for a synced field in docs/ARCHITECTURE.md, applied to the letter, gives a working field."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.promises.mutants import copied, environment

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900
MIGRATION = """from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

revision, down_revision = "mobile", {head!r}


def upgrade() -> None:
    op.add_column("contact", sa.Column("mobile_phone", sa.String(), nullable=True))
    op.add_column("xero_contact", sa.Column("mobile", JSONB(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("xero_contact", "mobile")
    op.drop_column("contact", "mobile_phone")
"""


def steps() -> list[tuple[str, str]]:
    """Each file of the recipe, with its change as a diff."""
    text = (ROOT / "docs/ARCHITECTURE.md").read_text()
    recipe = text.partition("## To add a synced field\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"   ```diff\n   (\S+)\n(.*?)   ```", recipe, re.DOTALL)
    return [(file, re.sub(r"^   ", "", block, flags=re.MULTILINE)) for file, block in blocks]


def apply(path: Path, diff: str) -> None:
    """Lines that begin with + are inserted after the other lines, which occur once in the file."""
    lines = diff.splitlines(keepends=True)
    context = "".join(line[1:] for line in lines if not line.startswith("+"))
    added = "".join(line[1:] for line in lines if line.startswith("+"))
    text = path.read_text()
    assert text.count(context) == 1, f"{path}: {context}"
    path.write_text(text.replace(context, context + added))


def ran(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder, env=environment(folder), capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def head(folder: Path) -> str:
    script = "from runtime.migrations import head; print(head())"
    return ran(folder, "-c", script).strip()


def test_the_recipe_has_its_steps() -> None:
    assert [file for file, _ in steps()] == [
        "domain/tables/contacts.py",
        "domain/tables/contacts.py",
        "domain/tables/mirror.py",
        "domain/fields/synced.py",
    ]


@pytest.mark.timeout(SECONDS)
def test_the_recipe_ends_with_a_working_field() -> None:
    with copied() as folder:
        for file, diff in steps():
            apply(folder / file, diff)
        (folder / "migrations/versions/mobile.py").write_text(MIGRATION.format(head=head(folder)))
        script = "from api.root import schema; print(schema.as_str())"
        printed = ran(folder, "-c", script)
        assert printed.count("mobilePhone: String") == 3
        assert printed.count("mobile: String") == 1
        ran(
            folder, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
            "tests/promises/fifth_field.py", "tests/domain/fields",
        )  # fmt: skip
