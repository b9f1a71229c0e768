"""What rows on reports share: requests, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Optional

from ...oadr20b.schema.reports import (
    Report,
    ReportPeriod,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdateReport,
)
from ...schema.points import SUMMED, ReportDescription, ReportPayload
from ...testing import Received
from .rows import demand, not_shown, skip
from .trial import Trial

ZERO = timedelta(0)


def offers(trial: Trial) -> tuple[Report, ...]:
    """The catalogue that the VEN sent."""
    trial.expect("oadrRegisterReport")
    return trial.vtn.ven().offers


class Offer(NamedTuple):
    """Data points that are offered together, of one kind."""

    report_specifier_id: str
    points: tuple[ReportDescription, ...]
    duration: timedelta = ZERO

    @property
    def step(self) -> float:
        """The fastest sampling of all, in seconds."""
        rates = [point.sampling_rate for point in self.points if point.sampling_rate is not None]
        return max((rate.min_period.total_seconds() for rate in rates), default=10.0)

    @property
    def slowest(self) -> float:
        """The slowest sampling of all, in seconds."""
        rates = [point.sampling_rate for point in self.points if point.sampling_rate is not None]
        return min((rate.max_period.total_seconds() for rate in rates), default=10.0)


METADATA = Offer("METADATA", ())
"""The catalogue itself."""


def offers_of(trial: Trial) -> list[Offer]:
    """Everything on offer."""
    return [
        Offer(
            str(report.report_specifier_id),
            tuple(report.report_descriptions),
            report.duration or ZERO,
        )
        for report in offers(trial)
    ]


def is_sum(point: ReportDescription) -> bool:
    """Whether its values are about a span."""
    return point.measurement is not None and point.measurement.name in SUMMED


def offer_of(trial: Trial, name: str, *, sums: Optional[bool] = None) -> Offer:
    """What is offered as telemetry (``USAGE``, ``STATUS``) or as ``HISTORY``; ``sums``: only points
    that are sums, or only those that are not. Raises ``Skip`` where there is none.
    """
    for report, offer in zip(offers(trial), offers_of(trial)):
        full = str(report.report_name).removeprefix("x-").removeprefix("METADATA_")
        fits = full.startswith("HISTORY") if name == "HISTORY" else full == f"TELEMETRY_{name}"
        points = tuple(point for point in offer.points if sums in (None, is_sum(point)))
        if fits and points:
            return offer._replace(points=points)
    what = "history" if name == "HISTORY" else f"TELEMETRY_{name}"
    kind = "" if sums is None else " of sums" if sums else " of instants"
    skip(f"the VEN offers no {what}{kind}")


def request(
    trial: Trial,
    offer: Offer,
    *,
    granularity: float = 0,
    back: float = 0,
    interval: Optional[tuple[float, float]] = None,
    r_ids: Optional[Sequence[str]] = None,
) -> ReportRequest:
    """A request for all points, as the letter has it. ``interval``: its start in seconds from now,
    and its length in seconds. ``granularity`` and ``back`` are seconds.
    """
    wanted = r_ids or [point.r_id for point in offer.points]
    trial.asked += 1
    period = None
    if interval is not None:
        start = (trial.now() + timedelta(seconds=interval[0])).replace(microsecond=0)
        period = ReportPeriod(dtstart=start, duration=timedelta(seconds=interval[1]))
    return ReportRequest(
        report_request_id=f"request-{trial.row.number}-{trial.asked}",
        report_specifier=ReportSpecifier(
            report_specifier_id=offer.report_specifier_id,
            granularity=timedelta(seconds=granularity),
            report_back_duration=timedelta(seconds=back),
            report_interval=period,
            specifier_payloads=[SpecifierPayload(r_id=r_id) for r_id in wanted],
        ),
    )


def ask(trial: Trial, *requests: ReportRequest) -> str:
    """Ask, and see that the VEN agrees; the ID of the first. Raises ``NotShown``."""
    code = code_for(trial, *requests)
    if not code.startswith("2"):
        not_shown(f"a request of {requests[0].report_specifier.report_specifier_id!r} got {code}")
    return str(requests[0].report_request_id)


def code_for(trial: Trial, *requests: ReportRequest) -> str:
    """The code that the VEN answers the requests with."""
    after = trial.mark()
    trial.vtn.send_request(*requests)
    answer: Any = trial.expect("oadrCreatedReport", after=after).record
    return str(answer.response.response_code)


def pending_requests(trial: Trial) -> tuple[str, ...]:
    """The requests that the VEN last said it runs."""
    return trial.vtn.ven().pending


def updates(trial: Trial, request_id: str, *, after: int = 0) -> list[tuple[Received, Report]]:
    """The reports for a request so far, with their messages."""
    return [
        (message, report)
        for message in trial.all_of("oadrUpdateReport", after=after)
        if isinstance(message.record, UpdateReport)
        for report in message.record.reports
        if report.report_request_id == request_id
    ]


def await_reports(
    trial: Trial, request_id: str, count: int = 1, seconds: float = 60
) -> list[Report]:
    """At least so many reports for a request, which have come or come in time. Raises
    ``NotShown``. ``seconds``: how long is waited.
    """
    trial.pass_until(lambda: len(updates(trial, request_id)) >= count, seconds)
    found = [report for _, report in updates(trial, request_id)]
    demand(
        len(found) >= count,
        f"{len(found)} reports for {request_id!r} came in {seconds:g} s, expected were {count}",
    )
    return found


def good_values(reports: Sequence[Report]) -> list[ReportPayload]:
    """The values that are no placeholders."""
    return [
        payload
        for report in reports
        for interval in report.intervals
        for payload in interval.report_payloads
        if not (payload.data_quality or "").startswith("Quality Bad")
    ]
