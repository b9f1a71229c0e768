"""Builders of signed messages for the security tests: a signer that follows every wish, the wrong
ones above all.

Independent of ``ven_sdk.oadr20b.security.signing``: it builds the signature as a tree, and lets
lxml canonicalise each part in its final place.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Optional
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from lxml import etree

from ven_sdk.oadr20b.codec.parsing import parse
from ven_sdk.testing import pki

OADR = "http://openadr.org/oadr-2.0b/2012/07"
EI = "http://docs.oasis-open.org/ns/energyinterop/201110"
DS = "http://www.w3.org/2000/09/xmldsig#"
DSP = "http://openadr.org/oadr-2.0b/2012/07/xmldsig-properties"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA1, SHA256, SHA512 = (
    f"http://www.w3.org/{name}"
    for name in ("2000/09/xmldsig#sha1", "2001/04/xmlenc#sha256", "2001/04/xmlenc#sha512")
)
HASHES: dict[str, str] = {SHA1: "sha1", SHA256: "sha256", SHA512: "sha512"}
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
HMAC_SHA256 = MORE + "hmac-sha256"

WIRE = Path(__file__).resolve().parents[2] / "data" / "wire-examples"

BODY = (
    f'<oadr:oadrPayload xmlns:oadr="{OADR}" xmlns:ei="{EI}"><oadr:oadrSignedObject '
    f'oadr:Id="oadrSignedObject">'
    '<oadr:oadrRequestReregistration ei:schemaVersion="2.0b"><ei:venID>%s</ei:venID>'
    "</oadr:oadrRequestReregistration></oadr:oadrSignedObject></oadr:oadrPayload>"
)


def wire(stem: str) -> bytes:
    """A wire example as stored."""
    return (WIRE / f"{stem}.xml").read_bytes()


def unsigned(ven_id: str = "ven-7") -> etree._Element:
    """A finished, unsigned oadrPayload; the venID tells messages apart."""
    return parse((BODY % ven_id).encode(), verbatim=True)


def ven_id_of(signed_object: etree._Element) -> Optional[str]:
    """What :func:`unsigned` put in."""
    return signed_object.findtext(f".//{{{EI}}}venID")


def ds(tag: str) -> str:
    return f"{{{DS}}}{tag}"


def signed_object(root: etree._Element) -> etree._Element:
    """The oadrSignedObject under the root."""
    found = root.find(f"{{{OADR}}}oadrSignedObject")
    assert found is not None
    return found


def signature(root: etree._Element) -> etree._Element:
    """The Signature under the root."""
    found = root.find(ds("Signature"))
    assert found is not None
    return found


def received(root: etree._Element) -> etree._Element:
    """The tree that a receiver has of it."""
    return parse(etree.tostring(root), verbatim=True)


@dataclass
class Forge:
    """Signs trees. Every field can be made wrong; a ``None`` leaves the thing out."""

    identity: pki.Identity = field(default_factory=lambda: pki.identity("vtn"))
    c14n: str = C14N
    transform: Optional[str] = C14N
    digest: Optional[str] = SHA256
    method: Optional[str] = None
    timestamp: Optional[str] = ""
    nonce: Optional[str] = ""
    replay: bool = True
    object_uri: str = "#oadrSignedObject"
    property_uri: Optional[str] = "#prop"
    property_id_on: str = "Object"
    more_uris: "tuple[str, ...]" = ()
    key_info: str = ""
    chain: "tuple[bytes, ...]" = ()
    reverse: bool = False
    before_digests: Callable[[etree._Element], None] = lambda root: None

    def sign(self, root: Optional[etree._Element] = None) -> etree._Element:
        """The root, now with a Signature as its first child, as a receiver parses it."""
        root = unsigned() if root is None else root
        root.insert(0, self._skeleton())
        root = received(root)  # from here on every element is in its final place
        self.before_digests(root)
        self._fill_digests(root)
        info = root.find(f"{ds('Signature')}/{ds('SignedInfo')}")
        value = root.find(f"{ds('Signature')}/{ds('SignatureValue')}")
        assert info is not None
        assert value is not None
        value.text = base64.b64encode(self._raw(canonical(info, self.c14n))).decode()
        return received(root)

    def bytes(self, root: Optional[etree._Element] = None) -> bytes:
        """The same as bytes, as they would come from the network."""
        return etree.tostring(self.sign(root))

    def _skeleton(self) -> etree._Element:
        uris = [
            self.object_uri,
            *([self.property_uri] if self.property_uri is not None else []),
            *self.more_uris,
        ]
        references = "".join(map(self._reference, reversed(uris) if self.reverse else uris))
        certificates = "".join(
            f"<ds:X509Certificate>{base64.b64encode(der).decode()}</ds:X509Certificate>"
            for der in (self.chain or (self.identity.der,))
        )
        data = f"<ds:X509Data>{certificates}</ds:X509Data>"
        return etree.fromstring(
            f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod '
            f'Algorithm="{self.c14n}"/>'
            f"<ds:SignatureMethod "
            f'Algorithm="{self._method()}"/>{references}</ds:SignedInfo><ds:SignatureValue/>'
            f"<ds:KeyInfo>{self.key_info}{data}</ds:KeyInfo>{self._object()}</ds:Signature>"
        )

    def _reference(self, uri: str) -> str:
        transforms = (
            f'<ds:Transforms><ds:Transform Algorithm="{self.transform}"/></ds:Transforms>'
            if self.transform
            else ""
        )
        method = f'<ds:DigestMethod Algorithm="{self.digest}"/>' if self.digest else ""
        return f'<ds:Reference URI="{uri}">{transforms}{method}<ds:DigestValue/></ds:Reference>'

    def _object(self) -> str:
        if not self.replay:
            return '<ds:Object Id="prop"/>'
        stamp = (
            datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            if self.timestamp == ""
            else self.timestamp
        )
        nonce = uuid4().hex if self.nonce == "" else self.nonce
        content = "".join(
            f"<dsp:{tag}>{text}</dsp:{tag}>"
            for tag, text in (("timestamp", stamp), ("nonce", nonce))
            if text is not None
        )
        ids = {
            tag: ' Id="prop"' if tag == self.property_id_on else ""
            for tag in ("Object", "SignatureProperty")
        }
        return (
            f"<ds:Object{ids['Object']}><ds:SignatureProperties>"
            f"<ds:SignatureProperty{ids['SignatureProperty']} "
            f'Target="#x"><dsp:ReplayProtect '
            f'xmlns:dsp="{DSP}">{content}</dsp:ReplayProtect></ds:SignatureProperty>'
            "</ds:SignatureProperties></ds:Object>"
        )

    def _fill_digests(self, root: etree._Element) -> None:
        for reference in signature(root).iterfind(f"{ds('SignedInfo')}/{ds('Reference')}"):
            target = by_id(root, reference.get("URI", "").lstrip("#"))
            value = reference.find(ds("DigestValue"))
            assert value is not None
            data = canonical(target[0], self.transform or C14N) if target else b""
            value.text = base64.b64encode(
                hashlib.new(HASHES.get(self.digest or SHA256, "sha256"), data).digest()
            ).decode()

    def _method(self) -> str:
        return self.method or MORE + (
            "rsa-sha256" if isinstance(self.identity.key, rsa.RSAPrivateKey) else "ecdsa-sha256"
        )

    def _raw(self, data: bytes) -> bytes:
        method, key = self._method(), self.identity.key
        if "hmac" in method:
            return hmac.new(self.identity.der, data, hashlib.sha256).digest()
        algorithm: hashes.HashAlgorithm = {"1": hashes.SHA1(), "2": hashes.SHA512()}.get(
            method[-1], hashes.SHA256()
        )
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(data, padding.PKCS1v15(), algorithm)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        size = (key.curve.key_size + 7) // 8
        return b"".join(
            number.to_bytes(size, "big")
            for number in utils.decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
        )


def canonical(element: etree._Element, algorithm: str) -> bytes:
    """Its canonical form where it stands; algorithms that are none give the inclusive form.

    As a document of its own, which takes the namespaces in scope along: below a default namespace,
    libxml2's inclusive form of a subtree has an xmlns="" too many.
    """
    alone = etree.fromstring(etree.tostring(element, with_tail=False))
    return etree.tostring(
        alone,
        method="c14n",
        exclusive=algorithm.startswith(EXCLUSIVE),
        with_comments=algorithm.endswith("WithComments"),
    )


def by_id(root: etree._Element, wanted: str) -> list[etree._Element]:
    """All elements with an Id of that value."""
    return [
        element
        for element in root.iter("*")
        if any(
            etree.QName(name).localname == "Id" and value == wanted
            for name, value in element.attrib.items()
        )
    ]


def declare_everywhere(data: bytes) -> bytes:
    """The same message with fifteen namespaces declared on every element, as some peers write
    it.
    """
    names = "".join(f' xmlns:n{i}="urn:{i}"' for i in range(13)).encode()
    names += f' xmlns:oadr="{OADR}" xmlns:ei="{EI}"'.encode()
    bare = re.sub(rb'\sxmlns:(oadr|ei)="[^"]*"', b"", data)
    return re.sub(rb"<([a-z]+:[\w.-]+)", rb"<\1" + names, bare)
