-- Makes claimed events due again at `p_until`; an event that came since stays due as it is. `p_read`: the object has been read, and
-- was older than the event.
create or replace function door.put_off_webhooks(
    p_organisation uuid, p_category text, p_resources uuid[], p_times timestamptz[], p_until timestamptz, p_read boolean
) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with held as (
        select e.tenant_id, e.category, e.resource_id
          from webhook_event e
          join organisation o on o.tenant_id = e.tenant_id and o.id = p_organisation
           and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
          join unnest(p_resources, p_times) as looked(resource, at) on looked.resource = e.resource_id
         where e.category = p_category and e.event_at <= looked.at
         order by 1, 2, 3 for update of e
    )
    update webhook_event e set due_at = p_until, lease_until = null, reads = e.reads + p_read::int from held
     where e.tenant_id = held.tenant_id and e.category = held.category and e.resource_id = held.resource_id
$$
