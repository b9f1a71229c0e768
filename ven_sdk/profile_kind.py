"""What the list of profiles knows of each: how the identity, the book and the profile of one VEN
are made, and which pushed messages are for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Callable, Optional

from .config import Settings
from .log import Repeats
from .profile import Profile
from .state.book import Book, Catalogue, HandlerNames
from .transport.identity import Identity
from .usercode.handlers import Hooks


class ProfileKind(ABC):
    """A protocol that VENs can speak: makes what one VEN of it consists of. It has no state."""

    name: str
    """What the protocol is called, for people."""
    media_types: frozenset[str]
    """The content types of what its VTNs push, in lower case."""

    @abstractmethod
    def serves(self, vtn_url: str) -> bool:
        """Whether a VTN at ``vtn_url`` speaks this protocol, as far as the address tells."""

    @abstractmethod
    def complete_address(self, vtn_url: str) -> str:
        """The address of a VTN as its services' begin, with what the protocol adds to a bare host.
        ``ConfigurationError`` for one that cannot be a VTN's.
        """

    @abstractmethod
    def trim_own_path(self, path: str) -> str:
        """The path of a VEN's own address without what VTNs of this protocol add to it when they
        push.
        """

    @abstractmethod
    def make_identity(self, settings: Settings, arguments: Mapping[str, Any]) -> Identity:
        """Who a VEN is, by the ``arguments`` of its user that say so. ``ConfigurationError`` for
        files that cannot be used.
        """

    @abstractmethod
    def make_book(self, settings: Settings, catalogue: Catalogue, handlers: HandlerNames) -> Book:
        """The empty tables of a VEN."""

    @abstractmethod
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
    ) -> Profile:
        """The profile of a VEN with an ``identity`` of ``make_identity``. ``now()`` and
        ``monotonic()`` (seconds) are its clocks, ``repeats`` logs what is wrong in the VTN's
        messages, and ``sending_time()`` is asked right before anything is sent: for how many
        seconds a message may be under way, 0 where none may be sent.
        """

    @abstractmethod
    def is_pushed_to(self, path: str, prefix: str) -> bool:
        """Whether a VTN pushes to ``path`` of a VEN whose address has the path ``prefix``."""

    @abstractmethod
    def push_prefix(self, path: str) -> Optional[str]:
        """The path of the address that a pushed request was sent to, without percent-encoding; None
        where there is no service of a VEN.
        """

    @abstractmethod
    def named_in_push(self, body: bytes) -> tuple[frozenset[str], frozenset[str]]:
        """The IDs of VENs, and those of VTNs, that a pushed message names; nothing proves them yet.
        ``PayloadError`` for what is no message.
        """
