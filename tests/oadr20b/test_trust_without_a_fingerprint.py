"""A message that carries a broken signature is never obeyed, also where no fingerprint says whose
signature is expected; strict reading with a certificate of one's own wants one.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.oadr20b.security.forge import BODY, Forge
from ven_sdk.errors import SecurityError
from ven_sdk.oadr20b.exchange import Exchange
from ven_sdk.oadr20b.identity import SigningIdentity
from ven_sdk.testing import pki
from ven_sdk.usercode.handlers import Hooks

SIGNATURES = Path(__file__).parents[1] / "data" / "signatures"
NOW = datetime(2030, 1, 1, 12, 0, 5, tzinfo=timezone.utc)


def _exchange(strict: bool = False, **trust: Any) -> Exchange:
    return Exchange(
        "http://127.0.0.1:9",
        SigningIdentity(secure=False, **trust),
        now=lambda: NOW,
        monotonic=time.monotonic,
        hooks=Hooks(),
        strict=strict,
    )


def _own() -> dict[str, Any]:
    mine = pki.identity("ven")
    return {"cert": mine.cert_pem, "key": mine.key_pem}


def _message(kind: str) -> bytes:
    return (SIGNATURES / f"xmlsec-inclusive-{kind}.xml").read_bytes()


@pytest.mark.parametrize("kind", ["prefixed-plain", "default-plain", "prefixed-several"])
def test_a_good_signature_is_verified_and_the_message_read(kind: str) -> None:
    assert _exchange().read(_message(kind))["ven_id"] == "ven-7"


BROKEN = [
    (rb"ven-7", b"ven-8"),
    (rb"(DigestValue>).", rb"\1!"),
    (rb"(SignatureValue>)....", rb"\1AAAA"),
    (rb"<ds:X509Data>.*?</ds:X509Data>", b""),
    (rb"(X509Certificate>).{8}", rb"\1AAAAAAAA"),
    (rb"<ds:Reference .*?</ds:Reference>", b""),
    (rb"<ds:SignedInfo>.*?</ds:SignedInfo>", b""),
    (rb"rsa-sha256", b"hmac-sha256"),
]


@pytest.mark.parametrize(("old", "new"), BROKEN)
def test_a_broken_signature_is_never_obeyed(old: bytes, new: bytes) -> None:
    data = re.sub(old, new, _message("prefixed-plain"), count=1, flags=re.S)
    assert data != _message("prefixed-plain")
    with pytest.raises(SecurityError):
        _exchange().read(data)


def test_a_signature_in_another_place_is_not_overlooked() -> None:
    text = _message("prefixed-plain")
    found = re.search(rb"<ds:Signature .*</ds:Signature>", text, re.S)
    assert found is not None
    moved = text.replace(found[0], b"").replace(
        b"</oadr:oadrResponse>", b"</oadr:oadrResponse>" + found[0]
    )
    with pytest.raises(SecurityError):
        _exchange().read(moved)


def test_the_word_signature_in_a_text_makes_no_signed_message() -> None:
    text = BODY % "Signature<!-- a comment --> and more"
    record: Any = _exchange().read(text.encode())
    assert record.ven_id == "Signature and more"


def test_an_unsigned_message_is_refused_only_by_a_strict_ven_that_signs() -> None:
    text = (BODY % "ven-7").encode()
    assert _exchange().read(text)["ven_id"] == "ven-7"
    assert _exchange(strict=True).read(text)["ven_id"] == "ven-7"
    assert _exchange(**_own()).read(text)["ven_id"] == "ven-7"
    assert _exchange(strict=True, disable_signature=True, **_own()).read(text)["ven_id"] == "ven-7"
    with pytest.raises(SecurityError, match="not signed"):
        _exchange(strict=True, **_own()).read(text)


def test_a_signed_message_of_an_expired_certificate_is_refused() -> None:
    with pytest.raises(SecurityError, match="valid from"):
        exchange = _exchange()
        exchange._now = lambda: datetime(2099, 1, 1, tzinfo=timezone.utc)
        exchange.read(_message("prefixed-plain"))


def test_what_another_party_signed_is_told_apart_only_by_a_fingerprint() -> None:
    """This is what the mode does not prove; the documentation says so."""
    signed = etree.tostring(Forge(identity=pki.identity("mallory")).sign())
    exchange = _exchange()
    exchange._now = lambda: datetime.now(timezone.utc)
    assert exchange.read(signed)["ven_id"] == "ven-7"
