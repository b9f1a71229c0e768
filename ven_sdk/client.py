"""``OpenADRClient``: a VEN with a program of its own. Arguments, wiring and lifecycle; the rest is
``Ven``'s.

Constructing starts no thread and opens no connection, but loads and checks keys, certificates and
the store's file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Callable, Optional, Union

from .addresses import proxy_addresses
from .argument_names import named_arguments
from .arguments import (
    LARGEST_MESSAGE,
    MOST_THREADS,
    SMALLEST_RESPONSE,
    Duration,
    File,
    flag,
    waiting_seconds,
    whole_number,
)
from .client_lifecycle import STOP_TIMEOUT, ClientLifecycle
from .config import Settings, settings
from .errors import TransportError
from .log import WIRE
from .points.catalogue import Catalogue
from .profiles import choose_profile, complete_settings
from .runtime.clock import Clock, checked_clock
from .runtime.runtime import Runtime
from .runtime.signals import run_until_stopped
from .schema.events import Event
from .state.store import Store
from .usercode.decisions import decision_handler
from .usercode.handlers import Handlers, Hooks
from .ven import Ven
from .wiring import build, listener_of, store_of


class OpenADRClient(Ven):
    """A VEN: it registers with the VTN at ``vtn_url``, polls, hands events to handlers and delivers
    reports.

    Use ``run()``, or ``start()`` and ``stop()``, or ``with client:``. Constructing starts no thread
    and opens no connection; it loads and checks keys, certificates and the store's file. A duration
    is a timedelta, a number of seconds, or a text: ``'10 s'``, ``'15 min'``, ``'PT2H'``.

    Arguments:
        ven_name: the VEN's name at the VTN: one line of text.
        vtn_url: the VTN's address, ``https://...`` or ``http://...``. With an empty path,
            ``/OpenADR2/Simple/2.0b`` is added; any other path is used as it is.
        ven_id (None): the venID, where the VTN's operator gave you one beforehand.
        registration_id (None): the registrationID, likewise.
        register (True): False for a pre-provisioned VEN: it never registers, and needs ``ven_id``.
        report_only (False): register as a VEN that takes no events.
        cert (None): client certificate for TLS: path or bytes of PEM, or a ``.p12`` file. With it,
            messages are signed.
        key (None): its private key, path or bytes of PEM; None where ``cert`` holds the key too.
        passphrase (None): the text that opens ``key`` or the ``.p12`` file.
        ca_file (None): what the VTN's TLS certificate is checked against: file, folder or bytes.
            None is the system's store; no environment variable changes that.
        check_hostname (True): False accepts a VTN whose certificate is for another name.
        tls_fingerprint (None): the TLS certificate that alone is accepted, by its SHA-256.
        vtn_fingerprint (None): only messages signed by the holder of this certificate are acted on:
            ten bytes as OpenADR writes them, or the full SHA-256, any case, colons or not.
            None: messages are not authenticated, and a warning says so.
        replay_window (60 s): how far a signed message's timestamp may lie in the past or future.
        disable_signature (False): do not sign although there is a key, for legacy VTNs.
        allow_jitter (True): spread polls and report deliveries by up to 10 %, at most 5 minutes.
            Data is sampled at its moments all the same.
        jitter (None): ``'both'`` spreads to either side; ``'later'`` only lengthens, so that no
            poll comes sooner than the VTN asked for (test houses look at that).
            None: ``'later'`` with ``strict``, else ``'both'``.
        poll_frequency (None): time between polls. None: what the VTN asks for, else 10 s.
        store (None): a file, ``postgresql://...`` or a Store, for what must survive a crash:
            registration, events, answers, opts, samples. None: all of it is in memory.
        max_backlog (7 days): age beyond which undelivered samples are dropped, counted and logged.
        timeout (30 s): how long a whole exchange may take, from connecting to the last byte, and
            how long calls such as ``create_opt`` wait; at most 7 days.
        proxies (None): a dict of the VTN's scheme to its proxy, such as
            ``{'https': 'http://proxy:3128'}``. None: no proxy; no environment variable adds one.
        max_response_size (16777216): bytes that an answer may have.
        strict (False): refuse messages that deviate from the schema, instead of logging it once.
        opt_timeout (60 s): time for a handler to decide; then ``default_opt`` is sent for it.
        default_opt ('optOut'): ``'optIn'`` or ``'optOut'``, for handlers that raise, return
            anything else, or are late.
        market_contexts (None): programmes (URIs) that this VEN takes part in; None: all.
        targets (None): whom it answers for: ``{'resource_id': ['r1'], 'group_id': [...]}``. Kinds
            that are left out are not checked; None: all.
        signals (None): names of signals that it understands; None: all. Events outside of these
            three are refused with the standard's code and reach no handler.
        implied_cancel (True): an event missing from the VTN's complete list is cancelled.
        callback_workers (4): threads for report callbacks, 1 to 1000.
        debug (False): log every message that is sent and received.
        show_fingerprint (True): log the own certificate's fingerprint at start.
        on_event (None): the function that decides, or ``'optIn'`` or ``'optOut'`` for every event.
            None: add a handler, or every event is opted out of.
        clock (None): a :class:`~ven_sdk.testing.ManualClock` for tests.
        push (None): the address at which the VTN reaches this VEN, ``https://...``: it pushes
            messages instead of being polled.
        listen (None): host and port to bind for it, such as ``'0.0.0.0:8443'``. None: a web server
            of your own hands requests to ``receive``.
        push_ack ('response'): how a pushed event list is acknowledged: ``'response'`` or
            ``'empty'``.
        poll_fallback (None): poll as well when no push came for so long. None: never.

    Raises:
        ConfigurationError: an argument, or a file that one names, cannot be used. It names the
            argument, what was given, and what would be right.
        StoreError: a newer version wrote the store's file.
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
        cert: Optional[File] = None,
        key: Optional[File] = None,
        passphrase: Optional[str] = None,
        ca_file: Optional[File] = None,
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
        max_response_size: int = LARGEST_MESSAGE,
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
        on_event: Union[Callable[[Event], object], str, None] = None,
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
        self._assemble(
            checked,
            {
                "cert": cert,
                "key": key,
                "passphrase": passphrase,
                "ca_file": ca_file,
                "check_hostname": check_hostname,
                "tls_fingerprint": tls_fingerprint,
                "vtn_fingerprint": vtn_fingerprint,
                "disable_signature": disable_signature,
                "proxies": proxy_addresses(proxies),
                "max_response_size": _response_size(max_response_size),
            },
            store_of(store),
            _make_runtime(callback_workers, clock),
            flag("show_fingerprint", show_fingerprint),
            listen,
        )
        self._prepare(on_event, debug)

    def _prepare(self, on_event: Union[Callable[[Event], object], str, None], debug: bool) -> None:
        if on_event is not None:
            self.add_handler("on_event", decision_handler(on_event))
        if flag("debug", debug):
            logging.getLogger(WIRE).setLevel(logging.DEBUG)

    def _assemble(
        self,
        checked: Settings,
        identity_arguments: Mapping[str, object],
        store: Store,
        runtime: Runtime,
        show_fingerprint: bool,
        listen: Optional[str],
    ) -> None:
        checked = complete_settings(checked)
        identity = choose_profile(checked.vtn_url).make_identity(checked, identity_arguments)
        store.check()
        handlers, hooks, catalogue = Handlers(), Hooks(), Catalogue(now=runtime.clock.now)
        engine = build(checked, identity, runtime, store, handlers, hooks, catalogue)
        super().__init__(checked, engine, handlers, hooks, catalogue)
        self._lifecycle = ClientLifecycle(
            checked, engine, identity, runtime, store, show_fingerprint
        )
        self._lifecycle.listener = listener_of(checked, identity, listen, engine)

    # --- lifecycle --------------------------------------------------------------------------------

    def start(self, wait: Optional[Duration] = None) -> None:
        """Start the client and return at once; with ``wait``, after the VEN is registered.

        A VTN that cannot be reached is tried again for ever; with ``wait`` the client is stopped
        after so long, and ``TransportError`` says the last cause. ``StoreError`` when another
        process has the store. Harmless while the client runs.
        """
        self._lifecycle.runtime.check_process()
        seconds = None if wait is None else waiting_seconds("wait", wait)
        self._lifecycle.start(self)
        if seconds is None or self._engine.wait(self._is_registered, seconds):
            return
        cause, was_stopped = self._engine.counters.last_error, self._engine.stopped
        self.stop()
        raise TransportError(
            (
                "The client was stopped before the VEN was registered."
                if was_stopped
                else f"The VEN was not registered within {seconds:g} s and was stopped."
            )
            + (f" {cause}" if cause else " The VTN was not reached.")
        ) from cause

    def run(self) -> None:
        """Start, and block until ``stop()``, Ctrl-C or SIGTERM; then stop in order. Works off the
        main thread too. LeaseLostError where another owner of the store ended it.
        """
        self._lifecycle.runtime.check_process()
        run_until_stopped(self._lifecycle.cycle, self.start, self.stop, STOP_TIMEOUT)

    def stop(self, timeout: Duration = STOP_TIMEOUT) -> None:
        """Stop: collect no more, try for a while to send what is owed, end all threads, close the
        store.

        From anywhere, a handler too; twice is harmless; while another thread starts the client,
        it ends as soon as it has started. What does not finish within ``timeout`` is named in a
        warning and left behind: its threads end with the process.
        """
        self._lifecycle.runtime.check_process()
        self._lifecycle.stop(waiting_seconds("timeout", timeout))

    def __enter__(self) -> "OpenADRClient":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _make_runtime(callback_workers: int, clock: Optional[Clock]) -> Runtime:
    workers = whole_number("callback_workers", callback_workers, 1, MOST_THREADS)
    return Runtime(callback_workers=workers, clock=checked_clock(clock))


def _response_size(given: int) -> int:
    return whole_number("max_response_size", given, SMALLEST_RESPONSE)
