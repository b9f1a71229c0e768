"""The protocols that a VEN can speak, and the choice among them: the only place that names them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from .config import PushSettings, Settings, base_url
from .oadr20b.kind import OpenADR20b
from .profile_kind import ProfileKind

if TYPE_CHECKING:
    # What ``client.opts`` and ``client.reports`` hold, for type checkers. With a second protocol
    # these are unions of what each has.
    from .oadr20b.schema.reports import Report as Report
    from .oadr20b.state.opts import OptState as OptState

PROFILES: tuple[ProfileKind, ...] = (OpenADR20b(),)
"""The more particular ones first."""


def choose_profile(vtn_url: str) -> ProfileKind:
    """The protocol that a VEN speaks with the VTN at ``vtn_url``."""
    return next(kind for kind in PROFILES if kind.serves(vtn_url))


def pushed_types() -> frozenset[str]:
    """The content types of what VTNs push, whatever protocol they speak."""
    return frozenset().union(*(kind.media_types for kind in PROFILES))


def push_places(path: str) -> tuple[tuple[ProfileKind, str], ...]:
    """Which VENs a request to ``path`` may be for: those of a protocol whose address has a path."""
    found = ((kind, kind.push_prefix(path)) for kind in PROFILES)
    return tuple((kind, prefix) for kind, prefix in found if prefix is not None)


def vtn_address(vtn_url: object, ven_name: object = None) -> str:
    """The address of a VTN below which the services of its protocol are. ``ConfigurationError`` for
    what is no address of a VTN, also where it was taken for ``ven_name``.
    """
    url = base_url(vtn_url, ven_name)
    return choose_profile(url).complete_address(url)


def complete_settings(given: Settings) -> Settings:
    """The settings of a VEN with the addresses as its protocol has them. ``ConfigurationError`` for
    what is no address of a VTN.
    """
    kind = choose_profile(given.vtn_url)
    push = None if given.push is None else trim_push(kind, given.push)
    return replace(given, vtn_url=kind.complete_address(given.vtn_url), push=push)


def trim_push(kind: ProfileKind, push: PushSettings) -> PushSettings:
    """Where the VTN calls the VEN, without what VTNs of this kind of protocol add to it."""
    prefix = kind.trim_own_path(push.prefix)
    address = urlunsplit(urlsplit(push.address)._replace(path=prefix))
    return replace(push, address=address, prefix=prefix)
