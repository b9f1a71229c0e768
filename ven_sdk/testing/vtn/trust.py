"""TLS and signatures of ``LocalVTN``: its own certificate, those that it gives out, and whose
messages it believes.

Keys are made when they are first asked for, so that a plain VTN costs nothing. Files lie in a
folder of their own, which is removed when the VTN is closed. Tests call it; connection threads
verify.
"""

from __future__ import annotations

import base64
import binascii
import shutil
import ssl
import tempfile
import weakref
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ...arguments import choice
from ...errors import SecurityError
from ...oadr20b.security.names import DS
from ...oadr20b.security.replay import ReplayGuard
from ...oadr20b.security.signing import Signer
from ...oadr20b.security.verification import Verifier
from ...security.credentials import Credentials
from ...security.fingerprint import fingerprint_of, normalise
from ...security.tls import CIPHERS

if TYPE_CHECKING:
    from ...oadr20b.codec.findings import Element
    from ..pki import Identity

_CERTIFICATES = f"{{{DS}}}Signature/{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"

_PARTIAL_CHAIN = getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)  # named since Python 3.10

KEY_KINDS = ("ec", "ec384", "rsa")


class ClientCert(NamedTuple):
    """A certificate for a VEN: the paths ``cert`` and ``key``, and the ``fingerprint`` that the VTN
    knows it by.
    """

    cert: str
    key: str
    fingerprint: str


class Trust:
    """The VTN's identity (``kind``: ``'ec'`` or ``'rsa'``) and the fingerprints whose signatures it
    accepts. ``replay_window`` in seconds.
    """

    def __init__(self, kind: str, replay_window: float) -> None:
        self.kind: str = choice("kind", kind, KEY_KINDS)
        self.replay_window: float = replay_window
        self._identity: Optional["Identity"] = None
        self._signer: Optional[Signer] = None
        self._folder: Optional[Path] = None
        self._remove: Optional[Callable[[], object]] = None
        self._trusted: dict[str, Verifier] = {}
        self._clients: list[str] = []

    @property
    def identity(self) -> "Identity":
        """The VTN's certificate and key, for TLS and for signing."""
        from .. import pki

        if self._identity is None:
            self._identity = pki.identity("localvtn", self.kind)
        return self._identity

    def renew(self, identity: "Identity") -> None:
        """Another certificate from now on."""
        self._identity, self._signer = identity, None

    def signer(self) -> Signer:
        """What signs the VTN's messages."""
        if self._signer is None:
            self._signer = Signer(Credentials.load(self.identity.cert_pem, self.identity.key_pem))
        return self._signer

    def context(self, *, client_certificates: bool) -> ssl.SSLContext:
        """The server's side of TLS; with ``client_certificates`` it demands one of the throw-away
        authority.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        context.load_cert_chain(*self.identity.write(self.folder, "vtn"))
        if client_certificates:
            context.load_verify_locations(cadata=self.identity.authority_pem.decode())
            context.verify_mode = ssl.CERT_REQUIRED
            for pem in self._clients:
                _admit_by_tls(context, pem)
        return context

    def push_context(self) -> ssl.SSLContext:
        """The VTN's side of TLS where it calls VENs: it shows its certificate, and believes those
        of the throw-away authority.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.identity.authority_pem.decode())
        context.check_hostname = False
        context.load_cert_chain(*self.identity.write(self.folder, "vtn"))
        return context

    # --- what VENs are given ----------------------------------------------------------------------

    def ca_file(self) -> str:
        """The path of the certificate that VENs check the VTN's TLS certificate against."""
        path = self.folder / "ca.crt"
        path.write_bytes(self.identity.authority_pem)
        return str(path)

    def client_cert(self, name: str, kind: str, passphrase: Optional[str]) -> ClientCert:
        """A certificate for a VEN, whose signatures are accepted from now on."""
        from .. import pki

        made = pki.identity(name, choice("kind", kind, KEY_KINDS))
        self.trust_signer(made.fingerprint)
        stem = "".join(letter if letter.isalnum() else "-" for letter in name)
        return ClientCert(*made.write(self.folder, f"{stem}-{kind}", passphrase), made.fingerprint)

    def trust_signer(self, fingerprint: str) -> None:
        """Accept what the holder of that certificate signs."""
        known = normalise(fingerprint)
        if known not in self._trusted:
            self._trusted[known] = Verifier(known, ReplayGuard(self.replay_window))

    def admit(self, certificate: bytes, context: Optional[ssl.SSLContext]) -> None:
        """Accept the holder of that certificate (PEM) by TLS and signature, whoever issued it;
        ``context`` is the one in use.
        """
        self._clients.append(certificate.decode())
        if context is not None and context.verify_mode is ssl.CERT_REQUIRED:
            _admit_by_tls(context, self._clients[-1])
        found = x509.load_pem_x509_certificate(certificate)
        self.trust_signer(fingerprint_of(found.public_bytes(Encoding.DER)))

    def verify(self, root: Element, now: datetime) -> tuple[Element, str]:
        """The signed object of a message and the fingerprint of its signer; SecurityError where it
        is not to be believed.
        """
        shown = _fingerprints(root)
        for fingerprint in shown:
            verifier = self._trusted.get(fingerprint)
            if verifier is not None:
                return verifier.verify(root, now), fingerprint
        known = (
            ", ".join(self._trusted)
            or "none (get certificates by client_cert, or name them to trust)"
        )
        raise SecurityError(
            f"The message is signed by {', '.join(shown) or 'nobody'}; believed are {known}.",
            expected=sorted(self._trusted),
            received=shown[:1] or None,
        )

    # --- files ------------------------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """A folder that lives as long as the VTN."""
        if self._folder is None or not self._folder.is_dir():
            self._folder = Path(tempfile.mkdtemp(prefix="ven-sdk-vtn-"))
            self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def close(self) -> None:
        """Remove the files."""
        if self._remove is not None:
            self._remove()


def _admit_by_tls(context: ssl.SSLContext, pem: str) -> None:
    context.verify_flags |= _PARTIAL_CHAIN
    context.load_verify_locations(cadata=pem)


def _fingerprints(root: Element) -> list[str]:
    found = []
    for element in root.iterfind(_CERTIFICATES):
        try:
            found.append(fingerprint_of(base64.b64decode("".join((element.text or "").split()))))
        except (binascii.Error, ValueError):
            continue
    return found
