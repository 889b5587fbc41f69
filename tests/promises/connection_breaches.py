"""The breaches of limits, tokens and retention, of the cost of requests, and of live events."""

from tests.promises.breaches import breach
from tests.promises.edits import always, give, instead, never, skip, sql, swap, when

LIMITS = "tests/domain/connection/test_call_budget.py"
GRANTS = "tests/domain/connection/test_oauth_grants.py"
SENDING = "tests/workers/test_sending.py"
ENGINE_TESTS = "tests/workers/test_arq_engine.py"
RESTORES = "tests/domain/connection/test_restored.py"
NUMBERS = "tests/domain/invoices/test_numbers.py"
ENDED = "test_a_grant_that_needs_a_new_consent_gives_no_lease_and_keeps_its_tokens"
FUNCTIONS = "migrations.versions"  # where the functions of schema `door` are

BUDGET = (
    breach(
        "limits: the minute counts from the start of a call",
        f"{LIMITS}::test_a_call_stays_in_the_minute_for_60_seconds_after_its_answer",
        sql(
            FUNCTIONS,
            "count(*) filter (where coalesce(ended_at, expires_at) > p_now - minute)",
            "count(*) filter (where taken_at > p_now - minute)",
        ),
    ),
    breach(
        "limits: a killed caller's minute is free at once",
        f"{LIMITS}::test_a_call_without_an_answer_stays_in_the_minute_after_its_hold",
        sql(
            FUNCTIONS,
            "count(*) filter (where coalesce(ended_at, expires_at) > p_now - minute)",
            "count(*) filter (where ended_at > p_now - minute)",
        ),
    ),
    breach(
        "limits: calls of other apps count for ever",
        f"{LIMITS}::test_calls_of_other_apps_stop_counting_after_their_minute",
        sql(FUNCTIONS, "if told.told_at <= p_now - minute then", "if false then"),
    ),
    breach(
        "limits: what other apps used of the day is ignored",
        f"{LIMITS}::test_calls_of_other_apps_count_for_the_day",
        sql(FUNCTIONS, "used_day + coalesce(others_day, 0) - coalesce", "used_day - coalesce"),
    ),
    breach(
        "limits: a later answer of another call ends a pause",
        f"{LIMITS}::test_an_answer_of_another_call_does_not_end_a_pause",
        sql(FUNCTIONS, "until = greatest(known.until, excluded.until)", "until = excluded.until"),
    ),
    breach(
        "limits: a call that is answered twice counts from its second answer",
        f"{LIMITS}::test_an_answer_that_is_stored_twice_counts_once_from_the_first",
        sql(FUNCTIONS, "where id = p_slot and ended_at is null returning", "where id = p_slot returning"),
    ),
    breach(
        "limits: the budget shown never gives a minute back",
        f"{LIMITS}::test_after_a_minute_and_a_day_all_calls_are_allowed_again",
        sql(FUNCTIONS, "when l.told_at <= p_now - interval '1 minute' then 60", "when false then 60"),
    ),
)

METER = (
    breach(
        "meter: counts are lost while PostgreSQL is away",
        "tests/domain/connection/test_traffic.py::test_counts_that_the_database_did_not_take_are_added_later",
        skip("domain.connection.traffic:Meter.flush", "add", beside="calls received unpacked"),
    ),
    breach(
        "meter: the second worker's counts replace those of the first",
        "tests/domain/connection/test_traffic.py::test_counts_of_two_workers_add_up_by_day_endpoint_and_status",
        sql(FUNCTIONS, "calls = known.calls + excluded.calls", "calls = excluded.calls"),
    ),
    breach(
        "meter: bytes are counted unpacked",
        "tests/domain/connection/test_traffic.py::test_the_client_counts_bytes_as_they_travelled_and_calls_without_an_answer",
        swap("xero.client:Client._send", "answer.num_bytes_downloaded", "len(answer.content)"),
    ),
)

TRACES = (
    breach(
        "traces: a change does not carry its request's trace",
        "tests/workers/test_tracing.py::test_a_mutation_its_job_and_its_call_at_xero_are_one_trace",
        skip("runtime.database:_write_events", "_mark_traced"),
    ),
    breach(
        "traces: a batch of several requests continues the first one's trace",
        "tests/workers/test_tracing.py::test_changes_of_two_requests_that_are_sent_together_are_linked",
        swap("runtime.tracing:traced", "len(distinct) == 1", "len(distinct) > 0"),
    ),
)

TOKENS = (
    breach(
        "tokens: a custom connection forgets its secret with its second token",
        f"{GRANTS}::test_a_custom_connection_fetches_a_token_before_it_ends_and_once_for_all_callers",
        swap(
            "xero.tokens:seal_client_token",
            "_Sealed(access_token=answer.access_token, client_secret=client_secret)",
            "_Sealed(access_token=answer.access_token)",
        ),
    ),
    breach(
        "tokens: a disconnect looks for a custom connection at Xero",
        "tests/api/consent/test_custom.py::test_disconnecting_leaves_the_custom_connection_at_xero",
        swap(
            "api.consent.custom:_choose",
            "Tenant(tenants[0].tenant_id, None, tenants[0].tenant_name)",
            "Tenant(tenants[0].tenant_id, tenants[0].id, tenants[0].tenant_name)",
        ),
    ),
    breach(
        "tokens: a lease is given for any version",
        f"{GRANTS}::test_a_lease_is_given_only_for_the_version_that_was_read",
        sql(FUNCTIONS, "where id = p_id and version = p_version and failed", "where id = p_id and failed"),
    ),
    breach(
        "tokens: a late result counts while another holds the lease",
        f"{GRANTS}::test_a_refresh_result_is_ignored_while_another_caller_holds_the_lease",
        sql(FUNCTIONS, "and version = p_version and lease_token = p_token", "and version = p_version"),
    ),
    breach(
        "tokens: a late release frees the lease of another",
        f"{GRANTS}::test_a_late_release_does_not_end_the_lease_of_another_caller",
        sql(
            FUNCTIONS,
            "lease_token = null where id = p_id and lease_token = p_token",
            "lease_token = null where id = p_id",
        ),
    ),
    breach(
        "tokens: a new consent leaves the lease of the old tokens",
        f"{GRANTS}::test_the_tokens_of_a_new_consent_can_be_refreshed_at_once",
        sql(FUNCTIONS, "lease_until = null, lease_token = null, failed = null", "failed = null"),
    ),
    breach(
        "tokens: a consent that has failed is kept alive for ever",
        f"{GRANTS}::test_a_grant_that_needs_a_new_consent_is_not_kept_alive",
        sql(FUNCTIONS, "where failed is null and refreshed_at < p_before", "where refreshed_at < p_before"),
    ),
    breach(
        "tokens: a consent that has failed gives a lease",
        f"{GRANTS}::{ENDED}",
        sql(FUNCTIONS, "version = p_version and failed is null", "version = p_version"),
    ),
    breach(
        "tokens: a consent that has failed loses its tokens",
        f"{GRANTS}::{ENDED}",
        sql(FUNCTIONS, "sealed = coalesce(p_sealed, sealed)", "sealed = coalesce(p_sealed, '')"),
    ),
    breach(
        "tokens: a lease ends before its call",
        f"{GRANTS}::test_a_lease_lasts_longer_than_a_call_that_xero_answers_at_the_last_moment",
        swap("domain.connection.oauth_grants", "timedelta(seconds=60)", "timedelta(seconds=10)"),
    ),
)

HELD = "tests/domain/connection/test_held_invoices.py"
MISSING = "tests/domain/outbound/test_missing_contacts.py"

ENDS = (
    breach(
        "connection: its end is not shown at due invoices",
        f"{HELD}::test_a_due_invoice_shows_the_end_until_xero_is_connected_again",
        skip("domain.connection.health:locked_out", "hold"),
    ),
    breach(
        "connection: its end does not wait for an invoice that is being sent",
        f"{HELD}::test_an_invoice_that_is_sent_while_the_connection_ends_shows_it",
        skip("domain.connection.health:locked_out", "lock_setup"),
    ),
    breach(
        "connection: an invoice that is freed after its end says nothing",
        f"{HELD}::test_an_invoice_that_is_freed_after_the_end_shows_it",
        skip("domain.invoices.deliveries:free", "hold"),
    ),
    breach(
        "missing: a scan alone fails a link",
        f"{MISSING}::test_a_link_goes_on_once_xero_shows_its_contact_again_without_a_change",
        sql("domain.mirror", "case when linked.yes then", "case when false then"),
    ),
    breach(
        "missing: a link whose contact nothing shows says nothing",
        f"{MISSING}::test_a_link_whose_contact_a_scan_and_a_read_by_itself_do_not_show_says_so",
        skip("domain.inbound.link_endings:settle", "not_shown"),
    ),
    breach(
        "missing: what depends on the contact is not applied",
        f"{MISSING}::test_what_depends_on_a_contact_goes_on_once_reads_by_themselves_do_not_show_it",
        sql("domain.mirror", "set missing_since = :now, dirty = true", "set missing_since = :now"),
    ),
)

CREATES = "tests/domain/contacts/test_creation.py"

SMALL = (
    breach(
        "merge: at equal times the practice wins",
        "tests/domain/fields/test_merge.py::test_the_later_of_two_edits_wins_and_at_equal_times_xero_does",
        swap("domain.fields:_winner", "practice_at > ...", "state.practice_at >= state.xero_at"),
    ),
    breach(
        "retention: an idempotency key lives for 24 minutes",
        "tests/domain/test_idempotency.py",
        sql("domain.idempotency:answered_all", "interval '24 hours'", "interval '24 minutes'"),
    ),
    breach(
        "creates: a repeated call makes a deleted contact again",
        f"{CREATES}::test_a_repeated_call_returns_its_contacts_and_makes_none",
        never("domain.contacts:create_all", "is_repeated"),
    ),
    breach(
        "creates: a refused row keeps its key",
        f"{CREATES}::test_a_refused_row_can_be_sent_again_with_its_key",
        skip("domain.contacts:create_all", "forget"),
    ),
    breach(
        "creates: two calls that refuse duplicates do not wait for each other",
        f"{CREATES}::test_of_two_calls_at_once_that_refuse_duplicates_one_creates",
        sql("domain.contacts:_refuse_duplicates", " for no key update", ""),
    ),
)

HOUSE = "tests/workers/test_housekeeping.py"
RETENTION_TESTS = "tests/runtime/test_retention.py"

RETENTION = (
    breach(
        "retention: live events are kept for 7 hours",
        f"{HOUSE}::test_a_live_event_is_kept_for_7_days",
        swap("runtime:EVENTS_KEPT", "timedelta(days=7)", "timedelta(hours=7)"),
    ),
    breach(
        "retention: webhook events are kept for 14 hours",
        f"{HOUSE}::test_an_unread_webhook_event_is_kept_for_14_days",
        swap("runtime:INBOX_KEPT", "timedelta(days=14)", "timedelta(hours=14)"),
    ),
    breach(
        "retention: a delivery is kept for an hour",
        f"{HOUSE}::test_an_ended_delivery_is_kept_for_a_day",
        swap("runtime:DELIVERIES_KEPT", "timedelta(days=1)", "timedelta(hours=1)"),
    ),
    breach(
        "retention: the bytes of a delivery without an end stay",
        f"{HOUSE}::test_the_bytes_of_an_open_delivery_are_deleted_after_a_day_by_housekeeping",
        sql(
            FUNCTIONS,
            "where claimed_at < p_before and body is not null",
            "where false",
        ),
    ),
    breach(
        "retention: an open delivery is deleted with the ended ones",
        HOUSE,
        sql(
            FUNCTIONS,
            "select ctid from delivery where ended_at < p_before",
            "select ctid from delivery where coalesce(ended_at, claimed_at) < p_before",
        ),
    ),
    breach(
        "retention: calls are forgotten while the day counts them",
        f"{RETENTION_TESTS}::test_calls_that_no_limit_counts_are_deleted",
        sql(FUNCTIONS, "taken_at < p_now - interval '26 hours'", "taken_at < p_now - interval '24 hours'"),
    ),
    breach(
        "retention: only one batch is deleted",
        f"{RETENTION_TESTS}::test_calls_that_no_limit_counts_are_deleted",
        instead("runtime.retention:delete_expired", "deleted int", "OLD\ndeleted = 0"),
    ),
    breach(
        "retention: the last finished run of each purpose is deleted",
        f"{RETENTION_TESTS}::test_finished_runs_are_deleted_except_for_the_last_of_each_purpose",
        sql(
            "migrations.versions",
            "where r.finished_at is not null and exists (",
            "where r.finished_at is not null and true or exists (",
        ),
    ),
    breach(
        "retention: an issue that a person decided is deleted",
        f"{RETENTION_TESTS}::test_closed_issues_are_deleted_unless_a_person_decided",
        sql("migrations.versions", "and resolution in ('CONFIRMED', 'OBSOLETE') and not reopened", ""),
    ),
)

COST = "tests/api/guards/test_query_cost.py"

EDGE = (
    breach(
        "edge: a fragment costs what it did at its first use",
        f"{COST}::test_a_fragment_costs_more_where_lists_are_longer",
        give("api.guards:_fragment", "key", "(name, 0, 0)"),
    ),
    breach(
        "edge: a fragment of a member's type costs nothing",
        f"{COST}::test_a_fragment_on_a_member_of_a_union_costs_that_types_fields",
        give("api.guards:_selections", "inner", "parent"),
    ),
    breach(
        "edge: a page by a variable without a value counts one",
        f"{COST}::test_a_page_size_in_a_variable_counts_as_its_value_or_the_largest",
        swap("api.guards:_number", "self.variables.get(...)", "self.variables.get(value.name.value, 1)"),
    ),
    breach(
        "edge: the cache forgets the document that came first, however much it is used",
        f"{COST}::test_the_document_cache_drops_the_least_recently_used_document",
        skip("api.guards:find", "move_to_end"),
    ),
)

FEED = "tests/api/schema/test_event_feed_memory.py"

LIVE = (
    breach(
        "live: the notification is cleared after the read",
        f"{FEED}::test_an_event_written_during_a_read_is_delivered",
        skip("api.event_feed:_catch_up", "clear"),
        instead("api.event_feed:_catch_up", "_append", "OLD\nself.woken.clear()"),
    ),
    breach(
        "live: a reader keeps every event",
        f"{FEED}::test_a_reader_keeps_few_events_and_delivers_older_ones_from_the_table",
        never("api.event_feed:_append", "KEPT"),
    ),
    breach(
        "live: a client gets from memory events that memory no longer holds",
        f"{FEED}::test_a_reader_keeps_few_events_and_delivers_older_ones_from_the_table",
        when("api.event_feed:since", "base after position", "not after <= self.position"),
        swap("api.event_feed:since", "len(self._rows) - missed", "max(0, len(self._rows) - missed)"),
    ),
    breach(
        "live: of two events of one link the changes are lost",
        f"{FEED}::test_two_events_of_one_link_deliver_the_changes_of_the_first",
        give("api.schema:_last_of_each", "activity", "row.activity_id"),
    ),
)

REFUSED = "tests/xero/test_client.py"
RIGHTS = "tests/workers/test_missing_rights.py"

REFUSALS = (
    breach(
        "rights: every 403 of Xero's is a disconnect",
        f"{REFUSED}::test_a_403_of_xeros_is_a_missing_right_where_the_organisation_is_connected",
        always("xero.client:_checked", "_is_connected"),
    ),
    breach(
        "rights: a proxy's 403 is Xero's",
        f"{REFUSED}::test_a_refusal_on_the_way_to_xero_is_no_answer_of_xeros",
        never("xero.answers:check", "is_from_the_way"),
    ),
    breach(
        "rights: any organisation of the token proves the connection",
        f"{REFUSED}::test_a_403_of_xeros_means_disconnected_where_connections_lacks_the_organisation",
        swap("xero.oauth:is_connected", "connection.tenant_id == tenant_id", "True"),
    ),
    breach(
        "rights: a right that is closed is asked for all the same",
        f"{REFUSED}::test_a_right_that_is_closed_costs_no_call_and_the_others_stay_open",
        never("xero.client:_answer", "closed now"),
    ),
    breach(
        "rights: the pause never grows",
        f"{RIGHTS}::test_a_closed_right_costs_few_calls_however_long_it_is_missing",
        give("domain.connection.rights:deny", "until", "tx.now + FIRST", "LONGEST"),
    ),
    breach(
        "rights: any right that is missing holds back the contacts",
        f"{RIGHTS}::test_without_a_right_that_contacts_do_not_need_contacts_are_read_and_sent",
        sql(
            "domain.connection.health",
            "coalesce(missing_rights ?| array['READ_CONTACTS', 'WRITE_CONTACTS'], false)",
            "missing_rights is not null",
        ),
    ),
)
PHONES = "tests/domain/fields/test_phones.py"
PHONE = (
    breach(
        "phones: what libphonenumber rearranges is split",
        f"{PHONES}::test_a_phone_that_libphonenumber_would_rearrange_stays_as_typed",
        never("domain.fields.phones:_is_plain", "before is None"),
        swap("domain.fields.phones:_is_plain", "before in ...", "True"),
    ),
    breach(
        "phones: another country's international prefix is the region's",
        f"{PHONES}::test_a_phone_that_libphonenumber_would_rearrange_stays_as_typed",
        swap("domain.fields.phones:_is_dialled_from", "bool(...)", "True"),
        swap("domain.fields.phones:_is_dialled_from", "_is_apart(...)", "True"),
    ),
    breach(
        "phones: a country of Xero's that is no country code gets a +",
        f"{PHONES}::test_the_three_parts_of_a_phone_are_joined_to_one_text",
        always("domain.fields.phones:join_phone", "known"),
    ),
    breach(
        "phones: letters beside a country code are dropped",
        f"{PHONES}::test_the_three_parts_of_a_phone_are_joined_to_one_text",
        always("domain.fields.phones:join_phone", "_COUNTRY"),
    ),
)
UNNAMED = "tests/domain/matching/test_unnamed.py"
DROPPED = "tests/domain/outbound/test_dropped_characters.py"

VALUES = (
    breach(
        "names: a made-up name counts as the practice's",
        f"{UNNAMED}::test_an_unnamed_contact_gets_a_readable_name_and_is_to_be_reviewed",
        never("domain.fields.synced:without_made_up", "made_up"),
    ),
    breach(
        "names: a made-up name is sent with another field",
        f"{UNNAMED}::test_another_field_of_xeros_leaves_the_made_up_name_as_it_is",
        give("domain.links.starting:_contact_row", "name_made_up", "False"),
    ),
    breach(
        "names: a made-up name keeps the email that the contact had",
        f"{UNNAMED}::test_a_made_up_name_follows_the_email_of_which_it_was_made",
        never("domain.links.starting:_contact_row", "_made_up_of_email"),
    ),
    breach(
        "names: a push calls an unnamed Xero contact None",
        f"{UNNAMED}::test_a_push_says_of_an_unnamed_xero_contact_that_it_has_no_name",
        swap("domain.actions.push:_quoted", "f\"'{name}'\" if name else ...", "f\"'{name}'\""),
    ),
    breach(
        "names: a name that Xero loses is lost here",
        f"{UNNAMED}::test_a_name_that_xero_loses_stays_here",
        never("domain.fields.merge:merge", "required"),
    ),
    breach(
        "characters: a value without its emoji is another value",
        f"{DROPPED}::test_nor_is_it_lost_where_the_answer_was_lost",
        never("domain.fields.merge:merge", "is_stored_form"),
    ),
    breach(
        "characters: a read without the emoji frees the write",
        f"{DROPPED}::test_nor_is_it_lost_where_the_answer_was_lost",
        swap("domain.outbound.contact_deliveries:_has_landed", "is_stored_form(...)", "False"),
        never("domain.fields.merge:merge", "is_stored_form"),
    ),
)

RESTORED = (
    breach(
        "restore: the old consents stay",
        "tests/runtime/commands/test_restore.py::test_consents_end_and_a_repeat_changes_nothing",
        skip("runtime.commands.restore:begin", "fail"),
    ),
    breach(
        "restore: changes are sent before all of Xero is read",
        f"{RESTORES}::test_nothing_is_sent_before_a_new_consent_and_a_read_of_all_of_xero",
        skip("domain.connection.restored:mark", "locked_out"),
    ),
    breach(
        "restore: the filter hides a push of the lost day",
        f"{RESTORES}::test_a_push_after_the_backup_takes_part_in_matching_under_every_filter",
        sql("domain.matching:included", "or {restored.lost_push(x)}", ""),
    ),
    breach(
        "restore: a cursor of the lost day misses events",
        "tests/runtime/commands/test_restore.py::test_a_cursor_from_before_the_restore_is_answered_with_a_resync",
        sql("domain.connection.restored:mark", "event_counter.position + :n", "event_counter.position"),
    ),
    breach(
        "restore: a number that Xero has is drawn again",
        f"{NUMBERS}::test_the_sequence_moves_past_the_highest_number_in_xero",
        skip("domain.invoices.reads:apply", "note_shown"),
    ),
    breach(
        "restore: a number is drawn before Xero's are read",
        f"{NUMBERS}::test_no_number_is_drawn_before_xeros_numbers_are_read",
        never("domain.invoices.numbers:draw_number", "unread"),
    ),
)

ENGINE = (
    breach(
        "engine: the organisation is read once more for the claim",
        f"{SENDING}::test_nine_statements_in_one_transaction_run_between_a_due_mark_and_its_call",
        swap(
            "workers.delivery_attempts:send",
            "claim(tx, organisation)",
            "claim(tx, await organisation_copy.get(tx, organisation_id))",
        ),
    ),
    breach(
        "engine: a job that another worker has done is begun",
        f"{ENGINE_TESTS}::test_a_job_that_another_worker_has_done_is_not_claimed",
        swap("workers.arq_engine:_claim", "int(score)", "int(score or 1)"),
        swap("workers.arq_engine:_claim", "score is None", "score == 0"),
    ),
    breach(
        "engine: a job that another worker runs is begun",
        f"{ENGINE_TESTS}::test_a_job_that_another_worker_has_done_is_not_claimed",
        give("workers.arq_engine:_claim", "nx", "False"),
    ),
    breach(
        "engine: a mark of a clock that is ahead waits for the sweep",
        "tests/workers/test_dispatcher.py::test_a_search_that_a_notification_caused_is_repeated_soon",
        swap("workers.dispatcher:pause_after", "min(until_due, AGAIN_SECONDS)", "until_due"),
    ),
    breach(
        "engine: the jobs of a worker are claimed one by one",
        f"{ENGINE_TESTS}::test_many_jobs_cost_as_many_round_trips_to_redis_as_one",
        instead("workers.arq_engine:start_jobs", "_claim", "[await self._claim([one]) for one in chosen]"),
    ),
)

BREACHES = (
    *ENGINE,
    *RESTORED,
    *METER,
    *TRACES,
    *REFUSALS,
    *PHONE,
    *VALUES,
    *BUDGET,
    *TOKENS,
    *ENDS,
    *SMALL,
    *RETENTION,
    *EDGE,
    *LIVE,
)
