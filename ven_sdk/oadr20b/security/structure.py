"""What a signed message has to look like before any cryptography runs on it: where the signature
stands, what its two references cover, and which algorithms it uses (rules S1 to S4, S9). Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration

from ...errors import SecurityError
from .names import (
    C14N,
    C14N_11,
    C14N_EXCLUSIVE,
    DS,
    OBJECT_ID,
    PAYLOAD,
    REPLAY_PROTECT,
    SIGNATURE,
    SIGNED_OBJECT,
)

if TYPE_CHECKING:
    from ..codec.findings import Element

CONFIG: SignatureConfiguration = SignatureConfiguration(
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
_CANONICAL = frozenset(
    name + comments for name in (C14N, C14N_11) for comments in ("", "#WithComments")
) | {C14N_EXCLUSIVE, C14N_EXCLUSIVE + "WithComments"}
_METHODS = frozenset(method.value for method in CONFIG.signature_methods)
_DIGESTS = frozenset(algorithm.value for algorithm in CONFIG.digest_algorithms)
PROPERTY_HOLDERS = (
    f"{{{DS}}}Object",
    f"{{{DS}}}SignatureProperties",
    f"{{{DS}}}SignatureProperty",
)
_MAX_NAMESPACES = 64


def find_signature(root: Element) -> Element:
    """The signature, when the structure is as rules S1, S2 and S9 want it: before any cryptography,
    one signature, one object, and two references that mean just these. ``SecurityError`` for any
    other.
    """
    children = [child for child in root if isinstance(child.tag, str)]
    tags = [child.tag for child in children]
    if root.tag != PAYLOAD or SIGNED_OBJECT not in tags:
        raise refusal("is no oadrPayload with an oadrSignedObject", PAYLOAD, str(root.tag))
    if SIGNATURE not in tags:
        raise SecurityError(
            "The message is not signed, but vtn_fingerprint is set. The message was discarded. "
            "If the VTN does not sign its messages, leave vtn_fingerprint out.",
            expected="ds:Signature",
        )
    if len(tags) != 2 or _count(root, SIGNATURE) != 1 or _count(root, SIGNED_OBJECT) != 1:
        raise refusal(
            "has more in its envelope than one Signature and one oadrSignedObject",
            [SIGNATURE, SIGNED_OBJECT],
            tags,
        )
    signature, signed_object = children[tags.index(SIGNATURE)], children[tags.index(SIGNED_OBJECT)]
    signed_info = _only(signature, "SignedInfo")
    _check_algorithms(signed_info)
    _check_references(signed_info, signature, signed_object)
    return signature


def _check_algorithms(signed_info: Element) -> None:
    """Rules S3 and S4: no SHA-1, no HMAC, nothing but C14N."""
    # C14N is quadratic in them, and runs on what nobody vouches for yet
    if len(signed_info.nsmap) > _MAX_NAMESPACES:
        raise refusal(
            "declares too many namespaces around its signature",
            _MAX_NAMESPACES,
            len(signed_info.nsmap),
        )
    _check_algorithm(_only(signed_info, "CanonicalizationMethod"), _CANONICAL)
    _check_algorithm(_only(signed_info, "SignatureMethod"), _METHODS)


def _check_references(signed_info: Element, signature: Element, signed_object: Element) -> None:
    references = signed_info.findall(f"{{{DS}}}Reference")
    if len(references) != 2:
        raise refusal("must have two signed references (rule S2)", 2, len(references))
    targets = [_target(reference) for reference in references]
    own = {value for name, value in signed_object.attrib.items() if name in (OBJECT_ID, "Id")}
    wanted = [target for target in targets if target not in own]
    if len(wanted) != 1:
        raise refusal(
            "does not have exactly one reference to its oadrSignedObject",
            sorted(map(str, own)),
            targets,
        )
    holders = [
        element for element in signature.iter(*PROPERTY_HOLDERS) if element.get("Id") == wanted[0]
    ]
    if len(holders) != 1 or _count(holders[0], REPLAY_PROTECT) != 1:
        raise refusal(
            "has no signed ReplayProtect: its other reference does not cover one",
            "reference to ReplayProtect",
            wanted[0],
        )


def _target(reference: Element) -> str:
    """The Id that a reference names, its transforms and digest being acceptable."""
    uri = reference.get("URI") or ""
    if len(uri) < 2 or uri[0] != "#" or "(" in uri:
        raise refusal(
            "has a reference that leads elsewhere than to an Id of the message", "#Id", uri[:80]
        )
    _check_algorithm(_only(reference, "DigestMethod"), _DIGESTS)
    transforms = reference.findall(f"{{{DS}}}Transforms/{{{DS}}}Transform")
    if len(transforms) > 1:
        raise refusal("has a reference with several transforms", 1, len(transforms))
    for transform in transforms:
        _check_algorithm(transform, _CANONICAL)
    return uri[1:]


def _check_algorithm(element: Element, allowed: "frozenset[str]") -> None:
    algorithm = element.get("Algorithm")
    if algorithm not in allowed:
        name = etree.QName(element).localname
        raise SecurityError(
            f"The message's {name} is {algorithm!r}, which is not accepted. The message was "
            f"discarded. Accepted are {', '.join(sorted(allowed))}.",
            expected=sorted(allowed),
            received=algorithm,
        )


def _only(parent: Element, name: str) -> Element:
    found = parent.findall(f"{{{DS}}}{name}")
    if len(found) != 1:
        raise refusal(f"has {len(found)} {name} elements where one belongs", 1, len(found))
    return found[0]


def _count(root: Element, tag: str) -> int:
    return sum(1 for _ in root.iter(tag))


def refusal(what: str, expected: object, received: Optional[object]) -> SecurityError:
    """What to raise of a message that ``what``."""
    return SecurityError(
        f"The message {what}: expected {expected!r}, found {received!r}. The message was "
        f"discarded.",
        expected=expected,
        received=received,
    )
