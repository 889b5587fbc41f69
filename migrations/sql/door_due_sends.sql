-- Organisations with something to send. None before all was read again after a reconnect. `p_busy`: those that are at
-- it already.
create or replace function door.due_sends(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select l.workspace_id, l.organisation_id from sync_link l
      join organisation o on o.workspace_id = l.workspace_id and o.id = l.organisation_id
     where l.due_at is not null and coalesce(l.next_attempt_at, l.due_at) <= p_now and l.state in ('PENDING', 'FAILING', 'CONFLICT')
       and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and not o.catching_up
       and o.id <> all(p_busy)
       and (l.read_owed_at is null or l.read_owed_at < o.read_asked_at)
       and not exists (select 1 from delivery_member m
                        where m.workspace_id = l.workspace_id and m.link_id = l.id and m.open)
     group by 1, 2 order by bool_and(l.bulk), min(l.due_at) limit p_limit
$$
