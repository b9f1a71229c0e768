"""What to do about a broken link, with the option's name, where the error itself leaves that out:
errors are written for programs, whose arguments have other names. A table.
"""

from __future__ import annotations

import re
import socket

FILES = "With this command: --cert FILE --key FILE (cert, key)."
CERTIFICATE = (
    "With this command: --cert FILE (cert), the certificate as PEM, or a .p12 with its key."
)
WAYS_OUT = (
    ("passphrase", "With this command: --passphrase TEXT, or the variable VEN_PASSPHRASE."),
    (
        "ca_file",
        "With this command: --ca-file FILE, the certificate of the CA that issued the VTN's, as "
        "PEM. The VTN's operator has it.",
    ),
    (
        r"The certificate in .*(expired on|not valid before)",
        f"Ask who issued it, usually the utility, for a new one. {FILES}",
    ),
    (
        r"certificate file .*(is empty|is damaged|holds no certificate|web page|UTF-16|PKCS#7|"
        r"keystore|\(CSR\)|public key)|^cert ",
        CERTIFICATE,
    ),
    (r"\b[Kk]ey\b", FILES),
    (
        "(tls|vtn)_fingerprint: .* is no fingerprint",
        "With this command: --tls-fingerprint and --vtn-fingerprint. ven-sdk fingerprint CERT "
        "prints one of a certificate.",
    ),
    (
        "tls_fingerprint",
        "Ask the VTN's operator for the new one: --tls-fingerprint, or leave it out to trust the "
        "CA alone.",
    ),
    (
        "is not signed, but vtn_fingerprint is set",
        "Ask the VTN's operator whether it signs; if it does not, leave --vtn-fingerprint out.",
    ),
    (
        "vtn_fingerprint",
        "Ask the VTN's operator for the new one, and give it with --vtn-fingerprint. Do not take "
        "it from here without asking.",
    ),
    (
        "The connection ended within the (body|headers)|a chunk without a valid size",
        "The VTN, or a proxy or load balancer on the way, cut the answer off. Check host and port "
        "in URL; if it lasts, tell the VTN's operator.",
    ),
    (
        "is encoded with",
        "A proxy or web server on the way compresses what it was asked not to. Check host and port "
        "in URL, and tell the VTN's operator.",
    ),
    (
        "HTTP status (400|411|413)",
        "Check host, port and path in URL; if they are right, ask the VTN's operator for the "
        "reason in its log.",
    ),
    ("vtn_url", "Mend URL, here and in vtn_url."),
    (
        "found the request unacceptable",
        "Check host, port and path in URL: what answers may be no VTN.",
    ),
    ("failed on its side", "If it lasts, tell the VTN's operator."),
    ("tried again later", "Wait some minutes. If it lasts, tell the VTN's operator."),
)
"""What the text of an error says, and what to do about it; the first that fits."""


def way_out(text: str, advice: str = "") -> str:
    """``advice``, or what the table has where neither it nor ``text`` names an option."""
    if re.search("--[a-z]", f"{text} {advice}"):
        return advice
    found = next((way for says, way in WAYS_OUT if re.search(says, text)), "")
    return advice or found


def listener_advice(cause: BaseException) -> str:
    """Of a connection that broke, or on which nothing came in time."""
    what = "What listens there may be no VTN, and speak another protocol: check the port in URL."
    if isinstance(cause, socket.timeout):
        return f"{what} If it is the VTN and only slow, --timeout SECONDS waits longer."
    return what if isinstance(cause, (ConnectionError, EOFError)) else ""
