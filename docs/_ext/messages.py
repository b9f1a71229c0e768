"""Writes the message tables of docs/protocol from the declarations that reader and writer follow,
so that they cannot disagree. Pure functions of the package.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator

from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.schema.declaration import Declaration
from ven_sdk.schema.record import Record

TYPES = {
    "boolean": "true or false",
    "child": "record",
    "children": "records",
    "constant": "empty element",
    "date_time": "time, UTC",
    "decimal": "decimal number",
    "duration": "duration",
    "integer": "whole number",
    "markup": "foreign XML",
    "measurement": "unit",
    "number": "number",
    "numbers": "numbers",
    "targets": "targets",
    "test_flag": "text; ``false`` is no",
    "text": "text",
    "texts": "texts",
    "token": "word",
}


def tables() -> str:
    """A table for each payload, then one for each record inside them, in the order of use."""
    payloads = list(PAYLOADS.values())
    inner = list(records_inside(payloads))
    return "".join(
        [
            *heading("Payloads", "-"),
            *(text for payload in payloads for text in table(payload, payload.wire_name)),
            *heading("Records inside payloads", "-"),
            *(text for record in inner for text in table(record, record.__name__)),
        ]
    )


def records_inside(classes: Iterable[type[Record]]) -> Iterator[type[Record]]:
    """All records that stand in these, each once."""
    seen: set[type[Record]] = set()
    todo = list(classes)
    while todo:
        for declaration in todo.pop(0).declared.values():
            if isinstance(declaration.record, type) and declaration.record not in seen:
                seen.add(declaration.record)
                todo.append(declaration.record)
                yield declaration.record


def heading(text: str, mark: str) -> tuple[str, str]:
    return f"{text}\n", f"{mark * len(text)}\n\n"


def table(record: type[Record], name: str) -> Iterator[str]:
    yield from heading(f"``{name}``", "~")
    yield f"{inspect.cleandoc(record.__doc__ or '')}\n\n"
    rows = [
        row for field, declaration in record.declared.items() for row in rows_of(field, declaration)
    ]
    if rows:
        yield ".. list-table::\n   :header-rows: 1\n   :widths: 46 12 24 18\n\n"
        yield cells("Element", "Times", "Type", "Field")
        yield from rows
    yield "\n"


def rows_of(field: str, declaration: Declaration) -> Iterator[str]:
    if declaration.path:
        path = declaration.path.replace("?", "")
        shown = f"``@{path}``" if declaration.kind == "attribute" else f"``{path}``"
        yield cells(
            shown,
            times(declaration),
            type_of(declaration),
            f"``{field}``" if declaration.stored else "",
        )


def times(declaration: Declaration) -> str:
    if declaration.repeated and declaration.kind not in ("targets", "numbers"):
        return f"{0 if '?' in declaration.path else declaration.at_least} or more"
    return "0 or 1" if declaration.optional or "?" in declaration.path else "1"


def type_of(declaration: Declaration) -> str:
    if declaration.kind == "attribute":
        return "attribute"
    if declaration.record is not None and isinstance(declaration.record, type):
        return f"``{declaration.record.__name__}``"
    if declaration.values is not None and len(declaration.values) <= 8:
        words = ", ".join(f"``{word}``" for word in sorted(declaration.values))
        return f"{words}, ``x-…``" if declaration.extensible else words
    if declaration.kind == "token":
        return "word of a list, or ``x-…``" if declaration.extensible else "word of a list"
    if declaration.kind == "text" and declaration.pattern:
        return (
            f"text, ``{declaration.pattern}``"
            if len(declaration.pattern) < 20
            else "text of a form"
        )
    return TYPES[declaration.kind]


def cells(*texts: str) -> str:
    first, *others = texts
    return f"   * - {first}\n" + "".join(f"     - {text}\n" for text in others)
