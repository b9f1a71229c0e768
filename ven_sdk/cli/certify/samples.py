"""Sample data for VENs that report nothing of their own: the two reports that a test house wants to
see (CR 510). No thread.
"""

from __future__ import annotations

from datetime import timedelta

from ...client import OpenADRClient
from ...schema.points import ResourceStatus, SamplingRate

RESOURCE = "sample"
RATE = SamplingRate(timedelta(seconds=2), timedelta(minutes=1), False)


def add_samples(client: OpenADRClient) -> None:
    """Offer ``TELEMETRY_STATUS`` and ``TELEMETRY_USAGE`` (a power and an energy) where the VEN does
    not.
    """
    offered = {str(report.report_name).removeprefix("METADATA_") for report in client.reports}
    if "TELEMETRY_USAGE" not in offered:
        _add_usage(client)
    if "TELEMETRY_STATUS" not in offered:
        client.add_report(
            lambda: ResourceStatus(True, False),
            resource_id=RESOURCE,
            report_name="TELEMETRY_STATUS",
            r_id="sample-status",
            sampling_rate=RATE,
        )


def _add_usage(client: OpenADRClient) -> None:
    for measurement, unit, value in (("powerReal", "W", 5.0), ("energyReal", "Wh", 2.0)):
        client.add_report(
            lambda value=value: value,
            resource_id=RESOURCE,
            measurement=measurement,
            unit=unit,
            report_type="usage",
            r_id=f"sample-{measurement}",
            sampling_rate=RATE,
        )
