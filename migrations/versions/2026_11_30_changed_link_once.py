"""list the contact of a changed link once

Revision ID: changed_link_once
Revises: own_write_after
"""

from alembic import op

revision = "changed_link_once"
down_revision = "own_write_after"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(r"""
    -- Trigger on sync_link, after a row began or ended to be active, or moved to another contact: unlinked_contact and
    -- listed_link follow. A transaction that ends a link holds the lock of its contact. EXECUTE plans anew, as in
    -- door.list_contact.
    create or replace function door.list_changed_link() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
    declare
        moved uuid;
    begin
        if old.contact_id <> new.contact_id then
            execute 'delete from listed_link where workspace_id = $1 and link_id = $2' using new.workspace_id, new.id;
            execute 'insert into listed_link (workspace_id, link_id, organisation_id, state, name_key, contact_id)'
                ' select $1, $2, $3, $4, name_key, id from contact where workspace_id = $1 and id = $5 and archived_at is null'
                using new.workspace_id, new.id, new.organisation_id, new.state, new.contact_id;
        end if;
        foreach moved in array case when old.contact_id = new.contact_id then array[new.contact_id] else array[old.contact_id, new.contact_id] end loop
            delete from unlinked_contact where workspace_id = new.workspace_id and contact_id = moved;
            execute 'insert into unlinked_contact (workspace_id, contact_id, name_key) select workspace_id, id, name_key from contact'
                ' where workspace_id = $1 and id = $2 and archived_at is null and not exists (select from sync_link'
                ' where workspace_id = $1 and contact_id = $2 and state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT''))'
                ' on conflict do nothing' using new.workspace_id, moved;
        end loop;
        return null;
    end
    $$
    """)


def downgrade() -> None:
    op.execute(r"""
    -- Trigger on sync_link, after a row began or ended to be active, or moved to another contact: unlinked_contact and
    -- listed_link follow. A transaction that ends a link holds the lock of its contact. EXECUTE plans anew, as in
    -- door.list_contact.
    create or replace function door.list_changed_link() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
    declare
        moved uuid;
    begin
        if old.contact_id <> new.contact_id then
            execute 'delete from listed_link where workspace_id = $1 and link_id = $2' using new.workspace_id, new.id;
            execute 'insert into listed_link (workspace_id, link_id, organisation_id, state, name_key, contact_id)'
                ' select $1, $2, $3, $4, name_key, id from contact where workspace_id = $1 and id = $5 and archived_at is null'
                using new.workspace_id, new.id, new.organisation_id, new.state, new.contact_id;
        end if;
        foreach moved in array array[old.contact_id, new.contact_id] loop
            delete from unlinked_contact where workspace_id = new.workspace_id and contact_id = moved;
            execute 'insert into unlinked_contact (workspace_id, contact_id, name_key) select workspace_id, id, name_key from contact'
                ' where workspace_id = $1 and id = $2 and archived_at is null and not exists (select from sync_link'
                ' where workspace_id = $1 and contact_id = $2 and state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT''))'
                ' on conflict do nothing' using new.workspace_id, moved;
        end loop;
        return null;
    end
    $$
    """)
