"""Certificates for listeners and for VTNs that push, by trustme: nothing of the SDK makes them."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import trustme

from tests.push.wire import encrypted, exchange, request
from ven_sdk.push.listener import Listener


class Trust:
    """A CA, another CA, and certificates of both, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca, self.other_ca = trustme.CA(), trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.ca_file)
        self.vtn = self.files("vtn", self.ca.issue_cert("vtn.example"))
        self.stranger = self.files("stranger", self.other_ca.issue_cert("vtn.example"))
        pem = Path(self.vtn[0]).read_text(encoding="ascii").partition("-----END CERTIFICATE-----")
        self.vtn_der = ssl.PEM_cert_to_DER_cert(f"{pem[0]}{pem[1]}\n")
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("127.0.0.1", "localhost").configure_cert(self.server)
        self.ca.configure_trust(self.server)
        self.server.verify_mode = ssl.CERT_REQUIRED

    def files(self, name: str, issued: trustme.LeafCert) -> tuple[str, str]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return str(certificate), str(key)


def honest(listener: Listener, trust: Trust) -> float:
    """Seconds of a push from connecting to the answer."""
    begun = time.monotonic()
    with encrypted(listener.address, trust.ca_file, *trust.vtn, source="127.0.0.1") as vtn:
        assert exchange(vtn, request())[0] == 200
    return time.monotonic() - begun
