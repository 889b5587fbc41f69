-- Workers of the version before call this until they are replaced.
-- Claims due webhook events of one organisation in the workspace of this transaction, oldest first. They are due again
-- at `p_until`, in case the reader is killed.
create or replace function door.claim_webhooks(
    p_organisation uuid, p_category text, p_now timestamptz, p_until timestamptz, p_limit int
) returns table (resource_id uuid, event_at timestamptz, reads int)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with due as (
        select e.tenant_id, e.category, e.resource_id from webhook_event e
          join organisation o on o.tenant_id = e.tenant_id
         where o.id = p_organisation and e.category = p_category and e.due_at <= p_now
           and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
         order by e.due_at, e.resource_id limit p_limit
           for update of e skip locked
    )
    update webhook_event e set due_at = p_until from due
     where e.tenant_id = due.tenant_id and e.category = due.category and e.resource_id = due.resource_id
    returning e.resource_id, e.event_at, e.reads
$$
