"""Well-formed, valid, authenticated and absurd: requests and answers that no calendar, loop or
timer can hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.hostile.stage import Stage, eventually, evil_event, threads_of
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.objects import (
    DistributeEvent,
    EiResponse,
    ReportPeriod,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
)
from ven_sdk.testing import Answer

pytestmark = (
    pytest.mark.keeps_threads
)  # one stage serves all rows; it looks after its threads itself
FIRST, LAST = (
    datetime(1, 1, 1, tzinfo=timezone.utc),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc),
)
AGES, BLINK, NOTHING = timedelta(days=365000), timedelta(seconds=1), timedelta(0)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        stage.client.add_report(
            callback=lambda: 1, resource_id="device", measurement="voltage", sampling_rate=1
        )
        stage.client.add_report(
            callback=lambda date_from, date_to, sampling_interval: [],
            resource_id="past",
            measurement="voltage",
            report_name="HISTORY_USAGE",
            data_collection_mode="full",
        )
        stage.vtn.wait_for("oadrRegisterReport")
        stage.answers_a_good_event()
        yield stage
    eventually(lambda: threads_of() == [], "all threads to end")


FROM_THE_FIRST_DAY = ReportPeriod(dtstart=FIRST, duration=NOTHING)
REQUESTS: dict[str, dict[str, Any]] = {
    "a thousand years of seconds": {
        "granularity": BLINK,
        "report_back_duration": BLINK,
        "report_interval": ReportPeriod(dtstart=FIRST, duration=AGES),
    },
    "since the first day, every second": {
        "granularity": BLINK,
        "report_back_duration": BLINK,
        "report_interval": FROM_THE_FIRST_DAY,
    },
    "since the first day, every thousand years": {
        "granularity": AGES,
        "report_back_duration": AGES,
        "report_interval": FROM_THE_FIRST_DAY,
    },
    "at the last second": {
        "granularity": AGES,
        "report_back_duration": AGES,
        "report_interval": ReportPeriod(dtstart=LAST, duration=NOTHING),
    },
    "all at once": {
        "granularity": NOTHING,
        "report_back_duration": NOTHING,
        "report_interval": ReportPeriod(dtstart=FIRST, duration=AGES),
    },
    "every second, delivered never": {
        "granularity": BLINK,
        "report_back_duration": AGES,
        "report_interval": ReportPeriod(dtstart=FIRST, duration=AGES),
    },
    "one value in a thousand years, delivered every second": {
        "granularity": AGES,
        "report_back_duration": BLINK,
        "report_interval": ReportPeriod(dtstart=FIRST, duration=AGES),
    },
    "without an interval": {"granularity": BLINK, "report_back_duration": AGES},
}


@pytest.mark.parametrize("report", [0, 1], ids=["telemetry", "history"])
@pytest.mark.parametrize("kind", REQUESTS)
def test_an_absurd_report_request_stops_nothing(stage: Stage, kind: str, report: int) -> None:
    offer, name, said = stage.client.reports[report], f"evil {kind} {report}", len(stage.warnings())
    point = SpecifierPayload(
        r_id=offer.report_descriptions[0].r_id,
        reading_type=offer.report_descriptions[0].reading_type,
    )

    stage.vtn.send_request(
        ReportRequest(
            report_request_id=name,
            report_specifier=ReportSpecifier(
                report_specifier_id=offer.report_specifier_id,
                specifier_payloads=(point,),
                **REQUESTS[kind],
            ),
        )
    )

    stage.vtn.wait_for("oadrCreatedReport", len(stage.vtn.received_of("oadrCreatedReport")) + 1)
    stage.answers_a_good_event()
    stage.vtn.cancel_report(name)
    stage.vtn.wait_for("oadrCanceledReport", len(stage.vtn.received_of("oadrCanceledReport")) + 1)
    assert not [line for line in stage.warnings()[said:] if "fault of ven_sdk" in line]
    assert sum(stage.client.status.queues.values()) < 100


EVENTS: dict[str, dict[str, Any]] = {
    "from the first day": {"dtstart": FIRST},
    "from the first day, without end": {"dtstart": FIRST, "duration": NOTHING},
    "until the last second": {"dtstart": LAST - timedelta(minutes=10)},
    "a start any time in a thousand years": {"dtstart": 3600, "tolerance": AGES},
    "a ramp-up of a thousand years": {"dtstart": 3600, "ramp_up": AGES},
    "a recovery of a thousand years": {"dtstart": 3600, "recovery": AGES},
    "a thousand years": {"dtstart": 3600, "duration": AGES},
    "5,000 intervals of a second": {"dtstart": 3600, "intervals": [(BLINK, 1)] * 5000},
    "5,000 intervals of nothing": {"dtstart": 3600, "intervals": [(NOTHING, 1)] * 5000},
    "the largest numbers": {
        "dtstart": 3600,
        "signal_name": "ELECTRICITY_PRICE",
        "signal_type": "price",
        "intervals": [1.7e308],
        "modification_number": 2**32 - 1,
        "priority": 2**32 - 1,
    },
}


@pytest.mark.parametrize("kind", EVENTS)
def test_an_absurd_event_stops_nothing(stage: Stage, kind: str) -> None:
    stage.settle()
    evil = evil_event(stage.vtn, event_id=f"odd {kind}", **EVENTS[kind])
    data = envelope.message(
        DistributeEvent(
            request_id="list-1",
            vtn_id=stage.vtn.vtn_id,
            response=EiResponse(response_code="200", request_id=""),
            events=(evil, *stage.vtn.events.values()),
        )
    )
    errors = len(stage.warnings())

    with stage.vtn.fault(Answer(data, service="OadrPoll", times=1)) as answer:
        answer.wait_for_hits()
        stage.vtn.wait_for(
            "oadrCreatedEvent",
            where=lambda record: (
                f"odd {kind}" in {response.event_id for response in record.event_responses}
            ),
        )

    assert stage.client.schedule(24) is not None and stage.client.status.state == "registered"
    stage.client.current_level(), stage.client.next_event(), stage.client.active_events()
    assert not [line for line in stage.warnings()[errors:] if "fault of ven_sdk" in line]
    stage.answers_a_good_event()
