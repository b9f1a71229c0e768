"""``ven-sdk fingerprint``: the facts of a certificate from every kind of file, and clear words for
what is none.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path

import pytest

from ven_sdk.cli import main
from ven_sdk.security.fingerprint import normalise
from ven_sdk.testing import pki


@pytest.fixture
def identity() -> pki.Identity:
    return pki.identity("fingered")


def test_both_forms_subject_and_validity_are_shown(
    identity: pki.Identity, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cert, _ = identity.write(tmp_path)

    code = main(["fingerprint", cert])

    out = capsys.readouterr().out
    digest = hashlib.sha256(identity.der).hexdigest()
    assert code == 0
    assert f"fingerprint  {normalise(digest[-20:])}" in out
    assert f"SHA-256      {normalise(digest)}" in out
    assert "CN=fingered" in out
    assert "days left)" in out


@pytest.mark.parametrize("form", ["pem", "der", "p12", "p12-by-content", "stdin"])
def test_every_form_gives_the_same_fingerprint(
    form: str,
    identity: pki.Identity,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = identity.pkcs12("secret")
    data = {"pem": identity.cert_pem, "der": identity.der, "stdin": identity.cert_pem}.get(
        form, bundle
    )
    path = tmp_path / {"p12": "ven.p12"}.get(form, "ven.bin")
    path.write_bytes(data)
    monkeypatch.setenv("VEN_PASSPHRASE", "secret")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    code = main(["fingerprint", "--short", "-" if form == "stdin" else str(path)])

    assert (code, capsys.readouterr().out) == (0, f"{identity.fingerprint}\n")


def test_of_a_chain_each_certificate_is_shown_the_own_one_first(
    identity: pki.Identity, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "chain.pem"
    path.write_bytes(identity.cert_pem + identity.authority_pem)

    main(["fingerprint", "--json", str(path)])

    found = json.loads(capsys.readouterr().out)[0]["certificates"]
    assert [each["subject"] for each in found] == ["CN=fingered", "CN=throw-away authority"]
    assert found[0]["fingerprint"] == identity.fingerprint


def test_an_expired_certificate_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cert, _ = pki.expired("old fingers").write(tmp_path)

    main(["fingerprint", cert])

    assert "expired 24 hours ago" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content, says",
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "holds no certificate"),
        (b"hello", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n", "is damaged"),
    ],
)
def test_what_is_no_certificate_is_named(
    content: "bytes | None", says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_bytes(content)

    code = main(["fingerprint", str(path)])

    err = capsys.readouterr().err
    assert code == 2
    assert says in err
    assert "file.pem" in err


def test_a_wrong_passphrase_is_said(
    identity: pki.Identity, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ven.p12"
    path.write_bytes(identity.pkcs12("right"))

    code = main(["fingerprint", "--passphrase", "wrong", str(path)])

    assert code == 2
    assert "the passphrase is wrong" in capsys.readouterr().err
