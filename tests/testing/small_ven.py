"""A VEN of a few lines over requests and our codec: every answer of the VTN is held against the
official XSD.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

import requests
from lxml import etree

from ven_sdk.oadr20b.codec import envelope, reader
from ven_sdk.objects import (
    CanceledReport,
    CreatedEvent,
    CreatedReport,
    CreatePartyRegistration,
    EiResponse,
    EventResponse,
    Measurement,
    Poll,
    RegisterReport,
    Report,
    ReportDescription,
    ReportInterval,
    ReportPayload,
    RequestEvent,
    SamplingRate,
    UpdateReport,
)
from ven_sdk.testing import LocalVTN

XML = {"Content-Type": "application/xml"}
START = datetime(2030, 1, 1, tzinfo=timezone.utc)
OK = EiResponse(response_code="200", request_id="")


class SmallVen:
    """``post`` gives the record of the answer. ``sign``: a Signer for what it sends."""

    def __init__(
        self,
        vtn: LocalVTN,
        xsd: etree.XMLSchema,
        *,
        ven_name: str = "small",
        sign: Any = None,
        timeout: float = 5,
    ) -> None:
        self.vtn, self.xsd, self.ven_name, self.sign, self.timeout = (
            vtn,
            xsd,
            ven_name,
            sign,
            timeout,
        )
        self.ven_id, self.registration_id = "", ""
        self.session = requests.Session()
        self.session.trust_env = False

    def __enter__(self) -> "SmallVen":
        return self

    def __exit__(self, *_: Any) -> None:
        self.session.close()

    def send(self, record: Any, service: Optional[str] = None, **options: Any) -> requests.Response:
        root = envelope.wrap(record)
        body = self.sign.sign(root) if self.sign else envelope.to_bytes(root)
        return self.raw(body, service or record.service, **options)

    def raw(self, body: bytes, service: str, headers: Any = XML) -> requests.Response:
        return self.session.post(
            f"{self.vtn.url}/{service}", body, headers=headers, timeout=self.timeout
        )

    def post(self, record: Any, service: Optional[str] = None) -> Any:
        answer = self.send(record, service)
        assert answer.status_code == 200, answer.status_code
        return self.read(answer.content)

    def read(self, body: bytes) -> Any:
        root = etree.fromstring(body)
        self.xsd.assertValid(root)
        return reader.read(envelope.payload_of(root, strict=True), strict=True).record

    # --- the usual messages -----------------------------------------------------------------------

    def register(self, **fields: Any) -> Any:
        given = {"request_id": "register", "ven_name": self.ven_name, **fields}
        answer = self.post(CreatePartyRegistration(**given))
        self.ven_id, self.registration_id = answer.ven_id or "", answer.registration_id or ""
        return answer

    def poll(self) -> Any:
        return self.post(Poll(ven_id=self.ven_id))

    def request_events(self, limit: Optional[int] = None) -> Any:
        return self.post(RequestEvent(request_id="events", ven_id=self.ven_id, reply_limit=limit))

    def answer(
        self, event_id: str, opt_type: str = "optIn", number: int = 0, code: str = "200"
    ) -> Any:
        return self.post(
            CreatedEvent(
                response=OK,
                ven_id=self.ven_id,
                event_responses=[
                    EventResponse(
                        response_code=code,
                        request_id="request",
                        event_id=event_id,
                        modification_number=number,
                        opt_type=opt_type,
                    )
                ],
            )
        )

    def offer(
        self, *r_ids: str, specifier: str = "power", report_request_id: Optional[str] = None
    ) -> Any:
        points = [
            ReportDescription(
                r_id=r_id,
                report_type="usage",
                measurement=Measurement.named("powerReal", unit="W"),
                reading_type="Direct Read",
                sampling_rate=SamplingRate(timedelta(seconds=10), timedelta(hours=1), False),
            )
            for r_id in r_ids
        ]
        catalogue = Report(
            duration=timedelta(hours=2),
            report_descriptions=points,
            report_specifier_id=specifier,
            report_name="METADATA_TELEMETRY_USAGE",
            created_date_time=START,
        )
        return self.post(
            RegisterReport(
                request_id="offer",
                reports=[catalogue],
                ven_id=self.ven_id,
                report_request_id=report_request_id,
            )
        )

    def take(self, *pending: str, code: str = "200", request_id: str = "offer") -> Any:
        return self.post(
            CreatedReport(
                response=EiResponse(response_code=code, request_id=request_id),
                pending_reports=pending,
                ven_id=self.ven_id,
            )
        )

    def stop(self, *pending: str, request_id: str = "cancel") -> Any:
        return self.post(
            CanceledReport(
                response=EiResponse(response_code="200", request_id=request_id),
                pending_reports=pending,
                ven_id=self.ven_id,
            )
        )

    def deliver(
        self, report_request_id: str, *points: tuple[str, int, float], request_id: str = "update"
    ) -> Any:
        """Points are (rID, seconds after START, value)."""
        return self.post(
            UpdateReport(
                request_id=request_id, reports=[data(report_request_id, points)], ven_id=self.ven_id
            )
        )


def data(report_request_id: str, points: Sequence[tuple[str, int, float]]) -> Report:
    intervals = [
        ReportInterval(
            dtstart=START + timedelta(seconds=second),
            duration=timedelta(seconds=10),
            report_payloads=[ReportPayload(r_id=r_id, value=value)],
        )
        for r_id, second, value in points
    ]
    return Report(
        dtstart=intervals[0].dtstart if intervals else START,
        intervals=intervals,
        report_request_id=report_request_id,
        report_specifier_id="power",
        report_name="TELEMETRY_USAGE",
        created_date_time=START,
    )
