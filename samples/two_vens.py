"""Two sites, one process: a Fleet. They share threads and the store; neither can hold the other
up.
"""

import os
import tempfile
from pathlib import Path

from ven_sdk import Fleet, enable_default_logging

POWER = {"bakery": 12.5, "brewery": 31.0}


def decide(ven, event):
    """A handler for all: the VEN comes first. The brewery takes part in everything, the bakery not
    in high levels.
    """
    levels = [step.signal_payload for signal in event.event_signals for step in signal.intervals]
    return "optIn" if ven.ven_name == "brewery" or max(levels) < 3 else "optOut"


def tell(ven, event, signal, interval):
    """Called at the moment when an interval begins."""
    print(f"{ven.ven_name}: {signal.signal_name} {interval.signal_payload}", flush=True)


if __name__ == "__main__":
    enable_default_logging()
    store = os.environ.get("STORE", str(Path(tempfile.gettempdir()) / "two-vens.db"))
    fleet = Fleet(os.environ.get("VTN_URL", "http://localhost:8080"), store=store)
    fleet.add_handler("on_event", decide)
    fleet.add_handler("on_interval_start", tell)
    for name in POWER:
        ven = fleet.add(name)
        ven.add_report(
            callback=lambda name=name: POWER[name],
            resource_id=name,
            measurement="powerReal",
            scale="k",
            report_type="usage",
            sampling_rate=1,
        )
    fleet.run()
    print(fleet.status, flush=True)
