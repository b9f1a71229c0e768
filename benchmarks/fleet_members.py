"""A fleet of member processes on PostgreSQL against a VTN double, all on this machine.

    python benchmarks/fleet_members.py --vens 10000 --workers 4 --period 60 --seconds 60 --kill

Prints JSON: how late polls are, CPU of workers, VTN and database, memory, rows and WAL written in
quiet polls, and with ``--kill`` how long until every VEN of a worker killed -9 polls elsewhere.
Loopback only; everything ends with the program.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

TICKS = os.sysconf("SC_CLK_TCK")


def worker(name, store, port, vens, period, lease, rate):
    import logging
    import socket

    from ven_sdk import FleetMember, Site, slot_of

    logging.basicConfig(level=logging.ERROR, format=f"%(asctime)s {name} %(message).150s")
    resolve, own = socket.getaddrinfo, f"127.0.0.{10 + int(name[1:])}"
    socket.getaddrinfo = lambda host, *more, **others: resolve(own if host == "vtn.fleet" else host, *more, **others)
    by_slot = {}
    for number in range(vens):
        by_slot.setdefault(slot_of(f"v{number}"), []).append(number)

    def sites(slot):
        for n in by_slot.get(slot, ()):
            url = f"http://vtn.fleet:{port}/{n}"
            yield Site(f"v{n}", url, arguments={"poll_frequency": period, "allow_jitter": False})

    member = FleetMember(store=store, sites=sites, name=name, lease=lease, start_rate=rate)
    member.add_handler("on_event", lambda ven, event: "optIn")
    logging.getLogger("ven_sdk.members").setLevel(logging.WARNING)
    member.start()
    print("go", flush=True)
    member.run()


def register_all(store, port, vens):
    """Rows as VENs leave them that registered and then ended in order: members go on with them."""
    import psycopg

    from ven_sdk.config import settings
    from ven_sdk.oadr20b.services.registration.phases import terms_of
    from ven_sdk.points.catalogue import Catalogue
    from ven_sdk.profiles import complete_settings
    from ven_sdk.schema.plain import dump
    from ven_sdk.state.leases import slot_of
    from ven_sdk.state.postgresql import PostgreSQLStore
    from ven_sdk.state.registration import Registration

    made = PostgreSQLStore(store, slots=1024)
    made.open()
    with psycopg.connect(store.partition("?")[0]) as connection, connection.cursor() as cursor:
        into = "COPY ven_sdk.facts (slot, ven, tab, key, position, value) FROM STDIN"
        with cursor.copy(into) as copy:
            for n in range(vens):
                own = complete_settings(settings(f"v{n}", f"http://vtn.fleet:{port}/{n}"))
                registration = Registration(
                    phase="registered",
                    ven_id="ven-1234",
                    registration_id="reg-1",
                    vtn_id="VTN-1",
                    vtn_url=own.vtn_url,
                    catalogue=Catalogue().digest(),
                    terms=terms_of(own),
                )
                value = json.dumps(dump(registration))
                copy.write_row((slot_of(f"v{n}"), f"v{n}", "registration", "", n, value))
    made.close()


def cpu(pid):
    """CPU seconds of a process and of all its children."""
    total = 0.0
    for each in [pid, *children(pid)]:
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def memory(pid):
    """Resident MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def get(port, path):
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60))


def quantile(steps, share):
    left = sum(steps) * share
    for step, count in enumerate(steps):
        left -= count
        if left <= 0:
            return step / 100
    return None


def written(database):
    import psycopg

    with psycopg.connect(database.url().partition("?")[0], autocommit=True) as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        facts = connection.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'ven_sdk'"
        ).fetchall()
        (moves,) = connection.execute("SELECT sum(token)::int FROM ven_sdk.slots").fetchone()
        (wal,) = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
    return {**dict(facts), "wal": int(wal), "moves": moves}


def until(port, vens, seconds):
    """Seconds until so many VENs have polled since the last reset."""
    began, said = time.monotonic(), 0.0
    while (now := time.monotonic()) - began < seconds:
        stats = get(port, "stats")
        if stats["vens"] >= vens:
            return now - began
        if now > said + 15:
            said = now
            say(f"{stats['registrations']} registered, {stats['vens']} of {vens} polled, {stats['polls']} polls")
        time.sleep(0.25)
    raise SystemExit(f"only {get(port, 'stats')['vens']} of {vens} VENs poll after {seconds} s")


def settle(port, database, seconds):
    """Until no VEN has registered and no slot moved for 20 s: the database counts rows up to ten seconds late."""
    end, known, since = time.monotonic() + seconds, -1, time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < 20:
        count = get(port, "stats")["registrations"], written(database)["moves"]
        if count != known:
            known, since = count, time.monotonic()
        time.sleep(1)


def started(options, database, port, groups):
    """What the start takes: in time, and for each VEN."""
    seconds = until(port, options.vens, options.start_seconds)
    settle(port, database, options.start_seconds)
    stats = get(port, "stats")
    spent = {name: sum(map(cpu, pids)) / options.vens * 1000 for name, pids in groups.items()}
    return {
        "all poll after the start (s)": seconds,
        "start: CPU for each VEN (ms)": spent,
        "start: requests for each VEN, polls not counted": (stats["requests"] - stats["polls"]) / options.vens,
    }


def measure(options, database, double, port, workers):
    groups = {"workers": [w.pid for w in workers.values()], "vtn": [double.pid], "database": [database.process.pid]}
    figures = started(options, database, port, groups)
    get(port, "reset")
    rows = written(database)
    figures["slots taken during the start"] = rows["moves"]
    before = {name: sum(map(cpu, pids)) for name, pids in groups.items()}
    began = time.monotonic()
    time.sleep(options.seconds)
    seconds = time.monotonic() - began
    stats = get(port, "stats")
    spent = {name: sum(map(cpu, pids)) - before[name] for name, pids in groups.items()}
    after = written(database)
    steps = stats["steps"]
    figures.update(
        {
            "seconds": seconds,
            "polls": stats["polls"],
            "polls late p50, p99, max (s)": [quantile(steps, q) for q in (0.5, 0.99, 1)],
            "CPU share of a core": {name: value / seconds for name, value in spent.items()},
            "worker CPU a poll (ms)": spent["workers"] / max(1, stats["polls"]) * 1000,
            "memory of the workers (MiB)": [round(memory(w.pid)) for w in workers.values()],
            "rows written": {name: after[name] - rows.get(name, 0) for name in after if name not in ("wal", "moves")},
            "slots that changed hands": after["moves"] - rows["moves"],
            "WAL (kB/s)": (after["wal"] - rows["wal"]) / seconds / 1000,
        }
    )
    figures["memory per VEN (KiB)"] = sum(figures["memory of the workers (MiB)"]) * 1024 / options.vens
    return figures


def killed(options, database, double, port, workers):
    """One member is gone: when each of its VENs is heard from, and polls, on another."""
    victim = workers.pop("w1")
    get(port, "reset")
    victim.kill()
    victim.wait()
    lost, began = get(port, "lost/1")["vens"], time.monotonic()
    pids = {"workers": [w.pid for w in workers.values()], "vtn": [double.pid], "database": [database.process.pid]}
    before = {name: sum(map(cpu, each)) for name, each in pids.items()}
    times = {}
    while "unpolled" not in times and time.monotonic() < began + options.start_seconds:
        stats = get(port, "stats")
        for name in ("silent", "unpolled"):
            if not stats[name]:
                times.setdefault(name, time.monotonic() - began)
        say(f"killed: {stats['silent']} of {lost} not heard, {stats['unpolled']} not polled")
        time.sleep(1)
    spent = {name: sum(map(cpu, each)) - before[name] for name, each in pids.items()}
    return {
        "killed: CPU (s) until then": spent,
        "killed: messages by service": stats["services"],
        "killed: VENs of that member": lost,
        "killed: all of them heard elsewhere after (s)": times.get("silent"),
        "killed: all of them polled elsewhere after (s)": times.get("unpolled"),
        "killed: new registrations": stats["registrations"],
        "killed: all polls late p50, p99, max (s)": [quantile(stats["steps"], q) for q in (0.5, 0.99, 1)],
    }


def say(text):
    print(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.0f}: {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("vens", 2000), ("workers", 4), ("period", 60), ("seconds", 60), ("lease", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=250.0, help="VENs that start in a second, each worker")
    parser.add_argument("--start-seconds", type=float, default=900)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--registered", action="store_true", help="begin with VENs that were registered before")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    from tests import postgresql

    database = postgresql.make_server()
    double = subprocess.Popen(
        [sys.executable, ROOT / "benchmarks" / "fleet_double.py", str(options.period), str(options.workers)],
        stdout=subprocess.PIPE,
        text=True,
    )
    port = int(double.stdout.readline())
    workers = {}
    try:
        if options.registered:
            register_all(database.url(), port, options.vens)
        for number in range(options.workers):
            name = f"w{number}"
            arguments = [name, database.url(), port, options.vens, options.period, options.lease, options.rate]
            command = [sys.executable, __file__, "--worker", *map(str, arguments)]
            workers[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for process in workers.values():
            process.stdout.readline()
        figures = {"options": vars(options), **measure(options, database, double, port, workers)}
        if options.kill:
            print(json.dumps(figures), file=sys.stderr, flush=True)
            figures.update(killed(options, database, double, port, workers))
        print(json.dumps(figures, indent=1))
    finally:
        for process in (*workers.values(), double):
            process.kill()
            process.wait()
        database.stop()
        shutil.rmtree(database.data.parent, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        name, store, port, vens, period, lease, rate = sys.argv[2:]
        worker(name, store, port, int(vens), float(period), float(lease), float(rate))
    else:
        main()
