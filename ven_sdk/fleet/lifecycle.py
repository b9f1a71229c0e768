"""Beginning and ending of a fleet: what its threads need, without the fleet itself, so that one
whose last reference goes while it runs is stopped, with a ResourceWarning.
"""

from __future__ import annotations

import logging

from ..client_lifecycle import (
    COMMIT_SHARE,
    LAST_COMMIT,
    LISTENER_SHARE,
    OWED_SHARE,
    STOP_TIMEOUT,
)
from ..errors import LeaseLostError, StoreError
from ..runtime.last_reference import LastReference
from ..runtime.lifecycle import Lifecycle, do_all
from ..runtime.runtime import Runtime
from ..runtime.same_vens import Runner
from ..state.shared_store import SharedStore
from ..text import write_count
from ..threads import last_thread
from ..ven import Ven
from .identities import Identities
from .push import FleetPush
from .vens import Vens

logger: logging.Logger = logging.getLogger(__name__)


class FleetLifecycle:
    """Starts and stops what a fleet consists of. ``cycle`` says whether it runs."""

    def __init__(
        self,
        runtime: Runtime,
        store: SharedStore,
        vens: Vens,
        push: FleetPush,
        identities: Identities,
    ) -> None:
        self._runtime, self._store, self._vens = runtime, store, vens
        self._push, self._identities = push, identities
        self._has_store = False
        self.cycle: Lifecycle = Lifecycle(self._start, self._end)
        self._last_reference = LastReference(self.cycle, runtime, self._describe)
        self._runner = Runner("fleet", lambda: self._last_reference.started_at, vens.find_url)
        store.watch_lease(self._lose)

    def start(self, fleet: object) -> None:
        """Start, unless it runs; ``fleet`` is whose last reference is watched."""
        self._last_reference.watch(fleet)
        self.cycle.start()

    def stop(self, seconds: float) -> None:
        """Stop within about ``seconds``. Where a signal handler interrupted a step of a VEN, which
        has to end first, a thread does it.
        """
        if any(ven._engine.guard.is_mine for ven in self._vens):
            last_thread("ven_sdk stopping", self.cycle.stop, seconds).start()
        else:
            self.cycle.stop(seconds)

    def _describe(self) -> str:
        return f"A fleet of {write_count(len(self._vens), 'VEN', 'VENs')}"

    def _start(self) -> None:
        self._push.start()
        try:
            self._start_vens()
        except BaseException:
            self._close(1.0)
            raise

    def _start_vens(self) -> None:
        texts = self._open_store()
        self._runtime.start()
        vens = self._vens.begin()
        for text in texts:
            logger.error("%s", text)
        if self._has_store:
            self._vens.forget_removed()
        self._identities.reopen()
        for ven in vens:
            self._vens.begin_soon(ven)
        self._runner.begin((ven.settings.ven_name, ven.settings.vtn_url) for ven in vens)
        logger.info("A fleet of %s starts.", write_count(len(vens), "VEN", "VENs"))
        trusting = sum(not ven._engine.profile.identity.verifies_messages for ven in vens)
        if trusting:
            logger.warning(
                "Messages from the VTN are not authenticated for %s: vtn_fingerprint is not "
                "set. Whoever answers at their vtn_url is obeyed.",
                write_count(trusting, "VEN", "VENs"),
            )

    def _open_store(self) -> tuple[str, ...]:
        try:
            texts = self._store.open()
        except StoreError as error:
            if not error.retryable:
                raise
            return ()  # each VEN tries for itself, says so, and runs on in memory
        self._has_store = True
        return texts

    def _end(self, seconds: float) -> None:
        deadline = self._runtime.clock.monotonic() + seconds
        try:
            self._runner.end()
            running = [engine for engine in self._vens.end() if not engine.stopped]
            self._push.stop(seconds * LISTENER_SHARE)
            self._vens.end_in_order(running, deadline - seconds * OWED_SHARE)
        except BaseException:  # such as a second Ctrl-C
            self._close(0.0)
            raise
        unfinished = self._close(deadline - self._runtime.clock.monotonic())
        if unfinished:
            logger.warning(
                "The fleet stopped, but these did not finish and are left behind: %s.",
                ", ".join(unfinished),
            )
        else:
            logger.info("The fleet stopped.")

    def _close(self, seconds: float) -> list[str]:
        """Let nothing run any more; what does not finish within ``seconds`` comes back. Commits
        have ``LAST_COMMIT`` at least.
        """
        clock, unfinished = self._runtime.clock, list[str]()
        deadline = clock.monotonic() + seconds

        def rest() -> float:
            return deadline - clock.monotonic()

        do_all(
            self._runner.end,
            self._vens.end,
            lambda: self._push.stop(0.0),
            lambda: self._vens.close(max(rest() * COMMIT_SHARE, LAST_COMMIT)),
            self._identities.close,
            lambda: unfinished.extend(self._runtime.stop(max(0.0, rest()))),
            lambda: unfinished.extend(self._close_store(max(rest(), LAST_COMMIT))),
        )
        return unfinished

    def _close_store(self, seconds: float) -> list[str]:
        """Let others have the store, as soon as no VEN uses it; what hangs comes back."""
        is_free = self._vens.close_store(seconds)
        if self._has_store:
            self._has_store = False
            removals = [self._vens.forget_removed] if is_free else []
            do_all(*removals, self._store.close)
        return [] if is_free else [f"a commit to the store {self._store.name}"]

    def look_for_twin(self, ven: Ven) -> None:
        """Warn where ``ven``, which was added, runs in this process already."""
        self._runner.look_for_twin([(ven.settings.ven_name, ven.settings.vtn_url)])

    def _lose(self, error: LeaseLostError) -> None:
        for ven in self._vens:
            ven._engine.lose(error)
        self.cycle.fail(error, STOP_TIMEOUT)
