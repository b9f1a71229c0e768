"""A CSV table of sites: a row for each VEN of a fleet, a column for each argument. Reads one file;
pure otherwise.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ...errors import ConfigurationError
from ...text import write_count


class Reader(Protocol):
    """What ``csv.reader`` gives."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


class Cell(NamedTuple):
    """One cell: its text, its row and the head of its column for complaints, and the folder that
    paths count from.
    """

    text: str
    row: str
    head: str
    folder: str


class Sites(NamedTuple):
    """The rows of a table, and what is wrong with others: place and text."""

    rows: list[dict[str, Cell]]
    problems: list[tuple[str, str]]


def read_sites(name: str) -> Sites:
    """A table whose first row has names of arguments (``ven_name``, ``ven_id``, ``cert`` …);
    separated by commas or semicolons, UTF-8. ConfigurationError names file and line where it is no
    such table.
    """
    try:
        with open(name, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as cause:
        raise ConfigurationError(f"{name} cannot be read: {cause.strerror or cause}.") from cause
    except UnicodeDecodeError as cause:
        raise ConfigurationError(
            f"{name} is not UTF-8 (byte {cause.start}): save it as CSV UTF-8."
        ) from cause
    if "\0" in text:
        raise ConfigurationError(f"{name} is no text: save it as CSV UTF-8.")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if ";" in first else ",", strict=True)
    try:
        return _rows(name, reader)
    except csv.Error as cause:
        raise ConfigurationError(f"{name}, line {reader.line_num}: {cause}.") from cause


def _rows(name: str, reader: Reader) -> Sites:
    heads = [head.strip() for head in next(reader, [])]
    if "ven_name" not in heads:
        raise ConfigurationError(
            f"{name}, line 1: the first row names the columns, one of them ven_name, separated by "
            f"commas or semicolons; found {', '.join(heads) or 'nothing'}."
        )
    twice = next((head for head in heads if head and heads.count(head) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"{name}, line 1: there are two columns {twice!r}.")
    folder = os.path.dirname(os.path.abspath(name))
    found, problems = [], []
    for row in reader:
        if not any(text.strip() for text in row):
            continue
        where = f"{name}, line {reader.line_num}"
        wrong = _what_is_wrong(row, heads)
        if wrong:
            problems.append((where, wrong))
            continue
        found.append(
            {
                head: Cell(text.strip(), where, f"{name}, line 1", folder)
                for head, text in zip(heads, row)
                if head
            }
        )
    return Sites(found, problems)


def _what_is_wrong(row: list[str], heads: list[str]) -> str:
    """What is wrong with a row of cells below these heads, or an empty text."""
    columns = max(number for number, head in enumerate(heads, 1) if head)
    if len(row) > len(heads):
        return f"{len(row)} cells, but there are {len(heads)} columns."
    if len(row) < columns:
        cells = write_count(len(row), "cell", "cells")
        return f"{cells}, but there are {columns} columns: an empty cell has its separator too."
    nameless = [text.strip() for head, text in zip(heads, row) if not head and text.strip()]
    return f"the column of {nameless[0]!r} has no name." if nameless else ""
