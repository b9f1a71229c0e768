"""VTN-side messages, written by hand in already-canonical form, and the shortest correct signer for
them.

Canonical by construction: the subtree text is exactly its inclusive C14N 1.0 form, so a digest
needs no C14N run.
"""

import base64
import hashlib
import uuid
from datetime import datetime, timezone
from functools import lru_cache

OADR = "http://openadr.org/oadr-2.0b/2012/07"
EI = "http://docs.oasis-open.org/ns/energyinterop/201110"
PYLD = EI + "/payloads"
EMIX = "http://docs.oasis-open.org/ns/emix/2011/06"
XCAL = "urn:ietf:params:xml:ns:icalendar-2.0"
STRM = XCAL + ":stream"
DS = "http://www.w3.org/2000/09/xmldsig#"
DSP = OADR + "/xmldsig-properties"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

# namespace declarations in C14N order (by prefix)
_NS = f'xmlns:ei="{EI}" xmlns:emix="{EMIX}" xmlns:oadr="{OADR}" xmlns:pyld="{PYLD}" xmlns:strm="{STRM}" xmlns:xcal="{XCAL}"'
_HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<oadr:oadrPayload xmlns:oadr="{OADR}">'
_TAIL = "</oadr:oadrPayload>"


def signed_object(body):
    return f'<oadr:oadrSignedObject {_NS} oadr:Id="oadrSignedObject">{body}</oadr:oadrSignedObject>'


def payload(obj, signature=""):
    return (_HEAD + signature + obj + _TAIL).encode()


def response_obj(ven_id="ven-1234", request_id="req-1"):
    return signed_object(
        "<oadr:oadrResponse "
        'ei:schemaVersion="2.0b"><ei:eiResponse><ei:responseCode>200</ei:responseCode>'
        f"<ei:responseDescription>OK</ei:responseDescription><pyld:requestID>{request_id}</pyld:requestID>"
        f"</ei:eiResponse><ei:venID>{ven_id}</ei:venID></oadr:oadrResponse>"
    )


def registered_report_obj(request_id="req-1"):
    return signed_object(
        "<oadr:oadrRegisteredReport "
        'ei:schemaVersion="2.0b"><ei:eiResponse><ei:responseCode>200</ei:responseCode>'
        f"<ei:responseDescription>OK</ei:responseDescription><pyld:requestID>{request_id}</pyld:requestID>"
        "</ei:eiResponse><ei:venID>ven-1234</ei:venID></oadr:oadrRegisteredReport>"
    )


def event(event_id, start="2035-01-01T00:00:00.000000Z", n_intervals=4):
    iv = "".join(
        f"<ei:interval><xcal:duration><xcal:duration>PT15M</xcal:duration></xcal:duration><xcal:uid><xcal:text>{i}"
        f"</xcal:text></xcal:uid><ei:signalPayload><ei:payloadFloat><ei:value>{i % 4}.0</ei:value></ei:payloadFloat>"
        "</ei:signalPayload></ei:interval>"
        for i in range(n_intervals)
    )
    return (
        f"<oadr:oadrEvent><ei:eiEvent><ei:eventDescriptor><ei:eventID>{event_id}</ei:eventID>"
        "<ei:modificationNumber>0</ei:modificationNumber><ei:priority>1</ei:priority><ei:eiMarketContext>"
        "<emix:marketContext>http://market.example/dr</emix:marketContext></ei:eiMarketContext>"
        "<ei:createdDateTime>2026-01-01T00:00:00.000000Z</ei:createdDateTime><ei:eventStatus>far</ei:eventStatus>"
        "<ei:testEvent>false</ei:testEvent></ei:eventDescriptor><ei:eiActivePeriod><xcal:properties><xcal:dtstart>"
        f"<xcal:date-time>{start}</xcal:date-time></xcal:dtstart><xcal:duration><xcal:duration>PT1H</xcal:duration>"
        "</xcal:duration></xcal:properties><xcal:components></xcal:components></ei:eiActivePeriod><ei:eiEventSignals>"
        f"<ei:eiEventSignal><strm:intervals>{iv}</strm:intervals><ei:signalName>SIMPLE</ei:signalName>"
        "<ei:signalType>level</ei:signalType><ei:signalID>sig-1</ei:signalID><ei:currentValue><ei:payloadFloat>"
        "<ei:value>0.0</ei:value></ei:payloadFloat></ei:currentValue></ei:eiEventSignal></ei:eiEventSignals>"
        "<ei:eiTarget><ei:venID>ven-1234</ei:venID></ei:eiTarget></ei:eiEvent>"
        "<oadr:oadrResponseRequired>always</oadr:oadrResponseRequired></oadr:oadrEvent>"
    )


def distribute_obj(event_ids):
    return signed_object(
        '<oadr:oadrDistributeEvent ei:schemaVersion="2.0b"><pyld:requestID>req-77</pyld:requestID>'
        f"<ei:vtnID>VTN-1</ei:vtnID>{''.join(map(event, event_ids))}</oadr:oadrDistributeEvent>"
    )


def created_party_obj(poll="PT10S"):
    return signed_object(
        "<oadr:oadrCreatedPartyRegistration "
        'ei:schemaVersion="2.0b"><ei:eiResponse><ei:responseCode>200'
        "</ei:responseCode><ei:responseDescription>OK</ei:responseDescription><pyld:requestID>req-1</pyld:requestID>"
        "</ei:eiResponse><ei:registrationID>reg-1</ei:registrationID><ei:venID>ven-1234</ei:venID>"
        "<ei:vtnID>VTN-1</ei:vtnID><oadr:oadrProfiles><oadr:oadrProfile><oadr:oadrProfileName>2.0b"
        "</oadr:oadrProfileName><oadr:oadrTransports><oadr:oadrTransport><oadr:oadrTransportName>simpleHttp"
        "</oadr:oadrTransportName></oadr:oadrTransport></oadr:oadrTransports></oadr:oadrProfile></oadr:oadrProfiles>"
        f"<oadr:oadrRequestedOadrPollFreq><xcal:duration>{poll}</xcal:duration></oadr:oadrRequestedOadrPollFreq>"
        "</oadr:oadrCreatedPartyRegistration>"
    )


@lru_cache(maxsize=64)
def message_obj(kind, n=1):
    if kind == "distribute":
        return distribute_obj([f"event-{i:05d}" for i in range(n)])
    if kind == "registration":
        return created_party_obj()
    if kind == "catalogue":
        return registered_report_obj()
    return response_obj()


def message(kind, n=1, key=None):
    obj = message_obj(kind, n)
    return payload(obj, Signer.of(key).signature(obj) if key else "")


def _b64sha(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Signer:
    """Preloaded key, one text template, two SHA-256 digests, one raw signature. No XML library."""

    _made = {}

    @classmethod
    def of(cls, key):
        if key not in cls._made:
            from common import config, key_files, os

            if key == "vtn":
                pki = config()["pki"]
                cls._made[key] = cls(os.path.join(pki, "vtn.crt"), os.path.join(pki, "vtn.key"), None)
            else:
                cls._made[key] = cls(*key_files(key))
        return cls._made[key]

    def __init__(self, cert, key, passphrase):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        with open(key, "rb") as f:
            self.key = serialization.load_pem_private_key(f.read(), passphrase.encode() if passphrase else None)
        with open(cert, "rb") as f:
            der = x509.load_pem_x509_certificate(f.read()).public_bytes(serialization.Encoding.DER)
        sha = hashes.SHA256()
        if isinstance(self.key, rsa.RSAPrivateKey):
            alg, pad = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", padding.PKCS1v15()
            self.raw = lambda data: self.key.sign(data, pad, sha)
        else:
            alg, ecdsa = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", ec.ECDSA(sha)

            def raw(data):
                r, s = decode_dss_signature(self.key.sign(data, ecdsa))
                return r.to_bytes(32, "big") + s.to_bytes(32, "big")

            self.raw = raw

        def ref(uri):
            return (
                f'<ds:Reference URI="{uri}"><ds:Transforms><ds:Transform '
                f'Algorithm="{C14N}"></ds:Transform>'
                "</ds:Transforms><ds:DigestMethod "
                'Algorithm="http://www.w3.org/2001/04/xmlenc#sha256">'
                "</ds:DigestMethod><ds:DigestValue>%s</ds:DigestValue></ds:Reference>"
            )

        self.si = (
            f'<ds:SignedInfo xmlns:ds="{DS}" xmlns:oadr="{OADR}"><ds:CanonicalizationMethod '
            f'Algorithm="{C14N}">'
            f"</ds:CanonicalizationMethod><ds:SignatureMethod "
            f'Algorithm="{alg}"></ds:SignatureMethod>' + ref("#oadrSignedObject") + ref("#prop") + "</ds:SignedInfo>"
        )
        self.prop = (
            f'<ds:Object xmlns:ds="{DS}" xmlns:oadr="{OADR}" Id="prop"><ds:SignatureProperties>'
            '<ds:SignatureProperty Id="myid" Target="#mytarget">'
            f"<dsp:ReplayProtect "
            f'xmlns:dsp="{DSP}"><dsp:timestamp>%s</dsp:timestamp><dsp:nonce>%s</dsp:nonce>'
            "</dsp:ReplayProtect></ds:SignatureProperty></ds:SignatureProperties></ds:Object>"
        )
        self.key_info = (
            "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
            + base64.b64encode(der).decode()
            + "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        )

    def signature(self, obj):
        """The ds:Signature text for a canonical oadrSignedObject (str)."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        prop = self.prop % (now, uuid.uuid4().hex)
        si = self.si % (_b64sha(obj.encode()), _b64sha(prop.encode()))
        sv = base64.b64encode(self.raw(si.encode())).decode()
        return f'<ds:Signature xmlns:ds="{DS}">{si}<ds:SignatureValue>{sv}{self.key_info}{prop}</ds:Signature>'
