"""The catalogue of payloads, by profile and wire name. Another profile is another catalogue.
Constants only.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...schema import events
from ...schema.common import Payload
from . import opt, registration, reports

PROFILE_2_0B: Mapping[str, type[Payload]] = {
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

PROFILES: Mapping[str, Mapping[str, type[Payload]]] = {"2.0b": PROFILE_2_0B}
PAYLOADS = PROFILE_2_0B
"""The payloads of the profile that is spoken today."""
