"""``OpenADRClient``: a VEN with a program of its own. Arguments, wiring and life cycle; the rest is
``Ven``'s.

Constructing starts no thread and opens no connection, but loads and checks keys, certificates and
the store's file.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Callable, Optional, Union

from .arguments import (
    MOST_THREADS,
    SMALLEST_RESPONSE,
    Duration,
    flag,
    named_arguments,
    proxy_addresses,
    waiting_seconds,
    whole,
)
from .client_life import ClientLife
from .config import settings
from .errors import TransportError
from .identity import Identity
from .log import WIRE
from .points.catalogue import Catalogue
from .runtime.clock import Clock, checked_clock
from .runtime.runtime import Runtime
from .runtime.signals import until_signal
from .schema.events import Event
from .state.store import Store
from .usercode.decisions import decision_handler
from .usercode.handlers import Handlers, Hooks
from .ven import Ven
from .wiring import build, listener_of, store_of

log: logging.Logger = logging.getLogger("ven_sdk")

MEBIBYTE = 2**20
STOP_TIMEOUT = 10.0
"""Seconds that ``stop()`` takes at the most, unless told otherwise."""


class OpenADRClient(Ven):
    """A VEN: it registers with the VTN at ``vtn_url``, polls, hands events to handlers and delivers
    reports.

    All arguments but the first two are keywords; durations are timedeltas or seconds. A mistake in
    them, or in the files that they name, is a :class:`~ven_sdk.ConfigurationError` here. Use
    ``run()``, or ``start()`` and ``stop()``, or ``with client:``.
    """

    @named_arguments
    def __init__(
        self,
        ven_name: str,
        vtn_url: str,
        *,
        ven_id: Optional[str] = None,
        registration_id: Optional[str] = None,
        register: bool = True,
        report_only: bool = False,
        cert: Any = None,
        key: Any = None,
        passphrase: Optional[str] = None,
        ca_file: Any = None,
        check_hostname: bool = True,
        tls_fingerprint: Optional[str] = None,
        vtn_fingerprint: Optional[str] = None,
        replay_window: Duration = 60,
        disable_signature: bool = False,
        allow_jitter: bool = True,
        jitter: Optional[str] = None,
        poll_frequency: Optional[Duration] = None,
        store: Union[str, "os.PathLike[str]", Store, None] = None,
        max_backlog: Duration = timedelta(days=7),
        timeout: Duration = 30,
        proxies: Optional[Mapping[str, str]] = None,
        max_response_size: int = 16 * MEBIBYTE,
        strict: bool = False,
        opt_timeout: Duration = 60,
        default_opt: str = "optOut",
        market_contexts: Optional[Iterable[str]] = None,
        targets: Optional[Mapping[str, Iterable[str]]] = None,
        signals: Optional[Iterable[str]] = None,
        implied_cancel: bool = True,
        callback_workers: int = 4,
        debug: bool = False,
        show_fingerprint: bool = True,
        on_event: Union[Callable[[Event], Any], str, None] = None,
        clock: Optional[Clock] = None,
        push: Optional[str] = None,
        listen: Optional[str] = None,
        push_ack: str = "response",
        poll_fallback: Optional[Duration] = None,
    ) -> None:
        checked = settings(
            ven_name,
            vtn_url,
            ven_id=ven_id,
            registration_id=registration_id,
            register=register,
            report_only=report_only,
            xml_signature=cert is not None and not disable_signature,
            allow_jitter=allow_jitter,
            jitter=jitter,
            poll_frequency=poll_frequency,
            max_backlog=max_backlog,
            timeout=timeout,
            strict=strict,
            opt_timeout=opt_timeout,
            default_opt=default_opt,
            market_contexts=market_contexts,
            targets=targets,
            signals=signals,
            implied_cancel=implied_cancel,
            replay_window=replay_window,
            push=push,
            push_ack=push_ack,
            poll_fallback=poll_fallback,
        )
        identity = Identity(
            cert=cert,
            key=key,
            passphrase=passphrase,
            ca_file=ca_file,
            check_hostname=check_hostname,
            tls_fingerprint=tls_fingerprint,
            vtn_fingerprint=vtn_fingerprint,
            replay_window=checked.replay_window,
            disable_signature=disable_signature,
            timeout=checked.timeout,
            proxies=proxy_addresses(proxies),
            max_response_size=whole("max_response_size", max_response_size, SMALLEST_RESPONSE),
            secure=checked.vtn_url.startswith("https:"),
        )
        kept = store_of(store)
        kept.check()
        runtime = Runtime(
            callback_workers=whole("callback_workers", callback_workers, 1, MOST_THREADS),
            clock=checked_clock(clock),
        )
        handlers, hooks, catalogue = Handlers(), Hooks(), Catalogue(now=runtime.clock.now)
        engine = build(checked, identity, runtime, kept, handlers, hooks, catalogue)
        super().__init__(checked, engine, handlers, hooks, catalogue)
        shows = flag("show_fingerprint", show_fingerprint)
        self._life = ClientLife(checked, engine, identity, runtime, kept, shows)
        self._life.listener = listener_of(checked, identity, listen, engine)
        if on_event is not None:
            self.add_handler("on_event", decision_handler(on_event))
        if flag("debug", debug):
            logging.getLogger(WIRE).setLevel(logging.DEBUG)

    # --- life -------------------------------------------------------------------------------------

    def start(self, wait: Optional[Duration] = None) -> None:
        """Start the client and return at once; with ``wait``, after the VEN is registered.

        A VTN that cannot be reached is tried again for ever; with ``wait`` the client is stopped
        after so long, and the last cause raised. StoreError when another process has the store.
        Harmless while the client runs. ``TransportError`` says the last cause then.
        """
        self._life.runtime.check_process()
        seconds = None if wait is None else waiting_seconds("wait", wait)
        self._life.start(self)
        if seconds is None or self._engine.wait(self._is_registered, seconds):
            return
        cause = self._engine.counters.last_error
        self.stop()
        raise TransportError(
            f"The VEN was not registered within {seconds:g} s and was stopped."
            + (f" {cause}" if cause else " The VTN was not reached.")
        ) from cause

    def run(self) -> None:
        """Start, and block until ``stop()``, Ctrl-C or SIGTERM; then stop in order. Works off the
        main thread too.
        """
        self._life.runtime.check_process()
        ended = self._life.cycle.next_stop()
        until_signal(self.start, ended, lambda: self._end_run(ended))

    def _end_run(self, ended: threading.Event) -> None:
        """A ``stop()`` of another thread is waited for; another start after it is left alone."""
        if ended.is_set():
            self._life.cycle.wait_until_idle(STOP_TIMEOUT)
        else:
            self.stop()

    def stop(self, timeout: Duration = STOP_TIMEOUT) -> None:
        """Stop: collect no more, try for a while to send what is owed, end all threads, close the
        store.

        From anywhere, a handler too; twice is harmless; while another thread starts the client,
        it ends as soon as it has started. What does not finish within ``timeout`` is named in a
        warning and left behind: its threads end with the process.
        """
        self._life.runtime.check_process()
        self._life.stop(waiting_seconds("timeout", timeout))

    def __enter__(self) -> "OpenADRClient":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
