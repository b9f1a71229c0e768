"""What the page, a script or the command line may tell the test VTN to do: orders, as plain data,
checked here.

An order is a mapping with ``do`` and the rest of it; durations are seconds or texts such as "5
min". Any thread.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ...errors import ConfigurationError
from ...near_names import did_you_mean
from ...testing import Fault, LocalVTN
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
Order = Mapping[str, object]


class Orders:
    """Carries out orders, and remembers which faults are on."""

    def __init__(self, vtn: LocalVTN) -> None:
        self._vtn = vtn
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._faults: dict[int, tuple[str, Fault]] = {}
        self._known: dict[str, Callable[[Order], Any]] = {
            "add_event": self._add_event,
            "modify_event": self._modify_event,
            "cancel_event": lambda order: vtn.cancel_event(_event_id(order)),
            "drop_event": lambda order: vtn.drop_event(_event_id(order)),
            "announce": lambda order: vtn.announce(_ven(order)),
            "fault": self._fault,
            "clear_fault": self._clear_fault,
            "clear_faults": self.clear_faults,
            "request_report": self._request_report,
            "cancel_report": self._cancel_report,
            "cancel_reports": self._cancel_reports,
            "reregister": lambda order: vtn.request_reregistration(_ven(order)),
            "cancel_registration": lambda order: vtn.cancel_registration(_ven(order)),
            "forget": lambda order: vtn.forget(_ven(order)),
            "restart": lambda order: vtn.restart(
                memory=check_fields(order, {"memory": keys.flag}).get("memory", True)
            ),
        }

    def carry_out(self, order: object) -> Any:
        """Do what ``order`` says; what the VTN returned. ConfigurationError says what is wrong with
        it, FieldError in which field.
        """
        if not isinstance(order, Mapping):
            raise ConfigurationError(
                f"An order is a table with a key do, not {keys.describe_value(order)}."
            )
        name = order.get("do")
        if not isinstance(name, str) or name not in self._known:
            hint = did_you_mean(name, self._known)
            raise ConfigurationError(
                f"There is no order do = {name!r:.60}.{hint} Known are: {', '.join(self._known)}."
            )
        return self._known[name](order)

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

    def _add_event(self, order: Order) -> str:
        given = check_fields(order, _NEW_EVENT)
        signal = given.pop("signal_name", "SIMPLE")
        steps = given.pop("steps", None) or fields.steps([[600, 1]])
        fields.check_levels(signal, steps)
        if given.get("event_id") in self._vtn.events:
            raise FieldError("event_id", f"there is an event {given['event_id']!r} already.")
        return self._vtn.add_event(
            ven_id=given.pop("ven", None),
            event_id=given.pop("event_id", None),
            signal_name=signal,
            dtstart=given.pop("begin", 0),
            intervals=steps,
            **_rename_keys(given),
        )

    def _modify_event(self, order: Order) -> int:
        given = check_fields(order, _EVENT)
        event_id = str(require_field(given, "event_id", order["do"]))
        del given["event_id"]
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

    def _fault(self, order: Order) -> int:
        given = check_fields(order, _FAULT)
        name = str(require_field(given, "name", order["do"]))
        del given["name"]
        try:
            fault = self._vtn.fault(name, **{**_SETTINGS.get(name, {}), **given})
        except TypeError as cause:
            raise FieldError("name", f"the fault {name!r} does not take that: {cause}.") from cause
        with self._lock:
            number = next(self._numbers)
            self._faults[number] = (name, fault)
        return number

    def _clear_fault(self, order: Order) -> None:
        number = check_fields(order, {"number": keys.whole_number}).get("number")
        with self._lock:
            entry = self._faults.pop(number, None) if number is not None else None
        if entry is None:
            raise ConfigurationError(f"No fault {number!r} is on: it may be over already.")
        entry[1].clear()

    def clear_faults(self, _order: object = None) -> None:
        """Switch all faults off."""
        with self._lock:
            faults, self._faults = self._faults, {}
        for _, fault in faults.values():
            fault.clear()

    # --- reports ----------------------------------------------------------------------------------

    def _request_report(self, order: Order) -> str:
        given = check_fields(order, _REPORT)
        return self._vtn.request_report(
            given.pop("report_specifier_id", None), ven_id=given.pop("ven", None), **given
        )

    def _cancel_report(self, order: Order) -> None:
        given = check_fields(order, {"ven": fields.name, "report_request_id": fields.name})
        request_id = str(require_field(given, "report_request_id", order["do"]))
        ven = self._vtn.ven(given.get("ven"))
        if request_id not in ven.asked:
            raise FieldError("report_request_id", f"no report {request_id!r} was asked for.")
        self._vtn.cancel_report(request_id, ven_id=ven.ven_id)

    def _cancel_reports(self, order: Order) -> None:
        ven = self._vtn.ven(_ven(order))
        running = [
            request_id
            for request_id, asked in ven.asked.items()
            if asked.state in ("asked", "running")
        ]
        if not running:
            raise ConfigurationError(f"No report is asked of {ven.ven_name or ven.ven_id!r}.")
        self._vtn.cancel_report(*running, ven_id=ven.ven_id)


def _event_id(order: Order) -> str:
    return str(
        require_field(check_fields(order, {"event_id": fields.name}), "event_id", order["do"])
    )


def _ven(order: Order) -> Optional[str]:
    return check_fields(order, {"ven": fields.name}).get("ven")


def _rename_keys(given: dict[str, Any]) -> dict[str, Any]:
    if "comment" in given:
        given["vtn_comment"] = given.pop("comment")
    return given
