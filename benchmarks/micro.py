"""Where the time goes: single operations of the stack. Usage: VEN_BENCH_CONFIG=... python micro.py
(either environment). bench.py writes WORK/config.json; run a case of it once first.
"""

import base64
import gc
import hashlib
import json
import os
import socket
import ssl
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import adapter_limit as lim
import fixtures as fx
from common import ca_file, config, key_files, rss_kib, time_call

OUT = {}


def rec(name, fn, budget=0.25):
    us = 1e6 * time_call(fn, budget)
    OUT[name] = us
    print(f"{name:64} {us:12,.1f} us", flush=True)


def rec_bytes(name, n_bytes):
    OUT[name] = n_bytes
    print(f"{name:64} {n_bytes:12,.0f} B", flush=True)


def keys():
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    data, sha = b"x" * 1000, hashes.SHA256()
    for k in ("rsa2048", "rsa2048-pass", "rsa4096", "rsa4096-pass", "ec256", "ec256-pass"):
        _, f, pw = key_files(k)
        with open(f, "rb") as h:
            pem = h.read()
        pwb = pw.encode() if pw else None
        rec(f"key/load PEM {k}", lambda: ser.load_pem_private_key(pem, pwb), 0.5)
        if k.startswith("rsa"):
            rec(
                f"key/load PEM {k} unsafe_skip_rsa_key_validation",
                lambda: ser.load_pem_private_key(pem, pwb, unsafe_skip_rsa_key_validation=True),
            )
        if pw:
            continue
        key = ser.load_pem_private_key(pem, None)
        args = (padding.PKCS1v15(), sha) if k.startswith("rsa") else (ec.ECDSA(sha),)
        rec(f"sign/raw {k}", lambda: key.sign(data, *args))
        sig, pub = key.sign(data, *args), key.public_key()
        rec(f"verify/raw {k}", lambda: pub.verify(sig, data, *args))
        n = 400 if k != "rsa4096" else 100

        def many(n=n):
            for _ in range(n):
                key.sign(data, *args)

        t = time.perf_counter()
        many()
        one = time.perf_counter() - t
        ts = [threading.Thread(target=many) for _ in range(2)]
        t = time.perf_counter()
        [x.start() for x in ts]
        [x.join() for x in ts]
        two = time.perf_counter() - t
        OUT[f"threads/2 threads speed-up: sign {k}"] = 2 * one / two
        print(f"threads/2 threads on 2 cores, speed-up: sign {k:20} {2 * one / two:.2f}", flush=True)


def threads_xml():
    from lxml import etree

    d = fx.message("distribute", 20)
    sch = lim.schema()
    tree = etree.fromstring(d)
    cases = {
        "lxml parse (own parser)": lambda p, s, t: etree.fromstring(d, p),
        "XSD validate (shared schema, own tree)": lambda p, s, t: sch.validate(t),
        "XSD validate (own schema, own tree)": lambda p, s, t: s.validate(t),
        "c14n (own tree)": lambda p, s, t: etree.tostring(t, method="c14n"),
        "parse+XSD+extract (limit)": lambda p, s, t: lim.read(d, True, False, p),
    }
    for name, f in cases.items():

        def many():
            p, t = lim.parser(), etree.fromstring(d)
            s = etree.XMLSchema(etree.parse(config()["xsd"])) if "own schema" in name else None
            bar.wait()
            for _ in range(300):
                f(p, s, t)
            bar.wait()

        def go(k):
            global bar
            bar = threading.Barrier(k + 1)
            ts = [threading.Thread(target=many) for _ in range(k)]
            [x.start() for x in ts]
            bar.wait()
            a = time.perf_counter()
            bar.wait()
            r = time.perf_counter() - a
            [x.join() for x in ts]
            return r

        one, two = go(1), go(2)
        OUT[f"threads/2 threads speed-up: {name}"] = 2 * one / two
        print(f"threads/2 threads on 2 cores, speed-up: {name:40} {2 * one / two:.2f}", flush=True)


def xml():
    from lxml import etree

    try:
        import defusedxml.ElementTree as dET
    except ImportError:
        dET = None
    import xml.etree.ElementTree as ET
    import xml.parsers.expat as expat

    rec("xsd/compile the 2.0b schema", lambda: etree.XMLSchema(etree.parse(config()["xsd"])), 0.6)
    for kind, n in (("response", 1), ("distribute", 1), ("distribute", 20), ("distribute", 500)):
        d = fx.message(kind, n)
        tag = f"{kind}{n} ({len(d):,} B)"
        rec(f"parse/{tag} lxml default", lambda: etree.fromstring(d))
        p = lim.parser()
        rec(f"parse/{tag} lxml hardened, parser reused", lambda: etree.fromstring(d, p))
        rec(f"parse/{tag} lxml hardened, parser made each time", lambda: etree.fromstring(d, lim.parser()))
        rec(f"parse/{tag} stdlib ElementTree", lambda: ET.fromstring(d))
        if dET:
            rec(f"parse/{tag} defusedxml.ElementTree (as pre-screen: added cost)", lambda: dET.fromstring(d, forbid_dtd=True))

        def scan():
            x = expat.ParserCreate()

            def bad(*a):
                raise ValueError

            x.StartDoctypeDeclHandler = x.EntityDeclHandler = bad
            x.Parse(d, True)

        rec(f"parse/{tag} expat scan for DTD/entities, no tree", scan)
        rec(f"parse/{tag} byte search for <!DOCTYPE and <!ENTITY", lambda: b"<!DOCTYPE" in d or b"<!ENTITY" in d)
        t = etree.fromstring(d)
        s = lim.schema()
        rec(f"xsd/{tag} validate only", lambda: s.validate(t))
        vp = etree.XMLParser(schema=s, resolve_entities=False, no_network=True)
        rec(f"parse/{tag} hardened and XSD in the parser", lambda: etree.fromstring(d, vp))
        rec(f"extract/{tag} hand-written extraction only", lambda: lim.extract(t[-1][0]))
        rec(f"c14n/{tag} etree.tostring(method=c14n) of oadrSignedObject", lambda: etree.tostring(t[-1], method="c14n"))
        c = etree.tostring(t[-1], method="c14n")
        rec(f"digest/{tag} sha256+b64", lambda: base64.b64encode(hashlib.sha256(c).digest()))
        assert c.decode() == fx.message_obj(kind, n), "the text is not canonical"


def signxml_cost():
    import signxml
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from lxml import etree

    print("signxml", getattr(signxml, "__version__", "?"))
    from signxml.verifier import SignatureConfiguration

    for kname in ("rsa2048", "ec256"):
        cert, kf, _ = key_files(kname)
        with open(cert) as a, open(kf, "rb") as b:
            certp, keyp = a.read(), b.read()
        key = load_pem_private_key(keyp, None)
        certo = x509.load_pem_x509_certificate(certp.encode())
        alg = "rsa-sha256" if kname == "rsa2048" else "ecdsa-sha256"
        for kind, n in (("response", 1), ("distribute", 20)):
            tree = etree.fromstring(fx.message_obj(kind, n))

            def prop():
                e = etree.Element("{%s}ReplayProtect" % fx.DSP, nsmap={"dsp": fx.DSP}, attrib={"Id": "myid", "Target": "#mytarget"})
                etree.SubElement(e, "{%s}timestamp" % fx.DSP).text = "2030-01-01T00:00:00Z"
                etree.SubElement(e, "{%s}nonce" % fx.DSP).text = "abc"
                return e

            def sign(k, c):
                s = signxml.XMLSigner(method=signxml.methods.detached, signature_algorithm=alg, c14n_algorithm=fx.C14N)
                return s.sign(tree, key=k, cert=c, reference_uri="#oadrSignedObject", signature_properties=prop())

            rec(f"signxml/sign {kname} {kind}{n}: PEM key each time", lambda: sign(keyp, certp), 0.6)
            rec(f"signxml/sign {kname} {kind}{n}: preloaded key and certificate", lambda: sign(key, [certo]))
            obj = fx.message_obj(kind, n)
            sg = fx.Signer.of(kname)
            rec(f"signxml/ours sign {kname} {kind}{n}: text template, raw key", lambda: sg.signature(obj))
            msg = fx.payload(obj, sg.signature(obj))
            root = etree.fromstring(msg)
            conf = SignatureConfiguration(expect_references=2)
            rec(
                f"signxml/verify {kname} {kind}{n}: default",
                lambda: signxml.XMLVerifier().verify(root, x509_cert=certp, expect_config=conf),
            )
            rec(
                f"signxml/verify {kname} {kind}{n}: certificate object, validate_schema=False",
                lambda: signxml.XMLVerifier().verify(root, x509_cert=certo, expect_config=conf, validate_schema=False),
            )
    msg = fx.message("response", 1, "vtn")
    v, p = lim.verifier(), lim.parser()
    root = etree.fromstring(msg, p)
    rec("signxml/ours verify rsa2048 response1 (tree given)", lambda: v(root, replay=False))
    msg20 = etree.fromstring(fx.message("distribute", 20, "vtn"), p)
    rec("signxml/ours verify rsa2048 distribute20 (tree given)", lambda: v(msg20, replay=False))


def tls():
    def server_ctx(kname, tls13):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert, kf, _ = key_files(kname)
        c.load_cert_chain(cert, kf)
        c.load_verify_locations(ca_file())
        c.verify_mode = ssl.CERT_REQUIRED
        if not tls13:
            c.maximum_version = ssl.TLSVersion.TLSv1_2
        return c

    def client_ctx(kname):
        c = ssl.create_default_context(cafile=ca_file())
        c.load_cert_chain(*key_files(kname))
        return c

    def shake(cc, sc, session=None):
        """A handshake through memory BIOs: CPU only. Returns (client seconds, server seconds,
        client object).
        """
        a, b, x, y = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
        c = cc.wrap_bio(a, b, server_hostname="localhost", session=session)
        s = sc.wrap_bio(x, y, server_side=True)
        tc = ts = 0.0
        dc = ds = False
        for _ in range(6):
            t = time.perf_counter()
            if not dc:
                try:
                    c.do_handshake()
                    dc = True
                except ssl.SSLWantReadError:
                    pass
            tc += time.perf_counter() - t
            x.write(b.read())
            t = time.perf_counter()
            if not ds:
                try:
                    s.do_handshake()
                    ds = True
                except ssl.SSLWantReadError:
                    pass
            if ds:
                try:
                    s.write(b"x")
                except ssl.SSLWantReadError:
                    pass
            ts += time.perf_counter() - t
            a.write(y.read())
            if dc and ds:
                try:
                    c.read(10)
                    break
                except ssl.SSLWantReadError:
                    pass
        return tc, ts, c, s

    for k in ("rsa2048", "rsa4096", "ec256"):
        rec(f"tls/client SSLContext made (CA file + {k} chain)", lambda: client_ctx(k), 0.4)
    rec("tls/ssl.create_default_context() with system CAs", ssl.create_default_context, 0.4)
    try:
        import certifi

        rec("tls/SSLContext + certifi bundle", lambda: ssl.create_default_context(cafile=certifi.where()), 0.4)
    except ImportError:
        pass
    for v13 in (True, False):
        for ck, sk in (("ec256", "ec256"), ("ec256", "rsa2048"), ("rsa2048", "rsa2048"), ("rsa4096", "rsa2048")):
            cc, sc = client_ctx(ck), server_ctx(sk, v13)
            for resumed in (False, True):
                xs, ses = [], None
                if resumed:
                    ses = shake(cc, sc)[2].session
                reused = 0
                for _ in range(60):
                    tc, ts, c, s = shake(cc, sc, ses)
                    reused += c.session_reused
                    if resumed:
                        ses = c.session
                    xs.append((tc, ts))
                m = statistics.median(x[0] for x in xs) * 1e6
                ms = statistics.median(x[1] for x in xs) * 1e6
                name = f"tls/handshake {'1.3' if v13 else '1.2'} client {ck} server {sk} {'resumed' if resumed else 'full'}"
                OUT[name] = {"client_us": m, "server_us": ms, "reused": reused}
                print(f"{name:64} client {m:9,.0f} us  server {ms:9,.0f} us  reused {reused}/60", flush=True)
    cc, sc = client_ctx("ec256"), server_ctx("rsa2048", True)
    gc.collect()
    b = rss_kib()
    keep = [shake(cc, sc)[2:] for _ in range(1000)]
    rec_bytes("memory/TLS connection, both ends, memory BIOs, shared context", (rss_kib() - b) * 1024 / 1000)
    del keep
    gc.collect()
    b = rss_kib()
    keep = [client_ctx("ec256") for _ in range(300)]
    rec_bytes("memory/client SSLContext (own CA file)", (rss_kib() - b) * 1024 / 300)
    del keep


def http_layers():
    """The cost of one keep-alive POST of canned bytes by client layer. The server is vtn.py in its
    own process.
    """
    import subprocess

    with socket.socket() as s1, socket.socket() as s2:
        s1.bind(("127.0.0.1", 0))
        s2.bind(("127.0.0.1", 0))
        ports = s1.getsockname()[1], s2.getsockname()[1]
    here = os.path.dirname(os.path.abspath(__file__))
    srv = subprocess.Popen(
        ["taskset", "-c", "1", sys.executable, os.path.join(here, "vtn.py"), *map(str, ports)], stdout=subprocess.PIPE, text=True
    )
    srv.stdout.readline()
    os.sched_setaffinity(0, {0})
    body = lim.build_case("poll", 1, None)()
    hdr = {"Content-Type": "application/xml"}
    try:
        for net in ("http", "mtls"):
            url = f"{'https' if net == 'mtls' else 'http'}://localhost:{ports[net == 'mtls']}/empty/OadrPoll"
            cert, kf, _ = key_files("ec256")
            import http.client

            if net == "http":
                h = http.client.HTTPConnection("localhost", ports[0])
            else:
                ctx = ssl.create_default_context(cafile=ca_file())
                ctx.load_cert_chain(cert, kf)
                h = http.client.HTTPSConnection("localhost", ports[1], context=ctx)

            def hc():
                h.request("POST", "/empty/OadrPoll", body, hdr)
                return h.getresponse().read()

            raw = socket.create_connection(("127.0.0.1", ports[net == "mtls"]))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if net == "mtls":
                raw = ctx.wrap_socket(raw, server_hostname="localhost")
            req = (
                f"POST /empty/OadrPoll HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body

            def rw():
                raw.sendall(req)
                return raw.recv(65536)

            todo = {"raw socket": rw, "http.client": hc}
            try:
                import requests
                import urllib3

                pm = urllib3.PoolManager(ca_certs=ca_file(), cert_file=cert, key_file=kf)
                todo["urllib3 PoolManager.urlopen"] = lambda: pm.urlopen("POST", url, body=body, headers=hdr).data
                pool = pm.connection_from_url(url)
                path = "/empty/OadrPoll"
                todo["urllib3 pool.urlopen (bare)"] = lambda: (
                    pool.urlopen("POST", path, body=body, headers=hdr, retries=False, redirect=False, assert_same_host=False).data
                )
                # verify= by call: with trust_env, REQUESTS_CA_BUNDLE overrides Session.verify
                s = requests.Session()
                todo["requests Session.post"] = lambda: s.post(url, data=body, headers=hdr, verify=ca_file(), cert=(cert, kf)).content
                s2 = requests.Session()
                s2.verify = ca_file()
                s2.cert = (cert, kf)
                s2.trust_env = False
                todo["requests Session.post, trust_env=False"] = lambda: s2.post(url, data=body, headers=hdr).content
                pre = s2.prepare_request(requests.Request("POST", url, data=body, headers=hdr))
                todo["requests Session.send(prepared once), trust_env=False"] = lambda: (
                    s2.send(pre, verify=ca_file(), cert=(cert, kf), timeout=10, allow_redirects=False).content
                )
                ad = s2.get_adapter(url)
                todo["requests HTTPAdapter.send(prepared once)"] = lambda: (
                    ad.send(pre, verify=ca_file(), cert=(cert, kf), timeout=10).content
                )
            except ImportError:
                import asyncio

                import aiohttp

                loop = asyncio.new_event_loop()

                async def mk():
                    if net == "http":
                        return aiohttp.ClientSession(headers=hdr)
                    return aiohttp.ClientSession(headers=hdr, connector=aiohttp.TCPConnector(ssl=ctx))

                ses = loop.run_until_complete(mk())

                async def one():
                    async with ses.post(url, data=body) as r:
                        return await r.read()

                async def batch():
                    for _ in range(50):
                        await one()

                name = f"http-layer/{net} aiohttp session.post"
                xs = []
                for _ in range(20):
                    c = time.process_time()
                    loop.run_until_complete(batch())
                    xs.append((time.process_time() - c) / 50)
                OUT[name + " cpu"] = 1e6 * statistics.median(xs)
                print(f"{name:64} cpu {OUT[name + ' cpu']:9,.1f} us", flush=True)
            for name, f in todo.items():
                for _ in range(20):
                    f()
                lat, cpu = [], []
                for _ in range(12):
                    c = time.process_time()
                    for _ in range(50):
                        a = time.perf_counter()
                        r = f()
                        lat.append(time.perf_counter() - a)
                    cpu.append((time.process_time() - c) / 50)
                assert b"oadrResponse" in r
                n_ = f"http-layer/{net} {name}"
                OUT[n_] = {"p50_us": 1e6 * statistics.median(lat), "cpu_us": 1e6 * statistics.median(cpu)}
                print(f"{n_:64} p50 {OUT[n_]['p50_us']:9,.1f} us  cpu {OUT[n_]['cpu_us']:9,.1f} us", flush=True)
    finally:
        srv.terminate()


def imports():
    import subprocess

    for stmt in (
        "pass",
        "import ssl",
        "import http.client",
        "import lxml.etree",
        "import requests",
        "import urllib3",
        "import cryptography.x509",
        "from cryptography.hazmat.primitives import serialization, hashes",
        "import signxml",
        "import defusedxml.ElementTree",
        "import dataclasses",
        "import concurrent.futures",
        "import asyncio",
        "import aiohttp",
        "import jinja2",
        "import apscheduler.schedulers.asyncio",
        "import openleadr",
        "import requests, lxml.etree",
        "import requests, lxml.etree, signxml",
    ):
        mod = stmt.split()[1].split(".")[0].rstrip(",") if stmt != "pass" else "sys"
        import importlib.util

        if not importlib.util.find_spec(mod):
            continue
        ts = []
        for _ in range(9):
            a = time.perf_counter()
            subprocess.run([sys.executable, "-c", stmt], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            ts.append(time.perf_counter() - a)
        OUT["import/" + stmt] = 1e6 * statistics.median(ts)
        print(f"import/{stmt:58} {1e3 * statistics.median(ts):8.1f} ms", flush=True)


if __name__ == "__main__":
    for part in sys.argv[1:] or ("keys", "threads_xml", "xml", "signxml_cost", "tls", "http_layers", "imports"):
        try:
            globals()[part]()
        except Exception as e:
            import traceback

            traceback.print_exc()
            print("FAILED", part, e)
    with open(
        os.path.join(os.path.dirname(os.environ["VEN_BENCH_CONFIG"]), f"micro-{'sdk' if 'sdk' in sys.executable else 'peer'}.json"), "w"
    ) as f:
        json.dump(OUT, f, indent=1)
