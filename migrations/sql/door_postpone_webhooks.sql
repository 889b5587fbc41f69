-- Workers of the version before call this until they are replaced.
-- Makes claimed webhook events due again at `p_until`. `p_read`: the object was read, and was older than its event.
create or replace function door.postpone_webhooks(
    p_organisation uuid, p_category text, p_resources uuid[], p_until timestamptz, p_read boolean
) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with held as (
        select e.tenant_id, e.category, e.resource_id
          from webhook_event e
          join organisation o on o.tenant_id = e.tenant_id and o.id = p_organisation
           and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
         where e.category = p_category and e.resource_id = any(p_resources)
         order by 1, 2, 3 for update of e
    )
    update webhook_event e set due_at = p_until, reads = e.reads + p_read::int from held
     where e.tenant_id = held.tenant_id and e.category = held.category and e.resource_id = held.resource_id
$$
