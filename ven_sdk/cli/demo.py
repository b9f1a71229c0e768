"""``ven-sdk demo``: a VEN against an embedded VTN on loopback, told live; it ends by itself in
about 12 s.

The VEN is what a user would write; the VTN is ``ven_sdk.testing.LocalVTN``. The main thread waits
for one milestone after the other, so that the exit code says whether everything happened.
"""

from __future__ import annotations

import argparse
import random
from datetime import datetime, timedelta, timezone
from typing import Optional

from ..client import OpenADRClient
from ..schema.events import Event, EventSignal, Interval
from ..testing import LocalVTN, ReportWish
from .console import Console
from .demo_story import Story

EPILOG = (
    "Everything happens on this machine's loopback; no file is written. Exit code 1 if anything "
    "did not happen."
)
LEVELS = (5000, 3200, 1500)
"""What the pretended house draws at each level of the SIMPLE signal, in watts."""
LEAD, STEP = timedelta(seconds=3), timedelta(seconds=3)
Wait = tuple[str, str, float]


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def execute(options: argparse.Namespace, console: Console) -> int:
    """Play the demo; 0 when everything happened."""
    console.paragraph(
        "A VEN and a VTN talk on this machine's loopback. It takes about 12 seconds.", "bold"
    )
    console.line()
    story = Story(console)
    wish = ReportWish(granularity=timedelta(seconds=1), report_back_duration=timedelta(seconds=2))
    with LocalVTN(vtn_id="demo-vtn", ask_for_reports=wish) as vtn:
        vtn.listeners.append(story.note_message)
        story.tell("VTN", "listens at", vtn.url)
        client = _ven(vtn.url, story)
        with client:
            missing = _play(client, vtn, story)
    return _conclude(client, story, missing, console)


def _ven(url: str, story: Story) -> OpenADRClient:
    """The VEN, as a user would write it."""
    client = OpenADRClient(
        ven_name="demo-ven", vtn_url=url, allow_jitter=False, show_fingerprint=False
    )

    def power() -> int:
        return LEVELS[min(client.current_level(), 2)] + random.randrange(-40, 40)

    def on_event(event: Event) -> str:
        story.tell("VEN", "on_event", f"the handler takes part in {event.event_id!r}", "green")
        return "optIn"

    def on_event_start(event: Event) -> None:
        story.tell(
            "VEN",
            "on_event_start",
            f"{event.event_id!r} begins{_delay(event.active_period.dtstart)}",
            "green",
            "bold",
        )

    def on_interval_start(event: Event, signal: EventSignal, interval: Interval) -> None:
        seconds = (interval.duration or STEP).total_seconds()
        story.tell(
            "VEN",
            "on_interval_start",
            f"level {interval.signal_payload:g} for {seconds:g} s{_delay(interval.dtstart)}",
            "green",
        )

    def on_event_end(event: Event) -> None:
        end = event.active_period.dtstart + event.active_period.duration
        story.tell(
            "VEN", "on_event_end", f"{event.event_id!r} is over{_delay(end)}", "green", "bold"
        )
        story.reach("end")

    client.add_report(
        callback=power,
        resource_id="meter-1",
        measurement="powerReal",
        sampling_rate=timedelta(seconds=1),
    )
    for handler in (on_event, on_event_start, on_interval_start, on_event_end):
        client.add_handler(handler.__name__, handler)
    return client


def _play(client: OpenADRClient, vtn: LocalVTN, story: Story) -> list[str]:
    """Wait for what should happen, in its order; what did not."""
    before: list[Wait] = [
        ("> oadrCreatePartyRegistration", "waiting for the registration", 5),
        ("> oadrRegisterReport", "waiting for the report to be offered", 3),
        ("> oadrUpdateReport", "waiting for the first samples", 6),
    ]
    during: list[Wait] = [
        ("> oadrCreatedEvent", "waiting for the next poll to bring the event", 3),
        ("end", "the event runs: intervals start at their moment, samples go on arriving", 10),
    ]
    missing = [
        what for milestone, what, timeout in before if not story.wait(milestone, what, timeout)
    ]
    if missing:
        return missing
    vtn.add_event(event_id="peak-1", dtstart=LEAD, intervals=[(STEP, 1), (STEP, 2)])
    story.tell("VTN", "the operator adds", "event 'peak-1': less power, in two steps", "yellow")
    missing = [
        what for milestone, what, timeout in during if not story.wait(milestone, what, timeout)
    ]
    if not missing:
        client.cancel_registration()
    return missing


def _delay(moment: Optional[datetime]) -> str:
    now = datetime.now(timezone.utc)
    late = (now - (moment or now)).total_seconds() * 1000
    return f", {late:.0f} ms after its moment"


def _conclude(client: OpenADRClient, story: Story, missing: list[str], console: Console) -> int:
    console.line()
    if missing:
        error = client.status.last_error
        why = f" The VEN's last error: {error}" if error else ""
        console.paragraph(f"✗ Gave up {missing[0]}.{why}", "red", "bold")
        return 1
    console.paragraph(
        f"✓ Registered, reported {story.samples} samples, answered an event and followed it, in "
        f"{story.seconds:.1f} s.",
        "green",
        "bold",
    )
    console.paragraph("Next: ven-sdk vtn, a VTN to play with in the browser", indent=6)
    console.paragraph("or: ven-sdk init, a VEN of your own from a file", indent=6, first="  ")
    return 0
