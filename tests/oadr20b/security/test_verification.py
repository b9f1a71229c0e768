"""What the verifier accepts and what it refuses: every security rule with a message that breaks
it.
"""

from __future__ import annotations

import copy
import re
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

import pytest
from lxml import etree

from tests.oadr20b.security.forge import (
    BODY,
    C14N,
    DS,
    DSP,
    EI,
    EXCLUSIVE,
    HMAC_SHA256,
    MORE,
    OADR,
    RSA_SHA1,
    SHA1,
    SHA512,
    Forge,
    declare_everywhere,
    ds,
    received,
    signature,
    signed_object,
    unsigned,
    ven_id_of,
    wire,
)
from ven_sdk.errors import ConfigurationError, SecurityError
from ven_sdk.oadr20b.codec.parsing import parse
from ven_sdk.oadr20b.security.replay import ReplayGuard
from ven_sdk.oadr20b.security.verification import Verifier
from ven_sdk.security.fingerprint import certificate_fingerprint, fingerprint_of
from ven_sdk.testing import pki

VTN = pki.identity("vtn")
EXAMPLE_TIME = datetime(2030, 1, 1, tzinfo=timezone.utc)


def now() -> datetime:
    return datetime.now(timezone.utc)


def verifier_of(identity: pki.Identity = VTN) -> Verifier:
    return Verifier(identity.fingerprint, ReplayGuard(60))


def refused(root: etree._Element, at: Any = None) -> SecurityError:
    """The error for a message that must be refused and must leave no nonce behind."""
    guard = ReplayGuard(60)
    with pytest.raises(SecurityError) as caught:
        Verifier(VTN.fingerprint, guard).verify(received(root), at or now())
    assert len(guard) == 0
    assert caught.value.response_code == "459"
    return caught.value


# --- accepted -------------------------------------------------------------------------------------


def test_the_stored_wire_example_verifies() -> None:
    root = parse(wire("40-signed-poll"), verbatim=True)
    pem = (
        f"-----BEGIN CERTIFICATE-----{root.findtext('.//{*}X509Certificate')}-----END "
        f"CERTIFICATE-----"
    )
    verifier = Verifier(certificate_fingerprint(pem), ReplayGuard(60))

    found = verifier.verify(root, EXAMPLE_TIME)

    assert found.tag == f"{{{OADR}}}oadrSignedObject"
    assert ven_id_of(found) == "ven-7"


GOOD: dict[str, Callable[[], etree._Element]] = {
    "inclusive C14N": lambda: Forge().sign(),
    "inclusive C14N with comments": lambda: Forge(
        c14n=C14N + "#WithComments", transform=C14N + "#WithComments"
    ).sign(),
    "exclusive C14N": lambda: Forge(c14n=EXCLUSIVE, transform=EXCLUSIVE).sign(),
    "exclusive C14N with comments": lambda: Forge(
        c14n=EXCLUSIVE + "WithComments", transform=EXCLUSIVE + "WithComments"
    ).sign(),
    "C14N 1.1": lambda: Forge(transform="http://www.w3.org/2006/12/xml-c14n11").sign(),
    "no transform at all": lambda: Forge(transform=None).sign(),
    "SHA-512": lambda: Forge(digest=SHA512, method=MORE + "ecdsa-sha512").sign(),
    "an RSA key": lambda: Forge(pki.identity("vtn")).sign(),
    "the Id on the SignatureProperty": lambda: Forge(property_id_on="SignatureProperty").sign(),
    "the references in the other order": lambda: Forge(reverse=True).sign(),
    "an extra KeyInfo child": lambda: Forge(key_info="<ds:KeyName>vtn</ds:KeyName>").sign(),
    "the whole chain in KeyInfo": lambda: Forge(chain=(VTN.der, b"\x30not-a-certificate")).sign(),
    "the chain in the other order": lambda: Forge(chain=(b"\x30not-a-certificate", VTN.der)).sign(),
    "an offset in the timestamp": lambda: Forge(
        timestamp=now().astimezone(timezone(timedelta(hours=2))).isoformat()
    ).sign(),
    "comments in the body": lambda: Forge().sign(commented()),
    "comments in the body, signed as well": lambda: Forge(transform=C14N + "#WithComments").sign(
        commented()
    ),
    "a processing instruction in the body": lambda: Forge().sign(with_instruction()),
    "unusual prefixes": lambda: Forge().sign(renamed()),
    "a default namespace": lambda: Forge().sign(default_namespace()),
    "namespaces declared on every element": lambda: Forge().sign(
        parse(declare_everywhere((BODY % "ven-7").encode()), verbatim=True)
    ),
    "white space around everything": lambda: Forge().sign(
        parse((BODY % "ven-7").replace("><", ">\n  <").encode(), verbatim=True)
    ),
}


def commented() -> etree._Element:
    return parse((BODY % "ven<!-- a comment -->-7").encode(), verbatim=True)


def with_instruction() -> etree._Element:
    return parse((BODY % "ven<?some thing?>-7").encode(), verbatim=True)


def renamed() -> etree._Element:
    text = (BODY % "ven-7").replace("xmlns:oadr", "xmlns:ns15").replace("xmlns:ei", "xmlns:_.x")
    return parse(text.replace("oadr:", "ns15:").replace("ei:", "_.x:").encode(), verbatim=True)


def default_namespace() -> etree._Element:
    text = (
        (BODY % "ven-7")
        .replace("xmlns:oadr=", "xmlns=")
        .replace("<oadr:", "<")
        .replace("</oadr:", "</")
    )
    text = text.replace(" oadr:Id=", f' xmlns:o="{OADR}" o:Id=')
    return parse(text.encode(), verbatim=True)


@pytest.mark.parametrize("kind", GOOD)
def test_legal_variants_are_accepted(kind: str) -> None:
    root = GOOD[kind]()
    before = etree.tostring(root)

    found = verifier_of().verify(root, now())

    assert ven_id_of(found) == "ven-7"
    assert not list(found.iter(etree.Comment, etree.ProcessingInstruction))
    assert etree.tostring(root) == before  # signxml works on this very tree


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", ["object", "property"])
def test_signxml_compares_both_digests_with_what_stands_in_the_tree(
    kind: str, reverse: bool
) -> None:
    root = Forge(reverse=reverse).sign()
    changed = root.find(".//{*}venID" if kind == "object" else ".//{*}ReplayProtect/{*}nonce")
    assert changed is not None and changed.text
    changed.text = changed.text[::-1]

    assert "Digest mismatch" in str(refused(root))


def test_an_rsa_certificate_is_accepted() -> None:
    identity = pki.identity("vtn-rsa", "rsa")

    assert ven_id_of(verifier_of(identity).verify(Forge(identity).sign(), now())) == "ven-7"


def test_the_full_sha256_serves_as_fingerprint() -> None:
    full = fingerprint_of(VTN.der, full=True).lower().replace(":", "")

    assert ven_id_of(Verifier(full, ReplayGuard()).verify(Forge().sign(), now())) == "ven-7"


def test_a_fingerprint_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="no fingerprint"):
        Verifier("AA:BB", ReplayGuard())


# --- refused: the signature -----------------------------------------------------------------------


def stripped() -> etree._Element:
    root = Forge().sign()
    root.remove(signature(root))
    return root


def changed(path: str, text: str) -> etree._Element:
    root = Forge().sign()
    element = root.find(path)
    assert element is not None
    element.text = text
    return root


def swapped() -> etree._Element:
    root, other = Forge().sign(), unsigned("evil")
    root.replace(signed_object(root), signed_object(other))
    return root


def by(identity: pki.Identity, certificate: pki.Identity = VTN) -> etree._Element:
    """Signed with one key, showing the certificate of another."""
    return Forge(identity, chain=(certificate.der,)).sign()


def without(path: str) -> etree._Element:
    root = Forge().sign()
    element = root.find(path)
    assert element is not None
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)
    return root


XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
ENVELOPED = DS + "enveloped-signature"
BAD: dict[str, Callable[[], etree._Element]] = {
    "stripped": stripped,
    "body changed": lambda: changed(f".//{{{EI}}}venID", "evil"),
    "object swapped": swapped,
    "replay timestamp changed": lambda: changed(f".//{{{DSP}}}timestamp", now().isoformat()),
    "nonce changed": lambda: changed(f".//{{{DSP}}}nonce", "another"),
    "signature value changed": lambda: changed(f".//{ds('SignatureValue')}", "AAAA"),
    "digest changed": lambda: changed(f".//{ds('DigestValue')}", "AAAA"),
    "another's key": lambda: by(pki.identity("mallory"), pki.identity("mallory")),
    "another's key under our certificate": lambda: by(pki.identity("mallory")),
    "an RSA signature under our EC certificate": lambda: by(pki.identity("mallory", "rsa")),
    "our certificate behind another's": lambda: Forge(
        pki.identity("mallory"), chain=(pki.identity("mallory").der, VTN.der)
    ).sign(),
    "no certificate": lambda: without(f".//{ds('X509Certificate')}"),
    "a certificate that is no base64": lambda: changed(f".//{ds('X509Certificate')}", "!!!"),
    "no KeyInfo": lambda: without(f".//{ds('KeyInfo')}"),
    "HMAC under the public certificate": lambda: Forge(method=HMAC_SHA256).sign(),
    "SHA-1 digests": lambda: Forge(digest=SHA1).sign(),
    "no digest method": lambda: Forge(digest=None).sign(),
    "no digest value": lambda: without(f".//{ds('DigestValue')}"),
    "no signature value": lambda: without(f".//{ds('SignatureValue')}"),
    "no SignedInfo": lambda: without(f".//{ds('SignedInfo')}"),
    "unknown signature method": lambda: Forge(method="urn:none").sign(),
    "unknown canonicalisation": lambda: Forge(c14n="urn:none").sign(),
    "an XPath transform": lambda: Forge(transform=XPATH).sign(),
    "an XSLT transform": lambda: Forge(transform=XSLT).sign(),
    "an enveloped transform": lambda: Forge(transform=ENVELOPED).sign(),
    "a base64 transform": lambda: Forge(transform=DS + "base64").sign(),
    "a reference to a URL": lambda: Forge(object_uri="http://elsewhere.invalid/x").sign(),
    "a reference to a file": lambda: Forge(object_uri="file:///etc/hostname").sign(),
    "a reference to everything": lambda: Forge(object_uri="").sign(),
    "an XPointer": lambda: Forge(object_uri="#xpointer(id('oadrSignedObject'))").sign(),
    "a reference with two hashes": lambda: Forge(object_uri="##oadrSignedObject").sign(),
    "a reference to nothing": lambda: Forge(object_uri="#nobody").sign(),
    "one reference only": lambda: Forge(property_uri=None).sign(),
    "the object twice instead of the property": lambda: Forge(
        property_uri="#oadrSignedObject"
    ).sign(),
    "three references": lambda: Forge(more_uris=("#prop",)).sign(),
    "ReplayProtect missing": lambda: Forge(replay=False).sign(),
    "ReplayProtect without nonce": lambda: Forge(nonce=None).sign(),
    "ReplayProtect with an empty nonce": lambda: Forge(nonce=" ").sign(),
    "ReplayProtect with a huge nonce": lambda: Forge(nonce="n" * 5000).sign(),
    "ReplayProtect without timestamp": lambda: Forge(timestamp=None).sign(),
    "a timestamp that is none": lambda: Forge(timestamp="yesterday").sign(),
    "a timestamp beyond the calendar": lambda: Forge(timestamp="9999-12-31T23:59:60-14:00").sign(),
    "an old timestamp": lambda: Forge(timestamp=(now() - timedelta(seconds=70)).isoformat()).sign(),
    "a timestamp in the future": lambda: Forge(
        timestamp=(now() + timedelta(seconds=70)).isoformat()
    ).sign(),
    "not an oadrPayload": lambda: etree.fromstring("<html><body/></html>"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_properly_signed_is_refused(kind: str) -> None:
    error = refused(BAD[kind]())

    assert "discarded" in str(error)


@pytest.mark.parametrize(
    "kind, words",
    [
        ("stripped", "is not signed, but vtn_fingerprint is set"),
        ("no certificate", "fingerprint none"),
        (
            "HMAC under the public certificate",
            "SignatureMethod is 'http.*hmac-sha256', which is not accepted",
        ),
        ("SHA-1 digests", "DigestMethod is 'http.*sha1', which is not accepted"),
        ("an XSLT transform", "Transform is 'http.*xslt.*', which is not accepted"),
        (
            "a reference to a URL",
            "leads elsewhere than to an Id of the message: expected '#Id', found 'http://elsewhere",
        ),
        ("an XPointer", "leads elsewhere"),
        ("a reference to nothing", "exactly one reference to its oadrSignedObject"),
        (
            "the object twice instead of the property",
            "exactly one reference to its oadrSignedObject",
        ),
        ("one reference only", "must have two signed references"),
        ("three references", "must have two signed references"),
        ("ReplayProtect missing", "has no signed ReplayProtect"),
        ("body changed", "Digest mismatch"),
        ("an old timestamp", "s old, but replay_window is 60 s"),
        ("a timestamp in the future", "s in the future, but replay_window is 60 s"),
    ],
)
def test_the_sentence_says_what_is_wrong(kind: str, words: str) -> None:
    assert re.search(words, str(refused(BAD[kind]())))


def test_a_fresh_object_beside_the_signed_property_is_told_apart_by_its_id() -> None:
    error = refused(fresh_replay_protect_under_the_same_id())

    assert "has no signed ReplayProtect" in str(error)


def test_rsa_with_sha1_is_refused() -> None:
    identity = pki.identity("vtn-rsa", "rsa")

    with pytest.raises(SecurityError, match="SignatureMethod"):
        verifier_of(identity).verify(Forge(identity, method=RSA_SHA1).sign(), now())


def test_a_foreign_certificate_is_named_with_the_expected_one() -> None:
    mallory = pki.identity("mallory")

    error = refused(by(mallory, mallory))

    assert (error.expected, error.received) == (VTN.fingerprint, mallory.fingerprint)
    assert str(error) == (
        f"The VTN's signing certificate has fingerprint {mallory.fingerprint}, but "
        f"vtn_fingerprint is "
        f"{VTN.fingerprint}. The message was discarded. If the VTN renewed its certificate, update "
        "vtn_fingerprint."
    )


@pytest.mark.parametrize(
    "identity", [pki.expired("vtn-old"), pki.not_yet_valid("vtn-new")], ids=["expired", "early"]
)
def test_a_certificate_outside_its_validity_is_refused(identity: pki.Identity) -> None:
    with pytest.raises(SecurityError, match=r"certificate is valid from .* to .*, but now it is"):
        verifier_of(identity).verify(Forge(identity).sign(), now())


def test_an_unsigned_replay_protect_does_not_count() -> None:
    def hide_in_unsigned_property(root: etree._Element) -> None:
        protect = next(signature(root).iter(f"{{{DSP}}}ReplayProtect"))
        elsewhere = etree.SubElement(signature(root), ds("Object"), Id="unsigned")
        properties = etree.SubElement(elsewhere, ds("SignatureProperties"))
        etree.SubElement(properties, ds("SignatureProperty"), Target="#x").append(protect)

    refused(Forge(before_digests=hide_in_unsigned_property).sign())


def test_the_same_message_passes_once_only() -> None:
    verifier, data = verifier_of(), Forge().bytes()
    verifier.verify(parse(data, verbatim=True), now())

    with pytest.raises(SecurityError, match="seen before"):
        verifier.verify(parse(data, verbatim=True), now())


def test_a_namespace_bomb_around_the_signature_is_refused_before_it_is_canonicalised() -> None:
    root = Forge().sign()
    declarations = " ".join(f'xmlns:x{i}="urn:{i}"' for i in range(100)).encode()
    data = etree.tostring(root).replace(b"<ds:SignedInfo", b"<ds:SignedInfo " + declarations)

    assert "namespaces" in str(refused(parse(data, verbatim=True)))


# --- refused: signature wrapping ------------------------------------------------------------------


def evil(identifier: str = "") -> etree._Element:
    element = signed_object(unsigned("evil"))
    element.attrib.clear()
    if identifier:
        element.set(f"{{{OADR}}}Id", identifier)
    return element


def genuine_moved_into(
    make_place: Callable[[etree._Element], etree._Element], identifier: str
) -> etree._Element:
    """The genuine object hidden somewhere, and an evil one where it was."""
    root = Forge().sign()
    genuine = signed_object(root)
    root.replace(genuine, evil(identifier))
    make_place(root).append(genuine)
    return root


def into_new_object(root: etree._Element) -> etree._Element:
    return etree.SubElement(signature(root), ds("Object"))


def into_key_info(root: etree._Element) -> etree._Element:
    found = signature(root).find(ds("KeyInfo"))
    assert found is not None
    return found


def into_sibling(root: etree._Element) -> etree._Element:
    return etree.SubElement(root, "{urn:x}wrapper")


def into_evil(root: etree._Element) -> etree._Element:
    return signed_object(root)


def nested_payload(identifier: str) -> etree._Element:
    root = unsigned("evil")
    signed_object(root).set(f"{{{OADR}}}Id", identifier)
    signed_object(root).append(Forge().sign())
    return root


def nested_payload_with_copied_signature() -> etree._Element:
    root = nested_payload("other")
    inner = root.find(f".//{ds('Signature')}")
    root.insert(0, copy.deepcopy(inner))
    return root


def two_objects(first_is_evil: bool) -> etree._Element:
    root = Forge().sign()
    root.insert(1 if first_is_evil else 2, evil("other"))
    return root


def two_signatures(first_is_evil: bool) -> etree._Element:
    root = Forge().sign()
    mallory = signature(Forge(pki.identity("mallory")).sign())
    root.insert(0 if first_is_evil else 1, mallory)
    return root


def unqualified_id() -> etree._Element:
    root = genuine_moved_into(into_new_object, "")
    signed_object(root).set("Id", "oadrSignedObject")
    return root


def fresh_replay_protect_beside_the_signed_one() -> etree._Element:
    root = Forge(timestamp="2020-01-01T00:00:00Z").sign()
    fresh = signature(Forge().sign()).find(ds("Object"))
    assert fresh is not None
    fresh.set("Id", "fresh")
    signature(root).insert(3, fresh)
    return root


def fresh_replay_protect_under_the_same_id() -> etree._Element:
    root = fresh_replay_protect_beside_the_signed_one()
    signature(root)[3].set("Id", "prop")
    return root


def another_root() -> etree._Element:
    root = etree.Element("{urn:x}oadrPayload")
    root.extend(list(Forge().sign()))
    return root


WRAPPED: dict[str, Callable[[], etree._Element]] = {
    "the genuine object in a ds:Object, evil without Id": lambda: genuine_moved_into(
        into_new_object, ""
    ),
    "the genuine object in a ds:Object, evil with another Id": lambda: genuine_moved_into(
        into_new_object, "other"
    ),
    "the genuine object in a ds:Object, evil with the same Id": lambda: genuine_moved_into(
        into_new_object, "oadrSignedObject"
    ),
    "the genuine object in a ds:Object, evil with an unqualified Id": unqualified_id,
    "the genuine object in KeyInfo": lambda: genuine_moved_into(into_key_info, "other"),
    "the genuine object in a sibling": lambda: genuine_moved_into(into_sibling, "other"),
    "the genuine object inside the evil one": lambda: genuine_moved_into(into_evil, "other"),
    "the genuine object inside the evil one, same Id": lambda: genuine_moved_into(
        into_evil, "oadrSignedObject"
    ),
    "the whole genuine message inside the evil one": lambda: nested_payload("other"),
    "the whole genuine message inside, its signature copied "
    "up": nested_payload_with_copied_signature,
    "two objects, the evil one first": lambda: two_objects(True),
    "two objects, the evil one last": lambda: two_objects(False),
    "two signatures, the evil one first": lambda: two_signatures(True),
    "two signatures, the evil one last": lambda: two_signatures(False),
    "a fresh ReplayProtect beside the signed one": fresh_replay_protect_beside_the_signed_one,
    "a fresh ReplayProtect under the same Id": fresh_replay_protect_under_the_same_id,
    "a root of another namespace": another_root,
}


@pytest.mark.parametrize("shape", WRAPPED)
def test_no_wrapping_gets_an_unsigned_object_through(shape: str) -> None:
    refused(WRAPPED[shape]())


# --- threads --------------------------------------------------------------------------------------


@pytest.mark.long
def test_two_verifiers_in_eight_threads_never_accept_each_others_messages() -> None:
    identities = [pki.identity("vtn-left"), pki.identity("vtn-right")]
    verifiers = [verifier_of(identity) for identity in identities]
    templates = [
        [
            Forge(identity, nonce=f"{index}-{side}").bytes(unsigned(str(side)))
            for index in range(125)
        ]
        for side, identity in enumerate(identities)
    ]
    wrong: list[str] = []
    accepted: list[int] = []

    def work(turn: int) -> None:
        own = verifiers[turn % 2]
        for side in (0, 1):
            for data in templates[side][turn // 2 :: 4]:
                check(own, turn % 2, side, data)

    def check(own: Verifier, mine: int, side: int, data: bytes) -> None:
        for _ in range(4):
            try:
                found = ven_id_of(own.verify(parse(data, verbatim=True), now()))
            except SecurityError:
                continue
            accepted.append(side)
            if found != str(mine) or side != mine:
                wrong.append(f"verifier {mine} accepted {found!r} of side {side}")

    threads = [
        threading.Thread(target=work, args=(turn,), name=f"verify-{turn}") for turn in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert (
        sorted(accepted) == [0] * 125 + [1] * 125
    )  # each once, by its own verifier; every repetition a replay
