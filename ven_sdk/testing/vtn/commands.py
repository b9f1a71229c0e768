"""What a test tells ``LocalVTN`` to do: events, reports, registrations, messages of its own. Any
thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from ...arguments import flag, text
from ...brackets import ValueDict
from ...errors import ConfigurationError
from ...oadr20b.schema.events import DistributeEvent
from ...oadr20b.schema.registration import CancelPartyRegistration, RequestReregistration
from ...oadr20b.schema.reports import (
    CancelReport,
    CreateReport,
    RegisterReport,
    Report,
    ReportRequest,
)
from ...schema.common import Payload, Target
from ...schema.events import Event
from . import builders
from . import reports as vtn_reports
from .builders import Duration, Moment, Step
from .core import Core
from .reply import Reply
from .reports import ReportWish
from .vens import Ven


class EventCommands(Core):
    """Events come, change and go; each change is announced at the next poll of the VENs that it
    concerns.
    """

    def add_event(
        self,
        event: Optional[Event] = None,
        *,
        ven_id: Optional[str] = None,
        event_id: Optional[str] = None,
        intervals: Sequence[Step] = (1,),
        duration: Optional[Duration] = None,
        dtstart: Moment = None,
        signal_name: str = "SIMPLE",
        signal_type: Optional[str] = None,
        targets: Any = None,
        event_status: Optional[str] = None,
        announce: bool = True,
        **more: Any,
    ) -> str:
        """Add an event; its ID.

        Arguments:
            event (None): an event of your own, whole, instead of all the rest.
            ven_id (None): whom it is for, by venID or venName; None is all, also those that
                register later.
            event_id (None): an ID of your own.
            intervals ((1,)): payloads that share ``duration``, or ``(duration, payload)`` each.
            duration (None): of the whole event, which plain payloads share evenly; None is 10
                minutes; 0 with one payload has no end.
            dtstart (None): a datetime, or a duration from now; None is now.
            signal_name ('SIMPLE'): name of its signal.
            signal_type (None): None: the usual one of ``signal_name``, and so for ``measurement``.
            targets (None): records, dicts or ``{'resource_id': [...]}``; None: the VEN's own ID.
            event_status (None): None: that of the clock.
            announce (True): whether the next poll gets it.
            **more: ``priority``, ``market_context``, ``test_event``, ``response_required``
                (``'always'``), ``tolerance``, ``notification``, ``ramp_up``, ``recovery``,
                ``vtn_comment``, ``modification_number``, ``signal_id``, ``device_class``,
                ``signals`` (instead of one), ``baseline``.
        """
        with self._state.lock:
            owner, now = self._id_of(ven_id), self._state.now()
            if event is None and event_id in self._state.events.held:
                _check_version(event_id, more)
            event_id = event_id or self._state.new_id("event")
        fixed = event is not None or event_status is not None
        if event is None:
            own = targets if targets is not None else [Target(ven_id=owner)] if owner else ()
            status = {} if event_status is None else {"event_status": event_status}
            event = builders.event(
                now,
                event_id=event_id,
                intervals=intervals,
                duration=duration,
                dtstart=dtstart,
                signal_name=signal_name,
                signal_type=signal_type,
                targets=own,
                **status,
                **more,
            )
        self._hold(event, owner, fixed, announce)
        return str(event.event_id)

    def modify_event(self, event_id: str, *, announce: bool = True, **changes: Any) -> int:
        """Change the event ``event_id``; its new modification number. ``changes`` are settings of
        :meth:`add_event`; with ``announce`` the next poll gets it.
        """
        with self._state.lock:
            held = self._state.events.get(event_id)
            changes.setdefault("modification_number", held.event.modification_number + 1)
            now, fixed = self._state.now(), "event_status" in changes or held.fixed
        event = builders.change_event(held.event, now, **changes)
        self._hold(event, held.ven_id, fixed, announce)
        return int(event.modification_number)

    def cancel_event(self, event_id: str, *, announce: bool = True) -> int:
        """Cancel the event ``event_id``; its modification number. It stays on a VEN's list until
        that has confirmed it. With ``announce`` the next poll gets it.
        """
        return self.modify_event(event_id, event_status="cancelled", announce=announce)

    def drop_event(self, event_id: str, *, announce: bool = True) -> None:
        """Take the event ``event_id`` off the list: an implied cancel. With ``announce`` the next
        poll gets the list without it.
        """
        told = flag("announce", announce)
        with self._state.lock:
            held = self._state.events.get(event_id)
            del self._state.events.held[event_id]
            self._tell(held.ven_id, told)

    def announce(self, ven_id: Optional[str] = None) -> None:
        """Give the list of events to the next poll of ``ven_id`` (None: of all), changed or not."""
        with self._state.lock:
            self._tell(self._id_of(ven_id), True)

    @property
    def events(self) -> dict[str, Event]:
        """The events that the VTN holds, by ID, with the status of now."""
        with self._state.lock:
            now = self._state.now()
            held = self._state.events.held.items()
            return ValueDict((event_id, each.current(now)) for event_id, each in held)

    def _hold(self, event: Event, owner: Optional[str], fixed: bool, announce: bool) -> None:
        told = flag("announce", announce)
        self._check_own(DistributeEvent(request_id="", vtn_id="", events=(event,)))
        with self._state.lock:
            self._state.events.put(event, owner, fixed)
            self._tell(owner, told)

    def _tell(self, owner: Optional[str], announce: bool) -> None:
        for ven in self._state.vens:
            if announce and owner in (None, ven.ven_id):
                ven.news = True
        self._state.lock.notify_all()

    def _id_of(self, ven: Optional[str]) -> Optional[str]:
        """The venID of an ID or a name; an unknown one is kept: the VEN may register later."""
        if ven is not None:
            text("ven_id", ven)
        known = self._state.vens.find(ven_id=ven) or self._state.vens.find(ven_name=ven)
        return known.ven_id if ven is not None and known is not None else ven


def _check_version(event_id: Optional[str], more: Mapping[str, object]) -> None:
    """ConfigurationError for an event that would take the place of one without being a version."""
    if "modification_number" not in more:
        raise ConfigurationError(
            f"There is an event {event_id!r} already: modify_event({event_id!r}, ...) changes it."
        )


class ReportCommands(Core):
    """Report requests, cancellations and the VTN's own catalogue, as messages for the next
    polls.
    """

    def request_report(
        self,
        report_specifier_id: Optional[str] = None,
        *,
        r_ids: Optional[Sequence[str]] = None,
        granularity: Optional[Duration] = None,
        report_back_duration: Optional[Duration] = None,
        report_interval: Optional[tuple[Moment, Duration]] = None,
        ven_id: Optional[str] = None,
    ) -> str:
        """Ask for a report that the VEN offers; the reportRequestID. Spacings that are left out are
        taken from the offer, and 0 means 0.

        Arguments:
            report_specifier_id (None): of the report; None: the first on offer.
            r_ids (None): its data points; None: all.
            granularity (None): spacing of samples, a duration.
            report_back_duration (None): spacing of deliveries, a duration.
            report_interval (None): ``(dtstart, duration)``, a duration of 0 for no end.
            ven_id (None): the VEN, by venID or venName; None: the only one.
        """
        state = self._state
        with state.lock:
            ven = state.vens.get(ven_id)
            offer = vtn_reports.offer_with(ven.offers, report_specifier_id, r_ids)
            wish = ReportWish(granularity, report_back_duration, report_interval, r_ids)
            request = vtn_reports.requests_for(
                [offer], [wish], state.now(), lambda: state.new_id("report")
            )[0][0]
        return self.send_request(request, ven_id=ven.ven_id)

    def request_metadata(self, *, ven_id: Optional[str] = None) -> str:
        """Ask ``ven_id`` (None: the only VEN) for its catalogue again; the reportRequestID."""
        return self.send_request(
            vtn_reports.metadata_request(self._new_id("report")), ven_id=ven_id
        )

    def send_request(self, *requests: ReportRequest, ven_id: Optional[str] = None) -> str:
        """Queue an oadrCreateReport with ``requests`` of your own for ``ven_id`` (None: the only
        VEN); the ID of the first.
        """
        with self._state.lock:
            ven = self._state.vens.get(ven_id)
            record = CreateReport(
                request_id=self._state.new_id("request"),
                report_requests=requests,
                ven_id=ven.ven_id,
            )
        self._check_own(record)
        with self._state.lock:
            ven.queue.append(record)
        return str(requests[0].report_request_id)

    def cancel_report(
        self,
        *report_request_ids: str,
        report_to_follow: bool = False,
        piggyback: bool = False,
        ven_id: Optional[str] = None,
    ) -> None:
        """Cancel requests for reports.

        Arguments:
            *report_request_ids: their IDs.
            report_to_follow (False): whether the VEN sends a last report.
            piggyback (False): inside the next oadrUpdatedReport, instead of by the next poll.
            ven_id (None): the VEN; None: the only one.
        """
        rides = flag("piggyback", piggyback)
        with self._state.lock:
            ven = self._state.vens.get(ven_id)
            record = CancelReport(
                request_id=self._state.new_id("request"),
                report_request_ids=report_request_ids,
                report_to_follow=report_to_follow,
                ven_id=ven.ven_id,
            )
        self._check_own(record)
        with self._state.lock:
            if rides:
                self._state.riders[ven.ven_id] = record
            else:
                ven.queue.append(record)

    def offer_reports(self, *reports: Report, ven_id: Optional[str] = None) -> None:
        """Queue the VTN's own oadrRegisterReport with ``reports``, often none, for ``ven_id``
        (None: all); registrations to come get it too.
        """
        self._check_own(RegisterReport(request_id="", reports=reports))
        with self._state.lock:
            self._state.offers = reports
            for ven in self._state.vens.select(ven_id):
                ven.queue.append(
                    RegisterReport(
                        request_id=self._state.new_id("request"), reports=reports, ven_id=ven.ven_id
                    )
                )

    def _new_id(self, prefix: str) -> str:
        with self._state.lock:
            return self._state.new_id(prefix)


class PartyCommands(Core):
    """Registrations, and messages of the test's own."""

    def add_ven(
        self,
        ven_name: str,
        *,
        ven_id: Optional[str] = None,
        registration_id: Optional[str] = None,
        fingerprint: Optional[str] = None,
        registered: bool = False,
    ) -> str:
        """Make a VEN known; its venID.

        Arguments:
            ven_name: its name.
            ven_id (None): a venID that it has beforehand; None: a new one.
            registration_id (None): likewise.
            fingerprint (None): of its certificate.
            registered (False): True: it need not register at all.
        """
        text("ven_name", ven_name)
        with self._state.lock:
            return self._state.vens.add(
                ven_name,
                ven_id,
                registration_id=registration_id,
                fingerprint=fingerprint,
                registered=flag("registered", registered),
            ).ven_id

    @property
    def vens(self) -> dict[str, Ven]:
        """The VENs that the VTN knows, by venID."""
        with self._state.lock:
            return ValueDict(self._state.vens.by_id)

    def ven(self, ven: Optional[str] = None) -> Ven:
        """The VEN ``ven`` (its venID or name); the only one if left out."""
        with self._state.lock:
            return self._state.vens.get(ven)

    def request_reregistration(self, ven_id: Optional[str] = None) -> None:
        """Queue an oadrRequestReregistration for ``ven_id`` (None: all VENs)."""
        with self._state.lock:
            for ven in self._state.vens.select(ven_id):
                ven.queue.append(RequestReregistration(ven_id=ven.ven_id))

    def cancel_registration(self, ven_id: Optional[str] = None, **wrong: Any) -> None:
        """Queue an oadrCancelPartyRegistration for ``ven_id`` (None: all VENs). ``wrong``: other
        values for its fields, such as registration_id.
        """
        with self._state.lock:
            called = self._state.vens.select(ven_id)
            records = [self._cancellation_for(ven, wrong) for ven in called]
        self._check_own(*records)
        with self._state.lock:
            for ven, record in zip(called, records):
                ven.queue.append(record)

    def _cancellation_for(self, ven: Ven, wrong: Mapping[str, Any]) -> CancelPartyRegistration:
        fields: Mapping[str, Any] = {
            "request_id": self._state.new_id("request"),
            "ven_id": ven.ven_id,
            "registration_id": ven.registration_id or "",
            **wrong,
        }
        return CancelPartyRegistration(**fields)

    def forget(self, ven_id: Optional[str] = None) -> None:
        """``ven_id`` (None: every VEN) is unknown from now on: whatever it sends gets 463 until it
        registers.
        """
        with self._state.lock:
            for ven in self._state.vens.select(ven_id):
                self._state.vens.remove(ven)

    def queue(self, *messages: Union[Payload, bytes, Reply], ven_id: Optional[str] = None) -> None:
        """Any ``messages`` (records, bytes, :func:`Raw`), each in the place of a poll's reply: to
        ``ven_id``, or to whichever polls next. What is queued goes before events; what is wrong
        with it stands in ``own_violations``. ``ConfigurationError`` for what is no message.
        """
        for message in messages:
            if not isinstance(message, (Payload, bytes, Reply)):
                raise ConfigurationError(
                    f"A message is a payload record, bytes or Raw(...), not {message!r}."
                )
        self._check_own(*messages)
        with self._state.lock:
            (
                self._state.for_anyone if ven_id is None else self._state.vens.get(ven_id).queue
            ).extend(messages)

    @property
    def queued(self) -> int:
        """How many messages wait for a poll."""
        with self._state.lock:
            return len(self._state.for_anyone) + sum(len(ven.queue) for ven in self._state.vens)
