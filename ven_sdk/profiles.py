"""The protocols that a VEN can speak, and the choice among them: the only place that names them."""

from __future__ import annotations

from .oadr20b.kind import OpenADR20b
from .profile_kind import ProfileKind

PROFILES: tuple[ProfileKind, ...] = (OpenADR20b(),)
"""The more particular ones first."""


def choose_profile(vtn_url: str) -> ProfileKind:
    """The protocol that a VEN speaks with the VTN at ``vtn_url``."""
    return next(kind for kind in PROFILES if kind.serves(vtn_url))
