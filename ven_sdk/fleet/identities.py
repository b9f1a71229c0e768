"""The identities of a fleet's VENs: those with the same certificate and trust share one, and its
connections. Any thread may call it; no lock is held while an identity is made.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Optional

from ..addresses import proxy_addresses
from ..arguments import SMALLEST_RESPONSE, flag, optional_text, whole_number
from ..config import Settings, settings
from ..profiles import choose_profile
from ..transport.identity import Identity, check_files

TLS_ARGUMENTS = (
    "cert",
    "key",
    "passphrase",
    "ca_file",
    "check_hostname",
    "tls_fingerprint",
    "proxies",
    "max_response_size",
)
_TRUST = ("cert", "ca_file", "tls_fingerprint", "vtn_fingerprint", "proxies")
ARGUMENTS = (*TLS_ARGUMENTS, "vtn_fingerprint", "disable_signature")


class Identities:
    """Identities by what they are made of, each with the number of VENs that use it."""

    def __init__(self, max_idle: int) -> None:
        self._max_idle = max_idle
        self._lock = threading.RLock()
        self._known: dict[tuple[object, ...], tuple[Identity, int]] = {}

    def get(self, settings: Settings, arguments: Mapping[str, object]) -> Identity:
        """The identity for a VEN, which counts as one more user. ``ConfigurationError`` for
        certificates that cannot be used.
        """
        kind = choose_profile(settings.vtn_url)
        key = (
            kind.name,
            settings.vtn_url.split(":")[0],
            settings.timeout,
            settings.replay_window,
            *(_comparable(arguments.get(name)) for name in ARGUMENTS),
        )
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known[key] = (known[0], known[1] + 1)
                return known[0]
        max_idle = 1 if arguments.get("cert") else self._max_idle
        new = kind.make_identity(settings, {**arguments, "max_idle": max_idle})
        with self._lock:
            identity, users = self._known.get(key, (new, 0))
            self._known[key] = (identity, users + 1)
        return identity

    def release(self, used: Identity) -> None:
        """One VEN uses ``used`` no more; the last one to do so closes its connections."""
        with self._lock:
            for key, (identity, users) in list(self._known.items()):
                if identity is used and users > 1:
                    self._known[key] = (identity, users - 1)
                elif identity is used:
                    del self._known[key]
                    used.connections.close()

    def reopen(self) -> None:
        """Allow exchanges again."""
        for identity in self._list_all():
            identity.connections.reopen()

    def close(self) -> None:
        """End all connections."""
        for identity in self._list_all():
            identity.connections.close()

    def _list_all(self) -> list[Identity]:
        with self._lock:
            return [identity for identity, _ in self._known.values()]


def check_arguments(given: Mapping[str, object]) -> dict[str, object]:
    """The arguments of an identity, checked. ``ConfigurationError`` for what cannot be used."""
    own = dict(given)
    check_files(*(own.get(name) for name in ("cert", "key", "passphrase", "ca_file")))
    for name in ("tls_fingerprint", "vtn_fingerprint"):
        optional_text(name, own.get(name))
    for name in ("check_hostname", "disable_signature"):
        own[name] = flag(name, own.get(name, name == "check_hostname"))
    own["proxies"] = proxy_addresses(own.get("proxies"))
    if "max_response_size" in own:
        whole_number("max_response_size", own["max_response_size"], SMALLEST_RESPONSE)
    return own


def check_common(given: dict[str, object], vtn_url: Optional[str]) -> None:
    """Refuse what ``Fleet`` was given for all VENs and none could use: ``ConfigurationError``."""
    given.setdefault("ven_id", "known later")
    if "{" in str(given.get("push")):
        given.pop("push")  # made of each VEN's name
        given.pop("poll_fallback", None)
    own = check_arguments({name: given.pop(name) for name in ARGUMENTS if name in given})
    url = "http://known.later" if vtn_url is None else vtn_url
    checked = settings("known later", url, **given)  # type: ignore[arg-type]
    if own.get("cert") is None:
        own.pop("key", None)  # a VEN may have the certificate that belongs to it
    if any(own.get(name) for name in _TRUST):  # files are read, and fingerprints understood
        choose_profile(checked.vtn_url).make_identity(checked, own).connections.close()


def _comparable(value: object) -> object:
    """``value`` as part of a key: equal for what means the same."""
    return tuple(sorted(value.items())) if isinstance(value, dict) else value
