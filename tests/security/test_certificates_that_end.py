"""Certificates that end: who vouches for whom, what is logged and when, and that nothing is sent
with one that has ended while the VEN runs.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.oadr20b.security.forge import Forge
from ven_sdk import OpenADRClient, VenError
from ven_sdk.errors import SecurityError
from ven_sdk.metrics import exposition
from ven_sdk.oadr20b.identity import SigningIdentity
from ven_sdk.oadr20b.security.verification import verify_unpinned
from ven_sdk.security.validity import is_vouched_for
from ven_sdk.testing import LocalVTN, ManualClock, pki
from ven_sdk.transport.identity import Identity

NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)


def _own(days: float) -> dict[str, Any]:
    mine = pki.identity("ven", end_days=days)
    return {"cert": mine.cert_pem, "key": mine.key_pem}


# --- once for each certificate and step -----------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "logged"),
    [
        ((40, 31), 0),
        ((40, 29, 20, 8), 1),
        ((29, 6, 5, 2), 2),
        ((29, 6, 0.5, 0.1), 3),
        ((29, 6, 0.5, -1, -2), 4),
        ((-1, -5), 1),
        ((3, 29, 3), 2),
    ],
)
def test_a_certificate_is_warned_of_once_for_each_step(
    left: tuple[float, ...], logged: int
) -> None:
    identity = Identity(secure=False, **_own(100))
    end = identity.certificates()[0].ends
    found = [one for days in left for one in identity.due_warnings(end - days * DAY)]
    assert len(found) == logged
    assert {one.role for one in found} <= {"own"}


def test_the_certificates_of_a_ca_file_are_watched_unless_it_is_a_collection() -> None:
    anchors = [pki.identity(f"ca-{number}", end_days=5) for number in range(11)]
    few, many = (b"".join(one.cert_pem for one in anchors[:count]) for count in (2, 11))
    assert [one.role for one in Identity(ca_file=few).due_warnings(NOW)] == ["ca_file"] * 2
    assert Identity(ca_file=many).due_warnings(NOW) == []


def test_what_a_peer_shows_is_watched_as_well() -> None:
    identity = Identity()
    identity.check_caller(pki.identity("vtn", end_days=6.5).der)
    (end,) = identity.due_warnings(NOW)
    assert end.role == "vtn_tls"
    assert "ends in 6 days" in end.describe(NOW)


def test_a_renewed_file_is_judged_anew(tmp_path: Path) -> None:
    cert, key = pki.identity("ven", end_days=3).write(tmp_path)
    identity = Identity(secure=False, cert=cert, key=key)
    assert len(identity.due_warnings(NOW)) == 1
    pki.identity("ven", end_days=300).write(tmp_path)
    identity.refresh()
    assert identity.due_warnings(NOW) == []
    assert identity.certificates()[0].ends > NOW + 200 * DAY


def test_files_that_are_replaced_one_by_one_are_not_complained_of_in_between(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = pki.identity("ven", end_days=300).write(tmp_path)
    identity = Identity(secure=False, cert=cert, key=key)
    new = pki.identity("ven", end_days=400)
    for path, pem in ((cert, new.cert_pem[:200]), (cert, new.cert_pem), (key, new.key_pem[:50])):
        Path(path).write_bytes(pem)
        assert not identity.refresh()
    assert not caplog.records

    for _ in range(3):
        assert not identity.refresh(), "half a key stays half a key"
    assert [record.levelname for record in caplog.records] == ["ERROR"], "once"

    Path(key).write_bytes(new.key_pem)
    assert identity.refresh()
    assert identity.fingerprint == new.fingerprint


# --- a client that runs ---------------------------------------------------------------------------


def _client(vtn: LocalVTN, clock: ManualClock, errors: list[VenError]) -> OpenADRClient:
    client = OpenADRClient(
        "ven", vtn.url, clock=clock, disable_signature=True, allow_jitter=False, **_own(31)
    )
    client.add_handler("on_event", lambda event: "optIn")
    client.add_handler("on_error", errors.append)
    return client


def _wait(clock: ManualClock, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
        clock.advance(1)
    raise AssertionError("it did not come about")


@pytest.mark.sends_invalid
def test_a_client_warns_tells_and_stops_sending_when_its_certificate_has_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, errors = ManualClock(NOW), list[VenError]()
    with LocalVTN(poll_frequency=3600, clock=clock, check=False) as vtn:
        client = _client(vtn, clock, errors)
        client.start(wait=10)
        assert errors == []
        assert not any("certificate" in problem for problem in client.health().problems)

        for days, count in ((2, 1), (1, 1), (22, 2), (5.5, 3)):
            clock.advance(days * 86400)
            _wait(clock, lambda count=count: len(_ends(errors)) >= count)  # type: ignore[misc]
            assert len(_ends(errors)) == count
        assert "ends within a day" in str(_ends(errors)[-1])
        assert any("own certificate" in problem for problem in client.health().problems)
        assert client.status.certificates["own"] < clock.now() + DAY
        assert 'ven_sdk_certificate_end_timestamp_seconds{certificate="own"' in exposition(client)

        clock.advance(86400)
        _wait(clock, lambda: any("Nothing was sent" in str(error) for error in errors))
        sent = sum(vtn.counts.values())
        clock.advance(7200)
        _wait(clock, lambda: len(_ends(errors)) == 4)
        assert sum(vtn.counts.values()) == sent
        client.stop(1)
    lines = [line for line in caplog.messages if "own certificate" in line and "ends" in line]
    assert len(lines) == len(set(lines)) == 3


def _ends(errors: list[VenError]) -> list[VenError]:
    return [error for error in errors if "own certificate (" in str(error)]


def test_connections_are_made_anew_when_the_certificate_of_the_peer_has_ended() -> None:
    identity = Identity(ca_file=pki.authority().cert_pem)
    identity.check_caller(pki.identity("vtn", end_days=1).der)
    before = identity.connections._source
    identity.check_validity(NOW)
    assert "vtn_tls" in {end.role for end in identity.certificates()}
    identity.check_validity(NOW + 2 * DAY)
    assert "vtn_tls" not in {end.role for end in identity.certificates()}
    assert isinstance(before, ssl.SSLContext)
    assert identity.connections._source is before


# --- who vouches for whom -------------------------------------------------------------------------


def _certificate(
    name: str, issuer: Any = None, is_ca: bool = False, days: float = 30
) -> tuple[x509.Certificate, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    by, by_key = (subject, key) if issuer is None else (issuer[0].subject, issuer[1])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * DAY)
        .not_valid_after(NOW + days * DAY)
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .sign(by_key, hashes.SHA256())
    )
    return made, key


ROOT = _certificate("root", is_ca=True)
MIDDLE = _certificate("middle", ROOT, is_ca=True)
LEAF = _certificate("leaf", MIDDLE)
DIRECT = _certificate("direct", ROOT)
ALONE = _certificate("alone")
OLD_MIDDLE = _certificate("middle", ROOT, is_ca=True, days=-1)
NO_CA = _certificate("no authority", ROOT)
UNDER_NO_CA = _certificate("under none", NO_CA)
FALSE_ROOT = _certificate("root", is_ca=True)
CHAINS = [
    (DIRECT, (), True),
    (LEAF, (MIDDLE,), True),
    (LEAF, (ALONE, MIDDLE, LEAF), True),
    (LEAF, (), False),
    (LEAF, (OLD_MIDDLE,), False),
    (ALONE, (ROOT,), False),
    (ROOT, (), True),
    (UNDER_NO_CA, (NO_CA,), False),
    (_certificate("direct", FALSE_ROOT), (FALSE_ROOT,), False),
    (_certificate("ended", ROOT, days=-1), (), False),
]


@pytest.mark.parametrize(("leaf", "others", "expected"), CHAINS)
def test_a_chain_is_followed_to_the_ca_file(leaf: Any, others: Any, expected: bool) -> None:
    found = is_vouched_for(leaf[0], [other[0] for other in others], [ROOT[0]], NOW)
    assert found is expected


def test_a_message_is_believed_where_the_ca_file_vouches_for_its_certificate() -> None:
    signer = pki.identity("vtn")
    root = Forge(identity=signer).sign()
    for ca_file in (pki.authority().cert_pem, signer.cert_pem):
        identity = SigningIdentity(secure=False, ca_file=ca_file)
        assert identity.verify_unpinned(root, NOW).tag.endswith("oadrSignedObject")
        assert "vtn_signing" in {end.role for end in _all_ends(identity)}
    signed, certificate = verify_unpinned(root, NOW)
    assert certificate.public_bytes(serialization.Encoding.DER) == signer.der
    with pytest.raises(SecurityError, match="none of the authorities in ca_file") as caught:
        SigningIdentity(secure=False, ca_file=pki.authority("another").cert_pem).verify_unpinned(
            root, NOW
        )
    assert signer.fingerprint in str(caught.value)
    assert signed is not None


def _all_ends(identity: SigningIdentity) -> Any:
    return [end for end in identity._ends_seen() if end is not None]
