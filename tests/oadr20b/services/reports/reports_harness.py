"""A VEN with reports and a VTN that keeps a record: pure, on a clock moved by hand. Built on the
services' harness.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Optional

from tests.oadr20b.services.harness import MINUTE, NOON, SECOND, Harness
from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.oadr20b.schema.reports import (
    CancelReport,
    CreateReport,
    RegisteredReport,
    ReportPeriod,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdatedReport,
    UpdateReport,
)
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.oadr20b.services import reports
from ven_sdk.points.catalogue import Catalogue
from ven_sdk.points.pushed_values import enter_value, read_value

SPEC = "spec"
ZERO = timedelta(0)


def push_value(book: Any, name: str, given: Any, at: Optional[datetime], now: datetime) -> Any:
    """What ``client.report_value`` does: the value is read, then entered."""
    return enter_value(book, read_value(book.catalogue, name, given, at, now))


def ok(request_id: str = "", code: str = "200") -> EiResponse:
    return EiResponse(response_code=code, request_id=request_id)


def ask(
    id: str = "rq",
    *r_ids: str,
    every: timedelta = MINUTE,
    back: timedelta = 5 * MINUTE,
    start: Optional[datetime] = None,
    length: timedelta = ZERO,
    specifier: str = SPEC,
    reading_type: str = "Direct Read",
) -> ReportRequest:
    """A request for the data points ``r_ids`` (``p``): endless, minute values every five minutes,
    from now.
    """
    period = None if start is None else ReportPeriod(dtstart=start, duration=length)
    return ReportRequest(
        report_request_id=id,
        report_specifier=ReportSpecifier(
            report_specifier_id=specifier,
            granularity=every,
            report_back_duration=back,
            report_interval=period,
            specifier_payloads=[
                SpecifierPayload(r_id=r_id, reading_type=reading_type) for r_id in r_ids or ("p",)
            ],
        ),
    )


METADATA = ask(
    "rq-meta",
    "METADATA",
    every=ZERO,
    back=ZERO,
    specifier="METADATA",
    reading_type="x-notApplicable",
)


class Meter:
    """A callback that counts: value n at its nth call; ``plan`` gives what to do instead (an
    exception is raised).
    """

    def __init__(self, vtn: "ReportHarness", plan: Optional[dict[int, Any]] = None) -> None:
        self.vtn, self.plan, self.given = vtn, plan or {}, []  # type: ignore[var-annotated]
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        result = self.plan.get(self.calls, self.calls)
        if isinstance(result, Exception):
            raise result
        self.given.append((self.vtn.now, result))
        return result


class ReportHarness(Harness):
    """``points`` are added as ``add_report`` would: name -> callback, or (callback, more
    arguments).
    """

    def __init__(self, now: datetime = NOON, **overrides: Any) -> None:
        overrides.setdefault("allow_jitter", False)
        super().__init__(now=now, catalogue=Catalogue(), resumes=(reports.resume,), **overrides)
        self.online = True
        self.record: list[tuple[str, str, datetime, Any, Optional[str]]] = []
        self.messages: list[UpdateReport] = []
        self.by_request_id: dict[str, UpdateReport] = {}

    def point(
        self, r_id: str = "p", callback: Any = None, *, specifier: str = SPEC, **more: Any
    ) -> Any:
        """Offer a data point; without a callback a counting one. ``callback=False`` makes one that
        is pushed.
        """
        made: Any = Meter(self) if callback is None else callback or None
        more.setdefault("measurement", "voltage")
        more.setdefault("resource_id", f"device-{r_id}")
        more.setdefault("sampling_rate", {"min_period": SECOND, "max_period": timedelta(hours=1)})
        self.catalogue.add(made, report_specifier_id=specifier, r_id=r_id, **more)
        return made

    # --- the VTN ----------------------------------------------------------------------------------

    def create(self, *requests: ReportRequest, request_id: str = "cr-1") -> Any:
        """``oadrCreateReport``; returns the answer that is owed, and delivers it."""
        message = CreateReport(request_id=request_id, report_requests=requests)
        self.run(lambda book, now: reports.take_request(book, message, now))
        return self.answered()

    def cancel(self, *ids: str, follow: bool = False, request_id: str = "xr-1") -> Any:
        """``oadrCancelReport``; returns the answer."""
        message = CancelReport(
            request_id=request_id, report_request_ids=ids, report_to_follow=follow
        )
        self.run(lambda book, now: reports.cancel(book, message, now))
        return self.answered()

    def answered(self) -> Any:
        """Deliver all answers that are owed; returns the last."""
        record = None
        for key, answer in list(self.book.answers.items()):
            record = PAYLOADS[answer.payload].from_dict(answer.record)
            self.book.tables["answers"].pop(key)
        return record

    def registered(self, *requests: ReportRequest, request_id: str = "rr-1") -> Any:
        """The VTN accepted the catalogue, and may ask for reports in the same breath."""
        reply = RegisteredReport(response=ok(request_id), report_requests=requests)
        self.run(lambda book, now: reports.take_registered(book, reply, now))
        return self.answered()

    def task(self) -> Any:
        """What would be sent now."""
        return reports.delivery_task(self.book, self.now)

    def deliver(self, cancel: Optional[CancelReport] = None) -> list[UpdateReport]:
        """The VTN is reachable: it takes and acknowledges all that is due."""
        taken = []
        while True:
            self.run_due()
            task = self.task()
            if task is None:
                return taken
            self.take(task.record)
            taken.append(task.record)
            reply = UpdatedReport(response=ok(task.record.request_id), cancel_report=cancel)
            cancel = None
            self.run(task.accept(reply))

    def take(self, message: UpdateReport) -> None:
        """Into the VTN's record, unless it is the same message again."""
        if message == self.by_request_id.get(message.request_id):
            return
        self.by_request_id[message.request_id] = message
        self.messages.append(message)
        for report in message.reports:
            for interval in report.intervals:
                for one in interval.report_payloads:
                    value = one.resource_status if one.value is None else one.value
                    self.record.append(
                        (
                            report.report_request_id,
                            one.r_id,
                            interval.dtstart,
                            value,
                            one.data_quality,
                        )
                    )

    def refuse(self, code: str) -> Any:
        """The VTN refuses what is due with ``code``."""
        task = self.task()
        return self.post(task, error=code)

    def run_due(self) -> None:
        self.jump(ZERO)

    def go(self, span: timedelta, step: timedelta = MINUTE) -> None:
        """Time passes, and the VTN takes what is due at every step while it is ``online``."""
        end = self.now + span
        while self.now < end:
            self.advance(min(step, end - self.now))
            if self.online:
                self.deliver()

    # --- what came of it --------------------------------------------------------------------------

    def values(self, request: str = "rq", r_id: str = "p") -> list[tuple[str, Any]]:
        """(time, value) in the order of arrival, without marked gaps."""
        return [
            (f"{at:%H:%M:%S}", value)
            for id, point, at, value, quality in self.record
            if (id, point) == (request, r_id) and quality is None
        ]

    def qualities(
        self, request: str = "rq", r_id: str = "p"
    ) -> list[tuple[str, Any, Optional[str]]]:
        """(time, value, data quality) in the order of arrival."""
        return [
            (f"{at:%H:%M:%S}", value, quality)
            for id, point, at, value, quality in self.record
            if (id, point) == (request, r_id)
        ]

    def doubles(self) -> list[Any]:
        """What was measured and arrived more than once for a request, data point and time."""
        seen = Counter((id, point, at) for id, point, at, _, quality in self.record if not quality)
        return [key for key, number in seen.items() if number > 1]
