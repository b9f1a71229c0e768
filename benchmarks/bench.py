#!/usr/bin/env python3
"""Side-by-side benchmark: openleadr (peer), the limit of the stack, the floor below it, and
ven_sdk.

    python bench.py --peer-python PEER/bin/python --sdk-python SDK/bin/python
                    [--only build/,poll/] [--rounds 5] [--quick]
    python bench.py ... --start-up        import time and time to first poll, in fresh processes
    python bench.py ... --fleet           memory and CPU of 1/100/1000 VENs in a process
    python bench.py ... --leak 100000     resident memory over that many polls
    python bench.py ... --check           are the messages of each column valid (XSD, signxml)?

Each case runs once a round in each worker, workers in turn, so that all columns see the same
machine; the figure is the median over the rounds. The client is pinned to core 0, the loopback VTN
to core 1. Raw numbers go to --out (JSON).
"""

import argparse
import json
import os
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from cases import cases  # noqa: E402

ADAPTERS = ("openleadr", "limit", "floor", "ven_sdk")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


HZ = os.sysconf("SC_CLK_TCK")
CHILDREN = []
OURS = []  # processes whose CPU time is ours


def _busy():
    """(busy seconds of all cores, busy seconds of our processes)."""
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    mine = 0
    for pid in OURS:
        try:
            with open(f"/proc/{pid}/stat") as f:
                g = f.read().rpartition(")")[2].split()
            mine += int(g[11]) + int(g[12])
        except OSError:
            pass
    t = os.times()
    return (sum(v) - v[3] - v[4]) / HZ, mine / HZ + t.user + t.system


def foreign(before, after, wall):
    """Share of the two cores that other processes used."""
    return max(0.0, (after[0] - before[0] - (after[1] - before[1])) / (wall * os.cpu_count()))


def wait_quiet(limit, patience):
    """Wait until other processes use less than `limit` of the machine, at most `patience` seconds
    in all.
    """
    end = time.monotonic() + patience
    while time.monotonic() < end:
        b, t = _busy(), time.monotonic()
        time.sleep(0.3)
        if foreign(b, _busy(), time.monotonic() - t) < limit:
            return True
    return False


class Worker:
    def __init__(self, python, name, core):
        self.name = name
        self.p = subprocess.Popen(
            [python, os.path.join(HERE, "worker.py"), f"adapter_{name}", str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        OURS.append(self.p.pid)
        CHILDREN.append(self.p)

    def __call__(self, cmd):
        self.p.stdin.write(json.dumps(cmd) + "\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError(f"worker {self.name} ended")
        return json.loads(line)

    def close(self):
        self.p.stdin.close()
        self.p.wait(30)


def fmt(x, unit):
    if x is None:
        return "-"
    if isinstance(x, str):
        return x
    if unit == "us":
        return f"{x:.1f}" if x < 100 else f"{x:,.0f}"
    return f"{x:.3g}" if x < 100 else f"{x:,.0f}"


def ratio(a, b, unit):
    """How many times better b... smaller-is-better: a/b; rates: b/a."""
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)) or not a or not b:
        return "-"
    r = b / a if unit == "1/s" else a / b
    return f"{r:,.2f}" if r < 10 else f"{r:,.0f}"


HEAD = ["case", "unit", "openleadr", "limit", "floor", "ven_sdk", "openleadr/limit", "openleadr/sdk", "sdk/limit"]


def row(case, unit, v):
    o, li, fl, s = (v.get(a) for a in ADAPTERS)
    return [case, unit, fmt(o, unit), fmt(li, unit), fmt(fl, unit), fmt(s, unit), ratio(o, li, unit), ratio(o, s, unit), ratio(s, li, unit)]


def table(rows):
    w = [max(len(str(r[i])) for r in [HEAD] + rows) for i in range(len(HEAD))]
    for i, r in enumerate([HEAD] + rows):
        print("| " + " | ".join(str(c).ljust(w[j]) if j < 2 else str(c).rjust(w[j]) for j, c in enumerate(r)) + " |")
        if i == 0:
            print("|" + "|".join("-" * (x + 1) + ("-" if j < 2 else ":") for j, x in enumerate(w)) + "|")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--peer-python", required=True)
    ap.add_argument("--sdk-python", required=True)
    ap.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "ven-bench"), help="folder for keys and results")
    ap.add_argument("--out", help="JSON of raw numbers (default: WORK/results.json)")
    ap.add_argument("--only", default="", help="comma-separated prefixes of case ids")
    ap.add_argument("--adapters", default=",".join(ADAPTERS))
    ap.add_argument("--merge", help="comma-separated result files: take the cases they hold, measure only the rest")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--start-up", action="store_true")
    ap.add_argument("--check", action="store_true")
    ap.add_argument("--fleet", action="store_true")
    ap.add_argument("--fleet-runs", default="", help="comma-separated adapter:variant:net:key:n to run instead of all")
    ap.add_argument("--leak", type=int, default=0)
    ap.add_argument("--quiet", type=float, default=0.06, help="wait until other processes use less than this share")
    ap.add_argument("--patience", type=float, default=8, help="seconds to wait for quiet before each measurement")
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    pki = os.path.join(a.work, "pki")
    if not os.path.exists(os.path.join(pki, "ec256-pass.key")):
        subprocess.run([a.sdk_python, os.path.join(HERE, "pki.py"), pki], check=True)
    xsd = subprocess.run(
        [a.peer_python, "-c", "import openleadr.messaging as m; print(m.XML_SCHEMA_LOCATION)"], check=True, capture_output=True, text=True
    ).stdout.strip()
    conf = os.path.join(a.work, "config.json")
    with open(conf, "w") as f:
        json.dump({"pki": pki, "xsd": xsd}, f)
    os.environ["VEN_BENCH_CONFIG"] = conf
    # As after an installation: otherwise a changed module would be compiled anew by every process.
    subprocess.run([a.sdk_python, "-m", "compileall", "-q", os.path.join(os.path.dirname(HERE), "ven_sdk"), HERE], check=True)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.path.dirname(HERE), os.environ.get("PYTHONPATH"))))
    port, tls_port = free_port(), free_port()
    vtn = subprocess.Popen(
        ["taskset", "-c", "1", a.sdk_python, os.path.join(HERE, "vtn.py"), str(port), str(tls_port)], stdout=subprocess.PIPE, text=True
    )
    OURS.append(vtn.pid)
    assert vtn.stdout.readline().strip() == "ready"
    http, https = f"http://localhost:{port}", f"https://localhost:{tls_port}"
    pythons = {n: a.peer_python if n == "openleadr" else a.sdk_python for n in ADAPTERS}
    names = [n for n in a.adapters.split(",") if n]
    raw = {"command": shlex.join(sys.argv), "when": time.strftime("%F %T"), "cases": {}}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the workers end with us
    try:
        if a.check:
            for n in names:
                w = Worker(pythons[n], n, 0)
                for kind, k in (("poll", 1), ("created", 1), ("created", 20), ("update", 1), ("update", 100)):
                    for key in (None, "rsa2048", "ec256"):
                        r = raw["cases"][f"check/{n}/{kind}{k}/{key}"] = w(dict(do="check", kind=kind, n=k, key=key))
                        print(n, kind, k, key, r, flush=True)
                w.close()
        elif a.start_up:
            start_up(a, raw, pythons, names, http, https)
        elif a.fleet or a.fleet_runs:
            fleet(a, raw, pythons, names, http, https)
        elif a.leak:
            leak(a, raw, pythons, names, http, https)
        else:
            run(a, raw, pythons, names, http, https)
    finally:
        for p in CHILDREN + [vtn]:
            p.terminate()
        with open(a.out or os.path.join(a.work, "results.json"), "w") as f:
            json.dump(raw, f, indent=1)


def stats(http, reset=False):
    with urllib.request.urlopen(http + "/stats" + ("?reset" if reset else "")) as r:
        return json.load(r)


def run(a, raw, pythons, names, http, https):
    workers = {n: Worker(pythons[n], n, 0) for n in names}
    rows, dead = [], set()
    old = {}
    for f in a.merge.split(",") if a.merge else ():
        with open(f) as h:
            old.update(json.load(h)["cases"])
    for case in cases(http, https, a.quick):
        id_, unit, field, cmd = case[:4]
        more = case[4] if len(case) > 4 else {}
        if a.only and not any(id_.startswith(p) for p in a.only.split(",")):
            continue
        got = old.get(id_) or {n: [] for n in names}
        for _ in range(0 if id_ in old else 1 if a.quick else a.rounds):
            for n in names:
                if (id_, n) in dead:
                    continue
                turn = id_.startswith("turn/")
                for attempt in range(2):
                    quiet = cmd["do"] != "poll" or wait_quiet(a.quiet, a.patience)
                    if turn:
                        stats(http, True)
                    b, t = _busy(), time.monotonic()
                    r = workers[n](dict(cmd))
                    r["foreign"] = round(foreign(b, _busy(), max(0.05, time.monotonic() - t)), 3)
                    if r["foreign"] < max(2 * a.quiet, 0.03) or not quiet or "us" in r:
                        break  # CPU-time cases are kept as they are
                if turn and "p50_us" in r:
                    t = sorted(stats(http)["turn"])
                    r["server_p50"], r["server_p99"] = 1e6 * t[len(t) // 2], 1e6 * t[int(len(t) * 0.99)]
                got[n].append(r)
                if "absent" in r or "error" in r:
                    dead.add((id_, n))
        raw["cases"][id_] = got

        def med(n, f):
            xs = [r[f] for r in got[n] if f in r]
            return statistics.median(xs) if xs else next((("ERR " + r["error"])[:40] for r in got[n] if "error" in r), None)

        for suffix, u, f in [("", unit, field)] + [("/" + s, *uf) for s, uf in more.items()]:
            rows.append(row(id_ + suffix, u, {n: med(n, f) for n in names}))
        print(id_, {n: fmt(med(n, field), unit) for n in names}, file=sys.stderr, flush=True)
    table(rows)
    for w in workers.values():
        w.close()


def start_up(a, raw, pythons, names, http, https):
    def wall(argv, k):
        ts = []
        for _ in range(k):
            wait_quiet(a.quiet, a.patience / 4)
            t = time.perf_counter()
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            ts.append(time.perf_counter() - t)
        return ts

    k = 3 if a.quick else 11
    rows = []
    code = "import sys; sys.path.insert(0, %r); import adapter_%s as ad; " % (HERE, "%s")

    def each(label, make):
        got = {}
        for n in names:
            argv = make(n)
            if argv:
                try:
                    got[n] = wall(argv, k)
                except subprocess.CalledProcessError as e:
                    got[n] = [] if b"NotImplementedError" in e.stderr else "ERR " + e.stderr.decode()[-60:].strip()
        raw["cases"][label] = got
        rows.append(
            row(label, "us", {n: 1e6 * statistics.median(x) if x and not isinstance(x, str) else x or None for n, x in got.items()})
        )

    imports = {
        n: subprocess.run(
            [pythons[n], "-c", code % n + "print(ad.IMPORT or '')"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for n in names
    }
    each("start/python -c pass", lambda n: [pythons[n], "-c", "pass"])
    each("start/import", lambda n: [pythons[n], "-c", imports[n]] if imports[n] else None)
    for label, url, tls, key in (
        ("http/unsigned", f"{http}/empty", False, None),
        ("mtls/ec256", f"{https}/empty-signed", True, "ec256"),
        ("mtls/rsa2048", f"{https}/empty-signed", True, "rsa2048"),
    ):
        each(f"start/first-poll/{label}", lambda n: [pythons[n], "-c", code % n + f"ad.first_poll({url!r}, {tls}, {key!r})"])
    table(rows)


def fleet(a, raw, pythons, names, http, https):
    runs = []
    if a.fleet_runs:
        for r in a.fleet_runs.split(","):
            ad, var, net, key, n, *every = r.split(":")
            runs.append((ad, var or None, net, None if key in ("", "unsigned") else key, int(n), float(every[0]) if every else 10))
    else:
        for n in (1, 100, 1000):
            for net, key in (("http", None), ("mtls", "ec256")):
                runs.append(("openleadr", None, net, key, n, 10))
                runs += [("limit", v, net, key, n, 10) for v in ("threads", "pool", "shared")]
                runs.append(("ven_sdk", None, net, key, n, 10))
        runs.append(("ven_sdk", None, "http", None, 10000, 60))
    print(
        "| adapter | variant | net | key | VENs | setup s | RSS MiB | KiB/VEN | threads | polls "
        "| CPU ms/poll | CPU % of a core "
        "| p50 ms | p99 ms | late p50 ms | late p99 ms | connections | other load % "
        "|\n|" + "---|" * 18
    )
    for ad, var, net, key, n, every in runs:
        if ad not in names:
            continue
        base, tls = (http, False) if net == "http" else (https, True)
        url = f"{base}/empty{'-signed' if key else ''}/OpenADR2/Simple/2.0b"
        stats(http, True)
        w = Worker(pythons[ad], ad, 0)
        wait_quiet(a.quiet, 5 * a.patience)
        b, t = _busy(), time.monotonic()
        r = w(
            dict(
                do="fleet",
                n=n,
                url=url,
                tls=tls,
                key=key,
                interval=every,
                warm=2 * every,
                measure=every if a.quick else 2 * every,
                variant=var,
            )
        )
        r["foreign"] = round(foreign(b, _busy(), time.monotonic() - t), 3)
        conns = stats(http)["connections"]
        w.p.terminate()
        raw["cases"][f"{ad}:{var}:{net}:{key}:{n}:{every}"] = {**r, "connections": conns}
        if "absent" in r:
            continue
        if "error" in r:
            print(f"| {ad} | {var} | {net} | {key} | {n} | {r['error']} |", flush=True)
            continue
        ms = 1e3 * r["cpu"] / r["polls"] if r["polls"] else float("nan")
        print(
            f"| {ad} | {var or ''} | {net} | {key or 'unsigned'} | {n} | {r['setup_s']:.2f} | "
            f"{r['rss'] / 1024:.0f} | "
            f"{(r['rss'] - r['base']) / n:.0f} | {r['threads']} | {r['polls']} | {ms:.2f} | "
            f"{100 * r['cpu'] / r['wall']:.1f} | "
            f"{ms_of(r['p50'])} | {ms_of(r['p99'])} | {ms_of(r.get('late_p50'))} | "
            f"{ms_of(r.get('late_p99'))} | {conns} | "
            f"{100 * r['foreign']:.0f} |",
            flush=True,
        )


def ms_of(seconds):
    return "" if seconds is None else f"{1e3 * seconds:.1f}"


def leak(a, raw, pythons, names, http, https):
    for label, url, tls, key, total, turn in (
        ("polls http unsigned", f"{http}/empty/x", False, None, a.leak, False),
        ("polls mtls ec256", f"{https}/empty-signed/x", True, "ec256", a.leak // 20, False),
        ("new events http unsigned", f"{http}/event/x", False, None, a.leak // 10, True),
    ):
        for n in names:
            w = Worker(pythons[n], n, 0)
            t = time.time()
            r = w(dict(do="leak", url=url, tls=tls, key=key, total=total, step=max(1, total // 10), turn=turn))
            w.p.terminate()
            raw["cases"][f"leak/{label}/{n}"] = r
            if "rss_kib" in r:
                x = r["rss_kib"]
                print(
                    f"{label:28} {n:10} {total:7} RSS KiB {x} second half: "
                    f"{1024 * (x[-1] - x[len(x) // 2]) / (total / 2):.1f} B/op "
                    f"({time.time() - t:.0f} s)",
                    flush=True,
                )
            elif "error" in r:
                print(label, n, r["error"], flush=True)


if __name__ == "__main__":
    main()
