"""Reads the messages that pass openleadr's VTN, for the record: facts by name, one list per
message.

Uses lxml alone, neither openleadr's reader nor the SDK's codec, so that it can bear witness against
both. Part of the peer process; pure functions.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Optional

from lxml import etree

Fact = tuple[str, dict[str, Any]]
Element = Any

_PARSER_OPTIONS: dict[str, Any] = {"resolve_entities": False, "no_network": True}


def message(body: bytes) -> Optional[Element]:
    """The payload element (``oadrPoll`` ...) of a message, or None where there is none."""
    try:
        root = etree.fromstring(body, etree.XMLParser(**_PARSER_OPTIONS))
    except (etree.XMLSyntaxError, ValueError):
        return None
    return next((child for child in root.findall("{*}oadrSignedObject/*")), None)


def kind(element: Optional[Element]) -> str:
    """``oadrCreatedEvent`` becomes ``created_event``; no message at all is ``nothing``."""
    if element is None:
        return "nothing"
    name = etree.QName(element).localname
    return re.sub(
        r"(?<=[a-z])(?=[A-Z])", "_", name[4:] if name.startswith("oadr") else name
    ).lower()


def common(request: Optional[Element], reply: Optional[Element]) -> dict[str, Any]:
    """Who asked, and what the answer was: the facts that every message has."""
    return {
        "ven_id": _deep(request, "venID"),
        "request_id": _deep(request, "requestID"),
        "signed": request is not None and request.getroottree().find("{*}Signature") is not None,
        "reply": kind(reply),
        "reply_code": _deep(reply, "responseCode"),
    }


def facts(request: Optional[Element], reply: Optional[Element]) -> list[Fact]:
    """What a request and its reply say beyond :func:`common`: one fact per thing in them, the
    request's first.
    """
    asked: list[Fact] = _REQUESTS.get(kind(request), _nothing)(request, reply)
    answered: list[Fact] = _REPLIES.get(kind(reply), _nothing)(reply)
    return asked + answered


def _nothing(_: Optional[Element], __: Optional[Element] = None) -> list[Fact]:
    return []


def _deep(element: Optional[Element], name: str) -> Optional[str]:
    return None if element is None else element.findtext(f".//{{*}}{name}") or None


def _all(element: Element, name: str) -> list[Element]:
    return list(element.iterfind(f".//{{*}}{name}"))


def _texts(element: Element, **names: str) -> dict[str, Any]:
    return {key: _deep(element, name) for key, name in names.items()}


def _registration(request: Element, reply: Optional[Element]) -> list[Fact]:
    sent = _texts(
        request,
        ven_name="oadrVenName",
        sent_ven_id="venID",
        sent_registration_id="registrationID",
        report_only="oadrReportOnly",
        xml_signature="oadrXmlSignature",
        pull="oadrHttpPullModel",
        transport_name="oadrTransportName",
        transport_address="oadrTransportAddress",
    )
    given = {"ven_id": _deep(reply, "venID"), "registration_id": _deep(reply, "registrationID")}
    return [("registration", {**sent, **given, "accepted": given["registration_id"] is not None})]


def _register_report(request: Element, _: Optional[Element]) -> list[Fact]:
    return [
        (
            "report_offer",
            {
                **_texts(report, report_specifier_id="reportSpecifierID", report_name="reportName"),
                "r_ids": [rid.text for rid in _all(report, "rID")],
            },
        )
        for report in _all(request, "oadrReport")
    ]


def _created_report(request: Element, _: Optional[Element]) -> list[Fact]:
    pending = [each.text for each in _all(request, "reportRequestID")]
    return [
        (
            "report_confirmation",
            {"response_code": _deep(request, "responseCode"), "pending": pending},
        )
    ]


def _update_report(request: Element, _: Optional[Element]) -> list[Fact]:
    return [
        (
            "report",
            {
                **_texts(
                    report,
                    report_request_id="reportRequestID",
                    report_specifier_id="reportSpecifierID",
                    report_name="reportName",
                    created="createdDateTime",
                ),
                "values": [
                    value for interval in _all(report, "interval") for value in _values(interval)
                ],
            },
        )
        for report in _all(request, "oadrReport")
    ]


def _values(interval: Element) -> list[dict[str, Any]]:
    times = {
        "dtstart": _deep(interval, "date-time"),
        "duration": interval.findtext("{*}duration/{*}duration"),
    }
    return [
        {**times, **_texts(payload, r_id="rID", value="value", quality="oadrDataQuality")}
        for payload in _all(interval, "oadrReportPayload")
    ]


def _created_event(request: Element, _: Optional[Element]) -> list[Fact]:
    return [
        (
            "event_response",
            _texts(
                each,
                event_id="eventID",
                modification_number="modificationNumber",
                opt_type="optType",
                response_code="responseCode",
                response_id="requestID",
            ),
        )
        for each in _all(request, "eventResponse")
    ]


def _answer(request: Element, _: Optional[Element]) -> list[Fact]:
    return [
        (
            "answer",
            {
                "response_code": _deep(request, "responseCode"),
                "description": _deep(request, "responseDescription"),
            },
        )
    ]


def _events_sent(reply: Element) -> list[Fact]:
    return [
        (
            "event_sent",
            {
                **_texts(
                    event,
                    event_id="eventID",
                    modification_number="modificationNumber",
                    event_status="eventStatus",
                ),
                "distribution_id": reply.findtext("{*}requestID"),
            },
        )
        for event in _all(reply, "oadrEvent")
    ]


def _reports_asked(reply: Element) -> list[Fact]:
    return [
        (
            "report_request",
            {
                **_texts(
                    asked,
                    report_request_id="reportRequestID",
                    report_specifier_id="reportSpecifierID",
                ),
                "granularity": asked.findtext(".//{*}granularity/{*}duration"),
                "report_back_duration": asked.findtext(".//{*}reportBackDuration/{*}duration"),
                "r_ids": [rid.text for rid in _all(asked, "rID")],
            },
        )
        for asked in _all(reply, "oadrReportRequest")
    ]


_REQUESTS: dict[str, Callable[[Element, Optional[Element]], list[Fact]]] = {
    "create_party_registration": _registration,
    "register_report": _register_report,
    "created_report": _created_report,
    "update_report": _update_report,
    "created_event": _created_event,
    "canceled_report": _created_report,
    "response": _answer,
    "canceled_party_registration": _answer,
}

_REPLIES: dict[str, Callable[[Element], list[Fact]]] = {
    "distribute_event": _events_sent,
    "registered_report": _reports_asked,
    "create_report": _reports_asked,
}
