"""What a VEN shows in a notebook: tables, frames and pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.shared import library
from ven_sdk import ConfigurationError, Fleet, OpenADRClient
from ven_sdk.display.plots import plot_event, plot_schedule
from ven_sdk.display.tables import Rows, facts_table, table
from ven_sdk.events.queries import ScheduleRow
from ven_sdk.oadr20b.codec.complete import complete_event
from ven_sdk.oadr20b.codec.findings import Findings
from ven_sdk.objects import Event
from ven_sdk.runtime.status import Health
from ven_sdk.schema.units import Measurement
from ven_sdk.testing import LocalVTN
from ven_sdk.testing.vtn import builders

START = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


class Cells(HTMLParser):
    """The rows of cells of some HTML, the caption first; unbalanced tags fail."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == [], self._open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._open.append(tag)
        if tag in ("tr", "caption"):
            self.rows.append([])
        if tag in ("td", "th", "caption"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1] in ("td", "th", "caption"):
            self.rows[-1][-1] += data


def event(**settings: Any) -> Event:
    """An event as the reader leaves it: with the start of each interval."""
    made = builders.event(
        START,
        **{"event_id": "e1", "dtstart": START, "intervals": [(HOUR, 1), (HOUR, 3)], **settings},
    )
    complete_event(made, None, Findings())
    return made


def rows(*spans: "tuple[float, float, float]", of: Event) -> list[ScheduleRow]:
    signal = of.event_signals[0]
    return [
        ScheduleRow(
            START + HOUR * begin, START + HOUR * end, of, signal, signal.intervals[0], payload
        )
        for begin, end, payload in spans
    ]


# --- tables ---------------------------------------------------------------------------------------


def test_a_table_escapes_what_the_vtn_wrote() -> None:
    text = table([{"<b>": "<script>alert(1)</script>"}], "a & b")

    assert "<script>" not in text
    assert Cells(text).rows == [["a & b"], ["<b>"], ["<script>alert(1)</script>"]]


def test_a_column_that_is_empty_everywhere_is_left_out() -> None:
    assert Cells(table([{"a": 1, "b": None}, {"a": 2, "b": ""}])).rows == [["a"], ["1"], ["2"]]


def test_a_fact_that_is_not_there_is_left_out() -> None:
    assert Cells(
        facts_table(
            {"state": "registered", "last error": None, "counters": {"polls": 3, "failures": 0}}
        )
    ).rows == [["state", "registered"], ["counters", "polls: 3"]]


def test_a_table_of_nothing_says_so() -> None:
    assert Rows()._repr_html_() == "<p><i>none</i></p>"


def test_an_event_shows_itself() -> None:
    shown = event(priority=1, test_event=True, targets={"resource_id": ["r1"]}, vtn_comment="a < b")

    cells = Cells(shown._repr_html_()).rows

    assert cells[0] == ["Event e1"]
    assert ["start", "2030-01-01 12:00:00 UTC"] in cells
    assert ["for", "resource_id r1"] in cells
    assert ["test", "yes"] in cells
    assert ["comment", "a < b"] in cells
    assert cells[-2:] == [
        ["SIMPLE", "level", "2030-01-01 12:00:00 UTC", "1:00:00", "1"],
        ["SIMPLE", "level", "2030-01-01 13:00:00 UTC", "1:00:00", "3"],
    ]


def test_an_event_without_end_says_so() -> None:
    assert ["duration", "open end"] in Cells(event(intervals=[1], duration=0)._repr_html_()).rows


def test_a_unit_is_shown_with_its_scale() -> None:
    power = Measurement.named("powerReal", unit="W", scale="k")

    cells = Cells(
        event(signal_name="LOAD_DISPATCH", signal_type="setpoint", measurement=power)._repr_html_()
    ).rows

    assert cells[-1][-1] == "kW"


def test_a_report_shows_its_data_points() -> None:
    client = OpenADRClient("ven123", "http://localhost:8080")
    client.add_report(lambda: 1, "meter", "powerReal", unit="W", scale="k", sampling_rate=10)

    assert Cells(client.reports[0]._repr_html_()).rows == [
        ["Report TELEMETRY_USAGE"],
        ["rID", "measurement", "unit", "type", "reading", "every", "source"],
        [
            "meter-powerReal",
            "RealPower",
            "kW",
            "reading",
            "Direct Read",
            "0:00:10",
            "resource_id meter",
        ],
    ]
    assert Cells(client.reports._repr_html_()).rows[1] == [
        "TELEMETRY_USAGE",
        "TELEMETRY_USAGE",
        "meter-powerReal",
    ]


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(ask_for_reports=True) as vtn:
        yield vtn


def test_a_client_its_events_its_schedule_and_its_opts_show_themselves(vtn: LocalVTN) -> None:
    with OpenADRClient("ven123", vtn.url) as client:
        client.add_handler("on_event", lambda event: "optIn")
        vtn.assert_registered()
        event_id = vtn.add_event(intervals=[2])
        vtn.assert_opted(event_id, "optIn")
        opt_id = client.create_opt(
            "optOut", "economic", event_id=event_id, targets=[{"resource_id": "r1"}]
        )

        shown = Cells(client._repr_html_()).rows
        assert shown[0] == [f"OpenADRClient 'ven123' at {vtn.url}: registered as {client.ven_id}"]
        assert ["state", "registered"] in shown
        assert Cells(client.status._repr_html_()).rows[0] == ["state", "registered"]  # type: ignore[attr-defined]
        assert Cells(client.events._repr_html_()).rows[1][:2] == [event_id, "active"]  # type: ignore[attr-defined]
        assert Cells(client.schedule()._repr_html_()).rows[1][2:] == ["SIMPLE", "2", event_id]  # type: ignore[attr-defined]
        assert Cells(client.opts._repr_html_()).rows[1][:2] == [opt_id, "optOut"]  # type: ignore[attr-defined]


def test_an_event_says_what_this_ven_answered(vtn: LocalVTN) -> None:
    with OpenADRClient("ven123", vtn.url) as client:
        client.add_handler("on_event", lambda event: event.vtn_comment or "optOut")
        vtn.assert_registered()
        vtn.assert_opted(vtn.add_event(event_id="in", vtn_comment="optIn"), "optIn")
        vtn.assert_opted(vtn.add_event(event_id="out"), "optOut")
        events = {event.event_id: event for event in client.events}
        overview = Cells(client.overview()).rows

    assert {name: event.opt for name, event in events.items()} == {"in": "optIn", "out": "optOut"}
    assert ["answer", "optOut"] in Cells(events["out"]._repr_html_()).rows
    assert "opt" not in events["in"], "a reader of the message sees what the VTN wrote"
    assert ["in", "active", "optIn"] in [row[:3] for row in overview]
    assert ["Schedule"] in overview


def test_a_table_has_the_times_of_the_zone_that_was_asked_for() -> None:
    events = Rows([event()])

    assert Cells(events._repr_html_()).rows[1][2] == "2030-01-01 12:00:00 UTC"
    assert Cells(events.table(tz="Europe/Berlin")).rows[1][2] == "2030-01-01 13:00:00 CET"
    assert Cells(events.table(tz=timezone(HOUR))).rows[1][2] == "2030-01-01 13:00:00 UTC+01:00"


@pytest.mark.parametrize(
    "tz, hint", [("Europe/Belrin", "Europe/Berlin"), (1, "tzinfo"), ("", "no time zone")]
)
def test_a_zone_that_there_is_not_is_refused_with_a_near_one(tz: Any, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        Rows([event()]).table(tz=tz)
    with pytest.raises(ConfigurationError, match=hint):
        plot_schedule([], tz=tz)


def test_health_shows_each_problem_on_a_line() -> None:
    health = Health(False, ("meter-3 does not answer.", "The clock is off."), {"polls": 3})

    assert Cells(health._repr_html_() or "").rows == [
        ["Health: not ok"],
        ["problem 1", "meter-3 does not answer."],
        ["problem 2", "The clock is off."],
        ["polls", "3"],
    ]


def test_signals_intervals_and_periods_show_themselves() -> None:
    shown = event(ramp_up=600)
    [signal] = shown.event_signals

    assert Cells(signal._repr_html_() or "").rows[:2] == [
        ["Signal SIMPLE (level)"],
        ["start", "duration", "payload"],
    ]
    assert ["payload", "1"] in Cells(signal.intervals[0]._repr_html_() or "").rows
    period = Cells(shown.active_period._repr_html_() or "").rows
    assert ["end", "2030-01-01 14:00:00 UTC"] in period
    assert ["ramp up", "0:10:00"] in period


def test_what_has_no_table_of_its_own_shows_its_text() -> None:
    assert Measurement.named("voltage")._repr_html_() is None


def test_a_fleet_shows_a_line_for_each_ven(vtn: LocalVTN) -> None:
    fleet = Fleet(vtn.url)
    for number in range(102):
        fleet.add(f"site-{number}")

    rows = Cells(fleet._repr_html_()).rows

    assert rows[0] == ["Fleet: 102 VENs, 0 registered; 2 more are not shown"]
    assert rows[1][:2] == ["VEN", "state"]
    assert rows[2][:2] == ["site-0", "stopped"]
    assert len(rows) == 102


# --- frames ---------------------------------------------------------------------------------------


def test_events_and_samples_are_frames(vtn: LocalVTN) -> None:
    pandas = library("pandas")
    with OpenADRClient("ven123", vtn.url) as client:
        client.add_handler("on_event", lambda event: "optIn")
        vtn.assert_registered()
        vtn.assert_opted(
            vtn.add_event(event_id="e1", intervals=[(600, 1), (600, 2)], dtstart=HOUR, priority=1),
            "optIn",
        )
        vtn.assert_opted(
            vtn.add_event(
                event_id="e2",
                signal_name="ELECTRICITY_PRICE",
                intervals=[0.25],
                duration=0,
                dtstart=2 * HOUR,
            ),
            "optIn",
        )
        frame = client.events_frame()

    assert list(frame["event_id"]) == ["e1", "e1", "e2"]
    assert set(frame["opt"]) == {"optIn"}
    assert list(frame["payload"]) == [1, 2, 0.25]
    assert (frame["end"] - frame["start"])[0] == timedelta(minutes=10)
    assert pandas.isna(frame["end"][2])
    assert frame["priority"][0] == 1
    assert str(frame["start"].dtype).endswith("UTC]")


def test_frames_of_nothing_have_their_columns() -> None:
    library("pandas")
    client = OpenADRClient("ven123", "http://localhost:8080")

    assert list(client.events_frame().columns)[:3] == ["event_id", "event_status", "signal_name"]
    assert list(client.samples_frame().columns) == [
        "report_request_id",
        "r_id",
        "time",
        "value",
        "data_quality",
        "state",
    ]


def test_samples_that_wait_are_in_the_frame(vtn: LocalVTN) -> None:
    library("pandas")
    client = OpenADRClient("ven123", vtn.url)
    client.add_report(lambda: 4.5, "meter", "voltage", sampling_rate=1)
    with client:
        vtn.wait_for_samples(1, 10)
        with vtn.fault("500", service="EiReport") as fault:
            fault.wait_for_hits(1, timeout=10)
            frame = client.samples_frame()

    assert set(frame["r_id"]) == {"meter-voltage"}
    assert set(frame["value"]) == {4.5}
    assert set(frame["state"]) <= {"waiting", "sent"}


@pytest.mark.parametrize(
    "module, extra, ask",
    [
        (
            "pandas",
            "ven-sdk[pandas]",
            lambda: OpenADRClient("ven123", "http://localhost:8080").events_frame(),
        ),
        ("matplotlib", "ven-sdk[plot]", lambda: event().plot()),
    ],
)  # type: ignore[attr-defined]
def test_a_missing_extra_is_named(
    module: str, extra: str, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ConfigurationError, match=module) as caught:
        ask()

    assert f"pip install '{extra}'" in str(caught.value)


# --- pictures -------------------------------------------------------------------------------------


@pytest.fixture
def pyplot() -> Iterator[Any]:
    matplotlib = library("matplotlib")
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")
    matplotlib.use(before)


def test_an_event_is_drawn_as_steps(pyplot: Any) -> None:
    axes = plot_event(event())

    [line] = axes.get_lines()
    assert list(line.get_ydata()) == [1, 3, 3]
    assert line.get_xdata()[-1] == START + 2 * HOUR
    assert axes.get_title(loc="left") == "Event e1 (far)"
    assert list(axes.get_yticks()) == [0, 1, 2, 3]


def test_each_signal_has_a_panel_of_its_own(pyplot: Any) -> None:
    price = event(
        signal_name="ELECTRICITY_PRICE", intervals=[(HOUR, 0.2), (HOUR, 0.3)]
    ).event_signals[0]
    both = event(signals=[event().event_signals[0], price])

    figure = plot_event(both).figure

    assert [axes.get_ylabel() for axes in figure.axes] == [
        "SIMPLE\nlevel",
        "ELECTRICITY_PRICE\nprice, EUR",
    ]


def test_an_event_without_end_is_drawn_and_says_so(pyplot: Any) -> None:
    axes = plot_event(event(intervals=[1], duration=0))

    assert [text.get_text() for text in axes.texts] == ["open end"]
    assert axes.get_lines()[0].get_xdata()[-1] == START + HOUR


@pytest.mark.parametrize("text", ["$$", "$x$", "$\\frac{$", "cost $5", "y" * 500, "a\tb"])
def test_what_the_vtn_wrote_is_no_formula(text: str, pyplot: Any) -> None:
    odd = event(event_id=text, signal_name=f"x-{text}")

    for axes in (plot_event(odd), plot_schedule(rows((0, 1, 1), of=odd))):
        axes.figure.canvas.draw()

    assert plot_event(odd).get_title(loc="left").replace("\\$", "$").startswith("Event ")


def test_there_is_nothing_where_nothing_rules(pyplot: Any) -> None:
    axes = plot_schedule(rows((0, 1, 1), (1, 2, 2), (4, 5, 3), of=event()))

    assert [list(line.get_ydata()) for line in axes.get_lines()] == [[1, 2, 2], [3, 3]]


def test_an_empty_schedule_says_so(pyplot: Any) -> None:
    assert plot_schedule([]).get_title(loc="left") == "Schedule: nothing is to be done"


def test_axes_of_ones_own_are_drawn_in(pyplot: Any) -> None:
    _, axes = pyplot.subplots()

    assert plot_event(event(), axes) is axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["SIMPLE\nlevel"]


def test_now_is_a_line_in_the_picture_where_it_lies_in_it(pyplot: Any) -> None:
    schedule = rows((0, 1, 1), of=event())

    within = plot_schedule(schedule, now=START + HOUR / 2)
    after = plot_schedule(schedule, now=START + 2 * HOUR)

    assert [text.get_text() for text in within.texts] == ["now"]
    assert not after.texts


def test_a_picture_has_the_times_of_the_zone_that_was_asked_for(pyplot: Any) -> None:
    axes = plot_schedule(rows((0, 1, 1), of=event()), tz="Asia/Kolkata", now=START)
    axes.figure.canvas.draw()

    assert axes.get_xlabel() == "IST"
    assert "17:30" in [label.get_text() for label in axes.get_xticklabels()]


def test_a_client_draws_its_schedule(vtn: LocalVTN, pyplot: Any) -> None:
    with OpenADRClient("ven123", vtn.url) as client:
        client.add_handler("on_event", lambda event: "optIn")
        vtn.assert_registered()
        vtn.assert_opted(vtn.add_event(intervals=[2]), "optIn")

        assert client.plot_schedule().get_title(loc="left") == "Schedule"
