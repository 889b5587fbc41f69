"""Discounts, item code and tracking of an invoice's lines; Xero's warnings about an invoice

Revision ID: invoice_lines
Revises: dispatcher
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "invoice_lines"
down_revision = "dispatcher"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoice_line", sa.Column("discount_rate", sa.Numeric(), nullable=True))
    op.add_column("invoice_line", sa.Column("discount_amount", sa.Numeric(), nullable=True))
    op.add_column("invoice_line", sa.Column("item_code", sa.String(), nullable=True))
    op.add_column("invoice_line", sa.Column("tracking", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column(
        "invoice", sa.Column("warnings", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("invoice", "warnings")
    for column in ("tracking", "item_code", "discount_amount", "discount_rate"):
        op.drop_column("invoice_line", column)
