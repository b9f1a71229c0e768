"""What the store on PostgreSQL costs, statement by statement: leases and commits.

    python benchmarks/fleet_store.py

Prints milliseconds (median and p99), commits a second alone and together, and WAL bytes for each.
"""

import json
import shutil
import statistics
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import postgresql  # noqa: E402
from ven_sdk.state.leases import Member, wanted_slots  # noqa: E402
from ven_sdk.state.postgresql import PostgreSQLStore  # noqa: E402
from ven_sdk.state.store import ChangeRow  # noqa: E402

VALUE = json.dumps({"event": "x" * 600})


def timed(function, times=200):
    spent = []
    for number in range(times):
        began = time.perf_counter()
        function(number)
        spent.append((time.perf_counter() - began) * 1000)
    return {"median ms": statistics.median(spent), "p99 ms": sorted(spent)[int(times * 0.99) - 1]}


def wal(database):
    import psycopg

    with psycopg.connect(database.url().partition("?")[0], autocommit=True) as connection:
        return int(connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()[0])


def with_wal(database, function, times):
    before = wal(database)
    found = timed(function, times)
    return {**found, "WAL bytes": (wal(database) - before) // times}


def together(store, threads, seconds):
    counts, ended = [0] * threads, time.monotonic() + seconds

    def work(thread):
        while time.monotonic() < ended:
            store.commit(f"ven-{thread}-{counts[thread] % 50}", [ChangeRow("events", "e", VALUE)])
            counts[thread] += 1

    pool = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    return sum(counts) / seconds


def main():
    database = postgresql.make_server()
    figures = {}
    try:
        for slots in (256, 1024, 4096):
            store = PostgreSQLStore(database.url(f"s{slots}"))
            store.join(Member("m:1", "m"), 60.0, slots)
            store.open()
            store.renew()
            store.take(range(slots))
            figures[f"renew {slots} slots"] = with_wal(database, lambda _: store.renew(), 100)
            if slots == 1024:
                one = with_wal(database, lambda n: store.commit(f"v{n}", [ChangeRow("events", "e", VALUE)]), 300)
                figures["commit of one VEN"] = one
                figures["load of one VEN"] = timed(lambda n: store.load(f"v{n}"), 300)
                for threads in (1, 4, 8, 32):
                    figures[f"commits a second, {threads} threads"] = round(together(store, threads, 4))
            store.close()
        members = dict.fromkeys((f"m{number}" for number in range(8)), 1.0)
        figures["who wants what, 1024 slots, 8 members"] = timed(lambda _: wanted_slots("m3", members, 1024), 20)
        print(json.dumps(figures, indent=1))
    finally:
        database.stop()
        shutil.rmtree(database.data.parent, ignore_errors=True)


main()
