"""What the test VTN's page shows, as plain data: VENs, events, samples, messages, faults. Any
thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Optional

from ...oadr20b.descriptions import describe, units_of
from ...oadr20b.schema.reports import RegisterReport
from ...schema.common import Payload
from ...schema.events import Event, EventSignal
from ...schema.units import Measurement, prefixed_unit
from ...testing import LocalVTN, Received
from ...testing.vtn.vens import Ven
from .orders import FAULTS, Orders

Json = dict[str, Any]
"""What JSON takes."""
MESSAGES, POINTS, SPAN = 80, 400, timedelta(minutes=10)
COMPARED = ("ven", "kind", "status", "code", "answer", "trouble")


class View:
    """Keeps the last messages (as a listener of the VTN) and puts the rest together when it is
    asked for.
    """

    def __init__(self, vtn: LocalVTN, orders: Orders) -> None:
        self._vtn, self._orders = vtn, orders
        self._messages: deque[Json] = deque(maxlen=MESSAGES)
        self._kept: dict[int, Received] = {}
        self._seen: dict[str, Event] = {}
        self._units: dict[str, str] = {}
        self._lock = threading.Lock()

    def note_message(self, received: Received) -> None:
        """A message and its answer. Polls with nothing new are not worth a line."""
        quiet = received.kind == "oadrPoll" and (
            received.answer is None or received.answer.wire_name == "oadrResponse"
        )
        if quiet and received.status == 200 and not received.deviations:
            return
        says = {
            "ven": received.ven_id,
            "kind": received.kind,
            "status": received.status,
            "code": _code(received.answer),
            "answer": received.answer.wire_name if received.answer is not None else "",
            "trouble": [str(received.error)] if received.error else list(received.deviations),
            "words": self._words(received.record),
            "answer_words": self._words(received.answer),
        }
        with self._lock:
            times = self._take_out_equal(says) + 1
            row = {"at": received.at.timestamp(), "times": times, "number": received.number}
            self._messages.appendleft({**row, **says})
            self._kept[received.number] = received
            if len(self._kept) > 2 * MESSAGES:
                shown = {line["number"] for line in self._messages}
                self._kept = {n: each for n, each in self._kept.items() if n in shown}
            if received.kind == "oadrPoll" or received.kind == "oadrRequestEvent":
                self._seen.update(
                    {event.event_id: event for event in getattr(received.answer, "events", ())}
                )

    def _words(self, message: Optional[Payload]) -> str:
        if isinstance(message, RegisterReport):
            self._units.update(units_of(message))
        return "" if message is None else describe(message, self._units)

    def message(self, number: int) -> Optional[Json]:
        """The XML of a message that is listed, and of its answer; None where it is gone."""
        with self._lock:
            received = self._kept.get(number)
        if received is None:
            return None
        answer = b"" if received.answer is None else self._vtn.message(received.answer)
        return {
            "kind": received.kind,
            "received": received.raw.decode("utf-8", "replace"),
            "answer": answer.decode("utf-8", "replace"),
            "status": received.status,
        }

    def _take_out_equal(self, says: Json) -> int:
        """How often the same was said among the newest lines, which the new one replaces.
        Deliveries of several VENs take turns, so that these are looked through as far as there is
        nothing else.
        """
        for line in self._messages:
            if all(line[key] == says[key] for key in COMPARED):
                self._messages.remove(line)
                return int(line["times"])
            if line["kind"] != "oadrUpdateReport" or says["kind"] != "oadrUpdateReport":
                break
        return 0

    def state(self) -> Json:
        """Everything, as JSON takes it."""
        vtn = self._vtn
        return {
            "vtn": {
                "url": vtn.url,
                "vtn_id": vtn.vtn_id,
                "polls": vtn.counts.get("oadrPoll", 0),
                "poll_frequency": vtn.poll_frequency.total_seconds()
                if vtn.poll_frequency
                else None,
                "violations": len(vtn.violations),
            },
            "now": datetime.now().timestamp(),
            "vens": [self._ven(ven) for ven in vtn.vens.values()],
            "events": self._events(),
            "series": self._series(),
            "messages": self._message_rows(),
            "faults": self._orders.faults,
            "known_faults": [{"name": name, "says": says} for name, says in FAULTS.items()],
        }

    def _ven(self, ven: Ven) -> Json:
        return {
            "ven_id": ven.ven_id,
            "name": ven.ven_name,
            "registered": ven.registered,
            "polls": ven.polls,
            "registration_id": ven.registration_id,
            "fingerprint": ven.fingerprint,
            "offers": [
                {
                    "id": offer.report_specifier_id,
                    "name": (offer.report_name or "").replace("METADATA_", "", 1),
                    "points": [point.r_id for point in offer.report_descriptions],
                }
                for offer in ven.offers
            ],
            "asked": [
                {
                    "id": request_id,
                    "state": asked.state,
                    "report": asked.request.report_specifier.report_specifier_id,
                }
                for request_id, asked in ven.asked.items()
            ],
            "opts": len(ven.opts),
        }

    def _message_rows(self) -> list[Json]:
        with self._lock:
            return list(self._messages)

    def _events(self) -> list[Json]:
        """Those that the VTN holds, then those that it held until lately, so that a picture of a
        report keeps them.
        """
        answers: dict[str, Json] = {}
        for answer in self._vtn.answers:
            answers.setdefault(answer.event_id, {})[answer.ven_id] = {
                "ven": answer.ven_id,
                "opt": answer.opt_type,
                "code": answer.response_code,
                "number": answer.modification_number,
            }
        held, since = self._vtn.events, datetime.now().timestamp() - SPAN.total_seconds()
        with self._lock:
            self._seen.update(held)
            self._seen = {
                event_id: event
                for event_id, event in self._seen.items()
                if event_id in held or _end(event) >= since
            }
            past = [
                _event(event, "over", answers.get(event_id, {}))
                for event_id, event in self._seen.items()
                if event_id not in held
            ]
        return [
            *(
                _event(event, event.event_status, answers.get(event_id, {}))
                for event_id, event in held.items()
            ),
            *past,
        ]

    def _series(self) -> list[Json]:
        units = {
            (ven.ven_id, point.r_id): point.measurement
            for ven in self._vtn.vens.values()
            for offer in ven.offers
            for point in offer.report_descriptions
        }
        names = {ven.ven_id: ven.ven_name for ven in self._vtn.vens.values()}
        points: dict[tuple[str, str], list[tuple[float, float]]] = {}
        since = datetime.now().timestamp() - SPAN.total_seconds()
        for sample in self._vtn.samples:
            value = _number(sample.value)
            if value is not None and sample.at is not None and sample.at.timestamp() >= since:
                points.setdefault((sample.ven_id, sample.r_id), []).append(
                    (sample.at.timestamp(), value)
                )
        return [
            {
                "ven": ven_id,
                "ven_name": names.get(ven_id, ven_id),
                "r_id": r_id,
                **_unit(units.get((ven_id, r_id))),
                "points": sorted(found)[-POINTS:],
            }
            for (ven_id, r_id), found in points.items()
        ]


def _event(event: Event, status: str, answers: Mapping[str, Json]) -> Json:
    period = event.active_period
    return {
        "event_id": event.event_id,
        "number": event.modification_number,
        "status": status,
        "begin": period.dtstart.timestamp(),
        "duration": period.duration.total_seconds(),
        "test": event.test_event,
        "priority": event.priority,
        "comment": event.vtn_comment,
        "answers": list(answers.values()),
        "signals": [
            {"name": signal.signal_name, "type": signal.signal_type, "steps": _steps(signal)}
            for signal in event.event_signals
        ],
    }


def _end(event: Event) -> float:
    return float(
        event.active_period.dtstart.timestamp() + event.active_period.duration.total_seconds()
    )


def _steps(signal: EventSignal) -> list[tuple[float, float, Optional[float]]]:
    """Begin, seconds and payload of each interval."""
    return [
        (
            step.dtstart.timestamp(),
            step.duration.total_seconds() if step.duration else 0.0,
            step.signal_payload,
        )
        for step in signal.intervals
        if step.dtstart is not None
    ] or _without_starts(signal)


def _without_starts(signal: EventSignal) -> list[tuple[float, float, Optional[float]]]:
    return [
        (0.0, step.duration.total_seconds() if step.duration else 0.0, step.signal_payload)
        for step in signal.intervals
    ]


def _number(value: object) -> Optional[float]:
    """A number to plot: of a status report, whether the resource is online."""
    if isinstance(value, (int, float)):
        return float(value)
    online = getattr(value, "online", None)
    return None if online is None else float(online)


def _unit(measurement: Optional[Measurement]) -> dict[str, str]:
    name = "" if measurement is None else str(measurement.name)
    return {"measurement": name, "unit": prefixed_unit(measurement) or ""}


def _code(answer: Optional[Payload]) -> str:
    response = getattr(answer, "response", None)
    return str(response.response_code) if response is not None else ""
