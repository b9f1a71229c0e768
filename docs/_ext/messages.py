"""Writes the message tables of docs/protocol from the declarations that reader and writer follow,
so that they cannot disagree. Pure functions of the package.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator

from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.schema.record import Record
from ven_sdk.schema.slot import Slot

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
        for slot in todo.pop(0).declared.values():
            if isinstance(slot.record, type) and slot.record not in seen:
                seen.add(slot.record)
                todo.append(slot.record)
                yield slot.record


def heading(text: str, mark: str) -> tuple[str, str]:
    return f"{text}\n", f"{mark * len(text)}\n\n"


def table(record: type[Record], name: str) -> Iterator[str]:
    yield from heading(f"``{name}``", "~")
    yield f"{inspect.cleandoc(record.__doc__ or '')}\n\n"
    rows = [row for field, slot in record.declared.items() for row in rows_of(field, slot)]
    if rows:
        yield ".. list-table::\n   :header-rows: 1\n   :widths: 46 12 24 18\n\n"
        yield cells("Element", "Times", "Type", "Field")
        yield from rows
    yield "\n"


def rows_of(field: str, slot: Slot) -> Iterator[str]:
    if slot.path:
        path = slot.path.replace("?", "")
        shown = f"``@{path}``" if slot.kind == "attribute" else f"``{path}``"
        yield cells(shown, times(slot), type_of(slot), f"``{field}``" if slot.stored else "")


def times(slot: Slot) -> str:
    if slot.repeated and slot.kind not in ("targets", "numbers"):
        return f"{0 if '?' in slot.path else slot.at_least} or more"
    return "0 or 1" if slot.optional or "?" in slot.path else "1"


def type_of(slot: Slot) -> str:
    if slot.kind == "attribute":
        return "attribute"
    if slot.record is not None and isinstance(slot.record, type):
        return f"``{slot.record.__name__}``"
    if slot.values is not None and len(slot.values) <= 8:
        words = ", ".join(f"``{word}``" for word in sorted(slot.values))
        return f"{words}, ``x-…``" if slot.extensible else words
    if slot.kind == "token":
        return "word of a list, or ``x-…``" if slot.extensible else "word of a list"
    if slot.kind == "text" and slot.pattern:
        return f"text, ``{slot.pattern}``" if len(slot.pattern) < 20 else "text of a form"
    return TYPES[slot.kind]


def cells(*texts: str) -> str:
    first, *others = texts
    return f"   * - {first}\n" + "".join(f"     - {text}\n" for text in others)
