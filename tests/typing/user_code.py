"""What users write, for type checkers: lines marked "refused" must be errors, all others none."""

from __future__ import annotations

from datetime import datetime, timedelta

from ven_sdk import Fleet, Health, OpenADRClient, OptState, ScheduleRow, Status, Ven, objects
from ven_sdk.testing import LocalVTN, ManualClock


def decide(event: objects.Event) -> str:
    return "optIn" if event.event_signals[0].intervals[0].dtstart else "optOut"


client = OpenADRClient("ven", "https://vtn.example.com", poll_frequency="10 s", timeout=30)
client.on_event = decide
client.add_report(callback=lambda: 1.0, resource_id="meter", measurement="voltage", unit="V")
client.start(wait=timedelta(seconds=5))
status: Status = client.status
health: Health = client.health()
level: int = client.current_level()
rows: tuple[ScheduleRow, ...] = client.schedule(hours=4)
opts: tuple[OptState, ...] = client.opts
sample = objects.Sample(value=1.0)

step = client.events[0].event_signals[0].intervals[0]
start: datetime = step.dtstart
end: datetime = step.dtstart + step.duration
number: str = step.uid
ahead: timedelta = rows[0].interval.dtstart - rows[0].start

fleet = Fleet("https://vtn.example.com", timeout=10)
ven: Ven = fleet.add("site", poll_frequency="1 min")


@fleet.on("on_event")
def decide_for_all(ven: Ven, event: objects.Event) -> str:
    return "optIn"


OpenADRClient("ven", "https://vtn.example.com", certs="x.pem")  # refused
OpenADRClient("ven")  # refused
OpenADRClient("ven", "https://vtn.example.com", timeout=[30])  # refused
client.pol_frequency = 3  # refused
client.poll_frequency = timedelta(seconds=3)  # refused
client.add_report(sampling_rat=3)  # refused
fleet.add("n", tymeout=3)  # refused
Fleet("https://vtn.example.com", tymeout=3)  # refused
wrong: str = client.current_level()  # refused
objects.Sample(vlue=1)  # refused
objects.Sample(1.0, confidence="high")  # refused
objects.Target(resource_idd="x")  # refused
objects.Target(resource_id=1)  # refused
objects.Interval(dtstart="2030-01-01")  # refused
late: str = step.dtstart  # refused
payload: float = step.signal_payload  # refused
more: list[ScheduleRow] = client.schedule()  # refused
client.on_event = lambda: "optIn"  # refused
client.on_evnt = decide  # refused
client.start(wait=None, timeout=3)  # refused
client.create_opt("optOut", "economic", target=[])  # refused
client.report_value("meter", "high", when=3)  # refused
LocalVTN(prot=8080)  # refused
ManualClock("2030-01-01")  # refused
decide(sample)  # refused
