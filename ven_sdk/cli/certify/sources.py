"""Where the VEN comes from, and how it is led to the test VTN. The main thread; scripts run on one
of their own.

While a source makes the VEN, every ``OpenADRClient`` that is constructed takes the test's arguments
(address, certificates, clock, the letter) in the place of its own; all others stay the author's. So
a module, a script or a TOML file is certified as it is.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, Optional, Protocol

from ...arguments import Duration
from ...brackets import is_function
from ...client import OpenADRClient
from ...errors import ConfigurationError, VenError
from ...usercode.calls import describe_failure
from ...usercode.functions import check_call
from ..run.build import build
from ..run.file import load
from ..run.functions import import_object
from ..run.plan import make_plan
from .rows import Arguments

Found = Callable[[OpenADRClient, Arguments], None]
"""Sees a client, and the arguments that its author gave."""
Lead = Callable[[Arguments], Arguments]
"""The arguments that take the place of those that the author gave."""
Ready = Callable[[OpenADRClient], None]
"""Sees a client that is about to start."""
_POSITIONS = ("ven_name", "vtn_url")
SECONDS = 30.0
"""Real seconds that a script may take to construct its client, and to end."""


class Source(Protocol):
    """A VEN that can be started as often as there are rows.

    ``is_ours``: it is a VEN of ven_sdk, whose clock can be moved by hand and whose client can be
    called.
    """

    name: str
    is_ours: bool

    def begin(self, lead: Lead, found: Found, ready: Ready) -> Optional[OpenADRClient]:
        """Start the VEN; its client, where it has one of ven_sdk, after ``found`` has seen it made,
        and ``ready`` with all that its author gives it.
        """

    def end(self, client: Optional[OpenADRClient]) -> None:
        """Stop it."""


@contextlib.contextmanager
def direct_clients(lead: Lead, found: Found) -> Iterator[list[OpenADRClient]]:
    """Every client that is constructed meanwhile takes the arguments of ``lead`` in the place of
    its own; those clients.
    """
    made: list[OpenADRClient] = []
    original = OpenADRClient.__init__

    @functools.wraps(original)
    def construct(self: OpenADRClient, *given: Any, **named: Any) -> None:
        own = {**dict(zip(_POSITIONS, given)), **named}
        original(self, **{**own, **lead(own)})
        made.append(self)
        found(self, own)

    OpenADRClient.__init__ = construct  # type: ignore[method-assign]
    try:
        yield made
    finally:
        OpenADRClient.__init__ = original  # type: ignore[method-assign]


class _OwnVen:
    """A VEN of ven_sdk whose client is constructed by a call."""

    is_ours = True

    def __init__(self, name: str) -> None:
        self.name = name

    def begin(self, lead: Lead, found: Found, ready: Ready) -> Optional[OpenADRClient]:
        """See :class:`Source`."""
        with direct_clients(lead, found):
            client = self._make(str(lead({})["vtn_url"]))
        ready(client)
        client.start()
        return client

    def end(self, client: Optional[OpenADRClient]) -> None:
        """See :class:`Source`."""
        if client is not None:
            client.stop()

    def _make(self, url: str) -> OpenADRClient:
        raise NotImplementedError


class FunctionVen(_OwnVen):
    """A VEN that a function gives."""

    def __init__(self, name: str, make: Callable[[], OpenADRClient]) -> None:
        super().__init__(name)
        self._function = make

    def _make(self, url: str) -> OpenADRClient:
        return self._function()


class FileVen(_OwnVen):
    """A TOML file, as ``ven-sdk run`` takes it. ``declared`` is its table ``[certify]``."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._document = load(path)
        table = self._document.values.get("certify", {})
        self.declared: Arguments = table if isinstance(table, dict) else {}

    def _make(self, url: str) -> OpenADRClient:
        plan = make_plan(self._document, os.environ, {"ven": {"vtn_url": url}})
        for table in ("log", "control", "health"):  # these are of ven-sdk run
            getattr(plan, table).clear()
            plan.table_origins[table].clear()
        made = build(plan)
        if not isinstance(made, OpenADRClient):
            raise ConfigurationError(
                f"{self.name} is a fleet: certify takes one VEN. Write a file with [ven] for one."
            )
        return made


class ModuleVen(_OwnVen):
    """``module:name``, a client, or a function without arguments that returns one."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self._module = reference.partition(":")[0].strip()

    def _make(self, url: str) -> OpenADRClient:
        known = sys.modules.get(self._module)
        if known is not None and isinstance(_attribute(known, self.name), OpenADRClient):
            importlib.reload(known)
        found = import_object(self.name, os.getcwd())
        client = _call(found, self.name) if is_function(found) else found
        if not isinstance(client, OpenADRClient):
            raise ConfigurationError(
                f"{self.name!r} gives a {type(client).__name__}: certify takes an OpenADRClient, "
                "or a function without arguments that returns one."
            )
        return client


def _call(function: Callable[..., object], reference: str) -> object:
    """What the author's function gives; ``ConfigurationError`` where it cannot be called, or
    fails.
    """
    check_call(function, reference.partition(":")[2], ())
    try:
        return function()
    except VenError:
        raise
    except Exception as cause:
        raise ConfigurationError(f"{reference} raised {describe_failure(cause)}") from cause


def _attribute(module: object, reference: str) -> object:
    return getattr(module, reference.partition(":")[2].strip(), None)


class ScriptVen:
    """A script that constructs a client and calls ``run()``. It runs from the top for each row, on
    a thread of its own, and ends when its client is stopped.
    """

    is_ours = True

    def __init__(self, path: str) -> None:
        self.name = path
        self._thread: Optional[threading.Thread] = None
        self._error: Optional[BaseException] = None

    def begin(self, lead: Lead, found: Found, ready: Ready) -> Optional[OpenADRClient]:
        """See :class:`Source`. ``ConfigurationError`` for a script that fails or has no client."""
        self._error = None
        running = threading.Event()
        with direct_clients(lead, found) as made, _signal_start(running, ready):
            self._thread = threading.Thread(
                target=self._run, args=(running,), name="certify-script", daemon=True
            )
            self._thread.start()
            running.wait(SECONDS)
        if self._error is not None:
            raise ConfigurationError(
                f"{self.name} raised {type(self._error).__name__}: {self._error}"
            ) from self._error
        if not made:
            raise ConfigurationError(
                f"{self.name} constructed no OpenADRClient within {SECONDS:g} s. A fleet cannot be "
                "certified as such: take one of its VENs."
            )
        return made[-1]

    def end(self, client: Optional[OpenADRClient]) -> None:
        """See :class:`Source`."""
        if client is not None:
            client.stop()
        if self._thread is not None:
            self._thread.join(SECONDS)

    def _run(self, running: threading.Event) -> None:
        try:
            runpy.run_path(self.name, run_name="__main__")
        except SystemExit:
            pass  # a script may end so, as its run() has returned
        except BaseException as error:
            self._error = error
        finally:
            running.set()


@contextlib.contextmanager
def _signal_start(running: threading.Event, ready: Ready) -> Iterator[None]:
    """``ready`` sees a client that is started, and ``running`` is set when it was."""
    original = OpenADRClient.start

    @functools.wraps(original)
    def start(self: OpenADRClient, wait: Optional[Duration] = None) -> None:
        ready(self)
        original(self, wait)
        running.set()

    OpenADRClient.start = start  # type: ignore[method-assign]
    try:
        yield
    finally:
        OpenADRClient.start = original  # type: ignore[method-assign]


PLACES = {
    "url": ("VTN_URL", "vtn_url"),
    "ca_file": ("VTN_CA_FILE", "ca_file"),
    "cert": ("VEN_CERT", "cert"),
    "key": ("VEN_KEY", "key"),
}
"""What a program is told: the place in its command, the variable, and the client's argument."""


class ProgramVen:
    """Any program, of any library: it is started for each row, with the VTN's address in
    ``VTN_URL`` (and in the place of ``{url}``), and killed after it. Time passes by itself. Where
    the VTN speaks TLS, ``VTN_CA_FILE``, ``VEN_CERT`` and ``VEN_KEY`` are paths of what it takes.
    """

    is_ours = False

    def __init__(self, words: Sequence[str]) -> None:
        self.name: str = " ".join(words)
        self._words = tuple(words)
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._given = Path(tempfile.gettempdir(), f"ven-sdk-certify-{os.getpid()}-{id(self)}.pem")

    def begin(self, lead: Lead, found: Found, ready: Ready) -> Optional[OpenADRClient]:
        """See :class:`Source`. ``ConfigurationError`` for a program that cannot be started."""
        led = lead({})
        told = {place: self._tell(led.get(name)) for place, (_, name) in PLACES.items()}
        try:
            self._process = subprocess.Popen(
                [_fill_in(word, told) for word in self._words],
                env={**os.environ, **{PLACES[place][0]: text for place, text in told.items()}},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as cause:
            raise ConfigurationError(
                f"{self.name} cannot be started: {cause.strerror or cause}."
            ) from cause
        return None

    def end(self, client: Optional[OpenADRClient]) -> None:
        """See :class:`Source`."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        with contextlib.suppress(FileNotFoundError):
            self._given.unlink()

    def _tell(self, value: object) -> str:
        """The text for an argument; what has bytes gets a file."""
        if not isinstance(value, bytes):
            return "" if value is None else str(value)
        self._given.write_bytes(value)  # certificates of a test VTN: nothing that is secret
        return str(self._given)


def _fill_in(word: str, told: Mapping[str, str]) -> str:
    for place, text in told.items():
        word = word.replace(f"{{{place}}}", text)
    return word


def source_of(word: str) -> Source:
    """What a word on the command line means: a TOML file, a script, or ``module:name``.
    ``ConfigurationError`` for anything else.
    """
    path = Path(word)
    if word.endswith(".toml"):
        return FileVen(word)
    if word.endswith(".py"):
        if not path.is_file():
            raise ConfigurationError(f"there is no script {word!r}.")
        return ScriptVen(word)
    if ":" in word and "://" not in word:
        return ModuleVen(word)
    raise ConfigurationError(
        f"{word!r} is no VEN: give a TOML file (ven.toml), module:client, or a script (ven.py)."
    )
