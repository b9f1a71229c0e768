"""Putting one VEN together: the same for a client of its own and for a VEN of a fleet. No thread,
no connection.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, Optional

from .config import Settings, listen_address
from .errors import ConfigurationError
from .log import PACKAGE, Repeats
from .points.catalogue import Catalogue
from .profiles import choose_profile
from .runtime.engine import Engine
from .runtime.runtime import Runtime
from .state.memory import MemoryStore
from .state.store import Store
from .text import repr_of, without_secrets
from .transport.identity import Identity
from .usercode.handlers import Handlers, Hooks

if TYPE_CHECKING:
    from .push import Listener

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]+://")
"""The begin of an address, such as that of another database; of no file that anybody has."""


def build(
    settings: Settings,
    identity: Identity,
    runtime: Runtime,
    store: Store,
    handlers: Handlers,
    hooks: Hooks,
    catalogue: Catalogue,
    repeats: Optional[Repeats] = None,
) -> Engine:
    """The engine of a VEN on ``runtime``, not yet started."""
    kind = choose_profile(settings.vtn_url)
    troubles = _troubles(settings, repeats)
    profile = kind.make_profile(
        settings,
        identity,
        now=runtime.clock.now,
        monotonic=runtime.clock.monotonic,
        hooks=hooks,
        repeats=troubles,
        sending_time=(lambda: engine.persistence.sending_time()) if store.is_leased else None,
    )
    book = kind.make_book(settings, catalogue, handlers)
    engine = Engine(settings.ven_name, book, runtime, profile, handlers, store, troubles)
    profile.attach(engine.remember)
    return engine


def _troubles(settings: Settings, repeats: Optional[Repeats]) -> Repeats:
    """What counts and logs the troubles of one VEN, as ``ven_sdk``; in a fleet with its name."""
    if repeats is not None:
        return repeats.of(settings.ven_name)
    return Repeats(logging.getLogger(PACKAGE))


def listener_of(
    settings: Settings, identity: Identity, listen: Optional[str], engine: Engine
) -> Optional[Listener]:
    """The listener for pushed messages that the argument ``listen`` asks for, not yet started.
    ``ConfigurationError`` where it cannot work.
    """
    if listen is None:
        return None
    if settings.push is None:
        raise ConfigurationError(
            "listen needs push: the address that the VTN reaches, such as "
            "push='https://ven.example.com:8443'."
        )
    from .push.acceptor import Limits
    from .push.server import listener_of as listener

    prefix, kind = settings.push.prefix, choose_profile(settings.vtn_url)
    return listener(
        identity,
        *listen_address(listen),
        lambda path, body, peer: engine.profile.take_push(path, body, peer, engine),
        encrypted=settings.push.address.startswith("https:"),
        knows=lambda path: kind.is_pushed_to(path, prefix),
        limits=Limits(media_types=kind.media_types),
    )


def store_of(store: object) -> Store:
    """The store that ``store`` means: a path, ``postgresql://...``, a Store, or None for memory.
    ``ConfigurationError`` for anything else.
    """
    if store is None:
        return MemoryStore()
    if isinstance(store, Store):
        return store
    if not isinstance(store, (str, os.PathLike)):
        raise ConfigurationError(
            f"store must be a path, a ven_sdk Store or None, not {repr_of(store)}."
        )
    if isinstance(store, str) and not store.strip():
        raise ConfigurationError("store is blank. Give the path of a file, or None for memory.")
    if isinstance(store, str) and store.startswith(("postgresql://", "postgres://")):
        from .state.postgresql import PostgreSQLStore

        return PostgreSQLStore(store)
    if isinstance(store, str) and _SCHEME.match(store):
        raise ConfigurationError(
            f"store must be the path of a file, or postgresql://user@host/database, not "
            f"{without_secrets(store)!r}."
        )
    from .state.sqlite import SQLiteStore

    return SQLiteStore(os.fspath(store))
