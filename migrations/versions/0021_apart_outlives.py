"""That two contacts were set apart outlives them, by keyed hashes

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FOREIGN_KEY = "fk_set_apart_workspace_id_contact_id"


def upgrade() -> None:
    op.add_column(
        "workspace",
        sa.Column("memory_key", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
    )
    op.drop_constraint(FOREIGN_KEY, "set_apart", type_="foreignkey")
    op.add_column("set_apart", sa.Column("contact_hash", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_set_apart_hash",
        "set_apart",
        ["workspace_id", "contact_hash"],
        postgresql_where=sa.text("contact_hash is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_set_apart_hash", table_name="set_apart")
    op.execute(
        "delete from set_apart a where not exists (select 1 from contact c where c.workspace_id = a.workspace_id"
        " and c.id = a.contact_id)"
    )
    op.drop_column("set_apart", "contact_hash")
    op.create_foreign_key(
        FOREIGN_KEY,
        "set_apart",
        "contact",
        ["workspace_id", "contact_id"],
        ["workspace_id", "id"],
        ondelete="CASCADE",
    )
    op.drop_column("workspace", "memory_key")
