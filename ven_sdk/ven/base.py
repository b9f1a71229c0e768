"""What the subjects of a VEN's interface share: its engine and its settings."""

from __future__ import annotations

from datetime import datetime
from typing import Optional

from ..arguments import Duration, waiting_seconds
from ..config import Settings
from ..errors import StateError
from ..points.catalogue import Catalogue
from ..profile import CallRequest
from ..runtime.blocking_calls import await_answer
from ..runtime.engine import Engine
from ..runtime.health import state_of
from ..text import shorten
from ..usercode.handlers import Handlers, Hooks


class VenBase:
    """A VEN as far as its name, its state and its waiting for answers go."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        handlers: Handlers,
        hooks: Hooks,
        catalogue: Catalogue,
    ) -> None:
        self.settings = settings
        self._engine, self._handlers = engine, handlers
        self._hooks, self._catalogue = hooks, catalogue
        self._profile = engine.profile

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.settings.ven_name!r} at {self.settings.vtn_url}: "
            f"{self._state()}{f' as {shorten(self.ven_id)}' if self.ven_id else ''}>"
        )

    @property
    def ven_name(self) -> str:
        """The name that it registers under."""
        return self.settings.ven_name

    @property
    def vtn_url(self) -> str:
        """The VTN's address, as it was completed."""
        return self.settings.vtn_url

    @property
    def ven_id(self) -> Optional[str]:
        """The venID, or None before the VTN gave one."""
        return self._engine.book.registration.ven_id or self.settings.ven_id

    def _state(self) -> str:
        return state_of(self._engine)

    def _now(self) -> datetime:
        return self._engine.now()

    def _wait_for_answer(
        self,
        call: str,
        request: CallRequest,
        timeout: Optional[Duration] = None,
        opt_id: Optional[str] = None,
    ) -> None:
        seconds = self.settings.timeout if timeout is None else waiting_seconds("timeout", timeout)
        await_answer(self._engine, call, request, seconds, opt_id)

    def _check_registration(self, call: str) -> None:
        """StateError where the registration ended while ``call`` waited for its answer."""
        if self._state() == "unregistered":
            raise StateError(
                f"{call}: the registration ended meanwhile, and with it what was asked for."
            )

    def _is_registered(self) -> bool:
        state = self._engine.book.registration
        return state.phase == "registered" and not state.stands

    def _check_usable(self, call: str) -> None:
        """StateError where ``call`` could have no effect."""
        self._engine.runtime.check_process()
        if self._engine.persistence.is_detached:
            raise StateError(
                f"{call}: the VEN {self.settings.ven_name!r} was removed from its fleet. Add it "
                "again, and use what add() returns."
            )

    def _require_running(self, call: str) -> None:
        self._check_usable(call)
        if self._engine.stopped:
            raise StateError(f"{call} needs a running client: call start() before it.")
