"""Near-duplicates: by what contacts are found that no rule matches, and how alike they were

Revision ID: 0010
Revises: 0009
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
# As 0001 has it; a migration stands by itself.
CURRENT = "nullif(current_setting('tandem.workspace', true), '')::uuid"
PASSES = ("FULL_MATCHES", "ISSUES", "CREATIONS", "CHANGES")


def _passes(*passes: str) -> None:
    listed = ", ".join(f"'{one}'" for one in passes)
    op.execute("alter table import_run drop constraint ck_import_run_matchpass")
    op.execute(
        f"alter table import_run add constraint ck_import_run_matchpass check (match_pass in ({listed}))"
    )


def upgrade() -> None:
    _passes(*PASSES, "SIMILAR")
    op.add_column("contact", sa.Column("match_name", sa.Text(collation="C"), nullable=True))
    op.add_column(
        "contact", sa.Column("match_keys", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("xero_contact", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_contact_match_name",
        "contact",
        ["workspace_id", "match_name"],
        postgresql_using="gin",
        postgresql_ops={"match_name": "gin_trgm_ops"},
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index(
        "ix_contact_match_keys",
        "contact",
        ["workspace_id", "match_keys"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "likeness",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "contact_id"],
            ["contact.workspace_id", "contact.id"],
            name=op.f("fk_likeness_workspace_id_contact_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "xero_contact_id"],
            ["xero_contact.workspace_id", "xero_contact.id"],
            name=op.f("fk_likeness_workspace_id_xero_contact_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "xero_contact_id", "contact_id", name=op.f("pk_likeness")),
    )
    op.create_index("ix_likeness_contact", "likeness", ["workspace_id", "contact_id"], unique=False)
    op.execute("alter table likeness enable row level security")
    op.execute(f"create policy own_workspace on likeness using (workspace_id = {CURRENT})")
    op.get_bind().exec_driver_sql((SQL / "door_similar_contacts.sql").read_text())


def downgrade() -> None:
    op.execute("drop function door.similar_contacts")
    op.drop_table("likeness")
    op.drop_index("ix_contact_match_keys", table_name="contact")
    op.drop_index("ix_contact_match_name", table_name="contact")
    op.drop_column("xero_contact", "looked_at")
    op.drop_column("contact", "match_keys")
    op.drop_column("contact", "match_name")
    op.execute("update import_run set match_pass = 'FULL_MATCHES' where match_pass = 'SIMILAR'")
    _passes(*PASSES)
