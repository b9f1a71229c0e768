"""Own signing, held against three independent verifiers: signxml, xmlsec and openleadr; and against
the schema.
"""

from __future__ import annotations

import base64
import string
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier

from tests.oadr20b.codec.strategies import records
from tests.oadr20b.security.forge import (
    BODY,
    DSP,
    EI,
    OADR,
    WIRE,
    ds,
    signature,
    signed_object,
    unsigned,
    ven_id_of,
    wire,
)
from tests.shared import examples
from ven_sdk.errors import StateError
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.oadr20b.codec.parsing import parse
from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.oadr20b.security.replay import ReplayGuard
from ven_sdk.oadr20b.security.signing import Signer
from ven_sdk.oadr20b.security.verification import Verifier
from ven_sdk.security.credentials import Credentials
from ven_sdk.testing import pki

KINDS = ("ec", "ec384", "rsa")
EXAMPLES = (
    "13-event-price-intervals",
    "14-event-multi-signal-multi-target",
    "28-update-report-usage",
)


def identity(kind: str) -> pki.Identity:
    return pki.identity(f"signer-{kind}", kind)


@cache
def signer(kind: str = "ec") -> Signer:
    return Signer(Credentials.load(identity(kind).cert_pem, identity(kind).key_pem))


def by_signxml(data: bytes, signed_by: pki.Identity) -> Any:
    config = SignatureConfiguration(expect_references=2, location="./")
    return XMLVerifier().verify(data, x509_cert=signed_by.certificate, expect_config=config)


def xmlsec_here() -> Any:
    """The module. It is no requirement of the tests, as it refuses to work beside an lxml of
    another libxml2.
    """
    try:
        import xmlsec
    except Exception as cause:  # ImportError, or an error of its own
        pytest.skip(f"pip install xmlsec brings the second opinion ({cause})")
    return xmlsec


def by_xmlsec(data: bytes, signed_by: pki.Identity) -> None:
    """Raises xmlsec.Error where the signature does not hold."""
    xmlsec = xmlsec_here()
    root = etree.fromstring(data)
    xmlsec.tree.add_ids(signature(root), ["Id"])
    context = xmlsec.SignatureContext()
    context.register_id(signed_object(root), "Id", OADR)
    for element in signature(root).iter(ds("Object"), ds("SignatureProperty")):
        if element.get("Id"):
            context.register_id(element, "Id")
    context.key = xmlsec.Key.from_memory(signed_by.cert_pem, xmlsec.constants.KeyDataFormatCertPem)
    context.verify(signature(root))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_a_signed_message_verifies_by_signxml_and_by_our_own_verifier(
    kind: str, example: str
) -> None:
    data = signer(kind).sign(parse(wire(example)))

    results = by_signxml(data, identity(kind))
    found = Verifier(identity(kind).fingerprint, ReplayGuard()).verify(
        parse(data, verbatim=True), datetime.now(timezone.utc)
    )

    assert [result.signed_xml.tag for result in results] == [
        f"{{{OADR}}}oadrSignedObject",
        ds("Object"),
    ]
    original = signed_object(parse(wire(example)))
    assert [element.text for element in found.iter()] == [
        element.text for element in original.iter()
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_a_signed_message_verifies_by_xmlsec(kind: str, example: str) -> None:
    by_xmlsec(signer(kind).sign(parse(wire(example))), identity(kind))


def test_xmlsec_refuses_a_changed_message_so_that_the_test_above_means_something() -> None:
    xmlsec = xmlsec_here()
    data = signer().sign(unsigned("ven-7")).replace(b"ven-7", b"ven-8")

    with pytest.raises(xmlsec.Error):
        by_xmlsec(data, identity("ec"))


@pytest.mark.parametrize("kind", KINDS)
def test_openleadr_accepts_the_signature(kind: str) -> None:
    messaging = pytest.importorskip("openleadr.messaging")
    data = signer(kind).sign(unsigned())

    tree = messaging.validate_xml_schema(data)
    messaging.validate_xml_signature(tree, cert_fingerprint=identity(kind).fingerprint)


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_signed_message_is_valid_by_the_schema(example: str, xsd: etree.XMLSchema) -> None:
    xsd.assertValid(etree.fromstring(signer().sign(parse(wire(example)))))


def test_the_structure_is_that_of_rules_s() -> None:
    root = etree.fromstring(signer().sign(unsigned()))
    info = signature(root)[0]

    assert root[0] is signature(root)
    assert [reference.get("URI") for reference in info.iter(ds("Reference"))] == [
        "#oadrSignedObject",
        "#prop",
    ]
    assert {
        element.get("Algorithm")
        for element in info.iter(ds("CanonicalizationMethod"), ds("Transform"))
    } == {"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"}
    assert [
        element.get("Algorithm") for element in info.iter(ds("SignatureMethod"), ds("DigestMethod"))
    ] == [
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        *["http://www.w3.org/2001/04/xmlenc#sha256"] * 2,
    ]
    assert root.find(f".//{ds('SignatureProperty')}[@Target]") is not None


def test_an_rsa_key_signs_with_rsa_sha256() -> None:
    root = etree.fromstring(signer("rsa").sign(unsigned()))

    method = root.find(f".//{ds('SignatureMethod')}")

    assert method is not None
    assert method.get("Algorithm") == "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


def test_the_timestamp_is_the_given_now_in_utc() -> None:
    at = datetime(2026, 7, 1, 14, 0, 0, 250000, tzinfo=timezone(timedelta(hours=2)))

    root = etree.fromstring(signer().sign(unsigned(), at))

    assert root.findtext(f".//{{{DSP}}}timestamp") == "2026-07-01T12:00:00.250000Z"


def test_every_signature_has_a_new_nonce_of_sixteen_bytes() -> None:
    one, root = signer(), unsigned()

    nonces = {etree.fromstring(one.sign(root)).findtext(f".//{{{DSP}}}nonce") for _ in range(20)}

    assert len(nonces) == 20
    assert {len(base64.b64decode(nonce or "")) for nonce in nonces} == {16}


def test_the_certificate_goes_out_as_pem_lines_hold_it() -> None:
    text = etree.fromstring(signer().sign(unsigned())).findtext(f".//{ds('X509Certificate')}") or ""

    assert base64.b64decode(text) == identity("ec").der
    assert max(map(len, text.splitlines())) == 64


def test_a_missing_id_is_set() -> None:
    root = unsigned()
    signed_object(root).attrib.clear()

    assert by_signxml(signer().sign(root), identity("ec"))


def test_a_tree_that_is_no_unsigned_payload_is_refused() -> None:
    signed = etree.fromstring(signer().sign(unsigned()))

    with pytest.raises(StateError, match="Only an unsigned oadrPayload"):
        signer().sign(signed)


@pytest.mark.parametrize("prefix", ["", "a", "ds", "dsp", "zz"])
def test_any_prefix_of_the_root_gives_a_good_signature(prefix: str) -> None:
    colon = f"{prefix}:" if prefix else ""
    text = (BODY % "ven-7").replace("xmlns:oadr=", f"xmlns{':' if prefix else ''}{prefix}=")
    text = text.replace(" oadr:Id=", f' xmlns:q="{OADR}" q:Id=').replace("<oadr:", f"<{colon}")
    text = text.replace("</oadr:", f"</{colon}")

    data = signer().sign(parse(text.encode()))

    assert by_signxml(data, identity("ec"))
    by_xmlsec(data, identity("ec"))


# --- generated trees ------------------------------------------------------------------------------

# Names in ASCII: signxml copies trees as ASCII text, in which others cannot be written.
NAMES = st.sampled_from(["eiEvent", "venID", "interval", "x-y", "n1", "_a.b"])
TEXTS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r<>&\"'\u00a0 "),
    max_size=12,
).filter(
    lambda text: (
        not any(0xFDD0 <= ord(char) <= 0xFDEF or ord(char) & 0xFFFE == 0xFFFE for char in text)
    )
)
SPACES = st.sampled_from([OADR, EI, "urn:other", "urn:ietf:params:xml:ns:icalendar-2.0", ""])
PREFIXES = st.dictionaries(
    st.text(string.ascii_lowercase, min_size=1, max_size=3).filter(
        lambda prefix: not prefix.startswith("xml") and prefix != "ns"
    ),
    st.sampled_from([OADR, EI, "urn:other", "urn:x"]),
    max_size=3,
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> etree._Element:
    space, name = draw(SPACES), draw(NAMES)
    element = etree.Element(f"{{{space}}}{name}" if space else name, nsmap=draw(PREFIXES))
    for key in draw(st.lists(NAMES, max_size=2, unique=True)):
        element.set(f"{{{EI}}}{key}" if draw(st.booleans()) else key, draw(TEXTS))
    element.text = draw(TEXTS)
    if depth < 3:
        for child in draw(st.lists(elements(depth + 1), max_size=3)):
            element.append(child)
            child.tail = draw(TEXTS)
    return element


@st.composite
def payloads(draw: st.DrawFn) -> etree._Element:
    root = etree.Element(f"{{{OADR}}}oadrPayload", nsmap={**draw(PREFIXES), "oadr": OADR})
    container = etree.SubElement(
        root,
        f"{{{OADR}}}oadrSignedObject",
        {f"{{{OADR}}}Id": "oadrSignedObject"},
        nsmap=draw(PREFIXES),
    )
    container.append(draw(elements()))
    return parse(
        etree.tostring(root)
    )  # of prefixes that clash, lxml makes trees that mean something else when written


@given(payloads())
@examples(150)
def test_whatever_the_tree_signxml_and_xmlsec_accept_what_was_signed(root: etree._Element) -> None:
    before = etree.tostring(signed_object(root), method="c14n", exclusive=True)

    data = signer().sign(root)

    result = by_signxml(data, identity("ec"))[0]
    assert etree.tostring(result.signed_xml, method="c14n", exclusive=True) == before
    if HAS_XMLSEC:
        by_xmlsec(data, identity("ec"))


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(PAYLOADS))
@examples(80)
@given(data=st.data())
def test_two_thousand_generated_messages_are_accepted_by_signxml_and_xmlsec(
    name: str, data: Any
) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    canonical = envelope.signed_object(data.draw(records(PAYLOADS[name])))

    message = signer(kind).sign_canonical(canonical)

    assert by_signxml(message, identity(kind))[0].signed_data == canonical
    if HAS_XMLSEC:
        by_xmlsec(message, identity(kind))


try:
    import xmlsec  # noqa: F401

    HAS_XMLSEC = True
except Exception:
    HAS_XMLSEC = False


def test_the_examples_are_there() -> None:
    assert all((WIRE / f"{example}.xml").exists() for example in EXAMPLES)
    assert ven_id_of(signed_object(unsigned("ven-9"))) == "ven-9"
