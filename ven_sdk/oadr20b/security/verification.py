"""Verification of received messages: only what the expected VTN signed, just now and for the first
time, gets through.

signxml does the cryptography, whole, for every message. This module pins down what it leaves open:
where the signature stands, what its two references cover, which algorithms and certificate are
accepted. Records are read only from the element that :meth:`Verifier.verify` returns. It holds no
state but the replay guard's: any exchange thread.
"""

from __future__ import annotations

import base64
import threading
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Optional

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest
from signxml.verifier import SignatureConfiguration

from ...errors import SecurityError
from ...security.fingerprint import fingerprint_of, is_full, normalise
from ...security.validity import is_vouched_for
from .names import (
    C14N,
    C14N_11,
    C14N_EXCLUSIVE,
    DS,
    DSP,
    OBJECT_ID,
    PAYLOAD,
    REPLAY_PROTECT,
    SIGNATURE,
    SIGNED_OBJECT,
)
from .replay import ReplayGuard
from .signxml_seam import make_verifier
from .timestamps import parse_timestamp

_CANONICAL = frozenset(
    name + comments for name in (C14N, C14N_11) for comments in ("", "#WithComments")
) | {C14N_EXCLUSIVE, C14N_EXCLUSIVE + "WithComments"}
_CONFIG = SignatureConfiguration(
    require_x509=True,
    location="./",  # a child of the root, nowhere else
    expect_references=2,
    signature_methods=frozenset(
        {
            SignatureMethod.RSA_SHA256,
            SignatureMethod.RSA_SHA384,
            SignatureMethod.RSA_SHA512,
            SignatureMethod.ECDSA_SHA256,
            SignatureMethod.ECDSA_SHA384,
            SignatureMethod.ECDSA_SHA512,
        }
    ),
    digest_algorithms=frozenset(
        {DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}
    ),
)
_METHODS = frozenset(method.value for method in _CONFIG.signature_methods)
_DIGESTS = frozenset(algorithm.value for algorithm in _CONFIG.digest_algorithms)
# signxml 5 compares the certificate's validity with the machine's clock unless it is told the time.
_TAKES_TIME = any(field.name == "verification_time" for field in fields(SignatureConfiguration))
_PROPERTY_HOLDERS = (
    f"{{{DS}}}Object",
    f"{{{DS}}}SignatureProperties",
    f"{{{DS}}}SignatureProperty",
)
_MAX_NAMESPACES = 64
_MOST_CERTIFICATES = 4
"""Certificates of a message that are tried, where none is expected."""
_parsers = threading.local()


class Verifier:
    """Accepts messages signed by the holder of one certificate. One for each client; may be shared
    by its threads.
    """

    def __init__(self, vtn_fingerprint: str, replay: ReplayGuard) -> None:
        self.vtn_fingerprint: str = normalise(vtn_fingerprint)
        self.certificate: Optional[x509.Certificate] = None
        """That of the last message that was accepted."""
        self._replay = replay

    def verify(self, root: etree._Element, now: datetime) -> etree._Element:
        """The ``oadrSignedObject`` as it was signed, free of comments and processing instructions;
        read nothing else.

        ``root`` is what ``codec.gate.admit`` gave, unchanged; ``now`` is aware UTC. Raises
        :class:`SecurityError`, whose ``expected`` and ``received`` say what was compared, and
        nothing else.
        """
        certificate = self._certificate(_signature(root), now)
        results = _verified(root, certificate, now)
        signed_object = _one(results, (SIGNED_OBJECT,))
        self._check_replay(_one(results, _PROPERTY_HOLDERS).signed_xml, now)
        self.certificate = certificate
        return _clean(signed_object)

    def _certificate(self, signature: etree._Element, now: datetime) -> x509.Certificate:
        """The certificate in KeyInfo that has the expected fingerprint (rule S5), inside its
        validity period.
        """
        ders = _certificates(signature)
        full = is_full(self.vtn_fingerprint)
        received = [fingerprint_of(der, full=full) for der in ders]
        if self.vtn_fingerprint not in received:
            found = ", ".join(received) or "none (there is no certificate)"
            raise SecurityError(
                f"The VTN's signing certificate has fingerprint {found}, but vtn_fingerprint is "
                f"{self.vtn_fingerprint}. The message was discarded. If the VTN renewed its "
                "certificate, update vtn_fingerprint.",
                expected=self.vtn_fingerprint,
                received=received[0] if received else None,
            )
        return _valid_certificate(ders[received.index(self.vtn_fingerprint)], now)

    def _check_replay(self, holder: etree._Element, now: datetime) -> None:
        """Rule S7, on the property as it was signed."""
        found = list(holder.iter(REPLAY_PROTECT))
        if len(found) != 1:
            raise SecurityError(
                f"The second reference covers {len(found)} ReplayProtect elements: expected one. "
                f"The "
                "message was discarded.",
                expected=1,
                received=len(found),
            )
        stamp, nonce = (found[0].findtext(f"{{{DSP}}}{name}") for name in ("timestamp", "nonce"))
        self._replay.check(parse_timestamp(stamp), nonce and nonce.strip(), now)


def verify_unpinned(
    root: etree._Element, now: datetime, anchors: tuple[x509.Certificate, ...] = ()
) -> tuple[etree._Element, x509.Certificate]:
    """The ``oadrSignedObject`` as it was signed by the holder of a certificate that the message
    itself carries, and that certificate. With ``anchors`` (those of ``ca_file``) it has to be one
    that these vouch for, over certificates of the message where need be.

    Without anchors that proves that nobody changed the message on its way who could not sign it
    anew, and nothing about who signed it; with them, that a holder of a certificate of these
    authorities did, whoever of them. Nothing says when: replays are not looked for. It is for
    clients without ``vtn_fingerprint``. Raises as :meth:`Verifier.verify`.
    """
    ders = _certificates(_signature(root))[:_MOST_CERTIFICATES]
    error = SecurityError(
        "The message's signature names no certificate, so that nobody can verify it. The message "
        "was discarded.",
        expected="X509Certificate",
    )
    for der in ders:
        try:
            certificate = _valid_certificate(der, now)
            results = _verified(root, certificate, now)
        except SecurityError as cause:
            error = cause
            continue
        if anchors:
            _check_chain(certificate, ders, anchors, now)
        _one(results, _PROPERTY_HOLDERS)
        return _clean(_one(results, (SIGNED_OBJECT,))), certificate
    raise error


def _check_chain(
    certificate: x509.Certificate,
    ders: list[bytes],
    anchors: tuple[x509.Certificate, ...],
    now: datetime,
) -> None:
    others = [_parsed(der)[0] for der in ders if _is_readable(der)]
    if not is_vouched_for(certificate, others, anchors, now):
        found = fingerprint_of(certificate.public_bytes(Encoding.DER))
        raise SecurityError(
            f"The VTN's signing certificate {found} is of none of the authorities in ca_file. The "
            "message was discarded. If it is the VTN's, add its authority to ca_file, or set "
            f"vtn_fingerprint={found!r}, which then stands for the chain.",
            expected="ca_file",
            received=found,
        )


def _is_readable(der: bytes) -> bool:
    try:
        _parsed(der)
    except SecurityError:
        return False
    return True


def _certificates(signature: etree._Element) -> list[bytes]:
    """The certificates in KeyInfo (DER), in their order."""
    path = f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"
    return [_decoded(element) for element in signature.iterfind(path)]


def _signature(root: etree._Element) -> etree._Element:
    """The signature, when the structure is as rules S1, S2 and S9 want it: before any cryptography,
    one signature, one object, and two references that mean just these."""
    children = [child for child in root if isinstance(child.tag, str)]
    tags = [child.tag for child in children]
    if root.tag != PAYLOAD or SIGNED_OBJECT not in tags:
        raise _refusal("is no oadrPayload with an oadrSignedObject", PAYLOAD, str(root.tag))
    if SIGNATURE not in tags:
        raise SecurityError(
            "The message is not signed, but vtn_fingerprint is set. The message was discarded. "
            "If the "
            "VTN does not sign its messages, leave vtn_fingerprint out.",
            expected="ds:Signature",
        )
    if len(tags) != 2 or _count(root, SIGNATURE) != 1 or _count(root, SIGNED_OBJECT) != 1:
        raise _refusal(
            "has more in its envelope than one Signature and one oadrSignedObject",
            [SIGNATURE, SIGNED_OBJECT],
            tags,
        )
    signature, signed_object = children[tags.index(SIGNATURE)], children[tags.index(SIGNED_OBJECT)]
    signed_info = _only(signature, "SignedInfo")
    _check_algorithms(signed_info)
    _check_references(signed_info, signature, signed_object)
    return signature


def _check_algorithms(signed_info: etree._Element) -> None:
    """Rules S3 and S4: no SHA-1, no HMAC, nothing but C14N."""
    if (
        len(signed_info.nsmap) > _MAX_NAMESPACES
    ):  # C14N is quadratic in them, and runs on what nobody vouches for yet
        raise _refusal(
            "declares too many namespaces around its signature",
            _MAX_NAMESPACES,
            len(signed_info.nsmap),
        )
    _check_algorithm(_only(signed_info, "CanonicalizationMethod"), _CANONICAL)
    _check_algorithm(_only(signed_info, "SignatureMethod"), _METHODS)


def _check_references(
    signed_info: etree._Element, signature: etree._Element, signed_object: etree._Element
) -> None:
    references = signed_info.findall(f"{{{DS}}}Reference")
    if len(references) != 2:
        raise _refusal("must have two signed references (rule S2)", 2, len(references))
    targets = [_target(reference) for reference in references]
    own = {value for name, value in signed_object.attrib.items() if name in (OBJECT_ID, "Id")}
    wanted = [target for target in targets if target not in own]
    if len(wanted) != 1:
        raise _refusal(
            "does not have exactly one reference to its oadrSignedObject",
            sorted(map(str, own)),
            targets,
        )
    holders = [
        element for element in signature.iter(*_PROPERTY_HOLDERS) if element.get("Id") == wanted[0]
    ]
    if len(holders) != 1 or _count(holders[0], REPLAY_PROTECT) != 1:
        raise _refusal(
            "has no signed ReplayProtect: its other reference does not cover one",
            "reference to ReplayProtect",
            wanted[0],
        )


def _target(reference: etree._Element) -> str:
    """The Id that a reference names, its transforms and digest being acceptable."""
    uri = reference.get("URI") or ""
    if len(uri) < 2 or uri[0] != "#" or "(" in uri:
        raise _refusal(
            "has a reference that leads elsewhere than to an Id of the message", "#Id", uri[:80]
        )
    _check_algorithm(_only(reference, "DigestMethod"), _DIGESTS)
    transforms = reference.findall(f"{{{DS}}}Transforms/{{{DS}}}Transform")
    if len(transforms) > 1:
        raise _refusal("has a reference with several transforms", 1, len(transforms))
    for transform in transforms:
        _check_algorithm(transform, _CANONICAL)
    return uri[1:]


def _check_algorithm(element: etree._Element, allowed: "frozenset[str]") -> None:
    algorithm = element.get("Algorithm")
    if algorithm not in allowed:
        name = etree.QName(element).localname
        raise SecurityError(
            f"The message's {name} is {algorithm!r}, which is not accepted. The message was "
            f"discarded. "
            f"Accepted are {', '.join(sorted(allowed))}.",
            expected=sorted(allowed),
            received=algorithm,
        )


def _verified(root: etree._Element, certificate: x509.Certificate, now: datetime) -> list[Any]:
    """signxml's results, one for each reference. A verifier keeps its arguments on itself: a new
    one for every call.
    """
    config = replace(_CONFIG, verification_time=now) if _TAKES_TIME else _CONFIG  # type: ignore[call-arg, unused-ignore]
    try:
        try:
            results = _results(root, certificate, config)
        except InvalidDigest:
            if not _may_cover_comments(root):
                raise
            results = _results(root, certificate, config, with_comments=True)
    except (
        Exception
    ) as cause:  # whatever signxml, lxml or cryptography object to, the message is not verified
        why = str(cause)[:200] or type(cause).__name__
        raise SecurityError(
            f"The message's signature is not valid: {why}. The message was discarded.",
            expected="a valid signature",
            received=type(cause).__name__,
        ) from cause
    return list(results) if isinstance(results, list) else [results]


def _results(
    root: etree._Element,
    certificate: x509.Certificate,
    config: SignatureConfiguration,
    with_comments: bool = False,
) -> Any:
    verifier = make_verifier()
    verifier.with_comments = with_comments
    return verifier.verify(
        root,
        x509_cert=certificate,
        parser=_parser(verbatim=True),
        id_attribute="Id",
        expect_config=config,
    )


def _may_cover_comments(root: etree._Element) -> bool:
    return any(
        (transform.get("Algorithm") or "").endswith("WithComments")
        for transform in root.iter(f"{{{DS}}}Transform")
    )


def _one(results: list[Any], tags: "tuple[str, ...]") -> Any:
    """The result whose signed element has one of these tags: chosen by tag, as the order is the
    sender's.
    """
    found = [
        result
        for result in results
        if result.signed_xml is not None and result.signed_xml.tag in tags
    ]
    if len(found) != 1:
        raise _refusal(
            "is signed, but not as one oadrSignedObject and one property",
            list(tags),
            [getattr(result.signed_xml, "tag", None) for result in results],
        )
    return found[0]


def _clean(result: Any) -> etree._Element:
    """The signed element without comments and instructions, which would cut texts in two."""
    element: etree._Element = result.signed_xml
    if next(element.iter(etree.Comment, etree.ProcessingInstruction), None) is None:
        return element
    return etree.fromstring(result.signed_data, _parser(verbatim=False))


def _parser(*, verbatim: bool) -> etree.XMLParser:
    """This thread's parser, as strict as the gate's: signxml parses what it copies, all of which
    passed the gate.
    """
    name = "verbatim" if verbatim else "clean"
    if not hasattr(_parsers, name):
        made = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=not verbatim,
            remove_pis=not verbatim,
        )
        setattr(_parsers, name, made)
    parser: etree.XMLParser = getattr(_parsers, name)
    return parser


def _valid_certificate(der: bytes, now: datetime) -> x509.Certificate:
    certificate, begin, end = _parsed(der)
    if not begin <= now <= end:
        raise SecurityError(
            f"The VTN's signing certificate is valid from {begin.isoformat()} to "
            f"{end.isoformat()}, "
            f"but now it is {now.isoformat()}. The message was discarded.",
            expected=(begin, end),
            received=now,
        )
    return certificate


@lru_cache(maxsize=64)
def _parsed(der: bytes) -> tuple[x509.Certificate, datetime, datetime]:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return certificate, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (
        Exception
    ) as cause:  # ValueError, UnsupportedAlgorithm, or what the Rust side makes of odd ASN.1
        raise SecurityError(
            "The VTN's signing certificate cannot be read. The message was discarded."
        ) from cause


def _decoded(element: etree._Element) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except ValueError as cause:
        raise SecurityError(
            "A certificate in the message is not base64. The message was discarded."
        ) from cause


def _only(parent: etree._Element, name: str) -> etree._Element:
    found = parent.findall(f"{{{DS}}}{name}")
    if len(found) != 1:
        raise _refusal(f"has {len(found)} {name} elements where one belongs", 1, len(found))
    return found[0]


def _count(root: etree._Element, tag: str) -> int:
    return sum(1 for _ in root.iter(tag))


def _refusal(what: str, expected: Any, received: Optional[Any]) -> SecurityError:
    return SecurityError(
        f"The message {what}: expected {expected!r}, found {received!r}. The message was "
        f"discarded.",
        expected=expected,
        received=received,
    )
