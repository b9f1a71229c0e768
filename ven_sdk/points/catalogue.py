"""The catalogue: which data points this VEN offers (T3 to T7). Users add to it from any thread;
services read it.

Copy on write: ``add`` replaces the mapping, so that a reader keeps the one it has. Each change
gives a new digest, which is what tells the VTN's catalogue from ours, also after a restart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Optional

from ..addresses import uri
from ..arguments import check_sendable, duration, flag, optional_text, quantity, text
from ..errors import ConfigurationError
from ..schema.common import Target
from ..schema.points import DataPoint, Key, OfferedReport
from ..schema.units import PowerAttributes
from . import data_points as points
from .callbacks import Callback, check_callback, lane_of

__all__ = ["Catalogue", "DataPoint", "lane_of"]

MODES = ("incremental", "full")
GAPS = ("mark", "omit")
CATALOGUE = "METADATA"
"""The report_specifier_id by which a VTN asks for the catalogue itself (T8)."""


class Catalogue:
    """The data points by (report_specifier_id, r_id), in the order in which they were added.

    ``now`` gives the moment of a change, for the catalogue's createdDateTime.
    """

    def __init__(self, now: Optional[Callable[[], datetime]] = None) -> None:
        self._now = now
        self._all: dict[Key, DataPoint] = {}
        self._by_key: Mapping[Key, DataPoint] = MappingProxyType({})
        self._summed: tuple[Mapping[Key, DataPoint], tuple[DataPoint, ...]] = (self._by_key, ())
        self._cached: tuple[Mapping[Key, DataPoint], str] = ({}, "")
        self.changed: Optional[datetime] = None

    @property
    def by_key(self) -> Mapping[Key, DataPoint]:
        """The data points by (report_specifier_id, r_id)."""
        return self._by_key

    @property
    def summed_points(self) -> tuple[DataPoint, ...]:
        """The data points that are sampled all the time (T42)."""
        known, (of, points) = self._by_key, self._summed
        if of is not known:
            points = tuple(
                point for point in known.values() if point.is_summed and point.is_sampled
            )
            self._summed = (known, points)
        return points

    @property
    def points(self) -> Mapping[str, DataPoint]:
        """The data points by rID; where two reports share one, the one that was added first."""
        return MappingProxyType(
            {point.r_id: point for point in reversed(tuple(self._by_key.values()))}
        )

    def add(
        self,
        callback: object = None,
        resource_id: Optional[str] = None,
        measurement: object = None,
        data_collection_mode: str = "incremental",
        report_specifier_id: Optional[str] = None,
        r_id: Optional[str] = None,
        report_name: str = "TELEMETRY_USAGE",
        reading_type: str = "Direct Read",
        report_type: str = "reading",
        report_duration: object = None,
        report_dtstart: object = None,
        sampling_rate: object = None,
        data_source: object = None,
        scale: object = "none",
        unit: Optional[str] = None,
        power_ac: bool = True,
        power_hertz: object = 50,
        power_voltage: object = 230,
        market_context: Optional[str] = None,
        end_device_asset_mrid: Optional[str] = None,
        report_data_source: object = None,
        gaps: str = "mark",
        interval_duration: Optional[bool] = None,
    ) -> Key:
        """Offer a data point; returns (report_specifier_id, r_id). The arguments are those of
        ``client.add_report``.

        Raises ConfigurationError for an argument that cannot be sent, and for a data point that
        there is already.
        """
        name = points.report_name(report_name)
        mode, reader = _mode_and_callback(name, data_collection_mode, callback)
        kind, reading = points.kinds_of(name, report_type, reading_type)
        power = PowerAttributes(
            hertz=quantity("power_hertz", power_hertz),
            voltage=quantity("power_voltage", power_voltage),
            ac=flag("power_ac", power_ac),
        )
        measured = points.measurement(
            name, measurement, unit=optional_text("unit", unit), scale=scale, power=power
        )
        rate = points.sampling_rate(sampling_rate)
        resource_id = optional_text("resource_id", resource_id)
        given = data_source if report_data_source is None else report_data_source
        named, sources = _sources(resource_id, given)
        point = DataPoint(
            report_specifier_id=_specifier(report_specifier_id, name),
            r_id=text("r_id", r_id)
            if r_id is not None
            else points.derived_r_id(named, measured, kind, reading),
            report_name=name,
            data_collection_mode=mode,
            callback=reader,
            lane=None if reader is None else lane_of(reader),
            measurement=measured,
            report_type=kind,
            reading_type=reading,
            sampling_rate=rate,
            report_duration=_declared_duration(report_duration),
            report_dtstart=points.moment("report_dtstart", report_dtstart),
            market_context=None
            if market_context is None
            else uri("market_context", market_context),
            report_data_source=sources,
            report_subject=points.subject_of(end_device_asset_mrid),
            resource_id=resource_id,
            gaps=points.one_of("gaps", gaps, GAPS, extensible=False),
            interval_duration=points.flag_or_none("interval_duration", interval_duration),
        )
        _check_texts(point)
        self._put(point)
        return point.key

    def _put(self, point: DataPoint) -> None:
        """Each step is atomic by itself: of two threads one enters a key, and the last to publish
        has them all.
        """
        self._check_kind(point)
        if self._all.setdefault(point.key, point) is not point:
            raise ConfigurationError(
                f"There is a data point {point.r_id!r} in report {point.report_specifier_id!r} "
                f"already. Give another r_id (or resource_id), or another report_specifier_id."
            )
        self.changed = self._now() if self._now is not None else None
        while len(self._by_key) < len(self._all):
            self._by_key = MappingProxyType(self._all.copy())

    def _check_kind(self, point: DataPoint) -> None:
        """T7: the data points of a report share its name."""
        for other in self._by_key.values():
            if (
                other.report_specifier_id == point.report_specifier_id
                and other.report_name != point.report_name
            ):
                raise ConfigurationError(
                    f"Report {point.report_specifier_id!r} is a {other.report_name}, so "
                    f"{point.r_id!r} cannot be offered in it as {point.report_name}. Give another "
                    "report_specifier_id, or leave it out."
                )

    def reports(self) -> tuple[OfferedReport, ...]:
        """The data points by report, in the order in which the reports were first added."""
        grouped: dict[str, list[DataPoint]] = {}
        for point in self._by_key.values():
            grouped.setdefault(point.report_specifier_id, []).append(point)
        return tuple(OfferedReport(tuple(members)) for members in grouped.values())

    def digest(self) -> str:
        """A text that is the same for the same catalogue, whenever and in whatever order it was put
        together.
        """
        known, (of, digest) = self._by_key, self._cached
        if of is known:
            return digest
        lines = sorted(
            json.dumps([report.specifier, report.name, str(report.duration), description])
            for report in self.reports()
            for description in (
                point.description().to_json(sort_keys=True) for point in report.points
            )
        )
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]
        self._cached = (known, digest)
        return digest


def _check_texts(point: DataPoint) -> None:
    """Refuse what XML cannot carry, wherever it stands; names that were derived included."""
    for name in ("report_name", "measurement", "report_type", "reading_type"):
        check_sendable(name, getattr(point, name))
    check_sendable("report_data_source", point.report_data_source)
    check_sendable("end_device_asset_mrid", point.report_subject)
    text("r_id", point.r_id)


def _specifier(given: Optional[str], report_name: str) -> str:
    """The report_specifier_id, or the name of the report."""
    if given is None:
        return report_name
    if text("report_specifier_id", given) == CATALOGUE:
        raise ConfigurationError(
            f"report_specifier_id {CATALOGUE!r} means the catalogue itself, so that no VTN could "
            "ask for the report. Give another."
        )
    return text("report_specifier_id", given)


def _sources(resource_id: Optional[str], given: object) -> tuple[Optional[str], tuple[Target, ...]]:
    """What rIDs are made of, and where the values come from: the resource first."""
    sources = points.targets("report_data_source", given)
    if resource_id is None:
        return points.first_id(sources), sources
    others = (one for one in sources if one.resource_id != resource_id)
    return resource_id, (Target(resource_id=resource_id), *others)


def _declared_duration(given: object) -> timedelta:
    if given is None:
        return points.DEFAULT_DURATION
    return duration("report_duration", given, 1.0)


def _mode_and_callback(name: str, mode: object, callback: object) -> tuple[str, Optional[Callback]]:
    """The collection mode, and the callback checked against it; history is always asked for a
    span.
    """
    chosen = (
        "full"
        if name.startswith("HISTORY_")
        else points.one_of("data_collection_mode", mode, MODES, extensible=False)
    )
    if callback is not None:
        return chosen, check_callback(callback, chosen == "full")
    if chosen == "full":
        raise ConfigurationError(
            f"report_name={name!r} with data_collection_mode={chosen!r} needs a "
            f"callback(date_from=, "
            "date_to=, sampling_interval=); only incremental data points can be pushed."
        )
    return chosen, None
