"""The floor below the stack's limit: text templates that are canonical by construction, raw key,
http.client, plain lxml parse. It shows what requests, tree building and C14N cost; a goal should be
stated against adapter_limit.
"""

import http.client
import ssl
from urllib.parse import urlsplit

import adapter_limit as lim
import fixtures as fx
from common import T0, VEN_ID, ca_file, created_events, intervals, key_files

IMPORT = "import http.client, ssl, lxml.etree"


def esc(s):
    if "&" in s or "<" in s or ">" in s or "\r" in s:
        s = s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    return s


def _out(body, signer):
    obj = fx.signed_object(body)
    return fx.payload(obj, signer.signature(obj) if signer else "")


def created_text(evs, signer):
    rows = "".join(
        "<ei:eventResponse><ei:responseCode>200</ei:responseCode><ei:responseDescription>OK</ei:responseDescription>"
        f"<pyld:requestID>{esc(r)}</pyld:requestID><ei:qualifiedEventID><ei:eventID>{esc(e)}</ei:eventID>"
        f"<ei:modificationNumber>{m}</ei:modificationNumber></ei:qualifiedEventID><ei:optType>{o}</ei:optType>"
        "</ei:eventResponse>"
        for e, m, r, o in evs
    )
    return _out(
        "<oadr:oadrCreatedEvent "
        'ei:schemaVersion="2.0b"><pyld:eiCreatedEvent><ei:eiResponse><ei:responseCode>200'
        "</ei:responseCode><ei:responseDescription>OK</ei:responseDescription><pyld:requestID></pyld:requestID>"
        f"</ei:eiResponse><ei:eventResponses>{rows}</ei:eventResponses><ei:venID>{esc(VEN_ID)}</ei:venID>"
        "</pyld:eiCreatedEvent></oadr:oadrCreatedEvent>",
        signer,
    )


def build_case(kind, n, key):
    signer = fx.Signer.of(key) if key else None
    if kind == "poll":
        return lambda: _out(f'<oadr:oadrPoll ei:schemaVersion="2.0b"><ei:venID>{esc(VEN_ID)}</ei:venID></oadr:oadrPoll>', signer)
    if kind == "created":
        evs = created_events(n)
        return lambda: created_text(evs, signer)
    ivs = intervals(n)

    def update():
        rows = "".join(
            f"<ei:interval><xcal:dtstart><xcal:date-time>{s.isoformat(timespec='seconds')[:-6]}Z</xcal:date-time>"
            f"</xcal:dtstart><xcal:duration><xcal:duration>PT{d.seconds // 60}M</xcal:duration></xcal:duration>"
            f"<oadr:oadrReportPayload><ei:rID>{esc(r)}</ei:rID><ei:payloadFloat><ei:value>{v!r}</ei:value>"
            "</ei:payloadFloat></oadr:oadrReportPayload></ei:interval>"
            for s, d, r, v in ivs
        )
        t0 = lim._dt(T0)
        return _out(
            "<oadr:oadrUpdateReport "
            'ei:schemaVersion="2.0b"><pyld:requestID>req-1</pyld:requestID><oadr:oadrReport>'
            f"<xcal:dtstart><xcal:date-time>{t0}</xcal:date-time></xcal:dtstart><strm:intervals>{rows}"
            "</strm:intervals><ei:eiReportID>rep-1</ei:eiReportID><ei:reportRequestID>rr-1</ei:reportRequestID>"
            "<ei:reportSpecifierID>rs-1</ei:reportSpecifierID><ei:reportName>TELEMETRY_USAGE</ei:reportName>"
            f"<ei:createdDateTime>{t0}</ei:createdDateTime></oadr:oadrReport><ei:venID>{esc(VEN_ID)}</ei:venID>"
            "</oadr:oadrUpdateReport>",
            signer,
        )

    return update


def parse_case(kind, n, schema, verify, data):
    """Parse only; with `schema`, XSD too; with `verify`, the raw signature check too. Nothing
    extracted.
    """
    from lxml import etree

    p = lim.parser()

    def run():
        root = etree.fromstring(data, p)
        if schema:
            lim.schema().assertValid(root)
        if verify:
            lim.verifier()(root, replay=False)
        return root

    return run


class Poller(lim.Poller):
    def __init__(self, url, tls, key):
        u = urlsplit(url)
        self.path, self.url, self.key, self.known = u.path, url, key, {}
        if tls:
            ctx = ssl.create_default_context(cafile=ca_file())
            cert, keyf, pw = key_files(key or "ec256")
            ctx.load_cert_chain(cert, keyf, pw)
            self.h = http.client.HTTPSConnection(u.hostname, u.port, context=ctx, timeout=10)
        else:
            self.h = http.client.HTTPConnection(u.hostname, u.port, timeout=10)
        self.p = lim.parser()
        self.make = build_case("poll", 1, key)

    def _send(self, service, data):
        self.h.request("POST", f"{self.path}/{service}", data, {"Content-Type": "application/xml"})
        r = self.h.getresponse()
        body = r.read()
        if r.status != 200:
            raise RuntimeError(r.status)
        return lim.read(body, True, bool(self.key), self.p)

    def close(self):
        self.h.close()


def poll_case(url, tls, key):
    return Poller(url, tls, key)


def first_poll(url, tls, key):
    Poller(url, tls, key).poll(1)


def fleet(*a, **k):
    raise NotImplementedError
