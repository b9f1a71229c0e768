"""What to do about a broken link, with the option's name, where the error itself leaves that out:
errors are written for programs, whose arguments have other names. A table.
"""

from __future__ import annotations

import re

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
        r"certificate file .*(is empty|web page|UTF-16|PKCS#7|\(CSR\)|public key)|^cert ",
        CERTIFICATE,
    ),
    (r"\b[Kk]ey\b", FILES),
    (
        "tls_fingerprint",
        "Ask the VTN's operator for the new one: --tls-fingerprint, or leave it out to trust the "
        "CA alone.",
    ),
    (
        "vtn_fingerprint",
        "Ask the VTN's operator for the new one, and give it with --vtn-fingerprint. Do not take "
        "it from here without asking.",
    ),
    ("vtn_url", "Mend URL, here and in vtn_url."),
    ("tried again later", "Wait some minutes. If it lasts, tell the VTN's operator."),
)
"""What the text of an error says, and what to do about it; the first that fits."""


def way_out(text: str, advice: str = "") -> str:
    """``advice``, or what the table has where neither it nor ``text`` names an option."""
    if re.search("--[a-z]", f"{text} {advice}"):
        return advice
    found = next((way for says, way in WAYS_OUT if re.search(says, text)), "")
    return advice or found
