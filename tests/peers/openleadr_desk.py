"""The operator of openleadr's VTN, scripted: who may register, which reports are asked for, which
events there are.

Holds what a VTN's own application would keep, and writes it to ``state_file`` so that a killed VTN
can come back with it. Runs on the event loop of the peer process; the network is
``openleadr_watch``'s.
"""

from __future__ import annotations

import os
import pickle
import uuid
from functools import partial
from typing import Any, Callable, Optional

from openleadr import OpenADRServer, utils
from openleadr_watch import Tell, Watch, asking_ven

_MOVES_NOTHING = ("poll", "query_registration", "nothing")


class Desk:
    """Answers openleadr's questions and a test's commands."""

    def __init__(self, config: dict[str, Any], tell: Tell) -> None:
        self._tell = tell
        self._state_file: Optional[str] = config.get("state_file")
        self._accept: bool = config.get("accept", True)
        self._wishes: list[dict[str, Any]] = config.get("report_requests") or []
        self._vens: dict[str, dict[str, Any]] = {
            name: {
                "ven_id": None,
                "registration_id": None,
                "fingerprint": None,
                **known,
                "ven_name": name,
                "fixed": known.get("registration_id") is not None,
            }
            for name, known in (config.get("vens") or {}).items()
        }
        self._queue: dict[str, list[tuple[str, dict[str, Any]]]] = {}

    def attach(self, server: OpenADRServer, watch: Watch) -> None:
        """Take the desk of ``server``; what an earlier process left in the state file is taken
        over.
        """
        self._server = server
        self._watch = watch
        server.add_handler("on_create_party_registration", self._register)
        server.add_handler("on_cancel_party_registration", self._cancel)
        server.add_handler("on_register_report", self._wanted)
        polls = server.services["poll_service"]
        polls.handlers["oadrPoll"] = partial(self._poll, polls.handlers["oadrPoll"])
        self._restore()

    # What openleadr asks

    def ven_lookup(self, ven_id: str) -> Optional[dict[str, Any]]:
        """The VEN of that ID; None makes openleadr ask for a new registration."""
        return next((ven for ven in self._vens.values() if ven["ven_id"] == ven_id), None)

    def fingerprint_lookup(self, ven_id: str) -> Optional[str]:
        """The older way to ask, which knows no re-registration."""
        ven = self.ven_lookup(ven_id)
        return None if ven is None else ven["fingerprint"]

    def _register(self, payload: dict[str, Any]) -> Any:
        if not self._accept:
            return False
        ven = self._known(payload)
        if ven is None:
            ven = self._vens[payload["ven_name"]] = {
                "ven_name": payload["ven_name"],
                "fingerprint": None,
                "registration_id": None,
                "fixed": False,
            }
            ven["ven_id"] = payload.get("ven_id") or f"ven-{uuid.uuid4()}"
        ven["ven_id"] = ven["ven_id"] or payload.get("ven_id") or f"ven-{uuid.uuid4()}"
        ven["fingerprint"] = ven["fingerprint"] or payload.get("fingerprint")
        kept = ven["fixed"] or (
            ven["registration_id"] and payload.get("registration_id") == ven["registration_id"]
        )
        if not kept:
            ven["registration_id"] = f"reg-{uuid.uuid4()}"
        return ven["ven_id"], ven["registration_id"]

    def _known(self, payload: dict[str, Any]) -> Optional[dict[str, Any]]:
        by_id = self.ven_lookup(payload["ven_id"]) if payload.get("ven_id") else None
        return by_id or self._vens.get(payload["ven_name"])

    def _cancel(self, payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        ven = self.ven_lookup(payload["ven_id"])
        if ven is not None:
            ven["registration_id"] = None
        return "oadrCanceledPartyRegistration", {"registration_id": payload["registration_id"]}

    def _wanted(self, report: dict[str, Any]) -> list[Any]:
        specifier = report["report_specifier_id"]
        return [
            self._request(specifier, each["r_id"])
            for each in report["report_descriptions"]
            if self._wish(specifier, each["r_id"]) is not None
        ]

    def _wish(self, specifier: str, r_id: str) -> Optional[dict[str, Any]]:
        return next(
            (
                wish
                for wish in self._wishes
                if wish.get("report_specifier_id") in (None, specifier)
                and (wish.get("r_ids") is None or r_id in wish["r_ids"])
            ),
            None,
        )

    def _request(self, specifier: str, r_id: str) -> tuple[Any, ...]:
        wish = self._wish(specifier, r_id)
        assert wish is not None
        every = [
            wish[name]
            for name in ("sampling_interval", "report_interval")
            if wish.get(name) is not None
        ]
        return (r_id, self._callback(asking_ven.get(), specifier, r_id), *every)

    def _callback(
        self, ven_id: Optional[str], specifier: str, r_id: str
    ) -> Callable[[list[Any]], None]:
        return partial(
            _deliver, self._tell, {"ven_id": ven_id, "report_specifier_id": specifier, "r_id": r_id}
        )

    async def _poll(self, of_openleadr: Callable[[Any], Any], payload: dict[str, Any]) -> Any:
        waiting = self._queue.get(payload["ven_id"])
        return waiting.pop(0) if waiting else await of_openleadr(payload)

    # What a test commands

    def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """Run one command; its result, or the text of what went wrong."""
        try:
            result = getattr(self, "do_" + command["command"])(**command.get("arguments", {}))
        except Exception as wrong:  # the test decides what a refusal means
            return {"number": command["number"], "error": f"{type(wrong).__name__}: {wrong}"}
        self.settled(command["command"])
        return {"number": command["number"], "result": result}

    def do_add_event(self, ven_id: str, changes: dict[str, Any], **arguments: Any) -> str:
        """openleadr's ``add_event``, then ``changes`` by dotted path, since it has no argument for
        many fields.
        """
        event_id: str = self._server.add_event(ven_id=ven_id, callback=_unused, **arguments)
        self._change(self._event(ven_id, event_id), changes)
        return event_id

    def do_add_raw_event(self, ven_id: str, event: dict[str, Any]) -> str:
        """An event as a dict, with as many signals as wanted."""
        return str(self._server.add_raw_event(ven_id=ven_id, event=event, callback=_unused))

    def do_modify_event(
        self,
        ven_id: str,
        event_id: str,
        intervals: Optional[list[Any]],
        changes: dict[str, Any],
        announce: bool,
    ) -> int:
        """openleadr has no such call: what its users do by hand. Returns the modification
        number.
        """
        event = self._event(ven_id, event_id)
        number: int = utils.increment_event_modification_number(event)
        if intervals is not None:
            period = utils.get_active_period_from_intervals(intervals, False)
            self._change(
                event,
                {
                    "event_signals.0.intervals": intervals,
                    "active_period.dtstart": period.dtstart,
                    "active_period.duration": period.duration,
                },
            )
        self._change(event, changes)
        self._server.events_updated[ven_id] = announce
        return int(changes.get("event_descriptor.modification_number", number))

    def do_cancel_event(self, ven_id: str, event_id: str) -> None:
        """openleadr's ``cancel_event``; an unknown event is an error here."""
        self._event(ven_id, event_id)
        self._server.cancel_event(ven_id=ven_id, event_id=event_id)

    def do_drop_event(self, ven_id: str, event_id: str, announce: bool) -> None:
        """Take an event off the list without a word: an implied cancel."""
        self._server.events[ven_id].remove(self._event(ven_id, event_id))
        self._server.events_updated[ven_id] = announce

    def do_events(self, ven_id: str) -> list[dict[str, Any]]:
        """The events that openleadr holds for the VEN."""
        return [
            {
                "event_id": descriptor("event_id"),
                "modification_number": descriptor("modification_number"),
                "event_status": descriptor("event_status"),
            }
            for descriptor in (
                partial(_descriptor, event) for event in self._server.events.get(ven_id, [])
            )
        ]

    def do_announce(self, ven_id: str) -> None:
        """The next poll gets the list of events."""
        self._server.events_updated[ven_id] = True

    def do_queue(self, ven_id: str, message: str, payload: dict[str, Any]) -> None:
        """A message from openleadr's templates for the next poll of the VEN."""
        self._queue.setdefault(ven_id, []).append((message, payload))

    def do_instead(self, service: str, **reply: Any) -> None:
        """See :meth:`Watch.instead`."""
        self._watch.instead(service, reply)

    def do_forget(self, ven_id: str) -> None:
        """From now on the VEN is unknown."""
        self._vens = {name: ven for name, ven in self._vens.items() if ven["ven_id"] != ven_id}

    def do_accept(self, accept: bool) -> None:
        """Whether registrations are accepted."""
        self._accept = accept

    def do_vens(self) -> dict[str, dict[str, Any]]:
        """The VENs by name."""
        return self._vens

    def do_ask_reports(self, wishes: list[dict[str, Any]]) -> None:
        """What is asked for at the next oadrRegisterReport."""
        self._wishes = wishes

    def _event(self, ven_id: str, event_id: str) -> Any:
        event = utils.find_by(
            self._server.events.get(ven_id, []), "event_descriptor.event_id", event_id
        )
        if event is None:
            raise LookupError(f"openleadr holds no event {event_id!r} for the VEN {ven_id!r}")
        return event

    @staticmethod
    def _change(event: Any, changes: dict[str, Any]) -> None:
        for path, value in changes.items():
            *way, last = path.split(".")
            part = event
            for step in way:
                part = part[int(step)] if step.isdigit() else utils.getmember(part, step)
            utils.setmember(part, last, value)

    # What survives a kill

    def settled(self, kind: str) -> None:
        """Write down what is remembered, before anybody hears of it."""
        if self._state_file is None or kind in _MOVES_NOTHING:
            return
        reports = self._server.services["report_service"]
        requests = {key: call.args[1] for key, call in reports.report_callbacks.items()}
        state = (
            self._vens,
            self._server.events,
            self._server.events_updated,
            requests,
            reports.requested_reports,
        )
        with open(self._state_file + ".new", "wb") as file:
            pickle.dump(state, file)
        os.replace(self._state_file + ".new", self._state_file)

    def _restore(self) -> None:
        if self._state_file is None or not os.path.exists(self._state_file):
            return
        with open(self._state_file, "rb") as file:
            self._vens, events, updated, requests, asked = pickle.load(file)
        reports = self._server.services["report_service"]
        self._server.events.update(events)
        self._server.events_updated.update(updated)
        reports.requested_reports.update(asked)
        reports.report_callbacks.update(
            {key: partial(_deliver, self._tell, facts) for key, facts in requests.items()}
        )


def _deliver(tell: Tell, facts: dict[str, Any], values: list[Any]) -> None:
    tell("report_data", {**facts, "values": values})


def _descriptor(event: Any, name: str) -> Any:
    return utils.getmember(event, "event_descriptor." + name)


def _unused(ven_id: str, event_id: str, opt_type: str) -> None:
    """openleadr warns without a callback, and calls it for the first answer only: answers are read
    off the wire.
    """
