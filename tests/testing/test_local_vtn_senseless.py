"""What the schema allows and makes no sense is named, on both sides; and a refusal says why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.testing.small_ven import SmallVen
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.oadr20b.schema.registration import CreatedPartyRegistration
from ven_sdk.oadr20b.schema.reports import UpdateReport
from ven_sdk.schema.common import EiResponse, Payload
from ven_sdk.schema.events import CreatedEvent, DistributeEvent
from ven_sdk.testing import LocalVTN

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
