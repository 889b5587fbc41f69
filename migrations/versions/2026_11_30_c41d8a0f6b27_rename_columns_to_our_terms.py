"""rename columns to our terms

Revision ID: c41d8a0f6b27
Revises: 789f00abdfd5
"""

from alembic import op

revision = "c41d8a0f6b27"
down_revision = "789f00abdfd5"
branch_labels = None
depends_on = None

CONSTRAINTS = (
    ("delivery", "ck_delivery_cargo", "ck_delivery_deliverypayload"),
    ("delivery_member", "ck_delivery_member_one_cargo", "ck_delivery_member_link_or_invoice"),
)


def upgrade() -> None:
    op.alter_column("delivery", "cargo", new_column_name="payload")
    op.alter_column("organisation", "looked_by_hand_at", new_column_name="manual_read_at")
    for table, old, new in CONSTRAINTS:
        op.execute(f"alter table {table} rename constraint {old} to {new}")


def downgrade() -> None:
    for table, old, new in CONSTRAINTS:
        op.execute(f"alter table {table} rename constraint {new} to {old}")
    op.alter_column("organisation", "manual_read_at", new_column_name="looked_by_hand_at")
    op.alter_column("delivery", "payload", new_column_name="cargo")
