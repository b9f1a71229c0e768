"""What the schema allows and makes no sense is named, on both sides; and a refusal says why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

import pytest
import requests

from tests.testing.small_ven import SmallVen
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.oadr20b.schema.events import CreatedEvent, DistributeEvent
from ven_sdk.oadr20b.schema.registration import CreatedPartyRegistration
from ven_sdk.oadr20b.schema.reports import (
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdateReport,
)
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.objects import Interval
from ven_sdk.schema.common import Payload
from ven_sdk.testing import LocalVTN, Raw
from ven_sdk.testing.vtn import builders

OK = EiResponse(response_code="200", request_id="")


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN() as vtn:
        yield vtn


@pytest.fixture
def ven(vtn: LocalVTN, xsd: Any) -> Iterator[SmallVen]:
    with SmallVen(vtn, xsd) as ven:
        ven.register()
        yield ven


def post(vtn: LocalVTN, service: str, body: bytes) -> requests.Response:
    return requests.post(
        f"{vtn.url}/{service}", data=body, headers={"Content-Type": "application/xml"}, timeout=5
    )


@pytest.mark.parametrize(
    "service, message, says",
    [
        ("EiReport", lambda ven: UpdateReport(request_id="1", ven_id=ven), "without a report"),
        (
            "EiEvent",
            lambda ven: CreatedEvent(response=OK, ven_id=ven),
            "an answer without an answer",
        ),
    ],
)
def test_a_message_of_a_ven_that_says_nothing_is_a_violation(
    service: str, message: Any, says: str, vtn: LocalVTN, ven: SmallVen
) -> None:
    post(vtn, service, envelope.message(message(ven.ven_id)))

    assert any(says in violation.what for violation in vtn.violations)


@pytest.mark.parametrize(
    "message, says",
    [
        (
            CreatedPartyRegistration(response=OK, ven_id="v", vtn_id="t"),
            "only one of venID and registrationID",
        ),
        (b"<oadr:oadrPoll>", "not well-formed"),
    ],
)
def test_a_message_of_the_vtn_that_says_nothing_is_named_too(
    message: "Payload | bytes", says: str, vtn: LocalVTN, ven: SmallVen
) -> None:
    vtn.queue(message)

    [violation] = vtn.own_violations
    assert says in violation
    assert vtn.violations == []


def test_what_the_vtn_says_by_itself_is_all_right(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.add_event(intervals=[1])
    ven.poll()

    assert isinstance(vtn.received[-1].answer, DistributeEvent)
    assert vtn.own_violations == []


@pytest.mark.parametrize(
    "body, says",
    [
        (b"", "empty"),
        (b"<oadr", ""),
        (b"<html/>", "html"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', ""),
    ],
)
def test_a_refusal_says_why(body: bytes, says: str, vtn: LocalVTN) -> None:
    answer = post(vtn, "OadrPoll", body)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert len(answer.text) > 10
    assert says in answer.text.lower()
    assert answer.text.strip() == str(vtn.violations[0].what)


# --- what a user gives the VTN to send ------------------------------------------------------------


def level(payload: float) -> Interval:
    """A step of an event as it is, whatever SIMPLE has."""
    return Interval(uid="0", duration=timedelta(minutes=1), signal_payload=payload)


REQUEST = ReportRequest(
    report_request_id="r1",
    report_specifier=ReportSpecifier(
        report_specifier_id="s",
        granularity=timedelta(0),
        report_back_duration=timedelta(0),
        specifier_payloads=(SpecifierPayload(r_id="a"),),
    ),
)
CATALOGUE = b"<oadr:oadrPayload xmlns:oadr='http://openadr.org/oadr-2.0b/2012/07'/>"
GIVEN: "dict[str, tuple[Callable[[LocalVTN], object], str]]" = {
    "an event": (
        lambda vtn: vtn.add_event(intervals=[level(7)], event_id="e1"),
        "oadrDistributeEvent: event 'e1': 7 is no value of signal SIMPLE level",
    ),
    "a modification": (
        lambda vtn: vtn.modify_event(
            vtn.add_event(intervals=[1], event_id="e1"), intervals=[level(9)]
        ),
        "oadrDistributeEvent: event 'e1': 9 is no value",
    ),
    "a report request": (
        lambda vtn: vtn.send_request(REQUEST, REQUEST),
        "oadrCreateReport: the reportRequestID 'r1' stands there twice",
    ),
    "a record": (
        lambda vtn: vtn.queue(DistributeEvent(request_id="", vtn_id="v", events=(EVENT, EVENT))),
        "stands in the list twice",
    ),
    "bytes": (lambda vtn: vtn.queue(CATALOGUE), "bytes: oadrPayload holds 0 oadrSignedObject"),
    "a raw reply": (lambda vtn: vtn.queue(Raw(CATALOGUE)), "Reply: oadrPayload holds 0"),
    "a reply for once": (lambda vtn: vtn.reply_once(CATALOGUE), "bytes: oadrPayload holds 0"),
    "a reply as a fault": (lambda vtn: vtn.fault(Raw(CATALOGUE)), "Reply: oadrPayload holds 0"),
    "a registration half made": (
        lambda vtn: vtn.queue(
            CreatedPartyRegistration(response=OK, registration_id="r", vtn_id="t")
        ),
        "only one of venID and registrationID",
    ),
}
EVENT = builders.event(datetime(2030, 1, 1, tzinfo=timezone.utc), event_id="e1", intervals=(1,))


@pytest.mark.parametrize("given", GIVEN)
def test_whatever_a_user_gives_the_vtn_to_send_is_looked_at_in_that_call(
    given: str, vtn: LocalVTN, ven: SmallVen
) -> None:
    give, says = GIVEN[given]
    give(vtn)

    [violation] = vtn.own_violations
    assert says in violation


@pytest.mark.parametrize(
    "reply", [Raw(status=503), Raw(verbatim=b"no HTTP"), Raw(iter([b"x"])), Raw(b"x" * 2**21)]
)
def test_a_reply_that_is_no_message_is_not_taken_for_one(reply: Any, vtn: LocalVTN) -> None:
    vtn.queue(reply)

    assert vtn.own_violations == []


def test_a_vtn_that_checks_nothing_names_nothing() -> None:
    with LocalVTN(check=False) as vtn:
        vtn.add_event(intervals=[level(7)])

        assert vtn.own_violations == []
