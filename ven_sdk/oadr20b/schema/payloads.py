"""The catalogue of payloads: which messages OpenADR 2.0b has, by wire name. A constant only."""

from __future__ import annotations

from collections.abc import Mapping

from ...schema.common import Payload
from . import events, opt, registration, reports

PAYLOADS: Mapping[str, type[Payload]] = {
    payload.wire_name: payload
    for payload in (
        registration.QueryRegistration,
        registration.CreatePartyRegistration,
        registration.CreatedPartyRegistration,
        registration.CancelPartyRegistration,
        registration.CanceledPartyRegistration,
        registration.RequestReregistration,
        events.RequestEvent,
        events.DistributeEvent,
        events.CreatedEvent,
        reports.RegisterReport,
        reports.RegisteredReport,
        reports.CreateReport,
        reports.CreatedReport,
        reports.UpdateReport,
        reports.UpdatedReport,
        reports.CancelReport,
        reports.CanceledReport,
        opt.CreateOpt,
        opt.CreatedOpt,
        opt.CancelOpt,
        opt.CanceledOpt,
        registration.Poll,
        registration.Response,
    )
}
