"""The health of running VENs for supervisors: a port that answers, or a file that is rewritten.
Threads of its own.

``/health`` is 200 while all is well, else 503, with JSON that says why. ``/live`` is 200 as long as
the process lives: a VTN that is down must not make a supervisor kill the VEN. ``/metrics`` is for
Prometheus. Everything else is 404.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Protocol

from ...errors import ConfigurationError
from ...metrics import CONTENT_TYPE, exposition
from ...runtime.status import Health, Status
from ...threads import daemon_thread
from ...ven import Ven
from .server import Page, Place, Port, Request, only_get, page_of, refusal

logger: logging.Logger = logging.getLogger(__name__)

FILE_PERIOD = 5.0
MOST = 100
"""VENs of a fleet that are named with their problems; the others are counted."""
PAGES = ("health", "live", "metrics")


class HasHealth(Protocol):
    """A VEN as far as a supervisor asks."""

    @property
    def status(self) -> Status: ...
    def health(self) -> Health: ...


class HealthPort(Port):
    """The pages of a client, or of a fleet, on ``[host:]port`` from construction to
    :meth:`close`.
    """

    def __init__(self, vens: Iterable[Ven], place: Place) -> None:
        super().__init__("health", place, lambda request: _page(request, vens))
        logger.info("Health is served at http://%s:%s/health.", self.host, self.port)


class HealthFile:
    """A JSON file that is replaced every 5 s from construction to :meth:`close`, which removes it.
    ``ConfigurationError`` for what it cannot use. ``period`` in seconds.
    """

    def __init__(self, vens: Iterable[HasHealth], path: str, period: float = FILE_PERIOD) -> None:
        self._vens, self._path, self._period = vens, path, period
        self._over = threading.Event()
        self._failed = False
        try:
            self._write()
        except OSError as cause:
            raise ConfigurationError(
                f"The health file {path!r} cannot be written: {cause.strerror or cause}."
            ) from cause
        self._thread = daemon_thread("ven_sdk-health-file", self._run)
        self._thread.start()

    def close(self) -> None:
        """Stop writing; no file means that nothing runs."""
        self._over.set()
        self._thread.join(5)
        with contextlib.suppress(OSError):
            os.unlink(self._path)

    def _run(self) -> None:
        while not self._over.wait(self._period):
            try:
                self._write()
                self._failed = False
            except OSError as cause:
                if not self._failed:
                    logger.error(
                        "The health file %s cannot be written (%s); tried again every %g s.",
                        self._path,
                        cause,
                        self._period,
                    )
                self._failed = True

    def _write(self) -> None:
        body = health_page(self._vens).body
        folder = os.path.dirname(os.path.abspath(self._path))
        handle, temporary = tempfile.mkstemp(prefix=".health-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            os.chmod(temporary, 0o644)
            os.replace(temporary, self._path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def health_page(vens: Iterable[HasHealth]) -> Page:
    """Status 200 or 503, and why, as JSON: ``problems``, the ``cause`` (the first of them), and the
    last error of an exchange.
    """
    found = [(ven, ven.health(), ven.status) for ven in vens]
    if len(found) == 1:
        [(_, health, status)] = found
        told: dict[str, object] = {**health.to_dict(), **_last_error(status)}
    else:
        told = _fleet_health(found)
    problems = told["problems"]
    cause = problems[0] if isinstance(problems, list) and problems else None
    is_ok = bool(told["ok"])
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return page_of({"ok": is_ok, "at": at, "cause": cause, **told}, 200 if is_ok else 503)


def _fleet_health(found: "list[tuple[HasHealth, Health, Status]]") -> dict[str, object]:
    wrong = [
        (getattr(getattr(ven, "settings", None), "ven_name", "?"), health, status)
        for ven, health, status in found
        if not health.ok
    ]
    problems = [f"{name}: {text}" for name, health, _ in wrong[:MOST] for text in health.problems]
    return {
        "ok": not wrong,
        "problems": problems,
        "vens": len(found),
        "registered": sum(1 for _, _, status in found if status.state == "registered"),
        "with_problems": len(wrong),
        "last_errors": {
            name: _last_error(status) for name, _, status in wrong[:MOST] if status.last_error
        },
    }


def _last_error(status: Status) -> dict[str, object]:
    return {
        "last_error": None if status.last_error is None else str(status.last_error),
        "last_error_at": status.last_error_at,
    }


def _page(request: Request, vens: Iterable[Ven]) -> Page:
    name = "/".join(request.path)
    if name not in PAGES:
        return refusal(404, f"There is nothing here. There are /{', /'.join(PAGES)}.")
    if request.method != "GET":
        return only_get(request, name)
    if name == "live":
        return page_of({"live": True})
    if name == "health":
        return health_page(vens)
    return Page(200, exposition(vens).encode(), CONTENT_TYPE)
