"""TLS of the wrong kind in the middle of a run, pins, certificates renewed on disk: end to end with
LocalVTN.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.hostile.stage import PATIENCE, Stage, eventually
from ven_sdk import OpenADRClient, TransportError
from ven_sdk.errors import ConfigurationError, SecurityError
from ven_sdk.oadr20b import exchange
from ven_sdk.security.fingerprint import fingerprint_of
from ven_sdk.testing import LocalVTN, pki

GOOD = pki.identity("localvtn")
OTHERS_CA = pki.identity("localvtn", issuer="another authority")


def secure_stage(folder: Path, ven: Any = None, **options: Any) -> Stage:
    """A stage with mutual TLS, whose client has its files in ``folder``."""
    cert, key = (ven or pki.identity("ven")).write(folder, "ven")
    (folder / "ca.pem").write_bytes(pki.authority().cert_pem)
    vtn = LocalVTN(tls=True, identity=GOOD)
    return Stage(
        vtn, cert=cert, key=key, ca_file=folder / "ca.pem", disable_signature=True, **options
    )


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with secure_stage(tmp_path_factory.mktemp("tls")) as stage:
        stage.answers_a_good_event()
        yield stage


def old_tls(vtn: LocalVTN) -> None:
    """TLS 1.1 and nothing later."""
    context = vtn._trust.context(client_certificates=False)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    vtn._server.context = context


def no_tls(vtn: LocalVTN) -> None:
    vtn._server.context = None


def showing(identity: pki.Identity) -> Callable[[LocalVTN], None]:
    return lambda vtn: vtn.renew_certificate(identity)


def wanting(identity: pki.Identity) -> Callable[[LocalVTN], None]:
    """A VTN that trusts only clients of another authority."""

    def change(vtn: LocalVTN) -> None:
        context = vtn._trust.context(client_certificates=False)
        context.load_verify_locations(cadata=identity.authority_pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        vtn._server.context = context

    return change


TLS: dict[str, tuple[Callable[[LocalVTN], None], str]] = {
    "a certificate of another CA": (
        showing(OTHERS_CA),
        "was not issued by a CA that is trusted here",
    ),
    "a certificate for another host": (showing(pki.wrong_host()), "not for '127.0.0.1'"),
    "an expired certificate": (showing(pki.expired()), "has expired"),
    "a certificate of the future": (showing(pki.not_yet_valid()), "is not valid yet"),
    "a self-signed certificate": (
        showing(pki.self_signed()),
        "was not issued by a CA that is trusted here",
    ),
    "TLS 1.1 only": (old_tls, "does not speak TLS 1.2 or later"),
    "no TLS at all": (no_tls, "does not speak TLS|hung up during the TLS handshake"),
    "a VTN that wants another client certificate": (wanting(OTHERS_CA), "refused TLS"),
}


@pytest.mark.keeps_threads
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("kind", TLS)
def test_tls_of_the_wrong_kind_gets_no_message_and_the_next_event_is_answered(
    stage: Stage, kind: str
) -> None:
    change, words = TLS[kind]
    stage.settle()
    before = stage.facts()
    try:
        change(stage.vtn)
        stage.vtn.restart()
        mark = stage.vtn.mark()
        error = eventually(lambda: failure_like(stage.client, words), f"a failure with {words!r}")
        assert isinstance(error, TransportError) and error.delivered is False
        assert stage.vtn.received_of("oadrPoll", after=mark) == []
    finally:
        stage.vtn.renew_certificate(GOOD)
        stage.vtn.restart()
        stage.poll_at_once()
    stage.settle()
    assert stage.facts() == before
    stage.answers_a_good_event()


def failure_like(client: OpenADRClient, words: str) -> Any:
    import re

    error = client.status.last_error
    return error if re.search(words, str(error)) else None


# --- pins -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("full", [False, True], ids=["short", "SHA-256"])
def test_a_vtn_with_the_pinned_certificate_is_obeyed(tmp_path: Path, full: bool) -> None:
    with secure_stage(
        tmp_path, tls_fingerprint=fingerprint_of(GOOD.der, full=full).lower()
    ) as stage:
        stage.answers_a_good_event()


def test_a_vtn_with_another_certificate_of_the_same_ca_gets_nothing(tmp_path: Path) -> None:
    pinned = pki.identity("the right one").fingerprint
    (tmp_path / "ca.pem").write_bytes(pki.authority().cert_pem)
    with LocalVTN(tls=True, client_certificates=False, identity=GOOD) as vtn:
        client = OpenADRClient("ven", vtn.url, ca_file=tmp_path / "ca.pem", tls_fingerprint=pinned)
        with pytest.raises(TransportError, match="TLS certificate has fingerprint") as caught:
            client.start(wait=0.5)
        assert vtn.received == []
    assert GOOD.fingerprint in str(caught.value) and pinned in str(caught.value)
    assert isinstance(caught.value.__cause__.__cause__, SecurityError)  # type: ignore[union-attr]


def test_a_certificate_that_changes_in_the_middle_of_a_run_is_refused_by_the_pin(
    tmp_path: Path,
) -> None:
    with secure_stage(tmp_path, tls_fingerprint=GOOD.fingerprint) as stage:
        stage.answers_a_good_event()
        stage.vtn.renew_certificate(pki.identity("somebody else of the same CA"))
        stage.vtn.restart()
        mark = stage.vtn.mark()
        error = eventually(
            lambda: failure_like(stage.client, "Nothing was sent"), "the pin to refuse"
        )
        assert isinstance(error, TransportError) and error.delivered is False
        assert stage.vtn.received_of("oadrPoll", after=mark) == []
        stage.vtn.renew_certificate(GOOD)
        stage.vtn.restart()
        stage.poll_at_once()
        stage.answers_a_good_event()


# --- renewal --------------------------------------------------------------------------------------


def newest_fingerprint(stage: Stage) -> Any:
    polls = stage.vtn.received_of("oadrPoll")
    return polls[-1].fingerprint if polls else None


def test_a_certificate_renewed_on_disk_is_used_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "REFRESH", 0.1)
    old, new = pki.identity("ven"), pki.identity("ven", end_days=700)
    with secure_stage(tmp_path) as stage:
        stage.answers_a_good_event()
        assert newest_fingerprint(stage) == old.fingerprint

        stage.vtn.ven().fingerprint = None  # the VTN's operator was told of the new one (rule L6)
        new.write(tmp_path, "ven")

        eventually(
            lambda: newest_fingerprint(stage) == new.fingerprint, "the new certificate to be shown"
        )
        stage.answers_a_good_event()
        assert stage.client._lifecycle.identity.fingerprint == new.fingerprint
        assert stage.client.status.counters["failures"] == 0


def test_signatures_are_made_with_the_renewed_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "REFRESH", 0.1)
    new = pki.identity("ven", "rsa", end_days=700)
    cert, key = pki.identity("ven").write(tmp_path, "ven")
    vtn = LocalVTN(sign=True, identity=GOOD)
    for identity in (pki.identity("ven"), new):
        vtn.trust(identity.fingerprint)
    with Stage(vtn, cert=cert, key=key, vtn_fingerprint=GOOD.fingerprint) as stage:
        stage.answers_a_good_event()

        stage.vtn.ven().fingerprint = None
        new.write(tmp_path, "ven")

        eventually(lambda: newest_fingerprint(stage) == new.fingerprint, "the new key to sign")
        stage.answers_a_good_event()


@pytest.mark.parametrize("own", [True, False], ids=["mutual", "one-sided"])
def test_a_ca_file_renewed_on_disk_is_used_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    monkeypatch.setattr(exchange, "REFRESH", 0.03)
    files = dict(zip(("cert", "key"), pki.identity("ven").write(tmp_path, "ven"))) if own else {}
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(pki.authority().cert_pem)
    with Stage(
        LocalVTN(tls=True, client_certificates=False, identity=GOOD),
        ca_file=ca_file,
        disable_signature=True,
        **files,
    ) as stage:
        stage.vtn.renew_certificate(OTHERS_CA)
        stage.vtn.restart()
        eventually(
            lambda: failure_like(stage.client, "not issued by a CA"),
            "the new authority to be unknown",
        )

        ca_file.write_bytes(pki.authority().cert_pem + pki.authority("another authority").cert_pem)

        eventually(
            lambda: failure_like(stage.client, "not issued by a CA") and stage.client.health().ok,
            "the link to mend",
        )
        stage.answers_a_good_event()


def test_a_ca_file_that_goes_bad_leaves_certificate_and_key_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "REFRESH", 0.03)
    with secure_stage(tmp_path) as stage:
        (tmp_path / "ca.pem").write_bytes(b"")
        pki.identity("ven", end_days=700).write(tmp_path, "ven")

        eventually(
            lambda: [line for line in stage.warnings() if "cannot be used" in line],
            "the files to be refused",
        )

        stage.answers_a_good_event()
        assert (
            stage.client._lifecycle.identity.fingerprint
            == newest_fingerprint(stage)
            == pki.identity("ven").fingerprint
        )


BAD_FILES: dict[str, Callable[[Path], Any]] = {
    "a certificate without its key": lambda folder: (folder / "ven.crt").write_bytes(
        pki.identity("ven", end_days=700).cert_pem
    ),
    "an empty file": lambda folder: (folder / "ven.crt").write_bytes(b""),
    "half a file": lambda folder: (folder / "ven.key").write_bytes(
        pki.identity("ven").key_pem[:100]
    ),
    "an expired certificate": lambda folder: pki.expired("ven").write(folder, "ven"),
    "a key under a passphrase": lambda folder: pki.identity("ven", end_days=700).write(
        folder, "ven", "secret"
    ),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_unusable_new_files_are_said_once_and_the_old_ones_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(exchange, "REFRESH", 0.03)
    with secure_stage(tmp_path) as stage:
        stage.answers_a_good_event()

        BAD_FILES[kind](tmp_path)

        eventually(
            lambda: [line for line in stage.warnings() if "cannot be used" in line],
            "the files to be refused",
        )
        polls = stage.client.status.counters["polls"]
        eventually(
            lambda: stage.client.status.counters["polls"] > polls + 6, "more looks at the files"
        )
        assert len([line for line in stage.warnings() if "cannot be used" in line]) == 1
        stage.answers_a_good_event()
        assert newest_fingerprint(stage) == pki.identity("ven").fingerprint

        stage.vtn.ven().fingerprint = None
        pki.identity("ven", end_days=700).write(tmp_path, "ven")

        eventually(
            lambda: newest_fingerprint(stage) == pki.identity("ven", end_days=700).fingerprint,
            "good files to be used",
        )


def test_files_that_vanish_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "REFRESH", 0.03)
    with secure_stage(tmp_path) as stage:
        os.remove(tmp_path / "ven.crt")
        polls = stage.client.status.counters["polls"]
        eventually(
            lambda: stage.client.status.counters["polls"] > polls + 4, "more looks at the files"
        )
        stage.answers_a_good_event()
        assert not [line for line in stage.warnings() if "cannot be used" in line]


# --- the constructor ------------------------------------------------------------------------------


def arguments(folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Wrong files and arguments, and what the error must say."""
    ven, other = pki.identity("ven", "rsa"), pki.identity("other", "rsa")
    cert, key = ven.write(folder, "ven")
    _, locked = ven.write(folder, "locked", "secret")
    _, others_key = other.write(folder, "other")
    old_cert, old_key = pki.expired().write(folder, "old")
    new_cert, new_key = pki.not_yet_valid().write(folder, "new")
    files = {
        "ca.p12": ven.pkcs12("secret"),
        "empty.pem": b"",
        "text.pem": b"hello",
        "broken.p12": b"\x30\x82",
        "broken.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    }
    paths = {name: str(folder / name) for name in files}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "nothing").mkdir()
    return {
        "no such certificate": (
            {"cert": str(folder / "no.crt"), "key": key},
            "no.crt.*No such file",
        ),
        "no such key": ({"cert": cert, "key": str(folder / "no.key")}, "no.key.*No such file"),
        "a folder as certificate": (
            {"cert": str(folder), "key": key},
            "cannot be read: Is a directory|Permission",
        ),
        "a key without a certificate": ({"key": key}, "key was given without cert"),
        "a certificate without a key": ({"cert": cert}, "ven.crt holds no private key"),
        "a key that does not belong": (
            {"cert": cert, "key": others_key},
            "other.key does not belong to .*ven.crt",
        ),
        "certificate and key exchanged": (
            {"cert": key, "key": cert},
            "ven.crt holds no private key|ven.key holds no certificate",
        ),
        "an expired certificate": (
            {"cert": old_cert, "key": old_key},
            r"old.crt expired on \d{4}-",
        ),
        "a certificate of the future": (
            {"cert": new_cert, "key": new_key},
            "new.crt is valid only from",
        ),
        "no passphrase": (
            {"cert": cert, "key": locked},
            "locked.key is encrypted: give its passphrase",
        ),
        "a wrong passphrase": (
            {"cert": cert, "key": locked, "passphrase": "guess"},
            "locked.key cannot be loaded: the passph",
        ),
        "an empty certificate": (
            {"cert": paths["empty.pem"], "key": key},
            "empty.pem is empty",
        ),
        "a text as certificate": (
            {"cert": paths["text.pem"], "key": key},
            "text.pem holds no certificate",
        ),
        "a damaged certificate": (
            {"cert": paths["broken.pem"], "key": key},
            "broken.pem is damaged",
        ),
        "a PKCS#12 without passphrase": (
            {"cert": paths["ca.p12"]},
            "ca.p12 cannot be opened: it needs a passphrase",
        ),
        "a PKCS#12 with a wrong one": (
            {"cert": paths["ca.p12"], "passphrase": "guess"},
            "ca.p12 cannot be opened: the passphr",
        ),
        "a damaged PKCS#12": (
            {"cert": paths["broken.p12"], "passphrase": "x"},
            "broken.p12 cannot be opened",
        ),
        "bytes that are no certificate": (
            {"cert": b"hello", "key": ven.key_pem},
            "the bytes given as cert holds no certificate",
        ),
        "no such ca_file": ({"ca_file": str(folder / "no.pem")}, "ca_file .*no.pem.*No such file"),
        "an empty ca_file": (
            {"ca_file": paths["empty.pem"]},
            "ca_file .*empty.pem.*holds no certificate",
        ),
        "a folder without certificates as ca_file": (
            {"ca_file": str(folder / "nothing")},
            "nothing' is a folder without",
        ),
        "bytes that are no ca_file": ({"ca_file": b"hello"}, "ca_file bytes cannot be used"),
        "a tls_fingerprint that is none": ({"tls_fingerprint": "AA:BB"}, "no fingerprint"),
        "a vtn_fingerprint that is none": ({"vtn_fingerprint": "yes"}, "no fingerprint"),
        "a SHA-1 fingerprint": ({"vtn_fingerprint": "AA" * 20}, "SHA-1"),
        "a window of nothing": (
            {"vtn_fingerprint": "AA" * 10, "replay_window": 0},
            "replay_window",
        ),
        "a window without end": (
            {"vtn_fingerprint": "AA" * 10, "replay_window": float("inf")},
            "replay_window",
        ),
        "a response size of nothing": ({"max_response_size": 0}, "max_response_size"),
        "a response size in words": ({"max_response_size": "16 MiB"}, "max_response_size"),
        "a SOCKS proxy": ({"proxies": {"https": "socks5://127.0.0.1:1080"}}, "proxy"),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "no such certificate",
        "no such key",
        "a folder as certificate",
        "a key without a certificate",
        "a certificate without a key",
        "a key that does not belong",
        "certificate and key exchanged",
        "an expired certificate",
        "a certificate of the future",
        "no passphrase",
        "a wrong passphrase",
        "an empty certificate",
        "a text as certificate",
        "a damaged certificate",
        "a PKCS#12 without passphrase",
        "a PKCS#12 with a wrong one",
        "a damaged PKCS#12",
        "bytes that are no certificate",
        "no such ca_file",
        "an empty ca_file",
        "a folder without certificates as ca_file",
        "bytes that are no ca_file",
        "a tls_fingerprint that is none",
        "a vtn_fingerprint that is none",
        "a SHA-1 fingerprint",
        "a window of nothing",
        "a window without end",
        "a response size of nothing",
        "a response size in words",
        "a SOCKS proxy",
    ],
)
def test_a_mistake_in_files_or_arguments_is_an_error_in_the_constructor(
    tmp_path: Path, kind: str
) -> None:
    wrong, words = arguments(tmp_path)[kind]
    begin = time.monotonic()

    with pytest.raises(ConfigurationError, match=words) as caught:
        OpenADRClient("ven", "https://127.0.0.1:9", **wrong)

    assert "secret" not in str(caught.value) and "guess" not in str(caught.value)
    assert time.monotonic() - begin < 2


def test_every_form_of_certificates_is_taken(tmp_path: Path) -> None:
    ven, ca = pki.identity("ven"), pki.authority().cert_pem
    cert, key = ven.write(tmp_path, "ven", "secret")
    (tmp_path / "both.pem").write_bytes(ven.cert_pem + ven.key_pem)
    (tmp_path / "ven.p12").write_bytes(ven.pkcs12("secret"))
    (tmp_path / "cas").mkdir()
    (tmp_path / "cas" / "one.crt").write_bytes(ca)
    (tmp_path / "ca.pem").write_bytes(ca)
    forms: tuple[dict[str, Any], ...] = (
        {"cert": cert, "key": key, "passphrase": "secret", "ca_file": tmp_path / "ca.pem"},
        {"cert": tmp_path / "both.pem", "ca_file": str(tmp_path / "cas")},
        {"cert": ven.cert_pem, "key": ven.key_pem, "ca_file": ca},
        {"cert": str(tmp_path / "ven.p12"), "passphrase": "secret", "ca_file": ca.decode()},
    )
    with LocalVTN(tls=True, identity=GOOD) as vtn:
        for form in forms:
            client = OpenADRClient("ven", vtn.url, disable_signature=True, **form)
            client.start(wait=PATIENCE)
            client.stop()
