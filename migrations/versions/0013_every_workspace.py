"""The operator's list of workspaces

Revision ID: 0013
Revises: 0012
"""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.execute((SQL / "door_every_workspace.sql").read_text())


def downgrade() -> None:
    op.execute("drop function door.every_workspace()")
