"""Says in a sentence why TLS with the VTN failed, and what to do about it. Pure functions.

OpenSSL's codes and reasons are stable; its texts are not, and say little to somebody who runs a
VEN.
"""

from __future__ import annotations

import ssl

from .wire import Wire

# X509_V_ERR codes of OpenSSL's x509_vfy.h
_EXPIRED, _NOT_YET_VALID = 10, 9
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21, 24, 27})
_WRONG_NAME = frozenset({62, 63, 64})
_TOO_WEAK = frozenset({66, 67, 68})
_REVOKED, _WRONG_PURPOSE = 23, 26

_REFUSALS: dict[str, str] = {  # alerts with which a server refuses a client certificate
    "CERTIFICATE_REQUIRED": "it wants a client certificate and got none. Give cert and key",
    "UNKNOWN_CA": "it does not know the CA that issued the client certificate. Check that cert "
    "is the one that the "
    "VTN's operator expects, and that it holds the intermediate certificates too",
    "BAD_CERTIFICATE": "it refused the client certificate (or wants one and got none). Check "
    "cert and key with the VTN's operator",
    "CERTIFICATE_EXPIRED": "it says that the client certificate has expired. Renew cert",
    "CERTIFICATE_REVOKED": "it says that the client certificate was revoked. Renew cert",
    "CERTIFICATE_UNKNOWN": "it refused the client certificate. Check cert with the VTN's operator",
    "UNSUPPORTED_CERTIFICATE": "it does not take this kind of client certificate (purpose or key "
    "type). Check cert",
    "ACCESS_DENIED": "it does not admit the holder of the client certificate. Ask the VTN's "
    "operator",
    "DECRYPT_ERROR": "it could not verify the client's signature. Check that key belongs to cert",
}
_VERSION = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "NO_PROTOCOLS_AVAILABLE",
        "BAD_PROTOCOL_VERSION_NUMBER",
    }
)
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
_NO_CIPHER = frozenset(
    {
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "NO_SHARED_CIPHER",
        "NO_CIPHERS_AVAILABLE",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
    }
)


def explanation(cause: BaseException, wire: Wire) -> str:
    """The sentence for an exception during the handshake, or for a TLS error later."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _explain_untrusted(cause, wire)
    reason = _reason(cause)
    alert = _alert(reason)
    if alert in _REFUSALS:
        return f"the VTN refused TLS: {_REFUSALS[alert]} ({reason})."
    if reason in _VERSION:
        return (
            f"the VTN does not speak TLS 1.2 or later, which rule L1 wants ({reason}). Its "
            f"operator must enable it."
        )
    if reason in _NOT_TLS:
        return (
            f"port {wire.route.port} of {wire.route.host} does not speak TLS. Check the port in "
            f"vtn_url, or use http:// if that is meant."
        )
    if reason in _NO_CIPHER:
        return (
            f"the VTN found no cipher suite in common, or wants a client certificate ({reason}). "
            f"Check cert and key, and the suites of rule L1 on the VTN."
        )
    if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)):
        return (
            "the VTN hung up during the TLS handshake. It may want another client certificate "
            "(cert, key) or TLS version, or not speak TLS on this port."
        )
    return f"TLS with the VTN failed: {reason or str(cause) or type(cause).__name__}."


def is_refusal(cause: BaseException) -> bool:
    """Whether the VTN refused the client's certificate: it has not looked at any message then."""
    return isinstance(cause, ssl.SSLError) and _alert(_reason(cause)) in _REFUSALS


def _explain_untrusted(cause: ssl.SSLCertVerificationError, wire: Wire) -> str:
    code, host = cause.verify_code, wire.route.host
    detail = str(cause.verify_message).rstrip(".")
    if code in _WRONG_NAME:
        names = (
            f"is for {', '.join(map(repr, wire.certificate_names))}, not for {host!r}"
            if wire.certificate_names
            else f"is not for {host!r}"
        )
        return (
            f"the VTN's certificate {names}. Use the name in the certificate in vtn_url, or "
            f"check_hostname=False if you trust whoever holds a certificate of this CA."
        )
    if code == _EXPIRED:
        return (
            "the VTN's certificate, or one in its chain, has expired. Its operator must renew "
            "it; check this machine's clock too."
        )
    if code == _NOT_YET_VALID:
        return (
            "the VTN's certificate, or one in its chain, is not valid yet. Check this machine's "
            "clock."
        )
    if code in _UNKNOWN_ISSUER:
        return (
            f"the VTN's certificate was not issued by a CA that is trusted here ({detail}). Give "
            f"the VTN's CA certificate as ca_file."
        )
    if code in _TOO_WEAK:
        return f"the VTN's certificate is too weak ({detail}). Its operator must renew it."
    if code == _REVOKED:
        return "the VTN's certificate was revoked. Ask its operator."
    if code == _WRONG_PURPOSE:
        return "the VTN's certificate is not meant for a server. Its operator must use another."
    return f"the VTN's certificate cannot be trusted: {detail} (code {code})."


def _reason(cause: BaseException) -> str:
    return str(getattr(cause, "reason", None) or "")


def _alert(reason: str) -> str:
    """The name of a TLS alert: 'SSLV3_ALERT_BAD_CERTIFICATE' is 'BAD_CERTIFICATE'."""
    return reason.partition("_ALERT_")[2]
