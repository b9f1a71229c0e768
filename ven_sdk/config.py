"""The settings of one VEN: frozen, checked once, in the constructor that received them. No thread,
no I/O.

Certificates and the store are loaded elsewhere (``security.credentials``, ``state.store``); here is
what the services and the engine ask while they run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Optional
from urllib.parse import SplitResult, urlsplit, urlunsplit

from .addresses import uri
from .argument_names import checked_value
from .arguments import (
    Duration,
    choice,
    duration,
    flag,
    names,
    optional_text,
    text,
    waiting_seconds,
)
from .enums import SIGNAL_NAME
from .errors import ConfigurationError
from .near_names import did_you_mean
from .text import repr_of, text_of, without_secrets

JITTER, JITTER_CAP = 0.1, timedelta(minutes=5)
"""Part of a period by which polls and deliveries are spread, and the time that it never exceeds."""
LONGEST_PERIOD = timedelta(days=366)
EXAMPLE_URL = "https://vtn.example.com"
_PUSH_IS = "push is the address that the VTN reaches, such as 'https://ven.example.com:8443/site7'"
MOST_OF_HOST = 253
"""Characters of a host's name, as DNS has them."""
_NOT_IN_PATHS = re.compile("[^!-~]|%(?![0-9A-Fa-f]{2})")
_NO_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
TARGET_KINDS = (
    "aggregated_p_node",
    "end_device_asset",
    "meter_asset",
    "p_node",
    "service_area",
    "service_delivery_point",
    "service_location",
    "transport_interface",
    "group_id",
    "group_name",
    "resource_id",
    "ven_id",
    "party_id",
)


@dataclass(frozen=True)
class PushSettings:
    """How the VTN calls the VEN. ``address`` is what the VTN is told, ``prefix`` its path;
    ``ack`` is how an event list is acknowledged; after ``fallback`` without a push the VEN polls.
    """

    address: str
    prefix: str = ""
    ack: str = "response"
    fallback: Optional[timedelta] = None


@checked_value
@dataclass(frozen=True)
class Settings:
    """What the user decided. Durations are timedeltas; sets are None where everything is let
    through.
    """

    ven_name: str
    vtn_url: str
    ven_id: Optional[str] = None
    registration_id: Optional[str] = None
    register: bool = True
    report_only: bool = False
    xml_signature: bool = False
    allow_jitter: bool = True
    jitter: Optional[str] = None
    poll_frequency: Optional[timedelta] = None
    max_backlog: timedelta = timedelta(days=7)
    timeout: float = 30.0
    strict: bool = False
    opt_timeout: timedelta = timedelta(seconds=60)
    default_opt: str = "optOut"
    market_contexts: Optional[frozenset[str]] = None
    targets: Optional[Mapping[str, frozenset[str]]] = None
    signals: Optional[frozenset[str]] = None
    implied_cancel: bool = True
    replay_window: timedelta = timedelta(seconds=60)
    push: Optional[PushSettings] = None

    @property
    def poll_jitter(self) -> str:
        """How polls are spread: ``both`` ways, only ``later``, or ``none``."""
        if not self.allow_jitter:
            return "none"
        return self.jitter or ("later" if self.strict else "both")


def settings(
    ven_name: str,
    vtn_url: str,
    *,
    ven_id: Optional[str] = None,
    registration_id: Optional[str] = None,
    register: bool = True,
    poll_frequency: Optional[Duration] = None,
    timeout: Duration = 30,
    max_backlog: Duration = timedelta(days=7),
    opt_timeout: Duration = 60,
    default_opt: str = "optOut",
    replay_window: Duration = 60,
    market_contexts: object = None,
    targets: object = None,
    signals: object = None,
    jitter: Optional[str] = None,
    push: Optional[str] = None,
    push_ack: str = "response",
    poll_fallback: Optional[Duration] = None,
    **others: object,
) -> Settings:
    """The checked settings of a client's arguments; ConfigurationError names the argument that is
    wrong.
    """
    if not flag("register", register) and ven_id is None:
        raise ConfigurationError(
            "register=False needs ven_id: a pre-provisioned VEN must know the venID that the VTN "
            "gave it."
        )
    return Settings(
        ven_name=text("ven_name", ven_name),
        vtn_url=base_url(vtn_url, ven_name),
        ven_id=optional_text("ven_id", ven_id),
        registration_id=optional_text("registration_id", registration_id),
        register=flag("register", register),
        poll_frequency=None
        if poll_frequency is None
        else duration("poll_frequency", poll_frequency, 1e-3, LONGEST_PERIOD),
        timeout=waiting_seconds("timeout", timeout, 1e-3),
        max_backlog=duration("max_backlog", max_backlog, 1.0),
        opt_timeout=duration("opt_timeout", opt_timeout, 1e-3, LONGEST_PERIOD),
        default_opt=choice("default_opt", default_opt, ("optIn", "optOut")),
        replay_window=duration("replay_window", replay_window, 1e-3, LONGEST_PERIOD),
        market_contexts=_contexts(market_contexts),
        targets=target_sets(targets),
        signals=signal_names(signals),
        jitter=None if jitter is None else choice("jitter", jitter, ("both", "later")),
        push=push_settings(push, push_ack, poll_fallback),
        **{name: flag(name, value) for name, value in others.items()},
    )


def target_sets(value: object) -> Optional[dict[str, frozenset[str]]]:
    """``targets`` as sets by kind. Kinds are the names that a target has in an event.
    ``ConfigurationError`` for anything else.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            "targets must be a mapping of target kind to IDs, such as {'resource_id': ['r1']}, "
            f"not {repr_of(value)}."
        )
    result = {}
    for kind, ids in value.items():
        known = choice("a kind in targets", kind, TARGET_KINDS)
        found = _not_empty(f"targets[{known!r}]", names(f"targets[{known!r}]", ids))
        if found is not None:
            result[known] = found
    return result


def signal_names(value: object) -> Optional[frozenset[str]]:
    """The names of signals as a set: well-known ones, and those that begin with ``x-``.
    ``ConfigurationError`` for anything else.
    """
    found = _not_empty("signals", names("signals", value))
    for name in sorted(found or ()):
        check_signal("signals", name)
    return found


def check_signal(argument: str, name: str) -> None:
    """Refuse a ``name`` that no signal has: it is neither well known nor begins with ``x-``.
    ``ConfigurationError`` names the nearest.
    """
    if name not in SIGNAL_NAME.values and not (name.startswith("x-") and len(name) > 2):
        raise ConfigurationError(
            f"{argument} holds {name!r}, which is no signal of OpenADR."
            f"{did_you_mean(name, SIGNAL_NAME.values)} Known are: "
            f"{', '.join(SIGNAL_NAME.values)}, and names that begin with 'x-'."
        )


def _not_empty(name: str, found: Optional[frozenset[str]]) -> Optional[frozenset[str]]:
    if found is not None and not found:
        raise ConfigurationError(
            f"{name} is empty, so that every event would be refused. Leave it out to take all."
        )
    return found


def _contexts(value: object) -> Optional[frozenset[str]]:
    found = _not_empty("market_contexts", names("market_contexts", value))
    for each in found or ():
        uri("an item of market_contexts", each)
    return found


def push_settings(push: object, ack: object, fallback: object) -> Optional[PushSettings]:
    """What ``push``, ``push_ack`` and ``poll_fallback`` mean together; None where the VEN polls.

    ``ConfigurationError`` for anything that is no address.
    """
    checked_ack = choice("push_ack", ack, ("response", "empty"))
    if push is None:
        if fallback is not None:
            raise ConfigurationError("poll_fallback needs push: without it the VEN polls anyway.")
        return None
    given = push if isinstance(push, str) else ""
    shown = without_secrets(given)
    if not given:
        raise ConfigurationError(f"{_PUSH_IS}, not {repr_of(push)}.")
    try:
        parts = urlsplit(given)
        parts.port  # noqa: B018
    except ValueError:  # whose text may show a password
        raise ConfigurationError(f"push {shown!r} has no usable host and port.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(f"{_PUSH_IS}, not {shown!r}.")
    if "{" in parts.path:
        raise ConfigurationError(
            f"push {shown!r}: nothing is filled in between the braces. The push of a Fleet knows "
            "{ven_name} alone."
        )
    unusable = parts.port == 0 or _NOT_IN_PATHS.search(parts.path)
    if unusable or not (parts.hostname == "*" or has_usable_host(parts)):
        raise ConfigurationError(
            f"push {shown!r} has no usable host, port and path. It must look like "
            "'https://ven.example.com:8443/site7'; what is not ASCII is written as %C3%A9 there."
        )
    if parts.hostname in ("0.0.0.0", "::", "*"):
        raise ConfigurationError(
            f"push is the address that the VTN reaches; {parts.hostname!r} is none. It may "
            "stand in listen."
        )
    if parts.username or parts.password:
        raise ConfigurationError("push must not hold a user name or password.")
    prefix = re.sub("/{2,}", "/", parts.path).rstrip("/")
    return PushSettings(
        address=urlunsplit((parts.scheme, parts.netloc, prefix, "", "")),
        prefix=prefix,
        ack=checked_ack,
        fallback=None if fallback is None else duration("poll_fallback", fallback, 1.0),
    )


def listen_address(listen: object) -> tuple[str, int]:
    """Host and port that ``listen`` (``'0.0.0.0:8443'``, ``':8443'``, ``'[::]:8443'``) names; port
    0 is a free one. ``ConfigurationError`` for anything else.
    """
    given = listen.strip() if isinstance(listen, str) else ""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s]*):(\d{1,5})", given)
    usable = found is not None and (found[1] == "" or found[1][0] == "[" or _is_host(found[1]))
    if found is None or not usable or int(found[2]) > 65535:
        port = text_of(listen).strip()
        shown = repr_of(without_secrets(listen) if isinstance(listen, str) else listen)
        hint = f" Write '0.0.0.0:{port}'." if re.fullmatch(r"\d{1,5}", port) else ""
        raise ConfigurationError(f"listen must look like '0.0.0.0:8443', not {shown}.{hint}")
    return found[1].strip("[]") or "0.0.0.0", int(found[2])


def _no_address(shown: str, ven_name: object) -> ConfigurationError:
    hint = ""
    if _is_address(ven_name):
        hint = " ven_name looks like the address: the name comes first, then the address."
    elif _lacks_scheme(shown):
        hint = f" Write https:// or http:// before it: 'https://{shown}'."
    return ConfigurationError(f"vtn_url must look like {EXAMPLE_URL!r}, not {shown!r}.{hint}")


def _is_address(value: object) -> bool:
    """Whether a value begins as the address of a VTN does."""
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def base_url(url: object, ven_name: object = None) -> str:
    """The VTN's base URL without a trailing slash (rule H1); what its path must be is the profile's
    matter. ``ConfigurationError`` for anything else, also where it was taken for ``ven_name``; it
    does not show what may be secret in the URL.
    """
    if not isinstance(url, str) or not url.strip():
        raise ConfigurationError(f"vtn_url must be a non-empty text, not {repr_of(url)}.")
    url = str.__str__(url).strip()
    if "@" not in url:
        text("vtn_url", url)
    shown = without_secrets(url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose text may show a password
        raise ConfigurationError(f"vtn_url {shown!r} has no usable host and port.") from None
    if parts.scheme not in ("http", "https") or not host or any(map(str.isspace, url)):
        raise _no_address(shown, ven_name)
    if parts.username or parts.password:
        raise ConfigurationError(
            "vtn_url must not hold a user name or password: OpenADR identifies a VEN by its "
            "certificate."
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(f"vtn_url {shown!r} must not have a query or a fragment.")
    doubled = host in ("http", "https") and parts.path.startswith("//")
    if not has_usable_host(parts) or port == 0 or doubled or _NO_ESCAPE.search(parts.path):
        raise ConfigurationError(
            f"vtn_url {shown!r} has no usable host, port and path. It must look like "
            f"{EXAMPLE_URL!r}."
        )
    return str(urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", "")))


def _lacks_scheme(url: str) -> bool:
    """Whether ``url`` is a host, with or without port and path, that lacks its scheme."""
    return re.fullmatch(r"[\w-]+(\.[\w-]+)*(:\d+)?(/[^/\s].*)?/?", url) is not None


def has_usable_host(parts: SplitResult) -> bool:
    """Whether an address has a host that can be looked up, and no more beside it than a port."""
    place, host = parts.netloc.rpartition("@")[2], parts.hostname or ""
    if "[" in place:  # IPv6, which urlsplit has checked
        return ":" in host and re.fullmatch(r"\[[^\[\]]+\](:\d*)?", place) is not None
    return _is_host(host)


def _is_host(host: str) -> bool:
    """Whether ``host`` can be a name or an address: no label that is empty or too long, no IPv4
    beyond 255.
    """
    try:
        if len(host.encode("idna")) > MOST_OF_HOST:
            return False
    except UnicodeError:
        return False
    labels = re.sub(r"\.$", "", host).split(".")
    if len(labels) == 4 and all(map(str.isdigit, labels)):
        return all(int(label) < 256 for label in labels)
    return all(re.fullmatch(r"\w([\w-]*\w)?", label) for label in labels)
