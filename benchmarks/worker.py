"""One adapter in one process, pinned to a core, taking JSON commands on stdin. Started by
bench.py.
"""

import importlib
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common
import fixtures as fx


def pct(xs, q):
    xs = sorted(xs)
    return xs[min(len(xs) - 1, int(len(xs) * q))]


def build(ad, kind, n, key, budget):
    return {"us": 1e6 * common.time_call(ad.build_case(kind, n, key), budget)}


def parse(ad, kind, n, schema, verify, budget):
    data = fx.message(kind, n, "vtn" if verify else None)
    return {"us": 1e6 * common.time_call(ad.parse_case(kind, n, schema, verify, data), budget)}


def check(ad, kind, n, key):
    """Is what the adapter builds valid: XSD, and the signature by signxml with two references?"""
    from lxml import etree

    data = ad.build_case(kind, n, key)()
    data = data.encode() if isinstance(data, str) else data
    root = etree.fromstring(data)
    ok = etree.XMLSchema(etree.parse(common.config()["xsd"]))
    out = {"bytes": len(data), "xsd": "valid" if ok.validate(root) else str(ok.error_log.last_error)[-120:]}
    if key:
        from signxml import XMLVerifier
        from signxml.verifier import SignatureConfiguration

        with open(common.key_files(key)[0]) as f:
            XMLVerifier().verify(root, x509_cert=f.read(), expect_config=SignatureConfiguration(expect_references=2))
        out["signature"] = "valid"
    return out


_open = {}


def poll(ad, url, tls, key, k, turn=False, know=0):
    ident = (url, tls, key, know)
    # a new client each round: what it learned would slow some peers
    if turn and not know and ident in _open:
        _open.pop(ident).close()
    if ident not in _open:
        p = _open[ident] = ad.poll_case(url, tls, key)
        if know:
            p.know(know)
        (p.turn if turn else p.poll)(3)
    p = _open[ident]
    c, w = common.cpu_s(), time.perf_counter()
    lat = (p.turn if turn else p.poll)(k)
    c, w = common.cpu_s() - c, time.perf_counter() - w
    return {"per_s": k / w, "cpu_us": 1e6 * c / k, "p50_us": 1e6 * pct(lat, 0.5), "p99_us": 1e6 * pct(lat, 0.99)}


def pooled(ad, url, tls, key, k):
    """Polls that go through the client's own scheduler and threads; an adapter without them does
    the same as in `poll`.
    """
    p = ad.poll_case(url, tls, key)
    f = getattr(p, "pooled", p.poll)
    f(3)
    c = common.cpu_s()
    f(k)
    c = common.cpu_s() - c
    p.close()
    return {"cpu_us": 1e6 * c / k}


def tick(ad, url, know, budget):
    p = ad.poll_case(url, False, None)
    p.know(know)
    return {"us": 1e6 * common.time_call(p.tick, budget)}


def leak(ad, url, tls, key, total, step, turn=False):
    p = ad.poll_case(url, tls, key)
    f = p.turn if turn else p.poll
    f(200)
    out = [common.rss_kib()]
    for _ in range(total // step):
        f(step)
        out.append(common.rss_kib())
    return {"rss_kib": out, "step": step}


def fleet(ad, **kw):
    return ad.fleet(**kw)


def main():
    name, core = sys.argv[1], int(sys.argv[2])
    if core >= 0:
        os.sched_setaffinity(0, {core})
    ad = importlib.import_module(name)
    real = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    for line in sys.stdin:
        cmd = json.loads(line)
        try:
            out = globals()[cmd.pop("do")](ad, **cmd)
        except NotImplementedError:
            out = {"absent": True}
        except Exception as e:  # shown in the table as an error, the run goes on
            out = {"error": f"{type(e).__name__}: {e}"[:300]}
        real.write(json.dumps(out) + "\n")
        real.flush()


if __name__ == "__main__":
    main()
