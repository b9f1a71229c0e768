"""A VEN with one report and one event handler: the smallest that is of use."""

import os
from datetime import timedelta

from ven_sdk import OpenADRClient, enable_default_logging


def collect_report_value():
    """Called every 10 s once the VTN wants the report. It may block."""
    return 1.23


def handle_event(event):
    """Called once for each event. It may block; what it returns is the answer."""
    for signal in event.event_signals:
        for interval in signal.intervals:
            print(
                f"{interval.dtstart:%H:%M:%S}: {signal.signal_name} {interval.signal_payload}",
                flush=True,
            )
    return "optIn"


def at_start(event, signal, interval):
    """Called at the moment when an interval begins: this is where devices are switched."""
    print(f"now: {signal.signal_name} {interval.signal_payload}", flush=True)


if __name__ == "__main__":
    enable_default_logging()
    client = OpenADRClient(
        ven_name="ven123", vtn_url=os.environ.get("VTN_URL", "http://localhost:8080")
    )
    client.add_report(
        callback=collect_report_value,
        resource_id="device001",
        measurement="powerReal",
        unit="W",
        report_type="usage",
        sampling_rate=timedelta(seconds=10),
    )
    client.add_handler("on_event", handle_event)
    client.add_handler("on_interval_start", at_start)
    client.run()
