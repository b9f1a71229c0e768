"""openleadr's VTN starts late, dies, freezes and forgets; the VEN registers, polls, reports and
answers again by itself.

The outages are short here. ``python tests/interop/test_outages.py 10`` runs them with ten seconds
each and prints the times.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a program

from tests.durability.conftest import Hasty
from tests.peers.openleadr_peer import OpenleadrVTN, in_a_row
from ven_sdk import OpenADRClient

SECOND = timedelta(seconds=1)
Pair = tuple[OpenleadrVTN, OpenADRClient]


@contextmanager
def pair(folder: Path, *, hasty: bool = True) -> Iterator[Pair]:
    """A VTN that runs, and a VEN not yet started."""
    values = itertools.count(1)
    with OpenleadrVTN(
        report_requests=[{"sampling_interval": SECOND}], raw_log=folder / "raw.jsonl"
    ) as vtn:
        ven = OpenADRClient(
            "ven1",
            vtn.url,
            store=folder / "ven.db",
            poll_frequency=0.5,
            allow_jitter=False,
            timeout=5,
        )
        if hasty:
            ven._engine.book.chance = Hasty(1)
        ven.add_report(
            lambda: next(values), resource_id="d", measurement="voltage", r_id="u", sampling_rate=1
        )
        ven.add_handler("on_event", lambda event: "optIn")
        try:
            yield vtn, ven
        finally:
            ven.stop()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path) as found:
        yield found


def reporting(vtn: OpenleadrVTN, ven: OpenADRClient) -> None:
    """Start the VEN; returns after a report was acknowledged.

    A VTN that dies before its acknowledgement and has forgotten the VEN gets the sample again, in
    another message: nobody can know then whether it was counted.
    """
    ven.start(wait=5)
    vtn.wait_for("report_data")
    while not ven.status.counters["samples_delivered"]:
        time.sleep(0.02)


def up_again(vtn: OpenleadrVTN, ven: OpenADRClient, patience: float = 15) -> float:
    """The seconds until the VEN is registered and polls; an event and a report must come through
    after that.
    """
    begun, polls = time.monotonic(), ven.status.counters["polls"]
    while ven.status.counters["polls"] < polls + 2 or ven.status.state != "registered":
        assert time.monotonic() - begun < patience, ven.status
        time.sleep(0.02)
    seconds, mark = time.monotonic() - begun, vtn.mark()
    event = vtn.add_event(
        ven.ven_id, intervals=in_a_row(datetime.now(timezone.utc) + timedelta(hours=1), SECOND, 1)
    )
    answer = vtn.wait_for("event_response", patience, lambda seen: seen["event_id"] == event)
    assert answer["opt_type"] == "optIn"
    vtn.wait_for("report_data", patience, after=mark)
    return seconds


def doubles(folder: Path) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Of the raw log: data points and times that were taken with two values, or in two different
    messages.

    A message that a VTN without memory refuses (by asking for a registration) was not taken.
    """
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for line in (folder / "raw.jsonl").read_text().splitlines():
        texts = _texts(json.loads(line))
        if not any("oadrUpdatedReport" in text for text in texts):
            continue
        body = next(text for text in texts if "oadrUpdateReport" in text)
        for interval in re.findall(r"<(?:\w+:)?interval>.*?</(?:\w+:)?interval>", body, re.DOTALL):
            (moment,) = re.findall(r"date-time>([^<]+)<", interval)
            for r_id, value in re.findall(r"rID>([^<]+)<.*?value>([^<]+)<", interval, re.DOTALL):
                found.setdefault((r_id, moment), set()).add((value, body))
    assert found, "no sample in the raw log"
    return {key: messages for key, messages in found.items() if len(messages) > 1}


def _texts(entry: Any) -> list[str]:
    if isinstance(entry, dict):
        return [text for value in entry.values() for text in _texts(value)]
    return [entry] if isinstance(entry, str) else []


# --- the outages ----------------------------------------------------------------------------------


def late_start(vtn: OpenleadrVTN, ven: OpenADRClient, seconds: float) -> None:
    vtn.kill()
    ven.start()
    time.sleep(seconds)
    vtn.restart()


def death(vtn: OpenleadrVTN, _ven: OpenADRClient, seconds: float) -> None:
    vtn.kill()
    time.sleep(seconds)
    vtn.restart()


def forgetting(vtn: OpenleadrVTN, _ven: OpenADRClient, seconds: float) -> None:
    vtn.kill()
    time.sleep(seconds)
    vtn.restart(remember=False)


def freezing(vtn: OpenleadrVTN, _ven: OpenADRClient, seconds: float) -> None:
    vtn.pause()
    time.sleep(seconds)
    vtn.resume()


OUTAGES: dict[str, Callable[[OpenleadrVTN, OpenADRClient, float], None]] = {
    "the VTN starts after the VEN": late_start,
    "the VTN dies and comes back": death,
    "the VTN comes back having forgotten the VEN": forgetting,
    "the VTN freezes": freezing,
}


@pytest.mark.parametrize("name", OUTAGES)
def test_the_ven_recovers_by_itself_and_no_report_is_doubled(
    name: str, both: Pair, tmp_path: Path
) -> None:
    vtn, ven = both
    if name != "the VTN starts after the VEN":
        reporting(vtn, ven)
    before = ven.registration_id

    OUTAGES[name](vtn, ven, 1.0)

    print(f"{name}: polls again after {up_again(vtn, ven):.2f} s")
    ven.stop()
    assert doubles(tmp_path) == {}
    if name == "the VTN dies and comes back":
        assert ven.registration_id == before


def test_what_is_owed_when_the_vtn_dies_goes_out_when_it_is_back(
    both: Pair, tmp_path: Path
) -> None:
    vtn, ven = both
    deaths: list[str] = []

    def handle(event: Any) -> str:
        if not deaths:
            vtn.kill()
            deaths.append(event.event_id)
        return "optIn"

    ven.add_handler("on_event", handle)
    reporting(vtn, ven)
    event = vtn.add_event(
        ven.ven_id, intervals=in_a_row(datetime.now(timezone.utc) + timedelta(hours=1), SECOND, 1)
    )
    while not deaths:
        time.sleep(0.02)
    time.sleep(2.5)  # samples of these seconds are owed, too

    vtn.restart()

    answer = vtn.wait_for("event_response", 10, lambda seen: seen["event_id"] == event)
    assert answer["opt_type"] == "optIn"
    up_again(vtn, ven)
    ven.stop()
    assert doubles(tmp_path) == {}
    moments = [moment for seen in vtn.seen("report_data") for moment, _ in seen["values"]]
    steps = {later - earlier for earlier, later in zip(moments, moments[1:])}
    assert steps == {SECOND}, "every second's sample, in order"


def main(seconds: float) -> None:
    """All outages one after another, with waits as they are by default."""
    for name, outage in OUTAGES.items():
        with tempfile.TemporaryDirectory() as folder, pair(Path(folder), hasty=False) as (vtn, ven):
            if name != "the VTN starts after the VEN":
                reporting(vtn, ven)
            outage(vtn, ven, seconds)
            print(
                f"{name}, {seconds:g} s: polls again after {up_again(vtn, ven, 60):.2f} s", end=""
            )
            ven.stop()
            print(f", doubled samples: {len(doubles(Path(folder)))}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
