"""What a user asks of a VEN about reports: data points that are offered, values that are pushed,
and reports that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Callable, Optional, Union

from ..argument_names import named_arguments
from ..arguments import Duration, duration, moment, name_list, optional_text, text
from ..display.tables import Rows
from ..points.pushed_values import enter_value, read_value
from ..profile import UndeliveredSample
from .base import VenBase

if TYPE_CHECKING:
    from ..profiles import Report
    from ..schema.units import Measurement


class ReportCalls(VenBase):
    """The reports of a VEN, and those that it asks for."""

    @named_arguments
    def add_report(
        self,
        callback: Optional[Callable[..., object]] = None,
        resource_id: Optional[str] = None,
        measurement: Union[str, Measurement, Mapping[str, object], None] = None,
        data_collection_mode: str = "incremental",
        report_specifier_id: Optional[str] = None,
        r_id: Optional[str] = None,
        report_name: str = "TELEMETRY_USAGE",
        reading_type: str = "Direct Read",
        report_type: str = "reading",
        report_duration: Optional[Duration] = None,
        report_dtstart: Optional[datetime] = None,
        sampling_rate: object = None,
        data_source: object = None,
        scale: str = "none",
        unit: Optional[str] = None,
        power_ac: bool = True,
        power_hertz: float = 50,
        power_voltage: float = 230,
        market_context: Optional[str] = None,
        end_device_asset_mrid: Optional[str] = None,
        report_data_source: object = None,
        gaps: str = "mark",
        interval_duration: Optional[bool] = None,
    ) -> tuple[str, str]:
        """Offer a data point to the VTN; returns ``(report_specifier_id, r_id)``. While the client
        runs, the new catalogue is sent to the VTN.

        Arguments:
            callback (None): gives the value when one is needed, on a thread where it may block:
                ``callback()``, or ``callback(date_from=, date_to=, sampling_interval=)`` in mode
                ``'full'`` (``sampling_interval`` is the spacing that the VTN wants, or the finest
                on offer where it names none). None: you push values with ``report_value``.
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
            StateError: in the child of a fork, or of a VEN that was removed from its fleet.
        """
        self._check_usable("add_report()")
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
            self._engine.conversation.lanes.wake()
        return found

    def report_value(self, r_id: str, value: object, at: Optional[datetime] = None) -> None:
        """Push a sample.

        Arguments:
            r_id: the data point; a ``resource_id`` serves where it has only one.
            value: one value, of the kinds that the report's callback may return.
            at (None): when it was measured, a datetime (naive: UTC); None is now.

        Raises:
            ConfigurationError: no such data point, or no usable value.
            StateError: in the child of a fork, or of a VEN that was removed from its fleet.
        """
        self._check_usable("report_value()")
        found = read_value(self._catalogue, text("r_id", r_id), value, at, self._engine.now())
        self._engine.push(lambda book, now: enter_value(book, found))

    @property
    def reports(self) -> tuple[Report, ...]:
        """The catalogue, as it is offered to the VTN."""
        return Rows(self._engine.look(lambda: self._profile.offered_reports(self._engine.book)))

    @named_arguments
    def request_report(
        self,
        report_specifier_id: str,
        r_ids: Union[str, Iterable[str], None] = None,
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
            StateError: the client does not run, or is not registered.
        """
        self._require_running("request_report()")
        request = self._profile.request_report(
            report_specifier_id=text("report_specifier_id", report_specifier_id),
            r_ids=None if r_ids is None else name_list("r_ids", r_ids),
            granularity=duration("granularity", granularity),
            report_back_duration=duration("report_back_duration", report_back_duration),
            dtstart=None if dtstart is None else moment("dtstart", dtstart),
            report_duration=None
            if report_duration is None
            else duration("report_duration", report_duration),
            report_request_id=optional_text("report_request_id", report_request_id),
        )
        self._wait_for_answer("request_report()", request, timeout)
        self._check_registration("request_report()")
        return request.result

    def _undelivered_samples(self) -> Sequence[UndeliveredSample]:
        return self._engine.look(lambda: self._profile.undelivered_samples(self._engine.book))
