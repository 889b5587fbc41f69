"""When an event in the inbox is to be read, and since when no call to an organisation gets through

Revision ID: 0005
Revises: 0004
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
DOORS = (
    "receive_webhooks",
    "due_webhooks",
    "claim_webhooks",
    "postpone_webhooks",
    "settle_webhooks",
    "last_webhook_at",
    "forget_inbox",
    "forget_deliveries",
    "limits_over",
    "due_deliveries",
    "due_polls",
)
CHANGED = ("call_budgets", "due_runs", "due_reads")
TIMES = ("limited_until", "failing_since")


def upgrade() -> None:
    op.drop_index("ix_webhook_event_tenant", table_name="webhook_event")
    op.add_column(
        "webhook_event",
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.alter_column("webhook_event", "due_at", server_default=None)
    op.add_column("webhook_event", sa.Column("reads", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_webhook_event_due", "webhook_event", ["category", "due_at"], unique=False)
    for name in TIMES:
        op.add_column("organisation", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "organisation",
        sa.Column("catching_up", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    for door in (*DOORS, *CHANGED):
        op.get_bind().exec_driver_sql((SQL / f"door_{door}.sql").read_text())


def downgrade() -> None:
    for door in DOORS:
        op.execute(f"drop function door.{door}")
    op.drop_column("organisation", "catching_up")
    for name in TIMES:
        op.drop_column("organisation", name)
    op.drop_index("ix_webhook_event_due", table_name="webhook_event")
    op.drop_column("webhook_event", "reads")
    op.drop_column("webhook_event", "due_at")
    op.create_index("ix_webhook_event_tenant", "webhook_event", ["tenant_id", "received_at"], unique=False)
