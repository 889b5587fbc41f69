"""The breaches of the promises of live events and of the HTTP edge, as tests/promises/breaches.py has those of contacts."""

from tests.promises.breaches import breach
from tests.promises.edits import always, give, instead, never, skip

FEED = "tests/api/schema/test_event_feed.py"
STREAM = "tests/promises/test_stream.py"
WATCH = "tests/api/auth/test_token_watch.py"
ACCEPT = "tests/api/http/test_accept.py"
OUTAGE = "tests/api/http/test_outage.py"

LIVE = (
    breach(
        "live: an id of no organisation is followed for ever",
        f"{FEED}::test_wrong_arguments_are_refused_before_the_stream_begins",
        never("api.schema.live:_find_organisation", "key load"),
    ),
    breach(
        "live: subscriptions share objects that are older than their event",
        f"{FEED}::test_an_object_is_never_older_than_its_event",
        instead("api.event_feed:_Feed.round", "return Round", "pass"),
    ),
    breach(
        "live: a lost notification is never noticed",
        f"{FEED}::test_without_notifications_events_come_at_the_next_sweep",
        skip("api.event_feed:EventFeeds._sweep", "set"),
    ),
    breach(
        "live: each subscription reads the rows by itself",
        f"{FEED}::test_an_event_is_read_and_loaded_once_for_all_subscriptions",
        always("api.event_feed:_Feed.since", "at base after"),
    ),
    breach(
        "live: each subscription loads the objects by itself",
        f"{FEED}::test_an_event_is_read_and_loaded_once_for_all_subscriptions",
        always("api.event_feed:_Feed.round", "_round until"),
    ),
    breach(
        "live: a subscription that ends takes an object from the others",
        f"{FEED}::test_a_subscription_that_ends_while_it_waits_for_an_object_takes_nothing_from_the_others",
        never("api.relay.loaders:load", "shared"),
    ),
    breach(
        "live: a reader ends with the first trouble of the database",
        f"{FEED}::test_a_stream_outlives_a_busy_pool",
        instead("api.event_feed:_Feed._catch_up", "wait pause", "raise"),
    ),
    breach(
        "live: one event that cannot be shown ends the stream",
        f"{FEED}::test_an_event_that_cannot_be_shown_makes_clients_read_again_and_the_stream_goes_on",
        instead("api.schema.live:_update_or_resync", "Resync log_fault", "raise"),
    ),
    breach(
        "live: a counter that was set back is silence",
        f"{FEED}::test_a_counter_that_was_set_back_makes_clients_read_again",
        instead("api.event_feed:read_news", "return unknown", "pass"),
    ),
)

EDGE = (
    breach(
        "edge: a stream wins where its q equals JSON's",
        f"{ACCEPT}::test_json_wins_for_queries_wherever_its_q_is_equal_or_higher",
        instead(
            "api.http.accept:prefers_stream",
            "return EVENT_STREAM",
            "return weights.get(EVENT_STREAM, 0.0) >= max(weights.get(name, 0.0) for name in names)",
        ),
    ),
    breach(
        "edge: a subscription gets JSON wherever JSON is accepted",
        f"{ACCEPT}::test_a_subscription_streams_wherever_a_stream_is_accepted",
        never("api.http.view:_streams", "operation SUBSCRIPTION"),
    ),
    breach(
        "edge: trouble with the database is shown as a fault",
        f"{OUTAGE}::test_trouble_while_a_query_runs_is_no_fault",
        never("api.errors:_present", "DatabaseUnavailable"),
    ),
    breach(
        "edge: a lost answer to a commit is told as if nothing was saved",
        f"{OUTAGE}::test_a_mutation_says_whether_its_change_may_have_been_saved",
        never("api.errors:_present", "unsure"),
    ),
    breach(
        "edge: a subscription that cannot go on completes",
        f"{OUTAGE}::test_a_subscription_that_cannot_go_on_closes_its_socket_and_never_completes",
        never("api.errors:Errors.on_stream_result", "_is SUBSCRIPTION ended"),
    ),
    breach(
        "edge: no client hears when to try again",
        f"{OUTAGE}::test_trouble_while_a_query_runs_is_no_fault",
        skip("api.http.view:GraphQLView.create_response", "update"),
    ),
    breach(
        "edge: a revoked token keeps its open streams",
        f"{WATCH}::test_many_sockets_of_one_token_are_looked_at_once",
        skip("api.auth.token_watch:TokenWatch._look", "_end"),
    ),
    breach(
        "edge: an expired token keeps its streams until the next look",
        f"{WATCH}::test_a_token_ends_when_it_expires_and_not_at_the_next_look",
        give("api.auth.token_watch:TokenWatch._watch", "seconds", "look_at - loop.time()"),
    ),
)

BREACHES = (*LIVE, *EDGE)
