"""A VTN in a second process: starts, kills and restarts it on one port, sends it commands and keeps
what it tells.

Knows nothing of what is told; ``openleadr_peer`` does. A daemon thread reads the process's lines;
the methods may be called from any thread of a test.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any, Callable, Optional

from tests.peers import peer_lines

START_SECONDS = 30.0
REPLY_SECONDS = 10.0
Predicate = Callable[[dict[str, Any]], bool]


class PeerError(AssertionError):
    """The peer did not do what the test asked for; the end of its stderr is in the text."""


class PeerProcess:
    """One script of this folder, run with ``config`` as its first line; ends with :meth:`stop` or
    the test process.
    """

    def __init__(self, script: str, config: dict[str, Any]) -> None:
        self._script = Path(__file__).with_name(script)
        self._config = config
        self._changed = threading.Condition()
        self._speaking = threading.Lock()
        self._told: list[dict[str, Any]] = []
        self._replies: dict[int, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._reader: Optional[threading.Thread] = None
        self._silent = True
        self._reserved: Optional[socket.socket] = None
        self._folder: Optional["tempfile.TemporaryDirectory[str]"] = None

    # Its life

    def launch(self) -> None:
        """Returns when the peer listens; its port and its state file stay the same until
        :meth:`stop`.
        """
        if self._process is not None:
            raise PeerError(
                f"{self._script.name} is running already, as process {self._process.pid}."
            )
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ven-sdk-peer-")
            self._config["state_file"] = os.path.join(self._folder.name, "state")
        if self._reserved is None:
            self._reserved = _reserved_port()
            self._config["http_port"] = self.port
        self._run(self._folder.name)

    @property
    def port(self) -> int:
        """The loopback port, the same across restarts."""
        if self._reserved is None:
            raise PeerError(f"{self._script.name} has not been started, so it has no port.")
        return int(self._reserved.getsockname()[1])

    @property
    def pid(self) -> Optional[int]:
        """The process, or None while there is none."""
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """SIGKILL: from now on connections are refused."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            self._gone(process)

    def restart(self, remember: bool = True, **changes: Any) -> None:
        """Kill it (if it lives) and start it again on the same port.

        With ``remember`` it comes back with what it had written down, otherwise with what it was
        configured with. ``changes`` replace parts of the configuration.
        """
        self.kill()
        if not remember:
            Path(self._config["state_file"]).unlink(missing_ok=True)
        self._config.update(changes)
        self.launch()

    def pause(self) -> None:
        """SIGSTOP: connections are taken, nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT, after :meth:`pause`."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the process and free the port; twice is harmless."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            _hang_up(process)
            self._gone(process)
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    # What it tells, and what it is told

    def seen(
        self, kind: str, predicate: Optional[Predicate] = None, *, after: int = 0
    ) -> list[dict[str, Any]]:
        """All notifications of that kind so far, in order; ``after`` is a :meth:`mark`."""
        with self._changed:
            return self._matching(kind, predicate, after)

    def mark(self) -> int:
        """The present place in the record, for ``after``."""
        with self._changed:
            return len(self._told)

    def wait_for(
        self,
        kind: str,
        timeout: float = 10,
        predicate: Optional[Predicate] = None,
        *,
        count: int = 1,
        after: int = 0,
    ) -> dict[str, Any]:
        """The ``count``-th notification that fits, once it is there; :class:`PeerError` says what
        came instead.

        The predicate runs under a lock: it may look at its argument, and call nothing of the peer.
        """

        def enough() -> bool:
            return len(self._matching(kind, predicate, after)) >= count

        with self._changed:
            self._changed.wait_for(lambda: enough() or self._died(), timeout)
            if not enough():
                came = self._matching(kind, None, after)
                kinds = sorted({each["kind"] for each in self._told[after:]})
                raise PeerError(
                    f"No {kind!r} ({count}) that fits within {timeout} s. Of that kind came "
                    f"{came!r}; the "
                    f"kinds seen are {kinds}. {self._stderr()}"
                )
            return self._matching(kind, predicate, after)[count - 1]

    def command(self, name: str, **arguments: Any) -> Any:
        """The result of one command of the script; one that failed or had no reply raises
        :class:`PeerError`.
        """
        number = next(self._numbers)
        self._say({"number": number, "command": name, "arguments": arguments})
        with self._changed:
            self._changed.wait_for(lambda: number in self._replies or self._silent, REPLY_SECONDS)
            reply = self._replies.pop(number, {"error": f"no reply. {self._stderr()}"})
        if "error" in reply:
            raise PeerError(f"The command {name!r} failed: {reply['error']}")
        return reply["result"]

    def _matching(
        self, kind: str, predicate: Optional[Predicate], after: int
    ) -> list[dict[str, Any]]:
        return [
            each
            for each in self._told[after:]
            if each["kind"] == kind and (predicate is None or predicate(each))
        ]

    def _run(self, folder: str) -> None:
        with open(os.path.join(folder, "stderr"), "ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, str(self._script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        place = self.mark()
        self._silent = False
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True, name="peer-reader"
        )
        self._reader.start()
        self._say(self._config)
        with self._changed:
            self._changed.wait_for(
                lambda: self._matching("ready", None, place) or self._silent, START_SECONDS
            )
            ready = self._matching("ready", None, place)
        if not ready:
            self.kill()
            raise PeerError(
                f"{self._script.name} did not start within {START_SECONDS} s. {self._stderr()}"
            )

    def _say(self, value: Any) -> None:
        if self._process is None or self._process.stdin is None:
            raise PeerError(f"{self._script.name} is not running, so it cannot be told anything.")
        with (
            self._speaking,
            contextlib.suppress(BrokenPipeError),
        ):  # whoever waits for an answer finds out
            self._process.stdin.write(peer_lines.dump(value))
            self._process.stdin.flush()

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            if line.endswith(b"\n"):  # a killed process may leave half a line
                self._hear(peer_lines.load(line))
        with self._changed:
            self._silent = True
            self._changed.notify_all()

    def _hear(self, told: dict[str, Any]) -> None:
        with self._changed:
            if told["kind"] == "reply":
                self._replies[told["number"]] = told
            else:
                self._told.append(told)
            self._changed.notify_all()

    def _died(self) -> bool:
        return self._silent and self._process is not None

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise PeerError(f"{self._script.name} is not running, so it gets no signal {number}.")
        self._process.send_signal(number)

    def _gone(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        if self._reader is not None:
            self._reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # a command may still be in the buffer
                    pipe.close()

    def _stderr(self) -> str:
        if self._folder is None:
            return "It has been stopped."
        text = Path(self._folder.name, "stderr").read_text(errors="replace")
        state = (
            "ended by itself"
            if self._died()
            else "is down"
            if self._process is None
            else "is running"
        )
        return f"The process {state}; the end of its stderr: {text[-2000:]!r}"


def _hang_up(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # it ended by itself
            process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()


def _reserved_port() -> socket.socket:
    """A bound socket that never listens: nobody else is given its port, even while the peer is
    down, and the peer may bind it beside us since both allow reuse.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved
