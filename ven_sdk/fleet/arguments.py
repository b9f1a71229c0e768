"""The arguments of a fleet and of a VEN in it: their names, and their types for type checkers and
editors. The checks themselves are those of the client.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Optional, TypedDict, Union

from ..argument_names import refuse_unknown
from ..arguments import Duration
from ..config import Settings
from ..errors import ArgumentError
from ..usercode.handlers import nearest_handler
from .identities import ARGUMENTS as IDENTITY

File = Union[str, bytes, "os.PathLike[str]", None]

SETTINGS: frozenset[str] = frozenset(field.name for field in fields(Settings)) - {
    "ven_name",
    "vtn_url",
    "xml_signature",
} | {"push_ack", "poll_fallback"}
"""Arguments of a VEN that ``Fleet`` and ``add`` take, beside those of its identity."""
OWN: tuple[str, ...] = (
    "vtn_url",
    "store",
    "exchange_workers",
    "handler_workers",
    "callback_workers",
    "start_rate",
    "listen",
    "clock",
)
"""Arguments of ``Fleet`` itself, for errors that name the nearest."""


def check_names(function: str, given: Mapping[str, object], own: Iterable[str]) -> None:
    """Refuse an argument that ``function`` does not have: ``ArgumentError`` names the nearest, and
    how handlers are given.
    """
    known = SETTINGS.union(IDENTITY)
    if known.issuperset(given):
        return
    for name in given:
        handler = nearest_handler(name)
        if handler is not None:
            raise ArgumentError(
                f"{function} takes no handler. Write @fleet.on({handler!r}) before the function, "
                f"or fleet.add_handler({handler!r}, function)."
            )
    refuse_unknown(function, given, (*own, *sorted(known)))


class VenArguments(TypedDict, total=False):
    """As ``OpenADRClient`` has them, but for what the fleet has for all."""

    ven_id: Optional[str]
    registration_id: Optional[str]
    register: bool
    report_only: bool
    cert: File
    key: File
    passphrase: Optional[str]
    ca_file: File
    check_hostname: bool
    tls_fingerprint: Optional[str]
    vtn_fingerprint: Optional[str]
    replay_window: Duration
    disable_signature: bool
    allow_jitter: bool
    jitter: Optional[str]
    poll_frequency: Optional[Duration]
    max_backlog: Duration
    timeout: Duration
    proxies: Optional[Mapping[str, str]]
    max_response_size: int
    strict: bool
    opt_timeout: Duration
    default_opt: str
    market_contexts: Optional[Iterable[str]]
    targets: Optional[Mapping[str, Iterable[str]]]
    signals: Optional[Iterable[str]]
    implied_cancel: bool
    push: Optional[str]
    push_ack: str
    poll_fallback: Optional[Duration]
