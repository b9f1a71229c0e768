"""Requests for reports: rules T8 to T16, T28 to T31, R7 and R8. The number of the rule is in the
name of the test.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import (
    METADATA,
    ZERO,
    Meter,
    ReportHarness,
    ask,
    ok,
)
from ven_sdk.errors import PayloadError
from ven_sdk.oadr20b.schema.reports import (
    CancelReport,
    CreateReport,
    FaultyRequest,
    UpdatedReport,
)
from ven_sdk.oadr20b.services import answers, registration, reports
from ven_sdk.state.change import Change


def ven(*points: str, **more: Any) -> ReportHarness:
    made = ReportHarness(**more)
    for name in points or ("p",):
        made.point(name)
    return made


def acknowledged(vtn: ReportHarness) -> ReportHarness:
    """The VTN has the catalogue."""
    known = vtn.book.registration
    vtn.book.apply(
        [
            Change(
                "registration",
                "",
                type(known)(
                    **{
                        **vars(known),
                        "catalogue": vtn.catalogue.digest(),
                        "catalogue_created": NOON,
                    }
                ),
            )
        ]
    )
    return vtn


# --- T8 to T10: the catalogue ---------------------------------------------------------------------


def test_t1_a_catalogue_without_reports_is_sent_as_well() -> None:
    record = reports.registration_task(ReportHarness().book, lambda _: None, lambda _: None).record  # type: ignore

    assert (record.wire_name, record.reports, record.ven_id) == ("oadrRegisterReport", (), "ven")


def test_t3_the_top_level_request_id_names_a_metadata_request_and_is_left_out_otherwise() -> None:
    vtn = ven()
    own = reports.registration_task(vtn.book, lambda _: None, lambda _: None).record  # type: ignore
    vtn.create(METADATA)
    asked = reports.registration_task(vtn.book, lambda _: None, lambda _: None).record  # type: ignore

    assert (own.report_request_id, asked.report_request_id) == (None, "rq-meta")
    assert [report.report_request_id for report in asked.reports] == ["0"]


def test_t8_metadata_is_answered_first_stays_in_no_list_and_has_the_catalogue_sent() -> None:
    vtn = acknowledged(ven())
    answer = vtn.create(METADATA)

    assert (answer.response.response_code, answer.pending_reports) == ("200", ())
    assert registration.is_catalogue_due(vtn.book)


def test_t9_ordinary_requests_beside_metadata_are_served_and_survive_the_catalogue() -> None:
    vtn = acknowledged(ven())
    answer = vtn.create(METADATA, ask("rq"))
    vtn.registered()
    vtn.go(5 * MINUTE)

    assert answer.pending_reports == ("rq",)
    assert len(vtn.values()) == 5


def test_t10_a_changed_catalogue_ends_the_requests_of_before_and_keeps_their_samples() -> None:
    vtn = acknowledged(ven())
    vtn.create(ask("old"))
    vtn.advance(3 * MINUTE)
    vtn.point("q")
    vtn.registered()
    vtn.go(5 * MINUTE)
    assert (reports.pending_ids(vtn.book), vtn.record) == ((), [])

    vtn.create(ask("new"))
    vtn.go(5 * MINUTE)

    assert vtn.values("new")[:4] == [
        ("12:00:00", 1),
        ("12:01:00", 2),
        ("12:02:00", 3),
        ("12:03:00", 4),
    ]


def test_t10_the_same_catalogue_sent_again_ends_the_requests_and_keeps_their_samples() -> None:
    vtn = acknowledged(ven())
    vtn.create(ask("rq"))
    vtn.advance(3 * MINUTE)
    vtn.registered(ask("next"))
    assert reports.pending_ids(vtn.book) == ("next",)
    vtn.go(2 * MINUTE)

    assert [at for at, _ in vtn.values("next")] == [f"12:0{minute}:00" for minute in range(5)]


def test_r8_the_created_date_time_changes_with_the_catalogue_and_only_with_it() -> None:
    vtn = acknowledged(ven())
    same = reports.catalogue_created(vtn.book)
    vtn.point("q")

    assert same == NOON < reports.catalogue_created(vtn.book)


# --- T11 to T16: requests -------------------------------------------------------------------------


def test_t11_the_answer_lists_all_that_runs_the_new_ones_included() -> None:
    vtn = ven()
    vtn.create(ask("one"))
    answer = vtn.create(ask("two"), ask("three"), request_id="cr-2")

    assert answer.pending_reports == ("one", "two", "three")
    assert (answer.response.response_code, answer.response.request_id, answer.ven_id) == (
        "200",
        "cr-2",
        "ven",
    )


def test_t12_requests_in_the_answer_to_the_catalogue_get_one_answer_with_its_request_id() -> None:
    vtn = ven()
    answer = vtn.registered(ask("one"), ask("two"), request_id="rr-7")

    assert (answer.response.request_id, answer.pending_reports) == ("rr-7", ("one", "two"))


def test_t12_nothing_is_answered_where_nothing_was_asked() -> None:
    assert ven().registered() is None


def test_t12_metadata_asked_in_the_answer_to_the_catalogue_does_not_go_round_in_circles() -> None:
    vtn = ven()

    assert vtn.registered(METADATA).response.response_code == "200"
    assert vtn.book.registration.catalogue_request is None


BAD: tuple[tuple[str, Any, str], ...] = (
    ("unknown specifier", ask("bad", specifier="other"), "452"),
    ("unknown rID", ask("bad", "p", "nobody"), "452"),
    ("no reportRequestID", ask(""), "452"),
    ("finer than offered", ask("bad", "slow", every=SECOND), "461"),
)


@pytest.mark.parametrize("what, bad, code", BAD, ids=[f"T13-T14-{row[0]}" for row in BAD])
def test_one_bad_request_starts_none_and_what_ran_is_listed(what: str, bad: Any, code: str) -> None:
    vtn = ven()
    vtn.point("slow", sampling_rate=MINUTE)
    vtn.create(ask("before"))
    answer = vtn.create(ask("good"), bad)

    assert (answer.response.response_code, answer.pending_reports) == (code, ("before",))
    assert reports.pending_ids(vtn.book) == ("before",)


GOOD: tuple[tuple[str, Any, str, str], ...] = (
    ("coarser than offered", ask("rq", "slow", every=HOUR), "200", "461"),
    ("another reading type", ask("rq", reading_type="Net"), "200", "200"),
    ("no reading type", ask("rq", reading_type="x-notApplicable"), "200", "200"),
    ("granularity zero", ask("rq", "slow", every=ZERO), "200", "200"),
)


@pytest.mark.parametrize(
    "what, request_, tolerant, strict", GOOD, ids=[f"T14-{row[0]}" for row in GOOD]
)
@pytest.mark.parametrize("strictly", [False, True])
def test_what_can_be_served_is_served_except_in_strict_mode(
    what: str, request_: Any, tolerant: str, strict: str, strictly: bool
) -> None:
    vtn = ven(strict=strictly)
    vtn.point("slow", sampling_rate=MINUTE)

    assert vtn.create(request_).response.response_code == (strict if strictly else tolerant)


def test_t15_a_request_of_the_same_id_replaces_the_one_that_runs() -> None:
    vtn = ven()
    vtn.create(ask("rq", every=MINUTE))
    vtn.advance(2 * MINUTE)
    answer = vtn.create(ask("rq", every=2 * MINUTE, back=4 * MINUTE))
    vtn.go(10 * MINUTE)

    assert answer.pending_reports == ("rq",)
    assert [at for at, _ in vtn.values()] == [
        f"12:{minute:02d}:00" for minute in (0, 1, 2, 4, 6, 8, 10)
    ][: len(vtn.values())]
    assert vtn.doubles() == []


def test_t15_a_request_that_is_repeated_goes_on_and_nothing_begins_anew() -> None:
    vtn = ven()
    vtn.create(ask("rq"), request_id="one")
    vtn.advance(2 * MINUTE)
    before = vtn.book.requests["rq"]
    for _ in range(10):
        answer = vtn.create(ask("rq"), request_id="two")
        assert vtn.book.requests["rq"] == before
        vtn.go(10 * SECOND, 10 * SECOND)
    vtn.go(10 * MINUTE)

    assert answer.pending_reports == ("rq",)
    assert len(vtn.values()) == len(dict(vtn.values())) >= 10


def test_t15_a_repeated_request_for_one_report_gets_another() -> None:
    vtn = ven()
    for count in range(1, 4):
        vtn.create(ask("once", every=ZERO, back=ZERO))
        vtn.go(MINUTE)
        assert len(vtn.messages) == count


def test_t16_no_report_goes_out_before_the_answer_to_its_request() -> None:
    vtn = ven()
    vtn.run(lambda book, now: reports.take_request(book, reports_request("rq"), now))
    vtn.advance(6 * MINUTE)
    assert vtn.task() is None

    (answer,) = answers.list_tasks(vtn.book)
    vtn.run(answer.accept(None))
    vtn.run_due()
    assert vtn.task() is not None


def test_t16_the_answer_to_a_request_holds_no_report_of_another_up() -> None:
    vtn = ven()
    vtn.create(ask("one"))
    vtn.run(lambda book, now: reports.take_request(book, reports_request("two"), now))
    vtn.advance(6 * MINUTE)

    assert [report.report_request_id for report in vtn.task().record.reports] == ["one"]


def reports_request(id: str) -> Any:
    from ven_sdk.oadr20b.schema.reports import CreateReport

    return CreateReport(request_id="cr", report_requests=[ask(id)])


def test_t16_an_answer_about_something_else_holds_no_report_up() -> None:
    vtn = ven()
    vtn.create(ask("once", every=ZERO, back=ZERO))
    vtn.run_due()
    vtn.run(lambda book, now: answers.owe_response(book, now))

    assert vtn.task() is not None


# --- T28 to T31: cancel ---------------------------------------------------------------------------


def test_t28_several_requests_are_cancelled_at_once_and_the_rest_is_listed() -> None:
    vtn = ven()
    vtn.create(ask("one"), ask("two"), ask("three"))
    answer = vtn.cancel("one", "three", request_id="xr-9")

    assert (answer.wire_name, answer.pending_reports, answer.ven_id) == (
        "oadrCanceledReport",
        ("two",),
        "ven",
    )
    assert (answer.response.response_code, answer.response.request_id) == ("200", "xr-9")


def test_t29_without_a_report_to_follow_nothing_more_is_sent() -> None:
    vtn = ven()
    vtn.create(ask("one"), ask("two"))
    vtn.advance(5 * MINUTE)
    assert len(vtn.task().record.reports) == 2

    vtn.cancel("one")
    vtn.go(10 * MINUTE)

    assert {id for id, *_ in vtn.record} == {"two"}
    assert {row.request for row in vtn.book.samples.values()} <= {"two"}


def test_t29_with_a_report_to_follow_the_last_report_comes_at_its_time() -> None:
    vtn = ven()
    vtn.create(ask("rq"))
    vtn.advance(2 * MINUTE)
    answer = vtn.cancel("rq", follow=True)
    vtn.go(2 * MINUTE)
    assert (answer.pending_reports, reports.pending_ids(vtn.book), vtn.record) == (
        ("rq",),
        ("rq",),
        [],
    )

    vtn.go(10 * MINUTE)

    assert [at for at, _ in vtn.values()] == [
        "12:00:00",
        "12:01:00",
        "12:02:00",
        "12:03:00",
        "12:04:00",
    ]
    assert (reports.pending_ids(vtn.book), dict(vtn.book.requests), len(vtn.messages)) == (
        (),
        {},
        1,
    )


def test_t30_one_unknown_id_cancels_none() -> None:
    vtn = ven()
    vtn.create(ask("one"))
    answer = vtn.cancel("one", "nobody")

    assert (answer.response.response_code, answer.pending_reports) == ("452", ("one",))
    assert reports.pending_ids(vtn.book) == ("one",)


@pytest.mark.parametrize("follow, left", [(False, ("two",)), (True, ("one", "two"))])
def test_t31_a_cancel_inside_an_acknowledgement_works_and_is_not_answered(
    follow: bool, left: tuple[str, ...]
) -> None:
    vtn = ven()
    vtn.create(ask("one"), ask("two"))
    vtn.advance(5 * MINUTE)
    vtn.deliver(CancelReport(request_id="x", report_request_ids=["one"], report_to_follow=follow))

    assert (reports.pending_ids(vtn.book), dict(vtn.book.answers)) == (left, {})


def test_t31_an_acknowledgement_is_one_also_when_its_cancel_names_nobody_we_know() -> None:
    vtn = ven()
    vtn.create(ask("one"))
    vtn.advance(5 * MINUTE)
    task = vtn.task()
    unknown = CancelReport(request_id="x", report_request_ids=["nobody"], report_to_follow=False)
    vtn.run(task.accept(UpdatedReport(response=ok(), cancel_report=unknown)))

    assert (vtn.task(), dict(vtn.book.answers), reports.pending_ids(vtn.book)) == (
        None,
        {},
        ("one",),
    )


# --- R7: a registration renewed -------------------------------------------------------------------


def test_r7_samples_of_a_lost_registration_go_out_under_the_next_request_of_their_data_points() -> (
    None
):
    vtn = ven("p", "q")
    vtn.create(ask("old", "p", "q"))
    vtn.advance(2 * MINUTE)
    vtn.run(reports.forget_requests)
    vtn.advance(MINUTE + 30 * SECOND)
    assert reports.pending_ids(vtn.book) == ()

    vtn.create(ask("new", "q", "p"))
    vtn.go(5 * MINUTE)

    assert [at for at, _ in vtn.values("new", "q")] == [
        "12:00:00",
        "12:01:00",
        "12:02:00",
        "12:04:00",
    ]
    assert vtn.values("new", "p") == [
        ("12:00:00", 1),
        ("12:01:00", 2),
        ("12:02:00", 3),
        ("12:04:00", 4),
    ]


def test_r7_what_stood_in_a_message_that_was_never_acknowledged_is_kept_too() -> None:
    vtn = ven()
    vtn.create(ask("old"))
    vtn.advance(5 * MINUTE)
    assert vtn.task() is not None
    vtn.run(reports.forget_requests)
    assert vtn.task() is None

    vtn.create(ask("new"))
    vtn.go(5 * MINUTE)

    assert len(vtn.values("new")) == 10
    assert vtn.doubles() == []


def test_r7_each_of_several_rates_finds_its_own_again() -> None:
    vtn = ven()
    vtn.create(
        ask("fast/old", back=10 * MINUTE), ask("slow/old", every=2 * MINUTE, back=10 * MINUTE)
    )
    vtn.advance(4 * MINUTE)
    vtn.run(reports.forget_requests)
    vtn.advance(30 * SECOND)
    vtn.create(ask("slow/new", every=2 * MINUTE, back=10 * MINUTE))
    vtn.create(ask("fast/new", back=10 * MINUTE))
    vtn.go(6 * MINUTE)

    assert [at for at, _ in vtn.values("slow/new")] == [
        "12:00:00",
        "12:02:00",
        "12:04:00",
        "12:06:00",
        "12:08:00",
    ]
    assert [at for at, _ in vtn.values("fast/new")] == [f"12:0{minute}:00" for minute in range(10)]


def test_r7_data_points_taken_over_by_different_requests_are_not_lost() -> None:
    vtn = ven("p", "q")
    vtn.create(ask("old", "p", "q"))
    vtn.advance(2 * MINUTE)
    vtn.run(reports.forget_requests)
    vtn.create(ask("new-p", "p"))
    vtn.go(5 * MINUTE)
    vtn.create(ask("new-q", "q"))
    vtn.go(5 * MINUTE)

    assert [at for at, _ in vtn.values("new-p", "p")][:3] == ["12:00:00", "12:01:00", "12:02:00"]
    assert [at for at, _ in vtn.values("new-q", "q")][:3] == ["12:00:00", "12:01:00", "12:02:00"]


def test_r7_orphans_survive_a_restart() -> None:
    vtn = ven()
    vtn.create(ask("old"))
    vtn.advance(2 * MINUTE)
    vtn.run(reports.forget_requests)
    vtn.restart()
    vtn.create(ask("new"))
    vtn.go(5 * MINUTE)

    assert vtn.values("new")[:3] == [("12:00:00", 1), ("12:01:00", 2), ("12:02:00", 3)]


def test_r7_requests_that_ended_leave_nothing_behind_once_their_samples_are_out() -> None:
    vtn = ven()
    vtn.create(ask("old"))
    vtn.advance(2 * MINUTE)
    vtn.run(reports.forget_requests)
    vtn.create(ask("new"))
    vtn.go(6 * MINUTE)

    assert set(vtn.book.requests) == {"new"}


def test_r8_requests_and_samples_of_a_kept_registration_go_on_after_a_restart() -> None:
    vtn = ven()
    vtn.create(ask("rq"))
    vtn.advance(2 * MINUTE)
    vtn.restart(after=90 * SECOND)
    vtn.go(5 * MINUTE)

    assert [at for at, _ in vtn.values()] == ["12:00:00", "12:01:00", "12:02:00", "12:04:00"]
    assert vtn.doubles() == []


def test_g7_request_ids_of_messages_are_no_keys() -> None:
    vtn = ven()
    vtn.create(ask("one"), request_id="same")
    answer = vtn.create(ask("two"), request_id="same")

    assert answer.pending_reports == ("one", "two")


def test_r7_values_being_collected_when_the_registration_ends_are_kept() -> None:
    vtn = ven("p", "q")
    vtn.slow.add("report callback of spec/q")
    vtn.create(ask("old", "p", "q"))
    vtn.run_due()
    vtn.run(reports.forget_requests)
    vtn.release()
    vtn.advance(MINUTE + 30 * SECOND)
    vtn.create(ask("new", "p", "q"))
    vtn.go(5 * MINUTE)

    assert (vtn.values("new", "p")[0], vtn.values("new", "q")[0]) == (
        ("12:00:00", 1),
        ("12:00:00", 1),
    )


def test_r7_a_one_shot_is_no_place_for_samples_of_another_time() -> None:
    vtn = ven()
    vtn.create(ask("old"))
    vtn.advance(2 * MINUTE)
    vtn.run(reports.forget_requests)
    vtn.advance(30 * SECOND)
    vtn.create(ask("once", every=ZERO, back=ZERO))
    vtn.deliver()

    assert [at for at, _ in vtn.values("once")] == ["12:02:30"]


def test_t19_a_new_request_knows_the_last_value_of_the_one_before() -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, {3: None}))
    vtn.point("q")
    vtn.create(ask("old", "p", "q", start=NOON, length=2 * MINUTE))
    vtn.go(3 * MINUTE)
    vtn.create(ask("new", "p", "q", back=MINUTE))
    vtn.go(MINUTE)

    assert vtn.qualities("new")[0] == ("12:03:00", 2, "Quality Bad - Last Known Value")


def test_an_unreadable_request_is_refused_alone_and_the_others_run() -> None:
    vtn = acknowledged(ven())
    faulty = FaultyRequest(
        report_request_id="bad", error=PayloadError("rID is missing.", path="a/rID")
    )
    message = CreateReport(
        request_id="cr-1", report_requests=(ask("good", "p"),), ven_id="v", faulty=(faulty,)
    )
    vtn.run(lambda book, now: reports.take_request(book, message, now))

    answer = vtn.answered()
    assert answer.response.response_code == "454"
    assert "'bad'" in answer.response.response_description
    assert tuple(answer.pending_reports) == ("good",)
