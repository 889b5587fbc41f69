-- Organisations of which the inbox holds something to be read by `p_until`, and from when on. Whatever a delta or the
-- first import reads, what was announced waits for the end of that; what takes longer keeps nobody waiting. `p_busy`:
-- those whose events are being read already.
create or replace function door.due_webhooks(p_category text, p_until timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid, due_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id, e.due_at
      from (select tenant_id, min(due_at) as due_at from webhook_event
             where category = p_category and due_at <= p_until group by 1) e
      join organisation o on o.tenant_id = e.tenant_id and o.disconnected_at is null
     where o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and o.started_at is not null
       and o.id <> all(p_busy)
       and not exists (select 1 from import_run r where r.workspace_id = o.workspace_id
                          and r.organisation_id = o.id and r.finished_at is null
                          and (r.purpose = 'DELTA' or o.read_cursor is null))
     order by e.due_at limit p_limit
$$
