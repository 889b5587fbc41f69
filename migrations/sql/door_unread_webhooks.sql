-- Xero's ids of the objects that were announced to the organisation and have not been read yet, also while a reader has them.
create or replace function door.unread_webhooks(p_organisation uuid, p_category text) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select e.resource_id from webhook_event e
      join organisation o on o.tenant_id = e.tenant_id and o.id = p_organisation
       and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
     where e.category = p_category
$$
