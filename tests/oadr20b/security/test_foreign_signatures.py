"""Messages that xmlsec and the JDK signed, recorded in tests/data/signatures, in every legal form:
with and without prefixes, by each canonical form, with comments, prefix lists, carriage returns in
base64 and several certificates. All hold, and none holds after any change.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ven_sdk.errors import SecurityError
from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.security import signxml_seam
from ven_sdk.oadr20b.security.replay import ReplayGuard
from ven_sdk.oadr20b.security.verification import Verifier
from ven_sdk.security.fingerprint import certificate_fingerprint

DATA = Path(__file__).parents[2] / "data" / "signatures"
MESSAGES = sorted(DATA.glob("*.xml"))
NOW = datetime(2030, 1, 1, 12, 0, 5, tzinfo=timezone.utc)
FINGERPRINT = certificate_fingerprint((DATA / "vtn.der").read_bytes())
DESCRIPTION = 'a < b & "c" xmlns=""\r'


def _verified(data: bytes) -> etree._Element:
    return Verifier(FINGERPRINT, ReplayGuard()).verify(parsing.parse(data, verbatim=True), NOW)


def test_the_recorded_messages_are_there() -> None:
    assert len([path for path in MESSAGES if path.name.startswith("xmlsec")]) == 33
    assert len([path for path in MESSAGES if path.name.startswith("jdk")]) == 21


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_signature_of_any_legal_form_holds_and_what_was_signed_is_read(path: Path) -> None:
    record = reader.read(envelope.payload_of(_verified(path.read_bytes()))).record
    assert record["response"].response_description == DESCRIPTION
    assert record["ven_id"] == "ven-7"


CHANGES = [
    (rb"ven-7", b"ven-8"),
    (rb"ei:responseCode>200", b"ei:responseCode>500"),
    (rb' xmlns=""', b""),
    (rb"(:venID>|venID>)ven", rb"\1<!-- -->v\1en"),
    (rb"12:00:00Z", b"12:00:01Z"),
    (rb"<(oadr:|)oadrResponse ", rb'<\1oadrResponse xmlns:x="urn:x" x:y="z" '),
    (rb"(schemaVersion=.2\.0)b", rb"\1a"),
    (rb"<(ei:venID)>", rb'<\1 xmlns="">'),
]


@pytest.mark.parametrize("path", MESSAGES[::3], ids=lambda path: path.stem)
@pytest.mark.parametrize(("old", "new"), CHANGES, ids=lambda part: repr(part)[2:22])
def test_no_change_of_what_was_signed_gets_through(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    changed = re.sub(old, new, data, count=1)
    assert changed != data
    try:
        found = _verified(changed)
    except SecurityError:
        return
    # an addition that the canonical form does not have is harmless: the same record is read
    record = reader.read(envelope.payload_of(found)).record
    assert record == reader.read(envelope.payload_of(_verified(data))).record


@pytest.mark.parametrize("form", ["inclusive", "inclusive11"])
def test_an_empty_default_namespace_is_not_the_same_as_none(form: str) -> None:
    """The canonical form tells ``xmlns=""`` from nothing, wherever it stands."""
    data = (DATA / f"xmlsec-{form}-default-plain.xml").read_bytes()
    changed = data.replace(b"<oadrResponse ", b'<oadrResponse xmlns="" ', 1)
    with pytest.raises(SecurityError):
        _verified(changed)


def test_the_private_side_of_signxml_is_as_the_seam_expects_it() -> None:
    signxml_seam.check()


# --- the script that makes them -------------------------------------------------------------------


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("make_signatures", DATA / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _unsigned(data: bytes) -> bytes:
    """A message without the values that its signer put in."""
    digests = re.sub(rb"(DigestValue>)[^<]*", rb"\1", data)
    infos = re.sub(rb"(KeyInfo>).*?(</(?:ds:)?KeyInfo>)", rb"\1\2", digests, flags=re.S)
    return re.sub(rb"(SignatureValue>)[^<]*", rb"\1", infos)


def test_the_script_beside_them_makes_the_messages_that_are_recorded() -> None:
    script = _script()
    names = {f"xmlsec-{form.name}.xml": form for form in script.forms()}
    assert set(names) == {path.name for path in MESSAGES if path.name.startswith("xmlsec")}
    for name, form in names.items():
        document = script.document(form).encode()
        recorded = _unsigned((DATA / name).read_bytes())
        assert etree.tostring(etree.fromstring(document), method="c14n") == etree.tostring(
            etree.fromstring(recorded), method="c14n"
        )
