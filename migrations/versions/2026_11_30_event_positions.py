"""tell the positions of live events

Revision ID: 340340a97629
Revises: b664157709d2
"""

from alembic import op

revision = "340340a97629"
down_revision = "b664157709d2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(r"""
    -- The position of the last live event in each of these workspaces. A workspace without events has no row.
    create or replace function door.event_positions(p_workspaces uuid[])
    returns table (workspace_id uuid, "position" bigint)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
        select c.workspace_id, c.position from event_counter c where c.workspace_id = any(p_workspaces)
    $$
    """)


def downgrade() -> None:
    op.execute(r"""
    drop function door.event_positions(uuid[])
    """)
