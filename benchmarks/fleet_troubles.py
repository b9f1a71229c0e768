"""What happens to a fleet in trouble, and how long it takes: one trouble after the other, under load.

    python benchmarks/fleet_troubles.py --vens 600 --workers 3
    python benchmarks/fleet_troubles.py --vens 600 --workers 4 joining

Linux, as root: each member runs in a network namespace of its own, joined to the database and the VTN
by a link that can be cut; nothing leaves them. A relay on each link can make it slow, so that no module of
the kernel is needed. Prints JSON: for each trouble how many VENs it met, after how many seconds the last
of them polled where it should, the longest silence of any VEN, and how many slots changed hands; and then
what was lost over the whole run, counted as in tests/members/drill.py.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.members.drill import Drill  # noqa: E402


def run(*words):
    subprocess.run([str(word) for word in words], check=True)


class Machines(Drill):
    """A drill whose members are on machines of their own: a network namespace each, and a relay."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.relays, self._links = {}, {}

    def __exit__(self, *what):
        super().__exit__(*what)
        for relay in self.relays.values():
            relay.kill()
            relay.wait()

    def addresses(self, name):
        if name not in self.relays:
            self._connect(name)
        host, database, vtn = self._links[name]
        return self.database.url().replace(f"127.0.0.1:{self.database.port}", f"{host}:{database}"), f"{host}:{vtn}"

    def machine(self, name):
        return ["ip", "netns", "exec", name]

    def _connect(self, name):
        net = f"10.77.{len(self.relays)}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "addr", "add", f"{net}.1/24", "dev", f"to-{name}")
        run("ip", "link", "set", f"to-{name}", "up")
        for words in ("addr add {}.2/24 dev eth0", "link set eth0 up", "link set lo up"):
            run("ip", "-n", name, *words.format(net).split())
        command = [sys.executable, ROOT / "benchmarks" / "fleet_relay.py", f"{net}.1", self.database.port, self.port]
        relay = subprocess.Popen([str(w) for w in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.relays[name] = relay
        self._links[name] = (f"{net}.1", *map(int, relay.stdout.readline().split()))

    def signal(self, name, number):
        self.workers[name].send_signal(number)  # "ip netns exec" has become the member

    def link(self, name, state):
        run("ip", "link", "set", f"to-{name}", state)

    def delay(self, name, seconds):
        self.relays[name].stdin.write(f"{seconds}\n")
        self.relays[name].stdin.flush()

    def step_clock(self, name, seconds):
        path = self.folder / f"clock-{name}"
        path.with_suffix(".new").write_text(str(seconds))
        path.with_suffix(".new").rename(path)

    # --- what is seen

    def where(self, until):
        """The member from which each VEN was last heard before that moment."""
        return {ven: member for at, ven, member, _ in self.messages() if at <= until}

    def moved(self, vens, since, seconds):
        """Wait until each of ``vens`` (name: member that it was on) polled elsewhere; when each did."""
        first, looked, deadline = {}, 0, time.monotonic() + seconds
        while len(first) < len(vens):
            messages = self.messages()
            for at, ven, member, body in messages[looked:]:
                if at > since and b"oadrPoll" in body and member != vens.get(ven, member):
                    first.setdefault(ven, at - since)
            looked = len(messages)
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(vens) - len(first)} of {len(vens)} VENs poll nowhere after {seconds} s")
            time.sleep(0.2)
        return first

    def silence(self, since, until):
        """The longest time between two messages of any VEN."""
        last, longest = {}, 0.0
        for at, ven, _, _ in self.messages():
            if at > since and ven in last:
                longest = max(longest, min(at, until) - max(last[ven], since))
            if at > until:
                continue
            last[ven] = at
        return longest

    def owners(self, since):
        ((count,),) = self.sql(f"SELECT count(*) FROM watch_owners WHERE owner IS NOT NULL AND at > to_timestamp({since})")
        return count

    def quiet(self, seconds=180):
        """Until every VEN polled and no slot changed hands for a while."""
        self.all_poll(time.time(), seconds)
        deadline = time.monotonic() + seconds
        while self.owners(time.time() - self.lease - 2) and time.monotonic() < deadline:
            time.sleep(1)


def figures_of(drill, began, first=None, **more):
    found = {"longest silence of a VEN (s)": drill.silence(began, time.time()), "slots that changed hands": drill.owners(began)}
    if first is not None:
        found = {"VENs met": len(first), "last of them polls elsewhere (s)": max(first.values(), default=0), **found}
    return {**found, **more}


def killed(drill, options):
    began = time.time()
    met = {ven: who for ven, who in drill.where(began).items() if who == "w1"}
    drill.kill("w1")
    first = drill.moved(met, began, 180)
    found = figures_of(drill, began, first)
    drill.start("w1")
    return found


def suspended(drill, options):
    return away_for(drill, options, lambda: drill.signal("w1", signal.SIGSTOP), lambda: drill.signal("w1", signal.SIGCONT))


def cut(drill, options):
    return away_for(drill, options, lambda: drill.link("w1", "down"), lambda: drill.link("w1", "up"))


def away_for(drill, options, begin, end):
    began = time.time()
    met = {ven: who for ven, who in drill.where(began).items() if who == "w1"}
    begin()
    try:
        first = drill.moved(met, began, 180)
        time.sleep(max(0.0, options.away - (time.time() - began)))
    finally:
        end()
    return figures_of(drill, began, first)


def slow(drill, options):
    began = time.time()
    drill.delay("w1", 0.3)
    time.sleep(options.away)
    drill.delay("w1", 0)
    return figures_of(drill, began)


def clock_forth(drill, options):
    return stepped(drill, options, 3600)


def clock_back(drill, options):
    return stepped(drill, options, 0)


def stepped(drill, options, seconds):
    began = time.time()
    drill.step_clock("w1", seconds)
    time.sleep(options.away)
    return figures_of(drill, began)


def database_killed(drill, options):
    began = time.time()
    drill.database.kill()
    drill.database.start()
    drill.all_poll(time.time(), 180)
    return figures_of(drill, began)


def database_away(drill, options):
    began = time.time()
    drill.database.kill()
    time.sleep(options.database_away)
    drill.database.start()
    back = time.time()
    drill.messages()
    sent = [at - began for at, *_ in drill.messages() if began < at < back]
    first = drill.all_poll(back, 300)
    last = {"last message without it (s)": max(sent, default=0), "all poll after it came back (s)": max(first.values())}
    return figures_of(drill, began, **last)


def joining(drill, options):
    """One member more, and gone again in order: who moves, and how long each is silent."""
    before, began = drill.where(time.time()), time.time()
    drill.start("new")
    time.sleep(options.lease)
    drill.quiet()
    found = {"came": moves(drill, before, began)}
    before, began = drill.where(time.time()), time.time()
    drill.workers["new"].terminate()
    drill.workers.pop("new").wait(60)
    drill.quiet()
    return {**found, "left": moves(drill, before, began)}


def moves(drill, before, began):
    after = drill.where(time.time())
    moved = {ven for ven in before if after[ven] != before[ven]}
    last, gaps = {}, {}
    for at, ven, member, _ in drill.messages():
        if ven in moved and at > began and ven in last and last[ven][1] != member:
            gaps[ven] = max(gaps.get(ven, 0), at - last[ven][0])
        last[ven] = at, member
    return {
        "VENs moved": len(moved),
        "share": len(moved) / len(before),
        "longest silence of one that moved (s)": max(gaps.values(), default=0),
    }


TROUBLES = {
    each.__name__: each for each in (killed, suspended, cut, slow, clock_forth, clock_back, database_killed, database_away, joining)
}


def enter_namespace():
    """Run this program again where it has a network of its own, with loopback only."""
    if os.environ.get("FLEET_TROUBLES") == "inside":
        return
    os.environ["FLEET_TROUBLES"] = "inside"
    inside = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up && exec "$@"'
    os.execvp("unshare", ["unshare", "-n", "-m", "sh", "-c", inside, "sh", sys.executable, *sys.argv])


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("vens", 600), ("workers", 3), ("seed", 1), ("away", 60), ("database-away", 60), ("slots", 1024)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lease", type=float, default=15.0)
    parser.add_argument("--poll", type=float, default=10.0)
    parser.add_argument("troubles", nargs="*", help=f"some of {list(TROUBLES)}; all where none is named")
    options = parser.parse_args()
    enter_namespace()
    folder, began = Path(tempfile.mkdtemp(prefix="ven-troubles-")), time.time()
    figures = {"options": vars(options)}
    about = {name: vars(options)[name] for name in ("vens", "workers", "lease", "poll", "slots", "seed")}
    with Machines(folder, **about) as drill:
        with contextlib.suppress(KeyboardInterrupt):
            figures["all poll after the start (s)"] = max(drill.all_poll(0, 600).values()) - began
            drill.quiet(600)
            for name in options.troubles or TROUBLES:
                figures[name] = TROUBLES[name](drill, options)
                print(json.dumps({name: figures[name], "load": os.getloadavg()[0]}), file=sys.stderr, flush=True)
                drill.quiet()
        figures.update(drill.finish(90))
    figures["seconds"] = time.time() - began
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
