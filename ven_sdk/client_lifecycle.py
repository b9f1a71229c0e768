"""Beginning and ending of one client: what its threads need, without the client itself.

Nothing here refers to the client, so that a program that loses its last reference to a started
client does not leave it running: ``LastReference`` sees it go and stops it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Optional

from .config import Settings
from .errors import LeaseLostError, StoreError
from .runtime.engine import Engine
from .runtime.last_reference import ABANDONED_TIMEOUT, LastReference
from .runtime.lifecycle import Lifecycle, do_all
from .runtime.runtime import Runtime
from .runtime.same_vens import Runner
from .state.store import Store
from .threads import last_thread
from .transport.identity import Identity

if TYPE_CHECKING:
    from .push import Listener

logger: logging.Logger = logging.getLogger(__name__)

STOP_TIMEOUT = 10.0
"""Seconds that ``stop()`` takes at the most, unless told otherwise."""
LISTENER_SHARE = 0.25
"""Part of stop()'s timeout that answers to pushed messages may take."""
SHORTEST_TIMEOUT = 5.0
"""Seconds; a VEN waits at least so long for a reply (rule H7)."""
OWED_SHARE = 0.5
"""Part of stop()'s timeout that is spent on sending what is owed."""
COMMIT_SHARE = 0.5
"""Part of the rest of it that a commit which is under way may take before threads are ended."""
LAST_COMMIT = 0.2
"""Seconds that a commit may take also where no time is left."""


class ClientLifecycle:
    """Starts and stops what a client consists of. ``cycle`` says whether it runs."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        identity: Identity,
        runtime: Runtime,
        store: Store,
        show_fingerprint: bool,
    ) -> None:
        self.settings: Settings = settings
        self.engine: Engine = engine
        self.identity: Identity = identity
        self.runtime: Runtime = runtime
        self.store: Store = store
        self._show_fingerprint = show_fingerprint
        self.cycle: Lifecycle = Lifecycle(self._begin, self._end)
        self._last_reference = LastReference(
            self.cycle, runtime, lambda: f"The client {settings.ven_name!r} at {settings.vtn_url}"
        )
        self._runner = Runner("client", lambda: self._last_reference.started_at, self._find_url)
        self.listener: Optional[Listener] = None
        store.watch_lease(self._lose)

    def start(self, client: object) -> None:
        """Start, unless it runs; ``client`` is whose last reference is watched."""
        self._last_reference.watch(client)
        self.cycle.start()

    def _find_url(self, ven_name: str) -> Optional[str]:
        return self.settings.vtn_url if ven_name == self.settings.ven_name else None

    def stop(self, seconds: float) -> None:
        """Stop within about ``seconds``; a thread that was stopped from inside is waited for. Where
        a signal handler interrupted a step of this VEN, which has to end first, a thread does it.
        """
        if self.engine.guard.is_mine:
            last_thread("ven_sdk stopping", self.cycle.stop, seconds).start()
            return
        was_running = self.cycle.is_running
        self.cycle.stop(seconds)
        if not was_running:
            self.runtime.wait_for_stopper(seconds)

    def _begin(self) -> None:
        texts = self.engine.open_store()
        try:
            texts += self._restore()
            self.identity.connections.reopen()
            self.runtime.start()
            if self.listener is not None:
                self.listener.start()
            self._announce()
            self.engine.start()
            self._runner.begin([(self.settings.ven_name, self.settings.vtn_url)])
            for text in texts:
                error = StoreError(text, path=self.store.name)
                self.engine.report(error, text, text, logging.ERROR)
        except BaseException:
            self._close(1.0)
            raise

    def _restore(self) -> tuple[str, ...]:
        """Take in what the store holds; a sentence for each row that could not be read."""
        if not self.store.durable:
            return ()
        return self.engine.restore()

    def _announce(self) -> None:
        if self._show_fingerprint and self.identity.fingerprint:
            logger.info(
                "The fingerprint of this VEN's certificate is %s.", self.identity.fingerprint
            )
        if not self.identity.verifies_messages:
            logger.warning(
                "Messages from the VTN are not authenticated: vtn_fingerprint is not set. Whoever "
                "answers at %s is obeyed.",
                self.settings.vtn_url,
            )
        if self.settings.timeout < SHORTEST_TIMEOUT:
            logger.warning("%s", short_timeout("timeout", self.settings.timeout))
        if not self.store.durable:
            logger.info(
                "No store is set: registration, answers, opts and samples not yet delivered do "
                "not survive this process."
            )

    def _end(self, seconds: float) -> None:
        clock = self.engine.clock
        deadline = clock.monotonic() + seconds
        try:
            self._runner.end()
            self._end_listener(seconds * LISTENER_SHARE)
            self.engine.end_in_order(seconds * OWED_SHARE)
        except BaseException:  # such as a second Ctrl-C
            self._close(0.0)
            raise
        unfinished = self._close(deadline - clock.monotonic())
        if unfinished:
            logger.warning(
                "Stopped, but these did not finish and are left behind: %s.", ", ".join(unfinished)
            )
        else:
            logger.info("Stopped.")

    def _close(self, seconds: float) -> list[str]:
        """Let nothing run any more; what does not finish within ``seconds`` comes back. A commit
        has ``LAST_COMMIT`` at least.
        """
        clock, unfinished = self.engine.clock, list[str]()
        deadline = clock.monotonic() + seconds

        def rest() -> float:
            return deadline - clock.monotonic()

        def close_store() -> None:
            if not self.engine.close_store(max(rest(), LAST_COMMIT)):
                unfinished.append(f"a commit to the store {self.store.name}")

        do_all(
            self._runner.end,
            lambda: self._end_listener(0.0),
            lambda: self.engine.close(max(rest() * COMMIT_SHARE, LAST_COMMIT)),
            self.identity.connections.close,
            lambda: unfinished.extend(self.runtime.stop(max(0.0, rest()))),
            close_store,
        )
        return unfinished

    def _end_listener(self, seconds: float) -> None:
        if self.listener is not None:
            self.listener.stop(seconds)

    def _lose(self, error: LeaseLostError) -> None:
        self.engine.lose(error)
        self.cycle.fail(error, ABANDONED_TIMEOUT)


def short_timeout(what: str, seconds: float) -> str:
    """The warning about a ``timeout`` in ``seconds`` that is too short."""
    return (
        f"{what} is {seconds:g} s: the specification wants a VEN to wait at least "
        f"{SHORTEST_TIMEOUT:g} s for a reply."
    )
