"""Signatures that the SDK itself never makes, and another library's opinion of those that it makes.
Pure functions.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import import_module
from typing import Callable, Optional

from lxml import etree

from ...oadr20b.codec import envelope
from ...oadr20b.security.names import C14N, DS, ECDSA_SHA256, OBJECT_ID, RSA_SHA256, SHA256
from ...oadr20b.security.signing import raw_signature
from ...schema.common import Payload
from ...security.credentials import Credentials

_ID = "oadrSignedObject"
_TEXT = f"""\
<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{C14N}"/>\
<ds:SignatureMethod Algorithm="{{method}}"/><ds:Reference URI="#{_ID}"><ds:Transforms>\
<ds:Transform Algorithm="{C14N}"/></ds:Transforms><ds:DigestMethod Algorithm="{SHA256}"/>\
<ds:DigestValue>{{digest}}</ds:DigestValue></ds:Reference></ds:SignedInfo>\
<ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{{certificate}}\
</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"""


def sign_without_protection(credentials: Credentials, record: Payload) -> bytes:
    """A message whose signature holds, and which has no ReplayProtect."""
    root = envelope.wrap(record)
    content = root[0]
    content.set(OBJECT_ID, _ID)
    is_rsa = type(credentials.key).__name__.startswith("RSA")
    text = _TEXT.format(
        method=RSA_SHA256 if is_rsa else ECDSA_SHA256,
        digest=_base64(hashlib.sha256(etree.tostring(content, method="c14n")).digest()),
        certificate=_base64(credentials.chain[0]),
    )
    signature = etree.fromstring(text)
    root.insert(0, signature)
    info, value = signature[0], signature[1]
    value.text = _base64(raw_signature(credentials.key, etree.tostring(info, method="c14n")))
    return etree.tostring(root)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def second_opinion() -> Optional[Callable[[bytes], bool]]:
    """Whether xmlsec takes the signature of a message by the certificate in it; None where it is
    not installed (or refuses to work beside this lxml).
    """
    try:
        xmlsec = import_module("xmlsec")
    except Exception:  # ImportError, or an error of its own
        return None

    def holds(message: bytes) -> bool:
        root = etree.fromstring(message)
        signature, content = root[0], root[1]
        context = xmlsec.SignatureContext()
        context.register_id(content, "Id", OBJECT_ID[1:].partition("}")[0])
        for element in signature.iter(f"{{{DS}}}Object", f"{{{DS}}}SignatureProperty"):
            context.register_id(element, "Id")
        shown = signature.findtext(f".//{{{DS}}}X509Certificate") or ""
        der = base64.b64decode(shown)
        context.key = xmlsec.Key.from_memory(der, xmlsec.constants.KeyDataFormatCertDer)
        try:
            context.verify(signature)
        except xmlsec.Error:
            return False
        return True

    return holds
