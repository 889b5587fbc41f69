"""The breaches of live events and of the HTTP edge. tests/promises/breaches.py has those of contacts."""

from tests.promises.breaches import breach
from tests.promises.edits import always, give, instead, never, omit, skip, sql, swap

FEED = "tests/api/schema/test_event_feed.py"
STREAM = "tests/promises/test_stream.py"
MESSAGES = "tests/api/schema/test_messages.py"
WATCH = "tests/api/auth/test_token_watch.py"
ACCEPT = "tests/api/http/test_accept.py"
OUTAGE = "tests/api/http/test_outage.py"
RATES = "tests/api/guards/test_rate_limit.py"
SIGN_INS = "tests/api/auth/test_sign_in_limit.py"
STREAM_TRACES = "tests/api/http/test_stream_traces.py"
COST = "tests/api/guards/test_cost_report.py"
DOCUMENTS = "tests/api/guards/test_trusted_documents.py"
PROTECTION = "tests/runtime/commands/test_protection.py"
OPERATIONS = "tests/api/guards/test_operation_log.py"
ANSWERS = "tests/api/http/test_answers.py"
PROVIDER = "tests/api/auth/test_provider.py"
PEOPLE = "tests/api/auth/test_people.py"
COMPILED_READS = "tests/api/compiled/test_compiled.py"
WRITTEN = "tests/api/compiled/test_lists.py"
NESTED = "tests/api/compiled/test_nested_lists.py"
KNOWN_READS = "tests/api/http/test_reads.py"
DATABASE = "tests/runtime/test_database.py"

LIVE = (
    breach(
        "live: objects that were loaded once are shared for ever",
        "tests/api/schema/test_event_feed_memory.py::test_objects_that_were_loaded_for_an_event_are_shared_for_a_while",
        never("api.event_feed:_Feed.round", "_round until"),
    ),
    breach(
        "cache: a decision does not name the issues that it closed besides",
        f"{MESSAGES}::test_a_decision_names_the_other_issues_that_it_closed",
        give("api.mutations.issues:_payload", "also_closed_issue_ids", "[]"),
    ),
    breach(
        "live: a subscription to an unknown organisation is accepted",
        f"{FEED}::test_wrong_arguments_of_a_subscription_are_refused_before_it_begins",
        never("api.schema.live:_find_organisation", "key load"),
    ),
    breach(
        "live: subscriptions share objects that are older than their event",
        f"{FEED}::test_an_object_is_never_older_than_its_event",
        instead("api.event_feed:_Feed.round", "return Round", "pass"),
    ),
    breach(
        "live: a lost notification is never noticed",
        f"{FEED}::test_without_notifications_events_come_at_the_next_poll",
        skip("api.event_feed:EventFeeds._poll", "set"),
    ),
    breach(
        "live: each subscription reads the rows by itself",
        f"{FEED}::test_an_event_is_read_once_and_its_object_loaded_once_for_all_subscriptions",
        always("api.event_feed:_Feed.since", "at base after"),
    ),
    breach(
        "live: each subscription loads the objects by itself",
        f"{FEED}::test_an_event_is_read_once_and_its_object_loaded_once_for_all_subscriptions",
        always("api.event_feed:_Feed.round", "_round until"),
    ),
    breach(
        "live: a subscription that ends takes an object from the others",
        f"{FEED}::test_a_subscription_that_ends_during_a_shared_load_does_not_disturb_the_others",
        instead("api.relay.loaders:Reading.ended", "shield", "await self.done"),
    ),
    breach(
        "live: a reader ends with the first trouble of the database",
        f"{FEED}::test_a_stream_survives_a_busy_pool",
        instead("api.event_feed:_Feed._catch_up", "wait pause", "raise"),
    ),
    breach(
        "live: one event that cannot be shown ends the stream",
        f"{FEED}::test_an_event_that_cannot_be_shown_sends_resync_and_the_stream_goes_on",
        instead("api.schema.live:_update_or_resync", "Resync log_fault", "raise"),
    ),
    breach(
        "live: a counter that was set back delivers nothing",
        f"{FEED}::test_an_event_counter_that_was_set_back_sends_resync",
        instead("api.event_feed:read_news", "return unknown", "pass"),
    ),
)

EDGE = (
    breach(
        "edge: events end their lines with CR LF",
        f"{ACCEPT}::test_a_subscription_gets_a_stream_if_the_client_accepts_one",
        instead("api.http.streams:encode_event", "replace", "return super().encode_event(event, data)"),
    ),
    breach(
        "edge: a server that ends waits for its event streams",
        "tests/api/http/test_serve.py::test_a_server_that_ends_ends_its_event_streams",
        skip("api.http.serve:ApiServer.shutdown", "end"),
    ),
    breach(
        "edge: a stream wins where its q equals JSON's",
        f"{ACCEPT}::test_a_query_gets_json_if_its_q_is_equal_or_higher",
        instead(
            "api.http.accept:prefers_stream",
            "return EVENT_STREAM",
            "return weights.get(EVENT_STREAM, 0.0) >= _json_weight(weights)",
        ),
    ),
    breach(
        "edge: a subscription gets JSON wherever JSON is accepted",
        f"{ACCEPT}::test_a_subscription_gets_a_stream_if_the_client_accepts_one",
        never("api.http.view:_streams", "operation SUBSCRIPTION"),
    ),
    breach(
        "edge: an outage of the database is an internal error",
        f"{OUTAGE}::test_an_outage_during_a_query_is_unavailable_and_not_internal",
        never("api.errors:_present", "DatabaseUnavailable"),
    ),
    breach(
        "edge: a lost answer to a commit says that nothing was saved",
        f"{OUTAGE}::test_a_mutation_says_whether_its_change_may_have_been_saved",
        never("api.errors:_present", "unsure"),
    ),
    breach(
        "edge: a subscription that cannot go on completes",
        f"{OUTAGE}::test_a_failed_subscription_closes_its_socket_without_complete",
        never("api.errors:Errors.on_stream_result", "_is SUBSCRIPTION ended"),
    ),
    breach(
        "edge: no answer says when to try again",
        f"{OUTAGE}::test_an_outage_during_a_query_is_unavailable_and_not_internal",
        skip("api.http.view:GraphQLView.create_response", "update"),
    ),
    breach(
        "edge: a caller may ask for more than the minute allows",
        f"{RATES}::test_a_client_over_the_limit_learns_when_to_try_again",
        never("api.guards.spending:Spending.on_validate", "spent is_over pre_execution_errors"),
    ),
    breach(
        "edge: a plan does not count the objects of its answer",
        f"{COST}::test_a_plan_and_graphql_core_count_the_same",
        skip("api.compiled.plan:ObjectPlan.run", "count_nodes"),
    ),
    breach(
        "edge: no row that was read counts",
        f"{COST}::test_the_cost_is_the_objects_of_the_answer_and_the_rows_that_were_read",
        skip("runtime.database:DirectReader.records", "count_statement"),
    ),
    breach(
        "edge: a statement that finds nothing costs nothing",
        f"{COST}::test_the_cost_is_the_objects_of_the_answer_and_the_rows_that_were_read",
        swap("runtime.tally:count_statement", "STATEMENT + rows", "rows"),
    ),
    breach(
        "edge: no estimate learns from what a document has cost",
        f"{COST}::test_a_document_is_estimated_by_its_earlier_cost_in_the_workspace",
        skip("api.guards.cost_report:CostReport.get_results", "add"),
    ),
    breach(
        "edge: a token may be guessed as often as one likes",
        f"{SIGN_INS}::test_an_address_that_fails_too_often_is_refused_before_the_database_is_asked",
        skip("api.auth.sign_in_limit:SignInLimit.failed", "add"),
    ),
    breach(
        "edge: any client may name another address",
        f"{SIGN_INS}::test_a_client_without_a_trusted_proxy_cannot_name_another_address",
        omit("api.http.serve:server_config", "proxy_headers"),
    ),
    breach(
        "edge: the server closes a connection that a proxy still uses",
        "tests/api/http/test_serve.py::test_the_server_keeps_an_idle_connection_longer_than_proxies_do",
        omit("api.http.serve:server_config", "timeout_keep_alive"),
    ),
    breach(
        "edge: the operations of a socket are in no trace",
        f"{STREAM_TRACES}::test_each_operation_of_a_socket_has_a_span_in_the_trace_that_it_names",
        give("api.http.sockets:SocketHandler.run_operation", "parents", "[]"),
    ),
    breach(
        "edge: the log line of an event stream does not name its operation",
        f"{STREAM_TRACES}::test_an_event_stream_has_the_span_of_its_request_and_its_log_line_the_operation",
        skip("api.http.streams:begun", "bind_contextvars"),
    ),
    breach(
        "edge: the end of a stream that nobody reads is reported as a fault",
        "tests/api/http/test_streams.py::test_the_end_of_a_stream_that_nobody_waits_for_is_not_reported",
        skip("api.http.streams:_ask", "add_done_callback"),
    ),
    breach(
        "edge: each process counts by itself",
        f"{RATES}::test_all_processes_count_together_and_a_new_minute_begins_with_nothing_spent",
        never("api.guards.rate_limit:Rates._count", "_storage monotonic"),
    ),
    breach(
        "edge: no other process learns what this one has counted by itself",
        f"{RATES}::test_what_a_process_counts_by_itself_reaches_the_others",
        skip("api.guards.rate_limit:Rates.close", "_send"),
    ),
    breach(
        "edge: a process counts by itself until the whole budget is spent",
        f"{RATES}::test_from_half_of_a_budget_on_each_operation_is_counted_in_redis_before_it_runs",
        never("api.guards.rate_limit:Rates._count_here", "total unsent limit"),
    ),
    breach(
        "edge: nobody is let in while Redis is away",
        f"{RATES}::test_without_redis_a_process_counts_by_itself",
        instead("api.guards.rate_limit:Rates._count", "_away_until PAUSE", "raise"),
    ),
    breach(
        "edge: a hash stands for another document",
        f"{DOCUMENTS}::test_a_hash_must_be_that_of_the_document",
        never("api.guards.trusted_documents:TrustedDocuments.find_text", "SHA256 hexdigest"),
    ),
    breach(
        "edge: a text that is not in the manifest runs",
        f"{DOCUMENTS}::test_with_a_manifest_nothing_else_runs",
        never("api.guards.trusted_documents:TrustedDocuments._find_trusted", "text not in _texts"),
    ),
    breach(
        "doctor: a table without a policy is not noticed",
        f"{PROTECTION}::test_each_gap_between_the_workspaces_is_named_with_its_remedy",
        never("runtime.commands.protection:find_gaps", "policed"),
    ),
    breach(
        "doctor: a lost policy is not noticed",
        f"{PROTECTION}::test_each_gap_between_the_workspaces_is_named_with_its_remedy",
        never("runtime.commands.protection:find_gaps", "opened"),
    ),
    breach(
        "doctor: a lost table is not noticed",
        f"{PROTECTION}::test_what_the_newest_revision_has_and_the_database_lacks_is_named",
        give("runtime.commands.protection:find_missing", "tables", "set(metadata.tables)"),
    ),
    breach(
        "edge: clients make as many time series as they like",
        f"{OPERATIONS}::test_names_that_clients_choose_make_few_time_series",
        never("api.guards.operation_counts:OperationCounts._known", "MOST_NAMES LONGEST_NAME"),
    ),
    breach(
        "edge: anybody reads the metrics",
        f"{ANSWERS}::test_readyz_and_metrics_need_the_operators_token_if_one_is_set",
        never("api.http.health:_guarded", "compare_digest token None"),
    ),
    breach(
        "edge: the port of the operator serves nothing of its own",
        f"{ANSWERS}::test_the_operators_addresses_have_a_port_of_their_own",
        never("api.http.health:public_routes", "ops_port"),
    ),
    breach(
        "edge: an old process is not ready once the database is newer",
        f"{ANSWERS}::test_a_database_that_a_later_version_migrated_is_ready_and_an_older_one_is_not",
        instead("runtime.migrations:is_newer", "return revision", "return False"),
    ),
    breach(
        "edge: a revoked token keeps its open streams",
        f"{WATCH}::test_many_sockets_of_one_token_are_checked_once",
        skip("api.auth.token_watch:TokenWatch._recheck", "_end"),
    ),
    breach(
        "edge: an expired token keeps its streams until the next check",
        f"{WATCH}::test_a_token_ends_when_it_expires_and_not_at_the_next_check",
        give("api.auth.token_watch:TokenWatch._watch", "seconds", "recheck_at - loop.time()"),
    ),
)

SIGN_IN = (
    breach(
        "sign-in: a token for another server lets in",
        f"{PROVIDER}::test_a_token_that_is_not_for_this_server_now_is_refused",
        omit("api.auth.provider:Provider.__init__", "aud"),
    ),
    breach(
        "sign-in: any algorithm counts",
        f"{PROVIDER}::test_no_algorithm_counts_but_those_that_are_allowed",
        give("api.auth.provider:Provider.__init__", "algorithms", '["ES256", "RS256", "RS512", "none"]'),
    ),
    breach(
        "sign-in: a token for another purpose lets in",
        f"{PROVIDER}::test_a_token_that_is_not_for_this_server_now_is_refused",
        never("api.auth.provider:Provider._check_claims", "TYPES"),
    ),
    breach(
        "sign-in: each token with an unknown key asks the provider",
        f"{PROVIDER}::test_a_flood_of_unknown_keys_asks_the_provider_a_few_times",
        never("api.auth.provider:Provider._find_newer_keys", "MOST_READS READS_WITHIN"),
    ),
    breach(
        "sign-in: a result is kept for a key that is gone",
        f"{PROVIDER}::test_a_new_key_of_the_provider_is_accepted_at_once_and_an_old_one_until_it_is_removed",
        skip("api.auth.provider:Provider._replace_keys", "cache_clear"),
    ),
    breach(
        "sign-in: the header leads into any workspace",
        f"{PEOPLE}::test_a_person_of_two_practices_chooses_one_by_a_header",
        never("api.auth.people:People._read_claims", "workspace not in given"),
        swap("api.auth.people:People._read_claims", "given[workspace]", "given.get(workspace, Scope.ADMIN)"),
    ),
    breach(
        "sign-in: a signed-out person keeps open streams",
        f"{PEOPLE}::test_open_streams_end_for_a_signed_out_person_and_for_a_removed_key",
        instead("api.auth.people:_Found.has_signed_out", "return since", "return False"),
    ),
    breach(
        "sign-in: a stream outlives its token",
        f"{PEOPLE}::test_an_expired_token_ends_its_stream",
        swap("api.auth.people:People.find_viewer", "wanted.signed.expires_at", "None"),
    ),
    breach(
        "sign-in: a session that renews its token outlives the sign-out of its person",
        "tests/api/http/test_console_sign_in.py::test_renewed_tokens_do_not_outlive_the_sign_out_of_their_person",
        give("api:Sessions._renew", "began", "None"),
    ),
    breach(
        "sign-in: a sign-in at the provider ends in a browser that has not begun it",
        "tests/api/http/test_console_sign_in.py::test_only_the_browser_that_began_a_sign_in_ends_it",
        swap("api:SignIn.end", "hmac.compare_digest(...)", "True"),
    ),
    breach(
        "sign-in: a sign-in leads to another site",
        "tests/api/http/test_console_sign_in.py::test_a_sign_in_leads_back_into_the_console_only",
        swap("api:SignIn.begin", "PLACE.fullmatch(place)", "True"),
    ),
    breach(
        "sign-in: an API token ignores the workspace that the request names",
        f"{PEOPLE}::test_the_header_must_hold_one_id_of_a_workspace",
        never("api.auth.callers:Callers._find_token", "workspace_key"),
    ),
    breach(
        "sign-in: the last token with ADMIN can be revoked",
        "tests/api/schema/test_workspace.py::test_the_last_token_with_admin_stays_until_there_is_another",
        never("domain.practice.workspaces:revoke_token", "even_the_last ADMIN"),
    ),
)

COMPILED = (
    breach(
        "compiled: the first request decides @include for all",
        f"{COMPILED_READS}::test_an_operation_has_a_plan_for_each_outcome_of_its_directives",
        swap("api.compiled.run:Plans.find", "values.get(each)", "None"),
    ),
    breach(
        "compiled: plans are kept without bounds",
        f"{COMPILED_READS}::test_plans_are_bounded_in_number_and_in_fields",
        never("api.compiled.run:Plans._keep", "fields _most_fields"),
    ),
    breach(
        "compiled: what SQL cannot write is shown all the same",
        f"{WRITTEN}::test_a_value_that_sql_does_not_know_is_left_to_the_resolvers",
        never("api.compiled.sql:ListPlan.written", "UNEXPECTED text"),
    ),
    breach(
        "compiled: a reader is offered the actions of a writer",
        f"{NESTED}::test_failures_and_actions_of_links_have_the_same_bytes_both_ways",
        never("api.sql_fields:_actions", "WRITE"),
    ),
    breach(
        "compiled: a made-up name is compared as a name",
        f"{NESTED}::test_differences_of_links_have_the_same_bytes_both_ways",
        never("api.sql_fields:_differs", "NAME"),
    ),
    breach(
        "known reads: a browser's read takes the usual way",
        f"{KNOWN_READS}::test_the_clients_that_people_use_get_known_reads_as_they_get_others",
        always("api.http.reads:KnownReads.__call__", "is_browser"),
    ),
    breach(
        "known reads: a revoked token goes on reading",
        f"{KNOWN_READS}::test_a_token_that_has_ended_ends_known_reads_at_once",
        never("api.http.reads:KnownReads._answer", "extra"),
    ),
    breach(
        "known reads: the limit of the minute does not hold for them",
        f"{KNOWN_READS}::test_known_reads_count_for_the_minute",
        never("api.http.reads:KnownReads._answer", "is_over"),
    ),
    breach(
        "compiled: each row is read by itself",
        f"{COMPILED_READS}::test_objects_of_many_rows_are_read_in_one_batch",
        always("api.relay.loaders:Loader.load", "reading None"),
    ),
    breach(
        "documents: kept documents have no bound of memory",
        "tests/api/guards/test_query_cost.py::test_kept_documents_are_bounded_in_number_and_in_tokens",
        never("api.guards.document_cache:Documents.keep", "tokens _most_tokens"),
    ),
    breach(
        "limits: a known document costs what it cost at first",
        "tests/api/guards/test_query_cost.py::test_a_known_document_costs_what_its_variables_say",
        instead("api.guards.measured:Measured.holds_for", "return", "return True"),
    ),
    breach(
        "reads: a direct read can write",
        f"{DATABASE}::test_a_direct_read_sees_its_workspace_only_and_cannot_write",
        sql("runtime.database:Database.reading", "begin read only", "begin"),
    ),
    breach(
        "reads: the workspace of a direct read stays on the connection",
        f"{DATABASE}::test_a_direct_read_sees_its_workspace_only_and_cannot_write",
        sql("runtime.database:Database.reading", "', true)", "', false)"),
    ),
)

FILTERS = "tests/api/schema/lists/test_contact_filters.py"
LISTS = (
    breach(
        "lists: a link that its organisation holds up is not listed as FAILING",
        f"{FILTERS}::test_lists_by_link_equal_a_scan_of_all_contacts",
        give("api.schema.contacts:_in_states", "waits", "'false'"),
    ),
    breach(
        "lists: a contact with two links is counted twice",
        f"{FILTERS}::test_lists_by_link_equal_a_scan_of_all_contacts",
        sql("api.schema.contacts:_ONE_ORGANISATION", "< 2", "< 3"),
    ),
    breach(
        "lists: archived contacts are listed by their links",
        f"{FILTERS}::test_lists_by_link_equal_a_scan_of_all_contacts",
        swap(
            "api.schema.contacts:_of_links",
            'f"listed_link l{joined}"',
            """f"(select workspace_id, organisation_id, state, id as link_id, contact_id, (select name_key from contact c where c.id = contact_id) as name_key from sync_link) l{joined}" """,
        ),
    ),
    breach(
        "merges: each merge moves the memory by statements of its own",
        "tests/domain/inbound/test_link_endings.py::test_many_merges_take_as_many_statements_as_few",
        swap(
            "domain.inbound.link_endings:settle",
            "await _move_memory(tx, organisation, followed)",
            "[await _move_memory(tx, organisation, [one]) for one in followed]",
        ),
    ),
)

BREACHES = (*LIVE, *EDGE, *SIGN_IN, *COMPILED, *LISTS)
