-- Deletes from the inbox the events that came before `p_began`, when a read of all changes began; an event that came since stays.
create or replace function door.settle_read_webhooks(p_organisation uuid, p_category text, p_began timestamptz)
returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with done as (
        select e.tenant_id, e.category, e.resource_id
          from webhook_event e
          join organisation o on o.tenant_id = e.tenant_id and o.id = p_organisation
           and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
         where e.category = p_category and e.received_at <= p_began
         order by 1, 2, 3 for update of e
    )
    delete from webhook_event e using done
     where e.tenant_id = done.tenant_id and e.category = done.category and e.resource_id = done.resource_id
$$
