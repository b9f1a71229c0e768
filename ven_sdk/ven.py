"""One VEN as its user sees it: handlers, reports, answers, opts, and what can be read at any time.

``OpenADRClient`` adds the life cycle of a program of its own; a ``Fleet`` runs many of these on
shared threads. Everything here may be called from any thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union

from .arguments import (
    LONGEST,
    Duration,
    duration,
    flag,
    is_number,
    name_list,
    named_arguments,
    scalar,
    text,
    waiting_seconds,
)
from .config import Settings, check_signal
from .display.tables import Rows
from .display.views import NotebookViews
from .errors import ConfigurationError, StateError, TransportError, VenError
from .events import queries
from .points.catalogue import Catalogue
from .points.pushed_values import push_value
from .profile import CallRequest, UndeliveredSample
from .push.peer import Peer, Response
from .runtime.awaiting import await_answer
from .runtime.engine import Engine
from .runtime.status import Health, Status
from .schema.events import Event, EventSignal, Interval
from .usercode.attributes import CheckedAttributes, handler_name
from .usercode.handlers import NOBODY_DECIDES, Handlers, Hooks

if TYPE_CHECKING:
    from .oadr20b.schema.reports import Report
    from .oadr20b.state.opts import OptState

F = TypeVar("F", bound=Callable[..., Any])
STATES = {"registered": "registered", "cancelled": "unregistered", "cancelling": "registered"}
ENDS_SOON = timedelta(days=30)
"""Before the end of a certificate, after which ``health()`` is no longer ok."""
LATE_POLLS = 3
"""Periods without a good poll after which ``health()`` is no longer ok."""
LONG_RUNNING = 30.0
"""Seconds after which user code that has not returned is a problem of ``health()``."""


class Ven(CheckedAttributes, NotebookViews):
    """A VEN: what a client and a member of a :class:`~ven_sdk.Fleet` have in common. Made by
    ``OpenADRClient(...)`` and ``Fleet.add(...)``, not by its own constructor.
    """

    _own = ("settings",)

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        handlers: Handlers,
        hooks: Hooks,
        catalogue: Catalogue,
    ) -> None:
        self.settings = settings
        self._engine, self._handlers = engine, handlers
        self._hooks, self._catalogue = hooks, catalogue
        self._profile = engine.profile

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.settings.ven_name!r} at {self.settings.vtn_url}: "
            f"{self._state()}"
            f"{f' as {self.ven_id}' if self.ven_id else ''}>"
        )

    # --- handlers and hooks -----------------------------------------------------------------------

    def add_handler(
        self, name: str, function: Callable[..., Any], *, lead: Optional[Duration] = None
    ) -> None:
        """Call ``function`` when ``name`` happens; see the table of handlers.

        One function for ``on_event`` and ``on_update_event`` (a second replaces it), any number for
        the others.

        Arguments:
            name: of the handler: ``'on_event'``, ``'on_event_start'``, ``'on_registered'`` ...
            function: a plain function; it may block.
            lead (None): with ``before_event`` alone: how long before the start, a duration.

        Raises:
            ConfigurationError: an unknown name, a wrong number of parameters, an ``async def``, or
                no callable.
        """
        self._handlers.add_handler(name, function, lead)

    def on(self, name: str, *, lead: Optional[Duration] = None) -> Callable[[F], F]:
        """``@client.on('on_event')`` before a function adds it as a handler. ``name``, ``lead`` and
        ``ConfigurationError`` are those of ``add_handler``.
        """
        handler_name(name, "client")

        def decorate(function: F) -> F:
            self.add_handler(name, function, lead=lead)
            return function

        return decorate

    def add_hook(self, name: str, function: Callable[..., Any]) -> None:
        """Call ``function`` with every message that passes the hook ``name``; see the table of
        hooks. Its return is ignored. ``ConfigurationError`` for an unknown name or no callable.
        """
        self._hooks.add(name, function)

    if TYPE_CHECKING:  # what may be set; anything else is refused by type checkers as well
        on_event: Callable[[Event], object]
        on_update_event: Callable[[Event], object]
        on_cancel_event: Callable[[Event, bool], object]
        on_event_start: Callable[[Event], object]
        on_interval_start: Callable[[Event, EventSignal, Interval], object]
        on_event_end: Callable[[Event], object]
        on_registered: Callable[[], object]
        on_registration_lost: Callable[[str], object]
        on_error: Callable[[VenError], object]
        on_report: Callable[[Any], object]

    # --- reports ----------------------------------------------------------------------------------

    @named_arguments
    def add_report(
        self,
        callback: Optional[Callable[..., Any]] = None,
        resource_id: Optional[str] = None,
        measurement: Any = None,
        data_collection_mode: str = "incremental",
        report_specifier_id: Optional[str] = None,
        r_id: Optional[str] = None,
        report_name: str = "TELEMETRY_USAGE",
        reading_type: str = "Direct Read",
        report_type: str = "reading",
        report_duration: Optional[Duration] = None,
        report_dtstart: Optional[datetime] = None,
        sampling_rate: Any = None,
        data_source: Any = None,
        scale: str = "none",
        unit: Optional[str] = None,
        power_ac: bool = True,
        power_hertz: float = 50,
        power_voltage: float = 230,
        market_context: Optional[str] = None,
        end_device_asset_mrid: Optional[str] = None,
        report_data_source: Any = None,
        gaps: str = "mark",
        interval_duration: Optional[bool] = None,
    ) -> tuple[str, str]:
        """Offer a data point to the VTN; returns ``(report_specifier_id, r_id)``. While the client
        runs, the new catalogue is sent to the VTN.

        Arguments:
            callback (None): gives the value when one is needed, on a thread where it may block:
                ``callback()``, or ``callback(date_from=, date_to=, sampling_interval=)`` in mode
                ``'full'``. None: you push values with ``report_value``.
            resource_id (None): what is measured, such as ``'device001'``.
            measurement (None): a name in any case (``'voltage'``), a member of
                ``enums.MEASUREMENTS``, an ``objects.Measurement`` or a dict of its fields. A name
                of your own needs ``unit``.
            data_collection_mode ('incremental'): ``'incremental'`` asks for one value at each
                sampling time, ``'full'`` for all values of a period when a report is due.
            report_specifier_id (None): ID of the report; None: the report's name.
            r_id (None): ID of the data point; None: made of ``resource_id`` and the measurement,
                the same after every restart.
            report_name ('TELEMETRY_USAGE'): a member of ``enums.REPORT_NAME``, or ``x-...``.
            reading_type ('Direct Read'): how it is read: one of ``enums.READING_TYPE``.
            report_type ('reading'): what it is: one of ``enums.REPORT_TYPE``.
            report_duration (None): how much data the VEN keeps, as the catalogue declares it, a
                duration; None is 1 h.
            report_dtstart (None): the earliest history on offer, a datetime (naive: UTC).
            sampling_rate (None): one period (a duration of whole seconds), or
                ``objects.SamplingRate(min_period, max_period, on_change)``; None is 10 s to 1 h.
            data_source (None): an older name of ``report_data_source``.
            scale ('none'): SI prefix of the unit: one of ``enums.SI_SCALE_CODE``, such as ``'k'``.
            unit (None): unit of the values; ``'kW'`` is ``'W'`` with the scale ``'k'``. None: the
                measurement's own.
            power_ac (True): for power alone: alternating current.
            power_hertz (50): for power alone: its frequency in hertz.
            power_voltage (230): for power alone: its voltage in volts.
            market_context (None): the programme that the report belongs to, a URI.
            end_device_asset_mrid (None): class of the device, such as one of
                ``enums.SIGNAL_TARGET_MRID``.
            report_data_source (None): where values come from: a resource ID, ``objects.Target``,
                dict, or a list of these. None: ``resource_id``.
            gaps ('mark'): without a value, ``'mark'`` sends a placeholder of bad quality,
                ``'omit'`` nothing.
            interval_duration (None): whether intervals carry their duration; None: where data is
                summed.

        Raises:
            ConfigurationError: an argument cannot be used (the nearest right ones are named), or
                there is such a data point already.
        """
        self._engine.runtime.check_process()
        found = self._catalogue.add(
            callback=callback,
            resource_id=resource_id,
            measurement=measurement,
            data_collection_mode=data_collection_mode,
            report_specifier_id=report_specifier_id,
            r_id=r_id,
            report_name=report_name,
            reading_type=reading_type,
            report_type=report_type,
            report_duration=report_duration,
            report_dtstart=report_dtstart,
            sampling_rate=sampling_rate,
            scale=scale,
            unit=unit,
            power_ac=power_ac,
            power_hertz=power_hertz,
            power_voltage=power_voltage,
            market_context=market_context,
            end_device_asset_mrid=end_device_asset_mrid,
            data_source=data_source,
            report_data_source=report_data_source,
            gaps=gaps,
            interval_duration=interval_duration,
        )
        if not self._engine.stopped:
            self._engine.conversation.wake()
        return found

    def report_value(self, r_id: str, value: Any, at: Optional[datetime] = None) -> None:
        """Push a sample.

        Arguments:
            r_id: the data point; a ``resource_id`` serves where it has only one.
            value: one value, of the kinds that the report's callback may return.
            at (None): when it was measured, a datetime (naive: UTC); None is now.

        Raises:
            ConfigurationError: no such data point, or no usable value.
        """
        self._engine.runtime.check_process()
        at = self._engine.now() if at is None else at
        self._engine.push(lambda book, now: push_value(book, r_id, value, at, now))

    @property
    def reports(self) -> tuple[Report, ...]:
        """The catalogue, as it is offered to the VTN."""
        return Rows(self._engine.look(lambda: self._profile.offered_reports(self._engine.book)))

    @named_arguments
    def request_report(
        self,
        report_specifier_id: str,
        r_ids: Any = None,
        *,
        granularity: Duration = 0,
        report_back_duration: Duration = 0,
        dtstart: Optional[datetime] = None,
        report_duration: Optional[Duration] = None,
        report_request_id: Optional[str] = None,
        timeout: Optional[Duration] = None,
    ) -> str:
        """Ask the VTN for a report that it offers; returns the reportRequestID once the VTN agreed.
        The data reaches the handler ``on_report(report)``.

        Arguments:
            report_specifier_id: of a report in the VTN's catalogue; ``'METADATA'`` asks for that.
            r_ids (None): its data points: one ID or several; None: all of them.
            granularity (0): time between values, a duration.
            report_back_duration (0): time between deliveries, a duration; 0: one report.
            dtstart (None): from when on, a datetime; None: now.
            report_duration (None): for how long, a duration; None: no end.
            report_request_id (None): an ID of your own; None: a new one.
            timeout (None): how long to wait for the answer, a duration; None: the client's.

        Raises:
            ConfigurationError: an argument cannot be used.
            ProtocolError: the VTN refused, with its code.
            TransportError: no answer in time.
            StateError: the client does not run.
        """
        self._running("request_report()")
        request = self._profile.request_report(
            report_specifier_id=text("report_specifier_id", report_specifier_id),
            r_ids=None if r_ids is None else name_list("r_ids", r_ids),
            granularity=duration("granularity", granularity),
            report_back_duration=duration("report_back_duration", report_back_duration),
            dtstart=dtstart,
            report_duration=None
            if report_duration is None
            else duration("report_duration", report_duration),
            report_request_id=report_request_id,
        )
        self._wait_for_answer("request_report()", request, timeout)
        return request.result

    # --- events -----------------------------------------------------------------------------------

    @property
    def events(self) -> tuple[Event, ...]:
        """The events that the VEN knows, each with the ``event_status`` of now (E27)."""
        return Rows(queries.events(self._states(), self._engine.now()))

    def active_events(self) -> tuple[Event, ...]:
        """The events that are active now."""
        return Rows(queries.active_events(self._states(), self._engine.now()))

    def next_event(self) -> Optional[Event]:
        """The event that starts next, or None."""
        return queries.next_event(self._states(), self._engine.now())

    def current_level(self) -> int:
        """The SIMPLE level that rules now, 0 to 3: of the event of the highest priority (E50).
        Events that are not opted in to, and test events, do not count.
        """
        return queries.current_level(self._states(), self._engine.now())

    def signal_now(self, signal_name: str) -> Any:
        """The payload of the signal ``signal_name`` that rules now, or None. Among several events
        the one of the highest priority rules (E50).
        """
        name, states = text("signal_name", signal_name), self._states()
        if not any(
            signal.signal_name == name
            for event in queries.events(states, self._engine.now())
            for signal in event.event_signals
        ):
            check_signal("signal_name", name)
        return queries.signal_now(states, name, self._engine.now())

    def schedule(self, hours: Union[float, timedelta, str] = 24) -> tuple[Any, ...]:
        """What is to be done in the next ``hours`` (or timedelta): records of start, end, event,
        signal, interval, payload. ``ConfigurationError`` for a wrong argument.
        """
        span = _hours(hours)
        return Rows(queries.schedule(self._states(), self._engine.now(), span))

    def _now(self) -> datetime:
        return self._engine.now()

    def _undelivered(self) -> Sequence[UndeliveredSample]:
        return self._engine.look(lambda: self._profile.undelivered(self._engine.book))

    def _states(self) -> Any:
        return self._engine.snapshot("events")

    def opt_in(self, event_id: str) -> None:
        """Take part in the event ``event_id``: the first answer, or a change of it. Never blocks.
        ``StateError`` for an event that is unknown or over.
        """
        self._engine.runtime.check_process()
        self._engine.transact(self._profile.opt_event(event_id, "optIn", None))

    def opt_out(self, event_id: str, reason: Optional[str] = None) -> None:
        """Do not take part in the event ``event_id``, or no longer. ``reason`` is a text that goes
        with the answer. Never blocks. ``StateError`` for an event that is unknown or over.
        """
        self._engine.runtime.check_process()
        self._engine.transact(self._profile.opt_event(event_id, "optOut", reason))

    # --- opts -------------------------------------------------------------------------------------

    @named_arguments
    def create_opt(
        self,
        opt_type: str,
        opt_reason: str,
        targets: Any = None,
        vavailability: Any = None,
        event_id: Optional[str] = None,
        modification_number: Optional[int] = None,
        opt_id: Optional[str] = None,
        request_id: Optional[str] = None,
        market_context: Optional[str] = None,
        signal_target_mrid: Optional[str] = None,
    ) -> str:
        """Opt in or out of an event, of resources of it, or for a schedule; returns the opt's ID.
        Blocks until the VTN answered.

        Arguments:
            opt_type: ``'optIn'`` or ``'optOut'``.
            opt_reason: one of ``enums.OPT_REASON``, or a token that begins with ``x-``.
            targets (None): what it is about: ``{'resource_id': ['r1']}``, a list of such dicts or
                of ``objects.Target``. None: the whole VEN, or what the event names.
            vavailability (None): times of a schedule, needed without ``event_id``: a list of
                ``(dtstart, duration)``, an aware datetime and a duration each; 0 has no end.
            event_id (None): the event. None: the opt is a schedule.
            modification_number (None): of the event; None: as the client knows it.
            opt_id (None): an ID of your own; that of a schedule that stands replaces it.
            request_id (None): an ID of your own for the message.
            market_context (None): for a schedule alone: the programme, a URI.
            signal_target_mrid (None): class of devices, such as one of
                ``enums.SIGNAL_TARGET_MRID``.

        Raises:
            ConfigurationError: an argument cannot be used, or two of them together.
            ProtocolError: the VTN refused, with its code.
            TransportError: no answer within the client's ``timeout``. It has ``opt_id``: the opt
                stays owed and is sent again under the same ID.
            StateError: the client does not run, the event is not known, or wants no response.
        """
        self._running("create_opt()")
        request = self._profile.create_opt(
            opt_type=opt_type,
            opt_reason=opt_reason,
            targets=targets,
            vavailability=vavailability,
            event_id=event_id,
            modification_number=modification_number,
            opt_id=opt_id,
            request_id=request_id,
            market_context=market_context,
            signal_target_mrid=signal_target_mrid,
        )
        self._wait_for_answer("create_opt()", request, opt_id=request.result)
        return request.result

    def cancel_opt(self, opt_id: str) -> None:
        """Withdraw the opt ``opt_id``. Blocks until the VTN answered, and raises as ``create_opt``
        does.
        """
        self._running("cancel_opt()")
        self._wait_for_answer("cancel_opt()", self._profile.cancel_opt(opt_id), opt_id=opt_id)

    @property
    def opts(self) -> tuple[OptState, ...]:
        """The opts that stand: sent or still owed."""
        return Rows(self._profile.standing_opts(self._engine.snapshot("opts")))

    # --- push -------------------------------------------------------------------------------------

    def receive(self, path: str, body: bytes, peer: Peer) -> Response:
        """Take in an HTTP request that the VTN pushed: for a web server of your own, see
        :func:`ven_sdk.push.wsgi`. Status, headers and body of the response come back.

        ``path`` is that of the request, ``body`` its bytes, ``peer`` who sent it, by a certificate
        that TLS verified. It may block for a commit to the store, and raises for nothing that a
        peer can send.
        """
        return self._engine.profile.take_push(path, body, peer, self._engine)

    # --- registration -----------------------------------------------------------------------------

    @property
    def ven_id(self) -> Optional[str]:
        """The venID, or None before the VTN gave one."""
        return self._engine.book.registration.ven_id or self.settings.ven_id

    @property
    def registration_id(self) -> Optional[str]:
        """The registrationID, or None while not registered."""
        return self._engine.book.registration.registration_id

    @property
    def poll_frequency(self) -> timedelta:
        """The period of polling: the own setting, else what the VTN asked for, else 10 s."""
        return self._profile.poll_period(self._engine.book)

    def register(self, new: bool = False) -> None:
        """Register (again); with ``new`` without the old IDs (R6). Blocks until done; errors as
        ``cancel_registration``. ``TransportError`` where no answer comes in time.
        """
        self._running("register()")
        new = flag("new", new)
        deadline = self._engine.clock.monotonic() + self.settings.timeout
        request = self._profile.request_registration(new)
        if self.settings.register:
            self._wait_for_answer("register()", request)
        else:  # the VTN knows it beforehand: only the bootstrap is run again
            self._engine.transact(request.step)
            self._engine.conversation.hurry()
        rest = deadline - self._engine.clock.monotonic()
        if not self._engine.wait(self._is_registered, rest):
            raise TransportError(
                "register(): the VTN knows this VEN, but did not take its catalogue and list of "
                f"events within {self.settings.timeout:g} s. It is tried again until it succeeds."
            ) from self._engine.counters.last_error

    def cancel_registration(self) -> None:
        """End the registration (R12). Blocks; ProtocolError when the VTN refuses, TransportError
        when it does not answer. ``StateError`` while there is no registration.
        """
        self._running("cancel_registration()")
        if self._engine.book.registration.phase not in ("registered", "cancelling"):
            raise StateError(
                f"cancel_registration(): this VEN is {self._state()}, there is no registration "
                f"to cancel."
            )
        self._wait_for_answer("cancel_registration()", self._profile.request_cancellation())

    def request_events(self) -> tuple[Event, ...]:
        """Ask the VTN for all events; those known then. ``StateError`` while not registered."""
        self._running("request_events()")
        if self._engine.book.registration.phase != "registered":
            raise StateError(f"request_events(): this VEN is {self._state()}.")
        self._wait_for_answer("request_events()", self._profile.request_events())
        return self.events

    def _wait_for_answer(
        self,
        call: str,
        request: CallRequest,
        timeout: Optional[Duration] = None,
        opt_id: Optional[str] = None,
    ) -> None:
        seconds = self.settings.timeout if timeout is None else waiting_seconds("timeout", timeout)
        await_answer(self._engine, call, request, seconds, opt_id)

    def _is_registered(self) -> bool:
        return self._engine.book.registration.phase == "registered"

    def _running(self, call: str) -> None:
        self._engine.runtime.check_process()
        if self._engine.stopped:
            raise StateError(f"{call} needs a running client: call start() before it.")

    # --- state ------------------------------------------------------------------------------------

    def _state(self) -> str:
        if self._engine.stopped:
            return "stopped"
        return STATES.get(self._engine.book.registration.phase, "connecting")

    @property
    def status(self) -> Status:
        """What the client is doing, at this moment; cheap, from any thread."""
        engine = self._engine
        counters, book = engine.counters, engine.book
        since, counted, queued = engine.look(
            lambda: (
                book.registration.since,
                self._profile.counters(book),
                self._profile.queues(book),
            )
        )
        return Status(
            state=self._state(),
            since=since,
            last_poll=counters.last_poll,
            last_error=counters.last_error,
            last_error_at=counters.last_error_at,
            counters={
                "exchanges": counters.exchanges,
                "failures": counters.failures,
                "polls": counters.polls,
                **counted,
            },
            queues={
                **queued,
                "unsaved": engine.unsaved,
                **engine.runtime.waiting(),
            },
            stuck=engine.runtime.stuck(),
            clock_offset=engine.offset.measured,
            services={} if engine.runtime.is_inherited else engine.conversation.services(),
            certificates=self._certificate_ends(),
        )

    def _certificate_ends(self) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for end in self._profile.identity.certificates():
            found[end.role] = min(end.ends, found.get(end.role, end.ends))
        return found

    def health(self) -> Health:
        """Whether all is well, and a sentence for everything that is not: for a supervisor or a
        health page.
        """
        status, problems = self.status, []
        if status.state != "registered":
            problems.append(f"The VEN is {status.state}, not registered.")
        late = self.poll_frequency * LATE_POLLS + timedelta(seconds=self.settings.timeout)
        heard = [moment for moment in (status.last_poll, status.since) if moment is not None]
        polls = self.settings.push is None or self.settings.push.fallback is not None
        if (
            polls
            and status.state == "registered"
            and (not heard or self._engine.clock.now() - max(heard) > late)
        ):
            problems.append(
                f"The last good poll was {status.last_poll or 'never'}; expected one every "
                f"{self.poll_frequency}."
            )
        problems.extend(
            f"{running.about} has been running for {running.seconds:.0f} s."
            for running in status.stuck
            if running.seconds >= LONG_RUNNING
        )
        problems.extend(
            f"Every thread of the {name} pool is held by code that does not return; more waits."
            for name in self._engine.runtime.full_pools()
        )
        if not self.settings.report_only and "on_event" not in self._handlers:
            problems.append(NOBODY_DECIDES)
        problems.extend(self._handlers.problems())
        if status.queues["unsaved"]:
            problems.append(
                f"{status.queues['unsaved']} changes could not be written to the store "
                f"{self._engine.store.name}."
            )
        if status.counters.get("samples_dropped"):
            problems.append(
                f"{status.counters['samples_dropped']} samples were dropped undelivered."
            )
        problems.extend(self._engine.snapshot("failing"))
        problems.extend(self._profile.problems(self._engine.book))
        problems.extend(self._ending_certificates())
        problems.extend(
            service.describe(name)
            for name, service in status.services.items()
            if service.state != "ok"
        )
        if abs(status.clock_offset) > self.settings.replay_window:
            problems.append(f"The clocks of VEN and VTN are {status.clock_offset} apart.")
        facts = {
            "state": status.state,
            "last_poll": status.last_poll,
            "queues": status.queues,
            "counters": status.counters,
            "clock_offset": status.clock_offset,
        }
        return Health(ok=not problems, problems=tuple(problems), facts=facts)

    def _ending_certificates(self) -> list[str]:
        """A sentence for each certificate that ends within 30 days."""
        now = self._engine.clock.now()
        ends = self._profile.identity.certificates()
        return [end.describe(now) for end in ends if end.ends - now <= ENDS_SOON]


def _hours(hours: Union[float, timedelta, str]) -> float:
    """Hours of a number of hours, a timedelta or a text such as ``'24 h'``, at least 0.
    ``ConfigurationError`` for anything else.
    """
    found: Any = scalar(hours)
    if isinstance(found, (timedelta, str)):
        with contextlib.suppress(ConfigurationError):
            return duration("hours", found) / timedelta(hours=1)
    elif is_number(found) and 0 <= float(found) <= LONGEST / timedelta(hours=1):
        return float(found)
    raise ConfigurationError(
        f"schedule() takes a number of hours or a timedelta, not {hours!r}. A text such as '24 h' "
        "is taken as well."
    )
