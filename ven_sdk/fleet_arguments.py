"""The arguments of a VEN in a fleet as types: what ``Fleet(...)`` and ``Fleet.add(...)`` take by
name. For type checkers and editors; the checks themselves are those of the client.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Optional, TypedDict, Union

from .arguments import Duration

File = Union[str, bytes, "os.PathLike[str]", None]


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
