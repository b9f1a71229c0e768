"""Years of readings in an SQLite table, handed out when the VTN asks: HISTORY_USAGE, resampled by
pandas.

METER_DB is the file, with a table ``readings (time TEXT, watts REAL)``: times in UTC, ISO 8601.
"""

import contextlib
import os
import sqlite3
from datetime import timedelta

import pandas as pd

from ven_sdk import OpenADRClient, enable_default_logging, objects

SELECT = "SELECT time, watts FROM readings WHERE time >= ? AND time < ? ORDER BY time"


def readings(database, date_from, date_to):
    """The readings of a span, indexed by time."""
    with contextlib.closing(sqlite3.connect(database)) as link:
        frame = pd.read_sql_query(SELECT, link, params=(date_from.isoformat(), date_to.isoformat()))
    frame.index = pd.to_datetime(frame.pop("time"), utc=True)
    return frame["watts"]


def energy(database, date_from, date_to, sampling_interval):
    """A Sample of watt-hours for each interval of the span; an interval without readings is left
    out.
    """
    power = readings(database, date_from, date_to)
    grid = power.resample(sampling_interval, origin=pd.Timestamp(date_from))
    for start, mean in grid.mean().dropna().items():
        full = grid.count()[start] >= sampling_interval / timedelta(minutes=1)
        yield objects.Sample(
            round(mean * (sampling_interval / timedelta(hours=1)), 3),
            at=start.to_pydatetime(),
            confidence=100 if full else 50,
        )


def main():
    """Run until Ctrl-C."""
    enable_default_logging()
    database = os.environ.get("METER_DB", "meter.db")
    client = OpenADRClient(
        ven_name="history-ven", vtn_url=os.environ.get("VTN_URL", "http://localhost:8080")
    )

    def callback(date_from, date_to, sampling_interval):
        return energy(database, date_from, date_to, sampling_interval)

    client.add_report(
        callback=callback,
        resource_id="meter",
        measurement="energyReal",
        unit="Wh",
        r_id="meter-energy",
        report_name="HISTORY_USAGE",
        report_type="usage",
        report_duration=timedelta(days=730),
        sampling_rate=timedelta(minutes=15),
    )
    client.run()


if __name__ == "__main__":
    main()
