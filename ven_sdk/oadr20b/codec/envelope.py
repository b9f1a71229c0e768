"""The envelope around every payload (rule G3): wrapping what is sent, unwrapping what came.

Signing happens inside the finished tree, so the root declares every namespace that a signature
needs. Pure functions.
"""

from __future__ import annotations

from typing import Optional

from lxml import etree

from ...errors import PayloadError
from ...schema.common import Payload
from ..schema.payloads import PAYLOADS
from . import writer
from .findings import Element, Findings
from .namespaces import ATOM, KNOWN, OADR, OADR_2_0A, WRITTEN, local_name, namespace_of, tag

SIGNED_ID = "oadrSignedObject"
_PAYLOAD, _SIGNED = tag("oadr:oadrPayload"), tag("oadr:oadrSignedObject")
_SIGNATURE = tag("ds:Signature")
_GML_ID, _GML_ID_TEXT = tag("gml:id"), " gml:id="
_GML_HOLDERS = (tag("gml:FeatureCollection"), tag("gml:Polygon"))
_DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>\n"
_HEAD = (
    f"<oadr:oadrPayload "
    f"{' '.join(f'xmlns:{prefix}={chr(34)}{uri}{chr(34)}' for prefix, uri in WRITTEN.items())}>"
    f"<oadr:oadrSignedObject oadr:Id={chr(34)}{SIGNED_ID}{chr(34)}>"
)
_TAIL = "</oadr:oadrSignedObject></oadr:oadrPayload>"
_IN_ORDER = " ".join(f'xmlns:{prefix}="{WRITTEN[prefix]}"' for prefix in sorted(WRITTEN))
_CANONICAL_HEAD = f'<oadr:oadrSignedObject {_IN_ORDER} oadr:Id="{SIGNED_ID}">'
_ODD = ("&", "/>", "xmlns", "gml:")
"""What canonical form writes otherwise than we do: references, empty elements, own namespaces,
several attributes.
"""


def message(record: Payload) -> bytes:
    """A whole unsigned message as UTF-8 bytes: what ``to_bytes(wrap(record))`` gives, without the
    tree between.

    A record that cannot be written validly is a :class:`ven_sdk.ConfigurationError` that names
    record and field.
    """
    text = writer.payload_text(record)
    if _GML_ID_TEXT in text:
        return to_bytes(wrap(record))
    return f"{_DECLARATION}{_HEAD}{text}{_TAIL}".encode()


def wrap(record: Payload) -> Element:
    """The root of a whole message (``oadrPayload``) with ``record`` in it, ready to be signed in
    place or serialised.

    A record that cannot be written validly is a :class:`ven_sdk.ConfigurationError` that names
    record and field.
    """
    return _wrap_text(writer.payload_text(record))


def _wrap_text(text: str) -> Element:
    # The text is our own, however long a report is; the limits of the safe parser are for what
    # others send.
    root = etree.fromstring(
        f"{_HEAD}{text}{_TAIL}", etree.XMLParser(resolve_entities=False, huge_tree=True)
    )
    if _GML_ID_TEXT in text:
        _drop_repeated_ids(root)
    return root


def signed_object(record: Payload) -> bytes:
    """The ``oadrSignedObject`` with ``record`` in canonical form (C14N 1.0, every namespace in
    scope), to be signed as it is.

    The writer's text is canonical already, but for what ``_ODD`` finds: those few messages go
    through a tree. Tests hold both equal for every payload.
    """
    text = writer.payload_text(record)
    if any(odd in text for odd in _ODD):
        canonical: bytes = etree.tostring(_wrap_text(text)[0], method="c14n")
        return canonical
    return f"{_CANONICAL_HEAD}{text}</oadr:oadrSignedObject>".encode()


def _drop_repeated_ids(root: Element) -> None:
    """An xs:ID stands once in a message; records may name a place as often as they like."""
    seen = {SIGNED_ID}
    for place in root.iter(*_GML_HOLDERS):
        name = place.get(_GML_ID)
        if name in seen:
            del place.attrib[_GML_ID]
        elif name is not None:
            seen.add(name)


def to_bytes(root: Element) -> bytes:
    """A finished tree as UTF-8 bytes, not indented: what was signed must not change."""
    data: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return data


def payload_of(root: Element, strict: bool = False, findings: Optional[Findings] = None) -> Element:
    """The payload element in a message, or in the ``oadrSignedObject`` that a signature covers.

    A payload without its envelope is accepted unless ``strict`` (rule G3), and names from another
    of OpenADR's namespaces are; ``findings`` takes the notes. Anything else than one
    ``oadrSignedObject`` with one payload in it, the signature before it at the most, is a
    :class:`PayloadError`; so is what stands beside it in a signed message.
    """
    findings = findings or Findings(strict)
    if root.tag == _PAYLOAD:
        # unsigned, as most messages are: two looks suffice
        plain = root[0] if len(root) == 1 else None
        if (
            plain is not None
            and plain.tag == _SIGNED
            and len(plain) == 1
            and isinstance(plain[0].tag, str)
        ):
            return plain[0]
        return _only_payload(_signed_object(root, findings))
    _refuse_foreign(root.tag)
    name = local_name(root.tag)
    if namespace_of(root.tag) != OADR and name not in PAYLOADS:
        _note_namespace(root, findings)
    if name == "oadrPayload":
        return _only_payload(_signed_object(root, findings))
    if name == "oadrSignedObject":
        return _only_payload(root)
    if findings.strict:
        raise PayloadError(
            f"The message begins with {local_name(root.tag)!r}, expected oadrPayload. "
            "Without strict=True a bare payload is read.",
            path=local_name(root.tag),
        )
    return root


def is_signed(root: Element) -> bool:
    """Whether a message carries a signature, wherever it stands."""
    return next(root.iter(_SIGNATURE), None) is not None


def _refuse_foreign(name: object) -> None:
    local, namespace = local_name(name), namespace_of(name)
    if namespace == OADR_2_0A:
        raise PayloadError(
            f"The message is OpenADR 2.0a ({namespace}), which is not spoken here. "
            "Use the VTN's 2.0b endpoint.",
            path=local,
            value=namespace,
        )
    if namespace not in KNOWN or not (
        local in PAYLOADS or local in ("oadrPayload", "oadrSignedObject")
    ):
        raise PayloadError(
            f"The message begins with {local!r} of namespace {namespace!r}, expected oadrPayload "
            f"of {OADR!r}. This is no OpenADR 2.0b message.",
            path=local,
            value=namespace,
        )


def _note_namespace(element: Element, findings: Findings) -> None:
    text = f"is taken for one of {OADR!r} although its namespace is"
    findings.note(element, text, namespace_of(element.tag))


def _signed_object(root: Element, findings: Findings) -> Element:
    parts = [part for part in root if isinstance(part.tag, str)]
    signed = [
        part
        for part in parts
        if local_name(part.tag) == "oadrSignedObject" and namespace_of(part.tag) in KNOWN
    ]
    others = [part for part in parts if part not in signed]
    if len(signed) != 1:
        raise PayloadError(
            f"oadrPayload holds {len(signed)} oadrSignedObject, expected one.", path="oadrPayload"
        )
    if signed[0].tag != _SIGNED:
        _note_namespace(signed[0], findings)
    if others and not is_signed(root) and all(map(_is_foreign, others)):
        for other in others:
            findings.note(other, "is not known here and was left out")
    elif others and (len(others) > 1 or parts[0] is not others[0] or others[0].tag != _SIGNATURE):
        raise PayloadError(
            "oadrPayload holds more than a Signature and, after it, an oadrSignedObject: "
            + ", ".join(local_name(part.tag) for part in parts[:5])
            + ".",
            path="oadrPayload",
        )
    return signed[0]


def _is_foreign(element: Element) -> bool:
    return namespace_of(element.tag) not in KNOWN - {"", ATOM}


def _only_payload(signed: Element) -> Element:
    payloads = [part for part in signed if isinstance(part.tag, str)]
    if len(payloads) != 1:
        raise PayloadError(
            f"oadrSignedObject holds {len(payloads)} elements, expected one payload.",
            path="oadrSignedObject",
        )
    return payloads[0]
