"""The limit of the stack: hand-written code on lxml + cryptography + requests, with the same
guarantees (hardened parser, XSD, signature and replay checks), and nothing else. It is no SDK: no
state, no errors, no options.
"""

import base64
import hashlib
import heapq
import threading
import time
from datetime import datetime, timedelta, timezone

import fixtures as fx
from common import T0, VEN_ID, ca_file, config, cpu_s, created_events, intervals, key_files, nthreads, rss_kib, vtn_cert_file

IMPORT = "import requests, lxml.etree, signxml"
_cache = {}


# --- building: an lxml tree by hand ---------------------------------------------------------------
def _E():
    from lxml import etree

    ns = {"ei": fx.EI, "emix": fx.EMIX, "oadr": fx.OADR, "pyld": fx.PYLD, "strm": fx.STRM, "xcal": fx.XCAL}
    return etree, ns


def _dt(d):
    return d.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _root(etree, ns):
    root = etree.Element("{%s}oadrPayload" % fx.OADR, nsmap={"oadr": fx.OADR})
    obj = etree.SubElement(root, "{%s}oadrSignedObject" % fx.OADR, {"{%s}Id" % fx.OADR: "oadrSignedObject"}, nsmap=ns)
    return root, obj


def _finish(etree, root, obj, signer):
    if signer:
        # digested and sent as it is: one serialisation
        o = etree.tostring(obj, method="c14n").decode()
        return fx.payload(o, signer.signature(o))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def build_case(kind, n, key):
    etree, ns = _E()
    S = etree.SubElement
    signer = fx.Signer.of(key) if key else None
    ei, pyld, oadr, xcal, strm = (("{%s}" % ns[p]) for p in ("ei", "pyld", "oadr", "xcal", "strm"))
    ver = {ei + "schemaVersion": "2.0b"}

    def text(parent, tag, value):
        S(parent, tag).text = value

    if kind == "poll":

        def run():
            root, obj = _root(etree, ns)
            text(S(obj, oadr + "oadrPoll", ver), ei + "venID", VEN_ID)
            return _finish(etree, root, obj, signer)
    elif kind == "created":
        evs = created_events(n)
        evr, code, desc, rid, q, eid, mod, opt = (
            ei + "eventResponse",
            ei + "responseCode",
            ei + "responseDescription",
            pyld + "requestID",
            ei + "qualifiedEventID",
            ei + "eventID",
            ei + "modificationNumber",
            ei + "optType",
        )

        def run():
            root, obj = _root(etree, ns)
            c = S(S(obj, oadr + "oadrCreatedEvent", ver), pyld + "eiCreatedEvent")
            r = S(c, ei + "eiResponse")
            text(r, code, "200"), text(r, desc, "OK"), S(r, rid)
            rs = S(c, ei + "eventResponses")
            for e, m, q_, o in evs:
                x = S(rs, evr)
                text(x, code, "200"), text(x, desc, "OK"), text(x, rid, q_)
                y = S(x, q)
                text(y, eid, e), text(y, mod, str(m))
                text(x, opt, o)
            text(c, ei + "venID", VEN_ID)
            return _finish(etree, root, obj, signer)
    else:
        ivs = intervals(n)
        iv, ds, dt, du, rp, rid, pf, val = (
            ei + "interval",
            xcal + "dtstart",
            xcal + "date-time",
            xcal + "duration",
            oadr + "oadrReportPayload",
            ei + "rID",
            ei + "payloadFloat",
            ei + "value",
        )

        def run():
            root, obj = _root(etree, ns)
            u = S(obj, oadr + "oadrUpdateReport", ver)
            text(u, pyld + "requestID", "req-1")
            rep = S(u, oadr + "oadrReport")
            text(S(rep, ds), dt, _dt(T0))
            box = S(rep, strm + "intervals")
            for start, dur, r, v in ivs:
                i = S(box, iv)
                S(S(i, ds), dt).text = _dt(start)
                S(S(i, du), du).text = f"PT{int(dur.total_seconds()) // 60}M"
                p = S(i, rp)
                S(p, rid).text = r
                S(S(p, pf), val).text = repr(v)
            for t, s in (
                ("eiReportID", "rep-1"),
                ("reportRequestID", "rr-1"),
                ("reportSpecifierID", "rs-1"),
                ("reportName", "TELEMETRY_USAGE"),
                ("createdDateTime", _dt(T0)),
            ):
                text(rep, ei + t, s)
            text(u, ei + "venID", VEN_ID)
            return _finish(etree, root, obj, signer)

    return run


# --- parsing: hardened parser, XSD, own verification, hand-written extraction ---------------------
def parser():
    from lxml import etree

    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True)


def schema():
    if "xsd" not in _cache:
        from lxml import etree

        _cache["xsd"] = etree.XMLSchema(etree.parse(config()["xsd"]))
    return _cache["xsd"]


class Verifier:
    """Pinned certificate; three C14N runs, two digests, one raw verification; the checked node is
    the parsed node.
    """

    def __init__(self):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        with open(vtn_cert_file(), "rb") as f:
            cert = x509.load_pem_x509_certificate(f.read())
        self.der = base64.b64encode(cert.public_bytes(serialization.Encoding.DER)).decode()
        pub, sha, pad = cert.public_key(), hashes.SHA256(), PKCS1v15()
        self.raw = lambda sig, data: pub.verify(sig, data, pad, sha)
        self.nonces = {}

    def __call__(self, root, replay=True):
        from lxml import etree

        ds = "{%s}" % fx.DS
        sig, obj = root
        if sig.tag != ds + "Signature" or obj.get("{%s}Id" % fx.OADR) != "oadrSignedObject":
            raise ValueError("layout")
        si, sv, ki, prop = sig
        if "".join(ki[0][0].text.split()) != self.der:
            raise ValueError("certificate")
        self.raw(base64.b64decode(sv.text), etree.tostring(si, method="c14n"))
        r1, r2 = si.findall(ds + "Reference")
        for r, node, uri in ((r1, obj, "#oadrSignedObject"), (r2, prop, "#prop")):
            if (
                r.get("URI") != uri
                or r.find(ds + "Transforms")[0].get("Algorithm") != fx.C14N
                or base64.b64decode(r.find(ds + "DigestValue").text) != hashlib.sha256(etree.tostring(node, method="c14n")).digest()
            ):
                raise ValueError("digest")
        stamp, nonce = (prop.findtext(f".//{{{fx.DSP}}}{t}") for t in ("timestamp", "nonce"))
        t = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        if replay:
            if t < datetime.now(timezone.utc) - timedelta(seconds=60) or nonce in self.nonces:
                raise ValueError("replay")
            self.nonces[nonce] = t
            if len(self.nonces) > 4096:
                self.nonces.clear()
        return obj


def verifier():
    if "verify" not in _cache:
        _cache["verify"] = Verifier()
    return _cache["verify"]


_dur = {}


def duration(s):
    d = _dur.get(s)
    if d is None:
        import re

        m = re.fullmatch(r"(-)?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", s)
        w, dd, h, mi, se = (int(x or 0) for x in m.groups()[1:])
        d = timedelta(weeks=w, days=dd, hours=h, minutes=mi, seconds=se)
        if len(_dur) < 1000:
            _dur[s] = d
    return d


def extract(msg):
    ei, xc, pl, oa = "{%s}" % fx.EI, "{%s}" % fx.XCAL, "{%s}" % fx.PYLD, "{%s}" % fx.OADR
    kind = msg.tag[len(oa) :]
    if kind != "oadrDistributeEvent":
        return kind, {c.tag.rpartition("}")[2]: (c.text if not len(c) else {g.tag.rpartition("}")[2]: g.text for g in c}) for c in msg}
    out, fromiso = [], datetime.fromisoformat
    for oe in msg.iterchildren(oa + "oadrEvent"):
        e, required = oe
        d = {c.tag: c for c in e}
        desc = {c.tag: c.text for c in d[ei + "eventDescriptor"]}
        props = d[ei + "eiActivePeriod"][0]
        start = fromiso(props.find(xc + "dtstart")[0].text)
        length = duration(props.find(xc + "duration")[0].text)
        signals = []
        for s in d[ei + "eiEventSignals"]:
            f = {c.tag: c for c in s}
            ivs = []
            for iv in s[0]:
                g = {c.tag: c for c in iv}
                ivs.append((duration(g[xc + "duration"][0].text), int(g[xc + "uid"][0].text), float(g[ei + "signalPayload"][0][0].text)))
            signals.append((f[ei + "signalName"].text, f[ei + "signalType"].text, f[ei + "signalID"].text, ivs))
        targets = [(c.tag.rpartition("}")[2], c.text) for c in d[ei + "eiTarget"]]
        out.append(
            (
                desc[ei + "eventID"],
                int(desc[ei + "modificationNumber"]),
                desc[ei + "eventStatus"],
                fromiso(desc[ei + "createdDateTime"]),
                start,
                length,
                signals,
                targets,
                required.text,
            )
        )
    return kind, {"request_id": msg.findtext(pl + "requestID"), "vtn_id": msg.findtext(ei + "vtnID"), "events": out}


def read(data, schema_, verify, p=None, replay=True):
    from lxml import etree

    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("DTD")
    root = etree.fromstring(data, p or parser())
    if root.getroottree().docinfo.doctype:
        raise ValueError("DTD")
    if schema_:
        schema().assertValid(root)
    obj = verifier()(root, replay) if verify else root[-1]
    return extract(obj[0])


def parse_case(kind, n, schema, verify, data):
    p = parser()
    return lambda: read(data, schema or verify, verify, p, replay=False)


# --- transport: requests --------------------------------------------------------------------------
class Poller:
    def __init__(self, url, tls, key):
        import requests

        self.s, self.url, self.key = requests.Session(), url, key
        self.s.headers.update({"Content-Type": "application/xml"})
        self.s.trust_env = False
        if tls:
            cert, keyf, pw = key_files(key or "ec256")
            self.s.verify, self.s.cert = ca_file(), (cert, keyf)
        self.p = parser()
        self.make = build_case("poll", 1, key)
        self.known = {}

    def _send(self, service, data):
        r = self.s.post(f"{self.url}/{service}", data=data, timeout=10)
        if r.status_code != 200:
            raise RuntimeError(r.status_code)
        return read(r.content, True, bool(self.key), self.p)

    def _many(self, k, fn):
        out = []
        for _ in range(k):
            a = time.perf_counter()
            fn()
            out.append(time.perf_counter() - a)
        return out

    def once(self):
        return self._send("OadrPoll", self.make())

    def poll(self, k):
        return self._many(k, self.once)

    def step(self):
        _, m = self.once()
        for e in m["events"]:
            self.known[e[0]] = e
        evs = [(e[0], e[1], m["request_id"], "optIn") for e in m["events"]]
        self._send("EiEvent", created_message(evs, self.key))

    def turn(self, k):
        return self._many(k, self.step)

    def know(self, n):
        for e in read(fx.message("distribute", n), False, False)[1]["events"]:
            self.known[e[0]] = e

    def tick(self):
        pass

    def close(self):
        self.s.close()


def created_message(evs, key):
    import adapter_floor

    return adapter_floor.created_text(evs, fx.Signer.of(key) if key else None)


def poll_case(url, tls, key):
    return Poller(url, tls, key)


def first_poll(url, tls, key):
    Poller(url, tls, key).poll(1)


# --- fleets ---------------------------------------------------------------------------------------
def fleet(n, url, tls, key, interval, warm, measure, variant="pool"):
    """variant 'threads': one thread and one Session a VEN; 'pool': one heap and 8 workers, one
    Session a VEN; 'shared': one heap and 8 workers, one Session (connection) a worker, as one
    identity may do.
    """
    import requests  # noqa: F401
    from lxml import etree  # noqa: F401

    schema()
    if key:
        verifier(), fx.Signer.of(key)
    base, t_start = rss_kib(), time.perf_counter()
    stop, done, lat = threading.Event(), [0], []
    workers = 8
    if variant == "shared":
        local = threading.local()

        def once(_):
            if not hasattr(local, "p"):
                local.p = Poller(url, tls, key)
            a = time.perf_counter()
            local.p.once()
            lat.append(time.perf_counter() - a)
            done[0] += 1

        vens = [object() for _ in range(n)]
    else:
        vens = [Poller(url, tls, key) for _ in range(n)]

        def once(v):
            a = time.perf_counter()
            v.once()
            lat.append(time.perf_counter() - a)
            done[0] += 1

    setup = time.perf_counter() - t_start
    begin = time.monotonic() + 0.2
    ts = []
    if variant == "threads":

        def loop(i, v):
            due = begin + interval * i / n
            while not stop.wait(max(0, due - time.monotonic())):
                once(v)
                due += interval

        threading.stack_size(256 * 1024)
        ts = [threading.Thread(target=loop, args=(i, v), daemon=True) for i, v in enumerate(vens)]
    else:
        heap, lock = [(begin + interval * i / n, i) for i in range(n)], threading.Lock()
        heapq.heapify(heap)

        def work():
            while True:
                with lock:
                    if stop.is_set():
                        return
                    due, i = heap[0]
                    wait = due - time.monotonic()
                    if wait <= 0:
                        heapq.heapreplace(heap, (due + interval, i))
                if wait > 0:
                    if stop.wait(min(wait, 0.05)):
                        return
                    continue
                once(vens[i])

        ts = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for t in ts:
        t.start()
    time.sleep(warm)
    c0, d0, t0 = cpu_s(), done[0], time.perf_counter()
    lat.clear()
    time.sleep(measure)
    out = dict(cpu=cpu_s() - c0, wall=time.perf_counter() - t0, polls=done[0] - d0, rss=rss_kib(), threads=nthreads())
    stop.set()
    for t in ts:
        t.join(15)
    s = sorted(lat)
    return {
        **out,
        "p50": s[len(s) // 2] if s else None,
        "p99": s[int(len(s) * 0.99)] if s else None,
        "base": base,
        "n": n,
        "setup_s": setup,
    }
