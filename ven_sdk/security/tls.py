"""TLS settings of a client as an :class:`ssl.SSLContext`: rules L1 to L3, L7 and L8.

Makes contexts and checks a pinned certificate. Connections, session resumption and their errors are
``transport``'s. Runs in the constructor, and in the thread that notices renewed files.
"""

from __future__ import annotations

import os
import secrets
import ssl
import sys
import tempfile
from typing import Optional

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from ..errors import ConfigurationError, SecurityError
from ..text import repr_of
from .credentials import Credentials, Source, is_path
from .fingerprint import fingerprint_of, is_full, normalise

CIPHERS = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
    "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:!aNULL"
)
"""For TLS 1.2; both mandatory suites of rule L1 are in it, which Python's default lacks. TLS 1.3
has its own.
"""
SERVER_CIPHERS = f"ECDHE-ECDSA-AES128-SHA256:AES128-SHA256:{CIPHERS}"
"""For TLS 1.2 as a server: the mandatory suites of rule L1 first."""
_CERTIFICATE_FILES = (".pem", ".crt", ".cer")


def client_context(
    credentials: Optional[Credentials] = None,
    ca_file: Optional[Source] = None,
    *,
    check_hostname: bool = True,
) -> ssl.SSLContext:
    """A context that trusts ``ca_file`` (file, folder, bytes; None: the system's store) and nothing
    else.

    No environment variable has a say. The peer's chain is always checked, its name unless
    ``check_hostname`` is off (rule L8). Raises :class:`ConfigurationError` where a file is
    unusable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.check_hostname = check_hostname
    context.post_handshake_auth = True  # TLS 1.3: a server may ask when it has seen the path
    _trust(context, ca_file)
    if credentials is not None:
        _load_own(context, credentials)
    return context


def server_context(credentials: Credentials, ca_file: Optional[Source] = None) -> ssl.SSLContext:
    """A context for a VEN that is called (push): it shows ``credentials``, and demands a client
    certificate that ``ca_file`` vouches for (None: the system's store).

    TLS 1.2 and above. For TLS 1.2 the mandatory suites come first and the order is ours, so that
    one of them is chosen whatever else is offered (rule L1). The handshake ends without a right
    certificate (L3, L12). Raises :class:`ConfigurationError` where a file is unusable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SERVER_CIPHERS)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    context.verify_mode = ssl.CERT_REQUIRED
    _trust(context, ca_file)
    _load_own(context, credentials)
    return context


def check_peer(der: Optional[bytes], expected: str) -> None:
    """Compare the certificate of a TLS peer (DER) with ``tls_fingerprint``; :class:`SecurityError`
    if it is another.
    """
    wanted = normalise(expected)
    received = fingerprint_of(der, full=is_full(wanted)) if der else None
    if received != wanted:
        raise SecurityError(
            f"The VTN's TLS certificate has fingerprint {received or 'none'}, but tls_fingerprint "
            f"is {wanted}. Nothing was sent. If the VTN renewed its certificate, update "
            "tls_fingerprint.",
            expected=wanted,
            received=received,
        )


def _trust(context: ssl.SSLContext, ca_file: Optional[Source]) -> None:
    if ca_file is None:
        _trust_system(context)
        return
    name = repr_of(os.fspath(ca_file)) if is_path(ca_file) else "bytes"
    try:
        if not is_path(ca_file):
            _trust_bytes(context, ca_file)
        elif os.path.isdir(ca_file):
            _trust_folder(context, os.fspath(ca_file))
        else:
            _trust_file(context, os.fspath(ca_file))
    except ConfigurationError:
        raise
    except (OSError, ValueError) as cause:  # ssl.SSLError is an OSError
        unreadable = isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError)
        why = cause if unreadable else "it holds no certificate (expected PEM)"
        raise ConfigurationError(f"ca_file {name} cannot be used: {why}.") from cause


def _trust_bytes(context: ssl.SSLContext, data: Source) -> None:
    if isinstance(data, bytes) and data[:1] != b"\x30":
        context.load_verify_locations(cadata=data.decode("ascii"))
    else:
        context.load_verify_locations(cadata=data)  # type: ignore[arg-type]


def _trust_folder(context: ssl.SSLContext, folder: str) -> None:
    """OpenSSL reads a folder only by hashed names (c_rehash); plain certificate files in it count
    here as well.
    """
    names = sorted(os.listdir(folder))
    plain = [
        name
        for name in names
        if name.lower().endswith(_CERTIFICATE_FILES)
        and os.path.isfile(os.path.join(folder, name))  # a link may lead nowhere
    ]
    hashed = [name for name in names if name.rpartition(".")[2].isdigit()]
    if not plain and not hashed:
        raise ConfigurationError(
            f"ca_file {folder!r} is a folder without certificates {_CERTIFICATE_FILES}."
        )
    context.load_verify_locations(capath=folder)
    for name in plain:
        _trust_file(context, os.path.join(folder, name))


def _trust_file(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except OSError as cause:  # ssl.SSLError is one
        if isinstance(cause, ssl.SSLError):
            why = "it holds no certificate (expected PEM)"
        else:
            why = cause.strerror or str(cause)
        raise ConfigurationError(f"ca_file {repr_of(path)} cannot be used: {why}.") from cause


def _trust_system(context: ssl.SSLContext) -> None:
    """The store that OpenSSL was built for; its variables SSL_CERT_FILE and SSL_CERT_DIR are not
    looked at.
    """
    if sys.platform == "win32":
        context.load_default_certs()
        return
    paths = ssl.get_default_verify_paths()
    file = paths.openssl_cafile if os.path.isfile(paths.openssl_cafile) else None
    folder = paths.openssl_capath if os.path.isdir(paths.openssl_capath) else None
    if file is None and folder is None:
        raise ConfigurationError(
            f"This system has no store of trusted certificates ({paths.openssl_cafile!r} and "
            f"{paths.openssl_capath!r} do not exist). Give ca_file."
        )
    context.load_verify_locations(cafile=file, capath=folder)


def _load_own(context: ssl.SSLContext, credentials: Credentials) -> None:
    """The ssl module takes certificate and key from files only: a private one, under a passphrase
    made for the moment, so that the key lies nowhere in the clear; deleted at once.
    """
    passphrase = secrets.token_hex(32)
    # The traditional format derives its key in one round, which a passphrase of 256 random bits can
    # afford.
    key = credentials.key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(passphrase.encode())
    )
    pem = [
        x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in credentials.chain
    ]
    handle, path = tempfile.mkstemp(prefix="ven-sdk-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"".join([*pem, key]))
        context.load_cert_chain(path, password=passphrase)
    except (OSError, ValueError) as cause:
        raise ConfigurationError(
            f"TLS refuses the client certificate {credentials.fingerprint}: {cause}."
        ) from cause
    finally:
        os.unlink(path)
