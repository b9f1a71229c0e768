"""This SDK, as its own client uses it: what is checked by default (safe parser, replay, pinned
certificate) is checked here.

Every function is called in a fresh worker process. Work that a client repeats for each message is
inside the returned callable, work that it does once is outside. ``schema`` means ``strict=True``:
the codec's own declarations.
"""

import threading
import time
from datetime import datetime, timezone

import fixtures as fx
from common import T0, VEN_ID, ca_file, cpu_s, created_events, intervals, key_files, nthreads, rss_kib, vtn_cert_file

IMPORT = "import ven_sdk.client"
DAY = 86400.0


# --- building -------------------------------------------------------------------------------------
def build_case(kind, n, key):
    from ven_sdk.oadr20b.codec import envelope

    record = RECORDS[kind](n)
    if key is None:
        return lambda: envelope.message(record())
    from ven_sdk.oadr20b.security.signing import Signer
    from ven_sdk.security.credentials import Credentials

    signer = Signer(Credentials.load(*key_files(key)))
    return lambda: signer.sign_canonical(envelope.signed_object(record()))


def _poll(n):
    from ven_sdk.oadr20b.schema.registration import Poll

    return lambda: Poll(ven_id=VEN_ID)


def _created(n):
    from ven_sdk.oadr20b.schema.events import CreatedEvent, EventResponse
    from ven_sdk.oadr20b.schema.responses import EiResponse

    responses = [
        EventResponse(
            response_code="200", response_description="OK", request_id=request, event_id=event, modification_number=number, opt_type=opt
        )
        for event, number, request, opt in created_events(n)
    ]
    response = EiResponse(response_code="200", response_description="OK", request_id="")
    return lambda: CreatedEvent(response=response, event_responses=responses, ven_id=VEN_ID)


def _update(n):
    from ven_sdk.oadr20b.schema.reports import Report, ReportInterval, UpdateReport
    from ven_sdk.schema.points import ReportPayload

    rows = [
        ReportInterval(dtstart=start, duration=length, report_payloads=[ReportPayload(r_id=r_id, value=value)])
        for start, length, r_id, value in intervals(n)
    ]

    def make():
        report = Report(
            dtstart=T0,
            intervals=rows,
            report_id="rep-1",
            report_request_id="rr-1",
            report_specifier_id="rs-1",
            report_name="TELEMETRY_USAGE",
            created_date_time=T0,
        )
        return UpdateReport(request_id="req-1", reports=[report], ven_id=VEN_ID)

    return make


RECORDS = {"poll": _poll, "created": _created, "update": _update}


# --- reading --------------------------------------------------------------------------------------
def parse_case(kind, n, schema, verify, data):
    from ven_sdk.oadr20b.codec import parsing, reader

    if not verify:
        return lambda: reader.read_message(parsing.parse(data), strict=schema).record
    from ven_sdk.oadr20b.security.replay import ReplayGuard
    from ven_sdk.oadr20b.security.verification import Verifier

    pin = vtn_fingerprint()

    def run():
        # a fresh memory: the same message is read again and again
        verifier = Verifier(pin, ReplayGuard(DAY))
        root = verifier.verify(parsing.parse(data, verbatim=True), datetime.now(timezone.utc))
        return reader.read_message(root, strict=schema).record

    return run


def vtn_fingerprint():
    from ven_sdk.security.fingerprint import certificate_fingerprint

    with open(vtn_cert_file(), "rb") as f:
        return certificate_fingerprint(f.read())


# --- a client at work -----------------------------------------------------------------------------
def client_of(url, tls, key, **more):
    from ven_sdk import OpenADRClient

    arguments = dict(ven_id=VEN_ID, register=False, show_fingerprint=False, allow_jitter=False, poll_frequency=DAY)
    if tls or key:
        cert, key_path, passphrase = key_files(key or "ec256")
        arguments.update(cert=cert, key=key_path, passphrase=passphrase, ca_file=ca_file(), disable_signature=not key)
        if key:
            arguments.update(vtn_fingerprint=vtn_fingerprint())
    return OpenADRClient("bench", url, **{**arguments, **more})


class Poller:
    """A started client that polls when it is told to: its own next poll is a day away, and its talk
    lane is held back.

    ``poll`` runs the talk lane on the calling thread, as a pool thread would: what is due,
    exchange, judgement, step, next timer. ``turn`` and ``pooled`` leave everything to the client's
    own threads.
    """

    def __init__(self, url, tls, key):
        from ven_sdk.runtime.conversation import pace

        self.arguments, self.knows = (url, tls, key), False
        self.done, self.target, self.wanted = [], 0, ""
        self.reached = threading.Event()
        self._watch()
        # A VTN that brings something new with every poll is followed 50 times a minute at most; what
        # is measured here is how long once takes.
        pace.MESSAGES_A_MINUTE = 10**9
        self._make()

    def _make(self, **more):
        self.client = client_of(*self.arguments, **more)
        self.client.add_handler("on_event", lambda event: "optIn")
        self.engine = self.client._engine
        self.counters = self.engine.counters
        self._until("poll", 1, self.client.start)

    def _watch(self):
        """See every exchange on the thread that did it; when as many as wanted were done, the lane
        is held at once. Each start has a conversation of its own, so the class is watched.
        """
        from ven_sdk.runtime.conversation.exchanges import Exchanges

        count = Exchanges._count

        def watched(exchanges, task, received):
            count(exchanges, task, received)
            if task.name == self.wanted:
                self.done.append(time.perf_counter())
                if len(self.done) == self.target:
                    self._talk().blocked_until = self.engine.clock.monotonic() + DAY
                    self.reached.set()

        Exchanges._count = watched

    def _talk(self):
        return self.engine.conversation.lanes.states[0]

    def _until(self, name, count, begin):
        """``begin``, and wait until ``count`` exchanges of that name are done; returns the moments
        of each.
        """
        self.done, self.target, self.wanted = [], count, name
        self.reached.clear()
        begin()
        if not self.reached.wait(60):
            raise RuntimeError(f"{len(self.done)} of {count} exchanges in 60 s: {self.counters.last_error}")
        return self.done

    def _release(self):
        self._talk().blocked_until = 0.0
        self.engine.conversation.polling.fail()

    def _go(self):
        self._release()
        self.engine.conversation.lanes.wake()

    def poll(self, k):
        conversation, lane, counters, latencies = self.engine.conversation, self._talk(), self.counters, []
        self.wanted = ""
        for _ in range(k):
            self._release()
            before = counters.polls
            a = time.perf_counter()
            conversation._run(lane)
            latencies.append(time.perf_counter() - a)
            if counters.polls == before:  # a timer of the client's own began it on another thread
                self._wait_for_poll(before)
        lane.blocked_until = self.engine.clock.monotonic() + DAY
        return latencies

    def _wait_for_poll(self, before, patience=10):
        end = time.monotonic() + patience
        while self.counters.polls == before:
            if time.monotonic() > end:
                raise RuntimeError(f"no poll: {self.counters.last_error}")
            time.sleep(0.001)

    def pooled(self, k):
        """``k`` polls by way of scheduler and pool, as they come by themselves."""
        latencies = []
        for _ in range(k):
            a = time.perf_counter()
            self._until("poll", 1, lambda: self.engine.scheduler.call_after(0.0, self._go))
            latencies.append(time.perf_counter() - a)
        return latencies

    def turn(self, k):
        """``k`` rounds of poll, handler and answer: one after the other as a queue that is not
        empty is drained; where the events are known already, which is an empty queue to the VEN,
        each round is begun here.
        """
        if self.knows:
            return [self._round() for _ in range(k)]
        a = time.perf_counter()
        moments = self._until("event answer", k, self._go)
        return [after - before for before, after in zip([a, *moments], moments)]

    def _round(self):
        a = time.perf_counter()
        return self._until("event answer", 1, self._go)[0] - a

    def know(self, n):
        """A list of n events, taken in, handled and answered. ``implied_cancel`` is off: the lists
        of one event that the case then sends would, as complete lists, cancel all others, and
        nothing would be left to know.
        """
        from ven_sdk.oadr20b.services import events

        self.knows = True
        self.client.stop()
        self._make(implied_cancel=False)
        message = event_list([f"event-{i:05d}" for i in range(n)])
        self.engine.transact(lambda book, now: events.receive(book, message, now))
        while self.engine.read(lambda: events.is_deciding(self.engine.book, self.engine.now())):
            time.sleep(0.01)
        polling = self.engine.conversation.polling
        polling.begin(self.engine.clock.monotonic())  # the next one is a day away
        polling.end()
        self._talk().blocked_until = 0.0
        self._until("event answer", 1, self.engine.conversation.lanes.wake)

    def tick(self):
        """There is no periodic upkeep of events (each has a timer of its own); this is one look at
        what is due.
        """
        self.engine.choose(self.engine.conversation._take, self._talk())

    def close(self):
        self.client.stop()


def event_list(ids):
    """The record of a list of so many events; read in pieces, as the safe parser takes no message of this
    size at once.
    """
    from ven_sdk.oadr20b.codec import envelope, parsing, reader

    pieces = [fx.payload(fx.distribute_obj(ids[i : i + 500])) for i in range(0, len(ids), 500)]
    lists = [reader.read(envelope.payload_of(parsing.parse(piece))).record for piece in pieces]
    return lists[0].replace(events=[event for each in lists for event in each.events])


def poll_case(url, tls, key):
    return Poller(url, tls, key)


def first_poll(url, tls, key):
    """What a program does: start, and stop after the first poll (which the bootstrap's two
    exchanges precede).
    """
    client = client_of(url, tls, key)
    client.start()
    first_done(client)
    client.stop()


def first_done(client, patience=10):
    """Wait for the first good poll; an empty one changes nothing that anybody is told of."""
    end = time.monotonic() + patience
    while not client._engine.counters.polls:
        if time.monotonic() > end:
            raise RuntimeError(f"no poll: {client._engine.counters.last_error}")
        time.sleep(0.001)


# --- a fleet --------------------------------------------------------------------------------------
def fleet(n, url, tls, key, interval, warm, measure, variant=None):
    """Over TLS each VEN has its own certificate. ``late``: how long after its time a poll began."""
    from ven_sdk import Fleet
    from ven_sdk.runtime.conversation.polling import Polling

    certificates = own_certificates(n) if tls or key else None
    seen = Punctuality(Polling)
    base, started = rss_kib(), time.perf_counter()
    group = Fleet(url, start_rate=n / interval)
    for i in range(n):
        arguments = {}
        if certificates:
            arguments = dict(cert=certificates[i], ca_file=ca_file(), disable_signature=not key)
            if key:
                arguments.update(vtn_fingerprint=vtn_fingerprint())
        group.add(f"ven-{i}", ven_id=VEN_ID, register=False, poll_frequency=interval, **arguments)
    setup = time.perf_counter() - started
    group.start()
    time.sleep(warm)
    seen.clear()
    c, w, before = cpu_s(), time.perf_counter(), group.status.counters["polls"]
    time.sleep(measure)
    status = group.status
    out = dict(
        cpu=cpu_s() - c,
        wall=time.perf_counter() - w,
        polls=status.counters["polls"] - before,
        rss=rss_kib(),
        threads=nthreads(),
        n=n,
        base=base,
        setup_s=setup,
        failures=status.counters["failures"],
        p50=pct(seen.lengths, 0.5),
        p99=pct(seen.lengths, 0.99),
        late_p50=pct(seen.late, 0.5),
        late_p99=pct(seen.late, 0.99),
    )
    began = time.perf_counter()
    group.stop()
    return {**out, "stop_s": time.perf_counter() - began}


class Punctuality:
    """Watches when polls begin, against when they were due, and how long they take."""

    def __init__(self, polling):
        self.late, self.lengths = [], []
        begin, end = polling.begin, polling.end

        def begun(self_, now):
            self.late.append(max(0.0, -self_.seconds_to_period(now)))
            begin(self_, now)

        def ended(self_):
            self.lengths.append(time.monotonic() - self_.began)
            end(self_)

        polling.begin, polling.end = begun, ended

    def clear(self):
        self.late.clear(), self.lengths.clear()


def pct(xs, q):
    xs = sorted(xs)
    return xs[min(len(xs) - 1, int(len(xs) * q))] if xs else None


def own_certificates(n):
    """n files, each with a key and a certificate of its own. Made once; making one takes a
    millisecond.
    """
    import pki

    return pki.fleet(n)
