"""What the VTN wants of reports, and what it got: wishes, requests, samples, and the search for
doubles.

Guarded by the VTN's lock; knows nothing of messages in flight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Callable, NamedTuple, Optional, Union

from ... import argument_names
from ...arguments import text
from ...errors import ConfigurationError
from ...oadr20b.schema.reports import (
    Report,
    ReportPeriod,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdateReport,
)
from ...schema.points import ReportDescription
from .builders import ZERO, Duration, Moment, moment, span

METADATA = "METADATA"
_DEFAULT_SPACING = timedelta(seconds=10)


@argument_names.checked_names
@dataclass(frozen=True)
class ReportWish:
    """What to ask for when a VEN offers reports. What is None is taken from the offer.

    Arguments:
        granularity (None): spacing of samples, a duration; None: the offered minimum.
        report_back_duration (None): spacing of deliveries, a duration; None: the granularity.
        report_interval (None): ``(dtstart, duration)``, a duration of 0 for no end.
        r_ids (None): which data points; None: all.
        report_specifier_id (None): only the report of this ID.
        report_name (None): only reports of this name (without ``METADATA_``).
        by_poll (False): ask by oadrCreateReport at the next poll, not in oadrRegisteredReport.
    """

    granularity: Optional[Duration] = None
    report_back_duration: Optional[Duration] = None
    report_interval: Optional[tuple[Moment, Duration]] = None
    r_ids: Optional[Sequence[str]] = None
    report_specifier_id: Optional[str] = None
    report_name: Optional[str] = None
    by_poll: bool = False

    def __post_init__(self) -> None:
        for name in ("granularity", "report_back_duration"):
            given = getattr(self, name)
            if given is not None:
                span(given, name)
        if isinstance(self.r_ids, str):
            raise ConfigurationError(f"r_ids are a list of IDs. Write [{self.r_ids!r}].")
        for r_id in self.r_ids or ():
            text("one of r_ids", r_id)
        pair = self.report_interval
        if pair is not None and not (isinstance(pair, tuple) and len(pair) == 2):
            raise ConfigurationError(f"report_interval is (dtstart, duration), not {pair!r}.")


Wishes = Union[bool, ReportWish, Sequence[ReportWish]]


class ReportSample(NamedTuple):
    """One value that a VEN delivered.

    Attributes:
        at: when it was measured; None where neither value nor report says so.
        value: a number, a ResourceStatus or the text of a Green Button feed.
        r_id: the data point.
        report_specifier_id: the report.
        report_request_id: the request that it answers.
        ven_id: the VEN.
        data_quality: one of ``enums.DATA_QUALITY``, or None.
        confidence: percent, or None.
        accuracy: in the unit of the value, or None.
        duration: of the interval, or None.
        message: number of the message that it came in (:attr:`Received.number`).
    """

    at: Optional[datetime]
    value: Any
    r_id: str
    report_specifier_id: str
    report_request_id: str
    ven_id: str
    data_quality: Optional[str]
    confidence: Optional[int]
    accuracy: Optional[float]
    duration: Optional[timedelta]
    message: int


class Double(NamedTuple):
    """A data point and time that came twice for one request, in different messages or with
    different values: the ``first`` and the ``second`` sample.
    """

    first: ReportSample
    second: ReportSample


@dataclass
class AskedReport:
    """A request and what came of it. ``state``: ``'asked'``, ``'running'``, ``'refused'``,
    ``'cancelling'``, ``'over'``.
    """

    request: ReportRequest
    ven_id: str
    state: str = "asked"
    code: str = ""
    message: str = ""


class SampleTable:
    """The samples, the last ``keep`` of them, and the doubles among them."""

    def __init__(self, keep: int) -> None:
        self.samples: deque[ReportSample] = deque()
        self.doubles: list[Double] = []
        self.repeats: int = 0
        self._keep = keep
        self._known: dict[tuple[str, str, str, Optional[datetime]], ReportSample] = {}
        self._messages: dict[tuple[str, str], int] = {}

    def note(self, update: UpdateReport, ven_id: str, number: int) -> list[ReportSample]:
        """Keep the samples of a message. One repeated for want of an acknowledgement counts
        once.
        """
        key, digest = (ven_id, update.request_id), hash(update.reports)
        if self._messages.get(key) == digest:
            self.repeats += 1
            return []
        self._messages[key] = digest
        new = [sample for report in update.reports for sample in samples_of(report, ven_id, number)]
        for sample in new:
            self._add(sample)
        return new

    def _add(self, sample: ReportSample) -> None:
        key = (sample.ven_id, sample.report_request_id, sample.r_id, sample.at)
        before = self._known.get(key)
        if before is not None and not stands_in(before):
            self.doubles.append(Double(self._known[key], sample))
        self._known[key] = sample
        self.samples.append(sample)
        if len(self.samples) > self._keep:
            old = self.samples.popleft()
            self._known.pop((old.ven_id, old.report_request_id, old.r_id, old.at), None)
            if len(self._messages) > self._keep:
                self._messages.pop(next(iter(self._messages)))


def stands_in(sample: ReportSample) -> bool:
    """Whether it stands in for a value that is missing (T19), which may come later (T26)."""
    quality = sample.data_quality or ""
    return quality.startswith("Quality Bad") or quality == "No New Value - Previous Value Used"


def samples_of(report: Report, ven_id: str, number: int) -> Iterable[ReportSample]:
    """The values of a data report."""
    names = (report.report_specifier_id, report.report_request_id, ven_id)
    for interval in report.intervals:
        for payload in interval.report_payloads:
            value = payload.value if payload.value is not None else payload.resource_status
            yield ReportSample(
                interval.dtstart,
                value,
                payload.r_id,
                *names,
                payload.data_quality,
                payload.confidence,
                payload.accuracy,
                interval.duration,
                number,
            )
        if interval.feed:
            yield ReportSample(
                interval.dtstart,
                interval.feed,
                "",
                *names,
                None,
                None,
                None,
                interval.duration,
                number,
            )


def requests_for(
    offers: Sequence[Report], wishes: Wishes, now: datetime, new_id: Callable[[], str]
) -> list[tuple[ReportRequest, bool]]:
    """The requests that wishes make of a catalogue, and for each whether it is to go by poll."""
    wanted = [] if wishes is False else [ReportWish()] if wishes is True else wishes
    listed = [wanted] if isinstance(wanted, ReportWish) else list(wanted)
    made = []
    for offer in offers:
        for wish in listed:
            points = [
                point
                for point in offer.report_descriptions
                if wish.r_ids is None or point.r_id in wish.r_ids
            ]
            if points and _fits(wish, offer):
                made.append((_request(wish, offer, points, now, new_id()), wish.by_poll))
    return made


def _fits(wish: ReportWish, offer: Report) -> bool:
    name = (offer.report_name or "").replace("METADATA_", "", 1)
    return wish.report_specifier_id in (None, offer.report_specifier_id) and (
        wish.report_name is None or wish.report_name.replace("METADATA_", "", 1) == name
    )


def _request(
    wish: ReportWish,
    offer: Report,
    points: Sequence[ReportDescription],
    now: datetime,
    request_id: str,
) -> ReportRequest:
    fastest = [
        point.sampling_rate.min_period for point in points if point.sampling_rate is not None
    ]
    spacing = (
        span(wish.granularity)
        if wish.granularity is not None
        else max(fastest, default=_DEFAULT_SPACING)
    )
    back = spacing if wish.report_back_duration is None else span(wish.report_back_duration)
    return ReportRequest(
        report_request_id=request_id,
        report_specifier=ReportSpecifier(
            report_specifier_id=offer.report_specifier_id,
            granularity=spacing,
            report_back_duration=back,
            report_interval=period_of(wish.report_interval, now),
            specifier_payloads=tuple(SpecifierPayload(r_id=point.r_id) for point in points),
        ),
    )


def period_of(
    interval: Union[ReportPeriod, tuple[Moment, Duration], None], now: datetime
) -> Optional[ReportPeriod]:
    """A reportInterval of ``(dtstart, duration)``."""
    if interval is None or isinstance(interval, ReportPeriod):
        return interval
    start, length = interval
    return ReportPeriod(dtstart=moment(start, now), duration=span(length))


def metadata_request(request_id: str) -> ReportRequest:
    """A request for the catalogue (rule T8)."""
    return ReportRequest(
        report_request_id=request_id,
        report_specifier=ReportSpecifier(
            report_specifier_id=METADATA,
            granularity=ZERO,
            report_back_duration=ZERO,
            specifier_payloads=(SpecifierPayload(r_id="0"),),
        ),
    )


def offer_with(
    offers: Sequence[Report], report_specifier_id: Optional[str], r_ids: Optional[Sequence[str]]
) -> Report:
    """The offered report that is meant; ConfigurationError lists what there is."""
    for offer in offers:
        points = {point.r_id for point in offer.report_descriptions}
        if report_specifier_id in (None, offer.report_specifier_id) and (
            r_ids is None or points >= set(r_ids)
        ):
            return offer
    there = {
        offer.report_specifier_id: [point.r_id for point in offer.report_descriptions]
        for offer in offers
    }
    raise ConfigurationError(
        f"No report on offer has reportSpecifierID {report_specifier_id!r} and rIDs "
        f"{r_ids and list(r_ids)!r}; there are {there or 'none'}."
    )
