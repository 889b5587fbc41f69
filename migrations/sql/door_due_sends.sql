-- Organisations with something to send, or with a Xero contact to be archived or restored. None before all was read
-- again after a reconnect. `p_busy`: those that are at it already.
create or replace function door.due_sends(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select due.workspace_id, due.organisation_id from (
        select l.workspace_id, l.organisation_id, l.bulk, l.due_at, l.read_owed_at from sync_link l
         where l.due_at is not null and coalesce(l.next_attempt_at, l.due_at) <= p_now
           and l.state in ('PENDING', 'FAILING', 'CONFLICT')
           and not exists (select 1 from delivery_member m
                            where m.workspace_id = l.workspace_id and m.link_id = l.id and m.open)
           and not exists (select 1 from owed_status s where s.workspace_id = l.workspace_id
                            and s.organisation_id = l.organisation_id and s.xero_contact_id = l.xero_contact_id)
        union all
        select s.workspace_id, s.organisation_id, false, s.due_at, null from owed_status s
         where s.due_at <= p_now and s.delivery_id is null
      ) due
      join organisation o on o.workspace_id = due.workspace_id and o.id = due.organisation_id
     where o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
       and not o.catching_up and o.mass_change is null and o.id <> all(p_busy)
       and (due.read_owed_at is null or due.read_owed_at < o.read_asked_at)
     group by 1, 2 order by bool_and(due.bulk), min(due.due_at) limit p_limit
$$
