"""Verification of received messages: only what the expected VTN signed, just now and for the first
time, gets through.

signxml does the cryptography, whole, for every message. What it leaves open is pinned down here and
in :mod:`.structure`: where the signature stands, what its two references cover, which algorithms
and certificate are accepted. Records are read only from the element that :meth:`Verifier.verify`
returns. It holds no state but the replay guard's: any exchange thread.
"""

from __future__ import annotations

import base64
import threading
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Optional, Union

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.exceptions import InvalidDigest
from signxml.verifier import SignatureConfiguration

from ...errors import SecurityError
from ...security.fingerprint import fingerprint_of, is_full, normalise
from ...security.validity import is_vouched_for
from .names import (
    DS,
    DSP,
    REPLAY_PROTECT,
    SIGNED_OBJECT,
)
from .replay import ReplayGuard
from .signxml_seam import make_verifier
from .structure import CONFIG, PROPERTY_HOLDERS, find_signature, refusal
from .timestamps import parse_timestamp

if TYPE_CHECKING:
    from signxml.verifier import VerifyResult

    from ..codec.findings import Element

# signxml 5 compares the certificate's validity with the machine's clock unless it is told the time.
_TAKES_TIME = any(field.name == "verification_time" for field in fields(SignatureConfiguration))
_MOST_CERTIFICATES = 4
"""Certificates of a message that are tried, where none is expected."""
_parsers = threading.local()


class Verifier:
    """Accepts messages signed by the holder of one certificate. One for each client; may be shared
    by its threads.
    """

    def __init__(self, vtn_fingerprint: str, replay: ReplayGuard) -> None:
        self.vtn_fingerprint: str = normalise(vtn_fingerprint, "vtn_fingerprint")
        self.certificate: Optional[x509.Certificate] = None
        """That of the last message that was accepted."""
        self._replay = replay

    def verify(self, root: Element, now: datetime) -> Element:
        """The ``oadrSignedObject`` as it was signed, free of comments and processing instructions;
        read nothing else.

        ``root`` is what ``codec.parsing.parse`` gave, unchanged; ``now`` is aware UTC. Raises
        :class:`SecurityError`, whose ``expected`` and ``received`` say what was compared, and
        nothing else.
        """
        certificate = self._certificate(find_signature(root), now)
        results = _verify_references(root, certificate, now)
        signed_object = _one(results, (SIGNED_OBJECT,))
        properties = _one(results, PROPERTY_HOLDERS).signed_xml
        assert properties is not None  # it was chosen by its tag
        self._check_replay(properties, now)
        self.certificate = certificate
        return _clean(signed_object)

    def _certificate(self, signature: Element, now: datetime) -> x509.Certificate:
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

    def _check_replay(self, holder: Element, now: datetime) -> None:
        """Rule S7, on the property as it was signed."""
        found = list(holder.iter(REPLAY_PROTECT))
        if len(found) != 1:
            raise SecurityError(
                f"The second reference covers {len(found)} ReplayProtect elements: expected one. "
                f"The message was discarded.",
                expected=1,
                received=len(found),
            )
        stamp, nonce = (found[0].findtext(f"{{{DSP}}}{name}") for name in ("timestamp", "nonce"))
        self._replay.check(parse_timestamp(stamp), nonce and nonce.strip(), now)


def verify_unpinned(
    root: Element, now: datetime, anchors: tuple[x509.Certificate, ...] = ()
) -> tuple[Element, x509.Certificate]:
    """The ``oadrSignedObject`` as it was signed by the holder of a certificate that the message
    itself carries, and that certificate. With ``anchors`` (those of ``ca_file``) it has to be one
    that these vouch for, over certificates of the message where need be.

    Without anchors that proves that nobody changed the message on its way who could not sign it
    anew, and nothing about who signed it; with them, that a holder of a certificate of these
    authorities did, whoever of them. Nothing says when: replays are not looked for. It is for
    clients without ``vtn_fingerprint``. Raises as :meth:`Verifier.verify`.
    """
    ders = _certificates(find_signature(root))[:_MOST_CERTIFICATES]
    error = SecurityError(
        "The message's signature names no certificate, so that nobody can verify it. The message "
        "was discarded.",
        expected="X509Certificate",
    )
    for der in ders:
        try:
            certificate = _valid_certificate(der, now)
            results = _verify_references(root, certificate, now)
        except SecurityError as cause:
            error = cause
            continue
        if anchors:
            _check_chain(certificate, ders, anchors, now)
        _one(results, PROPERTY_HOLDERS)
        return _clean(_one(results, (SIGNED_OBJECT,))), certificate
    raise error


def _check_chain(
    certificate: x509.Certificate,
    ders: list[bytes],
    anchors: tuple[x509.Certificate, ...],
    now: datetime,
) -> None:
    others = [_parse_certificate(der)[0] for der in ders if _is_readable(der)]
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
        _parse_certificate(der)
    except SecurityError:
        return False
    return True


def _certificates(signature: Element) -> list[bytes]:
    """The certificates in KeyInfo (DER), in their order."""
    path = f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"
    return [_decode_base64(element) for element in signature.iterfind(path)]


def _verify_references(
    root: Element, certificate: x509.Certificate, now: datetime
) -> list[VerifyResult]:
    """signxml's results, one for each reference. A verifier keeps its arguments on itself: a new
    one for every call.
    """
    config = replace(CONFIG, verification_time=now) if _TAKES_TIME else CONFIG  # type: ignore[call-arg, unused-ignore]
    try:
        try:
            results = _results(root, certificate, config)
        except InvalidDigest:
            if not _may_cover_comments(root):
                raise
            results = _results(root, certificate, config, with_comments=True)
    except Exception as cause:
        # whatever signxml, lxml or cryptography object to, the message is not verified
        why = str(cause)[:200] or type(cause).__name__
        raise SecurityError(
            f"The message's signature is not valid: {why}. The message was discarded.",
            expected="a valid signature",
            received=type(cause).__name__,
        ) from cause
    return list(results) if isinstance(results, list) else [results]


def _results(
    root: Element,
    certificate: x509.Certificate,
    config: SignatureConfiguration,
    with_comments: bool = False,
) -> Union[VerifyResult, list[VerifyResult]]:
    verifier = make_verifier()
    verifier.with_comments = with_comments
    results: Union[VerifyResult, list[VerifyResult]] = verifier.verify(
        root,
        x509_cert=certificate,
        parser=_parser(verbatim=True),
        id_attribute="Id",
        expect_config=config,
    )
    return results


def _may_cover_comments(root: Element) -> bool:
    return any(
        (transform.get("Algorithm") or "").endswith("WithComments")
        for transform in root.iter(f"{{{DS}}}Transform")
    )


def _one(results: list[VerifyResult], tags: tuple[str, ...]) -> VerifyResult:
    """The result whose signed element has one of these tags: chosen by tag, as the order is the
    sender's.
    """
    found = [
        result
        for result in results
        if result.signed_xml is not None and result.signed_xml.tag in tags
    ]
    if len(found) != 1:
        raise refusal(
            "is signed, but not as one oadrSignedObject and one property",
            list(tags),
            [getattr(result.signed_xml, "tag", None) for result in results],
        )
    return found[0]


def _clean(result: VerifyResult) -> Element:
    """The signed element without comments and instructions, which would cut texts in two."""
    element = result.signed_xml
    assert element is not None  # it was chosen by its tag
    if next(element.iter(etree.Comment, etree.ProcessingInstruction), None) is None:
        return element
    return etree.fromstring(result.signed_data, _parser(verbatim=False))


def _parser(*, verbatim: bool) -> etree.XMLParser:
    """This thread's parser, as strict as that of ``codec.parsing``: signxml parses what it copies,
    all of which was parsed there before.
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
    certificate, begin, end = _parse_certificate(der)
    if not begin <= now <= end:
        raise SecurityError(
            f"The VTN's signing certificate is valid from {begin.isoformat()} to "
            f"{end.isoformat()}, but now it is {now.isoformat()}. The message was discarded.",
            expected=(begin, end),
            received=now,
        )
    return certificate


@lru_cache(maxsize=64)
def _parse_certificate(der: bytes) -> tuple[x509.Certificate, datetime, datetime]:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return certificate, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except Exception as cause:
        # ValueError, UnsupportedAlgorithm, or what the Rust side makes of odd ASN.1
        raise SecurityError(
            "The VTN's signing certificate cannot be read. The message was discarded."
        ) from cause


def _decode_base64(element: Element) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except ValueError as cause:
        raise SecurityError(
            "A certificate in the message is not base64. The message was discarded."
        ) from cause
