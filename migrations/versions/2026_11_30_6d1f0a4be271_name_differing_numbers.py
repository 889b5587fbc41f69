"""name differing numbers: the reason IDENTIFIER_DIFFERS of match issues

Revision ID: 6d1f0a4be271
Revises: 0396940ea20f
"""

from alembic import op

revision = "6d1f0a4be271"
down_revision = "0396940ea20f"
branch_labels = None
depends_on = None

BEFORE = "'NAME_ONLY', 'EMAIL_ONLY', 'AMBIGUOUS', 'SIMILAR'"


def upgrade() -> None:
    _allow(f"{BEFORE}, 'IDENTIFIER_DIFFERS'")


def downgrade() -> None:
    op.execute("update match_issue set reason = 'AMBIGUOUS' where reason = 'IDENTIFIER_DIFFERS'")
    _allow(BEFORE)


def _allow(reasons: str) -> None:
    op.drop_constraint(op.f("ck_match_issue_matchissuereason"), "match_issue")
    op.create_check_constraint(
        op.f("ck_match_issue_matchissuereason"), "match_issue", f"reason in ({reasons})"
    )
