"""Who runs in this process, to warn of two that run as the same VEN: a notebook cell that was run
twice. Any thread.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from typing import Callable, Optional

logger: logging.Logger = logging.getLogger(__name__)

_lock = threading.RLock()
_running: list["Runner"] = []


class Runner:
    """A client or a fleet. ``kind`` is what users call it, ``started_at`` says where it was
    started, ``find_url(ven_name)`` the address of the VTN for which it runs as a VEN, or None.
    """

    def __init__(
        self,
        kind: str,
        started_at: Callable[[], str],
        find_url: Callable[[str], Optional[str]],
    ) -> None:
        self._kind, self._started_at, self._find_url = kind, started_at, find_url
        self._process = 0

    def begin(self, vens: Iterable[tuple[str, str]]) -> None:
        """It runs from now on as ``vens``, pairs of name and address."""
        self._process = os.getpid()
        with _lock:
            if self not in _running:
                _running.append(self)
        self.look_for_twin(vens)

    def look_for_twin(self, vens: Iterable[tuple[str, str]]) -> None:
        """Where this one runs, a warning names the first of ``vens`` as which another runs too."""
        with _lock:
            others = [one for one in _running if one is not self and one._runs_here]
            if self not in _running:
                return
        pairs = ((one, name, url) for name, url in vens for one in others)
        found = next((pair for pair in pairs if pair[0]._find_url(pair[1]) == pair[2]), None)
        if found is not None:
            self._warn(*found)

    @property
    def _runs_here(self) -> bool:
        """The child of a fork inherits what does not run there."""
        return self._process == os.getpid()

    def _warn(self, first: Runner, name: str, url: str) -> None:
        same = first._kind == self._kind
        logger.warning(
            "%s of this process run as VEN %r at %s: a %s was started before, at %s, this %s at "
            "%s. Both poll, and each gets only some of the events. Call stop() of the first (in a "
            "notebook: before its variable gets another).",
            f"Two {self._kind}s" if same else "A client and a fleet",
            name,
            url,
            first._kind,
            first._started_at(),
            self._kind,
            self._started_at(),
        )

    def end(self) -> None:
        """It runs no more."""
        with _lock:
            if self in _running:
                _running.remove(self)
