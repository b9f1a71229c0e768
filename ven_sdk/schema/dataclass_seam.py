"""Lets ``dataclasses.fields`` and its kin see records, which ``@dataclass`` would not give slots on
Python 3.9: the only place that knows how ``dataclasses`` marks a field.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from .declaration import MISSING
from .record import Record

_FIELD: object = vars(dataclasses)["_FIELD"]  # the mark of an ordinary field


def declare_dataclass(cls: type[Record]) -> None:
    """Let the fields of ``cls`` be those of a dataclass."""
    fields: dict[str, object] = {}
    for name, declaration in cls.fields.items():
        default: object = (
            dataclasses.MISSING if declaration.default is MISSING else declaration.default
        )
        field: Any = dataclasses.field(default=default, compare=declaration.compare)
        field.name = name
        field.type = cls.__annotations__.get(name, "object")
        field._field_type = _FIELD
        fields[name] = field
    cls.__dataclass_fields__ = fields  # type: ignore[attr-defined]
