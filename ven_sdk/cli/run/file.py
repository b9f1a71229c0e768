"""Reading a TOML file so that every complaint can name the line. No thread.

Python's TOML readers tell no positions, so that a small scan of the text finds where each table and
key stands.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import NamedTuple, Union

from ...errors import ConfigurationError

Place = tuple[Union[str, int], ...]
_HEADER = re.compile(r"\s*\[(\[?)\s*([^\[\]]+?)\s*\]?\]\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_ENDLESS = re.compile(r"[0-9_]{4000}")
_WHERE = re.compile(r" ?\(at line (\d+), column (\d+)\)| ?\(at end of document\)")

_TRUTHS = ("true", "false", "yes", "no", "on", "off")
_HINTS = {
    "Invalid value": " A text wants quotes.",
    "Cannot overwrite": " The key stands twice in its table.",
    "Cannot (declare|mutate)": " The table stands twice: put its keys together.",
    "Illegal character|Expected [\"'][\"']|Found invalid character '.n'": (
        " A text wants its closing quote on the same line."
    ),
    "Expected '='": " A key and its value are joined by =.",
    "Unescaped|Invalid hex": " Write a Windows path in single quotes: 'C:\\ven\\ven.pem'.",
}
"""What to do about what the TOML reader says."""


class Position(NamedTuple):
    """Where a table or key stands: its line and column, and the column of its value."""

    line: int
    column: int = 1
    value: int = 1


@dataclass
class Document:
    """A file's values, and where each table and key stands. An empty one stands for no file."""

    name: str = ""
    values: dict[str, object] = field(default_factory=dict)
    positions: Mapping[Place, Position] = field(default_factory=dict)

    def position_of(self, *place: Union[str, int], value: bool = True) -> str:
        """``ven.toml, line 12, column 9`` of the value at the place (of its key with ``value``
        False), or the line of the nearest table around it.
        """
        exact = self.positions.get(place)
        if exact is not None and isinstance(place[-1], str) and len(place) > 1:
            column = exact.value if value else exact.column
            return f"{self.name}, line {exact.line}, column {column}"
        while place:
            found = self.positions.get(place) or self.positions.get((*place, 0))
            if found is not None:
                return f"{self.name}, line {found.line}"
            place = place[:-1]
        return self.name

    @property
    def folder(self) -> str:
        """The folder that relative paths and modules are counted from."""
        return os.path.dirname(os.path.abspath(self.name)) if self.name else os.getcwd()


def load(name: str) -> Document:
    """The file, read; ConfigurationError with line and column where it is no TOML."""
    reader = _reader()
    data = _read(name)
    try:
        text = data.decode("utf-8-sig")
        return Document(name, reader.loads(text.replace("\r\n", "\n")), positions_of(text))
    except UnicodeDecodeError as cause:
        raise ConfigurationError(
            f"{name} is not UTF-8 (byte {cause.start}): save it as UTF-8."
        ) from cause
    except RecursionError as cause:
        raise ConfigurationError(f"{name} has arrays or tables in too many others.") from cause
    except reader.TOMLDecodeError as cause:
        raise ConfigurationError(f"{name}, {_syntax_error(str(cause), text)}") from cause
    except ValueError as cause:  # Python makes no number of so many digits
        found = _ENDLESS.search(text)
        line = text.count("\n", 0, found.start() if found else 0) + 1
        raise ConfigurationError(f"{name}, line {line}: the number has too many digits.") from cause


def _read(name: str) -> bytes:
    """What stands in the file; ConfigurationError for one of those that people give in the place
    of a TOML file.
    """
    try:
        with open(name, "rb") as file:
            data = file.read()
    except OSError as cause:
        near = f" Did you mean {name}.toml?" if os.path.isfile(f"{name}.toml") else ""
        raise ConfigurationError(
            f"{name} cannot be read: {cause.strerror or cause}.{near}"
        ) from cause
    if name.endswith(".py"):
        raise ConfigurationError(
            f"{name} is a program: give a TOML file, or start the program by: python {name}"
        )
    if b"\0" in data[:1000]:
        raise ConfigurationError(f"{name} is UTF-16 text, or no text: save it as UTF-8.")
    return data


def _syntax_error(message: str, text: str) -> str:
    """Line and column, what the TOML reader says, and what to do about it."""
    found = _WHERE.search(message)
    lines = text.splitlines() or [""]
    line, column = (found[1], found[2]) if found and found[1] else (len(lines), len(lines[-1]) + 1)
    problem = _WHERE.sub("", message)
    hints = [hint for pattern, hint in _HINTS.items() if re.match(pattern, problem)]
    rest = "".join(lines[int(line) - 1 : int(line)])[int(column) - 1 :]
    word = re.match(r"\w*", rest)
    if problem == "Invalid value" and word and word[0].lower() in _TRUTHS:
        hints = [" It is true or false, in small letters and without quotes."]
    if problem.startswith("Invalid initial character") and "{" in lines[int(line) - 1]:
        hints = [" A table in { } stands on one line, without a comma at its end."]
    return f"line {line}, column {column}: {problem}.{hints[0] if hints else ''}"


def _reader() -> ModuleType:
    """tomllib of Python 3.11, or tomli, which is the same for older ones."""
    for module in ("tomllib", "tomli"):
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise ConfigurationError(
        "This Python is older than 3.11 and has no TOML reader: pip install 'ven-sdk[toml]' (or "
        "tomli). VEN_* variables work without."
    )


def positions_of(text: str) -> dict[Place, Position]:
    """Where each table and key stands. Elements of ``[[reports]]`` are ``('reports', 0)``,
    ``('reports', 1)`` …; tables inside them belong to the last one.
    """
    found: dict[Place, Position] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    quotes = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            quotes = "" if line.count(quotes) % 2 else quotes
            continue
        header, key = _HEADER.fullmatch(line), _KEY.match(line)
        if header:
            table = _table(header, counts)
            found.setdefault(table, Position(number))
        elif key:
            parts = _parts(key[1])
            rest = line[key.end() :]
            value = key.end() + len(rest) - len(rest.lstrip()) + 1
            for length in range(1, len(parts) + 1):
                place = (*table, *parts[:length])
                found.setdefault(place, Position(number, key.start(1) + 1, value))
        quotes = _open_quotes(line)
    return found


def _table(header: "re.Match[str]", counts: dict[Place, int]) -> Place:
    place: Place = ()
    parts = _parts(header[2])
    for number, part in enumerate(parts, 1):
        place = (*place, part)
        if number == len(parts) and header[1]:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:  # an array of tables: its last element is meant
            place = (*place, counts[place])
    return place


def _parts(dotted: str) -> Place:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _open_quotes(line: str) -> str:
    """The triple quotes that a line leaves open."""
    marks: list[str] = re.findall("\"\"\"|'''", line)
    return marks[0] if marks and line.count(marks[0]) % 2 else ""
