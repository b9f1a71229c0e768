"""Mutual TLS and signed messages against openleadr's VTN, which demands both: RSA and EC keys, with
a passphrase too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

import pytest

from tests.peers.openleadr_peer import OpenleadrVTN
from ven_sdk import OpenADRClient
from ven_sdk.testing import pki

VEN_NAME, VEN_ID = "ven123", "ven-tls-a"
PASSPHRASE = "correct horse"


@contextmanager
def secure_vtn(folder: Path, ven: pki.Identity, **options: Any) -> Iterator[OpenleadrVTN]:
    """openleadr's VTN with a certificate of the same authority, that signs and wants signatures."""
    vtn_cert, vtn_key = pki.identity("vtn", "rsa").write(folder, "vtn")
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(pki.authority().cert_pem)
    with OpenleadrVTN(
        http_cert=vtn_cert,
        http_key=vtn_key,
        http_ca_file=ca_file,
        cert=vtn_cert,
        key=vtn_key,
        verify_message_signatures=True,
        report_requests=[{"sampling_interval": timedelta(seconds=1)}],
        vens={
            VEN_NAME: {
                "ven_id": VEN_ID,
                "registration_id": "reg-tls",
                "fingerprint": ven.fingerprint,
            }
        },
        **options,
    ) as vtn:
        yield vtn


@pytest.mark.parametrize(
    ("kind", "passphrase"), [("rsa", None), ("ec", None), ("rsa", PASSPHRASE), ("ec", PASSPHRASE)]
)
def test_everything_of_the_main_job_holds_over_mutual_tls_with_signatures(
    tmp_path: Path, kind: str, passphrase: Optional[str]
) -> None:
    ven = pki.identity("ven", kind)
    cert, key = ven.write(tmp_path, "ven", passphrase)
    told: list[str] = []
    with secure_vtn(tmp_path, ven) as vtn:
        client = OpenADRClient(
            VEN_NAME,
            vtn.url,
            cert=cert,
            key=key,
            passphrase=passphrase,
            ca_file=tmp_path / "ca.pem",
            vtn_fingerprint=pki.identity("vtn", "rsa").fingerprint,
            poll_frequency=0.2,
        )
        client.add_report(
            callback=lambda: 1.23, resource_id="device001", measurement="voltage", sampling_rate=1
        )
        client.add_handler("on_event", lambda event: (told.append(event.event_id), "optIn")[1])
        client.start(wait=10)
        with client:
            assert client.ven_id == VEN_ID
            soon = datetime.now(timezone.utc) + timedelta(seconds=30)
            step: dict[str, Any] = {
                "dtstart": soon,
                "duration": timedelta(seconds=5),
                "signal_payload": 1,
            }
            event_id = vtn.add_event(VEN_ID, intervals=[step])
            answer = vtn.wait_for("event_response", 10, lambda seen: seen["event_id"] == event_id)
            assert answer["opt_type"] == "optIn" and answer["signed"]
            assert vtn.wait_for("report_data", 10)["values"][0][1] == 1.23
            after = vtn.mark()
            vtn.cancel_event(VEN_ID, event_id)
            assert vtn.wait_for("event_response", 10, after=after)["response_code"] == "200"
    assert told == [event_id]
    assert all(seen["signed"] for seen in vtn.seen("poll")) and client.status.last_error is None


def first_error(client: OpenADRClient) -> str:
    """What the first exchange that failed said; the client is stopped after it."""
    said = threading.Event()
    client.add_handler("on_error", lambda error: said.set())
    client.start()
    assert said.wait(20)
    client.stop()
    return str(client.status.last_error)


def test_a_vtn_that_is_not_the_pinned_one_moves_nothing(tmp_path: Path) -> None:
    ven = pki.identity("ven", "ec")
    cert, key = ven.write(tmp_path, "ven")
    with secure_vtn(tmp_path, ven) as vtn:
        client = OpenADRClient(
            VEN_NAME,
            vtn.url,
            cert=cert,
            key=key,
            ca_file=tmp_path / "ca.pem",
            vtn_fingerprint=pki.identity("another vtn", "rsa").fingerprint,
            poll_frequency=0.2,
        )
        assert "fingerprint" in first_error(client)
        assert client.registration_id is None


def test_without_a_client_certificate_the_vtn_is_not_reached_and_the_reason_is_said(
    tmp_path: Path,
) -> None:
    with secure_vtn(tmp_path, pki.identity("ven", "ec")) as vtn:
        client = OpenADRClient(VEN_NAME, vtn.url, ca_file=tmp_path / "ca.pem", poll_frequency=0.2)
        assert "certificate" in first_error(client)
