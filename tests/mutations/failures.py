"""Mutations for what holds of failures (F): each puts an old fault back."""

from __future__ import annotations

from tests.mutations import Mutation

TABLE_TEST = "durability/test_failures_table.py"
PACE = "durability/test_pace.py"
REPLIES = "durability/test_what_replies_mean.py"
MIXED = "durability/test_mixed_failures.py"
BETWEEN = "durability/test_registration_in_between.py"
STANDS = "durability/test_registration_that_stands.py"
KEPT = "durability/test_kept_over_restarts.py"
TICKETS = "client/test_two_threads_two_tickets.py"
ANY_ORDER = "client/test_lifecycle_any_order.py"

LINK = (
    "runtime.conversation.failures.scope_of",
    "if status is None:",
    "if status is None or status in BUSY:",
)
WITHOUT_CATALOGUE = (
    "oadr20b.services.registration.bootstrap._postpone_catalogue",
    "return outcome if outcome.changes else NOTHING",
    "return NOTHING",
)
MISSING_OPT = (
    "runtime.conversation.failed_exchanges.FailedExchanges._fail_service",
    "if is_over or (is_missing and task.needs_service):",
    "if is_over:",
)
OPT_BY_ANYTHING = (
    "oadr20b.services.opts.tasks._creation",
    "confirms=confirmed_by(CREATION, CreatedOpt, opt_id=row.opt_id),",
    "",
)
WITHDRAWN_BY_ANYTHING = (
    "oadr20b.services.opts.tasks._cancellation",
    "confirms=confirmed_by(CANCELLATION, CanceledOpt, opt_id=row.opt_id),",
    "",
)
ENDED_BY_ANYTHING = (
    "oadr20b.services.registration.cancellation.cancel_registration",
    "confirms=confirmed_by(CANCELLATION, CanceledPartyRegistration, "
    "registration_id=state.registration_id, ven_id=state.ven_id),",
    "",
)
ALWAYS_NEWS = (
    "oadr20b.profile.Profile20b.is_news",
    "return book.settings.strict or any(",
    "return True or any(",
)
NO_PACE = (
    "runtime.conversation.pace.Pace.seconds_to",
    "wait = self._window.seconds_to_wait(now, 0 if is_first else KEPT_FOR_EARLIER)",
    "wait = 0.0",
)
RENEWALS = (
    "runtime.conversation.registrations.Registrations.note",
    "self._requests.next(now)",
    "pass",
)
LOST_LATE = (
    "runtime.conversation.registrations.Registrations.blocked_until",
    "0.0 if self._follows_loss else ",
    "",
)
LOST_AT_ONCE = (
    "runtime.conversation.exchanges.Exchanges._take_unknown",
    "self._lanes.block(pause)",
    "pass",
)
FAILING_POLLS = (
    "runtime.conversation.polling.Polling.fail",
    "self._is_failing = True",
    "self._at = None",
)
ENDS_ANEW = (
    "oadr20b.services.registration.creation.lose",
    'if book.registration.phase in ("cancelling", "cancelled"):',
    'if book.registration.phase == "cancelled":',
)
ENDED_AND_ANSWERED = (
    "oadr20b.services.registration.creation.lose",
    "return answers.forget_all(book)",
    "return NOTHING",
)
ALL_IS_WELL = (
    "runtime.conversation.failures.Failures.answer",
    "return self._kinds.pop(kind, None)",
    "found = self._kinds.pop(kind, None); self._kinds.clear(); return found",
)
REFUSAL_LOST = (
    "runtime.transactions.Transactions._run",
    "self.tickets.settle(settles, error)",
    "self.tickets.settle(settles, None)",
)
LOST_WITH_463 = (
    "oadr20b.services.opts.rows.forget_confirmed",
    "if row.state not in (OWED, CANCELLING)]",
    "]",
)
NOT_CANCELLED = (
    "oadr20b.profile.Profile20b.judge",
    "task.name == CANCELLATION and reason is not None",
    "False",
)
FORGOTTEN_END = (
    "oadr20b.services.registration.creation.resume",
    'if state.phase != "cancelling":',
    "if True:",
)

TABLE = (
    Mutation(
        "F1",
        "runtime.conversation.Conversation._has_failed",
        "return not task.registers or (turn.is_poll_due and self._is_period_over(now))",
        "return False",
        "durability/test_what_hangs.py::test_polls_go_on_between_answers_that_hang",
    ),
    Mutation(
        "F1",
        "runtime.conversation.failed_exchanges.FailedExchanges._fail_link",
        "if is_its_own and task.stays_owed:",
        "if False:",
        "durability/test_what_hangs.py::test_polls_go_on_where_every_other_service_hangs",
    ),
    Mutation(
        "F1",
        "runtime.conversation.failed_exchanges.FailedExchanges._fail_link",
        "elif is_its_own and is_spent:",
        "elif False:",
        "durability/test_what_hangs.py::test_the_bootstrap_goes_on_without_what_hangs",
    ),
    Mutation(
        "F1",
        "runtime.conversation.failed_exchanges.FailedExchanges._fail_link",
        "elif is_its_own and is_spent:",
        "elif is_its_own and leads:",
        "durability/test_what_hangs.py::test_an_answer_that_the_vtn_never_takes_is_given_up",
    ),
    Mutation(
        "F1",
        "oadr20b.services.registration.standing.go_on_meanwhile",
        "if not state.stands or",
        "if True or",
        f"{STANDS}::test_all_goes_on_while_the_ven_cannot_register_again",
    ),
    Mutation(
        "F1",
        "oadr20b.services.registration.creation.refuse_registration",
        'facts["stands"] = ""',
        "",
        f"{STANDS}::test_R9_a_registration_that_was_refused_does_not_stand",
    ),
    Mutation(
        "F5",
        "oadr20b.services.registration.cancellation.cancel_registration",
        "UNKNOWN_IDS if state.may_be_cancelled else frozenset()",
        "frozenset()",
        f"{STANDS}::test_R12_a_cancellation_that_was_taken_and_not_answered_is_done",
    ),
    Mutation(
        "F5",
        "oadr20b.services.reports.acknowledgement.remove_acknowledged",
        "found = [*_in_rows(book, done), *_in_messages(book, done, left)]",
        "found = [*_in_rows(book, done)]",
        "oadr20b/services/reports/test_delivery.py"
        "::test_a_message_that_was_made_while_a_slow_vtn_took_it_has_nothing_of_it",
    ),
    Mutation(
        "F9",
        "events.versions.drop_missing",
        "if held.delivered and not is_over:",
        "if False:",
        "durability/test_another_vtn.py"
        "::test_handlers_are_told_of_each_event_that_went_with_the_vtn_before",
    ),
    Mutation(
        "F1",
        "oadr20b.services.answers._drop_oldest",
        "len(book.answers) - MOST_WAITING + 1",
        "0",
        f"{MIXED}::test_answers_that_nobody_takes_do_not_pile_up_and_hold_up_no_event_afterwards",
    ),
    Mutation(
        "F4",
        "runtime.conversation.failures.Failures.fail_kind",
        "failure.backoff.cap = cap",
        "failure.backoff = self._make(cap)",
        f"{MIXED}::test_patience_grows_whatever_a_service_answers_by_turns",
    ),
    Mutation(
        "F4",
        "runtime.conversation.failures.Failures.fail_message",
        "failure.backoff.next(_retry_after_of(error))",
        "failure.backoff.next()",
        f"{MIXED}::test_a_retry_after_is_kept_whatever_status_it_comes_with",
    ),
    Mutation(
        "F5",
        "oadr20b.services.registration.cancellation._take_end",
        'if phase == "cancelling":',
        "if True:",
        f"{BETWEEN}::test_R11_R12_a_registration_that_both_sides_cancel_ends_once",
    ),
    Mutation(
        "R7",
        "oadr20b.services.registration.creation._begin_registration",
        "or state.fresh or not state.known",
        "or not state.known",
        f"{BETWEEN}::test_R7_the_old_ids_where_none_were_sent_are_a_new_registration",
    ),
    Mutation("F1", *LINK, f"{TABLE_TEST}::test_polls_go_on_at_their_period_whatever_else_fails"),
    Mutation(
        "F1",
        *WITHOUT_CATALOGUE,
        f"{TABLE_TEST}::test_polls_go_on_at_their_period_whatever_else_fails",
    ),
    Mutation(
        "F1",
        *MISSING_OPT,
        f"{REPLIES}::test_a_service_that_is_missing_is_told_by_the_call_soon_and_with_its_status",
    ),
    Mutation(
        "F1",
        "runtime.conversation.Conversation._go_on_without",
        "if task is None or task.postpone is None:",
        "if True:",
        f"{TABLE_TEST}::test_polls_after_another_registration_wait_for_no_back_off_of_a_service",
    ),
    Mutation("F2", *OPT_BY_ANYTHING, f"{REPLIES}::test_an_opt_is_created_only_by_its_confirmation"),
    Mutation(
        "F2",
        *WITHDRAWN_BY_ANYTHING,
        f"{REPLIES}::test_an_opt_is_withdrawn_only_by_its_confirmation",
    ),
    Mutation(
        "F2", *ENDED_BY_ANYTHING, f"{REPLIES}::test_a_registration_ends_only_by_its_confirmation"
    ),
    Mutation(
        "F2",
        "oadr20b.services.registration.creation.register",
        "confirms=confirmed_by(REGISTRATION, CreatedPartyRegistration, needs=needed),",
        "confirms=confirmed_by(REGISTRATION, CreatedPartyRegistration),",
        f"{REPLIES}::test_a_registration_is_made_only_by_its_confirmation",
    ),
    Mutation("F3", *ALWAYS_NEWS, f"{PACE}::test_what_changes_nothing_counts_as_an_empty_queue"),
    Mutation("F3", *NO_PACE, f"{PACE}::test_no_answer_of_a_vtn_makes_a_storm"),
    Mutation(
        "R12",
        "oadr20b.services.registration.creation.resume",
        "if not is_another_vtn(book, None):",
        "if True:",
        "durability/test_another_vtn.py::"
        "test_a_cancellation_that_was_not_sent_goes_to_no_other_vtn",
    ),
    Mutation(
        "F3",
        "runtime.conversation.failures.Failures.retry",
        "if kind.name in kinds]",
        "]",
        f"{PACE}::test_calls_of_the_user_do_not_send_again_what_else_failed",
    ),
    Mutation(
        "F4",
        "runtime.conversation.failures.Failures.retry",
        "for failure in wanted:",
        "for failure in (*wanted, *filter(None, [self.link])):",
        f"{PACE}::test_calls_of_the_user_over_a_link_that_fails_send_their_own_messages_only",
    ),
    Mutation(
        "F4",
        "runtime.conversation.Conversation.send_at_once",
        "self._asked.update(names)",
        "self._asked.update(names); [setattr(one, 'blocked_until', 0.0) for one in self._lanes]",
        f"{PACE}::test_calls_of_the_user_do_not_shorten_the_distance_of_registrations_after_losses",
    ),
    Mutation(
        "F3",
        "runtime.conversation.polling.Polling.drain",
        "self._pause_until = now + DRAIN_PAUSE",
        "self._at, self.is_draining = now + DRAIN_PAUSE, False",
        "runtime/test_polling.py::test_p3_the_poll_after_a_pause_is_none_of_the_period",
    ),
    Mutation(
        "F3",
        "runtime.conversation.pace.Pace.seconds_to",
        "return min(wait, to_period)",
        "return wait",
        f"{PACE}::test_polls_go_on_at_their_period_when_a_storm_has_used_up_the_pace",
    ),
    Mutation(
        "F3",
        "runtime.conversation.pace.Pace.seconds_to",
        "0 if is_first else KEPT_FOR_EARLIER",
        "0",
        f"{PACE}::test_a_registration_that_fails_for_a_moment_does_not_wait_for_what_is_owed_meanwhile",
    ),
    Mutation(
        "F3",
        "runtime.conversation.registrations.Registrations.forget_requests",
        "if self._name in names:",
        "if False:",
        f"{PACE}::test_registrations_that_the_user_asked_for_do_not_delay_one_that_is_needed",
    ),
    Mutation(
        "F3",
        *RENEWALS,
        f"{PACE}::test_registrations_that_help_nothing_come_with_growing_distance",
    ),
    Mutation(
        "F3",
        *LOST_AT_ONCE,
        f"{PACE}::test_losses_and_requests_for_registrations_by_turns_come_with_growing_distance",
    ),
    Mutation(
        "F3",
        *FAILING_POLLS,
        f"{PACE}::test_polls_that_fail_before_a_queue_is_drained_are_within_the_pace",
    ),
    Mutation(
        "F4",
        *LOST_LATE,
        f"{PACE}::test_registrations_that_were_asked_for_do_not_delay_one_after_a_loss",
    ),
    Mutation("F5", *ENDS_ANEW, f"{KEPT}::test_463_to_an_answer_does_not_undo_a_cancellation"),
    Mutation(
        "F5",
        *ENDED_AND_ANSWERED,
        f"{KEPT}::test_a_vtn_that_ended_the_registration_and_answers_463_hears_nothing_more",
    ),
    Mutation(
        "F4", *ALL_IS_WELL, f"{TABLE_TEST}::test_what_goes_well_elsewhere_does_not_shorten_a_wait"
    ),
    Mutation(
        "F4",
        "runtime.conversation.failures.Failures._was_good_before",
        "return bool(moments) and since - max(moments) < GOOD_LATELY",
        "return False",
        f"{REPLIES}::test_a_vtn_that_was_good_a_moment_ago_is_soon_polled_again",
    ),
    Mutation(
        "F11",
        "threads.daemon_thread",
        "guard_loggers()",
        "pass",
        "client/test_raising_log_handlers.py::test_a_log_handler_that_raises_stops_no_thread_and_changes_no_answer",
    ),
    Mutation("F5", *REFUSAL_LOST, f"{REPLIES}::test_an_opt_is_created_only_by_its_confirmation"),
    Mutation(
        "F5",
        "runtime.transactions.Transactions._owe_again",
        "outcome = step(self.book, self._time_of_step())",
        "outcome = NOTHING",
        f"{TICKETS}::test_each_of_two_calls_at_once_has_an_exchange_that_began_after_it",
    ),
    Mutation(
        "F5",
        "runtime.transactions.Transactions._run",
        "self.tickets.add(opens, joins=outcome is NOTHING)",
        "self.tickets.add(opens)",
        f"{TICKETS}::test_two_threads_that_want_the_same_opt_withdrawn_share_its_withdrawal",
    ),
    Mutation(
        "F5",
        *LOST_WITH_463,
        f"{REPLIES}::test_an_opt_that_met_463_is_sent_again_under_the_new_registration",
    ),
    Mutation(
        "F5",
        *NOT_CANCELLED,
        f"{KEPT}::test_463_to_a_cancellation_leaves_the_ven_unregistered_and_is_no_error",
    ),
    Mutation(
        "F5",
        *FORGOTTEN_END,
        f"{KEPT}"
        "::test_a_cancellation_that_was_asked_for_is_sent_after_the_restart_before_anything_else",
    ),
    Mutation(
        "F6",
        "runtime.lifecycle.Lifecycle.stop",
        "self._end_within = seconds if self._busy is not None:",
        "self._end_within = None if self._busy else seconds\n"
        "            if self._busy is not None:",
        f"{ANY_ORDER}::test_a_stop_that_comes_while_another_thread_starts_ends_what_was_started",
    ),
    Mutation(
        "F6",
        "fleet.lifecycle.FleetLifecycle.start",
        "self._last_reference.watch(fleet)",
        "pass",
        f"{ANY_ORDER}::test_a_fleet_whose_last_reference_goes_is_stopped_and_that_is_said",
    ),
    Mutation(
        "F6",
        "runtime.conversation.lanes.Lanes.stop",
        "self.is_over = True",
        "pass",
        f"{ANY_ORDER}::test_a_poll_that_stop_left_behind_is_the_last_of_its_conversation",
    ),
    Mutation(
        "F6",
        "runtime.calls.Calls.give_up_waiting",
        "self._transact(call.done(NOT_CALLED))",
        "pass",
        "durability/test_stop_and_start.py"
        "::test_what_waited_for_its_turn_at_stop_is_asked_again_after_start",
    ),
    Mutation(
        "F6",
        "runtime.runtime.Runtime.check_process",
        "if self.is_inherited:",
        "if False:",
        f"{ANY_ORDER}"
        "::test_in_the_child_of_a_fork_every_call_that_would_change_something_is_refused",
    ),
    Mutation(
        "F7",
        "runtime.transactions.Transactions._time_of_step",
        "if by is not None:",
        "if False:",
        "durability/test_clock_and_decisions.py"
        "::test_a_clock_that_is_set_takes_no_time_from_a_decision_and_adds_none",
    ),
    Mutation(
        "F7",
        "runtime.scheduler.Scheduler._was_set_back",
        "return by is not None and by < ZERO",
        "return False",
        "runtime/test_scheduler.py::test_a_wall_clock_set_back_is_told_once",
    ),
    Mutation(
        "F8",
        "text.is_xml",
        "return _NO_XML.search(text) is None",
        "return True",
        "test_arguments.py::test_no_text_that_xml_cannot_carry_is_taken",
    ),
    Mutation(
        "F9",
        "oadr20b.services.registration.other_vtn.is_another_vtn",
        "return vtn_id != state.vtn_id",
        "return False",
        "durability/test_another_vtn.py::test_another_vtn_on_the_same_store_starts_clean",
    ),
    Mutation(
        "F9",
        "oadr20b.state.nonces.keep_nonce",
        "*((Change(TABLE, FLOOR, floor),) if floor and forgotten else ()),",
        "",
        f"{KEPT}::test_what_was_forgotten_of_the_replay_memory_stays_forgotten_over_restarts",
    ),
    Mutation(
        "F9",
        "runtime.persistence.Persistence._write",
        "sound = rows if trouble.retryable else self._storable(rows)",
        "sound = rows",
        "runtime/test_row_that_cannot_be_stored.py"
        "::test_a_row_with_nul_spoils_neither_its_neighbours_nor_what_follows",
    ),
    Mutation(
        "F10",
        "runtime.facts.Facts.look",
        "with self._applying:",
        "with self._lock:",
        "client/test_reading_waits_for_nobody.py"
        "::test_whatever_waits_everything_that_can_be_read_is_read_at_once",
    ),
    Mutation(
        "F11",
        "runtime.calls.Calls._report",
        'key = f"handler {error.handler} {call.handler} {call.lane}"',
        'key = f"handler {error.handler}"',
        f"{REPLIES}::test_a_handler_that_fails_is_told_for_each_event",
    ),
    Mutation(
        "F11",
        "runtime.troubles.Troubles.report",
        "if lasts:",
        "if False:",
        "durability/test_away.py::test_while_the_vtn_is_away_there_is_a_line_a_minute",
    ),
    Mutation(
        "F12",
        "runtime.workers.Workers._look",
        "if full is not None and self._on_full is not None:",
        "if False:",
        "runtime/test_workers.py"
        "::test_a_pool_whose_last_thread_is_held_says_so_and_keeps_what_comes_in_order",
    ),
    Mutation(
        "F13",
        "oadr20b.services.registration.bootstrap._take_list",
        "return outcome + events.receive_none(book, now)",
        "return outcome",
        f"{REPLIES}"
        "::test_a_plain_response_to_the_request_for_the_list_says_that_there_are_no_events",
    ),
)
