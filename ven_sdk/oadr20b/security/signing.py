"""Signing of outgoing messages: the structure of rules S1 to S9a, made with one canonical form and
one signature.

The codec builds the tree, transport sends the bytes. A signer holds parsed keys and ready text
only: any thread, no lock. The signature is written as text that is canonical already, so that lxml
runs once, over the signed object; the tests hold it against signxml, xmlsec and openleadr.
"""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Optional

from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256 as Sha256
from lxml import etree

from ...errors import StateError
from ...security.credentials import Credentials, PrivateKey
from .names import (
    C14N,
    DS,
    DSP,
    ECDSA_SHA256,
    OADR,
    OBJECT_ID,
    PAYLOAD,
    RSA_SHA256,
    SHA256,
    SIGNED_OBJECT,
)

if TYPE_CHECKING:
    from ..codec.findings import Element

_ID = "oadrSignedObject"
_NONCE_BYTES = 16


class _Template(NamedTuple):
    """The constant text around digests and values. ``open_*`` are start tags as canonical form
    writes them, with every namespace in scope; in the message itself the Signature element declares
    these.
    """

    head: bytes
    open_info: bytes
    info: bytes
    open_object: bytes
    tail: bytes


class Signer:
    """Signs messages with one VEN's key (rule S12: replies too). Made once; its key is never parsed
    again.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._key = credentials.key
        self._method = (
            RSA_SHA256 if isinstance(credentials.key, rsa.RSAPrivateKey) else ECDSA_SHA256
        )
        self._key_info = _key_info(credentials.chain[0])

    def sign(self, root: Element, now: Optional[datetime] = None) -> bytes:
        """The bytes to send for a finished ``oadrPayload`` tree: its signed object, behind the
        signature of it.

        ``now`` (aware UTC, default: this machine's clock) becomes the timestamp. Every call makes a
        new nonce: sign again for each attempt, or the VTN sees a replay. Of the tree only the
        object's Id is set.
        """
        return self._assemble(etree.tostring(_signed_object(root), method="c14n"), root.prefix, now)

    def sign_canonical(self, body: bytes, now: Optional[datetime] = None) -> bytes:
        """The same for an ``oadrSignedObject`` that is in canonical form already, with the
        namespace prefix ``oadr``.
        """
        return self._assemble(body, "oadr", now)

    def _assemble(self, body: bytes, prefix: Optional[str], now: Optional[datetime]) -> bytes:
        template = _template(prefix, self._method)
        replay = _replay_protect(now or datetime.now(timezone.utc))
        info = template.info % (_digest(body), _digest(template.open_object + replay))
        value = base64.b64encode(raw_signature(self._key, template.open_info + info))
        return b"".join(
            (
                template.head,
                b"<ds:SignedInfo>",
                info,
                b"<ds:SignatureValue>",
                value,
                b"</ds:SignatureValue>",
                self._key_info,
                b'<ds:Object Id="prop">',
                replay,
                b"</ds:Signature>",
                body,
                template.tail,
            )
        )


def raw_signature(key: PrivateKey, data: bytes) -> bytes:
    """SHA-256 with the key: PKCS#1 v1.5 for RSA; for EC the two integers side by side, as XML
    signatures want them.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, PKCS1v15(), Sha256())
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(Sha256())))
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _signed_object(root: Element) -> Element:
    children = list(root)
    if root.tag != PAYLOAD or len(children) != 1 or children[0].tag != SIGNED_OBJECT:
        raise StateError(
            f"Only an unsigned oadrPayload with its oadrSignedObject can be signed, not "
            f"{root.tag!r} with {[child.tag for child in children]!r}."
        )
    if children[0].get(OBJECT_ID) != _ID:
        children[0].set(OBJECT_ID, _ID)
    return children[0]


@lru_cache(maxsize=32)
def _template(prefix: Optional[str], method: str) -> _Template:
    """For a root with this prefix: inclusive C14N shows its declaration in everything below it
    (rule S8).
    """
    name = f"{prefix}:oadrPayload" if prefix else "oadrPayload"
    scope = {prefix or "": OADR}
    root = f"<{name}{_declarations(scope)}>"
    scope["ds"] = DS
    everything = _declarations(scope)
    references = "".join(
        f'<ds:Reference URI="#{target}"><ds:Transforms><ds:Transform '
        f'Algorithm="{C14N}"></ds:Transform></ds:Transforms>'
        f"<ds:DigestMethod "
        f'Algorithm="{SHA256}"></ds:DigestMethod><ds:DigestValue>%s</ds:DigestValue></ds:Reference>'
        for target in (_ID, "prop")
    )
    info = (
        f'<ds:CanonicalizationMethod Algorithm="{C14N}"></ds:CanonicalizationMethod>'
        f"<ds:SignatureMethod "
        f'Algorithm="{method}"></ds:SignatureMethod>{references}</ds:SignedInfo>'
    )
    return _Template(
        head=f'{root}<ds:Signature xmlns:ds="{DS}">'.encode(),
        open_info=f"<ds:SignedInfo{everything}>".encode(),
        info=info.encode(),
        open_object=f'<ds:Object{everything} Id="prop">'.encode(),
        tail=f"</{name}>".encode(),
    )


def _declarations(scope: "dict[str, str]") -> str:
    """Namespace declarations in canonical order: by prefix, the default one first."""
    return "".join(
        f' xmlns{":" if prefix else ""}{prefix}="{scope[prefix]}"' for prefix in sorted(scope)
    )


def _replay_protect(now: datetime) -> bytes:
    """The content of the ``ds:Object``, with its end tag (rule S6), in canonical form."""
    stamp = now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    nonce = base64.b64encode(os.urandom(_NONCE_BYTES)).decode()
    return (
        f'<ds:SignatureProperties><ds:SignatureProperty Id="replay" Target="#{_ID}">'
        f"<dsp:ReplayProtect "
        f'xmlns:dsp="{DSP}"><dsp:timestamp>{stamp}</dsp:timestamp><dsp:nonce>{nonce}</dsp:nonce>'
        "</dsp:ReplayProtect></ds:SignatureProperty></ds:SignatureProperties></ds:Object>"
    ).encode()


def _digest(data: bytes) -> bytes:
    return base64.b64encode(hashlib.sha256(data).digest())


def _key_info(der: bytes) -> bytes:
    """The signer's certificate (rule S5), in lines of 64 as PEM has them: some receivers wrap it in
    PEM unread.
    """
    text = base64.b64encode(der)
    lines = b"\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return (
        b"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
        + lines
        + b"</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    )
