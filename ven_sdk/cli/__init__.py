"""The command ``ven-sdk``: which commands there are, and running one of them. Each lives in a
module of its own, imported only when it is asked for. Runs on the main thread; ``main`` returns the
exit code and never raises for a user's mistake.

Exit codes: 0 all is well (SIGTERM ends ``run`` and ``vtn`` with 0 too), 1 trouble was found, 2
wrong usage or a wrong file, 130 Ctrl-C, 141 nobody reads the output any more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Optional

from ..errors import ConfigurationError, VenError
from .console import Console
from .parser import COMMANDS, Usage, no_such_command, overview, parser_for

OK, TROUBLE, USAGE, INTERRUPTED, PIPE = 0, 1, 2, 130, 141


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command that ``arguments`` (``sys.argv`` without the program's name) ask for; returns
    the exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _provide_streams()
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence()
        return PIPE


def _provide_streams() -> None:
    """Where a service manager closed standard output or error, what is written goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _dispatch(words: Sequence[str]) -> int:
    console = Console()
    if words[:1] == ["help"] and words[1:2] and not words[1].startswith("-"):
        words = [words[1], "--help"]
    first = words[0] if words else "--help"
    if first in ("-h", "--help", "help"):
        overview(console)
        return OK if words else USAGE
    if first in ("-V", "--version"):
        from .._version import __version__

        console.line(f"ven-sdk {__version__}")
        return OK
    if first not in COMMANDS:
        console.error("", no_such_command(first))
        return USAGE
    return _run(first, words[1:], console)


def _run(name: str, words: Sequence[str], console: Console) -> int:
    from importlib import import_module

    command = import_module(f".{COMMANDS[name].module}", __name__)
    try:
        options = parser_for(name, command).parse_args(words)
        return int(command.execute(options, console))
    except Usage as message:
        console.error(name, str(message))
        return USAGE
    except SystemExit as asked:  # argparse printed the help
        return int(asked.code or 0)
    except ConfigurationError as error:
        console.error(name, str(error))
        return USAGE
    except VenError as error:
        console.error(name, str(error))
        return TROUBLE


def _silence() -> None:
    """Nobody reads: what is still in the buffers goes nowhere, so that the interpreter's exit does
    not complain.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):  # replaced by something that is no file
            continue
    os.close(nowhere)
