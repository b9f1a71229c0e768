"""Rules R, P and G11: the registration machine and the dispatch of what the VTN asks, without an
engine.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Optional

import pytest

from tests.oadr20b.services.harness import NOON, Harness
from ven_sdk.oadr20b.schema.registration import (
    CancelPartyRegistration,
    CreatedPartyRegistration,
    Profile,
    RequestReregistration,
    Response,
    Transport,
)
from ven_sdk.oadr20b.schema.reports import (
    CreateReport,
    Report,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdatedReport,
)
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.oadr20b.services import answers, poll, registration
from ven_sdk.oadr20b.services.task import judge, unknown_ven
from ven_sdk.points.catalogue import Catalogue
from ven_sdk.state.change import Change
from ven_sdk.state.registration import Registration


def created(code: str = "200", **fields: Any) -> CreatedPartyRegistration:
    facts: dict[str, Any] = {
        "vtn_id": "vtn",
        "registration_id": "reg-1",
        "ven_id": "ven-1",
        **fields,
    }
    return CreatedPartyRegistration(
        response=EiResponse(response_code=code, request_id="r"), **facts
    )


def fresh(**overrides: Any) -> Harness:
    """A VEN that was just made; ``known`` sets facts of the registration that it remembers."""
    known = overrides.pop("known", {})
    harness = Harness(catalogue=Catalogue(), **overrides)
    harness.settings = harness.book.settings = _without_id(harness)
    harness.book.apply([Change("registration", "", Registration(**known))])
    return harness


def _without_id(harness: Harness) -> Any:
    return replace(harness.settings, ven_id=None)


def begin(harness: Harness, new: bool = False) -> None:
    harness.run(lambda book, now: registration.begin(book, now, new=new))


def step(harness: Harness, reply: Any = None, error: Optional[str] = None) -> Any:
    return harness.post(registration.next_task(harness.book), reply, error)


def sent_names(harness: Harness) -> list[str]:
    return [record.wire_name for record in harness.sent]


def queried(harness: Harness, **fields: Any) -> Any:
    begin(harness)
    return step(harness, created(**{"registration_id": None, "ven_id": None, **fields}))


# --- R: the bootstrap -----------------------------------------------------------------------------


def test_R1_the_bootstrap_is_query_registration_catalogue_events() -> None:
    harness = fresh()
    queried(harness)
    step(harness, created())
    step(harness)
    step(harness)

    assert sent_names(harness) == [
        "oadrQueryRegistration",
        "oadrCreatePartyRegistration",
        "oadrRegisterReport",
        "oadrRequestEvent",
    ]
    assert (
        harness.book.registration.phase == "registered"
        and registration.next_task(harness.book) is None
    )


def test_R1_the_query_comes_first_also_with_remembered_ids() -> None:
    harness = fresh(known={"ven_id": "ven-1", "registration_id": "reg-1"})
    begin(harness)
    assert step(harness, created()).wire_name == "oadrQueryRegistration"


def test_R2_the_registration_follows_even_when_the_query_returned_ids() -> None:
    harness = fresh()
    queried(harness, registration_id="reg-9", ven_id="ven-9")
    record = step(harness, created())
    assert (record.wire_name, record.registration_id, record.ven_id) == (
        "oadrCreatePartyRegistration",
        "reg-9",
        "ven-9",
    )


def test_R3_R4_a_first_registration_sends_no_ids() -> None:
    harness = fresh()
    queried(harness, registration_id="", ven_id="")
    record = step(harness, created())
    assert (
        record.registration_id is None and record.ven_id is None and record.http_pull_model is True
    )


def test_R4_the_returned_ven_id_is_used() -> None:
    harness = fresh()
    queried(harness)
    step(harness, created(ven_id="ven-of-vtn"))
    assert harness.book.registration.ven_id == "ven-of-vtn"


def test_R4_a_pre_assigned_ven_id_is_sent() -> None:
    harness = Harness(catalogue=Catalogue())
    harness.book.apply([Change("registration", "", Registration())])
    queried(harness)
    assert step(harness, created(ven_id=None)).ven_id == "ven"
    assert harness.book.registration.ven_id == "ven"


def test_R5_registering_again_sends_the_current_ids() -> None:
    harness = fresh(known={"ven_id": "ven-1", "registration_id": "reg-1"})
    begin(harness)
    step(harness, created())
    record = step(harness, created())
    assert (record.registration_id, record.ven_id) == ("reg-1", "ven-1")


def test_R6_a_forced_new_registration_sends_no_ids() -> None:
    harness = fresh(known={"ven_id": "ven-1", "registration_id": "reg-1", "phase": "registered"})
    begin(harness, new=True)
    step(harness, created())
    record = step(harness, created(registration_id="reg-2"))
    assert record.registration_id is None and record.ven_id is None


def test_R7_a_new_registration_id_brings_catalogue_and_events_again() -> None:
    harness = fresh(
        known={"ven_id": "ven-1", "registration_id": "reg-1", "catalogue": Catalogue().digest()}
    )
    begin(harness)
    step(harness, created())
    step(harness, created(registration_id="reg-2"))
    assert harness.book.registration.phase == "reports"


def test_R8_with_the_same_registration_id_an_unchanged_catalogue_is_not_sent_again() -> None:
    harness = fresh(
        known={"ven_id": "ven-1", "registration_id": "reg-1", "catalogue": Catalogue().digest()}
    )
    begin(harness)
    step(harness, created())
    step(harness, created())
    assert harness.book.registration.phase == "events"


def test_R8_a_changed_catalogue_is_sent_while_registered() -> None:
    harness = fresh(known={"phase": "registered", "catalogue": Catalogue().digest()})
    assert not registration.is_catalogue_due(harness.book)
    harness.book.catalogue.add(callback=lambda: 1, resource_id="r", measurement="voltage")
    assert registration.is_catalogue_due(harness.book)


@pytest.mark.parametrize("code", ["463", "452", "500"])
def test_R9_a_refused_registration_leaves_the_ven_unregistered_and_begins_again(code: str) -> None:
    harness = fresh()
    queried(harness)
    step(harness, error=code)
    assert harness.book.registration.phase == "query" and harness.errors()


@pytest.mark.parametrize(
    "reply",
    [
        created(registration_id=None),
        created(registration_id="", ven_id=""),
        Response(response=EiResponse(response_code="200", request_id="")),
    ],
)
def test_R9_an_acceptance_without_a_registration_id_is_a_refusal(reply: Any) -> None:
    harness = fresh()
    queried(harness)
    step(harness, reply)
    assert harness.book.registration.phase == "query" and harness.errors()


def test_R9_ids_that_the_vtn_refused_are_not_sent_again() -> None:
    harness = fresh(known={"ven_id": "ven-1", "registration_id": "reg-1"})
    begin(harness)
    step(harness, created(registration_id=None, ven_id=None))
    step(harness, error="463")
    step(harness, created(registration_id=None, ven_id=None))
    record = step(harness, created(registration_id="reg-2", ven_id="ven-2"))
    assert record.registration_id is None and record.ven_id is None
    assert harness.book.registration.ven_id == "ven-2"


def test_R10_a_wish_for_reregistration_is_acknowledged_before_the_registration() -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "ven-1", "registration_id": "reg-1"})
    harness.run(lambda book, now: poll.receive(book, RequestReregistration(ven_id="ven-1"), now))
    task = next(answers.list_tasks(harness.book), None)
    assert task is not None and task.service == "EiRegisterParty"
    record = harness.post(task)
    assert (record.wire_name, record.ven_id, record.response.request_id) == (
        "oadrResponse",
        "ven-1",
        "",
    )
    again = step(harness, created())
    assert (again.registration_id, again.ven_id) == ("reg-1", "ven-1")


def cancellation(**fields: Any) -> CancelPartyRegistration:
    return CancelPartyRegistration(
        **{"request_id": "c-1", "registration_id": "reg-1", "ven_id": "ven-1", **fields}
    )


def test_R11_a_cancellation_with_the_right_ids_ends_the_registration() -> None:
    lost: list[str] = []
    harness = fresh(
        known={"phase": "registered", "ven_id": "ven-1", "registration_id": "reg-1"},
        handlers={"on_registration_lost": lost.append},
    )
    harness.run(lambda book, now: poll.receive(book, cancellation(), now))
    record = harness.post(next(answers.list_tasks(harness.book), None))

    assert (record.wire_name, record.response.response_code) == (
        "oadrCanceledPartyRegistration",
        "200",
    )
    assert (record.response.request_id, record.registration_id, record.ven_id) == (
        "c-1",
        "reg-1",
        "ven-1",
    )
    assert (
        harness.book.registration.phase == "cancelled"
        and harness.book.registration.registration_id is None
    )
    assert lost == ["cancelled by the VTN"]


@pytest.mark.parametrize("assigned", [None, "ven-1"])
def test_R11_after_a_cancellation_nothing_of_the_other_side_is_known(
    assigned: Optional[str],
) -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "ven-1", "registration_id": "reg-1"})
    harness.settings = harness.book.settings = replace(harness.settings, ven_id=assigned)
    offered = Report(
        report_specifier_id="weather",
        report_name="METADATA_HISTORY_USAGE",
        created_date_time=NOON,
    )
    harness.book.apply([Change("offers", "", (offered,)), Change("received", "", (offered,))])
    harness.run(lambda book, now: poll.receive(book, cancellation(), now))

    assert harness.book.offers == harness.book.received == ()
    assert harness.book.registration.registration_id is None
    assert harness.book.registration.ven_id == assigned


@pytest.mark.parametrize(
    "wrong", [{"registration_id": "reg-2"}, {"ven_id": "ven-2"}, {"registration_id": ""}]
)
def test_R11_a_cancellation_with_wrong_ids_is_answered_452_and_changes_nothing(
    wrong: dict[str, str],
) -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "ven-1", "registration_id": "reg-1"})
    harness.run(lambda book, now: poll.receive(book, cancellation(**wrong), now))
    record = harness.post(next(answers.list_tasks(harness.book), None))
    assert record.response.response_code == "452" and record.ven_id == "ven-1"
    assert harness.book.registration.phase == "registered"


@pytest.mark.parametrize(("error", "phase"), [(None, "cancelled"), ("452", "registered")])
def test_R12_the_ven_cancels_and_stays_registered_when_that_is_refused(
    error: Optional[str], phase: str
) -> None:
    harness = fresh(known={"phase": "cancelling", "ven_id": "ven-1", "registration_id": "reg-1"})
    record = step(harness, error=error)
    assert (record.registration_id, record.ven_id) == ("reg-1", "ven-1")
    assert harness.book.registration.phase == phase


def response(code: str) -> Response:
    return Response(response=EiResponse(response_code=code, request_id=""))


@pytest.mark.parametrize(
    ("is_poll", "reply", "lost"),
    [
        (True, response("463"), True),
        (True, response("452"), True),
        (True, response("454"), False),
        (True, RequestReregistration(ven_id="v"), False),
        (False, RequestReregistration(ven_id="v"), True),
        (False, response("463"), True),
        (False, response("452"), False),
        (True, response("200"), False),
        (True, None, False),
        (False, UpdatedReport(response=EiResponse(response_code="463", request_id="")), True),
    ],
)
def test_R13_which_replies_mean_that_the_vtn_does_not_know_the_ven(
    is_poll: bool, reply: Any, lost: bool
) -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "v"})
    task = poll.task("ven-1") if is_poll else registration.request_events(harness.book)
    assert (unknown_ven(task, reply) is not None) is lost


def test_R13_a_refused_registration_is_no_loss_of_one() -> None:
    harness = fresh()
    begin(harness)
    queried(harness)
    task = registration.next_task(harness.book)
    assert task is not None and unknown_ven(task, created("463")) is None


def test_R13_a_lost_registration_runs_the_bootstrap_again_and_tells_the_operator() -> None:
    lost: list[str] = []
    harness = fresh(
        known={
            "phase": "registered",
            "ven_id": "ven-1",
            "registration_id": "reg-1",
            "catalogue": "x",
        },
        handlers={"on_registration_lost": lost.append},
    )
    harness.run(lambda book, now: registration.lose(book, now, "the VTN said so"))
    assert harness.book.registration.phase == "query" and lost == ["the VTN said so"]
    step(harness, created())
    step(harness, created())
    assert harness.book.registration.phase == "reports", (
        "a VTN that forgot the VEN has forgotten its catalogue too"
    )


@pytest.mark.parametrize(
    ("wanted", "used"),
    [
        (None, 10.0),
        (timedelta(seconds=30), 30.0),
        (timedelta(0), 1.0),
        (timedelta(days=400), 86400.0),
    ],
)
def test_R14_the_poll_period_is_the_vtns_within_bounds_and_10_s_without(
    wanted: Any, used: float
) -> None:
    harness = fresh()
    queried(harness)
    step(harness, created(requested_oadr_poll_freq=wanted))
    assert registration.poll_period(harness.book).total_seconds() == used


def test_R14_a_later_value_replaces_the_earlier_one_and_the_users_own_comes_before_both() -> None:
    harness = fresh(poll_frequency=2)
    queried(harness, requested_oadr_poll_freq=timedelta(seconds=30))
    step(harness, created(requested_oadr_poll_freq=timedelta(seconds=20)))
    assert harness.book.registration.poll_frequency == timedelta(seconds=20)
    assert registration.poll_period(harness.book) == timedelta(seconds=2)


def test_R15_what_is_remembered_survives_a_restart() -> None:
    harness = fresh(resumes=(registration.begin,))
    queried(harness)
    step(harness, created())
    harness.restart()
    assert (harness.book.registration.ven_id, harness.book.registration.registration_id) == (
        "ven-1",
        "reg-1",
    )
    assert harness.book.registration.phase == "query"


def test_R18_a_vtn_without_profile_2_0b_is_warned_of() -> None:
    harness = fresh()
    profiles = (Profile(profile_name="2.0a", transports=(Transport(transport_name="simpleHttp"),)),)
    queried(harness, profiles=profiles)
    assert any("not 2.0b" in note.text for note in harness.notes)


def test_a_refused_query_does_not_hinder_the_registration() -> None:
    harness = fresh()
    begin(harness)
    step(harness, error="463")
    assert harness.book.registration.phase == "register"


def test_a_pre_provisioned_ven_sends_no_party_message() -> None:
    harness = Harness(catalogue=Catalogue(), register=False)
    harness.book.apply([Change("registration", "", Registration())])
    begin(harness)
    step(harness)
    step(harness)
    assert sent_names(harness) == ["oadrRegisterReport", "oadrRequestEvent"]
    assert harness.book.registration.phase == "registered"
    harness.run(lambda book, now: poll.receive(book, RequestReregistration(ven_id="ven"), now))
    assert harness.book.registration.phase == "registered"


def test_a_report_only_ven_asks_for_no_events() -> None:
    harness = fresh(report_only=True)
    queried(harness)
    assert step(harness, created()).report_only is True
    step(harness)
    assert harness.book.registration.phase == "registered" and "oadrRequestEvent" not in sent_names(
        harness
    )


def test_a_refused_catalogue_does_not_keep_events_from_the_ven() -> None:
    harness = fresh()
    queried(harness)
    step(harness, created())
    step(harness, error="461")
    assert harness.book.registration.phase == "events"
    assert harness.book.registration.refused_catalogue


def test_a_refused_catalogue_stays_due_and_is_offered_at_the_next_registration() -> None:
    harness = fresh()
    queried(harness)
    step(harness, created())
    step(harness, error="461")
    assert registration.is_catalogue_due(harness.book)

    queried(harness)
    step(harness, created())  # the same registration: what the VTN has is not sent again (R8)

    assert getattr(registration.next_task(harness.book), "name", "") == "register report"


# --- P, G: what the VTN asks ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "empty"),
    [
        (None, True),
        (response("200"), True),
        (response("459"), True),
        (RequestReregistration(ven_id="v"), False),
    ],
)
def test_P3_the_queue_is_empty_when_the_reply_is_a_response_or_nothing(
    reply: Any, empty: bool
) -> None:
    assert poll.is_empty(reply) is empty


def test_P8_an_error_code_to_a_poll_is_judged_as_one() -> None:
    error = judge(poll.task("ven-1"), response("500"))
    assert error is not None and error.response_code == "500"


def test_G11_a_request_for_another_ven_is_answered_452_and_starts_nothing() -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "ven-1"})
    specifier = ReportSpecifier(
        report_specifier_id="s",
        granularity=timedelta(0),
        report_back_duration=timedelta(0),
        specifier_payloads=(SpecifierPayload(r_id="r", reading_type="Direct Read"),),
    )
    message = CreateReport(
        request_id="q",
        ven_id="other",
        report_requests=(ReportRequest(report_request_id="1", report_specifier=specifier),),
    )
    harness.run(lambda book, now: poll.receive(book, message, now))
    record = harness.post(next(answers.list_tasks(harness.book), None))
    assert (record.wire_name, record.response.response_code, record.response.request_id) == (
        "oadrCreatedReport",
        "452",
        "q",
    )
    assert not harness.book.requests and record.ven_id == "ven-1"


def test_G6_P8_an_unexpected_payload_is_answered_453_at_its_service() -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "ven-1"})
    harness.run(lambda book, now: poll.receive(book, created(), now))
    task = next(answers.list_tasks(harness.book), None)
    assert task is not None and task.service == "EiRegisterParty"
    assert task.record.response.response_code == "453"  # type: ignore[attr-defined]


def test_answers_go_out_in_order_and_a_refused_one_is_dropped_with_a_word() -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "ven-1"})
    for request_id in ("a", "b"):
        harness.run(
            lambda book, now, request_id=request_id: answers.owe_response(
                book, now, "200", request_id
            )
        )
    assert (
        harness.post(next(answers.list_tasks(harness.book), None), error="459").response.request_id
        == "a"
    )
    assert harness.post(next(answers.list_tasks(harness.book), None)).response.request_id == "b"
    assert next(answers.list_tasks(harness.book), None) is None and len(harness.errors()) == 1


def test_an_answer_that_waits_costs_a_look_at_what_is_owed_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "ven-1"})
    for _ in range(2):
        harness.run(lambda book, now: answers.owe_response(book, now, service="EiEvent"))
    built: list[Any] = []
    make = Response.from_dict
    monkeypatch.setattr(Response, "from_dict", lambda facts: built.append(facts) or make(facts))

    tasks = list(answers.list_tasks(harness.book))

    assert built == []
    assert [task.record.response.response_code for task in tasks] == ["200", "200"]  # type: ignore[attr-defined]
    assert len(built) == 2


def test_only_one_courtesy_waits_at_a_time() -> None:
    harness = fresh(known={"phase": "registered", "ven_id": "ven-1"})
    for _ in range(3):
        harness.run(lambda book, now: answers.owe_response(book, now, "459", courtesy=True))
    assert len(harness.book.answers) == 1 and harness.now == NOON


def test_another_vtn_on_the_same_store_starts_clean_and_the_handlers_are_told() -> None:
    known = {"vtn_id": "old", "ven_id": "ven-1", "registration_id": "reg-1", "phase": "registered"}
    harness = fresh(known=known)
    begin(harness)

    step(harness, created(vtn_id="new", ven_id=None, registration_id=None))

    state = harness.book.registration
    assert (state.vtn_id, state.ven_id, state.registration_id) == ("new", None, None)
    assert not state.known and harness.book.opts == {} and harness.book.events == {}
    assert harness.last("on_registration_lost") == ("the VTN old was replaced by new",)
    task = registration.next_task(harness.book)
    sent = task.record if task is not None else None
    assert getattr(sent, "registration_id", None) is None


def test_the_same_vtn_keeps_what_ran() -> None:
    known = {"vtn_id": "vtn", "ven_id": "ven-1", "registration_id": "reg-1", "phase": "registered"}
    harness = fresh(known=known)
    begin(harness)

    step(harness, created())

    assert harness.book.registration.registration_id == "reg-1"
    assert harness.book.registration.known
