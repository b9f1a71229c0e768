"""Putting one VEN together: the same for a client of its own and for a VEN of a fleet. No thread,
no connection.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Optional

from .config import Settings, listen_address
from .errors import ConfigurationError
from .identity import Identity
from .log import PACKAGE, Repeats
from .oadr20b import tables as _tables  # noqa: F401  registers what notebooks show
from .oadr20b.exchange import Exchange, named_in
from .oadr20b.profile import Profile20b
from .oadr20b.services import opts
from .oadr20b.state.book import Book
from .points.catalogue import Catalogue
from .runtime.engine import Engine
from .runtime.runtime import Runtime
from .state.memory import MemoryStore
from .state.store import Store
from .usercode.handlers import Handlers, Hooks

if TYPE_CHECKING:
    from .push import Listener


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
    exchange = Exchange(
        settings.vtn_url,
        identity,
        now=runtime.clock.now,
        monotonic=runtime.clock.monotonic,
        hooks=hooks,
        strict=settings.strict,
        max_bytes=identity.max_response_size,
        deviations=_troubles(settings, runtime, repeats),
        may_send=(lambda: engine.may_send()) if store.is_leased else None,
    )
    book = Book(settings, catalogue, handlers, rows_of_event=opts.forget_event)
    profile = Profile20b(exchange)
    engine = Engine(settings.ven_name, book, runtime, profile, handlers, store, exchange.deviations)
    identity.remember_nonces(engine.remember_nonce)
    return engine


def _troubles(settings: Settings, runtime: Runtime, repeats: Optional[Repeats]) -> Repeats:
    """What counts and logs the troubles of one VEN, as ``ven_sdk``; in a fleet with its name."""
    if repeats is not None:
        return repeats.of(settings.ven_name)
    return Repeats(logging.getLogger(PACKAGE), monotonic=runtime.clock.monotonic)


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
    from .oadr20b.pushed import is_at
    from .push.server import listener_of as listener

    prefix = settings.push.prefix
    return listener(
        identity,
        *listen_address(listen),
        lambda path, body, peer: engine.profile.take_push(path, body, peer, engine),
        encrypted=settings.push.address.startswith("https:"),
        knows=lambda path: is_at(path, prefix),
    )


def push_prefix(path: str) -> Optional[str]:
    """The path of the address that a pushed request was sent to, without percent-encoding; None
    where there is no service of a VEN.
    """
    from .oadr20b.pushed import prefix_of

    return prefix_of(path)


def named_in_push(body: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """The venIDs and the vtnIDs that a pushed message names, unproved. ``PayloadError`` for what
    is no message.
    """
    return named_in(body)


def store_of(store: Any) -> Store:
    """The store that ``store`` means: a path, ``postgresql://...``, a Store, or None for memory.
    ``ConfigurationError`` for anything else.
    """
    if store is None:
        return MemoryStore()
    if isinstance(store, Store):
        return store
    if not isinstance(store, (str, os.PathLike)):
        raise ConfigurationError(f"store must be a path, a ven_sdk Store or None, not {store!r}.")
    if isinstance(store, str) and store.startswith(("postgresql://", "postgres://")):
        from .state.postgresql import PostgreSQLStore

        return PostgreSQLStore(store)
    from .state.sqlite import SQLiteStore

    return SQLiteStore(os.fspath(store))
