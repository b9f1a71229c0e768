"""OpenADR 2.0b in the list of profiles: makes the identity, the book and the profile of one VEN."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Callable, Optional

from ..config import Settings
from ..log import Repeats
from ..profile_kind import ProfileKind
from ..state.book import Catalogue, HandlerNames
from ..transport.identity import Identity, check_pin
from ..usercode.handlers import Hooks
from . import tables as _tables  # noqa: F401  registers what notebooks show
from .addresses import complete_address, trim_own_path
from .exchange import Exchange, named_in
from .identity import SigningIdentity
from .profile import Profile20b
from .pushed_messages import is_at, prefix_of
from .services import opts
from .state.book import Book


class OpenADR20b(ProfileKind):
    """OpenADR 2.0b over simple HTTP."""

    name: str = "OpenADR 2.0b"
    media_types: frozenset[str] = frozenset({"application/xml", "text/xml"})  # rule H3

    def serves(self, vtn_url: str) -> bool:
        """See :meth:`ProfileKind.serves`. Many VTNs of 2.0b have addresses of their own."""
        return True

    def complete_address(self, vtn_url: str) -> str:
        """See :meth:`ProfileKind.complete_address`."""
        return complete_address(vtn_url)

    def trim_own_path(self, path: str) -> str:
        """See :meth:`ProfileKind.trim_own_path`."""
        return trim_own_path(path)

    def make_identity(self, settings: Settings, arguments: Mapping[str, Any]) -> SigningIdentity:
        """See :meth:`ProfileKind.make_identity`."""
        secure = settings.vtn_url.startswith("https:")
        is_called = settings.push is not None and settings.push.address.startswith("https:")
        identity = SigningIdentity(
            **arguments,
            timeout=settings.timeout,
            replay_window=settings.replay_window,
            secure=secure,
        )
        check_pin(arguments.get("tls_fingerprint"), secure or is_called)
        return identity

    def make_book(self, settings: Settings, catalogue: Catalogue, handlers: HandlerNames) -> Book:
        """See :meth:`ProfileKind.make_book`."""
        return Book(settings, catalogue, handlers, rows_of_event=opts.forget_event)

    def make_profile(
        self,
        settings: Settings,
        identity: Identity,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        hooks: Hooks,
        repeats: Repeats,
        sending_time: Optional[Callable[[], float]],
    ) -> Profile20b:
        """See :meth:`ProfileKind.make_profile`."""
        assert isinstance(identity, SigningIdentity)
        exchange = Exchange(
            settings.vtn_url,
            identity,
            now=now,
            monotonic=monotonic,
            hooks=hooks,
            strict=settings.strict,
            max_bytes=identity.max_response_size,
            deviations=repeats,
            sending_time=sending_time,
        )
        return Profile20b(exchange)

    def is_pushed_to(self, path: str, prefix: str) -> bool:
        """See :meth:`ProfileKind.is_pushed_to`."""
        return is_at(path, prefix)

    def push_prefix(self, path: str) -> Optional[str]:
        """See :meth:`ProfileKind.push_prefix`."""
        return prefix_of(path)

    def named_in_push(self, body: bytes) -> tuple[frozenset[str], frozenset[str]]:
        """See :meth:`ProfileKind.named_in_push`."""
        return named_in(body)
