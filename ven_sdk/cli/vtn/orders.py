"""What the page, a script or the command line may tell the test VTN to do: orders, as plain data,
checked here.

An order is a mapping with ``do`` and the rest of it; durations are seconds or texts such as "5
min". Any thread.
"""

from __future__ import annotations

import difflib
import itertools
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Callable

from ...enums import SIGNAL_NAME
from ...errors import ConfigurationError
from ...testing import Fault, LocalVTN
from ..run import keys

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
}
_SETTINGS: dict[str, dict[str, Any]] = {"slow": {"seconds": 5.0}}


class Orders:
    """Carries out orders, and remembers which faults are on."""

    def __init__(self, vtn: LocalVTN) -> None:
        self._vtn = vtn
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._faults: dict[int, tuple[str, Fault]] = {}
        self._known: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "add_event": self._add_event,
            "modify_event": self._modify_event,
            "cancel_event": lambda order: vtn.cancel_event(_text(order, "event_id")),
            "drop_event": lambda order: vtn.drop_event(_text(order, "event_id")),
            "announce": lambda order: vtn.announce(order.get("ven")),
            "fault": self._fault,
            "clear_fault": self._clear_fault,
            "clear_faults": self.clear_faults,
            "request_report": lambda order: vtn.request_report(
                ven_id=order.get("ven"), **_spacings(order)
            ),
            "cancel_reports": self._cancel_reports,
            "reregister": lambda order: vtn.request_reregistration(order.get("ven")),
            "cancel_registration": lambda order: vtn.cancel_registration(order.get("ven")),
            "forget": lambda order: vtn.forget(order.get("ven")),
            "restart": lambda order: vtn.restart(memory=keys.flag(order.get("memory", True))),
        }

    def carry_out(self, order: Any) -> Any:
        """Do what ``order`` says; what the VTN returned. ConfigurationError says what is wrong with
        it.
        """
        if not isinstance(order, Mapping):
            raise ConfigurationError(
                f"An order is a table with a key do, not {keys.describe_value(order)}."
            )
        name = order.get("do")
        if name not in self._known:
            near = difflib.get_close_matches(str(name), self._known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(
                f"There is no order do = {name!r}.{hint} Known are: {', '.join(self._known)}."
            )
        return self._known[str(name)](order)

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

    def _add_event(self, order: Mapping[str, Any]) -> str:
        given = _allowed(
            order,
            "ven",
            "event_id",
            "signal_name",
            "begin",
            "steps",
            "priority",
            "test_event",
            "comment",
            "targets",
            "response_required",
        )
        signal = given.pop("signal_name", "SIMPLE")
        if signal not in SIGNAL_NAME.values and not str(signal).startswith("x-"):
            near = difflib.get_close_matches(str(signal), SIGNAL_NAME.values, 1)
            raise ConfigurationError(
                f"signal_name: there is no "
                f"{signal!r}.{f' Did you mean {near[0]!r}?' if near else ''}"
            )
        return self._vtn.add_event(
            ven_id=given.pop("ven", None) or None,
            event_id=given.pop("event_id", None) or None,
            signal_name=signal,
            dtstart=keys.seconds(given.pop("begin", 0)),
            intervals=_steps(given.pop("steps", [[600, 1]])),
            **_renamed(given),
        )

    def _modify_event(self, order: Mapping[str, Any]) -> int:
        given = _allowed(
            order, "event_id", "begin", "steps", "priority", "test_event", "comment", "targets"
        )
        event_id = _text(given, "event_id")
        del given["event_id"]
        if "steps" in given:
            given["intervals"] = _steps(given.pop("steps"))
        if "begin" in given:
            given["dtstart"] = keys.seconds(given.pop("begin"))
        if not given:
            raise ConfigurationError(
                "modify_event needs something that changes: begin, steps, priority or comment."
            )
        return self._vtn.modify_event(event_id, **_renamed(given))

    # --- faults -----------------------------------------------------------------------------------

    def _fault(self, order: Mapping[str, Any]) -> int:
        name = _text(order, "name")
        options = {
            **_SETTINGS.get(name, {}),
            **_allowed(order, "name", "seconds", "until", "times", "service"),
        }
        del options["name"]
        for key in ("seconds", "until"):
            if options.get(key) is not None:
                options[key] = keys.seconds(options[key]).total_seconds()
        try:
            fault = self._vtn.fault(
                name, **{key: value for key, value in options.items() if value is not None}
            )
        except TypeError as cause:
            raise ConfigurationError(f"The fault {name!r} does not take that: {cause}.") from cause
        with self._lock:
            number = next(self._numbers)
            self._faults[number] = (name, fault)
        return number

    def _clear_fault(self, order: Mapping[str, Any]) -> None:
        number = order.get("number")
        with self._lock:
            entry = self._faults.pop(number, None) if isinstance(number, int) else None
        if entry is None:
            raise ConfigurationError(f"No fault {number!r} is on: it may be over already.")
        entry[1].clear()

    def clear_faults(self, _order: Any = None) -> None:
        """Switch all faults off."""
        with self._lock:
            faults, self._faults = self._faults, {}
        for _, fault in faults.values():
            fault.clear()

    # --- reports ----------------------------------------------------------------------------------

    def _cancel_reports(self, order: Mapping[str, Any]) -> None:
        ven = self._vtn.ven(order.get("ven"))
        running = [
            request_id
            for request_id, asked in ven.asked.items()
            if asked.state in ("asked", "running")
        ]
        if not running:
            raise ConfigurationError(f"No report is asked of {ven.ven_name or ven.ven_id!r}.")
        self._vtn.cancel_report(*running, ven_id=ven.ven_id)


# --- words of orders ------------------------------------------------------------------------------


def _allowed(order: Mapping[str, Any], *names: str) -> dict[str, Any]:
    unknown = sorted(set(order) - {"do", "at", *names})
    if unknown:
        near = difflib.get_close_matches(unknown[0], names, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f"{order['do']} takes {', '.join(names)}, not {unknown[0]!r}.{hint}"
        )
    return {key: value for key, value in order.items() if key in names and value is not None}


def _text(order: Mapping[str, Any], name: str) -> str:
    value = order.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"{order['do']} needs {name}, a text." if "do" in order else f"{name} is missing."
        )
    return value


def _steps(given: Any) -> list[tuple[timedelta, Any]]:
    """``[[60, 1], ["1 min", 2]]``: how long, and the payload."""
    steps = given if isinstance(given, (list, tuple)) and given else None
    if steps is None or not all(
        isinstance(step, (list, tuple)) and len(step) == 2 for step in steps
    ):
        raise ConfigurationError(
            f"steps are pairs of a duration and a value, such as [[60, 1], [60, 2]], not "
            f"{given!r:.60}."
        )
    return [(keys.whole_seconds(length), keys.number(payload)) for length, payload in steps]


def _renamed(given: dict[str, Any]) -> dict[str, Any]:
    if "comment" in given:
        given["vtn_comment"] = str(given.pop("comment"))
    return given


def _spacings(order: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: None if order.get(key) is None else keys.whole_seconds(order[key])
        for key in ("granularity", "report_back_duration")
    }
