"""What the page, a script or the command line may tell the test VTN to do: orders, as plain data,
checked here.

An order is a mapping with ``do`` and the rest of it; durations are seconds or texts such as "5
min". Any thread.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from typing import Any, Callable

from ...errors import ConfigurationError
from ...near_names import did_you_mean
from ...testing import Fault, LocalVTN
from ...testing.vtn.faults import as_fault
from ..run import keys
from . import fields
from .fields import FieldError, check_fields, require_field

FAULTS: dict[str, str] = {
    "down": "refuses connections",
    "slow": "answers 5 s late",
    "stalled": "takes messages and says nothing",
    "half-open": "accepts connections and says nothing",
    "drip": "answers a byte at a time",
    "bad xml": "sends broken XML",
    "html": "sends a web page",
    "empty": "sends nothing",
    "replay": "sends old messages again",
    "reset before body": "resets connections",
    "500": "HTTP status 500",
    "503 with Retry-After": "HTTP status 503",
    "403": "HTTP status 403",
    "redirect": "redirects",
    "463": "does not know the VEN (code 463)",
    "push lost": "does not hear what VENs answer to pushes",
    "push reset": "resets pushes half-way",
    "push slow": "pushes in small pieces",
    "push doubled": "pushes everything twice at once",
    "push bad xml": "pushes broken XML",
    "push replay": "pushes the last message again, before each",
}
_SETTINGS: dict[str, dict[str, float]] = {"slow": {"seconds": 5.0}}
_EVENT: dict[str, fields.Kind] = {
    "event_id": fields.name,
    "begin": fields.begin,
    "steps": fields.steps,
    "priority": fields.priority,
    "test_event": keys.flag,
    "comment": fields.comment,
    "targets": fields.targets,
}
_NEW_EVENT: dict[str, fields.Kind] = {
    "ven": fields.name,
    "signal_name": fields.signal,
    "response_required": fields.response_required,
    **_EVENT,
}
_FAULT: dict[str, fields.Kind] = {
    "name": fields.name,
    "seconds": fields.delay,
    "until": fields.delay,
    "times": fields.count,
    "service": fields.name,
}
_REPORT: dict[str, fields.Kind] = {
    "ven": fields.name,
    "report_specifier_id": fields.name,
    "granularity": fields.spacing,
    "report_back_duration": fields.spacing,
}
_EVENT_ID: dict[str, fields.Kind] = {"event_id": fields.name}
_VEN: dict[str, fields.Kind] = {"ven": fields.name}
_FIELDS: dict[str, dict[str, fields.Kind]] = {
    "add_event": _NEW_EVENT,
    "modify_event": _EVENT,
    "cancel_event": _EVENT_ID,
    "drop_event": _EVENT_ID,
    "announce": _VEN,
    "fault": _FAULT,
    "clear_fault": {"number": keys.whole_number},
    "clear_faults": {},
    "request_report": _REPORT,
    "cancel_report": {**_VEN, "report_request_id": fields.name},
    "cancel_reports": _VEN,
    "reregister": _VEN,
    "cancel_registration": _VEN,
    "forget": _VEN,
    "restart": {"memory": keys.flag},
}
_NEEDED: dict[str, str] = {
    **dict.fromkeys(("modify_event", "cancel_event", "drop_event"), "event_id"),
    "fault": "name",
    "cancel_report": "report_request_id",
}
Given = dict[str, Any]
"""The converted fields of an order."""


def read_order(order: object) -> tuple[str, Given]:
    """The name and the converted fields of an order, as far as they can be judged without the VTN.
    ConfigurationError says what is wrong with it, FieldError in which field.
    """
    if not isinstance(order, Mapping):
        raise ConfigurationError(
            f"An order is a table with a key do, not {keys.describe_value(order)}."
        )
    name = order.get("do")
    if not isinstance(name, str) or name not in _FIELDS:
        hint = did_you_mean(name, _FIELDS)
        raise ConfigurationError(
            f"There is no order do = {name!r:.60}.{hint} Known are: {', '.join(_FIELDS)}."
        )
    given = check_fields(order, _FIELDS[name])
    if name in _NEEDED:
        require_field(given, _NEEDED[name], name)
    if name == "add_event":
        given.setdefault("signal_name", "SIMPLE")
        given["steps"] = given.get("steps") or fields.steps([[600, 1]])
        fields.check_levels(given["signal_name"], given["steps"])
    if name == "fault":
        fault_of(given)
    return name, given


def fault_of(given: Given) -> Fault:
    """The fault that an order describes. ``ConfigurationError`` for one that there is not."""
    name = given["name"]
    options = {each: value for each, value in given.items() if each != "name"}
    return as_fault(name, **{**_SETTINGS.get(name, {}), **options})


class Orders:
    """Carries out orders, and remembers which faults are on."""

    def __init__(self, vtn: LocalVTN) -> None:
        self._vtn = vtn
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._faults: dict[int, tuple[str, Fault]] = {}
        self._known: dict[str, Callable[[Given], Any]] = {
            "add_event": self._add_event,
            "modify_event": self._modify_event,
            "cancel_event": lambda given: vtn.cancel_event(given["event_id"]),
            "drop_event": lambda given: vtn.drop_event(given["event_id"]),
            "announce": lambda given: vtn.announce(given.get("ven")),
            "fault": self._fault,
            "clear_fault": self._clear_fault,
            "clear_faults": self.clear_faults,
            "request_report": self._request_report,
            "cancel_report": self._cancel_report,
            "cancel_reports": self._cancel_reports,
            "reregister": lambda given: vtn.request_reregistration(given.get("ven")),
            "cancel_registration": lambda given: vtn.cancel_registration(given.get("ven")),
            "forget": lambda given: vtn.forget(given.get("ven")),
            "restart": lambda given: vtn.restart(memory=given.get("memory", True)),
        }

    def carry_out(self, order: object) -> Any:
        """Do what ``order`` says; what the VTN returned. ConfigurationError says what is wrong with
        it, FieldError in which field.
        """
        name, given = read_order(order)
        return self._known[name](given)

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The faults that are on."""
        with self._lock:
            self._faults = {
                number: entry for number, entry in self._faults.items() if not entry[1].over
            }
            return [
                {
                    "number": number,
                    "name": name,
                    "says": FAULTS.get(name, "as its name says"),
                    "hits": fault.hits,
                }
                for number, (name, fault) in self._faults.items()
            ]

    # --- events -----------------------------------------------------------------------------------

    def _add_event(self, given: Given) -> str:
        if given.get("event_id") in self._vtn.events:
            raise FieldError("event_id", f"there is an event {given['event_id']!r} already.")
        return self._vtn.add_event(
            ven_id=given.pop("ven", None),
            event_id=given.pop("event_id", None),
            dtstart=given.pop("begin", 0),
            intervals=given.pop("steps"),
            **_rename_keys(given),
        )

    def _modify_event(self, given: Given) -> int:
        event_id = str(given.pop("event_id"))
        if not given:
            raise ConfigurationError(
                "modify_event needs something that changes: begin, steps, priority or comment."
            )
        held = self._vtn.events.get(event_id)
        if "steps" in given and held is not None:
            fields.check_levels(held.event_signals[0].signal_name, given["steps"])
        if "steps" in given:
            given["intervals"] = given.pop("steps")
        if "begin" in given:
            given["dtstart"] = given.pop("begin")
        return self._vtn.modify_event(event_id, **_rename_keys(given))

    # --- faults -----------------------------------------------------------------------------------

    def _fault(self, given: Given) -> int:
        fault = self._vtn.fault(fault_of(given))
        with self._lock:
            number = next(self._numbers)
            self._faults[number] = (given["name"], fault)
        return number

    def _clear_fault(self, given: Given) -> None:
        number = given.get("number")
        with self._lock:
            entry = self._faults.pop(number, None) if number is not None else None
        if entry is None:
            raise ConfigurationError(f"No fault {number!r} is on: it may be over already.")
        entry[1].clear()

    def clear_faults(self, _given: object = None) -> None:
        """Switch all faults off."""
        with self._lock:
            faults, self._faults = self._faults, {}
        for _, fault in faults.values():
            fault.clear()

    # --- reports ----------------------------------------------------------------------------------

    def _request_report(self, given: Given) -> str:
        return self._vtn.request_report(
            given.pop("report_specifier_id", None), ven_id=given.pop("ven", None), **given
        )

    def _cancel_report(self, given: Given) -> None:
        request_id = str(given["report_request_id"])
        ven = self._vtn.ven(given.get("ven"))
        if request_id not in ven.asked:
            raise FieldError("report_request_id", f"no report {request_id!r} was asked for.")
        self._vtn.cancel_report(request_id, ven_id=ven.ven_id)

    def _cancel_reports(self, given: Given) -> None:
        ven = self._vtn.ven(given.get("ven"))
        running = [
            request_id
            for request_id, asked in ven.asked.items()
            if asked.state in ("asked", "running")
        ]
        if not running:
            raise ConfigurationError(f"No report is asked of {ven.ven_name or ven.ven_id!r}.")
        self._vtn.cancel_report(*running, ven_id=ven.ven_id)


def _rename_keys(given: Given) -> dict[str, Any]:
    if "comment" in given:
        given["vtn_comment"] = given.pop("comment")
    return given
