-- The figures of all workspaces for /metrics, which names none of them. `one` and `two` are the figure's labels.
-- jobs: the due jobs by kind. organisations: the connected ones by health. failing: links and invoices by failure code.
-- calls and bytes: to Xero today (UTC), by endpoint, and by endpoint and status. calls_left: the fewest of the day's calls that
-- an organisation has left.
create or replace function door.figures(p_now timestamptz)
returns table (name text, one text, two text, value bigint)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select 'jobs', j.kind, '', count(*) from door.due_jobs(p_now, p_now, '{}', 1000000) j group by j.kind
    union all
    select 'organisations', o.health, '', count(*) from organisation o
     where o.disconnected_at is null group by o.health
    union all
    select 'failing', 'link', coalesce(l.failure->>'code', 'unknown'), count(*)
      from organisation o join sync_link l on l.workspace_id = o.workspace_id and l.organisation_id = o.id
     where l.state = 'FAILING' group by 3
    union all
    select 'failing', 'invoice', coalesce(i.failure_code, 'unknown'), count(*)
      from organisation o join invoice i on i.workspace_id = o.workspace_id and i.organisation_id = o.id
     where i.sync_state = 'FAILING' group by 3
    union all
    select 'calls', t.endpoint, t.status::text, sum(t.calls) from xero_traffic t
     where t.day = (p_now at time zone 'UTC')::date group by t.endpoint, t.status
    union all
    select 'bytes', t.endpoint, '', sum(t.received) from xero_traffic t
     where t.day = (p_now at time zone 'UTC')::date group by t.endpoint
    union all
    select 'calls_left', '', '', min(b.day_remaining)
      from organisation o cross join lateral door.call_budgets(array[o.tenant_id], p_now) b
     where o.disconnected_at is null and b.day_remaining is not null
    having count(*) > 0
$$
