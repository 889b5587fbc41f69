"""The breaches of the contacts' promises that `make mutants` puts into the code, and the tests that must then fail.

Each breach is a mistake that is easily made. If two places enforce one rule, the breach edits both, because the other
place would hide the mistake: an unsynced link is not claimed because of its state, and because it has no due mark.
tests/promises/edits.py says how an edit is written.
"""

from dataclasses import dataclass

from tests.promises.edits import Edit, always, give, instead, never, omit, skip, sql, swap, when


@dataclass(frozen=True)
class Breach:
    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def breach(name: str, test: str, *edits: Edit) -> Breach:
    return Breach(name, edits, (test,))


INBOUND = "tests/domain/inbound/test_apply.py"
DELIVERIES = "tests/domain/outbound/test_contact_deliveries.py"
SNAPSHOTS = "tests/domain/inbound/test_snapshots.py"
HISTORIES = "tests/domain/inbound/test_histories.py"
MATCHING = "tests/domain/matching/test_plan.py"
ISSUES = "tests/domain/matching/test_issues.py"
ENDINGS = "tests/domain/inbound/test_link_endings.py"
APART = "tests/domain/decisions/test_kept_apart.py"
BRAKE = "tests/domain/inbound/test_mass_change.py"
SURE = "tests/domain/matching/test_sure.py"
NUMBERS = "tests/domain/matching/test_identifiers.py"
LIKENESS = "tests/domain/matching/test_near_duplicates.py"
LIKEST = "tests/domain/matching/test_likest_beside_fits.py"
_BESIDE = "where s.free and (s.id, c.id) not in (select p.xid, p.cid from pair p)"
SENDING = "tests/workers/test_sending.py"
BATCHES = "tests/workers/test_batches.py"
LOST = "tests/workers/test_lost_answers.py"
BESIDE = "tests/workers/test_during_scan.py"
BY_HAND = "tests/workers/test_actions.py"
RESENDS = "tests/workers/test_refused_resends.py"
PUSHES = "tests/workers/test_pushes.py"
UNSYNCED = "tests/api/schema/test_unsynced.py"

MERGE = (
    breach(
        "merge: base is the contact's present value",
        f"{SENDING}::test_a_value_typed_while_a_write_is_uncertain_is_sent_next",
        give(
            "domain:_acknowledge",
            "base_practice",
            "OLD | {n: stored(v) for n, v in link.practice.items() if n in sent}",
        ),
    ),
    breach(
        "merge: the answer moves all bases",
        f"{DELIVERIES}::test_an_answer_moves_the_base_values_of_the_sent_fields_only",
        give(
            "domain:_acknowledge",
            "base_xero",
            "OLD | {name: stored(value) for name, value in returned.items()}",
        ),
    ),
    breach(
        "merge: the practice wins and only half of the base moves",
        f"{INBOUND}::test_a_value_typed_back_to_the_base_is_sent_if_xero_holds_another",
        swap(
            "domain.fields:merge",
            "Merged(state.practice, state.xero, state.xero, ...)",
            "Merged(state.practice, state.base_practice, state.xero, state.xero, Side.XERO)",
        ),
    ),
    breach(
        "merge: a stale page is applied",
        f"{SNAPSHOTS}::test_the_newest_snapshot_holds_in_any_order_of_arrival",
        sql(
            "domain.mirror",
            "n.updated_at < x.updated_at then 'OLDER'",
            "n.updated_at < x.updated_at then 'NEW'",
        ),
    ),
    breach(
        "merge: equal stamps are applied as newer",
        f"{SNAPSHOTS}::test_different_snapshots_with_one_stamp_are_read_again_and_the_new_read_holds",
        sql(
            "domain.mirror",
            "n.updated_at > x.updated_at then 'NEW'",
            "n.updated_at >= x.updated_at then 'NEW'",
        ),
    ),
    breach(
        "merge: equal stamps are dropped",
        f"{SNAPSHOTS}::test_between_snapshots_with_one_stamp_the_later_read_decides_about_flags",
        sql(
            "domain.mirror",
            "n.updated_at < x.updated_at then 'OLDER'",
            "n.updated_at <= x.updated_at then 'OLDER'",
        ),
    ),
    breach(
        "merge: a read that equals the value in flight acknowledges it",
        f"{INBOUND}::test_a_read_does_not_merge_a_field_of_an_open_delivery",
        when("domain:decide", "in_flight", "OLD and not same(name, xero[name], practice[name], self.region)"),
    ),
    breach(
        "merge: values shown during a write are forgotten",
        f"{HISTORIES}::test_a_read_during_a_delivery_does_not_decide_about_the_fields_in_flight",
        instead("domain:decide", "_note", "self.owes_read = True"),
    ),
    breach(
        "merge: no re-read after a cut read",
        f"{HISTORIES}::test_a_freed_delivery_reads_the_contact_before_it_is_claimed_again",
        sql("domain:request_reads", "least(x.read_due_at, :now)", "x.read_due_at"),
    ),
    breach(
        "merge: the claim does not wait for the re-read",
        f"{DELIVERIES}::test_a_link_that_must_be_read_first_is_not_claimed",
        sql(
            "domain.outbound:_Wanted.condition",
            "l.read_owed_at is null or l.read_owed_at < cast(:read as timestamptz)",
            "true or cast(:read as timestamptz) is null",
        ),
    ),
)

DELIVERY = (
    breach(
        "delivery: updates are resent at any time",
        f"{SENDING}::test_an_unanswered_update_is_read_and_not_resent_after_four_minutes",
        when(
            "domain.outbound:plan_recovery",
            "RESEND_WITHIN changed_meanwhile",
            "delivery.kind is DeliveryKind.UPDATE or now - delivery.claimed_at < RESEND_WITHIN",
        ),
    ),
    breach(
        "delivery: updates are resent after a read showed a newer value",
        f"{LOST}::test_a_delivery_is_not_sent_again_after_a_read_showed_a_newer_value",
        always("domain.outbound:plan_recovery", "changed_meanwhile"),
    ),
    breach(
        "delivery: one read frees an UNCERTAIN update",
        f"{BY_HAND}::test_a_retry_does_not_free_an_uncertain_delivery_early",
        always("domain.outbound:plan_recovery", "landed"),
    ),
    breach(
        "delivery: 500 to an update counts as done",
        f"{LOST}::test_a_500_to_an_update_leaves_the_delivery_uncertain",
        instead(
            "workers:_unanswered",
            "wait",
            """
            await tx.run(
                "update sync_link l set base_practice = l.base_practice || m.sent, base_xero = l.base_xero || m.sent"
                " from delivery_member m where m.delivery_id = :id and l.id = m.link_id", id=delivery.id)
            await attempt.rules.free(tx, attempt.claimed)
            """,
        ),
    ),
    breach(
        "delivery: 500 to an update counts as not done",
        f"{LOST}::test_a_500_to_an_update_leaves_the_delivery_uncertain",
        instead("workers:_unanswered", "wait", "await attempt.rules.free(tx, attempt.claimed)"),
    ),
    breach(
        "delivery: 429 to a resend frees the members",
        f"{LOST}::test_a_429_to_a_resent_contact_says_nothing_about_the_first_send",
        always("workers:_later", "sends uncertain"),
    ),
    breach(
        "delivery: no lease token on acknowledgements",
        f"{DELIVERIES}::test_an_answer_after_the_lease_was_lost_changes_nothing",
        always("domain.outbound:_held", "lease_token"),
    ),
    breach(
        "delivery: a send after the lease",
        f"{LOST}::test_nothing_is_sent_when_too_little_of_the_lease_is_left",
        never("workers:call", "lease_until MARGIN"),
    ),
    breach(
        "delivery: an acknowledgement clears the due mark of a value typed since",
        f"{SENDING}::test_a_value_typed_while_a_write_is_uncertain_is_sent_next",
        instead(
            "domain.outbound:settle",
            "request_reads",
            """
            await tx.run("update sync_link set due_at = null where workspace_id = :ws and id = any(:ids)",
                ids=[answer.link_id for answer in answers])
            """,
        ),
    ),
    breach(
        "delivery: freed members are not due again",
        f"{SENDING}::test_a_429_counts_as_no_attempt",
        sql("domain.links:make_due_again", "set due_at = coalesce(due_at, :now)", "set due_at = null"),
    ),
    breach(
        "delivery: the halves of a refused batch are sent unread",
        f"{RESENDS}::test_the_halves_of_a_refused_resend_overwrite_no_unread_value",
        never("workers:_again", "_fresh"),
    ),
    breach(
        "delivery: a delivery is locked before its links",
        DELIVERIES,
        skip("domain.outbound:free", "_lock_links"),
    ),
    breach(
        "delivery: during a scan a link is sent unread",
        f"{BESIDE}::test_a_contact_that_could_not_be_read_is_not_sent_during_a_scan",
        sql("domain.outbound:_Wanted.condition", "l.xero_contact_id is null or {LINK_READ}", "true"),
    ),
    breach(
        "delivery: a contact to archive that Xero never shows is asked for without end",
        f"{BESIDE}::test_a_contact_to_archive_that_several_reads_do_not_show_is_given_up",
        sql("domain.outbound:postpone_unread", "attempts = s.attempts + 1", "attempts = s.attempts"),
    ),
    breach(
        "jobs: imports take all of a worker's turns",
        "tests/workers/test_dispatcher.py::test_patient_work_takes_turns_and_an_edit_does_not_wait_for_it",
        sql("runtime.turns:turn", "async with job.lane:", "async with asyncio.Lock():"),
    ),
    breach(
        "jobs: a patient job sends its statements while an edit of another workspace is under way",
        "tests/runtime/test_turns.py::test_a_patient_transaction_gives_way_to_an_urgent_one_of_another_workspace",
        when("runtime.turns:waits", "is_blocked", "True"),
    ),
    breach(
        "jobs: a patient transaction that holds a row waits for the edit that needs the row",
        "tests/runtime/test_turns.py::test_a_patient_transaction_goes_on_for_an_urgent_one_of_its_own_workspace",
        sql("runtime.turns:Turns.is_blocked", "own & self._urgent.keys()", "None"),
    ),
    breach(
        "delivery: a person's edit waits for a page of a delta that shows our own bulk writes",
        f"{BESIDE}::test_an_edit_does_not_wait_for_the_first_page_of_a_delta_that_shows_our_own_writes",
        sql("domain.outbound:is_read_at_length", "x.own_write_at > o.read_cursor", "false"),
    ),
    breach(
        "delivery: a person's edit waits until a long delta is applied",
        f"{BESIDE}::test_an_edit_does_not_wait_until_a_delta_that_shows_many_contacts_is_applied",
        sql("domain.outbound:is_read_at_length", "r.total > :long", "false"),
    ),
    breach(
        "delivery: during a scan a contact is archived unread",
        BESIDE,
        give("domain.outbound:claim", "due", "due", beside="READ FRESH"),
    ),
)

PUSH = (
    breach(
        "push: a number per contact, not per push",
        f"{PUSHES}::test_each_push_of_a_contact_creates_its_own_xero_contact",
        always("domain.actions:create", "before xero_contact_id"),
    ),
    breach(
        "push: only its answer completes a push",
        f"{BY_HAND}::test_a_push_is_completed_by_any_read_that_shows_its_number",
        skip("domain.links:_meet", "_complete"),
    ),
    breach(
        "push: a retry draws a new number",
        f"{BY_HAND}::test_a_repeated_push_creates_one_xero_contact_with_the_newest_values",
        never("domain.actions:create", "resumed"),
    ),
    breach(
        "push: POST for PUT",
        f"{BY_HAND}::test_a_name_taken_by_an_unread_xero_contact_is_shown_with_its_holder_and_can_be_retried",
        swap("xero.client:create_contacts", "'PUT'", "'POST'"),
    ),
    breach(
        "push: the filter is applied before the number rule",
        f"{PUSHES}::test_a_push_is_completed_even_if_the_filter_excludes_the_contact",
        swap(
            "domain.inbound:_settle_endings",
            "[*xeros, *(...)]",
            'await tx.ids("select x.id from xero_contact x where x.id = any(:ids) and "'
            ' + __import__("domain.matching.plan", fromlist=["*"]).included(organisation.matching_filter), ids=OLD)',
            beside="meet",
        ),
    ),
    breach(
        "push: a claim for a link that was unsynced",
        f"{DELIVERIES}::test_an_ended_link_is_not_claimed",
        sql("domain.outbound:LINK_DUE", "and l.state in ('PENDING', 'FAILING', 'CONFLICT')", ""),
        omit("domain.actions:unsync", "due_at"),
    ),
    breach(
        "push: a claim for a link that is broken",
        f"{DELIVERIES}::test_an_ended_link_is_not_claimed",
        sql("domain.outbound:LINK_DUE", "and l.state in ('PENDING', 'FAILING', 'CONFLICT')", ""),
    ),
)

_UNSYNCED_KEEPS = sql(
    "domain.matching:plan", "and k.organisation_id = :organisation and k.state not in {ACTIVE}", "and false"
)

MEMORY = (
    breach(
        "kept apart: a re-created contact is matched again",
        f"{APART}::test_a_kept_apart_pair_is_not_matched_after_the_contact_was_recreated",
        skip("domain.contacts:_insert", "contacts_came"),
    ),
    breach(
        "kept apart: a twin of an existing Xero contact counts as re-created",
        f"{APART}::test_a_twin_in_xero_is_not_kept_apart_while_the_first_xero_contact_exists",
        sql("domain.decisions:xero_contacts_came", "and o.status <> 'ACTIVE'", ""),
    ),
    breach(
        "kept apart: an erased contact leaves a hash",
        f"{APART}::test_a_gdpr_request_deletes_the_hash_of_the_pair",
        skip("domain.actions:erase", "erase_contact"),
    ),
    breach(
        "kept apart: a delete leaves no re-import mark",
        f"{BY_HAND}::test_a_deleted_contact_is_imported_again_only_with_reimport",
        skip("domain.actions:delete", "mark"),
    ),
    breach(
        "kept apart: a delete leaves no mark on the candidate's Xero contact",
        f"{ISSUES}::test_a_deleted_contact_is_not_recreated_from_its_candidate_in_xero",
        skip("domain.matching:contact_goes", "mark"),
    ),
    breach(
        "kept apart: an unsync keeps no decision",
        f"{UNSYNCED}::test_an_unsynced_pair_is_never_matched_automatically",
        _UNSYNCED_KEEPS,
        skip("domain.actions:unsync", "set_apart"),
    ),
    breach(
        "kept apart: an unsync keeps the pair only",
        f"{UNSYNCED}::test_the_xero_contact_of_an_unsynced_link_is_matched_with_no_other_contact",
        _UNSYNCED_KEEPS,
    ),
    breach(
        "kept apart: the decision is ignored",
        f"{ISSUES}::test_a_kept_apart_pair_stays_apart_after_the_separate_contact_was_deleted",
        sql(
            "domain.matching:plan",
            "where s.free and not exists ( select 1 from set_apart a where",
            "where s.free and not exists ( select 1 from set_apart a where false and",
        ),
    ),
    breach(
        "kept apart: the Xero contact left behind gets no mark",
        f"{UNSYNCED}::test_create_from_unsynced_in_xero_needs_a_free_name",
        skip("domain.actions:create_from_unsynced", "mark"),
    ),
    breach(
        "kept apart: a link that moves does not keep its former pair apart",
        f"{UNSYNCED}::test_rematch_of_a_broken_link_with_another_contact_keeps_the_former_pair_apart",
        skip("domain.actions:_part", "set_apart"),
    ),
    breach(
        "kept apart: merges ignore the survivor's decisions",
        f"{ENDINGS}::test_a_link_does_not_move_to_a_survivor_that_is_kept_apart_from_its_contact",
        give("domain.inbound:_follow", "kept", "False"),
    ),
    breach(
        "kept apart: merges do not move the decisions of the merged contact",
        f"{ENDINGS}::test_a_merge_moves_decisions_and_unsynced_links_to_the_survivor_once",
        skip("domain.inbound:settle", "_move_memory"),
    ),
)

MATCH = (
    breach(
        "matching: contacts that the run made are candidates",
        f"{MATCHING}::test_xero_contacts_that_share_an_email_open_no_issues_over_many_pages",
        give("domain.matching:contact_from_xero", "created_by_run", "None"),
    ),
    breach(
        "matching: issues are evaluated once",
        f"{ISSUES}::test_correcting_the_email_turns_an_issue_into_a_full_match",
        skip("domain.matching:evaluate_contacts", "evaluate_all"),
    ),
    breach(
        "matching: issues with an equal name or email are not evaluated again",
        "tests/domain/matching/test_issues_over_time.py",
        skip("domain.inbound:_apply", "evaluate_sharing"),
    ),
    breach(
        "matching: two official numbers that differ do not stop a full match",
        f"{NUMBERS}::test_equal_name_and_email_with_two_valid_numbers_are_for_a_person",
        sql("domain.matching:plan", "and not f.differs", ""),
    ),
    breach(
        "matching: an equal official number is no candidate beside an equal name",
        f"{NUMBERS}::test_an_equal_number_is_shown_before_an_equal_name",
        sql("domain.matching:plan", _BESIDE, "where s.free and s.id not in (select p.xid from pair p)"),
    ),
    breach(
        "matching: an equal email hides the likest client",
        f"{LIKEST}::test_an_issue_by_email_shows_the_client_before_another_entity_of_the_owner",
        sql("domain.matching:plan", _BESIDE, "where s.free and s.id not in (select p.xid from pair p)"),
    ),
    breach(
        "matching: the setting about near-duplicates hides the likest client",
        f"{LIKEST}::test_the_likest_client_is_shown_although_near_duplicates_alone_are_not_held",
        sql("domain.matching:plan", "s.id in (select p.xid from pair p) or o.hold_similar", "o.hold_similar"),
    ),
    breach(
        "matching: near-duplicates of an issue that a webhook opens are not looked up",
        f"{LIKEST}::test_a_webhook_opens_the_issue_and_the_next_run_adds_the_client",
        sql(
            "domain.inbound:_request_lookup_again",
            "and i.state = 'OPEN' and not",
            "and i.state = 'OPEN' and i.reason = 'SIMILAR' and not",
        ),
    ),
    breach(
        "matching: a push finds no Xero contact by a number alone",
        f"{NUMBERS}::test_a_push_finds_a_xero_contact_by_a_number_alone",
        sql("domain.actions:_namesakes", "or x.id = any(array(select id from numbered))", ""),
    ),
    breach(
        "matching: a new reason stands where the version before reads it",
        f"{NUMBERS}::test_the_version_before_reads_a_reason_that_it_does_not_know_as_an_older_one",
        give("domain.matching:_issue", "reason", "why"),
    ),
    breach(
        "matching: an import opens fewer issues than its preview shows",
        "tests/domain/matching/test_preview_and_import.py",
        sql(
            "domain.matching:issues", "where o.outcome = 'CONFLICT'", "where f.nm and o.outcome = 'CONFLICT'"
        ),
    ),
    breach(
        "matching: another family name is seen only after given names that a list knows",
        "tests/domain/names/test_one_owner.py::test_a_person_with_another_family_name_stays_visible_and_never_sure",
        swap("domain.names:renamed", "_stands_for_given(...)", "False"),
    ),
    breach(
        "matching: rare words let an initial with two equal fields be a stranger",
        "tests/domain/names/test_one_owner.py::test_initials_and_short_names_with_two_equal_fields_are_for_a_person",
        never("domain.names.similarity:score", "of_one_client"),
    ),
    breach(
        "matching: two names a letter apart are sure by one mailbox",
        "tests/domain/names/test_one_owner.py::test_two_names_a_letter_apart_are_never_sure_by_a_mailbox",
        give("domain.names.similarity:_names", "mistyped", "[]", beside="spelling"),
    ),
    breach(
        "matching: the initials of a person whose name no list knows are an acronym",
        "tests/domain/names/test_pairs.py::test_the_initials_of_a_person_are_no_acronym",
        never("domain.names.similarity:_ruled", "are_initials"),
    ),
    breach(
        "matching: a preview sees the ten contacts that are most alike",
        f"{LIKENESS}::test_the_preview_sees_beyond_the_contacts_that_full_matches_take",
        swap(
            "domain.matching:_scores",
            "find_alike(...)",
            "dict(sorted(OLD.items(), key=lambda one: -one[1])[:10])",
        ),
    ),
    breach(
        "identifiers: a person's tax number is kept",
        "tests/domain/contacts/test_identifiers.py::test_a_person_s_ird_number_is_never_kept",
        never("domain.fields:_tax", "is_body"),
    ),
    breach(
        "identifiers: the first numbers of a mirror row count as a doubtful change",
        "tests/domain/contacts/test_identifiers.py::test_a_mirror_row_from_before_takes_numbers_without_doubt",
        never("domain.mirror:_differs_in", "column"),
    ),
    breach(
        "matching: keys of older rules stay as they are",
        "tests/domain/contacts/test_rebuild_keys.py",
        skip("runtime.migrations:renew_keys", "renew"),
    ),
    breach(
        "matching: a new contact is not compared with the open issues",
        f"{LIKENESS}::test_a_new_near_duplicate_joins_the_open_issue_at_the_next_run",
        skip("domain.matching:evaluate_contacts", "request_lookups"),
    ),
    breach(
        "matching: a refreshed name index misses changed contacts",
        "tests/workers/test_name_indexes.py",
        skip("workers:find", "refresh"),
    ),
    breach(
        "matching: a look-up in the name index counts as newer than the index",
        "tests/domain/matching/test_name_index.py::test_a_contact_added_after_the_index_was_refreshed_causes_another_look_up",
        give("domain.matching:read_page", "at", "tx.now"),
    ),
    breach(
        "matching: a contact added during the look-up of an open issue is ignored",
        f"{LIKENESS}::test_a_contact_added_during_a_look_up_joins_the_issue_at_the_next_run",
        skip("domain.inbound:_apply", "_request_lookup_again"),
    ),
    breach(
        "matching: an issue is sure although another open issue claims the contact",
        f"{SURE}::test_two_issues_that_claim_one_contact_are_related_and_none_is_sure",
        sql("domain.matching.sure:SURE", "om.issue_id <> i.id", "om.issue_id = om.issue_id and false"),
    ),
    breach(
        "matching: an issue is sure although it has a rival",
        f"{SURE}::test_the_best_candidate_is_sure_only_if_it_is_free_and_has_no_rival",
        give("domain.matching.sure:sure_of", "rivals", "False"),
    ),
    breach(
        "matching: more sure issues are confirmed than a person saw",
        f"{SURE}::test_a_count_that_differs_from_the_preview_confirms_nothing",
        never("domain.matching.sure:claim", "now seen"),
    ),
    breach(
        "matching: entities of one owner are taken for one",
        "tests/domain/names/test_one_owner.py",
        give("domain.names.similarity:score", "of_one_owner", "False"),
    ),
    breach(
        "matching: a full match is unique in the practice only",
        f"{MATCHING}::test_a_full_match_is_the_only_one_on_both_sides",
        sql("domain.matching:plan", "and {x2} limit 2) n) = 1", "and {x2} limit 2) n) >= 1"),
    ),
    breach(
        "matching: a full match is unique in Xero only",
        f"{MATCHING}::test_a_full_match_is_the_only_one_on_both_sides",
        sql(
            "domain.matching:plan",
            "cast(:run as uuid)) limit 2) n) = 1",
            "cast(:run as uuid)) limit 2) n) >= 1",
        ),
    ),
    breach(
        "matching: ignored issues are evaluated again",
        f"{ISSUES}::test_an_ignored_xero_contact_stays_ignored_when_it_would_match",
        sql(
            "domain.matching:plan",
            "i.resolution in ('IGNORED', 'CREATED_SEPARATE')",
            "i.resolution in ('CREATED_SEPARATE')",
        ),
    ),
    breach(
        "matching: a reopened issue is matched by an import",
        f"{ISSUES}::test_reopening_a_separated_issue_ends_the_link_that_it_made",
        sql(
            "domain.matching:plan",
            "or i.reopened and (i.state = 'OPEN' or i.resolution = 'OBSOLETE')",
            "or false",
        ),
    ),
    breach(
        "matching: a reopened issue is decided automatically",
        f"{ISSUES}::test_a_reopened_issue_is_never_matched_automatically",
        never("domain.matching:evaluate", "reopened"),
        sql(
            "domain.matching:plan",
            "or i.reopened and (i.state = 'OPEN' or i.resolution = 'OBSOLETE')",
            "or false",
        ),
    ),
    breach(
        "matching: the filter is ignored",
        f"{MATCHING}::test_the_contact_filter_selects_contacts_and_a_wider_filter_adds_more",
        sql("domain.matching:included", "and ({let_in} or {restored.lost_push(x)})", ""),
    ),
)

EDGES = (
    breach(
        "unreadable: one contact on which our code fails stops its batch",
        f"{BATCHES}::test_a_contact_on_which_our_code_fails_does_not_stop_the_others",
        instead("workers:build", "made INVALID_IN_XERO", "raise RuntimeError from error"),
    ),
    breach(
        "unreadable: a batch that is refused whole is not halved",
        f"{BATCHES}::test_a_batch_that_is_refused_whole_is_halved_until_the_invalid_contact_is_alone",
        give("workers:_rejected", "half", "1"),
        swap("workers:_rejected", "members[half:]", "members[half : half + 1]"),
    ),
    breach(
        "redelivery: a page is settled under a claim that has ended",
        "tests/domain/inbound/test_redelivered.py::test_a_delta_and_each_of_its_pages_may_run_twice",
        always("domain.inbound:_lock_claimed", "lease_until"),
    ),
    breach("brake: it never holds", BRAKE, instead("domain.inbound:is_mass", "return", "return False")),
    breach(
        "brake: one value in small groups is not counted",
        f"{BRAKE}::test_the_brake_counts_one_value_that_comes_in_small_groups",
        sql("domain.inbound:_count_group", "+ (select count(*) from late) >= :least", ">= :least"),
    ),
    breach(
        "brake: all Xero contacts are compared with all links",
        f"{BRAKE}::test_the_brake_looks_up_each_link_by_its_xero_contact",
        sql("domain.inbound:_WAITING", " offset 0", ""),
    ),
    breach(
        "brake: values that a person has replaced since are counted",
        f"{BRAKE}::test_the_brake_does_not_count_one_value_typed_over_a_change_from_xero",
        sql("domain.inbound", "where t.overwritten and {value}", "where {value}"),
    ),
    breach(
        "brake: time alone lets it through",
        f"{BRAKE}::test_a_stopped_change_is_not_applied_by_the_passing_of_time",
        never("domain.inbound:_since", "held"),
    ),
    breach(
        "health: an answered read hides that no write is answered",
        "tests/workers/test_health.py::test_an_unsent_change_shows_xero_unavailable_while_only_reads_succeed",
        always("domain.connection:answered", "_has_to_write write"),
    ),
    breach(
        "health: waiting links do not show that Xero is unavailable",
        "tests/api/schema/test_waiting.py::test_only_links_with_unsent_changes_show_that_xero_is_unavailable",
        sql("domain.connection:_holds", "then 'XERO_UNAVAILABLE' end", "then null end"),
    ),
    breach(
        "poll: each syncNow begins a read of its own",
        "tests/domain/connection/test_sync_now.py",
        instead("domain.connection:next_manual_read", "return last else", "return now"),
    ),
    breach(
        "clock: a read in the future of a clock that was set back is fresh",
        "tests/workers/test_clocks.py::test_a_read_in_the_future_is_not_fresh_after_the_clock_was_set_back",
        swap("domain.outbound:is_fresh", "abs(...)", "(now - asked)"),
    ),
    breach(
        "edges: the event cursor is a sequence",
        "tests/promises/test_stream.py::test_a_reader_that_reconnects_misses_no_event_of_eight_writers",
        # Counted in a transaction of its own, as a sequence does; two transactions end in any order.
        instead(
            "runtime.database:_write_events",
            "last event_counter",
            """
            other = await tx.session.connection()
            engine = AsyncEngine(other.sync_connection.engine)
            async with AsyncSession(engine) as counting, counting.begin():
                await counting.execute(
                    sa.text("select set_config('tandem.workspace', :ws, true)"), {"ws": str(tx.workspace)})
                last = await counting.scalar(
                    sa.text(
                        "insert into event_counter (workspace_id, position) values (:ws, :n) on conflict (workspace_id)"
                        " do update set position = event_counter.position + :n returning position"),
                    {"ws": tx.workspace, "n": len(tx.events)})
            await asyncio.sleep(hash(str(last)) % 200 / 1000)
            """,
        ),
    ),
    breach(
        "edges: the setting of the workspace outlives its transaction",
        "tests/runtime/test_database.py",
        sql(
            "runtime.database:_Connection.execute",
            "', true)",
            "', false)",
        ),
    ),
    breach(
        "edges: another site reads the console's session",
        "tests/api/http/test_console.py::test_another_page_can_neither_read_nor_begin_nor_end_a_session",
        never("api:Sessions.answer", "_is_own_page"),
    ),
    breach(
        "edges: a session of the console lasts as long as its cookie",
        "tests/api/http/test_console.py::test_a_session_lasts_twelve_hours_also_if_the_browser_keeps_the_cookie",
        never("api:Sessions._resume", "until"),
    ),
    breach(
        "edges: a connection that PostgreSQL has closed is used",
        "tests/runtime/test_database.py::test_a_connection_that_postgresql_has_ended_is_replaced",
        never("runtime.database:_ask_rested_connections", "is_closed"),
    ),
    breach(
        "edges: a connection that rested is used without a question",
        "tests/runtime/test_database.py::test_only_a_connection_that_rested_is_asked_whether_it_is_alive",
        never("runtime.database:_ask_rested_connections", "RESTED"),
    ),
    breach(
        "edges: the limiter's rows are per process",
        "tests/domain/connection/test_call_budget_with_simulator.py",
        give(
            "domain.connection:take", "tenant", '__import__("uuid").uuid5(OLD, str(id(self.door.__self__)))'
        ),
    ),
)

BREACHES = (*MERGE, *DELIVERY, *PUSH, *MEMORY, *MATCH, *EDGES)
