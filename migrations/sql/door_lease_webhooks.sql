-- Claims the due events in the inbox of one organisation of the transaction's workspace, oldest first, and leases them
-- until `p_until`. `p_only`: only events of these resources, even while they are still gathered; null: all due events.
create or replace function door.lease_webhooks(
    p_organisation uuid, p_category text, p_now timestamptz, p_until timestamptz, p_limit int, p_only uuid[]
) returns table (resource_id uuid, event_at timestamptz, former_at timestamptz, received_at timestamptz, reads int)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with due as (
        select e.tenant_id, e.category, e.resource_id from webhook_event e
          join organisation o on o.tenant_id = e.tenant_id
         where o.id = p_organisation and e.category = p_category
           and (e.due_at <= p_now or e.reads = 0 and e.resource_id = any(p_only))
           and (p_only is null or e.resource_id = any(p_only))
           and (e.lease_until is null or e.lease_until <= p_now)
           and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
         order by e.due_at, e.resource_id limit p_limit
           for update of e skip locked
    )
    update webhook_event e set due_at = p_until, lease_until = p_until from due
     where e.tenant_id = due.tenant_id and e.category = due.category and e.resource_id = due.resource_id
    returning e.resource_id, e.event_at, e.former_at, e.received_at, e.reads
$$
