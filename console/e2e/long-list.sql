-- A practice with a long list: $1 is its id, $2 the number of its contacts. Through the API this would take many minutes.
insert into contact (workspace_id, id, name, first_name, kind, needs_review, billing_email, created_at, updated_at, version, name_key,
                     email_key, search_key, field_times, key_version)
select $1, gen_random_uuid(), 'Client ' || lpad(n::text, 7, '0'), 'First', 'ORGANISATION', false, 'c' || n || '@client.example', now(), now(),
       1, 'client ' || lpad(n::text, 7, '0'), 'c' || n || '@client.example', ' client ' || n, '{}', 1
  from generate_series(1, $2::int) n
