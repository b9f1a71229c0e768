"""Breaks the code of every rule of E and O1, one small mutation at a time, and watches the rule's
test turn red.

By hand: ``python tests/mutations_events.py [RULE ...] [--rst]``. Each mutation is made in a copy of
the tree, in which that one test runs; ``--rst`` prints the table for docs/rules-events.rst. Nothing
here is collected by pytest.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SERVICES = "ven_sdk/services/"


class Mutation(NamedTuple):
    """``old`` stands exactly once in ``file`` (below ven_sdk/services); with ``new`` in its place
    ``test`` must fail.
    """

    rule: str
    file: str
    function: str
    old: str
    new: str
    test: str


LIST, ANSWER, RUN, FILTER, VIEWS, OPTS, SAMPLES = (
    f"test_{name}.py"
    for name in (
        "event_list",
        "event_answer",
        "event_run",
        "event_filter",
        "views",
        "opts",
        "event_samples",
    )
)

TABLE = (
    Mutation(
        "E1",
        "event_list.py",
        "receive",
        "if complete and book.settings.implied_cancel:",
        "if book.settings.implied_cancel:",
        f"{LIST}::test_e1_an_incomplete_list_cancels_nothing",
    ),
    Mutation(
        "E2",
        "event_list.py",
        "Intake._unknown",
        'elif event.event_status == "completed" or',
        "elif event.modification_number > 0 or",
        f"{LIST}::test_e2_an_unknown_event_is_new_whatever_its_number",
    ),
    Mutation(
        "E3",
        "event_list.py",
        "Intake.take",
        "elif number > held.event.event_descriptor.modification_number:",
        "elif number > held.event.event_descriptor.modification_number + 1:",
        f"{RUN}::test_a_modified_running_event_goes_on_with_its_new_intervals_without_a_second_start",
    ),
    Mutation(
        "E3",
        "event_change.py",
        "modified",
        "state = replace(held, event=event,",
        "state = replace(held, event=held.event,",
        f"{LIST}::test_e3_a_higher_number_replaces_the_event",
    ),
    Mutation(
        "E4",
        "event_list.py",
        "Intake.take",
        "elif number > held.event.event_descriptor.modification_number:",
        "elif number >= held.event.event_descriptor.modification_number:",
        f"{LIST}::test_e4_the_same_number_changes_nothing_whatever_else_differs",
    ),
    Mutation(
        "E4",
        "event_list.py",
        "Intake.take",
        'elif descriptor.event_status == "cancelled":',
        'elif descriptor.event_status == "cancelled" and number > '
        "held.event.event_descriptor.modification_number:",
        f"{LIST}::test_e4_cancelled_with_an_unchanged_number_is_acted_on",
    ),
    Mutation(
        "E5",
        "event_list.py",
        "Intake.take",
        "elif number < held.event.event_descriptor.modification_number:",
        "elif number < held.event.event_descriptor.modification_number - 9:",
        f"{LIST}::test_e5_a_lower_number_is_ignored_and_answered_450_with_the_opt_held",
    ),
    Mutation(
        "E5",
        "event_list.py",
        "Intake.take",
        'self._respond(event, "450", held.opt or "optOut",',
        'self._respond(event, "450", "optOut",',
        f"{LIST}::test_e5_a_lower_number_is_ignored_and_answered_450_with_the_opt_held",
    ),
    Mutation(
        "E5",
        "event_change.py",
        "is_gone",
        '(state.cancelled == "vtn" and not state.owed)',
        'state.cancelled == "vtn"',
        f"{LIST}::test_e5_a_lower_number_is_450_while_the_cancellation_is_not_acknowledged_and_new_afterwards",
    ),
    Mutation(
        "E6",
        "event_list.py",
        "Intake.miss",
        "for key in self.book.events.keys() - self.present:",
        "for key in sorted(self.book.events.keys() - self.present)[1:]:",
        f"{LIST}::test_e6_an_event_gone_from_a_complete_list_is_cancelled_without_an_answer",
    ),
    Mutation(
        "E6",
        "event_change.py",
        "gone_from_list",
        'if times.status(held, now) == "completed":',
        "if False:",
        f"{LIST}::test_e6_a_locally_completed_event_is_simply_forgotten",
    ),
    Mutation(
        "E7",
        "event_list.py",
        "receive",
        "    if complete and book.settings.implied_cancel:",
        "    if complete and book.settings.implied_cancel and message.events:",
        f"{LIST}::test_e7_an_empty_list_cancels_all",
    ),
    Mutation(
        "E8",
        "event_run.py",
        "is_finished",
        "    if state.cancelled is not None:\n        return not any",
        '    if state.cancelled == "list":\n        return not any',
        f"{LIST}::test_e8_a_cancelled_event_stops_and_is_forgotten_after_the_acknowledgement",
    ),
    Mutation(
        "E9",
        "event_list.py",
        "Intake._unknown",
        "        if change.is_cancelled(event):\n",
        "        if False:\n",
        f"{LIST}::test_e9_an_unknown_cancelled_event_is_no_error",
    ),
    Mutation(
        "E10",
        "event_change.py",
        "is_gone",
        'state.cancelled == "list" or ',
        "",
        f"{LIST}::test_e10_an_event_that_comes_back_while_its_cancelled_run_goes_on_ends_that_run_first",
    ),
    Mutation(
        "E11",
        "event_list.py",
        "Intake.take_faulty",
        "        self.present.add(faulty.event_id)\n",
        "",
        f"{LIST}::test_e11_an_event_that_cannot_be_read_counts_as_present_and_runs_as_it_was",
    ),
    Mutation(
        "E11",
        "event_list.py",
        "Intake.take_faulty",
        'response_code="454"',
        'response_code="200"',
        f"{LIST}::test_e11_each_event_of_a_mixed_list_gets_its_own_code",
    ),
    Mutation(
        "E12",
        "event_list.py",
        "_failure",
        "if message.response is not None and not is_success(",
        "if message.response is None and not is_success(",
        f"{LIST}::test_e12_a_failure_of_the_whole_message_is_no_empty_list",
    ),
    Mutation(
        "E12, G11",
        "event_list.py",
        "_failure",
        "if not known or message.vtn_id == known:",
        "if not known or message.vtn_id.lower() == known.lower():",
        f"{LIST}::test_e12_a_failure_of_the_whole_message_is_no_empty_list",
    ),
    Mutation(
        "E13",
        "event_list.py",
        "Intake.take",
        "held = self.rows.get(key) or self.book.events.get(key)",
        "held = self.book.events.get(key)",
        f"{LIST}::test_e13_an_event_that_stands_twice_in_a_list_ends_as_its_higher_number",
    ),
    Mutation(
        "E14",
        "event_change.py",
        "dropped",
        'return replace(state, cancelled="list", owed=False,',
        "return replace(state, ",
        f"{LIST}::test_e14_the_new_vtn_after_a_cancelled_registration_starts_with_no_events",
    ),
    Mutation(
        "E15",
        "event_list.py",
        "Intake._unchanged",
        "            self.due.add(event.event_id)\n",
        "            pass\n",
        f"{ANSWER}::test_e15_every_event_of_every_list_that_wants_a_response_gets_one",
    ),
    Mutation(
        "E16",
        "event_list.py",
        "Intake._unchanged",
        '        if event.response_required != "never":\n            self.due',
        "        if True:\n            self.due",
        f"{ANSWER}::test_e16_never_gets_no_response_but_is_carried_out",
    ),
    Mutation(
        "E16",
        "event_run.py",
        "opted",
        'owed=state.event.response_required != "never")',
        "owed=True)",
        f"{ANSWER}::test_e16_an_opt_of_the_user_for_such_an_event_is_local",
    ),
    Mutation(
        "E16",
        "event_list.py",
        "Intake._respond",
        '        if event.response_required != "never":\n            self.loose',
        "        if True:\n            self.loose",
        f"{ANSWER}::test_e16_an_erroneous_event_that_wants_no_response_gets_none",
    ),
    Mutation(
        "E17",
        "event_answer.py",
        "ready",
        "for key in keys if is_ready(rows[key])]",
        "for key in list(keys)[:1] if is_ready(rows[key])]",
        f"{ANSWER}::test_e17_all_that_is_ready_goes_into_one_answer_and_a_slow_handler_holds_up_nobody_else",
    ),
    Mutation(
        "E18",
        "event_run.py",
        "is_overdue",
        "state.deadline <= now",
        "state.deadline < now",
        f"{ANSWER}::test_e18_after_the_opt_timeout_the_default_goes_out_and_the_later_answer_as_a_change",
    ),
    Mutation(
        "E18",
        "event_answer.py",
        "is_ready",
        "return not state.waiting or state.cancelled is not None",
        "return True",
        f"{ANSWER}::test_e18_a_deferred_event_repeated_meanwhile_is_neither_delivered_again_nor_answered",
    ),
    Mutation(
        "E19",
        "event_answer.py",
        "answer_task",
        "CreatedEvent(response=answers.response(),",
        "CreatedEvent(response=answers.response(sent[0].response_code),",
        f"{ANSWER}::test_e19_an_erroneous_event_does_not_make_the_message_one",
    ),
    Mutation(
        "E20",
        "event_answer.py",
        "answer_task",
        "CreatedEvent(response=answers.response(),",
        'CreatedEvent(response=answers.response("200", sent[0].request_id),',
        f"{ANSWER}::test_e20_the_responses_carry_the_lists_top_level_request_id_and_the_eiresponse_none",
    ),
    Mutation(
        "E20",
        "event_list.py",
        "Intake",
        "self.book, self.now, self.request_id = book, now, message.request_id",
        "self.book, self.now, self.request_id = book, now, message.response.request_id",
        f"{ANSWER}::test_e20_the_responses_carry_the_lists_top_level_request_id_and_the_eiresponse_none",
    ),
    Mutation(
        "E21",
        "event_answer.py",
        "answer_task",
        "    if not sent:\n        return None\n",
        "",
        f"{ANSWER}::test_e21_without_responses_there_is_no_message",
    ),
    Mutation(
        "E21",
        "event_list.py",
        "_failure",
        'answers.response("452", message.request_id,',
        'answers.response("452", "",',
        f"{LIST}::test_e12_a_list_of_another_vtn_is_answered_452_without_event_responses",
    ),
    Mutation(
        "E22",
        "event_answer.py",
        "respond",
        "modification_number=event.modification_number",
        "modification_number=0",
        f"{ANSWER}::test_e22_the_number_is_repeated_as_received",
    ),
    Mutation(
        "E23",
        "event_answer.py",
        "_request_id",
        "return heard.request_id_of(key, state.request_id)",
        "return state.request_id",
        f"{ANSWER}::test_e23_a_changed_opt_goes_out_with_the_current_number_and_the_last_lists_request_id",
    ),
    Mutation(
        "E23",
        "event_answer.py",
        "acknowledged",
        "if response_of(state, _request_id(heard, key, state)) in done:",
        "if True:",
        f"{ANSWER}::test_e23_an_opt_that_changes_while_the_answer_is_under_way_is_sent_afterwards",
    ),
    Mutation(
        "E23",
        "event_change.py",
        "chosen",
        "replace(held, decision=None, delivered=True)",
        "replace(held, delivered=True)",
        f"{ANSWER}::test_e23_the_users_own_opt_outlives_the_return_of_a_handler_that_was_still_running",
    ),
    Mutation(
        "E24",
        "event_answer.py",
        "response_of",
        'return respond(state.event, request_id, "200", "optIn")',
        'return respond(state.event, request_id, "200", state.opt or "optOut")',
        f"{ANSWER}::test_e24_a_cancellation_is_acknowledged_with_optin_also_of_an_event_opted_out_of",
    ),
    Mutation(
        "E25",
        "event_change.py",
        "cancelled",
        "return state if held.cancelled is not None else _stopped(",
        "return _stopped(",
        f"{ANSWER}::test_e25_a_cancellation_that_is_repeated_is_acknowledged_again_and_told_once",
    ),
    Mutation(
        "E25",
        "event_change.py",
        "gone_from_list",
        "    if held.cancelled is not None:\n        return replace(held, owed=False)\n",
        "",
        f"{ANSWER}::test_e25_a_cancelled_event_that_vanishes_from_the_list_is_forgotten_without_a_second_cancel",
    ),
    Mutation(
        "E26",
        "event_list.py",
        "Intake._unknown",
        'event.event_status == "completed" or times.is_past(event, self.now)',
        "times.is_past(event, self.now)",
        f"{LIST}::test_e26_an_unknown_event_that_is_over_is_answered_optout_and_reaches_no_handler",
    ),
    Mutation(
        "E26",
        "event_time.py",
        "is_past",
        "period.dtstart + period.duration <= now",
        "period.dtstart + period.duration < now",
        f"{LIST}::test_e26_an_unknown_event_that_is_over_is_answered_optout_and_reaches_no_handler",
    ),
    Mutation(
        "E27",
        "event_time.py",
        "status",
        '"far" if now < state.start',
        '"far" if now <= state.start',
        f"{RUN}::test_e27_the_status_is_computed_locally_from_rampup_start_and_end",
    ),
    Mutation(
        "E27",
        "event_time.py",
        "status",
        "ramp_up_period or ZERO",
        "notification_period or ZERO",
        f"{RUN}::test_e27_the_status_is_computed_locally_from_rampup_start_and_end",
    ),
    Mutation(
        "E28",
        "event_list.py",
        "Intake._unchanged",
        '        if event.response_required != "never":\n            self.due',
        '        if event.event_status == "completed":\n            self.rows[event.event_id] = '
        "replace(held,"
        " over=True)\n"
        '        if event.response_required != "never":\n            self.due',
        f"{RUN}::test_e28_a_received_status_ahead_of_ours_changes_nothing",
    ),
    Mutation(
        "E29",
        "event_change.py",
        "uniform",
        "return limit * book.chance.random()",
        "return limit",
        f"{RUN}::test_e29_the_start_is_offset_by_a_random_time_up_to_startafter_and_intervals_keep_their_lengths",
    ),
    Mutation(
        "E30",
        "event_change.py",
        "modified",
        "offset = held.offset if event.active_period.tolerance == "
        "held.event.active_period.tolerance else drawn(book, event)",
        "offset = drawn(book, event)",
        f"{RUN}::test_e30_the_offset_is_kept_over_modifications_and_restarts_unless_startafter_changes",
    ),
    Mutation(
        "E31",
        "event_change.py",
        "_stopped",
        "return replace(state, end_at=now + uniform(book, tolerance))",
        "return state",
        f"{RUN}::test_e31_a_cancelled_running_event_with_startafter_ends_after_a_random_delay",
    ),
    Mutation(
        "E31",
        "event_time.py",
        "last_moment",
        "else min(state.end, state.end_at)",
        "else state.end_at",
        f"{RUN}::test_e31_a_random_end_never_lies_behind_the_events_own_end",
    ),
    Mutation(
        "E32",
        "event_time.py",
        "leaves",
        "return period.dtstart + period.duration + max(period.tolerance or ZERO, ZERO)",
        "return period.dtstart + period.duration",
        f"{RUN}::test_e32_an_event_stays_known_until_its_end_and_startafter",
    ),
    Mutation(
        "E33",
        "event_time.py",
        "slices",
        "end = state.end if index == last else",
        "end =",
        f"{RUN}::test_e33_an_event_without_end_runs_until_it_is_cancelled_and_its_last_interval_as_long",
    ),
    Mutation(
        "E34",
        "event_time.py",
        "slices",
        "            end = min(end, state.end)\n",
        "            pass\n",
        f"{RUN}::test_e34_the_last_interval_is_cut_or_extended_to_the_end",
    ),
    Mutation(
        "E35",
        "event_time.py",
        "slices",
        "in enumerate(signal.intervals):",
        'in sorted(enumerate(signal.intervals), key=lambda one: one[1].uid or ""):',
        f"{RUN}::test_e35_intervals_run_in_the_order_of_the_list_whatever_their_uid",
    ),
    Mutation(
        "E36",
        "event_time.py",
        "slices",
        "        if end is not None:\n            begin = end\n",
        "        if end is not None:\n            begin = signal.intervals[min(index + 1, "
        "last)].dtstart or end\n",
        f"{RUN}::test_e36_intervals_begin_where_the_one_before_ends_also_where_a_dtstart_disagrees",
    ),
    Mutation(
        "E37",
        "event_run.py",
        "run",
        "    if state.end is None or now < state.end:  ",
        "    if state.start == now:  ",
        f"{RUN}::test_e37_a_late_event_is_carried_out_for_the_rest_of_its_period",
    ),
    Mutation(
        "E39",
        "views.py",
        "_current_value",
        "is None else signal.intervals[piece.position]",
        "is None else signal.intervals[0]",
        f"{VIEWS}::test_e39_the_current_value_follows_the_interval_that_runs",
    ),
    Mutation(
        "E39",
        "views.py",
        "_idle_value",
        "return 0 if signal.signal_name in SIMPLE else None",
        "return None",
        f"{VIEWS}::test_e39_the_current_value_follows_the_interval_that_runs",
    ),
    Mutation(
        "E41",
        "views.py",
        "counts",
        " and not state.event.test_event",
        "",
        f"{VIEWS}::test_e41_test_events_and_events_not_opted_in_to_do_not_count",
    ),
    Mutation(
        "E42",
        "views.py",
        "current_level",
        "min(max(int(level), 0), HIGHEST_LEVEL)",
        "int(level)",
        f"{VIEWS}::test_e42_the_level_is_a_whole_number_from_0_to_3",
    ),
    Mutation(
        "E42",
        "event_filter.py",
        "SIGNALS",
        '    "SIMPLE": {"level": NO_UNIT},',
        '    "SIMPLE": {"level": NO_UNIT, "delta": NO_UNIT},',
        f"{FILTER}::test_signals",
    ),
    Mutation(
        "E43",
        "event_filter.py",
        "SIGNALS",
        '"level": POWER | NO_UNIT}',
        '"level": POWER}',
        f"{FILTER}::test_signals",
    ),
    Mutation(
        "E44",
        "event_filter.py",
        "_foreign_signals",
        "if any(is_supported(",
        "if all(is_supported(",
        f"{FILTER}::test_signals",
    ),
    Mutation(
        "E44",
        "views.py",
        "_signal",
        "return min(found, key=lambda signal: len(signal.targets), default=None)",
        "return found[0] if found else None",
        f"{VIEWS}::test_e44_the_signal_for_all_devices_comes_before_one_for_a_device_class",
    ),
    Mutation(
        "E45",
        "event_filter.py",
        "_foreign_target",
        "if not checked or any(",
        "if any(",
        f"{FILTER}::test_targets",
    ),
    Mutation(
        "E46",
        "event_filter.py",
        "_foreign_target",
        "any(value in wanted[kind] for kind, value in checked)",
        "all(value in wanted[kind] for kind, value in checked)",
        f"{FILTER}::test_targets",
    ),
    Mutation(
        "E47",
        "event_filter.py",
        "_foreign_target",
        'return Refusal("452"',
        'return None and Refusal("452"',
        f"{FILTER}::test_targets",
    ),
    Mutation(
        "E48",
        "event_filter.py",
        "_foreign_context",
        "or event.market_context in settings.market_contexts:",
        'or (event.market_context or "").lower() in settings.market_contexts:',
        f"{FILTER}::test_market_context",
    ),
    Mutation(
        "E49",
        "event_list.py",
        "Intake._unknown",
        "        if change.is_cancelled(event):\n",
        "        if change.is_cancelled(event) or self.rows:\n",
        f"{RUN}::test_e49_overlapping_events_of_one_context_are_both_carried_out",
    ),
    Mutation(
        "E49, E50",
        "views.py",
        "_rank",
        'return state.event.priority or float("inf"), state.start,',
        'return state.event.priority if state.event.priority is not None else float("inf"), '
        "state.start,",
        f"{VIEWS}::test_e50_overlap",
    ),
    Mutation(
        "E50",
        "views.py",
        "_rank",
        'or float("inf"), state.start, state',
        'or float("inf"), -state.start.timestamp(), state',
        f"{VIEWS}::test_e50_overlap",
    ),
    Mutation(
        "E50",
        "views.py",
        "_ruling",
        "while heap and pieces[heap[0][1]].end <= start:",
        "while len(heap) > 1 and pieces[heap[0][1]].end <= start:",
        f"{VIEWS}::test_e50_the_schedule_says_at_each_moment_what_signal_now_will_say",
    ),
    Mutation(
        "O1.1",
        "opts.py",
        "create",
        "targets=target_list(targets), device_class=device_class(signal_target_mrid))",
        "device_class=device_class(signal_target_mrid))",
        f"{OPTS}::test_o1_1_resources_of_an_event_are_opted_out_with_the_number_held",
    ),
    Mutation(
        "O1.2",
        "opts.py",
        "event_opt",
        "if row.in_force and row.record.event_id == event_id), None)",
        "if False), None)",
        f"{OPTS}::test_o1_2_an_opt_that_the_vtn_will_ignore_is_said",
    ),
    Mutation(
        "O1.3",
        "opts.py",
        "create",
        "if (vavailability is None) == (event_id is None):",
        "if vavailability is None and event_id is None:",
        f"{OPTS}::test_o1_3_either_a_schedule_or_an_event",
    ),
    Mutation(
        "O1.4",
        "opt_arguments.py",
        "checked_event",
        "return held.event.modification_number",
        "return 0",
        f"{OPTS}::test_o1_1_resources_of_an_event_are_opted_out_with_the_number_held",
    ),
    Mutation(
        "O1.5",
        "opts.py",
        "_owed",
        "held.record if held.state == CONFIRMED else held.previous\n    row = "
        "OptState(record=record",
        "None\n    row = OptState(record=record",
        f"{OPTS}::test_o1_5_after_a_refused_replacement_the_earlier_opt_goes_on_to_stand",
    ),
    Mutation(
        "O1.5",
        "opts.py",
        "_answered",
        "        if book.opts.get(sent.opt_id) != sent:\n            return NOTHING\n"
        "        return _kept(replace(sent, state=state",
        "        return _kept(replace(sent, state=state",
        f"{OPTS}::test_o1_5_a_reply_to_a_replaced_opt_does_not_confirm_the_new_one",
    ),
    Mutation(
        "O1.6",
        "opts.py",
        "last_end",
        "if not parts or any(not part.duration for part in parts):",
        "if not parts:",
        f"{OPTS}::test_o1_6_a_schedule_leaves_with_its_last_window_and_zero_has_no_end",
    ),
    Mutation(
        "O1.7",
        "opts.py",
        "cancel",
        "row = replace(held, state=CANCELLING,",
        "row = replace(held, state=CANCELLED,",
        f"{OPTS}::test_o1_7_a_cancelled_opt_is_withdrawn_by_its_id_and_kept_until_the_waiter_saw_it",
    ),
    Mutation(
        "O1.7",
        "opts.py",
        "_not_cancelled",
        'unknown = error.response_code == "452"',
        "unknown = True",
        f"{OPTS}::test_o1_7_an_opt_whose_cancellation_is_not_allowed_goes_on_to_stand",
    ),
    Mutation(
        "O1.8",
        "opts.py",
        "next_task",
        "    if not owed:\n        return None\n",
        "",
        f"{OPTS}::test_o1_8_no_opt_is_sent_unless_the_user_made_one",
    ),
    Mutation(
        "O1.9",
        "event_change.py",
        "asked",
        "if not state.delivered and opts.opted_out(book, state.event):",
        "if False:",
        f"{OPTS}::test_o1_9_an_optout_schedule_answers_new_overlapping_events",
    ),
    Mutation(
        "O1.9",
        "opts.py",
        "_covers",
        "record.market_context not in (None, event.market_context) or ",
        "",
        f"{OPTS}::test_o1_9_an_optout_schedule_answers_new_overlapping_events",
    ),
    Mutation(
        "O1.10",
        "opt_arguments.py",
        "checked_reason",
        "if not isinstance(value, str) or value not in reasons:",
        "if not isinstance(value, str):",
        f"{OPTS}::test_o1_10_a_reason_of_the_schema_or_of_ones_own",
    ),
)


def outcome(mutation: Mutation) -> str:
    """``red`` if the test fails with the mutation, else what went wrong."""
    source = (ROOT / SERVICES / mutation.file).read_text()
    if source.count(mutation.old) != 1:
        return f"the text to change stands {source.count(mutation.old)} times in {mutation.file}"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("ven_sdk", "tests"):
            shutil.copytree(
                ROOT / name,
                copy / name,
                ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"),
            )
        shutil.copy(ROOT / "setup.cfg", copy)
        (copy / SERVICES / mutation.file).write_text(source.replace(mutation.old, mutation.new))
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
                "--no-header",
                f"tests/services/{mutation.test}",
            ],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode == 1 and " failed" in run.stdout:
        return "red"
    return (
        "STAYED GREEN"
        if run.returncode == 0
        else f"could not run: {run.stdout[-300:]}{run.stderr[-300:]}"
    )


def rst(results: list[str]) -> str:
    """The table of the documentation."""
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 7 20 35 38",
        "",
        "   * - Rule",
        "     - Function",
        "     - Test",
        "     - Mutation, and what was seen",
    ]
    for mutation, result in zip(TABLE, results):
        module = mutation.file[:-3]
        lines += [
            f"   * - {mutation.rule}",
            f"     - ``{module}.{mutation.function}``",
            f"     - ``{mutation.test.split('::')[1]}``",
            f"     - {_short(mutation.old)} → {_short(mutation.new)}: {result}",
        ]
    return "\n".join(lines)


def _short(code: str) -> str:
    """The code on one line, cut; a mutation is there to be found, not to be read in full."""
    line = " ".join(code.split())
    return f"``{line if len(line) <= 60 else line[:57] + '...'}``" if line else "(gone)"


def main(arguments: list[str]) -> int:
    """Run the mutations of the rules named, or all."""
    rules = {argument for argument in arguments if not argument.startswith("-")}
    chosen = [one for one in TABLE if not rules or rules & set(one.rule.split(", "))]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(outcome, chosen))
    if "--rst" in arguments and not rules:
        print(rst(results))
    for mutation, result in zip(chosen, results):
        if result != "red" or "--rst" not in arguments:
            print(
                f"{mutation.rule:9} {mutation.file[:-3]}.{mutation.function}: {result}",
                file=sys.stderr,
            )
    print(
        f"{results.count('red')} of {len(results)} mutations turned their test red.",
        file=sys.stderr,
    )
    return 0 if set(results) <= {"red"} else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
