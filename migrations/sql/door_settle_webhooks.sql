-- Takes out of the inbox what has been looked at; an event that came since stays.
create or replace function door.settle_webhooks(p_organisation uuid, p_resources uuid[], p_times timestamptz[])
returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from webhook_event e using organisation o, unnest(p_resources, p_times) as done(resource, at)
     where o.id = p_organisation and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
       and e.tenant_id = o.tenant_id and e.category = 'CONTACT' and e.resource_id = done.resource
       and e.event_at <= done.at
$$
