"""The health of a running VEN for supervisors: a file that is rewritten, or a port that answers.
Threads of its own.

``/health`` (any path but ``/live``) is 200 while all is well, else 503, with JSON that says why.
``/live`` is 200 as long as the process lives: a VTN that is down must not make a supervisor kill
the VEN.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional

from ...errors import ConfigurationError

log = logging.getLogger(__name__)

FILE_PERIOD = 5.0
LOCAL = "127.0.0.1"
Look = Callable[[], Any]


class HealthPort:
    """An HTTP server on ``[host:]port`` from construction to :meth:`close`."""

    def __init__(self, look: Look, place: Any) -> None:
        host, port = parse_address(place)
        try:
            self._server = ThreadingHTTPServer((host, port), _page(look))
        except OSError as cause:
            raise ConfigurationError(
                f"The health port {host}:{port} cannot be opened: {cause.strerror or cause}."
            ) from cause
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="ven_sdk-health", daemon=True
        )
        self._thread.start()
        log.info("Health is told at http://%s:%s/health.", host, self.port)

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class HealthFile:
    """A JSON file that is replaced every 5 s from construction to :meth:`close`, which removes
    it.
    """

    def __init__(self, look: Look, path: str, period: float = FILE_PERIOD) -> None:
        self._look, self._path, self._period = look, path, period
        self._over = threading.Event()
        self._failed = False
        try:
            self._write()
        except OSError as cause:
            raise ConfigurationError(
                f"The health file {path!r} cannot be written: {cause.strerror or cause}."
            ) from cause
        self._thread = threading.Thread(target=self._run, name="ven_sdk-health-file", daemon=True)
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
                    log.error(
                        "The health file %s cannot be written (%s); tried again every %g s.",
                        self._path,
                        cause,
                        self._period,
                    )
                self._failed = True

    def _write(self) -> None:
        _, body = health_response(self._look)
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


def health_response(look: Look) -> tuple[int, bytes]:
    """The HTTP status and the JSON of a client's health."""
    health = look()
    body = {
        "ok": health.ok,
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **health.to_dict(),
    }
    return 200 if health.ok else 503, json.dumps(body, indent=2, default=_plain).encode() + b"\n"


def parse_address(place: Any) -> tuple[str, int]:
    """Host and port of ``8080``, ``"8080"`` or ``"0.0.0.0:8080"``; without a host this machine
    alone can ask.
    """
    host, colon, port = str(place).rpartition(":")
    if isinstance(place, bool) or not port.isdigit() or int(port) > 65535 or (colon and not host):
        raise ConfigurationError(
            f"The health port must be a number from 0 to 65535, or host:port such as "
            f"'0.0.0.0:8080', "
            f"not {place!r}."
        )
    return host.strip("[]") or LOCAL, int(port)


def _page(look: Look) -> type:
    class Page(BaseHTTPRequestHandler):
        """Answers one request."""

        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            """Tell."""
            is_live = self.path.rstrip("/") == "/live"
            status, body = (200, b'{"live": true}\n') if is_live else health_response(look)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *arguments: Any) -> None:
            log.debug(format, *arguments)

    return Page


def _plain(value: Any) -> Optional[str]:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return f"{value.total_seconds():g} s" if isinstance(value, timedelta) else str(value)
