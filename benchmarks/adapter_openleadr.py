"""The peer: openleadr (asyncio). Run with the interpreter of the environment it is installed in."""

import asyncio
import contextlib
import io
import logging
import time
from datetime import datetime, timedelta, timezone

from common import T0, VEN_ID, ca_file, config, cpu_s, created_events, intervals, key_files, nthreads, rss_kib

IMPORT = "import openleadr"
logging.disable(logging.CRITICAL)


def _messaging():
    from openleadr import messaging

    # the same message is verified again and again
    messaging.REPLAY_PROTECT_MAX_TIME_DELTA = timedelta(days=1)
    return messaging


def build_case(kind, n, key):
    m = _messaging()
    kw = {}
    if key:
        cert, keyf, pw = key_files(key)
        with open(cert, "rb") as c, open(keyf, "rb") as k:
            kw = {"cert": c.read(), "key": k.read(), "passphrase": pw}
    if kind == "poll":
        return lambda: m.create_message("oadrPoll", ven_id=VEN_ID, **kw)
    if kind == "created":
        evs = [
            {"response_code": 200, "response_description": "OK", "opt_type": o, "request_id": r, "modification_number": mod, "event_id": e}
            for e, mod, r, o in created_events(n)
        ]
        return lambda: m.create_message(
            "oadrCreatedEvent",
            ven_id=VEN_ID,
            event_responses=evs,
            response={"response_code": 200, "response_description": "OK", "request_id": "req-77"},
            **kw,
        )
    from openleadr import objects

    ivs = [
        objects.ReportInterval(dtstart=s, duration=d, report_payload=objects.ReportPayload(r_id=r, value=v)) for s, d, r, v in intervals(n)
    ]

    def update():
        rep = objects.Report(
            report_request_id="rr-1",
            report_specifier_id="rs-1",
            report_name="TELEMETRY_USAGE",
            created_date_time=T0,
            dtstart=T0,
            intervals=ivs,
            report_descriptions=[],
        )
        return m.create_message("oadrUpdateReport", ven_id=VEN_ID, request_id="req-1", reports=[rep], **kw)

    return update


def parse_case(kind, n, schema, verify, data):
    m = _messaging()

    def run():
        if verify:
            m.NONCE_CACHE.clear()
        if schema or verify:
            tree = m.validate_xml_schema(data)
            if verify:
                m.validate_xml_signature(tree)
        return m.parse_message(data)

    return run


def _client(url, tls, key, **kw):
    from openleadr import OpenADRClient, utils

    if tls or key:
        cert, keyf, pw = key_files(key or "ec256")
        with open(f"{config()['pki']}/vtn.crt") as f:
            fp = utils.certificate_fingerprint(f.read())
        kw.update(cert=cert, key=keyf, passphrase=pw, ca_file=ca_file(), disable_signature=not key, vtn_fingerprint=fp if key else None)
    with contextlib.redirect_stdout(io.StringIO()):
        return OpenADRClient("bench", url, ven_id=VEN_ID, show_fingerprint=False, **kw)


class Poller:
    """poll(k) -> latencies (s) of k sequential polls; turn(k): k times poll, handle the event,
    deliver the answer.
    """

    def __init__(self, url, tls, key):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.c = _client(url, tls, key)
        self.c.add_handler("on_event", lambda e: "optIn")
        self.c.add_handler("on_update_event", lambda e: "optIn")

    def _many(self, k, fn, check=None):
        async def go():
            out = []
            for _ in range(k):
                a = time.perf_counter()
                r = await fn()
                out.append(time.perf_counter() - a)
                if check and not (r and r[0]):
                    raise RuntimeError(f"failed: {r}")
            return out

        return self.loop.run_until_complete(go())

    def poll(self, k):
        return self._many(k, self.c.poll, check=True)

    def turn(self, k):
        return self._many(k, self.c._poll)

    def know(self, n):
        """Let the client know n events (handled already)."""
        import fixtures as fx

        m = _messaging()
        _, p = m.parse_message(fx.message("distribute", n))
        self.c.received_events[:] = p["events"]
        self.c.responded_events.update({e["event_descriptor"]["event_id"]: "optIn" for e in p["events"]})

    def tick(self):
        """The periodic event upkeep of a client."""
        self.loop.run_until_complete(self.c._event_status_log())
        self.loop.run_until_complete(self.c._event_cleanup())

    def close(self):
        async def stop():
            if self.c.client_session:
                await self.c.client_session.close()

        self.loop.run_until_complete(stop())
        self.loop.close()


def poll_case(url, tls, key):
    return Poller(url, tls, key)


def first_poll(url, tls, key):
    p = Poller(url, tls, key)
    p.poll(1)
    p.close()


def fleet(n, url, tls, key, interval, warm, measure, variant=None):
    """n VENs in this process, each polling every `interval` s, starts spread over one interval."""
    import openleadr  # noqa: F401

    base = rss_kib()
    out = {}

    async def go():
        cs = []
        for i in range(n):
            cs.append(_client(url, tls, key))
        out["setup_s"] = time.perf_counter() - t_start
        lat, done = [], [0]

        async def job(c):
            a = time.perf_counter()
            r = await c.poll()
            if r and r[0]:
                done[0] += 1
                lat.append(time.perf_counter() - a)

        now = datetime.now(timezone.utc)
        for i, c in enumerate(cs):
            c.scheduler.add_job(
                job, args=(c,), trigger="interval", seconds=interval, next_run_time=now + timedelta(seconds=interval * i / n + 0.2)
            )
            c.scheduler.start()
        await asyncio.sleep(warm)
        c0, d0 = cpu_s(), done[0]
        t0 = time.perf_counter()
        lat.clear()
        await asyncio.sleep(measure)
        lat.sort()
        out.update(
            cpu=cpu_s() - c0,
            wall=time.perf_counter() - t0,
            polls=done[0] - d0,
            rss=rss_kib(),
            threads=nthreads(),
            p50=lat[len(lat) // 2] if lat else None,
            p99=lat[int(len(lat) * 0.99)] if lat else None,
        )
        for c in cs:
            c.scheduler.shutdown(wait=False)
            if c.client_session:
                await c.client_session.close()

    t_start = time.perf_counter()
    asyncio.run(go())
    return {**out, "base": base, "n": n}
