-- The calls that Xero still allows these organisations, from Xero's last answers. A minute or a day that has passed since the
-- answer counts as unused. `limited_until` is null once it has passed.
create or replace function door.call_budgets(p_tenants uuid[], p_now timestamptz)
returns table (tenant_id uuid, minute_remaining int, day_remaining int, day_limit int, limited_until timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select l.tenant_id,
           case when l.told_at <= p_now - interval '1 minute' then 60 else l.minute_remaining end,
           case when l.told_at <= p_now - interval '24 hours' then l.day_limit else l.day_remaining end,
           l.day_limit,
           case when l.until > p_now then l.until end
      from xero_limit l where l.tenant_id = any(p_tenants)
$$
