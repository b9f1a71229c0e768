"""The settings of one VEN: frozen, checked once, in the constructor that received them. No thread,
no I/O.

Certificates and the store are loaded elsewhere (``security.credentials``, ``state.store``); here is
what the services and the engine ask while they run.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Optional, Union
from urllib.parse import urlsplit, urlunsplit

from .errors import ConfigurationError
from .values import dataclass

Duration = Union[timedelta, float, int]

DEFAULT_PATH = "/OpenADR2/Simple/2.0b"
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
    market_contexts: Any = None,
    targets: Any = None,
    signals: Any = None,
    **others: Any,
) -> Settings:
    """The checked settings of a client's arguments; ConfigurationError names the argument that is
    wrong.
    """
    if not register and not ven_id:
        raise ConfigurationError(
            "register=False needs ven_id: a pre-provisioned VEN must know the venID that the VTN "
            "gave it."
        )
    return Settings(
        ven_name=text("ven_name", ven_name),
        vtn_url=base_url(vtn_url),
        ven_id=None if ven_id is None else text("ven_id", ven_id),
        registration_id=None
        if registration_id is None
        else text("registration_id", registration_id),
        register=flag("register", register),
        poll_frequency=None
        if poll_frequency is None
        else duration("poll_frequency", poll_frequency, 1e-3),
        timeout=duration("timeout", timeout, 1e-3).total_seconds(),
        max_backlog=duration("max_backlog", max_backlog, 1.0),
        opt_timeout=duration("opt_timeout", opt_timeout, 1e-3),
        default_opt=choice("default_opt", default_opt, ("optIn", "optOut")),
        replay_window=duration("replay_window", replay_window, 1e-3),
        market_contexts=names("market_contexts", market_contexts),
        targets=target_sets(targets),
        signals=names("signals", signals),
        **{name: flag(name, value) for name, value in others.items()},
    )


def duration(name: str, value: Any, minimum: float = 0.0) -> timedelta:
    """``value`` (a timedelta or a number of seconds) as a timedelta of at least ``minimum``
    seconds. ``ConfigurationError`` for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (timedelta, numbers.Real)):
        raise ConfigurationError(
            f"{name} must be a timedelta or a number of seconds, not {value!r}."
        )
    try:
        result = value if isinstance(value, timedelta) else timedelta(seconds=float(value))
    except (OverflowError, ValueError) as cause:
        raise ConfigurationError(f"{name}={value!r} is no usable duration.") from cause
    if result < timedelta(seconds=minimum):
        raise ConfigurationError(f"{name} must be at least {minimum:g} s, not {value!r}.")
    return result


def flag(name: str, value: Any) -> bool:
    """``value`` as True or False; a text such as ``'no'`` would count as True.
    ``ConfigurationError`` for anything else.
    """
    if value not in (True, False):
        raise ConfigurationError(f"{name} must be True or False, not {value!r}.")
    return bool(value)


def text(name: str, value: Any) -> str:
    """``value`` as a non-empty text. ``ConfigurationError`` for anything else."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} must be a non-empty text, not {value!r}.")
    return str(value)


def choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """``value`` if it is one of ``choices``; the error lists them. ``ConfigurationError`` for
    anything else.
    """
    if value not in choices:
        from difflib import get_close_matches

        near = get_close_matches(str(value), choices, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}.{hint}"
        )
    return str(value)


def names(name: str, value: Any) -> Optional[frozenset[str]]:
    """``value`` (an iterable of texts, or one text) as a set; None stays None.
    ``ConfigurationError`` for anything else.
    """
    if value is None:
        return None
    values = (
        [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else None
    )
    if values is None or not all(isinstance(item, str) for item in values):
        raise ConfigurationError(f"{name} must be a list of texts, not {value!r}.")
    return frozenset(map(str, values))


def target_sets(value: Any) -> Optional[dict[str, frozenset[str]]]:
    """``targets`` as sets by kind. Kinds are the names that a target has in an event.
    ``ConfigurationError`` for anything else.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            "targets must be a mapping of target kind to IDs, such as {'resource_id': ['r1']}, "
            f"not {value!r}."
        )
    result = {}
    for kind, ids in value.items():
        found = names(f"targets[{kind!r}]", ids)
        if found is not None:
            result[choice("a kind in targets", kind, TARGET_KINDS)] = found
    return result


def base_url(url: Any) -> str:
    """The VTN's base URL without a trailing slash; an empty path becomes the standard's own (rule
    H1). ``ConfigurationError`` for anything else.
    """
    text("vtn_url", url)
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"vtn_url must look like 'https://vtn.example.com/OpenADR2/Simple/2.0b', not {url!r}."
        )
    try:
        parts.port  # noqa: B018
    except ValueError as cause:
        raise ConfigurationError(f"vtn_url {url!r} has no usable port: {cause}.") from cause
    if parts.query or parts.fragment:
        raise ConfigurationError(f"vtn_url {url!r} must not have a query or a fragment.")
    if parts.username or parts.password:
        raise ConfigurationError(
            "vtn_url must not hold a user name or password: OpenADR identifies a VEN by its "
            "certificate."
        )
    return str(
        urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or DEFAULT_PATH, "", ""))
    )
