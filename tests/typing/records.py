"""Writes the program of a user who makes and reads every public record, with one mistake of each
kind for each of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from ven_sdk import objects

HEAD = """from __future__ import annotations
from typing import Any
from ven_sdk import objects
"""


def record_names() -> list[str]:
    """The public records that users can make."""
    return [name for name in objects.__all__ if name != "Record"]


def program() -> str:
    """Lines that end with ``# refused`` must be errors for a type checker, all others none."""
    return HEAD + "".join(line + "\n" for name in record_names() for line in lines_about(name))


def lines_about(name: str) -> Iterator[str]:
    cls = getattr(objects, name)
    fields = list(cls.fields)
    required = [
        field
        for field, parameter in inspect.signature(cls).parameters.items()
        if parameter.default is parameter.empty
    ]
    given = ", ".join(f"{field}=given" for field in required)
    wrong = fields[-1] + "x"
    yield f"def about_{name}(record: objects.{name}, given: Any) -> objects.{name}:"
    yield f"    whole = objects.{name}({', '.join(f'{field}=record.{field}' for field in fields)})"
    yield f"    objects.{name}({given})"
    yield f"    objects.{name}({given}{', ' if given else ''}{wrong}=given)  # refused"
    yield f"    record.{wrong}  # refused"
    yield f"    record.{fields[0]} = given  # refused"
    yield f"    record.{wrong} = given  # refused"
    if required:
        yield f"    objects.{name}()  # refused"
    yield "    return whole"
