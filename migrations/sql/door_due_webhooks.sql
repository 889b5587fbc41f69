-- Organisations about which the inbox holds contacts that have waited to be gathered.
create or replace function door.due_webhooks(p_before timestamptz, p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select distinct o.workspace_id, o.id from webhook_event e
      join organisation o on o.tenant_id = e.tenant_id and o.disconnected_at is null
     where e.category = 'CONTACT' and e.received_at <= p_before
       and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and o.started_at is not null
     limit p_limit
$$
