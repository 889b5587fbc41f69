-- What the inbox holds of one organisation of the workspace set in this transaction, oldest first.
create or replace function door.read_webhooks(p_organisation uuid, p_limit int)
returns table (resource_id uuid, event_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select e.resource_id, e.event_at from webhook_event e
      join organisation o on o.tenant_id = e.tenant_id
     where o.id = p_organisation and e.category = 'CONTACT'
       and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
     order by e.received_at, e.resource_id limit p_limit
$$
