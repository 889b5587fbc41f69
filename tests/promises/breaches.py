"""The breaches that `make mutants` puts into the code: what each would break, and the tests that must notice.

Each is a mistake that is easily made, in the form that it takes in this code. Where a rule is kept twice, both places are
mended out, as either alone would hide the breach: an acknowledgement that clears the due mark is repaired by the merge
that follows it, and an unsynced link is kept from a claim by its state and by having no due mark.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """One exact replacement; `old` stands once in the file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Breach:
    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


INBOUND = "tests/domain/inbound/test_apply.py"
DELIVERIES = "tests/domain/outbound/test_contact_deliveries.py"
SNAPSHOTS = "tests/domain/inbound/test_snapshots.py"
HISTORIES = "tests/domain/inbound/test_histories.py"
MATCHING = "tests/domain/matching/test_plan.py"
ISSUES = "tests/domain/matching/test_issues.py"
ENDINGS = "tests/domain/inbound/test_link_endings.py"
SENDING = "tests/workers/test_sending.py"
LOST = "tests/workers/test_lost_answers.py"
BY_HAND = "tests/workers/test_actions.py"
RESENDS = "tests/workers/test_refused_resends.py"
PUSHES = "tests/workers/test_pushes.py"
UNSYNCED = "tests/api/schema/test_unsynced.py"

MERGE = (
    Breach(
        "merge: base is the contact's present value",
        (
            Edit(
                "domain/outbound/contact_deliveries.py",
                '"base_practice": {**link["base_practice"], **sent},',
                '"base_practice": {**link["base_practice"],'
                ' **{n: stored(v) for n, v in practice_values(link["contact"]).items() if n in sent}},',
            ),
        ),
        (f"{SENDING}::test_what_is_typed_while_a_write_is_uncertain_goes_out_next",),
    ),
    Breach(
        "merge: the answer moves all bases",
        (
            Edit(
                "domain/outbound/contact_deliveries.py",
                "**{name: stored(returned[SyncedField(name)]) for name in sent}}",
                "**{name: stored(value) for name, value in returned.items()}}",
            ),
        ),
        (f"{DELIVERIES}::test_an_answer_moves_the_base_of_the_fields_sent_alone",),
    ),
    Breach(
        "merge: the practice wins and only half of the base moves",
        (
            Edit(
                "domain/fields/merge.py",
                "return Merged(state.practice, state.xero, state.xero, state.xero, Side.XERO)",
                "return Merged(state.practice, state.base_practice, state.xero, state.xero, Side.XERO)",
            ),
        ),
        (f"{INBOUND}::test_a_value_that_won_and_is_typed_back_before_the_send_still_goes_out",),
    ),
    Breach(
        "merge: a stale page is applied",
        (
            Edit(
                "domain/mirror/xero_contacts.py",
                "when n.updated_at < x.updated_at then 'OLDER'",
                "when n.updated_at < x.updated_at then 'NEW'",
            ),
        ),
        (f"{SNAPSHOTS}::test_the_newest_holds_whatever_comes_first",),
    ),
    Breach(
        "merge: equal stamps are applied as newer",
        (
            Edit(
                "domain/mirror/xero_contacts.py",
                "or n.updated_at > x.updated_at then",
                "or n.updated_at >= x.updated_at then",
            ),
        ),
        (f"{SNAPSHOTS}::test_equal_stamps_with_other_values_are_read_again_and_that_holds",),
    ),
    Breach(
        "merge: equal stamps are dropped",
        (
            Edit(
                "domain/mirror/xero_contacts.py",
                "when n.updated_at < x.updated_at then",
                "when n.updated_at <= x.updated_at then",
            ),
        ),
        (f"{SNAPSHOTS}::test_of_equal_stamps_the_later_asked_holds_for_flags_in_any_order",),
    ),
    Breach(
        "merge: a read that equals the value in flight acknowledges it",
        (
            Edit(
                "domain/inbound/apply.py",
                "if name in self.in_flight:",
                "if name in self.in_flight and not same(name, xero[name], practice[name], self.region):",
            ),
        ),
        (f"{INBOUND}::test_no_read_decides_about_a_field_that_is_being_written",),
    ),
    Breach(
        "merge: values shown during a write are forgotten",
        (Edit("domain/inbound/apply.py", "self._note(name, xero[name])", "self.owes_read = True"),),
        (f"{HISTORIES}::test_a_read_while_a_field_is_in_flight_decides_nothing_about_it",),
    ),
    Breach(
        "merge: no re-read after a cut read",
        (
            Edit(
                "domain/mirror/xero_contacts.py",
                "set read_due_at = least(x.read_due_at, :now) from",
                "set read_due_at = x.read_due_at from",
            ),
        ),
        (f"{HISTORIES}::test_a_delivery_in_which_nothing_was_done_owes_the_read_that_it_kept_back",),
    ),
    Breach(
        "merge: the claim does not wait for the re-read",
        (
            Edit(
                "domain/outbound/contact_deliveries.py",
                '" and (l.read_owed_at is null or l.read_owed_at < cast(:read as timestamptz))"',
                '" and (true or cast(:read as timestamptz) is null)"',
            ),
        ),
        (f"{DELIVERIES}::test_a_link_that_owes_a_read_is_not_claimed_before_it",),
    ),
)

DELIVERY = (
    Breach(
        "delivery: updates are resent blindly, however late",
        (
            Edit(
                "domain/outbound/deliveries.py",
                "if now - delivery.claimed_at < RESEND_WITHIN and not changed_meanwhile:",
                "if delivery.kind is DeliveryKind.UPDATE or now - delivery.claimed_at < RESEND_WITHIN:",
            ),
        ),
        (f"{SENDING}::test_after_four_minutes_an_update_is_not_resent_but_read",),
    ),
    Breach(
        "delivery: updates are resent blindly, whatever a read has shown",
        (
            Edit(
                "domain/outbound/deliveries.py",
                "if now - delivery.claimed_at < RESEND_WITHIN and not changed_meanwhile:",
                "if now - delivery.claimed_at < RESEND_WITHIN:",
            ),
        ),
        (f"{LOST}::test_what_a_read_has_shown_overtaken_is_not_sent_again",),
    ),
    Breach(
        "delivery: one read frees an UNCERTAIN update",
        (
            Edit(
                "domain/outbound/deliveries.py",
                "(Next.READ, now) if now >= landed else (Next.WAIT, landed)",
                "(Next.READ, now)",
            ),
        ),
        (f"{BY_HAND}::test_retrying_what_is_uncertain_frees_nothing_early",),
    ),
    Breach(
        "delivery: 500 to an update counts as done",
        (
            Edit(
                "workers/delivery_attempts.py",
                "        await trip.rules.wait(tx, trip.claimed, tx.now + RESEND_AFTER * min(delivery.sends, 12))",
                "        await tx.run(\n"
                '            "update sync_link l set base_practice = l.base_practice || m.sent, base_xero = l.base_xero || m.sent"\n'
                '            " from delivery_member m where m.delivery_id = :id and l.id = m.link_id", id=delivery.id)\n'
                "        await trip.rules.free(tx, trip.claimed)",
            ),
        ),
        (f"{LOST}::test_a_500_to_an_update_says_nothing",),
    ),
    Breach(
        "delivery: 500 to an update counts as not done",
        (
            Edit(
                "workers/delivery_attempts.py",
                "        await trip.rules.wait(tx, trip.claimed, tx.now + RESEND_AFTER * min(delivery.sends, 12))",
                "        await trip.rules.free(tx, trip.claimed)",
            ),
        ),
        (f"{LOST}::test_a_500_to_an_update_says_nothing",),
    ),
    Breach(
        "delivery: 429 to a resend frees the members",
        (
            Edit(
                "workers/delivery_attempts.py",
                "if delivery.sends == 1 and not delivery.uncertain:",
                "if delivery.sends:",
            ),
        ),
        (f"{LOST}::test_too_many_requests_to_a_resend_says_nothing_about_the_first",),
    ),
    Breach(
        "delivery: no lease token on acknowledgements",
        (
            Edit(
                "domain/outbound/deliveries.py",
                "        and delivery.lease_token == claimed.delivery.lease_token\n",
                "",
            ),
        ),
        (f"{DELIVERIES}::test_an_answer_that_comes_when_somebody_else_holds_the_lease_changes_nothing",),
    ),
    Breach(
        "delivery: a send after the lease",
        (
            Edit(
                "workers/delivery_attempts.py",
                "if delivery.lease_until - trip.parts.database.clock.now() <= MARGIN or delivery.body is None:",
                "if delivery.body is None:",
            ),
        ),
        (f"{LOST}::test_nothing_is_sent_when_too_little_of_the_lease_is_left",),
    ),
    Breach(
        "delivery: an acknowledgement clears the due mark of what was typed since",
        (
            Edit(
                "domain/outbound/contact_deliveries.py",
                "    await xero_contacts.owe_reads(tx, [answer.link_id for answer in answers])",
                '    await tx.run("update sync_link set due_at = null where workspace_id = :ws and id = any(:ids)",\n'
                "                 ids=[answer.link_id for answer in answers])",
            ),
        ),
        (f"{SENDING}::test_what_is_typed_while_a_write_is_uncertain_goes_out_next",),
    ),
    Breach(
        "delivery: freed members are not due again",
        (
            Edit(
                "domain/outbound/contact_deliveries.py",
                "set due_at = coalesce(due_at, :now), next_attempt_at",
                "set due_at = null, next_attempt_at",
            ),
        ),
        (f"{SENDING}::test_too_many_requests_is_no_attempt",),
    ),
)

PUSH = (
    Breach(
        "push: a number per contact, not per push",
        (
            Edit(
                "domain/actions/push.py",
                'resumed = before is not None and before["xero_contact_id"] is None and before["contact_number"]',
                'resumed = before is not None and before["contact_number"]',
            ),
        ),
        (f"{PUSHES}::test_each_push_of_one_contact_is_a_contact_of_its_own",),
    ),
    Breach(
        "push: it is completed by its answer only",
        (
            Edit(
                "domain/links/push_numbers.py",
                "        await _complete(tx, organisation, link, xero_id)",
                "        return",
            ),
        ),
        (f"{BY_HAND}::test_a_push_is_completed_by_whatever_shows_its_number",),
    ),
    Breach(
        "push: a retry draws a new number",
        (
            Edit(
                "domain/actions/push.py",
                '"contact_number": resumed or await push_numbers.draw(tx, organisation["id"], key),',
                '"contact_number": await push_numbers.draw(tx, organisation["id"], key),',
            ),
        ),
        (f"{BY_HAND}::test_a_push_given_up_and_begun_again_is_one_contact_with_what_is_typed",),
    ),
    Breach(
        "push: POST for PUT",
        (
            Edit(
                "xero/client.py",
                'call = _writing("PUT", "Contacts", body.content, idempotency_key)',
                'call = _writing("POST", "Contacts", body.content, idempotency_key)',
            ),
        ),
        (f"{BY_HAND}::test_a_name_that_only_xero_knows_is_shown_with_its_holder_and_can_be_retried",),
    ),
    Breach(
        "push: the filter is asked before the number rule",
        (
            Edit(
                "domain/inbound/apply.py",
                '    await push_numbers.meet(tx, organisation, [*xeros, *(row["id"] for row in survivors)])',
                "    inside = await tx.rows(\n"
                "        f\"select x.id from xero_contact x where x.id = any(:ids) and {matching_plan.included(organisation['contact_filter'])}\",\n"
                '        ids=[*xeros, *(row["id"] for row in survivors)])\n'
                '    await push_numbers.meet(tx, organisation, [row["id"] for row in inside])',
            ),
        ),
        (f"{PUSHES}::test_a_push_is_completed_whatever_the_filter_says",),
    ),
    Breach(
        "push: a claim for a link that was unsynced",
        (
            Edit(
                "domain/outbound/freshness.py",
                "\" and l.due_at is not null and l.state in ('PENDING', 'FAILING', 'CONFLICT')\"",
                '" and l.due_at is not null"',
            ),
            Edit("domain/actions/unsync.py", "refused={}, due_at=None,", "refused={},"),
        ),
        (f"{DELIVERIES}::test_what_waited_on_a_link_that_has_ended_is_not_claimed",),
    ),
    Breach(
        "push: a claim for a link that is broken",
        (
            Edit(
                "domain/outbound/freshness.py",
                "\" and l.due_at is not null and l.state in ('PENDING', 'FAILING', 'CONFLICT')\"",
                '" and l.due_at is not null"',
            ),
        ),
        (f"{DELIVERIES}::test_what_waited_on_a_link_that_has_ended_is_not_claimed",),
    ),
)

_DELETION_MARKS = Edit(
    "domain/actions/delete.py",
    '            await decisions.mark(tx, link["organisation_id"], [link["xero_contact_id"]])',
    "            pass",
)
_UNSYNCED_KEEPS = Edit(
    "domain/matching/plan.py",
    "and k.organisation_id = :organisation and k.state not in {_ACTIVE})",
    "and false)",
)

MEMORY = (
    Breach(
        "memory: a contact that is made anew is matched again",
        (Edit("domain/contacts/edits.py", "    await kept_apart.contacts_came(tx, [contact.id])\n", ""),),
        (
            "tests/domain/decisions/test_kept_apart.py::test_a_contact_deleted_and_made_anew_is_not_matched_again",
        ),
    ),
    Breach(
        "memory: one beside its twin in Xero is taken for made anew",
        (Edit("domain/decisions/kept_apart.py", " and o.status <> 'ACTIVE'", ""),),
        (
            "tests/domain/decisions/test_kept_apart.py::test_beside_one_that_is_there_still_another_is_asked_about",
        ),
    ),
    Breach(
        "memory: whoever is erased leaves a hash",
        (Edit("domain/actions/erase.py", "    await kept_apart.erase_contact(tx, contact_id)\n", ""),),
        ("tests/domain/decisions/test_kept_apart.py::test_whoever_is_forgotten_is_forgotten_here_too",),
    ),
    Breach(
        "memory: a delete leaves no mark",
        (_DELETION_MARKS,),
        (f"{BY_HAND}::test_a_deleted_contact_does_not_come_back_unless_that_was_wished",),
    ),
    Breach(
        "memory: a delete leaves no mark on what it fitted",
        (
            Edit(
                "domain/matching/issues.py",
                '            await decisions.mark(tx, row["organisation_id"], [row["xero_contact_id"]])',
                "            pass",
            ),
        ),
        (f"{ISSUES}::test_who_is_deleted_is_not_made_anew_of_the_contact_that_it_fitted",),
    ),
    Breach(
        "memory: unsync keeps no memory",
        (
            _UNSYNCED_KEEPS,
            Edit(
                "domain/actions/unsync.py",
                '    await decisions.set_apart(tx, link["organisation_id"], link["contact_id"], link["xero_contact_id"])\n'
                "    entry = activity.record(",
                "    entry = activity.record(",
            ),
        ),
        (f"{UNSYNCED}::test_an_unsynced_pair_is_never_matched_again_by_the_machine",),
    ),
    Breach(
        "memory: unsync remembers the pair only",
        (_UNSYNCED_KEEPS,),
        (f"{UNSYNCED}::test_an_unsynced_link_keeps_its_xero_contact_from_others_too",),
    ),
    Breach(
        "memory: set-apart is forgotten",
        (
            Edit(
                "domain/matching/plan.py",
                "         where s.free and not exists (\n                select 1 from set_apart a where a",
                "         where s.free and not exists (\n                select 1 from set_apart a where false and a",
            ),
        ),
        (f"{ISSUES}::test_a_pair_set_apart_stays_so_when_what_was_made_instead_is_gone",),
    ),
    Breach(
        "memory: the contact left behind is not marked",
        (
            Edit(
                "domain/actions/unsync.py",
                '            await decisions.mark(tx, organisation["id"], [link["xero_contact_id"]])',
                "            pass",
            ),
        ),
        (f"{UNSYNCED}::test_a_new_xero_contact_needs_the_name_to_be_free_there",),
    ),
    Breach(
        "memory: a link that moves forgets its former pair",
        (
            Edit(
                "domain/actions/unsync.py",
                '        await decisions.set_apart(tx, link["organisation_id"], link["contact_id"], link["xero_contact_id"])\n'
                "    await decisions.taken(",
                "        pass\n    await decisions.taken(",
            ),
        ),
        (f"{UNSYNCED}::test_a_broken_link_that_gets_another_contact_leaves_its_former_pair_set_apart",),
    ),
    Breach(
        "memory: merges ignore what keeps the survivor",
        (
            Edit(
                "domain/inbound/link_endings.py",
                'kept = alive and row is not None and await _is_kept(tx, organisation["id"], link["contact_id"], row)',
                "kept = False",
            ),
        ),
        (f"{ENDINGS}::test_memory_keeps_a_link_from_the_survivor",),
    ),
    Breach(
        "memory: merges leave the loser's memory behind",
        (
            Edit(
                "domain/inbound/link_endings.py",
                '            await _move_memory(tx, organisation, xero, merged[xero["id"]])',
                "            pass",
            ),
        ),
        (f"{ENDINGS}::test_memory_and_unsynced_links_of_the_loser_move_once",),
    ),
)

MATCH = (
    Breach(
        "matching: contacts that the run made are candidates",
        (Edit("domain/matching/plan.py", '"created_by_run": run,', '"created_by_run": None,'),),
        (f"{MATCHING}::test_nor_do_they_over_many_pages",),
    ),
    Breach(
        "matching: issues are judged once",
        (Edit("domain/matching/issues.py", "    await judge_all(tx, xeros)", "    return"),),
        (f"{ISSUES}::test_correcting_the_email_ends_the_issue_in_a_full_match",),
    ),
    Breach(
        "matching: issues of those who share a name or an email are judged once",
        (
            Edit(
                "domain/inbound/apply.py",
                "    await issues.judge_keys(tx, organisation, list(keys), but=touched)",
                "    pass",
            ),
        ),
        ("tests/domain/matching/test_issues_over_time.py",),
    ),
    Breach(
        "matching: keys of older rules stay as they are",
        (
            Edit(
                "runtime/commands/migrate.py", "            await rebuild_keys.renew(tx)", "            pass"
            ),
        ),
        ("tests/domain/contacts/test_rebuild_keys.py",),
    ),
    Breach(
        "matching: a new contact is not held against the open issues",
        (Edit("domain/matching/issues.py", "    await near_duplicates.look_again(tx, ids)\n", ""),),
        (
            "tests/domain/matching/test_near_duplicates.py::test_a_contact_made_later_joins_the_open_issue_with_the_next_step",
        ),
    ),
    Breach(
        "matching: a roll takes over nothing that changes",
        (
            Edit(
                "workers/name_indexes.py",
                "                await self._roll.refresh(tx)",
                "                pass",
            ),
        ),
        ("tests/workers/test_name_indexes.py",),
    ),
    Breach(
        "matching: what a roll cannot know counts as looked up",
        (
            Edit(
                "domain/matching/near_duplicates.py",
                "    at = roll.at if roll else tx.now",
                "    at = tx.now",
            ),
        ),
        (
            "tests/domain/matching/test_name_index.py::test_who_comes_after_the_roll_was_refreshed_makes_it_look_again",
        ),
    ),
    Breach(
        "matching: one that comes during the look of an open issue is forgotten",
        (Edit("domain/inbound/apply.py", "    await _keep_to_be_looked_at(tx, organisation, ids)\n", ""),),
        (
            "tests/domain/matching/test_near_duplicates.py"
            "::test_one_that_comes_while_the_issues_are_looked_at_joins_with_the_step_after",
        ),
    ),
    Breach(
        "matching: a full match is unique in the practice only",
        (Edit("domain/matching/plan.py", "and {x2} limit 2) n) = 1", "and {x2} limit 2) n) >= 1"),),
        (f"{MATCHING}::test_a_full_match_is_the_only_one_on_both_sides",),
    ),
    Breach(
        "matching: a full match is unique in Xero only",
        (
            Edit(
                "domain/matching/plan.py",
                "                    limit 2) n) = 1",
                "                    limit 2) n) >= 1",
            ),
        ),
        (f"{MATCHING}::test_a_full_match_is_the_only_one_on_both_sides",),
    ),
    Breach(
        "matching: ignored ones are judged again",
        (
            Edit(
                "domain/matching/plan.py",
                "i.resolution in ('IGNORED', 'CREATED_SEPARATE')",
                "i.resolution in ('CREATED_SEPARATE')",
            ),
        ),
        (f"{ISSUES}::test_an_ignored_one_stays_ignored_when_it_would_match",),
    ),
    Breach(
        "matching: a reopened one is matched by an import",
        (
            Edit(
                "domain/matching/plan.py",
                "or i.reopened and (i.state = 'OPEN' or i.resolution = 'OBSOLETE')",
                "or false",
            ),
        ),
        (f"{ISSUES}::test_reopening_a_separate_one_takes_its_link_back",),
    ),
    Breach(
        "matching: a reopened one is judged by the machine",
        (
            Edit(
                "domain/matching/issue_review.py",
                "if issue.reopened or issue.merged]",
                "if issue.merged]",
            ),
            Edit(
                "domain/matching/plan.py",
                "or i.reopened and (i.state = 'OPEN' or i.resolution = 'OBSOLETE')",
                "or false",
            ),
        ),
        (f"{ISSUES}::test_a_reopened_one_is_left_to_a_person_though_it_would_match",),
    ),
    Breach(
        "matching: the filter is not asked",
        (
            Edit(
                "domain/matching/plan.py",
                "return f\"({x}.status = 'ACTIVE' and {INCLUDED[contact_filter].format(x=x)})\"",
                "return f\"({x}.status = 'ACTIVE')\"",
            ),
        ),
        (f"{MATCHING}::test_the_filter_lets_in_and_widening_adds",),
    ),
)

EDGES = (
    Breach(
        "poison: one contact on which our code fails stops its batch",
        (
            Edit(
                "workers/sending.py",
                '            made = Failure("INVALID_IN_XERO", f"It could not be written for Xero: {unreadable.place(error)}.")',
                "            raise RuntimeError from error",
            ),
        ),
        ("tests/workers/test_batches.py::test_one_on_which_our_code_fails_keeps_nobody_out",),
    ),
    Breach(
        "poison: a batch that is refused whole is not halved",
        (
            Edit(
                "workers/delivery_attempts.py",
                "    half = len(members) // 2\n    for part in (members[:half], members[half:]):",
                "    for part in (members[:1], members[1:2]):",
            ),
        ),
        (
            "tests/workers/test_batches.py::test_a_batch_that_xero_refuses_whole_is_halved_until_the_bad_one_stands_alone",
        ),
    ),
    Breach(
        "redelivery: a page is settled under a claim that has ended",
        (
            Edit(
                "domain/inbound/imports.py",
                "return run if run.finished_at is None and run.lease_until == held.lease_until else None",
                "return run",
            ),
        ),
        ("tests/domain/inbound/test_redelivered.py::test_a_delta_and_each_of_its_pages_may_be_done_twice",),
    ),
    Breach(
        "brake: it never holds",
        (
            Edit(
                "domain/inbound/mass_change.py",
                "return changed >= LEAST and changed > SHARE * of",
                "return False",
            ),
        ),
        ("tests/domain/inbound/test_mass_change.py",),
    ),
    Breach(
        "brake: one value in small groups slips by",
        (
            Edit(
                "domain/inbound/mass_change.py",
                "(select count(*) from same) + (select count(*) from late) >= :least",
                "(select count(*) from same) >= :least",
            ),
        ),
        ("tests/domain/inbound/test_mass_change.py::test_one_same_value_that_comes_in_small_groups_counts",),
    ),
    Breach(
        "brake: what a person has typed over since counts",
        (Edit("domain/inbound/mass_change.py", "where t.overwritten and {value}", "where {value}"),),
        (
            "tests/domain/inbound/test_mass_change.py::test_one_value_typed_over_what_xero_had_just_changed_does_not_count",
        ),
    ),
    Breach(
        "brake: time alone lets it through",
        (
            Edit(
                "domain/inbound/mass_change.py",
                '(datetime.fromisoformat(held["since"]) if held else tx.now) - WINDOW',
                "tx.now - WINDOW",
            ),
        ),
        ("tests/domain/inbound/test_mass_change.py::test_time_alone_lets_nothing_through",),
    ),
    Breach(
        "delivery: the halves of a refused batch are sent unread",
        (
            Edit(
                "workers/sending.py", "if not beside and not await _fresh(", "if False and not await _fresh("
            ),
        ),
        (f"{RESENDS}::test_the_halves_of_a_refused_resend_overwrite_nothing_unseen",),
    ),
    Breach(
        "delivery: it is given back by who holds it before its links",
        (Edit("domain/outbound/contact_deliveries.py", "await _lock_links(tx, which)", "pass"),),
        ("tests/domain/outbound/test_contact_deliveries.py",),
    ),
    Breach(
        "health: a read that is answered hides that no write is",
        (Edit("domain/connection/health.py", "and (:write or not {_TO_WRITE})", "and (:write or true)"),),
        (
            "tests/workers/test_health.py::test_what_waits_says_so_where_xero_takes_no_writes_though_it_is_read",
        ),
    ),
    Breach(
        "looks: each press of syncNow is a look of its own",
        (
            Edit(
                "domain/connection/poll_schedule.py",
                "return last if last > now else last + interval",
                "return now",
            ),
        ),
        ("tests/domain/connection/test_sync_now.py",),
    ),
    Breach(
        "delivery: beside a scan it is sent unread",
        (Edit("domain/outbound/contact_deliveries.py", "l.xero_contact_id is null or {LINK_READ}", "true"),),
        ("tests/workers/test_during_scan.py::test_what_could_not_be_read_is_not_sent",),
    ),
    Breach(
        "delivery: beside a scan a contact is archived unread",
        (Edit("domain/outbound/status_deliveries.py", 'f"{due} and {READ}", FRESH', "due, FRESH"),),
        ("tests/workers/test_during_scan.py",),
    ),
    Breach(
        "health: what waits for Xero does not say so",
        (Edit("domain/connection/health.py", "then 'XERO_UNAVAILABLE' end", "then null end"),),
        ("tests/api/schema/test_waiting.py::test_what_waits_for_xero_says_so_and_nothing_else_does",),
    ),
    Breach(
        "clock: a read in the future of a clock that was set back is fresh",
        (
            Edit(
                "domain/outbound/freshness.py",
                "abs(tx.now - asked) <= FRESH",
                "tx.now - asked <= FRESH",
            ),
        ),
        ("tests/workers/test_clocks.py::test_a_read_in_the_future_of_a_clock_set_back_is_not_fresh",),
    ),
    Breach(
        "edges: the event cursor is a sequence",
        (
            Edit(
                "runtime/database.py",
                "from collections.abc import",
                "import asyncio\nimport random\nfrom collections.abc import",
            ),
            # Counted in a transaction of its own, as a sequence is; and two that have their numbers end in any order.
            Edit(
                "runtime/database.py",
                "        last = await tx.session.scalar(\n",
                "        other = await tx.session.connection()\n"
                "        engine = AsyncEngine(other.sync_connection.engine)\n"
                "        async with AsyncSession(engine) as counting, counting.begin():\n"
                "            await counting.execute(\n"
                '                sa.text("select set_config(\'tandem.workspace\', :ws, true)"), {"ws": str(tx.workspace)}\n'
                "            )\n"
                "            last = await _count(counting, tx)\n"
                "        await asyncio.sleep(random.random() * 0.2)\n"
                "        last = last or await tx.session.scalar(\n",
            ),
            Edit(
                "runtime/database.py",
                "async def _notify(",
                "async def _count(session: AsyncSession, tx: Tx) -> int:\n"
                "    return await session.scalar(\n"
                "        sa.text(\n"
                '            "insert into event_counter (workspace_id, position) values (:ws, :n) on conflict (workspace_id)"\n'
                '            " do update set position = event_counter.position + :n returning position"\n'
                "        ),\n"
                '        {"ws": tx.workspace, "n": len(tx.events)},\n'
                "    )\n\n\n"
                "async def _notify(",
            ),
        ),
        ("tests/promises/test_stream.py::test_eight_writers_at_once_and_a_reader_that_comes_and_goes",),
    ),
    Breach(
        "edges: the setting of the workspace outlives its transaction",
        (
            Edit(
                "runtime/database.py",
                "set_config('tandem.workspace', :ws, true)",
                "set_config('tandem.workspace', :ws, false)",
            ),
        ),
        ("tests/runtime/test_database.py",),
    ),
    Breach(
        "edges: the limiter's rows are per process",
        (
            Edit(
                "domain/connection/call_budget.py",
                '"tenant": tenant_id, "bulk"',
                '"tenant": uuid5(tenant_id, str(id(self.door.__self__))), "bulk"',
            ),
            Edit(
                "domain/connection/call_budget.py",
                "from uuid import UUID, uuid4",
                "from uuid import UUID, uuid4, uuid5",
            ),
        ),
        ("tests/domain/connection/test_call_budget_with_simulator.py",),
    ),
)

BREACHES = (*MERGE, *DELIVERY, *PUSH, *MEMORY, *MATCH, *EDGES)
