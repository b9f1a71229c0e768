"""What can be typed: the table of commands, their help, and messages for what was mistyped. Pure,
on argparse.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

from ..near_names import nearest
from .console import Console, wrap


class Command(NamedTuple):
    """A command: the module of this package that has ``configure(parser)`` and ``execute(options,
    console)``.
    """

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    "demo": Command("demo", "show a VEN and a VTN talking on this machine; ends by itself"),
    "init": Command("init.command", "write the files of a VEN to begin with"),
    "run": Command("run.command", "run a VEN from a TOML file and VEN_* variables"),
    "doctor": Command("doctor.command", "say which link to a VTN fails, and what to do about it"),
    "certify": Command(
        "certify.command",
        "show rule by rule what a VEN does, against a VTN that goes by the letter",
    ),
    "fingerprint": Command("fingerprint", "print the fingerprint of a certificate"),
    "store": Command("store", "look at a store, bring it up to date, copy it"),
    "fleet": Command("fleet", "say who runs what in a fleet on many machines; drain a member"),
    "vtn": Command("vtn.command", "run a VTN to test against, with a page in the browser"),
}


_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)\S*@")


class Usage(Exception):
    """What was typed makes no sense; the text says what would."""


class Parser(argparse.ArgumentParser):
    """argparse that raises instead of ending the program, and knows near names.

    ``elsewhere`` says of options that there are not where else such a thing is said.
    """

    elsewhere: Mapping[str, str] = {}

    def error(self, message: str) -> NoReturn:
        """Raise :class:`Usage`."""
        shown = _CREDENTIALS.sub(r"\1[cut]", message)
        raise Usage(f"{shown[:1].upper()}{shown[1:]}.\nTry: {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """argparse's own check of choices, whose error names the nearest."""
        known = [str(choice) for choice in action.choices or ()]
        if known and value not in known:
            message = f"expected one of {', '.join(known)}, found {value!r}"
            raise argparse.ArgumentError(action, f"{message}{_hint(str(value), known)}")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The options; what is unknown is named, with what was probably meant."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error("; ".join(map(self._explain_unknown, unknown)))
        return options

    def _explain_unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one argument too many"
        name = word.partition("=")[0]
        known = [option for option in self._known_options() if option.startswith("--")]
        if name in known:
            return f"{name} stands behind --, where only files and names do: write it before"
        return f"there is no option {name}{self.elsewhere.get(name) or _hint(name, known)}"

    def _known_options(self) -> list[str]:
        """The options of this command and of its parts."""
        parts = [
            part
            for action in self._actions
            if isinstance(action, argparse._SubParsersAction)
            for part in action.choices.values()
        ]
        return [name for parser in (self, *parts) for name in parser._option_string_actions]


class Help(argparse.HelpFormatter):
    """Help that fits the terminal: paragraphs are wrapped, indented lines stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            line if not line.strip() or line[0] == " " else "\n".join(wrap(line, width))
            for line in _paragraphs(text)
        )


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each as one line; empty and indented lines as they are."""
    lines: list[str] = []
    for line in text.strip("\n").splitlines():
        is_plain = bool(line.strip()) and line[0] != " "
        if is_plain and lines and lines[-1].strip() and lines[-1][0] != " ":
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return lines


def overview(console: Console) -> None:
    """Write which commands there are."""
    console.line("usage: ven-sdk COMMAND [options]\n")
    console.line("An OpenADR 2.0b VEN, and what belongs to it.\n")
    for name, command in COMMANDS.items():
        console.paragraph(command.summary, indent=15, first=f"  {name:<12} ")
    console.line("\n  ven-sdk COMMAND --help   the options of a command")
    console.line("  ven-sdk --version        the version of the SDK\n")
    console.paragraph(
        "Exit codes: 0 all is well, 1 trouble was found, 2 wrong usage or a wrong file, 130 Ctrl-C."
    )
    console.paragraph("NO_COLOR=1 switches colours off. Begin with: ven-sdk demo")


def parser_for(name: str, command: ModuleType) -> Parser:
    """The parser of the command ``name``, configured by its module."""
    parser = Parser(
        prog=f"ven-sdk {name}",
        description=COMMANDS[name].summary[:1].upper() + COMMANDS[name].summary[1:] + ".",
        epilog=getattr(command, "EPILOG", None),
        allow_abbrev=False,
        formatter_class=Help,
    )
    command.configure(parser)
    return parser


def port(text: str) -> int:
    """A port, for argparse. ``ArgumentTypeError`` for anything else."""
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found {text!r}")
    return int(text)


def whole_number(text: str) -> int:
    """A whole number, for argparse. ``ArgumentTypeError`` for anything else."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """A duration in seconds, for argparse. ``ArgumentTypeError`` for anything else."""
    from ..errors import ConfigurationError
    from .run.keys import seconds as duration

    try:
        return duration(text).total_seconds()
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None


def no_such_command(word: str) -> str:
    """What to say about a command that there is not."""
    what = "option" if word.startswith("-") else "command"
    return (
        f"There is no {what} {word!r}{_hint(word, [*COMMANDS, '--version', '--help'])}. There are: "
        f"{', '.join(COMMANDS)}.\nTry: ven-sdk --help"
    )


def _hint(word: str, known: list[str]) -> str:
    near = nearest(word, known)
    return f" (did you mean {near}?)" if near else ""
